//! What is done to the servers and to the network between them.

use super::support::dice::Dice;
use super::support::link::{batch, describe, scalar};
use super::support::{Cluster, eventually, say};
use super::world::{DB, Replica, World};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Something that fails.
struct Fault {
    name: &'static str,
    /// How often it is chosen beside the others.
    weight: usize,
    /// It takes a connection or a lock, no server: it comes about beside the others, and the source's worker lives on.
    light: bool,
    /// Brings it about; whether it did.
    bring: fn(&Arc<World>, &mut Dice) -> bool,
}

const fn heavy(name: &'static str, weight: usize, bring: fn(&Arc<World>, &mut Dice) -> bool) -> Fault {
    Fault { name, weight, light: false, bring }
}

const fn light(name: &'static str, weight: usize, bring: fn(&Arc<World>, &mut Dice) -> bool) -> Fault {
    Fault { name, weight, light: true, bring }
}

const FAULTS: &[Fault] = &[
    heavy("kill -9 the worker", 6, kill_worker),
    heavy("kill -9 a session", 4, kill_session),
    heavy("kill -9 an application", 6, kill_application),
    heavy("kill -9 the source's postmaster", 4, crash_source),
    heavy("kill -9 a replica's postmaster", 5, crash_replica),
    heavy("terminate the worker", 4, terminate_worker),
    heavy("disk full on the source", 3, |world, dice| fill(&world.source, dice)),
    heavy("disk full on a replica", 3, |world, dice| fill(&any(world, dice).cluster, dice)),
    heavy("replica fails over to its standby", 1, promote_replica),
    heavy("replica restored from an older backup", 1, restore_replica),
    heavy("source fails over, the last transactions lost", 1, fail_over),
    heavy("source restored from an older backup", 1, restore_source),
    light("terminate an application", 5, terminate_application),
    light("cut the network", 6, cut),
    light("cut in the middle of an answer", 8, cut_after),
    light("slow network", 4, delay),
    light("half-open connections", 4, half_open),
    light("lock storm on a replica", 4, |world, dice| lock_storm(&any(world, dice).cluster, dice)),
    light("lock storm on the source", 3, |world, dice| lock_storm(&world.source, dice)),
];

/// How often each came about.
#[derive(Default)]
pub struct Done(Mutex<BTreeMap<&'static str, usize>>);

impl Done {
    fn count(&self, name: &'static str) {
        *self.0.lock().expect("the faults").entry(name).or_default() += 1;
    }

    pub fn all(&self) -> BTreeMap<&'static str, usize> {
        self.0.lock().expect("the faults").clone()
    }

    pub fn total(&self) -> usize {
        self.0.lock().expect("the faults").values().sum()
    }
}

/// Brings about one fault of those that are light, or of the others.
pub fn one(world: &Arc<World>, dice: &mut Dice, light: bool, done: &Done) {
    let faults: Vec<&Fault> = FAULTS.iter().filter(|fault| fault.light == light).collect();
    let mut at = dice.below(faults.iter().map(|fault| fault.weight).sum());
    let chosen = faults.into_iter().find(|fault| {
        let found = at < fault.weight;
        at = at.saturating_sub(fault.weight);
        found
    });
    if let Some(fault) = chosen {
        bring_about(world, dice, fault, done);
    }
}

/// Brings about each that there is, once.
pub fn each(world: &Arc<World>, dice: &mut Dice, done: &Done) {
    for fault in FAULTS {
        if !world.violations().is_empty() {
            return;
        }
        bring_about(world, dice, fault, done);
        World::pause(dice, 100, 600);
    }
}

fn bring_about(world: &Arc<World>, dice: &mut Dice, fault: &Fault, done: &Done) {
    if fault.name.starts_with("disk full") && !world.volumes {
        return;
    }
    let begun = Instant::now();
    let brought = (fault.bring)(world, dice);
    if brought {
        done.count(fault.name);
    }
    if std::env::var_os("TORTURE_TRACE").is_some() {
        let not = if brought { "" } else { " (there was nothing to)" };
        say!("torture: {:.1} s: {}{not}, {:.1} s", world.begun.elapsed().as_secs_f64(), fault.name, begun.elapsed().as_secs_f64());
    }
}

fn any<'a>(world: &'a World, dice: &mut Dice) -> &'a Replica {
    &world.replicas[dice.below(world.replicas.len())]
}

fn pid_of(cluster: &Cluster, whose: &str) -> Option<u32> {
    let sql = format!("SELECT pid FROM pg_stat_activity WHERE {whose} AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1");
    let row = cluster.try_client("postgres").ok()?.query_opt(&sql, &[]).ok()??;
    u32::try_from(row.get::<_, i32>(0)).ok()
}

fn kill(cluster: &Cluster, whose: &str) -> bool {
    let Some(pid) = pid_of(cluster, whose) else { return false };
    let killed = cluster.kill(pid);
    cluster.wait_ready();
    killed
}

fn terminate(cluster: &Cluster, whose: &str) -> bool {
    let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {whose}");
    cluster.try_client("postgres").and_then(|mut client| client.query(&sql, &[])).is_ok_and(|rows| rows.iter().any(|row| row.get(0)))
}

