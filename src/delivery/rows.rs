//! Rows beside the schema, on the source: which of a replica's subscriptions this database feeds, and that
//! its publications carry the fences and the new tables.
//!
//! A subscription is ours where its slot is here. What the publications lack is added by the worker, with a
//! short lock timeout: nobody's DDL waits for it, and what was not to be had is tried again.

use super::record::Row;
use crate::diff::{Change, Operation};
use crate::error::Result;
use crate::model::{Fact, FactId, Kind, Literal, Name, Qualified};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::protocol::{Lacks, Offer, Policy, Standing, Subscribed, Unable};
use crate::worker::messages::Cause;
use std::collections::BTreeSet;

/// How long the worker waits for a table's lock when it joins a publication.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '200ms'";

/// Logical slots of this database that subscriptions hold, but for those of initial copies.
fn slots(spi: &Spi) -> Result<BTreeSet<String>> {
    let rows = spi.query(
        "SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s
          WHERE s.database = pg_catalog.current_database() AND s.plugin = 'pgoutput' AND NOT s.temporary AND s.slot_name !~ '^pg_[0-9]+_sync_'",
        &[],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| row.text(0)).collect())
}

/// The slots, and whether there is one that no replica's subscription is known to hold.
pub fn look(spi: &Spi) -> Result<(BTreeSet<String>, bool)> {
    let slots = slots(spi)?;
    let claimed = spi.query("SELECT DISTINCT pg_catalog.unnest(r.slots) FROM accord.replica r", &[], See::Latest)?;
    let claimed: BTreeSet<String> = claimed.iter().map(|row| row.text(0)).collect();
    let unclaimed = slots.difference(&claimed).next().is_some();
    Ok((slots, unclaimed))
}

/// Notes which subscriptions of a replica this database feeds. The cause: policy names one that is not there.
pub(super) fn attach(spi: &Spi, row: &Row, standing: &Standing) -> Result<Option<Cause>> {
    let policy = policy(spi, row.id)?;
    let slots = slots(spi)?;
    let named = |subscribed: &&Subscribed| policy.subscription.as_ref().is_none_or(|name| name.as_str() == subscribed.name);
    if let Some(name) = &policy.subscription
        && !standing.subscriptions.iter().any(|subscribed| named(&subscribed))
    {
        return Ok(Some(
            Cause::new("missing", format!("the policy names subscription {name}, which the replica does not have"))
                .hint("Create it there, or drop the replica and add it again with another policy: it keeps its place."),
        ));
    }
    let ours: Vec<&Subscribed> =
        standing.subscriptions.iter().filter(named).filter(|s| s.slot.as_ref().is_some_and(|slot| slots.contains(slot))).collect();
    if let Some((subscribed, unable)) = ours.iter().find_map(|subscribed| Some((subscribed, subscribed.unable.as_ref()?))) {
        return Ok(Some(cannot_write(&row.name, &subscribed.name, unable)));
    }
    let texts = |each: &dyn Fn(&Subscribed) -> Vec<String>| {
        ours.iter().flat_map(|subscribed| each(subscribed)).collect::<BTreeSet<String>>().into_iter().collect::<Vec<String>>()
    };
    let mut carried: Vec<String> = Vec::new();
    for subscribed in &ours {
        if fence(spi, &subscribed.publications)? {
            carried.push(subscribed.name.clone());
        } else {
            pgrx::warning!(
                "pg_accord: no publication of subscription \"{}\" of replica \"{}\" publishes inserts: its rows are not waited for",
                subscribed.name,
                row.name
            );
        }
    }
    spi.run(
        "UPDATE accord.replica r SET subscriptions = $2, slots = $3, publications = $4
          WHERE r.id = $1 AND (r.subscriptions, r.slots, r.publications) IS DISTINCT FROM ($2, $3, $4)",
        &[
            Arg::Int(row.id),
            Arg::Texts(&carried),
            Arg::Texts(&texts(&|s| s.slot.iter().cloned().collect())),
            Arg::Texts(&texts(&|s| s.publications.clone())),
        ],
    )?;
    Ok(None)
}

