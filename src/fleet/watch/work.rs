//! What the watch's two threads say to each other. Plain data.

use crate::fleet::grants::Copying;
use crate::fleet::mapping::Mapping;
use crate::fleet::shelf::Series;
use crate::fleet::verdict::{Deviation, Standing};
use crate::model::{Fact, FactHash, Fingerprint};
use crate::protocol::Author;
use crate::worker::messages::Cause;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// All baselines, and what was met before.
pub struct Shelf {
    /// Of the tables that it was read from.
    pub generation: i64,
    /// By name.
    pub series: Arc<[Series]>,
    /// Baseline, names and fingerprint of what conforms or is behind.
    pub known: HashMap<(String, String, Fingerprint), Recognised>,
    /// Of databases that no baseline selects: fingerprints of models that are kept.
    pub models: HashSet<Fingerprint>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { generation: -1, series: Arc::from([]), known: HashMap::new(), models: HashSet::new() }
    }
}

/// A fingerprint's judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// Where it stands.
    pub standing: Standing,
    /// The version.
    pub version: String,
    /// The variant.
    pub variant: Option<String>,
}

/// What a server said of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Major version.
    pub major: u32,
    /// System identifier, where the role may ask for it.
    pub system: Option<String>,
    /// Timeline.
    pub timeline: Option<i64>,
    /// When the postmaster started, in words.
    pub started: String,
    /// It is a standby.
    pub recovery: bool,
    /// Version of its pg_accord.
    pub extension: Option<String>,
    /// What is installed, in words: another application shows here first.
    pub installed: Vec<String>,
    /// Its pg_accord may be asked for the running fingerprint.
    pub asks: bool,
}

/// Main → network thread.
pub enum Work {
    /// Compare a member.
    Visit(Box<Visit>),
    /// List a server's databases.
    Survey {
        /// `accord.fleet_source.id`
        source: i64,
        /// What was asked when this began.
        asked: i64,
        /// How the server is reached.
        conninfo: String,
        /// Names of databases, as LIKE takes it.
        pattern: String,
        /// At most.
        timeout: Duration,
    },
    /// Lead a member to a baseline.
    Mend(Box<Mend>),
    /// Tell somebody of an alarm.
    Report(Box<crate::fleet::reports::Message>),
}

/// What the network thread is told.
pub enum Command {
    /// Do this, and answer.
    Do(Work),
    /// Close the session that is kept of a member.
    Part(i64),
}

/// A comparison.
pub struct Visit {
    /// `accord.fleet_member.id`
    pub member: i64,
    /// Its name.
    pub name: String,
    /// How it is reached; none: by the model that it sent.
    pub way: Way,
    /// Its labels.
    pub labels: Map<String, Value>,
    /// What was asked when this began.
    pub asked: i64,
    /// Read the catalogs, whatever the fingerprint says.
    pub full: bool,
    /// As it was last seen.
    pub last: Option<Server>,
    /// The mark of its catalogs when they were last read.
    pub mark: Option<String>,
    /// What it is compared with.
    pub held: Vec<Held>,
    /// No baseline selects it, and its fingerprint is known.
    pub alone: bool,
    /// The model is wanted as well: by whom.
    pub wish: Option<i64>,
    /// Baselines.
    pub shelf: Arc<Shelf>,
    /// At most.
    pub timeout: Duration,
    /// Sessions that are kept, and how long they are idle at most.
    pub keep: (usize, Duration),
}

/// A baseline that a member is held to.
#[derive(Clone, Debug)]
pub struct Held {
    /// Among those on the shelf.
    pub series: usize,
    /// The fingerprint that it had when it was last compared.
    pub fingerprint: Option<Fingerprint>,
    /// The version that it stood at then.
    pub version: Option<String>,
}

/// How a member's model is had.
pub enum Way {
    /// By a connection.
    Connection(String),
    /// It was sent, with the major that worded it.
    Submitted(Vec<Fact>, Option<u32>),
}

