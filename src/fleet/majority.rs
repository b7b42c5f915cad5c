//! What most databases are that no baseline selects, fact by fact. PURE.
//!
//! A fact is the majority's if more than half of the databases hold it just so. A fact that more than half do not have at
//! all is not the majority's, and unexpected where it is. Anything else (half have it and half have not, or most have it,
//! each otherwise) is undecided, and nobody's deviation. Where one model is held by more than half, that is the majority.
//!
//! Facts are counted by their hashes: what is kept in memory grows with what is different, not with the databases.

#![forbid(unsafe_code)]

use super::baseline::{Facts, Material};
use super::verdict::{Deviation, compare};
use crate::model::{Fact, FactId, Projection};
use std::collections::HashMap;

/// Of a fact's id, as far as it is counted.
type IdHash = [u8; 16];
/// Of a fact as it is kept.
pub type Content = [u8; 32];

fn id_hash(id: &FactId) -> IdHash {
    let mut hash = [0; 16];
    let whole = blake3::hash(serde_json::to_string(id).unwrap_or_default().as_bytes());
    hash.copy_from_slice(&whole.as_bytes()[..16]);
    hash
}

/// A model by the hashes of its facts.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// 16 bytes of each fact's id.
    pub ids: Vec<u8>,
    /// 32 bytes of each fact's content, in the same order.
    pub contents: Vec<u8>,
}

impl Outline {
    /// Adds a fact.
    pub fn push(&mut self, id: &FactId, content: &Content) {
        self.ids.extend_from_slice(&id_hash(id));
        self.contents.extend_from_slice(content);
    }

    fn entries(&self) -> impl Iterator<Item = (IdHash, Content)> {
        let ids = self.ids.chunks_exact(16).map(|id| id.try_into().unwrap_or_default());
        ids.zip(self.contents.chunks_exact(32).map(|content| content.try_into().unwrap_or_default()))
    }
}

/// How many databases hold what.
#[derive(Default)]
pub struct Ballot {
    databases: u64,
    contents: HashMap<Content, u64>,
    ids: HashMap<IdHash, u64>,
}

impl Ballot {
    /// So many databases are so.
    pub fn cast(&mut self, outline: &Outline, databases: u64) {
        self.databases += databases;
        for (id, content) in outline.entries() {
            *self.ids.entry(id).or_default() += databases;
            *self.contents.entry(content).or_default() += databases;
        }
    }

    /// What more than half of them hold, and not all.
    pub fn majority(&self) -> Vec<Content> {
        let most = |count: u64| count * 2 > self.databases && count < self.databases;
        let mut contents: Vec<Content> = self.contents.iter().filter(|(_, count)| most(**count)).map(|(content, _)| *content).collect();
        contents.sort_unstable();
        contents
    }

    /// What of a model not all of them hold.
    pub fn contested(&self, outline: &Outline) -> Vec<Content> {
        let all = |content: &Content| self.contents.get(content) == Some(&self.databases);
        outline.entries().map(|(_, content)| content).filter(|content| !all(content)).collect()
    }

    /// How a model differs from the majority, from what is contested of both.
    pub fn deviations(&self, majority: &Facts, own: &Facts) -> Vec<Deviation> {
        let rare = |fact: &Fact| self.ids.get(&id_hash(&fact.id)).is_none_or(|count| count * 2 < self.databases);
        let decided: Facts = own.iter().filter(|fact| majority.holds(&fact.id) || rare(fact)).cloned().collect();
        compare(&Material::bare(majority.clone(), Projection::content()), &decided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(columns: &[(&str, &str)]) -> Vec<Fact> {
        let mut facts = vec![json!({"kind": "schema", "path": ["s"]}), json!({"kind": "table", "path": ["s", "t"]})];
        let column = |(name, kind): &(&str, &str)| json!({"kind": "column", "path": ["s", "t", name], "attributes": {"type": kind}});
        facts.extend(columns.iter().map(column));
        serde_json::from_value(json!(facts)).unwrap()
    }

    /// The deviations of each of these models, in words.
    fn judged(models: &[(Vec<Fact>, u64)]) -> Vec<Vec<String>> {
        let mut ballot = Ballot::default();
        let mut known: HashMap<Content, Fact> = HashMap::new();
        let outlines: Vec<Outline> = models
            .iter()
            .map(|(facts, _)| {
                let mut outline = Outline::default();
                for fact in facts {
                    outline.push(&fact.id, &fact.hash());
                    known.insert(fact.hash(), fact.clone());
                }
                outline
            })
            .collect();
        models.iter().zip(&outlines).for_each(|((_, databases), outline)| ballot.cast(outline, *databases));
        let facts = |contents: Vec<Content>| -> Facts { contents.iter().map(|content| known[content].clone()).collect() };
        let majority = facts(ballot.majority());
        let of = |outline| ballot.deviations(&majority, &facts(ballot.contested(outline))).iter().map(Deviation::words).collect();
        outlines.iter().map(of).collect()
    }

    #[test]
    fn what_more_than_half_hold_is_expected() {
        let nothing = Vec::<String>::new();
        let base = [("a", "integer"), ("b", "text")];
        let found = judged(&[
            (model(&base), 5),
            (model(&base[..1]), 1),
            (model(&[("a", "bigint"), ("b", "text")]), 1),
            (model(&[("a", "integer"), ("b", "text"), ("c", "text")]), 1),
        ]);
        assert_eq!(found[0], nothing);
        assert_eq!(found[1], ["column s.t.b is missing"]);
        assert_eq!(found[2], ["column s.t.a differs in type"]);
        assert_eq!(found[3], ["column s.t.c is unexpected"]);
    }

    #[test]
    fn no_model_needs_to_be_the_majoritys() {
        // Each lacks another column: every one of them is there in two of three.
        let found = judged(&[
            (model(&[("b", "text"), ("c", "text")]), 1),
            (model(&[("a", "text"), ("c", "text")]), 1),
            (model(&[("a", "text"), ("b", "text")]), 1),
        ]);
        assert_eq!(found, [["column s.t.a is missing"], ["column s.t.b is missing"], ["column s.t.c is missing"]]);
    }

    #[test]
    fn what_is_undecided_is_nobodys_deviation() {
        let none = Vec::<String>::new();
        // Half have it.
        assert_eq!(judged(&[(model(&[("a", "text")]), 2), (model(&[]), 2)]), [none.clone(), none.clone()]);
        // All have it, each otherwise; whoever has it not lacks what nobody can say.
        let found =
            judged(&[(model(&[("a", "text")]), 1), (model(&[("a", "integer")]), 1), (model(&[("a", "bigint")]), 1), (model(&[]), 1)]);
        assert_eq!(found, vec![none.clone(); 4]);
        // One is by itself, two are alike or not: nothing to be told.
        assert!(judged(&[(model(&[("a", "text")]), 1)])[0].is_empty());
        assert_eq!(judged(&[(model(&[("a", "text")]), 1), (model(&[("a", "integer")]), 1)]), [none.clone(), none]);
    }
}
