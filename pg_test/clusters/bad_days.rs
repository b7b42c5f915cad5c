//! What goes wrong around a replica: addresses, passwords, hand-made changes, locks, backups, restores.

use crate::support::cluster::free_port;
use crate::support::link::{REPLICA, batch, describe, failure, scalar};
use crate::support::{Link, Pair, Proxy, dump, wait_until};
use std::time::{Duration, Instant};

#[test]
fn a_conninfo_that_is_none() {
    let link = Link::bare(Pair::shared());
    for conninfo in ["nonsense", "port=abc host=127.0.0.1"] {
        let error = failure(&mut link.source(), &format!("SELECT accord.add_replica('{REPLICA}', '{conninfo}')"));
        error.assert_clear();
        assert_eq!(error.sqlstate(), "22023", "{}", error.0);
    }
    // As for libpq, what is not named has its default; nobody is there.
    for conninfo in ["port=1", "host= port=1"] {
        link.add_at(conninfo, "{}");
        link.try_wait("1 s").expect_err("there is no such replica").assert_clear();
        assert_eq!(link.status().state, "retrying");
        link.run(&format!("SELECT accord.drop_replica('{REPLICA}')"));
    }
    link.follow_alone("CREATE TABLE public.a (id int)");
}

impl Link {
    /// DDL on the source goes on, whatever its replica does.
    #[track_caller]
    fn follow_alone(&self, sql: &str) {
        let begun = Instant::now();
        self.run(sql);
        assert!(begun.elapsed() < Duration::from_secs(2), "DDL on the source waited");
    }
}

#[test]
fn an_unreachable_replica() {
    let link = Link::bare(Pair::shared());
    let conninfo = format!("host=127.0.0.1 port={} user=postgres dbname={}", free_port(), link.db);
    link.add_at(&conninfo, "{}");
    link.follow_alone("CREATE TABLE public.a (id int)");
    let error = link.try_wait("3 s").expect_err("nobody listens there");
    error.assert_clear();
    let status = link.until_state(&["retrying", "connecting"]);
    assert!(status.reason.to_lowercase().contains("connect"), "{status:?}");
}

#[test]
fn a_database_that_is_not_there() {
    let link = Link::bare(Pair::shared());
    link.add_at(&link.pair.replica.conninfo("no_such_database"), "{}");
    let error = link.try_wait("5 s").expect_err("no such database");
    error.assert_clear();
    wait_until("status names the cause", || link.status().reason.contains("no_such_database"));
}

#[test]
fn a_replica_without_the_extension() {
    let link = Link::bare(Pair::shared());
    link.run_there("DROP EXTENSION pg_accord CASCADE");
    link.add("{}");
    let error = link.try_wait("5 s").expect_err("nobody answers hello there");
    error.assert_clear();
    wait_until("status names the cure", || {
        let status = link.status();
        format!("{} {}", status.reason, status.hint).contains("CREATE EXTENSION")
    });
    link.run_there("CREATE EXTENSION pg_accord");
    link.run("SELECT accord.retry('warehouse')");
    link.wait();
}

#[test]
fn a_source_that_is_its_own_replica() {
    let link = Link::bare(Pair::shared());
    let own = link.pair.source.conninfo(&link.db);
    link.add_at(&own, "{}");
    let error = link.try_wait("5 s").expect_err("a database cannot follow itself");
    error.assert_clear();
    assert!(error.says("leads back to the source"), "{}", error.0);
    assert_eq!(link.status().state, "rejected");
}

