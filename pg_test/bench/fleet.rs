//! `make bench-fleet [DATABASES=500]`: comparing a fleet of databases with 200 tables each on one server, beside a
//! loop of `pg_dump -s | diff` over some of them.

#[path = "../support/mod.rs"]
mod support;

use postgres::Client;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::link::{batch, describe, scalar};
use support::{Cluster, Options};

const TABLES: usize = 200;
/// Databases that the peer is run on: it needs the same for each.
const PEER: usize = 20;

const CONF: &[(&str, &str)] = &[
    ("accord.fleet_interval", "0"),
    ("accord.fleet_connections", "16"),
    ("accord.databases", "control"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "1h"),
    ("autovacuum", "off"),
];

fn main() {
    let databases: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(500);
    let cluster = Cluster::start(Options { name: "fleet", conf: CONF, durable: false });
    let version: String = scalar(&mut cluster.client("postgres"), "SELECT split_part(version(), ' ', 2)");
    println!("PostgreSQL {version}; {databases} databases of {TABLES} tables, 16 connections\n");
    cluster.createdb("control");
    let mut control = cluster.client("control");
    batch(&mut control, "CREATE EXTENSION pg_accord");
    support::wait_until("a worker serves the control database", || scalar(&mut control, "SELECT accord.worker_running()"));

    let (plain, with) = ("plain", "accorded");
    for (template, extension) in [(plain, ""), (with, "CREATE EXTENSION pg_accord;")] {
        cluster.createdb(template);
        batch(&mut cluster.client(template), &format!("{extension} {}", schema()));
    }
    let few = databases.div_ceil(10);
    let mut figures = Vec::new();
    let mut made = 0;
    let mut add = |control: &mut Client, template: &str, upto: usize, prefix: &str| {
        for i in made..upto {
            let name = format!("{prefix}{i}");
            // The files are copied as they are: no checkpoint for each, no WAL.
            batch(control, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
            control.execute("SELECT accord.add_database($1, $2)", &[&name, &cluster.socket_conninfo(&name)]).expect("add_database");
        }
        made = upto;
    };
    add(&mut control, plain, few, "m");
    control.execute("SELECT accord.register_baseline('b', '1', from_database => 'm0')", &[]).expect("register_baseline");
    wait(&mut control);
    for count in [few, databases] {
        add(&mut control, plain, count, "m");
        wait(&mut control);
        let took = compare(&mut control, true);
        check(&mut control, count);
        figures.push((count, took, memory(&mut control)));
    }
    for (count, took, memory) in &figures {
        println!(
            "every catalog of {count:>4} databases read and compared   {:>8.2} s   {:>6.1} ms each   watch at {memory:.0} MB at most",
            took.as_secs_f64(),
            took.as_secs_f64() * 1000.0 / *count as f64
        );
    }
    let theirs = peer(&cluster, plain);
    let ours = figures[1].1 / databases as u32;
    println!(
        "pg_dump -s | diff in a loop                                {:>8.2} s   {:>6.1} ms each   {:.1} x our time",
        theirs.as_secs_f64() * databases as f64,
        theirs.as_secs_f64() * 1000.0,
        theirs.as_secs_f64() / ours.as_secs_f64()
    );

    // With pg_accord on the members, nothing changed.
    batch(&mut control, "SELECT accord.remove_database(name) FROM accord.databases");
    made_anew(&cluster, &mut control, with, few);
    let took = compare(&mut control, false);
    println!(
        "with pg_accord there and nothing changed, {few:>4} databases     {:>8.2} s   {:>6.1} ms each",
        took.as_secs_f64(),
        took.as_secs_f64() * 1000.0 / few as f64
    );
}

fn made_anew(cluster: &Cluster, control: &mut Client, template: &str, count: usize) {
    for i in 0..count {
        let name = format!("a{i}");
        batch(control, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        control.execute("SELECT accord.add_database($1, $2)", &[&name, &cluster.socket_conninfo(&name)]).expect("add_database");
    }
    wait(control);
    compare(control, false);
    check(control, count);
}

fn wait(control: &mut Client) {
    if let Err(error) = control.query("SELECT accord.wait_for_fleet(timeout => '30 min')", &[]) {
        panic!("{}", describe(&error));
    }
}

fn compare(control: &mut Client, full: bool) -> Duration {
    let begun = Instant::now();
    control.execute("SELECT accord.compare(full => $1)", &[&full]).expect("compare");
    wait(control);
    begun.elapsed()
}

fn check(control: &mut Client, count: usize) {
    let conforming: i64 = scalar(control, "SELECT count(*) FROM accord.verdicts WHERE verdict = 'conforms' AND version = '1'");
    assert_eq!(conforming, count as i64, "not every database was recognised");
}

/// Resident memory of the watch at its highest, in megabytes.
fn memory(control: &mut Client) -> f64 {
    let pid: i32 = scalar(control, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_accord fleet'");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// What a loop of pg_dump and diff takes for one database.
fn peer(cluster: &Cluster, template: &str) -> Duration {
    let dump = |database: &str| {
        let output = cluster.program("pg_dump", database).arg("-s").output().expect("run pg_dump");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Recent minors begin and end with a word of their own, made up each time.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict ")).collect::<Vec<_>>().join("\n")
    };
    let directory = tempfile::tempdir().expect("a directory");
    let (left, right) = (directory.path().join("left"), directory.path().join("right"));
    std::fs::write(&left, dump(template)).expect("write");
    let begun = Instant::now();
    for i in 0..PEER {
        std::fs::write(&right, dump(&format!("m{i}"))).expect("write");
        let same = std::process::Command::new("diff").arg("-q").args([&left, &right]).stdout(Stdio::null()).status().expect("run diff");
        assert!(same.success(), "the dumps differ");
    }
    begun.elapsed() / PEER as u32
}

/// Eight columns, four defaults, three constraints, an identity and an index a table; a view for every fifth.
fn schema() -> String {
    format!(
        "CREATE SCHEMA app;
         DO $do$ BEGIN FOR i IN 0..{} LOOP
           EXECUTE format('CREATE TABLE app.t%s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code int DEFAULT 1,
             total numeric(12, 2) NOT NULL DEFAULT 0.0 CHECK (total >= 0), note text, state text DEFAULT ''new'',
             placed timestamptz NOT NULL DEFAULT now(), parent bigint REFERENCES app.t%s, tags text[])', i, i / 2);
           EXECUTE format('CREATE INDEX ON app.t%s (code, lower(note))', i);
           IF i % 5 = 0 THEN EXECUTE format('CREATE VIEW app.v%s AS SELECT id, note FROM app.t%s WHERE total > 0', i, i); END IF;
         END LOOP; END $do$",
        TABLES - 1
    )
}
