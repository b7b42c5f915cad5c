//! The event and what it changed, inserted in the command's own transaction.

use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{Fingerprint, LocalKey};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
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
    let (id, xid) = (Uuid::now_v7().to_string(), command::top_xid().to_string());
    let text = serde_json::to_string(changes)?;
    let event = [
        Arg::Text(&id),
        Arg::Text(&xid),
        Arg::Text(happening.tag),
        Arg::MaybeText(happening.kind),
        Arg::MaybeText(happening.identity),
        Arg::Text(happening.statement),
        Arg::Bool(happening.exact),
        Arg::Bool(happening.concurrently),
        Arg::Bool(happening.reconciled),
        Arg::Texts(happening.unmodelled),
        Arg::Text(happening.context),
        Arg::Text(&text),
    ];
    let inserted = spi.query(
        "INSERT INTO accord.event (id, xid, tag, kind, identity, statement, exact, at, concurrent, reconciled, unmodelled, context, changes)
         VALUES ($1::uuid, $2::xid8, $3, $4, $5, $6, $7, pg_catalog.clock_timestamp(), $8, $9, $10, $11::json, $12::json) RETURNING seq",
        &event,
        See::Transaction,
    )?;
    let seq = inserted.first().map(|row| row.int(0)).ok_or_else(|| Error::internal("the event was not inserted"))?;
    rows.insert(spi, seq)?;
    crate::pg::xact::mark_captured();
    Ok(())
}

/// Rows of `accord.pending`, column by column.
#[derive(Default)]
struct Rows {
    ordinals: Vec<i64>,
    ids: Vec<String>,
    hashes: Vec<String>,
    classids: Vec<i64>,
    objids: Vec<i64>,
    objsubids: Vec<i64>,
    root_classes: Vec<i64>,
    roots: Vec<i64>,
}

/// Up to so many rows go in one by one: setting up the arrays costs as much as three inserts.
const FEW: usize = 3;

impl Rows {
    fn insert(&self, spi: &Spi, seq: i64) -> Result<()> {
        if self.ids.len() <= FEW {
            for i in 0..self.ids.len() {
                spi.run(
                    "INSERT INTO accord.pending (seq, ordinal, id, hash, classid, objid, objsubid, root_class, root)
                     VALUES ($1, $2, $3, pg_catalog.decode(nullif($4, ''), 'hex'), $5, $6, $7, $8, $9)",
                    &[
                        Arg::Int(seq),
                        Arg::Int(self.ordinals[i]),
                        Arg::Text(&self.ids[i]),
                        Arg::Text(&self.hashes[i]),
                        Arg::Int(self.classids[i]),
                        Arg::Int(self.objids[i]),
                        Arg::Int(self.objsubids[i]),
                        Arg::Int(self.root_classes[i]),
                        Arg::Int(self.roots[i]),
                    ],
                )?;
            }
            return Ok(());
        }
        spi.run(
            "INSERT INTO accord.pending (seq, ordinal, id, hash, classid, objid, objsubid, root_class, root)
             SELECT $1, p.ordinal, p.id, pg_catalog.decode(nullif(p.hash, ''), 'hex'), p.classid, p.objid, p.objsubid, p.root_class, p.root
               FROM ROWS FROM (pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::bigint[]),
                               pg_catalog.unnest($6::bigint[]), pg_catalog.unnest($7::bigint[]), pg_catalog.unnest($8::bigint[]), pg_catalog.unnest($9::bigint[]))
                    p(ordinal, id, hash, classid, objid, objsubid, root_class, root)",
            &[
                Arg::Int(seq),
                Arg::Ints(&self.ordinals),
                Arg::Texts(&self.ids),
                Arg::Texts(&self.hashes),
                Arg::Ints(&self.classids),
                Arg::Ints(&self.objids),
                Arg::Ints(&self.objsubids),
                Arg::Ints(&self.root_classes),
                Arg::Ints(&self.roots),
            ],
        )
    }

    fn push(&mut self, ordinal: usize, id: String, hash: String, keys: &Keys) -> Result<()> {
        let (key, root) = keys.get(&id).copied().ok_or_else(|| Error::internal(format!("{id} has no local key")))?;
        self.ordinals.push(ordinal as i64);
        self.ids.push(id);
        self.hashes.push(hash);
        self.classids.push(i64::from(key.classid));
        self.objids.push(i64::from(key.objid));
        self.objsubids.push(i64::from(key.objsubid));
        self.root_classes.push(i64::from(root.0));
        self.roots.push(i64::from(root.1));
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
