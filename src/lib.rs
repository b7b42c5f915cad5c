//! pg_accord: schema evolution as a protocol between PostgreSQL databases.
//!
//! The flow of a schema change through the modules: `capture` notes what a DDL command did to the
//! facts of the [`model`]; `ledger` seals committed transactions into versions; the `worker` offers
//! them; `replica` negotiates, applies (by [`mod@plan`]), verifies and records; `delivery` keeps what each
//! replica answered.

pub mod catalog;
pub mod conninfo;
pub mod diff;
pub mod hints;
pub mod model;
pub mod plan;
pub mod protocol;

#[cfg(feature = "extension")]
mod capture;
#[cfg(feature = "extension")]
mod delivery;
#[cfg(feature = "extension")]
mod error;
#[cfg(feature = "extension")]
mod ledger;
#[cfg(feature = "extension")]
mod pg;
#[cfg(feature = "extension")]
mod replica;
#[cfg(feature = "extension")]
mod worker;

#[cfg(feature = "extension")]
::pgrx::pg_module_magic!(name, version);
