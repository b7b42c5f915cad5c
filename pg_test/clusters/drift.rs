//! What somebody changes on a replica, or behind the event triggers' back: found, told, mended.

use crate::support::link::{Failure, REPLICA, batch, failure, scalar};
use crate::support::{Link, Pair, Proxy, eventually, wait_until};
use std::time::Duration;

/// A row of `accord.drift`.
#[derive(Debug)]
struct Drifted {
    fact: String,
    side: String,
    expected: String,
    actual: String,
    user: Option<String>,
    statement: Option<String>,
    reconciled: Option<bool>,
    event: Option<String>,
}

#[track_caller]
fn drift(link: &Link) -> Vec<Drifted> {
    try_drift(link, "30 s").unwrap_or_else(|error| panic!("accord.drift: {}\n{}", error.0, link.report()))
}

fn try_drift(link: &Link, timeout: &str) -> Result<Vec<Drifted>, Failure> {
    let rows = link.source().query(
        "SELECT fact, side, expected::text, actual::text, author, statement, reconciled, event::text, at FROM accord.drift($1, $2::text::interval)",
        &[&REPLICA, &timeout],
    );
    rows.map_err(|error| Failure::from(&error)).map(|rows| {
        rows.iter()
            .map(|row| Drifted {
                fact: row.get(0),
                side: row.get(1),
                expected: row.get::<_, Option<String>>(2).unwrap_or_default(),
                actual: row.get::<_, Option<String>>(3).unwrap_or_default(),
                user: row.get(4),
                statement: row.get(5),
                reconciled: row.get(6),
                event: row.get(7),
            })
            .collect()
    })
}

#[track_caller]
fn find<'a>(rows: &'a [Drifted], fact: &str) -> &'a Drifted {
    rows.iter().find(|row| row.fact == fact).unwrap_or_else(|| panic!("{fact} is not in {rows:#?}"))
}

/// The statements of `accord.synchronize`.
fn synchronize(link: &Link, arguments: &str) -> Result<Vec<String>, Failure> {
    link.source()
        .query(&format!("SELECT sql FROM accord.synchronize('{REPLICA}'{arguments})"), &[])
        .map(|rows| rows.iter().map(|row| row.get(0)).collect())
        .map_err(|error| Failure::from(&error))
}

#[track_caller]
fn steps(link: &Link, arguments: &str) -> Vec<String> {
    synchronize(link, arguments).unwrap_or_else(|error| panic!("accord.synchronize: {}\n{}", error.0, link.report()))
}

/// As a person with a name of their own on the replica.
#[track_caller]
fn by_somebody(link: &Link, sql: &str) -> String {
    let role = format!("dba_{}", link.db);
    link.run_there(&format!("DO $$ BEGIN IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} SUPERUSER LOGIN; END IF; END $$"));
    let mut client = link.pair.replica.try_client_as(&link.db, &role).expect("connect as somebody");
    batch(&mut client, sql);
    role
}

fn forget(link: &Link, role: &str) {
    link.run_there(&format!("REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"));
}

const ORDERS: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, note text, total int NOT NULL DEFAULT 0);
     CREATE INDEX orders_total ON shop.orders (total); COMMENT ON COLUMN shop.orders.note IS 'by the customer'";

