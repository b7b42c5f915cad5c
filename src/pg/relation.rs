//! A table's columns straight from the relation cache: what ALTER TABLE … ADD COLUMN did, without a query.

use super::{class, scan};
use crate::catalog::Cell;
use pgrx::pg_sys;
use std::ffi::CStr;

/// A column that a command has just added: of a built-in type, with nothing beside NOT NULL.
#[derive(Clone, Debug)]
pub struct AddedColumn {
    /// Column number.
    pub number: i16,
    /// Name.
    pub name: String,
    /// `format_type`'s text.
    pub data_type: String,
    /// NOT NULL.
    pub not_null: bool,
    /// The live column before it.
    pub after: Option<String>,
}

/// What ALTER TABLE … ADD COLUMN did to a table.
#[derive(Clone, Debug)]
pub enum Added {
    /// A temporary table: nothing to record.
    Temporary,
    /// These columns of this table, and nothing else anywhere.
    Columns {
        /// OID of the table.
        table: u32,
        /// Schema.
        schema: String,
        /// Name.
        name: String,
        /// In the order of their numbers.
        columns: Vec<AddedColumn>,
    },
    /// More than can be told from here: the catalogs have to be read.
    Unclear,
}

/// # Safety
/// `text` is a palloc'ed C string or null.
unsafe fn owned(text: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: as the caller promises; the text is copied.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// What an ALTER TABLE that only adds columns without constraints or defaults has done.
///
/// # Safety
/// `alter` is the parse tree of such a command, which has just been carried out.
pub unsafe fn added_columns(alter: *mut pg_sys::AlterTableStmt) -> Added {
    // SAFETY: the lock that the command took is held until the transaction ends, so the relation
    // stays as it is; its cache entry is pinned between get and close.
    unsafe {
        let mut names = Vec::new();
        for cmd in super::command::items::<pg_sys::AlterTableCmd>((*alter).cmds) {
            let column = (*cmd).def.cast::<pg_sys::ColumnDef>();
            if column.is_null()
                || (*cmd).missing_ok
                || !(*column).collClause.is_null()
                || !(*column).compression.is_null()
                || (*column).storage != 0
            {
                return Added::Unclear;
            }
            #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
            if !(*column).storage_name.is_null() {
                return Added::Unclear;
            }
            match owned((*column).colname) {
                Some(name) => names.push(name),
                None => return Added::Unclear,
            }
        }
        let oid = pg_sys::RangeVarGetRelidExtended(
            (*alter).relation,
            pg_sys::NoLock as i32,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        );
        if oid == pg_sys::Oid::INVALID {
            return Added::Unclear;
        }
        let relation = pg_sys::RelationIdGetRelation(oid);
        if relation.is_null() {
            return Added::Unclear;
        }
        let added = of_relation(oid, relation, &names);
        pg_sys::RelationClose(relation);
        added
    }
}

/// A table that CREATE TABLE has just made.
#[derive(Clone, Debug)]
pub struct CreatedTable {
    /// OID of the table.
    pub oid: u32,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
}

/// The permanent table that a CREATE TABLE has just made; `None` where there is more to it.
///
/// # Safety
/// `create` is the parse tree of such a command, which has just been carried out.
pub unsafe fn created_table(create: *mut pg_sys::CreateStmt) -> Option<CreatedTable> {
    // SAFETY: the lock of the command's transaction keeps the relation as it is; its cache entry is
    // pinned between get and close.
    unsafe {
        let name = owned((*(*create).relation).relname)?;
        // Where the command put it: the path that names are looked up by begins elsewhere.
        let namespace = pg_sys::RangeVarGetCreationNamespace((*create).relation);
        let oid = pg_sys::get_relname_relid((*(*create).relation).relname, namespace);
        if oid == pg_sys::Oid::INVALID {
            return None;
        }
        let relation = pg_sys::RelationIdGetRelation(oid);
        if relation.is_null() {
            return None;
        }
        let class = (*relation).rd_rel;
        let plain = (*class).relkind == pg_sys::RELKIND_RELATION as std::ffi::c_char
            || (*class).relkind == pg_sys::RELKIND_PARTITIONED_TABLE as std::ffi::c_char;
        let permanent = (*class).relpersistence != pg_sys::RELPERSISTENCE_TEMP as std::ffi::c_char;
        pg_sys::RelationClose(relation);
        let schema = owned(pg_sys::get_namespace_name(namespace)).filter(|schema| !is_ours(schema))?;
        (plain && permanent).then(|| CreatedTable { oid: oid.to_u32(), schema, name })
    }
}

/// Whether a schema is this extension's: what is in it is in no model.
fn is_ours(schema: &str) -> bool {
    schema == "accord" || schema == crate::plan::KEPT_SCHEMA
}

/// # Safety
/// `relation` is an open relation cache entry.
unsafe fn of_relation(oid: pg_sys::Oid, relation: pg_sys::Relation, names: &[String]) -> Added {
    // SAFETY: as the caller promises; the tuple descriptor has natts attributes.
    unsafe {
        let class = (*relation).rd_rel;
        if (*class).relpersistence == pg_sys::RELPERSISTENCE_TEMP as std::ffi::c_char {
            return Added::Temporary;
        }
        let plain =
            (*class).relkind == pg_sys::RELKIND_RELATION as std::ffi::c_char && !(*class).relispartition && !(*class).relhassubclass;
        let member = pg_sys::getExtensionOfObject(pg_sys::Oid::from(class::RELATION), oid) != pg_sys::Oid::INVALID;
        let Some(schema) = owned(pg_sys::get_namespace_name((*class).relnamespace)).filter(|schema| !is_ours(schema)) else {
            return Added::Unclear;
        };
        if !plain || member || is_viewed(oid) {
            return Added::Unclear;
        }
        // The descriptor belongs to the cache entry: this view of it neither copies nor frees.
        let descriptor = std::mem::ManuallyDrop::new(pgrx::PgTupleDesc::from_pg_unchecked((*relation).rd_att));
        let mut columns = Vec::new();
        let mut last: Option<String> = None;
        for attribute in descriptor.iter() {
            if attribute.attisdropped {
                continue;
            }
            let name = pgrx::name_data_to_str(&attribute.attname).to_owned();
            if names.contains(&name) {
                let built_in = attribute.atttypid.to_u32() < pg_sys::FirstNormalObjectId;
                if !built_in
                    || attribute.atthasdef
                    || attribute.attidentity != 0
                    || attribute.attgenerated != 0
                    || attribute.attinhcount != 0
                    // From 18 on, its NOT NULL is a constraint with a name.
                    || cfg!(feature = "pg18") && attribute.attnotnull
                {
                    return Added::Unclear;
                }
                let data_type = pg_sys::format_type_extended(
                    attribute.atttypid,
                    attribute.atttypmod,
                    pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN as pg_sys::bits16,
                );
                // Qualified only where the user's path hides the built-in type behind another.
                let Some(data_type) = owned(data_type).filter(|text| !text.starts_with("pg_catalog.")) else { return Added::Unclear };
                columns.push(AddedColumn {
                    number: attribute.attnum,
                    name: name.clone(),
                    data_type,
                    not_null: attribute.attnotnull,
                    after: last.clone(),
                });
            }
            last = Some(name);
        }
        if columns.len() != names.len() {
            return Added::Unclear;
        }
        let name = pgrx::name_data_to_str(&(*class).relname).to_owned();
        Added::Columns { table: oid.to_u32(), schema, name, columns }
    }
}

/// Whether a view or rule depends on the relation.
fn is_viewed(oid: pg_sys::Oid) -> bool {
    let rewrite = Cell::Int(i64::from(class::REWRITE));
    scan::referring(class::RELATION, oid.to_u32(), &[c"classid"]).iter().any(|row| row.first() == Some(&rewrite))
}

/// Has logical decoding describe a relation to its subscribers again before the next of its rows, as if it had been
/// altered here; nothing where it is gone.
pub fn describe_anew(oid: u32) {
    // SAFETY: the tuple is the cache's until it is released, and is only read.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as _, pg_sys::Oid::from(oid).into());
        if !tuple.is_null() {
            pg_sys::CacheInvalidateRelcacheByTuple(tuple);
            pg_sys::ReleaseSysCache(tuple);
        }
    }
}
