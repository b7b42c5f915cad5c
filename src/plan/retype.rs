//! Changes of columns' types: the explicit cast, what it loses, and what stands in its way.

use super::column::{comes_of_type, holds_values, part_of};
use super::loss::{Cast, cast};
use super::order::Action;
use super::rebuild::retyped;
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, Maybe, flag, relation};
use super::{PlanError, identity, keep};
use crate::model::{Body, Column, Default, Fact, FactId, Kind, Name};
use foldhash::{HashSet, HashSetExt as _};
use std::collections::{BTreeMap, BTreeSet};

/// The changes of types, one statement per table, with the defaults taken off before and set after.
/// Returns the defaults that are dealt with.
pub(super) fn retype(scene: &Scene, out: &mut Vec<Action>) -> Result<HashSet<FactId>, PlanError> {
    let mut groups: BTreeMap<FactId, Vec<(usize, bool)>> = BTreeMap::new();
    let mut handled = HashSet::new();
    for (i, item) in scene.items.iter().enumerate() {
        let (Some(before), Some(after)) = (&item.before, &item.after) else { continue };
        if after.id.kind != Kind::Column || !retyped(before, after) || comes_of_type(scene, &after.id) {
            continue;
        }
        stuck_to_what_it_called(scene, before)?;
        // A child's column changes with its parent's.
        let (mut root, mut down) = (table_of(&after.id), false);
        while let Some(parent) = scene.lasting_parents(&root).into_iter().find(|parent| {
            scene.item_to(&part_of(parent, Kind::Column, after.id.name())).is_some_and(|i| {
                let item = &scene.items[i];
                matches!((&item.before, &item.after), (Some(before), Some(after)) if retyped(before, after))
            })
        }) {
            root = parent;
            down = true;
        }
        groups.entry(root).or_default().push((i, down));
    }
    for (table, members) in groups {
        let mut action = Action { rank: 44, ..Action::default() };
        let facts: Vec<(&Item, &FactId, &Fact, &Fact, bool)> = members
            .iter()
            .filter_map(|&(i, down)| {
                let item = &scene.items[i];
                Some((item, item.old.as_ref()?, item.before.as_ref()?, item.after.as_ref()?, down))
            })
            .collect();
        let default_of = |id: &FactId| FactId { kind: Kind::Default, ..id.clone() };
        let usings: Vec<Option<String>> = facts
            .iter()
            .map(|(item, old, before, after, _)| match (&before.body, &after.body) {
                // No rows here to be converted.
                _ if scene.foreign_before(old) => None,
                (Body::Column(b), Body::Column(a)) => item.using.clone().or_else(|| conversion(scene, after.id.name(), b, a)),
                _ => None,
            })
            .collect();
        let (mut lost, mut warnings): (HashSet<&FactId>, Vec<String>) = (HashSet::new(), Vec::new());
        let mut back: Vec<(&keep::Kept, &Fact, &Column)> = Vec::new();
        for ((_, old, before, after, _), using) in facts.iter().zip(&usings) {
            let (Body::Column(b), Body::Column(a)) = (&before.body, &after.body) else { continue };
            if !holds_values(scene, old) {
                continue;
            }
            match keep::to_return(scene, &after.id) {
                Some(Ok(kept)) => {
                    action = keep::leave_out_stale(scene, kept, old, &after.id, action);
                    back.push((kept, after, a));
                }
                Some(Err(words)) => warnings.push(words),
                None => {}
            }
            if cast(&b.data_type, &a.data_type) == Cast::Narrowing {
                let became = using.as_deref().map(|using| (using, a));
                if became.is_none() || !keep::column(scene, &mut action, old, before, b, became) {
                    lost.insert(old);
                }
            }
        }
        for (_, old, _, now, _) in &facts {
            let default = default_of(old);
            if let Some(fact) = scene.was(&default)
                && matches!(&fact.body, Body::Default(default) if default.generated.is_none())
            {
                let statement = AlterTable::only(&table_of(&now.id), Alteration::DropDefault(now.id.name()));
                action = action.then(&now.id, &statement).locking(statement.lock(), [table_of(old)]);
                let id = scene.renames.now(&default, None);
                action.unmakes(&default, &Fact { id, ..fact });
                handled.insert(default);
            }
        }
        let mut statement = AlterTable { only: false, table: relation(&table), actions: Vec::new() };
        let mut rewrites = false;
        for ((_, old, before, after, down), using) in facts.iter().zip(&usings) {
            let (Body::Column(b), Body::Column(a)) = (&before.body, &after.body) else { continue };
            rewrites |= cast(&b.data_type, &a.data_type) != Cast::Free && !scene.foreign_before(old);
            if !down {
                statement.actions.push(Alteration::SetType {
                    column: after.id.name(),
                    data_type: &a.data_type,
                    collation: a.collation.as_ref(),
                    using: using.as_deref(),
                });
            }
        }
        let locks: BTreeSet<FactId> = facts.iter().map(|(_, old, ..)| table_of(old)).collect();
        action = action.then(&table, &statement).locking(statement.lock(), locks).rewriting(rewrites).scanning(rewrites);
        action.last().warnings.extend(warnings);
        for (_, old, before, after, _) in &facts {
            let Body::Column(a) = &after.body else { continue };
            if lost.contains(old) {
                action = action.losing(old, format!("what of the values of {old} does not fit {}", a.data_type));
            }
            action = action.altering(old, before, after);
        }
        for (_, old, _, now, _) in &facts {
            let of = |id: &FactId| FactId { kind: Kind::Identity, ..id.clone() };
            if let (Some(Fact { body: Body::Identity(identity), id, .. }), Some(_), Body::Column(column)) =
                (scene.is(&of(&now.id)), scene.was(&of(old)), &now.body)
                && identity.options.data_type != column.data_type
            {
                action = action.then(&id, identity::typed(&identity));
            }
        }
        for (_, old, _, now, _) in &facts {
            let default = default_of(&now.id);
            if let Some(fact) = scene.is(&default)
                && let Body::Default(Default { expression, generated: None }) = &fact.body
            {
                let statement = AlterTable::only(&table_of(&now.id), Alteration::SetDefault(now.id.name(), expression));
                action = action.then(&now.id, &statement).locking(statement.lock(), [table_of(old)]);
                action.makes(&fact);
                handled.insert(default);
            }
        }
        // What it takes off and sets again is one action: it waits neither for itself nor for the name.
        action.takes.retain(|slot| !action.frees.contains(slot));
        for (_, old, _, after, _) in &facts {
            let Body::Column(a) = &after.body else { continue };
            // A new type brings its own storage and compression.
            let mut alterations = Vec::new();
            alterations.extend(a.storage.as_deref().map(|storage| Alteration::SetStorage(after.id.name(), storage)));
            alterations.extend(a.compression.as_deref().map(|method| Alteration::SetCompression(after.id.name(), method)));
            if !alterations.is_empty() {
                let statement = AlterTable { only: true, table: relation(&after.id), actions: alterations };
                action = action.then(&after.id, &statement).locking(statement.lock(), [table_of(old)]);
            }
        }
        for (kept, after, column) in back {
            action = keep::give_back(scene, kept, &after.id, column, action);
        }
        out.push(action);
    }
    Ok(handled)
}

