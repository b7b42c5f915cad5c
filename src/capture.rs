//! Event triggers → outbox.
//!
//! `ddl_command_end` (with what `sql_drop` saw just before) lists the touched objects. Their families,
//! and whatever depends on them and whose text can have changed, are read again under one fresh
//! snapshot and compared with the last known facts; the difference is the event. No difference, no
//! event. The event is inserted in the command's own transaction, so a rollback, a savepoint's
//! rollback or PREPARE treats it right by itself.

use crate::catalog::{self, Aspects, Objects, Reader, Row};
use crate::diff::Change;
use crate::error::{Error, Result};
use crate::hints;
use crate::ledger::store::{self, Known};
use crate::model::{Body, Fact, FactHash, FactId, Kind, LocalKey};
use crate::pg::class;
use crate::pg::command::{self, Command, Reach};
use crate::pg::event_trigger::{Call, Event};
use crate::pg::guc::{CAPTURE, ON_CAPTURE_ERROR, OnCaptureError};
use crate::pg::spi::{self, Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::pg::{hook, xact};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Reads catalogs through SPI.
pub struct SpiReader<'a>(pub &'a Spi);

impl Reader for SpiReader<'_> {
    type Error = Error;
    fn major(&self) -> u32 {
        command::major()
    }
    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> Result<Vec<Row>> {
        match oids {
            Some(oids) => self.0.query(sql, &[Arg::Oids(oids)], See::Latest),
            None => self.0.query(sql, &[], See::Latest),
        }
    }
}

/// An object that `sql_drop` reported.
#[derive(Clone, Debug)]
struct Dropped {
    objid: u32,
    object_type: String,
    identity: String,
    original: bool,
}

/// A table that `table_rewrite` reported, and the server's reason bits.
type Rewrite = (u32, i32);

thread_local! {
    // What the events before ddl_command_end saw of the same command. Cleared when it has been used;
    // a command that failed leaves its list to the next one's first event, which replaces it.
    static DROPPED: RefCell<Vec<Dropped>> = const { RefCell::new(Vec::new()) };
    static REWRITTEN: RefCell<Vec<Rewrite>> = const { RefCell::new(Vec::new()) };
}

/// Entry point of the event triggers.
pub fn on_event(call: &Call) -> Result<()> {
    if !CAPTURE.get()
        || call.command.temporary
        || (command::creating_extension() && call.tag != "CREATE EXTENSION" && call.tag != "ALTER EXTENSION")
    {
        return Ok(());
    }
    match call.event {
        Event::TableRewrite => note_rewrite(),
        Event::SqlDrop => spi::connect(note_dropped),
        Event::DdlCommandEnd => {
            let dropped = DROPPED.take();
            let rewritten = REWRITTEN.take();
            if ON_CAPTURE_ERROR.get() == OnCaptureError::Abort {
                return spi::connect(|spi| record(spi, call, &dropped, &rewritten));
            }
            if let Err(error) = subtransaction(|| spi::connect(|spi| record(spi, call, &dropped, &rewritten))) {
                pgrx::warning!(
                    "pg_accord could not record this command and lets it through: {error}. The next reconciliation finds what it did."
                );
            }
            Ok(())
        }
    }
}

fn note_rewrite() -> Result<()> {
    spi::connect(|spi| {
        let rows = spi.query(
            "SELECT pg_catalog.pg_event_trigger_table_rewrite_oid(), pg_catalog.pg_event_trigger_table_rewrite_reason()",
            &[],
            See::Transaction,
        )?;
        if let Some(row) = rows.first() {
            REWRITTEN.with_borrow_mut(|list| list.push((row.int(0) as u32, row.int(1) as i32)));
        }
        Ok(())
    })
}

fn note_dropped(spi: &Spi) -> Result<()> {
    let rows = spi.query(
        "SELECT d.objid, d.object_type, d.object_identity, d.original FROM pg_catalog.pg_event_trigger_dropped_objects() d
          WHERE NOT d.is_temporary AND d.schema_name IS DISTINCT FROM 'accord' AND d.object_type <> 'toast table'",
        &[],
        See::Transaction,
    )?;
    let list =
        rows.iter().map(|r| Dropped { objid: r.int(0) as u32, object_type: r.text(1), identity: r.text(2), original: r.bool(3) }).collect();
    DROPPED.set(list);
    Ok(())
}

