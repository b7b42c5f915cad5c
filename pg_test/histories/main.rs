//! Real migration histories: run by psql on the source as their authors wrote them, followed by the replica,
//! and taken back version by version on a third database.
//!
//! Nothing here knows which histories there are: the project's own, and whatever lies in the folder that
//! `ACCORD_HISTORIES` names.

#[path = "../support/mod.rs"]
mod support;

use postgres::Client;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::history::{self, History, Migration};
use support::link::{batch, describe, scalar};
use support::{Cluster, Link, Pair, dump, rows, wait_until};

#[test]
fn the_projects_own_history() {
    let shop = history::shop();
    assert!(shop.migrations.len() >= 20, "the shop's migrations are missing");
    follow_and_take_back(&shop);
}

#[test]
fn histories_that_were_put_beside() {
    let histories = history::found();
    if histories.is_empty() {
        support::say!("skipped: no histories at ../shared/histories or ACCORD_HISTORIES");
    }
    for history in &histories {
        follow_and_take_back(history);
    }
}

fn follow_and_take_back(history: &History) {
    let begun = Instant::now();
    let link = Link::attached(Pair::own(&history.name));
    let (mut source, mut replica) = (link.source(), link.replica());
    let mut timing = Timing::default();

    for migration in &history.migrations {
        let start = Instant::now();
        timing.emptied += run(&link.pair.source, &link.db, &mut source, history, migration);
        timing.run += start.elapsed();
        let start = Instant::now();
        let version: i64 = match source.query_one("SELECT accord.wait_for_replica('warehouse', interval '60 s')", &[]) {
            Ok(row) => row.get(0),
            Err(error) => panic!("{}/{}: {}\n{}", history.name, migration.name, describe(&error), link.report()),
        };
        timing.wait += start.elapsed();
        let start = Instant::now();
        let (ours, theirs) = (fingerprint(&mut source), fingerprint(&mut replica));
        if ours != theirs {
            let (left, right) = (dump::schema(&link.pair.source, &link.db), dump::schema(&link.pair.replica, &link.db));
            let difference = dump::difference(&left, &right).unwrap_or_else(|| "pg_dump sees none".to_owned());
            panic!("{}/{} (version {version}): fingerprints differ\n{difference}", history.name, migration.name);
        }
        timing.verify += start.elapsed();
        let start = Instant::now();
        timing.tables = rows::fill(&mut source, 3);
        timing.fill += start.elapsed();
    }
    let running: String = scalar(&mut source, "SELECT accord.fingerprint()");
    assert_eq!(running, fingerprint(&mut source), "the running sum is not what the catalogs say");
    link.assert_same_dump();
    support::say!(
        "{}: {} migrations, {} versions followed in {:.1} s (psql {:.1}, wait {:.1}, verify {:.1}, rows {:.1}; {} tables hold rows, emptied {} times)",
        history.name,
        history.migrations.len(),
        link.version(),
        begun.elapsed().as_secs_f64(),
        timing.run.as_secs_f64(),
        timing.wait.as_secs_f64(),
        timing.verify.as_secs_f64(),
        timing.fill.as_secs_f64(),
        timing.tables,
        timing.emptied
    );
    assert!(timing.tables > 0, "no table holds a row");
    drop(replica);
    late_replica(&link, &mut source);
    take_back(history, &link, &mut source);
}

/// Runs a migration as its authors wrote it. Rows that we made up may be ones that they never had: where those stand
/// in its way, the tables are emptied and it is run again.
fn run(cluster: &Cluster, database: &str, client: &mut Client, history: &History, migration: &Migration) -> usize {
    let run = || cluster.psql_file(database, &migration.up, migration.transaction);
    if run().is_ok() {
        return 0;
    }
    rows::empty(client);
    run().unwrap_or_else(|error| panic!("{}/{} does not run on the source: {error}", history.name, migration.name));
    1
}

#[derive(Default)]
struct Timing {
    run: Duration,
    wait: Duration,
    verify: Duration,
    fill: Duration,
    tables: usize,
    emptied: usize,
}

fn fingerprint(client: &mut Client) -> String {
    scalar(client, "SELECT accord.fingerprint(true)")
}

/// A replica that comes late is built from the schema as it is now.
fn late_replica(link: &Link, source: &mut Client) {
    let late = format!("{}_late", link.db);
    link.pair.replica.createdb(&late);
    batch(&mut link.pair.replica.client(&late), "CREATE EXTENSION pg_accord");
    source
        .execute("SELECT accord.add_replica('late', $1)", &[&link.pair.replica.conninfo(&late)])
        .unwrap_or_else(|error| panic!("add_replica: {}", describe(&error)));
    if let Err(error) = source.query_one("SELECT accord.wait_for_replica('late', interval '120 s')", &[]) {
        panic!("the late replica: {}", describe(&error));
    }
    let (left, right) = (dump::schema(&link.pair.source, &link.db), dump::schema(&link.pair.replica, &late));
    if let Some(difference) = dump::difference(&left, &right) {
        panic!("the late replica: {difference}");
    }
    batch(source, "SELECT accord.drop_replica('late')");
    link.pair.replica.dropdb(&late);
}

