//! How far an application has come, said while it runs: to the client, outside of any transaction.

use crate::protocol::Progress;
use pgrx::PgSqlErrorCode;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Between two words.
const PAUSE: Duration = Duration::from_millis(300);

/// Counts steps, and says where they stand now and then.
pub struct Teller {
    progress: Progress,
    said: Instant,
}

impl Teller {
    /// For so many steps.
    pub fn new(total: usize) -> Self {
        Self { progress: Progress { done: 0, total: total as u32 }, said: Instant::now() }
    }

    /// One more is done.
    pub fn done(&mut self) {
        self.progress.done += 1;
        if self.said.elapsed() >= PAUSE && self.progress.done <= self.progress.total {
            self.said = Instant::now();
            // INFO reaches the client whatever its settings are, and is sent at once.
            pgrx::ereport!(PgLogLevel::INFO, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, self.progress.to_string());
        }
    }
}
