//! Whether the extension's objects in this database are those that this library was built with.

use super::spi::{Cells, See, Spi};
use crate::error::{Error, Result};

/// The version of this library.
pub const LIBRARY_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The error of objects of another version: a new library was installed, and ALTER EXTENSION has not followed, or
/// this process has loaded the one before.
pub fn outdated(spi: &Spi) -> Result<Option<Error>> {
    let sql = "SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'pg_accord'";
    let rows = spi.query(sql, &[], See::Latest)?;
    let Some(objects) = rows.first().map(|row| row.text(0)) else { return Ok(None) };
    Ok((objects != LIBRARY_VERSION).then(|| {
        Error::state(format!("pg_accord's objects in this database are of version {objects}, its library is of {LIBRARY_VERSION}"))
            .detail("Schema changes are recorded meanwhile; nothing is delivered or applied.")
            .hint("ALTER EXTENSION pg_accord UPDATE brings the objects up to the library; after an update, sessions that are older than it connect anew.")
    }))
}
