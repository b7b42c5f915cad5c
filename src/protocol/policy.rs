//! What `accord.add_replica` is told about a replica: the part that it mirrors, and what it takes.
//!
//! The document is written by people, so every mistake is answered with the names that are allowed.
//! It travels with each offer; the replica reads the same [`Policy`] from it.

use crate::model::{Kind, Name, Projection, SITE_LOCAL, named_as};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A replica's policy. Every field has a default: `{}` is a whole policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Only these schemas; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Vec<Name>>,
    /// Not these schemas.
    pub exclude_schemas: Vec<Name>,
    /// Only objects of these kinds, with their parts; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<Kind>>,
    /// Not objects of these kinds, nor their parts.
    pub exclude_kinds: Vec<Kind>,
    /// Also objects of these kinds, which otherwise stay where they are.
    pub include_kinds: Vec<Kind>,
    /// Mirror owners.
    pub owners: bool,
    /// Mirror privileges, default privileges among them.
    pub privileges: bool,
    /// Mirror the order of columns and attributes.
    pub column_order: bool,
    /// A replica that is neither empty nor equal is brought to the source's schema, instead of refused.
    pub adopt: bool,
    /// What a dropped column does to the replica.
    pub on_drop_column: OnDrop,
    /// What a dropped table does to the replica.
    pub on_drop_table: OnDrop,
    /// What executable text does to a version.
    #[serde(skip_serializing_if = "CodePolicy::is_apply")]
    pub code: CodePolicy,
    /// What waits for `accord.approve`.
    pub require_approval: RequireApproval,
    /// Estimates above which a version waits for `accord.approve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_approval_above: Option<Above>,
    /// How long a step may wait for a lock before it gives way to the others.
    pub lock_timeout: Span,
    /// The first pause after a failure; each further one is twice as long.
    pub retry_initial: Span,
    /// The longest pause.
    pub retry_max: Span,
    /// Consecutive failures of one version after which the replica is paused.
    pub max_attempts: u32,
    /// Consecutive lock timeouts of one version after which the replica is paused.
    pub max_lock_attempts: u32,
    /// How the replica is reached.
    pub carrier: Carrier,
    /// The replica's subscription whose rows a change waits for; none for every one that the source feeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Name>,
    /// The publication that takes up new tables; none for the only one that lists tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publication: Option<Name>,
    /// New tables join the publication and the subscription.
    pub publish_new_tables: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            schemas: None,
            exclude_schemas: Vec::new(),
            kinds: None,
            exclude_kinds: Vec::new(),
            include_kinds: Vec::new(),
            owners: false,
            privileges: false,
            column_order: true,
            adopt: false,
            on_drop_column: OnDrop::Apply,
            on_drop_table: OnDrop::Apply,
            code: CodePolicy::Apply,
            require_approval: RequireApproval::Never,
            require_approval_above: None,
            lock_timeout: Span::from_millis(2_000),
            retry_initial: Span::from_millis(200),
            retry_max: Span::from_millis(30_000),
            max_attempts: 10,
            max_lock_attempts: 100,
            carrier: Carrier::Push,
            subscription: None,
            publication: None,
            publish_new_tables: true,
        }
    }
}

/// What a drop on the source does to the replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDrop {
    /// Drop it there too.
    #[default]
    Apply,
    /// Keep it there, outside the mirrored part from then on.
    Keep,
    /// Refuse the version.
    Reject,
}

/// What a version that carries executable text does: functions, triggers, rules, expressions that call functions
/// which are not the server's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePolicy {
    /// It is applied as any other.
    #[default]
    Apply,
    /// It is refused.
    Reject,
}

impl CodePolicy {
    // Protocol 1 does not know the key: it is written only where it says something.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
    fn is_apply(&self) -> bool {
        *self == Self::Apply
    }
}

/// Which versions wait for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequireApproval {
    /// `false`: none.
    #[default]
    Never,
    /// `"lossy"`: those that lose data on the replica.
    Lossy,
    /// `"always"`, or `true`: all.
    Always,
}

impl Serialize for RequireApproval {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_bool(false),
            Self::Lossy => serializer.serialize_str("lossy"),
            Self::Always => serializer.serialize_str("always"),
        }
    }
}

