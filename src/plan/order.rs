//! What must happen before what: actions, and one topological pass over them.
//!
//! An action says which facts it produces, needs, destroys and lets go of, and which names it takes
//! and frees. Edges follow from these alone; kinds only break ties. Hard edges hold always. Soft
//! edges (an object is altered after its old users are gone and before its new users come) give way
//! where hard ones leave no other order.

use super::{Lock, Loss, Step};
use crate::model::{Body, ConstraintType, Fact, FactId, Kind, Name, Path, Qualified};
use foldhash::{HashMap, HashMapExt as _};
use petgraph::graphmap::DiGraphMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A name in one of PostgreSQL's name spaces: two objects cannot hold it at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot(u8, Path);

/// What partitions of this table hold of its keys.
pub(super) fn bounds(parent: &Qualified) -> Slot {
    Slot(4, [parent.schema.clone(), parent.name.clone()].into_iter().collect())
}

/// The names that a fact occupies.
pub(super) fn slots(id: &FactId, body: &Body) -> Vec<Slot> {
    let relation = |path: &[Name]| Slot(0, path.iter().cloned().collect());
    match (id.kind, body) {
        (
            Kind::Table
            | Kind::View
            | Kind::MaterializedView
            | Kind::Sequence
            | Kind::Index
            | Kind::Composite
            | Kind::Enum
            | Kind::Domain
            | Kind::Range
            | Kind::BaseType,
            _,
        ) => {
            vec![relation(&id.path)]
        }
        (Kind::Routine | Kind::Aggregate, _) => vec![Slot(1, id.path.clone())],
        (Kind::Constraint, Body::Constraint(constraint)) => {
            let mut slots = vec![Slot(2, id.path.clone())];
            if matches!(constraint.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique | ConstraintType::Exclusion) {
                slots.push(relation(&[id.path[0].clone(), id.path[2].clone()]));
            }
            slots
        }
        (Kind::Identity, Body::Identity(identity)) => {
            vec![relation(&[identity.sequence.schema.clone(), identity.sequence.name.clone()]), Slot(3, id.path.clone())]
        }
        // A column is filled by one or the other.
        (Kind::Default, _) => vec![Slot(3, id.path.clone())],
        (kind, _) if id.of.is_none() => vec![Slot(100 + kind as u8, id.path.clone())],
        _ => Vec::new(),
    }
}

/// Something to do, as one or more statements that follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Action {
    /// The statements.
    pub steps: Vec<Step>,
    /// Breaks ties: lower runs first.
    pub rank: u8,
    /// Facts that exist afterwards (names after renames).
    pub produces: Vec<FactId>,
    /// Facts that must exist before (names after renames).
    pub requires: Vec<FactId>,
    /// Facts that are gone afterwards (names before renames).
    pub destroys: Vec<FactId>,
    /// Facts that it stops depending on (names before renames).
    pub releases: Vec<FactId>,
    /// Facts that it alters in place, by their names before.
    pub was: Vec<FactId>,
    /// The same, by their names afterwards.
    pub becomes: Vec<FactId>,
    /// Names it occupies.
    pub takes: Vec<Slot>,
    /// Names it frees.
    pub frees: Vec<Slot>,
}

