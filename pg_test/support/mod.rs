//! What the tests, the demo and the benchmarks stand on: real servers as values, a proxy between them,
//! a pair of databases with a replica attached, rows for tables that nobody here has seen before.

#![allow(dead_code, unused_imports, clippy::result_large_err, clippy::unused_self)] // each target uses its own part

#[allow(unused_macros)]
/// Prints past the test harness's capture: what a reader of the log should see of a passing test.
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stderr(), $($argument)*).ok();
    }};
}
pub(crate) use say;

pub mod cluster;
pub mod dice;
pub mod dump;
pub mod history;
pub mod link;
pub mod proxy;
pub mod rows;
pub mod stream;

pub use cluster::{Cluster, Options};
pub use link::{Link, Pair};
pub use proxy::Proxy;

use std::time::{Duration, Instant};

/// Polls until `probe` answers, for at most `timeout`.
pub fn eventually<T>(timeout: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + timeout;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As [`eventually`], and fails with `what` was waited for.
#[track_caller]
pub fn wait_until(what: &str, mut probe: impl FnMut() -> bool) {
    assert!(eventually(Duration::from_secs(30), || probe().then_some(())).is_some(), "waited 30 s in vain: {what}");
}
