//! What is done to the servers and to the network between them.

use super::support::dice::Dice;
use super::support::link::scalar;
use super::support::{Cluster, eventually, say};
use super::world::{DB, Replica, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// By name, and how often one is chosen beside the others.
type Fault = (&'static str, usize, fn(&Arc<World>, &mut Dice));
const FAULTS: &[Fault] = &[
    ("kill -9 the worker", 6, kill_worker),
    ("kill -9 a session", 4, kill_session),
    ("kill -9 an application", 6, kill_application),
    ("kill -9 the source's postmaster", 4, crash_source),
    ("kill -9 a replica's postmaster", 5, crash_replica),
    ("terminate the worker", 4, terminate_worker),
    ("terminate an application", 6, terminate_application),
    ("cut the network", 8, cut),
    ("cut in the middle of an answer", 10, cut_after),
    ("slow network", 5, delay),
    ("half-open connections", 6, half_open),
    ("disk full on the source", 3, |world, dice| fill(&world.source, dice)),
    ("disk full on a replica", 3, |world, dice| fill(&any(world, dice).cluster, dice)),
    ("lock storm on a replica", 6, |world, dice| lock_storm(&any(world, dice).cluster, dice)),
    ("lock storm on the source", 4, |world, dice| lock_storm(&world.source, dice)),
    ("replica fails over to its standby", 1, promote_replica),
    ("replica restored from an older backup", 1, restore_replica),
    ("source fails over, the last transactions lost", 1, fail_over),
    ("source restored from an older backup", 1, restore_source),
];

/// Brings about one fault; what it was.
pub fn one(world: &Arc<World>, dice: &mut Dice) -> Option<&'static str> {
    let total: usize = FAULTS.iter().map(|(_, weight, _)| weight).sum();
    let mut at = dice.below(total);
    let (name, _, fault) = FAULTS.iter().find(|(_, weight, _)| {
        let found = at < *weight;
        at = at.saturating_sub(*weight);
        found
    })?;
    bring_about(world, dice, name, *fault)
}

/// Brings about each that there is, once.
pub fn each(world: &Arc<World>, dice: &mut Dice, done: &mut BTreeMap<&'static str, usize>) {
    for (name, _, fault) in FAULTS {
        if !world.violations().is_empty() {
            return;
        }
        if let Some(name) = bring_about(world, dice, name, *fault) {
            *done.entry(name).or_default() += 1;
        }
        World::pause(dice, 100, 600);
    }
}

fn bring_about(world: &Arc<World>, dice: &mut Dice, name: &'static str, fault: fn(&Arc<World>, &mut Dice)) -> Option<&'static str> {
    if name.starts_with("disk full") && !world.volumes {
        return None;
    }
    if std::env::var_os("TORTURE_TRACE").is_some() {
        say!("torture: {name}");
    }
    fault(world, dice);
    Some(name)
}

fn any<'a>(world: &'a World, dice: &mut Dice) -> &'a Replica {
    &world.replicas[dice.below(world.replicas.len())]
}

fn pid_of(cluster: &Cluster, whose: &str) -> Option<u32> {
    let sql = format!("SELECT pid FROM pg_stat_activity WHERE {whose} AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
    let row = cluster.try_client("postgres").ok()?.query_opt(&sql, &[]).ok()??;
    u32::try_from(row.get::<_, i32>(0)).ok()
}

fn kill(cluster: &Cluster, whose: &str) {
    if let Some(pid) = pid_of(cluster, whose) {
        cluster.kill(pid);
        cluster.wait_ready();
    }
}

fn terminate(cluster: &Cluster, whose: &str) {
    if let Ok(mut client) = cluster.try_client("postgres") {
        client.batch_execute(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {whose}")).ok();
    }
}

const WORKER: &str = "backend_type LIKE 'pg_accord worker%'";
const APPLICATION: &str = "application_name LIKE 'pg_accord%' AND backend_type = 'client backend'";

fn kill_worker(world: &Arc<World>, _: &mut Dice) {
    kill(&world.source, WORKER);
}

fn kill_session(world: &Arc<World>, _: &mut Dice) {
    kill(&world.source, "application_name = 'torture'");
}

fn kill_application(world: &Arc<World>, dice: &mut Dice) {
    kill(&any(world, dice).cluster, APPLICATION);
}

fn terminate_worker(world: &Arc<World>, _: &mut Dice) {
    terminate(&world.source, WORKER);
}

fn terminate_application(world: &Arc<World>, dice: &mut Dice) {
    terminate(&any(world, dice).cluster, APPLICATION);
}

fn crash(cluster: &Cluster, dice: &mut Dice) {
    cluster.crash();
    World::pause(dice, 0, 300);
    cluster.boot();
}

fn crash_source(world: &Arc<World>, dice: &mut Dice) {
    crash(&world.source, dice);
}

fn crash_replica(world: &Arc<World>, dice: &mut Dice) {
    crash(&any(world, dice).cluster, dice);
}

fn cut(world: &Arc<World>, dice: &mut Dice) {
    let replica = any(world, dice);
    if dice.below(2) == 0 {
        return replica.proxy.cut_once();
    }
    replica.proxy.cut();
    World::pause(dice, 50, 1500);
    replica.proxy.mend();
}

fn cut_after(world: &Arc<World>, dice: &mut Dice) {
    let replica = any(world, dice);
    replica.proxy.cut_after(1 + dice.below(20_000) as u64);
    World::pause(dice, 50, 400);
}

fn delay(world: &Arc<World>, dice: &mut Dice) {
    let replica = any(world, dice);
    replica.proxy.delay(Duration::from_millis(5 + dice.below(80) as u64));
    World::pause(dice, 200, 1000);
    replica.proxy.mend();
}

/// Nothing passes, nothing is closed; and at the end the one side is cut, or all goes on.
fn half_open(world: &Arc<World>, dice: &mut Dice) {
    let replica = any(world, dice);
    replica.proxy.hold();
    World::pause(dice, 200, 2500);
    if dice.below(2) == 0 {
        replica.proxy.cut_once();
    }
    replica.proxy.mend();
}

fn fill(cluster: &Cluster, dice: &mut Dice) {
    cluster.fill_disk();
    World::pause(dice, 200, 1500);
    cluster.free_disk();
    // What ran out of it in the middle of its WAL gives up now.
    World::pause(dice, 200, 300);
    cluster.free_disk();
    cluster.wait_ready();
}

fn lock_storm(cluster: &Cluster, dice: &mut Dice) {
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (mode, hold) = (["ACCESS SHARE", "ACCESS EXCLUSIVE"][dice.below(2)], 200 + dice.below(900));
            scope.spawn(move || {
                let Ok(mut client) = cluster.try_client(DB) else { return };
                let sql = format!(
                    "DO $$ DECLARE t text; BEGIN SET LOCAL lock_timeout = '300ms';
                     FOR t IN SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'torture'::regnamespace AND c.relkind = 'r' ORDER BY random() LOOP
                         BEGIN EXECUTE format('LOCK TABLE %s IN {mode} MODE', t); EXCEPTION WHEN OTHERS THEN NULL; END;
                     END LOOP; PERFORM pg_sleep({hold} / 1000.0); END $$"
                );
                client.batch_execute(&sql).ok();
            });
        }
    });
    World::pause(dice, 0, 100);
}

