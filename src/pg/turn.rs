//! One at a time: what two sessions must not do at once.
//!
//! Locks on the extension itself, not advisory ones: whoever can connect can take any advisory lock, and hold it.

use super::class;
use crate::error::{Error, Result};
use pgrx::pg_sys;

/// What is done by one transaction at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Numbering versions, and comparing the ledger with the catalogs.
    Seal = 1,
    /// Applying on a replica: two connections of one source cannot both record.
    Apply = 2,
}

/// Waits for its turn and keeps it until the transaction ends. In recovery nothing can be written: there is none to keep.
pub fn take(turn: Turn) -> Result<()> {
    // SAFETY: a lock that the transaction's end releases; no other user of the server's locks on objects gives a
    // sub-object's number.
    unsafe {
        if pg_sys::RecoveryInProgress() {
            return Ok(());
        }
        let extension = hold()?;
        pg_sys::LockDatabaseObject(pg_sys::Oid::from(class::EXTENSION), extension, turn as u16, pg_sys::ExclusiveLock as i32);
    }
    Ok(())
}

/// Waits for everybody who keeps the extension, and keeps it alone until the transaction ends.
pub fn take_all() -> Result<()> {
    // SAFETY: a lock that the transaction's end releases, on what `hold` found.
    unsafe {
        let extension = hold()?;
        pg_sys::LockDatabaseObject(pg_sys::Oid::from(class::EXTENSION), extension, 0, pg_sys::AccessExclusiveLock as i32);
    }
    Ok(())
}

/// Keeps the extension until the transaction ends: DROP EXTENSION, which begins with a lock on the extension and
/// goes on to its tables in an order of its own, waits instead of meeting the transaction half-way. A DROP that is
/// on its way is waited for; the error says that it was committed.
pub fn hold() -> Result<pg_sys::Oid> {
    let missing = || Error::undefined("extension \"pg_accord\" does not exist in this database");
    // SAFETY: look-ups by a constant name, and a lock that the transaction's end releases. Taking the lock
    // brings the caches up to date.
    unsafe {
        let extension = pg_sys::get_extension_oid(c"pg_accord".as_ptr(), true);
        if extension == pg_sys::Oid::INVALID {
            return Err(missing());
        }
        pg_sys::LockDatabaseObject(pg_sys::Oid::from(class::EXTENSION), extension, 0, pg_sys::AccessShareLock as i32);
        if pg_sys::get_extension_oid(c"pg_accord".as_ptr(), true) != extension {
            return Err(missing());
        }
        Ok(extension)
    }
}
