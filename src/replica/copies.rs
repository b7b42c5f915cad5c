//! Initial copies of subscribed tables: those that a version has made again, because what is here, or what a copy has
//! yet to bring, is of another shape than the version's; and those that it waits for.

use super::apply::of_rows;
use super::examine::Examined;
use super::kept;
use super::rows::{name_of, touched};
use crate::diff::Operation;
use crate::error::Result;
use crate::model::{FactId, Kind};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::protocol::{
    Fence, Offer, OnDrop, RequireApproval, behind_rows, converted, filled_by_the_source, leaves_names, left_by_partitions, taken_in,
};
use pgrx::PgSqlErrorCode;
use std::collections::BTreeSet;

/// Tables whose initial copy is on its way: their rows come by another worker. Touched ones; and all that have yet to
/// come up with the stream, where the version leaves names that rows go by.
pub(super) fn copying(spi: &Spi, offer: &Offer, fence: &Fence) -> Result<Vec<String>> {
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    let late = format!(
        "SELECT r.srrelid::pg_catalog.regclass::text {UNFINISHED} AND r.srsubstate = 'f'
            AND EXISTS (SELECT FROM pg_catalog.pg_stat_subscription w WHERE w.subid = r.srsubid AND w.relid = r.srrelid AND w.pid IS NOT NULL)"
    );
    let all = [Arg::Texts(&names), Arg::Bool(leaves_names(&offer.events)), Arg::Texts(&[])];
    let late = spi.query(&late, &all, See::Latest)?;
    let rows = spi.query(
        "SELECT t.name FROM pg_catalog.unnest($1) t (name)
           JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = pg_catalog.to_regclass(t.name) AND r.srsubstate IN ('d', 'f')
           JOIN pg_catalog.pg_stat_subscription w ON w.subid = r.srsubid AND w.relid = r.srrelid AND w.pid IS NOT NULL",
        &[Arg::Texts(&touched(offer))],
        See::Latest,
    )?;
    Ok(rows.iter().chain(&late).map(|row| row.text(0)).collect::<BTreeSet<_>>().into_iter().collect())
}

/// Whether another attempt at a version that failed by this may do with other rows: a touched table's copy may have been
/// taken after the version, or no stream brings its rows, so that it may hold some that the version does not allow.
pub(super) fn other_rows(spi: &Spi, offer: &Offer, code: PgSqlErrorCode) -> Result<bool> {
    // What is of class 22 is about a value.
    let of_values = code as i32 & 0xFFF == PgSqlErrorCode::ERRCODE_DATA_EXCEPTION as i32;
    let Some(fence) = offer.fence.as_ref().filter(|_| of_rows(code) || of_values) else { return Ok(false) };
    if !fence.gone.is_empty() {
        return Ok(true);
    }
    let _owner = command::become_owner();
    let rows = spi.query(
        "SELECT FROM pg_catalog.unnest($1) t (name)
           JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = pg_catalog.to_regclass(t.name) AND r.srsublsn >= $2::pg_lsn LIMIT 1",
        &[Arg::Texts(&touched(offer)), Arg::Text(&fence.lsn)],
        See::Latest,
    )?;
    Ok(!rows.is_empty())
}

/// What was done before a version's steps.
#[derive(Clone, Default)]
pub(super) struct Prepared {
    /// Slots on the source that abandoned copies leave behind.
    pub abandoned: Vec<String>,
    /// Tables that are copied anew with the partitions they take in.
    above: Vec<String>,
    /// Copies that begin again or are abandoned.
    over: Vec<Over>,
}

/// A copy that is over: what it had noted of its progress goes at the end.
#[derive(Clone, Copy)]
struct Over {
    subscription: u32,
    relation: u32,
    /// It had just come up with the stream.
    synced: bool,
}

impl Prepared {
    /// And what was done later.
    pub(super) fn join(&mut self, other: Self) {
        self.abandoned.extend(other.abandoned);
        self.above.extend(other.above);
        self.over.extend(other.over);
    }
}

