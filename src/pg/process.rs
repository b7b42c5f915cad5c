//! What a background worker's process needs: signals, waiting, transactions that survive errors.

use super::subtransaction::{Caught, caught};
use super::turn;
use crate::error::{Error, Result};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::panic::AssertUnwindSafe;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

// pgrx wraps the server's functions; a handler must be the bare one.
unsafe extern "C-unwind" {
    fn die(signal: std::ffi::c_int);
    #[link_name = "SignalHandlerForConfigReload"]
    fn reload(signal: std::ffi::c_int);
    fn enable_timeout_after(timeout: std::ffi::c_uint, milliseconds: std::ffi::c_int);
    fn disable_timeout(timeout: std::ffi::c_uint, keep_indicator: bool);
    // The bindings for 18 do not know that it does not return.
    fn proc_exit(code: std::ffi::c_int) -> !;
}

/// `STATEMENT_TIMEOUT`, the same in every major from 14 to 18.
const STATEMENT: std::ffi::c_uint = 3;

/// What runs while this lives is cancelled when its time is up, as by `statement_timeout`.
pub struct Limit(());

/// Sets it, in a process that is connected to a database.
pub fn limit(time: Duration) -> Limit {
    // SAFETY: the timeout was registered when the process connected; the time is positive.
    unsafe { enable_timeout_after(STATEMENT, i32::try_from(time.as_millis()).unwrap_or(i32::MAX).max(1)) };
    Limit(())
}

impl Drop for Limit {
    fn drop(&mut self) {
        // SAFETY: takes an entry from the server's list of timeouts, and raises nothing.
        unsafe { disable_timeout(STATEMENT, false) };
    }
}

/// Installs the handlers of a regular backend: SIGTERM interrupts whatever runs, SIGHUP asks for the
/// configuration to be read again; then lets signals in.
pub fn handle_signals() {
    #[cfg(not(feature = "pg18"))]
    use pg_sys::pqsignal;
    #[cfg(feature = "pg18")]
    use pg_sys::pqsignal_be as pqsignal;
    // SAFETY: the server's own handlers, installed in the process's only thread.
    unsafe {
        pqsignal(libc::SIGTERM, Some(die));
        pqsignal(libc::SIGHUP, Some(reload));
        pg_sys::BackgroundWorkerUnblockSignals();
    }
}

