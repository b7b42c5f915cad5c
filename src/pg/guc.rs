//! Settings of capture, of the history, and of what a replica keeps. The worker's stand with the worker.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// What a failure to record a DDL command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
#[allow(missing_docs)]
pub enum OnCaptureError {
    #[name = c"abort"]
    Abort,
    #[name = c"warn"]
    Warn,
}

/// `accord.capture`: superusers switch it off for a session that restores a dump.
pub static CAPTURE: GucSetting<bool> = GucSetting::<bool>::new(true);
/// `accord.on_capture_error`.
pub static ON_CAPTURE_ERROR: GucSetting<OnCaptureError> = GucSetting::<OnCaptureError>::new(OnCaptureError::Abort);

/// `accord.keep_dropped`: decided on the replica, whoever connects there.
pub static KEEP_DROPPED: GucSetting<bool> = GucSetting::<bool>::new(false);
/// `accord.kept_retention`, in seconds.
pub static KEPT_RETENTION: GucSetting<i32> = GucSetting::<i32>::new(30 * 86_400);

/// Which states of replicas the server's log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
#[allow(missing_docs)]
pub enum LogStates {
    #[name = c"none"]
    None,
    #[name = c"failures"]
    Failures,
    #[name = c"all"]
    All,
}

/// `accord.log_states`.
pub static LOG_STATES: GucSetting<LogStates> = GucSetting::<LogStates>::new(LogStates::All);
/// `accord.retention`, in seconds.
pub static RETENTION: GucSetting<i32> = GucSetting::<i32>::new(0);

/// Defines them.
pub fn init() {
    GucRegistry::define_enum_guc(
        c"accord.log_states",
        c"Which states of replicas and of the versions on their way to them are logged: none, failures or all.",
        c"One line for each, with replica and version.",
        &LOG_STATES,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"accord.retention",
        c"How long versions, their events and what replicas answered are kept; 0 for ever.",
        c"What a replica has not acknowledged is kept as long as the replica is registered, whatever its age.",
        &RETENTION,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_bool_guc(
        c"accord.capture",
        c"Records DDL commands in the outbox.",
        c"Switched off, what a session changes is found by the next reconciliation, as one event without statements.",
        &CAPTURE,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"accord.keep_dropped",
        c"On a replica, sets aside what a source's version would destroy, for its reverse to bring back.",
        c"Read in the session that applies the version: set it in postgresql.conf, or for the database or the role that the source's worker connects as.",
        &KEEP_DROPPED,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"accord.kept_retention",
        c"How long a replica keeps what was set aside; 0 for ever.",
        c"Noted when it is set aside; what is past its time goes with the next version that is applied, or by the worker.",
        &KEPT_RETENTION,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_enum_guc(
        c"accord.on_capture_error",
        c"What happens to a DDL command that cannot be recorded: abort or warn.",
        c"With warn the command goes through, and what it did is found by the next reconciliation.",
        &ON_CAPTURE_ERROR,
        GucContext::Suset,
        GucFlags::default(),
    );
}