/// What comes before a version's steps: tables whose rows cannot be derived from those that are here are
/// copied again, and tables that go are no longer waited for by an initial copy. So are some of those that
/// the version touches.
pub(super) fn before(spi: &Spi, examined: &Examined, again: Again) -> Result<Prepared> {
    let (offer, mut prepared) = (&examined.offer, Prepared::default());
    let Some(fence) = offer.fence.as_ref().filter(|_| offer.skip.is_none()) else { return Ok(prepared) };
    let _owner = command::become_owner();
    overtaken(spi, offer, fence, &mut prepared.over)?;
    taken_beside(spi, offer, fence, &mut prepared.over)?;
    for table in filled_by_the_source(&offer.events) {
        copy_again(spi, fence, &name_of(&table), Copied::Filled, &mut prepared.over)?;
    }
    for table in converted(&offer.events) {
        copy_again(spi, fence, &name_of(&table), Copied::Since, &mut prepared.over)?;
    }
    for table in written_beside(spi, offer)? {
        copy_again(spi, fence, &table, Copied::Filled, &mut prepared.over)?;
    }
    for (partition, above) in taken_in(&offer.events) {
        take_in(spi, fence, &name_of(&partition), &name_of(&above), &mut prepared)?;
    }
    if again != Again::No {
        for table in &fence.gone {
            leave_nothing(spi, examined, &name_of(table))?;
        }
    }
    let which = match again {
        Again::No => None,
        Again::Since => Some(Copied::Since),
        Again::All => Some(Copied::Filled),
    };
    if let Some(which) = which {
        for table in touched(offer) {
            copy_again(spi, fence, &table, which, &mut prepared.over)?;
        }
    }
    let dropped: Vec<String> = offer
        .events
        .iter()
        .flat_map(|event| &event.changes)
        .filter(|change| change.operation() == Some(Operation::Drop) && change.kind() == Some(Kind::Table))
        .filter_map(|change| change.id().map(name_of))
        .collect();
    if dropped.is_empty() {
        return Ok(prepared);
    }
    // DROP TABLE refuses a table whose initial copy is under way; where the source dropped it, that copy never ends.
    spi.query(
        "SELECT pg_catalog.pg_terminate_backend(w.pid, 2000) FROM pg_catalog.unnest($1) t (name)
           JOIN pg_catalog.pg_stat_subscription w ON w.relid = pg_catalog.to_regclass(t.name) AND w.pid IS NOT NULL",
        &[Arg::Texts(&dropped)],
        See::Latest,
    )?;
    abandon(spi, &dropped, "r.srsubstate <> 'r'", &mut prepared)?;
    Ok(prepared)
}

/// Has no subscription copy these tables any longer.
fn abandon(spi: &Spi, tables: &[String], which: &str, prepared: &mut Prepared) -> Result<()> {
    let gone = spi.query(
        &format!(
            "DELETE FROM pg_catalog.pg_subscription_rel r USING pg_catalog.unnest($1) t (name)
              WHERE r.srrelid = pg_catalog.to_regclass(t.name) AND {which}
             RETURNING r.srsubid, r.srrelid,
                       {SLOT}"
        ),
        &[Arg::Texts(tables)],
        See::Transaction,
    )?;
    prepared.over.extend(gone.iter().map(|row| Over { subscription: row.int(0) as u32, relation: row.int(1) as u32, synced: false }));
    prepared.abandoned.extend(gone.iter().map(|row| row.text(2)));
    Ok(())
}

