//! The handshake from the first offer to the acknowledgement, and each failure state with its way out.

use crate::support::link::{REPLICA, batch, failure, scalar};
use crate::support::{Link, Pair, eventually};
use std::time::Duration;

const SHOP: &str = "
CREATE TYPE public.state AS ENUM ('new', 'paid', 'sent');
CREATE TABLE public.customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE public.purchase (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL REFERENCES public.customer,
    state public.state NOT NULL DEFAULT 'new',
    note text,
    total numeric(12, 2) NOT NULL CHECK (total >= 0));
CREATE INDEX purchase_state ON public.purchase (state) WHERE state <> 'sent';
CREATE VIEW public.open_purchase AS SELECT p.id, c.email FROM public.purchase p JOIN public.customer c ON c.id = p.customer
    WHERE p.state <> 'sent';
";

#[test]
fn a_committed_change_arrives_by_itself() {
    let link = Link::attached(Pair::shared());
    link.run(SHOP);
    // Nobody calls a function: the worker is woken by the commit.
    assert!(
        eventually(Duration::from_secs(20), || link.exists_there("public.open_purchase").then_some(())).is_some(),
        "nothing arrived\n{}",
        link.report()
    );
    link.wait();
    link.assert_agreement();
    link.follow("ALTER TABLE purchase ADD COLUMN sent_at timestamptz; DROP VIEW open_purchase;");
    assert!(link.column_there("public.purchase", "sent_at"));
    assert!(!link.exists_there("public.open_purchase"));
    link.assert_agreement();
}

#[test]
fn wait_returns_the_acknowledged_version() {
    let link = Link::attached(Pair::shared());
    let before = link.wait();
    link.run("CREATE TABLE public.a (id int)");
    let after = link.wait();
    assert!(after > before, "{after} is not after {before}");
    assert_eq!(after, link.version());
    let status = link.status();
    assert_eq!((status.acknowledged, status.behind), (Some(after), Some(0)), "{status:?}");
}

#[test]
fn a_source_transaction_is_one_version() {
    let link = Link::attached(Pair::shared());
    let before = link.version();
    link.follow("BEGIN; CREATE TABLE public.a (id int); CREATE TABLE public.b (id int); ALTER TABLE public.a ADD c int; COMMIT");
    assert_eq!(link.version(), before + 1);
    let mut client = link.source();
    let events: i64 = scalar(&mut client, "SELECT count(*) FROM accord.events WHERE version = accord.version()");
    assert_eq!(events, 3);
}

#[test]
fn the_delivery_tells_the_whole_story() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    let mut client = link.source();
    let row = client
        .query_one(
            "SELECT state, offered_at <= negotiated_at AND negotiated_at <= applying_at AND applying_at <= acknowledged_at,
                    estimate::text, actual::text
             FROM accord.deliveries WHERE replica = $1 ORDER BY version DESC LIMIT 1",
            &[&REPLICA],
        )
        .expect("read accord.deliveries");
    assert_eq!(row.get::<_, String>(0), "acknowledged");
    assert_eq!(row.get::<_, Option<bool>>(1), Some(true), "the four moments are there and in order");
    for (column, what) in [(2, "estimate"), (3, "actual")] {
        let text: String = row.get::<_, Option<String>>(column).unwrap_or_else(|| panic!("{what} is null"));
        for field in ["cpu_ms", "memory_bytes", "read_bytes", "write_bytes", "temporary_bytes", "duration_ms"] {
            assert!(text.contains(field), "{what} lacks {field}: {text}");
        }
    }
}

#[test]
fn an_event_keeps_what_happened() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.follow("ALTER TABLE public.a ADD COLUMN b text; ALTER TABLE public.a DROP COLUMN id");
    let mut client = link.source();
    let rows = client
        .query("SELECT tag, statement, loss::text FROM accord.events WHERE version = accord.version() ORDER BY seq", &[])
        .expect("read accord.events");
    let statements: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
    assert_eq!(statements, ["ALTER TABLE public.a ADD COLUMN b text", "ALTER TABLE public.a DROP COLUMN id"]);
    assert_eq!(rows[0].get::<_, String>(0), "ALTER TABLE");
    let loss: String = rows[0].get::<_, Option<String>>(2).unwrap_or_default();
    assert!(loss.contains('b'), "reversing ADD COLUMN b loses b's content; the event says {loss:?}");
}