/// What a command touched.
#[derive(Debug, Default)]
struct Touched {
    /// (classid, objid) of families to read again.
    roots: BTreeSet<(u32, u32)>,
    /// Objects whose dependents' texts can have changed: (refclassid, refobjid).
    objects: BTreeSet<(u32, u32)>,
    /// Identities of objects of kinds that are not modelled.
    unmodelled: Vec<String>,
    /// Kind and identity of the object that the command is about.
    target: Option<(String, String)>,
    /// The whole catalog.
    everything: bool,
}

/// The server's list of what the command did, as families.
fn touched(spi: &Spi, call: &Call, dropped: &[Dropped]) -> Result<Touched> {
    let mut touched = Touched { everything: call.command.reach == Reach::Everything, ..Touched::default() };
    let rows = spi.query(
        "SELECT c.classid, c.objid, c.object_type, c.schema_name, c.object_identity, c.in_extension
           FROM pg_catalog.pg_event_trigger_ddl_commands() c",
        &[],
        See::Transaction,
    )?;
    let mut relations: Vec<u32> = call.command.also.clone();
    if call.tag == "ALTER DEFAULT PRIVILEGES" {
        touched.unmodelled.push("default acl".to_owned());
    }
    let mut inner: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in &rows {
        let (object_type, identity) = (row.text(2), row.text(4));
        let schema = row.maybe_text(3);
        if row.bool(5) && object_type != "extension" || row.is_null(0) {
            continue;
        }
        if schema.as_deref() == Some("accord") || schema.as_deref().is_some_and(|s| s.starts_with("pg_temp") || s == "pg_toast") {
            continue;
        }
        let (classid, objid) = (row.int(0) as u32, row.int(1) as u32);
        match classid {
            class::RELATION => relations.push(objid),
            class::ROUTINE | class::SCHEMA | class::EXTENSION => {
                touched.roots.insert((classid, objid));
                touched.objects.insert((classid, objid));
            }
            class::TYPE | class::CONSTRAINT | class::TRIGGER | class::POLICY | class::REWRITE | class::DEFAULT => {
                inner.entry(classid).or_default().push(objid)
            }
            _ => {
                touched.unmodelled.push(format!("{object_type} {identity}"));
                touched.roots.insert((classid, objid));
            }
        }
        if touched.target.is_none() {
            touched.target = Some((object_type, identity));
        }
    }
    for (classid, oids) in inner {
        owners(spi, classid, &oids, &mut relations, &mut touched)?;
    }
    if !relations.is_empty() {
        resolve_relations(spi, &relations, &mut touched)?;
    }
    if !dropped.is_empty() {
        let oids: Vec<u32> = dropped.iter().map(|d| d.objid).collect();
        touched.roots.extend(store::roots_of(spi, &oids)?);
        for object in dropped.iter().filter(|d| d.original) {
            if touched.target.is_none() {
                touched.target = Some((object.object_type.clone(), object.identity.clone()));
            }
            if UNMODELLED_TYPES.contains(&object.object_type.as_str()) {
                touched.unmodelled.push(format!("{} {}", object.object_type, object.identity));
            }
        }
    }
    Ok(touched)
}

/// Object types, as PostgreSQL's event triggers name them, of kinds that are not modelled yet.
const UNMODELLED_TYPES: &[&str] = &[
    "cast",
    "operator",
    "operator class",
    "operator family",
    "access method",
    "collation",
    "conversion",
    "text search parser",
    "text search dictionary",
    "text search template",
    "text search configuration",
    "statistics object",
    "foreign-data wrapper",
    "server",
    "user mapping",
    "foreign table",
    "publication",
    "publication relation",
    "publication namespace",
    "subscription",
    "event trigger",
    "language",
    "transform",
    "default acl",
];

