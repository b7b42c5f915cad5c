//! Carrier `stream`: versions applied among the rows, by the apply worker.

use crate::rows::{Carried, ORDERS, enabled};
use crate::support::cluster::knows;
use crate::support::link::{batch, scalar};
use crate::support::{Link, Pair, stream, wait_until};
use std::time::Duration;

pub const POLICY: &str = r#"{"carrier": "stream"}"#;
const HELD: &str = r#"{"carrier": "stream", "require_approval": "lossy"}"#;

/// A table by ranges, published by its own name.
const PARTED: &str = "CREATE TABLE public.parted (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
    CREATE TABLE public.low PARTITION OF public.parted FOR VALUES FROM (0) TO (10);
    CREATE TABLE public.high PARTITION OF public.parted FOR VALUES FROM (10) TO (20)";
const BY_ROOT: &str = "FOR ALL TABLES WITH (publish_via_partition_root = true)";

impl Carried {
    /// The apply worker has logged no error.
    #[track_caller]
    fn assert_no_error(&self) {
        assert_eq!(self.apply_errors(), 0, "{}", self.0.pair.replica.log_tail(30));
    }

    /// How many versions ran in sessions of the source's worker, and how many elsewhere: the apply worker.
    fn applied_by(&self) -> (i64, i64) {
        let sql = "SELECT count(DISTINCT xid) FILTER (WHERE context ->> 'application_name' ~ 'pg_accord'),
                          count(DISTINCT xid) FILTER (WHERE context ->> 'application_name' !~ 'pg_accord')
                     FROM accord.event WHERE context ->> 'origin' IS NOT NULL";
        let row = self.0.replica().query_one(sql, &[]).expect("who applied");
        (row.get(0), row.get(1))
    }

    /// Follows some more rows and agrees.
    #[track_caller]
    fn assert_level(&self, tables: &[&str]) {
        self.0.wait();
        for table in tables {
            self.assert_same_rows(table);
        }
        self.assert_agreement();
        self.assert_no_error();
    }
}

#[test]
fn changes_come_where_they_stand_among_the_rows() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    let before = rows.applied_by();
    let changes = [
        "ADD COLUMN state text DEFAULT 'new', ADD COLUMN more int",
        "RENAME COLUMN note TO remark",
        "ALTER COLUMN total TYPE bigint USING total * 10",
        "ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
        "DROP COLUMN more",
        "ADD COLUMN more text",
        "ALTER COLUMN remark SET NOT NULL",
        "RENAME TO bookings",
    ];
    for (n, change) in changes.iter().enumerate() {
        let note = if n > 1 { "remark" } else { "note" };
        rows.0.run(&format!("INSERT INTO public.orders (id, {note}) VALUES ({}, 'x')", 100 + n));
        rows.0.run(&format!("ALTER TABLE public.orders {change}"));
    }
    rows.0.run("INSERT INTO public.bookings (id, remark, total) VALUES (200, 'after', 7)");
    rows.assert_level(&["public.bookings"]);
    let after = rows.applied_by();
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, changes.len() as i64), "{before:?} {after:?}");
}

#[test]
fn rows_of_one_transaction_stand_between_its_changes() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    // What push cannot put in order.
    rows.0.run(
        "BEGIN; INSERT INTO public.orders (id, note, total) VALUES (6, 'old', 3);
         ALTER TABLE public.orders RENAME COLUMN note TO remark;
         INSERT INTO public.orders (id, remark, total) VALUES (7, 'renamed', 4);
         ALTER TABLE public.orders ALTER COLUMN total TYPE numeric USING total / 10.0;
         UPDATE public.orders SET total = total + 1, remark = 'on' WHERE id < 3;
         ALTER TABLE public.orders DROP COLUMN remark, ADD COLUMN remark int;
         UPDATE public.orders SET remark = id;
         DELETE FROM public.orders WHERE id = 5;
         ALTER TABLE public.orders RENAME TO bookings;
         INSERT INTO public.bookings VALUES (8, 1.5, 9);
         COMMIT",
    );
    rows.assert_level(&["public.bookings"]);
    rows.0.run("BEGIN; ALTER TABLE public.bookings ADD COLUMN more int; ROLLBACK");
    rows.0.run("BEGIN; SAVEPOINT a; ALTER TABLE public.bookings ADD COLUMN gone int; ROLLBACK TO a; ALTER TABLE public.bookings ADD COLUMN more int; INSERT INTO public.bookings VALUES (9, 1, 1, 1); COMMIT");
    rows.assert_level(&["public.bookings"]);
    assert!(!rows.0.column_there("public.bookings", "gone"));
}

