//! The ProcessUtility hook: knows the exact text of the utility statement that runs, also inside a
//! multi-statement string, a DO block or a function, and the search_path it began under.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::CStr;

/// A utility statement under way.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Its own text, cut out of the query string.
    pub statement: String,
    /// search_path when it began.
    pub search_path: String,
    /// It is a CREATE TABLE that says all that the table will have.
    plain_table: bool,
}

thread_local! {
    static RUNNING: RefCell<Vec<Running>> = const { RefCell::new(Vec::new()) };
}

static mut PREVIOUS: pg_sys::ProcessUtility_hook_type = None;

/// The innermost utility statement that runs now; `None` where the hook was not there when it began.
pub fn running() -> Option<Running> {
    RUNNING.with_borrow(|stack| stack.last().cloned())
}

/// Whether the innermost utility statement that runs now is a CREATE TABLE that says all that the table will have.
pub(super) fn plain_table() -> bool {
    RUNNING.with_borrow(|stack| stack.last().is_some_and(|running| running.plain_table))
}

/// Installs the hook. Called once, from `_PG_init`.
pub fn init() {
    // SAFETY: backends are single-threaded, and _PG_init runs once in each.
    unsafe {
        PREVIOUS = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(process_utility);
    }
}

struct Pop;
impl Drop for Pop {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}

/// # Safety
/// `statement` and `query` are what ProcessUtility was given.
unsafe fn text_of(statement: *mut pg_sys::PlannedStmt, query: *const std::ffi::c_char) -> String {
    if query.is_null() {
        return String::new();
    }
    // SAFETY: the query string is nul-terminated; location and length lie within it or are -1 and 0.
    let (bytes, location, length) = unsafe { (CStr::from_ptr(query).to_bytes(), (*statement).stmt_location, (*statement).stmt_len) };
    let start = usize::try_from(location).unwrap_or(0).min(bytes.len());
    let end = if location >= 0 && length > 0 { (start + length as usize).min(bytes.len()) } else { bytes.len() };
    String::from_utf8_lossy(&bytes[start..end]).trim().trim_end_matches(';').trim_end().to_owned()
}

/// # Safety
/// Called by ProcessUtility with a valid statement.
unsafe fn is_ddl(statement: *mut pg_sys::PlannedStmt) -> bool {
    // SAFETY: a PlannedStmt of a utility command has a utilityStmt node.
    unsafe {
        let node = (*statement).utilityStmt;
        if node.is_null() {
            return false;
        }
        let tag = (*node).type_;
        if tag == pg_sys::NodeTag::T_TransactionStmt {
            let transaction = node.cast::<pg_sys::TransactionStmt>();
            if (*transaction).kind == pg_sys::TransactionStmtKind::TRANS_STMT_COMMIT_PREPARED {
                super::xact::mark_captured();
            }
            return false;
        }
        !matches!(
            tag,
            pg_sys::NodeTag::T_VariableSetStmt
                | pg_sys::NodeTag::T_VariableShowStmt
                | pg_sys::NodeTag::T_PrepareStmt
                | pg_sys::NodeTag::T_ExecuteStmt
                | pg_sys::NodeTag::T_FetchStmt
                | pg_sys::NodeTag::T_CopyStmt
                | pg_sys::NodeTag::T_ExplainStmt
                | pg_sys::NodeTag::T_DeclareCursorStmt
                | pg_sys::NodeTag::T_ClosePortalStmt
        )
    }
}

// The server's signature.
#[allow(clippy::too_many_arguments)]
#[pg_guard]
unsafe extern "C-unwind" fn process_utility(
    statement: *mut pg_sys::PlannedStmt,
    query: *const std::ffi::c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    dest: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        crate::error::OrRaise::or_raise(super::make_way::before((*statement).utilityStmt));
        let _pop = is_ddl(statement).then(|| {
            let running = Running {
                statement: text_of(statement, query),
                search_path: super::command::setting("search_path").unwrap_or_default(),
                plain_table: super::command::is_plain_table((*statement).utilityStmt),
            };
            RUNNING.with_borrow_mut(|stack| stack.push(running));
            Pop
        });
        // The boundary is for bare C functions: a panic inside it aborts the server. pgrx's
        // standard_ProcessUtility has a boundary of its own, and raises an error as a panic.
        match PREVIOUS {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| {
                previous(statement, query, read_only_tree, context, params, environment, dest, completion);
            }),
            None => pg_sys::standard_ProcessUtility(statement, query, read_only_tree, context, params, environment, dest, completion),
        }
    }
}
