//! Histories that parted: this side's chain, what a replica is led to, and what is taken over from it.

use super::offer;
use super::past::model_at;
use super::sums::Sums;
use super::surroundings::Ledger;
use super::{seal, store};
use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{Fact, Fingerprint, Kind, Name};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::{self, Step};
use crate::protocol::{Event, Names, Offer, OfferKind, Position};
use pgrx::PgSqlErrorCode;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The ids of all versions, from 0 on.
pub fn chain(spi: &Spi) -> Result<Vec<Fingerprint>> {
    spi.query("SELECT v.id FROM accord.version v ORDER BY v.version", &[], See::Latest)?
        .iter()
        .map(|row| Ok(Fingerprint(row.hash(0)?)))
        .collect()
}

fn position(spi: &Spi, version: i64) -> Result<Position> {
    let rows = spi.query("SELECT v.id FROM accord.version v WHERE v.version = $1", &[Arg::Int(version)], See::Latest)?;
    let row = rows.first().ok_or_else(|| Error::internal(format!("version {version} is gone")))?;
    Ok(Position { version, id: Fingerprint(row.hash(0)?) })
}

/// The version that a replica is led back to: where the histories part, and the versions since then are offered as
/// ever; the newest one where there is no such version, or the versions since then were not sealed for this replica.
pub fn rewind_target(spi: &Spi, replica: &str, common: Option<i64>) -> Result<i64> {
    let head = seal(spi)?.head;
    let Some(common) = common else { return Ok(head) };
    let rows = spi.query(
        "SELECT count(*) FROM accord.version v JOIN accord.replica r ON r.name = $1
          WHERE v.version > $2 AND NOT EXISTS (SELECT FROM accord.projected p WHERE p.version = v.version AND p.projection = r.projection)",
        &[Arg::Text(replica), Arg::Int(common)],
        See::Latest,
    )?;
    Ok(if rows.first().is_some_and(|row| row.int(0) > 0) { head } else { common })
}

/// What leads a replica that went another way to one of this history's versions.
pub fn rewind_offer(spi: &Spi, replica: &str, id: Uuid, common: Option<i64>, abandons: Position, version: i64) -> Result<Offer> {
    let target = offer::target(spi, replica)?;
    let facts = model_at(spi, version)?;
    let fingerprint = Sums::of(&facts).fingerprint(&target.projection);
    // The versions after this one are offered by it.
    spi.run(
        "INSERT INTO accord.projected (version, projection, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[Arg::Int(version), Arg::Text(&target.projection_text), Arg::Bytes(&fingerprint.0)],
    )?;
    let mut offer = target.offer(OfferKind::Rewind, position(spi, version)?, fingerprint);
    offer.mending = Some(id);
    offer.abandons = Some(abandons);
    if let Some(common) = common {
        offer.parent = Some(position(spi, common)?);
        offer.renamed = renamed(spi, common, version)?;
    }
    offer.events.push(Event {
        id,
        tag: "REWIND".to_owned(),
        statement: String::new(),
        concurrently: false,
        search_path: vec![Name::new("public")],
        settings: BTreeMap::new(),
        unmodelled: Vec::new(),
        changes: facts.into_iter().filter_map(|fact| target.cut(Change::create(Fact { key: None, root: None, ..fact }))).collect(),
    });
    Ok(offer)
}

/// What was renamed from one version to another: then and now.
fn renamed(spi: &Spi, from: i64, to: i64) -> Result<Vec<(crate::model::FactId, crate::model::FactId)>> {
    let mut names = Names::default();
    for event in spi.query(
        "SELECT e.changes::text FROM accord.event e JOIN accord.version v ON v.xid = e.xid WHERE v.version > $1 AND v.version <= $2 ORDER BY v.version, e.seq",
        &[Arg::Int(from), Arg::Int(to)],
        See::Latest,
    )? {
        names.follow(&serde_json::from_str::<Vec<Change>>(&event.text(0))?);
    }
    Ok(names.renamed())
}

