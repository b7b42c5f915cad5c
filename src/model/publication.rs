//! Logical replication: publications with what they publish, and subscriptions.

use super::{Name, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A publication; the tables and schemas that it names are facts of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// FOR ALL TABLES.
    #[serde(default, skip_serializing_if = "is_default")]
    pub all_tables: bool,
    /// Operations that are left out of `insert`, `update`, `delete`, `truncate`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unpublished: Vec<PublicationOperation>,
    /// `publish_via_partition_root`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub via_root: bool,
    /// `publish_generated_columns = stored` (from PostgreSQL 18).
    #[serde(default, skip_serializing_if = "is_default")]
    pub generated_columns: bool,
}

/// What a publication can publish, in the order in which `pg_dump` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PublicationOperation {
    Insert,
    Update,
    Delete,
    Truncate,
}

impl PublicationOperation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Truncate];

    /// The word in `publish = '…'`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
        }
    }
}

/// A table in a publication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationTable {
    /// Only these columns, sorted; none for all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub columns: Option<Vec<Name>>,
    /// WHERE: `pg_get_expr`'s text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter: Option<String>,
}

/// A schema all of whose tables are in a publication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationSchema {}

/// A subscription, as far as it is reported: without its connection string, which holds passwords
/// and which only superusers may read. It is never planned and never propagated: the same
/// subscription on two servers would compete for one slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// PUBLICATION, in their order.
    pub publications: Vec<Name>,
    /// DISABLE.
    #[serde(default, skip_serializing_if = "is_default")]
    pub disabled: bool,
    /// The options of WITH (…) by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: BTreeMap<String, String>,
}
