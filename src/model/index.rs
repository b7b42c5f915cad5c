//! Indexes that belong to no constraint.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An index. The definition holds neither its own name nor its table's, so that a rename of either
/// is no change of the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The table or materialized view, in the index's own schema.
    pub table: Name,
    /// `pg_get_indexdef`'s text from `USING` on.
    pub definition: String,
    /// UNIQUE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unique: bool,
    /// Left behind by a CREATE INDEX CONCURRENTLY that failed, or a partitioned index that lacks partitions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub invalid: bool,
    /// Tablespace, where it is not the database's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tablespace: Option<Name>,
    /// CLUSTER ON this index.
    #[serde(default, skip_serializing_if = "is_default")]
    pub clustered: bool,
    /// The partitioned index that this one is attached to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attached_to: Option<Qualified>,
    /// Stands on a partitioned table: created ON ONLY, its parts being facts of their own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub partitioned: bool,
    /// Statistics target by column number, where set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub statistics: BTreeMap<i16, i32>,
}

impl Index {
    /// An index with nothing beside its definition.
    pub fn new(table: impl Into<Name>, definition: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            definition: definition.into(),
            unique: false,
            invalid: false,
            tablespace: None,
            clustered: false,
            attached_to: None,
            partitioned: false,
            statistics: BTreeMap::new(),
        }
    }
}
