//! The ledger: what is known of this database's schema, and its history of versions.
//!
//! `store` keeps the last known facts (sealed ones, overlaid by what unsealed events changed);
//! `seal` turns committed DDL transactions into numbered, chained versions; `sums` keeps the
//! fingerprints, and `running` carries them on; `offer` cuts versions to a replica's projection; `history` answers questions; `prune`
//! ends what is kept for its time.

mod compare;
mod history;
mod mend;
mod offer;
mod past;
mod prune;
mod reconcile;
mod rewind;
mod running;
mod seal;
pub mod store;
mod sums;
mod surroundings;

pub use compare::{Compared, PlannedStep, carry_out, compare_documents, compare_versions, difference, plan, plan_to};
pub use history::{fingerprint, head, losses, model_at_head, reverse_plans, version};
pub use mend::{facts_as_of, mend_offer};
pub use offer::{baseline_offer, offers};
pub use past::{document, ledger_id};
pub use prune::{begin_anew, past_retention, prune};
pub use reconcile::{Found, compare as store_compare, initialize, moved, reconcile, reconcile_briefly, reconcile_event_triggers};
pub use rewind::{chain, rewind_offer, rewind_target, take_over, taken_over};
pub use seal::seal;
pub use sums::projection_text;
pub use surroundings::Ledger;
