//! What a fact is about: its kind and its path.

use super::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a fact: an object, or one property of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Path: schema.
    Schema,
    /// Path: extension.
    Extension,
    /// An enumerated type. Path: schema, type.
    Enum,
    /// One label of an enumerated type. Path: schema, type, label.
    EnumLabel,
    /// Path: schema, domain.
    Domain,
    /// Path: schema, domain, constraint.
    DomainConstraint,
    /// A stand-alone composite type. Path: schema, type.
    Composite,
    /// An attribute of a composite type. Path: schema, type, attribute.
    Attribute,
    /// Path: schema, type.
    Range,
    /// A sequence that no identity column owns. Path: schema, sequence.
    Sequence,
    /// An ordinary or partitioned table. Path: schema, table.
    Table,
    /// A table's parent by inheritance (not by partitioning). Path: schema, table, parent's schema, parent.
    Inherit,
    /// A partition's parent and bound. Path: schema, table.
    Partition,
    /// Path: schema, table, column.
    Column,
    /// The place of a column or attribute among its live neighbours. Path: schema, table, column.
    Position,
    /// The default or the generation expression of a column. Path: schema, table or view, column.
    Default,
    /// A column's identity and its sequence. Path: schema, table, column.
    Identity,
    /// A table constraint. Path: schema, table, constraint.
    Constraint,
    /// An index that belongs to no constraint. Path: schema, index.
    Index,
    /// Path: schema, view.
    View,
    /// Path: schema, materialized view.
    MaterializedView,
    /// A function, procedure or window function. Path: schema, name, argument types.
    Routine,
    /// Path: schema, name, argument types.
    Aggregate,
    /// Path: schema, table, trigger.
    Trigger,
    /// Path: schema, table, policy.
    Policy,
    /// A rewrite rule other than a view's own. Path: schema, table, rule.
    Rule,
    /// A comment; [`FactId::of`] says on what. Path: the target's.
    Comment,
    /// An owner; [`FactId::of`] says of what. Path: the target's.
    Owner,
    /// One grantee's privileges where they differ from the default; [`FactId::of`] says on what.
    /// Path: the target's, then the grantee (`PUBLIC` for everyone).
    Grant,
    /// Path: foreign-data wrapper.
    ForeignDataWrapper,
    /// A foreign server. Path: server.
    Server,
    /// Path: server, role (`PUBLIC` for everyone).
    UserMapping,
    /// Path: publication.
    Publication,
    /// A table that a publication names. Path: publication, schema, table.
    PublicationTable,
    /// A schema whose tables a publication publishes. Path: publication, schema.
    PublicationSchema,
    /// Path: subscription.
    Subscription,
    /// Path: event trigger.
    EventTrigger,
    /// Path: the role that creates, schema (empty for all), kind of object
    /// ([`DEFAULT_PRIVILEGE_OBJECTS`](super::DEFAULT_PRIVILEGE_OBJECTS)), grantee (`PUBLIC` for everyone).
    DefaultPrivilege,
    /// A security label; [`FactId::of`] says on what. Path: the target's, then the label's provider.
    SecurityLabel,
    /// An object of a kind that is not modelled. Path: the kind as PostgreSQL names it, identity.
    Unmodelled,
}