/// A subscription whose apply worker would stop at the first row of ours.
fn cannot_write(replica: &str, subscription: &str, unable: &Unable) -> Cause {
    let (subscription, owner, replica) = (Name::new(subscription), &unable.owner, Literal(replica));
    let (cannot, remedy) = match unable.lacks {
        Lacks::Fence => (
            "may not write accord.fence there",
            format!("On the replica GRANT USAGE ON SCHEMA accord TO {owner}; GRANT SELECT, INSERT ON accord.fence TO {owner};"),
        ),
        Lacks::Role => (
            "may not become the owner of accord.fence there",
            format!(
                "On the replica ALTER SUBSCRIPTION {subscription} SET (run_as_owner = true); GRANT USAGE ON SCHEMA accord TO {owner}; GRANT SELECT, INSERT ON accord.fence TO {owner};"
            ),
        ),
        Lacks::Tables => (
            "may not write pg_accord's other tables, which it takes too",
            format!(
                "On the replica ALTER SUBSCRIPTION {subscription} OWNER TO a superuser; or drop it and subscribe to a publication FOR TABLES IN SCHEMA or FOR TABLE;"
            ),
        ),
    };
    let words = format!("subscription {subscription} of the replica is owned by {owner}, which {cannot}: its rows would stop");
    Cause::new("missing", words).hint(format!("{remedy} then SELECT accord.retry({replica})."))
}

fn policy(spi: &Spi, replica: i64) -> Result<Policy> {
    let rows = spi.query("SELECT r.policy::text FROM accord.replica r WHERE r.id = $1", &[Arg::Int(replica)], See::Latest)?;
    let document = rows.first().map(|row| row.text(0)).unwrap_or_default();
    Ok(serde_json::from_str(&document).ok().and_then(|value| Policy::read(&value).ok()).unwrap_or_default())
}

/// Whether one of these publications carries `accord.fence`; it is added to the first that can.
fn fence(spi: &Spi, publications: &[String]) -> Result<bool> {
    let rows = spi.query(
        "SELECT p.pubname::text, p.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                 WHERE r.prpubid = p.oid AND r.prrelid = 'accord.fence'::pg_catalog.regclass)
           FROM pg_catalog.pg_publication p WHERE p.pubname::text = ANY ($1) AND p.pubinsert ORDER BY 2 DESC, 1",
        &[Arg::Texts(publications)],
        See::Latest,
    )?;
    let Some(first) = rows.first() else { return Ok(false) };
    Ok(first.bool(1) || add(spi, &Name::new(first.text(0)), "accord.fence"))
}

/// Adds a table to a publication; false where its lock was not to be had.
fn add(spi: &Spi, publication: &Name, table: &str) -> bool {
    let added = subtransaction(|| {
        spi.execute_one(LOCK_TIMEOUT)?;
        spi.execute_one(&format!("ALTER PUBLICATION {publication} ADD TABLE {table}"))
    });
    match added {
        Ok(_) => true,
        Err(error) => {
            pgrx::log!("pg_accord: table {table} does not join publication {publication}: {error}");
            false
        }
    }
}