impl<'de> Deserialize<'de> for RequireApproval {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(Self::Never),
            Value::Bool(true) => Ok(Self::Always),
            Value::String(text) if text == "lossy" => Ok(Self::Lossy),
            Value::String(text) if text == "always" => Ok(Self::Always),
            other => Err(serde::de::Error::custom(format!("require_approval is false, \"lossy\" or \"always\", not {other}"))),
        }
    }
}

/// Estimates above which a version waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Above {
    /// Estimated duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Estimated bytes read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
}

/// How a replica is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// The source's worker connects to the replica.
    #[default]
    Push,
    /// It offers so as well; what is accepted is applied by the replica's apply worker, where the publication brings the
    /// events among the rows.
    Stream,
}

/// A span of time: in JSON a number of milliseconds or a text such as `500ms`, `2s`, `5 min`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
    /// As a [`Duration`].
    pub const fn duration(self) -> Duration {
        self.0
    }
    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0.as_millis() as u64
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.millis())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let span = match &value {
            Value::Number(number) => number.as_u64().map(Span::from_millis),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        span.ok_or_else(|| {
            serde::de::Error::custom(format!(
                "a time is a number of milliseconds or a text such as \"500ms\", \"2s\" or \"5min\", not {value}"
            ))
        })
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| format!("{text} does not begin with a number"))?;
        let millis = match unit.trim() {
            "ms" | "" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
            "min" | "mins" | "minute" | "minutes" => 6e4,
            "h" | "hour" | "hours" => 3.6e6,
            "d" | "day" | "days" => 8.64e7,
            other => return Err(format!("{other} is none of ms, s, min, h, d")),
        };
        Ok(Self::from_millis((number * millis).round() as u64))
    }
}

impl Policy {
    /// Reads a policy; the error names what is wrong and what is allowed there.
    pub fn read(document: &Value) -> Result<Self, String> {
        if !document.is_object() {
            return Err("a policy is a JSON object, e.g. {\"schemas\": [\"shop\"]}".to_owned());
        }
        let policy: Self = Self::deserialize(document).map_err(|error| error.to_string())?;
        if policy.max_attempts == 0 || policy.max_lock_attempts == 0 {
            return Err("max_attempts and max_lock_attempts are at least 1".to_owned());
        }
        if policy.retry_initial.millis() == 0 || policy.retry_max < policy.retry_initial {
            return Err("retry_initial is above 0 and at most retry_max".to_owned());
        }
        if policy.lock_timeout.millis() == 0 {
            return Err("lock_timeout is above 0: an application never waits for a lock without end".to_owned());
        }
        for kind in policy.kinds.iter().flatten().chain(&policy.exclude_kinds).chain(&policy.include_kinds) {
            if *kind == Kind::Subscription {
                return Err("subscriptions are reported (accord.subscriptions) and never mirrored: two servers would compete for one slot"
                    .to_owned());
            }
            if !OBJECT_KINDS.contains(kind) {
                let allowed: Vec<String> = OBJECT_KINDS.iter().map(|kind| kind.json_name()).collect();
                return Err(format!(
                    "{} is a part of other kinds and cannot be chosen by itself; kinds are {}",
                    kind.json_name(),
                    allowed.join(", ")
                ));
            }
        }
        if let Some(kind) = policy.include_kinds.iter().find(|kind| named_as(**kind).is_none()) {
            let allowed: Vec<String> = SITE_LOCAL.iter().filter(|kind| **kind != Kind::Subscription).map(|kind| kind.json_name()).collect();
            return Err(format!(
                "{} is mirrored without being named in include_kinds, which takes {}",
                kind.json_name(),
                allowed.join(", ")
            ));
        }
        Ok(policy)
    }

