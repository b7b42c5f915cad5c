//! Tables: one CREATE TABLE with their columns, ALTER TABLE for every attribute, DROP TABLE.

use super::column::{self, extras};
use super::keep;
use super::order::Action;
use super::partition::Matching;
use super::scene::{Item, Scene, parent_of};
use super::sql::{
    AlterTable, Alteration, ColumnDefinition, GenericOptions, Joined, Maybe, NotNull, OptionsChange, With, flag, relation, settings_changed,
};
use super::{Lock, PlanError};
use crate::model::{Body, Column, Fact, FactId, Kind, Name, Qualified, Table};
use foldhash::{HashMap, HashMapExt as _};
use std::fmt;

/// The created parts of created tables (and attributes of created types), gathered once.
#[derive(Default)]
pub(super) struct Parts {
    columns: HashMap<FactId, Vec<FactId>>,
    inherits: HashMap<FactId, Vec<(i32, FactId)>>,
}

impl Parts {
    pub(super) fn gather(scene: &Scene) -> Self {
        let mut parts = Self::default();
        for fact in scene.items.iter().filter(|item| item.before.is_none()).filter_map(|item| item.after.as_ref()) {
            let owner = |kind| FactId::new(kind, fact.id.path[..2].iter().cloned());
            match &fact.body {
                Body::Column(_) => parts.columns.entry(owner(Kind::Table)).or_default().push(fact.id.clone()),
                Body::Attribute(_) => parts.columns.entry(owner(Kind::Composite)).or_default().push(fact.id.clone()),
                Body::Inherit(inherit) => parts.inherits.entry(owner(Kind::Table)).or_default().push((inherit.rank, fact.id.clone())),
                _ => {}
            }
        }
        parts.inherits.values_mut().for_each(|list| list.sort());
        let owners: Vec<FactId> = parts.columns.keys().cloned().collect();
        for owner in owners {
            let sorted = in_order(scene, parts.columns.remove(&owner).unwrap_or_default());
            parts.columns.insert(owner, sorted);
        }
        parts
    }

    /// The created columns of a table or attributes of a type, in their order.
    pub(super) fn columns(&self, owner: &FactId) -> &[FactId] {
        self.columns.get(owner).map_or(&[], Vec::as_slice)
    }

    fn inherits(&self, table: &FactId) -> &[(i32, FactId)] {
        self.inherits.get(table).map_or(&[], Vec::as_slice)
    }
}

/// Follows the links of the positions. What they do not reach keeps its place at the end.
fn in_order(scene: &Scene, columns: Vec<FactId>) -> Vec<FactId> {
    let mut next: HashMap<Option<Name>, &FactId> = HashMap::new();
    for id in &columns {
        if let Some(Fact { body: Body::Position(position), .. }) = scene.is(&FactId { kind: Kind::Position, ..id.clone() }) {
            next.insert(position.after, id);
        }
    }
    let mut sorted: Vec<FactId> = Vec::with_capacity(columns.len());
    let mut placed = std::collections::HashSet::new();
    let mut roots: Vec<Option<Name>> = vec![None];
    // Chains that begin after a column that stands already.
    roots.extend(next.keys().filter(|after| after.as_ref().is_some_and(|name| !columns.iter().any(|id| id.name() == name))).cloned());
    roots[1..].sort();
    for mut at in roots {
        while let Some(id) = next.remove(&at) {
            at = Some(id.name().clone());
            if placed.insert(id.clone()) {
                sorted.push(id.clone());
            }
        }
    }
    sorted.extend(columns.iter().filter(|id| !placed.contains(*id)).cloned());
    sorted
}

struct CreateTable<'a> {
    name: Qualified,
    table: &'a Table,
    columns: Vec<ColumnDefinition<'a>>,
    inherits: Vec<Qualified>,
}

