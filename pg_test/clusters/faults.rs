//! Processes that end without notice: the worker at each of its steps, the replica before and after its commit.

use crate::support::link::{batch, scalar};
use crate::support::{Link, Pair, eventually, wait_until};
use std::time::Duration;

/// What must hold after any fault: both agree, and each version was applied exactly once.
#[track_caller]
fn assert_exactly_once(link: &Link) {
    link.wait();
    link.assert_agreement();
    let version = link.version();
    let (count, last): (i64, i64) = {
        let row =
            link.replica().query_one("SELECT count(DISTINCT version), max(version) FROM accord.applied", &[]).expect("read accord.applied");
        (row.get(0), row.get(1))
    };
    assert_eq!(last, version);
    assert!(count <= version + 1, "{count} applications of {version} versions");
    let unsealed: i64 = scalar(
        &mut link.source(),
        "SELECT count(*) FROM accord.event e WHERE NOT EXISTS (SELECT FROM accord.version v WHERE v.xid = e.xid)",
    );
    assert_eq!(unsealed, 0, "an event belongs to no version");
}

const PATIENT: &str = r#"{"retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#;

#[test]
fn the_worker_is_killed_at_each_of_its_steps() {
    let link = Link::with_policy(Pair::own("killed worker"), PATIENT);
    link.follow("CREATE TABLE public.common (id int)");
    for round in 0..14_u64 {
        let worker = link.wait_for_worker();
        link.run(&format!("CREATE TABLE public.r{round} (id int); ALTER TABLE public.common ADD COLUMN r{round} int"));
        std::thread::sleep(Duration::from_micros(round * 900));
        link.pair.source.kill(worker);
        link.pair.source.wait_ready();
    }
    assert_exactly_once(&link);
    let log = link.pair.source.log();
    assert!(log.contains("terminated by signal 9"), "no worker was ever killed");
}

#[test]
fn the_worker_is_terminated_and_comes_back() {
    let link = Link::with_policy(Pair::own("terminated worker"), PATIENT);
    for round in 0..3 {
        let worker = link.wait_for_worker();
        link.run(&format!("SELECT pg_terminate_backend({worker})"));
        link.run(&format!("CREATE TABLE public.r{round} (id int)"));
        link.wait();
    }
    assert_exactly_once(&link);
}

#[test]
fn the_source_crashes() {
    let link = Link::with_policy(Pair::own("crashed source"), PATIENT);
    for round in 0..4_u64 {
        link.run(&format!("CREATE TABLE public.r{round} (id int)"));
        std::thread::sleep(Duration::from_millis(round * 4));
        link.pair.source.crash();
        link.pair.source.boot();
    }
    assert_exactly_once(&link);
}

#[test]
fn the_replica_crashes() {
    let link = Link::with_policy(Pair::own("crashed replica"), PATIENT);
    link.follow("CREATE TABLE public.common (id int)");
    for round in 0..6_u64 {
        link.run(&format!("CREATE TABLE public.r{round} (id int); ALTER TABLE public.common ADD COLUMN r{round} int"));
        std::thread::sleep(Duration::from_millis(round * 3));
        link.pair.replica.crash();
        link.pair.replica.boot();
    }
    assert_exactly_once(&link);
}

#[test]
fn the_replica_is_away_for_a_while() {
    let link = Link::with_policy(Pair::own("absent replica"), PATIENT);
    link.follow("CREATE TABLE public.a (id int)");
    link.pair.replica.stop();
    for round in 0..5 {
        link.run(&format!("CREATE TABLE public.r{round} (id int)"));
    }
    link.try_wait("2 s").expect_err("the replica is away").assert_clear();
    link.pair.replica.boot();
    assert_exactly_once(&link);
}

#[test]
fn the_backend_that_applies_is_killed_in_the_middle() {
    let link = Link::with_policy(Pair::own("killed application"), PATIENT);
    link.follow("CREATE TABLE public.a (id int, n int)");
    link.run_there("INSERT INTO public.a SELECT i, i FROM generate_series(1, 400000) i");
    // A rewrite long enough to be caught in the act.
    link.run("ALTER TABLE public.a ADD COLUMN b int; ALTER TABLE public.a ALTER COLUMN n TYPE bigint USING (n::bigint * 2)");
    let caught = eventually(Duration::from_secs(20), || {
        let pid: Option<i32> = scalar(
            &mut link.pair.replica.client("postgres"),
            &format!(
                "SELECT min(pid) FROM pg_stat_activity WHERE datname = '{}' AND state = 'active'
                 AND query ILIKE '%accord.apply%' AND pid <> pg_backend_pid()",
                link.db
            ),
        );
        pid
    });
    let pid = caught.expect("the application was never seen at work");
    link.pair.replica.kill(u32::try_from(pid).expect("a pid"));
    link.pair.replica.wait_ready();
    assert_exactly_once(&link);
    let sum: i64 = scalar(&mut link.replica(), "SELECT sum(n)::bigint FROM public.a");
    assert_eq!(sum, 400_000_i64 * 400_001, "the USING expression ran exactly once");
}

#[test]
fn a_server_without_the_preload_says_what_is_missing() {
    let pair = Pair::start("no preload", &[("shared_preload_libraries", "")]);
    let link = Link::empty(pair);
    // Capture works without it; only the worker is missing, and whoever waits for one is told.
    let mut client = link.source();
    batch(&mut client, "CREATE EXTENSION pg_accord; CREATE TABLE public.a (id int)");
    assert_eq!(scalar::<i64>(&mut client, "SELECT count(*) FROM accord.event"), 1);
    link.add("{}");
    let error = link.try_wait("100 ms").expect_err("nobody delivers");
    error.assert_clear();
    assert!(error.says("shared_preload_libraries"), "{}", error.0);
    let status = link.status();
    assert_eq!(status.state, "no worker");
    assert!(status.hint.contains("shared_preload_libraries"), "{status:?}");
}

#[test]
fn a_reload_adds_and_removes_databases() {
    let link = Link::bare(Pair::own("reload"));
    link.wait_for_worker();
    link.pair.source.serve(&[]);
    wait_until("the worker ends", || link.pair.source.worker_pids(Some(&link.db)).is_empty());
    link.pair.source.serve(std::slice::from_ref(&link.db));
    link.wait_for_worker();
}
