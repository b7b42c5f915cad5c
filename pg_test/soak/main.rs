//! `make soak SEED= CHANGES=`: a load writes all tables without pause while random schema changes run, and
//! native logical replication carries the rows. At the end rows and schema are the same on both sides.
//!
//! Run by `make test` with a fixed seed and few changes.

#[path = "../support/mod.rs"]
mod support;

mod changes;
mod load;

use changes::Shop;
use load::{Lag, Load};
use postgres::Client;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::cluster::knows;
use support::dice::Dice;
use support::link::{batch, scalar};
use support::stream::{CONF, Stream};
use support::{Cluster, Options, dump, say, wait_until};

/// Both databases' name.
const DB: &str = "soak";
/// No version waits longer than this.
const STUCK: Duration = Duration::from_secs(90);
/// Versions that the replica may be behind before the next change is made.
const BEHIND: i64 = 40;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    let (seed, changes) = (number("SEED", 7), number("CHANGES", 40));
    let minutes = std::env::var("MINUTES").ok().and_then(|text| text.parse().ok()).map(|n: u64| Duration::from_secs(n * 60));
    // Large transactions come while they run, and most are large.
    let streaming = std::env::var("STREAMING").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "off".to_owned());
    let start = |name, databases| {
        let own = [("accord.databases", databases), ("logical_decoding_work_mem", if streaming == "on" { "64kB" } else { "64MB" })];
        let conf: Vec<(&str, &str)> = CONF.iter().copied().chain(own).collect();
        Arc::new(Cluster::start(Options { name, conf: &conf, durable: false }))
    };
    let (source, replica) = (start("soak source", DB), start("soak replica", ""));
    for cluster in [&source, &replica] {
        cluster.createdb(DB);
        batch(&mut cluster.client(DB), "CREATE EXTENSION pg_accord");
    }
    let mut dice = Dice::new(seed);
    let mut shop = Shop::open(source.client(DB), &mut dice);
    let carrier = std::env::var("CARRIER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "push".to_owned());
    let policy = format!("{{\"max_lock_attempts\": 1000, \"carrier\": \"{carrier}\"}}");
    let add = "SELECT accord.add_replica('warehouse', $1, $2::text::jsonb)";
    source.client(DB).execute(add, &[&replica.conninfo(DB), &policy]).expect("add_replica");
    wait(&source, &replica);
    let publication =
        ["FOR ALL TABLES", "FOR TABLES IN SCHEMA soak", "FOR ALL TABLES WITH (publish_via_partition_root = true)"][dice.below(3)];
    let publication = if publication.contains("IN SCHEMA") && !knows(15, publication) { "FOR ALL TABLES" } else { publication };
    batch(&mut source.client(DB), &format!("CREATE PUBLICATION rows {publication}"));
    let stream = Stream { source: (&source, DB), replica: (&replica, DB) };
    stream.subscribe_with("rows", &[&format!("streaming = {streaming}")]);
    // What is measured is a stream under way, not its first copies.
    wait_until("the first copies are there", || {
        scalar::<bool>(&mut replica.client(DB), "SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel")
    });
    say!("soak: seed {seed}, carrier {carrier}, streaming {streaming}, {publication}");

    // The load alone, then with changes.
    let calm = phase(&source, &replica, || std::thread::sleep(Duration::from_secs(if changes > 100 { 10 } else { 3 })));
    let begun = Instant::now();
    let mut made = 0;
    let mut watching = source.client(DB);
    let busy = phase(&source, &replica, || {
        while minutes.map_or(made < changes, |limit| begun.elapsed() < limit) {
            if let Err(error) = shop.change(&mut dice) {
                say!("soak: change {made} did not go through: {error}");
            }
            made += 1;
            std::thread::sleep(Duration::from_millis(dice.below(100) as u64));
            let full = Instant::now();
            while behind(&mut watching) > BEHIND {
                std::thread::sleep(Duration::from_millis(50));
                assert!(full.elapsed() < STUCK, "nothing goes on\n{}", report(&source, &replica));
            }
            if made % 100 == 0 {
                say!("soak: {made} changes in {:.0} s, {} versions to go", begun.elapsed().as_secs_f64(), behind(&mut watching));
            }
        }
    });
    let took = begun.elapsed();
    let caught_up = Instant::now();
    wait(&source, &replica);
    let tables = shop.tables();
    let differing: Vec<String> = tables.iter().filter_map(|table| stream.same_rows(table, Duration::from_secs(60)).err()).collect();
    let caught_up = caught_up.elapsed();

    let versions: i64 = scalar(&mut source.client(DB), "SELECT accord.version()::bigint");
    let rows: i64 = tables.iter().map(|table| scalar::<i64>(&mut source.client(DB), &format!("SELECT count(*) FROM {table}"))).sum();
    let errors = |kind: &str| -> i64 {
        if !knows(15, "how many errors workers had") {
            return 0;
        }
        scalar(&mut replica.client(DB), &format!("SELECT coalesce(sum({kind}_error_count), 0)::bigint FROM pg_stat_subscription_stats"))
    };
    let (apply_errors, sync_errors) = (errors("apply"), errors("sync"));
    say!(
        "soak: {made} changes, {versions} versions in {:.1} s, {} tables with {rows} rows; level {:.1} s later",
        took.as_secs_f64(),
        tables.len(),
        caught_up.as_secs_f64()
    );
    say!("soak: without changes {calm}");
    say!("soak: with changes    {busy}");
    say!("soak: {apply_errors} errors of the apply worker and {sync_errors} of initial copies, healed by their own retries");
    let fingerprint = "SELECT accord.fingerprint(verify => true)";
    let (ours, theirs): (String, String) = (scalar(&mut source.client(DB), fingerprint), scalar(&mut replica.client(DB), fingerprint));
    let difference = dump::difference(&dump::tables(&source, DB), &dump::tables(&replica, DB));
    // Among the rows there is nothing that a worker could stumble over.
    let quiet = carrier == "push" || apply_errors == 0;
    let left = left_behind(&source, &replica);
    let agreed = differing.is_empty() && ours == theirs && difference.is_none() && quiet && left.is_none();
    for table in tables.iter().filter(|table| differing.iter().any(|text| text.contains(table.as_str()))) {
        let events =
            "SELECT e.version, e.statement FROM accord.events e WHERE e.identity = $1 OR e.statement ~ ($1 || '\\M') ORDER BY e.seq";
        for row in source.client(DB).query(events, &[table]).unwrap_or_default() {
            say!("soak: version {:?}: {}", row.get::<_, Option<i64>>(0), row.get::<_, String>(1));
        }
    }
    for text in differing.iter().chain(&difference).chain(&left) {
        say!("soak: {text}");
    }
    if !agreed {
        say!("{}", report(&source, &replica));
    }
    if !quiet {
        apply_errors_in(&replica.log()).iter().take(60).for_each(|line| say!("{line}"));
    }
    say!("soak: rows and schema are {} on both sides", if agreed { "the same" } else { "NOT the same" });
    std::process::exit(i32::from(!agreed));
}

