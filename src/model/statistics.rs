//! Extended statistics objects.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};

/// An extended statistics object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// The table or materialized view.
    pub table: Qualified,
    /// `ndistinct`, `dependencies`, `mcv`; none for all of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kinds: Vec<String>,
    /// Columns, sorted: PostgreSQL puts them into the table's order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub columns: Vec<Name>,
    /// Deparsed expressions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expressions: Vec<String>,
    /// Statistics target, where it is set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub target: Option<i32>,
}
