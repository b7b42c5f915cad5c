//! Identities of columns that stand already.

use super::order::Action;
use super::rebuild::retyped;
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, sequence_type};
use super::{Lock, PlanError, sequence};
use crate::model::{Body, Fact, FactId, Identity, Kind, SequenceOptions};

/// The identity of a column that stands.
pub(super) fn render(scene: &Scene, item: &Item, out: &mut Vec<Action>) -> Result<(), PlanError> {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Identity(identity) = &fact.body else { return Ok(()) };
            let statement = AlterTable::all(&table_of(&fact.id), Alteration::AddIdentity(fact.id.name(), identity));
            // It stands on the column's NOT NULL.
            let not_null = scene.new_not_null(&FactId { kind: Kind::Column, ..fact.id.clone() }).map(|fact| fact.id);
            out.push(Action::new(48, &fact.id, &statement).locking(statement.lock(), [table_of(&fact.id)]).making(fact).needing(not_null));
            out.extend(of_its_type(scene, fact, identity));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return Ok(()) };
            let statement = AlterTable::all(&table_of(&fact.id), Alteration::DropIdentity(fact.id.name()));
            let action = Action::new(15, old, &statement).locking(statement.lock(), [table_of(old)]);
            out.push(action.losing(old, format!("the position of the sequence of {old}")).unmaking(old, fact));
        }
        (Some(was), Some(fact)) => {
            let (Body::Identity(before), Body::Identity(after), Some(old)) = (&was.body, &fact.body, &item.old) else { return Ok(()) };
            alter(scene, old, was, fact, before, after, out)?;
        }
        (None, None) => {}
    }
    Ok(())
}

fn alter(
    scene: &Scene,
    old: &FactId,
    was: &Fact,
    now: &Fact,
    before: &Identity,
    after: &Identity,
    out: &mut Vec<Action>,
) -> Result<(), PlanError> {
    let table = table_of(&now.id);
    if before.sequence.schema != after.sequence.schema {
        // It moves with its table; a move of its own does not exist.
        let moved = old.path[0] != now.id.path[0];
        if !moved {
            return Err(PlanError::Impossible {
                id: now.id.clone(),
                why: "the sequence of an identity column cannot leave its table's schema".to_owned(),
            });
        }
    }
    if before.sequence.name != after.sequence.name {
        let from = crate::model::Qualified::new(after.sequence.schema.clone(), before.sequence.name.clone());
        let sql = format!("ALTER SEQUENCE {from} RENAME TO {}", after.sequence.name);
        out.push(Action::new(2, &now.id, sql).altering(old, was, now));
    }
    // A change of the column's type takes the sequence's with it, and is followed by what is apart from that.
    let column = scene.item_to(&FactId { kind: Kind::Column, ..now.id.clone() }).map(|i| &scene.items[i]);
    let column_retyped = column.is_some_and(|item| matches!((&item.before, &item.after), (Some(was), Some(is)) if retyped(was, is)));
    if before.options.data_type != after.options.data_type && !column_retyped {
        out.push(Action::new(47, &now.id, typed(after)).altering(old, was, now));
    }
    let mut clauses = Vec::new();
    if before.always != after.always {
        clauses.push(format!("SET GENERATED {}", if after.always { "ALWAYS" } else { "BY DEFAULT" }));
    }
    clauses.extend(sequence::changed(&before.options, &after.options).into_iter().map(|clause| format!("SET {clause}")));
    if !clauses.is_empty() {
        let statement = AlterTable::all(&table, Alteration::SetIdentity(now.id.name(), &clauses));
        out.push(
            Action::new(48, &now.id, &statement)
                .locking(statement.lock(), [table_of(old)])
                .altering(old, was, now)
                .needing([FactId { kind: Kind::Column, ..now.id.clone() }]),
        );
    }
    if before.unlogged != after.unlogged && !sequence::follows(scene, &table, before.unlogged, after.unlogged) {
        let sql = format!("ALTER SEQUENCE {} SET {}", after.sequence, if after.unlogged { "UNLOGGED" } else { "LOGGED" });
        out.push(Action::new(49, &now.id, sql).altering(old, was, now));
    }
    Ok(())
}

/// The statements that set a new identity's sequence apart from its table's persistence and its column's type:
/// what LIKE … INCLUDING IDENTITY copies onto another type is a `bigint`.
pub(super) fn apart(scene: &Scene, fact: &Fact, out: &mut Vec<Action>) {
    let Body::Identity(identity) = &fact.body else { return };
    out.extend(of_its_type(scene, fact, identity));
    // Until 15, sequences are always logged.
    let unlogged = !(1..15).contains(&scene.options.major) && scene.table(&fact.id).is_some_and(|table| table.unlogged);
    if identity.unlogged != unlogged {
        let sql = format!("ALTER SEQUENCE {} SET {}", identity.sequence, if identity.unlogged { "UNLOGGED" } else { "LOGGED" });
        out.push(Action::new(49, &fact.id, sql).locking(Lock::AccessExclusive, []).needing([fact.id.clone()]));
    }
}

/// The statement that gives an identity's sequence another type than its column's.
fn of_its_type(scene: &Scene, fact: &Fact, identity: &Identity) -> Option<Action> {
    let column = FactId { kind: Kind::Column, ..fact.id.clone() };
    let Some(Fact { body: Body::Column(body), .. }) = scene.is(&column) else { return None };
    (body.data_type != identity.options.data_type)
        .then(|| Action::new(49, &fact.id, typed(identity)).locking(Lock::ShareRowExclusive, []).needing([fact.id.clone(), column]))
}

/// The statement that gives an identity's sequence its type, with the bounds that a type of its own would move.
pub(super) fn typed(identity: &Identity) -> String {
    let SequenceOptions { data_type, minimum, maximum, .. } = &identity.options;
    format!("ALTER SEQUENCE {} AS {} MINVALUE {minimum} MAXVALUE {maximum}", identity.sequence, sequence_type(data_type))
}