/// Executes each version's reverse DDL on a third database, from the last to the first, and compares what is
/// left with what was recorded before that version, column order aside.
fn take_back(history: &History, link: &Link, source: &mut Client) {
    let begun = Instant::now();
    let third = format!("{}_third", link.db);
    // The replica's files: a dump's text is not always what it is read back as.
    batch(source, "SELECT accord.drop_replica('warehouse')");
    let mut admin = link.pair.replica.client("postgres");
    wait_until("the replica is left alone", || admin.batch_execute(&format!("CREATE DATABASE {third} TEMPLATE {}", link.db)).is_ok());
    let mut client = link.pair.replica.client(&third);

    let recorded: BTreeMap<i64, String> = source
        .query("SELECT version::bigint, content::text FROM accord.versions", &[])
        .expect("read accord.versions")
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let last = *recorded.keys().next_back().expect("a version");
    let content = "SELECT accord.fingerprint(true, '{\"column_order\": false}')";
    let mut failures = Vec::new();
    assert_eq!(scalar::<String>(&mut client, content), recorded[&last], "the third database is not the source's equal");

    for version in (1..=last).rev() {
        let statements: Vec<String> = source
            .query("SELECT * FROM accord.reverse_ddl($1)", &[&version])
            .unwrap_or_else(|error| panic!("{}: reverse_ddl({version}): {}", history.name, describe(&error)))
            .iter()
            .map(|row| row.get(0))
            .collect();
        for statement in &statements {
            if let Err(error) = client.batch_execute(statement) {
                panic!(
                    "{}: taking back version {version}: {}\nin: {statement}\nof:\n{}\nfor: {}",
                    history.name,
                    describe(&error),
                    statements.join("\n"),
                    statement_of(source, version)
                );
            }
        }
        let before = &recorded[&(version - 1)];
        if &scalar::<String>(&mut client, content) != before {
            failures.push(format!("version {version}: {}\nreversed by:\n{}", statement_of(source, version), statements.join("\n")));
            // What follows stands on it: there is nothing to learn from going on.
            break;
        }
    }
    assert!(failures.is_empty(), "{}: not the schema from before:\n{}", history.name, failures.join("\n\n"));
    support::say!("{}: {last} versions taken back in {:.1} s", history.name, begun.elapsed().as_secs_f64());
    drop(client);
    link.pair.replica.dropdb(&third);
}

fn statement_of(source: &mut Client, version: i64) -> String {
    source
        .query("SELECT left(statement, 400) FROM accord.events WHERE version = $1 ORDER BY seq", &[&version])
        .map(|rows| rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("; "))
        .unwrap_or_default()
}

/// On a source alone, with no worker and no replica, the ledger's running sum is what its catalogs say after each
/// migration, and no change had to be reconciled.
#[test]
fn the_ledger_alone_keeps_up() {
    for history in std::iter::once(history::shop()).chain(history::found()) {
        let begun = Instant::now();
        let cluster = Cluster::start(support::Options { name: &history.name, ..Default::default() });
        let mut client = cluster.client("postgres");
        batch(&mut client, "CREATE EXTENSION pg_accord");
        for migration in &history.migrations {
            let name = format!("{}/{}", history.name, migration.name);
            run(&cluster, "postgres", &mut client, &history, migration);
            let running: String = scalar(&mut client, "SELECT accord.fingerprint()");
            assert_eq!(running, fingerprint(&mut client), "{name}: the running sum is not what the catalogs say");
            rows::fill(&mut client, 3);
        }
        let reconciled: i64 = scalar(&mut client, "SELECT count(*) FROM accord.event WHERE reconciled");
        assert_eq!(reconciled, 0, "{}: a change was not captured by its command", history.name);
        support::say!("{}: ledger alone, {:.1} s", history.name, begun.elapsed().as_secs_f64());
    }
}

/// The shop's migrations and their hand-written downs are good SQL by themselves, rows included: no extension
/// takes part.
#[test]
fn the_projects_own_history_runs_on_a_plain_server() {
    let conf = [("shared_preload_libraries", "")];
    let cluster = Cluster::start(support::Options { name: "plain", conf: &conf, durable: false });
    let mut client = cluster.client("postgres");
    let shop = history::shop();
    let run = |name: &str, file, transaction| {
        cluster.psql_file("postgres", file, transaction).unwrap_or_else(|error| panic!("{name}: {error}"));
    };
    for migration in &shop.migrations {
        run(&migration.name, &migration.up, migration.transaction);
        rows::fill(&mut client, 3);
    }
    for migration in shop.migrations.iter().rev() {
        run(&migration.name, &migration.down, migration.transaction);
    }
    let left: i64 = scalar(&mut client, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('shop', 'report', 'archive')");
    assert_eq!(left, 0);
}