    /// What this policy asks of a replica that one of an older protocol does not know.
    pub fn unknown_to(&self, protocol: u32) -> Option<&'static str> {
        if protocol >= 2 {
            return None;
        }
        [("code", self.code != CodePolicy::Apply), ("carrier", self.carrier == Carrier::Stream)]
            .into_iter()
            .find_map(|(field, newer)| newer.then_some(field))
    }

    /// The part of the source's model that this policy mirrors.
    pub fn projection(&self) -> Projection {
        let shown = |kind: Kind| !self.exclude_kinds.contains(&kind) && self.kinds.as_ref().is_none_or(|only| only.contains(&kind));
        let mut exclude_kinds: Vec<Kind> = OBJECT_KINDS.iter().copied().filter(|kind| *kind != Kind::Schema && !shown(*kind)).collect();
        if self.exclude_kinds.contains(&Kind::Schema) {
            exclude_kinds.push(Kind::Schema);
        }
        exclude_kinds.extend(PARTS.iter().filter(|(_, wholes)| !wholes.iter().any(|whole| shown(*whole))).map(|(part, _)| *part));
        exclude_kinds.sort();
        let named = self.include_kinds.iter().chain(self.kinds.iter().flatten()).copied();
        let mut include_kinds: Vec<Kind> = named.filter(|kind| named_as(*kind) == Some(*kind)).collect();
        include_kinds.sort();
        include_kinds.dedup();
        let sorted = |names: &[Name]| {
            let mut names = names.to_vec();
            names.sort();
            names.dedup();
            names
        };
        Projection {
            schemas: self.schemas.as_deref().map(sorted),
            exclude_schemas: sorted(&self.exclude_schemas),
            exclude_kinds,
            include_kinds,
            owners: self.owners,
            privileges: self.privileges,
            column_order: self.column_order,
        }
    }

    /// The pause before attempt `attempt` (1 is the first repetition), without jitter.
    pub fn pause(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        self.retry_initial.duration().saturating_mul(1 << doublings).min(self.retry_max.duration())
    }
}

/// Kinds that a policy can choose by.
const OBJECT_KINDS: &[Kind] = &[
    Kind::Schema,
    Kind::Extension,
    Kind::Enum,
    Kind::Domain,
    Kind::Composite,
    Kind::Range,
    Kind::Sequence,
    Kind::Table,
    Kind::Constraint,
    Kind::Index,
    Kind::View,
    Kind::MaterializedView,
    Kind::Routine,
    Kind::Aggregate,
    Kind::Trigger,
    Kind::Policy,
    Kind::Rule,
    Kind::BaseType,
    Kind::Cast,
    Kind::Operator,
    Kind::OperatorFamily,
    Kind::OperatorClass,
    Kind::Collation,
    Kind::Conversion,
    Kind::TextSearchParser,
    Kind::TextSearchTemplate,
    Kind::TextSearchDictionary,
    Kind::TextSearchConfiguration,
    Kind::Statistics,
    Kind::AccessMethod,
    Kind::Language,
    Kind::Transform,
    Kind::Comment,
    Kind::ForeignDataWrapper,
    Kind::Server,
    Kind::UserMapping,
    Kind::Publication,
    Kind::EventTrigger,
    Kind::DefaultPrivilege,
    Kind::SecurityLabel,
];

