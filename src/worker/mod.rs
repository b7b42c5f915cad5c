//! The source's side of the handshake: a launcher for the server, a worker for each database, a task
//! for each replica.
//!
//! A worker has two threads. The main one owns everything that touches the server: it seals versions,
//! reads offers, and records what the replicas answered. The network thread owns the connections. They
//! speak by channels ([`messages`]); neither ever waits for the other.

pub mod backoff;
mod database;
mod launcher;
pub mod messages;
mod network;
pub mod settings;
mod task;
pub mod thread;
pub mod transport;

use crate::pg::subtransaction::Caught;
use crate::pg::{process, wake};
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The library's name for the postmaster.
pub(crate) const LIBRARY: &str = "pg_accord";

/// Defines the settings and, under shared_preload_libraries, asks for shared memory and the launcher.
/// Called once, from `_PG_init`.
pub fn init() {
    settings::init();
    if process::preloading() {
        wake::init();
        BackgroundWorkerBuilder::new("pg_accord launcher")
            .set_type("pg_accord launcher")
            .set_library(LIBRARY)
            .set_function("pg_accord_launcher_main")
            .enable_spi_access()
            .set_restart_time(Some(Duration::from_secs(1)))
            .load();
    }
}

/// The launcher's process.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_accord_launcher_main(_arg: pg_sys::Datum) {
    process::handle_signals();
    process::connect(None);
    wake::enter_launcher();
    launcher::run();
}

/// The process of one database's worker. The argument is the database's OID.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_accord_worker_main(arg: pg_sys::Datum) {
    process::handle_signals();
    process::connect(Some(arg.value() as u32));
    process::settle(c"pg_accord worker");
    // A worker that is about to leave may still be there: the launcher sends another one later.
    if wake::enter(wake::Role::Delivery) {
        database::Worker::new().run();
    }
}

thread_local! {
    static LAST: RefCell<(String, Option<Instant>)> = const { RefCell::new((String::new(), None)) };
}

/// A step failed: says so, unless DROP EXTENSION came in between, and there is nothing left to do or to say.
/// Returns whether the extension is still there.
pub(crate) fn step_failed(doing: &str, error: &Caught) -> bool {
    let created = process::transaction(|| Ok(process::extension_created())).unwrap_or(true);
    if created {
        complain(doing, error);
    }
    created
}

/// Writes a failure to the server's log; the same one once a minute.
pub(crate) fn complain(doing: &str, error: &Caught) {
    let text = format!("pg_accord: {doing}: {error}");
    let again = LAST.with_borrow_mut(|(last, at)| {
        let again = *last == text && at.is_some_and(|at| at.elapsed() < Duration::from_secs(60));
        if !again {
            (*last, *at) = (text.clone(), Some(Instant::now()));
        }
        again
    });
    if !again {
        let hint = error.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        pgrx::warning!("{text}{hint}");
    }
}
