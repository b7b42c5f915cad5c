//! Questions to the ledger.

use super::store::{self, Unsealed};
use super::sums::Sums;
use super::surroundings::Ledger;
use crate::capture;
use crate::diff::{Change, reversed};
use crate::error::{Error, Result};
use crate::model::{Fact, FactId, Fingerprint, Model, Projection};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::{self, Plan, Surroundings};

/// The newest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub version: i64,
    /// Its id.
    pub id: Fingerprint,
}

/// The newest sealed version.
pub fn head(spi: &Spi) -> Result<Head> {
    let rows = spi.query("SELECT v.version, v.id FROM accord.version v ORDER BY v.version DESC LIMIT 1", &[], See::Latest)?;
    let row = rows.first().ok_or_else(|| Error::state("this database has no ledger").hint("CREATE EXTENSION pg_accord makes one."))?;
    Ok(Head { version: row.int(0), id: Fingerprint(row.hash(1)?) })
}

/// The fingerprint of the last known facts, unsealed events included; with `verify`, of the catalogs
/// as they are read now, which must agree.
pub fn fingerprint(spi: &Spi, verify: bool, projection: &Projection) -> Result<Fingerprint> {
    let _frozen = spi.freeze();
    if verify {
        let _pinned = command::pin();
        return Ok(Sums::of_many(capture::read_unlinked(spi)?)?.fingerprint(projection));
    }
    let unsealed = store::unsealed(spi)?;
    // The sums of a large schema are many: where nothing is on its way, the newest version has their sum.
    if unsealed.is_empty() && *projection == Projection::default() {
        let head = spi.query("SELECT v.fingerprint FROM accord.version v ORDER BY v.version DESC LIMIT 1", &[], See::Latest)?;
        if let Some(row) = head.first() {
            return Ok(Fingerprint(row.hash(0)?));
        }
    }
    Ok(last_known_sums(spi, &unsealed)?.fingerprint(projection))
}

/// The stored sums with what unsealed events changed.
fn last_known_sums(spi: &Spi, unsealed: &Unsealed) -> Result<Sums> {
    let mut sums = Sums::read(spi, See::Latest)?;
    for (known, fact) in unsealed.before.iter().zip(store::load(spi, &unsealed.before)?) {
        sums.remove(&fact.id, &known.hash);
    }
    for fact in store::load(spi, &unsealed.after)? {
        sums.add(&fact.id, &fact.hash());
    }
    Ok(sums)
}

/// The last known facts as a model.
pub fn model_at_head(spi: &Spi, projection: &Projection) -> Result<Model> {
    let known = store::everything(spi)?;
    let facts = store::load(spi, &known)?.into_iter().filter(|fact| projection.mirrors(&fact.id));
    Model::new(facts).map_err(|e| Error::internal(e.to_string()))
}

/// The facts as of a version: the last known ones, with what came after it undone.
fn as_of(spi: &Spi, version: i64) -> Result<Ledger<'_>> {
    let mut ledger = Ledger::new(spi);
    let later = spi.query(
        "SELECT e.changes::text FROM accord.event e LEFT JOIN accord.version v ON v.xid = e.xid
          WHERE v.version > $1 OR v.version IS NULL ORDER BY v.version DESC NULLS FIRST, e.seq DESC",
        &[Arg::Int(version)],
        See::Latest,
    )?;
    for event in later {
        let changes: Vec<Change> = serde_json::from_str(&event.text(0))?;
        ledger.follow(&reversed(&changes));
    }
    Ok(ledger)
}

