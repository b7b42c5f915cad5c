//! All baselines with all their versions and variants, and the fingerprints that are known. PURE.
//!
//! A member is recognised by its fingerprint: first among those that versions have, then among those that were
//! met before. Only what is neither is compared fact by fact, with the version that it is nearest to.

#![forbid(unsafe_code)]

use super::baseline::{Baseline, Facts, Hashes, Material};
use super::mapping::Mapping;
use super::select::Selection;
use super::verdict::{Deviation, Standing, compare};
use crate::model::{Fact, FactHash, FactId, Fingerprint, LtHash, Projection};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Versions that are compared fact by fact, of those that a member is nearest to.
const CANDIDATES: usize = 3;

/// A baseline, all versions.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Who is held to it.
    pub selection: Selection,
    /// The versions in their order, oldest first. They share name and projection.
    pub editions: Vec<Edition>,
    by_fingerprint: HashMap<Fingerprint, Vec<usize>>,
    /// The editions that hold a fact.
    holders: HashMap<FactHash, Vec<u32>>,
}

/// One variant of one version.
#[derive(Clone, Debug)]
pub struct Edition {
    /// The version.
    pub version: String,
    /// Its place among the versions, from 0.
    pub ordinal: usize,
    /// None: the baseline itself.
    pub variant: Option<String>,
    /// It may still be met.
    pub permitted: bool,
    /// What is expected.
    pub material: Arc<Material>,
}

/// A version as it is put on the shelf.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its name.
    pub version: String,
    /// It may still be met when a later one is there.
    pub permitted: bool,
    /// What it says.
    pub baseline: Baseline,
}

/// What was found of a member.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Where it stands.
    pub standing: Standing,
    /// The edition that it is, or is nearest to.
    pub edition: usize,
    /// What differs from that.
    pub deviations: Vec<Deviation>,
    /// Objects of kinds that are not known.
    pub unmodelled: Vec<FactId>,
}

impl Series {
    /// Puts the versions, oldest first, on the shelf.
    pub fn new(name: String, selection: Selection, versions: Vec<Version>) -> Result<Self, String> {
        let mut series = Self { name, selection, editions: Vec::new(), by_fingerprint: HashMap::new(), holders: HashMap::new() };
        let last = versions.len().saturating_sub(1);
        let mut hashes = Hashes::default();
        for (ordinal, Version { version, permitted, baseline }) in versions.into_iter().enumerate() {
            for variant in baseline.variants() {
                let material = baseline.material_with(variant, &mut hashes).map_err(|why| format!("version {version}: {why}"))?;
                let edition = series.editions.len();
                series.by_fingerprint.entry(material.fingerprint).or_default().push(edition);
                for hash in &material.hashes {
                    series.holders.entry(*hash).or_default().push(edition as u32);
                }
                let (variant, material) = (variant.map(str::to_owned), Arc::new(material));
                series.editions.push(Edition {
                    version: version.clone(),
                    ordinal,
                    variant,
                    permitted: permitted || ordinal == last,
                    material,
                });
            }
        }
        Ok(series)
    }

    /// What is compared: that of the newest version.
    pub fn projection(&self) -> Projection {
        self.editions.last().map(|edition| edition.material.projection.clone()).unwrap_or_default()
    }

    /// The member's names: those of the newest version's variants must agree, or a variant must be chosen by the
    /// label `variant`.
    pub fn mapping(&self, labels: &Map<String, Value>) -> Result<Mapping, String> {
        let wanted = labels.get("variant").and_then(Value::as_str);
        let newest = self.editions.last().map_or(0, |edition| edition.ordinal);
        let of_newest = || self.editions.iter().filter(move |edition| edition.ordinal == newest);
        let edition = of_newest().find(|edition| wanted.is_some() && edition.variant.as_deref() == wanted).or_else(|| of_newest().next());
        edition.map_or_else(|| Ok(Mapping::default()), |edition| edition.material.mapping.resolved(labels))
    }

    fn standing(&self, edition: usize) -> Standing {
        if self.editions[edition].permitted { Standing::Conforms } else { Standing::Behind }
    }

    /// The edition that this is the fingerprint of; the newest, where there are several.
    pub fn known(&self, fingerprint: &Fingerprint, variant: Option<&str>) -> Option<usize> {
        let editions = self.by_fingerprint.get(fingerprint)?;
        let of_variant = editions.iter().rev().find(|edition| variant.is_some() && self.editions[**edition].variant.as_deref() == variant);
        of_variant.or(editions.last()).copied()
    }