/// PostgreSQL 14 records what an expression calls as called by its column, keeps that when the expression goes, and
/// changes no type of such a column ("found unexpected dependency").
fn stuck_to_what_it_called(scene: &Scene, column: &Fact) -> Result<(), PlanError> {
    let is_called = |id: &&FactId| {
        matches!(
            id.kind,
            Kind::Routine | Kind::Aggregate | Kind::Operator | Kind::Sequence | Kind::TextSearchConfiguration | Kind::TextSearchDictionary
        )
    };
    match column.depends.iter().find(is_called).filter(|_| scene.options.major == 14) {
        Some(called) => {
            let why = format!("PostgreSQL 14 changes no type of a column that {called} once generated");
            Err(PlanError::Impossible { id: column.id.clone(), why })
        }
        None => Ok(()),
    }
}

/// The explicit cast of a type change whose USING is not known.
fn conversion(scene: &Scene, name: &Name, before: &Column, after: &Column) -> Option<String> {
    if cast(&before.data_type, &after.data_type) == Cast::Free {
        return None;
    }
    let enumerated = |data_type: &str| {
        use super::lexer::{Token, tokens};
        match tokens(data_type).as_slice() {
            [Token::Word(schema), _, Token::Word(name), ..] => {
                let id = FactId::new(Kind::Enum, [schema.as_str(), name.as_str()]);
                scene.is(&id).or_else(|| scene.around.get(&id)).is_some()
            }
            _ => false,
        }
    };
    let array = flag(before.data_type.ends_with("[]") && after.data_type.ends_with("[]"), "[]");
    // These have casts to and from strings alone.
    let lonely = |data_type: &str| ["tsvector", "tsquery", "uuid", "xml", "pg_lsn"].contains(&data_type.trim_end_matches("[]"));
    let by_text = |data_type: &str| enumerated(data_type) || lonely(data_type);
    let through = if by_text(&before.data_type) || by_text(&after.data_type) { format!("::text{array}") } else { String::new() };
    Some(format!("{name}{through}::{}{}", after.data_type, Maybe(" COLLATE ", after.collation.as_ref())))
}
