//! Foreign data: wrappers, servers, user mappings, and what makes a table a foreign one.
//!
//! A foreign table is a [`Table`](super::Table) with [`Foreign`] attributes: it shares its name space,
//! its columns, constraints, triggers and its place under others with every other table.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Options by name, as OPTIONS (…) holds them.
pub type ForeignOptions = BTreeMap<String, String>;

/// A foreign-data wrapper.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignDataWrapper {
    /// HANDLER.
    #[serde(default, skip_serializing_if = "is_default")]
    pub handler: Option<Qualified>,
    /// VALIDATOR.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validator: Option<Qualified>,
    /// OPTIONS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: ForeignOptions,
}

/// A foreign server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// FOREIGN DATA WRAPPER.
    pub wrapper: Name,
    /// TYPE.
    #[serde(rename = "type", default, skip_serializing_if = "is_default")]
    pub server_type: Option<String>,
    /// VERSION.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: Option<String>,
    /// OPTIONS. PostgreSQL shows them to everybody: no place for a password.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: ForeignOptions,
}

/// A role's options for a server. They hold passwords: see [`crate::secrets`] for who sees them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserMapping {
    /// OPTIONS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: ForeignOptions,
}

/// What makes a table a foreign one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foreign {
    /// SERVER.
    pub server: Name,
    /// OPTIONS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: ForeignOptions,
}
