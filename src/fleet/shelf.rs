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
use std::collections::HashMap;
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
    /// The majors that word each version.
    majors: Vec<Vec<Option<u32>>>,
}

/// One variant of one version, as the servers of one major word it.
#[derive(Clone, Debug)]
pub struct Edition {
    /// The version.
    pub version: String,
    /// Its place among the versions, from 0.
    pub ordinal: usize,
    /// Whose servers worded it, where that is known.
    pub major: Option<u32>,
    /// None: the baseline itself.
    pub variant: Option<String>,
    /// It may still be met.
    pub permitted: bool,
    /// What is expected.
    pub material: Arc<Material>,
}

/// A version as one major's servers word it, as it is put on the shelf.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its name; those of one name follow each other.
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
        let mut series =
            Self { name, selection, editions: Vec::new(), by_fingerprint: HashMap::new(), holders: HashMap::new(), majors: Vec::new() };
        let mut hashes = Hashes::default();
        let mut ordinal = 0;
        for Version { version, permitted, baseline } in versions {
            if series.editions.last().is_some_and(|last| last.version != version) {
                ordinal += 1;
            }
            for variant in baseline.variants() {
                let material = baseline.material_with(variant, &mut hashes).map_err(|why| format!("version {version}: {why}"))?;
                let edition = series.editions.len();
                series.by_fingerprint.entry(material.fingerprint).or_default().push(edition);
                for hash in &material.hashes {
                    series.holders.entry(*hash).or_default().push(edition as u32);
                }
                let (variant, material) = (variant.map(str::to_owned), Arc::new(material));
                series.editions.push(Edition { version: version.clone(), ordinal, major: baseline.major, variant, permitted, material });
            }
        }
        series.editions.iter_mut().filter(|edition| edition.ordinal == ordinal).for_each(|edition| edition.permitted = true);
        for edition in &series.editions {
            series.majors.resize(ordinal + 1, Vec::new());
            let majors = &mut series.majors[edition.ordinal];
            if !majors.contains(&edition.major) {
                majors.push(edition.major);
            }
        }
        Ok(series)
    }

    /// Whether this edition is the one of its version that a member of a major is held to; any is, where its major is
    /// not known.
    fn is_for(&self, edition: usize, major: Option<u32>) -> bool {
        let Edition { ordinal, major: worded, .. } = &self.editions[edition];
        major.is_none_or(|major| nearest_major(&self.majors[*ordinal], major) == *worded)
    }

    /// Whether versions are worded by several majors, so that a fingerprint alone does not tell.
    pub fn tells_majors(&self) -> bool {
        self.majors.iter().any(|majors| majors.len() > 1)
    }

    /// A variant of a version as a member of this major is held to it.
    pub fn edition(&self, version: &str, variant: Option<&str>, major: Option<u32>) -> Option<&Edition> {
        let named = |edition: &&Edition| edition.version == version && edition.variant.as_deref() == variant;
        (0..self.editions.len()).filter(|edition| self.is_for(*edition, major)).map(|edition| &self.editions[edition]).find(named)
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

    /// The edition that this is the fingerprint of, among those for a member's major; the newest, where there are several.
    pub fn known(&self, fingerprint: &Fingerprint, variant: Option<&str>, major: Option<u32>) -> Option<usize> {
        let all = self.by_fingerprint.get(fingerprint)?.iter();
        let editions: Vec<&usize> = all.filter(|edition| self.is_for(**edition, major)).collect();
        let of_variant = editions.iter().rev().find(|edition| variant.is_some() && self.editions[***edition].variant.as_deref() == variant);
        of_variant.or(editions.last()).map(|edition| **edition)
    }

    /// The verdict on a member that is exactly this edition.
    pub fn exactly(&self, edition: usize) -> Verdict {
        Verdict { standing: self.standing(edition), edition, deviations: Vec::new(), unmodelled: Vec::new() }
    }

    /// Judges a member by its facts, under the baseline's names. A variant that is asked for is the only one that is
    /// permitted, and a member of a major is held to how that words it. Of versions that it is equally near to, the one
    /// that it stood at last counts, then the newest.
    pub fn judge(&self, facts: &Facts, variant: Option<&str>, last: Option<&str>, major: Option<u32>) -> Option<Verdict> {
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
        let may = |edition: &usize| asked.is_none() || self.editions[*edition].variant.as_deref() == asked;
        let mut nearest: Vec<usize> = (0..self.editions.len()).filter(|edition| may(edition) && self.is_for(*edition, major)).collect();
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

/// Of the majors that word a version, the one that a server of this major is held to: its own, else what is nobody's, else
/// the next, the older of two.
pub fn nearest_major(majors: &[Option<u32>], major: u32) -> Option<u32> {
    majors
        .iter()
        .copied()
        .min_by_key(|worded| worded.map_or((1, 0), |worded| (if worded == major { 0 } else { 1 + worded.abs_diff(major) }, worded)))
        .flatten()
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
            let edition = series.known(&fingerprint, None, None).unwrap();
            assert_eq!((series.editions[edition].version.as_str(), series.exactly(edition).standing), (version, standing));
            assert_eq!(series.judge(&facts, None, None, None).unwrap(), series.exactly(edition));
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
            let verdict = series.judge(&facts(columns).0, None, None, None).unwrap();
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
        let stood = |last| series.editions[series.judge(&facts, None, last, None).unwrap().edition].version.clone();
        assert_eq!((stood(None), stood(Some("1")), stood(Some("2"))), ("2".to_owned(), "1".to_owned(), "2".to_owned()));
    }

    #[test]
    fn a_member_is_held_to_how_its_major_words_a_version() {
        let worded = |version: &str, major: Option<u32>, definition: &str| {
            let view = json!({"kind": "view", "path": ["s", "v"], "attributes": {"definition": definition, "columns": []}});
            let baseline = Baseline::read(json!({"major": major, "facts": [{"kind": "schema", "path": ["s"]}, view]})).unwrap();
            Version { version: version.to_owned(), permitted: false, baseline }
        };
        let versions = vec![
            worded("1", None, "SELECT 1"),
            worded("2", Some(15), "SELECT t.a FROM t"),
            worded("2", Some(17), "SELECT a FROM t"),
            worded("3", Some(15), "SELECT t.b FROM t"),
        ];
        let series = Series::new("s".to_owned(), Selection::default(), versions.clone()).unwrap();
        let of = |version: usize| seen(bare(&versions[version].baseline), &Mapping::default(), &Projection::default()).unwrap();
        let stands = |version: usize, major| {
            let (facts, fingerprint) = of(version);
            let verdict = series.judge(&facts, None, None, major).unwrap();
            let known = series.known(&fingerprint, None, major).map(|edition| series.editions[edition].version.as_str());
            assert_eq!(known.is_some(), verdict.standing != Standing::Deviates, "{version} {major:?}");
            (series.editions[verdict.edition].version.as_str(), verdict.standing)
        };
        // Its own major's words, or the nearest.
        assert_eq!(stands(1, Some(15)), ("2", Standing::Behind));
        assert_eq!(stands(2, Some(17)), ("2", Standing::Behind));
        assert_eq!(stands(2, Some(18)), ("2", Standing::Behind));
        assert_eq!(stands(3, Some(17)), ("3", Standing::Conforms));
        // Another major's words are not what it is held to.
        assert_eq!(stands(2, Some(15)).1, Standing::Deviates);
        assert_eq!(stands(1, Some(17)).1, Standing::Deviates);
        // Whose major is not known may be any.
        assert_eq!((stands(1, None), stands(2, None)), (("2", Standing::Behind), ("2", Standing::Behind)));
        assert_eq!(series.edition("2", None, Some(16)).unwrap().major, Some(15));
        assert_eq!(
            [&[None, Some(18)][..], &[Some(18)], &[Some(14), Some(16)], &[Some(15), None]].map(|all| nearest_major(all, 15)),
            [None, Some(18), Some(14), Some(15)]
        );
    }

    #[test]
    fn a_variant_that_a_label_asks_for_is_the_only_one() {
        let baseline = Baseline::read(shop()).unwrap();
        let plain = bare(&baseline);
        let versions = vec![Version { version: "1".to_owned(), permitted: true, baseline }];
        let series = Series::new("shop".to_owned(), Selection::default(), versions).unwrap();
        let (facts, fingerprint) = seen(plain, &Mapping::default(), &Projection::default()).unwrap();
        assert_eq!(series.judge(&facts, None, None, None).unwrap().standing, Standing::Conforms);
        assert!(series.known(&fingerprint, None, None).is_some());
        let eu = series.judge(&facts, Some("eu"), None, None).unwrap();
        assert_eq!(eu.deviations.iter().map(Deviation::words).collect::<Vec<_>>(), ["column shop.orders.vat is missing"]);
    }

    #[test]
    fn names_are_led_back_before_anything_is_compared() {
        let mapping: Mapping = serde_json::from_value(json!({"schemas": {"s": "s_7"}})).unwrap();
        let there: Vec<Fact> = bare(&version("", &["a", "b"], true).baseline).iter().map(|fact| mapping.apply(fact).unwrap()).collect();
        let (_, fingerprint) = seen(there, &mapping, &Projection::default()).unwrap();
        assert!(series().known(&fingerprint, None, None).is_some());
    }

    #[test]
    fn an_unmodelled_object_is_said() {
        let id = FactId::new(crate::model::Kind::Unmodelled, ["cube", "x"]);
        let mut list = bare(&version("", &["a", "b"], true).baseline);
        list.push(Fact::new(id.clone(), crate::model::Unmodelled {}));
        let facts: Facts = list.into_iter().collect();
        let verdict = series().judge(&facts, None, None, None).unwrap();
        assert_eq!((verdict.standing, verdict.unmodelled), (Standing::Unmodelled, vec![id]));
    }
}
