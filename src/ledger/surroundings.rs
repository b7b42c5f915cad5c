//! Last known facts as what stands around a plan.

use super::store;
use crate::diff::Change;
use crate::error::Result;
use crate::model::{Fact, FactId};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::Surroundings;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

/// The last known facts, overlaid by changes that were planned and not carried out yet, so that the
/// second event of a version is planned on what the first one leaves.
pub struct Ledger<'a> {
    spi: &'a Spi,
    changed: BTreeMap<FactId, Option<Fact>>,
    /// What was looked up since the last changes: a plan and the way back ask for the same.
    seen: RefCell<HashMap<FactId, Option<Fact>>>,
    families: RefCell<HashMap<FactId, Vec<Fact>>>,
}

impl<'a> Ledger<'a> {
    /// The last known facts as they are.
    pub fn new(spi: &'a Spi) -> Self {
        Self { spi, changed: BTreeMap::new(), seen: RefCell::default(), families: RefCell::default() }
    }

    /// Overlays them with changes.
    pub fn follow(&mut self, changes: &[Change]) {
        self.seen.get_mut().clear();
        self.families.get_mut().clear();
        for before in changes.iter().filter_map(|c| c.before.as_ref()) {
            self.changed.insert(before.id.clone(), None);
        }
        for after in changes.iter().filter_map(|c| c.after.as_ref()) {
            self.changed.insert(after.id.clone(), Some(after.clone()));
        }
    }

    /// Facts of the store that are not overlaid, and overlaid ones, that satisfy a condition. A look-up
    /// that fails brings fewer surroundings: the plan then says what it lacks.
    fn gather(&self, stored: Result<Vec<Fact>>, wanted: impl Fn(&Fact) -> bool) -> Vec<Fact> {
        let overlaid = self.changed.values().flatten().cloned();
        let stored = stored.unwrap_or_default().into_iter().filter(|fact| !self.changed.contains_key(&fact.id));
        stored.chain(overlaid).filter(wanted).collect()
    }
}

impl Surroundings for Ledger<'_> {
    fn get(&self, id: &FactId) -> Option<Fact> {
        if let Some(changed) = self.changed.get(id) {
            return changed.clone();
        }
        if let Some(seen) = self.seen.borrow().get(id) {
            return seen.clone();
        }
        let found = store::by_ids(self.spi, &[id.to_string()]).and_then(|known| store::load(self.spi, &known)).ok()?.pop();
        self.seen.borrow_mut().insert(id.clone(), found.clone());
        found
    }

    fn children(&self, id: &FactId) -> Vec<Fact> {
        if let Some(family) = self.families.borrow().get(id) {
            return family.clone();
        }
        let family = || -> Result<Vec<Fact>> {
            let known = store::by_ids(self.spi, &[id.to_string()])?;
            let Some(object) = known.first() else { return Ok(Vec::new()) };
            let family: Vec<_> = store::families(self.spi, &[object.root.1])?.into_iter().filter(|k| k.root == object.root).collect();
            store::load(self.spi, &family)
        };
        let family = self.gather(family(), |fact| crate::plan::is_part(fact, id));
        self.families.borrow_mut().insert(id.clone(), family.clone());
        family
    }

    fn dependents(&self, id: &FactId) -> Vec<Fact> {
        // The name narrows the search to what mentions it; the edges decide.
        let mentioning = || -> Result<Vec<Fact>> {
            let name = serde_json::to_string(id.name())?;
            let rows = self.spi.query(
                "SELECT f.body FROM accord.fact f WHERE pg_catalog.strpos(f.body, $1) > 0",
                &[Arg::Text(&name)],
                See::Latest,
            )?;
            rows.iter().map(|row| Ok(serde_json::from_str(&row.text(0))?)).collect()
        };
        self.gather(mentioning(), |fact| fact.depends.contains(id))
    }
}
