//! Leading a member to a baseline: read, plan, carry out, read again, and keep it only if it is then what it should
//! be. What is not compared (ignored, optional, beside the projection) is not touched.

use super::copy::copy;
use super::reader::Catalogs;
use super::session::Session;
use super::visit::cause;
use super::work::{Answer, Mend};
use crate::conninfo::Environment;
use crate::fleet::baseline::{Facts, Material};
use crate::fleet::conform::Limits;
use crate::fleet::mapping::Mapping;
use crate::fleet::shelf::seen;
use crate::fleet::verdict::{Deviation, Difference, compare};
use crate::model::{Fact, FactId, Fingerprint, Kind};
use crate::plan::{Plan, Request, Step, Way};
use crate::secrets;
use crate::worker::messages::Cause;
use crate::worker::transport::Failure;
use crate::worker::transport::push::{describe, lost};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio_postgres::Client;

/// How often a lock is tried for, and the pause between.
const LOCK_ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// Carries it out.
pub async fn mend(mend: Mend, environment: &Environment) -> Answer {
    let mut steps = Vec::new();
    let mut attempt = 0;
    let reached = loop {
        attempt += 1;
        steps.clear();
        let done = async {
            match &mend.copy {
                Some(grants) => copy(&mend, grants, environment, &mut steps).await,
                None => work(&mend, environment, &mut steps).await,
            }
        };
        match tokio::time::timeout(mend.timeout, done).await {
            Ok(Err(failure)) if attempt < LOCK_ATTEMPTS && locked_out(&failure) => tokio::time::sleep(PAUSE).await,
            Ok(outcome) => break outcome.map_err(|failure| cause(failure.cause)),
            Err(_) => break Err(Cause::new("timeout", format!("it was not done within {} s", mend.timeout.as_secs()))),
        }
    };
    Answer::Mended { conform: mend.conform, member: mend.member, steps, reached }
}

fn locked_out(failure: &Failure) -> bool {
    failure.cause.detail.as_deref().is_some_and(|detail| detail.starts_with("55P03") || detail.starts_with("40P01"))
}

/// The facts of a member that deviates as a baseline wants them, and the plan that leads there, both under the
/// member's names.
pub fn plan(material: &Material, mapping: &Mapping, facts: &[Fact], deviations: &[Deviation]) -> Result<Plan, String> {
    let forward = |fact: &Fact| mapping.apply(fact).map_err(|error| format!("{}: {error}", fact.id));
    let before: BTreeMap<FactId, Fact> =
        facts.iter().map(|fact| (fact.id.clone(), Fact { key: None, root: None, ..fact.clone() })).collect();
    let mut after = before.clone();
    for deviation in deviations.iter().filter(|deviation| deviation.order.is_none()) {
        for fact in &deviation.actual {
            after.remove(&forward(fact)?.id);
        }
        for fact in &deviation.expected {
            let fact = forward(fact)?;
            after.insert(fact.id.clone(), fact);
        }
    }
    // The columns of tables that are to be made stand in the baseline's order.
    let columns: Vec<&Fact> =
        deviations.iter().flat_map(|deviation| &deviation.expected).filter(|fact| fact.id.kind == Kind::Column).collect();
    for position in &material.positions {
        if columns.iter().any(|column| column.id.path == position.id.path) {
            let fact = forward(position)?;
            after.insert(fact.id.clone(), fact);
        }
    }
    // What is not compared (positions, owners, privileges) goes with what it hangs on.
    loop {
        let gone: Vec<FactId> = after
            .values()
            .filter(|fact| fact.parent().is_some_and(|parent| before.contains_key(&parent) && !after.contains_key(&parent)))
            .map(|fact| fact.id.clone())
            .collect();
        if gone.is_empty() {
            break;
        }
        for id in gone {
            after.remove(&id);
        }
    }
    let (before, after): (Vec<Fact>, Vec<Fact>) = (before.into_values().collect(), after.into_values().collect());
    // Whether a table holds rows is not known here: no value is invented for them.
    Way::between(before, &after, &Request::default(), |_| true).map(|way| way.plan).map_err(|error| error.to_string())
}

