//! What is really here of what a source mirrors, and who made it so.
//!
//! By fingerprint first: the ledger's facts with other hashes than the mirrored ones are one join, and
//! where there are none, nothing but hashes is read.

use super::{mirror, rewind};
use crate::diff::{Change, Operation};
use crate::error::{Error, Result};
use crate::ledger::{self, store};
use crate::model::{FactHash, FactId, Kind, LtHash, Projection};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Author, Finding, Inspect, Inspection, OLDEST_PROTOCOL, PROTOCOL_VERSION};
use pgrx::PgSqlErrorCode;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Findings that are listed; what goes beyond is counted.
const LISTED: usize = 10_000;
/// Events that are searched for who did it, and how many at a time.
const SEARCHED: usize = 10_000;
const AT_A_TIME: i64 = 500;

/// The argument of `accord.inspect` to its answer.
pub fn inspect(spi: &Spi, message: serde_json::Value) -> Result<Inspection> {
    let inspect: Inspect = serde_json::from_value(message).map_err(|e| {
        Error::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "this is no inspection of pg_accord's protocol")
            .detail(e.to_string())
            .hint("One is {\"protocol\": 2, \"source\": \"<uuid>\", \"replica\": \"<name>\", \"read\": true}; SELECT source, replica FROM accord.upstream.")
    })?;
    if !(OLDEST_PROTOCOL..=PROTOCOL_VERSION).contains(&inspect.protocol) {
        return Err(Error::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("protocol version {} is not known here", inspect.protocol),
        )
        .detail(format!("This server speaks protocol versions {OLDEST_PROTOCOL} to {PROTOCOL_VERSION}."))
        .hint("Bring both sides to versions of pg_accord that share a protocol."));
    }
    let _pinned = command::pin();
    let mut inspection = Inspection {
        protocol: inspect.protocol,
        position: None,
        expected: None,
        actual: None,
        reconciled: 0,
        findings: Vec::new(),
        more: 0,
        divergence: None,
    };
    if !inspect.trace.is_empty() {
        let _frozen = spi.freeze();
        inspection.position = mirror::upstream(spi, inspect.source)?.map(|upstream| upstream.position);
        inspection.divergence = Some(rewind::trace(spi, inspect.source, &inspect.trace)?);
        return Ok(inspection);
    }
    if inspect.read {
        inspection.reconciled = ledger::reconcile(spi)? as u64;
    }
    let _frozen = spi.freeze();
    let Some(upstream) = mirror::upstream(spi, inspect.source)? else { return Ok(inspection) };
    let mut lanes = upstream.lanes.clone();
    let differing = differing(spi, inspect.source, &mut lanes)?;
    let own = own(spi, inspect.source, &upstream.projection)?;
    inspection.position = Some(upstream.position);
    inspection.expected = Some(upstream.lanes.fingerprint());
    inspection.actual = Some(lanes.fingerprint());
    let all = differing.len() + own.len();
    if all > 0 {
        inspection.findings = findings(spi, inspect.source, differing, own)?;
        inspection.more = (all.saturating_sub(LISTED)) as u64;
    }
    Ok(inspection)
}

/// The mirrored facts that are not here as the source has them; corrects the sum by them.
fn differing(spi: &Spi, source: Uuid, lanes: &mut LtHash) -> Result<Vec<String>> {
    // What is pending comes first: by its index it is found by no id alone, and the planner of 18 would skip through it for each.
    let rows = spi.query(
        "WITH waiting AS MATERIALIZED (SELECT p.id FROM accord.pending p)
         SELECT m.id, m.hash, coalesce(m.here, m.hash) FROM accord.mirror m LEFT JOIN accord.fact f ON f.id = m.id
          WHERE m.source = $1::uuid AND NOT m.waived AND f.hash IS DISTINCT FROM coalesce(m.here, m.hash)
         UNION
         SELECT m.id, m.hash, coalesce(m.here, m.hash) FROM waiting p JOIN accord.mirror m ON m.source = $1::uuid AND m.id = p.id WHERE NOT m.waived",
        &[Arg::Text(&source.to_string())],
        See::Latest,
    )?;
    // The source's hash, and that of the same fact as it is read here.
    let mirrored: BTreeMap<String, (FactHash, FactHash)> =
        rows.iter().map(|row| Ok((row.text(0), (row.hash(1)?, row.hash(2)?)))).collect::<Result<_>>()?;
    let ids: Vec<String> = mirrored.keys().cloned().collect();
    let local = mirror::local(spi, &ids)?;
    let mut differing = Vec::new();
    for (id, (hash, as_read)) in mirrored {
        // What is not modelled is done by hand here, and its hash says nothing about it.
        let here = local.get(&id).map(|known| known.hash);
        if here == Some(as_read) || id.starts_with("unmodelled ") {
            continue;
        }
        lanes.remove(&hash);
        if let Some(here) = here {
            lanes.add(&here);
        }
        differing.push(id);
    }
    Ok(differing)
}

