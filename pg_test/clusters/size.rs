//! Much at once.

use crate::support::link::{batch, scalar};
use crate::support::{Cluster, Link, Options, Pair, wait_until};
use std::fmt::Write as _;
use std::time::Instant;

/// As [`Link::wait`], for what takes its time on a small machine.
fn wait_long(link: &Link) {
    let begun = Instant::now();
    link.try_wait("240 s").unwrap_or_else(|error| panic!("{}\n{}", error.0, link.report()));
    crate::support::say!("acknowledged after {:.1} s", begun.elapsed().as_secs_f64());
}

#[test]
fn five_thousand_statements_in_one_transaction() {
    let link = Link::attached(Pair::shared());
    let before = link.version();
    let mut sql = String::from("BEGIN;");
    for n in 0..1250 {
        write!(
            sql,
            "CREATE TABLE public.t{n} (id int); ALTER TABLE public.t{n} ADD COLUMN b text;
             ALTER TABLE public.t{n} ALTER COLUMN b SET DEFAULT 'x'; CREATE INDEX t{n}_b ON public.t{n} (b);"
        )
        .unwrap();
    }
    sql.push_str("COMMIT");
    link.run(&sql);
    wait_long(&link);
    assert_eq!(link.version(), before + 1);
    let events: i64 = scalar(&mut link.source(), "SELECT count(*) FROM accord.events WHERE version = accord.version()");
    assert_eq!(events, 5000);
    link.assert_agreement();
}

#[test]
fn a_table_with_1600_columns() {
    let link = Link::attached(Pair::shared());
    let columns: Vec<String> = (1..=1600).map(|n| format!("c{n} smallint")).collect();
    link.run(&format!("CREATE TABLE public.wide ({})", columns.join(", ")));
    wait_long(&link);
    link.assert_agreement();
    link.run("ALTER TABLE public.wide DROP COLUMN c800; ALTER TABLE public.wide ALTER COLUMN c801 TYPE int; ALTER TABLE public.wide RENAME c1 TO first");
    wait_long(&link);
    link.assert_agreement();
}

#[test]
fn dropping_a_schema_of_500_objects() {
    let link = Link::attached(Pair::shared());
    let mut sql = String::from("CREATE SCHEMA big; CREATE TABLE public.stays (id int);");
    for n in 0..100 {
        write!(
            sql,
            "CREATE TABLE big.t{n} (id serial PRIMARY KEY, b int); CREATE VIEW big.v{n} AS SELECT id FROM big.t{n};
             CREATE TYPE big.e{n} AS ENUM ('a'); CREATE FUNCTION big.f{n}() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        )
        .unwrap();
    }
    link.run(&sql);
    link.run("CREATE VIEW public.falls AS SELECT id FROM big.v7");
    wait_long(&link);
    link.assert_agreement();
    link.run("DROP SCHEMA big CASCADE");
    wait_long(&link);
    assert!(link.exists_there("public.stays") && !link.exists_there("public.falls"));
    link.assert_agreement();
}

/// Deparsing locks what a view, a rule, a policy or an SQL function reads until the transaction ends.
#[test]
fn a_full_read_locks_no_more_than_there_is_room_for() {
    const TABLES: i32 = 2000;
    let conf = [("max_locks_per_transaction", "10"), ("max_connections", "20"), ("max_worker_processes", "2"), ("max_wal_senders", "0")];
    let cluster = Cluster::start(Options { name: "few locks", conf: &conf, durable: false });
    cluster.createdb("app");
    let mut client = cluster.client("app");
    batch(
        &mut client,
        &format!(
            "DO $$ BEGIN FOR i IN 1..{TABLES} LOOP
               EXECUTE format('CREATE TABLE t%1$s (id int, n int)', i);
               EXECUTE format('CREATE VIEW v%1$s AS SELECT id FROM t%1$s', i);
               EXECUTE format('CREATE RULE r AS ON INSERT TO t%1$s DO ALSO NOTIFY news', i);
               EXECUTE format('CREATE POLICY p ON t%1$s USING (id IN (SELECT 1 FROM t%1$s))', i);
               EXECUTE format('CREATE FUNCTION f%1$s() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM t%1$s; END', i);
               IF i % 20 = 0 THEN COMMIT; END IF;
             END LOOP; END $$"
        ),
    );
    drop(client);
    let mut client = cluster.client("app");
    batch(&mut client, "CREATE EXTENSION pg_accord");
    let facts: i64 = scalar(&mut client, "SELECT count(*) FROM accord.fact WHERE kind IN ('view', 'rule', 'policy', 'routine')");
    assert_eq!(facts, i64::from(4 * TABLES));
    let mut transaction = client.transaction().unwrap();
    let agrees: bool = transaction.query_one("SELECT accord.fingerprint(true) = accord.fingerprint()", &[]).unwrap().get(0);
    assert!(agrees, "what is read is what is kept");
    let locks = "SELECT count(*) FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384";
    let kept: i64 = transaction.query_one(locks, &[]).unwrap().get(0);
    assert!(kept < 64, "{kept} locks are kept");
    transaction.commit().unwrap();
    assert_eq!(scalar::<i64>(&mut client, "SELECT accord.reconcile()"), 0);

    // Whatever a cancelled read was at, the thread that makes its facts ends with it.
    let threads = |client: &mut postgres::Client| -> usize {
        let pid: i32 = scalar(client, "SELECT pg_backend_pid()");
        std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
    };
    let mut cancelled = 0;
    for timeout in (1..120).step_by(3) {
        batch(&mut client, &format!("SET statement_timeout = {timeout}"));
        match client.query("SELECT accord.fingerprint(true)", &[]) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.code(), Some(&postgres::error::SqlState::QUERY_CANCELED), "{error}");
                cancelled += 1;
            }
        }
        batch(&mut client, "RESET statement_timeout");
        // The system takes a moment to see that it has.
        wait_until("the thread has ended", || threads(&mut client) == 1);
    }
    assert!(cancelled > 3, "only {cancelled} reads were cancelled");
    let agrees: bool = scalar(&mut client, "SELECT accord.fingerprint(true) = accord.fingerprint()");
    assert!(agrees, "a cancelled read leaves nothing behind");
}