/// The families of objects that belong to a relation or a domain.
fn owners(spi: &Spi, classid: u32, oids: &[u32], relations: &mut Vec<u32>, touched: &mut Touched) -> Result<()> {
    let sql = match classid {
        class::TYPE => {
            "SELECT CASE WHEN t.typtype = 'c' THEN t.typrelid ELSE 0 END, t.oid FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1)"
        }
        class::CONSTRAINT => "SELECT c.conrelid, c.contypid FROM pg_catalog.pg_constraint c WHERE c.oid = ANY ($1)",
        class::TRIGGER => "SELECT t.tgrelid, 0::oid FROM pg_catalog.pg_trigger t WHERE t.oid = ANY ($1)",
        class::POLICY => "SELECT p.polrelid, 0::oid FROM pg_catalog.pg_policy p WHERE p.oid = ANY ($1)",
        class::REWRITE => "SELECT r.ev_class, 0::oid FROM pg_catalog.pg_rewrite r WHERE r.oid = ANY ($1)",
        _ => "SELECT d.adrelid, 0::oid FROM pg_catalog.pg_attrdef d WHERE d.oid = ANY ($1)",
    };
    for row in spi.query(sql, &[Arg::Oids(oids)], See::Latest)? {
        let (relation, other) = (row.int(0) as u32, row.int(1) as u32);
        if relation != 0 {
            relations.push(relation);
        } else if other != 0 {
            touched.roots.insert((class::TYPE, other));
        }
        if other != 0 {
            touched.objects.insert((class::TYPE, other));
        }
    }
    Ok(())
}

/// Relations as families: an index and an identity's sequence stand for their table, a parent brings its descendants, temporary
/// and TOAST tables are left out.
fn resolve_relations(spi: &Spi, relations: &[u32], touched: &mut Touched) -> Result<()> {
    let rows = spi.query(
        "SELECT c.oid, c.relkind, c.relhassubclass, coalesce(i.indrelid, s.refobjid, 0::oid), c.relpersistence, c.reltype, c.oid::pg_catalog.regclass::pg_catalog.text
           FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
           LEFT JOIN pg_catalog.pg_depend s ON c.relkind = 'S' AND s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.objid = c.oid
                AND s.refclassid = s.classid AND s.deptype = 'i'
          WHERE c.oid = ANY ($1)",
        &[Arg::Oids(relations)],
        See::Latest,
    )?;
    let mut parents = Vec::new();
    for row in rows {
        let (oid, relkind, index_of) = (row.int(0) as u32, row.text(1), row.int(3) as u32);
        if row.text(4) == "t" {
            continue;
        }
        match relkind.as_str() {
            "i" | "I" => {
                touched.roots.insert((class::RELATION, index_of));
                if relkind == "I" {
                    parents.push(index_of);
                }
            }
            // The sequence of an identity column is a part of its table.
            "S" if index_of != 0 => {
                touched.roots.insert((class::RELATION, index_of));
            }
            "r" | "p" | "v" | "m" | "S" | "c" => {
                touched.roots.insert((class::RELATION, oid));
                touched.objects.insert((class::RELATION, oid));
                if row.int(5) != 0 {
                    touched.objects.insert((class::TYPE, row.int(5) as u32));
                }
                if row.bool(2) {
                    parents.push(oid);
                }
            }
            "f" => {
                touched.unmodelled.push(format!("foreign table {}", row.text(6)));
                touched.roots.insert((class::RELATION, oid));
            }
            _ => {}
        }
    }
    if !parents.is_empty() {
        let rows = spi.query(
            "WITH RECURSIVE t(oid) AS (SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = ANY ($1)
               UNION SELECT i.inhrelid FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid) SELECT t.oid FROM t",
            &[Arg::Oids(&parents)],
            See::Latest,
        )?;
        for row in rows {
            touched.roots.insert((class::RELATION, row.int(0) as u32));
        }
    }
    Ok(())
}

