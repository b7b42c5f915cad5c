//! Base types and shells.

use super::{Qualified, is_default};
use serde::{Deserialize, Serialize};

/// A base type, or the shell that stands for one until it is defined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseType {
    /// The definition; none for a shell.
    #[serde(default, skip_serializing_if = "is_default")]
    pub definition: Option<BaseTypeDefinition>,
}

/// What CREATE TYPE says of a base type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseTypeDefinition {
    /// INPUT function.
    pub input: Qualified,
    /// OUTPUT function.
    pub output: Qualified,
    /// RECEIVE function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub receive: Option<Qualified>,
    /// SEND function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub send: Option<Qualified>,
    /// `TYPMOD_IN` function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub typmod_in: Option<Qualified>,
    /// `TYPMOD_OUT` function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub typmod_out: Option<Qualified>,
    /// ANALYZE function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub analyze: Option<Qualified>,
    /// SUBSCRIPT handler.
    #[serde(default, skip_serializing_if = "is_default")]
    pub subscript: Option<Qualified>,
    /// INTERNALLENGTH in bytes; none where it varies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub length: Option<i16>,
    /// PASSEDBYVALUE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_value: bool,
    /// ALIGNMENT: `char`, `int2`, `int4` or `double`.
    pub alignment: String,
    /// STORAGE, where it is not `plain`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage: Option<String>,
    /// CATEGORY, where it is not `U`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub category: Option<String>,
    /// PREFERRED within its category.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preferred: bool,
    /// DEFAULT: the text of a value.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Option<String>,
    /// ELEMENT: `format_type`'s text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub element: Option<String>,
    /// DELIMITER, where it is not a comma.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delimiter: Option<String>,
    /// COLLATABLE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collatable: bool,
}
