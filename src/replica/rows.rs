//! Rows beside the schema: whether those before a version have arrived here, and the room that its own
//! transaction's rows need.
//!
//! Each captured command puts a row into `accord.fence` of its database, in its own transaction. Where a
//! subscription brings that row here, everything that was committed before it is here: an apply worker
//! follows the order of commits. Nothing is locked while a version waits.
//!
//! Rows from behind the fence must not come before the version where they would be taken for rows from before it:
//! then the fence's transaction waits at its end, or disables the subscription, and the version's enables it again.

use super::apply::carry_out;
use super::examine::Examined;
use super::{copies, reason, stream, verdict};
use crate::catalog::Row;
use crate::error::Result;
use crate::model::{FactId, Fingerprint, Name, Qualified};
use crate::pg::command;
use crate::pg::process;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::pg::turn::{self, Turn};
use crate::protocol::{
    Fence, Lacks, Offer, OfferKind, Reason, ReasonCode, Subscribed, Unable, Verdict, VerdictState, behind_rows, filled_by_the_source,
    leaves_names, room,
};
use pgrx::PgSqlErrorCode;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

thread_local! {
    /// The version that this session has made room for: what is asked again needs no plan again.
    static ROOMY: Cell<Option<Fingerprint>> = const { Cell::new(None) };
    /// The transaction of this apply worker that has waited at its fences.
    static OUT_OF_PATIENCE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Subscriptions of this database, and what an owner without superuser's rights lacks: its apply worker would stop at
/// the first row of ours. Since 16 it writes as the table's owner, unless it is told to stay its own.
pub(super) fn subscriptions(spi: &Spi) -> Result<Vec<Subscribed>> {
    let becomes_owner = if command::major() >= 16 { "NOT s.subrunasowner" } else { "false" };
    let may_become = if command::major() >= 16 { "pg_catalog.pg_has_role(o.oid, f.relowner, 'SET')" } else { "false" };
    let rows = spi.query(
        &format!(
            "SELECT s.subname::text, s.subslotname::text, s.subpublications::text[],
                    EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srrelid = f.oid AND r.srsubstate IN ('r', 's')),
                    o.rolname::text,
                    CASE WHEN o.rolsuper THEN ''
                         WHEN {becomes_owner} AND NOT {may_become} THEN 'role'
                         WHEN NOT pg_catalog.has_schema_privilege(o.oid, f.relnamespace, 'USAGE') THEN 'fence'
                         WHEN {becomes_owner} THEN ''
                         WHEN NOT (pg_catalog.has_table_privilege(o.oid, f.oid, 'INSERT') AND pg_catalog.has_table_privilege(o.oid, f.oid, 'SELECT')) THEN 'fence'
                         WHEN EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_class c ON c.oid = r.srrelid
                                       WHERE r.srsubid = s.oid AND c.relnamespace = f.relnamespace AND c.oid <> f.oid) THEN 'tables'
                         ELSE '' END
               FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_roles o ON o.oid = s.subowner,
                    pg_catalog.pg_class f
              WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                AND f.oid = 'accord.fence'::pg_catalog.regclass ORDER BY 1"
        ),
        &[],
        See::Latest,
    )?;
    let lacks = |row: &Row| match row.text(5).as_str() {
        "role" => Some(Lacks::Role),
        "fence" => Some(Lacks::Fence),
        "tables" => Some(Lacks::Tables),
        _ => None,
    };
    Ok(rows
        .iter()
        .map(|row| Subscribed {
            name: row.text(0),
            slot: row.maybe_text(1),
            publications: row.texts(2),
            fenced: row.bool(3),
            unable: lacks(row).map(|lacks| Unable { owner: Name::new(row.text(4)), lacks }),
        })
        .collect())
}

/// What a version waits for, where it has to come behind the rows before it; and whether there is room
/// for its own rows already.
pub(super) fn waiting(spi: &Spi, offer: &Offer) -> Result<Option<Reason>> {
    let Some(fence) = awaited(offer) else { return Ok(None) };
    let _owner = command::become_owner();
    missing(spi, offer, fence)
}

/// The answer while a version waits, where nothing else is left to do.
pub(super) fn still_waiting(spi: &Spi, offer: &Offer) -> Result<Option<Verdict>> {
    if ROOMY.get() != Some(offer.position.id) {
        return Ok(None);
    }
    let Some(reason) = waiting(spi, offer)? else { return Ok(None) };
    let mut answer = verdict(VerdictState::Waiting, Some(offer), vec![reason]);
    answer.reached = reached(spi, offer)?;
    Ok(Some(answer))
}