#[test]
fn changes_by_hand_are_told_with_their_author_and_mended() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    assert!(drift(&link).is_empty(), "agreement has no differences");

    let role = by_somebody(
        &link,
        "ALTER TABLE shop.orders ADD COLUMN colour text; ALTER TABLE shop.orders DROP COLUMN note; DROP INDEX shop.orders_total;
         ALTER TABLE shop.orders ALTER COLUMN total SET DEFAULT 7",
    );
    let rows = drift(&link);
    let note = find(&rows, "column shop.orders.note");
    assert_eq!(note.side, "replica behind");
    assert_eq!(note.user.as_deref(), Some(role.as_str()));
    assert_eq!(note.statement.as_deref(), Some("ALTER TABLE shop.orders DROP COLUMN note"));
    assert_eq!((note.reconciled, note.actual.as_str()), (Some(false), ""));
    assert!(note.expected.contains("text") && note.event.is_some(), "{note:?}");
    assert_eq!(find(&rows, "index shop.orders_total").side, "replica behind");
    let default = find(&rows, "default shop.orders.total");
    assert_eq!(default.side, "diverged");
    assert!(default.expected.contains('0') && default.actual.contains('7'), "{default:?}");
    assert_eq!(find(&rows, "column shop.orders.colour").side, "replica ahead");

    let status = link.status();
    assert_eq!(status.state, "diverged");
    assert!(status.hint.contains("accord.drift(") && status.hint.contains("accord.synchronize("), "{status:?}");
    link.try_wait("10 s").expect_err("it diverged").assert_clear();

    // Dry, it says what it would do, and does nothing.
    let planned = steps(&link, "");
    assert!(planned.iter().any(|sql| sql.contains("ADD COLUMN note")), "{planned:?}");
    assert!(!planned.iter().any(|sql| sql.contains("colour")), "the replica's own stays: {planned:?}");
    assert!(!link.column_there("shop.orders", "note"));
    assert_eq!(scalar::<i64>(&mut link.source(), "SELECT count(*) FROM accord.deliveries WHERE mending IS NOT NULL"), 0);

    assert_eq!(steps(&link, ", dry_run => false"), planned);
    link.wait();
    assert!(link.column_there("shop.orders", "note") && link.column_there("shop.orders", "colour"));
    let left = drift(&link);
    assert!(left.iter().all(|row| row.side == "replica ahead" && row.fact.contains("colour")), "{left:#?}");
    let mended: String = scalar(&mut link.source(), "SELECT state FROM accord.deliveries WHERE mending IS NOT NULL");
    assert_eq!(mended, "acknowledged");
    assert_eq!(scalar::<i64>(&mut link.replica(), "SELECT count(*) FROM accord.mended WHERE verdict IS NOT NULL"), 1);

    // What is its own goes where that is asked for.
    let planned = steps(&link, ", dry_run => false, drop_own => true");
    assert!(planned.iter().any(|sql| sql.contains("DROP COLUMN colour")), "{planned:?}");
    link.wait();
    assert!(drift(&link).is_empty());
    link.follow("ALTER TABLE shop.orders ADD COLUMN after_all int");
    forget(&link, &role);
    assert!(!link.column_there("shop.orders", "colour"));
    let (ours, theirs): (String, String) = (
        scalar(&mut link.source(), "SELECT accord.fingerprint(true, '{\"column_order\": false}')"),
        scalar(&mut link.replica(), "SELECT accord.fingerprint(true, '{\"column_order\": false}')"),
    );
    assert_eq!(ours, theirs);
}

#[test]
fn a_rename_by_hand_is_undone_with_its_rows() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    link.run_there("INSERT INTO shop.orders VALUES (1, 'first', 10)");
    link.run_there("ALTER TABLE shop.orders RENAME COLUMN note TO remark; ALTER TABLE shop.orders RENAME TO bought");
    let rows = drift(&link);
    let table = find(&rows, "table shop.orders");
    assert_eq!(table.side, "diverged");
    assert!(table.actual.contains("table shop.bought"), "{table:?}");
    let planned = steps(&link, ", dry_run => false");
    assert!(planned.iter().all(|sql| sql.contains("RENAME")), "{planned:?}");
    link.wait();
    assert_eq!(scalar::<String>(&mut link.replica(), "SELECT note FROM shop.orders"), "first");
    assert!(drift(&link).is_empty());
    link.assert_agreement();
}

