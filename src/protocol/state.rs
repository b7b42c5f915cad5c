//! The state machine of one delivery: one version on its way to one replica, as the source sees it.

use super::message::VerdictState;
use serde::{Deserialize, Serialize};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Sealed, not sent yet or sent without an answer.
    Offered,
    /// The replica examines it.
    Negotiating,
    /// The replica applies it.
    Applying,
    /// The rows before it have not all arrived.
    #[serde(rename = "waiting for rows")]
    Waiting,
    /// Recorded on the replica and here.
    Acknowledged,
    /// Undone on the replica, to be tried again.
    Retrying,
    /// Waits for a person.
    Held,
    /// Refused.
    Rejected,
    /// Gave up after too many failures.
    Paused,
    /// The replica's history or schema is another.
    Diverged,
    /// Recorded on the replica without being applied, by a person's decision.
    Skipped,
}

impl DeliveryState {
    /// Follows a negotiation's or an application's verdict.
    #[must_use]
    pub fn after(self, verdict: VerdictState) -> Self {
        match verdict {
            VerdictState::Accepted | VerdictState::Step => Self::Applying,
            VerdictState::Waiting => Self::Waiting,
            VerdictState::Held => Self::Held,
            VerdictState::Rejected => Self::Rejected,
            VerdictState::Applied => Self::Acknowledged,
            VerdictState::RolledBack => Self::Retrying,
        }
    }
}
