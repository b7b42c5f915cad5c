//! The replica's side of the handshake: hello, negotiate, apply, verify, acknowledge.
//!
//! `negotiate` examines an offer and promises nothing; `apply` examines it again and, in one
//! transaction, carries it out, reads what came of it, compares and records. The facts of the source
//! that are mirrored here stand in `accord.mirror`; everything else in this database is its own,
//! outside what is compared, and is never touched.

mod applied;
mod apply;
mod baseline;
mod code;
mod copies;
mod estimate;
mod examine;
mod hello;
mod inspect;
mod kept;
mod majors;
mod mend;
mod mirror;
mod outside;
mod progress;
mod rendered;
mod rewind;
mod rows;
pub mod sizes;
mod stream;

pub use applied::prune;
pub use apply::{SETTINGS, apply};
pub use examine::negotiate;
pub use hello::hello;
pub use inspect::inspect;
pub use kept::{forget as forget_kept, purge as purge_kept};
pub use mirror::forget;
pub use rows::stop_behind;
pub use stream::apply_here;

use crate::protocol::{Offer, PROTOCOL_VERSION, Reason, ReasonCode, Verdict, VerdictState};
use std::cell::RefCell;
use uuid::Uuid;

thread_local! {
    static ORIGIN: RefCell<Option<(Uuid, i64)>> = const { RefCell::new(None) };
}

/// The source and version that this backend is applying, noted in the events that its DDL makes.
pub fn origin() -> Option<(Uuid, i64)> {
    ORIGIN.with_borrow(|origin| *origin)
}

/// Marks this backend's DDL as a source's for as long as the value lives.
struct Applying;

/// Ends what [`Applying::goes_on`] left.
fn applying_ends() {
    ORIGIN.set(None);
}

impl Applying {
    fn begin(offer: &Offer) -> Self {
        ORIGIN.set(Some((offer.source, offer.position.version)));
        Self
    }

    /// The next statement of this session is a step of the version, outside of a transaction: the mark stays until
    /// its end is told.
    fn goes_on(self) {
        std::mem::forget(self);
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        applying_ends();
    }
}

fn reason(code: ReasonCode, message: impl Into<String>) -> Reason {
    Reason { code, message: message.into(), detail: None, hint: None, facts: Vec::new() }
}

fn verdict(state: VerdictState, offer: Option<&Offer>, reasons: Vec<Reason>) -> Verdict {
    Verdict {
        protocol: offer.map_or(PROTOCOL_VERSION, |offer| offer.protocol),
        state,
        position: offer.map(|o| o.position.clone()),
        reasons,
        impact: None,
        steps: Vec::new(),
        rollback: Vec::new(),
        estimate: None,
        actual: None,
        fingerprint: None,
        reached: std::collections::BTreeMap::new(),
        abandoned: Vec::new(),
        already: false,
        run: None,
    }
}