#[test]
fn an_empty_replica_is_built() {
    let link = Link::bare(Pair::shared());
    link.run(SHOP);
    link.add("{}");
    link.wait();
    link.assert_agreement();
}

#[test]
fn what_was_there_before_the_extension_is_version_0() {
    let link = Link::empty(Pair::shared());
    link.run(SHOP);
    for mut client in [link.source(), link.replica()] {
        batch(&mut client, "CREATE EXTENSION pg_accord");
    }
    assert_eq!(link.version(), 0);
    link.pair.serve(&link.db);
    link.add("{}");
    link.wait();
    link.assert_agreement();
}

#[test]
fn an_equal_replica_is_adopted() {
    let link = Link::bare(Pair::shared());
    link.run(SHOP);
    link.run_there(SHOP);
    let oid: u32 = scalar(&mut link.replica(), "SELECT 'public.purchase'::regclass::oid");
    link.add("{}");
    link.wait();
    let same: u32 = scalar(&mut link.replica(), "SELECT 'public.purchase'::regclass::oid");
    assert_eq!(oid, same, "the table was not built again");
    link.follow("ALTER TABLE public.purchase ADD COLUMN weight int");
    link.assert_agreement();
}

#[test]
fn another_schema_is_refused_with_the_difference() {
    let link = Link::bare(Pair::shared());
    link.run(SHOP);
    link.run_there(SHOP);
    link.run_there("ALTER TABLE public.purchase ALTER COLUMN note TYPE varchar(20)");
    link.add("{}");
    let error = link.try_wait("20 s").expect_err("the replica's schema is another");
    error.assert_clear();
    assert!(error.says("note"), "the error does not say where they differ: {}", error.0);
    let text: String = scalar(
        &mut link.replica(),
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'public.purchase'::regclass AND attname = 'note'",
    );
    assert_eq!(text, "character varying(20)", "the replica was touched");
}

#[test]
fn a_view_of_the_replicas_own_refuses_a_dropped_column() {
    let link = Link::attached(Pair::shared());
    link.follow(SHOP);
    link.run_there("CREATE SCHEMA bi; CREATE VIEW bi.notes AS SELECT note, count(*) FROM public.purchase GROUP BY note");
    link.run("ALTER TABLE public.purchase DROP COLUMN note");
    let version = link.version();

    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("bi") && status.reason.contains("notes"), "which view? {}", status.reason);
    assert!(status.hint.contains("accord."), "the hint names no function: {}", status.hint);
    let error = link.try_wait("20 s").expect_err("the version is rejected");
    error.assert_clear();
    assert!(error.says("notes"), "{}", error.0);
    assert!(link.column_there("public.purchase", "note"), "nothing was applied");

    link.run_there("DROP VIEW bi.notes");
    link.run("SELECT accord.retry('warehouse')");
    assert_eq!(link.wait(), version);
    assert!(!link.column_there("public.purchase", "note"));
}

#[test]
fn the_replicas_own_objects_are_left_alone() {
    let link = Link::attached(Pair::shared());
    link.follow(SHOP);
    link.run_there("CREATE SCHEMA bi; CREATE TABLE bi.fact (id int); CREATE VIEW bi.totals AS SELECT sum(total) FROM public.purchase");
    link.follow("ALTER TABLE public.purchase ADD COLUMN colour text; ALTER TABLE public.purchase DROP COLUMN note");
    assert!(link.exists_there("bi.fact") && link.exists_there("bi.totals"));
    assert!(link.column_there("public.purchase", "colour"));
}