/// Before a table becomes a partition of one that is published by its own name: what is in it must be what the source
/// had in it then. Where its own copy is not there yet, or was taken later, it is emptied, and the table above copied;
/// so it is where that one's own copy has yet to come, which brings these rows as well.
fn take_in(spi: &Spi, fence: &Fence, partition: &str, above: &str, prepared: &mut Prepared) -> Result<()> {
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    let rows = spi.query(
        "WITH above AS (
             SELECT r.srsubid, r.srsubstate FROM pg_catalog.pg_subscription_rel r
              WHERE r.srrelid IN (SELECT pg_catalog.to_regclass($2)
                                  UNION SELECT a.relid FROM pg_catalog.pg_partition_ancestors(pg_catalog.to_regclass($2)) a))
         SELECT t.oid FROM pg_catalog.to_regclass($1) t (oid)
          WHERE EXISTS (SELECT FROM above a JOIN pg_catalog.pg_subscription s ON s.oid = a.srsubid WHERE pg_catalog.quote_ident(s.subname) = ANY ($3))
            AND (NOT EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r
                              WHERE r.srrelid = t.oid AND r.srsubstate IN ('s', 'r') AND coalesce(r.srsublsn, '0/0') < $4::pg_lsn)
                 OR EXISTS (SELECT FROM above a WHERE a.srsubstate NOT IN ('s', 'r')))",
        &[Arg::Text(partition), Arg::Text(above), Arg::Texts(&names), Arg::Text(&fence.lsn)],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(()) };
    stop_copy(spi, row.int(0) as u32)?;
    empty(spi, partition)?;
    prepared.above.push(above.to_owned());
    abandon(spi, &[partition.to_owned()], "true", prepared)
}

/// Empties a table that is gone on the source, and whose rows no subscription brings: its rows are not the source's any
/// more, which allowed the change. Not where the table's end would be somebody's to decide, or keeps them.
fn leave_nothing(spi: &Spi, examined: &Examined, table: &str) -> Result<()> {
    let policy = &examined.policy;
    if policy.on_drop_table != OnDrop::Apply || policy.require_approval != RequireApproval::Never || kept::is_on() {
        return Ok(());
    }
    let rows = spi.query(
        "SELECT FROM pg_catalog.pg_class c
          WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r
                             WHERE r.srrelid = c.oid OR r.srrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p)
                                OR r.srrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(c.oid) a))",
        &[Arg::Text(table)],
        See::Latest,
    )?;
    if !rows.is_empty() {
        pgrx::log!("pg_accord: table {table} is emptied: its rows do not allow a change, and it is gone on the source");
        empty(spi, table)?;
    }
    Ok(())
}

/// Of the tables that a version converts or takes a partition out of, those in which its own transaction wrote: nobody can tell whether it did so
/// before the change or behind it.
fn written_beside(spi: &Spi, offer: &Offer) -> Result<Vec<String>> {
    let tables = [converted(&offer.events), left_by_partitions(&offer.events)].concat();
    let tables: Vec<String> = tables.iter().map(name_of).collect();
    if tables.is_empty() {
        return Ok(tables);
    }
    let rows = spi.query(
        "SELECT t.name FROM pg_catalog.unnest($1) t (name)
          WHERE EXISTS (SELECT FROM accord.fence f, pg_catalog.unnest(f.beside) b (oid)
                         WHERE f.event = ANY ($2::uuid[]) AND f.stops
                           AND b.oid IN (SELECT pg_catalog.to_regclass(t.name)
                                         UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(t.name)) p))",
        &[Arg::Texts(&tables), Arg::Texts(&offer.event_ids())],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| row.text(0)).collect())
}

/// What comes behind a version's steps: a table that a partition has left, where rows of the next one in its place may
/// have gone with it; and a table whose rows came by another one's name until here, which is copied anew by itself.
pub(super) fn after(spi: &Spi, examined: &Examined, prepared: &mut Prepared) -> Result<()> {
    let Some(fence) = examined.offer.fence.as_ref().filter(|_| examined.offer.skip.is_none()) else { return Ok(()) };
    let _owner = command::become_owner();
    // The partition itself has left with what it holds.
    for table in left_by_partitions(&examined.offer.events) {
        copy_again(spi, fence, &name_of(&table), Copied::Since, &mut prepared.over)?;
    }
    for table in &prepared.above {
        copy_again(spi, fence, table, Copied::Anyhow, &mut prepared.over)?;
    }
    for table in fence.apart.iter().map(name_of) {
        let known = spi.query(
            "SELECT r.srsubid, t.oid FROM pg_catalog.to_regclass($1) t (oid)
               LEFT JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = t.oid WHERE t.oid IS NOT NULL",
            &[Arg::Text(&table)],
            See::Latest,
        )?;
        let Some(first) = known.first() else { continue };
        // The copy may have begun already, onto the rows that are here.
        stop_copy(spi, first.int(1) as u32)?;
        empty(spi, &table)?;
        for row in known.iter().filter(|row| !row.is_null(0)) {
            begin_again(spi, row.int(0) as u32, row.int(1) as u32, &mut prepared.over)?;
        }
    }
    forget_progress(spi, &prepared.over)?;
    look_anew(spi, &prepared.over)
}

