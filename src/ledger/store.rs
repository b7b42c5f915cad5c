//! Last known facts: `accord.fact` as of the newest sealed version, overlaid by `accord.pending`,
//! what unsealed events (committed ones and this transaction's own) have changed since.

use crate::error::{Error, Result};
use crate::model::{Fact, FactHash, LocalKey};
use crate::pg::spi::{Arg, Cells, See, Spi};
use serde_json::Value;

/// A last known fact, without its body.
#[derive(Clone, Debug)]
pub struct Known {
    /// The id as text.
    pub id: String,
    /// Hash of the fact.
    pub hash: FactHash,
    /// Its local key.
    pub key: LocalKey,
    /// Its family.
    pub root: (u32, u32),
    /// Where the body stands: in an event's changes, or else in `accord.fact`.
    pending: Option<(i64, i32)>,
}

fn known(row: &crate::catalog::Row) -> Result<Known> {
    Ok(Known {
        id: row.text(0),
        hash: row.hash(1)?,
        key: LocalKey { classid: row.int(2) as u32, objid: row.int(3) as u32, objsubid: row.int(4) as i32 },
        root: (row.int(5) as u32, row.int(6) as u32),
        pending: row.maybe_int(7).map(|seq| (seq, row.int(8) as i32)),
    })
}

// The texts are put together at compile time: plans are kept by them.

/// The newest row of `accord.pending` for each fact that a condition picks; its hash is null where the fact is gone.
macro_rules! newest_pending {
    ($spi:expr, $args:expr, $condition:literal) => {
        $spi.query(
            concat!(
                "SELECT DISTINCT ON (p.id) p.id, p.hash, p.classid, p.objid, p.objsubid, p.root_class, p.root, p.seq, p.ordinal
                   FROM accord.pending p ",
                $condition,
                " ORDER BY p.id, p.seq DESC, p.ordinal DESC, p.hash NULLS LAST"
            ),
            $args,
            See::Latest,
        )
    };
}

/// The rows of `accord.fact` that a condition picks.
macro_rules! sealed {
    ($spi:expr, $args:expr, $condition:literal) => {
        $spi.query(
            concat!("SELECT f.id, f.hash, f.classid, f.objid, f.objsubid, f.root_class, f.root FROM accord.fact f ", $condition),
            $args,
            See::Latest,
        )
    };
}

/// The last known facts that a condition on both tables picks.
macro_rules! last_known {
    ($spi:expr, $args:expr, $pending:literal, $sealed:literal) => {{
        let pending = newest_pending!($spi, $args, $pending)?;
        overlay(sealed!($spi, $args, $sealed)?, pending)
    }};
}

/// The last known facts of these families (root OIDs; the caller filters by catalog).
pub fn families(spi: &Spi, roots: &[u32]) -> Result<Vec<Known>> {
    last_known!(spi, &[Arg::Oids(roots)], "WHERE p.root = ANY ($1)", "WHERE f.root = ANY ($1)")
}

/// All last known facts.
pub fn everything(spi: &Spi) -> Result<Vec<Known>> {
    last_known!(spi, &[], "", "")
}

/// The last known facts with these ids.
pub fn by_ids(spi: &Spi, ids: &[String]) -> Result<Vec<Known>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    last_known!(spi, &[Arg::Texts(ids)], "WHERE p.id = ANY ($1)", "WHERE f.id = ANY ($1)")
}

/// Gives sealed facts the keys that their objects have now: pg_upgrade makes functions, constraints and operators
/// anew, and what is captured of an object is told by its key.
pub(super) fn follow_keys(spi: &Spi, known: &mut [Known], read: &[Fact]) -> Result<()> {
    let mut sealed: foldhash::HashMap<String, &mut Known> =
        known.iter_mut().filter(|k| k.pending.is_none()).map(|k| (k.id.clone(), k)).collect();
    for fact in read {
        let (Some(key), Some(root)) = (fact.key, fact.root) else { continue };
        let Some(k) = sealed.get_mut(&fact.id.to_string()) else { continue };
        if (k.key, k.root) == (key, root) || k.hash != fact.hash() {
            continue;
        }
        (k.key, k.root) = (key, root);
        spi.run(
            "UPDATE accord.fact SET classid = $2, objid = $3, objsubid = $4, root_class = $5, root = $6 WHERE id = $1",
            &[
                Arg::Text(&k.id),
                Arg::Oid(key.classid),
                Arg::Oid(key.objid),
                Arg::Int(i64::from(key.objsubid)),
                Arg::Oid(root.0),
                Arg::Oid(root.1),
            ],
        )?;
    }
    Ok(())
}

/// What unsealed events changed.
pub struct Unsealed {
    /// Facts of the newest version that are gone or replaced.
    pub before: Vec<Known>,
    /// Facts that stand in their place, or are new.
    pub after: Vec<Known>,
}