/// Tables that are new here, or stand by themselves now, join the publications of the replicas that take
/// such. Returns the replicas that have to look again, and whether something is left to do.
pub fn publish_new_tables(spi: &Spi) -> Result<(Vec<i64>, bool)> {
    let newcomers = spi.query(
        "SELECT n.relation, c.relname::text, s.nspname::text
           FROM accord.newcomer n
           LEFT JOIN pg_catalog.pg_class c ON c.oid = n.relation AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
           LEFT JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace",
        &[],
        See::Latest,
    )?;
    if newcomers.is_empty() {
        return Ok((Vec::new(), false));
    }
    let replicas =
        spi.query("SELECT r.id, r.projection, r.publications FROM accord.replica r WHERE r.publications <> '{}'", &[], See::Latest)?;
    let (mut again, mut left) = (BTreeSet::new(), false);
    for row in &newcomers {
        let (oid, mut done) = (row.int(0), true);
        for replica in replicas.iter().filter(|_| !row.is_null(1)) {
            let projection: crate::model::Projection = serde_json::from_str(&replica.text(1))?;
            let table = Qualified::new(row.text(2), row.text(1));
            let id = FactId::new(Kind::Table, [table.schema.clone(), table.name.clone()]);
            let policy = policy(spi, replica.int(0))?;
            if !policy.publish_new_tables || !projection.mirrors(&id) {
                continue;
            }
            let publications = replica.texts(2);
            if !published(spi, oid, &publications)?
                && let Some(publication) = listing(spi, &publications, policy.publication.as_ref())?
            {
                let joined = add(spi, &publication, &table.to_string());
                done &= joined;
                if joined {
                    again.insert(replica.int(0));
                }
            }
        }
        if done {
            spi.run("DELETE FROM accord.newcomer WHERE relation = $1", &[Arg::Oid(oid as u32)])?;
        }
        left |= !done;
    }
    Ok((again.into_iter().collect(), left))
}

/// Notes in an offer the partitions that it takes out of their tables and whose rows do not go on coming as
/// they did: published by their root until then, or not at all until they joined the publication.
pub fn note_apart(spi: &Spi, replica: &str, offer: &mut Offer) -> Result<()> {
    let Some(fence) = &mut offer.fence else { return Ok(()) };
    let mut detached: Vec<FactId> = Vec::new();
    let table_of = |id: &FactId| FactId::new(Kind::Table, id.path.iter().take(2).cloned());
    for change in offer.events.iter().flat_map(|event| &event.changes) {
        match (change.kind(), change.operation(), &change.before, &change.after) {
            (Some(Kind::Partition), Some(Operation::Drop), Some(before), _) => detached.push(table_of(&before.id)),
            (Some(Kind::Table), Some(Operation::Rename), Some(before), Some(after)) => {
                detached.iter_mut().filter(|id| **id == before.id).for_each(|id| *id = after.id.clone());
            }
            _ => {}
        }
    }
    if detached.is_empty() {
        return Ok(());
    }
    let rows = spi.query("SELECT r.publications FROM accord.replica r WHERE r.name = $1", &[Arg::Text(replica)], See::Latest)?;
    let publications = rows.first().map(|row| row.texts(0)).unwrap_or_default();
    for id in detached {
        let Some(now) = present_name(spi, fence.event, When::Behind, &id)? else { continue };
        let table = Qualified::new(now.path[0].clone(), now.path[1].clone());
        let here = spi.query("SELECT pg_catalog.to_regclass($1)::oid", &[Arg::Text(&table.to_string())], See::Latest)?;
        if let Some(oid) = here.first().and_then(|row| row.maybe_int(0))
            && published(spi, oid, &publications)?
            && !whole_schema(spi, &table.schema, &publications, Rows::OwnName)?
        {
            fence.apart.push(id);
        }
    }
    Ok(())
}

/// Notes in the offer of a version that failed the tables that it touches and that are gone by now. What was done to their
/// rows meanwhile passes a subscription by that does not know them, or was told to forget them.
pub fn note_gone(spi: &Spi, replica: &str, offer: &mut Offer) -> Result<()> {
    let (Some(fence), Some(first)) = (&mut offer.fence, offer.events.first()) else { return Ok(()) };
    let failed = spi.query(
        "SELECT r.publications FROM accord.replica r JOIN accord.delivery d ON d.replica = r.name
          WHERE r.name = $1 AND d.version = $2 AND d.attempts > 0",
        &[Arg::Text(replica), Arg::Int(offer.position.version)],
        See::Latest,
    )?;
    let Some(publications) = failed.first().map(|row| row.texts(0)) else { return Ok(()) };
    for table in crate::protocol::touched(offer.events.iter().flat_map(|event| &event.changes)) {
        let id = FactId::new(Kind::Table, [table.schema.clone(), table.name.clone()]);
        if whole_schema(spi, &table.schema, &publications, Rows::AnyName)? && present_name(spi, first.id, When::Since, &id)?.is_none() {
            fence.gone.push(id);
        }
    }
    Ok(())
}