    /// The verdict on a member that is exactly this edition.
    pub fn exactly(&self, edition: usize) -> Verdict {
        Verdict { standing: self.standing(edition), edition, deviations: Vec::new(), unmodelled: Vec::new() }
    }

    /// Judges a member by its facts, under the baseline's names. A variant that is asked for is the only one that is
    /// permitted. Of versions that it is equally near to, the one that it stood at last counts, then the newest.
    pub fn judge(&self, facts: &Facts, variant: Option<&str>, last: Option<&str>) -> Option<Verdict> {
        let projection = self.projection();
        let mut common = vec![0usize; self.editions.len()];
        for fact in facts.iter().filter(|fact| projection.mirrors(&fact.id)) {
            for edition in self.holders.get(&fact.hash()).into_iter().flatten() {
                common[*edition as usize] += 1;
            }
        }
        // What only the member has counts alike for all; what an edition has and the member has not, and what it has
        // and the edition has not, tell them apart.
        let distance = |edition: usize| self.editions[edition].material.hashes.len() as i64 - 2 * common[edition] as i64;
        let asked = variant.filter(|name| self.editions.iter().any(|edition| edition.variant.as_deref() == Some(*name)));
        let mut nearest: Vec<usize> =
            (0..self.editions.len()).filter(|edition| asked.is_none() || self.editions[*edition].variant.as_deref() == asked).collect();
        nearest.sort_by_key(|&edition| {
            let Edition { version, ordinal, .. } = &self.editions[edition];
            (distance(edition), last != Some(version.as_str()), std::cmp::Reverse(*ordinal))
        });
        let mut best: Option<Verdict> = None;
        for edition in nearest.into_iter().take(CANDIDATES) {
            let deviations = compare(&self.editions[edition].material, facts);
            let fewer = best.as_ref().is_none_or(|best| deviations.len() < best.deviations.len());
            if fewer {
                let standing = if deviations.is_empty() { self.standing(edition) } else { Standing::Deviates };
                best = Some(Verdict { standing, edition, deviations, unmodelled: Vec::new() });
            }
            if best.as_ref().is_some_and(|best| best.deviations.is_empty()) {
                break;
            }
        }
        let mut best = best?;
        best.unmodelled = self.editions[best.edition].material.unmodelled(facts).into_iter().cloned().collect();
        if best.standing == Standing::Conforms && !best.unmodelled.is_empty() {
            best.standing = Standing::Unmodelled;
        }
        Some(best)
    }
}

/// Facts under the baseline's names, by id, and the fingerprint of what is compared.
pub fn seen(facts: Vec<Fact>, mapping: &Mapping, projection: &Projection) -> Result<(Facts, Fingerprint), String> {
    let back = mapping.inverse();
    let mut sum = LtHash::default();
    let mut out = Vec::new();
    for fact in facts {
        let fact = if back.is_empty() { fact } else { back.apply(&fact).map_err(|error| format!("{}: {error}", fact.id))? };
        if projection.mirrors(&fact.id) {
            sum.add(&fact.hash());
        }
        out.push(fact);
    }
    Ok((out.into_iter().collect(), sum.fingerprint()))
}

/// The fingerprint of what is compared, of facts under the baseline's names.
pub fn sum(facts: &[Fact], projection: &Projection) -> Fingerprint {
    let mut sum = LtHash::default();
    facts.iter().filter(|fact| projection.mirrors(&fact.id)).for_each(|fact| sum.add(&fact.hash()));
    sum.fingerprint()
}

