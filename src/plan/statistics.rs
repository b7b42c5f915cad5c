//! Extended statistics objects.

use super::Lock;
use super::object::Object;
use super::order::Action;
use super::scene::Scene;
use super::sql::Joined;
use crate::model::{Fact, FactId, Kind, Name, Statistics};

/// Only the target can be altered.
pub(super) fn alterable(before: &Statistics, after: &Statistics) -> bool {
    *before == Statistics { target: before.target, ..after.clone() }
}

fn set_target(id: &FactId, target: Option<i32>) -> String {
    format!("ALTER {} SET STATISTICS {}", Object(id), target.unwrap_or(-1))
}

fn table(statistics: &Statistics) -> FactId {
    FactId::new(Kind::Table, [statistics.table.schema.clone(), statistics.table.name.clone()])
}

pub(super) fn create(scene: &Scene, fact: &Fact, statistics: &Statistics, out: &mut Vec<Action>) {
    let id = &fact.id;
    let kinds: Vec<Name> = statistics.kinds.iter().map(|kind| Name::new(kind.as_str())).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", Joined(&kinds, ", ")) };
    let mut on: Vec<String> = statistics.columns.iter().map(ToString::to_string).collect();
    on.extend(statistics.expressions.iter().map(|expression| format!("({expression})")));
    let sql = format!("CREATE {}{kinds} ON {} FROM {}", Object(id), Joined(&on, ", "), statistics.table);
    let table = table(statistics);
    let locks = (!scene.creates(&table)).then(|| table.clone());
    let mut action = Action::new(62, id, sql).locking(Lock::ShareUpdateExclusive, locks);
    if statistics.target.is_some() {
        action = action.then(id, set_target(id, statistics.target));
    }
    out.push(action.making(fact));
}

pub(super) fn drop(old: &FactId, fact: &Fact, out: &mut Vec<Action>) {
    out.push(Action::new(14, old, format_args!("DROP {}", Object(&fact.id))).unmaking(old, fact));
}

pub(super) fn alter(old: &FactId, was: &Fact, now: &Fact, before: &Statistics, after: &Statistics, out: &mut Vec<Action>) {
    if before.target != after.target {
        out.push(Action::new(62, &now.id, set_target(&now.id, after.target)).altering(old, was, now));
    }
}
