//! Text search: parsers, templates, dictionaries, configurations.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A text search parser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchParser {
    /// START function.
    pub start: Qualified,
    /// GETTOKEN function.
    pub gettoken: Qualified,
    /// END function.
    pub end: Qualified,
    /// LEXTYPES function.
    pub lextypes: Qualified,
    /// HEADLINE function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headline: Option<Qualified>,
}

/// A text search template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchTemplate {
    /// LEXIZE function.
    pub lexize: Qualified,
    /// INIT function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub init: Option<Qualified>,
}

/// A text search dictionary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchDictionary {
    /// The template.
    pub template: Qualified,
    /// The template's options in their order, each value a constant as `pg_ts_dict` writes it:
    /// `'english'`, `E'a\\b'`, `3`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: Vec<(Name, String)>,
}

/// A text search configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextSearchConfiguration {
    /// The parser.
    pub parser: Qualified,
    /// By token type of the parser: the dictionaries that are asked, in order.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mappings: BTreeMap<String, Vec<Qualified>>,
}