impl Kind {
    /// The word by which PostgreSQL's DDL and JSON name this kind (`materialized view`, `enum label`).
    pub fn word(self) -> &'static str {
        match self {
            Kind::Schema => "schema",
            Kind::Extension => "extension",
            Kind::Enum => "enum",
            Kind::EnumLabel => "enum label",
            Kind::Domain => "domain",
            Kind::DomainConstraint => "domain constraint",
            Kind::Composite => "composite type",
            Kind::Attribute => "attribute",
            Kind::Range => "range",
            Kind::Sequence => "sequence",
            Kind::Table => "table",
            Kind::Inherit => "inheritance",
            Kind::Partition => "partition",
            Kind::Column => "column",
            Kind::Position => "position",
            Kind::Default => "default",
            Kind::Identity => "identity",
            Kind::Constraint => "constraint",
            Kind::Index => "index",
            Kind::View => "view",
            Kind::MaterializedView => "materialized view",
            Kind::Routine => "routine",
            Kind::Aggregate => "aggregate",
            Kind::Trigger => "trigger",
            Kind::Policy => "policy",
            Kind::Rule => "rule",
            Kind::Comment => "comment",
            Kind::Owner => "owner",
            Kind::Grant => "grant",
            Kind::ForeignDataWrapper => "foreign-data wrapper",
            Kind::Server => "server",
            Kind::UserMapping => "user mapping",
            Kind::Publication => "publication",
            Kind::PublicationTable => "publication table",
            Kind::PublicationSchema => "publication schema",
            Kind::Subscription => "subscription",
            Kind::EventTrigger => "event trigger",
            Kind::DefaultPrivilege => "default privilege",
            Kind::SecurityLabel => "security label",
            Kind::Unmodelled => "unmodelled",
        }
    }

    /// Whether the path's first element is a schema.
    pub fn in_schema(self) -> bool {
        !matches!(
            self,
            Kind::Schema
                | Kind::Extension
                | Kind::ForeignDataWrapper
                | Kind::Server
                | Kind::UserMapping
                | Kind::Publication
                | Kind::PublicationTable
                | Kind::PublicationSchema
                | Kind::Subscription
                | Kind::EventTrigger
                | Kind::DefaultPrivilege
                | Kind::Unmodelled
        )
    }

    /// Whether it hangs on another object, which [`FactId::of`] names the kind of.
    pub fn is_property(self) -> bool {
        matches!(self, Kind::Comment | Kind::Owner | Kind::Grant | Kind::SecurityLabel)
    }

    /// Whether its path is its target's and one element more.
    fn extends_target(self) -> bool {
        matches!(self, Kind::Grant | Kind::SecurityLabel)
    }
}

/// The identity of a fact: kind, target's kind for a property that any object can have, path.
///
/// Displays as `column shop.orders.total`, `comment on table shop.orders`,
/// `routine shop.total(integer, text)`; two ids display alike only if they are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactId {
    /// Kind of the fact.
    pub kind: Kind,
    /// Kind of the target, for comments, owners, grants and security labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Kind>,
    /// Path as [`Kind`] describes it.
    pub path: Vec<Name>,
}

impl FactId {
    /// An id of the given kind and path.
    pub fn new<N: Into<Name>>(kind: Kind, path: impl IntoIterator<Item = N>) -> Self {
        Self { kind, of: None, path: path.into_iter().map(Into::into).collect() }
    }

    /// The id of a property (comment, owner) of this object.
    #[must_use]
    pub fn property(&self, kind: Kind) -> Self {
        Self { kind, of: Some(self.kind), path: self.path.clone() }
    }

    /// The id of a grantee's privileges on this object.
    #[must_use]
    pub fn grant(&self, grantee: impl Into<Name>) -> Self {
        let mut path = self.path.clone();
        path.push(grantee.into());
        Self { kind: Kind::Grant, of: Some(self.kind), path }
    }

    /// The id of a provider's security label on this object.
    #[must_use]
    pub fn security_label(&self, provider: impl Into<Name>) -> Self {
        let mut path = self.path.clone();
        path.push(provider.into());
        Self { kind: Kind::SecurityLabel, of: Some(self.kind), path }
    }

    /// The object that a comment, owner, grant or security label belongs to.
    pub fn target(&self) -> Option<Self> {
        let of = self.of?;
        let mut path = self.path.clone();
        if self.kind.extends_target() {
            path.pop();
        }
        Some(Self { kind: of, of: None, path })
    }

