//! Application: carry out, read what came of it, compare, record — in one transaction. Steps that
//! cannot run in one come before: [`super::outside`].

use super::copies::Again;
use super::estimate::{self, Meter};
use super::examine::{self, Examined, MANY_STEPS};
use super::mirror::{self, Mirrored, Upstream};
use super::outside::{self, Outside};
use super::progress::Teller;
use super::{Applying, applied, applying_ends, copies, kept, mend, reason, rewind, rows, stream, verdict};
use crate::diff::diff;
use crate::error::{Error, Result};
use crate::ledger::store;
use crate::ledger::{self, Ledger};
use crate::model::{Body, Fact, FactHash, FactId, Fingerprint, Kind, LtHash, Name};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::{Caught, subtransaction};
use crate::pg::turn::{self, Turn};
use crate::plan::{self, Options, Step};
use crate::protocol::{Apply, Aside, Event, Names, Offer, OfferKind, Policy, Reason, ReasonCode, StepReport, Verdict, VerdictState};
use pgrx::PgSqlErrorCode;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How often what is left to do after a plan is planned again (texts that only the server can
/// derive: a view over a renamed column) before the version is given up.
const ROUNDS: usize = 3;

/// An application that was read: offer and policy, and how the last sub-step ended.
type Application = (Offer, Policy, Option<StepReport>);

/// Reads an application; the verdict where it is none. Its offer is read first: in a protocol that is
/// not known, what stands around it may have any shape as well.
fn read(mut message: Value) -> std::result::Result<Application, Box<Verdict>> {
    let no_application = |why: String| {
        let refused = Reason {
            detail: Some(why),
            hint: Some("An offer is sent whole, under \"offer\"; how a step ended, under \"step\".".to_owned()),
            ..reason(ReasonCode::Malformed, "the message is no application: {\"offer\": {…}}")
        };
        Box::new(verdict(VerdictState::Rejected, None, vec![refused]))
    };
    let Some(offer) = message.get_mut("offer").map(Value::take) else {
        // Perhaps a bare offer, whose own reading says more.
        examine::read(message)?;
        return Err(no_application("It is an offer.".to_owned()));
    };
    let (offer, policy) = examine::read(offer)?;
    let around: Apply<IgnoredAny> = serde_json::from_value(message).map_err(|error| no_application(error.to_string()))?;
    Ok((offer, policy, around.step))
}

/// The argument of `accord.apply` to its answer.
pub fn apply(spi: &Spi, message: Value) -> Result<Verdict> {
    applying_ends();
    let (mut offer, policy, step) = match read(message) {
        Ok(application) => application,
        Err(refused) => return Ok(*refused),
    };
    let _settings = settings(&policy);
    if let Some(answer) = stream::under_way(spi, &mut offer, &policy)? {
        return Ok(answer);
    }
    if let Some(waiting) = rows::still_waiting(spi, &offer)? {
        return Ok(waiting);
    }
    let examined = {
        let _owner = command::become_owner();
        turn::take(Turn::Apply)?;
        kept::purge(spi)?;
        if !crate::pg::wake::worker_running() {
            ledger::prune(spi, 100)?;
        }
        examine::examine(spi, offer, policy)?
    };
    if examined.verdict.state != VerdictState::Accepted {
        return Ok(examined.verdict);
    }
    if stream::carries(spi, &examined)? {
        return stream::hand_over(spi, &examined);
    }
    let applying = Applying::begin(&examined.offer);
    if let Some(reason) = rows::waiting(spi, &examined.offer)? {
        return rows::wait(spi, examined, reason);
    }
    if examined.begun || examined.leaves_transaction {
        let verdict = outside::next(spi, examined, step)?;
        if verdict.state == VerdictState::Step {
            applying.goes_on();
        }
        return Ok(verdict);
    }
    inside(spi, examined)
}

/// Settings that steps run under.
pub(super) fn settings(policy: &Policy) -> command::Pinned {
    let settings = command::pin_settings();
    let mut lock_timeout = policy.lock_timeout.millis();
    if !command::in_apply_worker() {
        // What goes by push gives way to the apply worker, which may hold what this waits for and wait for what this holds: it
        // looks for deadlocks after a second, and one beside a stream ends in no error.
        settings.set("deadlock_timeout", "100");
        if stream::wanted(policy) {
            lock_timeout = lock_timeout.min(800);
        }
    }
    settings.set("lock_timeout", &lock_timeout.to_string());
    settings.set("check_function_bodies", "off");
    settings.set("row_security", "off");
    // What the offer's texts were checked under.
    settings.set("standard_conforming_strings", "on");
    settings.set("default_tablespace", "");
    settings.set("default_table_access_method", "heap");
    settings.set("default_toast_compression", "pglz");
    settings.set("client_min_messages", "warning");
    settings
}

/// Runs the whole version in a subtransaction of this transaction.
pub(super) fn inside(spi: &Spi, mut examined: Examined) -> Result<Verdict> {
    let meter = Meter::start(spi)?;
    let outside = if examined.begun { outside::done(spi, &examined)? } else { Outside::default() };
    let mut outcome = attempt(spi, &examined, Again::No);
    if let Err(error) = &outcome
        && copies::other_rows(spi, &examined.offer, error.code)?
    {
        outcome = attempt(spi, &examined, Again::Since);
    }
    // The rows that a new foreign key points at may be of its own transaction, and come behind it.
    if let Err(error) = &outcome
        && error.code == PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION
        && examined.offer.fence.is_some()
    {
        outcome = attempt(spi, &examined, Again::All);
    }
    // A version does not wait for rows that do not fit any longer.
    if let Err(error) = &outcome
        && !examined.back.is_empty()
        && !is_passing(error.code)
    {
        let places: Vec<String> = std::mem::take(&mut examined.back).iter().map(|kept| kept.table().to_string()).collect();
        let words = format!("kept rows are not brought back, and stay in {}: {}", places.join(", "), error.message);
        outcome = attempt(spi, &examined, Again::No);
        if let Some(impact) = &mut examined.verdict.impact {
            impact.warnings.push(words);
        }
    }
    finish(spi, examined, &meter, outside, outcome)
}

/// Some of the tables that it touches are copied again first.
fn attempt(spi: &Spi, examined: &Examined, again: Again) -> std::result::Result<Done, Caught> {
    subtransaction(|| {
        let mut prepared = copies::before(spi, examined, again)?;
        let mut steps = if examined.offer.skip.is_none() { carry_out(spi, examined, &examined.offer.events)? } else { Vec::new() };
        conclude(spi, examined, &mut prepared, &mut steps)
    })
}

/// What comes behind a version's steps; the error rolls everything back.
pub(super) fn conclude(spi: &Spi, examined: &Examined, prepared: &mut copies::Prepared, steps: &mut Vec<Step>) -> Result<Done> {
    copies::after(spi, examined, prepared)?;
    let fingerprint = record(spi, examined, steps)?;
    let (kept, restored) = kept::record(spi, examined, steps)?;
    Ok(Done { fingerprint, steps: std::mem::take(steps), kept, restored, abandoned: std::mem::take(&mut prepared.abandoned) })
}

/// Whether another try may end otherwise by itself.
pub(super) fn is_passing(code: PgSqlErrorCode) -> bool {
    matches!(
        code,
        PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE
            | PgSqlErrorCode::ERRCODE_T_R_DEADLOCK_DETECTED
            | PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE
    )
}

/// Whether rows forbid it.
pub(super) fn of_rows(code: PgSqlErrorCode) -> bool {
    matches!(
        code,
        PgSqlErrorCode::ERRCODE_NOT_NULL_VIOLATION
            | PgSqlErrorCode::ERRCODE_CHECK_VIOLATION
            | PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION
            | PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION
            | PgSqlErrorCode::ERRCODE_EXCLUSION_VIOLATION
    )
}

/// What an application did.
pub(super) struct Done {
    fingerprint: Fingerprint,
    /// The steps that ran.
    steps: Vec<Step>,
    /// What they set aside.
    kept: Vec<Aside>,
    /// What they brought back.
    restored: Vec<Aside>,
    /// Slots on the source that nobody will take up again.
    abandoned: Vec<String>,
}

/// The verdict of a finished application.
pub(super) fn finish(
    spi: &Spi,
    mut examined: Examined,
    meter: &Meter,
    outside: Outside,
    outcome: std::result::Result<Done, Caught>,
) -> Result<Verdict> {
    let _owner = command::become_owner();
    let mut actual = meter.stop(spi)?;
    match outcome {
        Ok(done) => {
            if let Some(expected) = &examined.verdict.estimate {
                estimate::learn(spi, &examined.verdict.steps, expected, &actual)?;
            }
            examined.verdict.state = VerdictState::Applied;
            examined.verdict.fingerprint = Some(done.fingerprint);
            examined.verdict.abandoned = done.abandoned;
            actual.duration_ms += outside.duration_ms;
            examined.verdict.actual = Some(actual);
            if outside.estimate.is_some() {
                examined.verdict.estimate = outside.estimate;
            }
            if let Some(impact) = &mut examined.verdict.impact {
                (impact.kept, impact.restored) = (done.kept, done.restored);
            }
            if examined.gradual() && done.steps.len() <= MANY_STEPS {
                examined.verdict.steps = [outside.steps, done.steps].concat();
                crate::secrets::mask_steps(&mut examined.verdict.steps);
            }
            mend::write_verdict(spi, &examined.offer, &examined.verdict)?;
        }
        Err(error) => {
            let unchanged = same_as_before(spi, &examined)?;
            examined.verdict.state = VerdictState::RolledBack;
            examined.verdict.actual = Some(actual);
            examined.verdict.reasons.push(failure(&examined, &error, unchanged));
        }
    }
    Ok(examined.verdict)
}

/// Whether the affected facts are what they were before the attempt.
pub(super) fn same_as_before(spi: &Spi, examined: &Examined) -> Result<bool> {
    let ids: Vec<String> = examined.net.keys().cloned().collect();
    let now = mirror::local(spi, &ids)?;
    Ok(ids.iter().all(|id| now.get(id).map(|k| k.hash) == examined.local.get(id).map(|k| k.hash)))
}

pub(super) fn failure(examined: &Examined, error: &Caught, unchanged: bool) -> Reason {
    let name = &examined.offer.replica;
    let undone = if unchanged { "What it had done is undone; the schema is as it was." } else { "What it had done is undone." };
    let detail = [Some(format!("SQLSTATE {}.", error.sqlstate)), error.detail.clone(), Some(undone.to_owned())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    let (code, words) = match error.code {
        PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE => (
            ReasonCode::LockTimeout,
            format!("a lock was not to be had within {} ms: {}", examined.policy.lock_timeout.millis(), error.message),
        ),
        PgSqlErrorCode::ERRCODE_DATA_EXCEPTION if error.message.starts_with("not verified") => {
            (ReasonCode::NotVerified, error.message.clone())
        }
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE
        | PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT
        | PgSqlErrorCode::ERRCODE_UNDEFINED_FILE => {
            (ReasonCode::Missing, format!("the replica lacks what the change needs: {}", error.message))
        }
        code if of_rows(code) => (ReasonCode::RowsForbid, format!("rows on the replica do not allow the change: {}", error.message)),
        _ => (ReasonCode::StepFailed, format!("a step failed on the replica: {}", error.message)),
    };
    let hint = match code {
        ReasonCode::LockTimeout => "It is tried again by itself; pg_stat_activity on the replica shows who holds the lock.".to_owned(),
        _ if examined.offer.mending.is_some() => format!("Remove the cause on the replica, {}", mend::go_on(&examined.offer)),
        _ => format!(
            "Mend the cause on the replica and SELECT accord.retry('{name}'), or SELECT accord.skip('{name}', {}, '<reason>').",
            examined.offer.position.version
        ),
    };
    Reason { detail: Some(detail), hint: Some(hint), ..reason(code, words) }
}

/// Carries events out, one after the other, each by its own plan. Returns the steps that ran.
pub(super) fn carry_out(spi: &Spi, examined: &Examined, events: &[Event]) -> Result<Vec<Step>> {
    let mut done = Vec::new();
    let mut ledger = Ledger::new(spi);
    let mut teller = Teller::new(examined.planned);
    for event in events {
        let steps = {
            let _owner = command::become_owner();
            let (changes, options) = examined.rendered(spi, event)?;
            let steps = plan_of(&ledger, &changes, &options)?;
            ledger.follow(&changes);
            steps
        };
        run(spi, &steps, Some(event), &mut teller)?;
        done.extend(steps);
    }
    Ok(done)
}

fn plan_of(ledger: &Ledger<'_>, changes: &[crate::diff::Change], options: &Options) -> Result<Vec<Step>> {
    plan::plan(changes, ledger, options)
        .map(|plan| plan.steps)
        .map_err(|e| Error::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, e.to_string()))
}

/// Settings of the source's session that decide what a conversion of existing values gives.
pub const SETTINGS: &[&str] = &["TimeZone", "DateStyle", "IntervalStyle"];

/// Runs steps with the rights of the connected role, under the path that the source's command had:
/// the steps are qualified, but what they evaluate (a function in an index) may not be.
fn run(spi: &Spi, steps: &[Step], event: Option<&Event>, teller: &mut Teller) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let path: Vec<String> =
        event.iter().flat_map(|e| &e.search_path).filter(|name| name.as_str() != "pg_catalog").map(ToString::to_string).collect();
    let settings = command::settings();
    for (name, value) in event.iter().flat_map(|e| &e.settings) {
        if SETTINGS.contains(&name.as_str()) {
            settings.set(name, value);
        }
    }
    settings.set("search_path", &[vec!["pg_catalog".to_owned()], path, vec!["pg_temp".to_owned()]].concat().join(", "));
    let admission = kept::Admission::open(spi, steps)?;
    for step in steps {
        match &step.kept {
            Some(keeping) => kept::run(spi, &step.sql, keeping)?,
            None => {
                spi.execute_one(&step.sql)?;
            }
        }
        teller.done();
    }
    admission.close(spi)?;
    if steps.iter().flat_map(|step| &step.facts).any(|id| id.of.unwrap_or(id.kind) == Kind::EventTrigger) {
        crate::ledger::reconcile_event_triggers(spi)?;
    }
    Ok(())
}

