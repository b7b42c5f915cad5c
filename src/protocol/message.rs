//! What travels between a source's worker and a replica's functions, as JSON.
//!
//! Requests (`Hello`, `Inspect`, `Negotiate`, `Apply`) are arguments of `accord.hello`, `accord.inspect`,
//! `accord.negotiate` and `accord.apply` on the replica; `Standing`, `Inspection` and `Verdict` are their results. No request holds SQL
//! that the replica would execute: it renders its own from the typed changes.

use super::rows::{Fence, Subscribed};
use crate::diff::Change;
use crate::model::{FactId, Fingerprint, Name, Projection};
use crate::plan::{Lock, Loss, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The newest protocol that this build speaks. 2 adds the policy's `code`, a baseline's `lsn`, rewinds.
pub const PROTOCOL_VERSION: u32 = 2;
/// The oldest one: a source and a replica of two releases in a row understand each other, in either direction.
pub const OLDEST_PROTOCOL: u32 = 1;

/// A place in a source's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Version number, from 0.
    pub version: i64,
    /// Version id: BLAKE3-256 in hexadecimal, chained to its parent's.
    pub id: Fingerprint,
}

/// "Who are you, and what do you have of mine?"
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Protocol version of the caller.
    pub protocol: u32,
    /// The source's ledger id.
    pub source: Uuid,
    /// The name that the source gave this replica.
    pub replica: String,
}

/// The answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Protocol version of the replica.
    pub protocol: u32,
    /// Version of its pg_accord.
    pub extension: String,
    /// Its `server_version_num`.
    pub server_version: i32,
    /// Its own ledger id.
    pub ledger: Uuid,
    /// The newest version of the caller's that is recorded here; none where nothing was ever applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Fingerprint of what it mirrors of the caller, in the mirrored projection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Subscriptions of this database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<Subscribed>,
    /// Mirrored facts that somebody changed here, in words; the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
}

/// One event of an offered version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// UUIDv7.
    pub id: Uuid,
    /// Command tag, e.g. `ALTER TABLE`.
    pub tag: String,
    /// The client's statement: evidence for people, never executed.
    pub statement: String,
    /// It ran CONCURRENTLY.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concurrently: bool,
    /// The schemas of the path that it ran under, behind `pg_catalog`: bodies of functions that an
    /// index, a generated column or a check evaluates may have been written for it. What is rendered
    /// from the changes is qualified and does not depend on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_path: Vec<Name>,
    /// The session's settings that decide what a conversion of existing values gives (TimeZone).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Identities of touched objects of kinds that are not modelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmodelled: Vec<String>,
    /// Typed changes within the replica's projection.
    pub changes: Vec<Change>,
}

/// What kind of offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferKind {
    /// The whole projected model as creations: builds an empty replica, adopts an equal one.
    Baseline,
    /// The next version.
    Version,
    /// Facts that are mirrored already, as they shall be, and own ones that shall go: no version of its own.
    Mend,
    /// The whole projected model of a version, for a replica whose history went another way: what it mirrors is
    /// brought there by plan, and what it has beyond the version of both is abandoned.
    Rewind,
}

/// A version as it is offered to one replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Protocol version.
    pub protocol: u32,
    /// The source's ledger id.
    pub source: Uuid,
    /// Name that the source gave this replica.
    pub replica: String,
    /// Baseline or version.
    pub kind: OfferKind,
    /// Where this leads.
    pub position: Position,
    /// The version before it; none for a baseline; for a rewind, the newest version of both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Position>,
    /// The mirrored part.
    pub projection: Projection,
    /// The replica's policy as the source's `add_replica` was given it.
    #[serde(default)]
    pub policy: Value,
    /// Major version of the source's server: texts are its deparser's.
    pub major: u32,
    /// Version of the source's catalog reader.
    pub reader: u32,
    /// Projection's fingerprint before; none for a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_before: Option<Fingerprint>,
    /// Projection's fingerprint after.
    pub fingerprint_after: Fingerprint,
    /// A person approved this version for this replica.
    #[serde(default)]
    pub approved: bool,
    /// The version is to be recorded without being applied: a person's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// For [`OfferKind::Mend`] and [`OfferKind::Rewind`]: its own id, by which it is carried out once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mending: Option<Uuid>,
    /// For [`OfferKind::Rewind`]: the head of the history that is abandoned. (Its `parent` is the version of both.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandons: Option<Position>,
    /// For [`OfferKind::Rewind`]: what was renamed between the version of both and this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<(FactId, FactId)>,
    /// What proves that the rows before this version have arrived; none where nothing can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<Fence>,
    /// For [`OfferKind::Baseline`]: where the source's WAL ended when it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lsn: Option<String>,
    /// For [`OfferKind::Baseline`]: events that it holds already and that subscriptions may still bring.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Uuid>,
    /// Events in their order.
    pub events: Vec<Event>,
}

impl Offer {
    /// The ids of its events, and of those that it holds.
    pub fn event_ids(&self) -> Vec<String> {
        self.events.iter().map(|event| &event.id).chain(&self.held).map(ToString::to_string).collect()
    }
}

