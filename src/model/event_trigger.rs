//! Event triggers that users make.

use super::{Qualified, is_default};
use serde::{Deserialize, Serialize};

/// An event trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTrigger {
    /// `ddl_command_start`, `ddl_command_end`, `sql_drop`, `table_rewrite` or `login`.
    pub event: String,
    /// WHEN TAG IN (…), in their order; empty for every command.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Vec<String>,
    /// EXECUTE FUNCTION.
    pub function: Qualified,
    /// `disabled`, `replica` or `always`, where it is not enabled as usual.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enabled: Option<String>,
}
