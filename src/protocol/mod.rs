//! The handshake's messages and states. PURE: serde types and a state machine, no server.

#![forbid(unsafe_code)]

mod code;
mod divergence;
mod fragments;
mod inspect;
mod message;
mod policy;
mod rows;
mod state;

pub use code::{Code, code};
pub use divergence::{Alone, Divergence, Names};
pub use fragments::{check_facts, check_fragments};
pub use inspect::{Author, Finding, Inspect, Inspection, Progress};
pub use message::{
    Apply, Aside, Estimate, Event, Hello, Impact, Negotiate, OLDEST_PROTOCOL, Offer, OfferKind, PROTOCOL_VERSION, Position, Reason,
    ReasonCode, Standing, StepReport, Verdict, VerdictState,
};
pub use policy::{Above, Carrier, CodePolicy, OnDrop, Policy, RequireApproval, Span};
pub use rows::{
    Fence, Lacks, Marks, Subscribed, Unable, above, behind_rows, converted, filled_by_the_source, leaves_names, left_by_partitions, marks,
    room, taken_in, touched,
};
pub use state::DeliveryState;
