//! Sequences: their options, never their position.

use super::{Name, is_default};
use serde::{Deserialize, Serialize};

/// The options of a sequence, also of the one behind an identity column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceOptions {
    /// `smallint`, `integer` or `bigint`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// START WITH.
    pub start: i64,
    /// INCREMENT BY.
    pub increment: i64,
    /// MINVALUE.
    pub minimum: i64,
    /// MAXVALUE.
    pub maximum: i64,
    /// CACHE.
    pub cache: i64,
    /// CYCLE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cycle: bool,
}

/// A sequence that no identity column owns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// Its options.
    #[serde(flatten)]
    pub options: SequenceOptions,
    /// UNLOGGED.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unlogged: bool,
    /// OWNED BY: table (in the sequence's own schema) and column.
    #[serde(default, skip_serializing_if = "is_default")]
    pub owned_by: Option<(Name, Name)>,
}
