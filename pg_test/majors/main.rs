//! Majors beside each other: every two of those whose servers are at hand (`make server PG=…`).
//!
//! With one server there is nothing to compare: the tests print a line and pass.

#[path = "../support/mod.rs"]
mod support;

#[path = "../catalog/client.rs"]
#[allow(dead_code)]
mod client;
mod following;
mod reading;
#[path = "../plan/run.rs"]
#[allow(dead_code)]
mod run;

/// Every two majors at hand, the older one first.
fn pairs() -> Vec<(u32, u32)> {
    let majors = support::cluster::majors_at_hand();
    let pairs: Vec<(u32, u32)> =
        majors.iter().flat_map(|&older| majors.iter().filter(move |&&newer| older < newer).map(move |&newer| (older, newer))).collect();
    if pairs.is_empty() {
        support::say!("skipped: the servers of {majors:?} are at hand, and it takes two majors (make server PG=17)");
    }
    pairs
}
