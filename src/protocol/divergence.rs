//! Two histories that begin alike and go on apart: a source that was restored from a backup, or failed over
//! without its last changes, and a replica that has them.
//!
//! The source sends the ids of its versions ([`super::Inspect::trace`]); the replica answers with the newest
//! version that both have, and with what it has beyond it. The chain makes that exact: equal ids, equal pasts.

use super::message::{Event, Position};
use crate::diff::{Change, Operation};
use crate::model::FactId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Where a replica's history leaves the caller's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// The newest version of both; none where the replica was built from what the caller never had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<Position>,
    /// What the replica has beyond it, in order.
    #[serde(default)]
    pub versions: Vec<Alone>,
}

/// A version that only the replica has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alone {
    /// Where it stands in the replica's history.
    pub position: Position,
    /// When it was applied there, in words.
    pub at: String,
    /// It was skipped there, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Its events; none where the replica was built or led to it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
}

impl Alone {
    /// In words, for a person who has to decide: `4 (create table)`.
    pub fn words(&self) -> String {
        let what = match &self.events {
            None => "the whole schema".to_owned(),
            Some(events) => events.iter().map(|event| event.tag.to_lowercase()).collect::<Vec<_>>().join(", "),
        };
        format!("{} ({what})", self.position.version)
    }
}

/// What facts are called at the end of a history, by what they were called at its beginning.
#[derive(Debug, Default)]
pub struct Names {
    /// Now → then; `None` for what was made in between.
    then: HashMap<FactId, Option<FactId>>,
}

impl Names {
    /// Follows one event.
    pub fn follow(&mut self, changes: &[Change]) {
        // All that gives up its name goes first: two columns may swap theirs.
        let mut held: Vec<Option<FactId>> = Vec::with_capacity(changes.len());
        for change in changes {
            held.push(match &change.before {
                Some(before) if change.operation() != Some(Operation::Alter) => {
                    self.then.remove(&before.id).unwrap_or_else(|| Some(before.id.clone()))
                }
                _ => None,
            });
        }
        for (change, held) in changes.iter().zip(held) {
            match (change.operation(), &change.after) {
                (Some(Operation::Create), Some(after)) => self.then.insert(after.id.clone(), None),
                (Some(Operation::Rename), Some(after)) => self.then.insert(after.id.clone(), held),
                _ => None,
            };
        }
    }

    /// What it was called, where it was there.
    pub fn then(&self, now: &FactId) -> Option<FactId> {
        self.then.get(now).cloned().unwrap_or_else(|| Some(now.clone()))
    }

    /// What was renamed: then and now.
    pub fn renamed(&self) -> Vec<(FactId, FactId)> {
        let mut renamed: Vec<(FactId, FactId)> =
            self.then.iter().filter_map(|(now, then)| Some((then.clone()?, now.clone()))).filter(|(then, now)| then != now).collect();
        renamed.sort();
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Body, Fact, Kind, Name, Position};

    fn column(name: &str) -> Fact {
        Fact::new(FactId::new(Kind::Position, ["public", "t", name].map(Name::new)), Body::Position(Position { after: None }))
    }

    fn rename(from: &str, to: &str) -> Change {
        Change::alter(column(from), column(to))
    }

    #[test]
    fn renames_are_followed_through_swaps_drops_and_creations() {
        let mut names = Names::default();
        names.follow(&[rename("a", "b"), rename("b", "a")]);
        assert_eq!(names.then(&column("a").id), Some(column("b").id));
        names.follow(&[rename("a", "c")]);
        assert_eq!(names.renamed(), vec![(column("a").id, column("b").id), (column("b").id, column("c").id)]);
        names.follow(&[Change::drop(column("c")), Change::create(column("d"))]);
        names.follow(&[rename("d", "c")]);
        assert_eq!(names.then(&column("c").id), None, "made in between, whatever it is called");
        assert_eq!(names.renamed(), vec![(column("a").id, column("b").id)]);
        assert_eq!(names.then(&column("z").id), Some(column("z").id));
        names.follow(&[rename("b", "a")]);
        assert!(names.renamed().is_empty(), "back under its name");
    }
}
