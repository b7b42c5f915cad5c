//! Leading members to a baseline: one database, then a tenth, then the rest; the first failure stops it. Each member
//! is one row of the journal, done or not, and what is not done is taken up again after a restart.

use super::baseline::{Baseline, Facts, Material};
use super::copies;
use super::mapping::Mapping;
use super::members::{self, nudge};
use super::parts::Loaded;
use super::rights::{Operation, Rights};
use super::scope::{Part, Scope};
use super::store;
use super::verdict::{Deviation, Difference, compare};
use super::watch::mend;
use super::watch::work::Copy;
use crate::error::{Error, Result};
use crate::model::{Fact, FactId, Fingerprint};
use crate::pg::process;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::Step;
use crate::protocol::Span;
use crate::worker::messages::Cause;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How somebody wants it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The version; the newest, where none is named.
    pub version: Option<String>,
    /// Only what is missing is made; nothing is altered or dropped.
    pub additive: bool,
    /// Longest wait for a lock, each time.
    pub lock_timeout: Span,
}

impl Default for Options {
    fn default() -> Self {
        Self { version: None, additive: false, lock_timeout: Span::from_millis(2000) }
    }
}

/// What leads some members to the baseline.
pub struct Course {
    /// Their names.
    pub databases: Vec<String>,
    /// The statements, under the baseline's names.
    pub steps: Vec<Step>,
    /// Why there are none.
    pub obstacle: Option<String>,
}

/// A member that is to be led.
struct Candidate {
    id: i64,
    name: String,
    version: String,
    variant: Option<String>,
    major: Option<u32>,
    hashes: Vec<String>,
    /// In which it may be led there; none: by whatever leads there.
    scopes: Vec<Scope>,
}

/// Where a member stands: the version that it is nearest to, its variant, its major, the hashes of what differs, and the
/// scopes that were granted of it.
type Place = (String, Option<String>, Option<u32>, Vec<String>, Vec<Scope>);

