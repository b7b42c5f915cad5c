//! Views and materialized views.

use super::{Name, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is set on a column beside its definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSettings {
    /// `plain`, `external`, `extended` or `main`, where it is not the type's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage: Option<String>,
    /// `pglz` or `lz4`, where set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub compression: Option<String>,
    /// Statistics target, where set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub statistics: Option<i32>,
    /// `n_distinct` and its like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
}

/// One output column of a view: decides whether CREATE OR REPLACE can carry the old view to the new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewColumn {
    /// Name.
    pub name: Name,
    /// `format_type`'s text.
    #[serde(rename = "type")]
    pub data_type: String,
    /// What is set on a materialized view's column.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: ColumnSettings,
}

impl ViewColumn {
    /// Whether both have one name and type.
    pub fn is_like(&self, other: &Self) -> bool {
        self.name == other.name && self.data_type == other.data_type
    }
}

/// A view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// `pg_get_viewdef`'s text without the closing semicolon.
    pub definition: String,
    /// Output columns.
    pub columns: Vec<ViewColumn>,
    /// `security_barrier`, `security_invoker`, `check_option`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
}

/// A materialized view. Note `populated`: it has been filled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaterializedView {
    /// `pg_get_viewdef`'s text without the closing semicolon.
    pub definition: String,
    /// Output columns.
    pub columns: Vec<ViewColumn>,
    /// Storage parameters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
    /// Access method, where it is not `heap`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub access_method: Option<Name>,
    /// Tablespace, where it is not the database's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tablespace: Option<Name>,
    /// `nothing`, `full`, or `index <name>`, where it is set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replica_identity: Option<String>,
}