/// What each touched fact must be afterwards: the offer's word, and for everything else that is
/// mirrored, what it was.
#[derive(Default)]
struct Expected {
    facts: BTreeMap<String, Option<Fact>>,
}

/// Compares, mends what only the server could derive (those steps join the others), and records. The
/// error rolls everything back.
fn record(spi: &Spi, examined: &Examined, steps: &mut Vec<Step>) -> Result<Fingerprint> {
    let mut expected = Expected::default();
    for (id, net) in &examined.net {
        let after = net.after.as_ref().map(|after| examined.held(spi, after)).transpose()?.flatten();
        expected.facts.insert(id.clone(), after.map(std::borrow::Cow::into_owned));
    }
    if examined.offer.skip.is_none() {
        for round in 0.. {
            let differing = {
                let _owner = command::become_owner();
                differing(spi, examined, &expected, steps)?
            };
            if differing.is_empty() {
                break;
            }
            let mend = {
                let _owner = command::become_owner();
                let actual = mirror::local_facts(spi, &differing)?;
                let before: Vec<Fact> = actual.into_values().map(|f| Fact { key: None, ..f }).collect();
                let after: Vec<Fact> = differing.iter().filter_map(|id| expected.facts.get(id)).flatten().cloned().collect();
                let keep = examined.offer.events.last().and_then(kept::mark).map(|mark| format!("{mark} {round}"));
                plan_of(&Ledger::new(spi), &diff(&before, &after), &Options { major: command::major(), keep, ..Options::default() })?
            };
            if round == ROUNDS || mend.is_empty() {
                return Err(not_verified(spi, &differing, &expected, steps)?);
            }
            run(spi, &mend, examined.offer.events.last(), &mut Teller::new(mend.len()))?;
            steps.extend(mend);
        }
    }
    let _owner = command::become_owner();
    write_record(spi, examined)
}

