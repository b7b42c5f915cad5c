//! `make bench-fleet [DATABASES=500]`: comparing a fleet of databases with 200 tables each on one server, beside a
//! loop of `pg_dump -s | diff` and of other tools over some of them.

#[path = "../support/mod.rs"]
mod support;

#[path = "../peers/piped.rs"]
#[allow(dead_code)] // what only `make peers` asks
mod piped;

use piped::{Piped, peers, url};
use postgres::Client;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::link::{batch, describe, scalar};
use support::{Cluster, Options};

const TABLES: usize = 200;
/// Databases that the peer is run on: it needs the same for each.
const PEER: usize = 20;
/// And other tools, which take seconds for each.
const TOOLS: usize = 5;
/// Connections that are kept, where some are.
const KEPT: usize = 50;

const CONF: &[(&str, &str)] = &[
    ("accord.fleet_interval", "0"),
    ("accord.fleet_connections", "16"),
    ("accord.databases", "control"),
    ("max_connections", "400"),
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
        if !extension.is_empty() {
            // As a worker there would: the running fingerprint is of what is sealed.
            batch(&mut cluster.client(template), "SELECT accord.seal()");
        }
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
        let figure = measure(&cluster, &mut control, count, true);
        check(&mut control, count);
        figures.push((count, figure, memory(&mut control)));
    }
    for (count, figure, memory) in &figures {
        println!("{}   watch at {memory:.0} MB at most", figure.line("every catalog read and compared", *count));
    }
    if let [(fewer, before, small), (more, after, large)] = &figures[..] {
        println!(
            "    {:.1} x the databases: {:.1} x the time, {:.1} x the processor, {:.2} x the watch's memory",
            *more as f64 / *fewer as f64,
            after.took / before.took,
            after.processor / before.processor,
            large / small
        );
    }
    let (theirs, processor) = peer(&cluster, plain);
    println!(
        "pg_dump -s | diff in a loop                     1 of {PEER:>4}                {:>6.1} ms each, {:>6.1} ms of processor",
        theirs * 1000.0,
        processor * 1000.0
    );
    let beside = |figure: &Figure, count: usize| {
        println!(
            "    {:.1} x quicker than that loop, {:.1} x less of the processor",
            theirs * count as f64 / figure.took,
            processor * count as f64 / figure.processor
        );
    };
    beside(&figures[1].1, databases);
    for name in ["results", "migra"] {
        other(&cluster, plain, name, &figures[1].1, databases);
    }

    let few = few.max(KEPT.min(databases));
    let unchanged = |control: &mut Client, what: &str, count: usize| {
        let figure = measure(&cluster, control, count, false);
        println!("{}", figure.line(what, count));
        beside(&figure, count);
    };
    unchanged(&mut control, "nothing changed, new connections", databases);
    // With pg_accord on the members; then with connections that are kept.
    for (template, prefix, what) in [(plain, "k", "nothing changed, kept connections"), (with, "a", "pg_accord there, kept connections")] {
        batch(&mut control, "SELECT accord.remove_database(name) FROM accord.databases");
        made_anew(&cluster, &mut control, template, prefix, few);
        if template == with {
            unchanged(&mut control, "pg_accord there, new connections", few);
        }
        keep(&mut control, KEPT);
        for _ in 0..2 {
            compare(&mut control, false);
        }
        unchanged(&mut control, what, few);
        keep(&mut control, 0);
    }
}

/// What a round took: in seconds, by the clock and of the processor, and the watch's part of that.
struct Figure {
    took: f64,
    processor: f64,
    watch: f64,
}

impl Figure {
    fn line(&self, what: &str, count: usize) -> String {
        let each = |seconds: f64| seconds * 1000.0 / count as f64;
        format!(
            "{what:<36}{count:>5} databases   {:>7.2} s   {:>6.1} ms each, {:>6.1} ms of processor ({:.1} of it the watch's)",
            self.took,
            each(self.took),
            each(self.processor),
            each(self.watch)
        )
    }
}