impl fmt::Display for CreateTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table;
        let kind = if table.foreign.is_some() { "FOREIGN " } else { flag(table.unlogged, "UNLOGGED ") };
        write!(f, "CREATE {kind}TABLE {}", self.name)?;
        match &table.of_type {
            Some(of) if self.columns.is_empty() => write!(f, " OF {of}")?,
            Some(of) => write!(f, " OF {of} ({})", Joined(&self.columns, ", "))?,
            None => write!(f, " ({})", Joined(&self.columns, ", "))?,
        }
        if !self.inherits.is_empty() {
            write!(f, " INHERITS ({})", Joined(&self.inherits, ", "))?;
        }
        if let Some(foreign) = &table.foreign {
            return write!(f, " SERVER {}{}", foreign.server, GenericOptions(&foreign.options));
        }
        write!(f, "{}{}", Maybe(" PARTITION BY ", table.partition_by.as_ref()), Maybe(" USING ", table.access_method.as_ref()))?;
        // A partitioned table has no storage of its own.
        write!(f, "{}{}", With(&table.options), Maybe(" TABLESPACE ", table.tablespace.as_ref()))
    }
}

/// Whether a column of a new table comes from a parent and is not written.
pub(super) fn brought(scene: &Scene, column: &Fact) -> bool {
    matches!(&column.body, Body::Column(Column { not_local: true, .. })) && !scene.is_partition(&column.id)
}

pub(super) fn create(scene: &Scene, parts: &Parts, fact: &Fact, table: &Table, out: &mut Vec<Action>) {
    let id = &fact.id;
    let is = |kind: Kind, column: &FactId| scene.is(&FactId { kind, ..column.clone() }).filter(|fact| scene.creates(&fact.id));
    let columns: Vec<Fact> = parts.columns(id).iter().filter_map(|column| scene.is(column)).collect();
    let defaults: Vec<Option<Fact>> = columns.iter().map(|column| is(Kind::Default, &column.id)).collect();
    let identities: Vec<Option<Fact>> = columns.iter().map(|column| is(Kind::Identity, &column.id)).collect();
    let constraints: Vec<Option<Fact>> = columns.iter().map(|column| column::own_not_null(scene, column)).collect();
    // A PARTITION's parent comes by ATTACH.
    let inherits: Vec<&FactId> = parts.inherits(id).iter().map(|(_, inherit)| inherit).collect();
    let mut action = Action { rank: 40, ..Action::default() }.then(id, "");
    action.makes(fact);
    let mut definitions = Vec::new();
    for (((fact, default), identity), constraint) in columns.iter().zip(&defaults).zip(&identities).zip(&constraints) {
        let Body::Column(column) = &fact.body else { continue };
        action.makes(fact);
        let written = !brought(scene, fact);
        if let Some(identity) = identity {
            action.makes(identity);
        }
        let own_default = default.as_ref().filter(|default| column::inline(scene, default, written));
        if let Some(default) = own_default {
            action.makes(default);
        }
        if let Some(position) = is(Kind::Position, &fact.id) {
            action.produces.push(position.id);
        }
        if !written {
            continue;
        }
        let filled = column::filled(own_default, identity.as_ref());
        let of = table.of_type.is_some();
        let not_null = column::not_null(scene, &fact.id, column, constraint.as_ref());
        if let Some(constraint) = constraint {
            action.makes(constraint);
        }
        if of && filled.is_none() && not_null == NotNull::No {
            continue;
        }
        definitions.push(ColumnDefinition {
            name: fact.id.name(),
            data_type: (!of).then_some(&column.data_type),
            compression: column.compression.as_deref().filter(|_| !of),
            options: Some(&column.foreign_options),
            collation: column.collation.as_ref().filter(|_| !of),
            filled,
            not_null,
        });
    }
    for inherit in &inherits {
        action.produces.push((*inherit).clone());
        action.requires.push(parent_of(inherit));
        // The parent's columns come down as they are at this moment.
        for column in &columns {
            if brought(scene, column) {
                let above = FactId::new(Kind::Column, [inherit.path[2].clone(), inherit.path[3].clone(), column.id.name().clone()]);
                action.requires.push(FactId { kind: Kind::Default, ..above.clone() });
                action.requires.push(above);
            }
        }
    }
    if let Some(of) = &table.of_type {
        action.requires.push(FactId::new(Kind::Composite, [of.schema.clone(), of.name.clone()]));
    }
    let statement = CreateTable {
        name: relation(id),
        table,
        columns: definitions,
        inherits: inherits.iter().map(|inherit| Qualified::new(inherit.path[2].clone(), inherit.path[3].clone())).collect(),
    };
    action.last().sql = statement.to_string();
    if !inherits.is_empty() {
        action = action.locking(Lock::ShareUpdateExclusive, inherits.iter().map(|inherit| parent_of(inherit)));
    }
    if table.partition_by.is_none() {
        let generated = |default: &Option<Fact>| matches!(default.as_ref().map(|fact| &fact.body), Some(Body::Default(default)) if default.generated.is_some());
        let filled: Vec<&Name> =
            columns.iter().zip(&defaults).filter(|(_, default)| !generated(default)).map(|(column, _)| column.id.name()).collect();
        action = keep::refill(scene, id, &filled, action);
    }
    let mut alterations = Vec::new();
    for fact in &columns {
        let Body::Column(column) = &fact.body else { continue };
        let inherited = brought(scene, fact).then(|| column::in_parent(scene, &fact.id)).flatten();
        extras(&mut alterations, fact.id.name(), column, inherited.as_ref());
        if let Some(parent) = &inherited
            && column.not_null
            && !parent.not_null
            && !scene.named_not_null.contains(&fact.id)
        {
            alterations.push(Alteration::SetNotNull(fact.id.name()));
        }
        if inherited.is_some()
            && scene.is(&FactId { kind: Kind::Default, ..fact.id.clone() }).is_none()
            && column::default_in_parent(scene, &fact.id).is_some()
        {
            alterations.push(Alteration::DropDefault(fact.id.name()));
        }
    }
    if table.row_security {
        alterations.push(Alteration::RowSecurity(true));
    }
    if table.force_row_security {
        alterations.push(Alteration::ForceRowSecurity(true));
    }
    if !alterations.is_empty() {
        action = action.then(id, AlterTable { only: true, table: relation(id), actions: alterations });
    }
    out.push(action);
    if table.replica_identity.is_some() {
        out.push(replica_identity(id, table.replica_identity.as_deref()));
    }
}