/// What a replica's versions make of each fact: as it was before the first and is after the last.
type Outcome = BTreeMap<String, (Option<Fact>, Option<Fact>)>;

fn outcome(events: &[Event]) -> Outcome {
    let mut outcome = Outcome::new();
    for event in events {
        for before in event.changes.iter().filter_map(|change| change.before.as_ref()) {
            outcome.entry(before.id.to_string()).or_insert_with(|| (Some(before.clone()), None)).1 = None;
        }
        for after in event.changes.iter().filter_map(|change| change.after.as_ref()) {
            outcome.entry(after.id.to_string()).or_default().1 = Some(after.clone());
        }
    }
    // Where a column stands among others follows from what both sides added.
    outcome.retain(|_, (before, after)| [before, after].into_iter().flatten().all(|fact| fact.id.kind != Kind::Position));
    outcome
}

/// The facts that are not here as wanted.
fn unlike<'a>(spi: &Spi, wanted: impl Iterator<Item = (&'a String, Option<&'a Fact>)>) -> Result<Vec<String>> {
    let wanted: Vec<_> = wanted.collect();
    let ids: Vec<String> = wanted.iter().map(|(id, _)| (*id).clone()).collect();
    let here: BTreeMap<String, _> = store::by_ids(spi, &ids)?.into_iter().map(|known| (known.id, known.hash)).collect();
    Ok(wanted.into_iter().filter(|(id, fact)| here.get(*id).copied() != fact.map(Fact::hash)).map(|(id, _)| id.clone()).collect())
}

/// The steps that bring about here what only a replica has; none where it is here already. Facts that this side changed
/// as well cannot be told whose they are.
pub fn take_over(spi: &Spi, events: &[Event]) -> Result<Vec<Step>> {
    let outcome = outcome(events);
    if unlike(spi, outcome.iter().map(|(id, (_, after))| (id, after.as_ref())))?.is_empty() {
        return Ok(Vec::new());
    }
    let conflicts = unlike(spi, outcome.iter().map(|(id, (before, _))| (id, before.as_ref())))?;
    if !conflicts.is_empty() {
        return Err(Error::state("both sides changed the same since their histories parted")
            .detail(format!("{}.", conflicts.into_iter().take(10).collect::<Vec<_>>().join(", ")))
            .hint("Bring this side by hand to what the replica has, then call this again; or keep 'source'."));
    }
    if let Some(event) = events.iter().find(|event| !event.unmodelled.is_empty()) {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "the replica has changes that are not modelled")
            .detail(format!("{}: {}.", event.tag, event.unmodelled.join(", ")))
            .hint("Run what is needed here by hand, then call this again; or keep 'source'."));
    }
    let mut ledger = Ledger::new(spi);
    let mut steps = Vec::new();
    for event in events {
        let options = plan::Options { major: command::major(), ..plan::Options::default() };
        let plan = plan::plan(&event.changes, &ledger, &options).map_err(|e| {
            Error::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "no plan leads to what the replica has")
                .detail(format!("{e}."))
                .hint("Bring this side by hand to what the replica has, then call this again; or keep 'source'.")
        })?;
        steps.extend(plan.steps);
        ledger.follow(&event.changes);
    }
    Ok(steps)
}

/// Makes sure that what the replica has is here now.
pub fn taken_over(spi: &Spi, events: &[Event]) -> Result<()> {
    let outcome = outcome(events);
    let missing = unlike(spi, outcome.iter().map(|(id, (_, after))| (id, after.as_ref())))?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(PgSqlErrorCode::ERRCODE_DATA_EXCEPTION, "the steps do not lead to what the replica has; nothing was changed")
        .detail(format!("These differ: {}.", missing.into_iter().take(10).collect::<Vec<_>>().join(", ")))
        .hint("Bring this side by hand to what the replica has, then call this again; or keep 'source'."))
}
