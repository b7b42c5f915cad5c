//! Settings of capture. The worker's stand with the worker.

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

/// Defines them.
pub fn init() {
    GucRegistry::define_bool_guc(
        c"accord.capture",
        c"Records DDL commands in the outbox.",
        c"Switched off, what a session changes is found by the next reconciliation, as one event without statements.",
        &CAPTURE,
        GucContext::Suset,
        GucFlags::default(),
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