/// A fact's attributes as anybody may see them.
fn shown(fact: &Fact) -> String {
    serde_json::to_string(&crate::secrets::masked(fact).body).unwrap_or_default()
}

fn not_verified(spi: &Spi, differing: &[String], expected: &Expected, steps: &[Step]) -> Result<Error> {
    let _owner = command::become_owner();
    let actual = mirror::local_facts(spi, differing)?;
    let mut words = Vec::new();
    for id in differing.iter().take(5) {
        let here = actual.values().find(|f| f.id.to_string() == *id).map_or("absent".to_owned(), shown);
        let there = expected.facts.get(id).and_then(Option::as_ref).map_or("absent".to_owned(), shown);
        words.push(format!("{id}: offered {there}, came out as {here}"));
    }
    let silent = if !steps.is_empty() && !recorded_anything(spi)? {
        " No event was captured here: are event triggers or accord.capture switched off for this role?"
    } else {
        ""
    };
    Ok(Error::new(PgSqlErrorCode::ERRCODE_DATA_EXCEPTION, format!("not verified: {} facts are not as offered", differing.len()))
        .detail(format!("{}.{silent}", words.join("; "))))
}

fn recorded_anything(spi: &Spi) -> Result<bool> {
    Ok(!spi
        .query("SELECT FROM accord.event e WHERE e.xid = $1::xid8 LIMIT 1", &[Arg::Text(&command::top_xid().to_string())], See::Latest)?
        .is_empty())
}