/// Why a version was not taken, for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Not a message of this protocol, or one that contradicts itself.
    Malformed,
    /// A protocol version that this side does not speak.
    UnknownProtocol,
    /// The offer's parent is not what the replica has: the histories differ.
    UnknownParent,
    /// The offer is not the next version.
    OutOfOrder,
    /// The replica's schema is not what the change starts from: somebody changed it there.
    Diverged,
    /// The replica's own objects depend on what the change takes away or alters.
    OwnDependents,
    /// The replica has an object of its own under the name of a new one.
    NameTaken,
    /// The replica lacks what the change needs (a role, an extension, a language, a right).
    Missing,
    /// Rows on the replica do not allow the change.
    RowsForbid,
    /// Policy refuses the change.
    Policy,
    /// Policy wants a person's approval.
    NeedsApproval,
    /// Objects of kinds that are not modelled.
    Unmodelled,
    /// Rows that the source wrote before the change have not all arrived.
    WaitingForRows,
    /// A lock was not to be had in time.
    LockTimeout,
    /// A step failed; the error is in the reason's detail.
    StepFailed,
    /// The schema after applying is not the offered one.
    NotVerified,
}

/// One reason, for machines and in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// For machines.
    pub code: ReasonCode,
    /// In words, one sentence.
    pub message: String,
    /// More: SQLSTATE and text of an error, the differing facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do, with the function that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The facts concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactId>,
}

/// Where a negotiation or an application came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictState {
    /// Negotiated: the replica is ready to apply.
    Accepted,
    /// Waits for a person.
    Held,
    /// Refused.
    Rejected,
    /// A sub-step has to run outside a transaction: the caller runs [`Verdict::run`] on the same
    /// connection and reports back with [`Apply::step`].
    Step,
    /// Waits until the rows before it have arrived: the caller asks again.
    Waiting,
    /// Applied, verified and recorded (or found to be recorded already).
    Applied,
    /// Tried and undone; may be retried.
    RolledBack,
}

/// What a version touches on this replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Impact {
    /// Objects that exist and are altered or dropped.
    pub objects: Vec<FactId>,
    /// Estimated rows in the tables that are locked, rewritten or scanned.
    pub rows: i64,
    /// Bytes of those tables with their indexes.
    pub bytes: i64,
    /// Strongest lock.
    pub lock: Option<Lock>,
    /// Tables that are rewritten.
    pub rewrites: Vec<FactId>,
    /// Tables that are read whole.
    pub scans: Vec<FactId>,
    /// The replica's own objects that depend on what is touched.
    pub dependants: Vec<String>,
    /// Known statements (pg_stat_statements, where installed) that name a touched table.
    pub queries: Vec<String>,
    /// What cannot be brought back.
    pub losses: Vec<Loss>,
    /// What is set aside instead of being lost.
    pub kept: Vec<Aside>,
    /// What was set aside by an earlier version, of which this one is the reverse, and comes back.
    pub restored: Vec<Aside>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Data that is kept on a replica for a reverse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aside {
    /// The table or column that it was in.
    pub id: FactId,
    /// In words: "the rows of table shop.orders".
    pub what: String,
    /// The table that holds it.
    pub place: String,
    /// Its rows: estimated before an application, counted on one where `counted` says so.
    pub rows: i64,
    /// The rows were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted: bool,
    /// Its bytes; before an application, at most these.
    pub bytes: i64,
    /// When it goes; for ever where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Expected, or (on the verdict of an application) measured, use of resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// CPU, milliseconds.
    pub cpu_ms: f64,
    /// Memory, bytes.
    pub memory_bytes: i64,
    /// Bytes read from relations.
    pub read_bytes: i64,
    /// Bytes written to relations and WAL.
    pub write_bytes: i64,
    /// Temporary and transient space (a rewritten table's second copy, a sort), bytes.
    pub temporary_bytes: i64,
    /// Duration, milliseconds.
    pub duration_ms: f64,
}

/// The replica's answer to an offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Protocol version of the replica.
    pub protocol: u32,
    /// Where it came to.
    pub state: VerdictState,
    /// The version that it is about, as far as the message could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Why, for held, rejected and rolled back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// What it touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// The steps that will run or ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The steps that would undo it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollback: Vec<Step>,
    /// Expected resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Measured resources, on an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Estimate>,
    /// Fingerprint of the mirrored projection after the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// Where a version waits: by subscription, the place in the source's WAL up to which its rows are here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reached: BTreeMap<String, String>,
    /// Slots of initial copies on the source that nobody will take up again: their tables are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<String>,
    /// It was recorded before this call: nothing was done.
    #[serde(default)]
    pub already: bool,
    /// For [`VerdictState::Step`]: the statement to run outside a transaction, rendered by the replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// The argument of `accord.negotiate`.
pub type Negotiate = Offer;

/// The argument of `accord.apply`: the offer, and how the last sub-step ended. (A replica that reads the
/// offer by itself asks for what is around it: `Apply<IgnoredAny>`.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply<O = Offer> {
    /// The same offer that was negotiated.
    pub offer: O,
    /// How the last sub-step ended, where the previous verdict was [`VerdictState::Step`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepReport>,
}

/// How a sub-step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// The statement that was run.
    pub run: String,
    /// SQLSTATE and message, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
