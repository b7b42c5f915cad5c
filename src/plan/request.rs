//! How somebody wants a plan between two models: the `options` of `accord.plan`.

use super::{Size, likeness};
use crate::diff::{Change, diff_paired};
use crate::model::{Fact, FactId, Kind, Name, Qualified};
use foldhash::{HashMap, HashMapExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A rename that is known to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// Of what.
    pub kind: Kind,
    /// The path before.
    pub from: Vec<Name>,
    /// The path after.
    pub to: Vec<Name>,
}

/// Sizes of tables: for estimates, and to know which hold rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Sizes {
    /// By `schema.table`.
    Given(BTreeMap<String, Size>),
    /// `"database"`: those of the tables in the database that is asked.
    Word(Word),
}

/// Where sizes can be taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The database that is asked.
    Database,
}

impl Sizes {
    /// The given size of a table; nothing for those that are to be looked up.
    pub fn of(&self, id: &FactId) -> Size {
        match (self, id.path.as_slice()) {
            (Self::Given(sizes), [schema, name, ..]) => {
                sizes.get(&Qualified::new(schema.clone(), name.clone()).to_string()).copied().unwrap_or_default()
            }
            _ => Size::default(),
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Major of the server that is to carry the plan out, which is not for the asker to say.
    #[serde(skip)]
    pub major: u32,
    /// Lock-friendly forms.
    pub online: bool,
    /// Renames that are known.
    pub renames: Vec<Rename>,
    /// Hints of at least this confidence are taken for renames.
    pub accept_hints: Option<f64>,
    /// Sizes of tables.
    pub sizes: Option<Sizes>,
}

impl Request {
    /// Reads the document; the error names what is wrong with it.
    pub fn read(document: &Value) -> Result<Self, String> {
        if !document.is_object() {
            return Err("options are a JSON object".to_owned());
        }
        let request = Self::deserialize(document).map_err(|error| match document.get("sizes") {
            // An untagged enum says nothing of what it found.
            Some(sizes) if Sizes::deserialize(sizes).is_err() => {
                "\"sizes\" is neither \"database\" nor an object like {\"shop.orders\": {\"rows\": 1000, \"bytes\": 65536}}".to_owned()
            }
            _ => error.to_string(),
        })?;
        if request.accept_hints.is_some_and(|least| !(0.0..=1.0).contains(&least)) {
            return Err("\"accept_hints\" is a confidence from 0 to 1".to_owned());
        }
        for rename in &request.renames {
            for path in [&rename.from, &rename.to] {
                FactId::new(rename.kind, path.iter().cloned()).check()?;
            }
        }
        Ok(request)
    }

    /// The changes between two models under these renames, and the hints that were not taken.
    pub fn changes(&self, before: &[Fact], after: &[Fact]) -> Result<(Vec<Change>, Vec<likeness::Hint>), String> {
        let mut renamed: HashMap<FactId, FactId> = HashMap::new();
        for Rename { kind, from, to } in &self.renames {
            let (from, to) = (FactId::new(*kind, from.iter().cloned()), FactId::new(*kind, to.iter().cloned()));
            if !before.iter().any(|fact| fact.id == from) {
                return Err(format!("{from} is not in the model that the plan starts from"));
            }
            if !after.iter().any(|fact| fact.id == to) {
                return Err(format!("{to} is not in the model that the plan leads to"));
            }
            if renamed.values().any(|other| *other == to) || renamed.insert(from.clone(), to).is_some_and(|_| true) {
                return Err(format!("{from} or its new name is in two renames"));
            }
        }
        // A table's rename lets its columns be compared, which may be renamed as well; nothing is deeper than three.
        for _ in 0..3 {
            let pairs = likeness::pairs(before, after, renamed.clone());
            let changes = diff_paired(before, after, &pairs);
            let hints = likeness::hints(&changes);
            let (taken, left): (Vec<_>, Vec<_>) =
                hints.into_iter().partition(|hint| self.accept_hints.is_some_and(|least| hint.confidence >= least));
            if taken.is_empty() {
                return Ok((changes, left));
            }
            renamed.extend(taken.into_iter().map(|hint| (hint.from, hint.to)));
        }
        let pairs = likeness::pairs(before, after, renamed);
        let changes = diff_paired(before, after, &pairs);
        let hints = likeness::hints(&changes);
        Ok((changes, hints))
    }
}
