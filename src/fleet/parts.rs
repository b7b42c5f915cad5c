//! What clients see of databases of which they were granted a part: both the database and its baseline are looked at
//! through the grant's scope, and what differs then is told. Nothing else of such a database leaves the fleet.

use super::baseline::{Baseline, Facts};
use super::conform::{deviations, rebuilt};
use super::members::{self, ids};
use super::rights::{Operation, Reach, Rights};
use super::scope::{Part, Scope};
use super::store;
use super::verdict::Deviation;
use crate::error::Result;
use crate::model::Fact;
use crate::pg::spi::{Arg, Cells, See, Spi};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A difference as it is seen through a scope.
pub struct Piece {
    /// `accord.fleet_member.id`
    pub member: i64,
    /// The member's name.
    pub name: String,
    /// Of what it differs from.
    pub baseline: String,
    /// The version of it, and the variant.
    pub version: String,
    /// The variant.
    pub variant: Option<String>,
    /// The member's major.
    pub major: Option<u32>,
    /// Of the whole difference, in hexadecimal digits.
    pub hash: String,
    /// As it is shown.
    pub shown: Deviation,
    /// With its texts, for a plan.
    pub bare: Deviation,
    /// Through which it is seen.
    pub scope: Scope,
}

/// A verdict as it is seen through scopes.
pub struct Seen {
    /// `accord.fleet_member.id`
    pub member: i64,
    /// Name.
    pub baseline: String,
    /// The version that it is nearest to.
    pub version: Option<String>,
    /// Where the part of the database stands.
    pub standing: String,
    /// How many differences are seen.
    pub deviations: i64,
    /// Of what is seen, in hexadecimal digits.
    pub fingerprint: Option<String>,
}

/// Name, version (the newest, where none is named) and major.
type Wanted = (String, Option<String>, Option<u32>);

/// Versions of baselines as majors word them, each loaded once.
#[derive(Default)]
pub struct Loaded(HashMap<Wanted, Option<Arc<Baseline>>>);

impl Loaded {
    /// A version; none, where it is gone.
    pub fn version(&mut self, spi: &Spi, name: &str, version: &str, major: Option<u32>) -> Option<Arc<Baseline>> {
        self.load(spi, name, Some(version), major)
    }

    /// The newest one.
    pub fn newest(&mut self, spi: &Spi, name: &str) -> Option<Arc<Baseline>> {
        self.load(spi, name, None, None)
    }

    fn load(&mut self, spi: &Spi, name: &str, version: Option<&str>, major: Option<u32>) -> Option<Arc<Baseline>> {
        let load = || store::load(spi, name, version, major).ok().map(|(_, read)| Arc::new(read));
        self.0.entry((name.to_owned(), version.map(str::to_owned), major)).or_insert_with(load).clone()
    }
}

/// A scope on a database that differs so from a version.
pub fn part(scope: &Scope, baseline: &Baseline, found: &[Deviation]) -> Part {
    let overlays = baseline.rules.variants.values().flat_map(|variant| &variant.facts);
    let differing = found.iter().flat_map(|each| each.expected.iter().chain(&each.actual));
    scope.part(baseline.facts.iter().map(|fact| &**fact).chain(overlays).chain(differing))
}