#[test]
fn a_version_that_waits_for_a_person_holds_the_rows_behind_it() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", HELD);
    rows.assert_same_rows("public.orders");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.0.run("BEGIN; INSERT INTO public.orders (id, note) VALUES (7, 'with it'); ALTER TABLE public.orders DROP COLUMN note; INSERT INTO public.orders (id) VALUES (8); COMMIT");
    rows.0.run("INSERT INTO public.orders (id) VALUES (9)");
    rows.0.until_state(&["held"]);
    wait_until("the stream stands", || !enabled(&rows));
    let there: Vec<i32> = scalar(&mut rows.0.replica(), "SELECT array_agg(id ORDER BY id) FROM public.orders WHERE id > 5");
    assert_eq!(there, [6], "the transaction is not here by half");
    let version = rows.0.version();
    rows.0.run(&format!("SELECT accord.approve('warehouse', {version})"));
    rows.assert_level(&["public.orders"]);
    assert!(enabled(&rows));
}

#[test]
fn a_refused_version_holds_the_rows_until_it_is_tried_again_or_skipped() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    rows.0.run_there("CREATE VIEW public.notes AS SELECT id, note FROM public.orders");
    rows.0.run("ALTER TABLE public.orders DROP COLUMN note");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    let status = rows.0.until_state(&["rejected"]);
    assert!(status.reason.contains("public.notes"), "{status:?}");
    wait_until("the stream stands", || !enabled(&rows));
    rows.0.run_there("DROP VIEW public.notes");
    rows.0.run("SELECT accord.retry('warehouse')");
    rows.assert_level(&["public.orders"]);
    // Rows that do not allow it are seen by the attempt only.
    rows.0.run_there("INSERT INTO public.orders (id, total) VALUES (1000, -1)");
    rows.0.run("ALTER TABLE public.orders ADD CHECK (total >= 0)");
    rows.0.run("INSERT INTO public.orders (id) VALUES (7)");
    let status = rows.0.until_state(&["retrying"]);
    assert!(status.reason.contains("rows on the replica do not allow"), "{status:?}");
    let version = rows.0.version();
    rows.0.run(&format!("SELECT accord.skip('warehouse', {version}, 'it is ours')"));
    rows.0.wait();
    rows.0.run_there("DELETE FROM public.orders WHERE id = 1000");
    rows.assert_same_rows("public.orders");
    assert!(enabled(&rows));
    rows.assert_no_error();
}

#[test]
fn a_worker_that_dies_in_the_middle_loses_and_doubles_nothing() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    for n in 0..3 {
        // It waits in the middle of the transaction, where it has carried out one change and not yet the other.
        let mut holder = rows.0.replica();
        batch(&mut holder, "BEGIN; SELECT FROM public.orders WHERE id = 1 FOR UPDATE");
        rows.0.run(&format!(
            "CREATE TABLE IF NOT EXISTS public.marks (n int PRIMARY KEY);
             BEGIN; INSERT INTO public.orders (id) VALUES ({});
             ALTER TABLE public.marks ADD COLUMN a{n} int;
             UPDATE public.orders SET total = total + 1 WHERE id = 1;
             ALTER TABLE public.orders ADD COLUMN b{n} int DEFAULT 4; UPDATE public.orders SET b{n} = 5 WHERE id = 2; COMMIT",
            10 + n
        ));
        let blocked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^logical replication (apply )?worker$' AND wait_event_type = 'Lock'
                          AND datname = current_database()";
        wait_until("the apply worker is in the middle", || scalar::<i64>(&mut rows.0.replica(), blocked) == 1);
        rows.0.run_there(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ '^logical replication (apply )?worker$' AND wait_event_type = 'Lock'
                AND datname = current_database()",
        );
        assert!(!rows.0.column_there("public.marks", &format!("a{n}")), "undone with the rows");
        batch(&mut holder, "COMMIT");
        rows.0.wait();
        rows.assert_same_rows("public.orders");
    }
    rows.assert_agreement();
}

