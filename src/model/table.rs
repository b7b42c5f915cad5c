//! Tables and their place under others.

use super::{Foreign, Name, Qualified, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An ordinary, partitioned or foreign table, without its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// UNLOGGED.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unlogged: bool,
    /// `pg_get_partkeydef`'s text (`RANGE (at)`) for a partitioned table.
    #[serde(default, skip_serializing_if = "is_default")]
    pub partition_by: Option<String>,
    /// Access method, where it is not `heap`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub access_method: Option<Name>,
    /// Tablespace, where it is not the database's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tablespace: Option<Name>,
    /// Storage parameters; those of the TOAST table begin with `toast.`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
    /// ENABLE ROW LEVEL SECURITY.
    #[serde(default, skip_serializing_if = "is_default")]
    pub row_security: bool,
    /// FORCE ROW LEVEL SECURITY.
    #[serde(default, skip_serializing_if = "is_default")]
    pub force_row_security: bool,
    /// OF a composite type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub of_type: Option<Qualified>,
    /// `nothing`, `full`, or `index <name>`, where it is not the primary key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replica_identity: Option<String>,
    /// A foreign table: its server and options.
    #[serde(default, skip_serializing_if = "is_default")]
    pub foreign: Option<Foreign>,
}

/// One parent by inheritance; the path names the parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inherit {
    /// Rank among the table's parents, from 1.
    pub rank: i32,
}

/// A partition's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The partitioned table.
    pub parent: Qualified,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
}
