//! What a fact is about: its kind and its path.

use super::{Name, Symbol};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

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
    /// A base type or a shell. Path: schema, type.
    BaseType,
    /// Path: source type, target type.
    Cast,
    /// Path: schema, symbols, operand types (`integer, integer`; `NONE, integer` for a prefix operator).
    Operator,
    /// Path: schema, family, access method.
    OperatorFamily,
    /// Path: schema, class, access method.
    OperatorClass,
    /// Path: schema, collation.
    Collation,
    /// Path: schema, conversion.
    Conversion,
    /// Path: schema, parser.
    TextSearchParser,
    /// Path: schema, template.
    TextSearchTemplate,
    /// Path: schema, dictionary.
    TextSearchDictionary,
    /// Path: schema, configuration.
    TextSearchConfiguration,
    /// An extended statistics object. Path: schema, statistics object.
    Statistics,
    /// Path: access method.
    AccessMethod,
    /// Path: language.
    Language,
    /// Path: type, language.
    Transform,
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
    /// This kind's name in JSON, in stored projections and in the ledger's tables (`materialized_view`).
    pub fn json_name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

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
            Kind::BaseType => "base type",
            Kind::Cast => "cast",
            Kind::Operator => "operator",
            Kind::OperatorFamily => "operator family",
            Kind::OperatorClass => "operator class",
            Kind::Collation => "collation",
            Kind::Conversion => "conversion",
            Kind::TextSearchParser => "text search parser",
            Kind::TextSearchTemplate => "text search template",
            Kind::TextSearchDictionary => "text search dictionary",
            Kind::TextSearchConfiguration => "text search configuration",
            Kind::Statistics => "statistics object",
            Kind::AccessMethod => "access method",
            Kind::Language => "language",
            Kind::Transform => "transform",
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
        ) && !self.is_global()
    }

    /// Whether objects of this kind are in no schema and can stand on what is in one. They count as in
    /// `pg_catalog`: a projection of some schemas leaves them out, as `pg_dump -n` does.
    pub fn is_global(self) -> bool {
        matches!(self, Kind::Cast | Kind::AccessMethod | Kind::Language | Kind::Transform)
    }

    /// The elements of the path that are no identifiers but deparsed text, in which a rename shows.
    pub(crate) fn deparsed(self) -> &'static [usize] {
        match self {
            Kind::Routine | Kind::Aggregate | Kind::Operator => &[2],
            Kind::Cast | Kind::Transform => &[0, 1],
            _ => &[],
        }
    }

    /// Which element of the path a rename changes.
    pub(crate) fn name_element(self) -> usize {
        match self {
            Kind::Routine | Kind::Aggregate | Kind::Operator | Kind::OperatorFamily | Kind::OperatorClass => 1,
            _ => self.path_length() - 1,
        }
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

/// The names that lead to a fact. A copy shares them, and their hash is made once: ids are copied and looked up
/// more often than anything else.
#[derive(Clone)]
pub struct Path {
    names: Arc<[Name]>,
    hash: u64,
}

/// Nobody can choose names that share a hash.
static SEED: LazyLock<foldhash::quality::RandomState> = LazyLock::new(foldhash::quality::RandomState::default);

impl Path {
    fn new(names: Arc<[Name]>) -> Self {
        let mut hasher = SEED.build_hasher();
        for name in &*names {
            hasher.write(name.as_str().as_bytes());
            hasher.write_u8(0xff);
        }
        Self { hash: hasher.finish(), names }
    }
    /// All of the names.
    pub fn as_slice(&self) -> &[Name] {
        &self.names
    }
    /// Puts other names into a place and those behind it.
    ///
    /// # Panics
    /// Where the path is shorter.
    pub fn put(&mut self, place: usize, others: &[Name]) {
        let mut names = self.names.clone();
        Arc::make_mut(&mut names)[place..place + others.len()].clone_from_slice(others);
        *self = Self::new(names);
    }
    /// The path and one name more.
    #[must_use]
    pub fn with(&self, name: impl Into<Name>) -> Self {
        self.iter().cloned().chain([name.into()]).collect()
    }
}

impl Deref for Path {
    type Target = [Name];
    fn deref(&self) -> &[Name] {
        &self.names
    }
}
impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.names == other.names
    }
}
impl Eq for Path {}
impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        self.names.cmp(&other.names)
    }
}
impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.fmt(f)
    }
}
impl<'p> IntoIterator for &'p Path {
    type Item = &'p Name;
    type IntoIter = std::slice::Iter<'p, Name>;
    fn into_iter(self) -> Self::IntoIter {
        self.names.iter()
    }
}
impl FromIterator<Name> for Path {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Self {
        Self::new(names.into_iter().collect())
    }
}
impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|names: Vec<Name>| Self::new(names.into()))
    }
}

/// The identity of a fact: kind, target's kind for a property that any object can have, path.
///
/// Displays as `column shop.orders.total`, `comment on table shop.orders`,
/// `routine shop.total(integer, text)`; two ids display alike only if they are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactId {
    /// Kind of the fact.
    pub kind: Kind,
    /// Kind of the target, for comments, owners, grants and security labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Kind>,
    /// Path as [`Kind`] describes it.
    pub path: Path,
}