#[test]
fn a_lossy_change_is_held_until_approved() {
    let link = Link::with_policy(Pair::shared(), r#"{"require_approval": "lossy"}"#);
    link.follow(SHOP); // loses nothing: not held
    link.run("ALTER TABLE public.purchase DROP COLUMN note");
    let version = link.version();
    let status = link.until_state(&["held"]);
    assert!(status.hint.contains("accord.approve"), "{status:?}");
    link.try_wait("20 s").expect_err("the version is held").assert_clear();
    assert!(link.column_there("public.purchase", "note"));

    link.run(&format!("SELECT accord.approve('warehouse', {version})"));
    assert_eq!(link.wait(), version);
    link.assert_agreement();
}

#[test]
fn approving_the_wrong_version_approves_nothing() {
    let link = Link::with_policy(Pair::shared(), r#"{"require_approval": "always"}"#);
    link.run("CREATE TABLE public.a (id int)");
    let version = link.version();
    link.until_state(&["held"]);
    failure(&mut link.source(), &format!("SELECT accord.approve('warehouse', {})", version + 7)).assert_clear();
    failure(&mut link.source(), "SELECT accord.approve('nobody', 1)").assert_clear();
    assert!(!link.exists_there("public.a"));
}

#[test]
fn what_fails_half_way_is_rolled_back_whole() {
    let link = Link::with_policy(Pair::shared(), r#"{"max_attempts": 2, "retry_initial": "100ms"}"#);
    link.follow("CREATE TABLE public.a (id int)");
    link.run_there("INSERT INTO public.a VALUES (1), (1)"); // only here: an index over them cannot be unique
    link.run("BEGIN; ALTER TABLE public.a ADD COLUMN b int; CREATE TABLE public.other (id int); CREATE UNIQUE INDEX a_id ON public.a (id); COMMIT");
    let status = link.until_state(&["paused", "rejected"]);
    assert!(status.reason.contains("a_id") || status.reason.contains("23505"), "the cause: {}", status.reason);
    link.try_wait("20 s").expect_err("the version failed").assert_clear();
    assert!(!link.column_there("public.a", "b"), "the first step was rolled back");
    assert!(!link.exists_there("public.other"), "the second too");

    link.run_there("TRUNCATE public.a");
    link.resolve();
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_failure_is_retried_by_itself() {
    let link = Link::with_policy(Pair::shared(), r#"{"retry_initial": "300ms", "retry_max": "500ms", "max_attempts": 100}"#);
    link.follow("CREATE TABLE public.a (id int)");
    link.run_there("INSERT INTO public.a VALUES (1), (1)");
    link.run("CREATE UNIQUE INDEX a_id ON public.a (id)");
    let status = link.until_state(&["retrying", "rejected"]);
    assert_eq!(status.state, "retrying", "duplicates are found by trying: {status:?}");
    let retry: bool = scalar(&mut link.source(), "SELECT retry_at IS NOT NULL FROM accord.status");
    assert!(retry, "status shows when");
    link.run_there("TRUNCATE public.a");
    link.wait();
    link.assert_agreement();
}

#[test]
fn skip_leaves_a_version_out_and_the_next_is_applied() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, b int)");
    link.run_there("CREATE VIEW public.own AS SELECT b FROM public.a");
    link.run("ALTER TABLE public.a DROP COLUMN b");
    let version = link.version();
    link.until_state(&["rejected"]);
    link.run(&format!("SELECT accord.skip('warehouse', {version}, 'the report needs b')"));
    link.follow("CREATE TABLE public.next (id int)");
    assert!(link.column_there("public.a", "b"), "b was kept");
    assert!(link.exists_there("public.next"));
    let state: String = scalar(&mut link.source(), &format!("SELECT state FROM accord.deliveries WHERE version = {version}"));
    assert_eq!(state, "skipped");
}

#[test]
fn a_paused_replica_catches_up_when_resumed() {
    let link = Link::attached(Pair::shared());
    link.run("SELECT accord.pause_replica('warehouse')");
    link.run("CREATE TABLE public.a (id int)");
    link.run("CREATE TABLE public.b (id int)");
    let error = link.try_wait("5 s").expect_err("it is paused");
    error.assert_clear();
    assert!(error.says("paused") && error.says("resume_replica"), "{}", error.0);
    assert!(!link.exists_there("public.a"));
    assert_eq!(link.until_state(&["paused"]).behind, Some(2));
    link.run("SELECT accord.resume_replica('warehouse')");
    link.wait();
    link.assert_agreement();
}

#[test]
fn create_index_concurrently_follows() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, b int)");
    link.run("CREATE INDEX CONCURRENTLY a_b ON public.a (b)");
    link.wait();
    link.assert_agreement();
    link.run("CREATE UNIQUE INDEX CONCURRENTLY a_id ON public.a (id)");
    link.run("DROP INDEX CONCURRENTLY public.a_b");
    link.wait();
    link.assert_agreement();
    let concurrent: bool = scalar(
        &mut link.source(),
        "SELECT bool_and(statement LIKE '%CONCURRENTLY%') FROM (SELECT statement FROM accord.events ORDER BY seq DESC LIMIT 2) e",
    );
    assert!(concurrent);
}

#[test]
fn create_index_concurrently_locks_no_writer_out() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    // A writer on the replica holds a lock that CREATE INDEX would wait behind, and CONCURRENTLY does not block.
    let mut writer = link.replica();
    batch(&mut writer, "BEGIN; INSERT INTO public.a VALUES (1)");
    link.run("CREATE INDEX CONCURRENTLY a_id ON public.a (id)");
    std::thread::sleep(Duration::from_millis(500));
    let mut other = link.replica();
    batch(&mut other, "SET lock_timeout = '1s'; INSERT INTO public.a VALUES (2)");
    batch(&mut writer, "COMMIT");
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_failed_concurrent_index_leaves_nothing_invalid() {
    let link = Link::with_policy(Pair::shared(), r#"{"max_attempts": 2, "retry_initial": "100ms"}"#);
    link.follow("CREATE TABLE public.a (id int)");
    link.run_there("INSERT INTO public.a VALUES (1), (1)");
    link.run("CREATE UNIQUE INDEX CONCURRENTLY a_id ON public.a (id)");
    link.until_state(&["paused", "rejected"]);
    let invalid: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM pg_index WHERE NOT indisvalid");
    assert_eq!(invalid, 0, "the invalid index was dropped");
    link.run_there("TRUNCATE public.a");
    link.resolve();
    link.wait();
    link.assert_agreement();
}

#[test]
fn one_replicas_failure_does_not_block_another() {
    let link = Link::attached(Pair::shared());
    let other = format!("{}_other", link.db);
    link.pair.replica.createdb(&other);
    let mut there = link.pair.replica.client(&other);
    batch(&mut there, "CREATE EXTENSION pg_accord");
    let conninfo = link.pair.replica.conninfo(&other);
    link.source().execute("SELECT accord.add_replica('other', $1)", &[&conninfo]).expect("add_replica");
    link.follow("CREATE TABLE public.a (id int, b int)");
    link.run_there("CREATE VIEW public.own AS SELECT b FROM public.a");
    link.run("ALTER TABLE public.a DROP COLUMN b");
    link.run("CREATE TABLE public.next (id int)");
    let version: i64 = scalar(&mut link.source(), "SELECT accord.wait_for_replica('other', interval '30 s')");
    assert_eq!(version, link.version());
    assert_eq!(link.until_state(&["rejected"]).state, "rejected");
    assert!(!link.exists_there("public.next"), "within a replica the order is kept");
    drop(there);
    link.run("SELECT accord.drop_replica('other')");
    link.pair.replica.dropdb(&other);
}

#[test]
fn a_dropped_replica_is_left_alone() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.run("SELECT accord.drop_replica('warehouse')");
    link.run("CREATE TABLE public.b (id int)");
    link.try_wait("2 s").expect_err("nobody of that name").assert_clear();
    std::thread::sleep(Duration::from_millis(300));
    assert!(link.exists_there("public.a") && !link.exists_there("public.b"));
}

#[test]
fn a_kept_column_stays() {
    let link = Link::with_policy(Pair::shared(), r#"{"on_drop_column": "keep", "on_drop_table": "keep"}"#);
    link.follow("CREATE TABLE public.a (id int, b int); CREATE TABLE public.c (id int)");
    link.follow("ALTER TABLE public.a DROP COLUMN b; DROP TABLE public.c");
    assert!(link.column_there("public.a", "b") && link.exists_there("public.c"));
    link.follow("ALTER TABLE public.a ADD COLUMN d int");
    assert!(link.column_there("public.a", "d"), "later changes of the same table arrive");
}

#[test]
fn a_policy_can_refuse_drops() {
    let link = Link::with_policy(Pair::shared(), r#"{"on_drop_table": "reject"}"#);
    link.follow("CREATE TABLE public.a (id int)");
    link.run("DROP TABLE public.a");
    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("policy"), "{}", status.reason);
    assert!(link.exists_there("public.a"));
    // A table's columns go with it: that is for the policy of tables to say.
    let link = Link::with_policy(Pair::shared(), r#"{"on_drop_column": "reject"}"#);
    link.follow("CREATE TABLE public.a (id int, b int)");
    link.follow("DROP TABLE public.a");
    assert!(!link.exists_there("public.a"));
}

#[test]
fn only_the_chosen_schemas_are_mirrored() {
    let link = Link::with_policy(Pair::shared(), r#"{"schemas": ["shop"]}"#);
    link.follow("CREATE SCHEMA shop; CREATE SCHEMA internal; CREATE TABLE shop.a (id int); CREATE TABLE internal.b (id int)");
    assert!(link.exists_there("shop.a") && !link.exists_there("internal.b"));
    link.follow("ALTER TABLE internal.b ADD COLUMN c int");
    assert_eq!(link.status().behind, Some(0), "a version without anything of the replica's is acknowledged all the same");
}

#[test]
fn a_wrong_policy_is_refused_at_once() {
    let link = Link::bare(Pair::shared());
    let conninfo = link.pair.replica.conninfo(&link.db).replace('\'', "''");
    for policy in [r#"{"on_drop_colum": "keep"}"#, r#"{"on_drop_table": "maybe"}"#, "[]", r#"{"lock_timeout": "soon"}"#] {
        let sql = format!("SELECT accord.add_replica('warehouse', '{conninfo}', '{policy}')");
        failure(&mut link.source(), &sql).assert_clear();
    }
}

/// Every kind of the majors under test is modelled: an event is marked as one of a later major's would be.
#[test]
fn what_is_not_modelled_is_held_and_never_lost() {
    let link = Link::attached(Pair::shared());
    link.run("BEGIN; CREATE TABLE public.beside (id int); UPDATE accord.event SET unmodelled = '{novelty public.new}' WHERE seq = (SELECT max(seq) FROM accord.event); COMMIT");
    let status = link.until_state(&["held"]);
    assert!(status.reason.contains("does not model") && status.reason.contains("public.new"), "{}", status.reason);
    let statement: String = scalar(&mut link.source(), "SELECT statement FROM accord.events ORDER BY seq DESC LIMIT 1");
    assert_eq!(statement, "CREATE TABLE public.beside (id int)");
    assert!(!link.exists_there("public.beside"), "a version is applied whole or not at all");
    let version = link.version();
    link.run(&format!("SELECT accord.approve('warehouse', {version})"));
    link.follow("CREATE TABLE public.after (id int)");
    assert!(link.exists_there("public.beside") && link.exists_there("public.after"));
}

#[test]
fn revert_brings_the_schema_back_on_both_sides() {
    let link = Link::attached(Pair::shared());
    link.follow(SHOP);
    let before: String = scalar(&mut link.source(), "SELECT accord.fingerprint()");
    link.follow("ALTER TABLE public.purchase ADD COLUMN weight int NOT NULL DEFAULT 0; CREATE INDEX ON public.purchase (weight)");
    let version = link.version();
    link.run(&format!("SELECT accord.revert({version})"));
    link.wait();
    assert!(!link.column_there("public.purchase", "weight"));
    let after: String = scalar(&mut link.source(), "SELECT accord.fingerprint()");
    assert_eq!(before, after);
    assert_eq!(link.version(), version + 1, "a revert is a version of its own");
    link.assert_agreement();
}

#[test]
fn versions_are_chained() {
    let link = Link::attached(Pair::shared());
    for name in ["a", "b", "c"] {
        link.follow(&format!("CREATE TABLE public.{name} (id int)"));
    }
    let broken: i64 = scalar(
        &mut link.source(),
        "SELECT count(*) FROM (SELECT version, parent, lag(id) OVER (ORDER BY version) AS before FROM accord.versions) v
         WHERE version > 0 AND parent IS DISTINCT FROM before",
    );
    assert_eq!(broken, 0);
    let gaps: bool = scalar(&mut link.source(), "SELECT max(version) - min(version) + 1 = count(*) FROM accord.versions");
    assert!(gaps, "the numbers have no gap");
}

#[test]
fn outsiders_may_change_nothing() {
    let link = Link::attached(Pair::shared());
    let role = format!("outsider_{}", link.db);
    link.run(&format!("CREATE ROLE {role} LOGIN"));
    let mut client = link.pair.source.try_client_as(&link.db, &role).expect("connect");
    for call in [
        "accord.add_replica('x', 'host=nowhere')",
        "accord.drop_replica('warehouse')",
        "accord.pause_replica('warehouse')",
        "accord.resume_replica('warehouse')",
        "accord.approve('warehouse', 1)",
        "accord.retry('warehouse')",
        "accord.skip('warehouse', 1, 'x')",
        "accord.revert(1)",
        "accord.hello('{}')",
        "accord.negotiate('{}')",
        "accord.apply('{}')",
    ] {
        let error = failure(&mut client, &format!("SELECT {call}"));
        assert_eq!(error.sqlstate(), "42501", "{call}: {}", error.0);
    }
    assert_eq!(failure(&mut client, "SELECT conninfo FROM accord.replica").sqlstate(), "42501");
    drop(client);
    link.run(&format!("DROP ROLE {role}"));
}

#[test]
fn the_password_is_shown_to_nobody() {
    let link = Link::attached(Pair::shared());
    let conninfo = link.pair.replica.conninfo(&link.db);
    let password = conninfo.split_whitespace().find_map(|word| word.strip_prefix("password=")).expect("a password");
    let role = format!("monitor_{}", link.db);
    link.run(&format!("CREATE ROLE {role} LOGIN IN ROLE pg_monitor"));
    let mut client = link.pair.source.try_client_as(&link.db, &role).expect("connect");
    for view in ["versions", "events", "deliveries", "replicas", "status"] {
        let text: String = scalar(&mut client, &format!("SELECT coalesce(string_agg(v::text, ' '), '') FROM accord.{view} v"));
        assert!(!text.contains(password), "accord.{view} shows the password");
    }
    drop(client);
    link.run(&format!("DROP ROLE {role}"));
    // The server itself logs the text of a statement that failed.
    let log = link.pair.source.log();
    let shown = log.lines().find(|line| line.contains(password) && !line.contains("STATEMENT:"));
    assert_eq!(shown, None, "the log shows it");
}

#[test]
fn a_forgotten_source_begins_anew() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.run("SELECT accord.drop_replica('warehouse')");
    assert_eq!(failure(&mut link.replica(), "SELECT accord.forget_source('nobody')").sqlstate(), "22P02");
    failure(&mut link.replica(), "SELECT accord.forget_source('00000000-0000-0000-0000-000000000000')").assert_clear();
    link.run_there("SELECT accord.forget_source(source::text::uuid) FROM accord.upstream");
    let left: i64 = scalar(&mut link.replica(), "SELECT (SELECT count(*) FROM accord.mirror) + (SELECT count(*) FROM accord.applied)");
    assert_eq!(left, 0);
    link.add("{}");
    link.wait();
    assert!(link.exists_there("public.a"), "what was mirrored stays and is adopted");
    link.follow("ALTER TABLE public.a ADD COLUMN b int");
    link.assert_agreement();
}

/// Many versions at once are not negotiated one by one, and are refused, tried again and shown as ever.
#[test]
fn a_replica_catches_up() {
    const AWAY: i64 = 300;
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.t (id int PRIMARY KEY)");
    link.run("SELECT accord.pause_replica('warehouse')");
    // Its own object is in the way of one in the middle.
    link.run_there("CREATE TABLE public.own (id int)");
    let first = link.version() + 1;
    let mut source = link.source();
    for n in 0..AWAY {
        batch(
            &mut source,
            &format!("ALTER TABLE public.t ADD COLUMN c{n} int{}", if n == 150 { "; CREATE TABLE public.own ()" } else { "" }),
        );
    }
    link.run("SELECT accord.resume_replica('warehouse')");
    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("own"), "{status:?}");
    assert_eq!(status.acknowledged, Some(first + 149), "{status:?}");
    assert!(link.column_there("public.t", "c149") && !link.column_there("public.t", "c150"));
    link.run_there("DROP TABLE public.own");
    link.run("SELECT accord.retry('warehouse')");
    link.wait();
    link.assert_agreement();
    let sql = "SELECT count(*) FILTER (WHERE state = 'acknowledged' AND offered_at <= applying_at AND applying_at <= acknowledged_at AND steps IS NOT NULL),
                      count(negotiated_at), count(*) FROM accord.deliveries WHERE version >= $1";
    let row = source.query_one(sql, &[&first]).expect("the deliveries");
    let (whole, negotiated, all): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((whole, all), (AWAY, AWAY), "each has its offer, its steps and its acknowledgement");
    assert!((AWAY / 32..AWAY / 4).contains(&negotiated), "{negotiated} of {AWAY} were negotiated apart");
    // A replica without a worker of its own has sealed meanwhile.
    let unsealed: i64 = scalar(&mut link.replica(), "SELECT count(DISTINCT seq) FROM accord.pending");
    assert!(unsealed < 100, "{unsealed} events are not sealed there");
}
