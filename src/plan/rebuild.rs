//! What must be dropped and made again, although not all of it is in the changes.
//!
//! Where an object cannot be altered in place, whatever depends on it and holds no data is dropped
//! before and made again after, with its own comments, grants and triggers. What holds data makes the
//! plan impossible, and is named.

use super::scene::{Item, Scene};
use super::{PlanError, carry, constraint, foreign, index, object, operator, routine, sequence, session, trigger, types, view};
use crate::model::{Body, Default, Fact, FactId, Kind};
use foldhash::{HashSet, HashSetExt as _};

/// Completes the changes.
pub(super) fn expand(scene: &mut Scene) -> Result<(), PlanError> {
    let mut queue = Vec::new();
    for i in 0..scene.items.len() {
        seed(scene, i, &mut queue)?;
    }
    let mut seen = HashSet::new();
    while let Some(work) = queue.pop() {
        if !seen.insert(work.clone()) {
            continue;
        }
        match work {
            Work::Remade(id) => {
                for part in parts(scene, &id) {
                    remake(scene, &part, &mut queue)?;
                }
                if id.kind == Kind::Table {
                    let sequences = sequence::owned_that_stay(scene, &id);
                    scene.handed_over.extend(sequences);
                }
                for user in users(scene, &id) {
                    if rebuildable(&user) {
                        remake(scene, &user, &mut queue)?;
                    } else if !scene.gone(&user.id, Some(&user.body))
                        && scene.item_of(&user.id).is_none_or(|i| scene.items[i].after.is_some() && scene.items[i].before.is_some())
                    {
                        return Err(PlanError::Impossible { id, why: format!("it cannot be made again while {} depends on it", user.id) });
                    }
                }
            }
            Work::Retyped(id) => {
                for user in scene.around.dependents(&id) {
                    let blocks = matches!(
                        user.id.kind,
                        Kind::View
                            | Kind::MaterializedView
                            | Kind::Rule
                            | Kind::Trigger
                            | Kind::Policy
                            | Kind::Routine
                            | Kind::PublicationTable
                    );
                    if blocks || matches!(&user.body, Body::Default(default) if default.generated.is_some()) {
                        remake(scene, &user, &mut queue)?;
                    }
                }
            }
            Work::Relabelled(id) => relabel(scene, &id, &mut queue)?,
        }
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    /// Dropped and made again.
    Remade(FactId),
    /// A column whose type changes.
    Retyped(FactId),
    /// An enumerated type that loses a label, or whose labels change places.
    Relabelled(FactId),
}

fn seed(scene: &mut Scene, i: usize, queue: &mut Vec<Work>) -> Result<(), PlanError> {
    let item = &scene.items[i];
    let Some(old) = item.old.clone() else {
        let again = item.after.as_ref().and_then(|fact| constraint::must_be_attached_again(scene, fact));
        let again = again.map(|id| scene.item_to(&id).and_then(|i| scene.items[i].old.clone()).unwrap_or(id));
        if let Some(standing) = again.and_then(|old| scene.was(&old)) {
            return remake(scene, &standing, queue);
        }
        // A plain column that becomes a generated one.
        if let Some(Fact { id, body: Body::Default(default), .. }) = &item.after
            && default.generated.is_some()
        {
            let column = FactId::new(Kind::Column, id.path.iter().cloned());
            if !scene.creates(&column) && scene.item_to(&column).is_none_or(|c| scene.items[c].before.is_some()) {
                let Some(standing) = scene.was(&column) else { return Ok(()) };
                let standing = Fact { id: column, ..standing };
                let inherited = matches!(&standing.body, Body::Column(column) if column.not_local);
                if !inherited {
                    remake(scene, &standing, queue)?;
                }
            }
        }
        return Ok(());
    };
    match (&item.before, &item.after) {
        (Some(before), Some(after)) => {
            if after.id.kind == Kind::Column && retyped(before, after) {
                queue.push(Work::Retyped(old));
            } else if after.id.kind == Kind::EnumLabel {
                let of = FactId::new(Kind::Enum, old.path[..2].iter().cloned());
                if before.body != after.body && !scene.drops(&of) && types::reordered(scene, &of) {
                    queue.push(Work::Relabelled(of));
                }
            } else if let (Body::Default(was), Body::Default(is)) = (&before.body, &after.body) {
                let sheds = is_virtual(was) && is.generated.is_none();
                if sheds || is.generated.is_some() && was != is && !super::column::set_expression(scene.options, was, is) {
                    let column = FactId::new(Kind::Column, old.path.iter().cloned());
                    if let Some(standing) = scene.was(&column) {
                        remake(scene, &Fact { id: column, ..standing }, queue)?;
                    }
                }
            } else if super::online::swaps(scene, &old, before, after) {
                // Built beside the old one, which it replaces.
            } else if !in_place(before, after) || let_go(scene, &old, before, after) || !operator::linked(scene, before, after) {
                let converted = carry::Converted::gather(scene, &old, before, after);
                // An index that stays holds what is attached to it: it is made again without.
                let holder = if let_go(scene, &old, before, after) { scene.attached_to(&old, before) } else { None };
                scene.converted.extend(converted);
                scene.split(i);
                queue.push(Work::Remade(old));
                if let Some(holder) = holder.and_then(|holder| scene.was(&holder)).filter(|holder| !scene.drops(&holder.id)) {
                    remake(scene, &holder, queue)?;
                }
            }
        }
        (Some(_), None) if old.kind == Kind::EnumLabel => {
            let of = FactId::new(Kind::Enum, old.path[..2].iter().cloned());
            if !scene.drops(&of) {
                queue.push(Work::Relabelled(of));
            }
        }
        (Some(_), None) if scene.creates(&old) => queue.push(Work::Remade(old)),
        // What is stored nowhere stays behind in no column.
        (Some(Fact { body: Body::Default(default), .. }), None) if is_virtual(default) => {
            let column = FactId::new(Kind::Column, old.path.iter().cloned());
            if let Some(standing) = scene.was(&column).filter(|_| !scene.drops(&column)) {
                remake(scene, &Fact { id: column, ..standing }, queue)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_virtual(default: &Default) -> bool {
    default.generated.as_deref() == Some("virtual")
}

/// Whether a column's or attribute's type or collation changes.
pub(super) fn retyped(before: &Fact, after: &Fact) -> bool {
    match (&before.body, &after.body) {
        (Body::Column(before), Body::Column(after)) => before.data_type != after.data_type || before.collation != after.collation,
        _ => false,
    }
}

/// Whether ALTER or CREATE OR REPLACE leads from the one to the other.
fn in_place(before: &Fact, after: &Fact) -> bool {
    match (&before.body, &after.body) {
        (Body::View(before), Body::View(after)) => view::extends(&before.columns, &after.columns),
        (Body::MaterializedView(before), Body::MaterializedView(after)) => {
            before.definition == after.definition
                && before.columns.len() == after.columns.len()
                && before.columns.iter().zip(&after.columns).all(|(before, after)| before.is_like(after))
        }
        (Body::Routine(before), Body::Routine(after)) => routine::replaceable(before, after),
        (Body::Aggregate(before), Body::Aggregate(after)) => before == after,
        (Body::Range(before), Body::Range(after)) => before == after,
        (Body::Domain(before), Body::Domain(after)) => before.base_type == after.base_type && before.collation == after.collation,
        (Body::Constraint(before), Body::Constraint(after)) => constraint::alterable(before, after),
        (Body::DomainConstraint(before), Body::DomainConstraint(after)) => {
            before.definition == after.definition && (before.not_valid || !after.not_valid)
        }
        (Body::Index(before), Body::Index(after)) => index::alterable(before, after),
        (Body::Trigger(before), Body::Trigger(after)) => trigger::replaceable(before, after),
        (Body::Policy(before), Body::Policy(after)) => trigger::policy_alterable(before, after),
        (Body::Partition(before), Body::Partition(after)) => before == after,
        (Body::Table(before), Body::Table(after)) if carry::converts(before, after) => false,
        // A foreign table holds no rows: it can be made again.
        (Body::Table(before), Body::Table(after)) => match (&before.foreign, &after.foreign) {
            (Some(before), Some(after)) => before.server == after.server,
            (Some(_), None) => false,
            (None, Some(_)) => before.partition_by.is_none(),
            (None, None) => true,
        },
        (Body::Server(before), Body::Server(after)) => foreign::alterable(before, after),
        (Body::Publication(before), Body::Publication(after)) => before.all_tables == after.all_tables,
        (Body::PublicationTable(before), Body::PublicationTable(after)) => before == after,
        (Body::EventTrigger(before), Body::EventTrigger(after)) => session::alterable(before, after),
        (before, after) => object::alterable(before, after).unwrap_or(true),
    }
}

/// An index that its partitioned index takes with it, and that stays: nothing detaches it.
fn let_go(scene: &Scene, old: &FactId, before: &Fact, after: &Fact) -> bool {
    let attached = |fact: &Fact| match &fact.body {
        Body::Index(index) => index.attached_to.clone().map(|parent| (parent, index.table.clone())),
        Body::Constraint(constraint) => constraint.attached_to.clone().map(|parent| (parent, old.path[1].clone())),
        _ => None,
    };
    let Some((parent, table)) = attached(before) else { return false };
    attached(after).is_none_or(|(other, _)| other != parent) && !scene.drops(&FactId::new(Kind::Partition, [old.path[0].clone(), table]))
}

/// What can be dropped and made again without losing rows. A type can as far as no column has it: that
/// column is then what cannot.
fn rebuildable(fact: &Fact) -> bool {
    match &fact.body {
        Body::Default(_) => true,
        Body::Table(table) => table.foreign.is_some(),
        _ => {
            matches!(
                fact.id.kind,
                Kind::Partition
                    | Kind::View
                    | Kind::MaterializedView
                    | Kind::Constraint
                    | Kind::DomainConstraint
                    | Kind::Index
                    | Kind::Trigger
                    | Kind::Policy
                    | Kind::Rule
                    | Kind::Routine
                    | Kind::Aggregate
                    | Kind::ForeignDataWrapper
                    | Kind::Server
                    | Kind::UserMapping
                    | Kind::Publication
                    | Kind::PublicationTable
                    | Kind::PublicationSchema
                    | Kind::EventTrigger
            ) || object::word(fact.id.kind).is_some()
        }
    }
}

/// Drops this fact and makes it again, as the changes have it afterwards or as it stands.
fn remake(scene: &mut Scene, fact: &Fact, queue: &mut Vec<Work>) -> Result<(), PlanError> {
    // A generated column's expression cannot be taken away and given back: the column goes.
    if let Body::Default(default) = &fact.body
        && default.generated.is_some()
    {
        let column = FactId::new(Kind::Column, fact.id.path.iter().cloned());
        if !scene.gone(&fact.id, Some(&fact.body))
            && let Some(standing) = scene.was(&column)
        {
            return remake(scene, &Fact { id: column, ..standing }, queue);
        }
    }
    match scene.item_of(&fact.id) {
        Some(i) if scene.items[i].after.is_none() => {
            // It goes: nothing to make again, unless the same changes make it anew.
            if scene.creates(&fact.id) {
                queue.push(Work::Remade(fact.id.clone()));
            }
            return Ok(());
        }
        Some(i) => scene.split(i),
        None => {
            if scene.item_to(&fact.id).is_some_and(|i| scene.items[i].before.is_none()) {
                return Ok(());
            }
            let now = Fact { id: scene.renames.now(&fact.id, Some(&fact.body)), ..fact.clone() };
            scene.push(Item { old: Some(fact.id.clone()), before: Some(now.clone()), ..Item::default() });
            scene.push(Item { after: Some(now), ..Item::default() });
        }
    }
    queue.push(Work::Remade(fact.id.clone()));
    Ok(())
}

/// The parts and properties of an object before, one level down.
fn parts(scene: &Scene, id: &FactId) -> Vec<Fact> {
    let mut parts = scene.around.children(id);
    let mut seen = HashSet::new();
    parts.retain(|part| seen.insert(part.id.clone()));
    parts
}

fn view_columns(scene: &Scene, id: &FactId) -> Vec<FactId> {
    let columns = match scene.around.get(id).map(|fact| fact.body) {
        Some(Body::View(view)) => view.columns,
        Some(Body::MaterializedView(view)) => view.columns,
        _ => Vec::new(),
    };
    columns.into_iter().map(|column| FactId::new(Kind::Column, [id.path[0].clone(), id.path[1].clone(), column.name])).collect()
}

/// The facts that depend on an object or on a column of the view that it is, and are no part of it.
fn users(scene: &Scene, id: &FactId) -> Vec<Fact> {
    let mut users = scene.around.dependents(id);
    if matches!(id.kind, Kind::View | Kind::MaterializedView) {
        for column in view_columns(scene, id) {
            users.extend(scene.around.dependents(&column));
        }
    }
    users.retain(|user| user.id != *id && !super::order::owners(&user.id, &user.body).contains(id));
    users
}

/// An enumerated type is made again without the label. What reads the columns or names the type is made again.
fn relabel(scene: &mut Scene, id: &FactId, queue: &mut Vec<Work>) -> Result<(), PlanError> {
    scene.remade.push(id.clone());
    for user in scene.around.dependents(id) {
        match user.id.kind {
            Kind::Column => {
                if !scene.gone(&user.id, None) {
                    queue.push(Work::Retyped(user.id.clone()));
                }
            }
            // Taken away and given back with the column's type.
            Kind::Default if !matches!(&user.body, Body::Default(default) if default.generated.is_some()) => {}
            Kind::EnumLabel => {}
            _ if rebuildable(&user) => remake(scene, &user, queue)?,
            _ if scene.gone(&user.id, Some(&user.body)) => {}
            _ => {
                let why = format!("a label cannot be taken from it while {} depends on it", user.id);
                return Err(PlanError::Impossible { id: id.clone(), why });
            }
        }
    }
    Ok(())
}
