//! Any version of a history to any other: adjacent ones both ways, and random ones far apart.
//!
//! One database walks from version to version by plans alone; after each hop it must be what the
//! history was there. `ACCORD_PAIRS` is the number of seconds (75 by default), `ACCORD_SEED` the walk.

use crate::client::{conninfo, fresh};
use crate::run::{between, carry_out_in, differences, listed, read};
use crate::support::history::{History, found, shop};
use pg_accord::diff::{Change, diff};
use pg_accord::model::Fact;
use pg_accord::plan::Options;
use postgres::Client;
use std::time::{Duration, Instant};

/// splitmix64
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The model after each migration, the empty database's first.
fn versions(client: &mut Client, history: &History) -> Vec<Vec<Fact>> {
    let mut versions = vec![read(client)];
    for migration in &history.migrations {
        let up = std::fs::read_to_string(&migration.up).unwrap();
        client.batch_execute("SET search_path = public").unwrap();
        let parts: Vec<&str> = if migration.transaction { vec![&up] } else { up.split_inclusive(';').collect() };
        for part in parts {
            client.batch_execute(part).unwrap_or_else(|e| panic!("{}: {e}", migration.name));
        }
        client.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
        versions.push(read(client));
    }
    versions
}

/// The pairs to cross, as a walk: each neighbour both ways in turn with a leap to anywhere.
fn walk(random: &mut Random, count: usize, at: usize, hop: usize) -> usize {
    match hop % 4 {
        0 => random.below(count),
        1 if at + 1 < count => at + 1,
        2 if at > 0 => at - 1,
        _ => random.below(count),
    }
}

fn cross(conninfo: &str, history: &History, seconds: u64) -> Vec<String> {
    let mut source = fresh(conninfo, "accord_pairs_a");
    let versions = versions(&mut source, history);
    let seed = number("ACCORD_SEED", 20_261_121);
    let mut random = Random(seed);
    let mut b = fresh(conninfo, "accord_pairs_b");
    let (begun, mut at, mut hops, mut refused, mut problems) = (Instant::now(), 0, 0, 0, Vec::new());
    while begun.elapsed() < Duration::from_secs(seconds) && problems.len() < 10 {
        let to = walk(&mut random, versions.len(), at, hops);
        let by_key = random.below(2) == 0;
        hops += 1;
        if to == at {
            continue;
        }
        let here = read(&mut b);
        // By key, as the history of one database knows its renames; or by name alone.
        let changes: Vec<Change> = if by_key { diff(&versions[at], &versions[to]) } else { between(&here, &versions[to]) };
        let problem = match carry_out_in(&mut b, "public", &changes, &Options::default()) {
            Ok(plan) => {
                let differing = differences(&versions[to], &read(&mut b), false);
                (!differing.is_empty()).then(|| format!("{}\n{}", differing.join("\n  "), listed(&plan)))
            }
            // Refused before anything was done, with its reason: an alternative by name must be found.
            Err(why) if !why.contains('\n') && by_key => {
                refused += 1;
                match carry_out_in(&mut b, "public", &between(&here, &versions[to]), &Options::default()) {
                    Ok(_) => {
                        let differing = differences(&versions[to], &read(&mut b), false);
                        (!differing.is_empty()).then(|| differing.join("\n  "))
                    }
                    Err(other) => Some(format!("{why}; {other}")),
                }
            }
            Err(why) => Some(why),
        };
        if let Some(problem) = problem {
            problems.push(format!("{}: {at} → {to}{} (seed {seed}): {problem}", history.name, if by_key { " by key" } else { "" }));
            drop(b);
            b = fresh(conninfo, "accord_pairs_b");
            let empty = read(&mut b);
            if let Err(why) = carry_out_in(&mut b, "public", &between(&empty, &versions[to]), &Options::default()) {
                problems.push(format!("{}: nothing → {to}: {why}", history.name));
                break;
            }
        }
        at = to;
    }
    println!("{}: {hops} hops between {} versions, {refused} by another way, {} problems", history.name, versions.len(), problems.len());
    problems
}

#[test]
fn any_version_to_any_other() {
    let Some(conninfo) = conninfo() else { return };
    let mut histories = found();
    histories.insert(0, shop());
    let seconds = number("ACCORD_PAIRS", 75);
    let share = seconds / (histories.len() as u64 + 1);
    let mut problems = Vec::new();
    for (i, history) in histories.iter().enumerate() {
        // The project's own is short; what remains is for those from outside.
        let time =
            if i == 0 && histories.len() > 1 { share.min(20) } else { (seconds - share.min(20)) / (histories.len() as u64 - 1).max(1) };
        problems.extend(cross(&conninfo, history, time));
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
