//! Versions applied among the rows: in the apply worker's own transaction, each event where the stream brings its row.
//!
//! The control connection brings the offer and examines it, as ever. What is accepted is left in `accord.streamed`, and the
//! apply worker, which waits at the row of an event, carries out what was left: content that comes by the publication is
//! believed in nothing but its place. The version's last event verifies it and records it, in the transaction that brings
//! the rows before and behind it.
//!
//! What cannot be applied there is no error of the worker's: its transaction is undone, its subscription disabled, and the
//! process ends. The next answer to the source says why, and the subscription goes on once the version is accepted anew,
//! or recorded otherwise; its transaction is then sent again.

use super::apply::{self, carry_out, conclude, is_passing};
use super::copies::{self, Again, Prepared};
use super::estimate::Meter;
use super::examine::{self, Examined};
use super::outside::Outside;
use super::rows;
use super::{Applying, reason, verdict};
use crate::error::{Error, Result};
use crate::model::Name;
use crate::pg::command;
use crate::pg::process;
use crate::pg::spi::{self, Arg, Cells, See, Spi};
use crate::pg::subtransaction::{Caught, subtransaction};
use crate::pg::turn::{self, Turn};
use crate::plan::Step;
use crate::protocol::{Carrier, Offer, OfferKind, Policy, Reason, ReasonCode, Verdict, VerdictState, converted};
use pgrx::PgSqlErrorCode;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// How long an apply worker waits at a row for its version, or for a lock. It answers nobody meanwhile: well below the
/// `wal_sender_timeout` of any publisher.
const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// The version that this apply worker's transaction is in the middle of.
    static UNDER_WAY: RefCell<Option<UnderWay>> = const { RefCell::new(None) };
}

/// A version whose first events were carried out.
struct UnderWay {
    transaction: u64,
    /// The subscription that brings it.
    via: u32,
    /// Who left it here.
    role: u32,
    examined: Examined,
    meter: Meter,
    prepared: Prepared,
    steps: Vec<Step>,
    /// How many events were carried out.
    done: usize,
}

/// Whether a policy asks for it.
pub(super) fn wanted(policy: &Policy) -> bool {
    policy.carrier == Carrier::Stream
}

/// A subscription that brings a transaction before it is committed on the source, where its version is not to be had yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Early {
    /// Large ones, by parallel apply workers (16 and later).
    Parallel,
    /// Prepared ones.
    Prepared,
}

/// Whether versions are applied among the rows here: the policy asks for it, and no subscription is early with them.
pub(super) fn streams(spi: &Spi, policy: &Policy) -> Result<bool> {
    Ok(wanted(policy) && early(spi)?.is_none())
}

/// Whether a subscription that carries events here is early.
fn early(spi: &Spi) -> Result<Option<Early>> {
    if command::major() < 15 {
        return Ok(None);
    }
    let rows = spi.query(
        "SELECT s.subtwophasestate <> 'd' FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_subscription_rel r ON r.srsubid = s.oid
          WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
            AND r.srrelid = 'accord.fence'::pg_catalog.regclass AND (s.subtwophasestate <> 'd' OR s.substream::text = 'p') ORDER BY 1 LIMIT 1",
        &[],
        See::Latest,
    )?;
    Ok(rows.first().map(|row| if row.bool(0) { Early::Prepared } else { Early::Parallel }))
}

/// The only subscription by which a version can come, as the offer names it.
fn subscription(offer: &Offer) -> Option<&Name> {
    let fence = offer.fence.as_ref().filter(|fence| !fence.passed)?;
    match fence.subscriptions.as_slice() {
        [only] if offer.kind == OfferKind::Version && offer.skip.is_none() => Some(only),
        _ => None,
    }
}

