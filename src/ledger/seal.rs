//! Sealing: committed DDL transactions become versions.
//!
//! After commit, in the order of the sequence number of each transaction's last event: if T2 depends
//! on T1, T1 had committed before T2's dependent statement was captured, so the order respects
//! dependencies. A cursor over sequence numbers would lose whoever commits late; what is not sealed
//! yet is known by its rows in `accord.pending`, which sealing removes.
//!
//! Each change must start from the fact that the ledger holds. Where it does not (two transactions
//! that changed one text from two sides), it is made to: what replicas are offered starts from what they
//! have. The family is then read again, and the difference that is left becomes a reconciled event of the
//! same version, so the running sum never drifts unseen.

use super::reconcile::Found;
use super::running::Running;
use super::sums::{Sums, projection_text};
use crate::diff::{Change, Operation};
use crate::error::{Error, Result};
use crate::model::{Fact, FactHash, Fingerprint, Kind, LocalKey, Projection};
use crate::pg::give_way::{briefly, giving_way};
use crate::pg::insert::{Table, Value};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::turn::{self, Turn};
use std::collections::{BTreeSet, HashMap};

/// What a sealing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Newest version.
    pub head: i64,
    /// How many versions were added.
    pub versions: usize,
    /// Something could not be read for a lock, and is left to the next reconciliation.
    pub left: bool,
}

/// Events sealed at a time: bounds the memory of one round.
const ROUND: i64 = 20_000;

/// One event as sealing sees it.
struct Row {
    seq: i64,
    id: String,
    xid: String,
    changes_text: String,
    at: String,
}

/// A fact as the ledger holds it now, in memory while a round is sealed.
struct Held {
    hash: FactHash,
    fact: Fact,
}

/// Seals every committed event that is visible now. Takes the sealing lock until the transaction ends.
pub fn seal(spi: &Spi) -> Result<Sealed> {
    turn::take(Turn::Seal)?;
    giving_way(|| seal_round(spi))
}

fn seal_round(spi: &Spi) -> Result<Sealed> {
    let (mut head, mut parent) = head_of(spi)?;
    let rows = spi.query(
        "SELECT e.seq, e.id::text, e.xid::text, e.changes::text, e.at::text FROM accord.event e
          JOIN (SELECT e.xid, max(e.seq) AS last FROM accord.event e
                 WHERE e.seq IN (SELECT p.seq FROM accord.pending p) GROUP BY e.xid ORDER BY max(e.seq) LIMIT $1) t USING (xid)
         WHERE NOT EXISTS (SELECT FROM accord.version v WHERE v.xid = e.xid)
         ORDER BY t.last, e.seq",
        &[Arg::Int(ROUND)],
        See::Latest,
    )?;
    if rows.is_empty() {
        return Ok(Sealed { head, versions: 0, left: false });
    }
    let rows: Vec<Row> =
        rows.iter().map(|r| Row { seq: r.int(0), id: r.text(1), xid: r.text(2), changes_text: r.text(3), at: r.text(4) }).collect();
    let mut round = Round::open(spi, &parent)?;
    let mut sealed = 0;
    for events in rows.chunk_by(|a, b| a.xid == b.xid) {
        head += 1;
        parent = round.seal_transaction(head, parent, events)?;
        sealed += 1;
    }
    let left = round.left;
    round.close(parent)?;
    Ok(Sealed { head, versions: sealed, left })
}

/// Newest version and its id.
fn head_of(spi: &Spi) -> Result<(i64, [u8; 32])> {
    let rows = spi.query("SELECT v.version, v.id FROM accord.version v ORDER BY v.version DESC LIMIT 1", &[], See::Latest)?;
    let row = rows.first().ok_or_else(|| Error::internal("the ledger has no version 0"))?;
    Ok((row.int(0), row.hash(1)?))
}

/// The projections that some replica mirrors.
pub(super) fn projections(spi: &Spi) -> Result<Vec<(String, Projection)>> {
    spi.query("SELECT DISTINCT r.projection FROM accord.replica r", &[], See::Latest)?
        .iter()
        .map(|row| Ok((row.text(0), serde_json::from_str(&row.text(0))?)))
        .collect()
}

/// The id of a version: chained to its parent, over event ids, changes and fingerprint.
pub(super) fn version_id<'a>(
    parent: Option<&[u8; 32]>,
    events: impl IntoIterator<Item = (&'a str, &'a str)>,
    fingerprint: &Fingerprint,
) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(parent.map_or(&[][..], |p| &p[..]));
    for (id, changes) in events {
        for part in [id, changes] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.update(&fingerprint.0);
    *hasher.finalize().as_bytes()
}