#[test]
fn new_tables_partitions_and_indexes() {
    if !knows(15, "FOR TABLES IN SCHEMA") {
        return;
    }
    let rows = Carried::with(ORDERS, "FOR TABLES IN SCHEMA public", POLICY);
    rows.assert_same_rows("public.orders");
    rows.0.run(
        "BEGIN; CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'in the transaction'); COMMIT;
         INSERT INTO public.items VALUES (2, 'right after it')",
    );
    rows.assert_level(&["public.items"]);
    rows.0.run("CREATE INDEX CONCURRENTLY items_what ON public.items (what)");
    rows.0.run("INSERT INTO public.items VALUES (3, 'indexed')");
    rows.0.run("CREATE TYPE public.mood AS ENUM ('good'); ALTER TABLE public.items ADD COLUMN mood public.mood DEFAULT 'good'");
    rows.0.run("ALTER TYPE public.mood ADD VALUE 'bad'");
    rows.0.run("INSERT INTO public.items VALUES (4, 'in it', 'bad')");
    rows.0.run("ALTER TABLE public.items ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()");
    rows.0.run("CREATE TABLE public.parted (id int PRIMARY KEY) PARTITION BY RANGE (id)");
    rows.0.run("CREATE TABLE public.parted_0 PARTITION OF public.parted FOR VALUES FROM (0) TO (10)");
    rows.0.run("INSERT INTO public.parted VALUES (1), (2)");
    rows.0.run("ALTER TABLE public.parted DETACH PARTITION public.parted_0");
    rows.0.run("INSERT INTO public.parted_0 VALUES (100)");
    rows.assert_level(&["public.items", "public.parted", "public.parted_0"]);
    rows.0.run("ALTER TABLE public.items RENAME TO things; INSERT INTO public.things (id) VALUES (5)");
    rows.0.run("DROP TABLE public.parted_0");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.assert_level(&["public.things", "public.orders"]);
}

/// What goes by push beside a stream gives way where both wait for each other: a session that is as patient as the apply
/// worker is not the one that a deadlock ends.
#[test]
fn what_is_pushed_gives_way() {
    let link = Link::with_policy(Pair::shared(), POLICY);
    link.follow("CREATE TABLE public.a (id int); CREATE TABLE public.b (id int)");
    link.follow("CREATE FUNCTION public.slow() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1 FROM pg_sleep(0.2)'");
    link.run_there("INSERT INTO public.b VALUES (1)");
    let (mut other, mut watching) = (link.replica(), link.replica());
    batch(&mut other, "BEGIN; LOCK TABLE public.a IN ROW EXCLUSIVE MODE");
    // A moment with the second table, then both wait.
    link.run("BEGIN; ALTER TABLE public.b ADD COLUMN c int DEFAULT public.slow(); ALTER TABLE public.a ADD COLUMN c int; COMMIT");
    wait_until("the version has the second table", || {
        let held = "SELECT EXISTS (SELECT FROM pg_locks l WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.relation = 'public.b'::regclass)";
        scalar(&mut watching, held)
    });
    batch(&mut other, "LOCK TABLE public.b IN ROW EXCLUSIVE MODE");
    batch(&mut other, "COMMIT");
    link.wait();
    link.assert_agreement();
}

