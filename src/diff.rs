//! model × model → changes. PURE and generic: it compares facts and knows no kinds.
//!
//! Two facts are the same object if their local keys are equal (both sides read from one database),
//! otherwise if their ids are equal. Same object, other id: a rename. Same id, other object: a drop
//! and a create, because what the old one held is gone.

#![forbid(unsafe_code)]

use crate::model::{Fact, FactId, Kind, LocalKey, Name};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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
    let mut by_key: HashMap<Key, usize> = HashMap::new();
    let mut by_id: HashMap<&FactId, usize> = HashMap::new();
    for (i, fact) in after.iter().enumerate() {
        by_id.insert(&fact.id, i);
        if let Some(key) = key_of(fact) {
            by_key.insert(key, i);
        }
    }
    let mut matched = vec![false; after.len()];
    let mut changes = Vec::new();
    for old in before {
        let by_local = key_of(old).and_then(|key| by_key.get(&key).copied());
        let found = by_local.or_else(|| {
            let i = *by_id.get(&old.id)?;
            // The same id under another key: another object, if both are known by key and hold data.
            let other = old.key.is_some() && after[i].key.is_some() && holds_data(old.id.kind) && old.key != after[i].key;
            // An object whose key says that it was renamed away is not this one either.
            (!other).then_some(i)
        });
        match found.filter(|&i| !matched[i]) {
            Some(i) => {
                matched[i] = true;
                let new = &after[i];
                if old.id != new.id || old.body != new.body {
                    changes.push(Change::alter(old.clone(), new.clone()));
                }
            }
            None => changes.push(Change::drop(old.clone())),
        }
    }
    changes.extend(after.iter().zip(&matched).filter(|(_, matched)| !**matched).map(|(new, _)| Change::create(new.clone())));
    changes
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
