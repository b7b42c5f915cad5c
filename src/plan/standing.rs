//! A model's facts, indexed for the questions that a plan asks.

use super::Surroundings;
use super::order::owners;
use crate::model::{Fact, FactId, Kind};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// The facts of a model, by id, by owner, and by what they depend on. Each index is made when it is
/// first asked: a plan of few changes asks little.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// By id.
    facts: Vec<Fact>,
    hasher: RandomState,
    children: OnceCell<Index>,
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

    /// A view's columns are no facts: what hangs on them hangs on the view.
    fn parts_of(&self) -> &Index {
        self.children.get_or_init(|| {
            let mut index = Index::with_capacity(self.facts.len() / 2);
            for (i, fact) in self.facts.iter().enumerate() {
                for owner in owners(&fact.id, &fact.body) {
                    index.entry(self.hasher.hash_one(&owner)).or_default().push(i as u32);
                    if owner.kind == Kind::Column {
                        for kind in [Kind::View, Kind::MaterializedView] {
                            let view = FactId::new(kind, owner.path[..2].iter().cloned());
                            index.entry(self.hasher.hash_one(&view)).or_default().push(i as u32);
                        }
                    }
                }
            }
            index
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

    fn list(&self, index: &Index, id: &FactId, wanted: impl Fn(&Fact) -> bool) -> Vec<Fact> {
        let found = index.get(&self.hasher.hash_one(id)).map_or(&[][..], Vec::as_slice);
        found.iter().map(|&i| &self.facts[i as usize]).filter(|fact| wanted(fact)).cloned().collect()
    }
}

impl Surroundings for Standing {
    fn get(&self, id: &FactId) -> Option<Fact> {
        let i = self.facts.binary_search_by(|fact| fact.id.cmp(id)).ok()?;
        Some(self.facts[i].clone())
    }
    fn children(&self, id: &FactId) -> Vec<Fact> {
        self.list(self.parts_of(), id, |fact| super::is_part(fact, id))
    }
    fn dependents(&self, id: &FactId) -> Vec<Fact> {
        self.list(self.users_of(), id, |fact| fact.depends.contains(id))
    }
}
