//! Sequences that no identity column owns.

use super::Lock;
use super::order::Action;
use super::scene::{Item, Scene};
use super::sql::{SequenceClauses, flag, relation, sequence_type};
use crate::model::{Body, Fact, FactId, Kind, Qualified, Sequence, SequenceOptions};

/// The clauses that lead from one set of options to another.
pub(super) fn changed(before: &SequenceOptions, after: &SequenceOptions) -> Vec<String> {
    let mut clauses = Vec::new();
    // A new type moves the bounds that were its own: say them again.
    let typed = before.data_type != after.data_type;
    if before.increment != after.increment {
        clauses.push(format!("INCREMENT BY {}", after.increment));
    }
    if typed || before.minimum != after.minimum {
        clauses.push(format!("MINVALUE {}", after.minimum));
    }
    if typed || before.maximum != after.maximum {
        clauses.push(format!("MAXVALUE {}", after.maximum));
    }
    if before.start != after.start {
        clauses.push(format!("START WITH {}", after.start));
    }
    if before.cache != after.cache {
        clauses.push(format!("CACHE {}", after.cache));
    }
    if before.cycle != after.cycle {
        clauses.push(format!("{}CYCLE", flag(!after.cycle, "NO ")));
    }
    clauses
}

/// Whether the table's own change between LOGGED and UNLOGGED takes the sequence with it.
pub(super) fn follows(scene: &Scene, table: &FactId, before: bool, after: bool) -> bool {
    let item = scene.item_to(table).map(|i| &scene.items[i]);
    match item.map(|item| (&item.before, &item.after)) {
        Some((Some(Fact { body: Body::Table(was), .. }), Some(Fact { body: Body::Table(is), .. }))) => {
            was.unlogged == before && is.unlogged == after && before != after
        }
        _ => false,
    }
}

fn owner(id: &FactId, sequence: &Sequence) -> Option<FactId> {
    sequence.owned_by.as_ref().map(|(table, column)| FactId::new(Kind::Column, [id.path[0].clone(), table.clone(), column.clone()]))
}

/// Stands for "the table owns its sequences": its owner changes after that, and takes them with it.
pub(super) fn linked(table: &FactId) -> FactId {
    FactId::new(Kind::Sequence, [table.path[0].clone(), table.name().clone(), "linked".into()])
}

fn owned_by(scene: &Scene, fact: &Fact, sequence: &Sequence) -> Action {
    let id = &fact.id;
    let Some(column) = owner(id, sequence) else {
        return Action::new(46, id, format_args!("ALTER SEQUENCE {} OWNED BY NONE", relation(id))).needing([id.clone()]);
    };
    let table = FactId::new(Kind::Table, column.path[..2].iter().cloned());
    let by = format!("{}.{}", Qualified::new(column.path[0].clone(), column.path[1].clone()), column.name());
    let mut action = Action { rank: 46, ..Action::default() };
    // Both must belong to one role.
    if let Some(Fact { body: Body::Owner(owner), .. }) =
        scene.around.get(&table.property(Kind::Owner)).filter(|_| scene.creates(id) && !scene.creates(&table))
    {
        action = action.then(id, format!("ALTER SEQUENCE {} OWNER TO {}", relation(id), owner.role));
    }
    action = action.then(id, format!("ALTER SEQUENCE {} OWNED BY {by}", relation(id))).locking(Lock::AccessExclusive, [table.clone()]);
    action.produces.push(linked(&table));
    action.needing([id.clone(), column])
}

/// The sequences that this table's columns own before and afterwards, and read by their defaults.
pub(super) fn owned_that_stay(scene: &Scene, table: &FactId) -> Vec<Fact> {
    let owned = |fact: &Fact| matches!(&fact.body, Body::Sequence(sequence) if sequence.owned_by.as_ref().is_some_and(|(of, _)| of == table.name()));
    let columns = scene.around.children(table).into_iter().filter(|fact| fact.id.kind == Kind::Column);
    let defaults = columns.filter_map(|column| scene.around.get(&FactId { kind: Kind::Default, ..column.id }));
    let read = defaults.flat_map(|default| default.depends).filter(|id| id.kind == Kind::Sequence);
    let mut sequences: Vec<Fact> = read.filter_map(|id| scene.around.get(&id)).collect();
    sequences.sort_by(|a, b| a.id.cmp(&b.id));
    sequences.dedup_by(|a, b| a.id == b.id);
    sequences.retain(|fact| owned(fact) && scene.item_of(&fact.id).is_none_or(|i| scene.items[i].after.as_ref().is_some_and(owned)));
    sequences
}