/// A table that a version has copied again takes no rows until then, whichever of its partitions they are of: the apply
/// worker that applies the version knew it as ready, and hears of the change by the table's description alone.
#[test]
fn rows_of_other_partitions_wait_for_the_copy() {
    let policy = r#"{"carrier": "stream", "publish_new_tables": false}"#;
    let rows = Carried::with(&format!("{PARTED}; INSERT INTO public.parted VALUES (1, 1), (11, 1)"), BY_ROOT, policy);
    rows.assert_same_rows("public.parted");
    // Its rows do not come by themselves: what it holds comes with the table above it.
    rows.0.run("CREATE TABLE public.more (id int PRIMARY KEY, n int); INSERT INTO public.more SELECT i, i FROM generate_series(20, 24) i");
    rows.0.run("INSERT INTO public.parted VALUES (2, 2), (12, 2)");
    rows.0.run(
        "BEGIN; ALTER TABLE public.parted ATTACH PARTITION public.more FOR VALUES FROM (20) TO (30);
         INSERT INTO public.parted VALUES (3, 3), (13, 3); COMMIT",
    );
    rows.0.run("INSERT INTO public.parted VALUES (4, 4), (14, 4), (25, 4)");
    rows.assert_level(&["public.parted"]);
}

/// A table whose rows are here becomes a partition of one whose copy has yet to come: that copy brings them again.
#[test]
fn a_table_is_attached_to_one_that_is_being_copied() {
    let more = "CREATE TABLE public.more (id int PRIMARY KEY, n int, u uuid);
        INSERT INTO public.more SELECT i, i FROM generate_series(20, 24) i";
    let tables = format!("{PARTED}; INSERT INTO public.parted VALUES (1, 1), (2, 2); {more}");
    for policy in [POLICY, "{}"] {
        let rows = Carried::with(&tables, BY_ROOT, policy);
        rows.assert_same_rows("public.parted");
        rows.assert_same_rows("public.more");
        rows.0.run(
            "BEGIN; ALTER TABLE public.parted ADD COLUMN u uuid DEFAULT gen_random_uuid();
             ALTER TABLE public.parted ATTACH PARTITION public.more FOR VALUES FROM (20) TO (30); COMMIT",
        );
        rows.0.run("DELETE FROM public.parted WHERE id IN (2, 22); INSERT INTO public.parted VALUES (3, 3), (25, 3)");
        rows.0.wait();
        rows.assert_same_rows("public.parted");
        rows.assert_agreement();
    }
}

/// That the source describes all of a partitioned table's tables anew waits for nobody who has locked one of them.
#[test]
fn describing_tables_anew_waits_for_nobody() {
    let rows = Carried::with(PARTED, BY_ROOT, POLICY);
    let (mut holds, mut alters) = (rows.0.source(), rows.0.source());
    batch(&mut holds, "BEGIN; LOCK TABLE public.low");
    batch(&mut alters, "SET lock_timeout = '2s'");
    for change in [
        "ALTER TABLE public.high ALTER COLUMN n SET NOT NULL",
        "CREATE TABLE public.higher PARTITION OF public.parted FOR VALUES FROM (20) TO (30)",
        "ALTER TABLE public.parted DETACH PARTITION public.higher",
        "ALTER TABLE public.parted ATTACH PARTITION public.higher FOR VALUES FROM (20) TO (30)",
        "DROP TABLE public.higher",
    ] {
        batch(&mut alters, change);
    }
    batch(&mut holds, "INSERT INTO public.low VALUES (1, 1); COMMIT");
    rows.0.run("INSERT INTO public.parted VALUES (2, 2), (12, 2)");
    rows.assert_level(&["public.parted"]);
}

#[test]
fn transactions_that_end_the_other_way_round() {
    let rows = Carried::with(
        &format!("{ORDERS}; CREATE TABLE public.items (id int PRIMARY KEY, n int); INSERT INTO public.items VALUES (1, 1)"),
        "FOR TABLE public.orders, public.items",
        POLICY,
    );
    rows.assert_same_rows("public.orders");
    let mut first = rows.0.source();
    rows.0.run("SELECT accord.pause_replica('warehouse')");
    let mut second = rows.0.source();
    batch(&mut second, "BEGIN; ALTER TABLE public.items ALTER COLUMN n TYPE bigint USING n * 10");
    batch(&mut first, "BEGIN; ALTER TABLE public.orders ALTER COLUMN total TYPE bigint USING total * 10");
    // Both are sealed at once, in the order of their last commands.
    let mut sealing = rows.0.source();
    batch(&mut sealing, "BEGIN; SELECT accord.seal()");
    batch(&mut first, "COMMIT");
    batch(&mut second, "INSERT INTO public.items VALUES (2, 20); COMMIT");
    batch(&mut sealing, "COMMIT");
    rows.0.run("INSERT INTO public.orders (id, total) VALUES (7, 5)");
    rows.resume();
    rows.assert_level(&["public.orders", "public.items"]);
}

