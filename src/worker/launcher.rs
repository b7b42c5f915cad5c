//! The launcher: keeps one worker running for each existing database that `accord.databases` names.
//!
//! It is connected to no database, so it stands in nobody's way.

use super::{LIBRARY, complain, settings};
use crate::pg::process;
use pgrx::bgworkers::{BackgroundWorkerBuilder, BackgroundWorkerStatus, DynamicBackgroundWorker};
use pgrx::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Between looks, when all is well: databases that were created meanwhile are found.
const LOOK: Duration = Duration::from_secs(5);
/// The shortest and the longest pause before a worker that ended is started again.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// A worker that ran for so long did not fail to start.
const STEADY: Duration = Duration::from_secs(10);

/// One database's worker.
struct Post {
    handle: Option<DynamicBackgroundWorker>,
    started: Instant,
    pause: Duration,
    not_before: Instant,
}

pub(super) fn run() -> ! {
    let mut posts: HashMap<u32, Post> = HashMap::new();
    loop {
        match wanted() {
            Ok(wanted) => {
                dismiss(&mut posts, &wanted);
                for (oid, name) in &wanted {
                    attend(&mut posts, *oid, name);
                }
            }
            Err(error) => complain("looking for the databases", &error),
        }
        let now = Instant::now();
        let next = posts.values().filter(|post| post.handle.is_none()).map(|post| post.not_before.saturating_duration_since(now)).min();
        // SIGUSR1 from the postmaster sets the latch when a worker starts or ends; SIGHUP does too.
        process::wait(None, next.map_or(LOOK, |next| next.clamp(Duration::from_millis(50), LOOK)));
    }
}

/// The databases that are named and exist.
fn wanted() -> Result<Vec<(u32, String)>, crate::pg::subtransaction::Caught> {
    let names = settings::databases();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut databases = process::transaction(|| Ok(process::databases()))?;
    databases.retain(|(_, name)| names.contains(name));
    Ok(databases)
}

/// Ends the workers of databases that are no longer named.
fn dismiss(posts: &mut HashMap<u32, Post>, wanted: &[(u32, String)]) {
    posts.retain(|oid, post| {
        let keep = wanted.iter().any(|(named, _)| named == oid);
        if !keep && let Some(handle) = post.handle.take() {
            handle.terminate();
        }
        keep
    });
}

/// Starts a database's worker where none runs and its time has come.
fn attend(posts: &mut HashMap<u32, Post>, oid: u32, name: &str) {
    let now = Instant::now();
    let post = posts.entry(oid).or_insert_with(|| Post { handle: None, started: now, pause: PAUSE, not_before: now });
    if let Some(handle) = &post.handle {
        if !matches!(handle.pid(), Err(BackgroundWorkerStatus::Stopped | BackgroundWorkerStatus::PostmasterDied)) {
            return;
        }
        post.handle = None;
        post.pause = if post.started.elapsed() > STEADY { PAUSE } else { (post.pause * 2).min(LONGEST) };
        post.not_before = now + if post.started.elapsed() > STEADY { PAUSE } else { post.pause / 2 };
    }
    if now < post.not_before {
        return;
    }
    post.started = now;
    let start = BackgroundWorkerBuilder::new(&title(name))
        .set_type("pg_accord worker")
        .set_library(LIBRARY)
        .set_function("pg_accord_worker_main")
        .enable_spi_access()
        .set_argument(Some(pg_sys::Datum::from(oid as usize)))
        .set_notify_pid(process::own_pid())
        .load_dynamic();
    if let Ok(handle) = start {
        post.handle = Some(handle);
    } else {
        pgrx::warning!("pg_accord: no worker could be started for database \"{name}\" (raise max_worker_processes)");
        post.pause = LONGEST;
        post.not_before = now + LONGEST;
    }
}

/// The process's title: at most 95 bytes.
fn title(database: &str) -> String {
    let mut title = format!("pg_accord worker: {database}");
    while title.len() > 95 {
        title.pop();
    }
    title
}