/// It belongs to no column while its own is made again: it would go with it, and its position.
pub(super) fn hand_over(scene: &Scene, fact: &Fact, out: &mut Vec<Action>) {
    let Body::Sequence(sequence) = &fact.body else { return };
    let now = Fact { id: scene.renames.now(&fact.id, Some(&fact.body)), ..fact.clone() };
    let sql = format!("ALTER SEQUENCE {} OWNED BY NONE", relation(&now.id));
    out.push(Action::new(14, &now.id, sql).letting_go(owner(&fact.id, sequence)));
    out.push(owned_by(scene, &now, sequence));
}

pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Sequence(sequence) = &fact.body else { return };
            let options = &sequence.options;
            let sql = format!(
                "CREATE {}SEQUENCE {} AS {} {}",
                flag(sequence.unlogged, "UNLOGGED "),
                relation(&fact.id),
                sequence_type(&options.data_type),
                SequenceClauses(options)
            );
            // Its column comes later.
            let mut action = Action::new(35, &fact.id, sql).making(fact);
            action.requires.retain(|id| !matches!(id.kind, Kind::Column | Kind::Table));
            out.push(action);
            if sequence.owned_by.is_some() {
                out.push(owned_by(scene, fact, sequence));
            }
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let action =
                Action::new(23, old, format_args!("DROP SEQUENCE {}", relation(&fact.id))).locking(Lock::AccessExclusive, [old.clone()]);
            out.push(action.losing(old, format!("the position of {old}")).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let (Body::Sequence(before), Body::Sequence(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            let mut clauses = Vec::new();
            if before.options.data_type != after.options.data_type {
                clauses.push(format!("AS {}", sequence_type(&after.options.data_type)));
            }
            clauses.extend(changed(&before.options, &after.options));
            if !clauses.is_empty() {
                let sql = format!("ALTER SEQUENCE {} {}", relation(&now.id), clauses.join(" "));
                out.push(Action::new(43, &now.id, sql).locking(Lock::ShareRowExclusive, [old.clone()]).altering(old, was, now));
            }
            let table = after.owned_by.as_ref().map(|(table, _)| FactId::new(Kind::Table, [now.id.path[0].clone(), table.clone()]));
            if before.unlogged != after.unlogged && !table.is_some_and(|table| follows(scene, &table, before.unlogged, after.unlogged)) {
                let sql = format!("ALTER SEQUENCE {} SET {}", relation(&now.id), if after.unlogged { "UNLOGGED" } else { "LOGGED" });
                out.push(Action::new(43, &now.id, sql).locking(Lock::AccessExclusive, [old.clone()]).altering(old, was, now));
            }
            if before.owned_by != after.owned_by {
                let mut action = owned_by(scene, now, after).altering(old, was, now);
                if let Some(column) = owner(old, before) {
                    // Else the sequence would go with the column.
                    action = action.letting_go([column]);
                }
                if after.owned_by.is_none() {
                    action.rank = 12;
                }
                out.push(action);
            }
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_options_are_said() {
        let before = SequenceOptions { data_type: "bigint".into(), start: 1, increment: 1, minimum: 1, maximum: 9, cache: 1, cycle: false };
        let after = SequenceOptions { increment: 2, cycle: true, ..before.clone() };
        assert_eq!(changed(&before, &after), ["INCREMENT BY 2", "CYCLE"]);
        let smaller = SequenceOptions { data_type: "integer".into(), ..before.clone() };
        assert_eq!(changed(&before, &smaller), ["MINVALUE 1", "MAXVALUE 9"]);
    }
}
