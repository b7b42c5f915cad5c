//! Views and materialized views.

use super::{Name, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One output column of a view: decides whether CREATE OR REPLACE can carry the old view to the new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewColumn {
    /// Name.
    pub name: Name,
    /// `format_type`'s text.
    #[serde(rename = "type")]
    pub data_type: String,
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
}
