//! Calls the functions that alarms are reported to, in a process of its own that ends when there is nothing to call:
//! however long one takes, the watch goes on. Each runs with the rights of the role that registered it, in a
//! transaction of its own.

use crate::error::{Error, Result};
use crate::fleet::reports::{self, Message};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::{command, process, spi};
use crate::worker::step_failed;
use pgrx::bgworkers::{BackgroundWorkerStatus, DynamicBackgroundWorker};
use pgrx::prelude::*;
use std::time::Duration;

/// Starts the process where none runs.
pub fn attend(running: &mut Option<DynamicBackgroundWorker>) {
    let ended = |handle: &DynamicBackgroundWorker| {
        matches!(handle.pid(), Err(BackgroundWorkerStatus::Stopped | BackgroundWorkerStatus::PostmasterDied))
    };
    if running.as_ref().is_some_and(|handle| !ended(handle)) {
        return;
    }
    *running = super::start("pg_accord fleet report", "pg_accord_fleet_call_main");
    if running.is_none() {
        pgrx::warning!("pg_accord: no process could be started to report fleet alarms to functions (raise max_worker_processes)");
    }
}

/// The process. The argument is the database's OID.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_accord_fleet_call_main(arg: pg_sys::Datum) {
    process::handle_signals();
    process::connect(Some(arg.value() as u32));
    process::settle(c"pg_accord fleet report");
    while step() {}
}

/// One call. False: there is none to make.
fn step() -> bool {
    let mut under_way = None;
    let called = process::ledger_transaction(|| {
        spi::connect(|spi| {
            // A process that was started before may still be at it.
            let sql = "SELECT pg_try_advisory_xact_lock(hashtextextended('pg_accord fleet reports', 0))";
            let alone = spi.query(sql, &[], See::Latest)?.first().is_some_and(|row| row.bool(0));
            let next = if alone { reports::next_call(spi)? } else { None };
            let Some((message, role)) = next else { return Ok(false) };
            under_way = Some((message.id, message.options.attempts));
            call(spi, &message, role)?;
            reports::reported(spi, message.id, message.options.attempts, &Ok(()))?;
            Ok(true)
        })
    });
    let error = match called {
        Ok(more) => return more,
        Err(error) => error,
    };
    let Some((id, attempts)) = under_way else {
        step_failed("looking for fleet alarms to report", &error);
        return false;
    };
    let outcome = Err(error.message.clone());
    match process::ledger_transaction(|| spi::connect(|spi| reports::reported(spi, id, attempts, &outcome))) {
        Ok(()) => true,
        Err(error) => {
            step_failed("recording a report", &error);
            false
        }
    }
}

fn call(spi: &Spi, message: &Message, role: u32) -> Result<()> {
    let name = message.target.trim_start_matches("function ");
    let known = spi.query("SELECT FROM pg_roles r WHERE r.oid = $1", &[Arg::Oid(role)], See::Latest)?;
    if known.is_empty() {
        return Err(Error::undefined("the role that registered it is gone").hint("SELECT accord.report_to(…) by another role."));
    }
    let settings = command::settings();
    settings.set("search_path", "pg_catalog, pg_temp");
    let _limit = process::limit(Duration::from_secs_f64(message.options.timeout));
    let _role = command::confine_to_role(role);
    spi.run(&format!("SELECT {name}($1::jsonb)"), &[Arg::Text(&message.message.to_string())])
}