/// Families of what depends on the touched objects.
fn dependents(spi: &Spi, touched: &mut Touched, only_views: bool) -> Result<()> {
    let oids: Vec<u32> = touched.objects.iter().map(|(_, oid)| *oid).collect();
    if oids.is_empty() {
        return Ok(());
    }
    let rows = if only_views {
        spi.query(
            "SELECT DISTINCT d.refclassid, d.refobjid, d.classid, d.objid FROM pg_catalog.pg_depend d
              WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1)
                AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass",
            &[Arg::Oids(&oids)],
            See::Latest,
        )?
    } else {
        spi.query(
            "SELECT DISTINCT d.refclassid, d.refobjid, d.classid, d.objid FROM pg_catalog.pg_depend d
              WHERE d.refclassid = ANY ('{pg_class,pg_type,pg_proc}'::pg_catalog.regclass[]) AND d.refobjid = ANY ($1) AND d.deptype <> 'e'",
            &[Arg::Oids(&oids)],
            See::Latest,
        )?
    };
    let mut relations = Vec::new();
    let mut inner: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in rows {
        if !touched.objects.contains(&(row.int(0) as u32, row.int(1) as u32)) {
            continue;
        }
        let (classid, objid) = (row.int(2) as u32, row.int(3) as u32);
        match classid {
            class::RELATION => relations.push(objid),
            class::ROUTINE => {
                touched.roots.insert((classid, objid));
            }
            class::TYPE | class::CONSTRAINT | class::TRIGGER | class::POLICY | class::REWRITE | class::DEFAULT => {
                inner.entry(classid).or_default().push(objid)
            }
            _ => {}
        }
    }
    for (classid, oids) in inner {
        owners(spi, classid, &oids, &mut relations, touched)?;
    }
    if !relations.is_empty() {
        resolve_relations(spi, &relations, touched)?;
    }
    Ok(())
}

/// GRANT and REVOKE report nothing that could be looked up: the rows that they wrote carry their XID.
fn granted(spi: &Spi, touched: &mut Touched) -> Result<()> {
    let xid = command::current_xid().to_string();
    let rows = spi.query(
        "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid FROM pg_catalog.pg_class c WHERE c.xmin = $1::xid AND c.relpersistence <> 't'
         UNION SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, a.attrelid FROM pg_catalog.pg_attribute a
               JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE a.xmin = $1::xid AND c.relpersistence <> 't'
         UNION SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::oid, p.oid FROM pg_catalog.pg_proc p WHERE p.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.oid FROM pg_catalog.pg_type t WHERE t.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, n.oid FROM pg_catalog.pg_namespace n WHERE n.xmin = $1::xid",
        &[Arg::Text(&xid)],
        See::Latest,
    )?;
    touched.roots.extend(rows.iter().map(|row| (row.int(0) as u32, row.int(1) as u32)));
    Ok(())
}