/// Says of a version that should be applied among the rows that it is not.
pub(super) fn warn(spi: &Spi, examined: &Examined, warnings: &mut Vec<String>) -> Result<()> {
    let offer = &examined.offer;
    if !wanted(&examined.policy) || offer.kind != OfferKind::Version || offer.skip.is_some() {
        return Ok(());
    }
    let apart = examined.leaves_transaction || examined.begun;
    let why = match offer.fence.as_ref().map(|fence| fence.subscriptions.len()) {
        _ if subscription(offer).is_some() => match early(spi)? {
            Some(Early::Parallel) => "large transactions come before their commit, which SET (streaming = on) of the subscription ends",
            Some(Early::Prepared) => "prepared transactions come before their commit, as the subscription has two_phase",
            None if apart => "an enum label that it uses has to be committed before",
            None => return Ok(()),
        },
        None | Some(0) => "no subscription brings its events",
        Some(1) => "a person does not wait for them",
        Some(_) => "several subscriptions bring its rows, each at a time of its own",
    };
    warnings.push(format!("it is not applied among the rows, but as by carrier push: {why}"));
    Ok(())
}

/// The answer to an application that was left for the stream before; nothing where it was not.
///
/// The whole version runs in the apply worker's transaction, so that its steps take the form that can.
pub(super) fn under_way(spi: &Spi, offer: &mut Offer, policy: &Policy) -> Result<Option<Verdict>> {
    let _owner = command::become_owner();
    let source = offer.source.to_string();
    let streams = streams(spi, policy)?;
    spi.run(
        "UPDATE accord.upstream SET streams = $2 WHERE source = $1::uuid AND streams <> $2",
        &[Arg::Text(&source), Arg::Bool(streams)],
    )?;
    if !streams {
        return Ok(None);
    }
    if subscription(offer).is_some() {
        offer.events.iter_mut().for_each(|event| event.concurrently = false);
    }
    let applied = spi.query(
        "SELECT a.verdict::text FROM accord.applied a WHERE a.source = $1::uuid AND a.version = $2 AND a.id = $3 AND a.verdict IS NOT NULL",
        &[Arg::Text(&source), Arg::Int(offer.position.version), Arg::Bytes(&offer.position.id.0)],
        See::Latest,
    )?;
    if let Some(row) = applied.first() {
        let mut answer: Verdict = serde_json::from_str(&row.text(0))?;
        answer.already = true;
        return Ok(Some(answer));
    }
    let left = spi.query(
        "SELECT s.failure::text FROM accord.streamed s WHERE s.source = $1::uuid AND s.version = $2",
        &[Arg::Text(&source), Arg::Int(offer.position.version)],
        See::Latest,
    )?;
    let (Some(row), Some(name)) = (left.first(), subscription(offer)) else { return Ok(None) };
    let Some(failure) = row.maybe_text(0) else { return Ok(Some(waiting(spi, offer, name)?)) };
    // Said once: the next application tries again.
    spi.run("DELETE FROM accord.streamed WHERE source = $1::uuid", &[Arg::Text(&source)])?;
    Ok(Some(verdict(VerdictState::RolledBack, Some(offer), serde_json::from_str(&failure)?)))
}

fn waiting(spi: &Spi, offer: &Offer, name: &Name) -> Result<Verdict> {
    let rows = spi.query(
        "SELECT s.subenabled, EXISTS (SELECT FROM pg_catalog.pg_stat_subscription w WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL)
           FROM pg_catalog.pg_subscription s
          WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
            AND pg_catalog.quote_ident(s.subname) = $1",
        &[Arg::Text(&name.to_string())],
        See::Latest,
    )?;
    let (detail, hint) = match rows.first().map(|row| (row.bool(0), row.bool(1))) {
        None => (format!("Subscription {name} is gone."), None),
        Some((false, _)) => {
            (format!("Subscription {name} is disabled."), Some(format!("On the replica ALTER SUBSCRIPTION {name} ENABLE.")))
        }
        Some((true, false)) => (format!("The apply worker of subscription {name} does not run at the moment."), None),
        Some((true, true)) => (format!("Subscription {name} has not brought it yet."), None),
    };
    let (replica, version) = (crate::model::Literal(&offer.replica), offer.position.version);
    let hint = hint.unwrap_or_else(|| {
        format!("It goes on by itself; the replica's log says what stops a subscription. SELECT accord.approve({replica}, {version}) applies it at once.")
    });
    let why = reason(ReasonCode::WaitingForRows, "it is accepted, and is applied where the stream of rows brings it");
    Ok(verdict(VerdictState::Waiting, Some(offer), vec![Reason { detail: Some(detail), hint: Some(hint), ..why }]))
}