/// Those of a selection that the caller may lead there.
fn candidates(spi: &Spi, rights: &Rights, selection: &str, baseline: &str, target: &str) -> Result<Vec<Candidate>> {
    let mut scopes: HashMap<i64, Vec<Scope>> = HashMap::new();
    let mut selected = members::selected(spi, &members::selection(selection)?)?;
    selected.retain(|member| {
        let granted = rights.conforms(member, baseline);
        granted.map(|granted| scopes.insert(member.id, granted)).is_some()
    });
    let ids = members::ids(&selected);
    let rows = spi.query(
        &format!("SELECT m.id, m.name, v.version, v.variant,
                (SELECT string_agg(encode(d.hash, 'hex'), ',' ORDER BY d.hash) FROM accord.fleet_deviation d WHERE d.member = m.id AND d.baseline = $2),
                {}
           FROM accord.fleet_member m JOIN accord.fleet_verdict v ON v.member = m.id AND v.baseline = $2
          WHERE m.id = ANY ($1::bigint[]) AND m.conninfo IS NOT NULL AND v.version IS NOT NULL AND (v.standing = 'deviates' OR v.version <> $3)
          ORDER BY m.name", store::MAJOR),
        &[Arg::Texts(&ids), Arg::Text(baseline), Arg::Text(target)],
        See::Latest,
    )?;
    let candidates = rows
        .iter()
        .map(|row| Candidate {
            id: row.int(0),
            name: row.text(1),
            version: row.text(2),
            variant: row.maybe_text(3),
            major: store::major_of(row, 5),
            hashes: row.text(4).split(',').filter(|hash| !hash.is_empty()).map(str::to_owned).collect(),
            scopes: scopes.remove(&row.int(0)).unwrap_or_default(),
        })
        .collect();
    Ok(candidates)
}

/// The facts of a member, rebuilt from the version that it is nearest to and from what differs.
pub fn rebuilt(material: &Material, baseline: &Baseline, deviations: &[Deviation]) -> Facts {
    let mut facts: BTreeMap<&FactId, Arc<Fact>> = baseline.facts.iter().map(|fact| (&fact.id, fact.clone())).collect();
    facts.extend(material.expected.iter().map(|fact| (&fact.id, fact.clone())));
    for deviation in deviations {
        for fact in &deviation.expected {
            facts.remove(&fact.id);
        }
        for fact in &deviation.actual {
            facts.insert(&fact.id, Arc::new(fact.clone()));
        }
    }
    // What a variant has not: only what is expected stands, beside the order of columns and what was found.
    let found: std::collections::HashSet<&FactId> = deviations.iter().flat_map(|each| &each.actual).map(|fact| &fact.id).collect();
    let stands = |fact: &Fact| material.expected.holds(&fact.id) || found.contains(&fact.id) || !material.projection.mirrors(&fact.id);
    facts.into_values().filter(|fact| stands(fact)).collect()
}

/// The steps that lead a member from where it stands to a material, under the baseline's names; with scopes, as far as
/// they reach.
pub fn course(
    from: (&Baseline, Option<&str>),
    deviations: &[Deviation],
    target: &Material,
    additive: bool,
    scopes: &[Scope],
) -> std::result::Result<Vec<Step>, String> {
    let material = from.0.material(from.1)?;
    let facts = rebuilt(&material, from.0, deviations);
    let limits = Limits::new(scopes, &facts, target);
    let wanted: Vec<Deviation> = compare(target, &facts)
        .into_iter()
        .filter(|each| (!additive || each.difference == Difference::Missing) && limits.mends(each))
        .collect();
    let list: Vec<Fact> = facts.iter().map(|fact| (**fact).clone()).collect();
    let mut steps = mend::plan(target, &Mapping::default(), &list, &wanted).map_err(|why| limits.reason(why))?.steps;
    limits.check(&steps, &Mapping::default())?;
    for step in &mut steps {
        limits.parts.iter().for_each(|part| part.mask(step));
    }
    Ok(steps)
}

/// Why a scope does not do.
const OUTSIDE: &str = "what it takes is not all within the scope that was granted";

/// The scopes within which a member is led somewhere.
pub struct Limits<'a> {
    parts: Vec<Part>,
    /// They are of parts of databases.
    narrow: bool,
    /// What is there, and what is to be.
    facts: [&'a Facts; 2],
}

impl<'a> Limits<'a> {
    /// Of a member with these facts.
    pub fn new(scopes: &[Scope], facts: &'a Facts, target: &'a Material) -> Self {
        let both = || facts.iter().chain(&target.expected).map(|fact| &**fact);
        Self {
            parts: scopes.iter().map(|scope| scope.part(both())).collect(),
            narrow: scopes.iter().any(|scope| !scope.is_whole()),
            facts: [facts, &target.expected],
        }
    }

    /// Whether a difference may be mended.
    pub fn mends(&self, deviation: &Deviation) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| part.mends(deviation))
    }

    /// What hangs on an object is made anew with it, and may lie elsewhere. The steps' names become the baseline's.
    pub fn check(&self, steps: &[Step], back: &Mapping) -> std::result::Result<(), String> {
        let within = |step: &Step| self.parts.iter().any(|part| step.facts.iter().all(|id| part.covers(&back.id(id), &self.facts)));
        if self.parts.is_empty() || steps.iter().all(within) {
            return Ok(());
        }
        Err(OUTSIDE.to_owned())
    }

    /// Why there is no plan, as it is shown: what stands in the way can lie elsewhere.
    fn reason(&self, why: String) -> String {
        if self.narrow { OUTSIDE.to_owned() } else { why }
    }
}

/// Differences by their hashes in hexadecimal digits.
pub fn deviations(spi: &Spi, hashes: &[String]) -> Result<HashMap<String, Deviation>> {
    let rows = spi.query(
        "SELECT h.hash, d.deviation::text FROM unnest($1) h (hash) JOIN accord.fleet_difference d ON d.hash = decode(h.hash, 'hex')",
        &[Arg::Texts(hashes)],
        See::Latest,
    )?;
    rows.iter().map(|row| Ok((row.text(0), serde_json::from_str(&row.text(1))?))).collect()
}