/// One round of sealing: facts and sums in memory, written at the end.
struct Round<'a> {
    spi: &'a Spi,
    sums: Running,
    /// Facts by id as they stand now; `None`: known not to be there.
    facts: HashMap<String, Option<Held>>,
    /// Ids whose row in accord.fact has to be written.
    touched: BTreeSet<String>,
    projections: Vec<(String, Projection)>,
    left: bool,
}

impl<'a> Round<'a> {
    fn open(spi: &'a Spi, parent: &[u8; 32]) -> Result<Self> {
        let projections = projections(spi)?;
        let summed = projections.iter().map(|(_, projection)| projection.clone()).chain([Projection::default(), Projection::content()]);
        let sums = Running::at(spi, parent, summed.collect())?;
        Ok(Self { spi, sums, facts: HashMap::new(), touched: BTreeSet::new(), projections, left: false })
    }

    /// Reads the ledger's facts with these ids into memory, those that are not there yet.
    fn fetch(&mut self, ids: impl IntoIterator<Item = String>) -> Result<()> {
        let missing: Vec<String> = ids.into_iter().filter(|id| !self.facts.contains_key(id)).collect::<BTreeSet<_>>().into_iter().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = self.spi.query(
            "SELECT f.id, f.hash, f.body, f.classid, f.objid, f.objsubid, f.root_class, f.root FROM accord.fact f WHERE f.id = ANY ($1)",
            &[Arg::Texts(&missing)],
            See::Latest,
        )?;
        for id in missing {
            self.facts.insert(id, None);
        }
        for row in rows {
            let mut fact: Fact = serde_json::from_str(&row.text(2))?;
            fact.key = Some(LocalKey { classid: row.int(3) as u32, objid: row.int(4) as u32, objsubid: row.int(5) as i32 });
            fact.root = Some((row.int(6) as u32, row.int(7) as u32));
            self.facts.insert(row.text(0), Some(Held { hash: row.hash(1)?, fact }));
        }
        Ok(())
    }

    fn take(&mut self, id: &str) -> Option<Held> {
        let held = self.facts.insert(id.to_owned(), None).flatten()?;
        self.sums.remove(&held.fact.id, &held.hash);
        self.touched.insert(id.to_owned());
        Some(held)
    }

    fn put(&mut self, fact: Fact) {
        let id = fact.id.to_string();
        self.take(&id);
        let hash = fact.hash();
        self.sums.add(&fact.id, &hash);
        self.touched.insert(id.clone());
        self.facts.insert(id, Some(Held { hash, fact }));
    }

    /// Whether the ledger holds just this fact.
    fn holds(&self, fact: Option<&Fact>, absent: &str) -> bool {
        match (fact, self.facts.get(fact.map_or_else(|| absent.to_owned(), |f| f.id.to_string()).as_str())) {
            (Some(fact), Some(Some(held))) => held.fact.body == fact.body,
            (None, Some(None) | None) => true,
            _ => false,
        }
    }

    /// Carries out one event's changes. Those that did not start from what the ledger held do so afterwards; returns
    /// their families, none where all did.
    fn follow(&mut self, changes: &mut Vec<Change>, keys: &HashMap<String, (LocalKey, (u32, u32))>) -> Result<Option<Vec<(u32, u32)>>> {
        let ids = changes.iter().flat_map(|c| [c.before.as_ref(), c.after.as_ref()]).flatten().map(|f| f.id.to_string());
        self.fetch(ids.collect::<Vec<_>>())?;
        let mut stale = Vec::new();
        // First everything that goes or moves away, then everything that appears: two columns may swap names.
        let mut vacated: BTreeSet<String> = BTreeSet::new();
        for change in changes.iter_mut() {
            if let Some(before) = &change.before {
                let id = before.id.to_string();
                let fits = self.holds(Some(before), &id);
                let held = self.take(&id);
                if !fits && !vacated.contains(&id) {
                    stale.push(id.clone());
                    change.before = held.map(|held| held.fact);
                }
                vacated.insert(id);
            }
        }
        for change in changes.iter_mut() {
            let Some(after) = &change.after else { continue };
            let id = after.id.to_string();
            if !self.holds(None, &id) {
                stale.push(id.clone());
                let held = self.take(&id).map(|held| held.fact);
                if change.before.is_none() {
                    change.before = held;
                }
            }
            let mut fact = after.clone();
            if let Some((key, root)) = keys.get(&id) {
                fact.key = Some(*key);
                fact.root = Some(*root);
            }
            self.put(fact);
        }
        if stale.is_empty() {
            return Ok(None);
        }
        changes.retain(|change| match (&change.before, &change.after) {
            (None, None) => false,
            (Some(before), Some(after)) => before.id != after.id || before.body != after.body,
            _ => true,
        });
        Ok(Some(stale.iter().filter_map(|id| keys.get(id)).map(|(_, root)| *root).collect()))
    }

