//! Running sums: one LtHash by schema and kind, so that any projection's fingerprint is a sum of sums.

use crate::error::{Error, Result};
use crate::model::{Fact, FactHash, FactId, Fingerprint, Kind, LtHash, Name, Projection};
use crate::pg::process;
use crate::pg::spi::{Arg, Cells, See, Spi};
use foldhash::{HashMap, HashSet};
use std::collections::BTreeSet;

/// A group of facts that every projection takes or leaves as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Group {
    schema: Option<Name>,
    kind: Kind,
    /// Kind of the target of a property: projections may exclude either.
    of: Option<Kind>,
}

/// The sums of all groups, and what changed since they were read.
#[derive(Debug, Default)]
pub struct Sums {
    groups: HashMap<Group, LtHash>,
    dirty: HashSet<Group>,
}

fn kind(word: &str) -> Option<Kind> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

impl Group {
    fn of(id: &FactId) -> Self {
        Self { schema: id.schema().filter(|schema| !schema.as_str().is_empty()).cloned(), kind: id.kind, of: id.of }
    }

    /// As it is stored; none for a kind that a newer library knew.
    fn stored(schema: &str, words: &str) -> Option<Self> {
        let (carrier, of) = match words.split_once('/') {
            Some((carrier, of)) => (carrier, Some(kind(of)?)),
            None => (words, None),
        };
        Some(Self { schema: (!schema.is_empty()).then(|| schema.into()), kind: kind(carrier)?, of })
    }

    /// The schema, and the kind with its target's: `grant/table`.
    fn texts(&self) -> (&str, String) {
        let words = self.of.map_or_else(|| self.kind.json_name(), |of| format!("{}/{}", self.kind.json_name(), of.json_name()));
        (self.schema.as_ref().map_or("", Name::as_str), words)
    }

    fn mirrored(&self, projection: &Projection) -> bool {
        projection.mirrors_group(self.kind, self.schema.as_ref()) && self.of.is_none_or(|of| projection.takes(of))
    }
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
            if let Some(group) = Group::stored(&row.text(0), &row.text(1)) {
                sums.groups.insert(group, lanes);
            }
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

    /// The sums of as many facts as a schema has, half of them made by a thread beside; the facts are freed.
    pub fn of_many(mut facts: Vec<Fact>) -> Result<Self> {
        let half = facts.split_off(facts.len() / 2);
        std::thread::scope(|scope| {
            let beside = process::beside(scope, move || Self::of(&half))?;
            let mut sums = Self::of(&facts);
            drop(facts);
            sums.merge(process::joined(beside));
            Ok(sums)
        })
    }

    /// Adds the sums of other facts.
    fn merge(&mut self, other: Self) {
        for (group, lanes) in other.groups {
            self.groups.entry(group).or_default().merge(&lanes);
        }
        self.dirty.extend(other.dirty);
    }

    fn group(&mut self, id: &FactId) -> &mut LtHash {
        let group = Group::of(id);
        if !self.dirty.contains(&group) {
            self.dirty.insert(group.clone());
        }
        self.groups.entry(group).or_default()
    }

    /// Adds a fact.
    pub fn add(&mut self, id: &FactId, hash: &FactHash) {
        self.group(id).add(hash);
    }

    /// Removes a fact.
    pub fn remove(&mut self, id: &FactId, hash: &FactHash) {
        self.group(id).remove(hash);
    }

    /// Sum of a projection.
    pub fn lanes(&self, projection: &Projection) -> LtHash {
        let mut sum = LtHash::default();
        self.groups.iter().filter(|(group, _)| group.mirrored(projection)).for_each(|(_, lanes)| sum.merge(lanes));
        sum
    }

    /// Fingerprint of a projection.
    pub fn fingerprint(&self, projection: &Projection) -> Fingerprint {
        self.lanes(projection).fingerprint()
    }

    /// Writes the sums that changed.
    pub fn write(&mut self, spi: &Spi) -> Result<()> {
        for group in std::mem::take(&mut self.dirty).into_iter().collect::<BTreeSet<_>>() {
            let lanes = &self.groups[&group];
            let (schema, kind) = group.texts();
            if *lanes == LtHash::default() {
                spi.run("DELETE FROM accord.sum s WHERE s.schema = $1 AND s.kind = $2", &[Arg::Text(schema), Arg::Text(&kind)])?;
                self.groups.remove(&group);
            } else {
                spi.run(
                    "INSERT INTO accord.sum (schema, kind, lanes) VALUES ($1, $2, $3)
                     ON CONFLICT (schema, kind) DO UPDATE SET lanes = EXCLUDED.lanes",
                    &[Arg::Text(schema), Arg::Text(&kind), Arg::Bytes(&lanes.to_bytes())],
                )?;
            }
        }
        Ok(())
    }
}
