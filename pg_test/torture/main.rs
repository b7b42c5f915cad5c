//! `make torture SEED= MINUTES= TRANSACTIONS=`: four sessions change a source's schema, three replicas follow it, and servers,
//! processes and connections fail. A ledger kept by the clients is the judge.
//!
//! Run by `make test` for a minute with a fixed seed, negative controls first: a harness that cannot fail proves nothing.

#[path = "../support/mod.rs"]
mod support;

mod controls;
mod faults;
mod ledger;
mod monitor;
mod sessions;
mod world;

use faults::Done;
use ledger::{Fate, judge};
use monitor::Memory;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::dice::Dice;
use support::link::scalar;
use support::{dump, eventually, say};
use world::{DB, SESSIONS, World};

/// The share of a run after which no server and no worker is ended any more.
const CALM: f64 = 0.85;

/// There are no fewer faults than one in so many transactions, where the run ends by their number.
const TRANSACTIONS_PER_FAULT: usize = 20;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn main() {
    let seed = number("SEED").unwrap_or(7);
    if number("CONTROLS") != Some(0) && !controls::all_are_caught(seed) {
        std::process::exit(1);
    }
    let transactions = number("TRANSACTIONS").map_or(usize::MAX, |count| count as usize);
    // By itself a short run; where the transactions are counted, as long as they take.
    let unsaid = Duration::from_secs(if transactions == usize::MAX { 45 } else { 3600 });
    let duration = number("MINUTES").map_or(unsaid, |minutes| Duration::from_secs(minutes * 60));
    let world = World::start(3, None);
    if !world.volumes {
        say!("torture: no volume can be mounted here: DISK FULL IS LEFT OUT (run it as a user who may mount a tmpfs)");
    }
    say!("torture: seed {seed}, {} s, {SESSIONS} sessions, {} replicas", duration.as_secs(), world.replicas.len());
    let (begun, done) = (Instant::now(), Done::default());
    let memory = run(&world, seed, |world| {
        // Each kind at least once, however short the run is.
        faults::each(world, &mut Dice::new(seed), &done);
        let over = |part: f64| {
            let came = world.ledger.len().min(done.total() * TRANSACTIONS_PER_FAULT);
            begun.elapsed() >= duration.mul_f64(part)
                || came as f64 >= part * transactions as f64
                || !world.violations().is_empty()
                || world.stopped()
        };
        std::thread::scope(|scope| {
            // Two at once: one takes servers and processes, the other connections and locks.
            scope.spawn(|| {
                let mut dice = Dice::new(!seed);
                while !over(1.0) {
                    faults::one(world, &mut dice, true, &done);
                    World::pause(&mut dice, 0, 300);
                }
            });
            let (mut dice, mut told) = (Dice::new(seed.rotate_left(32)), Instant::now());
            // At the end the worker is left alive: what it holds on to grows with what it does.
            while !over(CALM) {
                faults::one(world, &mut dice, false, &done);
                World::pause(&mut dice, 0, 300);
                if told.elapsed() > Duration::from_secs(60) {
                    told = Instant::now();
                    say!(
                        "torture: {:.0} s: {} faults, {} transactions, {} of them committed",
                        begun.elapsed().as_secs_f64(),
                        done.total(),
                        world.ledger.entries().len(),
                        world.ledger.count(Fate::Committed)
                    );
                }
            }
            world.calm.store(true, Ordering::SeqCst);
        });
    });
    let took = begun.elapsed().as_secs_f64();
    finish(&world);
    flat(&world, &memory);

    let fates = [Fate::Committed, Fate::RolledBack, Fate::Lost].map(|fate| world.ledger.count(fate));
    say!(
        "torture: {} transactions in {took:.0} s ({} committed, {} rolled back, {} lost with the source), {} versions, {} faults",
        world.ledger.entries().len(),
        fates[0],
        fates[1],
        fates[2],
        world.newest_version(),
        done.total()
    );
    for (name, count) in done.all() {
        say!("torture: {count:>6}  {name}");
    }
    say!(
        "torture: the source lost its last transactions {} times; {} replicas had some of them, and were reported as diverged; what {} of them had was taken over ({} times both sides had changed the same)",
        world.losses.load(Ordering::SeqCst),
        world.diverged.load(Ordering::SeqCst),
        world.taken_over.load(Ordering::SeqCst),
        world.conflicts.load(Ordering::SeqCst)
    );
    let violations = world.violations();
    for text in &violations {
        say!("torture: {text}");
    }
    if !violations.is_empty() {
        world.story().iter().for_each(|line| say!("torture: {line}"));
        say!("{}", report(&world));
    }
    say!("torture: {}", if violations.is_empty() { "everything holds" } else { "NOT everything holds" });
    drop(world);
    std::process::exit(i32::from(!violations.is_empty()));
}