/// Records one command.
fn record(spi: &Spi, call: &Call, dropped: &[Dropped], rewritten: &[Rewrite]) -> Result<()> {
    let running = hook::running();
    let search_path = running.as_ref().map(|r| r.search_path.clone()).or_else(|| command::setting("search_path")).unwrap_or_default();
    let (session_user, role) = command::users();
    let schemas = command::search_path_schemas();
    // Only a command that converts existing values needs them.
    let settings: serde_json::Map<String, serde_json::Value> = crate::replica::SETTINGS
        .iter()
        .filter(|_| call.command.alters_type)
        .filter_map(|name| Some(((*name).to_owned(), command::setting(name)?.into())))
        .collect();
    let pinned = command::pin();
    let mut touched = touched(spi, call, dropped)?;
    let frozen = spi.freeze();
    let direct = touched.roots.clone();
    let aspects = match call.command.reach {
        Reach::AddColumn => {
            dependents(spi, &mut touched, true)?;
            Aspects::COLUMNS | Aspects::DEFAULTS | Aspects::EDGES
        }
        Reach::Comment => Aspects::COMMENTS,
        Reach::Grant => {
            granted(spi, &mut touched)?;
            Aspects::PRIVILEGES
        }
        Reach::Create | Reach::Everything => Aspects::ALL,
        Reach::Dependents => {
            dependents(spi, &mut touched, false)?;
            Aspects::ALL
        }
    };
    let found = if touched.everything {
        crate::ledger::store_compare(spi, store::everything(spi)?, read_everything(spi)?)?
    } else {
        if touched.roots.is_empty() && touched.unmodelled.is_empty() {
            return Ok(());
        }
        let oids: Vec<u32> = touched.roots.iter().map(|(_, oid)| *oid).collect();
        // What the command names is read in the parts that it can have changed; what only depends on
        // it (a view whose text follows) is read whole.
        let (narrow, whole): (Vec<_>, Vec<_>) =
            touched.roots.iter().copied().partition(|root| direct.contains(root) || call.command.reach == Reach::Grant);
        let known = store::families(spi, &oids)?
            .into_iter()
            .filter(|k| touched.roots.contains(&k.root) && (whole.contains(&k.root) || covers(aspects, &k.id)))
            .collect::<Vec<Known>>();
        let mut read = read_roots_aspects(spi, &narrow, aspects)?;
        if !whole.is_empty() {
            read.extend(read_roots(spi, &whole)?);
        }
        // Other objects come along with some queries: only the aspects that were asked for are compared.
        read.retain(|fact| fact.root.is_some_and(|root| whole.contains(&root)) || covers(aspects, &fact.id.to_string()));
        crate::ledger::store_compare(spi, known, read)?
    };
    let mut changes = found.changes;
    if changes.is_empty() && touched.unmodelled.is_empty() {
        return Ok(());
    }
    let statement = running.as_ref().map(|r| r.statement.clone());
    add_values(spi, &call.command, statement.as_deref(), &search_path, &pinned, &mut changes)?;
    drop(frozen);
    let context = serde_json::json!({
        "session_user": session_user,
        "role": role,
        "search_path": search_path,
        "schemas": schemas,
        "settings": settings,
        "application_name": command::setting("application_name"),
        "rewritten": rewritten.iter().map(|(oid, reason)| serde_json::json!({"oid": oid, "reason": reason})).collect::<Vec<_>>(),
        "origin": crate::replica::origin(),
    });
    let exact = statement.is_some();
    let statement = statement.unwrap_or_else(query_string);
    let text = serde_json::to_string(&changes)?;
    let (kind, identity) = touched.target.map_or((None, None), |(kind, identity)| (Some(kind), Some(identity)));
    let rows = spi.query(
        "INSERT INTO accord.event (id, xid, tag, kind, identity, statement, exact, at, concurrent, unmodelled, context, changes)
         VALUES ($1::uuid, $2::xid8, $3, $4, $5, $6, $7, pg_catalog.clock_timestamp(), $8, $9, $10::json, $11::json) RETURNING seq",
        &[
            Arg::Text(&Uuid::now_v7().to_string()),
            Arg::Text(&command::top_xid().to_string()),
            Arg::Text(&call.tag),
            Arg::MaybeText(kind.as_deref()),
            Arg::MaybeText(identity.as_deref()),
            Arg::Text(&statement),
            Arg::Bool(exact),
            Arg::Bool(call.command.concurrently),
            Arg::Texts(&touched.unmodelled),
            Arg::Text(&context.to_string()),
            Arg::Text(&text),
        ],
        See::Transaction,
    )?;
    insert_pending(spi, rows[0].int(0), &changes, &found.keys)?;
    xact::mark_captured();
    drop(pinned);
    Ok(())
}

/// Whether a fact with this id is among what a read of these aspects brings.
fn covers(aspects: Aspects, id: &str) -> bool {
    let (word, rest) = id.split_once(' ').unwrap_or((id, ""));
    if word == "comment" {
        // Comments on parts come with the parts; those on the relation and its columns by themselves.
        let on = rest.strip_prefix("on ").unwrap_or_default();
        let relation =
            ["table", "view", "materialized view", "composite type", "column", "attribute"].iter().any(|kind| on.starts_with(kind));
        return aspects.contains(Aspects::COMMENTS) && (relation || covers(aspects, on));
    }
    let part = match word {
        "column" | "attribute" | "position" => Aspects::COLUMNS,
        "default" => Aspects::DEFAULTS,
        "identity" => Aspects::IDENTITY,
        "grant" | "owner" => Aspects::PRIVILEGES,
        "constraint" => Aspects::CONSTRAINTS,
        "index" => Aspects::INDEXES,
        "trigger" => Aspects::TRIGGERS,
        "policy" => Aspects::POLICIES,
        "rule" => Aspects::RULES,
        "partition" | "inheritance" => Aspects::INHERITANCE,
        "sequence" => Aspects::SEQUENCES,
        _ => Aspects::RELATION,
    };
    aspects.contains(part)
}