/// The errors of replication workers with what belongs to them, but for those that initial copies heal by themselves.
fn apply_errors_in(log: &str) -> Vec<&str> {
    const OF_COPIES: [&str; 3] = ["is missing replicated column", "not found on publisher", "target relation"];
    let mut lines = log.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.contains("logical replication worker  ERROR") && !OF_COPIES.iter().any(|text| line.contains(text)) {
            found.push(line);
            while let Some(more) = lines.next_if(|line| !line.contains("  ERROR") && !line.contains("  LOG")) {
                found.push(more);
            }
        }
    }
    found
}

fn wait(source: &Cluster, replica: &Cluster) {
    let waited = source.client(DB).query_one("SELECT accord.wait_for_replica('warehouse', '3 min')", &[]);
    if let Err(error) = waited {
        panic!("{}\n{}", support::link::describe(&error), report(source, replica));
    }
}

/// What initial copies left behind that are over: slots on the source, origins on the replica.
fn left_behind(source: &Cluster, replica: &Cluster) -> Option<String> {
    let names = |cluster: &Cluster, sql: &str| -> Vec<String> {
        cluster.client(DB).query(sql, &[]).expect("what is left behind").iter().map(|row| row.get(0)).collect()
    };
    let look = || {
        let slots = names(source, "SELECT slot_name::text FROM pg_replication_slots WHERE slot_name ~ '_sync_' ORDER BY 1");
        let origins = names(replica, "SELECT roname FROM pg_replication_origin WHERE roname ~ '^pg_[0-9]+_[0-9]+$' ORDER BY 1");
        [slots, origins].concat()
    };
    let none = support::eventually(Duration::from_secs(20), || look().is_empty().then_some(()));
    none.is_none().then(|| format!("left behind by initial copies: {}", look().join(", ")))
}

fn report(source: &Cluster, replica: &Cluster) -> String {
    let status = source.psql(DB, "SELECT * FROM accord.status \\gx").unwrap_or_else(|error| error);
    let tables = "SELECT r.srrelid::regclass, r.srsubstate, r.srsublsn FROM pg_subscription_rel r WHERE r.srsubstate <> 'r'";
    let tables = replica.psql(DB, tables).unwrap_or_else(|error| error);
    let events =
        "SELECT v.version, e.seq, e.xid, e.lsn, e.statement FROM accord.event e LEFT JOIN accord.version v USING (xid) ORDER BY e.seq";
    let kept = [
        ("source.log", source.log()),
        ("replica.log", replica.log()),
        ("events", source.psql(DB, events).unwrap_or_else(|error| error)),
        ("applied", replica.psql(DB, "SELECT version, applied_at FROM accord.applied ORDER BY 1").unwrap_or_else(|error| error)),
        ("fences", replica.psql(DB, "SELECT * FROM accord.fence WHERE via IS NOT NULL").unwrap_or_else(|error| error)),
    ];
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
    for (name, text) in kept {
        std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(dir.join(name), text)).ok();
    }
    let (dir, source, replica) = (dir.display(), source.log_tail(20), replica.log_tail(30));
    format!("{status}\n{tables}\nsource:\n{source}\nreplica:\n{replica}\nmore in {dir}")
}

fn behind(source: &mut Client) -> i64 {
    scalar(source, "SELECT coalesce(max(behind), 0)::bigint FROM accord.status")
}

/// What the load did while something went on.
fn phase(source: &Arc<Cluster>, replica: &Arc<Cluster>, work: impl FnOnce()) -> String {
    let (load, lag) = (Load::start(source), Lag::start(source, replica));
    let begun = Instant::now();
    work();
    let written = load.stop();
    let took = begun.elapsed().as_secs_f64();
    format!("{:>6.0} rows/s, {}", written as f64 / took, lag.stop())
}