fn measure(cluster: &Cluster, control: &mut Client, count: usize, full: bool) -> Figure {
    let pid: i32 = scalar(control, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_accord fleet'");
    assert!(count > 0);
    let watch = processor(&[pid]);
    let before = processor(&processes(cluster));
    let took = compare(control, full).as_secs_f64();
    let after = processor(&processes(cluster));
    Figure { took, processor: after - before, watch: processor(&[pid]) - watch }
}

/// The postmaster and its children.
fn processes(cluster: &Cluster) -> Vec<i32> {
    let file: String = scalar(&mut cluster.client("postgres"), "SELECT pg_read_file('postmaster.pid')");
    let postmaster: i32 = file.lines().next().and_then(|line| line.trim().parse().ok()).expect("the postmaster's process id");
    let mut all = vec![postmaster];
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().unwrap_or_default().split(' ').nth(1).and_then(|field| field.parse::<i32>().ok());
        if parent == Some(postmaster) {
            all.push(pid);
        }
    }
    all
}

/// Processor time of these processes and of those that they waited for, in seconds.
fn processor(pids: &[i32]) -> f64 {
    let ticks = |pid: &i32| -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        // utime, stime, cutime, cstime
        fields.iter().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum()
    };
    pids.iter().map(ticks).sum::<f64>() / 100.0
}

/// Sets how many connections are kept, and waits until the watch knows.
fn keep(control: &mut Client, count: usize) {
    batch(control, &format!("ALTER SYSTEM SET accord.fleet_kept = {count}"));
    batch(control, "SELECT pg_reload_conf()");
    std::thread::sleep(Duration::from_secs(2));
}

fn made_anew(cluster: &Cluster, control: &mut Client, template: &str, prefix: &str, count: usize) {
    for i in 0..count {
        let name = format!("{prefix}{i}");
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

/// What a loop of pg_dump and diff takes for one database, by the clock and of the processor.
fn peer(cluster: &Cluster, template: &str) -> (f64, f64) {
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
    let spent = || processor(&processes(cluster)) + processor(&[std::process::id() as i32]);
    let (before, begun) = (spent(), Instant::now());
    for i in 0..PEER {
        std::fs::write(&right, dump(&format!("m{i}"))).expect("write");
        let same = std::process::Command::new("diff").arg("-q").args([&left, &right]).stdout(Stdio::null()).status().expect("run diff");
        assert!(same.success(), "the dumps differ");
    }
    (begun.elapsed().as_secs_f64() / PEER as f64, (spent() - before) / PEER as f64)
}

/// What another tool takes, in a process that is kept from one database to the next.
fn other(cluster: &Cluster, template: &str, name: &str, ours: &Figure, count: usize) {
    if !peers().join(name).exists() {
        println!("{name} is not here (make peers brings it)");
        return;
    }
    let mut tool = Piped::python(name);
    let version = tool.version();
    let spent = |pid: i32| processor(&processes(cluster)) + processor(&[pid]);
    let pid = tool.pid();
    // The first one loads what all need.
    let ask = |tool: &mut Piped, i: usize| {
        let answer = tool.ask(&url(cluster, template), &url(cluster, &format!("m{i}"))).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(!answer.sql.to_uppercase().contains("ALTER TABLE"), "{name} finds a difference: {}", answer.sql);
    };
    ask(&mut tool, 0);
    let (before, begun) = (spent(pid), Instant::now());
    for i in 0..TOOLS {
        ask(&mut tool, i);
    }
    let (took, processor) = (begun.elapsed().as_secs_f64() / TOOLS as f64, (spent(pid) - before) / TOOLS as f64);
    println!(
        "{:<48}1 of {TOOLS:>4}                {:>6.1} ms each, {:>6.1} ms of processor",
        format!("{name} {version} in a loop"),
        took * 1000.0,
        processor * 1000.0
    );
    println!(
        "    {:.1} x quicker than that loop, {:.1} x less of the processor",
        took * count as f64 / ours.took,
        processor * count as f64 / ours.processor
    );
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
