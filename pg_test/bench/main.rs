//! `make bench`: the figures, each measured in one run on clusters of its own, with fsync on.
//!
//! What is compared is measured in alternating blocks on the same server, so that the machine's moods fall on
//! both alike. A missed goal is shown as missed; the run itself succeeds.

#[path = "../support/mod.rs"]
mod support;

mod peer;
mod report;

use postgres::Client;
use report::{Report, Samples};
use std::time::{Duration, Instant};
use support::link::{batch, scalar};
use support::{Cluster, Link, Options, Pair, history};

/// Settings of every measured server: durable; a checkpoint in the middle would be noise.
pub const CONF: &[(&str, &str)] =
    &[("max_wal_size", "4GB"), ("checkpoint_timeout", "1h"), ("autovacuum_naptime", "1h"), ("shared_buffers", "256MB")];

fn main() {
    let begun = Instant::now();
    let cluster = Cluster::start(Options { name: "bench", conf: CONF, durable: true });
    let version: String = scalar(&mut cluster.client("postgres"), "SELECT split_part(version(), ' ', 2)");
    println!("PostgreSQL {version}, fsync on. Times are the client's, on one session by the local socket.\n");
    let peer = peer::measure();

    let mut report = Report::default();
    capture(&cluster, &mut report, &peer);
    wal(&cluster, &mut report, &peer);
    big_catalog(&cluster, &mut report);
    drop(cluster);
    delivery(&mut report, &peer);
    for history in history::found() {
        behind(&history, &mut report);
    }
    behind(&history::shop(), &mut report);
    report.print(&peer.name);
    println!("\n{:.0} s in all", begun.elapsed().as_secs_f64());
}

/// A database on the bench's server; with the extension, without the worker.
fn database(cluster: &Cluster, name: &str, extension: bool) -> Client {
    cluster.createdb(name);
    let mut client = cluster.client(name);
    if extension {
        batch(&mut client, "CREATE EXTENSION pg_accord");
    }
    client
}

/// How long one statement takes.
pub fn time(client: &mut Client, sql: &str) -> Duration {
    let begun = Instant::now();
    batch(client, sql);
    begun.elapsed()
}

const BLOCKS: usize = 24;
const BLOCK: usize = 40;

/// One block: a fresh table, to which columns are added.
pub fn add_columns(client: &mut Client, block: usize, samples: &mut Samples) {
    batch(client, &format!("CREATE TABLE public.b{block} (id int PRIMARY KEY, a text)"));
    for column in 0..BLOCK {
        samples.add(time(client, &format!("ALTER TABLE public.b{block} ADD COLUMN c{column} int")));
    }
}

/// One block: tables as people make them.
pub fn create_tables(client: &mut Client, block: usize, samples: &mut Samples) {
    for table in 0..BLOCK {
        samples.add(time(
            client,
            &format!(
                "CREATE TABLE public.t{block}_{table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 name text NOT NULL, amount numeric(12, 2) NOT NULL DEFAULT 0, at timestamptz NOT NULL DEFAULT now())"
            ),
        ));
    }
}

fn temporary_tables(client: &mut Client, _block: usize, samples: &mut Samples) {
    for _ in 0..BLOCK {
        let one = ["CREATE TEMPORARY TABLE x (id int, a text)", "ALTER TABLE x ADD COLUMN b int", "DROP TABLE x"];
        samples.add(one.into_iter().map(|sql| time(client, sql)).sum());
    }
}

/// Measures `block` on both sides in turn: with and without.
pub fn alternate(with: &mut Client, without: &mut Client, block: fn(&mut Client, usize, &mut Samples)) -> (Samples, Samples) {
    let (mut ours, mut bare, mut warm) = (Samples::default(), Samples::default(), Samples::default());
    block(with, 9000, &mut warm);
    block(without, 9000, &mut warm);
    for number in 0..BLOCKS {
        block(with, number, &mut ours);
        block(without, number, &mut bare);
    }
    (ours, bare)
}

fn capture(cluster: &Cluster, report: &mut Report, peer: &peer::Peer) {
    for (commit, note) in [("off", "synchronous_commit off"), ("on", "synchronous_commit on")] {
        let mut with = database(cluster, &format!("with_{commit}"), true);
        let mut without = database(cluster, &format!("without_{commit}"), false);
        for client in [&mut with, &mut without] {
            batch(client, &format!("SET synchronous_commit = {commit}"));
        }
        let goals = commit == "off";
        let (ours, bare) = alternate(&mut with, &mut without, add_columns);
        report.ratio("ALTER TABLE ADD COLUMN, with / without", note, &ours, &bare, goals.then_some(2.0), peer.alter.filter(|_| goals));
        let (ours, bare) = alternate(&mut with, &mut without, create_tables);
        report.ratio("CREATE TABLE, with / without", note, &ours, &bare, goals.then_some(1.3), peer.create.filter(|_| goals));
        if goals {
            let (ours, bare) = alternate(&mut with, &mut without, temporary_tables);
            report.ratio("DDL on temporary tables, with / without", note, &ours, &bare, Some(1.05), None);
        }
    }
}

