//! Default privileges and security labels.

use super::is_default;
use serde::{Deserialize, Serialize};

/// One grantee's privileges on objects that a role will create, where they differ from what
/// PostgreSQL gives by itself (in all schemas) or from none (in one schema).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultPrivilege {
    /// Sorted; empty where a default privilege was revoked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privileges: Vec<String>,
    /// Those of them WITH GRANT OPTION.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grantable: Vec<String>,
}

/// What ALTER DEFAULT PRIVILEGES calls the objects: the third element of a [`DefaultPrivilege`]'s path.
pub const DEFAULT_PRIVILEGE_OBJECTS: [&str; 6] = ["tables", "sequences", "functions", "types", "schemas", "large objects"];

/// A security label; the provider stands in its path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityLabel {
    /// The label.
    pub label: String,
}