    /// Tables that appear, and partitions that stand by themselves now: publications may take them up.
    fn note_newcomers(&mut self, changes: &[Change], keys: &HashMap<String, (LocalKey, (u32, u32))>) -> Result<()> {
        for change in changes {
            let alone = match (change.kind(), change.operation()) {
                (Some(Kind::Table), Some(Operation::Create)) | (Some(Kind::Partition), Some(Operation::Drop)) => change.id(),
                _ => None,
            };
            if let Some((_, (_, relation))) = alone.and_then(|id| keys.get(&id.to_string())) {
                self.spi.run("INSERT INTO accord.newcomer (relation) VALUES ($1) ON CONFLICT DO NOTHING", &[Arg::Oid(*relation)])?;
            }
        }
        Ok(())
    }

    /// What differs between the catalogs and the ledger in these families. Nobody's lock is waited for: what cannot be read
    /// now is found by the next reconciliation.
    fn differences(&mut self, families: &[(u32, u32)]) -> Result<Found> {
        let found = briefly(|| super::reconcile::differences(self.spi, families))?;
        self.left |= found.is_none();
        Ok(found.unwrap_or_default())
    }

    fn seal_transaction(&mut self, version: i64, parent: [u8; 32], events: &[Row]) -> Result<[u8; 32]> {
        let mut stale: BTreeSet<(u32, u32)> = BTreeSet::new();
        let mut chained: Vec<(String, String)> = Vec::with_capacity(events.len());
        for event in events {
            let mut changes: Vec<Change> = serde_json::from_str(&event.changes_text)?;
            let mut keys = HashMap::new();
            for row in self.spi.query(
                "SELECT p.id, p.classid, p.objid, p.objsubid, p.root_class, p.root FROM accord.pending p WHERE p.seq = $1 ORDER BY p.hash NULLS FIRST",
                &[Arg::Int(event.seq)],
                See::Latest,
            )? {
                let key = LocalKey { classid: row.int(1) as u32, objid: row.int(2) as u32, objsubid: row.int(3) as i32 };
                keys.insert(row.text(0), (key, (row.int(4) as u32, row.int(5) as u32)));
            }
            self.note_newcomers(&changes, &keys)?;
            let changes_text = match self.follow(&mut changes, &keys)? {
                None => event.changes_text.clone(),
                Some(families) => {
                    stale.extend(families);
                    self.correct(event, &changes)?
                }
            };
            self.spi.run("DELETE FROM accord.pending p WHERE p.seq = $1", &[Arg::Int(event.seq)])?;
            chained.push((event.id.clone(), changes_text));
        }
        // They are in the stream; nobody reads them here.
        let ids: Vec<String> = chained.iter().map(|(id, _)| id.clone()).collect();
        self.spi.run("DELETE FROM accord.fence f WHERE f.event = ANY ($1::uuid[])", &[Arg::Texts(&ids)])?;
        if !stale.is_empty() {
            self.write_facts()?;
            let found = self.differences(&stale.into_iter().collect::<Vec<_>>())?;
            if !found.changes.is_empty() {
                let xid = &events[0].xid;
                let (id, text) = super::reconcile::record(xid, &found, "the change did not start from what the ledger held")?;
                let mut changes = found.changes;
                self.follow(&mut changes, &found.keys)?;
                chained.push((id, text));
            }
        }
        let fingerprint = self.sums.fingerprint(&Projection::default());
        let content = self.sums.fingerprint(&Projection::content());
        let id = version_id(Some(&parent), chained.iter().map(|(id, text)| (id.as_str(), text.as_str())), &fingerprint);
        let last = &events[events.len() - 1];
        self.spi.run(
            "INSERT INTO accord.version (version, id, parent, xid, committed_at, fingerprint, content, events)
             VALUES ($1, $2, $3, $4::xid8, coalesce(accord.commit_time($4::xid8), $5::timestamptz), $6, $7, $8)",
            &[
                Arg::Int(version),
                Arg::Bytes(&id),
                Arg::Bytes(&parent),
                Arg::Text(&last.xid),
                Arg::Text(&last.at),
                Arg::Bytes(&fingerprint.0),
                Arg::Bytes(&content.0),
                Arg::Int(chained.len() as i64),
            ],
        )?;
        for (text, projection) in &self.projections {
            self.spi.run(
                "INSERT INTO accord.projected (version, projection, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[Arg::Int(version), Arg::Text(text), Arg::Bytes(&self.sums.fingerprint(projection).0)],
            )?;
        }
        Ok(id)
    }