#[test]
fn events_of_the_baseline_are_passed_over() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    rows.behind("ALTER TABLE public.orders ADD COLUMN more int");
    rows.0.run("SELECT accord.drop_replica('warehouse')");
    rows.0.run_there("SELECT accord.forget_source(source) FROM accord.upstream");
    rows.0.add(r#"{"carrier": "stream", "adopt": true}"#);
    rows.0.wait();
    rows.go_on();
    rows.0.run("INSERT INTO public.orders (id, more) VALUES (7, 7)");
    rows.assert_same_rows("public.orders");
    rows.0.run("ALTER TABLE public.orders DROP COLUMN note");
    rows.assert_level(&["public.orders"]);
}

#[test]
fn without_a_stream_versions_are_pushed_and_the_verdict_says_so() {
    let link = Link::with_policy(Pair::shared(), POLICY);
    link.follow("CREATE TABLE public.a (id int, gone int)");
    link.follow("ALTER TABLE public.a DROP COLUMN gone");
    let said = link.warnings();
    assert!(said.contains("as by carrier push: no subscription brings its events"), "{said}");
}

#[test]
fn a_label_that_its_own_version_uses_is_pushed_and_the_verdict_says_so() {
    let rows = Carried::with(&format!("CREATE TYPE public.mood AS ENUM ('good'); {ORDERS}"), "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    // Found by a full read, both are one event.
    rows.0.run("SET accord.capture = off; ALTER TYPE public.mood ADD VALUE 'bad'");
    rows.0.run("SET accord.capture = off; ALTER TABLE public.orders ADD COLUMN mood public.mood DEFAULT 'bad', ADD COLUMN n int DEFAULT 5");
    rows.0.run("SELECT accord.reconcile()");
    rows.0.run("INSERT INTO public.orders (id) VALUES (7)");
    rows.assert_level(&["public.orders"]);
    let said = rows.0.warnings();
    assert!(said.contains("as by carrier push: an enum label"), "{said}");
}

#[test]
fn steps_run_with_the_rights_of_who_left_them() {
    let link = Link::bare(crate::rows::PAIR.clone());
    let writer = format!("{}_writer", link.db);
    link.run(ORDERS);
    link.run_there(&format!(
        "CREATE ROLE {writer} LOGIN; GRANT CREATE ON DATABASE {} TO {writer}; GRANT CREATE ON SCHEMA public TO {writer}; GRANT USAGE ON SCHEMA accord TO {writer};
         GRANT EXECUTE ON FUNCTION accord.hello(jsonb), accord.inspect(jsonb), accord.negotiate(jsonb), accord.apply(jsonb) TO {writer}",
        link.db
    ));
    let conninfo = link.pair.replica.socket_conninfo(&link.db).replace("user=postgres", &format!("user={writer}"));
    link.add_at(&conninfo, POLICY);
    link.wait();
    link.run("CREATE PUBLICATION rows FOR TABLE public.orders, accord.fence");
    let rows = Carried(link);
    rows.stream().begin(stream::SUBSCRIPTION);
    wait_until("it carries fences", || {
        scalar::<bool>(&mut rows.0.replica(), "SELECT count(*) = 2 AND bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel")
    });
    rows.0.run("SELECT accord.retry('warehouse')");
    rows.0.follow("ALTER TABLE public.orders ADD COLUMN more int");
    rows.0.run("CREATE TABLE public.items (id int)");
    rows.0.wait();
    let owner: String = scalar(&mut rows.0.replica(), "SELECT relowner::regrole::text FROM pg_class WHERE oid = 'public.items'::regclass");
    assert_eq!(owner, writer);
    // What that role may not, the apply worker does not do for it.
    rows.0.run_there(&format!("ALTER TABLE public.items OWNER TO postgres; REVOKE CREATE ON SCHEMA public FROM {writer}, PUBLIC"));
    rows.0.run("CREATE TABLE public.more (id int)");
    let status = rows.0.until_state(&["retrying"]);
    assert!(status.reason.contains("permission denied"), "{status:?}");
    rows.0.run_there(&format!("GRANT CREATE ON SCHEMA public TO {writer}; ALTER TABLE public.items OWNER TO {writer}"));
    std::thread::sleep(Duration::from_millis(100));
    rows.0.wait();
    rows.assert_no_error();
}

#[test]
fn what_was_left_for_the_stream_goes_with_an_approval() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    rows.behind("ALTER TABLE public.orders ADD COLUMN more int");
    let left = "SELECT count(*) FROM accord.streamed";
    rows.0.until_state(&["waiting for rows"]);
    assert_eq!(scalar::<i64>(&mut rows.0.replica(), left), 1);
    let version = rows.0.version();
    rows.0.run(&format!("SELECT accord.approve('warehouse', {version})"));
    rows.0.wait();
    assert_eq!(scalar::<i64>(&mut rows.0.replica(), left), 0);
    rows.go_on();
    rows.0.run("ALTER TABLE public.orders RENAME COLUMN more TO less; INSERT INTO public.orders (id, less) VALUES (8, 8)");
    rows.assert_level(&["public.orders"]);
}

