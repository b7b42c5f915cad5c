//! Majors beside each other: the one under test and each other whose server is at hand (`make server PG=…`).
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

/// The major under test and another one at hand, the older one first.
fn pairs() -> Vec<(u32, u32)> {
    let (this, majors) = (support::cluster::major(), support::cluster::majors_at_hand());
    let others = majors.iter().filter(|&&other| other != this);
    let pairs: Vec<(u32, u32)> = others.map(|&other| (this.min(other), this.max(other))).collect();
    if pairs.is_empty() {
        support::say!("skipped: no server but that of {this} is at hand, and it takes two majors (make server PG=17)");
    }
    pairs
}