#[test]
fn a_password_that_changes() {
    let link = Link::bare(Pair::shared());
    let role = format!("carrier_{}", link.db);
    link.run_there(&format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'first'"));
    let conninfo = format!("host=127.0.0.1 port={} user={role} password=first dbname={}", link.pair.replica.port(), link.db);
    link.add_at(&conninfo, r#"{"retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#);
    link.follow("CREATE TABLE public.a (id int)");

    link.run_there(&format!("ALTER ROLE {role} PASSWORD 'second'"));
    link.run_there(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"));
    link.follow_alone("CREATE TABLE public.b (id int)");
    wait_until("status says that the password is refused", || link.status().reason.contains("password"));
    assert!(!link.status().reason.contains("first"), "the reason shows the password");

    link.run_there(&format!("ALTER ROLE {role} PASSWORD 'first'"));
    link.wait();
    link.assert_agreement();
    link.run("SELECT accord.drop_replica('warehouse')");
    wait_until("the connection ends", || {
        scalar::<i64>(&mut link.replica(), &format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'")) == 0
    });
    link.run_there(&format!("REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"));
}

fn behind_a_proxy(pair: std::sync::Arc<Pair>) -> (Link, Proxy) {
    let link = Link::bare(pair);
    let proxy = Proxy::to(link.pair.replica.port());
    link.add_at(
        &link.pair.replica.conninfo_at(&link.db, proxy.port()),
        r#"{"retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#,
    );
    link.wait();
    (link, proxy)
}

#[test]
fn a_network_that_fails() {
    let (link, proxy) = behind_a_proxy(Pair::shared());
    proxy.cut();
    link.follow_alone("CREATE TABLE public.a (id int)");
    link.try_wait("2 s").expect_err("the replica cannot be reached").assert_clear();
    proxy.mend();
    link.wait();
    link.assert_agreement();
}

/// A connection that breaks after every possible number of answered bytes: during the negotiation, in the middle
/// of the application, and after the replica's commit but before its answer arrives.
#[test]
fn a_connection_that_breaks_anywhere_applies_each_version_once() {
    let (link, proxy) = behind_a_proxy(Pair::shared());
    link.follow("CREATE TABLE public.log (id int)");
    for round in 0..24_u64 {
        proxy.cut_after(1 + round * 180);
        link.run(&format!("CREATE TABLE public.r{round} (id int); ALTER TABLE public.log ADD COLUMN r{round} int"));
        link.wait();
    }
    proxy.mend();
    link.wait();
    link.assert_agreement();
    let mut replica = link.replica();
    let twice: i64 = scalar(&mut replica, "SELECT count(*) - count(DISTINCT version) FROM accord.applied");
    assert_eq!(twice, 0);
    assert!(proxy.accepted() > 1, "no connection was ever broken");
}

#[test]
fn a_slow_network_only_takes_longer() {
    let (link, proxy) = behind_a_proxy(Pair::shared());
    proxy.delay(Duration::from_millis(60));
    link.follow("CREATE TABLE public.a (id int)");
    link.assert_agreement();
}

#[test]
fn a_network_that_goes_silent() {
    let (link, proxy) = behind_a_proxy(Pair::shared());
    proxy.hold();
    link.follow_alone("CREATE TABLE public.a (id int)");
    link.try_wait("2 s").expect_err("no answer comes").assert_clear();
    proxy.mend();
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_schema_that_somebody_changed_on_the_replica() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, b int)");
    link.run_there("ALTER TABLE public.a DROP COLUMN b");
    link.run("ALTER TABLE public.a ALTER COLUMN b SET NOT NULL");
    let status = link.until_state(&["diverged", "rejected"]);
    assert!(status.reason.contains('b'), "which object? {}", status.reason);
    assert!(status.hint.contains("accord."), "the way out: {status:?}");
    link.try_wait("5 s").expect_err("it diverged").assert_clear();
    link.run_there("ALTER TABLE public.a ADD COLUMN b int");
    link.run("SELECT accord.retry('warehouse')");
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_name_that_the_replica_has_taken() {
    let link = Link::attached(Pair::shared());
    link.run_there("CREATE TABLE public.taken (mine int)");
    link.run("CREATE TABLE public.taken (id int)");
    link.until_state(&["rejected"]);
    let error = link.try_wait("5 s").expect_err("the name is taken");
    assert!(error.says("public.taken"), "which name? {}", error.0);
    assert!(link.column_there("public.taken", "mine"), "the replica's table was not touched");
    link.run_there("ALTER TABLE public.taken RENAME TO own");
    link.run("SELECT accord.retry('warehouse')");
    link.wait();
    assert!(link.column_there("public.taken", "id") && link.column_there("public.own", "mine"));
}

#[test]
fn an_idle_reader_on_the_replica() {
    let link = Link::with_policy(Pair::shared(), r#"{"lock_timeout": "150ms", "retry_initial": "400ms", "retry_max": "400ms"}"#);
    link.follow("CREATE TABLE public.a (id int); CREATE TABLE public.b (id int)");
    let mut idle = link.replica();
    batch(&mut idle, "BEGIN; SELECT count(*) FROM public.a");
    link.run("ALTER TABLE public.a ADD COLUMN c int");

    // While the application waits for its lock and between its attempts, others read as ever.
    let mut other = link.replica();
    let mut worst = Duration::ZERO;
    for _ in 0..60 {
        let begun = Instant::now();
        batch(&mut other, "SELECT count(*) FROM public.a");
        worst = worst.max(begun.elapsed());
        std::thread::sleep(Duration::from_millis(25));
    }
    assert!(worst < Duration::from_millis(700), "a reader waited {worst:?} behind the change");
    let status = link.status();
    // It is between two attempts, or at one: the reason of the last stands either way.
    assert!(["retrying", "negotiating", "applying"].contains(&status.state.as_str()), "{status:?}");
    assert!(status.reason.contains("lock"), "{status:?}");

    batch(&mut idle, "COMMIT");
    link.wait();
    link.assert_agreement();
}

/// Read-only is a default of the database's sessions, to keep its analysts from writing; the worker's own session
/// is read-write.
#[test]
fn a_replica_that_is_read_only_by_default() {
    let link = Link::attached(Pair::shared());
    link.run_there(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", link.db));
    link.run_there(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        link.db
    ));
    assert_eq!(failure(&mut link.replica(), "CREATE TABLE public.analysts (id int)").sqlstate(), "25006");
    link.follow("CREATE TABLE public.a (id int)");
    batch(&mut link.pair.replica.client("postgres"), &format!("ALTER DATABASE {} RESET default_transaction_read_only", link.db));
    link.assert_agreement();
}

/// A standby takes nothing: the reason says so, nobody gives up, and its promotion is all that it needs.
#[test]
fn a_replica_that_is_a_standby() {
    let policy = r#"{"retry_initial": "50ms", "retry_max": "100ms", "max_attempts": 2}"#;
    let link = Link::with_policy(Pair::own("standby"), policy);
    link.follow("CREATE TABLE public.a (id int)");
    link.pair.replica.stop();
    link.pair.replica.make_standby();
    link.pair.replica.boot();
    link.run("CREATE TABLE public.b (id int)");
    wait_until("status says that it is a standby", || link.status().reason.contains("standby"));
    // Long enough for many more attempts than max_attempts.
    std::thread::sleep(Duration::from_secs(1));
    let status = link.status();
    assert_eq!(status.state, "retrying", "{status:?}");
    assert!(status.reason.contains("standby") && status.hint.contains("primary"), "{status:?}");
    let error = link.try_wait("1 s").expect_err("nothing is applied in recovery");
    error.assert_clear();
    assert!(error.says("standby"), "{}", error.0);

    let promoted: bool = scalar(&mut link.replica(), "SELECT pg_promote()");
    assert!(promoted, "pg_promote");
    link.wait();
    link.assert_agreement();
}

/// As with any extension: it goes, without CASCADE. What the source brought stays on the replica, which is told nothing.
#[test]
fn dropping_the_extension_with_replicas_attached() {
    let link = Link::attached(Pair::own("dropped extension"));
    let idle = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'pg_accord%'", link.db);
    link.follow("CREATE TABLE public.a (id int)");
    assert_eq!(scalar::<i64>(&mut link.pair.replica.client("postgres"), &idle), 1, "the worker is connected");
    let before = link.pair.source.log().len();
    let mut client = link.source();
    // The worker is in the middle of something.
    batch(&mut client, "CREATE TABLE public.on_its_way (id int)");
    batch(&mut client, "DROP EXTENSION pg_accord");
    batch(&mut client, "CREATE TABLE public.b (id int); ALTER TABLE public.a ADD COLUMN n int");
    wait_until("the worker leaves the replica", || scalar::<i64>(&mut link.pair.replica.client("postgres"), &idle) == 0);
    std::thread::sleep(Duration::from_secs(2));
    link.wait_for_worker();
    let log = link.pair.source.log();
    let complaints: Vec<&str> =
        log[before..].lines().filter(|line| ["WARNING", "ERROR", "FATAL", "PANIC"].iter().any(|word| line.contains(word))).collect();
    assert!(complaints.is_empty(), "the worker is not quiet:\n{}", complaints.join("\n"));
    assert!(link.exists_there("public.a") && !link.exists_there("public.b"));
    assert!(!link.column_there("public.a", "n"));
    // The replica's own extension goes as quietly.
    link.run_there("DROP EXTENSION pg_accord");
    link.run_there("ALTER TABLE public.a ADD COLUMN n int; DROP TABLE IF EXISTS public.on_its_way; CREATE EXTENSION pg_accord");

    // Created anew, it begins anew: version 0, no replicas. One that equals the source is adopted.
    batch(&mut client, "DROP TABLE public.on_its_way, public.b; CREATE EXTENSION pg_accord");
    assert_eq!(scalar::<i64>(&mut client, "SELECT accord.version()::bigint"), 0);
    assert_eq!(scalar::<i64>(&mut client, "SELECT count(*) FROM accord.replicas"), 0);
    link.add("{}");
    link.wait();
    link.follow("CREATE TABLE public.c (id int)");
    link.assert_agreement();
}

#[test]
fn dropping_a_database_that_a_worker_serves() {
    let link = Link::attached(Pair::shared());
    link.wait_for_worker();
    let name = format!("{}_short", link.db);
    link.pair.source.createdb(&name);
    batch(&mut link.pair.source.client(&name), "CREATE EXTENSION pg_accord");
    link.pair.serve(&name);
    wait_until("a worker serves it", || !link.pair.source.worker_pids(Some(&name)).is_empty());
    let mut client = link.pair.source.client("postgres");
    let begun = Instant::now();
    if let Err(error) = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")) {
        panic!("{}", describe(&error));
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "DROP DATABASE took {:?}", begun.elapsed());
    link.follow("CREATE TABLE public.a (id int)"); // the others' workers go on
}

#[test]
fn a_dump_of_the_source_restores() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY); CREATE VIEW public.v AS SELECT id FROM public.a");
    link.run("INSERT INTO public.a VALUES (1)");
    let output = link.pair.source.program("pg_dump", &link.db).output().expect("run pg_dump");
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);

    let copy = format!("{}_copy", link.db);
    link.pair.source.createdb(&copy);
    link.pair.source.psql(&copy, &text).unwrap_or_else(|error| panic!("restore: {error}"));
    let mut client = link.pair.source.client(&copy);
    let running: String = scalar(&mut client, "SELECT accord.fingerprint()");
    let verified: String = scalar(&mut client, "SELECT accord.fingerprint(true)");
    let original: String = scalar(&mut link.source(), "SELECT accord.fingerprint(true)");
    assert_eq!(verified, original, "the copy's schema is the original's");
    assert_eq!(running, verified, "the copy's ledger knows its schema");
    batch(&mut client, "CREATE TABLE public.b (id int)");
    let ours = dump::schema(&link.pair.source, &link.db);
    assert!(ours.contains("CREATE TABLE public.a"));
    drop(client);
    // The copy is no source of the original's replica: two writers would be one too many.
    link.follow("CREATE TABLE public.c (id int)");
    assert!(!link.exists_there("public.b"));
    link.assert_agreement();
    link.pair.source.dropdb(&copy);
}

#[test]
fn a_source_restored_from_a_backup() {
    let link = Link::attached(Pair::own("backup"));
    link.follow("CREATE TABLE public.a (id int)");
    link.pair.source.stop();
    link.pair.source.backup();
    link.pair.source.boot();
    link.follow("CREATE TABLE public.lost (id int)");
    link.pair.source.stop();
    link.pair.source.restore();
    link.pair.source.boot();
    // The same number, another history.
    link.run("CREATE TABLE public.other (id int)");
    let status = link.until_state(&["diverged", "rejected"]);
    assert!(status.hint.contains("accord."), "the way out: {status:?}");
    link.try_wait("5 s").expect_err("the histories differ").assert_clear();
    assert!(!link.exists_there("public.other") && link.exists_there("public.lost"), "the replica was left as it is");
}

#[test]
fn calls_that_make_no_sense() {
    let link = Link::attached(Pair::shared());
    let mut client = link.source();
    for call in [
        "accord.wait_for_replica('nobody')",
        "accord.drop_replica('nobody')",
        "accord.pause_replica('nobody')",
        "accord.resume_replica('nobody')",
        "accord.retry('nobody')",
        "accord.skip('warehouse', 999, 'x')",
        "accord.skip('nobody', 1, 'x')",
        "accord.approve('warehouse', -1)",
        "accord.reverse_ddl(999)",
        "accord.revert(999)",
        "accord.add_replica('warehouse', 'host=127.0.0.1')",
        "accord.add_replica('', 'host=127.0.0.1')",
    ] {
        failure(&mut client, &format!("SELECT {call}")).assert_clear();
    }
}