// Few large writes: ids are hashed more often than anything else.
impl Hash for FactId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u16((self.kind as u16) << 8 | self.of.map_or(0xff, |of| of as u16));
        self.path.hash(state);
    }
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
        Self { kind: Kind::Grant, of: Some(self.kind), path: self.path.with(grantee) }
    }

    /// The id of a provider's security label on this object.
    #[must_use]
    pub fn security_label(&self, provider: impl Into<Name>) -> Self {
        Self { kind: Kind::SecurityLabel, of: Some(self.kind), path: self.path.with(provider) }
    }

    /// The object that a comment, owner, grant or security label belongs to.
    pub fn target(&self) -> Option<Self> {
        let of = self.of?;
        let path = match self.path.split_last() {
            Some((_, target)) if self.kind.extends_target() => target.iter().cloned().collect(),
            _ => self.path.clone(),
        };
        Some(Self { kind: of, of: None, path })
    }

    /// The schema that the fact lives in, if it lives in one (for a schema: itself; for what
    /// [`Kind::is_global`], `pg_catalog`).
    pub fn schema(&self) -> Option<&Name> {
        static GLOBAL: std::sync::LazyLock<Name> = std::sync::LazyLock::new(|| Name::new("pg_catalog"));
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
            kind if kind.is_global() => Some(&GLOBAL),
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
        self.write_to(f)
    }
}

impl FactId {
    /// Writes what is displayed.
    pub(super) fn write_to<W: fmt::Write>(&self, f: &mut W) -> fmt::Result {
        let carrier = self.of.unwrap_or(self.kind);
        f.write_str(self.kind.word())?;
        if let Some(of) = self.of {
            write!(f, " on {}", of.word())?;
        }
        f.write_char(' ')?;
        for (i, part) in self.path.iter().enumerate() {
            // Types are text that format_type has quoted already.
            let text = part.as_str();
            match (carrier, i) {
                (Kind::Routine | Kind::Aggregate | Kind::Operator, 2) => write!(f, "({text})")?,
                (Kind::Operator, 1) => write!(f, ".{text}")?,
                (Kind::OperatorFamily | Kind::OperatorClass, 2) => write!(f, " USING {part}")?,
                (Kind::Cast, 0) => write!(f, "({text} AS ")?,
                (Kind::Cast, 1) => write!(f, "{text})")?,
                (Kind::Transform, 0) => write!(f, "FOR {text}")?,
                (Kind::Transform, 1) => write!(f, " LANGUAGE {part}")?,
                _ => {
                    if i > 0 {
                        f.write_char('.')?;
                    }
                    part.write_to(f)?;
                }
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
            let free =
                matches!(carrier, Kind::Routine | Kind::Aggregate | Kind::Operator) && i == 2 || carrier == Kind::Unmodelled || everywhere;
            let data_type = carrier == Kind::Cast && i < 2 || carrier == Kind::Transform && i == 0;
            if data_type && !is_type(text) {
                return Err(format!("element {} of the path of a {} is not a type", i + 1, self.kind.word()));
            }
            let free = free || data_type;
            if carrier == Kind::Operator && i == 1 && !Symbol::fits(text) {
                return Err(format!("element {} of the path of a {} is not the name of an operator", i + 1, self.kind.word()));
            }
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

/// Whether this can be `format_type`'s text. Outside of quotes it holds no capital, so that the words
/// between two of them in a displayed id are told from them.
fn is_type(text: &str) -> bool {
    let mut quoted = false;
    for c in text.chars() {
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && (c.is_ascii_uppercase() || c.is_ascii() && !c.is_ascii_alphanumeric() && !"_$ .()[],".contains(c)) {
            return false;
        }
    }
    !quoted && !text.trim().is_empty()
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
            | Kind::EventTrigger
            | Kind::AccessMethod
            | Kind::Language => 1,
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
            | Kind::BaseType
            | Kind::Cast
            | Kind::Collation
            | Kind::Conversion
            | Kind::TextSearchParser
            | Kind::TextSearchTemplate
            | Kind::TextSearchDictionary
            | Kind::TextSearchConfiguration
            | Kind::Statistics
            | Kind::Transform
            | Kind::UserMapping
            | Kind::PublicationSchema
            | Kind::Unmodelled => 2,
            Kind::Inherit | Kind::DefaultPrivilege => 4,
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_form() {
        for (kind, path, shown) in [
            (Kind::Cast, &["shop.\"A AS b\"", "character varying"][..], "cast (shop.\"A AS b\" AS character varying)"),
            (Kind::Operator, &["s", "+", "NONE, integer"], "operator s.+(NONE, integer)"),
            (Kind::OperatorClass, &["s", "C", "btree"], "operator class s.\"C\" USING btree"),
            (Kind::Transform, &["integer", "Lang"], "transform FOR integer LANGUAGE \"Lang\""),
            (Kind::Language, &["l"], "language l"),
        ] {
            let id = FactId::new(kind, path.iter().copied());
            assert_eq!((id.check(), id.to_string().as_str()), (Ok(()), shown));
            assert!(id.property(Kind::Comment).check().is_ok());
        }
        for (kind, path) in [
            (Kind::Cast, &["a AS b", "c"][..]),
            (Kind::Cast, &["a", "\"b"]),
            (Kind::Cast, &["a", ""]),
            (Kind::Cast, &["a; b", "c"]),
            (Kind::Operator, &["s", "plus", "integer, integer"]),
            (Kind::Operator, &["s", "--", "integer, integer"]),
            (Kind::Transform, &["integer LANGUAGE x", "y"]),
            (Kind::OperatorFamily, &["s", "f"]),
        ] {
            assert!(FactId::new(kind, path.iter().copied()).check().is_err(), "{path:?}");
        }
    }
}
