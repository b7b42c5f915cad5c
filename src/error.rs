//! Domain errors, and the one place where they become PostgreSQL errors: SQLSTATE, message, detail, hint.
//!
//! PostgreSQL's own errors (from SPI, from the catalogs) pass through us as panics and are caught
//! only inside a subtransaction ([`crate::pg::subtransaction`]); they never become an [`Error`] by
//! themselves.

use pgrx::prelude::*;

/// What a function of pg_accord reports.
#[derive(Debug)]
pub struct Error {
    sqlstate: PgSqlErrorCode,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with its SQLSTATE and message (lower case, no full stop, as PostgreSQL's style asks).
    pub fn new(sqlstate: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None }
    }
    /// Something that cannot happen unless the extension has a defect or its tables were tampered with.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message)
    }
    /// A bad argument.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
    }
    /// Something that is named and does not exist.
    pub fn undefined(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, message)
    }
    /// A state in which what was asked cannot be done.
    pub fn state(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    }
    /// Adds the detail: full sentences.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// Adds the hint: what to do, naming the function that helps.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// The SQLSTATE.
    pub fn sqlstate(&self) -> PgSqlErrorCode {
        self.sqlstate
    }
    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// The detail.
    pub fn detail_text(&self) -> Option<&str> {
        self.detail.as_deref()
    }
    /// The hint.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
    /// Raises it as a PostgreSQL error.
    pub fn raise(self) -> ! {
        self.report(PgLogLevel::ERROR);
        unreachable!("an ERROR does not return")
    }
    /// Says it as a warning.
    pub fn warn(self) {
        self.report(PgLogLevel::WARNING);
    }
    fn report(self, level: PgLogLevel) {
        let mut report = pgrx::pg_sys::panic::ErrorReport::new(self.sqlstate, self.message, "pg_accord");
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report.report(level);
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<crate::catalog::Malformed> for Error {
    fn from(error: crate::catalog::Malformed) -> Self {
        Self::internal(error.to_string()).hint("This is a defect of pg_accord: the server's catalogs are not as it expects them.")
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, format!("a stored document cannot be read: {error}"))
            .hint("The tables of schema accord are written only by the extension's functions.")
    }
}

/// Unwraps at the SQL boundary, raising a domain error as a PostgreSQL error.
pub trait OrRaise<T> {
    /// The value, or the error raised.
    fn or_raise(self) -> T;
}

impl<T> OrRaise<T> for Result<T> {
    fn or_raise(self) -> T {
        self.unwrap_or_else(|error| error.raise())
    }
}
