//! Who is here, and how far a source's history has come.

use super::{mirror, rows};
use crate::error::{Error, Result};
use crate::pg::command;
use crate::pg::spi::{Cells, See, Spi};
use crate::protocol::{Hello, OLDEST_PROTOCOL, PROTOCOL_VERSION, Standing};
use pgrx::PgSqlErrorCode;

/// Answers a source's greeting.
pub fn hello(spi: &Spi, message: serde_json::Value) -> Result<Standing> {
    let hello: Hello = serde_json::from_value(message).map_err(|e| {
        Error::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "this is no greeting of pg_accord's protocol")
            .detail(e.to_string())
            .hint("A greeting is {\"protocol\": 2, \"source\": \"<uuid>\", \"replica\": \"<name>\"}.")
    })?;
    if !(OLDEST_PROTOCOL..=PROTOCOL_VERSION).contains(&hello.protocol) {
        return Err(Error::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("protocol version {} is not known here", hello.protocol),
        )
        .detail(format!("This server speaks protocol versions {OLDEST_PROTOCOL} to {PROTOCOL_VERSION}."))
        .hint("Bring both sides to versions of pg_accord that share a protocol."));
    }
    if command::in_recovery() {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION, "the replica is a standby server: nothing can be applied there")
            .detail("The server is in recovery.")
            .hint("Connect to its primary (target_session_attrs = read-write chooses among several hosts), or promote it: it is tried again by itself."));
    }
    let _pinned = command::pin();
    if let Some(outdated) = crate::pg::installed::outdated(spi)? {
        return Err(outdated);
    }
    if !crate::pg::wake::worker_running() && command::read_committed() {
        crate::ledger::seal(spi)?;
    }
    // After it: what was not sealed has the OIDs of before, too.
    if crate::ledger::moved(spi)? {
        crate::ledger::reconcile(spi)?;
    }
    let _frozen = spi.freeze();
    let ledger = spi.query("SELECT l.id::text FROM accord.ledger l", &[], See::Latest)?;
    let ledger = ledger.first().ok_or_else(|| Error::state("this database has no ledger").hint("CREATE EXTENSION pg_accord makes one."))?;
    let upstream = mirror::upstream(spi, hello.source)?;
    let drift = if upstream.is_some() { mirror::drift(spi, hello.source, 10)? } else { Vec::new() };
    Ok(Standing {
        // The caller's: both sides go on in it.
        protocol: hello.protocol,
        extension: crate::pg::installed::LIBRARY_VERSION.to_owned(),
        server_version: command::server_version_num(),
        ledger: ledger.text(0).parse().map_err(|_| Error::internal("the ledger's id is no UUID"))?,
        fingerprint: upstream.as_ref().map(|u| u.lanes.fingerprint()),
        subscriptions: rows::subscriptions(spi)?,
        position: upstream.map(|u| u.position),
        drift,
    })
}
