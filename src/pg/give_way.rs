//! Giving way: to PostgreSQL's apply worker, where both want rows of the ledger, and to whoever has locked what is to be read.

use super::command;
use super::subtransaction::{Caught, subtransaction};
use crate::error::{Error, Result};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// How long a lock is waited for at a time, in milliseconds. The apply worker looks for deadlocks after `deadlock_timeout`,
/// a second where nobody has changed it: by then this has let go of what it holds.
const PATIENCE: &str = "500";
/// How long a lock is waited for where the work can be done another time.
const BRIEFLY: &str = "200";
/// After how many milliseconds of waiting this looks for a deadlock.
const LOOK: &str = "10";

/// Runs `work`, which writes rows of the ledger, and runs it again where it waited in vain or in a circle, for as long as the
/// caller's `lock_timeout` has it.
///
/// A publication `FOR ALL TABLES` brings the rows of another database's ledger. A trigger drops each, but the apply worker has
/// locked our row of the same key by then, until its transaction ends, and so do we, in an order of our own. An error would
/// hold all rows up until the apply worker begins again, and nobody is held up by this one's.
pub fn giving_way<R>(work: impl Fn() -> Result<R>) -> Result<R> {
    // SAFETY: a plain variable of this backend, in milliseconds; 0: no limit.
    let limit = unsafe { pg_sys::LockTimeout };
    let until = u64::try_from(limit).ok().filter(|limit| *limit > 0).map(|limit| Instant::now() + Duration::from_millis(limit));
    loop {
        match within(PATIENCE, &work) {
            Err(caught) if in_the_way(&caught) && until.is_none_or(|until| Instant::now() < until) => {}
            outcome => return outcome.map_err(Error::from),
        }
    }
}

/// Runs `work`, which reads what users lock, unless somebody holds it locked: then what it did is undone, and there is none.
pub fn briefly<R>(work: impl FnOnce() -> Result<R>) -> Result<Option<R>> {
    match within(BRIEFLY, work) {
        Err(caught) if in_the_way(&caught) => Ok(None),
        outcome => outcome.map(Some).map_err(Error::from),
    }
}

/// Runs `work` in a subtransaction that waits so long for a lock.
fn within<R>(patience: &str, work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Caught> {
    let settings = command::settings();
    settings.set("deadlock_timeout", LOOK);
    settings.set("lock_timeout", patience);
    subtransaction(work)
}

/// Whether it was another session that something failed for.
fn in_the_way(caught: &Caught) -> bool {
    matches!(caught.code, PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE | PgSqlErrorCode::ERRCODE_T_R_DEADLOCK_DETECTED)
}