/// The name that most have, with how many that are; none where two are as frequent, or where nothing is met twice.
pub fn majority<T: Clone + Ord>(of: impl IntoIterator<Item = T>) -> Option<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for each in of {
        *counts.entry(each).or_default() += 1;
    }
    let mut ranked: Vec<(T, usize)> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    match ranked.as_slice() {
        [(_, first), (_, second), ..] if first == second => None,
        [(each, count), ..] if *count > 1 => Some((each.clone(), *count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::baseline::tests::shop;
    use super::*;
    use serde_json::json;

    fn version(name: &str, columns: &[&str], permitted: bool) -> Version {
        let mut facts = vec![json!({"kind": "schema", "path": ["s"]}), json!({"kind": "table", "path": ["s", "t"]})];
        facts.extend(columns.iter().map(|column| json!({"kind": "column", "path": ["s", "t", column], "attributes": {"type": "integer"}})));
        Version { version: name.to_owned(), permitted, baseline: Baseline::read(json!({"facts": facts})).unwrap() }
    }

    fn series() -> Series {
        let versions =
            vec![version("1", &["a"], false), version("2", &["a", "b"], true), version("3", &["a", "b", "c", "d", "e", "f"], false)];
        Series::new("s".to_owned(), Selection::default(), versions).unwrap()
    }

    fn bare(baseline: &Baseline) -> Vec<Fact> {
        baseline.facts.iter().map(|fact| (**fact).clone()).collect()
    }

    fn facts(columns: &[&str]) -> (Facts, Fingerprint) {
        seen(bare(&version("", columns, true).baseline), &Mapping::default(), &Projection::default()).unwrap()
    }

    #[test]
    fn versions_are_known_by_their_fingerprints() {
        let series = series();
        for (columns, version, standing) in [
            (&["a"][..], "1", Standing::Behind),
            (&["a", "b"], "2", Standing::Conforms),
            (&["a", "b", "c", "d", "e", "f"], "3", Standing::Conforms),
        ] {
            let (facts, fingerprint) = facts(columns);
            let edition = series.known(&fingerprint, None).unwrap();
            assert_eq!((series.editions[edition].version.as_str(), series.exactly(edition).standing), (version, standing));
            assert_eq!(series.judge(&facts, None, None).unwrap(), series.exactly(edition));
        }
    }

    #[test]
    fn what_deviates_is_compared_with_the_nearest() {
        let series = series();
        for (columns, version, words) in [
            (&["a", "x"][..], "1", "column s.t.x is unexpected"),
            (&["b"], "2", "column s.t.a is missing"),
            (&["a", "b", "c", "d", "e"], "3", "column s.t.f is missing"),
        ] {
            let verdict = series.judge(&facts(columns).0, None, None).unwrap();
            assert_eq!(verdict.standing, Standing::Deviates);
            assert_eq!(series.editions[verdict.edition].version, version, "{columns:?}");
            assert_eq!(verdict.deviations.iter().map(Deviation::words).collect::<Vec<_>>(), [words]);
        }
    }

    #[test]
    fn of_versions_equally_near_the_last_one_counts() {
        let versions = vec![version("1", &["a"], true), version("2", &["a", "b", "c"], true)];
        let series = Series::new("s".to_owned(), Selection::default(), versions).unwrap();
        let facts = facts(&["a", "b"]).0;
        let stood = |last| series.editions[series.judge(&facts, None, last).unwrap().edition].version.clone();
        assert_eq!((stood(None), stood(Some("1")), stood(Some("2"))), ("2".to_owned(), "1".to_owned(), "2".to_owned()));
    }

    #[test]
    fn a_variant_that_a_label_asks_for_is_the_only_one() {
        let baseline = Baseline::read(shop()).unwrap();
        let plain = bare(&baseline);
        let versions = vec![Version { version: "1".to_owned(), permitted: true, baseline }];
        let series = Series::new("shop".to_owned(), Selection::default(), versions).unwrap();
        let (facts, fingerprint) = seen(plain, &Mapping::default(), &Projection::default()).unwrap();
        assert_eq!(series.judge(&facts, None, None).unwrap().standing, Standing::Conforms);
        assert!(series.known(&fingerprint, None).is_some());
        let eu = series.judge(&facts, Some("eu"), None).unwrap();
        assert_eq!(eu.deviations.iter().map(Deviation::words).collect::<Vec<_>>(), ["column shop.orders.vat is missing"]);
    }

    #[test]
    fn names_are_led_back_before_anything_is_compared() {
        let mapping: Mapping = serde_json::from_value(json!({"schemas": {"s": "s_7"}})).unwrap();
        let there: Vec<Fact> = bare(&version("", &["a", "b"], true).baseline).iter().map(|fact| mapping.apply(fact).unwrap()).collect();
        let (_, fingerprint) = seen(there, &mapping, &Projection::default()).unwrap();
        assert!(series().known(&fingerprint, None).is_some());
    }

    #[test]
    fn an_unmodelled_object_is_said() {
        let id = FactId::new(crate::model::Kind::Unmodelled, ["cube", "x"]);
        let mut list = bare(&version("", &["a", "b"], true).baseline);
        list.push(Fact::new(id.clone(), crate::model::Unmodelled {}));
        let facts: Facts = list.into_iter().collect();
        let verdict = series().judge(&facts, None, None).unwrap();
        assert_eq!((verdict.standing, verdict.unmodelled), (Standing::Unmodelled, vec![id]));
    }

    #[test]
    fn the_majority() {
        assert_eq!(majority(["a", "b", "a"]), Some(("a", 2)));
        assert_eq!(majority(["a", "b", "a", "b"]), None);
        assert_eq!(majority(["a", "b"]), None);
        assert_eq!(majority(["a", "a"]), Some(("a", 2)));
    }
}
