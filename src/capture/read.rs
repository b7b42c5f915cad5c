//! The catalogs as facts, through SPI, with the edges that lead out of what was read.

use super::ahead;
use super::fresh::Fresh;
use crate::catalog::{self, Aspects, Objects, Reader, Rows};
use crate::error::{Error, Result};
use crate::ledger::store::{self, Known};
use crate::model::{Fact, FactId, LocalKey};
use crate::pg::class;
use crate::pg::command;
use crate::pg::spi::Spi;
use crate::pg::subtransaction::undone;
use std::collections::HashMap;

/// Reads catalogs through SPI.
struct SpiReader<'a> {
    spi: &'a Spi,
    fresh: Option<Fresh>,
}

impl Reader for SpiReader<'_> {
    type Error = Error;
    fn major(&self) -> u32 {
        command::major()
    }
    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> Result<Rows> {
        self.spi.read(sql, oids)
    }
    fn rows_locking(&mut self, sql: &'static str, oids: &[u32]) -> Result<Rows> {
        read_unlocked(self.spi, sql, oids)
    }
    fn known(&mut self, query: &'static str, oids: Option<&[u32]>) -> Option<Rows> {
        self.fresh.as_mut()?.rows(query, oids?)
    }
}

/// How many objects are deparsed at a time where that locks what they read: no more than a server has room for.
const LOCKING: usize = 64;

/// Reads what locks relations; each piece's locks are let go of with a subtransaction.
pub(super) fn read_unlocked(spi: &Spi, sql: &'static str, oids: &[u32]) -> Result<Rows> {
    let mut rows = Rows::default();
    for piece in oids.chunks(LOCKING) {
        rows.append(undone(|| spi.read(sql, Some(piece)))?);
    }
    Ok(rows)
}

/// Whether a fact with this id is among what a read of these aspects brings.
pub(super) fn covers(aspects: Aspects, id: &str) -> bool {
    let (word, rest) = id.split_once(' ').unwrap_or((id, ""));
    if matches!(word, "comment" | "security") {
        // Comments and security labels on parts come with the parts; those on the relation and its columns by themselves.
        let on = rest.strip_prefix("on ").or_else(|| rest.strip_prefix("label on ")).unwrap_or_default();
        let relation =
            ["table", "view", "materialized view", "composite type", "column", "attribute"].iter().any(|kind| on.starts_with(kind));
        return aspects.contains(Aspects::COMMENTS) && (relation || covers(aspects, on));
    }
    if rest.starts_with("on statistics object ") {
        return aspects.contains(Aspects::INDEXES);
    }
    let part = match word {
        "column" | "attribute" | "position" => Aspects::COLUMNS,
        "default" => Aspects::DEFAULTS,
        "identity" => Aspects::IDENTITY,
        "grant" | "owner" => Aspects::PRIVILEGES,
        "constraint" => Aspects::CONSTRAINTS,
        "index" | "statistics" => Aspects::INDEXES,
        "trigger" => Aspects::TRIGGERS,
        "policy" => Aspects::POLICIES,
        "rule" => Aspects::RULES,
        "partition" | "inheritance" => Aspects::INHERITANCE,
        "sequence" => Aspects::SEQUENCES,
        _ => Aspects::RELATION,
    };
    aspects.contains(part)
}

/// Reads the whole schema.
pub fn read_everything(spi: &Spi) -> Result<Vec<Fact>> {
    resolve(spi, ahead::read_full(spi, command::major(), Aspects::ALL)?)
}

/// Reads the whole schema but its edges, which no fingerprint holds.
pub fn read_unlinked(spi: &Spi) -> Result<Vec<Fact>> {
    Ok(ahead::read_full(spi, command::major(), Aspects::ALL - Aspects::EDGES)?.facts)
}

/// Reads these families whole.
pub fn read_roots(spi: &Spi, roots: &[(u32, u32)]) -> Result<Vec<Fact>> {
    read_roots_aspects(spi, roots, Aspects::ALL)
}

/// Reads a table that this command has made, in the parts that it can have.
pub(super) fn read_new_table(spi: &Spi, table: u32, aspects: Aspects) -> Result<Vec<Fact>> {
    let objects = Objects { aspects, relations: vec![table], ..Objects::default() };
    let read = catalog::read_objects(&mut SpiReader { spi, fresh: Some(Fresh::new(table)) }, &objects)?;
    resolve(spi, read)
}

pub(super) fn read_roots_aspects(spi: &Spi, roots: &[(u32, u32)], aspects: Aspects) -> Result<Vec<Fact>> {
    let mut objects = Objects { aspects, ..Objects::default() };
    for &(classid, oid) in roots {
        match classid {
            class::RELATION => objects.relations.push(oid),
            class::TYPE => objects.types.push(oid),
            class::ROUTINE => objects.routines.push(oid),
            class::SCHEMA => objects.schemas.push(oid),
            class::EXTENSION => objects.extensions.push(oid),
            _ => objects.others.push((classid, oid)),
        }
    }
    let read = catalog::read_objects(&mut SpiReader { spi, fresh: None }, &objects)?;
    resolve(spi, read)
}

/// Edges from one read into another were resolved by the last known ids: those that this command's
/// renames left behind become the ids of now.
pub(super) fn follow_renames(known: &[Known], read: &mut [Fact]) {
    let mut now: HashMap<LocalKey, Vec<&FactId>> = HashMap::new();
    for fact in read.iter().filter(|fact| fact.id.of.is_none()) {
        if let Some(key) = fact.key {
            now.entry(key).or_default().push(&fact.id);
        }
    }
    let mut renamed: HashMap<String, FactId> = HashMap::new();
    for old in known {
        // An object's key is also its position's, its owner's, its comments': the id begins with its kind.
        let is = |id: &&&FactId| old.id.strip_prefix(id.kind.word()).is_some_and(|rest| rest.starts_with(' '));
        let same = now.get(&old.key).and_then(|ids| ids.iter().find(is));
        if let Some(id) = same.filter(|id| id.to_string() != old.id) {
            renamed.insert(old.id.clone(), (*id).clone());
        }
    }
    for id in read.iter_mut().filter(|_| !renamed.is_empty()).flat_map(|fact| &mut fact.depends) {
        if let Some(new) = renamed.get(&id.to_string()) {
            *id = new.clone();
        }
    }
}

/// Resolves the edges that lead out of what was read.
fn resolve(spi: &Spi, read: catalog::Read) -> Result<Vec<Fact>> {
    let catalog::Read { mut facts, unresolved } = read;
    if !unresolved.is_empty() {
        let keys: Vec<LocalKey> = unresolved.iter().map(|(_, key)| *key).collect();
        let found = store::facts_of(spi, &keys)?;
        for (i, key) in unresolved {
            for id in found.get(&key).into_iter().flatten() {
                if !facts[i].depends.contains(id) && facts[i].id != *id {
                    facts[i].depends.push(id.clone());
                }
            }
        }
    }
    Ok(facts)
}