/// REPLICA IDENTITY of a table or materialized view.
pub(super) fn replica_identity(id: &FactId, identity: Option<&str>) -> Action {
    let alter = AlterTable::only(id, Alteration::ReplicaIdentity(identity));
    let mut action = Action::new(58, id, &alter).locking(alter.lock(), [id.clone()]).needing([id.clone()]);
    if let Some(index) = identity.and_then(|how| how.strip_prefix("index ")) {
        action = action.needing([
            FactId::new(Kind::Index, [id.path[0].clone(), index.into()]),
            FactId::new(Kind::Constraint, [id.path[0].clone(), id.path[1].clone(), index.into()]),
        ]);
    }
    action
}

pub(super) fn alter(
    scene: &Scene,
    old: &FactId,
    was: &Fact,
    now: &Fact,
    before: &Table,
    after: &Table,
    out: &mut Vec<Action>,
) -> Result<(), PlanError> {
    let id = &now.id;
    if before.foreign.is_none() && after.foreign.is_some() {
        let why = "a table that holds rows cannot become a foreign one without being made again".to_owned();
        return Err(PlanError::Impossible { id: id.clone(), why });
    }
    let mut push = |alteration: Alteration, rewrites: bool| {
        let statement = AlterTable::only(id, alteration);
        out.push(Action::new(44, id, &statement).locking(statement.lock(), [old.clone()]).rewriting(rewrites).altering(old, was, now));
    };
    if before.unlogged != after.unlogged {
        push(Alteration::SetLogged(!after.unlogged), true);
    }
    if before.access_method != after.access_method {
        // A partitioned table holds nothing: it has a method for its partitions, or leaves it to them.
        let partitioned = after.partition_by.is_some();
        let otherwise = if partitioned { None } else { Some(Name::from("heap")) };
        push(Alteration::SetAccessMethod(after.access_method.as_ref().or(otherwise.as_ref())), !partitioned);
    }
    if before.tablespace != after.tablespace {
        push(Alteration::SetTablespace(after.tablespace.as_ref().unwrap_or(&"pg_default".into())), true);
    }
    let (set, reset) = settings_changed(&before.options, &after.options);
    if !reset.is_empty() {
        push(Alteration::ResetOptions(&reset), false);
    }
    if !set.is_empty() {
        push(Alteration::SetOptions(&set), false);
    }
    if before.row_security != after.row_security {
        push(Alteration::RowSecurity(after.row_security), false);
    }
    if before.force_row_security != after.force_row_security {
        push(Alteration::ForceRowSecurity(after.force_row_security), false);
    }
    if let (Some(before), Some(after)) = (&before.foreign, &after.foreign)
        && before.options != after.options
    {
        push(Alteration::GenericOptions(OptionsChange { before: &before.options, after: &after.options }), false);
    }
    if before.of_type != after.of_type {
        // Its columns change while it is free.
        let (rank, alteration) = after.of_type.as_ref().map_or((3, Alteration::NotOf), |of| (53, Alteration::Of(of)));
        let statement = AlterTable::only(id, alteration);
        let mut action = Action::new(rank, id, &statement).locking(statement.lock(), [old.clone()]).altering(old, was, now);
        action.was.clear();
        action.becomes.clear();
        if let Some(of) = &after.of_type {
            action.requires.extend(
                scene
                    .items
                    .iter()
                    .filter_map(|item| item.after.as_ref())
                    .map(|fact| fact.id.clone())
                    .filter(|c| c.kind == Kind::Column && c.path[..2] == id.path[..]),
            );
            action.requires.push(FactId::new(Kind::Composite, [of.schema.clone(), of.name.clone()]));
        }
        out.push(action);
    }
    if before.replica_identity != after.replica_identity {
        out.push(replica_identity(id, after.replica_identity.as_deref()));
    }
    Ok(())
}