/// Initial copies that have yet to bring rows from before the version, or that brought some and did not come up with the
/// stream. Rows that go by a name of then stop them, whosever they are; those of the tables that it touches come too
/// late. They begin again, behind the version.
fn overtaken(spi: &Spi, offer: &Offer, fence: &Fence, over: &mut Vec<Over>) -> Result<()> {
    if behind_rows(&offer.events).is_none() {
        return Ok(());
    }
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    let (all, touched) = (leaves_names(&offer.events), touched(offer));
    let unfinished = |all: bool| {
        let sql = format!("SELECT r.srsubid, r.srrelid, r.srrelid::pg_catalog.regclass::text, r.srsubstate::text {UNFINISHED}");
        spi.query(&sql, &[Arg::Texts(&names), Arg::Bool(all), Arg::Texts(&touched)], See::Latest)
    };
    for row in unfinished(all)? {
        stop_copy(spi, row.int(1) as u32)?;
    }
    // With our lock none runs, and what is said of it stands.
    for row in unfinished(false)? {
        spi.execute_one(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", row.text(2)))?;
    }
    for row in unfinished(all)?.iter().filter(|row| row.text(3) == "f") {
        empty(spi, &row.text(2))?;
        begin_again(spi, row.int(0) as u32, row.int(1) as u32, over)?;
    }
    Ok(())
}

/// Such copies, of some tables or of all; never of the extension's own, which are not theirs to empty.
const UNFINISHED: &str = "FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
          JOIN pg_catalog.pg_class c ON c.oid = r.srrelid AND c.relnamespace <> 'accord'::pg_catalog.regnamespace
          WHERE pg_catalog.quote_ident(s.subname) = ANY ($1) AND r.srsubstate IN ('d', 'f')
            AND ($2 OR EXISTS (SELECT FROM pg_catalog.unnest($3) t (name), pg_catalog.to_regclass(t.name) o (oid)
                                WHERE r.srrelid = o.oid OR r.srrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(o.oid) p)
                                   OR r.srrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(o.oid) a)))";

/// The slot on the source of a relation's initial copy.
const SLOT: &str =
    "pg_catalog.format('pg_%s_sync_%s_%s', r.srsubid, r.srrelid, (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c))";

/// Copies of the tables that a version touches which were under way when it rewrote tables: their snapshot may have come
/// before it, and their look at the table behind it, where none of the rows that it wrote anew are for that snapshot. Such a
/// copy ends without them, and without an error.
fn taken_beside(spi: &Spi, offer: &Offer, fence: &Fence, over: &mut Vec<Over>) -> Result<()> {
    if fence.copying.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    for table in touched(offer) {
        let sql = format!("SELECT r.srsubid, r.srrelid, r.srrelid::pg_catalog.regclass::text {MEMBERS} AND {SLOT} = ANY ($3)");
        for row in spi.query(&sql, &[Arg::Text(&table), Arg::Texts(&names), Arg::Texts(&fence.copying)], See::Latest)? {
            let (subscription, relation, name) = (row.int(0) as u32, row.int(1) as u32, row.text(2));
            if over.iter().any(|copy| (copy.subscription, copy.relation) == (subscription, relation)) {
                continue;
            }
            stop_copy(spi, relation)?;
            spi.execute_one(&format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))?;
            empty(spi, &name)?;
            begin_again(spi, subscription, relation, over)?;
        }
    }
    Ok(())
}

