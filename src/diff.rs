//! model × model → changes. PURE and generic: it compares facts and knows no kinds.
//!
//! Two facts are the same object if their local keys are equal (both sides read from one database),
//! otherwise if their ids are equal. Same object, other id: a rename. Same id, other object: a drop
//! and a create, because what the old one held is gone.

#![forbid(unsafe_code)]

use crate::model::{Fact, FactId, Kind, LocalKey, Name};
use foldhash::{HashMap, HashMapExt as _, HashSet};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::hash::BuildHasher;

/// One typed difference: a fact before and after.
///
/// Only `after`: created. Only `before`: dropped. Both with one id: altered. Both with two ids: renamed
/// (and perhaps altered as well).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The fact as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Fact>,
    /// The fact as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Fact>,
    /// The USING expression of a column's type change, as deparsed text in the table's own columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub using: Option<String>,
    /// For a column added with a default that is constant for all existing rows: the value they
    /// hold, as the text of a literal of the column's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<String>,
}

/// What a [`Change`] does to its fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Operation {
    Create,
    Drop,
    Alter,
    Rename,
}

impl Change {
    /// A fact that appears.
    pub fn create(after: Fact) -> Self {
        Self { after: Some(after), ..Self::default() }
    }
    /// A fact that goes.
    pub fn drop(before: Fact) -> Self {
        Self { before: Some(before), ..Self::default() }
    }
    /// A fact that is altered or renamed.
    pub fn alter(before: Fact, after: Fact) -> Self {
        Self { before: Some(before), after: Some(after), ..Self::default() }
    }
    /// What it does; `None` for an empty change, which only hostile input holds.
    pub fn operation(&self) -> Option<Operation> {
        match (&self.before, &self.after) {
            (None, None) => None,
            (None, Some(_)) => Some(Operation::Create),
            (Some(_), None) => Some(Operation::Drop),
            (Some(before), Some(after)) if before.id == after.id => Some(Operation::Alter),
            _ => Some(Operation::Rename),
        }
    }
    /// The id afterwards, or before for a drop.
    pub fn id(&self) -> Option<&FactId> {
        self.after.as_ref().or(self.before.as_ref()).map(|fact| &fact.id)
    }
    /// The kind of the fact.
    pub fn kind(&self) -> Option<Kind> {
        self.id().map(|id| id.kind)
    }
    /// The change that leads back. USING and fill do not: values cannot be read off a schema.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { before: self.after.clone(), after: self.before.clone(), using: None, fill: None }
    }
}

/// The reverse of a list of changes.
pub fn reversed(changes: &[Change]) -> Vec<Change> {
    changes.iter().rev().map(Change::reversed).collect()
}

/// Whether a fact of this kind holds rows, so that a new object under the old id is not the old one.
fn holds_data(kind: Kind) -> bool {
    matches!(kind, Kind::Table | Kind::Column | Kind::Sequence | Kind::MaterializedView | Kind::Attribute)
}

/// The changes that lead from `before` to `after`.
///
/// Local keys are used where both facts carry one: pass facts without keys to compare two databases.
/// The result is in the order of `before` for drops and alterations, then of `after` for creations.
pub fn diff(before: &[Fact], after: &[Fact]) -> Vec<Change> {
    diff_paired(before, after, &HashMap::new())
}

