//! What stands before and after: the changes, with renames carried through them, and what is around them.
//!
//! Two name spaces meet here. *Before* names are those of the model that the plan starts from; *after*
//! names are those once every rename is done, and statements other than renames speak in these.

use super::constraint::not_null_of;
use super::order::owners;
use super::rename::Renames;
use super::{Options, PlanError, Surroundings};
use crate::diff::Change;
use crate::model::{Body, Column, ConstraintType, Fact, FactId, Index, Kind, Name, Qualified, Table};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use std::cell::RefCell;
use std::rc::Rc;

/// A change whose `before` renames have been carried through.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// The id before renames.
    pub old: Option<FactId>,
    /// The fact before, under its name after renames.
    pub before: Option<Fact>,
    /// The fact after.
    pub after: Option<Fact>,
    /// The USING expression of a type change.
    pub using: Option<String>,
    /// What existing rows hold in a new column.
    pub fill: Option<String>,
}

/// Everything that rendering asks.
pub(super) struct Scene<'a> {
    /// The changes.
    pub items: Vec<Item>,
    by_old: HashMap<FactId, usize>,
    by_new: HashMap<FactId, usize>,
    /// Created inheritance facts, by table.
    inherits: HashMap<(Name, Name), Vec<FactId>>,
    /// Dropped inheritance facts, by table before.
    disinherits: HashMap<(Name, Name), Vec<FactId>>,
    /// Changes of constraints, by table before and after.
    constraints: HashMap<[Name; 2], Vec<usize>>,
    /// Changes that lead to indexes of partitioned tables and partitions, by table after.
    partitioned_indexes: HashMap<[Name; 2], Vec<usize>>,
    /// Changes that begin with an only inherited column, by its name before.
    inherited_columns: HashMap<Name, Vec<usize>>,
    /// Inheritance facts that stand, by table.
    standing: RefCell<HashMap<FactId, Rc<Vec<FactId>>>>,
    /// Tables that hold rows on the target.
    populated: HashSet<&'a FactId>,
    /// Columns (from PostgreSQL 18) and domains (from 17) whose NOT NULL is a constraint of its own in these changes.
    pub named_not_null: HashSet<FactId>,
    /// The new ones among those constraints, by column.
    new_not_null: HashMap<FactId, FactId>,
    /// Those that go or change, by column before.
    old_not_null: HashMap<FactId, FactId>,
    /// The renames among them.
    pub renames: Renames,
    /// What is around.
    pub around: &'a dyn Surroundings,
    /// How to plan.
    pub options: &'a Options,
    /// Facts that get statements of their own, because a cycle showed that their owner's will not do.
    pub splits: &'a HashSet<FactId>,
    /// Enumerated types that lose labels.
    pub remade: Vec<FactId>,
    /// Tables that are made again partitioned otherwise.
    pub converted: Vec<super::carry::Converted>,
    /// Of tables that are dropped, those whose rows are carried over (ids before).
    pub carried: HashSet<FactId>,
    /// Sequences that stay although the column that owns them is made again.
    pub handed_over: Vec<Fact>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        changes: &[Change],
        around: &'a dyn Surroundings,
        options: &'a Options,
        splits: &'a HashSet<FactId>,
    ) -> Result<Self, PlanError> {
        let renames = Renames::find(changes);
        let mut scene = Self {
            items: Vec::with_capacity(changes.len()),
            by_old: HashMap::with_capacity(changes.len()),
            by_new: HashMap::with_capacity(changes.len()),
            inherits: HashMap::new(),
            disinherits: HashMap::new(),
            constraints: HashMap::new(),
            partitioned_indexes: HashMap::new(),
            inherited_columns: HashMap::new(),
            standing: RefCell::default(),
            populated: options.populated.iter().collect(),
            named_not_null: HashSet::new(),
            new_not_null: HashMap::new(),
            old_not_null: HashMap::new(),
            renames,
            around,
            options,
            splits,
            remade: Vec::new(),
            converted: Vec::new(),
            carried: HashSet::new(),
            handed_over: Vec::new(),
        };
        for change in changes {
            let (Some(id), Some(kind)) = (change.id(), change.kind()) else { continue };
            // Subscriptions are reported and never planned.
            if id.of.unwrap_or(kind) == Kind::Subscription {
                continue;
            }
            if kind == Kind::Unmodelled || id.of == Some(Kind::Unmodelled) {
                let what = id.path.first().map_or("", Name::as_str);
                return Err(PlanError::Impossible { id: id.clone(), why: format!("kind {what} is not modelled") });
            }
            for fact in change.before.iter().chain(&change.after) {
                fact.id.check().map_err(|why| PlanError::Impossible { id: fact.id.clone(), why })?;
                if fact.body.kind() != fact.id.kind {
                    return Err(PlanError::Impossible { id: fact.id.clone(), why: "its attributes are those of another kind".to_owned() });
                }
            }
            let before = change.before.as_ref().map(|before| match &change.after {
                Some(after) => scene.renames.carried(before, after),
                None => Fact { id: scene.renames.now(&before.id, Some(&before.body)), ..before.clone() },
            });
            let item = Item {
                old: change.before.as_ref().map(|b| b.id.clone()),
                before,
                after: change.after.clone(),
                using: change.using.clone(),
                fill: change.fill.clone(),
            };
            scene.push(item);
        }
        Ok(scene)
    }

    /// Adds a change.
    pub(super) fn push(&mut self, item: Item) {
        let i = self.items.len();
        if let Some(old) = &item.old {
            self.by_old.insert(old.clone(), i);
            if old.kind == Kind::Inherit {
                self.disinherits.entry((old.path[0].clone(), old.path[1].clone())).or_default().push(old.clone());
            }
        }
        for fact in item.before.iter().chain(&item.after) {
            if let Some(column) = not_null_of(&fact.id, &fact.body) {
                if item.before.is_none() {
                    self.new_not_null.insert(column.clone(), fact.id.clone());
                }
                self.named_not_null.insert(column);
            }
        }
        if let (Some(old), Some(before)) = (&item.old, &item.before)
            && let Some(column) = not_null_of(old, &before.body)
        {
            self.old_not_null.insert(column, old.clone());
        }
        if let Some(Fact { id, body: Body::Index(index), .. }) = &item.after
            && (index.partitioned || index.attached_to.is_some())
        {
            self.partitioned_indexes.entry([id.path[0].clone(), index.table.clone()]).or_default().push(i);
        }
        for fact in item.before.iter().chain(&item.after) {
            if fact.id.kind == Kind::DomainConstraint && fact.is_not_null() {
                self.named_not_null.insert(FactId::new(Kind::Domain, fact.id.path[..2].iter().cloned()));
            }
        }
        let ids: Vec<&FactId> =
            item.old.iter().chain(item.after.as_ref().map(|after| &after.id)).filter(|id| id.kind == Kind::Constraint).collect();
        for (n, id) in ids.iter().enumerate() {
            if n == 0 || ids[0].path[..2] != id.path[..2] {
                self.constraints.entry([id.path[0].clone(), id.path[1].clone()]).or_default().push(i);
            }
        }
        if let (Some(Fact { body: Body::Column(Column { not_local: true, .. }), .. }), Some(old)) = (&item.before, &item.old) {
            self.inherited_columns.entry(old.name().clone()).or_default().push(i);
        }
        if let Some(after) = &item.after {
            self.by_new.insert(after.id.clone(), i);
            if after.id.kind == Kind::Inherit {
                self.inherits.entry((after.id.path[0].clone(), after.id.path[1].clone())).or_default().push(after.id.clone());
            }
        }
        self.items.push(item);
    }

    /// The new NOT NULL constraint that a new column can be given where it is made.
    pub(super) fn new_not_null(&self, column: &FactId) -> Option<Fact> {
        let fact = self.is(self.new_not_null.get(column)?)?;
        matches!(&fact.body, Body::Constraint(constraint) if !constraint.not_valid).then_some(fact)
    }

    /// The NOT NULL constraint of this column that goes.
    pub(super) fn old_not_null(&self, column: &FactId) -> Option<&FactId> {
        self.old_not_null.get(column).filter(|old| self.drops(old))
    }

    /// Makes an alteration a drop and a creation.
    pub(super) fn split(&mut self, i: usize) {
        if self.items[i].before.is_none() {
            return;
        }
        if let Some(after) = self.items[i].after.take() {
            let standing = self.items[i].old.clone().and_then(|old| self.renames.forget(&old));
            if let (Some(id), Some(before)) = (standing, &mut self.items[i].before) {
                before.id = id;
            }
            let fill = self.items[i].fill.take();
            self.push(Item { after: Some(after), fill, ..Item::default() });
        }
    }

    /// The indexes that a partitioned table or a partition has afterwards, those that stay as they are included.
    pub(super) fn partitioned_indexes(&self, table: &FactId) -> impl Iterator<Item = Fact> {
        let changed =
            self.partitioned_indexes.get(table.path.as_slice()).into_iter().flatten().filter_map(|&i| self.items[i].after.clone());
        let standing = if self.creates(table) { Vec::new() } else { self.around.children(table) };
        changed.chain(standing.into_iter().filter(|fact| fact.id.kind == Kind::Index && self.item_of(&fact.id).is_none()))
    }
    /// The changes of a table's constraints.
    pub(super) fn constraints_of(&self, table: &FactId) -> impl Iterator<Item = &Item> {
        self.constraints.get(table.path.as_slice()).into_iter().flatten().map(|&i| &self.items[i])
    }
    /// The changes that begin with an only inherited column of this name.
    pub(super) fn inherited_columns(&self, name: &Name) -> impl Iterator<Item = &Item> {
        self.inherited_columns.get(name).into_iter().flatten().map(|&i| &self.items[i])
    }
    /// The change of the fact that had this id before.
    pub(super) fn item_of(&self, old: &FactId) -> Option<usize> {
        self.by_old.get(old).copied()
    }
    /// The change that leads to the fact with this id.
    pub(super) fn item_to(&self, new: &FactId) -> Option<usize> {
        self.by_new.get(new).copied()
    }
    /// The fact that has this id afterwards.
    pub(super) fn is(&self, id: &FactId) -> Option<Fact> {
        match self.by_new.get(id) {
            Some(&i) => self.items[i].after.clone(),
            None if self.by_old.contains_key(id) => None,
            None => self.around.get(id),
        }
    }
    /// The fact that had this id before (its text as renames leave it).
    pub(super) fn was(&self, id: &FactId) -> Option<Fact> {
        match self.by_old.get(id) {
            Some(&i) => self.items[i].before.clone(),
            None => self.around.get(id),
        }
    }
    /// Whether the fact with this id is new.
    pub(super) fn creates(&self, id: &FactId) -> bool {
        self.by_new.get(id).is_some_and(|&i| self.items[i].before.is_none())
    }
    /// Whether the fact that had this id goes, by a change of its own.
    pub(super) fn drops(&self, old: &FactId) -> bool {
        self.by_old.get(old).is_some_and(|&i| self.items[i].after.is_none())
    }
    /// Whether it goes, by itself or with what it is a part of.
    pub(super) fn gone(&self, old: &FactId, body: Option<&Body>) -> bool {
        self.drops(old) || self.owners_before(old, body).iter().any(|owner| self.gone(owner, None))
    }

    fn owners_before(&self, old: &FactId, body: Option<&Body>) -> Vec<FactId> {
        let empty = Body::Schema(crate::model::Schema {});
        let known = self.by_old.get(old).and_then(|&i| self.items[i].before.as_ref()).map(|fact| &fact.body);
        owners(old, body.or(known).unwrap_or(&empty))
    }

    /// The outermost dropped thing that takes this one with it.
    pub(super) fn taken_by(&self, old: &FactId, fact: &Fact) -> Option<FactId> {
        if self.splits.contains(old) {
            return None;
        }
        let mut carriers = self.owners_before(old, Some(&fact.body));
        match &fact.body {
            Body::Sequence(sequence) => {
                if let Some((table, column)) = &sequence.owned_by {
                    carriers.push(FactId::new(Kind::Column, [old.path[0].clone(), table.clone(), column.clone()]));
                }
            }
            Body::Routine(_) => carriers.extend(super::base_type::carriers(self, old, fact)),
            Body::Index(Index { attached_to: Some(parent), table, .. }) => carriers.extend(self.dropped_index(parent, &old.path[0], table)),
            // It holds the partitions of the table that it refers to, which may be its own.
            Body::Constraint(constraint)
                if constraint.constraint_type == ConstraintType::ForeignKey
                    && matches!(self.was(&table_of(old)), Some(Fact { body: Body::Table(Table { partition_by: Some(_), .. }), .. })) =>
            {
                return None;
            }
            Body::Constraint(constraint) => {
                carriers.extend(not_null_of(old, &fact.body));
                if let Some(parent) = &constraint.attached_to {
                    carriers.extend(self.dropped_index(parent, &old.path[0], &old.path[1]));
                }
            }
            _ => {}
        }
        carriers.iter().find_map(|carrier| self.outermost(carrier))
    }

    fn outermost(&self, id: &FactId) -> Option<FactId> {
        let body = self.by_old.get(id).and_then(|&i| self.items[i].before.as_ref());
        let further = match body {
            Some(fact) => self.taken_by(id, fact),
            None => self.owners_before(id, None).iter().find_map(|owner| self.outermost(owner)),
        };
        further.or_else(|| self.drops(id).then(|| id.clone()))
    }

    /// The dropped partitioned index (or constraint) of this name, unless the partition is detached from it first.
    fn dropped_index(&self, parent: &Qualified, schema: &Name, table: &Name) -> Option<FactId> {
        if self.drops(&FactId::new(Kind::Partition, [schema.clone(), table.clone()])) {
            return None;
        }
        self.holder(parent, schema, table).filter(|holder| self.drops(holder))
    }

    /// The partitioned index or constraint that this partition's index or constraint is attached to.
    pub(super) fn attached_to(&self, old: &FactId, fact: &Fact) -> Option<FactId> {
        match &fact.body {
            Body::Index(index) => self.holder(index.attached_to.as_ref()?, &old.path[0], &index.table),
            Body::Constraint(constraint) => self.holder(constraint.attached_to.as_ref()?, &old.path[0], &old.path[1]),
            _ => None,
        }
    }

    fn holder(&self, parent: &Qualified, schema: &Name, table: &Name) -> Option<FactId> {
        let index = FactId::new(Kind::Index, [parent.schema.clone(), parent.name.clone()]);
        if self.was(&index).is_some() {
            return Some(index);
        }
        // A constraint's index has the constraint's name; its table is the partition's parent.
        let parent_table = match self.was(&FactId::new(Kind::Partition, [schema.clone(), table.clone()]))?.body {
            Body::Partition(partition) => partition.parent,
            _ => return None,
        };
        let constraint = FactId::new(Kind::Constraint, [parent_table.schema, parent_table.name, parent.name.clone()]);
        self.was(&constraint).map(|_| constraint)
    }

    /// The relation of this name afterwards.
    pub(super) fn relation(&self, schema: &Name, name: &Name) -> Option<Fact> {
        [Kind::Table, Kind::View, Kind::MaterializedView]
            .into_iter()
            .find_map(|kind| self.is(&FactId::new(kind, [schema.clone(), name.clone()])))
    }

    /// The table of this name afterwards, if it is known.
    pub(super) fn table(&self, id: &FactId) -> Option<Table> {
        match self.is(&table_of(id))?.body {
            Body::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Whether the table that this fact stood on was a foreign one.
    pub(super) fn foreign_before(&self, old: &FactId) -> bool {
        matches!(self.was(&table_of(old)).map(|fact| fact.body), Some(Body::Table(table)) if table.foreign.is_some())
    }

    /// Whether the table that this fact stands on is partitioned.
    pub(super) fn partitioned(&self, id: &FactId) -> bool {
        self.table(id).is_some_and(|table| table.partition_by.is_some())
    }

    /// Whether the table is a partition afterwards.
    pub(super) fn is_partition(&self, id: &FactId) -> bool {
        self.is(&FactId::new(Kind::Partition, id.path[..2].iter().cloned())).is_some()
    }

    /// The tables that this one is a child or a partition of, afterwards.
    pub(super) fn parents(&self, id: &FactId) -> Vec<FactId> {
        let path = [id.path[0].clone(), id.path[1].clone()];
        if let Some(Fact { body: Body::Partition(partition), .. }) = self.is(&FactId::new(Kind::Partition, path.clone())) {
            return vec![FactId::new(Kind::Table, [partition.parent.schema, partition.parent.name])];
        }
        let mut parents: Vec<FactId> =
            self.inherits.get(&(path[0].clone(), path[1].clone())).into_iter().flatten().map(parent_of).collect();
        if !self.creates(&FactId::new(Kind::Table, path.clone())) {
            let standing = self.standing_inherits(&FactId::new(Kind::Table, path));
            parents.extend(standing.iter().filter(|id| !self.by_old.contains_key(id)).map(parent_of));
        }
        parents
    }

    /// The inheritance facts of a table as it stands, looked up once.
    fn standing_inherits(&self, table: &FactId) -> Rc<Vec<FactId>> {
        if let Some(known) = self.standing.borrow().get(table) {
            return Rc::clone(known);
        }
        let mut found: Vec<FactId> = self.around.children(table).into_iter().map(|fact| fact.id).collect();
        found.retain(|id| id.kind == Kind::Inherit);
        let found = Rc::new(found);
        self.standing.borrow_mut().insert(table.clone(), Rc::clone(&found));
        found
    }

    /// Those of its parents that it had before as well: what changes there comes down.
    pub(super) fn lasting_parents(&self, id: &FactId) -> Vec<FactId> {
        if self.creates(&FactId::new(Kind::Partition, id.path[..2].iter().cloned())) {
            return Vec::new();
        }
        let link = |parent: &FactId| FactId::new(Kind::Inherit, id.path[..2].iter().chain(&parent.path).cloned());
        self.parents(id).into_iter().filter(|parent| !self.creates(&link(parent))).collect()
    }

    /// Those of its parents before that it keeps: what is dropped there is dropped here.
    pub(super) fn kept_parents(&self, old: &FactId) -> Vec<FactId> {
        if self.drops(&FactId::new(Kind::Partition, old.path[..2].iter().cloned())) {
            return Vec::new();
        }
        let link = |parent: &FactId| FactId::new(Kind::Inherit, old.path[..2].iter().chain(&parent.path).cloned());
        self.parents_before(old).into_iter().filter(|parent| !self.drops(&link(parent))).collect()
    }

    /// The tables that this one was a child or a partition of, before.
    pub(super) fn parents_before(&self, old: &FactId) -> Vec<FactId> {
        let path = [old.path[0].clone(), old.path[1].clone()];
        if let Some(Fact { body: Body::Partition(partition), .. }) = self.was(&FactId::new(Kind::Partition, path.clone())) {
            return vec![FactId::new(Kind::Table, [partition.parent.schema, partition.parent.name])];
        }
        let table = FactId::new(Kind::Table, path);
        let mut parents: Vec<FactId> =
            self.disinherits.get(&(old.path[0].clone(), old.path[1].clone())).into_iter().flatten().map(parent_of).collect();
        for parent in self.standing_inherits(&table).iter().map(parent_of) {
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        parents
    }

    /// Whether the target's table holds rows.
    pub(super) fn populated(&self, table: &FactId) -> bool {
        self.populated.contains(&table_of(table))
    }
}

/// The table whose part this id names.
pub(super) fn table_of(id: &FactId) -> FactId {
    FactId::new(Kind::Table, id.path[..2].iter().cloned())
}

/// The parent that an inheritance fact names.
pub(super) fn parent_of(inherit: &FactId) -> FactId {
    FactId::new(Kind::Table, inherit.path[2..].iter().cloned())
}
