//! The comparison with other tools that `make peers` wrote is of the probes that are here, and its pages say what it found.

#[path = "../peers/record.rs"]
#[allow(dead_code)]
mod record;

use crate::probe::parse;
use crate::support::cluster::major;
use record::{Comparison, Outcome, PROBES};
use std::path::Path;

/// The major that it was made on.
const MADE_ON: u32 = 15;

#[test]
fn the_comparison_is_of_these_probes() {
    if major() != MADE_ON {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let comparison = Comparison::read(&root.join("docs/peers.json"));
    let compared: Vec<(String, String)> = comparison.probes.iter().map(|probe| (probe.name.clone(), probe.digest.clone())).collect();
    let here: Vec<(String, String)> = parse(PROBES).iter().map(|probe| (probe.name.clone(), probe.digest())).collect();
    assert_eq!(compared, here, "docs/peers.json is of other probes: make peers");
    let page = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_default();
    assert_eq!(page("docs/peers.md"), comparison.page(), "docs/peers.md is not what docs/peers.json says: make peers");
    assert_eq!(page("README.md"), comparison.readme(&page("README.md")), "the README's table is not what docs/peers.json says: make peers");
    let missing = |probe: &&record::Probe| !probe.attempts[0].iter().all(|attempt| attempt.outcome == Outcome::Same);
    let missed: Vec<&str> = comparison.probes.iter().filter(missing).map(|probe| probe.name.as_str()).collect();
    assert_eq!(missed, Vec::<&str>::new(), "what this extension does not see, plan and reverse itself");
}