/// What copies that are over had noted of their progress goes: one that begins again would begin behind it, and of one that
/// does not it would stay for good. Nothing can fail behind this that would bring the copy back and not its progress.
fn forget_progress(spi: &Spi, over: &[Over]) -> Result<()> {
    const TRIES: usize = 3;
    for Over { subscription, relation, .. } in over {
        for left in (0..TRIES).rev() {
            // A worker that was started meanwhile holds it.
            stop_copy(spi, *relation)?;
            let gone = subtransaction(|| {
                spi.query(
                    "SELECT pg_catalog.pg_replication_origin_drop(o.roname) FROM pg_catalog.pg_replication_origin o WHERE o.roname = pg_catalog.format('pg_%s_%s', $1, $2)",
                    &[Arg::Oid(*subscription), Arg::Oid(*relation)],
                    See::Transaction,
                )
            });
            match gone {
                Ok(_) => break,
                Err(error) if left == 0 => return Err(error.into()),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// Apply workers keep in mind too which copies have just come up with the stream, and note of these that they are ready: one
/// that looked before this transaction's end would note it of a copy that begins again, which would never be made. All
/// look behind it.
fn look_anew(spi: &Spi, over: &[Over]) -> Result<()> {
    const TRIES: usize = 3;
    let subscriptions: Vec<u32> = over.iter().filter(|copy| copy.synced).map(|copy| copy.subscription).collect();
    if subscriptions.is_empty() {
        return Ok(());
    }
    let end = || {
        spi.query(
            "SELECT pg_catalog.pg_terminate_backend(w.pid, 2000) FROM pg_catalog.pg_stat_subscription w
              WHERE w.subid = ANY ($1) AND w.relid IS NULL AND w.pid IS NOT NULL AND w.pid <> pg_catalog.pg_backend_pid()",
            &[Arg::Oids(&subscriptions)],
            See::Latest,
        )
    };
    let settings = command::settings();
    settings.set("lock_timeout", "100");
    for left in (0..TRIES).rev() {
        // One that is about to note it waits for us.
        end()?;
        match subtransaction(|| spi.execute_one("LOCK TABLE pg_catalog.pg_subscription_rel IN ACCESS EXCLUSIVE MODE")) {
            Ok(_) => break,
            Err(error) if left == 0 => return Err(error.into()),
            Err(_) => {}
        }
    }
    end()?;
    Ok(())
}

/// Ends the worker of a table's initial copy; it is started again where the copy is still due.
fn stop_copy(spi: &Spi, relation: u32) -> Result<()> {
    spi.query(
        "SELECT pg_catalog.pg_terminate_backend(w.pid, 2000) FROM pg_catalog.pg_stat_subscription w WHERE w.relid = $1 AND w.pid IS NOT NULL",
        &[Arg::Oid(relation)],
        See::Latest,
    )?;
    Ok(())
}

/// Has a subscription copy a table anew, which is empty and locked: as one that had begun and failed, which drops its
/// slot first.
fn begin_again(spi: &Spi, subscription: u32, relation: u32, over: &mut Vec<Over>) -> Result<()> {
    let synced = spi.query(
        "SELECT FROM pg_catalog.pg_subscription_rel r WHERE r.srsubid = $1 AND r.srrelid = $2 AND r.srsubstate = 's'",
        &[Arg::Oid(subscription), Arg::Oid(relation)],
        See::Latest,
    )?;
    over.push(Over { subscription, relation, synced: !synced.is_empty() });
    spi.run(
        "UPDATE pg_catalog.pg_subscription_rel SET srsubstate = 'd', srsublsn = NULL WHERE srsubid = $1 AND srrelid = $2",
        &[Arg::Oid(subscription), Arg::Oid(relation)],
    )?;
    // The workers keep in mind that the table was ready; one that runs this itself looks again with the table's next row,
    // which the changed table's description comes before. The table is locked: a new one sees what is committed.
    spi.query(
        "SELECT pg_catalog.pg_terminate_backend(w.pid, 2000) FROM pg_catalog.pg_stat_subscription w
          WHERE w.subid = $1 AND w.pid IS NOT NULL AND (w.relid IS NULL OR w.relid = $2) AND w.pid <> pg_catalog.pg_backend_pid()",
        &[Arg::Oid(subscription), Arg::Oid(relation)],
        See::Latest,
    )?;
    Ok(())
}

/// Subscribed relations that hold a table's rows: itself, its partitions, the tables above it.
const MEMBERS: &str = "FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid
          WHERE pg_catalog.quote_ident(s.subname) = ANY ($2)
            AND r.srrelid IN (SELECT pg_catalog.to_regclass($1)
                              UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) p
                              UNION SELECT a.relid FROM pg_catalog.pg_partition_ancestors(pg_catalog.to_regclass($1)) a)";

/// Whether the source's own values of a table's rows come by a subscription.
pub(super) fn brings_values(spi: &Spi, offer: &Offer, table: &FactId) -> Result<bool> {
    let Some(fence) = offer.fence.as_ref().filter(|_| filled_by_the_source(&offer.events).contains(table)) else { return Ok(false) };
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    let sql = format!("SELECT {MEMBERS} LIMIT 1");
    Ok(!spi.query(&sql, &[Arg::Text(&name_of(table)), Arg::Texts(&names)], See::Latest)?.is_empty())
}

/// Which of the tables that a version touches are copied again before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// Those whose copies were taken after the version.
    Since,
    /// All that hold rows.
    All,
}

/// Which copies are made again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copied {
    /// All.
    Anyhow,
    /// Those of tables that hold rows.
    Filled,
    /// Those that may have been taken after the version.
    Since,
}

/// Has a table copied anew by the subscription that brings it: emptied, and begun again.
fn copy_again(spi: &Spi, fence: &Fence, table: &str, which: Copied, over: &mut Vec<Over>) -> Result<()> {
    let names: Vec<String> = fence.subscriptions.iter().map(ToString::to_string).collect();
    // A copy that runs holds a lock: with ours, none runs, and what is said of it stands.
    let all = format!("SELECT DISTINCT r.srrelid::pg_catalog.regclass::text {MEMBERS}");
    for member in spi.query(&all, &[Arg::Text(table), Arg::Texts(&names)], See::Latest)? {
        spi.execute_one(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", member.text(0)))?;
    }
    let members = spi.query(
        &format!(
            "SELECT r.srsubid, r.srrelid, r.srrelid::pg_catalog.regclass::text {MEMBERS}
                AND r.srsubstate IN ('f', 's', 'r') AND (NOT $3 OR r.srsublsn >= $4::pg_lsn)"
        ),
        &[Arg::Text(table), Arg::Texts(&names), Arg::Bool(which == Copied::Since), Arg::Text(&fence.lsn)],
        See::Latest,
    )?;
    for member in &members {
        let (subscription, relation, name) = (member.int(0) as u32, member.int(1) as u32, member.text(2));
        if which == Copied::Filled && spi.execute_one(&format!("SELECT FROM {name} LIMIT 1"))?.is_empty() {
            continue;
        }
        stop_copy(spi, relation)?;
        empty(spi, &name)?;
        begin_again(spi, subscription, relation, over)?;
    }
    Ok(())
}

/// Removes a table's rows, also where foreign keys point at it: their rows come back.
fn empty(spi: &Spi, table: &str) -> Result<()> {
    if subtransaction(|| spi.execute_one(&format!("TRUNCATE {table}"))).is_ok() {
        return Ok(());
    }
    let settings = command::settings();
    settings.set("session_replication_role", "replica");
    spi.execute_one(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))?;
    spi.execute_one(&format!("DELETE FROM {table}"))?;
    Ok(())
}