#[test]
fn what_fired_no_event_trigger_there_has_no_author() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    link.run_there(
        "ALTER EVENT TRIGGER accord_ddl_command_end DISABLE; ALTER EVENT TRIGGER accord_sql_drop DISABLE;
         ALTER TABLE shop.orders DROP COLUMN note; DROP INDEX shop.orders_total;
         ALTER EVENT TRIGGER accord_ddl_command_end ENABLE ALWAYS; ALTER EVENT TRIGGER accord_sql_drop ENABLE ALWAYS",
    );
    let rows = drift(&link);
    for fact in ["column shop.orders.note", "index shop.orders_total"] {
        let row = find(&rows, fact);
        assert_eq!(row.side, "replica behind");
        assert_eq!((row.reconciled, &row.user, &row.statement), (Some(true), &None, &None), "{row:?}");
        assert!(row.event.is_some());
    }
    steps(&link, ", dry_run => false");
    link.wait();
    assert!(drift(&link).is_empty());
}

#[test]
fn what_fired_no_event_trigger_here_is_delivered() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    link.run("SET accord.capture = off; ALTER TABLE shop.orders ADD COLUMN silent int");
    // The question has the source read first: what it finds is a version like any other.
    drift(&link);
    link.wait();
    assert!(link.column_there("shop.orders", "silent"));
    assert!(drift(&link).is_empty());
    link.assert_agreement();
}

#[test]
fn what_is_the_replicas_own_is_respected() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    link.run_there("ALTER TABLE shop.orders ALTER COLUMN total TYPE bigint; CREATE VIEW public.sums AS SELECT total FROM shop.orders");
    let refused = synchronize(&link, ", dry_run => false").expect_err("its own view stands on the column");
    refused.assert_clear();
    assert!(refused.says("view public.sums"), "{}", refused.0);
    assert_eq!(scalar::<i64>(&mut link.source(), "SELECT count(*) FROM accord.deliveries WHERE mending IS NOT NULL"), 0);
    link.run_there("DROP VIEW public.sums");
    steps(&link, ", dry_run => false");
    link.wait();
    link.assert_agreement();

    link.run_there("DROP TABLE shop.orders; CREATE VIEW shop.orders AS SELECT 1 AS id");
    let refused = synchronize(&link, "").expect_err("its own view has the table's name");
    refused.assert_clear();
    assert!(refused.says("view shop.orders"), "{}", refused.0);
    link.run_there("DROP VIEW shop.orders");
    steps(&link, ", dry_run => false");
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_mending_that_loses_data_is_held() {
    let link = Link::with_policy(Pair::shared(), r#"{"require_approval": "lossy"}"#);
    link.follow(ORDERS);
    link.run_there("ALTER TABLE shop.orders ALTER COLUMN total DROP DEFAULT, ALTER COLUMN total TYPE text");
    let loss: Vec<String> =
        scalar(&mut link.source(), &format!("SELECT array_agg(l) FROM accord.synchronize('{REPLICA}') s, unnest(s.loss) l"));
    assert!(loss.iter().any(|what| what.contains("total")), "{loss:?}");
    steps(&link, ", dry_run => false");
    let held = link.until_state(&["held"]);
    assert!(held.hint.contains("accord.approve"), "{held:?}");
    link.try_wait("10 s").expect_err("it is held").assert_clear();
    let version = link.version();
    link.run(&format!("SELECT accord.approve('{REPLICA}', {version})"));
    link.wait();
    link.assert_agreement();
    assert!(drift(&link).is_empty());

    // Given up, the replica is what it was.
    link.run_there("ALTER TABLE shop.orders ALTER COLUMN total DROP DEFAULT, ALTER COLUMN total TYPE text");
    steps(&link, ", dry_run => false");
    link.until_state(&["held"]);
    link.run(&format!("SELECT accord.retry('{REPLICA}')"));
    link.until_state(&["diverged"]);
}

#[test]
fn a_mending_is_done_once_whatever_the_network_does() {
    let link = Link::bare(Pair::shared());
    let proxy = Proxy::to(link.pair.replica.port());
    link.add_at(
        &link.pair.replica.conninfo_at(&link.db, proxy.port()),
        r#"{"retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#,
    );
    link.follow("CREATE TABLE public.a (id int, b int, c int)");
    for round in 0..8_u64 {
        link.run_there("ALTER TABLE public.a DROP COLUMN b");
        let rows = drift(&link);
        assert_eq!(find(&rows, "column public.a.b").side, "replica behind");
        link.run(&format!("SELECT FROM accord.synchronize('{REPLICA}', dry_run => false)"));
        proxy.cut_after(1 + round * 700);
        std::thread::sleep(Duration::from_millis(300));
        proxy.mend();
        link.wait();
        assert!(link.column_there("public.a", "b"));
    }
    let mended: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM accord.mended");
    assert_eq!(mended, 8);
    assert!(drift(&link).iter().all(|row| row.fact.starts_with("position ")), "{:#?}", drift(&link));
}

#[test]
fn the_periodic_look_finds_drift_and_its_end() {
    let pair = Pair::start("periodic", &[("accord.reconcile_interval", "2s")]);
    let link = Link::attached(pair);
    link.follow(ORDERS);
    link.run_there("ALTER TABLE shop.orders ALTER COLUMN total SET DEFAULT 7");
    let status = link.until_state(&["diverged"]);
    assert!(status.reason.contains("mirrored facts"), "{status:?}");
    link.run_there("ALTER TABLE shop.orders ALTER COLUMN total SET DEFAULT 0");
    link.until_state(&["following"]);
    link.follow("ALTER TABLE shop.orders ADD COLUMN more int");
    link.assert_agreement();
}

/// What is expected is what was acknowledged, not what the source has by now.
#[test]
fn a_version_that_meets_drift_goes_on_after_the_mending() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    link.run_there("ALTER TABLE shop.orders ALTER COLUMN total TYPE bigint; DROP INDEX shop.orders_total");
    link.run("ALTER TABLE shop.orders RENAME COLUMN total TO sum; ALTER TABLE shop.orders ALTER COLUMN sum TYPE numeric; DROP INDEX shop.orders_total");
    let status = link.until_state(&["diverged"]);
    assert!(status.hint.contains("accord.synchronize("), "{status:?}");
    let rows = drift(&link);
    let total = find(&rows, "column shop.orders.total");
    assert!(total.expected.contains("integer") && total.actual.contains("bigint"), "{total:?}");
    assert_eq!(find(&rows, "index shop.orders_total").side, "replica behind");
    steps(&link, ", dry_run => false");
    link.wait();
    link.assert_agreement();
    assert!(drift(&link).is_empty());
}