/// A mending.
pub struct Mend {
    /// `accord.fleet_conform.id`
    pub conform: i64,
    /// `accord.fleet_member.id`
    pub member: i64,
    /// How it is reached.
    pub conninfo: String,
    /// Labels.
    pub labels: Map<String, Value>,
    /// Variant that is led to.
    pub variant: Option<String>,
    /// Baseline and version.
    pub series: usize,
    /// The version.
    pub version: String,
    /// Baselines.
    pub shelf: Arc<Shelf>,
    /// Not to a baseline: to the grants of another member.
    pub copy: Option<Copy>,
    /// Only what adds.
    pub additive: bool,
    /// Only within these; none: whatever leads there.
    pub scopes: Vec<crate::fleet::scope::Scope>,
    /// Longest wait for a lock.
    pub lock_timeout: Duration,
    /// At most.
    pub timeout: Duration,
}

/// A copy of grants.
pub struct Copy {
    /// How the source is reached; none: it is no longer a member, or lets nobody in.
    pub from: Option<String>,
    /// Which.
    pub what: Copying,
    /// Of the source, only what lies in one of these; none: all.
    pub scopes: Vec<crate::fleet::scope::Scope>,
    /// What would be done is told, and not done.
    pub dry: bool,
}

/// Network thread → main.
pub enum Answer {
    /// Of a visit.
    Visited {
        /// `accord.fleet_member.id`
        member: i64,
        /// What was asked when it began.
        asked: i64,
        /// Of the shelf that it was judged by.
        generation: i64,
        /// How long it took.
        took: Duration,
        /// Its session is kept.
        kept: bool,
        /// What was found.
        found: Result<Box<Seen>, Cause>,
    },
    /// Of a survey: names of databases, and the connection string of each.
    Surveyed {
        /// `accord.fleet_source.id`
        source: i64,
        /// What was asked when it began.
        asked: i64,
        /// Names.
        found: Result<Vec<String>, Cause>,
    },
    /// Of a report.
    Reported {
        /// `accord.fleet_message.id`
        message: i64,
        /// `accord.fleet_channel.id`
        channel: i64,
        /// After so many it is given up.
        attempts: u32,
        /// Why it could not be sent.
        outcome: Result<(), String>,
    },
    /// Of a mending.
    Mended {
        /// `accord.fleet_conform.id`
        conform: i64,
        /// `accord.fleet_member.id`
        member: i64,
        /// The statements that ran.
        steps: Vec<String>,
        /// The fingerprint that was reached.
        reached: Result<Fingerprint, Cause>,
    },
}

/// What a visit found.
pub struct Seen {
    /// What the server says of itself; none for a model that was sent.
    pub server: Option<Server>,
    /// The catalogs were read, and had this mark.
    pub read: Option<Option<String>>,
    /// One for each baseline.
    pub findings: Vec<Finding>,
    /// The whole model, where it was wished for, and the major that worded it.
    pub model: Option<(i64, Option<u32>, Vec<Fact>)>,
}

/// Where a member stands to one baseline; without one, what its fingerprint is.
pub struct Finding {
    /// The baseline; none for a member that no baseline selects.
    pub baseline: Option<String>,
    /// Mapping and variant, as text.
    pub names: String,
    /// Under the baseline's names and projection.
    pub fingerprint: Option<Fingerprint>,
    /// What was found.
    pub outcome: Outcome,
}

/// What a comparison came to.
pub enum Outcome {
    /// The fingerprint is the one of the last comparison.
    Same,
    /// It is known.
    Known(Recognised),
    /// It was compared fact by fact.
    Judged {
        /// Where it stands.
        verdict: Recognised,
        /// What differs, each with its hash and who did it.
        deviations: Vec<(FactHash, Deviation, Option<Author>)>,
        /// Objects of unknown kinds.
        unmodelled: Vec<String>,
    },
    /// No baseline selects it: it is compared with others of its kind later. Its facts, where its fingerprint is new.
    Unheld(Option<Vec<Fact>>),
    /// The baseline does not fit the member: a label that its mapping needs is missing.
    Unfit(String),
}

/// Mapping, variant, and the major where that matters, as the key of what is known.
pub fn names_key(series: &Series, mapping: &Mapping, variant: Option<&str>, major: Option<u32>) -> String {
    let major = major.filter(|_| series.tells_majors());
    serde_json::to_string(&(mapping, variant, major)).unwrap_or_default()
}
