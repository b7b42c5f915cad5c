//! Waking the worker when a transaction that captured DDL commits.
//!
//! A flag and no more: what was captured stands in tables, so rollbacks and savepoints treat it right.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;

thread_local! {
    static CAPTURED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the current transaction has something for the worker.
pub fn mark_captured() {
    CAPTURED.set(true);
}

/// Registers the callback. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: the callback stays for the backend's life.
    unsafe { pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut()) };
}

#[pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _arg: *mut std::ffi::c_void) {
    match event {
        // After ProcArrayEndTransaction: whoever is woken sees what was committed.
        pg_sys::XactEvent::XACT_EVENT_COMMIT if CAPTURED.replace(false) => super::wake::wake_worker(),
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PREPARE => CAPTURED.set(false),
        _ => {}
    }
}