/// Whether the stream brings an accepted version's events. One whose row has passed is applied by the caller.
pub(super) fn carries(spi: &Spi, examined: &Examined) -> Result<bool> {
    let offer = &examined.offer;
    let streams = examined.upstream.as_ref().is_some_and(|upstream| upstream.streams);
    let Some(name) = subscription(offer).filter(|_| streams && !examined.begun && !examined.leaves_transaction) else {
        return Ok(false);
    };
    let _owner = command::become_owner();
    let rows = spi.query(
        "SELECT FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_subscription_rel r ON r.srsubid = s.oid
          WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
            AND pg_catalog.quote_ident(s.subname) = $1
            AND r.srrelid = 'accord.fence'::pg_catalog.regclass AND r.srsubstate IN ('r', 's')
            AND NOT EXISTS (SELECT FROM accord.fence f WHERE f.via = s.oid AND f.event = ANY ($2::uuid[]) AND NOT f.stops)",
        &[Arg::Text(&name.to_string()), Arg::Texts(&offer.event_ids())],
        See::Latest,
    )?;
    Ok(!rows.is_empty())
}

/// Leaves an accepted version for the stream, which goes on where it stood.
pub(super) fn hand_over(spi: &Spi, examined: &Examined) -> Result<Verdict> {
    let role = command::caller();
    let _owner = command::become_owner();
    let offer = &examined.offer;
    let source = offer.source.to_string();
    spi.run(
        "INSERT INTO accord.streamed (source, version, role, offer) VALUES ($1::uuid, $2, $3, $4::json)
         ON CONFLICT (source) DO UPDATE SET version = EXCLUDED.version, role = EXCLUDED.role, offer = EXCLUDED.offer, failure = NULL,
             at = pg_catalog.clock_timestamp()",
        &[Arg::Text(&source), Arg::Int(offer.position.version), Arg::Oid(role), Arg::Text(&serde_json::to_string(offer)?)],
    )?;
    rows::go_on(spi, "f.source = $1::uuid AND f.stops", &[Arg::Text(&source)])?;
    let name = subscription(offer).ok_or_else(|| Error::internal("a version without a stream was left for it"))?;
    waiting(spi, offer, name)
}

/// An event whose row is here.
struct Place {
    source: String,
    event: String,
    /// The subscription that brought it.
    via: u32,
}

/// Of a row: the event, where it is of a source whose versions are applied among the rows, and not applied yet.
fn place(spi: &Spi, fence: &str) -> Result<Option<Place>> {
    let rows = spi.query(
        "SELECT f.source::text, f.event::text, f.via FROM accord.fence f JOIN accord.upstream u USING (source)
          WHERE f.id = $1::uuid AND u.streams AND NOT EXISTS (SELECT FROM accord.applied_event a WHERE a.event = f.event AND a.source = f.source)
            AND 1 = (SELECT count(*) FROM pg_catalog.pg_subscription_rel r
                      WHERE r.srrelid = 'accord.fence'::pg_catalog.regclass AND r.srsubstate IN ('r', 's'))",
        &[Arg::Text(fence)],
        See::Latest,
    )?;
    Ok(rows.first().map(|row| Place { source: row.text(0), event: row.text(1), via: row.int(2) as u32 }))
}

/// Called in an apply worker by the row of an event: carries out what was left for it, waiting for that a while.
pub fn apply_here(spi: &Spi, fence: &str) -> Result<()> {
    if !command::in_apply_worker() {
        return Ok(());
    }
    insist(spi, || place(spi, fence))
}

