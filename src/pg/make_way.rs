//! What the worker must know of a utility statement before or after it: DROP DATABASE and its like
//! want a database without sessions, so it leaves; CREATE and DROP EXTENSION begin and end its work.

use super::spi::{self, Arg, Cells, See};
use super::wake;
use crate::error::Result;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// Called before each utility statement; does nothing but for the few that need an empty database.
///
/// # Safety
/// `node` is the statement's parse tree.
pub unsafe fn before(node: *mut pg_sys::Node) -> Result<()> {
    if node.is_null() || !wake::preloaded() {
        return Ok(());
    }
    // SAFETY: each cast is to the type that the node's tag names.
    let name = unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_DropdbStmt => text((*node.cast::<pg_sys::DropdbStmt>()).dbname),
            pg_sys::NodeTag::T_CreatedbStmt => option((*node.cast::<pg_sys::CreatedbStmt>()).options, c"template"),
            pg_sys::NodeTag::T_AlterDatabaseStmt => {
                let statement = node.cast::<pg_sys::AlterDatabaseStmt>();
                option((*statement).options, c"tablespace").and_then(|_| text((*statement).dbname))
            }
            pg_sys::NodeTag::T_RenameStmt => {
                let statement = node.cast::<pg_sys::RenameStmt>();
                if (*statement).renameType == pg_sys::ObjectType::OBJECT_DATABASE { text((*statement).subname) } else { None }
            }
            pg_sys::NodeTag::T_CreateExtensionStmt => {
                super::xact::mark_captured();
                None
            }
            pg_sys::NodeTag::T_DropStmt => {
                if (*node.cast::<pg_sys::DropStmt>()).removeType == pg_sys::ObjectType::OBJECT_EXTENSION {
                    super::xact::mark_captured();
                }
                None
            }
            _ => None,
        }
    };
    let Some(name) = name else { return Ok(()) };
    // Nobody sends our worker away who could not run the statement.
    let rows = spi::connect(|spi| {
        spi.query(
            "SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = $1 AND (d.datistemplate OR pg_catalog.pg_has_role(d.datdba, 'USAGE'))",
            &[Arg::Text(&name)],
            See::Latest,
        )
    })?;
    if let Some(row) = rows.first() {
        wake::release_database(row.int(0) as u32);
    }
    Ok(())
}

/// # Safety
/// `text` is a C string or null.
unsafe fn text(text: *const c_char) -> Option<String> {
    // SAFETY: as said.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// The text of one option of a statement.
///
/// # Safety
/// `options` is a List of DefElem or null.
unsafe fn option(options: *mut pg_sys::List, name: &CStr) -> Option<String> {
    // SAFETY: the list's cells are DefElem pointers; defGetString reads their values.
    unsafe {
        if options.is_null() {
            return None;
        }
        (0..(*options).length as usize)
            .map(|i| (*(*options).elements.add(i)).ptr_value.cast::<pg_sys::DefElem>())
            .find(|element| CStr::from_ptr((**element).defname) == name)
            .and_then(|element| text(pg_sys::defGetString(element)))
    }
}
