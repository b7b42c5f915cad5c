//! Keeping secrets out of the server's log: a statement that names a replica's connection string is
//! not repeated under an error.

use pgrx::pg_sys;
use pgrx::prelude::*;

static mut PREVIOUS: pg_sys::emit_log_hook_type = None;

/// Installs the hook. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: backends are single-threaded, and _PG_init runs once in each.
    unsafe {
        PREVIOUS = pg_sys::emit_log_hook;
        pg_sys::emit_log_hook = Some(emit_log);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn emit_log(report: *mut pg_sys::ErrorData) {
    // SAFETY: the server passes the report that it is about to write; the hook before ours is called as it was found.
    unsafe {
        if !(*report).hide_stmt && super::command::debug_query_string().is_some_and(|query| query.contains("add_replica")) {
            (*report).hide_stmt = true;
        }
        if let Some(previous) = PREVIOUS {
            previous(report);
        }
    }
}