/// Called at the end of an apply worker's transaction: a version that it began is whole then. What was found when the
/// version was sealed has its row in another transaction.
pub(super) fn at_end(spi: &Spi) -> Result<()> {
    let here = command::top_xid();
    insist(spi, || {
        Ok(UNDER_WAY.with_borrow(|under_way| {
            under_way.as_ref().filter(|under_way| under_way.transaction == here).map(|under_way| Place {
                source: under_way.examined.offer.source.to_string(),
                event: under_way.examined.offer.events.last().map(|event| event.id.to_string()).unwrap_or_default(),
                via: under_way.via,
            })
        }))
    })
}

/// What came of a try.
enum Met {
    /// The event is carried out.
    Done,
    /// Another version has to be committed first: the source offers this event's only behind it.
    Behind,
    /// Nothing is left here for this event.
    Nothing,
    /// It cannot be had here.
    Refused(Vec<Reason>),
}

/// Carries out what is left for an event, as long as there is one; ends the process where it is not to be had.
fn insist(spi: &Spi, at: impl Fn() -> Result<Option<Place>>) -> Result<()> {
    let settings = command::settings();
    // Our own triggers keep replicated rows out of these tables.
    settings.set("session_replication_role", "origin");
    settings.set("lock_timeout", "2s");
    let (begun, mut pause) = (Instant::now(), Duration::from_millis(1));
    while let Some(at) = at()? {
        let out_of_patience = begun.elapsed() > PATIENCE;
        match meet(spi, &at) {
            Ok(Met::Done) => return Ok(()),
            Ok(Met::Behind) => ahead(at),
            Ok(Met::Refused(reasons)) => stand(at, Some(reasons)),
            Ok(Met::Nothing) if out_of_patience => stand(at, None),
            Err(error) if !is_passing(error.code) => stand(at, Some(vec![unexpected(&error)])),
            Err(error) if out_of_patience => {
                pgrx::log!("pg_accord: the apply worker begins again before an event: {}", error.message);
                process::end_apply_worker(|| Ok(()));
            }
            Ok(Met::Nothing) | Err(_) => {}
        }
        process::pause(pause);
        pause = (pause * 2).min(Duration::from_millis(16));
    }
    Ok(())
}

fn unexpected(error: &Caught) -> Reason {
    Reason { detail: Some(error.to_string()), ..reason(ReasonCode::StepFailed, format!("a step failed on the replica: {}", error.message)) }
}

/// One try.
fn meet(spi: &Spi, at: &Place) -> std::result::Result<Met, Caught> {
    let transaction = command::top_xid();
    let mut under_way = match UNDER_WAY.take().filter(|under_way| under_way.transaction == transaction) {
        Some(under_way) => under_way,
        None => match subtransaction(|| begin(spi, at, transaction))? {
            Begun::Yes(under_way) => *under_way,
            Begun::Not(met) => return Ok(met),
        },
    };
    let Some(number) = under_way.examined.offer.events.iter().position(|event| event.id.to_string() == at.event) else {
        return Ok(Met::Behind);
    };
    let last = number + 1 == under_way.examined.offer.events.len();
    let outcome = carry(spi, &mut under_way, number + 1, Again::No)
        .and_then(|()| if last { conclusion(spi, &under_way).map(Some) } else { Ok(None) });
    match outcome {
        Ok(None) => {
            UNDER_WAY.set(Some(under_way));
            Ok(Met::Done)
        }
        Ok(Some(done)) => {
            close(spi, under_way, done)?;
            Ok(Met::Done)
        }
        Err(error) if is_passing(error.code) => {
            UNDER_WAY.set(Some(under_way));
            Err(error)
        }
        Err(error) => Ok(Met::Refused(vec![apply::failure(&under_way.examined, &error, true)])),
    }
}

/// Whether a version is begun.
enum Begun {
    Yes(Box<UnderWay>),
    Not(Met),
}

