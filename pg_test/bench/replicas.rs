//! `make bench-replicas`: many replicas on one source, some of them bad; and one that was away for long.
//!
//! Replicas are databases of one server. What is measured is what the ledger says: from the commit of a
//! version to its acknowledgement by each replica.

#[path = "../support/mod.rs"]
mod support;

use postgres::Client;
use std::time::{Duration, Instant};
use support::link::{batch, scalar};
use support::{Cluster, Options, Proxy, eventually};

const DB: &str = "source";
/// Replicas in all; three of them are bad.
const REPLICAS: usize = 20;
const BAD: [&str; 3] = ["dead", "far", "refusing"];
/// How often the good ones are measured alone and beside the bad ones, turn by turn: what the machine does meanwhile
/// falls on both.
const TURNS: usize = 4;
/// Changes of a turn, and the pause between two.
const CHANGES: usize = 75;
const PAUSE: Duration = Duration::from_millis(150);
const POLICY: &str = r#"{"retry_initial": "100ms", "retry_max": "2s", "max_attempts": 1000000}"#;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let away: i64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let many = arguments.next().is_none_or(|what| what != "away");
    let conf = [("accord.databases", DB), ("max_connections", "200"), ("max_wal_size", "2GB")];
    let source = Cluster::start(Options { name: "source", conf: &conf, durable: false });
    let replica =
        Cluster::start(Options { name: "replicas", conf: &[("max_connections", "200"), ("max_wal_size", "2GB")], durable: false });
    source.createdb(DB);
    let mut client = source.client(DB);
    batch(&mut client, "CREATE EXTENSION pg_accord; CREATE TABLE public.a (id int PRIMARY KEY, n int)");
    let good: Vec<String> = (1..=if many { REPLICAS - BAD.len() } else { 1 }).map(|n| format!("good{n}")).collect();
    for name in &good {
        create(&replica, name);
        add(&mut client, name, &replica.conninfo(name));
    }
    for name in &good {
        wait(&mut client, name);
    }
    if many {
        beside_bad_ones(&mut client, &replica, &good);
    }
    catching_up(&source, &replica, &mut client, &good[0], away);
}

/// What one whose host takes connections and never answers, one that is far away, and one that refuses what it is offered
/// cost the others.
fn beside_bad_ones(client: &mut Client, replica: &Cluster, good: &[String]) {
    for name in BAD {
        create(replica, name);
    }
    let (dead, far) = (Proxy::to(replica.port()), Proxy::to(replica.port()));
    dead.hold();
    far.delay(Duration::from_millis(100));
    add(client, "dead", &replica.conninfo_at("dead", dead.port()));
    add(client, "far", &replica.conninfo_at("far", far.port()));
    add(client, "refusing", &replica.conninfo("refusing"));
    wait(client, "far");
    wait(client, "refusing");
    // A table of its own, under the name of the first that comes while it is not paused.
    batch(&mut replica.client("refusing"), "CREATE TABLE public.b0 (own int)");
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let stem = ["a", "b"].map(|stem| if turn == 0 { stem.to_owned() } else { format!("{stem}{turn}_") });
        all(client, "pause_replica");
        alone.extend(latencies(client, good, &stem[0]));
        all(client, "resume_replica");
        beside.extend(latencies(client, good, &stem[1]));
    }
    let alone = told(alone, good.len(), "alone");
    let beside = told(beside, good.len(), "beside a dead, a far and a refusing one");
    let states = "SELECT string_agg(replica || ' ' || state, ', ' ORDER BY replica) FROM accord.status WHERE replica NOT LIKE 'good%'";
    println!("{:<44} {}", "the three are", scalar::<String>(client, states));
    let ratio = beside / alone;
    println!("{:<44} {ratio:.2} (goal 1.5{})", "p99 of the others, beside / alone", if ratio > 1.5 { ", missed" } else { "" });
    for name in good.iter().skip(1).map(String::as_str).chain(BAD) {
        client.execute("SELECT accord.drop_replica($1)", &[&name]).expect("drop_replica");
    }
}

