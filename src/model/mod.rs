//! The canonical representation of a schema: facts, and models made of them.
//!
//! PURE. A [`Fact`] is an object or one property of an object. Its [`FactId`] and [`Body`] are what
//! is compared and hashed; its edges (`depends`) order plans; its notes and its local key are kept
//! beside it and never hashed. State, diff, fingerprint and plan all speak of facts.

#![forbid(unsafe_code)]

mod base_type;
mod body;
mod collation;
mod column;
mod constraint;
mod document;
mod event_trigger;
mod fact;
mod fingerprint;
mod foreign;
mod id;
mod index;
mod language;
mod major;
mod name;
mod operator;
mod privilege;
mod property;
mod publication;
mod routine;
mod sequence;
mod snapshot;
mod statistics;
mod table;
mod text_search;
mod trigger;
mod types;
mod view;

pub use base_type::{BaseType, BaseTypeDefinition};
pub use body::Body;
pub use collation::{Collation, CollationProvider, Conversion};
pub use column::{Attribute, Column, Default, Identity, Position};
pub use constraint::{Constraint, ConstraintType, DomainConstraint};
pub use document::{Document, Unreadable, keyed};
pub use event_trigger::EventTrigger;
pub use fact::{Fact, FactHash, LocalKey, Notes};
pub use fingerprint::{Fingerprint, LtHash};
pub use foreign::{Foreign, ForeignDataWrapper, ForeignOptions, Server, UserMapping};
pub use id::{FactId, Kind, Path};
pub use index::Index;
pub use language::{AccessMethod, AccessMethodType, Language, Transform};
pub use major::{MAJORS, ON_NOT_NULL};
pub use name::{DollarQuoted, Literal, Name, Qualified, Symbol};
pub use operator::{Cast, CastContext, CastMethod, MemberFunction, MemberOperator, Operator, OperatorClass, OperatorFamily, OperatorName};
pub use privilege::{DEFAULT_PRIVILEGE_OBJECTS, DefaultPrivilege, SecurityLabel};
pub use property::{Comment, Extension, Grant, Owner, Schema, Unmodelled};
pub use publication::{Publication, PublicationOperation, PublicationSchema, PublicationTable, Subscription};
pub use routine::{Aggregate, Routine, RoutineBody, RoutineKind, RoutineName};
pub use sequence::{Sequence, SequenceOptions};
pub use snapshot::{Model, Projection, SITE_LOCAL, named_as};
pub use statistics::Statistics;
pub use table::{Inherit, Partition, Table};
pub use text_search::{TextSearchConfiguration, TextSearchDictionary, TextSearchParser, TextSearchTemplate};
pub use trigger::{Policy, Rule, Trigger};
pub use types::{Composite, Domain, Enum, EnumLabel, Range};
pub use view::{ColumnSettings, MaterializedView, View, ViewColumn};

/// The version of this reader: it changes when the same catalogs would be read into other facts.
pub const READER_VERSION: u32 = 2;

/// Serde's `skip_serializing_if` for attributes whose default is left out, so that an attribute
/// that is added later does not change the hash of facts that do not use it.
pub(crate) fn is_default<T: std::default::Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