#[test]
fn a_replica_with_a_worker_reads_itself() {
    let pair = Pair::start("two workers", &[("accord.reconcile_interval", "1s")]);
    let link = Link::attached(pair);
    link.pair.replica.serve(std::slice::from_ref(&link.db));
    link.follow(ORDERS);
    link.run_there("SET accord.capture = off; ALTER TABLE shop.orders ALTER COLUMN total SET DEFAULT 3");
    wait_until("the replica's own worker finds it", || {
        scalar(&mut link.replica(), "SELECT EXISTS (SELECT FROM accord.events WHERE reconciled AND version IS NOT NULL)")
    });
    let status = link.until_state(&["diverged"]);
    assert!(status.hint.contains("accord.drift("), "{status:?}");
    let rows = drift(&link);
    let default = find(&rows, "default shop.orders.total");
    assert_eq!((default.reconciled, &default.user), (Some(true), &None));
    steps(&link, ", dry_run => false");
    // A look that began before the mending may be answered after it; the next one, a second later, sees it mended.
    wait_until("it is mended", || link.try_wait("10 s").is_ok());
    link.assert_agreement();
}

#[test]
fn a_replica_that_is_away_cannot_be_looked_at() {
    let link = Link::bare(Pair::shared());
    let proxy = Proxy::to(link.pair.replica.port());
    link.add_at(
        &link.pair.replica.conninfo_at(&link.db, proxy.port()),
        r#"{"retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#,
    );
    link.follow(ORDERS);
    proxy.cut();
    let error = try_drift(&link, "10 s").expect_err("nobody answers");
    error.assert_clear();
    assert!(error.says("cannot be looked at") || error.says("did not answer"), "{}", error.0);
    synchronize(&link, ", timeout => '10 s'").expect_err("nobody answers").assert_clear();
    proxy.mend();
    assert!(drift(&link).is_empty());
}