/// Sessions and the monitor at work while `work` goes on; the worker's memory meanwhile.
fn run(world: &Arc<World>, seed: u64, work: impl FnOnce(&Arc<World>)) -> Vec<Memory> {
    /// Whoever panics ends the run: a scope waits for its threads.
    struct End<'a>(&'a World);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.stop.store(true, Ordering::SeqCst);
        }
    }
    std::thread::scope(|scope| {
        let end = End(world);
        for id in 0..SESSIONS {
            scope.spawn(move || sessions::run(world, id, seed ^ ((id as u64 + 1) << 32)));
        }
        let monitor = scope.spawn(|| monitor::run(world));
        work(world);
        // The monitor resolves what the last loss brought about.
        let patience = Duration::from_secs(if world.violations().is_empty() { 60 } else { 0 });
        eventually(patience, || (!world.replicas.iter().any(|r| r.may_diverge.load(Ordering::SeqCst))).then_some(()));
        drop(end);
        monitor.join().expect("the monitor")
    })
}

/// All has ended and nothing is broken: what must hold.
fn finish(world: &World) {
    for replica in &world.replicas {
        replica.proxy.mend();
    }
    for replica in &world.replicas {
        if replica.must_diverge.load(Ordering::SeqCst) {
            world.violation(format!("{} has what the source lost, and is not reported as diverged", replica.name));
        }
        let patience = Duration::from_secs(if world.violations().is_empty() { 120 } else { 1 });
        if let Err(why) = world.caught_up(replica, patience) {
            world.violation(format!("{} does not catch up: {why}", replica.name));
        }
    }
    let entries = world.ledger.entries();
    for replica in &world.replicas {
        for fault in judge(&entries, &World::seen(replica)) {
            world.violation(format!("{}: {fault}", replica.name));
        }
    }
    agreement(world);
    leaks(world);
}