/// Parts of mirrored objects that the source did not bring.
fn own(spi: &Spi, source: Uuid, projection: &Projection) -> Result<Vec<String>> {
    let rows = spi.query(
        "WITH waiting AS MATERIALIZED (SELECT p.id, p.root_class, p.root FROM accord.pending p),
         family AS MATERIALIZED (
             SELECT f.root_class, f.root FROM accord.mirror m JOIN accord.fact f ON f.id = m.id WHERE m.source = $1::uuid
             UNION SELECT p.root_class, p.root FROM waiting p JOIN accord.mirror m ON m.source = $1::uuid AND m.id = p.id)
         SELECT f.id FROM family JOIN accord.fact f USING (root_class, root)
          WHERE f.kind <> 'position' AND NOT EXISTS (SELECT FROM accord.mirror m WHERE m.source = $1::uuid AND m.id = f.id)
         UNION
         SELECT p.id FROM family JOIN accord.pending p USING (root_class, root)
          WHERE p.id <> '' AND NOT starts_with(p.id, 'position ') AND NOT EXISTS (SELECT FROM accord.mirror m WHERE m.source = $1::uuid AND m.id = p.id)",
        &[Arg::Text(&source.to_string())],
        See::Latest,
    )?;
    let ids: Vec<String> = rows.iter().map(|row| row.text(0)).collect();
    // A pending row may say that the fact is gone; bodies tell what the projection takes.
    let mut own: Vec<String> = mirror::local_facts(spi, &ids)?
        .into_keys()
        .filter(|id| projection.mirrors(id) && !matches!(id.kind, Kind::Owner | Kind::Unmodelled))
        .map(|id| id.to_string())
        .collect();
    own.sort();
    Ok(own)
}

fn findings(spi: &Spi, source: Uuid, differing: Vec<String>, own: Vec<String>) -> Result<Vec<Finding>> {
    let mut ids: Vec<(String, bool)> = differing.into_iter().map(|id| (id, false)).collect();
    ids.extend(own.into_iter().map(|id| (id, true)));
    ids.truncate(LISTED);
    let texts: Vec<String> = ids.iter().map(|(id, _)| id.clone()).collect();
    let mut local: HashMap<String, _> = mirror::local_facts(spi, &texts)?.into_iter().map(|(id, fact)| (id.to_string(), fact)).collect();
    let mut history = History::search(spi, &texts)?;
    // What is gone under its name may be here under another.
    let mut renamed: HashMap<String, FactId> = HashMap::new();
    for id in texts.iter().filter(|id| !local.contains_key(*id)) {
        if let Some(now) = history.follow(id) {
            renamed.insert(id.clone(), now);
        }
    }
    let targets: Vec<String> = renamed.values().map(ToString::to_string).collect();
    let mirrored = mirror::mirrored(spi, source, &targets)?;
    let under: HashMap<String, _> = mirror::local_facts(spi, &targets)?
        .into_iter()
        .map(|(id, fact)| (id.to_string(), fact))
        .filter(|(id, _)| !mirrored.contains_key(id))
        .collect();
    renamed.retain(|_, now| under.contains_key(&now.to_string()));
    let taken: HashSet<String> = renamed.values().map(ToString::to_string).collect();
    Ok(ids
        .into_iter()
        .filter(|(id, own)| !(*own && taken.contains(id)))
        .map(|(id, own)| {
            let renamed = renamed.remove(&id);
            let actual = match &renamed {
                Some(now) => under.get(&now.to_string()).cloned(),
                None => local.remove(&id),
            };
            let author = history.authors.remove(&id);
            Finding { id, own, actual, renamed, author }
        })
        .collect())
}