impl Unsealed {
    /// The newest version is what there is.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// What unsealed events changed since the newest version.
pub fn unsealed(spi: &Spi) -> Result<Unsealed> {
    let pending = newest_pending!(spi, &[], "WHERE p.id <> ''")?;
    if pending.is_empty() {
        return Ok(Unsealed { before: Vec::new(), after: Vec::new() });
    }
    let ids: Vec<String> = pending.iter().map(|row| row.text(0)).collect();
    let before = sealed!(spi, &[Arg::Texts(&ids)], "WHERE f.id = ANY ($1)")?;
    Ok(Unsealed { before: before.iter().map(known).collect::<Result<_>>()?, after: overlay(Vec::new(), pending)? })
}

fn overlay(sealed: Vec<crate::catalog::Row>, pending: Vec<crate::catalog::Row>) -> Result<Vec<Known>> {
    if pending.is_empty() {
        return sealed.iter().map(known).collect();
    }
    let newer: std::collections::HashSet<String> = pending.iter().map(|row| row.text(0)).collect();
    let mut facts = sealed.iter().filter(|row| !newer.contains(&row.text(0))).map(known).collect::<Result<Vec<_>>>()?;
    for row in pending.iter().filter(|row| !row.is_null(1)) {
        facts.push(known(row)?);
    }
    Ok(facts)
}

/// Reads the bodies of known facts.
pub fn load(spi: &Spi, known: &[Known]) -> Result<Vec<Fact>> {
    let mut sealed: Vec<String> = Vec::new();
    let mut events: std::collections::HashMap<i64, Vec<Value>> = std::collections::HashMap::new();
    for fact in known {
        match fact.pending {
            None => sealed.push(fact.id.clone()),
            Some((seq, _)) => {
                if let std::collections::hash_map::Entry::Vacant(slot) = events.entry(seq) {
                    let rows = spi.query("SELECT e.changes FROM accord.event e WHERE e.seq = $1", &[Arg::Int(seq)], See::Latest)?;
                    let text = rows.first().map(|row| row.text(0)).ok_or_else(|| Error::internal(format!("event {seq} is gone")))?;
                    slot.insert(serde_json::from_str(&text)?);
                }
            }
        }
    }
    let mut bodies: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    if !sealed.is_empty() {
        for row in spi.query("SELECT f.id, f.body FROM accord.fact f WHERE f.id = ANY ($1)", &[Arg::Texts(&sealed)], See::Latest)? {
            bodies.insert(row.text(0), row.text(1));
        }
    }
    known
        .iter()
        .map(|k| {
            let gone = || Error::internal(format!("the body of {} is gone", k.id));
            let mut fact: Fact = match k.pending {
                None => serde_json::from_str(bodies.get(&k.id).ok_or_else(gone)?)?,
                Some((seq, ordinal)) => {
                    let change = events.get(&seq).and_then(|changes| changes.get(ordinal as usize)).ok_or_else(gone)?;
                    serde_json::from_value(change.get("after").cloned().ok_or_else(gone)?)?
                }
            };
            fact.key = Some(k.key);
            fact.root = Some(k.root);
            Ok(fact)
        })
        .collect()
}

/// The families that these objects (by OID in any catalog) belonged to when last known.
pub fn roots_of(spi: &Spi, objects: &[u32]) -> Result<Vec<(u32, u32)>> {
    let rows = spi.query(
        "SELECT f.root_class, f.root FROM accord.fact f WHERE f.objid = ANY ($1)
         UNION SELECT p.root_class, p.root FROM accord.pending p WHERE p.objid = ANY ($1)",
        &[Arg::Oids(objects)],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| (row.int(0) as u32, row.int(1) as u32)).collect())
}

/// The ids of objects by local key, for edges that lead out of what was read.
pub fn facts_of(spi: &Spi, keys: &[LocalKey]) -> Result<std::collections::HashMap<LocalKey, Vec<crate::model::FactId>>> {
    let objects: Vec<u32> = keys.iter().map(|key| key.objid).collect();
    let objects = last_known!(spi, &[Arg::Oids(&objects)], "WHERE p.objid = ANY ($1)", "WHERE f.objid = ANY ($1)")?;
    let known: Vec<Known> = objects.into_iter().filter(|k| keys.contains(&k.key)).collect();
    let mut found: std::collections::HashMap<LocalKey, Vec<crate::model::FactId>> = std::collections::HashMap::new();
    for fact in load(spi, &known)? {
        // An edge leads to the object, not to its position, comment, owner or grants.
        let property = fact.id.of.is_some() || matches!(fact.id.kind, crate::model::Kind::Position | crate::model::Kind::Identity);
        if let (Some(key), false) = (fact.key, property) {
            found.entry(key).or_default().push(fact.id);
        }
    }
    Ok(found)
}
