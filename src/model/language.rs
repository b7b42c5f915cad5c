//! Access methods, languages, transforms.

use super::{Qualified, is_default};
use serde::{Deserialize, Serialize};

/// What an access method gives access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AccessMethodType {
    Table,
    Index,
}

/// An access method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessMethod {
    /// What it gives access to.
    #[serde(rename = "type")]
    pub method_type: AccessMethodType,
    /// Handler function.
    pub handler: Qualified,
}

/// A procedural language that no extension brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// TRUSTED.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trusted: bool,
    /// Call handler.
    pub handler: Qualified,
    /// INLINE handler: runs DO blocks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inline: Option<Qualified>,
    /// VALIDATOR of new functions.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validator: Option<Qualified>,
}

/// A transform between a type and a language. Both functions take one argument of type internal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// FROM SQL function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub from_sql: Option<Qualified>,
    /// TO SQL function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub to_sql: Option<Qualified>,
}
