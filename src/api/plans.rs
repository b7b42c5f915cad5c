//! Differences and plans between models and between versions.

#![allow(clippy::type_complexity)] // the columns' names

use super::ledger::sees_secrets;
use crate::error::{Error, OrRaise, Result};
use crate::ledger::{self, Compared};
use crate::model::Projection;
use crate::pg::document::Jsonb;
use crate::pg::{command, spi};
use crate::plan::Request;
use crate::secrets;
use pgrx::JsonB;
use pgrx::prelude::*;

type Difference = (String, String, Option<String>, Option<JsonB>, Option<JsonB>);
type Step = (i32, String, Option<String>, Vec<String>, bool, bool, bool, Vec<String>, Vec<String>, JsonB, Option<String>);

fn differences(compared: Result<Compared>, secrets: bool) -> Vec<Difference> {
    let rows = compared.and_then(|compared| compared.differences(secrets)).or_raise();
    rows.into_iter().map(|d| (d.change.to_owned(), d.id, d.was, d.before.map(JsonB), d.after.map(JsonB))).collect()
}

fn steps(planned: Result<Vec<ledger::PlannedStep>>) -> Vec<Step> {
    let row = |(i, planned): (usize, ledger::PlannedStep)| {
        let ledger::PlannedStep { step, cost } = planned;
        (
            i as i32 + 1,
            step.sql,
            step.lock.word().map(str::to_owned),
            step.locks.iter().map(ToString::to_string).collect(),
            step.rewrites,
            step.scans,
            !step.outside_transaction,
            step.losses.into_iter().map(|loss| loss.what).collect(),
            step.warnings,
            JsonB(serde_json::to_value(cost).unwrap_or_default()),
            step.compensation,
        )
    };
    planned.or_raise().into_iter().enumerate().map(row).collect()
}

/// The steps as the caller may see them.
fn shown(mut planned: Vec<ledger::PlannedStep>, trusted: bool) -> Vec<ledger::PlannedStep> {
    if !trusted {
        for planned in &mut planned {
            secrets::mask_steps(std::slice::from_mut(&mut planned.step));
        }
    }
    planned
}

fn request(options: &Jsonb) -> Result<Request> {
    Request::read(&options.0).map_err(|why| {
        Error::invalid("the options of a plan cannot be read").detail(why).hint(
            "Options are e.g. {\"online\": true, \"accept_hints\": 0.9, \"renames\": [{\"kind\": \"table\", \"from\": [\"shop\", \"a\"], \"to\": [\"shop\", \"b\"]}], \"sizes\": {\"shop.a\": {\"rows\": 1000, \"bytes\": 65536}}}.",
        )
    })
}

/// What differs between two models, fact by fact.
#[pg_extern(stable, parallel_unsafe)]
fn diff(
    a: Jsonb,
    b: Jsonb,
) -> TableIterator<
    'static,
    (name!(change, String), name!(id, String), name!(was, Option<String>), name!(before, Option<JsonB>), name!(after, Option<JsonB>)),
> {
    TableIterator::new(differences(ledger::compare_documents(a.0, b.0), true))
}

/// What differs between two versions, fact by fact.
#[pg_extern(volatile, parallel_unsafe, name = "diff")]
fn diff_versions(
    v1: i64,
    v2: i64,
    projection: default!(Option<Jsonb>, "NULL"),
) -> TableIterator<
    'static,
    (name!(change, String), name!(id, String), name!(was, Option<String>), name!(before, Option<JsonB>), name!(after, Option<JsonB>)),
> {
    let trusted = sees_secrets();
    let _pinned = command::pin();
    let compared = spi::connect(|spi| {
        let projection = projection.map_or_else(|| Ok(Projection::whole()), super::ledger::projection)?;
        ledger::compare_versions(spi, v1, v2, &projection)
    });
    TableIterator::new(differences(compared, trusted))
}

/// The statements that lead from one model to another.
#[pg_extern(volatile, parallel_unsafe)]
fn plan(
    a: Jsonb,
    b: Jsonb,
    options: default!(Jsonb, "'{}'"),
) -> TableIterator<
    'static,
    (
        name!(step, i32),
        name!(sql, String),
        name!(lock, Option<String>),
        name!(locks, Vec<String>),
        name!(rewrites, bool),
        name!(scans, bool),
        name!(transactional, bool),
        name!(loss, Vec<String>),
        name!(warnings, Vec<String>),
        name!(estimate, JsonB),
        name!(compensation, Option<String>),
    ),
> {
    let _pinned = command::pin();
    TableIterator::new(steps(spi::connect(|spi| {
        let request = request(&options)?;
        let compared = ledger::compare_documents(a.0, b.0)?;
        ledger::plan(spi, compared, &request)
    })))
}

/// The statements that lead from one version to another.
#[pg_extern(volatile, parallel_unsafe, name = "plan")]
fn plan_versions(
    v1: i64,
    v2: i64,
    options: default!(Jsonb, "'{}'"),
) -> TableIterator<
    'static,
    (
        name!(step, i32),
        name!(sql, String),
        name!(lock, Option<String>),
        name!(locks, Vec<String>),
        name!(rewrites, bool),
        name!(scans, bool),
        name!(transactional, bool),
        name!(loss, Vec<String>),
        name!(warnings, Vec<String>),
        name!(estimate, JsonB),
        name!(compensation, Option<String>),
    ),
> {
    let trusted = sees_secrets();
    let _pinned = command::pin();
    TableIterator::new(steps(spi::connect(|spi| {
        let request = request(&options)?;
        let compared = ledger::compare_versions(spi, v1, v2, &Projection::whole())?;
        ledger::plan(spi, compared, &request).map(|planned| shown(planned, trusted))
    })))
}

/// Pairs of a dropped and a created object that may be one renamed.
#[pg_extern(stable, parallel_unsafe)]
fn rename_hints(
    a: Jsonb,
    b: Jsonb,
) -> TableIterator<'static, (name!(confidence, f64), name!(was, String), name!(id, String), name!(why, String), name!(rename, JsonB))> {
    let compared = ledger::compare_documents(a.0, b.0).or_raise();
    let hints = compared.hints();
    TableIterator::new(hints.into_iter().map(|hint| {
        let rename = serde_json::json!({"kind": hint.from.kind, "from": hint.from.path, "to": hint.to.path});
        (hint.confidence, hint.from.to_string(), hint.to.to_string(), hint.why, JsonB(rename))
    }))
}

/// Leads the database back (or on) to a version, with the caller's rights, as a new change; or, dry,
/// lists the statements that would.
#[pg_extern(volatile, parallel_unsafe)]
fn revert_to(
    version: i64,
    dry_run: default!(bool, false),
    options: default!(Jsonb, "'{}'"),
) -> TableIterator<
    'static,
    (
        name!(step, i32),
        name!(sql, String),
        name!(lock, Option<String>),
        name!(locks, Vec<String>),
        name!(rewrites, bool),
        name!(scans, bool),
        name!(transactional, bool),
        name!(loss, Vec<String>),
        name!(warnings, Vec<String>),
        name!(estimate, JsonB),
        name!(compensation, Option<String>),
    ),
> {
    let trusted = sees_secrets();
    TableIterator::new(steps(spi::connect(|spi| {
        let request = request(&options)?;
        let planned = {
            let _pinned = command::pin();
            ledger::plan_to(spi, version, &request)?
        };
        if !dry_run {
            ledger::carry_out(spi, version, &planned)?;
        }
        Ok(shown(planned, trusted))
    })))
}
