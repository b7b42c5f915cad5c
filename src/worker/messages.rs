//! What the worker's two threads say to each other. Plain data: the network thread never touches
//! the server's memory.

use crate::model::Fingerprint;
use crate::protocol::{Inspection, Policy, Progress, Reason, ReasonCode, Standing, VerdictState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// A replica's row, as its task needs it.
#[derive(Clone)]
pub struct Assignment {
    /// `accord.replica.id`: another one after drop and add under the same name.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Connection string, as it was given.
    pub conninfo: String,
    /// Policy.
    pub policy: Policy,
    /// The source's ledger.
    pub source: Uuid,
    /// Consecutive failures before this task began.
    pub attempts: u32,
}

/// Main → network thread.
pub enum Command {
    /// Serve this replica.
    Start(Box<Assignment>),
    /// Serve it no longer: its connection is closed at once.
    Stop(i64),
    /// For its task.
    Tell(i64, Word),
}

/// Main → a replica's task.
pub enum Word {
    /// Answer to [`What::Hello`] or [`What::Need`] with this number: what comes next, at least one offer.
    Offers(u64, Vec<Parcel>),
    /// Answer to [`What::Hello`]: this standing cannot be served; wait for a person. Main has noted why.
    Halt(u64),
    /// A person did something: look again.
    Wake,
    /// Run these once everything at hand is applied, so that subscriptions take what is published; and after
    /// each version that makes or takes away tables.
    Refresh(Vec<String>),
    /// Ask the replica what is really there.
    Inspect(Look),
    /// Ask the replica where its history leaves the one with these ids.
    Trace(Vec<Fingerprint>),
    /// Have the replica plan a mending (an offer as JSON), and do nothing.
    Rehearse(Look, String),
}

impl Word {
    /// Whether somebody waits for what the replica answers, in whatever state its deliveries are.
    pub fn asks(&self) -> bool {
        matches!(self, Self::Inspect(_) | Self::Trace(_) | Self::Rehearse(..))
    }
}

/// A look at what a replica really holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When it was asked for: microseconds since 1970.
    pub begun: i64,
    /// A mending is to be planned on it.
    pub rehearse: bool,
    /// That mending drops what is the replica's own.
    pub drop_own: bool,
}

impl Look {
    /// A look that begins now.
    pub fn now(rehearse: bool, drop_own: bool) -> Self {
        let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_micros() as i64);
        Self { begun, rehearse, drop_own }
    }
}

/// An offer on its way: the JSON once, and what the task needs to know of it.
#[derive(Clone)]
pub struct Parcel {
    /// Version.
    pub version: i64,
    /// Of a mending.
    pub mending: Option<Uuid>,
    /// `Offer` as JSON.
    pub json: String,
    /// It makes or takes away tables, so that subscriptions have to look at their publications.
    pub refresh: bool,
}

/// A replica's task → main.
pub struct Note {
    /// `accord.replica.id`.
    pub replica: i64,
    /// When: seconds since 1970.
    pub at: f64,
    /// The mending that it is about.
    pub mending: Option<Uuid>,
    /// What happened.
    pub what: What,
}

impl Note {
    /// A note of what happens now.
    pub fn now(replica: i64, what: What) -> Self {
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        Self { replica, at, mending: None, what }
    }
}

/// What happened to a replica.
pub enum What {
    /// It answered hello. Wants [`Word::Offers`] or [`Word::Halt`].
    Hello { request: u64, standing: Box<Standing> },
    /// It has taken everything up to here. Wants [`Word::Offers`].
    Need { request: u64, after: i64 },
    /// This version was sent for negotiation.
    Negotiating { version: i64 },
    /// The answer: the verdict's JSON.
    Negotiated { version: i64, state: VerdictState, cause: Option<Cause>, verdict: String },
    /// This version was sent for application.
    Applying { version: i64 },
    /// The answer: the verdict's JSON.
    Outcome { version: i64, state: VerdictState, cause: Option<Cause>, verdict: String },
    /// This version waits for the rows before it; `long`: for longer than they should be on their way.
    /// `stuck`: a subscription came no further in between, and this is where it stands, by slot.
    Waiting { version: i64, cause: Cause, long: bool, stuck: BTreeMap<String, String> },
    /// Subscriptions took what is published, or why they did not.
    Refreshed { failure: Option<Cause> },
    /// A failure. The task goes on by itself after `retry_in`; without it, it waits for a person.
    Trouble { version: Option<i64>, cause: Cause, attempts: u32, retry_in: Option<Duration> },
    /// An application goes on.
    Progress { progress: Progress },
    /// What is really there, or why it could not be seen.
    Inspected { request: u64, look: Look, answer: Result<Box<Inspection>, Cause> },
    /// Where the histories part.
    Traced { answer: Result<Box<Inspection>, Cause> },
    /// The plan of a mending: the verdict's JSON.
    Rehearsed { look: Look, answer: Result<String, Cause> },
    /// The task itself failed, by a defect of ours.
    Died { why: String },
}

/// Why a replica is not served: what stands in `accord.replica.reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// For machines: a [`ReasonCode`]'s word, or `connection`, `refused`, `server_error`, `same_database`, `paused`, `internal`.
    pub code: String,
    /// In words.
    pub message: String,
    /// More.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Cause {
    /// A cause without detail and hint.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), detail: None, hint: None }
    }
    /// Adds the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// Adds the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A reason code's word on the wire.
pub fn code_word(code: ReasonCode) -> String {
    serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The first reason stands for all; the others are counted, and are whole in the verdict.
pub fn cause_of(reasons: &[Reason]) -> Option<Cause> {
    let first = reasons.first()?;
    let more = reasons.len() - 1;
    let message = if more == 0 { first.message.clone() } else { format!("{} (and {more} more)", first.message) };
    Some(Cause { code: code_word(first.code), message, detail: first.detail.clone(), hint: first.hint.clone() })
}
