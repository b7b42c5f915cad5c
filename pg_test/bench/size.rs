//! `make bench-size [TABLES=10000]`: reading a large catalog inside the server, beside `pg_dump -s` of the same.
//!
//! The server has PostgreSQL's own `max_locks_per_transaction` while pg_accord reads; pg_dump, which locks every
//! table at once, gets a server with room for that.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
mod report;

use postgres::Client;
use report::Report;
use std::time::{Duration, Instant};
use support::link::{batch, scalar};
use support::{Cluster, Options};

const CONF: &[(&str, &str)] = &[("max_wal_size", "8GB"), ("checkpoint_timeout", "1h"), ("shared_buffers", "512MB"), ("autovacuum", "off")];

/// The peer's server: a lock for each table, within one transaction.
const DUMP: &str = "2000";

fn main() {
    let tables: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(10_000);
    let cluster = Cluster::start(Options { name: "size", conf: CONF, durable: false });
    let version: String = scalar(&mut cluster.client("postgres"), "SELECT split_part(version(), ' ', 2)");
    println!("PostgreSQL {version}; {tables} tables\n");
    cluster.createdb("large");
    let mut client = cluster.client("large");
    let begun = Instant::now();
    generate(&mut client, tables);
    println!("generated in {:.0} s", begun.elapsed().as_secs_f64());
    let mut report = Report::default();
    installed(&cluster, &mut report);
    let read = full_read(&cluster, &mut report, tables);
    running_sum(&cluster, &mut report);
    drop(client);
    dump(&cluster, &mut report, read, tables);
    report.print("pg_dump -s");
}

fn seconds(value: Duration) -> String {
    format!("{:.2} s", value.as_secs_f64())
}

/// Eight columns, four defaults, three constraints and a sequence a table; a view, a function and an index for
/// every fifth.
fn generate(client: &mut Client, tables: usize) {
    for schema in 0..tables.div_ceil(1000) {
        batch(client, &format!("CREATE SCHEMA s{schema}"));
    }
    // In pieces: one transaction would hold a lock for each.
    for from in (0..tables).step_by(250) {
        let to = tables.min(from + 250) - 1;
        batch(
            client,
            &format!(
                "DO $do$ DECLARE s text; t text; other text; BEGIN FOR i IN {from}..{to} LOOP
                   s := 's' || i / 1000; t := s || '.t' || i; other := 's' || (i / 2) / 1000 || '.t' || i / 2;
                   EXECUTE format('CREATE TABLE %s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code int DEFAULT 1,
                     total numeric(12, 2) NOT NULL DEFAULT 0.0 CHECK (total >= 0), note text, state text DEFAULT ''new'',
                     placed timestamptz NOT NULL DEFAULT now(), parent bigint REFERENCES %s, tags text[])', t, other);
                   IF i % 5 = 0 THEN
                     EXECUTE format('CREATE INDEX ON %s (code, lower(note))', t);
                     EXECUTE format('CREATE VIEW %s.v%s AS SELECT id, note FROM %s WHERE total > 0', s, i, t);
                     EXECUTE format('CREATE FUNCTION %s.f%s(x int) RETURNS int LANGUAGE sql AS ''SELECT x + 1''', s, i);
                     EXECUTE format('COMMENT ON TABLE %s IS ''number %s''', t, i);
                   END IF;
                 END LOOP; END $do$"
            ),
        );
    }
    batch(client, "VACUUM ANALYZE");
}

/// Resident memory of a backend at its highest, in megabytes.
fn peak(pid: i32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()).unwrap_or_default()
    };
    // What it shares with everyone is not its own.
    (line("VmHWM:") - line("RssShmem:")) / 1000.0
}

fn installed(cluster: &Cluster, report: &mut Report) {
    let mut client = cluster.client("large");
    let begun = Instant::now();
    batch(&mut client, "CREATE EXTENSION pg_accord");
    let pid: i32 = scalar(&mut client, "SELECT pg_backend_pid()");
    let note = format!("everything becomes version 0; {:.0} MB in the backend", peak(pid));
    report.line("CREATE EXTENSION", &note, seconds(begun.elapsed()), "", None, None);
}

/// In a backend: the catalogs read again and summed up; and by a client, into facts.
fn full_read(cluster: &Cluster, report: &mut Report, tables: usize) -> Duration {
    let mut client = cluster.client("large");
    let pid: i32 = scalar(&mut client, "SELECT pg_backend_pid()");
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let read: String = scalar(&mut client, "SELECT accord.fingerprint(true)");
        best = best.min(begun.elapsed());
        let kept: String = scalar(&mut client, "SELECT accord.fingerprint()");
        assert_eq!(read, kept, "what is read is what is kept");
    }
    let memory = peak(pid);
    let facts: i64 = scalar(&mut client, "SELECT count(*) FROM accord.fact");
    report.line(
        "memory of the backend that read everything",
        &format!("{facts} facts"),
        format!("{memory:.0} MB"),
        if tables <= 10_000 { "≤ 500" } else { "" },
        (tables <= 10_000).then_some(memory <= 500.0),
        None,
    );
    best
}

fn running_sum(cluster: &Cluster, report: &mut Report) {
    let mut client = cluster.client("large");
    let mut samples = report::Samples::default();
    for _ in 0..200 {
        let begun = Instant::now();
        batch(&mut client, "SELECT accord.fingerprint()");
        samples.add(begun.elapsed());
    }
    let p50 = samples.percentile(50);
    report.line(
        "accord.fingerprint(), p50",
        &format!("p99 {:.2} ms", samples.percentile(99).as_secs_f64() * 1e3),
        format!("{:.2} ms", p50.as_secs_f64() * 1e3),
        "≤ 1 ms",
        Some(p50 <= Duration::from_millis(1)),
        None,
    );
}

fn dump(cluster: &Cluster, report: &mut Report, read: Duration, tables: usize) {
    batch(&mut cluster.client("postgres"), &format!("ALTER SYSTEM SET max_locks_per_transaction = {DUMP}"));
    cluster.restart();
    let mut best = Duration::MAX;
    for _ in 0..if tables > 10_000 { 1 } else { 2 } {
        let begun = Instant::now();
        let output = cluster.program("pg_dump", "large").arg("--schema-only").output().expect("run pg_dump");
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        best = best.min(begun.elapsed());
    }
    let ratio = best.as_secs_f64() / read.as_secs_f64();
    report.line(
        "full read + fingerprint, times faster",
        &format!("accord.fingerprint(true) {}, pg_dump -s {}", seconds(read), seconds(best)),
        format!("{ratio:.1} ×"),
        "≥ 5 ×",
        Some(ratio >= 5.0),
        Some(seconds(best)),
    );
}