    /// The schema that the fact lives in, if it lives in one (for a schema: itself).
    pub fn schema(&self) -> Option<&Name> {
        match self.of.unwrap_or(self.kind) {
            Kind::Extension
            | Kind::ForeignDataWrapper
            | Kind::Server
            | Kind::UserMapping
            | Kind::Publication
            | Kind::Subscription
            | Kind::EventTrigger
            | Kind::Unmodelled => None,
            Kind::PublicationTable | Kind::PublicationSchema | Kind::DefaultPrivilege => {
                self.path.get(1).filter(|schema| !schema.as_str().is_empty())
            }
            _ => self.path.first(),
        }
    }

    /// The path's last element.
    pub fn name(&self) -> &Name {
        static EMPTY: std::sync::LazyLock<Name> = std::sync::LazyLock::new(|| Name::new(""));
        self.path.last().unwrap_or(&EMPTY)
    }
}

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carrier = self.of.unwrap_or(self.kind);
        match self.of {
            Some(of) => write!(f, "{} on {} ", self.kind.word(), of.word())?,
            None => write!(f, "{} ", self.kind.word())?,
        }
        let routine = matches!(carrier, Kind::Routine | Kind::Aggregate);
        for (i, part) in self.path.iter().enumerate() {
            if routine && i == 2 {
                // The argument types are text that format_type has quoted already.
                write!(f, "({})", part.as_str())?;
            } else {
                write!(f, "{}{part}", if i == 0 { "" } else { "." })?;
            }
        }
        Ok(())
    }
}

impl FactId {
    /// Checks what a hand-written or hostile id can get wrong: the path's length for its kind, a
    /// missing or superfluous target, identifiers that PostgreSQL cannot hold.
    pub fn check(&self) -> Result<(), String> {
        let property = self.kind.is_property();
        if property != self.of.is_some() {
            return Err(format!("a {} {} name the kind of its target", self.kind.word(), if property { "must" } else { "cannot" }));
        }
        let carrier = self.of.unwrap_or(self.kind);
        if carrier.is_property() {
            return Err(format!("a {} cannot be on a {}", self.kind.word(), carrier.word()));
        }
        let expected = carrier.path_length() + usize::from(self.kind.extends_target());
        if self.path.len() != expected {
            return Err(format!("the path of a {} has {expected} elements, not {}", self.kind.word(), self.path.len()));
        }
        for (i, part) in self.path.iter().enumerate() {
            let text = part.as_str();
            // Argument types, the identities of unmodelled objects and enum labels are not identifiers of 63 bytes.
            let everywhere = carrier == Kind::DefaultPrivilege && i == 1 && text.is_empty();
            let free = matches!(carrier, Kind::Routine | Kind::Aggregate) && i == 2 || carrier == Kind::Unmodelled || everywhere;
            if text.contains('\0') || (!free && (text.is_empty() && carrier != Kind::EnumLabel || text.len() > 63)) {
                return Err(format!("element {} of the path of a {} is not an identifier", i + 1, self.kind.word()));
            }
        }
        if carrier == Kind::DefaultPrivilege && !super::DEFAULT_PRIVILEGE_OBJECTS.contains(&self.path[2].as_str()) {
            return Err(format!("{:?} is no kind of object that privileges are given on by default", self.path[2].as_str()));
        }
        Ok(())
    }
}

impl Kind {
    /// How many elements the path of this kind has.
    pub fn path_length(self) -> usize {
        match self {
            Kind::Schema
            | Kind::Extension
            | Kind::ForeignDataWrapper
            | Kind::Server
            | Kind::Publication
            | Kind::Subscription
            | Kind::EventTrigger => 1,
            Kind::Enum
            | Kind::Domain
            | Kind::Composite
            | Kind::Range
            | Kind::Sequence
            | Kind::Table
            | Kind::Partition
            | Kind::Index
            | Kind::View
            | Kind::MaterializedView
            | Kind::UserMapping
            | Kind::PublicationSchema
            | Kind::Unmodelled => 2,
            Kind::Inherit | Kind::DefaultPrivilege => 4,
            _ => 3,
        }
    }
}
