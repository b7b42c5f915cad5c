//! Collations and conversions.

use super::{Qualified, is_default};
use serde::{Deserialize, Serialize};

/// Who implements a collation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum CollationProvider {
    Libc,
    Icu,
    /// From PostgreSQL 17.
    Builtin,
}

/// A collation. The version that its provider gave it is the server's, and no attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collation {
    /// Who implements it.
    pub provider: CollationProvider,
    /// The locale; none for one of libc whose two categories differ.
    #[serde(default, skip_serializing_if = "is_default")]
    pub locale: Option<String>,
    /// `LC_COLLATE`, where it is not the locale.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lc_collate: Option<String>,
    /// `LC_CTYPE`, where it is not the locale.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lc_ctype: Option<String>,
    /// `DETERMINISTIC = false`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nondeterministic: bool,
    /// RULES of ICU (from PostgreSQL 16).
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Option<String>,
}

/// A conversion between encodings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// Source encoding.
    pub from: String,
    /// Destination encoding.
    pub to: String,
    /// The function.
    pub function: Qualified,
    /// DEFAULT.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: bool,
}