impl Action {
    /// An action of one statement, about this fact.
    pub(super) fn new(rank: u8, about: &FactId, sql: impl ToString) -> Self {
        Self { rank, ..Self::default() }.then(about, sql)
    }
    /// Adds a statement.
    pub(super) fn then(mut self, about: &FactId, sql: impl ToString) -> Self {
        self.steps.push(Step {
            sql: sql.to_string(),
            facts: vec![about.clone()],
            lock: Lock::None,
            locks: Vec::new(),
            rewrites: false,
            scans: false,
            outside_transaction: false,
            compensation: None,
            losses: Vec::new(),
            warnings: Vec::new(),
            kept: None,
        });
        self
    }
    /// Its last statement.
    pub(super) fn last(&mut self) -> &mut Step {
        self.steps.last_mut().expect("an action has a statement")
    }
    /// The last statement takes this lock on these.
    pub(super) fn locking(mut self, lock: Lock, on: impl IntoIterator<Item = FactId>) -> Self {
        let step = self.last();
        step.lock = lock;
        step.locks = on.into_iter().collect();
        if step.locks.is_empty() {
            step.lock = Lock::None;
        }
        self
    }
    /// The last statement rewrites the table.
    pub(super) fn rewriting(mut self, rewrites: bool) -> Self {
        self.last().rewrites |= rewrites;
        self
    }
    /// The last statement reads the whole table.
    pub(super) fn scanning(mut self, scans: bool) -> Self {
        self.last().scans |= scans;
        self
    }
    /// The last statement destroys this.
    pub(super) fn losing(mut self, id: &FactId, what: String) -> Self {
        self.last().losses.push(Loss { id: id.clone(), what });
        self
    }
    /// The last statement needs a word with a person.
    pub(super) fn warning(mut self, what: impl Into<String>) -> Self {
        self.last().warnings.push(what.into());
        self
    }
    /// It brings this fact about.
    pub(super) fn making(mut self, fact: &Fact) -> Self {
        self.makes(fact);
        self
    }
    /// It brings this fact about.
    pub(super) fn makes(&mut self, fact: &Fact) {
        self.takes.extend(slots(&fact.id, &fact.body));
        self.produces.push(fact.id.clone());
        self.requires.extend(fact.depends.iter().cloned());
        self.requires.extend(owners(&fact.id, &fact.body));
        self.requires
            .extend(fact.id.schema().filter(|_| fact.id.kind != Kind::Schema).map(|schema| FactId::new(Kind::Schema, [schema.clone()])));
        self.names(&fact.id);
    }
    /// It takes this fact away. `old` is its id before renames.
    pub(super) fn unmaking(mut self, old: &FactId, fact: &Fact) -> Self {
        self.unmakes(old, fact);
        self
    }
    /// It takes this fact away. `old` is its id before renames.
    pub(super) fn unmakes(&mut self, old: &FactId, fact: &Fact) {
        self.frees.extend(slots(old, &fact.body));
        if let Body::Partition(partition) = &fact.body {
            self.frees.push(bounds(&partition.parent));
        }
        if *old != fact.id {
            self.frees.extend(slots(&fact.id, &fact.body));
            // The statement names its object as renamed.
            self.requires.extend(owners(&fact.id, &fact.body));
        }
        self.destroys.push(old.clone());
        self.releases.extend(fact.depends.iter().cloned());
        self.releases.extend(owners(old, &fact.body));
        self.releases.extend(old.schema().filter(|_| old.kind != Kind::Schema).map(|schema| FactId::new(Kind::Schema, [schema.clone()])));
        self.names(&fact.id);
    }
    /// It alters this fact in place.
    pub(super) fn altering(mut self, old: &FactId, before: &Fact, after: &Fact) -> Self {
        self.was.push(old.clone());
        self.becomes.push(after.id.clone());
        self.requires.extend(owners(&after.id, &after.body));
        self.requires.extend(after.depends.iter().cloned());
        // In the names before renames: what it does not depend on any longer.
        self.releases.extend(before.depends.iter().filter(|id| !after.depends.contains(id)).cloned());
        // It is the renamed fact that it speaks of.
        if *old != after.id {
            self.requires.push(after.id.clone());
        }
        self.names(&after.id);
        self
    }
    /// It must come after what brings this about.
    pub(super) fn needing(mut self, ids: impl IntoIterator<Item = FactId>) -> Self {
        self.requires.extend(ids);
        self
    }
    /// It must come before what destroys this.
    pub(super) fn letting_go(mut self, ids: impl IntoIterator<Item = FactId>) -> Self {
        self.releases.extend(ids);
        self
    }
    fn names(&mut self, id: &FactId) {
        let Some(step) = self.steps.last_mut() else { return };
        if !step.facts.contains(id) {
            step.facts.push(id.clone());
        }
    }
}

