//! Watches the source's own view of its replicas while faults are brought about: what it says has to be so, and nobody
//! but for a loss that the harness brought about may come to a state that a person has to resolve. That one it resolves.

use super::support::link::describe;
use super::world::{DB, World};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Faults last seconds: a replica that stands still for longer than this is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// What the source's worker needed at a moment.
pub struct Memory {
    pub pid: u32,
    pub kilobytes: u64,
    pub version: i64,
    /// Nobody ends it any more.
    pub calm: bool,
}

pub fn run(world: &World) -> Vec<Memory> {
    let (mut memory, mut round, mut since) = (Vec::new(), 0_u64, HashMap::new());
    while !world.stopped() {
        std::thread::sleep(Duration::from_millis(100));
        round += 1;
        look(world, &mut since);
        if round.is_multiple_of(10)
            && let Some((pid, kilobytes)) = world.worker_memory()
        {
            let (version, calm) = (world.head.load(Ordering::SeqCst), world.calm.load(Ordering::SeqCst));
            memory.push(Memory { pid, kilobytes, version, calm });
        }
    }
    memory
}

/// Where each replica stands, and since when.
type Since = HashMap<String, (i64, Instant)>;

fn look(world: &World, since: &mut Since) {
    // What a loss was, is known only once it is over.
    if world.held() {
        return;
    }
    let Ok(mut client) = world.source.try_client(DB) else { return };
    let sql = "SELECT s.replica, s.state::text, coalesce(s.behind, 0)::bigint, coalesce(s.reason, ''), coalesce(s.hint, ''),
                      EXISTS (SELECT FROM accord.divergences d WHERE d.replica = s.replica), pg_is_in_recovery(), coalesce(s.acknowledged, -1)::bigint,
                      (SELECT max(v.version) FROM accord.versions v)
                 FROM accord.status s";
    let Ok(rows) = client.query(sql, &[]) else { return };
    if world.held() || rows.iter().any(|row| row.get(6)) {
        return;
    }
    let mut furthest = 0;
    for row in rows {
        let (name, state, behind): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        let (reason, hint, parted): (String, String, bool) = (row.get(3), row.get(4), row.get(5));
        furthest = furthest.max(behind);
        world.head.store(row.get(8), Ordering::SeqCst);
        let acknowledged: i64 = row.get(7);
        let at = since.entry(name.clone()).or_insert((acknowledged, Instant::now()));
        if at.0 != acknowledged || behind == 0 {
            *at = (acknowledged, Instant::now());
        } else if at.1.elapsed() > STUCK {
            world.violation(format!("{name} has stood at version {acknowledged} for {} s: {state}, {reason}", STUCK.as_secs()));
        }
        let Some(replica) = world.replicas.iter().find(|replica| replica.name == name) else { continue };
        match state.as_str() {
            "diverged" if replica.may_diverge.load(Ordering::SeqCst) => {
                if !reason.contains("not in this history") || !hint.contains("accord.resolve_divergence") {
                    world.violation(format!("{name} is diverged for another reason: {reason}"));
                }
                if replica.must_diverge.swap(false, Ordering::SeqCst) {
                    world.diverged.fetch_add(1, Ordering::SeqCst);
                }
                replica.led_back.store(true, Ordering::SeqCst);
                if parted && let Err(error) = client.execute("SELECT accord.resolve_divergence($1, 'source')", &[&name]) {
                    // The server may be on its way down; any other refusal is worth a word.
                    if error.as_db_error().is_some_and(|db| !db.code().code().starts_with("57P")) && !describe(&error).contains("already") {
                        world.violation(format!("resolve_divergence({name}): {}", describe(&error)));
                    }
                }
            }
            "diverged" | "rejected" | "held" | "paused" => world.violation(format!("{name} is {state}: {reason}")),
            // It follows this history: what it lost with the source is behind it.
            "following" | "negotiating" | "applying" | "retrying"
                if acknowledged > replica.since.load(Ordering::SeqCst) && !replica.must_diverge.load(Ordering::SeqCst) =>
            {
                replica.may_diverge.store(false, Ordering::SeqCst);
            }
            _ => {}
        }
    }
    world.behind.store(furthest, Ordering::SeqCst);
}
