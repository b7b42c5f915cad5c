//! What a source knows of its replicas: who they are, what they take, what they answered, and each
//! failure state's way out.
//!
//! The functions here run in a person's transaction and only write down what is wanted; the worker
//! acts on it after the commit. `record` and `roster` are the worker's own side of the same tables.

mod divergence;
mod drift;
mod inspected;
pub mod journal;
pub mod mending;
pub mod record;
pub mod roster;
pub mod rows;
mod wait;

pub use divergence::{decide, request as resolve};
pub use drift::{Drifted, asked, drift, synchronize};
pub use wait::wait_for_replica;

use crate::conninfo::{Conninfo, Environment};
use crate::error::{Error, Result};
use crate::ledger;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::{command, wake, xact};
use crate::protocol::Policy;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// `accord.add_replica`
pub fn add_replica(spi: &Spi, name: &str, conninfo: &str, policy: &Value) -> Result<()> {
    if name.is_empty() || name.len() > 63 || name.chars().any(char::is_control) {
        return Err(Error::invalid("a replica's name has 1 to 63 bytes and no control characters")
            .hint("Names are yours to choose, e.g. 'warehouse'."));
    }
    let read = Conninfo::parse(conninfo).map_err(|error| bad_conninfo(&error))?;
    // Files are the worker's to read when it connects; what is wrong with them now is worth saying now.
    read.resolve(&Environment::of_process()).map_err(|error| bad_conninfo(&error))?;
    let policy = Policy::read(policy).map_err(|what| {
        Error::invalid("the policy cannot be read")
            .detail(format!("{what}."))
            .hint("docs/reference.md lists every field of a policy with its values.")
    })?;
    let projection = ledger::projection_text(&policy.projection())?;
    let rows = spi.query(
        "INSERT INTO accord.replica (name, conninfo, policy, projection) VALUES ($1, $2, $3::jsonb, $4) ON CONFLICT (name) DO NOTHING RETURNING id",
        &[Arg::Text(name), Arg::Text(conninfo), Arg::Text(&serde_json::to_string(&policy)?), Arg::Text(&projection)],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT, format!("replica \"{name}\" already exists"))
            .hint("Choose another name, or SELECT accord.drop_replica(…) first: a replica that is added again keeps its place."));
    }
    xact::mark_captured();
    if !wake::worker_running() {
        Error::state("no worker serves this database: nothing is delivered until one does").hint(no_worker_hint()).warn();
    }
    Ok(())
}

fn bad_conninfo(error: &crate::conninfo::ConninfoError) -> Error {
    Error::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("the connection string cannot be used: {error}")).hint(
        "It is written as for libpq: host=… dbname=… user=…, or postgresql://…; keep the password in a password file or a service file.",
    )
}

fn no_worker_hint() -> String {
    if wake::preloaded() {
        "Name this database in accord.databases (postgresql.conf) and reload; see the server's log if it is named already.".to_owned()
    } else {
        "Set shared_preload_libraries = 'pg_accord' and accord.databases in postgresql.conf, and restart the server.".to_owned()
    }
}

/// `accord.drop_replica`
pub fn drop_replica(spi: &Spi, name: &str) -> Result<()> {
    if spi.query("DELETE FROM accord.replica WHERE name = $1 RETURNING id", &[Arg::Text(name)], See::Transaction)?.is_empty() {
        return Err(unknown(spi, name)?);
    }
    xact::mark_captured();
    Ok(())
}

/// A replica's row, locked: the worker leaves it alone until this transaction ends.
struct Locked {
    state: String,
    acknowledged: Option<i64>,
}

fn lock(spi: &Spi, name: &str) -> Result<Locked> {
    let rows = spi.query(
        "SELECT r.state, r.acknowledged FROM accord.replica r WHERE r.name = $1 FOR UPDATE",
        &[Arg::Text(name)],
        See::Transaction,
    )?;
    match rows.first() {
        Some(row) => Ok(Locked { state: row.text(0), acknowledged: row.maybe_int(1) }),
        None => Err(unknown(spi, name)?),
    }
}

fn unknown(spi: &Spi, name: &str) -> Result<Error> {
    let rows = spi.query("SELECT r.name FROM accord.replica r ORDER BY r.name LIMIT 20", &[], See::Latest)?;
    let names: Vec<String> = rows.iter().map(|row| format!("\"{}\"", row.text(0))).collect();
    let error = Error::undefined(format!("replica \"{name}\" does not exist"));
    Ok(if names.is_empty() {
        error.hint("There are no replicas yet: SELECT accord.add_replica(name, conninfo).")
    } else {
        error.hint(format!("Replicas are {}.", names.join(", ")))
    })
}

/// Clears a failure and makes the worker look again after the commit.
fn nudge(spi: &Spi, name: &str) -> Result<()> {
    xact::mark_captured();
    spi.run(
        "UPDATE accord.replica SET state = 'connecting', reason = NULL, attempts = 0, retry_at = NULL, nudges = nudges + 1, changed_at = clock_timestamp()
          WHERE name = $1",
        &[Arg::Text(name)],
    )
}

/// `accord.pause_replica`
pub fn pause_replica(spi: &Spi, name: &str) -> Result<()> {
    if lock(spi, name)?.state == "paused" {
        return Ok(());
    }
    let session = command::users().0;
    let reason = json!({
        "code": "paused",
        "message": format!("paused by {session}"),
        "hint": resolution("paused", name, None),
    });
    xact::mark_captured();
    spi.run(
        "UPDATE accord.replica SET state = 'paused', reason = $2::jsonb, retry_at = NULL, changed_at = clock_timestamp() WHERE name = $1",
        &[Arg::Text(name), Arg::Text(&reason.to_string())],
    )
}

