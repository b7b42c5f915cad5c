//! Event triggers → outbox.
//!
//! `ddl_command_end` (with what `sql_drop` saw just before) lists the touched objects. Their families,
//! and whatever depends on them and whose text can have changed, are read again under one fresh
//! snapshot and compared with the last known facts; the difference is the event. No difference, no
//! event. The event is inserted in the command's own transaction, so a rollback, a savepoint's
//! rollback or PREPARE treats it right by itself.

mod added;
mod ahead;
mod fresh;
pub mod outbox;
mod read;
mod touched;
mod values;

pub use read::{read_everything, read_roots, read_unlinked};
pub use values::fill;

use crate::catalog::Aspects;
use crate::error::Result;
use crate::ledger::Found;
use crate::ledger::store::{self, Known};
use crate::model::Qualified;
use crate::pg::class;
use crate::pg::command::{self, BareColumns, Reach};
use crate::pg::event_trigger::{Call, Event, dropped_objects};
use crate::pg::guc::{CAPTURE, ON_CAPTURE_ERROR, OnCaptureError};
use crate::pg::hook;
use crate::pg::relation::Added;
use crate::pg::spi::{self, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use outbox::Happening;
use read::{covers, follow_renames, read_new_table, read_roots_aspects};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use touched::{Touched, dependents, granted, touched};
use values::add_values;

/// An object that `sql_drop` reported.
#[derive(Clone, Debug)]
struct Dropped {
    pub(super) objid: u32,
    pub(super) object_type: String,
    pub(super) identity: String,
    pub(super) original: bool,
    /// Schema and name, where they say which it was.
    pub(super) name: Option<[String; 2]>,
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
    // What an extension's script does is the extension's; the command that runs it comes after it.
    if !CAPTURE.get() || call.command.temporary || command::creating_extension() {
        return Ok(());
    }
    match call.event {
        Event::TableRewrite => note_rewrite(),
        Event::SqlDrop => {
            note_dropped();
            Ok(())
        }
        Event::DdlCommandEnd => {
            let dropped = DROPPED.take();
            let rewritten = REWRITTEN.take();
            // Temporary objects only, or nothing that was there.
            if call.command.drops && dropped.is_empty() {
                return Ok(());
            }
            if ON_CAPTURE_ERROR.get() == OnCaptureError::Abort {
                return record(call, &dropped, &rewritten);
            }
            if let Err(error) = subtransaction(|| record(call, &dropped, &rewritten)) {
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

fn note_dropped() {
    // Catalog, object, part, whether it was named and is normal, temporary; type, schema, name, identity.
    let ours = |r: &crate::catalog::Row| !r.bool(5) && r.maybe_text(7).as_deref() != Some("accord") && r.text(6) != "toast table";
    let dropped = |r: crate::catalog::Row| Dropped {
        objid: r.int(1) as u32,
        object_type: r.text(6),
        identity: r.text(9),
        original: r.bool(3),
        name: r.maybe_text(7).zip(r.maybe_text(8)).map(|(schema, name)| [schema, name]),
    };
    DROPPED.set(dropped_objects().into_iter().filter(ours).map(dropped).collect());
}

/// Who ran a command, from where, under which settings.
#[derive(Serialize)]
struct Context<'a> {
    session_user: String,
    role: String,
    search_path: &'a str,
    /// The schemas of that path that exist.
    schemas: Vec<String>,
    /// What the conversion of existing values can depend on.
    settings: BTreeMap<&'static str, String>,
    application_name: Option<String>,
    rewritten: Vec<RewriteNote>,
    /// Where tables were rewritten: slots of initial copies that were there then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copying: Vec<String>,
    /// The source and version that a replica was applying.
    origin: Option<(uuid::Uuid, i64)>,
}

#[derive(Serialize)]
struct RewriteNote {
    oid: u32,
    reason: i32,
}

/// The slots of initial copies of this database's tables. One that is made later waits for this transaction; the snapshot
/// of one that is there may have come before it.
fn copying() -> Result<Vec<String>> {
    spi::connect(|spi| {
        let _pinned = command::pin();
        let rows = spi.query(
            "SELECT s.slot_name::text FROM pg_catalog.pg_replication_slots s
              WHERE s.database = pg_catalog.current_database() AND s.slot_name ~ '^pg_[0-9]+_sync_' ORDER BY 1",
            &[],
            See::Latest,
        )?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    })
}

/// Records one command.
fn record(call: &Call, dropped: &[Dropped], rewritten: &[Rewrite]) -> Result<()> {
    let running = hook::running();
    let search_path = running.as_ref().map(|r| r.search_path.clone()).or_else(|| command::setting("search_path")).unwrap_or_default();
    let (session_user, role) = command::users();
    let schemas = command::search_path_schemas();
    // Only a command that converts existing values needs them.
    let settings = crate::replica::SETTINGS
        .iter()
        .filter(|_| call.command.alters_type)
        .filter_map(|name| Some((*name, command::setting(name)?)))
        .collect();
    let statement = running.as_ref().map(|r| r.statement.as_str());
    let (changes, keys, touched) = match call.command.bare_columns.as_ref().map_or(Added::Unclear, BareColumns::added) {
        Added::Temporary => return Ok(()),
        Added::Columns { table, schema, name, columns } => {
            let identity = Qualified::new(schema.as_str(), name.as_str()).to_string();
            let (changes, keys) = added::changes(table, &schema, &name, columns);
            (changes, keys, Touched { target: Some(("table".to_owned(), identity)), ..Touched::default() })
        }
        Added::Unclear => spi::connect(|spi| {
            let pinned = command::pin();
            let (mut found, touched) = compared(spi, call, dropped)?;
            if !found.changes.is_empty() {
                add_values(spi, &call.command, statement, &search_path, &pinned, &mut found.changes)?;
            }
            Ok((found.changes, found.keys, touched))
        })?,
    };
    if changes.is_empty() && touched.unmodelled.is_empty() {
        return Ok(());
    }
    let context = Context {
        session_user,
        role,
        search_path: &search_path,
        schemas,
        settings,
        application_name: command::setting("application_name"),
        rewritten: rewritten.iter().map(|&(oid, reason)| RewriteNote { oid, reason }).collect(),
        copying: if rewritten.is_empty() { Vec::new() } else { copying()? },
        origin: crate::replica::origin(),
    };
    let (kind, identity) = touched.target.as_ref().map_or((None, None), |(kind, identity)| (Some(kind.as_str()), Some(identity.as_str())));
    let whole;
    let mut evidence = if let Some(statement) = statement {
        statement
    } else {
        whole = command::debug_query_string().unwrap_or_default();
        &whole
    };
    let masked;
    if crate::secrets::is_secret_command(&call.tag) {
        masked = crate::secrets::mask_strings(evidence);
        evidence = &masked;
    }
    let happening = Happening {
        tag: &call.tag,
        kind,
        identity,
        statement: evidence,
        exact: statement.is_some(),
        concurrently: call.command.concurrently,
        reconciled: false,
        unmodelled: &touched.unmodelled,
        context: &serde_json::to_string(&context)?,
    };
    outbox::insert(&happening, &changes, &keys)
}

/// What a table can have that has just been created from nothing but its own definition.
const NEW_TABLE: Aspects = Aspects::RELATION
    .and(Aspects::COLUMNS)
    .and(Aspects::DEFAULTS)
    .and(Aspects::IDENTITY)
    .and(Aspects::CONSTRAINTS)
    .and(Aspects::SEQUENCES)
    .and(Aspects::PRIVILEGES)
    .and(Aspects::EDGES);

/// Reads what the command touched and compares it with the last known facts.
fn compared(spi: &Spi, call: &Call, dropped: &[Dropped]) -> Result<(Found, Touched)> {
    let mut touched = touched(spi, call, dropped)?;
    let _frozen = spi.freeze();
    let direct = touched.roots.clone();
    let aspects = match call.command.reach {
        // A serial column brings a sequence: then there is more to read than columns.
        Reach::AddColumn if direct.len() == 1 => {
            dependents(spi, &mut touched, true)?;
            // From 18 on, a NOT NULL is a constraint with a name.
            let constraints = if command::major() >= 18 { Aspects::CONSTRAINTS } else { Aspects::NONE };
            Aspects::COLUMNS | Aspects::DEFAULTS | Aspects::EDGES | constraints
        }
        Reach::Comment => Aspects::COMMENTS,
        Reach::Grant => {
            granted(spi, &mut touched)?;
            Aspects::PRIVILEGES
        }
        Reach::NewTable => NEW_TABLE,
        Reach::Create | Reach::Everything => Aspects::ALL,
        Reach::AddColumn | Reach::Dependents => {
            dependents(spi, &mut touched, false)?;
            Aspects::ALL
        }
    };
    let found = if touched.everything {
        crate::ledger::store_compare(spi, store::everything(spi)?, read_everything(spi)?)?
    } else {
        if touched.roots.is_empty() && touched.unmodelled.is_empty() {
            return Ok((Found::default(), touched));
        }
        let oids: Vec<u32> = touched.roots.iter().map(|(_, oid)| *oid).collect();
        // What the command names is read in the parts that it can have changed; what only depends on
        // it (a view whose text follows) is read whole.
        let (narrow, whole): (Vec<_>, Vec<_>) =
            touched.roots.iter().copied().partition(|root| direct.contains(root) || call.command.reach == Reach::Grant);
        let families = if call.command.reach == Reach::NewTable { Vec::new() } else { store::families(spi, &oids)? };
        let known = families
            .into_iter()
            .filter(|k| touched.roots.contains(&k.root) && (whole.contains(&k.root) || covers(aspects, &k.id)))
            .collect::<Vec<Known>>();
        let mut read = match (call.command.reach, narrow.as_slice()) {
            (Reach::NewTable, &[(class::RELATION, table)]) => read_new_table(spi, table, aspects)?,
            _ => read_roots_aspects(spi, &narrow, aspects)?,
        };
        if !whole.is_empty() {
            read.extend(read_roots(spi, &whole)?);
            follow_renames(&known, &mut read);
        }
        // Other objects come along with some queries: only the aspects that were asked for are compared.
        read.retain(|fact| fact.root.is_some_and(|root| whole.contains(&root)) || covers(aspects, &fact.id.to_string()));
        crate::ledger::store_compare(spi, known, read)?
    };
    Ok((found, touched))
}