/// The whole query string, where the hook did not see the statement begin.
fn query_string() -> String {
    command::debug_query_string().unwrap_or_default()
}

/// Overlays the last known facts with what an event changed. An event without changes leaves a
/// row that names no fact, so that sealing finds it.
pub fn insert_pending(spi: &Spi, seq: i64, changes: &[Change], keys: &HashMap<String, (LocalKey, (u32, u32))>) -> Result<()> {
    const INSERT: &str = "INSERT INTO accord.pending (seq, ordinal, id, hash, classid, objid, objsubid, root_class, root)
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let insert = |ordinal: usize, id: &str, hash: Option<&FactHash>| -> Result<()> {
        let (key, root) = keys.get(id).copied().ok_or_else(|| Error::internal(format!("{id} has no local key")))?;
        spi.run(
            INSERT,
            &[
                Arg::Int(seq),
                Arg::Int(ordinal as i64),
                Arg::Text(id),
                Arg::MaybeBytes(hash.map(|h| &h[..])),
                Arg::Oid(key.classid),
                Arg::Oid(key.objid),
                Arg::Int(i64::from(key.objsubid)),
                Arg::Oid(root.0),
                Arg::Oid(root.1),
            ],
        )
    };
    let appearing: HashSet<String> = changes.iter().filter_map(|c| c.after.as_ref()).map(|f| f.id.to_string()).collect();
    for (ordinal, change) in changes.iter().enumerate() {
        if let Some(before) = &change.before {
            let id = before.id.to_string();
            if !appearing.contains(&id) {
                insert(ordinal, &id, None)?;
            }
        }
        if let Some(after) = &change.after {
            insert(ordinal, &after.id.to_string(), Some(&after.hash()))?;
        }
    }
    if changes.is_empty() {
        spi.run(
            INSERT,
            &[
                Arg::Int(seq),
                Arg::Int(-1),
                Arg::Text(""),
                Arg::MaybeBytes(None),
                Arg::Oid(0),
                Arg::Oid(0),
                Arg::Int(0),
                Arg::Oid(0),
                Arg::Oid(0),
            ],
        )?;
    }
    Ok(())
}

/// Adds what the catalogs do not tell by comparison: USING expressions, and the values that existing
/// rows hold in a new column.
fn add_values(
    spi: &Spi,
    command: &Command,
    statement: Option<&str>,
    search_path: &str,
    pinned: &command::Pinned,
    changes: &mut [Change],
) -> Result<()> {
    if command.adds_default {
        let created: Vec<(usize, u32, i32)> = changes
            .iter()
            .enumerate()
            .filter(|(_, c)| c.before.is_none())
            .filter_map(|(i, c)| {
                c.after.as_ref().filter(|f| f.id.kind == Kind::Column).and_then(|f| f.key).map(|k| (i, k.objid, k.objsubid))
            })
            .collect();
        if !created.is_empty() && changes.iter().any(|c| c.before.is_none() && c.kind() == Some(Kind::Default))
            || created.iter().any(|(i, ..)| uses_domain(&changes[*i]))
        {
            let oids: Vec<u32> = created.iter().map(|(_, oid, _)| *oid).collect();
            let mut values: HashMap<(u32, i32), String> = HashMap::new();
            for row in spi.query(
                "SELECT a.attrelid, a.attnum, (a.attmissingval::pg_catalog.text::pg_catalog.text[])[1]
                   FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1) AND a.atthasmissing",
                &[Arg::Oids(&oids)],
                See::Latest,
            )? {
                if let Some(value) = row.maybe_text(2) {
                    values.insert((row.int(0) as u32, row.int(1) as i32), value);
                }
            }
            let mut volatile: HashSet<FactId> = HashSet::new();
            for (i, oid, number) in created {
                match values.remove(&(oid, number)) {
                    Some(value) => changes[i].fill = Some(value),
                    None => {
                        if let Some(fact) = &changes[i].after {
                            volatile.insert(FactId { kind: Kind::Default, ..fact.id.clone() });
                        }
                    }
                }
            }
            for change in changes.iter_mut() {
                if let Some(after) = &mut change.after
                    && volatile.contains(&after.id)
                    && matches!(&after.body, Body::Default(d) if d.generated.is_none())
                {
                    after.notes.insert("volatile".to_owned(), serde_json::Value::Bool(true));
                }
            }
        }
    }
    if command.alters_type
        && let Some(statement) = statement
    {
        let expressions = match hints::using_expressions(statement) {
            Ok(expressions) => expressions,
            Err(error) if statement.to_ascii_lowercase().contains("using") => {
                return Err(Error::new(pgrx::PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "the USING expression of this type change cannot be recorded")
                    .detail(error.to_string())
                    .hint("Write the ALTER TABLE with only this type change, or set accord.on_capture_error = warn and change the replicas by hand."));
            }
            Err(_) => Vec::new(),
        };
        for (column, expression) in expressions {
            let change = changes
                .iter_mut()
                .find(|c| c.before.is_some() && c.kind() == Some(Kind::Column) && c.id().is_some_and(|id| id.name().as_str() == column));
            if let Some(change) = change {
                pinned.set("search_path", search_path);
                let qualified = hints::qualify(expression, &mut |name| visible_function(spi, name), &mut |name| visible_type(spi, name));
                pinned.set("search_path", "pg_catalog, pg_temp");
                change.using = Some(qualified?);
            }
        }
    }
    Ok(())
}