/// Under which name the rows of a partition are published.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Its own.
    OwnName,
    /// Its own or that of a table above it.
    AnyName,
}

/// Whether one of these publications publishes each table of a schema, whoever makes it and whether or not it is a partition.
fn whole_schema(spi: &Spi, schema: &Name, publications: &[String], rows: Rows) -> Result<bool> {
    let by_schema = if crate::pg::command::major() >= 15 {
        "OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n JOIN pg_catalog.pg_namespace s ON s.oid = n.pnnspid
                     WHERE n.pnpubid = p.oid AND s.nspname = $1)"
    } else {
        "OR $1 = ''"
    };
    let sql = format!(
        "SELECT FROM pg_catalog.pg_publication p
          WHERE p.pubname::text = ANY ($2) AND NOT (p.pubviaroot AND $3) AND (p.puballtables {by_schema}) LIMIT 1"
    );
    let args = [Arg::Text(schema.as_str()), Arg::Texts(publications), Arg::Bool(rows == Rows::OwnName)];
    Ok(!spi.query(&sql, &args, See::Latest)?.is_empty())
}

/// From where on a table's names are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// From before an event.
    Since,
    /// From after it.
    Behind,
}

/// What a table of an event's time is called now; nothing where it is gone.
fn present_name(spi: &Spi, event: uuid::Uuid, when: When, then: &FactId) -> Result<Option<FactId>> {
    let later = spi.query(
        "SELECT e.changes::text FROM accord.event e, accord.event o
          WHERE o.id = $1::uuid AND e.seq >= o.seq AND (e.id <> o.id OR $2)
            AND e.tag ~ '^(ALTER|DROP|RECONCILE)' ORDER BY e.seq",
        &[Arg::Text(&event.to_string()), Arg::Bool(when == When::Since)],
        See::Latest,
    )?;
    let mut now = then.clone();
    for row in &later {
        let changes: Vec<Change> = serde_json::from_str(&row.text(0))?;
        let Some(change) = changes.iter().find(|change| change.before.as_ref().is_some_and(|before| before.id == now)) else { continue };
        match &change.after {
            Some(after) => now = after.id.clone(),
            None => return Ok(None),
        }
    }
    Ok(Some(now))
}

/// Drops slots that initial copies left behind; returns those that somebody still holds.
pub fn drop_slots(spi: &Spi, slots: &[String]) -> Result<Vec<String>> {
    let mut held = Vec::new();
    for slot in slots {
        let rows = spi.query(
            "SELECT s.active FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1 AND s.slot_name ~ '^pg_[0-9]+_sync_'",
            &[Arg::Text(slot)],
            See::Latest,
        )?;
        match rows.first().map(|row| row.bool(0)) {
            None => {}
            Some(false)
                if subtransaction(|| spi.query("SELECT pg_catalog.pg_drop_replication_slot($1)", &[Arg::Text(slot)], See::Transaction))
                    .is_ok() => {}
            Some(_) => held.push(slot.clone()),
        }
    }
    Ok(held)
}

/// Whether one of the publications publishes a table: by itself, by a table above it, by its schema, or as all.
fn published(spi: &Spi, relation: i64, publications: &[String]) -> Result<bool> {
    let by_schema = if crate::pg::command::major() >= 15 {
        "OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.pnnspid
                     WHERE n.pnpubid = p.oid AND (c.oid = $1 OR c.oid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors($1) a)))"
    } else {
        ""
    };
    let rows = spi.query(
        &format!(
            "SELECT FROM pg_catalog.pg_publication p WHERE p.pubname::text = ANY ($2) AND (p.puballtables
                OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid
                            AND (r.prrelid = $1 OR r.prrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors($1) a)))
                {by_schema})"
        ),
        &[Arg::Oid(relation as u32), Arg::Texts(publications)],
        See::Latest,
    )?;
    Ok(!rows.is_empty())
}

