//! Sums as sealing carries them on: the totals of a few projections, and what changed in each group.
//!
//! A schema has as many groups as it has schemas, times twenty. Sealing reads and writes those that changed; the
//! totals of the version before are known to the process that sealed it. They are kept by the version's id, which
//! hashes everything that led to it: a version that was rolled back, or another process's, is not taken for it.

use super::sums::{Group, Sums};
use crate::error::Result;
use crate::model::{FactHash, FactId, Fingerprint, LtHash, Projection};
use crate::pg::spi::{See, Spi};
use foldhash::HashMap;
use std::cell::RefCell;

type Totals = Vec<(Projection, LtHash)>;

thread_local! {
    static NEWEST: RefCell<Option<([u8; 32], Totals)>> = const { RefCell::new(None) };
}

/// The sums of a version and of what is sealed on top of it.
pub struct Running {
    totals: Totals,
    changed: HashMap<Group, LtHash>,
}

impl Running {
    /// The sums at the newest version, with the totals of these projections.
    pub fn at(spi: &Spi, version: &[u8; 32], projections: Vec<Projection>) -> Result<Self> {
        let mut known = NEWEST.take().filter(|(of, _)| of == version).map_or_else(Totals::new, |(_, totals)| totals);
        let mut sums = None;
        let mut totals = Totals::new();
        for projection in projections {
            if totals.iter().any(|(of, _)| *of == projection) {
                continue;
            }
            let lanes = match known.iter().position(|(of, _)| *of == projection) {
                Some(at) => known.swap_remove(at).1,
                None => match &mut sums {
                    Some(sums) => Sums::lanes(sums, &projection),
                    None => sums.insert(Sums::read(spi, See::Latest)?).lanes(&projection),
                },
            };
            totals.push((projection, lanes));
        }
        Ok(Self { totals, changed: HashMap::default() })
    }

    fn change(&mut self, id: &FactId, hash: &FactHash, change: fn(&mut LtHash, &LtHash)) {
        let (group, one) = (Group::of(id), LtHash::of(hash));
        for (_, lanes) in self.totals.iter_mut().filter(|(projection, _)| group.mirrored(projection)) {
            change(lanes, &one);
        }
        change(self.changed.entry(group).or_default(), &one);
    }

    /// Adds a fact.
    pub fn add(&mut self, id: &FactId, hash: &FactHash) {
        self.change(id, hash, LtHash::merge);
    }

    /// Removes a fact.
    pub fn remove(&mut self, id: &FactId, hash: &FactHash) {
        self.change(id, hash, LtHash::unmerge);
    }

    /// Fingerprint of one of the projections.
    pub fn fingerprint(&self, projection: &Projection) -> Fingerprint {
        let total = self.totals.iter().find(|(of, _)| of == projection);
        total.map_or_else(LtHash::default, |(_, lanes)| lanes.clone()).fingerprint()
    }

    /// Writes the sums as those of this version.
    pub fn write(self, spi: &Spi, version: [u8; 32]) -> Result<()> {
        Sums::change(spi, self.changed)?;
        NEWEST.set(Some((version, self.totals)));
        Ok(())
    }
}
