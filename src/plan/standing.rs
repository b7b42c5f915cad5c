//! A model's facts, indexed for the questions that a plan asks.

use super::Surroundings;
use super::order::owners;
use crate::model::{Fact, FactId, Kind};
use std::collections::HashMap;

/// The facts of a model, by id, by owner, and by what they depend on.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    facts: Vec<Fact>,
    by_id: HashMap<FactId, usize>,
    children: HashMap<FactId, Vec<usize>>,
    dependents: HashMap<FactId, Vec<usize>>,
}

impl Standing {
    /// Indexes these facts.
    pub fn new(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut standing = Self { facts: facts.into_iter().collect(), ..Self::default() };
        for (i, fact) in standing.facts.iter().enumerate() {
            standing.by_id.insert(fact.id.clone(), i);
            for owner in owners(&fact.id, &fact.body) {
                // A view's columns are no facts: what hangs on them hangs on the view.
                if owner.kind == Kind::Column {
                    for kind in [Kind::View, Kind::MaterializedView] {
                        let view = FactId::new(kind, owner.path[..2].iter().cloned());
                        standing.children.entry(view).or_default().push(i);
                    }
                }
                standing.children.entry(owner).or_default().push(i);
            }
            for id in &fact.depends {
                standing.dependents.entry(id.clone()).or_default().push(i);
            }
        }
        standing
    }

    fn list(&self, indexes: Option<&Vec<usize>>) -> Vec<Fact> {
        indexes.into_iter().flatten().map(|&i| self.facts[i].clone()).collect()
    }
}

impl Surroundings for Standing {
    fn get(&self, id: &FactId) -> Option<Fact> {
        self.by_id.get(id).map(|&i| self.facts[i].clone())
    }
    fn children(&self, id: &FactId) -> Vec<Fact> {
        self.list(self.children.get(id))
    }
    fn dependents(&self, id: &FactId) -> Vec<Fact> {
        self.list(self.dependents.get(id))
    }
}
