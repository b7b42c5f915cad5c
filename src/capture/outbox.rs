//! The event and what it changed, inserted in the command's own transaction.

use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{FactId, LocalKey};
use crate::pg::command;
use crate::pg::insert::{Table, Value, ledger_id, next_value};
use crate::pg::relation;
use crate::pg::spi::{self, Arg, Cells, See};
use crate::protocol;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Local keys and families of the facts that changes speak of.
pub type Keys = HashMap<String, (LocalKey, (u32, u32))>;

/// What is known of a command beside its changes.
pub struct Happening<'a> {
    /// Command tag.
    pub tag: &'a str,
    /// Kind of the object that it is about.
    pub kind: Option<&'a str>,
    /// Identity of that object.
    pub identity: Option<&'a str>,
    /// The client's statement.
    pub statement: &'a str,
    /// The statement is the command's own text, and not a whole query string.
    pub exact: bool,
    /// CONCURRENTLY.
    pub concurrently: bool,
    /// No command, but the result of a comparison.
    pub reconciled: bool,
    /// Identities of touched objects that are not modelled.
    pub unmodelled: &'a [String],
    /// Who, from where, under which settings: JSON.
    pub context: &'a str,
}

/// Inserts an event of the current transaction and overlays the last known facts with what it
/// changed: one row for each fact, or, where none changed, a row that names none, so that sealing
/// finds the event.
pub fn insert(happening: &Happening<'_>, changes: &[Change], keys: &Keys) -> Result<()> {
    let event = insert_event(command::top_xid(), happening, changes)?;
    overlay(event.seq, changes, keys)?;
    crate::pg::xact::mark_captured();
    Ok(())
}

/// An event that was inserted.
pub struct Inserted {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// Its changes as they are stored.
    pub changes: String,
}

/// Inserts an event of a transaction with its fence, and nothing that waits to be sealed.
pub fn insert_event<'b>(xid: u64, happening: &Happening<'b>, changes: &[Change]) -> Result<Inserted> {
    let (id, decoded, changes) = (Uuid::now_v7(), changes, serde_json::to_string(changes)?);
    let maybe = |value: Option<&'b str>| value.map_or(Value::Null, Value::Text);
    let seq = next_value(c"event_seq_seq")?;
    Table::open(c"event")?.insert(&[
        ("seq", Value::Long(seq)),
        ("id", Value::Uuid(id)),
        ("xid", Value::Xid(xid)),
        ("tag", Value::Text(happening.tag)),
        ("kind", maybe(happening.kind)),
        ("identity", maybe(happening.identity)),
        ("statement", Value::Text(happening.statement)),
        ("exact", Value::Bool(happening.exact)),
        ("at", Value::Now),
        ("lsn", Value::WalEnd),
        ("concurrent", Value::Bool(happening.concurrently)),
        ("reconciled", Value::Bool(happening.reconciled)),
        ("unmodelled", Value::Texts(happening.unmodelled)),
        ("context", Value::Text(happening.context)),
        ("changes", Value::Text(&changes)),
    ])?;
    fence(id, decoded)?;
    Ok(Inserted { seq, id, changes })
}

/// The event's fence, where a publication carries such. A publication that comes later is sent those that it lacks.
fn fence(event: Uuid, changes: &[Change]) -> Result<()> {
    let table = Table::open(c"fence")?;
    if !table.is_published() {
        return Ok(());
    }
    let marks = protocol::marks(changes);
    table.insert_known(&[
        ("id", Value::Uuid(Uuid::now_v7())),
        ("event", Value::Uuid(event)),
        ("source", Value::Uuid(ledger_id()?)),
        ("turns", Value::Bool(marks.turns)),
        ("frees", Value::Bool(marks.frees)),
        ("takes", Value::Bool(marks.takes)),
        ("stops", Value::Bool(false)),
        ("at", Value::Now),
    ])?;
    describe_anew(changes)
}

/// Has the tables of an event, and of a partition all that hang together with it, described to subscribers again before
/// their next rows: an apply worker that has one of them copied anew learns by that alone that its rows are not to be
/// applied any longer. PostgreSQL describes only what was altered itself.
fn describe_anew(changes: &[Change]) -> Result<()> {
    let mut tables = protocol::touched(changes.iter());
    tables.extend(protocol::above(changes.iter()));
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    spi::connect(|spi| {
        let _pinned = command::pin();
        let rows = spi.query(
            // pg_partition_tree() would lock them all, and wait for whoever has locked one.
            "WITH RECURSIVE up (oid) AS (
                 SELECT r.oid::pg_catalog.oid FROM pg_catalog.unnest($1) t (name), pg_catalog.to_regclass(t.name) r (oid) WHERE r.oid IS NOT NULL
                 UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN up u ON i.inhrelid = u.oid),
             tree (oid) AS (
                 SELECT u.oid FROM up u UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree t ON i.inhparent = t.oid)
             SELECT t.oid FROM tree t",
            &[Arg::Texts(&tables)],
            See::Latest,
        )?;
        for row in &rows {
            relation::describe_anew(row.int(0) as u32);
        }
        Ok(())
    })
}

/// The rows of `accord.pending`.
fn overlay(seq: i64, changes: &[Change], keys: &Keys) -> Result<()> {
    let pending = Table::open(c"pending")?;
    let row = |ordinal: usize, id: &str, hash: Value<'_>, (key, root): (LocalKey, (u32, u32))| {
        pending.insert(&[
            ("seq", Value::Long(seq)),
            ("ordinal", Value::Int(ordinal as i32)),
            ("id", Value::Text(id)),
            ("hash", hash),
            ("classid", Value::Oid(key.classid)),
            ("objid", Value::Oid(key.objid)),
            ("objsubid", Value::Int(key.objsubid)),
            ("root_class", Value::Oid(root.0)),
            ("root", Value::Oid(root.1)),
        ])
    };
    let of = |id: &str| keys.get(id).copied().ok_or_else(|| Error::internal(format!("{id} has no local key")));
    // A fact that another change brings back under the same id is there.
    let appearing: HashSet<&FactId> = changes.iter().filter_map(|c| c.after.as_ref()).map(|f| &f.id).collect();
    for (ordinal, change) in changes.iter().enumerate() {
        if let Some(before) = change.before.as_ref().filter(|before| !appearing.contains(&before.id)) {
            let id = before.id.to_string();
            row(ordinal, &id, Value::Null, of(&id)?)?;
        }
        if let Some(after) = &change.after {
            let id = after.id.to_string();
            row(ordinal, &id, Value::Bytes(&after.hash()), of(&id)?)?;
        }
    }
    if changes.is_empty() {
        row(0, "", Value::Null, (LocalKey { classid: 0, objid: 0, objsubid: 0 }, (0, 0)))?;
    }
    Ok(())
}