/// `accord.resume_replica`
pub fn resume_replica(spi: &Spi, name: &str) -> Result<()> {
    let row = lock(spi, name)?;
    if row.state != "paused" {
        return Err(not_in(name, "paused", &row.state));
    }
    nudge(spi, name)
}

/// `accord.retry`
pub fn retry(spi: &Spi, name: &str) -> Result<()> {
    let row = lock(spi, name)?;
    if row.state == "paused" {
        return Err(Error::state(format!("replica \"{name}\" is paused")).hint(resolution("paused", name, None)));
    }
    // Harmless where nothing failed: the replica is asked anew what it has.
    mending::give_up(spi, name)?;
    nudge(spi, name)
}

/// `accord.approve`
pub fn approve(spi: &Spi, name: &str, version: i64) -> Result<()> {
    lock(spi, name)?;
    let session = command::users().0;
    let rows = spi.query(
        "UPDATE accord.delivery SET approved_by = $3, approved_at = clock_timestamp() WHERE replica = $1 AND version = $2 AND state = 'held' RETURNING version",
        &[Arg::Text(name), Arg::Int(version), Arg::Text(&session)],
        See::Transaction,
    )?;
    if !rows.is_empty() {
        return nudge(spi, name);
    }
    // One that waits for rows is applied without them.
    let rows = spi.query(
        "UPDATE accord.delivery SET unfenced_by = $3 WHERE replica = $1 AND version = $2 AND state = 'waiting for rows' RETURNING version",
        &[Arg::Text(name), Arg::Int(version), Arg::Text(&session)],
        See::Transaction,
    )?;
    if !rows.is_empty() {
        return nudge(spi, name);
    }
    if mending::approve(spi, name, version, &session)? {
        return nudge(spi, name);
    }
    let rows = spi.query(
        "SELECT (SELECT d.state FROM accord.delivery d WHERE d.replica = $1 AND d.version = $2), (SELECT min(d.version) FROM accord.delivery d WHERE d.replica = $1 AND d.state = 'held')",
        &[Arg::Text(name), Arg::Int(version)],
        See::Transaction,
    )?;
    let (state, held) = rows.first().map_or((None, None), |row| (row.maybe_text(0), row.maybe_int(1)));
    let error = Error::state(format!("version {version} is not held by replica \"{name}\""))
        .detail(state.map_or_else(|| "It was not offered to it yet.".to_owned(), |state| format!("It is {state} there.")));
    Err(match held {
        Some(held) => error.hint(format!("Version {held} is: {}", resolution("held", name, Some(held)))),
        None => error.hint("accord.status shows where each replica stands."),
    })
}

/// `accord.skip`
pub fn skip(spi: &Spi, name: &str, version: i64, reason: &str) -> Result<()> {
    let row = lock(spi, name)?;
    if reason.trim().is_empty() {
        return Err(Error::invalid("a version is skipped for a reason").hint("Say why: it is kept on both sides."));
    }
    let head = ledger::head(spi)?.version;
    if version > head || version < 0 {
        return Err(Error::undefined(format!("version {version} does not exist")).detail(format!("The newest version is {head}.")));
    }
    match row.acknowledged {
        Some(has) if version <= has => {
            return Err(
                Error::state(format!("replica \"{name}\" has version {version} already")).detail(format!("It acknowledged version {has}."))
            );
        }
        Some(has) if version > has + 1 => {
            return Err(Error::state(format!("version {version} is not the next one for replica \"{name}\""))
                .hint(format!("The next one is version {}.", has + 1)));
        }
        _ => {}
    }
    spi.run(
        "INSERT INTO accord.delivery (replica, version, state, skip_reason) VALUES ($1, $2, 'offered', $3)
         ON CONFLICT (replica, version) DO UPDATE SET skip_reason = excluded.skip_reason",
        &[Arg::Text(name), Arg::Int(version), Arg::Text(reason)],
    )?;
    if row.state == "paused" {
        pgrx::notice!("replica \"{name}\" is paused: {}", resolution("paused", name, None));
        return Ok(());
    }
    nudge(spi, name)
}

fn not_in(name: &str, wanted: &str, state: &str) -> Error {
    let hint = resolution(state, name, None);
    let error = Error::state(format!("replica \"{name}\" is not {wanted}")).detail(format!("It is {state}."));
    if hint.is_empty() { error } else { error.hint(hint) }
}

/// The one function that resolves a failure state, as a sentence; empty where nothing needs to be done.
/// Without a version there is nothing to approve or to skip.
pub fn resolution(state: &str, name: &str, version: Option<i64>) -> String {
    let name = crate::model::Literal(name);
    match (state, version) {
        ("held", Some(version)) => format!("SELECT accord.approve({name}, {version}), or accord.skip({name}, {version}, 'why')."),
        ("rejected", Some(version)) => {
            format!("When the cause is gone, SELECT accord.retry({name}), or accord.skip({name}, {version}, 'why').")
        }
        ("held" | "rejected", None) => format!("When the cause is gone, SELECT accord.retry({name})."),
        ("paused", _) => format!("When the cause is gone, SELECT accord.resume_replica({name})."),
        ("diverged", _) => format!("When both sides agree again, SELECT accord.retry({name})."),
        _ => String::new(),
    }
}