    /// Records an event's changes as they start from what the ledger held; returns their text.
    fn correct(&self, event: &Row, changes: &[Change]) -> Result<String> {
        let text = serde_json::to_string(changes)?;
        self.spi.run("UPDATE accord.event e SET changes = $2::json WHERE e.seq = $1", &[Arg::Int(event.seq), Arg::Text(&text)])?;
        Ok(text)
    }

    fn write_facts(&mut self) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        let gone: Vec<String> = touched.iter().filter(|id| !matches!(self.facts.get(*id), Some(Some(_)))).cloned().collect();
        if !gone.is_empty() {
            self.spi.run("DELETE FROM accord.fact f WHERE f.id = ANY ($1)", &[Arg::Texts(&gone)])?;
        }
        let here: Vec<&Fact> = touched.iter().filter_map(|id| self.facts.get(id)).flatten().map(|held| &held.fact).collect();
        write_facts(self.spi, here)
    }

    fn close(mut self, head: [u8; 32]) -> Result<()> {
        self.write_facts()?;
        self.sums.write(self.spi, head)
    }
}

/// The local key and the family under which a fact is stored.
fn place(fact: &Fact) -> Result<(LocalKey, (u32, u32))> {
    let key = fact.key.ok_or_else(|| Error::internal(format!("{} has no local key", fact.id)))?;
    let root = fact.root.ok_or_else(|| Error::internal(format!("{} has no family", fact.id)))?;
    Ok((key, root))
}

/// Writes the facts of version 0 into the empty `accord.fact`; returns their sums.
pub(super) fn write_first(facts: &[Fact]) -> Result<Sums> {
    let mut sums = Sums::default();
    let table = Table::open(c"fact")?;
    for fact in facts {
        let (key, root) = place(fact)?;
        let hash = fact.hash();
        sums.add(&fact.id, &hash);
        table.insert(&[
            ("id", Value::Text(&fact.id.to_string())),
            ("kind", Value::Text(&fact.id.kind.json_name())),
            ("schema", fact.id.schema().map_or(Value::Null, |schema| Value::Text(schema.as_str()))),
            ("classid", Value::Oid(key.classid)),
            ("objid", Value::Oid(key.objid)),
            ("objsubid", Value::Int(key.objsubid)),
            ("root_class", Value::Oid(root.0)),
            ("root", Value::Oid(root.1)),
            ("hash", Value::Bytes(&hash)),
            ("body", Value::Text(&serde_json::to_string(fact)?)),
        ])?;
    }
    Ok(sums)
}

/// Writes facts into `accord.fact`, replacing those with the same ids.
fn write_facts<'a>(spi: &Spi, facts: impl IntoIterator<Item = &'a Fact>) -> Result<()> {
    for fact in facts {
        let (key, root) = place(fact)?;
        spi.run(
            "INSERT INTO accord.fact (id, kind, schema, classid, objid, objsubid, root_class, root, hash, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (id) DO UPDATE SET classid = EXCLUDED.classid, objid = EXCLUDED.objid, objsubid = EXCLUDED.objsubid,
                 root_class = EXCLUDED.root_class, root = EXCLUDED.root, hash = EXCLUDED.hash, body = EXCLUDED.body",
            &[
                Arg::Text(&fact.id.to_string()),
                Arg::Text(&fact.id.kind.json_name()),
                Arg::MaybeText(fact.id.schema().map(crate::model::Name::as_str)),
                Arg::Oid(key.classid),
                Arg::Oid(key.objid),
                Arg::Int(i64::from(key.objsubid)),
                Arg::Oid(root.0),
                Arg::Oid(root.1),
                Arg::Bytes(&fact.hash()),
                Arg::Text(&serde_json::to_string(fact)?),
            ],
        )?;
    }
    Ok(())
}

/// Records the fingerprint of a projection at the newest version, where it is not recorded yet.
pub(super) fn project_head(spi: &Spi, projection: &Projection) -> Result<(i64, Fingerprint)> {
    let (head, _) = head_of(spi)?;
    let fingerprint = Sums::read(spi, See::Latest)?.fingerprint(projection);
    spi.run(
        "INSERT INTO accord.projected (version, projection, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[Arg::Int(head), Arg::Text(&projection_text(projection)?), Arg::Bytes(&fingerprint.0)],
    )?;
    Ok((head, fingerprint))
}