/// The publication that takes up new tables: the one that policy names, else the only one that lists tables.
fn listing(spi: &Spi, publications: &[String], named: Option<&Name>) -> Result<Option<Name>> {
    if let Some(name) = named {
        return Ok(publications.iter().any(|publication| publication == name.as_str()).then(|| name.clone()));
    }
    let rows = spi.query(
        "SELECT p.pubname::text FROM pg_catalog.pg_publication p
          WHERE p.pubname::text = ANY ($1) AND NOT p.puballtables
            AND EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid <> 'accord.fence'::pg_catalog.regclass)",
        &[Arg::Texts(publications)],
        See::Latest,
    )?;
    if rows.len() > 1 {
        let names: Vec<String> = rows.iter().map(|row| row.text(0)).collect();
        pgrx::log!(
            "pg_accord: new tables join none of the publications {}: name one as \"publication\" in the replica's policy",
            names.join(", ")
        );
        return Ok(None);
    }
    Ok(rows.first().map(|row| Name::new(row.text(0))))
}

/// What a replica's session runs, outside a transaction, so that its subscriptions take what is published now.
pub fn refreshing(spi: &Spi, replica: i64) -> Result<Vec<String>> {
    let policy = policy(spi, replica)?;
    let rows = spi.query("SELECT r.subscriptions FROM accord.replica r WHERE r.id = $1", &[Arg::Int(replica)], See::Latest)?;
    let names = rows.first().map(|row| row.texts(0)).unwrap_or_default();
    let copy = if policy.publish_new_tables { "" } else { " WITH (copy_data = false)" };
    Ok(names.into_iter().map(|name| format!("ALTER SUBSCRIPTION {} REFRESH PUBLICATION{copy}", Name::new(name))).collect())
}

/// Sends a version's fence again: the first was on its way before the publication carried it.
pub(super) fn fence_again(spi: &Spi, version: i64) -> Result<()> {
    spi.run(
        "WITH fence AS (
            INSERT INTO accord.fence (id, event, source)
            SELECT pg_catalog.gen_random_uuid(), e.id, l.id FROM accord.ledger l, accord.event e JOIN accord.version v USING (xid)
             WHERE v.version = $1 ORDER BY e.seq DESC LIMIT 1 RETURNING id)
         SELECT FROM fence",
        &[Arg::Int(version)],
    )
}

/// How many changes are looked at.
const LOOK: i64 = 10_000;

/// What a slot brings next behind a place. A begin message (B) holds its commit's place, its time, its transaction; a
/// relation's description (R), names that end with a null byte behind one or behind flags, is for the rows (I, U, D)
/// behind it, until the next one of that relation.
const NEXT: &str = "
WITH c AS (
    SELECT c.xid::text::int8 AS xid, c.data, c.ordinality AS n, pg_catalog.chr(pg_catalog.get_byte(c.data, 0)) AS kind
      FROM pg_catalog.pg_logical_slot_peek_binary_changes($1::name, NULL, $4::int4, 'proto_version', '1', 'publication_names', $2) WITH ORDINALITY c),
  b AS (
    SELECT c.xid FROM c
     WHERE c.kind = 'B'
       AND pg_catalog.encode(pg_catalog.substr(c.data, 2, 8), 'hex') >= pg_catalog.lpad(pg_catalog.to_hex(($3::pg_lsn - '0/0'::pg_lsn)::int8), 16, '0')
     ORDER BY c.n LIMIT 1),
  r AS (
    SELECT pg_catalog.substr(c.data, 2, 4) AS relation, c.data, c.n,
           lead(c.n) OVER (PARTITION BY pg_catalog.substr(c.data, 2, 4) ORDER BY c.n) AS until
      FROM c WHERE c.kind = 'R')