/// Up to where in the source's WAL each subscription's rows are here.
fn reached(spi: &Spi, offer: &Offer) -> Result<BTreeMap<String, String>> {
    let names: Vec<String> = offer.fence.iter().flat_map(|fence| &fence.subscriptions).map(ToString::to_string).collect();
    let rows = spi.query(
        "SELECT s.subslotname::text, o.remote_lsn::text FROM pg_catalog.pg_subscription s
           JOIN pg_catalog.pg_replication_origin n ON n.roname = pg_catalog.format('pg_%s', s.oid)
           JOIN pg_catalog.pg_replication_origin_status o ON o.local_id = n.roident
          WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
            AND pg_catalog.quote_ident(s.subname) = ANY ($1) AND s.subslotname IS NOT NULL",
        &[Arg::Texts(&names)],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| (row.text(0), row.text(1))).collect())
}

fn awaited(offer: &Offer) -> Option<&Fence> {
    if offer.kind != OfferKind::Version || offer.skip.is_some() {
        return None;
    }
    offer.fence.as_ref().filter(|fence| !fence.passed && behind_rows(&offer.events).is_some())
}

/// A subscription that stands behind the fence of a later version brings no other. Both transactions were under
/// way at once, this one was committed behind the other's, and held its locks meanwhile: no rows between them
/// speak of its tables.
///
/// One whose worker waits at the fence for the version has not committed that transaction. Should it be lost, it is sent
/// again, onto the version's schema: that is no harm as long as no row in it goes by a name that the version leaves. Of
/// tables that are ready none does (the worker would hold their locks, and not wait); rows of others it passes over.
fn missing(spi: &Spi, offer: &Offer, fence: &Fence) -> Result<Option<Reason>> {
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    let keys: Vec<String> = offer.event_ids().iter().map(|event| standing_key(event).to_string()).collect();
    let left = if leaves_names(&offer.events) { touched(offer) } else { Vec::new() };
    let rows = spi.query(
        "SELECT s.subname::text, s.subenabled,
                EXISTS (SELECT FROM pg_catalog.pg_stat_subscription w WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL)
           FROM pg_catalog.pg_subscription s
          WHERE s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
            AND pg_catalog.quote_ident(s.subname) = ANY ($1)
            AND NOT EXISTS (SELECT FROM accord.fence f WHERE f.via = s.oid AND (f.event = $2::uuid OR f.stops))
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_subscription w ON w.pid = l.pid
                             WHERE w.subid = s.oid AND w.relid IS NULL AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
                               AND (l.classid::bigint << 32 | l.objid::bigint) = ANY ($3::bigint[])
                               AND NOT EXISTS (
                                   SELECT FROM pg_catalog.unnest($4) t (name)
                                     JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.name) AND c.relkind IN ('r', 'p')
                                    CROSS JOIN LATERAL (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p WHERE p.isleaf
                                                         UNION SELECT c.oid WHERE c.relkind = 'r') p
                                    WHERE NOT EXISTS (
                                        SELECT FROM pg_catalog.pg_subscription_rel r
                                         WHERE r.srsubid = s.oid AND r.srsubstate = 'r'
                                           AND (r.srrelid = p.relid OR r.srrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(p.relid) a)))))",
        &[Arg::Texts(&names), Arg::Text(&fence.event.to_string()), Arg::Texts(&keys), Arg::Texts(&left)],
        See::Latest,
    )?;
    let mut words: Vec<String> = Vec::new();
    let mut hint = None;
    for row in &rows {
        let (name, enabled, running) = (row.text(0), row.bool(1), row.bool(2));
        words.push(match (enabled, running) {
            (true, true) => format!("subscription {name} has not brought them yet"),
            (true, false) => format!("the apply worker of subscription {name} does not run at the moment"),
            (false, _) => format!("subscription {name} is disabled"),
        });
        if !enabled {
            hint = Some(format!("On the replica ALTER SUBSCRIPTION {} ENABLE.", Name::new(name)));
        }
    }
    if words.is_empty() {
        words = copies::copying(spi, offer, fence)?.into_iter().map(|table| format!("table {table} is being copied")).collect();
    }
    if words.is_empty() {
        return Ok(None);
    }
    let what = behind_rows(&offer.events).map_or_else(String::new, ToString::to_string);
    let (replica, version) = (crate::model::Literal(&offer.replica), offer.position.version);
    Ok(Some(Reason {
        detail: Some(format!("{}.", words.join("; "))),
        hint: Some(hint.unwrap_or_else(|| {
            format!("It goes on by itself; the replica's log says what stops a subscription. SELECT accord.approve({replica}, {version}) applies it without them.")
        })),
        ..reason(ReasonCode::WaitingForRows, format!("the rows that were written before the change of {what} come first"))
    }))
}

