//! Running sums: one LtHash by schema and kind, so that any projection's fingerprint is a sum of sums.

use crate::error::{Error, Result};
use crate::model::{Fact, FactHash, FactId, Fingerprint, Kind, LtHash, Name, Projection};
use crate::pg::spi::{Arg, Cells, See, Spi};
use std::collections::{BTreeMap, BTreeSet};

/// A group of facts that every projection takes or leaves as a whole.
type Group = (String, String);

/// The sums of all groups, and what changed since they were read.
#[derive(Debug, Default)]
pub struct Sums {
    groups: BTreeMap<Group, LtHash>,
    dirty: BTreeSet<Group>,
}

/// Kind and, for a property, its target's kind: `grant/table`. Projections may exclude either.
fn group_kind(id: &FactId) -> String {
    let word = |kind: Kind| serde_json::to_value(kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    match id.of {
        Some(of) => format!("{}/{}", word(id.kind), word(of)),
        None => word(id.kind),
    }
}

fn group_of(id: &FactId) -> Group {
    (id.schema().map(|name| name.as_str().to_owned()).unwrap_or_default(), group_kind(id))
}

fn mirrored(group: &Group, projection: &Projection) -> bool {
    let kind = |word: &str| serde_json::from_value::<Kind>(serde_json::Value::String(word.to_owned())).ok();
    let (carrier, of) = match group.1.split_once('/') {
        Some((kind, of)) => (kind, Some(of)),
        None => (group.1.as_str(), None),
    };
    let schema = (!group.0.is_empty()).then(|| Name::new(group.0.clone()));
    kind(carrier).is_some_and(|kind| projection.mirrors_group(kind, schema.as_ref()))
        && of.is_none_or(|of| kind(of).is_some_and(|of| projection.takes(of)))
}

/// The canonical text of a projection: the key of its recorded fingerprints.
pub fn projection_text(projection: &Projection) -> Result<String> {
    Ok(serde_json::to_string(projection)?)
}

impl Sums {
    /// Reads the stored sums.
    pub fn read(spi: &Spi, see: See) -> Result<Self> {
        let mut sums = Self::default();
        for row in spi.query("SELECT s.schema, s.kind, s.lanes FROM accord.sum s", &[], see)? {
            let lanes = LtHash::from_bytes(&row.bytes(2)).ok_or_else(|| Error::internal("a stored sum has the wrong length"))?;
            sums.groups.insert((row.text(0), row.text(1)), lanes);
        }
        Ok(sums)
    }

    /// The sums of a set of facts.
    pub fn of<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut sums = Self::default();
        for fact in facts {
            sums.add(&fact.id, &fact.hash());
        }
        sums
    }

    /// Adds a fact.
    pub fn add(&mut self, id: &FactId, hash: &FactHash) {
        let group = group_of(id);
        self.groups.entry(group.clone()).or_default().add(hash);
        self.dirty.insert(group);
    }

    /// Removes a fact.
    pub fn remove(&mut self, id: &FactId, hash: &FactHash) {
        let group = group_of(id);
        self.groups.entry(group.clone()).or_default().remove(hash);
        self.dirty.insert(group);
    }

    /// Sum of a projection.
    pub fn lanes(&self, projection: &Projection) -> LtHash {
        let mut sum = LtHash::default();
        self.groups.iter().filter(|(group, _)| mirrored(group, projection)).for_each(|(_, lanes)| sum.merge(lanes));
        sum
    }

    /// Fingerprint of a projection.
    pub fn fingerprint(&self, projection: &Projection) -> Fingerprint {
        self.lanes(projection).fingerprint()
    }

    /// Writes the sums that changed.
    pub fn write(&mut self, spi: &Spi) -> Result<()> {
        for group in std::mem::take(&mut self.dirty) {
            let lanes = &self.groups[&group];
            if *lanes == LtHash::default() {
                spi.run("DELETE FROM accord.sum s WHERE s.schema = $1 AND s.kind = $2", &[Arg::Text(&group.0), Arg::Text(&group.1)])?;
                self.groups.remove(&group);
            } else {
                spi.run(
                    "INSERT INTO accord.sum (schema, kind, lanes) VALUES ($1, $2, $3)
                     ON CONFLICT (schema, kind) DO UPDATE SET lanes = EXCLUDED.lanes",
                    &[Arg::Text(&group.0), Arg::Text(&group.1), Arg::Bytes(&lanes.to_bytes())],
                )?;
            }
        }
        Ok(())
    }
}