#[test]
fn questions_that_cannot_be_answered() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    failure(&mut link.source(), "SELECT * FROM accord.drift('nobody')").assert_clear();
    link.run(&format!("SELECT accord.pause_replica('{REPLICA}')"));
    let error = try_drift(&link, "5 s").expect_err("it is paused");
    error.assert_clear();
    assert!(error.says("accord.resume_replica"), "{}", error.0);
    link.run(&format!("SELECT accord.resume_replica('{REPLICA}')"));
    link.wait();
    for message in
        ["{}", r#"{"protocol": 9, "source": "0190b5a8-0000-7000-8000-000000000000", "replica": "x"}"#, "[]", r#"{"protocol": 1}"#]
    {
        failure(&mut link.replica(), &format!("SELECT accord.inspect('{message}')")).assert_clear();
    }
    // By hand, as the worker asks.
    let equal: bool = scalar(
        &mut link.replica(),
        "SELECT i ->> 'expected' = i ->> 'actual' AND i -> 'findings' = '[]' FROM accord.upstream u,
                accord.inspect(jsonb_build_object('protocol', 1, 'source', u.source, 'replica', u.replica)) i",
    );
    assert!(equal);
}

#[test]
fn a_mending_brings_nothing_that_is_not_mirrored() {
    let link = Link::attached(Pair::shared());
    link.follow(ORDERS);
    link.run_there("CREATE TABLE shop.own (id int); ALTER TABLE shop.orders DROP COLUMN note");
    steps(&link, ", dry_run => false");
    link.wait();
    let offer: String = scalar(
        &mut link.replica(),
        "SELECT jsonb_build_object('protocol', 1, 'source', m.source, 'replica', 'warehouse', 'kind', 'mend', 'mending', gen_random_uuid(),
                'position', jsonb_build_object('version', u.version, 'id', encode(u.id, 'hex')), 'projection', u.projection::jsonb, 'policy', '{}'::jsonb, 'major', 15,
                'reader', (SELECT reader FROM accord.ledger), 'fingerprint_after', encode(m.fingerprint, 'hex'), 'events',
                jsonb_build_array(jsonb_build_object('id', m.id, 'tag', 'MEND', 'statement', '', 'changes', '[]'::jsonb)))::text
           FROM accord.mended m JOIN accord.upstream u USING (source)",
    );
    let with = |changes: &str| offer.replace("\"changes\": []", &format!("\"changes\": {changes}"));
    let state = |offer: &str| {
        let row = link
            .replica()
            .query_one("SELECT v ->> 'state', v::text FROM accord.apply(jsonb_build_object('offer', $1::text::jsonb)) v", &[&offer]);
        let row = row.unwrap_or_else(|error| panic!("{}", crate::support::link::describe(&error)));
        (row.get::<_, String>(0), row.get::<_, String>(1))
    };
    let alien = "is not about what is mirrored here";
    for (changes, why) in [
        (r#"[{"after": {"kind": "table", "path": ["shop", "smuggled"], "attributes": {}}}]"#, alien),
        (r#"[{"after": {"kind": "column", "path": ["shop", "orders", "total"], "attributes": {"type": "text"}}}]"#, alien),
        (r#"[{"before": {"kind": "column", "path": ["shop", "orders", "total"], "attributes": {"type": "integer"}}}]"#, alien),
        (
            r#"[{"after": {"kind": "column", "path": ["shop", "orders", "total"], "attributes": {"type": "integer; DROP TABLE shop.own"}}}]"#,
            "would not stay in its place",
        ),
    ] {
        let (state, verdict) = state(&with(changes));
        assert_eq!(state, "rejected", "{verdict}");
        assert!(verdict.contains(why), "{verdict}");
    }
    let (done, verdict) = state(&with("[]"));
    assert_eq!(done, "applied", "nothing to do is done: {verdict}");
    assert!(link.exists_there("shop.own") && !link.exists_there("shop.smuggled") && link.column_there("shop.orders", "total"));
}

#[test]
fn a_replica_that_differs_is_adopted_on_request() {
    let link = Link::bare(Pair::shared());
    link.run(ORDERS);
    link.run("CREATE VIEW shop.totals AS SELECT sum(total) AS total FROM shop.orders");
    link.run_there(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, total smallint, own text);
         CREATE TABLE shop.bi (id int); CREATE SCHEMA bi; CREATE TABLE bi.facts (id int);
         INSERT INTO shop.orders VALUES (1, 10, 'mine')",
    );
    link.add("{}");
    let refused = link.try_wait("15 s").expect_err("neither empty nor equal");
    refused.assert_clear();
    assert!(refused.says("adopt"), "{}", refused.0);
    link.run(&format!("SELECT accord.drop_replica('{REPLICA}')"));
    link.add(r#"{"adopt": true}"#);
    link.wait();
    assert_eq!(scalar::<String>(&mut link.replica(), "SELECT own FROM shop.orders WHERE total = 10 AND note IS NULL"), "mine");
    assert!(link.exists_there("shop.bi") && link.exists_there("bi.facts") && link.exists_there("shop.totals"));
    let kind: String = scalar(
        &mut link.replica(),
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass AND attname = 'total'",
    );
    assert_eq!(kind, "integer");
    link.follow("ALTER TABLE shop.orders ADD COLUMN later int");
    let left = drift(&link);
    assert!(left.iter().all(|row| row.side == "replica ahead"), "{left:#?}");
}

#[test]
fn an_adoption_that_loses_data_is_held() {
    let link = Link::bare(Pair::shared());
    link.run(ORDERS);
    link.run_there("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, note text, total bigint); INSERT INTO shop.orders VALUES (1, 'x', 5)");
    link.add(r#"{"adopt": true}"#);
    let held = link.until_state(&["held"]);
    assert!(held.hint.contains("accord.approve"), "{held:?}");
    let version = link.version();
    link.run(&format!("SELECT accord.approve('{REPLICA}', {version})"));
    link.wait();
    link.assert_agreement();
    assert_eq!(scalar::<i32>(&mut link.replica(), "SELECT total FROM shop.orders"), 5);
}

#[test]
fn an_adoption_names_what_stands_in_its_way() {
    let link = Link::bare(Pair::shared());
    link.run(ORDERS);
    link.run_there("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int CONSTRAINT mine PRIMARY KEY, total int)");
    link.add(r#"{"adopt": true}"#);
    let rejected = link.until_state(&["rejected"]);
    assert!(rejected.reason.contains("constraint shop.orders.mine"), "{rejected:?}");
    link.run_there("ALTER TABLE shop.orders RENAME CONSTRAINT mine TO orders_pkey");
    link.resolve();
    link.wait();
    assert!(link.column_there("shop.orders", "note"));
}

#[test]
fn a_replica_is_built_while_ddl_goes_on() {
    let link = Link::bare(Pair::shared());
    let mut sql = String::new();
    for n in 0..300 {
        sql.push_str(&format!("CREATE TABLE public.t{n} (id int PRIMARY KEY, b text); "));
    }
    link.run(&sql);
    let more = std::thread::scope(|scope| {
        let ddl = scope.spawn(|| {
            let mut client = link.source();
            let begun = std::time::Instant::now();
            let mut count = 0;
            while begun.elapsed() < Duration::from_secs(6) {
                batch(
                    &mut client,
                    &format!("ALTER TABLE public.t{} ADD COLUMN n{count} int; CREATE TABLE public.u{count} (id int)", count % 300),
                );
                count += 1;
            }
            count
        });
        std::thread::sleep(Duration::from_millis(200));
        link.add("{}");
        ddl.join().expect("DDL")
    });
    assert!(more > 3, "DDL on the source went on: {more}");
    link.try_wait("240 s").unwrap_or_else(|error| panic!("{}\n{}", error.0, link.report()));
    link.assert_agreement();
}

#[test]
fn two_thousand_tables_are_built_with_progress() {
    let link = Link::bare(Pair::shared());
    for part in 0..4 {
        let mut sql = String::from("SET accord.capture = off;");
        for n in 0..500 {
            sql.push_str(&format!("CREATE TABLE public.t{} (id int PRIMARY KEY, b text NOT NULL DEFAULT 'x'); ", part * 500 + n));
        }
        link.run(&sql);
    }
    link.run("SELECT accord.reconcile()");
    link.add("{}");
    let mut client = link.source();
    let seen = eventually(Duration::from_secs(120), || {
        scalar::<Option<String>>(&mut client, &format!("SELECT progress FROM accord.status WHERE replica = '{REPLICA}'"))
    });
    let seen = seen.unwrap_or_else(|| panic!("no progress was shown\n{}", link.report()));
    assert!(seen.starts_with("building: ") && seen.ends_with(" steps") && seen.contains(','), "{seen}");
    link.try_wait("300 s").unwrap_or_else(|error| panic!("{}\n{}", error.0, link.report()));
    let after: Option<String> = scalar(&mut client, &format!("SELECT progress FROM accord.status WHERE replica = '{REPLICA}'"));
    assert_eq!(after, None);
    wait_until("both sides have all tables", || {
        scalar::<i64>(&mut link.replica(), "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]+$'") == 2000
    });
    assert!(drift(&link).is_empty());
}

#[test]
fn a_question_outlives_the_worker_that_was_asked() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    link.run_there("SET accord.capture = off; ALTER TABLE public.a ADD COLUMN by_hand int");
    let mut holder = link.replica();
    batch(&mut holder, "BEGIN; LOCK TABLE accord.mirror IN ACCESS EXCLUSIVE MODE");
    let found = std::thread::scope(|scope| {
        let asking = scope.spawn(|| try_drift(&link, "30 s"));
        let waits = "SELECT count(*) > 0 FROM pg_locks l WHERE NOT l.granted AND l.relation = 'accord.mirror'::regclass";
        wait_until("the replica looks", || scalar::<bool>(&mut link.replica(), waits));
        let worker = link.wait_for_worker();
        link.run(&format!("SELECT pg_terminate_backend({worker}, 10000)"));
        batch(&mut holder, "COMMIT");
        asking.join().expect("no panic")
    });
    let found = found.unwrap_or_else(|error| panic!("accord.drift: {}\n{}", error.0, link.report()));
    assert_eq!(find(&found, "column public.a.by_hand").side, "replica ahead");
}

/// A table that somebody made a plain one on the replica, rows and all, is partitioned again with them.
#[test]
fn rows_of_a_table_that_ceased_to_be_partitioned() {
    let link = Link::attached(Pair::shared());
    let parts = "CREATE TABLE public.p (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
        CREATE TABLE public.p_low PARTITION OF public.p FOR VALUES FROM (MINVALUE) TO (100);
        CREATE TABLE public.p_high PARTITION OF public.p FOR VALUES FROM (100) TO (MAXVALUE)";
    link.follow(parts);
    link.run_there(
        "CREATE TABLE public.q AS SELECT i AS id, 'n' || i AS note FROM generate_series(1, 300) i; DROP TABLE public.p;
        ALTER TABLE public.q RENAME TO p; ALTER TABLE public.p ADD PRIMARY KEY (id)",
    );
    steps(&link, ", dry_run => false");
    link.wait();
    link.assert_agreement();
    let rows: Vec<String> = scalar(
        &mut link.replica(),
        "SELECT array_agg(concat_ws('|', o, n) ORDER BY o) FROM (SELECT tableoid::regclass::text, count(*) FROM p GROUP BY 1) AS c(o, n)",
    );
    assert_eq!(rows, ["p_high|201", "p_low|99"], "{}", link.report());
}