/// The same, where some facts are known to be the same object under another id: `pairs` leads from
/// the id before to the id after, and comes before keys and ids.
pub fn diff_paired<S: BuildHasher>(before: &[Fact], after: &[Fact], pairs: &std::collections::HashMap<FactId, FactId, S>) -> Vec<Change> {
    let mut found: Vec<Option<usize>> = vec![None; before.len()];
    let mut matched = vec![false; after.len()];
    let targets: HashSet<&FactId> = pairs.values().collect();
    // Models come sorted by id, and most facts of two models are in both: those need no look-up. In
    // any other order this finds less, and nothing wrong.
    let (mut i, mut j) = (0, 0);
    while i < before.len() && j < after.len() {
        match before[i].id.cmp(&after[j].id) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => {
                let known = !pairs.is_empty() && (pairs.contains_key(&before[i].id) || targets.contains(&after[j].id));
                if before[i].key == after[j].key && !known {
                    found[i] = Some(j);
                    matched[j] = true;
                }
                i += 1;
                j += 1;
            }
        }
    }
    let rest: Vec<usize> = (0..after.len()).filter(|&j| !matched[j]).collect();
    let mut by_key: HashMap<Key, usize> = HashMap::with_capacity(rest.len());
    let mut by_id: HashMap<&FactId, usize> = HashMap::with_capacity(rest.len());
    for &j in &rest {
        by_id.insert(&after[j].id, j);
        if let Some(key) = key_of(&after[j]) {
            by_key.insert(key, j);
        }
    }
    for (i, old) in before.iter().enumerate() {
        if found[i].is_some() {
            continue;
        }
        let paired = pairs.get(&old.id).and_then(|id| by_id.get(id).copied());
        let by_local = || key_of(old).and_then(|key| by_key.get(&key).copied()).filter(|&j| !targets.contains(&after[j].id));
        let by_name = || by_id.get(&old.id).copied().filter(|&j| !targets.contains(&after[j].id) && !another(old, &after[j]));
        if let Some(j) = paired.or_else(by_local).or_else(by_name).filter(|&j| !matched[j]) {
            found[i] = Some(j);
            matched[j] = true;
        }
    }
    let mut changes = Vec::new();
    for (old, found) in before.iter().zip(found) {
        match found.map(|j| &after[j]) {
            Some(new) if old.id == new.id && old.body == new.body => {}
            Some(new) => changes.push(Change::alter(old.clone(), new.clone())),
            None => changes.push(Change::drop(old.clone())),
        }
    }
    changes.extend(after.iter().zip(&matched).filter(|(_, matched)| !**matched).map(|(new, _)| Change::create(new.clone())));
    follow_renames(&mut changes, after);
    changes
}

/// Edges that were told by what was last known still lead to the names before: they follow the renames.
fn follow_renames(changes: &mut [Change], after: &[Fact]) {
    let renamed: HashMap<FactId, FactId> = changes
        .iter()
        .filter_map(|change| change.before.as_ref().zip(change.after.as_ref()))
        .filter(|(before, after)| before.id != after.id)
        .map(|(before, after)| (before.id.clone(), after.id.clone()))
        .collect();
    if renamed.is_empty() {
        return;
    }
    let standing: HashSet<&FactId> = after.iter().map(|fact| &fact.id).collect();
    for edge in changes.iter_mut().filter_map(|change| change.after.as_mut()).flat_map(|fact| &mut fact.depends) {
        if let Some(now) = renamed.get(edge).filter(|_| !standing.contains(edge)) {
            edge.clone_from(now);
        }
    }
}

/// The same id under another key: another object, if both are known by comparable keys and hold data.
/// (An object that is gone is known by the event that it went with, which the catalog 0 stands for.)
fn another(old: &Fact, new: &Fact) -> bool {
    match (old.key, new.key) {
        (Some(a), Some(b)) => holds_data(old.id.kind) && a != b && (a.classid == 0) == (b.classid == 0),
        _ => false,
    }
}

type Key<'a> = (Kind, Option<Kind>, LocalKey, [Option<&'a str>; 2]);

