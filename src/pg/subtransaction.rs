//! Catching a PostgreSQL error without corrupting the transaction around it.

use crate::error::{Error, Result};
use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;

/// A PostgreSQL error that was caught and undone.
#[derive(Clone, Debug)]
pub struct Caught {
    /// Five characters.
    pub sqlstate: String,
    /// The code, for comparing.
    pub code: PgSqlErrorCode,
    /// Message.
    pub message: String,
    /// Detail.
    pub detail: Option<String>,
    /// Hint.
    pub hint: Option<String>,
}

impl std::fmt::Display for Caught {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ERROR {}: {}", self.sqlstate, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}

impl From<Caught> for Error {
    fn from(caught: Caught) -> Self {
        let mut error = Self::new(caught.code, caught.message);
        if let Some(detail) = caught.detail {
            error = error.detail(detail);
        }
        if let Some(hint) = caught.hint {
            error = error.hint(hint);
        }
        error
    }
}

/// The five characters of an SQLSTATE, from the server's packed form.
pub fn sqlstate_text(code: PgSqlErrorCode) -> String {
    let mut packed = code as i32;
    (0..5)
        .map(|_| {
            let c = char::from(((packed & 0x3f) as u8) + b'0');
            packed >>= 6;
            c
        })
        .collect()
}

/// Turns what pgrx caught into an owned error.
pub fn caught(error: &CaughtError) -> Caught {
    let report = match error {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    };
    Caught {
        sqlstate: sqlstate_text(report.sql_error_code()),
        code: report.sql_error_code(),
        message: report.message().to_owned(),
        detail: report.detail().map(str::to_owned),
        hint: report.hint().map(str::to_owned),
    }
}

/// Runs `work` in a subtransaction: released if it returns `Ok`, rolled back if it returns `Err` or
/// raises a PostgreSQL error, which is handed out as [`Caught`].
///
/// A query cancel or a shutdown is not swallowed: it is raised again after the rollback.
pub fn subtransaction<R>(work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Caught> {
    ending(true, work)
}

/// Runs `work`, which only reads, in a subtransaction that is rolled back either way: what it locked is let go.
pub fn undone<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    ending(false, work).map_err(Error::from)
}

fn ending<R>(keep: bool, work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Caught> {
    // SAFETY: the order of calls is that of PL/pgSQL's exec_stmt_block: the memory context and the
    // resource owner of before are restored after the subtransaction has ended, either way.
    unsafe {
        let context = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(context);
        let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
            work().map_err(|error: Error| Caught {
                sqlstate: sqlstate_text(error.sqlstate()),
                code: error.sqlstate(),
                message: error.message().to_owned(),
                detail: error.detail_text().map(str::to_owned),
                hint: error.hint_text().map(str::to_owned),
            })
        }))
        .catch_others(|error| Err(caught(&error)))
        .catch_rust_panic(|error| Err(caught(&error)))
        .execute();
        pg_sys::MemoryContextSwitchTo(context);
        if keep && outcome.is_ok() {
            pg_sys::ReleaseCurrentSubTransaction();
        } else {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
        if let Err(error) = &outcome
            && matches!(
                error.code,
                PgSqlErrorCode::ERRCODE_QUERY_CANCELED | PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN | PgSqlErrorCode::ERRCODE_CRASH_SHUTDOWN
            )
        {
            Error::new(error.code, error.message.clone()).raise();
        }
        outcome
    }
}