pub(super) fn drop(scene: &Scene, dropped: &keep::Dropped, old: &FactId, fact: &Fact, table: &Table, out: &mut Vec<Action>) {
    let foreign = table.foreign.is_some();
    let carried = scene.carried.contains(old);
    // The rows of a foreign table are elsewhere, those of a partitioned one in its partitions.
    let aside = if foreign || carried || table.partition_by.is_some() { None } else { keep::table(scene, dropped, old, fact, table) };
    let elsewhere = table.partition_by.is_some() && (scene.options.keep.is_some() || scene.creates(old));
    let lost = !foreign && aside.is_none() && !elsewhere && !carried;
    let mut action = aside.unwrap_or_else(|| {
        Action::new(18, old, format_args!("DROP {}TABLE {}", flag(foreign, "FOREIGN "), relation(&fact.id)))
            .locking(Lock::AccessExclusive, [old.clone()])
    });
    // A foreign key on a partitioned table holds its partitions as well.
    let mut above = scene.parents_before(old);
    while let Some(parent) = above.pop() {
        action.was.extend(scene.around.children(&parent).into_iter().map(|part| part.id).filter(|id| id.kind == Kind::Constraint));
        if scene.was(&FactId::new(Kind::Partition, parent.path.iter().cloned())).is_some() {
            above.extend(scene.parents_before(&parent));
        }
    }
    action = action.unmaking(old, fact);
    if scene.creates(old) {
        let columns = scene.around.children(old).into_iter().filter(|part| part.id.kind == Kind::Column);
        for identity in columns.map(|column| FactId { kind: Kind::Identity, ..column.id }).filter(|id| scene.item_of(id).is_some()) {
            action = action.losing(&identity, format!("the position of the sequence of {identity}"));
        }
    }
    out.push(if lost { action.losing(old, format!("the rows of {old}")) } else { action });
}

/// A table's place under a parent by inheritance.
pub(super) fn inherit(matching: &Matching, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let (child, parent) = (super::scene::table_of(&fact.id), parent_of(&fact.id));
            let name = relation(&parent);
            let alter = AlterTable::all(&child, Alteration::Inherit(&name));
            let mut action = Action::new(61, &fact.id, &alter)
                .locking(alter.lock(), [child.clone(), parent.clone()])
                .making(fact)
                .needing([child.clone(), parent]);
            // Columns and constraints must be there already.
            action.requires.extend(matching.of(&child).iter().filter(|id| matches!(id.kind, Kind::Column | Kind::Constraint)).cloned());
            out.push(action);
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let (child, parent) = (super::scene::table_of(&fact.id), parent_of(&fact.id));
            let name = relation(&parent);
            let alter = AlterTable::all(&child, Alteration::NoInherit(&name));
            out.push(Action::new(13, old, &alter).locking(alter.lock(), [child, parent]).unmaking(old, fact).letting_go([parent_of(old)]));
        }
        _ => {}
    }
}
