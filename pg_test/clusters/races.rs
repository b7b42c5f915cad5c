//! Commits in the middle of what reads: found by `make torture`, each brought about on purpose.

use crate::support::link::{batch, scalar};
use crate::support::{Cluster, Link, Pair, wait_until};

const VIEW_OF_TWO: &str =
    "CREATE TABLE public.x (id int); CREATE TABLE public.z (n int); CREATE VIEW public.v AS SELECT x.id, z.n FROM public.x, public.z";

/// Somebody waits for a lock in the link's database there.
#[track_caller]
fn until_blocked(there: &Cluster, link: &Link, statement: &str) {
    wait_until("it waits for the lock", || {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock' AND query LIKE '%{statement}%'",
            link.db
        );
        scalar::<i64>(&mut there.client("postgres"), &sql) > 0
    });
}

/// Two transactions rename what [`VIEW_OF_TWO`] is of: each sees its text change from one side.
fn change_from_two_sides(there: &Cluster, link: &Link) {
    let (mut one, mut two) = (there.client(&link.db), there.client(&link.db));
    batch(&mut one, "BEGIN; ALTER TABLE public.x RENAME TO y");
    std::thread::scope(|scope| {
        // The view's text is read under a snapshot from before the first one's commit, and waits for it.
        scope.spawn(|| batch(&mut two, "BEGIN; ALTER TABLE public.z RENAME TO w; COMMIT"));
        until_blocked(there, link, "RENAME TO w");
        batch(&mut one, "COMMIT");
    });
}

/// Each of two transactions sees a text change from one side; together they change it from both. Replicas are offered what
/// starts from what they have.
#[test]
fn one_text_changed_from_two_sides() {
    let link = Link::attached(Pair::shared());
    link.follow(VIEW_OF_TWO);
    change_from_two_sides(&link.pair.source, &link);
    link.wait();
    link.assert_agreement();
    link.follow("ALTER TABLE public.y ADD COLUMN more int; DROP VIEW public.v");
    link.assert_agreement();
}

/// To read a view's text is to lock its tables: nothing of that is left once the command is through, and others change them.
#[test]
fn what_a_reading_locks_is_free_before_the_transaction_ends() {
    let link = Link::attached(Pair::shared());
    link.follow(VIEW_OF_TWO);
    let (mut one, mut two) = (link.source(), link.source());
    batch(&mut one, "BEGIN; ALTER TABLE public.x RENAME TO y");
    batch(&mut two, "BEGIN; LOCK TABLE public.z IN ACCESS EXCLUSIVE MODE NOWAIT; ROLLBACK");
    batch(&mut one, "COMMIT");
    link.wait();
    link.assert_agreement();
}

/// Texts come from the newest catalogs, whatever the snapshot: what commits while they are read is no drift.
#[test]
fn a_commit_while_the_catalogs_are_read() {
    let link = Link::attached(Pair::shared());
    // The first view is read before the second.
    link.follow("CREATE TABLE public.t (id int); CREATE TABLE public.x (id int); CREATE VIEW public.a_first AS SELECT id FROM public.t; CREATE VIEW public.b_second AS SELECT id FROM public.x");
    let (mut holder, mut reader, mut other) = (link.source(), link.source(), link.source());
    batch(&mut holder, "BEGIN; LOCK TABLE public.a_first IN ACCESS EXCLUSIVE MODE");
    let found = std::thread::scope(|scope| {
        let read = scope.spawn(move || scalar::<i64>(&mut reader, "SELECT accord.reconcile()"));
        until_blocked(&link.pair.source, &link, "accord.reconcile");
        batch(&mut other, "ALTER TABLE public.x RENAME TO y");
        batch(&mut holder, "COMMIT");
        read.join().expect("the reader")
    });
    assert_eq!(found, 0, "the rename has an event of its own");
    link.wait();
    link.assert_agreement();
}

/// A table that somebody keeps locked holds up what reads it, and nothing that is delivered: the worker compares the catalogs with the
/// ledger another time.
#[test]
fn a_lock_holds_up_nothing_but_the_reconciliation() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.t (id int); CREATE VIEW public.v AS SELECT id FROM public.t");
    let mut holder = link.source();
    batch(
        &mut holder,
        "SET accord.capture = off; CREATE TABLE public.unseen (id int); BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE",
    );
    // Its first comparison is due once it is there again.
    let ended = "SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'pg_accord worker' AND datname = current_database()";
    assert!(scalar::<bool>(&mut link.source(), ended), "there is a worker");
    link.follow("CREATE TABLE public.more (id int)");
    let put_off = "reconciliation is put off";
    wait_until("the comparison is put off", || link.pair.source.log().contains(put_off));
    link.follow("CREATE TABLE public.and_more (id int)");
    assert!(!link.exists_there("public.unseen"));
    batch(&mut holder, "COMMIT");
    wait_until("it is made then", || link.exists_there("public.unseen"));
    link.assert_agreement();
}

/// Sealing reads a text again that changed from two sides, unless somebody has locked what it speaks of: it is left for the
/// reconciliation.
#[test]
fn sealing_waits_for_no_lock() {
    let link = Link::bare(Pair::shared());
    link.run_there(VIEW_OF_TWO);
    let (mut holder, mut reader) = (link.replica(), link.replica());
    scalar::<i64>(&mut reader, "SELECT accord.version()");
    change_from_two_sides(&link.pair.replica, &link);
    batch(&mut holder, "BEGIN; LOCK TABLE public.y IN ACCESS EXCLUSIVE MODE");
    batch(&mut reader, "SET statement_timeout = '20s'");
    assert_eq!(scalar::<i64>(&mut reader, "SELECT accord.version()"), 3);
    batch(&mut holder, "COMMIT");
    scalar::<i64>(&mut reader, "SELECT accord.reconcile()");
    scalar::<i64>(&mut reader, "SELECT accord.version()");
    assert!(scalar::<bool>(&mut reader, "SELECT accord.fingerprint() = accord.fingerprint(true)"));
}

/// A replica that a worker of its own serves seals by and by: what a version has just taken away is nobody's any more.
#[test]
fn a_replica_that_has_not_sealed_yet() {
    let link = Link::attached(Pair::own("late seal"));
    link.pair.replica.serve(std::slice::from_ref(&link.db));
    wait_until("a worker serves the replica", || !link.pair.replica.worker_pids(Some(&link.db)).is_empty());
    link.follow("CREATE TABLE public.t (id int, gone text); CREATE TABLE public.u (id int)");
    link.run_there("SELECT accord.version()");
    // Whoever seals holds the turn to its end.
    let mut holder = link.replica();
    batch(&mut holder, "BEGIN; SELECT accord.seal()");
    link.follow("ALTER TABLE public.t DROP COLUMN gone");
    link.follow("ALTER TABLE public.u ADD COLUMN n int");
    // A new hello, while its ledger has not sealed what the last versions brought.
    link.run("SELECT accord.retry('warehouse')");
    link.follow("DROP TABLE public.t");
    batch(&mut holder, "COMMIT");
    link.wait();
    link.assert_agreement();
    assert_eq!(link.status().state, "following");
}