/// The tables that a version's changes are about, for SQL.
pub(super) fn touched(offer: &Offer) -> Vec<String> {
    crate::protocol::touched(offer.events.iter().flat_map(|event| &event.changes)).iter().map(ToString::to_string).collect()
}

/// The answer to a version that waits, after what makes room for its own rows was done.
pub(super) fn wait(spi: &Spi, mut examined: Examined, reason: Reason) -> Result<Verdict> {
    let rooms = room(&examined.offer.events);
    if !examined.begun && !rooms.is_empty() {
        match subtransaction(|| carry_out(spi, &examined, &rooms)) {
            Ok(steps) => {
                let _owner = command::become_owner();
                for (number, step) in steps.iter().enumerate() {
                    spi.run(
                        "INSERT INTO accord.step (source, version, step, sql, planned, state) VALUES ($1::uuid, $2, $3, $4, $5::json, 'done')",
                        &[
                            Arg::Text(&examined.offer.source.to_string()),
                            Arg::Int(examined.offer.position.version),
                            Arg::Int(number as i64),
                            Arg::Text(&step.sql),
                            Arg::Text(&serde_json::to_string(step)?),
                        ],
                    )?;
                }
            }
            // Tried again with the next question.
            Err(error) if error.code == PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE => {
                examined.verdict.state = VerdictState::Waiting;
                examined.verdict.reasons.push(reason);
                return Ok(examined.verdict);
            }
            // No room can be made before the rest: then the rows of that transaction come after it.
            Err(error) => pgrx::log!("pg_accord: no room is made ahead for version {}: {error}", examined.offer.position.version),
        }
    }
    ROOMY.set(Some(examined.offer.position.id));
    examined.verdict.state = VerdictState::Waiting;
    examined.verdict.reasons.push(reason);
    Ok(examined.verdict)
}

/// The table's name for SQL.
pub(super) fn name_of(id: &FactId) -> String {
    Qualified::new(id.path[0].clone(), id.path[1].clone()).to_string()
}

/// Says of a version that should wait for rows that nothing shows when they are here.
pub(super) fn warn(spi: &Spi, examined: &Examined, warnings: &mut Vec<String>) -> Result<()> {
    let offer = &examined.offer;
    stream::warn(spi, examined, warnings)?;
    if offer.fence.is_some() {
        let again = filled_by_the_source(&offer.events);
        warnings.extend(again.iter().map(|id| format!("{id} is emptied and copied anew: its rows have values of the source's own")));
    }
    if offer.kind == OfferKind::Version
        && offer.fence.is_none()
        && let Some(id) = behind_rows(&offer.events)
    {
        warnings.push(format!("nothing here tells when the rows from before the change of {id} have arrived: it is applied at once"));
    }
    Ok(())
}

/// How long a transaction that brought a fence waits at its end for the version, which another session applies.
const PATIENCE: Duration = Duration::from_secs(1);