async fn work(mend: &Mend, environment: &Environment, steps: &mut Vec<String>) -> Result<Fingerprint, Failure> {
    let series = &mend.shelf.series[mend.series];
    let unfit = |why: String| lost(Cause::new("unfit", why));
    let mapping = series.mapping(&mend.labels).map_err(unfit)?;
    let session = Session::open(environment, &mend.conninfo, "conform", mend.timeout, mend.lock_timeout, "").await?;
    let (server, _) = session.ask(&[]).await?;
    let edition = series
        .edition(&mend.version, mend.variant.as_deref(), Some(server.major))
        .ok_or_else(|| unfit(format!("version {} of baseline \"{}\" has no such variant", mend.version, series.name)))?;
    let material = &edition.material;
    let projection = &material.projection;
    let client = &session.client;
    run(client, "BEGIN").await?;
    let read = async || -> Result<(Vec<Fact>, Facts, Vec<Deviation>, Fingerprint), Failure> {
        let facts = Catalogs::begin(client, server.major).await?.read_all().await?;
        let (under, fingerprint) = seen(facts.clone(), &mapping, projection).map_err(|why| lost(Cause::new("malformed", why)))?;
        let found = compare(material, &under);
        Ok((facts, under, found, fingerprint))
    };
    run(client, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('pg_accord fleet', 0))").await?;
    let (facts, under, found, fingerprint) = read().await?;
    let limits = Limits::new(&mend.scopes, &under, material);
    let (wanted, left): (Vec<Deviation>, Vec<Deviation>) =
        found.into_iter().partition(|deviation| (!mend.additive || deviation.difference == Difference::Missing) && limits.mends(deviation));
    if let Some(order) = wanted.iter().find(|deviation| deviation.order.is_some()) {
        let cause = Cause::new("order", order.words());
        return Err(lost(cause.hint("No DDL moves a column: rebuild the table, or let the baseline's projection leave the order out.")));
    }
    if wanted.is_empty() {
        run(client, "COMMIT").await?;
        return Ok(fingerprint);
    }
    let plan = plan(material, &mapping, &facts, &wanted).map_err(|why| lost(Cause::new("plan", why)))?;
    limits.check(&plan.steps, &mapping.inverse()).map_err(|why| lost(Cause::new("scope", why)))?;
    let apart = plan.steps.iter().any(|step| step.outside_transaction);
    if apart {
        run(client, "COMMIT").await?;
    }
    planned(client, &plan.steps, steps).await?;
    let (_, _, found, fingerprint) = read().await?;
    let further: Vec<String> = found.iter().filter(|deviation| !left.contains(deviation)).map(Deviation::words).collect();
    if !further.is_empty() {
        if !apart {
            run(client, "ROLLBACK").await?;
        }
        return Err(lost(Cause::new("unverified", "the steps did not lead to the baseline").detail(further.join("; "))));
    }
    if !apart {
        run(client, "COMMIT").await?;
    }
    Ok(fingerprint)
}

/// Carries steps out, and writes down those that were begun.
pub async fn planned(client: &Rc<Client>, plan: &[Step], steps: &mut Vec<String>) -> Result<(), Failure> {
    let mut shown = plan.to_vec();
    secrets::mask_steps(&mut shown);
    for (step, shown) in plan.iter().zip(shown) {
        steps.push(shown.sql.clone());
        run(client, &step.sql).await.map_err(|failure| {
            let mut cause = failure.cause;
            cause.detail = Some(format!("{} in: {}", cause.detail.unwrap_or_default(), shown.sql));
            Failure { cause, ..failure }
        })?;
    }
    Ok(())
}

/// One statement.
pub async fn run(client: &Rc<Client>, sql: &str) -> Result<(), Failure> {
    client.batch_execute(sql).await.map_err(|error| describe(&error, None))
}
