//! Rows of a table that becomes partitioned, ceases to be, or is partitioned otherwise: it is made again, and they
//! are carried over.
//!
//! Partitions that stay keep their rows and are attached to the new table. What was in the table itself, or in
//! partitions that go, is put by in a temporary table, in the transaction that makes the table again, and comes back
//! before any trigger, rule or policy stands that could see it. Rows that no partition takes undo it all.

use super::keep::{self, Held, LockTable};
use super::loss::{Cast, cast};
use super::order::Action;
use super::partition::{self, marker};
use super::scene::{Scene, table_of};
use super::sql::{Joined, relation};
use super::{Lock, PlanError};
use crate::model::{Body, Default, Fact, FactId, Kind, Name, Qualified, Table};

/// A table that is made again otherwise, as the changes begin.
#[derive(Clone, Debug)]
pub(super) struct Converted {
    old: FactId,
    now: FactId,
    /// Those that it has before and after, by their names.
    columns: Vec<(FactId, FactId)>,
    /// The tables (by their ids before) whose rows are carried over.
    from: Vec<FactId>,
}

impl Converted {
    /// What the changes say of it before its parts are dropped and made.
    pub(super) fn gather(scene: &Scene, old: &FactId, before: &Fact, after: &Fact) -> Option<Self> {
        let (Body::Table(was), Body::Table(is)) = (&before.body, &after.body) else { return None };
        if !converts(was, is) {
            return None;
        }
        let columns = scene.around.children(old).into_iter().filter(|part| part.id.kind == Kind::Column);
        let columns = columns.map(|column| (column.id.clone(), scene.renames.now(&column.id, Some(&column.body)))).collect();
        Some(Self { old: old.clone(), now: after.id.clone(), columns, from: Vec::new() })
    }
}

/// Whether a table is partitioned, and the other is not, or otherwise.
pub(super) fn converts(before: &Table, after: &Table) -> bool {
    before.partition_by != after.partition_by && before.foreign.is_none() && after.foreign.is_none()
}

/// Finds what is carried over, once it is known what goes.
pub(super) fn expand(scene: &mut Scene) -> Result<(), PlanError> {
    for i in 0..scene.converted.len() {
        let table = &scene.converted[i];
        let (mut from, mut around) = (Vec::new(), Vec::new());
        sources(scene, &table.old, &mut from, &mut around);
        if scene.partitioned(&table.now) && partition::new_of(scene, &table.now).is_empty() {
            // Nothing would take them.
            continue;
        }
        if scene.options.online {
            if from != [table.old.clone()] {
                continue;
            }
            let why = "its rows are carried over in one transaction, which a plan of lock-friendly steps has not".to_owned();
            return Err(PlanError::Impossible { id: table.now.clone(), why });
        }
        scene.carried.extend(from.iter().cloned().chain(around));
        scene.converted[i].from = from;
    }
    Ok(())
}

/// Says what carries them, beside everything else that is done.
pub(super) fn actions(scene: &Scene, out: &mut Vec<Action>) {
    for table in scene.converted.iter().filter(|table| !table.from.is_empty()) {
        carry(scene, table, out);
    }
}

/// The tables that go and hold rows: the table itself, or of its partitions those that go; and those around them.
fn sources(scene: &Scene, old: &FactId, into: &mut Vec<FactId>, around: &mut Vec<FactId>) {
    let Some(item) = scene.item_of(old).map(|i| &scene.items[i]).filter(|item| item.after.is_none()) else { return };
    let Some(Fact { body: Body::Table(table), id, .. }) = &item.before else { return };
    if table.foreign.is_some() || around.contains(old) {
        return;
    }
    if table.partition_by.is_none() {
        into.push(old.clone());
        return;
    }
    around.push(old.clone());
    let of = |parent: &Qualified| [old, id].iter().any(|id| id.path[..] == [parent.schema.clone(), parent.name.clone()]);
    for item in &scene.items {
        if let (Some(Fact { body: Body::Partition(partition), .. }), None, Some(old)) = (&item.before, &item.after, &item.old)
            && of(&partition.parent)
        {
            let child = table_of(old);
            // One that is itself made again otherwise carries its own.
            if scene.converted.iter().all(|table| table.old != child) {
                sources(scene, &child, into, around);
            }
        }
    }
}

/// A column that brings values.
struct Value {
    put_by: String,
    name: Name,
    brought: String,
}