/// Takes up what is left for the stream.
fn begin(spi: &Spi, at: &Place, transaction: u64) -> Result<Begun> {
    let left = || {
        spi.query(
            "SELECT s.offer::text, s.role FROM accord.streamed s WHERE s.source = $1::uuid AND s.failure IS NULL",
            &[Arg::Text(&at.source)],
            See::Latest,
        )
    };
    if left()?.is_empty() {
        return Ok(Begun::Not(Met::Nothing));
    }
    turn::take(Turn::Apply)?;
    let Some(row) = left()?.pop() else {
        // The turn is not kept for nothing: the subtransaction ends with this.
        return Err(Error::new(PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE, "the version was taken back"));
    };
    let (offer, policy) = match examine::read(serde_json::from_str(&row.text(0))?) {
        Ok(read) => read,
        Err(refused) => return Ok(Begun::Not(Met::Refused(refused.reasons))),
    };
    let meter = Meter::start(spi)?;
    let examined = examine::examine(spi, offer, policy)?;
    if examined.verdict.state != VerdictState::Accepted {
        return Ok(Begun::Not(Met::Refused(examined.verdict.reasons)));
    }
    Ok(Begun::Yes(Box::new(UnderWay {
        transaction,
        via: at.via,
        role: row.int(1) as u32,
        examined,
        meter,
        prepared: Prepared::default(),
        steps: Vec::new(),
        done: 0,
    })))
}

/// Carries out a version's events up to this number of them.
fn carry(spi: &Spi, under_way: &mut UnderWay, due: usize, first: Again) -> std::result::Result<(), Caught> {
    while under_way.done < due {
        let number = under_way.done;
        let again = if number == 0 { first } else { Again::No };
        let examined = &under_way.examined;
        let mut outcome = subtransaction(|| one(spi, under_way, number, again));
        if let Err(error) = &outcome
            && copies::other_rows(spi, &examined.offer, error.code).map_err(|error| Caught::from(&error))?
        {
            outcome = subtransaction(|| one(spi, under_way, number, Again::Since));
        }
        if let Err(error) = &outcome
            && error.code == PgSqlErrorCode::ERRCODE_FOREIGN_KEY_VIOLATION
        {
            outcome = subtransaction(|| one(spi, under_way, number, Again::All));
        }
        let (prepared, steps) = outcome?;
        under_way.prepared.join(prepared);
        under_way.steps.extend(steps);
        under_way.done += 1;
    }
    Ok(())
}

/// Carries out one event with the rights of the role that left the version here.
fn one(spi: &Spi, under_way: &UnderWay, number: usize, again: Again) -> Result<(Prepared, Vec<Step>)> {
    let examined = &under_way.examined;
    let _settings = apply::settings(&examined.policy);
    let _applying = Applying::begin(&examined.offer);
    let first = number == 0 || again != Again::No;
    let prepared = if first { copies::before(spi, examined, again)? } else { Prepared::default() };
    let _role = command::become_role(under_way.role);
    Ok((prepared, carry_out(spi, examined, &examined.offer.events[number..=number])?))
}

/// Verifies and records a version whose events were carried out.
fn conclusion(spi: &Spi, under_way: &UnderWay) -> std::result::Result<apply::Done, Caught> {
    let (mut prepared, mut steps) = (under_way.prepared.clone(), under_way.steps.clone());
    subtransaction(|| {
        let examined = &under_way.examined;
        let _settings = apply::settings(&examined.policy);
        let _applying = Applying::begin(&examined.offer);
        let _role = command::become_role(under_way.role);
        conclude(spi, examined, &mut prepared, &mut steps)
    })
}

/// A version is recorded: what was left of it for the stream, which may not have brought it, is not looked at again.
pub(super) fn recorded(spi: &Spi, examined: &Examined) -> Result<()> {
    if !wanted(&examined.policy) {
        return Ok(());
    }
    spi.run("DELETE FROM accord.streamed WHERE source = $1::uuid", &[Arg::Text(&examined.offer.source.to_string())])
}

/// Leaves the verdict for the control connection.
fn close(spi: &Spi, under_way: UnderWay, done: apply::Done) -> std::result::Result<(), Caught> {
    subtransaction(|| apply::finish(spi, under_way.examined, &under_way.meter, Outside::default(), Ok(done)).map(drop))
}

