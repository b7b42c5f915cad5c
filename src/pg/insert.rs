//! Rows into the extension's own tables without the executor: what every captured command pays for.
//!
//! A row goes in as the server's own catalogs take theirs: heap, then each index. No plan is looked up,
//! no search_path matters, no function that a user could have planted is called, and no privilege is
//! asked for: whoever runs DDL writes its record.

use crate::error::{Error, Result};
use pgrx::pg_sys;
use pgrx::prelude::*;

/// A column's value; its type must be the column's.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// NULL of any type.
    Null,
    /// `text`, `json`
    Text(&'a str),
    /// `text[]`
    Texts(&'a [String]),
    /// `bytea`
    Bytes(&'a [u8]),
    /// `uuid`
    Uuid(uuid::Uuid),
    /// `bigint`
    Long(i64),
    /// `integer`
    Int(i32),
    /// `oid`
    Oid(u32),
    /// `xid8`
    Xid(u64),
    /// `boolean`
    Bool(bool),
    /// `timestamptz`: the clock's time.
    Now,
    /// `pg_lsn`: where the WAL ends.
    WalEnd,
}

impl Value<'_> {
    fn datum(self) -> Option<pg_sys::Datum> {
        match self {
            Value::Null => None,
            Value::Text(text) => text.into_datum(),
            Value::Texts(texts) => texts.to_vec().into_datum(),
            Value::Bytes(bytes) => bytes.into_datum(),
            Value::Uuid(id) => pgrx::Uuid::from_bytes(*id.as_bytes()).into_datum(),
            Value::Long(value) => value.into_datum(),
            Value::Int(value) => value.into_datum(),
            Value::Oid(value) => pg_sys::Oid::from(value).into_datum(),
            Value::Xid(value) => Some(pg_sys::Datum::from(value)),
            Value::Bool(value) => value.into_datum(),
            // SAFETY: reads shared memory.
            Value::WalEnd => Some(pg_sys::Datum::from(unsafe { pg_sys::GetXLogInsertRecPtr() })),
            // SAFETY: reads the clock.
            Value::Now => Some(pg_sys::Datum::from(unsafe { pg_sys::GetCurrentTimestamp() })),
        }
    }
}

/// A table of the schema `accord`, open for inserting.
pub struct Table {
    relation: pg_sys::Relation,
    indexes: pg_sys::CatalogIndexState,
    /// Holds one row at a time.
    scratch: pg_sys::MemoryContext,
}

/// OID of a relation of the schema `accord`.
fn named(name: &std::ffi::CStr) -> Result<pg_sys::Oid> {
    // SAFETY: look-ups in the system caches, inside a transaction.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(c"accord".as_ptr(), true);
        if schema == pg_sys::Oid::INVALID { schema } else { pg_sys::get_relname_relid(name.as_ptr(), schema) }
    };
    if oid == pg_sys::Oid::INVALID {
        return Err(Error::internal(format!("accord.{} is missing", name.to_string_lossy()))
            .hint("A table of the extension was dropped: DROP EXTENSION pg_accord CASCADE, then create it again."));
    }
    Ok(oid)
}

/// The identity of this database's history.
pub fn ledger_id() -> Result<uuid::Uuid> {
    let rows = super::scan::rows(named(c"ledger")?.to_u32(), None, &[], &[c"id"]);
    match rows.first().and_then(|row| row.first()) {
        Some(crate::catalog::Cell::Text(id)) => id.parse().map_err(|_| Error::internal("the ledger's id is no UUID")),
        _ => Err(Error::internal("accord.ledger is empty")),
    }
}

impl Table {
    /// Opens a table of the schema `accord`.
    pub fn open(name: &std::ffi::CStr) -> Result<Self> {
        let oid = named(name)?;
        // SAFETY: closed by Drop; after an error the resource owner has closed both.
        unsafe {
            let relation = pg_sys::table_open(oid, pg_sys::RowExclusiveLock as i32);
            let scratch = pg_sys::AllocSetContextCreateExtended(
                pg_sys::CurrentMemoryContext,
                c"pg_accord row".as_ptr(),
                0,
                pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            );
            Ok(Self { relation, indexes: pg_sys::CatalogOpenIndexes(relation), scratch })
        }
    }