/// Fingerprints and pg_dump are equal; nothing of what was rolled back is in any record.
fn agreement(world: &World) {
    const VERIFIED: &str = r#"SELECT accord.fingerprint(true, '{"schemas": ["torture"]}')"#;
    // Where a column stands that came back is the replica's.
    const UNORDERED: &str = r#"SELECT accord.fingerprint(true, '{"schemas": ["torture"], "column_order": false}')"#;
    let mut source = world.source.client(DB);
    let ours: String = scalar(&mut source, VERIFIED);
    let unordered: String = scalar(&mut source, UNORDERED);
    let running: String = scalar(&mut source, r#"SELECT accord.fingerprint(false, '{"schemas": ["torture"]}')"#);
    if ours != running {
        world.violation("the source's running sum is not what its catalogs say");
    }
    let unsealed: i64 =
        scalar(&mut source, "SELECT count(*) FROM accord.event e WHERE NOT EXISTS (SELECT FROM accord.version v WHERE v.xid = e.xid)");
    if unsealed > 0 {
        world.violation(format!("{unsealed} events belong to no version"));
    }
    let never: i64 = scalar(&mut source, "SELECT count(*) FROM accord.events WHERE changes::text ~ 'never_'");
    if never > 0 {
        world.violation(format!("{never} events of the source are about what was rolled back"));
    }
    let dumped = dump::of_schema(&world.source, DB, "torture");
    for replica in &world.replicas {
        let mut client = replica.cluster.client(DB);
        let led_back = replica.led_back.load(Ordering::SeqCst);
        let (ours, asked) = if led_back { (&unordered, UNORDERED) } else { (&ours, VERIFIED) };
        if *ours != scalar::<String>(&mut client, asked) {
            world.violation(format!("{}: the fingerprints differ", replica.name));
        }
        let as_judged = |text: &str| if led_back { without_order(text) } else { text.to_owned() };
        let theirs = dump::of_schema(&replica.cluster, DB, "torture");
        if let Some(difference) = dump::difference(&as_judged(&dumped), &as_judged(&theirs)) {
            world.violation(format!("{}: {difference}", replica.name));
        }
        let never: i64 = scalar(&mut client, "SELECT count(*) FROM accord.applied WHERE events::text ~ 'never_'");
        if never > 0 {
            world.violation(format!("{}: {never} versions are about what was rolled back", replica.name));
        }
        let gaps: i64 = scalar(&mut client, "SELECT max(version) - min(version) + 1 - count(*) FROM accord.applied");
        if gaps != 0 {
            world.violation(format!("{}: {gaps} versions are missing in its record", replica.name));
        }
    }
}

/// A dump whose tables list their columns by name, and the comments on them likewise.
fn without_order(dumped: &str) -> String {
    let lines: Vec<&str> = dumped.lines().collect();
    let of_column = |line: &str| (line.starts_with("    "), line.starts_with("-- Name: COLUMN ") || line.starts_with("COMMENT ON COLUMN "));
    lines.chunk_by(|a, b| of_column(a) == of_column(b)).fold(String::new(), |mut text, block| {
        let mut block: Vec<&str> = block.iter().map(|line| line.trim_end_matches(',')).collect();
        if of_column(block[0]) != (false, false) {
            block.sort_unstable();
        }
        for line in block {
            text.push_str(line);
            text.push('\n');
        }
        text
    })
}

/// Nothing is left open: connections, transactions, locks, prepared transactions.
fn leaks(world: &World) {
    // A worker between two rounds, a session between two calls.
    const IDLE: &str = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                         WHERE (a.backend_type LIKE 'pg_accord%' OR a.application_name LIKE 'pg_accord%') AND l.locktype <> 'virtualxid'";
    const OPEN: &str = "SELECT count(*) FROM pg_stat_activity WHERE (backend_type LIKE 'pg_accord%' OR application_name LIKE 'pg_accord%')
                           AND (xact_start IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')";
    for cluster in std::iter::once(&world.source).chain(world.replicas.iter().map(|replica| &replica.cluster)) {
        let quiet = eventually(Duration::from_secs(20), || {
            let mut client = cluster.client("postgres");
            let left: i64 = [IDLE, OPEN].iter().map(|sql| scalar::<i64>(&mut client, sql)).sum();
            (left == 0).then_some(())
        });
        if quiet.is_none() {
            let rows = cluster
                .psql("postgres", "SELECT pid, backend_type, application_name, state, xact_start, query FROM pg_stat_activity")
                .unwrap_or_default();
            world.violation(format!("{}: locks or transactions of pg_accord's stay open\n{rows}", cluster.name()));
        }
        let prepared: i64 = scalar(&mut cluster.client("postgres"), "SELECT count(*) FROM pg_prepared_xacts");
        if prepared > 0 {
            world.violation(format!("{}: {prepared} prepared transactions are left", cluster.name()));
        }
        let log = cluster.log();
        for word in ["panicked at", "leaked", "still referenced", "subtransaction left", "cache reference leak"] {
            if let Some(line) = log.lines().find(|line| line.contains(word)) {
                world.violation(format!("{}: the log says: {line}", cluster.name()));
            }
        }
    }
    for replica in &world.replicas {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_accord%' AND backend_type = 'client backend'";
        let single =
            eventually(Duration::from_secs(20), || (scalar::<i64>(&mut replica.cluster.client("postgres"), sql) == 1).then_some(()));
        if single.is_none() {
            world.violation(format!(
                "{}: there are {} connections of one worker",
                replica.name,
                scalar::<i64>(&mut replica.cluster.client("postgres"), sql)
            ));
        }
    }
}

/// A worker that lives on needs no more memory at the end than at the beginning.
fn flat(world: &World, memory: &[Memory]) {
    let Some(last) = memory.last() else { return };
    let life: Vec<&Memory> = memory.iter().filter(|at| at.calm && at.pid == last.pid).collect();
    // The first versions fill its caches.
    let settled = &life[life.len() / 5..];
    let (Some(first), Some(last)) = (settled.first(), settled.last()) else { return };
    let most = |part: &[&Memory]| part.iter().map(|at| at.kilobytes).max().unwrap_or(0);
    let (before, after) = settled.split_at(settled.len() / 2);
    let (before, after) = (most(before), most(after));
    say!(
        "torture: the worker's own memory, over its last {} versions: {} kB at first, {} kB at most, {} kB at last; over the run {} kB at most",
        last.version - first.version,
        first.kilobytes,
        most(settled),
        last.kilobytes,
        memory.iter().map(|at| at.kilobytes).max().unwrap_or(0)
    );
    if settled.len() > 20 && after > before + 4096 {
        world.violation(format!("the worker's memory grew from {before} kB to {after} kB"));
    }
}

fn report(world: &World) -> String {
    let mut text = world.source.psql(DB, "SELECT * FROM accord.status \\gx").unwrap_or_else(|error| error);
    let stopped = "SELECT e.version, e.xid, e.tag, e.reconciled, e.statement, e.changes FROM (SELECT e.*, v.version FROM accord.event e JOIN accord.version v USING (xid)) e
                    WHERE e.version IN (SELECT r.version FROM accord.replica r WHERE r.state IN ('diverged', 'rejected')) ORDER BY e.seq";
    text += &world.source.psql(DB, &format!("{stopped} \\gx")).unwrap_or_else(|error| error);
    text += &format!("source:\n{}\n", world.source.log_tail(25));
    for replica in &world.replicas {
        text += &format!("{}:\n{}\n", replica.name, replica.cluster.log_tail(15));
    }
    text
}