/// One that was away for long, by itself.
fn catching_up(source: &Cluster, replica: &Cluster, client: &mut Client, name: &String, away: i64) {
    wait(client, name);
    client.execute("SELECT accord.pause_replica($1)", &[name]).expect("pause_replica");
    let begun = Instant::now();
    for n in 0..away {
        let sql = match n % 4 {
            0 => format!("ALTER TABLE public.a ADD COLUMN c{n} int"),
            1 => format!("ALTER TABLE public.a ALTER COLUMN c{} SET DEFAULT {n}", n - 1),
            2 => format!("COMMENT ON COLUMN public.a.c{} IS '{n}'", n - 2),
            _ => format!("ALTER TABLE public.a DROP COLUMN c{}", n - 3),
        };
        batch(client, &sql);
        // A table takes 1,600 columns in its life, dropped ones included.
        if n % 4000 == 3999 {
            batch(client, "DROP TABLE public.a; CREATE TABLE public.a (id int PRIMARY KEY, n int)");
        }
    }
    let head: i64 = scalar(client, "SELECT accord.version()::bigint");
    let behind: i64 = scalar(client, "SELECT max(behind)::bigint FROM accord.status");
    println!("{:<44} {behind} versions in {:.0} s", "while a replica was away", begun.elapsed().as_secs_f64());
    let worker = source.worker_pids(Some(DB)).first().copied().expect("a worker");
    let (before, spent) = (memory(worker).unwrap_or(0), cpu(worker).unwrap_or(0));
    let begun = Instant::now();
    client.execute("SELECT accord.resume_replica($1)", &[name]).expect("resume_replica");
    let mut most = before;
    // The worker's session there is a new one.
    let mut there = replica.client(name);
    let session = eventually(Duration::from_secs(10), || {
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pg_accord%'";
        there.query_opt(sql, &[]).expect("the sessions").map(|row| row.get::<_, i32>(0).cast_unsigned())
    });
    let level = eventually(Duration::from_secs(600), || {
        most = most.max(memory(worker).unwrap_or(0));
        let acknowledged: Option<i64> = scalar(client, "SELECT acknowledged::bigint FROM accord.status");
        (acknowledged == Some(head)).then_some(())
    });
    assert!(
        level.is_some(),
        "it never caught up: {}",
        scalar::<String>(client, "SELECT state || ': ' || coalesce(reason, '') FROM accord.status")
    );
    let each = |ms: u64| ms as f64 / behind as f64;
    let here = each(cpu(worker).unwrap_or(0) - spent);
    let rate = behind as f64 / begun.elapsed().as_secs_f64();
    println!("{:<44} {rate:.0} versions/s (goal 300{})", "catching up", if rate < 300.0 { ", missed" } else { "" });
    let there = each(session.and_then(cpu).unwrap_or(0));
    println!("{:<44} {here:.2} ms in the source's worker, {there:.2} ms on the replica", "CPU time of a version");
    println!("{:<44} {before} kB before, {most} kB at most", "the source's worker meanwhile, memory of its own");
}

fn create(cluster: &Cluster, name: &str) {
    cluster.createdb(name);
    batch(&mut cluster.client(name), "CREATE EXTENSION pg_accord");
}

fn add(client: &mut Client, name: &str, conninfo: &str) {
    client.execute("SELECT accord.add_replica($1, $2, $3::text::jsonb)", &[&name, &conninfo, &POLICY]).expect("add_replica");
}

fn wait(client: &mut Client, name: &str) {
    client
        .execute("SELECT accord.wait_for_replica($1, '2 min')", &[&name])
        .unwrap_or_else(|error| panic!("{}", support::link::describe(&error)));
}

/// Pauses the bad ones, or lets them go on.
fn all(client: &mut Client, what: &str) {
    for name in BAD {
        client.execute(&format!("SELECT accord.{what}($1)"), &[&name]).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

/// Changes the schema now and then; for each replica and version the time from commit to acknowledgement, in ms.
fn latencies(client: &mut Client, names: &[String], stem: &str) -> Vec<f64> {
    let from: i64 = scalar(client, "SELECT accord.version()::bigint");
    for n in 0..CHANGES {
        batch(client, &format!("CREATE TABLE public.{stem}{n} (id int PRIMARY KEY, note text)"));
        std::thread::sleep(PAUSE);
    }
    for name in names {
        wait(client, name);
    }
    let sql =
        "SELECT (extract(epoch FROM d.acknowledged_at - e.at) * 1000)::float8 FROM accord.deliveries d JOIN accord.events e USING (version)
                WHERE d.version > $1 AND d.replica = ANY ($2) AND d.acknowledged_at IS NOT NULL";
    client.query(sql, &[&from, &names]).expect("the figures").iter().map(|row| row.get(0)).collect()
}

/// Prints them; their p99.
fn told(mut latencies: Vec<f64>, replicas: usize, how: &str) -> f64 {
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share).round() as usize];
    println!("{:<44} p50 {:.1} ms, p99 {:.1} ms ({} deliveries)", format!("{replicas} replicas {how}"), at(0.5), at(0.99), latencies.len());
    at(0.99)
}

/// A process's own memory, in kB.
fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.trim().trim_end_matches(" kB").trim().parse().ok()
}

/// The CPU time that a process has used, in ms: the kernel counts hundredths of a second.
fn cpu(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?) * 10)
}