/// WAL of each ADD COLUMN on a table that grows to 300 columns: medians of the first and the last tenth.
pub fn wal_of_columns(client: &mut Client) -> (f64, f64) {
    batch(client, "CREATE TABLE public.growing (c0 int)");
    let mut bytes = Vec::new();
    for column in 1..300 {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8";
        let before: f64 = scalar(client, sql);
        batch(client, &format!("ALTER TABLE public.growing ADD COLUMN c{column} int"));
        bytes.push(scalar::<f64>(client, sql) - before);
    }
    let median = |part: &[f64]| {
        let mut sorted = part.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    (median(&bytes[..30]), median(&bytes[bytes.len() - 30..]))
}

fn wal(cluster: &Cluster, report: &mut Report, peer: &peer::Peer) {
    let (bare, _) = wal_of_columns(&mut database(cluster, "wal_without", false));
    let (first, last) = wal_of_columns(&mut database(cluster, "wal_with", true));
    let kb = |bytes: f64| format!("{:.1} kB", bytes / 1000.0);
    report.line(
        "WAL of ADD COLUMN, 300 columns, last tenth",
        &format!("first tenth {}, without {}", kb(first), kb(bare)),
        kb(last),
        "≤ 4 kB",
        Some(last <= 4000.0),
        peer.wal.map(kb),
    );
    report.line("  its growth, last / first tenth", "", format!("{:.2}", last / first), "≤ 1.10", Some(last <= first * 1.1), None);
}

fn big_catalog(cluster: &Cluster, report: &mut Report) {
    let mut clients = [("few", 10), ("many", 10_000)].map(|(name, tables)| {
        let mut client = database(cluster, name, false);
        // In pieces: one transaction would hold ten thousand locks.
        for from in (0..tables).step_by(500) {
            let to = tables.min(from + 500) - 1;
            batch(
                &mut client,
                &format!(
                    "DO $$ BEGIN FOR i IN {from}..{to} LOOP EXECUTE format(
                     'CREATE TABLE public.other%s (id int PRIMARY KEY, a text DEFAULT ''x'', b numeric CHECK (b > 0))', i); END LOOP; END $$"
                ),
            );
        }
        for sql in ["VACUUM ANALYZE", "CREATE EXTENSION pg_accord", "SET synchronous_commit = off"] {
            batch(&mut client, sql);
        }
        client
    });
    let [few, many] = &mut clients;
    let (large, small) = alternate(many, few, add_columns);
    report.ratio("one ALTER beside 10,000 / 10 other tables", "both with capture", &large, &small, Some(1.1), None);
}

fn durable_pair(name: &str) -> std::sync::Arc<Pair> {
    Pair::durable(name, CONF)
}

/// From COMMIT's return on the source to `wait_for_replica`'s return, on the same connection: negotiated, applied,
/// verified by fingerprint, recorded, acknowledged.
fn delivery(report: &mut Report, peer: &peer::Peer) {
    let link = Link::attached(durable_pair("delivery"));
    let mut client = link.source();
    for table in 0..20 {
        batch(&mut client, &format!("CREATE TABLE public.d{table} (id int PRIMARY KEY, a text)"));
    }
    link.wait();
    let (mut samples, mut source_side) = (Samples::default(), Samples::default());
    for round in 0..420 {
        batch(&mut client, &format!("ALTER TABLE public.d{} ADD COLUMN c{round} int", round % 20));
        let begun = Instant::now();
        batch(&mut client, "SELECT accord.wait_for_replica('warehouse', interval '30 s')");
        if round >= 20 {
            samples.add(begun.elapsed());
        }
    }
    let rows = client
        .query(
            "SELECT (extract(epoch FROM d.acknowledged_at - v.committed_at) * 1e6)::float8
             FROM accord.deliveries d JOIN accord.versions v USING (version) ORDER BY version DESC LIMIT 400",
            &[],
        )
        .expect("read accord.deliveries");
    for row in rows {
        source_side.add(Duration::from_secs_f64(row.get::<_, Option<f64>>(0).unwrap_or_default().max(0.0) / 1e6));
    }
    let ms = |value: Duration| format!("{:.1} ms", value.as_secs_f64() * 1e3);
    let (p50, p99) = (samples.percentile(50), samples.percentile(99));
    report.line(
        "commit to acknowledged, p50",
        &format!("commit's return to wait's return; by the ledger's clock {}", ms(source_side.percentile(50))),
        ms(p50),
        "≤ 8 ms",
        Some(p50 <= Duration::from_millis(8)),
        peer.latency.map(|(p50, _)| format!("{} (no checks)", ms(p50))),
    );
    report.line(
        "commit to acknowledged, p99",
        "",
        ms(p99),
        "≤ 40 ms",
        Some(p99 <= Duration::from_millis(40)),
        peer.latency.map(|(_, p99)| format!("{} (no checks)", ms(p99))),
    );
}

/// A whole history, one migration right after the other; how long the replica still needs after the last commit.
fn behind(history: &history::History, report: &mut Report) {
    let link = Link::attached(durable_pair(&history.name));
    let begun = Instant::now();
    for migration in &history.migrations {
        if let Err(error) = link.pair.source.psql_file(&link.db, &migration.up, migration.transaction) {
            println!("{}/{} does not run: {error}", history.name, migration.name);
            return;
        }
    }
    let ran = begun.elapsed();
    let begun = Instant::now();
    let title = format!("{}: {} migrations, seconds behind", history.name, history.migrations.len());
    match link.try_wait("120 s") {
        Ok(_) => {
            let late = begun.elapsed();
            report.line(
                &title,
                &format!("psql ran them in {:.1} s", ran.as_secs_f64()),
                format!("{:.2} s", late.as_secs_f64()),
                "≤ 2 s",
                Some(late <= Duration::from_secs(2)),
                None,
            );
        }
        Err(error) => report.line(&title, error.0.lines().next().unwrap_or_default(), "stuck".to_owned(), "≤ 2 s", Some(false), None),
    }
}