/// Called in an apply worker, at the end of a transaction that brought a fence whose version is not applied here
/// yet. It waits a moment for that. Where rows behind it would be taken for rows from before the fence's event, the
/// subscription is disabled then in this transaction: the worker ends before the next row, and whoever applies the
/// version enables it again.
pub fn stop_behind(spi: &Spi, fence: &str) -> Result<()> {
    if !command::in_apply_worker() {
        return Ok(());
    }
    stream::at_end(spi)?;
    let asked = "SELECT s.subname::text, f.event::text, f.turns OR EXISTS (SELECT FROM accord.fence o WHERE o.via = f.via AND o.frees)
                   FROM accord.fence f JOIN accord.upstream u USING (source) JOIN pg_catalog.pg_subscription s ON s.oid = f.via
                  WHERE f.id = $1::uuid AND (f.turns OR f.takes) AND NOT coalesce(u.lsn >= $2::pg_lsn, false)
                    AND NOT EXISTS (SELECT FROM accord.applied_event a WHERE a.event = f.event AND a.source = f.source)";
    let here = command::origin_lsn();
    let ask = || spi.query(asked, &[Arg::Text(fence), Arg::Text(&here)], See::Latest);
    let Some(row) = ask()?.pop() else { return Ok(()) };
    let written = spi.query(
        "SELECT c.oid FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
          WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.mode IN ('RowExclusiveLock', 'AccessExclusiveLock')
            AND c.relkind = 'r' AND c.relnamespace NOT IN ('accord'::pg_catalog.regnamespace, 'pg_catalog'::pg_catalog.regnamespace)",
        &[],
        See::Latest,
    )?;
    let written: Vec<u32> = written.iter().map(|row| row.int(0) as u32).collect();
    // Whoever applies the version may need the tables that this transaction holds.
    if written.is_empty() && stand_at(spi, &row.text(1), || Ok(ask()?.is_empty()))? || !row.bool(2) {
        return Ok(());
    }
    // Whoever applies the version now has done so, or comes after this transaction and sees that it stands here.
    turn::take(Turn::Apply)?;
    if ask()?.is_empty() {
        return Ok(());
    }
    let settings = command::settings();
    settings.set("accord.capture", "off");
    // Our own triggers keep replicated rows out of these tables.
    settings.set("session_replication_role", "origin");
    spi.run("UPDATE accord.fence SET stops = true, beside = $2 WHERE id = $1::uuid", &[Arg::Text(fence), Arg::Oids(&written)])?;
    spi.execute_one(&format!("ALTER SUBSCRIPTION {} DISABLE", Name::new(row.text(0))))?;
    Ok(())
}

/// Waits at an event's fence until something is done, for as long as the transaction's patience lasts; [`missing`]
/// sees by a lock that it does. Returns whether it is done.
fn stand_at(spi: &Spi, event: &str, done: impl Fn() -> Result<bool>) -> Result<bool> {
    let transaction = command::top_xid();
    if OUT_OF_PATIENCE.get() == Some(transaction) {
        return Ok(false);
    }
    spi.query("SELECT pg_catalog.pg_try_advisory_xact_lock($1)", &[Arg::Int(standing_key(event))], See::Transaction)?;
    let (begun, mut pause) = (Instant::now(), Duration::from_millis(1));
    while begun.elapsed() < PATIENCE {
        process::pause(pause);
        if done()? {
            return Ok(true);
        }
        pause = (pause * 2).min(Duration::from_millis(16));
    }
    OUT_OF_PATIENCE.set(Some(transaction));
    Ok(false)
}

/// The advisory lock that an apply worker holds while it waits at an event's fence. Anybody can take it; only an apply
/// worker's says anything.
fn standing_key(event: &str) -> i64 {
    event.parse::<uuid::Uuid>().map_or(0, |id| id.as_u64_pair().1.cast_signed())
}

/// Lets subscriptions go on that stand behind fences, and forgets these.
pub(super) fn go_on(spi: &Spi, fences: &str, args: &[Arg]) -> Result<()> {
    let gone = spi.query(
        &format!("DELETE FROM accord.fence f WHERE f.via IS NOT NULL AND {fences} RETURNING f.via, f.stops"),
        args,
        See::Transaction,
    )?;
    let stood: Vec<u32> = gone.iter().filter(|row| row.bool(1)).map(|row| row.int(0) as u32).collect();
    if stood.is_empty() {
        return Ok(());
    }
    let settings = command::settings();
    settings.set("accord.capture", "off");
    let names = "SELECT s.subname::text FROM pg_catalog.pg_subscription s WHERE s.oid = ANY ($1) AND NOT s.subenabled AND s.subslotname IS NOT NULL";
    for row in spi.query(names, &[Arg::Oids(&stood)], See::Latest)? {
        spi.execute_one(&format!("ALTER SUBSCRIPTION {} ENABLE", Name::new(row.text(0))))?;
    }
    Ok(())
}

/// What stood behind this version's fences goes on. Fences that nobody asked for go too.
pub(super) fn pass(spi: &Spi, offer: &Offer) -> Result<()> {
    go_on(spi, "f.event = ANY ($1::uuid[])", &[Arg::Texts(&offer.event_ids())])?;
    spi.run(
        "DELETE FROM accord.fence f WHERE f.via IS NOT NULL AND NOT f.stops AND f.at < pg_catalog.now() - interval '1 day'
            AND NOT (f.frees AND f.source IN (SELECT u.source FROM accord.upstream u))",
        &[],
    )
}

/// What stood behind fences of a source that is forgotten goes on.
pub(super) fn leave(spi: &Spi, source: uuid::Uuid) -> Result<()> {
    go_on(spi, "f.source = $1::uuid", &[Arg::Text(&source.to_string())])
}