/// `accord.conform`: the courses, one for each group of members that stand alike; without `dry_run`, they are taken.
pub fn conform(spi: &Spi, selection: &str, baseline: &str, dry_run: bool, options: &Value) -> Result<(Option<i64>, Vec<Course>)> {
    let options: Options = Options::deserialize(options).map_err(|error| {
        Error::invalid("the options cannot be read")
            .detail(format!("{error}."))
            .hint("Options are e.g. {\"version\": \"2.4\", \"additive\": true, \"lock_timeout\": \"2s\"}.")
    })?;
    let rights = Rights::of_caller(spi)?;
    // What a role may lead nobody to is not there for it.
    if !rights.administers() && !members::all(spi)?.iter().any(|member| rights.conforms(member, baseline).is_some()) {
        return Err(store::unknown(baseline, None));
    }
    let version = store::load(spi, baseline, options.version.as_deref(), None)?.0;
    if !rights.administers() && !store::is_permitted(spi, baseline, &version)? {
        return Err(store::unknown(baseline, Some(&version)));
    }
    let candidates = candidates(spi, &rights, selection, baseline, &version)?;
    let mut groups: BTreeMap<Place, Vec<&Candidate>> = BTreeMap::new();
    for candidate in &candidates {
        let place =
            (candidate.version.clone(), candidate.variant.clone(), candidate.major, candidate.hashes.clone(), candidate.scopes.clone());
        groups.entry(place).or_default().push(candidate);
    }
    let mut loaded = Loaded::default();
    let mut courses = Vec::new();
    for ((from, variant, major, hashes, scopes), group) in groups {
        let mut load = |version: &str| loaded.version(spi, baseline, version, major).ok_or_else(|| store::unknown(baseline, Some(version)));
        let (start, target) = (load(&from)?, load(&version)?);
        let found = deviations(spi, &hashes)?;
        let found: Vec<Deviation> = hashes.iter().filter_map(|hash| found.get(hash).cloned()).collect();
        let steps = target
            .material(variant.as_deref())
            .and_then(|target| course((&start, variant.as_deref()), &found, &target, options.additive, &scopes));
        let (steps, obstacle) = match steps {
            Ok(steps) => (steps, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        courses.push(Course { databases: group.iter().map(|each| each.name.clone()).collect(), steps, obstacle });
    }
    if dry_run || candidates.is_empty() {
        return Ok((None, courses));
    }
    if let Some(course) = courses.iter().find(|course| course.obstacle.is_some()) {
        let why = course.obstacle.clone().unwrap_or_default();
        return Err(Error::state(format!("no plan leads {} to baseline \"{baseline}\"", course.databases.join(", ")))
            .detail(format!("{why}."))
            .hint("Select the others, or bring these about by hand."));
    }
    let begun = Begun { selection, baseline, version: &version, options: &options, copy: None, by: &rights.who };
    let id = begin(spi, &begun, candidates.iter().map(|candidate| (candidate.id, &candidate.scopes[..])))?;
    rights.record(spi, "conform", &serde_json::json!({"conform": id, "selection": selection, "baseline": baseline, "version": version}))?;
    Ok((Some(id), courses))
}

/// A mending that begins.
pub struct Begun<'a> {
    /// Of which databases.
    pub selection: &'a str,
    /// To which baseline; empty for a copy of grants.
    pub baseline: &'a str,
    /// The version.
    pub version: &'a str,
    /// How.
    pub options: &'a Options,
    /// What is copied instead.
    pub copy: Option<&'a Value>,
    /// Who asked.
    pub by: &'a str,
}

/// Writes down what is to be done with which members, and in which scopes.
pub fn begin<'s>(spi: &Spi, begun: &Begun, members: impl ExactSizeIterator<Item = (i64, &'s [Scope])>) -> Result<i64> {
    let rows = spi.query(
        "INSERT INTO accord.fleet_conform (baseline, version, selection, options, requested_by, copy) VALUES ($1, $2, $3, $4::jsonb, $5, $6::json) RETURNING id",
        &[
            Arg::Text(begun.baseline),
            Arg::Text(begun.version),
            Arg::Text(begun.selection),
            Arg::Text(&serde_json::to_string(begun.options)?),
            Arg::Text(begun.by),
            Arg::MaybeText(begun.copy.map(ToString::to_string).as_deref()),
        ],
        See::Transaction,
    )?;
    let id = rows.first().map_or(0, |row| row.int(0));
    let tenth = members.len().div_ceil(10);
    for (i, (member, scopes)) in members.enumerate() {
        let wave = if i == 0 {
            1
        } else if i <= tenth {
            2
        } else {
            3
        };
        spi.run(
            "INSERT INTO accord.fleet_conform_member (conform, member, wave, scopes) VALUES ($1, $2, $3::int, $4::json)",
            &[Arg::Int(id), Arg::Int(member), Arg::Int(wave), Arg::Text(&serde_json::to_string(scopes)?)],
        )?;
    }
    nudge();
    Ok(id)
}

