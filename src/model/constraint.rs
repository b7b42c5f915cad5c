//! Constraints of tables and of domains.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};

/// What a table constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ConstraintType {
    Check,
    NotNull,
    PrimaryKey,
    Unique,
    ForeignKey,
    Exclusion,
}

/// A table constraint. Clones on partitions of a foreign key are left out: PostgreSQL makes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// What it demands.
    #[serde(rename = "type")]
    pub constraint_type: ConstraintType,
    /// `pg_get_constraintdef`'s text without ` NOT VALID`.
    pub definition: String,
    /// NOT VALID: existing rows are not known to satisfy it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_valid: bool,
    /// Comes (also) from a parent table.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inherited: bool,
    /// Comes only from a parent table.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_local: bool,
    /// Storage parameters of the constraint's index, as `pg_class.reloptions` holds them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: Vec<String>,
    /// Tablespace of the constraint's index, where it is not the database's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tablespace: Option<Name>,
    /// CLUSTER ON the constraint's index.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clustered: bool,
    /// The partitioned index that the constraint's index is attached to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attached_to: Option<Qualified>,
}

impl Constraint {
    /// A constraint with nothing beside its definition.
    pub fn new(constraint_type: ConstraintType, definition: impl Into<String>) -> Self {
        Self {
            constraint_type,
            definition: definition.into(),
            not_valid: false,
            inherited: false,
            not_local: false,
            options: Vec::new(),
            tablespace: None,
            clustered: false,
            attached_to: None,
        }
    }
}

/// A CHECK (or, from PostgreSQL 17, NOT NULL) constraint of a domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainConstraint {
    /// `pg_get_constraintdef`'s text without ` NOT VALID`.
    pub definition: String,
    /// NOT VALID.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_valid: bool,
}