/// Undoes the transaction, applies what is left here by itself, and ends the process: the next worker finds it done, and
/// the event's own version offered.
fn ahead(at: Place) -> ! {
    pgrx::log!("pg_accord: another version is applied before event {}, and the apply worker begins again", at.event);
    process::end_apply_worker(move || {
        let _pinned = command::pin();
        let settings = command::settings();
        settings.set("session_replication_role", "origin");
        settings.set("lock_timeout", "2s");
        spi::connect(|spi| {
            let refused = match subtransaction(|| begin(spi, &at, command::top_xid())) {
                Ok(Begun::Yes(under_way)) => whole(spi, *under_way)?,
                Ok(Begun::Not(Met::Refused(reasons))) => Some(reasons),
                Ok(Begun::Not(_)) => None,
                Err(error) if is_passing(error.code) => None,
                Err(error) => Some(vec![unexpected(&error)]),
            };
            refused.map_or(Ok(()), |reasons| say_why(spi, &at, &reasons))
        })
    })
}

/// Leaves the reasons of a refusal for the control connection.
fn say_why(spi: &Spi, at: &Place, reasons: &[Reason]) -> Result<()> {
    spi.run(
        "UPDATE accord.streamed SET failure = $2::json WHERE source = $1::uuid",
        &[Arg::Text(&at.source), Arg::Text(&serde_json::to_string(reasons)?)],
    )
}

/// Carries out a whole version whose rows come later, or came by themselves. Says why it could not.
fn whole(spi: &Spi, mut under_way: UnderWay) -> Result<Option<Vec<Reason>>> {
    let events = &under_way.examined.offer.events;
    let (all, again) = (events.len(), if converted(events).is_empty() { Again::No } else { Again::All });
    match carry(spi, &mut under_way, all, again).and_then(|()| conclusion(spi, &under_way)) {
        Ok(done) => close(spi, under_way, done).map(|()| None).map_err(Error::from),
        Err(error) if is_passing(error.code) => Err(error.into()),
        Err(error) => Ok(Some(vec![apply::failure(&under_way.examined, &error, true)])),
    }
}

/// Undoes the transaction, has the subscription stand before it, and ends the process; where something was left for the event
/// meanwhile, another worker begins again.
fn stand(at: Place, reasons: Option<Vec<Reason>>) -> ! {
    let why = reasons.as_ref().and_then(|reasons| reasons.first()).map_or("its version is not accepted here", |reason| &reason.message);
    pgrx::log!("pg_accord: the stream stands before event {}: {why}", at.event);
    process::end_apply_worker(move || {
        let _pinned = command::pin();
        let settings = command::settings();
        settings.set("accord.capture", "off");
        settings.set("session_replication_role", "origin");
        spi::connect(|spi| {
            turn::take(Turn::Apply)?;
            if let Some(reasons) = &reasons {
                say_why(spi, &at, reasons)?;
            } else {
                let meanwhile = "SELECT FROM accord.streamed s WHERE s.source = $1::uuid AND s.failure IS NULL
                                 UNION ALL SELECT FROM accord.applied_event a WHERE a.event = $2::uuid AND a.source = $1::uuid";
                if !spi.query(meanwhile, &[Arg::Text(&at.source), Arg::Text(&at.event)], See::Latest)?.is_empty() {
                    return Ok(());
                }
            }
            let names = "SELECT s.subname::text FROM pg_catalog.pg_subscription s WHERE s.oid = $1 AND s.subenabled";
            let Some(row) = spi.query(names, &[Arg::Oid(at.via)], See::Latest)?.pop() else { return Ok(()) };
            spi.run("DELETE FROM accord.fence f WHERE f.via = $1 AND f.stops", &[Arg::Oid(at.via)])?;
            spi.run(
                "INSERT INTO accord.fence (id, event, source, via, stops) VALUES (pg_catalog.gen_random_uuid(), $1::uuid, $2::uuid, $3, true)",
                &[Arg::Text(&at.event), Arg::Text(&at.source), Arg::Oid(at.via)],
            )?;
            spi.execute_one(&format!("ALTER SUBSCRIPTION {} DISABLE", Name::new(row.text(0)))).map(drop)
        })
    })
}
