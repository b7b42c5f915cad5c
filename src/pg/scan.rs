//! Rows of the system catalogs by key, straight from their indexes: a few microseconds where a query,
//! its plan kept, pays tens for being started. And the server's functions that make text of them.

use super::class;
use super::spi::cell;
use crate::catalog::{Cell, Row};
use pgrx::{IntoDatum, pg_sys};
use std::ffi::CStr;

/// The rows of a catalog whose key columns have these OIDs, each with the named columns; without an
/// index, read from its heap. Sees what is committed by now and what this transaction's commands have done, and
/// takes no lock beyond the scan.
///
/// # Panics
/// An error of PostgreSQL, if there is no such catalog, index or column.
pub fn rows(catalog: u32, index: Option<u32>, keys: &[(&CStr, u32)], columns: &[&CStr]) -> Vec<Row> {
    // SAFETY: an index scan that is begun, read and ended here; the descriptor belongs to the open
    // catalog, each tuple lives until the next is fetched, and each value is read as the type that its column has.
    unsafe {
        let table = pg_sys::table_open(pg_sys::Oid::from(catalog), pg_sys::AccessShareLock as i32);
        let descriptor = (*table).rd_att;
        // By name: a column's number is not the same in every major.
        let number = |name: &CStr| {
            let number = pg_sys::SPI_fnumber(descriptor, name.as_ptr());
            assert!(number > 0, "catalog {catalog} has no column {name:?}");
            number
        };
        let numbers: Vec<(i32, pg_sys::Oid)> =
            columns.iter().map(|name| number(name)).map(|number| (number, pg_sys::SPI_gettypeid(descriptor, number))).collect();
        let mut scan_keys: Vec<pg_sys::ScanKeyData> = keys
            .iter()
            .map(|&(name, value)| {
                let mut key: pg_sys::ScanKeyData = std::mem::zeroed();
                let number = number(name) as pg_sys::AttrNumber;
                let value = pg_sys::Datum::from(pg_sys::Oid::from(value));
                pg_sys::ScanKeyInit(&raw mut key, number, pg_sys::BTEqualStrategyNumber as u16, pg_sys::Oid::from(pg_sys::F_OIDEQ), value);
                key
            })
            .collect();
        let snapshot = std::ptr::null_mut();
        let scan = pg_sys::systable_beginscan(
            table,
            pg_sys::Oid::from(index.unwrap_or(0)),
            index.is_some(),
            snapshot,
            scan_keys.len() as i32,
            scan_keys.as_mut_ptr(),
        );
        let mut rows = Vec::new();
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let value = |&(number, type_oid): &(i32, pg_sys::Oid)| {
                let mut null = false;
                let datum = pg_sys::SPI_getbinval(tuple, descriptor, number, &raw mut null);
                if null { Cell::Null } else { cell(datum, type_oid) }
            };
            rows.push(numbers.iter().map(value).collect());
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(table, pg_sys::AccessShareLock as i32);
        rows
    }
}

/// `pg_depend`'s rows of what refers to an object or its parts.
pub fn referring(classid: u32, objid: u32, columns: &[&CStr]) -> Vec<Row> {
    const BY_REFERENCE: u32 = 2674;
    rows(class::DEPEND, Some(BY_REFERENCE), &[(c"refclassid", classid), (c"refobjid", objid)], columns)
}

/// `pg_depend`'s rows of what an object or its parts refer to.
pub fn referred(classid: u32, objid: u32, columns: &[&CStr]) -> Vec<Row> {
    const BY_DEPENDENT: u32 = 2673;
    rows(class::DEPEND, Some(BY_DEPENDENT), &[(c"classid", classid), (c"objid", objid)], columns)
}

/// # Safety
/// `text` is a palloc'ed C string or null.
unsafe fn owned(text: *mut std::ffi::c_char) -> Cell {
    if text.is_null() {
        return Cell::Null;
    }
    // SAFETY: as the caller promises; the text is copied before it is freed.
    unsafe {
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        Cell::Text(copy)
    }
}

/// `format_type(type, modifier)`; without a modifier for `None`.
pub fn format_type(oid: u32, modifier: Option<i32>) -> Cell {
    let flags = if modifier.is_some() { pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN } else { 0 };
    // SAFETY: a look-up in the catalogs' caches; it palloc's its answer.
    unsafe { owned(pg_sys::format_type_extended(pg_sys::Oid::from(oid), modifier.unwrap_or(-1), flags as pg_sys::bits16)) }
}

/// `pg_get_userbyid(role)`.
pub fn role_name(oid: u32) -> Cell {
    // SAFETY: as above; none for a role that is gone.
    unsafe { owned(pg_sys::GetUserNameFromId(pg_sys::Oid::from(oid), true)) }
}

/// A schema's name.
pub fn schema_name(oid: u32) -> Cell {
    // SAFETY: as above.
    unsafe { owned(pg_sys::get_namespace_name(pg_sys::Oid::from(oid))) }
}

/// `typstorage` and `typcollation` of a type.
pub fn type_settings(oid: u32) -> (char, u32) {
    let oid = pg_sys::Oid::from(oid);
    // SAFETY: look-ups in the catalogs' caches.
    unsafe { (char::from(pg_sys::get_typstorage(oid) as u8), pg_sys::get_typcollation(oid).to_u32()) }
}

/// `pg_get_expr(expression, relation)` of a `pg_node_tree`'s text.
pub fn expression(tree: &str, relation: u32) -> Cell {
    let args = [tree.into_datum(), Some(pg_sys::Datum::from(pg_sys::Oid::from(relation)))];
    // SAFETY: the server's function with the arguments that it declares, none null.
    text(unsafe { pgrx::direct_function_call(pg_sys::pg_get_expr, &args) })
}

/// `pg_get_constraintdef(constraint)`.
pub fn constraint_definition(oid: u32) -> Cell {
    let args = [Some(pg_sys::Datum::from(pg_sys::Oid::from(oid)))];
    // SAFETY: the server's function with the argument that it declares, not null.
    text(unsafe { pgrx::direct_function_call(pg_sys::pg_get_constraintdef, &args) })
}

fn text(value: Option<String>) -> Cell {
    value.map_or(Cell::Null, Cell::Text)
}
