//! What stands alone or can hang on any object: schemas, extensions, comments, owners, grants.

use super::{Name, is_default};
use serde::{Deserialize, Serialize};

/// A schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {}

/// An extension; its members are not facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Schema that its objects are in.
    pub schema: Name,
    /// Installed version.
    pub version: String,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// The text.
    pub text: String,
}

/// An owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The role.
    pub role: Name,
}

/// One grantee's privileges, where they differ from what `acldefault` gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Sorted (`INSERT`, `SELECT`); empty where a default privilege was revoked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privileges: Vec<String>,
    /// Those of them WITH GRANT OPTION.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grantable: Vec<String>,
}

/// An object of a kind that is not modelled: it is known to exist, and no more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmodelled {}