    /// Whether a publication carries the rows that are inserted. The relation cache knows.
    pub fn is_published(&self) -> bool {
        // SAFETY: the relation is open; the answer is written into memory of ours, or copied and freed.
        unsafe {
            if pg_sys::wal_level < pg_sys::WalLevel::WAL_LEVEL_LOGICAL as i32 {
                return false;
            }
            #[cfg(feature = "pg14")]
            {
                let actions = pg_sys::GetRelationPublicationActions(self.relation);
                let inserts = (*actions).pubinsert;
                pg_sys::pfree(actions.cast());
                inserts
            }
            #[cfg(not(feature = "pg14"))]
            {
                let mut published: pg_sys::PublicationDesc = std::mem::zeroed();
                pg_sys::RelationBuildPublicationDesc(self.relation, &raw mut published);
                published.pubactions.pubinsert
            }
        }
    }

    /// Inserts a row; columns that are not named are NULL.
    pub fn insert(&self, row: &[(&str, Value<'_>)]) -> Result<()> {
        self.insert_scratch(row, true)
    }

    /// Inserts what of a row there are columns for. DDL goes on where the library is newer than the extension's
    /// tables; ALTER EXTENSION UPDATE fills the columns that it adds.
    pub fn insert_known(&self, row: &[(&str, Value<'_>)]) -> Result<()> {
        self.insert_scratch(row, false)
    }

    fn insert_scratch(&self, row: &[(&str, Value<'_>)], whole: bool) -> Result<()> {
        // SAFETY: the context lives as long as the table is open; nothing made in it outlives the row. After an
        // error the abort restores the context of before.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(self.scratch);
            let outcome = self.insert_here(row, whole);
            pg_sys::MemoryContextSwitchTo(before);
            pg_sys::MemoryContextReset(self.scratch);
            outcome
        }
    }

    fn insert_here(&self, row: &[(&str, Value<'_>)], whole: bool) -> Result<()> {
        // SAFETY: the relation is open; values and nulls have an element for each of its columns, of the
        // column's type; the tuple lives in the current memory context.
        unsafe {
            let descriptor = std::mem::ManuallyDrop::new(pgrx::PgTupleDesc::from_pg_unchecked((*self.relation).rd_att));
            let mut values = vec![pg_sys::Datum::null(); descriptor.len()];
            let mut nulls = vec![true; descriptor.len()];
            let mut found = 0;
            for (i, attribute) in descriptor.iter().enumerate() {
                let name = pgrx::name_data_to_str(&attribute.attname);
                let Some((_, value)) = row.iter().find(|(column, _)| !attribute.attisdropped && *column == name) else { continue };
                found += 1;
                if let Some(datum) = value.datum() {
                    values[i] = datum;
                    nulls[i] = false;
                } else if attribute.attnotnull {
                    return Err(Error::internal(format!("no value for column {name}")));
                }
            }
            if whole && found != row.len() {
                return Err(Error::internal("a table of pg_accord lacks a column")
                    .hint("The library is newer than the extension's SQL: ALTER EXTENSION pg_accord UPDATE."));
            }
            let tuple = pg_sys::heap_form_tuple((*self.relation).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
            pg_sys::CatalogTupleInsertWithInfo(self.relation, tuple, self.indexes);
            pg_sys::heap_freetuple(tuple);
        }
        Ok(())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: opened by `open`. The lock stays until the transaction ends, as after any INSERT.
            unsafe {
                pg_sys::CatalogCloseIndexes(self.indexes);
                pg_sys::table_close(self.relation, pg_sys::NoLock as i32);
                pg_sys::MemoryContextDelete(self.scratch);
            }
        }
    }
}

unsafe extern "C-unwind" {
    fn nextval_internal(sequence: pg_sys::Oid, check_permissions: bool) -> i64;
}

/// The next value of a sequence of the schema `accord`.
pub fn next_value(sequence: &std::ffi::CStr) -> Result<i64> {
    let oid = named(sequence)?;
    // SAFETY: the server's own function, with this signature on every major; its errors are raised as panics.
    Ok(unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| nextval_internal(oid, false)) })
}
