//! Versions, fingerprints, models, reverse DDL.

use crate::error::{Error, OrRaise, Result};
use crate::ledger;
use crate::model::Projection;
use crate::pg::{command, spi};
use pgrx::JsonB;
use pgrx::prelude::*;

pub(super) fn projection(document: &JsonB) -> Result<Projection> {
    serde_json::from_value(document.0.clone()).map_err(|e| {
        Error::invalid("the projection cannot be read")
            .detail(e.to_string())
            .hint("A projection is e.g. {\"schemas\": [\"shop\"], \"owners\": true, \"privileges\": true, \"column_order\": false}.")
    })
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
        Error::state("versions are sealed under READ COMMITTED only").raise();
    }
    let _pinned = command::pin();
    spi::connect(ledger::seal).or_raise().head
}

/// The newest version, once everything that was committed before the call is sealed.
#[pg_extern(volatile, parallel_unsafe)]
fn version() -> i64 {
    let _owner = command::become_owner();
    spi::connect(ledger::version).or_raise()
}

/// Reads the whole catalog and records what no event trigger saw. Returns how many facts differed.
#[pg_extern(volatile, parallel_unsafe)]
fn reconcile() -> i64 {
    spi::connect(|spi| ledger::reconcile(spi).map(|found| found as i64)).or_raise()
}

/// The fingerprint of this database's schema: a read of the running sum, or with `verify` of the catalogs.
#[pg_extern(volatile, parallel_unsafe)]
fn fingerprint(verify: default!(bool, false), projection: default!(JsonB, "'{}'")) -> String {
    let _owner = command::become_owner();
    let projection = self::projection(&projection).or_raise();
    spi::connect(|spi| ledger::fingerprint(spi, verify, &projection)).or_raise().to_string()
}

fn document(version: Option<i64>, projection: &JsonB, keys: bool) -> Result<JsonB> {
    let projection = self::projection(projection)?;
    spi::connect(|spi| ledger::document(spi, version, &projection, keys)).map(JsonB)
}

/// The model of this database's schema, for people. With `keys`, each fact carries what tells it from
/// another under its name.
#[pg_extern(volatile, parallel_unsafe)]
fn model(projection: default!(JsonB, "'{}'"), keys: default!(bool, false)) -> JsonB {
    let _owner = command::become_owner();
    document(None, &projection, keys).or_raise()
}

/// The model as of a version.
#[pg_extern(volatile, parallel_unsafe, name = "model")]
fn model_of_version(version: i64, projection: default!(JsonB, "'{}'"), keys: default!(bool, false)) -> JsonB {
    let _owner = command::become_owner();
    document(Some(version), &projection, keys).or_raise()
}

/// The statements that lead from a version back to the one before it.
#[pg_extern(volatile, parallel_unsafe)]
fn reverse_ddl(version: i64) -> SetOfIterator<'static, String> {
    let _owner = command::become_owner();
    let plans = spi::connect(|spi| ledger::reverse_plans(spi, version)).or_raise();
    SetOfIterator::new(plans.into_iter().flat_map(|plan| plan.steps).map(|step| step.sql).collect::<Vec<_>>())
}

/// Executes a version's reverse DDL here, with the caller's rights, as a new change. Returns the number of statements.
#[pg_extern(volatile, parallel_unsafe)]
fn revert(version: i64) -> i64 {
    spi::connect(|spi| {
        let plans = {
            let _owner = command::become_owner();
            ledger::reverse_plans(spi, version)?
        };
        let settings = command::settings();
        settings.set("check_function_bodies", "off");
        let mut count = 0;
        for step in plans.into_iter().flat_map(|plan| plan.steps) {
            spi.execute(&step.sql)?;
            count += 1;
        }
        Ok(count)
    })
    .or_raise()
}

/// What an event's changes, or their reverse, destroy.
#[pg_extern(stable, parallel_unsafe)]
fn event_loss(changes: pgrx::Json) -> Vec<String> {
    ledger::losses(changes.0).or_raise()
}