fn uses_domain(change: &Change) -> bool {
    change.after.as_ref().is_some_and(|fact| !fact.depends.is_empty())
}

fn visible_function(spi: &Spi, name: &str) -> Result<Option<String>> {
    let rows = spi.query(
        "SELECT n.nspname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
          WHERE p.proname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND pg_catalog.pg_function_is_visible(p.oid) LIMIT 1",
        &[Arg::Text(name)],
        See::Latest,
    )?;
    Ok(rows.first().map(|row| row.text(0)))
}

fn visible_type(spi: &Spi, name: &str) -> Result<Option<String>> {
    let rows = spi.query(
        "SELECT n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
          WHERE t.typname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND pg_catalog.pg_type_is_visible(t.oid) LIMIT 1",
        &[Arg::Text(name)],
        See::Latest,
    )?;
    Ok(rows.first().map(|row| row.text(0)))
}

/// Reads the whole schema.
pub fn read_everything(spi: &Spi) -> Result<Vec<Fact>> {
    let read = catalog::read_all(&mut SpiReader(spi))?;
    resolve(spi, read)
}

/// Reads these families whole.
pub fn read_roots(spi: &Spi, roots: &[(u32, u32)]) -> Result<Vec<Fact>> {
    read_roots_aspects(spi, roots, Aspects::ALL)
}

fn read_roots_aspects(spi: &Spi, roots: &[(u32, u32)], aspects: Aspects) -> Result<Vec<Fact>> {
    let mut objects = Objects { aspects, ..Objects::default() };
    for &(classid, oid) in roots {
        match classid {
            class::RELATION => objects.relations.push(oid),
            class::TYPE => objects.types.push(oid),
            class::ROUTINE => objects.routines.push(oid),
            class::SCHEMA => objects.schemas.push(oid),
            class::EXTENSION => objects.extensions.push(oid),
            _ => objects.unmodelled.push((classid, oid)),
        }
    }
    let read = catalog::read_objects(&mut SpiReader(spi), &objects)?;
    resolve(spi, read)
}

/// Resolves the edges that lead out of what was read.
fn resolve(spi: &Spi, read: catalog::Read) -> Result<Vec<Fact>> {
    let catalog::Read { mut facts, unresolved } = read;
    if !unresolved.is_empty() {
        let keys: Vec<LocalKey> = unresolved.iter().map(|(_, key)| *key).collect();
        let found = store::facts_of(spi, &keys)?;
        for (i, key) in unresolved {
            for id in found.get(&key).into_iter().flatten() {
                if !facts[i].depends.contains(id) && facts[i].id != *id {
                    facts[i].depends.push(id.clone());
                }
            }
        }
    }
    Ok(facts)
}
