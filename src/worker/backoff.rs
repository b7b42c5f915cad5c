//! Pauses between attempts.

use crate::protocol::Policy;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A number that nobody foresees; good enough to spread attempts, not for secrets.
pub fn dice() -> u64 {
    RandomState::new().hash_one(0)
}

/// The pause before attempt `attempt`: doubled each time, up to the longest, spread over the upper
/// half so that replicas that failed together do not come back together.
pub fn pause(policy: &Policy, attempt: u32) -> Duration {
    let whole = policy.pause(attempt);
    whole / 2 + whole.mul_f64((dice() % 1000) as f64 / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_within_their_bounds() {
        let policy = Policy::default();
        for attempt in 1..40 {
            let (pause, whole) = (pause(&policy, attempt), policy.pause(attempt));
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
    }
}
