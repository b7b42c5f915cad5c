//! A model's facts, indexed for the questions that a plan asks.

use super::Surroundings;
use super::order::owners;
use crate::model::{Fact, FactId, Kind, Name};
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt as _};
use std::cell::OnceCell;
use std::hash::BuildHasher;

/// The facts of a model, by id (which tells most owners as well), by table, and by what they depend on. Each index
/// is made when it is first asked: a plan of few changes asks little.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// By id.
    facts: Vec<Fact>,
    hasher: RandomState,
    groups: OnceCell<Vec<usize>>,
    on_tables: OnceCell<Index>,
    dependents: OnceCell<Index>,
}

/// Facts by the hash of an id. What is found is compared: two ids may share a hash.
type Index = HashMap<u64, Vec<u32>>;

impl Standing {
    /// Indexes these facts.
    pub fn new(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut facts: Vec<Fact> = facts.into_iter().collect();
        if !facts.is_sorted_by(|a, b| a.id <= b.id) {
            facts.sort_by(|a, b| a.id.cmp(&b.id));
        }
        Self { facts, ..Self::default() }
    }

    /// Indexes and statistics objects by their tables, the only owners that their ids do not tell.
    fn on_tables(&self) -> &Index {
        self.on_tables.get_or_init(|| {
            let mut index = Index::new();
            for kind in [Kind::Index, Kind::Statistics] {
                let first = self.facts.partition_point(|fact| fact.id.kind < kind);
                for (i, fact) in self.facts.iter().enumerate().skip(first).take_while(|(_, fact)| fact.id.kind == kind) {
                    for owner in owners(&fact.id, &fact.body) {
                        index.entry(self.hasher.hash_one(&owner)).or_default().push(i as u32);
                    }
                }
            }
            index
        })
    }

    /// Where the facts of each kind (and of each kind of target) begin.
    fn groups(&self) -> &[usize] {
        self.groups.get_or_init(|| {
            let group = |fact: &Fact| (fact.id.kind, fact.id.of);
            let (mut groups, mut at) = (Vec::new(), 0);
            while let Some(first) = self.facts.get(at) {
                groups.push(at);
                at += self.facts[at..].partition_point(|fact| group(fact) <= group(first));
            }
            groups.push(at);
            groups
        })
    }

    /// The facts whose path begins with this one, in the order of the facts.
    fn below<'a>(&'a self, path: &'a [Name]) -> impl Iterator<Item = usize> + 'a {
        self.groups().windows(2).flat_map(move |group| {
            let facts = &self.facts[group[0]..group[1]];
            let first = facts.partition_point(|fact| beginning(fact, path.len()) < path);
            let last = first + facts[first..].partition_point(|fact| beginning(fact, path.len()) <= path);
            group[0] + first..group[0] + last
        })
    }

    fn users_of(&self) -> &Index {
        self.dependents.get_or_init(|| {
            let mut index = Index::new();
            for (i, fact) in self.facts.iter().enumerate() {
                for id in &fact.depends {
                    index.entry(self.hasher.hash_one(id)).or_default().push(i as u32);
                }
            }
            index
        })
    }

    fn listed(&self, index: &Index, id: &FactId) -> Vec<usize> {
        index.get(&self.hasher.hash_one(id)).into_iter().flatten().map(|&i| i as usize).collect()
    }
}

fn beginning(fact: &Fact, length: usize) -> &[Name] {
    &fact.id.path[..fact.id.path.len().min(length)]
}

impl Surroundings for Standing {
    fn get(&self, id: &FactId) -> Option<Fact> {
        let i = self.facts.binary_search_by(|fact| fact.id.cmp(id)).ok()?;
        Some(self.facts[i].clone())
    }
    fn children(&self, id: &FactId) -> Vec<Fact> {
        let mut found = self.listed(self.on_tables(), id);
        found.extend(self.below(&id.path));
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|i| &self.facts[i]).filter(|fact| super::is_part(fact, id)).cloned().collect()
    }
    fn dependents(&self, id: &FactId) -> Vec<Fact> {
        let found = self.listed(self.users_of(), id);
        found.into_iter().map(|i| &self.facts[i]).filter(|fact| fact.depends.contains(id)).cloned().collect()
    }
}