/// Kinds that come and go with a whole.
const PARTS: &[(Kind, &[Kind])] = &[
    (Kind::EnumLabel, &[Kind::Enum]),
    (Kind::DomainConstraint, &[Kind::Domain]),
    (Kind::Attribute, &[Kind::Composite]),
    (Kind::Inherit, &[Kind::Table]),
    (Kind::Partition, &[Kind::Table]),
    (Kind::Column, &[Kind::Table]),
    (Kind::Position, &[Kind::Table, Kind::Composite]),
    (Kind::Default, &[Kind::Table, Kind::View]),
    (Kind::Identity, &[Kind::Table]),
    (Kind::PublicationTable, &[Kind::Publication]),
    (Kind::PublicationSchema, &[Kind::Publication]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(document: Value) -> String {
        Policy::read(&document).unwrap_err()
    }

    #[test]
    fn nothing_said_is_the_default() {
        assert_eq!(Policy::read(&json!({})).unwrap(), Policy::default());
        assert_eq!(Policy::default().projection(), Projection::default());
    }

    /// Replicas of protocol 1 refuse a policy with a field that they do not know: a newer field is written where it says
    /// something only, and then `unknown_to` tells.
    #[test]
    fn a_policy_of_protocol_1_is_written_as_it_was() {
        const FIRST: [&str; 22] = [
            "schemas",
            "exclude_schemas",
            "kinds",
            "exclude_kinds",
            "include_kinds",
            "owners",
            "privileges",
            "column_order",
            "adopt",
            "on_drop_column",
            "on_drop_table",
            "require_approval",
            "require_approval_above",
            "lock_timeout",
            "retry_initial",
            "retry_max",
            "max_attempts",
            "max_lock_attempts",
            "carrier",
            "subscription",
            "publication",
            "publish_new_tables",
        ];
        let written = |policy: &Policy| -> Vec<String> {
            let Value::Object(fields) = serde_json::to_value(policy).unwrap() else { panic!("no object") };
            fields.into_iter().map(|(name, _)| name).filter(|name| !FIRST.contains(&name.as_str())).collect()
        };
        assert_eq!(written(&Policy::default()), Vec::<String>::new());
        let newer = Policy { code: CodePolicy::Reject, ..Policy::default() };
        assert_eq!(written(&newer), ["code"]);
        assert_eq!((newer.unknown_to(1), newer.unknown_to(2)), (Some("code"), None));
        let streamed = Policy { carrier: Carrier::Stream, ..Policy::default() };
        assert_eq!((streamed.unknown_to(1), streamed.unknown_to(2)), (Some("carrier"), None));
        assert_eq!(Policy::default().unknown_to(1), None);
    }

    #[test]
    fn survives_json() {
        let policy = Policy::read(&json!({
            "schemas": ["shop", "Über"], "on_drop_column": "keep", "require_approval": "lossy",
            "require_approval_above": {"duration": "5 min", "bytes": 1_000_000}, "lock_timeout": "500ms"
        }))
        .unwrap();
        assert_eq!(policy.require_approval_above.as_ref().unwrap().duration, Some(Span::from_millis(300_000)));
        assert_eq!(Policy::read(&serde_json::to_value(&policy).unwrap()).unwrap(), policy);
    }

    #[test]
    fn mistakes_are_answered_with_what_is_allowed() {
        let unknown = error(json!({"schema": ["shop"]}));
        assert!(unknown.contains("`schema`") && unknown.contains("`schemas`"), "{unknown}");
        let drop = error(json!({"on_drop_table": "ignore"}));
        assert!(drop.contains("`apply`, `keep`, `reject`") || drop.contains("`keep`"), "{drop}");
        assert!(error(json!({"require_approval": "sometimes"})).contains("\"lossy\""));
        assert!(error(json!({"lock_timeout": "soon"})).contains("500ms"));
        assert!(error(json!({"lock_timeout": 0})).contains("lock_timeout"));
        assert!(error(json!({"kinds": ["column"]})).contains("materialized_view"));
        assert!(error(json!({"carrier": "pigeon"})).contains("`push`"));
        assert!(error(json!([])).contains("object"));
    }

    #[test]
    fn kinds_bring_their_parts() {
        let projection = Policy::read(&json!({"kinds": ["table", "enum"]})).unwrap().projection();
        assert!(projection.mirrors_group(Kind::Column, None) && projection.mirrors_group(Kind::EnumLabel, None));
        assert!(projection.mirrors_group(Kind::Schema, None) && projection.mirrors_group(Kind::Position, None));
        assert!(!projection.mirrors_group(Kind::View, None) && !projection.mirrors_group(Kind::Attribute, None));
    }

    #[test]
    fn what_is_a_sites_own_is_mirrored_by_name_only() {
        let takes = |document: Value| {
            let projection = Policy::read(&document).unwrap().projection();
            [Kind::Server, Kind::UserMapping, Kind::Publication, Kind::PublicationTable, Kind::Subscription]
                .map(|kind| projection.mirrors_group(kind, None))
        };
        assert_eq!(takes(json!({})), [true, false, false, false, false]);
        assert_eq!(takes(json!({"include_kinds": ["publication"]})), [true, false, true, true, false]);
        assert_eq!(takes(json!({"kinds": ["user_mapping"]})), [false, true, false, false, false]);
        assert_eq!(takes(json!({"include_kinds": ["publication"], "exclude_kinds": ["publication"]})), [true, false, false, false, false]);
        assert!(error(json!({"include_kinds": ["subscription"]})).contains("accord.subscriptions"));
        assert!(error(json!({"include_kinds": ["table"]})).contains("user_mapping, publication, event_trigger"));
        let comment = crate::model::FactId::new(Kind::Publication, ["p"]).property(Kind::Comment);
        assert!(!Projection::default().mirrors(&comment) && Projection::whole().mirrors(&comment));
    }

    #[test]
    fn the_projection_does_not_depend_on_the_order_of_names() {
        let one = Policy::read(&json!({"schemas": ["b", "a"]})).unwrap().projection();
        assert_eq!(one, Policy::read(&json!({"schemas": ["a", "b", "a"]})).unwrap().projection());
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = Policy::default();
        let millis: Vec<u128> = [1, 2, 3, 8, 9, 60].map(|n| policy.pause(n).as_millis()).to_vec();
        assert_eq!(millis, [200, 400, 800, 25_600, 30_000, 30_000]);
    }
}