const WORKER: &str = "backend_type LIKE 'pg_accord worker%'";
const APPLICATION: &str = "application_name LIKE 'pg_accord%' AND backend_type = 'client backend'";

fn kill_worker(world: &Arc<World>, _: &mut Dice) -> bool {
    kill(&world.source, WORKER)
}

fn kill_session(world: &Arc<World>, _: &mut Dice) -> bool {
    kill(&world.source, "application_name = 'torture'")
}

fn kill_application(world: &Arc<World>, dice: &mut Dice) -> bool {
    kill(&any(world, dice).cluster, APPLICATION)
}

fn terminate_worker(world: &Arc<World>, _: &mut Dice) -> bool {
    terminate(&world.source, WORKER)
}

fn terminate_application(world: &Arc<World>, dice: &mut Dice) -> bool {
    terminate(&any(world, dice).cluster, APPLICATION)
}

fn crash(cluster: &Cluster, dice: &mut Dice) -> bool {
    cluster.crash();
    World::pause(dice, 0, 300);
    cluster.boot();
    true
}

fn crash_source(world: &Arc<World>, dice: &mut Dice) -> bool {
    crash(&world.source, dice)
}

fn crash_replica(world: &Arc<World>, dice: &mut Dice) -> bool {
    crash(&any(world, dice).cluster, dice)
}

fn cut(world: &Arc<World>, dice: &mut Dice) -> bool {
    let replica = any(world, dice);
    if dice.below(2) == 0 {
        replica.proxy.cut_once();
        return true;
    }
    replica.proxy.cut();
    World::pause(dice, 50, 1000);
    replica.proxy.mend();
    true
}

fn cut_after(world: &Arc<World>, dice: &mut Dice) -> bool {
    let replica = any(world, dice);
    replica.proxy.cut_after(1 + dice.below(20_000) as u64);
    World::pause(dice, 50, 400);
    true
}

fn delay(world: &Arc<World>, dice: &mut Dice) -> bool {
    let replica = any(world, dice);
    replica.proxy.delay(Duration::from_millis(5 + dice.below(80) as u64));
    World::pause(dice, 200, 1000);
    replica.proxy.mend();
    true
}

/// Nothing passes, nothing is closed; and at the end the one side is cut, or all goes on.
fn half_open(world: &Arc<World>, dice: &mut Dice) -> bool {
    let replica = any(world, dice);
    replica.proxy.hold();
    World::pause(dice, 200, 2000);
    if dice.below(2) == 0 {
        replica.proxy.cut_once();
    }
    replica.proxy.mend();
    true
}

fn fill(cluster: &Cluster, dice: &mut Dice) -> bool {
    cluster.fill_disk();
    World::pause(dice, 200, 1200);
    cluster.free_disk();
    // What ran out of it in the middle of its WAL gives up now.
    World::pause(dice, 200, 300);
    cluster.free_disk();
    cluster.wait_ready();
    true
}

