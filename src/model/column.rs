//! Columns of tables, attributes of composite types, and what hangs on them.

use super::{ForeignOptions, Name, Qualified, SequenceOptions, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// `format_type`'s text, schema-qualified where not in `pg_catalog`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Collation where it is not the type's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collation: Option<Qualified>,
    /// NOT NULL.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_null: bool,
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
    /// OPTIONS of a foreign table's column.
    #[serde(default, skip_serializing_if = "is_default")]
    pub foreign_options: ForeignOptions,
    /// Comes (also) from a parent table.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inherited: bool,
    /// Comes only from a parent table: not defined by this table itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_local: bool,
}

impl Column {
    /// A column with nothing beside its type.
    pub fn new(data_type: impl Into<String>) -> Self {
        Self {
            data_type: data_type.into(),
            collation: None,
            not_null: false,
            storage: None,
            compression: None,
            statistics: None,
            options: BTreeMap::new(),
            foreign_options: ForeignOptions::default(),
            inherited: false,
            not_local: false,
        }
    }
}

/// An attribute of a stand-alone composite type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// `format_type`'s text.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Collation where it is not the type's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collation: Option<Qualified>,
}

/// The place of a live column or attribute: the one before it. A linked list and not a number, so
/// that a column added, dropped or renamed touches at most one neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The live column before this one, `None` for the first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: Option<Name>,
}

/// A column's default, or the expression that generates it.
/// Note `volatile`: the expression calls a volatile function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Default {
    /// `pg_get_expr`'s text.
    pub expression: String,
    /// `stored` or `virtual` for GENERATED ALWAYS AS, otherwise none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub generated: Option<String>,
}

/// GENERATED … AS IDENTITY with its sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// GENERATED ALWAYS rather than BY DEFAULT.
    pub always: bool,
    /// The sequence that belongs to the column.
    pub sequence: Qualified,
    /// Its options.
    pub options: SequenceOptions,
    /// The sequence is unlogged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unlogged: bool,
}
