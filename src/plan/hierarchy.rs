//! Tables below tables and indexes below indexes: what PostgreSQL keeps free of circles, and a forged offer may not.
//!
//! Plans follow both upwards, so both are looked at before anything is.

use super::PlanError;
use super::scene::{Scene, table_of};
use crate::model::{Fact, FactId, Kind};
use foldhash::{HashSet, HashSetExt as _};

/// Refuses changes by which something is above itself, before or afterwards.
pub(super) fn check(scene: &Scene) -> Result<(), PlanError> {
    let below = |fact: &Fact| matches!(fact.id.kind, Kind::Partition | Kind::Inherit);
    let before: Vec<FactId> = scene
        .items
        .iter()
        .filter(|item| item.before.as_ref().is_some_and(below))
        .filter_map(|item| item.old.as_ref())
        .map(table_of)
        .collect();
    let after: Vec<FactId> =
        scene.items.iter().filter_map(|item| item.after.as_ref()).filter(|fact| below(fact)).map(|fact| table_of(&fact.id)).collect();
    let attached: Vec<FactId> =
        scene.items.iter().filter_map(|item| item.old.clone().filter(|id| matches!(id.kind, Kind::Index | Kind::Constraint))).collect();
    let holder = |id: &FactId| scene.was(id).and_then(|fact| scene.attached_to(id, &fact)).into_iter().collect();
    let circle = circle(before, |id| scene.parents_before(id))
        .or_else(|| circle(after, |id| scene.parents(id)))
        .or_else(|| circle(attached, holder));
    match circle {
        Some(id) => Err(PlanError::Impossible { id, why: "it would be above itself".to_owned() }),
        None => Ok(()),
    }
}

/// Something that lies above itself.
fn circle(starts: Vec<FactId>, above: impl Fn(&FactId) -> Vec<FactId>) -> Option<FactId> {
    let mut done: HashSet<FactId> = HashSet::new();
    for start in starts {
        if done.contains(&start) {
            continue;
        }
        let mut on = HashSet::from_iter([start.clone()]);
        let mut way = vec![(above(&start), start)];
        while let Some((rest, id)) = way.last_mut() {
            let Some(next) = rest.pop() else {
                on.remove(id);
                done.insert(id.clone());
                way.pop();
                continue;
            };
            if on.contains(&next) {
                return Some(next);
            }
            if !done.contains(&next) {
                on.insert(next.clone());
                way.push((above(&next), next));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_nothing_else() {
        let table = |name: &str| FactId::new(Kind::Table, ["s", name]);
        let edges = |list: &'static [(&str, &str)]| {
            move |id: &FactId| -> Vec<FactId> {
                list.iter().filter(|(child, _)| id.name().as_str() == *child).map(|(_, parent)| table(parent)).collect()
            }
        };
        let starts = || ["a", "b", "c", "d"].map(table).to_vec();
        // Two ways up to one are no circle.
        assert_eq!(circle(starts(), edges(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])), None);
        assert!(circle(starts(), edges(&[("a", "b"), ("b", "c"), ("c", "b")])).is_some());
        assert_eq!(circle(starts(), edges(&[("d", "d")])), Some(table("d")));
    }
}
