//! The event and what it changed, inserted in the command's own transaction.

use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{Fingerprint, LocalKey};
use crate::pg::command;
use crate::pg::spi::{Arg, See, Spi};
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
pub fn insert(spi: &Spi, happening: &Happening<'_>, changes: &[Change], keys: &Keys) -> Result<()> {
    let mut rows = Rows::default();
    let appearing: HashSet<String> = changes.iter().filter_map(|c| c.after.as_ref()).map(|f| f.id.to_string()).collect();
    for (ordinal, change) in changes.iter().enumerate() {
        if let Some(before) = &change.before {
            let id = before.id.to_string();
            if !appearing.contains(&id) {
                rows.push(ordinal, id, String::new(), keys)?;
            }
        }
        if let Some(after) = &change.after {
            rows.push(ordinal, after.id.to_string(), Fingerprint(after.hash()).to_string(), keys)?;
        }
    }
    if changes.is_empty() {
        rows.nothing();
    }
    spi.query(
        "WITH e AS (
             INSERT INTO accord.event (id, xid, tag, kind, identity, statement, exact, at, concurrent, reconciled, unmodelled, context, changes)
             VALUES ($1::uuid, $2::xid8, $3, $4, $5, $6, $7, pg_catalog.clock_timestamp(), $8, $9, $10, $11::json, $12::json) RETURNING seq)
         INSERT INTO accord.pending (seq, ordinal, id, hash, classid, objid, objsubid, root_class, root)
         SELECT e.seq, p.ordinal::bigint, p.id, pg_catalog.decode(nullif(p.hash, ''), 'hex'), p.classid, p.objid, p.objsubid::bigint, p.root_class, p.root
           FROM e, ROWS FROM (pg_catalog.unnest($13::oid[]), pg_catalog.unnest($14::text[]), pg_catalog.unnest($15::text[]), pg_catalog.unnest($16::oid[]),
                              pg_catalog.unnest($17::oid[]), pg_catalog.unnest($18::oid[]), pg_catalog.unnest($19::oid[]), pg_catalog.unnest($20::oid[]))
                p(ordinal, id, hash, classid, objid, objsubid, root_class, root)",
        &[
            Arg::Text(&Uuid::now_v7().to_string()),
            Arg::Text(&command::top_xid().to_string()),
            Arg::Text(happening.tag),
            Arg::MaybeText(happening.kind),
            Arg::MaybeText(happening.identity),
            Arg::Text(happening.statement),
            Arg::Bool(happening.exact),
            Arg::Bool(happening.concurrently),
            Arg::Bool(happening.reconciled),
            Arg::Texts(happening.unmodelled),
            Arg::Text(happening.context),
            Arg::Text(&serde_json::to_string(changes)?),
            Arg::Oids(&rows.ordinals),
            Arg::Texts(&rows.ids),
            Arg::Texts(&rows.hashes),
            Arg::Oids(&rows.classids),
            Arg::Oids(&rows.objids),
            Arg::Oids(&rows.objsubids),
            Arg::Oids(&rows.root_classes),
            Arg::Oids(&rows.roots),
        ],
        See::Transaction,
    )?;
    crate::pg::xact::mark_captured();
    Ok(())
}

/// Rows of `accord.pending`, column by column.
#[derive(Default)]
struct Rows {
    ordinals: Vec<u32>,
    ids: Vec<String>,
    hashes: Vec<String>,
    classids: Vec<u32>,
    objids: Vec<u32>,
    objsubids: Vec<u32>,
    root_classes: Vec<u32>,
    roots: Vec<u32>,
}

impl Rows {
    fn push(&mut self, ordinal: usize, id: String, hash: String, keys: &Keys) -> Result<()> {
        let (key, root) = keys.get(&id).copied().ok_or_else(|| Error::internal(format!("{id} has no local key")))?;
        self.ordinals.push(ordinal as u32);
        self.ids.push(id);
        self.hashes.push(hash);
        self.classids.push(key.classid);
        self.objids.push(key.objid);
        self.objsubids.push(key.objsubid as u32);
        self.root_classes.push(root.0);
        self.roots.push(root.1);
        Ok(())
    }

    fn nothing(&mut self) {
        self.ids.push(String::new());
        self.hashes.push(String::new());
        for list in [&mut self.ordinals, &mut self.classids, &mut self.objids, &mut self.objsubids, &mut self.root_classes, &mut self.roots]
        {
            list.push(0);
        }
    }
}
