//! Watches the source's own view of its replicas while faults are brought about: what it says has to be so, and nobody
//! but for a loss that the harness brought about may come to a state that a person has to resolve. That one it resolves.

use super::support::link::describe;
use super::world::{DB, World};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Memory of one worker process, with when it was measured: seconds, pid, kB.
pub type Memory = Vec<(f64, u32, u64)>;

pub fn run(world: &World) -> Memory {
    let begun = Instant::now();
    let (mut memory, mut round) = (Memory::new(), 0_u64);
    while !world.stopped() {
        std::thread::sleep(Duration::from_millis(100));
        round += 1;
        look(world);
        if round.is_multiple_of(10)
            && let Some((pid, kilobytes)) = world.worker_memory()
        {
            memory.push((begun.elapsed().as_secs_f64(), pid, kilobytes));
        }
    }
    memory
}

fn look(world: &World) {
    // What a loss was, is known only once it is over.
    if world.held() {
        return;
    }
    let Ok(mut client) = world.source.try_client(DB) else { return };
    let sql = "SELECT s.replica, s.state::text, coalesce(s.behind, 0)::bigint, coalesce(s.reason, ''), coalesce(s.hint, ''),
                      EXISTS (SELECT FROM accord.divergences d WHERE d.replica = s.replica), pg_is_in_recovery(), coalesce(s.acknowledged, -1)::bigint
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
        let Some(replica) = world.replicas.iter().find(|replica| replica.name == name) else { continue };
        match state.as_str() {
            "diverged" if replica.may_diverge.load(Ordering::SeqCst) => {
                if !reason.contains("not in this history") || !hint.contains("accord.resolve_divergence") {
                    world.violation(format!("{name} is diverged for another reason: {reason}"));
                }
                if replica.must_diverge.swap(false, Ordering::SeqCst) {
                    world.diverged.fetch_add(1, Ordering::SeqCst);
                }
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
                if row.get::<_, i64>(7) > replica.since.load(Ordering::SeqCst) && !replica.must_diverge.load(Ordering::SeqCst) =>
            {
                replica.may_diverge.store(false, Ordering::SeqCst);
            }
            _ => {}
        }
    }
    world.behind.store(furthest, Ordering::SeqCst);
}