/// The plans that lead from a version back to the one before it: one a captured command, the last
/// command's first.
pub fn reverse_plans(spi: &Spi, version: i64) -> Result<Vec<Plan>> {
    let _frozen = spi.freeze();
    let rows = spi.query("SELECT v.xid::text FROM accord.version v WHERE v.version = $1", &[Arg::Int(version)], See::Latest)?;
    let Some(row) = rows.first() else { return Err(super::prune::no_version(spi, version)?) };
    let Some(xid) = row.maybe_text(0) else {
        return Err(
            Error::invalid("version 0 cannot be reversed").detail("Version 0 is what was in the database when pg_accord was installed.")
        );
    };
    let events = spi.query(
        "SELECT e.changes::text, e.unmodelled, e.tag FROM accord.event e WHERE e.xid = $1::xid8 ORDER BY e.seq DESC",
        &[Arg::Text(&xid)],
        See::Latest,
    )?;
    let mut ledger = as_of(spi, version)?;
    events
        .iter()
        .map(|event| {
            if let Some(crate::catalog::Cell::TextArray(list)) = event.get(1)
                && !list.is_empty()
            {
                return Err(Error::new(
                    pgrx::PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                    format!("version {version} holds changes that are not modelled"),
                )
                .detail(format!("{}: {}.", event.text(2), list.join(", ")))
                .hint("Reverse them by hand; accord.events shows the statement."));
            }
            let changes: Vec<Change> = serde_json::from_str(&event.text(0))?;
            let back = reversed(&changes);
            let plan = plan::plan(&back, &ledger, &plan::Options { major: command::major(), ..plan::Options::default() }).map_err(|e| {
                Error::new(pgrx::PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, format!("version {version} cannot be reversed"))
                    .detail(e.to_string())
            })?;
            ledger.follow(&back);
            Ok(plan)
        })
        .collect()
}

/// What an event's changes destroyed and their reverse would destroy, in words.
pub fn losses(changes: serde_json::Value) -> Result<Vec<String>> {
    struct Nowhere;
    impl Surroundings for Nowhere {
        fn get(&self, _: &FactId) -> Option<Fact> {
            None
        }
        fn children(&self, _: &FactId) -> Vec<Fact> {
            Vec::new()
        }
        fn dependents(&self, _: &FactId) -> Vec<Fact> {
            Vec::new()
        }
    }
    let changes: Vec<Change> = serde_json::from_value(changes).map_err(|e| {
        Error::invalid("these are no changes of an event").detail(format!("{e}.")).hint("SELECT changes FROM accord.events shows some.")
    })?;
    let mut words = Vec::new();
    for list in [reversed(&changes), changes] {
        match plan::plan(&list, &Nowhere, &plan::Options { major: command::major(), ..plan::Options::default() }) {
            Ok(plan) => words.extend(plan.steps.into_iter().flat_map(|s| s.losses).map(|l| l.what)),
            Err(e) => words.push(e.to_string()),
        }
    }
    words.sort();
    words.dedup();
    Ok(words)
}

/// How long `accord.version()` waits for the worker to seal what was committed before the call.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// The newest version, once everything committed before the call is sealed: by the worker, or here
/// where there is none.
pub fn version(spi: &Spi) -> Result<i64> {
    let unsealed = |upto: i64| -> Result<bool> {
        let rows = spi.query(
            "SELECT FROM accord.pending p JOIN accord.event e USING (seq) WHERE p.seq <= $1 AND e.xid IS DISTINCT FROM pg_catalog.pg_current_xact_id_if_assigned() LIMIT 1",
            &[Arg::Int(upto)],
            See::Latest,
        )?;
        Ok(!rows.is_empty())
    };
    let newest = spi.query("SELECT max(p.seq) FROM accord.pending p", &[], See::Latest)?;
    if let Some(upto) = newest.first().and_then(|row| row.maybe_int(0)) {
        let begun = std::time::Instant::now();
        while unsealed(upto)? {
            if !crate::pg::wake::worker_running() {
                if command::read_committed() && !command::in_recovery() {
                    let _pinned = command::pin();
                    super::seal(spi)?;
                }
                break;
            }
            if begun.elapsed() > PATIENCE {
                return Err(Error::new(
                    pgrx::PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
                    "the worker has not sealed what was committed before this call",
                )
                .hint("SELECT * FROM accord.status shows what the worker does; the server's log says why it is late."));
            }
            crate::pg::wake::wake_worker();
            command::nap(2);
        }
    }
    Ok(head(spi)?.version)
}
