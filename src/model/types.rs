//! Types that users make.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};

/// An enumerated type; its labels are facts of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enum {}

/// One label of an enumerated type. A linked list, like the columns of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnumLabel {
    /// The label before this one, `None` for the first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: Option<Name>,
}

/// A domain; its constraints are facts of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// `format_type`'s text of the base type.
    #[serde(rename = "type")]
    pub base_type: String,
    /// Collation where it is not the base type's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collation: Option<Qualified>,
    /// NOT NULL.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_null: bool,
    /// DEFAULT.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Option<String>,
}

/// A stand-alone composite type; its attributes are facts of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {}

/// A range type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// `format_type`'s text of the subtype.
    pub subtype: String,
    /// Operator class, where it is not the subtype's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operator_class: Option<Qualified>,
    /// Collation, where it is not the subtype's own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collation: Option<Qualified>,
    /// Canonicalization function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub canonical: Option<Qualified>,
    /// Difference function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub subtype_diff: Option<Qualified>,
    /// The multirange type that comes with it.
    pub multirange: Qualified,
}
