//! Replicas on the source: adding, pausing, waiting, and each failure state's way out.
//!
//! The functions run as the extension's owner, under the pinned path: whoever was granted EXECUTE needs no
//! right on the tables, and brings no operators of their own.

use crate::conninfo;
use crate::delivery;
use crate::error::{OrRaise, Result};
use crate::pg::document::Jsonb;
use crate::pg::spi::{self, Spi};
use crate::pg::{command, process};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use std::time::Duration;

fn as_owner<R>(work: impl FnOnce(&Spi) -> Result<R>) -> R {
    let _pinned = command::pin();
    spi::connect(work).or_raise()
}

/// How long to wait; not at all for what lies in the past.
pub(super) fn duration(timeout: &Interval) -> Duration {
    Duration::from_micros(u64::try_from(timeout.as_micros()).unwrap_or(0))
}

/// Registers a replica; the worker builds, adopts or refuses it after the commit.
#[pg_extern(volatile, parallel_unsafe)]
fn add_replica(name: &str, conninfo: &str, policy: default!(Jsonb, "'{}'")) {
    process::hide_constants();
    as_owner(|spi| delivery::add_replica(spi, name, conninfo, &policy.0));
}

/// Forgets a replica. What is on it stays.
#[pg_extern(volatile, parallel_unsafe)]
fn drop_replica(name: &str) {
    as_owner(|spi| delivery::drop_replica(spi, name));
}

/// Serves a replica no longer, until it is resumed.
#[pg_extern(volatile, parallel_unsafe)]
fn pause_replica(name: &str) {
    as_owner(|spi| delivery::pause_replica(spi, name));
}

/// Serves a paused replica again.
#[pg_extern(volatile, parallel_unsafe)]
fn resume_replica(name: &str) {
    as_owner(|spi| delivery::resume_replica(spi, name));
}

/// Lets a held version be applied.
#[pg_extern(volatile, parallel_unsafe)]
fn approve(replica: &str, version: i64) {
    as_owner(|spi| delivery::approve(spi, replica, version));
}

/// Tries again, now, what was rejected, has diverged, or waits for its next attempt.
#[pg_extern(volatile, parallel_unsafe)]
fn retry(replica: &str) {
    as_owner(|spi| delivery::retry(spi, replica));
}

/// Has the next version recorded on the replica without being applied.
#[pg_extern(volatile, parallel_unsafe)]
fn skip(replica: &str, version: i64, reason: &str) {
    as_owner(|spi| delivery::skip(spi, replica, version, reason));
}

/// Decides what stays where a replica has versions that are not in this history: `source` (undone there) or `replica`
/// (done here as well, with the caller's rights, as a new version). Returns how many statements ran here.
#[pg_extern(volatile, parallel_unsafe)]
fn resolve_divergence(replica: &str, keep: &str) -> i64 {
    spi::connect(|spi| {
        let decision = {
            let _pinned = command::pin();
            delivery::decide(spi, replica, keep.parse()?)?
        };
        {
            let settings = command::settings();
            settings.set("check_function_bodies", "off");
            for step in &decision.steps {
                spi.execute(&step.sql)?;
            }
        }
        let _pinned = command::pin();
        delivery::resolve(spi, replica, &decision)?;
        Ok(decision.steps.len() as i64)
    })
    .or_raise()
}

/// Returns the acknowledged version once everything that was committed before the call is acknowledged.
#[pg_extern(volatile, parallel_unsafe)]
fn wait_for_replica(name: &str, timeout: default!(Interval, "'1 min'")) -> i64 {
    as_owner(|spi| delivery::wait_for_replica(spi, name, duration(&timeout)))
}

/// A connection string without its secrets.
#[pg_extern(immutable, parallel_safe)]
fn mask_conninfo(conninfo: &str) -> String {
    conninfo::mask(conninfo)
}

/// Whether a worker serves this database.
#[pg_extern(volatile, parallel_restricted)]
fn worker_running() -> bool {
    crate::pg::wake::worker_running()
}
