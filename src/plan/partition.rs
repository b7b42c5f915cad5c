//! Partitions: made as ordinary tables, attached when everything that must match is there.

use super::Lock;
use super::order::{Action, bounds};
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, relation};
use crate::diff::Change;
use crate::model::{Body, Constraint, ConstraintType, Fact, FactId, Kind, Name, Partition, Qualified};
use foldhash::HashSet;

/// The partitions that this table gets.
pub(super) fn new_of(scene: &Scene, table: &FactId) -> Vec<FactId> {
    let of = |parent: &Qualified| table.path[..] == [parent.schema.clone(), parent.name.clone()];
    let facts = scene.items.iter().filter(|item| item.before.is_none()).filter_map(|item| item.after.as_ref());
    facts.filter(|fact| matches!(&fact.body, Body::Partition(partition) if of(&partition.parent))).map(|fact| fact.id.clone()).collect()
}

/// The tables that are no partitions any longer, by name before.
pub(super) fn leaving(changes: &[Change]) -> HashSet<&[Name]> {
    let gone = changes.iter().filter(|change| change.after.is_none()).filter_map(|change| change.before.as_ref());
    gone.filter(|fact| fact.id.kind == Kind::Partition).map(|fact| &fact.id.path[..]).collect()
}

/// What stands for "this table has been detached" in the order of actions.
pub(super) fn detached(id: &FactId) -> FactId {
    marker(id, "detached")
}

/// What stands in the order of actions for something that has happened to a table, or to what it holds.
pub(super) fn marker(table: &FactId, word: &str) -> FactId {
    FactId::new(Kind::Partition, [table.path[0].clone(), table.path[1].clone(), word.into()])
}

/// What stands for "this table's partitions that go have gone": what they leave of its keys others may take.
fn room(parent: &FactId) -> FactId {
    marker(parent, "room")
}

/// One for each table that gets partitions, between all that go and all that come.
pub(super) fn make_room(scene: &Scene, out: &mut Vec<Action>) {
    let mut parents: Vec<&Qualified> = Vec::new();
    for item in scene.items.iter().filter(|item| item.before.is_none()) {
        if let Some(Fact { body: Body::Partition(partition), .. }) = &item.after {
            parents.push(&partition.parent);
        }
    }
    parents.sort_unstable();
    parents.dedup();
    for parent in parents {
        let produces = vec![room(&FactId::new(Kind::Table, [parent.schema.clone(), parent.name.clone()]))];
        out.push(Action { rank: 14, takes: vec![bounds(parent)], produces, ..Action::default() });
    }
}

fn parent(partition: &Partition) -> FactId {
    FactId::new(Kind::Table, [partition.parent.schema.clone(), partition.parent.name.clone()])
}

pub(super) fn change(parts: &Matching, scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    if let (Some(fact), None, Some(old)) = (&item.before, &item.after, &item.old) {
        let Body::Partition(partition) = &fact.body else { return };
        let above = parent(partition);
        let child = relation(&fact.id);
        let alter = AlterTable::all(&scene.renames.now(&above, None), Alteration::DetachPartition(&child));
        let mut action =
            Action::new(13, old, &alter).locking(alter.lock(), [above.clone(), table_of(old)]).unmaking(old, fact).letting_go([above]);
        action.produces.push(detached(old));
        out.push(action);
    }
    if let (None, Some(fact)) = (&item.before, &item.after) {
        let Body::Partition(partition) = &fact.body else { return };
        let (child, above) = (table_of(&fact.id), parent(partition));
        let name = relation(&fact.id);
        let alter = AlterTable { only: true, table: relation(&above), actions: vec![Alteration::AttachPartition(&name, &partition.bound)] };
        let mut action = Action::new(60, &fact.id, &alter).making(fact).needing([child.clone(), above.clone(), room(&above)]);
        action = action.locking(Lock::ShareUpdateExclusive, [above.clone()]).scanning(!scene.creates(&child));
        // What matches the parent's is taken up; what is missing would be made under another name.
        action.requires.extend(parts.0.get(&child).into_iter().flatten().cloned());
        // The parent has its columns; what goes from the partition has gone.
        action.requires.extend(parts.0.get(&above).into_iter().flatten().filter(|id| id.kind == Kind::Column).cloned());
        out.push(action);
    }
}

/// The columns, constraints and indexes that come or change, by table.
#[derive(Default)]
pub(super) struct Matching(std::collections::HashMap<FactId, Vec<FactId>>);

impl Matching {
    /// Those of this table.
    pub(super) fn of(&self, table: &FactId) -> &[FactId] {
        self.0.get(table).map_or(&[], Vec::as_slice)
    }

    pub(super) fn gather(scene: &Scene) -> Self {
        let mut map = Self::default();
        for fact in scene.items.iter().filter_map(|item| item.after.as_ref()) {
            let table = match &fact.body {
                // A foreign key needs nothing of the parent's: PostgreSQL clones what is missing and takes up what is there.
                Body::Constraint(_) | Body::Column(_) => table_of(&fact.id),
                Body::Index(index) => FactId::new(Kind::Table, [fact.id.path[0].clone(), index.table.clone()]),
                _ => continue,
            };
            map.0.entry(table).or_default().push(fact.id.clone());
        }
        map
    }
}

fn foreign_keys(scene: &Scene, table: &FactId, before: bool) -> Vec<String> {
    let listed = scene.constraints_of(table).filter_map(|item| if before { item.before.as_ref() } else { item.after.as_ref() });
    let mut standing = scene.around.children(table);
    standing.retain(|fact| scene.item_of(&fact.id).is_none());
    let keys = |fact: &Fact| match &fact.body {
        Body::Constraint(Constraint { constraint_type: ConstraintType::ForeignKey, definition, .. }) if table_of(&fact.id) == *table => {
            Some(definition.clone())
        }
        _ => None,
    };
    listed.filter_map(keys).chain(standing.iter().filter_map(keys)).collect()
}

/// A parent's foreign key that DETACH leaves on the partition as its own.
pub(super) fn leaves_behind(scene: &Scene, fact: &Fact, constraint: &Constraint) -> bool {
    if constraint.constraint_type != ConstraintType::ForeignKey {
        return false;
    }
    // Under its name before: it may move in the same breath.
    let table = table_of(&fact.id);
    let named = scene.item_to(&table).and_then(|i| scene.items[i].old.clone()).unwrap_or_else(|| table.clone());
    let partition = FactId::new(Kind::Partition, named.path.iter().cloned());
    let Some(i) = scene.item_of(&partition).filter(|&i| scene.items[i].after.is_none()) else { return false };
    match scene.items[i].before.as_ref().map(|fact| &fact.body) {
        Some(Body::Partition(body)) => !scene.creates(&table) && foreign_keys(scene, &parent(body), true).contains(&constraint.definition),
        _ => false,
    }
}

/// A table's own foreign key that ATTACH makes a clone of its parent's.
pub(super) fn takes_in(scene: &Scene, old: &FactId, constraint: &Constraint) -> bool {
    if constraint.constraint_type != ConstraintType::ForeignKey {
        return false;
    }
    let partition = FactId::new(Kind::Partition, old.path[..2].iter().cloned());
    match scene.is(&partition).filter(|_| scene.creates(&partition)).map(|fact| fact.body) {
        Some(Body::Partition(body)) => foreign_keys(scene, &parent(&body), false).contains(&constraint.definition),
        _ => false,
    }
}
