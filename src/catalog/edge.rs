//! What facts depend on: `pg_depend`'s rows, led back to facts on both ends.

use super::Malformed;
use super::gather::{CLASS, CONSTRAINT, EXTENSION, Gather, TYPE, key};
use super::row::Rows;
use crate::model::{FactId, Kind, LocalKey};
use foldhash::HashMap;
use std::collections::BTreeSet;

pub(super) fn edges(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    let defaults: HashMap<LocalKey, usize> = gather.implied.iter().map(|(fact, column)| (*column, *fact)).collect();
    for mut row in rows.iter() {
        let dependent = key(row.oid()?, row.oid()?, row.small()?);
        let referenced = key(row.oid()?, row.oid()?, row.small()?);
        let Some(mut fact) = gather.target(dependent) else { continue };
        // Before 15, what a generation expression reads is told of its column.
        let neighbours = |a: LocalKey, b: LocalKey| (a.classid, a.objid) == (b.classid, b.objid) && a.objsubid > 0 && b.objsubid > 0;
        if let Some(default) = defaults.get(&dependent).filter(|_| neighbours(dependent, referenced)) {
            fact = *default;
        }
        let told_elsewhere = match gather.facts[fact].id.kind {
            // By Partition and Inherit, so that the table can exist before it has a parent; what a
            // partition key reads are the table's own columns.
            Kind::Table => referenced.classid == CLASS,
            // OWNED BY is an attribute.
            Kind::Sequence | Kind::Identity => true,
            _ => false,
        };
        if !told_elsewhere {
            gather.references.push((fact, referenced));
        }
    }
    Ok(())
}

/// Whether a reference can lead to a member of an extension of which no other query tells.
pub(super) fn can_be_member(referenced: &LocalKey) -> bool {
    !matches!(referenced.classid, CLASS | TYPE | EXTENSION | CONSTRAINT)
}

/// What stands for an object that is no fact itself.
#[derive(Default)]
pub(super) struct StandIns {
    /// (classid, objid) → (classid, objid, whether columns are to be forgotten).
    canonical: HashMap<(u32, u32), (u32, u32, bool)>,
    /// (classid, objid) → the extension it is a member of.
    members: HashMap<(u32, u32), u32>,
}

impl StandIns {
    pub(super) fn read(&mut self, rows: &Rows) -> Result<(), Malformed> {
        for mut row in rows.iter() {
            let (object, canonical) = ((row.oid()?, row.oid()?), (row.oid()?, row.oid()?));
            let whole = row.bool()?;
            if object != canonical || whole {
                self.canonical.insert(object, (canonical.0, canonical.1, whole));
            }
            if let Some(extension) = row.opt_oid()? {
                self.members.insert(canonical, extension);
                self.members.insert(object, extension);
            }
        }
        Ok(())
    }

    fn of(&self, referenced: LocalKey) -> LocalKey {
        let object = (referenced.classid, referenced.objid);
        let (classid, objid, whole) = self.canonical.get(&object).copied().unwrap_or((object.0, object.1, false));
        match self.members.get(&(classid, objid)).or_else(|| self.members.get(&object)) {
            Some(extension) => key(EXTENSION, *extension, 0),
            None if whole || (classid, objid) != object => key(classid, objid, 0),
            None => referenced,
        }
    }
}

/// Turns references into `depends`; returns those that lead to no fact that was read.
pub(super) fn resolve(gather: &mut Gather, stand_ins: &StandIns) -> Vec<(usize, LocalKey)> {
    let mut depends: Vec<(usize, usize)> = Vec::new();
    let mut unresolved = BTreeSet::new();
    for (fact, referenced) in std::mem::take(&mut gather.references) {
        if gather.implied.contains(&(fact, referenced)) {
            continue;
        }
        let (mut referenced, mut target) = (referenced, gather.find(referenced));
        if target.is_none() {
            referenced = stand_ins.of(referenced);
            target = gather.find(referenced);
        }
        let own = gather.facts[fact].root;
        // An object and its family's root are in the id.
        let root = |key: LocalKey| key.objsubid == 0 && Some((key.classid, key.objid)) == own;
        if let Some(target) = target {
            let found = &gather.facts[target];
            if target != fact && !(found.root == own && found.key.is_some_and(root)) {
                depends.push((fact, target));
            }
        } else if !root(referenced) {
            unresolved.insert((fact, referenced));
        }
    }
    depends.sort_unstable();
    depends.dedup();
    for edges in depends.chunk_by(|a, b| a.0 == b.0) {
        let mut ids: Vec<FactId> = edges.iter().map(|(_, target)| gather.facts[*target].id.clone()).collect();
        ids.sort_unstable();
        gather.facts[edges[0].0].depends = ids;
    }
    unresolved.into_iter().collect()
}