/// The ids whose local fact is not what it must be now.
fn differing(spi: &Spi, examined: &Examined, expected: &Expected, ran: &[Step]) -> Result<Vec<String>> {
    // What our own DDL changed beyond the offer must not be mirrored (or must have come out equal).
    let touched: Vec<String> = spi
        .query(
            "SELECT DISTINCT p.id FROM accord.pending p JOIN accord.event e USING (seq) WHERE e.xid = $1::xid8 AND p.id <> ''",
            &[Arg::Text(&command::top_xid().to_string())],
            See::Latest,
        )?
        .iter()
        .map(|row| row.text(0))
        .filter(|id| !expected.facts.contains_key(id))
        .collect();
    let mirrored = mirror::mirrored(spi, examined.offer.source, &touched)?;
    let unexpected: HashMap<String, FactHash> = mirrored.into_iter().filter(|(_, m)| !m.waived).map(|(id, m)| (id, m.expected())).collect();
    let ids: Vec<String> = expected.facts.keys().cloned().chain(unexpected.keys().cloned()).collect();
    let local = mirror::local(spi, &ids)?;
    let mut differing: Vec<String> = Vec::new();
    for id in ids.iter().filter(|id| !id.starts_with("unmodelled ")) {
        let wanted = match expected.facts.get(id) {
            Some(fact) => fact.as_ref().map(Fact::hash),
            None => unexpected.get(id).copied(),
        };
        let kept = wanted.is_none() && examined.keeps(id);
        if local.get(id).map(|k| k.hash) != wanted && !kept {
            differing.push(id.clone());
        }
    }
    if differing.is_empty() {
        return Ok(differing);
    }
    let differing = if examined.foreign() { not_reworded(spi, examined, expected, differing, ran)? } else { differing };
    without_own_neighbours(spi, examined, differing)
}