/// A member whose turn it is.
pub struct Next {
    /// `accord.fleet_conform.id`
    pub conform: i64,
    /// `accord.fleet_member.id`
    pub member: i64,
    /// How it is reached.
    pub conninfo: String,
    /// Its labels.
    pub labels: Map<String, Value>,
    /// Its variant.
    pub variant: Option<String>,
    /// Baseline.
    pub baseline: String,
    /// Version.
    pub version: String,
    /// What is copied instead.
    pub copy: Option<Copy>,
    /// Only what is missing.
    pub additive: bool,
    /// Only within these; none: whatever leads there.
    pub scopes: Vec<Scope>,
    /// Longest wait for a lock.
    pub lock_timeout: Duration,
}

/// Called when a watch begins: what was under way when the last one ended is done again, from what is there.
pub fn resume(spi: &Spi) -> Result<()> {
    spi.run("UPDATE accord.fleet_conform_member SET state = 'waiting' WHERE state = 'running'", &[])
}

/// Whose turn it is: nobody's of a later wave before all of the earlier ones are done, and nobody's after a failure.
pub fn next(spi: &Spi, limit: i64) -> Result<Vec<Next>> {
    let rows = spi.query(
        "UPDATE accord.fleet_conform_member t SET state = 'running', begun_at = clock_timestamp()
           FROM (SELECT x.conform, x.member FROM accord.fleet_conform_member x JOIN accord.fleet_conform c ON c.id = x.conform
                  WHERE c.state = 'running' AND x.state = 'waiting'
                    AND NOT EXISTS (SELECT FROM accord.fleet_conform_member o WHERE o.conform = x.conform AND (o.state = 'failed' OR o.wave < x.wave AND o.state <> 'done'))
                  ORDER BY x.conform, x.wave, x.member LIMIT $1) n,
                accord.fleet_conform c, accord.fleet_member m
          WHERE t.conform = n.conform AND t.member = n.member AND c.id = t.conform AND m.id = t.member
      RETURNING t.conform, t.member, m.conninfo, m.labels::text, c.baseline, c.version, c.options::text,
                (SELECT v.variant FROM accord.fleet_verdict v WHERE v.member = m.id AND v.baseline = c.baseline), t.scopes::text,
                c.copy::text, (SELECT s.conninfo FROM accord.fleet_member s WHERE s.id = (c.copy ->> 'member')::bigint)",
        &[Arg::Int(limit)],
        See::Transaction,
    )?;
    rows.iter()
        .map(|row| {
            let options: Options = serde_json::from_str(&row.text(6))?;
            let scopes: Vec<Scope> = row.maybe_text(8).map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text))?;
            let copy = row.maybe_text(9).map(|text| copies::due(&text, row.maybe_text(10), &scopes)).transpose()?;
            Ok(Next {
                copy,
                conform: row.int(0),
                member: row.int(1),
                conninfo: row.text(2),
                labels: serde_json::from_str(&row.text(3))?,
                variant: row.maybe_text(7),
                baseline: row.text(4),
                version: row.text(5),
                additive: options.additive,
                scopes,
                lock_timeout: options.lock_timeout.duration(),
            })
        })
        .collect()
}