/// What the caller sees of the databases of which it may see parts only.
pub fn seen(spi: &Spi, rights: &Rights) -> Result<(Vec<Piece>, Vec<Seen>)> {
    let (mut pieces, mut verdicts) = (Vec::new(), Vec::new());
    if rights.sees_all() {
        return Ok((pieces, verdicts));
    }
    let mut scopes: HashMap<i64, Vec<Scope>> = HashMap::new();
    let all = members::all(spi)?;
    for member in &all {
        if let Reach::Parts(parts) = rights.reach(Operation::Inspect, member) {
            scopes.insert(member.id, parts);
        }
    }
    if scopes.is_empty() {
        return Ok((pieces, verdicts));
    }
    let own = ids(all.iter().filter(|member| scopes.contains_key(&member.id)));
    let rows = spi.query(
        &format!("SELECT v.member, m.name, v.baseline, v.standing, v.version, v.variant,
                (SELECT bool_or(b.permitted) OR max(b.ordinal) = (SELECT max(l.ordinal) FROM accord.fleet_baseline l WHERE l.name = v.baseline)
                   FROM accord.fleet_baseline b WHERE b.name = v.baseline AND b.version = v.version),
                (SELECT string_agg(encode(d.hash, 'hex'), ',' ORDER BY d.hash) FROM accord.fleet_deviation d WHERE d.member = v.member AND d.baseline = v.baseline),
                {}
           FROM accord.fleet_verdict v JOIN accord.fleet_member m ON m.id = v.member WHERE m.id = ANY ($1::bigint[]) ORDER BY m.name, v.baseline", store::MAJOR),
        &[Arg::Texts(&own)],
        See::Latest,
    )?;
    let hashes_of = |text: String| -> Vec<String> { text.split(',').filter(|hash| !hash.is_empty()).map(str::to_owned).collect() };
    let mut hashes: Vec<String> = rows.iter().flat_map(|row| hashes_of(row.text(7))).collect();
    hashes.sort();
    hashes.dedup();
    let known: HashMap<String, Deviation> = deviations(spi, &hashes)?;
    let mut loaded = Loaded::default();
    for row in &rows {
        let (member, baseline) = (row.int(0), row.text(2));
        let (standing, version) = (row.text(3), row.maybe_text(4));
        let mut verdict = Seen { member, baseline: baseline.clone(), version, standing, deviations: 0, fingerprint: None };
        // That all of it is otherwise than others are says nothing of a part.
        if baseline.is_empty() {
            "unheld".clone_into(&mut verdict.standing);
        }
        let major = store::major_of(row, 8);
        let version = verdict.version.clone().and_then(|version| Some((loaded.version(spi, &baseline, &version, major)?, version)));
        if let Some((document, version)) = version {
            let variant = row.maybe_text(5);
            let hashes = hashes_of(row.text(7));
            let found: Vec<Deviation> = hashes.iter().filter_map(|hash| known.get(hash).cloned()).collect();
            let parts: Vec<Part> = scopes[&member].iter().map(|scope| part(scope, &document, &found)).collect();
            let before = pieces.len();
            let Ok(material) = document.material(variant.as_deref()) else { continue };
            let facts = rebuilt(&material, &document, &found);
            for (part, scope) in parts.iter().zip(&scopes[&member]) {
                for (bare, shown) in part.differences(&material, &facts) {
                    let about = |hash: &&String| known.get(*hash).is_some_and(|whole| concerns(whole, &bare));
                    let Some(hash) = hashes.iter().find(about).cloned() else { continue };
                    if pieces[before..].iter().any(|piece: &Piece| piece.shown == shown) {
                        continue;
                    }
                    pieces.push(Piece {
                        member,
                        name: row.text(1),
                        baseline: baseline.clone(),
                        version: version.clone(),
                        variant: variant.clone(),
                        major,
                        hash,
                        shown,
                        bare,
                        scope: scope.clone(),
                    });
                }
            }
            verdict.deviations = (pieces.len() - before) as i64;
            if verdict.deviations > 0 {
                "deviates".clone_into(&mut verdict.standing);
            } else if matches!(verdict.standing.as_str(), "deviates" | "unmodelled") {
                if row.bool(6) { "conforms" } else { "behind" }.clone_into(&mut verdict.standing);
            }
            verdict.fingerprint = Some(fingerprint(&parts, &facts));
        }
        verdicts.push(verdict);
    }
    Ok((pieces, verdicts))
}

/// Whether a difference is, or holds, what is seen of it.
fn concerns(whole: &Deviation, seen: &Deviation) -> bool {
    whole.id == seen.id || whole.expected.iter().chain(&whole.actual).any(|fact| fact.id == seen.id)
}

/// Of what is seen through several scopes.
fn fingerprint(parts: &[Part], facts: &Facts) -> String {
    let mut shown: BTreeSet<[u8; 32]> = BTreeSet::new();
    for part in parts {
        shown.extend(facts.iter().filter(|fact| part.holds(fact)).map(|fact| part.shown(fact).hash()));
    }
    let mut sum = crate::model::LtHash::default();
    for hash in &shown {
        sum.add(hash);
    }
    sum.fingerprint().to_string()
}

/// Whether a difference lies wholly in one of these scopes.
pub fn within(spi: &Spi, scopes: &[Scope], hash: &str) -> Result<bool> {
    let hashes = [hash.to_owned()];
    let Some(whole) = deviations(spi, &hashes)?.remove(hash) else { return Ok(false) };
    let rows =
        spi.query("SELECT d.baseline FROM accord.fleet_difference d WHERE encode(d.hash, 'hex') = $1", &[Arg::Text(hash)], See::Latest)?;
    let Some(row) = rows.first() else { return Ok(false) };
    let Ok((_, document)) = store::load(spi, &row.text(0), None, None) else { return Ok(false) };
    let found = [whole];
    let facts = || found[0].expected.iter().chain(&found[0].actual);
    Ok(scopes.iter().any(|scope| {
        let part = part(scope, &document, &found);
        facts().all(|fact: &Fact| part.holds(fact))
    }))
}