/// Connects to a database, or to none (shared catalogs only), as the bootstrap superuser.
pub fn connect(database: Option<u32>) {
    // SAFETY: once in a process that has BGWORKER_BACKEND_DATABASE_CONNECTION.
    unsafe {
        match database {
            Some(oid) => pg_sys::BackgroundWorkerInitializeConnectionByOid(oid.into(), pg_sys::Oid::INVALID, 0),
            None => pg_sys::BackgroundWorkerInitializeConnection(std::ptr::null(), std::ptr::null(), 0),
        }
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Woken {
    /// The latch was set: somebody committed, a signal came.
    pub latch: bool,
    /// The time was up.
    pub timeout: bool,
}

/// Waits until the latch is set, `bell` becomes readable, or the time is up; answers interrupts
/// (SIGTERM, DROP DATABASE's barrier), and reads the configuration again where SIGHUP asked for it.
pub fn wait(bell: Option<RawFd>, timeout: Duration) -> Woken {
    let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    if bell.is_some() {
        events |= pg_sys::WL_SOCKET_READABLE;
    }
    let millis = timeout.as_millis().clamp(0, 86_400_000) as std::ffi::c_long;
    // SAFETY: the latch is this process's own; the descriptor outlives the call.
    let woken = unsafe {
        let happened =
            pg_sys::WaitLatchOrSocket(pg_sys::MyLatch, events as i32, bell.unwrap_or(-1), millis, pg_sys::PG_WAIT_EXTENSION) as u32;
        // One event is reported at a time; the latch may be set beside the socket.
        let latch = happened & pg_sys::WL_LATCH_SET != 0 || (*pg_sys::MyLatch).is_set != 0;
        pg_sys::ResetLatch(pg_sys::MyLatch);
        Woken { latch, timeout: happened & pg_sys::WL_TIMEOUT != 0 }
    };
    check_for_interrupts!();
    // SAFETY: plain globals of this process.
    unsafe {
        if pg_sys::ConfigReloadPending != 0 {
            pg_sys::ConfigReloadPending = 0;
            pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        }
    }
    woken
}

/// Waits in a backend: interruptible, and woken early by its latch.
pub fn pause(time: Duration) {
    // SAFETY: the latch is this process's own.
    unsafe {
        let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
        pg_sys::WaitLatch(pg_sys::MyLatch, events as i32, time.as_millis() as std::ffi::c_long, pg_sys::PG_WAIT_EXTENSION);
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    check_for_interrupts!();
}

/// Runs `work` in a transaction of its own, with a snapshot; commits it, or aborts it and hands out
/// the error, whether it came from `work` or from the server. The process goes on either way.
pub fn transaction<R>(work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Caught> {
    prepared_transaction(|| Ok(()), work)
}

/// As [`transaction`], and the extension stays until its end: for all that reads or writes the extension's tables.
/// Fails where the extension is not created.
pub fn ledger_transaction<R>(work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Caught> {
    prepared_transaction(|| turn::hold().map(drop), work)
}

/// `prepare` comes before the snapshot: `work` sees what was committed while it waited.
fn prepared_transaction<R>(prepare: impl FnOnce() -> Result<()>, work: impl FnOnce() -> Result<R>) -> std::result::Result<R, Caught> {
    let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
        // SAFETY: no transaction is open: each call of this function ends its own.
        unsafe {
            // What the one before wrote, at most once a second: autovacuum knows of no other dead rows, and a background
            // process tells of none by itself.
            pg_sys::pgstat_report_stat(false);
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
        }
        prepare().map_err(|error| Caught::from(&error))?;
        // SAFETY: in the transaction that was started above.
        unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
        let value = work().map_err(|error| Caught::from(&error))?;
        // SAFETY: the snapshot pushed above is the active one; an error in the commit is caught below.
        unsafe {
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        }
        Ok(value)
    }))
    .catch_others(|error| Err(caught(&error)))
    .catch_rust_panic(|error| Err(caught(&error)))
    .execute();
    // SAFETY: after a commit there is nothing to abort, and it is not called; after anything else the
    // abort releases snapshots, SPI, locks and memory of the transaction.
    unsafe {
        if outcome.is_err() {
            pg_sys::AbortCurrentTransaction();
            pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
        }
    }
    outcome
}

/// Ends a logical replication worker without an error: its transaction is undone, `work` runs in one of its own, and the
/// process goes. Nothing of the publisher's progress is noted: what was undone is sent again to the next worker.
pub fn end_apply_worker(work: impl FnOnce() -> Result<()>) -> ! {
    // SAFETY: as the server's own worker ends where it disables its subscription; no frame above is returned to, and what
    // those hold ends with the process.
    unsafe {
        pg_sys::AbortOutOfAnyTransaction();
        pg_sys::replorigin_session_origin = 0;
        if let Err(error) = transaction(work) {
            pgrx::log!("pg_accord: {error}");
        }
        proc_exit(0)
    }
}

/// Runs `work` with every signal blocked: a thread that is spawned in it never takes one of the
/// server's signals.
pub fn without_signals<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: the sets are initialised by sigfillset and by the first call; the mask is put back.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let result = work();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
        result
    }
}

/// Spawns a thread that ends before the scope does and takes none of the server's signals. It may not touch the
/// server in any way: not its memory, its log, nor its errors.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    let spawn = || std::thread::Builder::new().name("pg_accord".to_owned()).spawn_scoped(scope, work);
    without_signals(spawn).map_err(|error| Error::internal(format!("the system gives no thread: {error}")))
}