/// What became of a member.
pub fn mended(spi: &Spi, conform: i64, member: i64, steps: &[String], reached: &std::result::Result<Fingerprint, Cause>) -> Result<()> {
    let failure = reached.as_ref().err().map(Cause::json);
    spi.run(
        "UPDATE accord.fleet_conform_member SET state = CASE WHEN $3::text IS NULL THEN 'done' ELSE 'failed' END, reason = $3::jsonb, steps = $4::json,
                fingerprint = $5, finished_at = clock_timestamp() WHERE conform = $1 AND member = $2",
        &[
            Arg::Int(conform),
            Arg::Int(member),
            Arg::MaybeText(failure.as_deref()),
            Arg::Text(&serde_json::to_string(steps)?),
            Arg::MaybeBytes(reached.as_ref().ok().map(|sum| &sum.0[..])),
        ],
    )?;
    spi.run("UPDATE accord.fleet_member SET asked = asked + 1 WHERE id = $1", &[Arg::Int(member)])?;
    spi.run(
        "UPDATE accord.fleet_conform c SET finished_at = clock_timestamp(),
                state = CASE WHEN f.failed IS NOT NULL THEN 'stopped' WHEN (c.copy ->> 'dry')::boolean THEN 'planned' ELSE 'done' END, reason = f.failed
           FROM (SELECT string_agg(m.name || ': ' || (x.reason ->> 'message'), '; ') FILTER (WHERE x.state = 'failed') AS failed,
                        bool_or(x.state = 'running') AS running, bool_or(x.state = 'waiting') AS waiting
                   FROM accord.fleet_conform_member x JOIN accord.fleet_member m ON m.id = x.member WHERE x.conform = $1) f
          WHERE c.id = $1 AND c.state = 'running' AND NOT f.running AND (f.failed IS NOT NULL OR NOT f.waiting)",
        &[Arg::Int(conform)],
    )
}

/// `accord.wait_for_conform`: its state once it is over.
pub fn wait(spi: &Spi, id: i64, timeout: Duration) -> Result<String> {
    let deadline = Instant::now() + timeout;
    let rights = Rights::of_caller(spi)?;
    let mut pause = 1;
    loop {
        let rows = spi.query(
            "SELECT c.state, c.reason, c.requested_by FROM accord.fleet_conform c WHERE c.id = $1",
            &[Arg::Int(id)],
            See::Latest,
        )?;
        let Some(row) = rows.first().filter(|row| rights.sees_all() || row.text(2) == rights.who) else {
            return Err(Error::undefined(format!("there is no mending {id}")).hint("SELECT * FROM accord.conforms lists them."));
        };
        match row.text(0).as_str() {
            "running" => {}
            "stopped" => {
                let error = Error::state(format!("mending {id} stopped at a failure"));
                // The reason can name what lies outside of a scope.
                let error = if rights.has_parts(Operation::Inspect) { error } else { error.detail(row.text(1)) };
                return Err(
                    error.hint("SELECT * FROM accord.conforms shows each database; accord.conform(…) again takes up what is not done.")
                );
            }
            state => return Ok(state.to_owned()),
        }
        if Instant::now() >= deadline {
            return Err(Error::state(format!("mending {id} was not done within {} s", timeout.as_secs_f64()))
                .hint("It goes on; SELECT * FROM accord.conforms shows how far it is."));
        }
        process::pause(Duration::from_millis(pause));
        pause = (pause + 1).min(50);
    }
}