/// The facts that this one is a part or a property of, one level up. Several where the id leaves open
/// what kind of relation it stands on.
pub(super) fn owners(id: &FactId, body: &Body) -> Vec<FactId> {
    if let Some(target) = id.target() {
        return vec![target];
    }
    let on = |kinds: &[Kind]| kinds.iter().map(|&kind| FactId::new(kind, id.path[..2].iter().cloned())).collect();
    match (id.kind, body) {
        (Kind::EnumLabel, _) => on(&[Kind::Enum]),
        (Kind::DomainConstraint, _) => on(&[Kind::Domain]),
        (Kind::Attribute, _) => on(&[Kind::Composite]),
        (Kind::Inherit | Kind::Partition | Kind::Constraint | Kind::Policy, _) => on(&[Kind::Table]),
        (Kind::Column, _) => on(&[Kind::Table, Kind::View, Kind::MaterializedView]),
        (Kind::Trigger | Kind::Rule, _) => on(&[Kind::Table, Kind::View]),
        (Kind::Default, _) => {
            vec![FactId::new(Kind::Column, id.path.iter().cloned()), FactId::new(Kind::View, id.path[..2].iter().cloned())]
        }
        (Kind::Position, _) => {
            vec![FactId::new(Kind::Column, id.path.iter().cloned()), FactId::new(Kind::Attribute, id.path.iter().cloned())]
        }
        (Kind::Identity, _) => vec![FactId::new(Kind::Column, id.path.iter().cloned())],
        (Kind::PublicationTable | Kind::PublicationSchema, _) => vec![FactId::new(Kind::Publication, id.path[..1].iter().cloned())],
        (Kind::Index, Body::Index(index)) => {
            let path = [id.path[0].clone(), index.table.clone()];
            vec![FactId::new(Kind::Table, path.clone()), FactId::new(Kind::MaterializedView, path)]
        }
        (Kind::Statistics, Body::Statistics(statistics)) => {
            let path = [statistics.table.schema.clone(), statistics.table.name.clone()];
            vec![FactId::new(Kind::Table, path.clone()), FactId::new(Kind::MaterializedView, path)]
        }
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Graph {
    next: Vec<Vec<(usize, bool)>>,
    hard: Vec<u32>,
    soft: Vec<u32>,
}

impl Graph {
    fn edge(&mut self, from: usize, to: usize, hard: bool) {
        if from == to {
            return;
        }
        self.next[from].push((to, hard));
        *(if hard { &mut self.hard[to] } else { &mut self.soft[to] }) += 1;
    }
}

fn gather<'a, K: std::hash::Hash + Eq>(actions: &'a [Action], of: impl Fn(&'a Action) -> &'a [K]) -> HashMap<&'a K, Vec<usize>> {
    let mut map: HashMap<&K, Vec<usize>> = HashMap::new();
    for (i, action) in actions.iter().enumerate() {
        for key in of(action) {
            let list = map.entry(key).or_default();
            if list.last() != Some(&i) {
                list.push(i);
            }
        }
    }
    map
}

fn edges(actions: &[Action]) -> Graph {
    let n = actions.len();
    let mut graph = Graph { next: vec![Vec::new(); n], hard: vec![0; n], soft: vec![0; n] };
    let producers = gather(actions, |a| &a.produces);
    let changers = gather(actions, |a| &a.becomes);
    let requirers = gather(actions, |a| &a.requires);
    let releasers = gather(actions, |a| &a.releases);
    let freers = gather(actions, |a| &a.frees);
    for (id, users) in &requirers {
        for &user in users {
            for &maker in producers.get(*id).into_iter().flatten() {
                graph.edge(maker, user, true);
            }
            for &maker in changers.get(*id).into_iter().flatten() {
                // Two alterations of each other's neighbours need no order.
                if !actions[user].becomes.contains(id) {
                    graph.edge(maker, user, false);
                }
            }
        }
    }
    for (i, action) in actions.iter().enumerate() {
        for id in &action.destroys {
            for &user in releasers.get(id).into_iter().flatten() {
                graph.edge(user, i, true);
            }
        }
        for id in &action.was {
            for &user in releasers.get(id).into_iter().flatten() {
                graph.edge(user, i, false);
            }
        }
        for slot in &action.takes {
            for &user in freers.get(slot).into_iter().flatten() {
                graph.edge(user, i, true);
            }
        }
    }
    graph
}

/// The order to run the actions in, or those that wait for each other.
pub(super) fn order(actions: &[Action]) -> Result<Vec<usize>, Vec<usize>> {
    let mut graph = edges(actions);
    let n = actions.len();
    let key = |i: usize| Reverse((actions[i].rank, i));
    let mut ready: BinaryHeap<_> = (0..n).filter(|&i| graph.hard[i] == 0 && graph.soft[i] == 0).map(key).collect();
    // Those that only soft edges hold back, for when nothing else is ready.
    let mut waiting: BinaryHeap<_> = (0..n).filter(|&i| graph.hard[i] == 0 && graph.soft[i] > 0).map(key).collect();
    let mut done = vec![false; n];
    let mut sorted = Vec::with_capacity(n);
    while sorted.len() < n {
        let Some(Reverse((_, i))) = ready.pop().or_else(|| waiting.pop()) else { break };
        if done[i] {
            continue;
        }
        done[i] = true;
        sorted.push(i);
        for (next, hard) in std::mem::take(&mut graph.next[i]) {
            *(if hard { &mut graph.hard[next] } else { &mut graph.soft[next] }) -= 1;
            if graph.hard[next] == 0 && !done[next] {
                if graph.soft[next] == 0 { ready.push(key(next)) } else { waiting.push(key(next)) }
            }
        }
    }
    if sorted.len() == n { Ok(sorted) } else { Err(cycle(actions, &done)) }
}

/// The largest knot of actions that wait for each other.
fn cycle(actions: &[Action], done: &[bool]) -> Vec<usize> {
    let graph = edges(actions);
    let mut hard: DiGraphMap<usize, ()> = DiGraphMap::new();
    for (from, next) in graph.next.iter().enumerate().filter(|(from, _)| !done[*from]) {
        for &(to, _) in next.iter().filter(|(_, is_hard)| *is_hard) {
            hard.add_edge(from, to, ());
        }
    }
    let mut knot = petgraph::algo::tarjan_scc(&hard).into_iter().max_by_key(Vec::len).unwrap_or_default();
    knot.sort_unstable();
    knot
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> FactId {
        FactId::new(Kind::Table, ["s", name])
    }
    fn action(name: &str, rank: u8, produces: &[&str], requires: &[&str]) -> Action {
        let mut action = Action::new(rank, &id(name), name);
        action.produces = produces.iter().map(|n| id(n)).collect();
        action.requires = requires.iter().map(|n| id(n)).collect();
        action
    }
    fn names(actions: &[Action]) -> Vec<String> {
        order(actions).unwrap().into_iter().map(|i| actions[i].steps[0].sql.clone()).collect()
    }

    #[test]
    fn needs_come_first_and_ties_go_by_rank_then_place() {
        let actions = [
            action("c", 1, &["c"], &["a"]),
            action("b", 2, &["b"], &[]),
            action("a", 2, &["a"], &[]),
            action("d", 1, &["d"], &["b", "zzz"]),
        ];
        assert_eq!(names(&actions), ["b", "d", "a", "c"]);
    }

    #[test]
    fn names_are_freed_before_they_are_taken_and_users_go_before_what_they_use() {
        let mut make = action("make", 0, &["x"], &[]);
        make.takes = vec![Slot(0, id("x").path)];
        let mut drop = action("drop", 1, &[], &[]);
        drop.destroys = vec![id("x")];
        drop.frees = vec![Slot(0, id("x").path)];
        let mut user = action("user", 2, &[], &[]);
        user.releases = vec![id("x")];
        assert_eq!(names(&[make, drop, user]), ["user", "drop", "make"]);
    }

    #[test]
    fn soft_edges_give_way_and_hard_cycles_are_reported() {
        let mut a = action("a", 1, &["a"], &["b"]);
        let mut b = action("b", 1, &[], &["a"]);
        b.becomes = vec![id("b")];
        assert_eq!(names(&[a.clone(), b.clone()]), ["a", "b"]);
        b.produces = vec![id("b")];
        a.becomes.clear();
        assert_eq!(order(&[a, b, action("c", 0, &[], &[])]), Err(vec![0, 1]));
    }

    #[test]
    fn a_long_chain_and_a_wide_fan_are_quick() {
        let mut actions: Vec<Action> =
            (0..20_000).map(|i| action(&i.to_string(), 1, &[&i.to_string()], &[&(i + 1).to_string(), "hub"])).collect();
        actions.push(action("hub", 1, &["hub"], &[]));
        assert_eq!(order(&actions).unwrap().len(), 20_001);
    }
}