/// Waits until what a loss has brought about has been found: another fault could take the evidence away.
fn evidence(world: &World) {
    let found = eventually(Duration::from_secs(90), || {
        (!world.replicas.iter().any(|replica| replica.must_diverge.load(Ordering::SeqCst))).then_some(())
    });
    if found.is_none() {
        for replica in world.replicas.iter().filter(|replica| replica.must_diverge.swap(false, Ordering::SeqCst)) {
            world.violation(format!("{} has what the source lost, and is not reported as diverged", replica.name));
        }
    }
}

fn promote(cluster: &Cluster) {
    assert!(scalar::<bool>(&mut cluster.client("postgres"), "SELECT pg_promote()"), "pg_promote");
}

fn promote_replica(world: &Arc<World>, dice: &mut Dice) {
    evidence(world);
    let replica = any(world, dice);
    let standby = replica.cluster.standby("torture standby of a replica");
    replica.cluster.wait_for_standby(&standby);
    standby.stop();
    World::pause(dice, 0, 1500);
    replica.cluster.crash();
    replica.cluster.replace_by(standby);
    promote(&replica.cluster);
}

fn restore_replica(world: &Arc<World>, dice: &mut Dice) {
    evidence(world);
    let replica = any(world, dice);
    replica.cluster.stop();
    replica.cluster.backup();
    replica.cluster.boot();
    World::pause(dice, 500, 2500);
    replica.cluster.crash();
    replica.cluster.restore();
    replica.cluster.boot();
}

/// The source loses what it did since a moment of the past. Sessions begin nothing until it is known what that is.
fn lose(world: &World, dice: &mut Dice, kept: &[u64], back: impl FnOnce()) {
    // Something is lost that a replica has, as far as the machine's mood allows.
    eventually(Duration::from_secs(10), || {
        let has = |replica: &Replica| {
            let mut client = replica.cluster.try_client(DB).ok()?;
            World::marks(&mut client).iter().zip(kept).any(|(there, kept)| there > kept).then_some(())
        };
        world.replicas.iter().find_map(has)
    });
    World::pause(dice, 0, 1000);
    world.hold.store(true, Ordering::SeqCst);
    if dice.below(2) == 0 {
        World::pause(dice, 0, 50);
    }
    world.source.crash();
    world.losses.fetch_add(1, Ordering::SeqCst);
    for replica in &world.replicas {
        replica.may_diverge.store(true, Ordering::SeqCst);
    }
    back();
    let marks = World::marks(&mut world.source.client(DB));
    let head: i64 = scalar(&mut world.source.client(DB), "SELECT max(version) FROM accord.versions");
    for replica in &world.replicas {
        replica.since.store(head, Ordering::SeqCst);
        let mut client = replica.cluster.client(DB);
        let beyond = World::marks(&mut client).iter().zip(&marks).any(|(there, here)| there > here);
        if beyond {
            replica.must_diverge.store(true, Ordering::SeqCst);
        }
    }
    world.hold.store(false, Ordering::SeqCst);
    evidence(world);
}

fn fail_over(world: &Arc<World>, dice: &mut Dice) {
    evidence(world);
    let standby = world.source.standby("torture standby of the source");
    world.source.wait_for_standby(&standby);
    standby.stop();
    let kept = World::marks(&mut world.source.client(DB));
    lose(world, dice, &kept, || {
        world.source.replace_by(standby);
        promote(&world.source);
    });
}

fn restore_source(world: &Arc<World>, dice: &mut Dice) {
    evidence(world);
    world.source.stop();
    world.source.backup();
    world.source.boot();
    let kept = World::marks(&mut world.source.client(DB));
    lose(world, dice, &kept, || {
        world.source.restore();
        world.source.boot();
    });
}