/// What a thread made; its panic becomes this thread's.
pub fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Whether the postmaster is loading shared_preload_libraries.
pub fn preloading() -> bool {
    // SAFETY: a plain global of this process.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Whether this is a background worker, and no session of a client.
pub fn in_background() -> bool {
    // SAFETY: a plain pointer of this process, set before anything of ours runs.
    unsafe { !pg_sys::MyBgworkerEntry.is_null() }
}

/// This process's id.
pub fn own_pid() -> i32 {
    // SAFETY: a plain global of this process.
    unsafe { pg_sys::MyProcPid }
}

/// OID of this process's database.
pub fn own_database() -> u32 {
    // SAFETY: a plain global of this process.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

/// Name of this process's database. Needs a transaction.
pub fn own_database_name() -> Option<String> {
    // SAFETY: a look-up in the system caches; the name is palloc'ed or null, and copied at once.
    unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// Whether this server is a standby.
pub fn in_recovery() -> bool {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Whether pg_accord is created in this database. Needs a transaction.
pub fn extension_created() -> bool {
    // SAFETY: a catalog look-up in the current transaction.
    unsafe { pg_sys::get_extension_oid(c"pg_accord".as_ptr(), true) != pg_sys::Oid::INVALID }
}

/// OIDs and names of the databases that take connections. Needs a transaction.
///
/// A process without a database has no catalogs but the nailed shared ones, and those by heap scan
/// only: this is how the autovacuum launcher does it.
pub fn databases() -> Vec<(u32, String)> {
    let mut found = Vec::new();
    // SAFETY: relation and scan are opened, read and closed in the current transaction; each tuple is
    // of pg_database and is read before the scan moves on.
    unsafe {
        let relation = pg_sys::table_open(pg_sys::DatabaseRelationId, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
        let scan = pg_sys::table_beginscan_catalog(relation, 0, std::ptr::null_mut());
        loop {
            let tuple = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if tuple.is_null() {
                break;
            }
            let row = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>();
            if (*row).datallowconn {
                let name = CStr::from_ptr((*row).datname.data.as_ptr()).to_string_lossy().into_owned();
                found.push(((*row).oid.to_u32(), name));
            }
        }
        pg_sys::heap_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
    }
    found
}

/// Shows in pg_stat_activity what the worker is at; `None`: idle.
pub fn show_activity(what: Option<&CStr>) {
    let (state, text) = match what {
        Some(text) => (pg_sys::BackendState::STATE_RUNNING, text.as_ptr()),
        None => (pg_sys::BackendState::STATE_IDLE, std::ptr::null()),
    };
    // SAFETY: the text is copied.
    unsafe { pg_sys::pgstat_report_activity(state, text) };
}

/// Shows the running statement in pg_stat_activity without its constants: whoever reads others' statements there
/// reads no password in it.
pub fn hide_constants() {
    let masked = super::command::debug_query_string().and_then(|query| CString::new(crate::secrets::mask_strings(&query)).ok());
    if let Some(masked) = masked {
        show_activity(Some(&masked));
    }
}

/// Names the process in pg_stat_activity and the log, and sets aside what the database or the role
/// has as its defaults where that would change how a worker works.
pub fn settle(application_name: &CStr) {
    let settings: [(&CStr, &CStr); 9] = [
        (c"application_name", application_name),
        (c"default_transaction_isolation", c"read committed"),
        (c"default_transaction_read_only", c"off"),
        (c"default_transaction_deferrable", c"off"),
        (c"session_replication_role", c"origin"),
        (c"statement_timeout", c"0"),
        (c"lock_timeout", c"0"),
        (c"search_path", c"pg_catalog, pg_temp"),
        // Before a table's first ANALYZE a plan looks costly, and compiling it takes a hundred times as long as running it.
        (c"jit", c"off"),
    ];
    for (name, value) in settings {
        // SAFETY: both strings are copied.
        unsafe { pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), pg_sys::GucContext::PGC_SUSET, pg_sys::GucSource::PGC_S_SESSION) };
    }
}

/// Lets the current transaction commit without waiting for the disk: only for notes that the next
/// handshake would bring back.
pub fn commit_lazily() {
    // SAFETY: the option is local to the current transaction.
    unsafe {
        pg_sys::set_config_option(
            c"synchronous_commit".as_ptr(),
            c"off".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}

impl From<&Error> for Caught {
    fn from(error: &Error) -> Self {
        Self {
            sqlstate: super::subtransaction::sqlstate_text(error.sqlstate()),
            code: error.sqlstate(),
            message: error.message().to_owned(),
            detail: error.detail_text().map(str::to_owned),
            hint: error.hint_text().map(str::to_owned),
        }
    }
}