/// What this database's own events say of some facts: the newest that touched each, and renames.
#[derive(Default)]
struct History {
    authors: HashMap<String, Author>,
    renames: HashMap<String, FactId>,
}

impl History {
    /// Searches the events that no source brought, the newest first.
    fn search(spi: &Spi, ids: &[String]) -> Result<Self> {
        let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut history = Self::default();
        let mut before = i64::MAX;
        let mut searched = 0;
        while history.authors.len() < wanted.len() && searched < SEARCHED {
            let rows = spi.query(
                "SELECT e.seq, e.id::text, pg_catalog.to_json(e.at) #>> '{}', e.reconciled, e.context ->> 'session_user', e.context ->> 'role',
                        e.context ->> 'application_name', e.statement, e.changes::text, extract(epoch FROM e.at)::float8::text
                   FROM accord.event e WHERE e.seq < $1 AND e.context ->> 'origin' IS NULL ORDER BY e.seq DESC LIMIT $2",
                &[Arg::Int(before), Arg::Int(AT_A_TIME)],
                See::Latest,
            )?;
            let Some(last) = rows.last() else { break };
            before = last.int(0);
            searched += rows.len();
            for row in &rows {
                let changes: Vec<Change> = serde_json::from_str(&row.text(8))?;
                let author = author(row)?;
                for change in &changes {
                    history.note(change, &author, &wanted);
                }
            }
        }
        Ok(history)
    }

    fn note(&mut self, change: &Change, author: &Author, wanted: &HashSet<&str>) {
        for fact in [&change.before, &change.after].into_iter().flatten() {
            let id = fact.id.to_string();
            if wanted.contains(id.as_str()) {
                self.authors.entry(id).or_insert_with(|| author.clone());
            }
        }
        if change.operation() == Some(Operation::Rename)
            && let (Some(before), Some(after)) = (&change.before, &change.after)
        {
            self.renames.entry(before.id.to_string()).or_insert_with(|| after.id.clone());
        }
    }

    /// The name that a fact came to by renames.
    fn follow(&self, id: &str) -> Option<FactId> {
        let mut now = self.renames.get(id)?;
        for _ in 0..self.renames.len() {
            match self.renames.get(&now.to_string()) {
                Some(next) => now = next,
                None => break,
            }
        }
        Some(now.clone())
    }
}

/// Where the catalogs were read, whoever read them did not do it.
fn author(row: &crate::catalog::Row) -> Result<Author> {
    let reconciled = row.bool(3);
    let known = |text: Option<String>| text.filter(|text| !reconciled && !text.is_empty());
    Ok(Author {
        event: row.text(1).parse().map_err(|_| Error::internal("an event's id is no UUID"))?,
        at: row.text(2),
        epoch: row.text(9).parse().unwrap_or(0.0),
        reconciled,
        session_user: known(row.maybe_text(4)),
        role: known(row.maybe_text(5)),
        application: known(row.maybe_text(6)),
        statement: known(row.maybe_text(7)),
    })
}

/// The names that mirrored facts went by renames here, for a mending: each pair is before (as it is
/// here) and after (as it is mirrored).
pub fn renamed(spi: &Spi, source: Uuid, missing: &[String]) -> Result<Vec<(FactId, String)>> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let history = History::search(spi, missing)?;
    let mut pairs: Vec<(FactId, String)> = missing.iter().filter_map(|id| Some((history.follow(id)?, id.clone()))).collect();
    let names: Vec<String> = pairs.iter().map(|(now, _)| now.to_string()).collect();
    let (local, mirrored) = (store::by_ids(spi, &names)?, mirror::mirrored(spi, source, &names)?);
    let here: HashSet<String> = local.into_iter().map(|known| known.id).collect();
    pairs.retain(|(now, _)| here.contains(&now.to_string()) && !mirrored.contains_key(&now.to_string()));
    Ok(pairs)
}