SELECT b.xid = (SELECT (v.xid::text::numeric % 4294967296)::int8 FROM accord.version v WHERE v.version = $5)
   AND NOT EXISTS (
       SELECT FROM c JOIN r ON r.relation = pg_catalog.substr(c.data, 2, 4) AND c.n > r.n AND (r.until IS NULL OR c.n < r.until)
        WHERE c.xid = b.xid AND c.kind IN ('I', 'U', 'D')
          AND EXISTS (SELECT FROM pg_catalog.unnest($6::text[]) l (name), (VALUES ('\\x00'::bytea), ('\\x01')) f (flags)
                       WHERE position((f.flags || pg_catalog.convert_to(l.name, 'UTF8') || '\\x00'::bytea) IN r.data) > 0))
  FROM b";

/// Whether the first transaction that a slot's subscription has not applied yet is that of a version: the rows
/// before it are there, and its own may need what it changes. Not where some of them still go by a name that it
/// leaves: they come first. Read from a copy of the slot.
pub fn is_next(spi: &Spi, slot: &str, reached: &str, version: i64) -> Result<bool> {
    let rows = spi.query(
        "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p.name), ',') FROM accord.replica r, pg_catalog.unnest(r.publications) p (name)
          WHERE $1 = ANY (r.slots)",
        &[Arg::Text(slot)],
        See::Latest,
    )?;
    let Some(publications) = rows.first().and_then(|row| row.maybe_text(0)) else { return Ok(false) };
    let left = names_left(spi, version)?;
    let copy = format!("pg_accord_{}", std::process::id());
    spi.query(
        "SELECT pg_catalog.pg_copy_logical_replication_slot($1::name, $2::name, true)",
        &[Arg::Text(slot), Arg::Text(&copy)],
        See::Transaction,
    )?;
    let found = subtransaction(|| {
        spi.query(
            NEXT,
            &[Arg::Text(&copy), Arg::Text(&publications), Arg::Text(reached), Arg::Int(LOOK), Arg::Int(version), Arg::Texts(&left)],
            See::Transaction,
        )
    });
    spi.query("SELECT pg_catalog.pg_drop_replication_slot($1::name)", &[Arg::Text(&copy)], See::Transaction)?;
    let found = found.map_err(|error| crate::error::Error::internal(error.to_string()))?;
    Ok(found.first().is_some_and(|row| row.bool(0)))
}

/// Names of columns and tables that a version leaves. The columns of a table that goes leave no name: others' may be
/// called so.
fn names_left(spi: &Spi, version: i64) -> Result<Vec<String>> {
    let events = spi.query(
        "SELECT e.changes::text FROM accord.event e JOIN accord.version v USING (xid) WHERE v.version = $1",
        &[Arg::Int(version)],
        See::Latest,
    )?;
    let mut left = Vec::new();
    for event in &events {
        let changes: Vec<Change> = serde_json::from_str(&event.text(0))?;
        let of =
            |kind, operation| changes.iter().filter(move |change| change.kind() == Some(kind) && change.operation() == Some(operation));
        let dropped: Vec<&FactId> = of(Kind::Table, Operation::Drop).filter_map(Change::id).collect();
        let columns = of(Kind::Column, Operation::Drop)
            .filter(|column| !dropped.iter().any(|table| column.id().is_some_and(|column| column.path.starts_with(&table.path))));
        // A table's columns go with it to another name, and keep theirs.
        let renamed = of(Kind::Column, Operation::Rename).chain(of(Kind::Table, Operation::Rename)).filter(|change| {
            let name = |fact: &Option<Fact>| fact.as_ref().map(|fact| fact.id.name().clone());
            name(&change.before) != name(&change.after)
        });
        let names = columns.chain(of(Kind::Table, Operation::Drop)).chain(renamed);
        left.extend(names.filter_map(|change| change.before.as_ref()).map(|before| before.id.name().as_str().to_owned()));
    }
    Ok(left)
}

/// A version's rows are known to be all there.
pub fn pass(spi: &Spi, replica: i64, version: i64) -> Result<()> {
    spi.run(
        "UPDATE accord.delivery d SET unfenced_by = 'the stream stands before the version' FROM accord.replica r
          WHERE r.id = $1 AND d.replica = r.name AND d.version = $2 AND d.state = 'waiting for rows'",
        &[Arg::Int(replica), Arg::Int(version)],
    )
}
