//! Running sums: one LtHash by schema and kind, so that any projection's fingerprint is a sum of sums.

use crate::error::{Error, Result};
use crate::model::{Fact, FactHash, FactId, Fingerprint, Kind, LtHash, Name, Projection};
use crate::pg::process;
use crate::pg::spi::{Arg, Cells, See, Spi};
use foldhash::HashMap;
use std::collections::BTreeMap;

/// A group of facts that every projection takes or leaves as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Group {
    schema: Option<Name>,
    kind: Kind,
    /// Kind of the target of a property: projections may exclude either.
    of: Option<Kind>,
}

/// The sums of all groups.
#[derive(Debug, Default)]
pub struct Sums {
    groups: HashMap<Group, LtHash>,
}

fn kind(word: &str) -> Option<Kind> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

impl Group {
    pub(super) fn of(id: &FactId) -> Self {
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

    /// Whether a projection takes it.
    pub(super) fn mirrored(&self, projection: &Projection) -> bool {
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
            let lanes = stored_lanes(&row.bytes(2))?;
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
    }

    fn group(&mut self, id: &FactId) -> &mut LtHash {
        self.groups.entry(Group::of(id)).or_default()
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

    /// Writes the sums of version 0.
    pub fn write(self, spi: &Spi) -> Result<()> {
        Self::change(spi, self.groups)
    }

    /// Adds to the stored sums, in an order that is always the same.
    pub(super) fn change(spi: &Spi, changes: HashMap<Group, LtHash>) -> Result<()> {
        let mut changes: BTreeMap<Group, LtHash> = changes.into_iter().collect();
        let (schemas, kinds): (Vec<String>, Vec<String>) =
            changes.keys().map(Group::texts).map(|(schema, kind)| (schema.to_owned(), kind)).unzip();
        let stored = spi.query(
            "SELECT s.schema, s.kind, s.lanes FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u (schema, kind)
               JOIN accord.sum s ON s.schema = u.schema COLLATE \"C\" AND s.kind = u.kind COLLATE \"C\"",
            &[Arg::Texts(&schemas), Arg::Texts(&kinds)],
            See::Latest,
        )?;
        for row in stored {
            if let Some(lanes) = Group::stored(&row.text(0), &row.text(1)).and_then(|group| changes.get_mut(&group)) {
                lanes.merge(&stored_lanes(&row.bytes(2))?);
            }
        }
        for (group, lanes) in changes {
            let (schema, kind) = group.texts();
            if lanes == LtHash::default() {
                spi.run("DELETE FROM accord.sum s WHERE s.schema = $1 AND s.kind = $2", &[Arg::Text(schema), Arg::Text(&kind)])?;
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

fn stored_lanes(bytes: &[u8]) -> Result<LtHash> {
    LtHash::from_bytes(bytes).ok_or_else(|| Error::internal("a stored sum has the wrong length"))
}