/// What tells one fact from another under the same local key: kind, target, the roles in the ids of
/// privileges and user mappings (which are no objects here that could be renamed), and a label's provider.
fn key_of(fact: &Fact) -> Option<Key<'_>> {
    let (first, last) = (|| fact.id.path.first().map(Name::as_str), || Some(fact.id.name().as_str()));
    let further = match fact.id.kind {
        Kind::Grant | Kind::UserMapping | Kind::SecurityLabel => [None, last()],
        Kind::DefaultPrivilege => [first(), last()],
        _ => [None, None],
    };
    fact.key.map(|key| (fact.id.kind, fact.id.of, key, further))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comment, Table};

    fn table(name: &str, key: Option<u32>) -> Fact {
        let mut fact = Fact::new(FactId::new(Kind::Table, ["s", name]), Table::default());
        fact.key = key.map(|objid| LocalKey { classid: 1259, objid, objsubid: 0 });
        fact
    }
    fn shown(changes: &[Change]) -> Vec<(Operation, String)> {
        changes.iter().map(|change| (change.operation().unwrap(), change.id().unwrap().name().to_string())).collect()
    }

    #[test]
    fn keys_tell_a_rename_from_a_drop_and_a_create() {
        let (before, after) = ([table("a", Some(1)), table("b", Some(2))], [table("a", Some(3)), table("c", Some(1))]);
        assert_eq!(
            shown(&diff(&before, &after)),
            [(Operation::Rename, "c".to_owned()), (Operation::Drop, "b".to_owned()), (Operation::Create, "a".to_owned())]
        );
        // Without keys names decide.
        let bare = |facts: &[Fact]| facts.iter().map(|f| Fact { key: None, ..f.clone() }).collect::<Vec<_>>();
        assert_eq!(shown(&diff(&bare(&before), &bare(&after))), [(Operation::Drop, "b".to_owned()), (Operation::Create, "c".to_owned())]);
    }

    #[test]
    fn the_order_of_the_facts_does_not_matter() {
        let facts: Vec<Fact> = ["d", "a", "c", "b"].iter().map(|name| table(name, None)).collect();
        let mut sorted = facts.clone();
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        assert!(diff(&facts, &sorted).is_empty());
        assert!(diff(&sorted, &facts).is_empty());
        sorted.push(Fact::new(sorted[0].id.property(Kind::Comment), Comment { text: "x".into() }));
        assert_eq!(diff(&facts, &sorted).len(), 1);
    }

    #[test]
    fn known_pairs_come_first() {
        let (before, after) = ([table("a", None), table("b", None)], [table("b", None), table("c", None)]);
        let id = |name: &str| FactId::new(Kind::Table, ["s", name]);
        let pairs = HashMap::from_iter([(id("a"), id("b")), (id("b"), id("c"))]);
        let changes = diff_paired(&before, &after, &pairs);
        assert_eq!(shown(&changes), [(Operation::Rename, "b".to_owned()), (Operation::Rename, "c".to_owned())]);
        let one = HashMap::from_iter([(id("a"), id("b"))]);
        let changes = diff_paired(&before, &after, &one);
        assert_eq!(
            shown(&changes),
            [(Operation::Rename, "b".to_owned()), (Operation::Drop, "b".to_owned()), (Operation::Create, "c".to_owned())]
        );
    }

    #[test]
    fn edges_follow_the_renames_that_come_with_them() {
        let (mut before, mut after) = ([table("a", Some(1)), table("v", Some(2))], [table("b", Some(1)), table("v", Some(2))]);
        for facts in [&mut before, &mut after] {
            // As it was last known: the rename is news.
            facts[1].depends = vec![FactId::new(Kind::Table, ["s", "a"])];
        }
        after[1].body = Table { unlogged: true, ..Table::default() }.into();
        let changes = diff(&before, &after);
        assert_eq!(changes[1].after.as_ref().unwrap().depends, [FactId::new(Kind::Table, ["s", "b"])]);
    }

    #[test]
    fn what_is_gone_is_not_compared_by_key_with_what_stands() {
        let mut gone = table("a", Some(7));
        gone.key = Some(LocalKey { classid: 0, objid: 7, objsubid: 1 });
        assert!(diff(&[table("a", Some(7))], &[gone]).is_empty());
    }
}