fn lock_storm(cluster: &Cluster, dice: &mut Dice) -> bool {
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
    true
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

/// Whether it is to be taken over what the source loses next: every other time.
fn takes_over(world: &World) -> bool {
    !world.losses.load(Ordering::SeqCst).is_multiple_of(2)
}

/// As [`evidence`]; and where what is lost next is to be taken over, nobody is on the way back from what was lost before.
fn ready_to_lose(world: &World) {
    evidence(world);
    if takes_over(world) {
        eventually(Duration::from_secs(60), || (!world.replicas.iter().any(|r| r.may_diverge.load(Ordering::SeqCst))).then_some(()));
    }
}

fn promote(cluster: &Cluster) {
    assert!(scalar::<bool>(&mut cluster.client("postgres"), "SELECT pg_promote()"), "pg_promote");
}

/// A replica of the past that may have had what the source lost has it again, wherever it was led meanwhile.
fn comes_back(world: &World, replica: &Replica, parted: bool) {
    if parted {
        replica.since.store(world.newest_version(), Ordering::SeqCst);
        replica.may_diverge.store(true, Ordering::SeqCst);
    }
}

fn promote_replica(world: &Arc<World>, dice: &mut Dice) -> bool {
    evidence(world);
    let replica = any(world, dice);
    let parted = replica.may_diverge.load(Ordering::SeqCst);
    let standby = replica.cluster.standby("torture standby of a replica");
    replica.cluster.wait_for_standby(&standby);
    standby.stop();
    World::pause(dice, 0, 1500);
    replica.cluster.crash();
    comes_back(world, replica, parted);
    replica.cluster.replace_by(standby);
    promote(&replica.cluster);
    world.tell(format_args!("{} failed over", replica.name));
    true
}

fn restore_replica(world: &Arc<World>, dice: &mut Dice) -> bool {
    evidence(world);
    let replica = any(world, dice);
    replica.cluster.stop();
    let parted = replica.may_diverge.load(Ordering::SeqCst);
    replica.cluster.backup();
    replica.cluster.boot();
    World::pause(dice, 500, 2500);
    replica.cluster.crash();
    comes_back(world, replica, parted);
    replica.cluster.restore();
    replica.cluster.boot();
    world.tell(format_args!("{} was restored", replica.name));
    true
}

/// The source loses what it did since a moment of the past. Sessions begin nothing until it is known what that is, and
/// every other time until it was taken over from a replica.
fn lose(world: &World, dice: &mut Dice, kept: &[u64], past: Instant, back: impl FnOnce()) {
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
    world.ledger.came_back(past);
    let marks = World::marks(&mut world.source.client(DB));
    world.tell(format_args!("the source is led back to {marks:?}"));
    let head: i64 = scalar(&mut world.source.client(DB), "SELECT max(version) FROM accord.versions");
    for replica in &world.replicas {
        replica.since.store(head, Ordering::SeqCst);
        let mut client = replica.cluster.client(DB);
        let theirs = World::marks(&mut client);
        world.tell(format_args!("{} has {theirs:?}", replica.name));
        let beyond = theirs.iter().zip(&marks).any(|(there, here)| there > here);
        if beyond {
            replica.must_diverge.store(true, Ordering::SeqCst);
        }
    }
    if !takes_over(world) {
        take_over(world, &marks);
    }
    world.hold.store(false, Ordering::SeqCst);
    evidence(world);
}

/// The source takes over what the replica has that went furthest: sessions have not gone on yet.
fn take_over(world: &World, marks: &[u64]) {
    let beyond = |replica: &Replica| World::marks(&mut replica.cluster.client(DB));
    let parted = world.replicas.iter().filter(|replica| replica.must_diverge.load(Ordering::SeqCst));
    let Some(replica) = parted.max_by_key(|replica| beyond(replica).iter().sum::<u64>()) else { return };
    // What was prepared at the moment of the past holds its locks; the replica has it, or it is lost.
    let mut client = world.source.client(DB);
    for row in client.query("SELECT gid FROM pg_prepared_xacts", &[]).expect("what is prepared") {
        batch(&mut client, &format!("ROLLBACK PREPARED '{}'", row.get::<_, String>(0)));
    }
    let known = eventually(Duration::from_secs(60), || {
        let sql = "SELECT EXISTS (SELECT FROM accord.divergences WHERE replica = $1)";
        let row = world.source.try_client(DB).and_then(|mut client| client.query_one(sql, &[&replica.name])).ok()?;
        row.get::<_, bool>(0).then_some(())
    });
    if known.is_none() {
        return world.violation(format!("{} has what the source lost, and nobody says what", replica.name));
    }
    if replica.must_diverge.swap(false, Ordering::SeqCst) {
        world.diverged.fetch_add(1, Ordering::SeqCst);
    }
    let theirs = beyond(replica);
    let mut last = String::new();
    let taken = eventually(Duration::from_secs(20), || {
        let resolve = "SELECT accord.resolve_divergence($1, 'replica')";
        match world.source.try_client(DB).and_then(|mut client| client.query_one(resolve, &[&replica.name])) {
            Ok(_) => Some(true),
            Err(error) => {
                last = describe(&error);
                // An answer that was lost: it is done.
                let done = last.contains("led back already").then_some(true);
                done.or_else(|| last.contains("both sides changed the same").then_some(false))
            }
        }
    });
    world.tell(format_args!("what {} has, up to {theirs:?}, is taken over: {taken:?}", replica.name));
    match taken {
        Some(true) => {
            // Led to the newest version at once: nobody goes on before it is there.
            let led = eventually(Duration::from_secs(60), || {
                let sql = "SELECT state = 'acknowledged' FROM accord.mending WHERE replica = $1 ORDER BY requested_at DESC LIMIT 1";
                let row = world.source.try_client(DB).and_then(|mut client| client.query_one(sql, &[&replica.name])).ok()?;
                row.get::<_, bool>(0).then_some(())
            });
            if led.is_none() {
                world.violation(format!("{} is not led to what was taken over from it", replica.name));
            }
            for (session, (ours, theirs)) in marks.iter().zip(theirs).enumerate() {
                world.ledger.take_over(session, *ours, theirs);
            }
            world.taken_over.fetch_add(1, Ordering::SeqCst);
        }
        // The monitor keeps the source's.
        Some(false) => _ = world.conflicts.fetch_add(1, Ordering::SeqCst),
        None => world.violation(format!("resolve_divergence({}, 'replica'): {last}", replica.name)),
    }
}

fn fail_over(world: &Arc<World>, dice: &mut Dice) -> bool {
    ready_to_lose(world);
    let standby = world.source.standby("torture standby of the source");
    world.source.wait_for_standby(&standby);
    standby.stop();
    let past = Instant::now();
    let kept = World::marks(&mut world.source.client(DB));
    lose(world, dice, &kept, past, || {
        world.source.replace_by(standby);
        promote(&world.source);
    });
    true
}

fn restore_source(world: &Arc<World>, dice: &mut Dice) -> bool {
    ready_to_lose(world);
    world.source.stop();
    let past = Instant::now();
    world.source.backup();
    world.source.boot();
    let kept = World::marks(&mut world.source.client(DB));
    lose(world, dice, &kept, past, || {
        world.source.restore();
        world.source.boot();
    });
    true
}