/// Leaves out what differs only in how this server words it.
fn not_reworded(spi: &Spi, examined: &Examined, expected: &Expected, differing: Vec<String>, ran: &[Step]) -> Result<Vec<String>> {
    let here = mirror::local_facts(spi, &differing)?;
    let mut left = Vec::new();
    for id in differing {
        let reworded = match expected.facts.get(&id).and_then(Option::as_ref) {
            Some(offered) => here.get(&offered.id).map(|here| examined.same_here(spi, offered, here, ran)),
            None => None,
        };
        if reworded != Some(true) {
            left.push(id);
        }
    }
    Ok(left)
}

/// Leaves out positions that differ only because a column of the replica's own stands between.
fn without_own_neighbours(spi: &Spi, examined: &Examined, differing: Vec<String>) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for id in differing {
        let net = examined.net.get(&id).and_then(|n| n.after.as_ref());
        let Some(Fact { id: fact_id, body: Body::Position(wanted), .. }) = net else {
            left.push(id);
            continue;
        };
        let wanted = wanted.after.clone().map_or(Place::First, Place::Behind);
        if actual_place(spi, examined, fact_id)? != wanted && !order_is_waived(spi, examined, fact_id)? {
            left.push(id);
        }
    }
    Ok(left)
}

/// Whether the order of a table's columns is beyond any DDL here: a child's own columns stand after
/// all that it inherits when it is built at once, and not where they stood when its parent grew later.
fn order_is_waived(spi: &Spi, examined: &Examined, id: &FactId) -> Result<bool> {
    // A column that was dropped by hand comes back behind all others.
    if examined.offer.mending.is_some() || examined.adopting {
        return Ok(true);
    }
    let child = |fact: &FactId| fact.kind == Kind::Inherit && fact.path[..2] == id.path[..2];
    if examined.offer.kind == OfferKind::Baseline {
        return Ok(examined.net.values().filter_map(|net| net.after.as_ref()).any(|fact| child(&fact.id)));
    }
    // What was given up is known under the names from before the version.
    let mut names = Names::default();
    for event in &examined.offer.events {
        names.follow(&event.changes);
    }
    let of_table = |other: &FactId| other.kind == Kind::Position && other.path[..2] == id.path[..2];
    let positions = examined.net.values().filter_map(|net| Some(net.after.as_ref()?.id.clone())).filter(of_table);
    let itself = FactId::new(Kind::Table, id.path[..2].iter().cloned());
    let then: BTreeSet<FactId> = positions.chain([itself]).filter_map(|now| names.then(&now)).collect();
    for table in then.iter().map(|then| &then.path[..2]).collect::<BTreeSet<_>>() {
        if mirror::waived_order(spi, examined.offer.source, table)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where a column stands among those that are mirrored.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// It is not here.
    Nowhere,
    /// Before all others.
    First,
    /// Behind this one.
    Behind(Name),
}

/// The place of a column here, the replica's own columns left out.
fn actual_place(spi: &Spi, examined: &Examined, id: &FactId) -> Result<Place> {
    let Some(own) = store::by_ids(spi, &[id.to_string()])?.pop() else { return Ok(Place::Nowhere) };
    let family: Vec<_> = store::families(spi, &[own.root.1])?.into_iter().filter(|k| k.id.starts_with("position ")).collect();
    let chain: HashMap<FactId, Option<Name>> = store::load(spi, &family)?
        .into_iter()
        .filter_map(|f| match f.body {
            Body::Position(p) => Some((f.id, p.after)),
            _ => None,
        })
        .collect();
    let column = |name: &Name| FactId::new(Kind::Position, [id.path[0].clone(), id.path[1].clone(), name.clone()]);
    let ids: Vec<String> = chain.keys().map(ToString::to_string).collect();
    let mirrored = mirror::mirrored(spi, examined.offer.source, &ids)?;
    let belongs = |position: &FactId| match examined.net.get(&position.to_string()) {
        Some(net) => net.after.is_some(),
        None => mirrored.contains_key(&position.to_string()),
    };
    let mut at = id.clone();
    for _ in 0..=chain.len() {
        match chain.get(&at) {
            Some(Some(name)) => {
                at = column(name);
                if belongs(&at) {
                    return Ok(Place::Behind(name.clone()));
                }
            }
            Some(None) => return Ok(Place::First),
            None => return Ok(Place::Nowhere),
        }
    }
    Ok(Place::Nowhere)
}

impl Examined {
    /// Whether policy keeps this fact here although the offer drops it.
    fn keeps(&self, id: &str) -> bool {
        use crate::protocol::OnDrop;
        self.net.get(id).is_some_and(|net| {
            net.after.is_none()
                && (self.policy.on_drop_column == OnDrop::Keep || self.policy.on_drop_table == OnDrop::Keep)
                && net.before.is_some()
        })
    }
}

/// Mirror, upstream, applied: the record that makes the version done, in the transaction that did it.
fn write_record(spi: &Spi, examined: &Examined) -> Result<Fingerprint> {
    let offer = &examined.offer;
    let ids: Vec<String> = examined.net.keys().cloned().collect();
    let local = mirror::local(spi, &ids)?;
    let mut lanes = examined.upstream.as_ref().map(|u| u.lanes.clone()).unwrap_or_default();
    let mut changes: BTreeMap<String, Option<Mirrored>> = BTreeMap::new();
    for (id, net) in &examined.net {
        if let Some(old) = examined.mirrored.get(id) {
            lanes.remove(&old.hash);
        }
        let mirrored = net.after.as_ref().map(|after| {
            let hash = after.hash();
            lanes.add(&hash);
            // A position among columns of the replica's own is as offered and still another fact here. What a server
            // of another major reads otherwise was verified; what it cannot hold is not here.
            match local.get(id).map(|k| k.hash) {
                Some(here) if here == hash => Mirrored { hash, here: None, waived: false },
                Some(here) if examined.foreign() && examined.offer.skip.is_none() && after.id.kind != Kind::Position => {
                    Mirrored { hash, here: Some(here), waived: false }
                }
                _ => Mirrored { hash, here: None, waived: true },
            }
        });
        changes.insert(id.clone(), mirrored);
    }
    let fingerprint = LtHash::fingerprint(&lanes);
    if fingerprint != offer.fingerprint_after {
        return Err(Error::new(
            PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
            "not verified: the fingerprint after the version is not the offered one",
        )
        .detail(format!("Offered: {}. Came out as {fingerprint}.", offer.fingerprint_after)));
    }
    mirror::write(spi, offer.source, &changes)?;
    let lsn = offer.lsn.clone().or_else(|| examined.upstream.as_ref().and_then(|u| u.lsn.clone()));
    let upstream = Upstream {
        position: offer.position.clone(),
        projection: offer.projection.clone(),
        lanes,
        lsn,
        // As the beginning of this application found; a baseline is the first.
        streams: examined.upstream.as_ref().map_or_else(|| stream::streams(spi, &examined.policy), |u| Ok(u.streams))?,
    };
    mirror::write_upstream(spi, offer.source, &offer.replica, &upstream)?;
    let snapshot: Vec<&Fact> = examined.net.values().filter_map(|n| n.before.as_ref()).collect();
    if let Some(id) = offer.mending {
        mend::write_record(spi, id, examined, &fingerprint, &serde_json::to_string(&snapshot)?)?;
        if offer.kind == OfferKind::Rewind {
            rewind::write_record(spi, examined, &fingerprint)?;
        }
        return Ok(fingerprint);
    }
    applied::write(spi, offer, &fingerprint, &serde_json::to_string(&snapshot)?)?;
    rows::pass(spi, offer)?;
    stream::recorded(spi, examined)?;
    spi.run(
        "DELETE FROM accord.step WHERE source = $1::uuid AND version = $2",
        &[Arg::Text(&offer.source.to_string()), Arg::Int(offer.position.version)],
    )?;
    Ok(fingerprint)
}
