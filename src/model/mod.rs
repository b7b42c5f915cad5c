//! The canonical representation of a schema: facts, and models made of them.
//!
//! PURE. A [`Fact`] is an object or one property of an object. Its [`FactId`] and [`Body`] are what
//! is compared and hashed; its edges (`depends`) order plans; its notes and its local key are kept
//! beside it and never hashed. State, diff, fingerprint and plan all speak of facts.

#![forbid(unsafe_code)]

mod body;
mod column;
mod constraint;
mod document;
mod fact;
mod fingerprint;
mod id;
mod index;
mod name;
mod property;
mod routine;
mod sequence;
mod snapshot;
mod table;
mod trigger;
mod types;
mod view;

pub use body::Body;
pub use column::{Attribute, Column, Default, Identity, Position};
pub use constraint::{Constraint, ConstraintType, DomainConstraint};
pub use document::{Document, Unreadable, keyed};
pub use fact::{Fact, FactHash, LocalKey, Notes};
pub use fingerprint::{Fingerprint, LtHash};
pub use id::{FactId, Kind};
pub use index::Index;
pub use name::{DollarQuoted, Literal, Name, Qualified};
pub use property::{Comment, Extension, Grant, Owner, Schema, Unmodelled};
pub use routine::{Aggregate, Routine, RoutineBody, RoutineKind};
pub use sequence::{Sequence, SequenceOptions};
pub use snapshot::{Model, Projection};
pub use table::{Inherit, Partition, Table};
pub use trigger::{Policy, Rule, Trigger};
pub use types::{Composite, Domain, Enum, EnumLabel, Range};
pub use view::{MaterializedView, View, ViewColumn};

/// The version of this reader: it changes when the same catalogs would be read into other facts.
pub const READER_VERSION: u32 = 1;

/// Serde's `skip_serializing_if` for attributes whose default is left out, so that an attribute
/// that is added later does not change the hash of facts that do not use it.
pub(crate) fn is_default<T: std::default::Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
