//! Keeping secrets out of the server's log: a statement that names a connection string is not repeated under an
//! error, and where the server logs statements, it is logged without its constants and parameters.

use crate::secrets::mask_strings;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};

static mut PREVIOUS: pg_sys::emit_log_hook_type = None;

/// Functions that take connection strings and addresses with passwords.
const TELLING: [&str; 4] = ["add_replica", "add_database", "discover", "report_to"];

/// Installs the hook. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: backends are single-threaded, and _PG_init runs once in each.
    unsafe {
        PREVIOUS = pg_sys::emit_log_hook;
        pg_sys::emit_log_hook = Some(emit_log);
    }
}

fn tells(text: &str) -> bool {
    TELLING.iter().any(|name| text.contains(name))
}

#[pg_guard]
unsafe extern "C-unwind" fn emit_log(report: *mut pg_sys::ErrorData) {
    // SAFETY: the server passes the report that it is about to write; its texts are null or strings, and what takes
    // their place lives as long as they do. The hook before ours is called as it was found.
    unsafe {
        let logged = (*report).elevel == PgLogLevel::LOG as i32;
        let shown = [(*report).message, (*report).context].into_iter().any(|field| text(field).is_some_and(|text| tells(&text)));
        if shown || super::command::debug_query_string().is_some_and(|query| tells(&query)) {
            (*report).hide_stmt = true;
            // What an error says is for the session as well; what it was called by holds the statement.
            let mut fields = vec![&raw mut (*report).context];
            if logged {
                fields.extend([&raw mut (*report).message, &raw mut (*report).detail, &raw mut (*report).detail_log]);
            }
            for field in fields {
                if let Some(masked) = text(*field).and_then(|text| CString::new(mask_strings(&text)).ok()) {
                    *field = pg_sys::MemoryContextStrdup((*report).assoc_context, masked.as_ptr());
                }
            }
        }
        if let Some(previous) = PREVIOUS {
            previous(report);
        }
    }
}

/// A text of a report; none where it has none.
///
/// # Safety
/// Null, or a string that lives for the call.
unsafe fn text(field: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!field.is_null()).then(|| unsafe { CStr::from_ptr(field) }.to_string_lossy().into_owned())
}
