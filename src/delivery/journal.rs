//! What a person reads in the server's log: one line for each state that a replica or a version comes to.
//!
//! Lines are put down while a transaction records what happened, and said once it is committed: the log tells
//! of nothing that was undone. The same state for the same reason is said once, however often it is tried.

use crate::pg::guc::{LOG_STATES, LogStates};
use crate::pg::process;
use crate::worker::messages::Cause;
use std::cell::RefCell;
use std::collections::HashMap;

/// A state as it was said last: its word, its version, and the code of its reason.
type Said = (String, Option<i64>, Option<String>);

/// Characters of a line.
const LONGEST: usize = 1000;

#[derive(Default)]
struct Journal {
    lines: Vec<(bool, String)>,
    said: HashMap<i64, Said>,
    /// What is tried again and again by itself: the attempts in between are not worth a line.
    tried: HashMap<i64, Said>,
}

thread_local! {
    static JOURNAL: RefCell<Journal> = RefCell::default();
}

fn is_failure(state: &str) -> bool {
    matches!(state, "retrying" | "held" | "rejected" | "paused" | "diverged" | "waiting for rows")
}

fn line(name: &str, state: &str, version: Option<i64>, cause: Option<&Cause>, more: &str) -> String {
    let version = version.map(|version| format!("version {version} ")).unwrap_or_default();
    let why = cause.map(|cause| {
        let detail = cause.detail.as_deref().filter(|detail| !cause.message.contains(detail));
        let hint = cause.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!(": {}{}{hint}", cause.message, detail.map(|detail| format!(": {detail}")).unwrap_or_default())
    });
    // A worker's line has no database of its own: log_line_prefix knows that of sessions only.
    let database = process::own_database_name().unwrap_or_default();
    let text = format!("pg_accord: replica \"{name}\" of \"{database}\": {version}{state}{more}{}", why.unwrap_or_default());
    // One line, and what a replica says is as long as it likes.
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST).collect()
}

/// Puts down that a replica came to a state, unless that was said last. Needs a transaction.
pub(super) fn note(id: i64, name: &str, state: &str, version: Option<i64>, cause: Option<&Cause>, more: &str) {
    JOURNAL.with_borrow_mut(|journal| {
        let now = (state.to_owned(), version, cause.map(|cause| cause.code.clone()));
        let last = journal.said.get(&id);
        let known = match state {
            "retrying" | "waiting for rows" => journal.tried.get(&id) == Some(&now),
            "negotiating" | "applying" | "connecting" => journal.tried.contains_key(&id),
            // Who has the newest version follows: that goes without saying. Who was not reached is back.
            "following" => {
                journal.tried.get(&id).is_some_and(|(_, version, _)| version.is_some())
                    || last.is_some_and(|(last, ..)| matches!(last.as_str(), "acknowledged" | "skipped" | "synchronized" | "following"))
            }
            _ => false,
        };
        if known || last == Some(&now) {
            return;
        }
        match state {
            "retrying" | "waiting for rows" => journal.tried.insert(id, now.clone()),
            _ => journal.tried.remove(&id),
        };
        journal.lines.push((is_failure(state), line(name, state, version, cause, more)));
        journal.said.insert(id, now);
    });
}

/// Puts down that a person paused a replica. Needs a transaction.
pub fn note_paused(id: i64, name: &str) {
    let said = JOURNAL.with_borrow(|journal| journal.said.get(&id).is_some_and(|(state, ..)| state == "paused"));
    if !said {
        note(id, name, "paused", None, None, "");
    }
}

/// Says what was put down, after the commit.
pub fn say() {
    let lines = JOURNAL.with_borrow_mut(|journal| std::mem::take(&mut journal.lines));
    for (failure, line) in lines {
        match LOG_STATES.get() {
            LogStates::All => pgrx::log!("{line}"),
            LogStates::Failures if failure => pgrx::log!("{line}"),
            LogStates::Failures | LogStates::None => {}
        }
    }
}

/// Forgets what was put down: it was rolled back.
pub fn discard() {
    JOURNAL.with_borrow_mut(|journal| {
        journal.lines.clear();
        journal.said.clear();
        journal.tried.clear();
    });
}
