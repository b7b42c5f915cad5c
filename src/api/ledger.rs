//! Versions, fingerprints, models, reverse DDL.
//!
//! What runs with the owner's rights runs under the pinned path: a caller's search_path would choose the
//! operators.

use crate::error::{Error, OrRaise, Result};
use crate::ledger;
use crate::model::{Kind, Projection};
use crate::pg::document::{Json, Jsonb};
use crate::pg::{command, spi};
use crate::secrets;
use pgrx::JsonB;
use pgrx::prelude::*;

pub(super) fn projection(document: Jsonb) -> Result<Projection> {
    let read = if document.0.is_object() {
        serde_json::from_value(document.0).map_err(|e| format!("{e}."))
    } else {
        Err("It is a JSON object.".to_owned())
    };
    read.map_err(|what| {
        Error::invalid("the projection cannot be read")
            .detail(what)
            .hint("A projection is e.g. {\"schemas\": [\"shop\"], \"owners\": true, \"privileges\": true, \"column_order\": false}.")
    })
}

/// Whether the caller may see what passwords the facts hold: the extension's owner, and who has its rights.
pub(super) fn sees_secrets() -> bool {
    spi::connect(|spi| {
        let sql = "SELECT pg_catalog.pg_has_role((SELECT e.extowner FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'pg_accord'), 'USAGE')";
        spi.query(sql, &[], spi::See::Transaction)
    })
    .or_raise()
    .first()
    .is_some_and(|row| spi::Cells::bool(row, 0))
}

/// A document (of changes, steps, facts) without the secrets in it: what the views show.
#[pg_extern(stable, parallel_unsafe)]
fn mask_secrets(document: Json) -> pgrx::Json {
    let Json(mut document) = document;
    secrets::mask_document(&mut document);
    pgrx::Json(document)
}

/// Called once, by CREATE EXTENSION: what is in the database becomes version 0.
#[pg_extern(volatile, parallel_unsafe)]
fn initialize() -> i64 {
    spi::connect(ledger::initialize).or_raise()
}

/// Seals what is committed: for databases without a worker. Returns the newest version.
#[pg_extern(volatile, parallel_unsafe)]
fn seal() -> i64 {
    if !command::read_committed() {
        Error::state("versions are sealed under READ COMMITTED only")
            .hint("Call accord.seal() outside a transaction block, or begin one with ISOLATION LEVEL READ COMMITTED.")
            .raise();
    }
    let _pinned = command::pin();
    spi::connect(ledger::seal).or_raise().head
}

/// The newest version, once everything that was committed before the call is sealed.
#[pg_extern(volatile, parallel_unsafe)]
fn version() -> i64 {
    let _pinned = command::pin();
    spi::connect(ledger::version).or_raise()
}

/// Reads the whole catalog and records what no event trigger saw. Returns how many facts differed.
#[pg_extern(volatile, parallel_unsafe)]
fn reconcile() -> i64 {
    spi::connect(|spi| ledger::reconcile(spi).map(|found| found as i64)).or_raise()
}

/// Ends what was kept for `accord.retention`: for databases without a worker. Returns how many versions went.
#[pg_extern(volatile, parallel_unsafe)]
fn prune() -> i64 {
    let _pinned = command::pin();
    spi::connect(|spi| ledger::prune(spi, i64::MAX)).or_raise()
}

/// Waits until nothing of pg_accord's own is under way here, and keeps it so until the transaction ends. For the
/// scripts of ALTER EXTENSION pg_accord UPDATE, whose locks would meet the workers' half-way.
#[pg_extern(volatile, parallel_unsafe)]
fn hold_still() {
    crate::pg::turn::take_all().or_raise();
}

/// The fingerprint of this database's schema: a read of the running sum, or with `verify` of the catalogs.
#[pg_extern(volatile, parallel_unsafe)]
fn fingerprint(verify: default!(bool, false), projection: default!(Jsonb, "'{}'")) -> String {
    let _pinned = command::pin();
    let projection = self::projection(projection).or_raise();
    spi::connect(|spi| ledger::fingerprint(spi, verify, &projection)).or_raise().to_string()
}

fn document(version: Option<i64>, projection: Jsonb, keys: bool) -> Result<JsonB> {
    let trusted = sees_secrets();
    let _pinned = command::pin();
    let projection = self::projection(projection)?;
    let mut document = spi::connect(|spi| ledger::document(spi, version, &projection, keys))?;
    if !trusted {
        secrets::mask_document(&mut document);
    }
    Ok(JsonB(document))
}

/// The model of this database's schema, for people. With `keys`, each fact carries what tells it from
/// another under its name.
#[pg_extern(volatile, parallel_unsafe)]
fn model(projection: default!(Jsonb, "'{}'"), keys: default!(bool, false)) -> JsonB {
    document(None, projection, keys).or_raise()
}

/// The model as of a version.
#[pg_extern(volatile, parallel_unsafe, name = "model")]
fn model_of_version(version: i64, projection: default!(Jsonb, "'{}'"), keys: default!(bool, false)) -> JsonB {
    document(Some(version), projection, keys).or_raise()
}

/// The statements that lead from a version back to the one before it.
#[pg_extern(volatile, parallel_unsafe)]
fn reverse_ddl(version: i64) -> SetOfIterator<'static, String> {
    let trusted = sees_secrets();
    let _pinned = command::pin();
    let mut plans = spi::connect(|spi| ledger::reverse_plans(spi, version)).or_raise();
    if !trusted {
        for plan in &mut plans {
            secrets::mask_steps(&mut plan.steps);
        }
    }
    SetOfIterator::new(plans.into_iter().flat_map(|plan| plan.steps).map(|step| step.sql).collect::<Vec<_>>())
}

/// Executes a version's reverse DDL here, with the caller's rights, as a new change. Returns the number of statements.
#[pg_extern(volatile, parallel_unsafe)]
fn revert(version: i64) -> i64 {
    spi::connect(|spi| {
        let plans = {
            let _pinned = command::pin();
            ledger::reverse_plans(spi, version)?
        };
        let settings = command::settings();
        settings.set("check_function_bodies", "off");
        let (mut count, mut unseen) = (0, false);
        for step in plans.into_iter().flat_map(|plan| plan.steps) {
            spi.execute(&step.sql)?;
            count += 1;
            unseen |= step.facts.iter().any(|id| id.of.unwrap_or(id.kind) == Kind::EventTrigger);
        }
        if unseen {
            ledger::reconcile_event_triggers(spi)?;
        }
        Ok(count)
    })
    .or_raise()
}

/// What an event's changes, or their reverse, destroy.
#[pg_extern(stable, parallel_unsafe)]
fn event_loss(changes: Json) -> Vec<String> {
    ledger::losses(changes.0).or_raise()
}