fn values(scene: &Scene, table: &Converted) -> Vec<Value> {
    let generated = |fact: Option<Fact>| matches!(fact, Some(Fact { body: Body::Default(Default { generated: Some(_), .. }), .. }));
    let mut values = Vec::new();
    for (old, now) in &table.columns {
        let (Some(before), Some(after)) = (scene.was(old), scene.is(now)) else { continue };
        let (Body::Column(was), Body::Column(is)) = (&before.body, &after.body) else { continue };
        if generated(scene.is(&FactId { kind: Kind::Default, ..now.clone() })) {
            continue;
        }
        let name = now.name().clone();
        let made = keep::is_made(&was.data_type);
        let cast = if made || was.data_type != is.data_type { format!("::{}", is.data_type) } else { String::new() };
        values.push(Value {
            // A type or collation that somebody made may go before the rows are back.
            put_by: format!("{} AS {name}", Held(before.id.name(), &was.data_type, was.collation.as_ref())),
            brought: format!("k.{name}{cast}"),
            name,
        });
    }
    values
}

fn carry(scene: &Scene, table: &Converted, out: &mut Vec<Action>) {
    let Converted { old, now, columns, from } = table;
    let Some(standing) = scene.was(old) else { return };
    let values = values(scene, table);
    let aside = Qualified::new(Name::from("pg_temp"), keep::place(old, "carried"));
    let put_by: Vec<&str> = values.iter().map(|value| value.put_by.as_str()).collect();
    let rows: Vec<String> = from
        .iter()
        .filter_map(|source| Some(format!("SELECT {} FROM ONLY {}", Joined(&put_by, ", "), relation(&scene.was(source)?.id))))
        .collect();
    let only = *from == [old.clone()];
    let mut copy = Action::new(10, old, LockTable(relation(&standing.id), only))
        .locking(Lock::AccessExclusive, [old.clone()])
        .then(old, format_args!("CREATE TABLE {aside} AS {}", Joined(&rows, " UNION ALL ")))
        .locking(Lock::AccessExclusive, [old.clone()])
        .scanning(true)
        .warning(format!("its rows are in a temporary table until they are in {now} again: these steps belong into one transaction"))
        .letting_go(from.iter().chain([old]).chain(columns.iter().map(|(old, _)| old)).cloned());
    for id in from.iter().chain([old]) {
        if let Some(fact) = scene.was(id).filter(|fact| fact.id != *id) {
            copy.requires.push(fact.id);
        }
        // It is detached, and dropped, later.
        copy.releases.push(FactId::new(Kind::Partition, id.path.iter().cloned()));
    }
    copy.produces.push(marker(old, "put by"));
    for (was, is) in columns {
        let (before, after) = (scene.was(was).map(|fact| fact.body), scene.is(is).map(|fact| fact.body));
        match (before, after) {
            (Some(Body::Column(_)), None) => copy = copy.losing(was, format!("the values of {was}")),
            (Some(Body::Column(b)), Some(Body::Column(a))) if cast(&b.data_type, &a.data_type) == Cast::Narrowing => {
                copy = copy.losing(was, format!("what of the values of {was} does not fit {}", a.data_type));
            }
            _ => {}
        }
    }
    let names: Vec<&Name> = values.iter().map(|value| &value.name).collect();
    let brought: Vec<&str> = values.iter().map(|value| value.brought.as_str()).collect();
    let list = if names.is_empty() { String::new() } else { format!(" ({}) OVERRIDING SYSTEM VALUE", Joined(&names, ", ")) };
    let mut fill =
        Action::new(61, now, format_args!("INSERT INTO {}{list} SELECT {} FROM {aside} AS k", relation(now), Joined(&brought, ", ")))
            .locking(Lock::RowExclusive, [now.clone()])
            .rewriting(true)
            .then(now, format_args!("DROP TABLE {aside}"))
            .needing([now.clone(), marker(old, "put by")])
            .needing(columns.iter().map(|(_, now)| now.clone()));
    fill.produces.push(marker(now, "brought in"));
    let mut partitions = partition::new_of(scene, now);
    while let Some(partition) = partitions.pop() {
        partitions.extend(partition::new_of(scene, &table_of(&partition)));
        fill.requires.push(partition);
    }
    // Nothing is there yet that the rows would set off, or that would hold them back.
    for action in out.iter_mut() {
        let on = |id: &FactId| matches!(id.kind, Kind::Trigger | Kind::Rule | Kind::Policy) && table_of(id) == *now;
        if action.produces.iter().any(on) {
            action.requires.push(marker(now, "brought in"));
        }
    }
    out.push(copy);
    out.push(fill);
}