/// A partition leaves a table that is published by its root, changes by itself, and is gone before the replica hears of
/// any of it: no stream ever brings what was done to its rows meanwhile.
#[test]
fn a_partition_that_left_is_gone_by_now() {
    for policy in [POLICY, "{}"] {
        let rows = Carried::with(&format!("{PARTED}; INSERT INTO public.parted VALUES (1, 1), (2, NULL), (11, 1)"), BY_ROOT, policy);
        rows.assert_same_rows("public.parted");
        rows.0.run("SELECT accord.pause_replica('warehouse')");
        rows.0.run("ALTER TABLE public.parted DETACH PARTITION public.low");
        rows.0.run("ALTER TABLE public.low RENAME TO lower");
        rows.0.run("BEGIN; DELETE FROM public.lower WHERE n IS NULL; ALTER TABLE public.lower ALTER COLUMN n SET NOT NULL; COMMIT");
        rows.0.run("DROP TABLE public.lower");
        rows.0.run("INSERT INTO public.parted VALUES (12, 2)");
        rows.resume();
        rows.assert_same_rows("public.parted");
        rows.assert_agreement();
    }
}

/// The same where the replica keeps tables that the source drops: then their rows are nobody's to remove.
#[test]
fn rows_of_a_table_that_would_be_kept_stay() {
    let policy = r#"{"carrier": "stream", "on_drop_table": "keep"}"#;
    let rows = Carried::with(&format!("{PARTED}; INSERT INTO public.parted VALUES (1, 1), (2, NULL)"), BY_ROOT, policy);
    rows.assert_same_rows("public.parted");
    rows.0.run("SELECT accord.pause_replica('warehouse')");
    rows.0.run("ALTER TABLE public.parted DETACH PARTITION public.low");
    rows.0.run("BEGIN; DELETE FROM public.low WHERE n IS NULL; ALTER TABLE public.low ALTER COLUMN n SET NOT NULL; COMMIT");
    let version = rows.0.version();
    rows.0.run("DROP TABLE public.low");
    rows.0.run("SELECT accord.resume_replica('warehouse')");
    wait_until("it was offered again as one that failed", || {
        let attempts = format!("SELECT coalesce(max(attempts), 0) > 1 FROM accord.delivery WHERE version = {version}");
        scalar(&mut rows.0.source(), &attempts)
    });
    assert_eq!(scalar::<i64>(&mut rows.0.replica(), "SELECT count(*) FROM public.low"), 2);
    rows.0.run(&format!("SELECT accord.skip('warehouse', {version}, 'an archive')"));
    rows.0.wait();
    assert_eq!(scalar::<i64>(&mut rows.0.replica(), "SELECT count(*) FROM public.low"), 2);
}
