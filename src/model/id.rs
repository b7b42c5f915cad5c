//! What a fact is about: its kind and its path.

use super::Name;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{Hash, Hasher};

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
            Kind::Unmodelled => "unmodelled",
        }
    }

    /// Whether the path's first element is a schema.
    pub fn in_schema(self) -> bool {
        !matches!(self, Kind::Schema | Kind::Extension | Kind::Unmodelled)
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
    /// Kind of the target, for comments, owners and grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Kind>,
    /// Path as [`Kind`] describes it.
    pub path: Vec<Name>,
}

// Few large writes: ids are hashed more often than anything else.
impl Hash for FactId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u16((self.kind as u16) << 8 | self.of.map_or(0xff, |of| of as u16));
        for part in &self.path {
            state.write(part.as_str().as_bytes());
            state.write_u8(0xff);
        }
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
        let mut path = self.path.clone();
        path.push(grantee.into());
        Self { kind: Kind::Grant, of: Some(self.kind), path }
    }

    /// The object that a comment, owner or grant belongs to.
    pub fn target(&self) -> Option<Self> {
        let of = self.of?;
        let mut path = self.path.clone();
        if self.kind == Kind::Grant {
            path.pop();
        }
        Some(Self { kind: of, of: None, path })
    }

    /// The schema that the fact lives in, if it lives in one (for a schema: itself).
    pub fn schema(&self) -> Option<&Name> {
        match self.of.unwrap_or(self.kind) {
            Kind::Extension | Kind::Unmodelled => None,
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
        let property = matches!(self.kind, Kind::Comment | Kind::Owner | Kind::Grant);
        if property != self.of.is_some() {
            return Err(format!("a {} {} name the kind of its target", self.kind.word(), if property { "must" } else { "cannot" }));
        }
        let carrier = self.of.unwrap_or(self.kind);
        if matches!(carrier, Kind::Comment | Kind::Owner | Kind::Grant) {
            return Err(format!("a {} cannot be on a {}", self.kind.word(), carrier.word()));
        }
        let expected = carrier.path_length() + usize::from(self.kind == Kind::Grant);
        if self.path.len() != expected {
            return Err(format!("the path of a {} has {expected} elements, not {}", self.kind.word(), self.path.len()));
        }
        for (i, part) in self.path.iter().enumerate() {
            let text = part.as_str();
            // Argument types, the identities of unmodelled objects and enum labels are not identifiers of 63 bytes.
            let free = matches!(carrier, Kind::Routine | Kind::Aggregate) && i == 2 || carrier == Kind::Unmodelled;
            if text.contains('\0') || (!free && (text.is_empty() && carrier != Kind::EnumLabel || text.len() > 63)) {
                return Err(format!("element {} of the path of a {} is not an identifier", i + 1, self.kind.word()));
            }
        }
        Ok(())
    }
}

impl Kind {
    /// How many elements the path of this kind has.
    pub fn path_length(self) -> usize {
        match self {
            Kind::Schema | Kind::Extension => 1,
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
            | Kind::Unmodelled => 2,
            Kind::Inherit => 4,
            _ => 3,
        }
    }
}
