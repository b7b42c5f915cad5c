//! pg_accord: schema evolution as a protocol between PostgreSQL databases.
//!
//! The flow of a schema change through the modules: `capture` notes what a DDL command did to the
//! facts of the [`model`]; `ledger` seals committed transactions into versions; the `worker` offers
//! them; `replica` negotiates, applies (by [`mod@plan`]), verifies and records; `delivery` keeps what each
//! replica answered.

pub mod catalog;
pub mod conninfo;
pub mod diff;
pub mod fleet;
pub mod hints;
pub mod model;
pub mod plan;
pub mod protocol;
pub mod secrets;

#[cfg(feature = "extension")]
mod api;
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
mod extension {
    use pgrx::prelude::*;

    ::pgrx::pg_module_magic!(name, version);

    extension_sql_file!("../sql/bootstrap.sql", name = "bootstrap", bootstrap);
    extension_sql_file!("../sql/notify.sql", name = "notify", requires = ["bootstrap"]);
    extension_sql_file!("../sql/metrics.sql", name = "metrics", requires = ["views"]);
    extension_sql_file!("../sql/event_triggers.sql", name = "event_triggers", requires = ["views", "notify", "metrics"], finalize);

    /// Called by the server when it loads the library: at start-up where it is preloaded, otherwise
    /// in each backend that calls one of our functions.
    #[pg_guard]
    pub extern "C-unwind" fn _PG_init() {
        crate::pg::command::without_backtraces();
        crate::pg::guc::init();
        crate::pg::hook::init();
        crate::pg::log::init();
        crate::pg::xact::init();
        crate::fleet::watch::settings::init();
        crate::worker::init();
    }
}
