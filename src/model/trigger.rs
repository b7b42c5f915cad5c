//! What runs or filters when rows are touched: triggers, policies, rules.

use super::{Name, is_default};
use serde::{Deserialize, Serialize};

/// A trigger that is neither internal nor a partition's clone of its parent's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// CREATE CONSTRAINT TRIGGER.
    #[serde(default, skip_serializing_if = "is_default")]
    pub constraint: bool,
    /// `pg_get_triggerdef`'s text between the trigger's name and ` ON `: `BEFORE INSERT OR UPDATE OF a`.
    pub events: String,
    /// `pg_get_triggerdef`'s text after the table's name: `FOR EACH ROW WHEN (…) EXECUTE FUNCTION s.f()`.
    pub action: String,
    /// `disabled`, `replica` or `always`, where it is not enabled as usual.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enabled: Option<String>,
}

/// A row security policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// AS RESTRICTIVE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restrictive: bool,
    /// `select`, `insert`, `update`, `delete`, where it is not for all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub command: Option<String>,
    /// TO these roles, sorted; empty for PUBLIC.
    #[serde(default, skip_serializing_if = "is_default")]
    pub roles: Vec<Name>,
    /// USING.
    #[serde(default, skip_serializing_if = "is_default")]
    pub using: Option<String>,
    /// WITH CHECK.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check: Option<String>,
}

/// A rewrite rule other than a view's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `pg_get_ruledef`'s text without the closing semicolon.
    pub definition: String,
    /// `disabled`, `replica` or `always`, where it is not enabled as usual.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enabled: Option<String>,
}
