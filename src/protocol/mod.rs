//! The handshake's messages and states. PURE: serde types and a state machine, no server.

#![forbid(unsafe_code)]

mod message;
mod state;

pub use message::{
    Apply, Estimate, Event, Hello, Impact, Negotiate, Offer, OfferKind, PROTOCOL_VERSION, Position, Reason, ReasonCode, Standing,
    StepReport, Verdict, VerdictState,
};
pub use state::DeliveryState;
