//! What people live with from the second day on: history that ends, news, numbers, a log.

use crate::support::link::{batch, failure, scalar};
use crate::support::{Link, Pair, eventually, wait_until};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator as _;
use serde_json::Value;
use std::time::Duration;

/// Longer than histories are kept here.
const PAST: Duration = Duration::from_millis(2300);

/// A pair whose databases keep their history for two seconds.
fn forgetful(name: &str) -> Link {
    Link::bare(Pair::start(name, &[("accord.retention", "2s")]))
}

fn oldest(link: &Link) -> i64 {
    scalar(&mut link.source(), "SELECT min(version) FROM accord.version")
}

/// Autovacuum hears of the rows that the worker leaves behind: a background process tells of none by itself.
#[test]
fn what_the_worker_writes_is_counted() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    let counted = "SELECT n_tup_ins > 0 AND n_tup_upd > 0 FROM pg_stat_all_tables WHERE relid = 'accord.delivery'::regclass";
    let mut n = 0;
    wait_until("deliveries are counted", || {
        n += 1;
        link.follow(&format!("ALTER TABLE public.a ALTER id SET STATISTICS {n}"));
        scalar::<bool>(&mut link.source(), counted)
    });
}

/// Old versions go with all that belongs to them; what is asked of them is refused with the reason; the rest answers
/// as ever, the oldest kept one included.
#[test]
fn history_that_is_past_its_time_ends() {
    let link = forgetful("retention");
    link.add("{}");
    link.wait();
    link.follow("CREATE TABLE public.a (id int)");
    for n in 0..6 {
        link.follow(&format!("ALTER TABLE public.a ADD COLUMN c{n} int"));
    }
    std::thread::sleep(PAST);
    link.follow("ALTER TABLE public.a ADD COLUMN young int");
    link.follow("COMMENT ON TABLE public.a IS 'younger'");
    let head = link.version();
    let pruned: i64 = scalar(&mut link.source(), "SELECT accord.prune()");
    let first = oldest(&link);
    assert!(first == head - 1 && pruned > 0, "{pruned} went, the oldest is {first} of {head}");
    let mut client = link.source();
    for (table, what) in [("projected", "version"), ("delivery", "version")] {
        let left: i64 = scalar(&mut client, &format!("SELECT count(*) FROM accord.{table} WHERE {what} < {first}"));
        assert_eq!(left, 0, "{table}");
    }
    let orphans: i64 = scalar(&mut client, "SELECT count(*) FROM accord.events WHERE version IS NULL");
    assert_eq!(orphans, 0, "an event without its version would pass for one that is not sealed");
    for call in [
        format!("accord.model({})", first - 1),
        format!("accord.diff({}, {head})", first - 1),
        format!("accord.plan({}, {head})", first - 1),
        format!("accord.reverse_ddl({})", first - 1),
        format!("accord.revert({})", first - 1),
        format!("accord.revert_to({}, dry_run => true)", first - 1),
        "accord.model(0)".to_owned(),
    ] {
        let refused = failure(&mut client, &format!("SELECT {call}"));
        refused.assert_clear();
        assert!(refused.says("not kept any more") && refused.says(&format!("begins at version {first}")), "{call}: {}", refused.0);
    }
    assert!(failure(&mut client, "SELECT accord.model(999)").says("does not exist"));
    for version in first..=head {
        batch(&mut client, &format!("SELECT accord.model({version}), accord.diff({version}, {head})"));
    }
    assert_eq!(
        scalar::<String>(&mut client, &format!("SELECT accord.reverse_ddl({first})")),
        "ALTER TABLE ONLY public.a DROP COLUMN young"
    );
    drop(client);
    link.run(&format!("SELECT accord.revert({head})"));
    link.wait();
    link.assert_agreement();
}

/// Nothing goes that some replica has not acknowledged, however old it is.
#[test]
fn what_a_replica_has_not_acknowledged_is_kept() {
    let link = forgetful("unacknowledged");
    link.add("{}");
    link.wait();
    link.follow("CREATE TABLE public.a (id int)");
    link.run("SELECT accord.pause_replica('warehouse')");
    let stands = link.version();
    for n in 0..5 {
        link.run(&format!("ALTER TABLE public.a ADD COLUMN c{n} int"));
        link.run("SELECT accord.seal()");
    }
    std::thread::sleep(PAST);
    link.run("SELECT accord.prune()");
    assert!(oldest(&link) <= stands, "the replica stands at {stands}, the history begins at {}", oldest(&link));
    link.run("SELECT accord.resume_replica('warehouse')");
    link.wait();
    assert!(link.column_there("public.a", "c4"));
    // Once it has everything, all but the newest version may go.
    std::thread::sleep(PAST);
    link.run("SELECT accord.prune()");
    assert_eq!(oldest(&link), link.version());
    link.follow("ALTER TABLE public.a ADD COLUMN d int");
    link.assert_agreement();
}

/// What a replica keeps of each event that it applied goes with the event's version, and with the source.
#[test]
fn events_go_with_their_versions() {
    let link = forgetful("events");
    link.add("{}");
    link.wait();
    let kept = || -> (i64, bool) {
        let row = link.replica().query_one(
            "WITH e AS (SELECT e.source, e.event FROM accord.applied_event e),
                  a AS (SELECT a.source, unnest(a.event_ids) FROM accord.applied a)
             SELECT (SELECT count(*) FROM e), NOT EXISTS (TABLE e EXCEPT TABLE a) AND NOT EXISTS (TABLE a EXCEPT TABLE e)",
            &[],
        );
        let row = row.expect("the replica's record");
        (row.get(0), row.get(1))
    };
    link.follow("CREATE TABLE public.a (id int)");
    for n in 0..6 {
        link.follow(&format!("ALTER TABLE public.a ADD COLUMN c{n} int; COMMENT ON TABLE public.a IS '{n}'"));
    }
    let (before, level) = kept();
    assert!(before >= 13 && level, "{before} events");
    std::thread::sleep(PAST);
    link.follow("ALTER TABLE public.a ADD COLUMN young int");
    link.run_there("SELECT accord.prune()");
    let (after, level) = kept();
    assert!(after < before && after > 0 && level, "{after} of {before} events");
    link.run("SELECT accord.drop_replica('warehouse')");
    link.run_there("SELECT accord.forget_source(source) FROM accord.upstream");
    assert_eq!(kept(), (0, true));
}

/// A replica that comes back from a time that is not kept says so, and begins anew by the way that its hint shows.
#[test]
fn a_replica_from_before_the_history() {
    let link = forgetful("before");
    link.add("{}");
    link.wait();
    link.follow("CREATE TABLE public.a (id int)");
    link.run("SELECT accord.drop_replica('warehouse')");
    link.run("CREATE TABLE public.b (id int)");
    link.run("SELECT accord.version()");
    std::thread::sleep(PAST);
    link.run("CREATE TABLE public.c (id int)");
    link.run("SELECT accord.version(); SELECT accord.prune()");
    link.add(r#"{"adopt": true}"#);
    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("not kept here any more"), "{status:?}");
    let error = link.try_wait("5 s").expect_err("it stands before the history");
    error.assert_clear();
    let forget = status.hint.split("SELECT ").nth(1).and_then(|text| text.split(',').next()).expect("the hint's first call").to_owned();
    assert!(forget.starts_with("accord.forget_source('"), "{}", status.hint);
    link.run_there(&format!("SELECT {forget}"));
    link.run("SELECT accord.retry('warehouse')");
    link.wait();
    link.follow("ALTER TABLE public.b ADD COLUMN n int");
    link.assert_same_fingerprint();
}

/// On a replica, what is recorded of a source's versions ends as well; the newest stays, and the handshake goes on.
#[test]
fn a_replicas_own_records_end_too() {
    let link = forgetful("records");
    link.add("{}");
    link.wait();
    for n in 0..5 {
        link.follow(&format!("CREATE TABLE public.t{n} (id int)"));
    }
    std::thread::sleep(PAST);
    link.follow("CREATE TABLE public.last (id int)");
    let recorded: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM accord.applied");
    assert!(recorded <= 2, "{recorded}");
    link.pair
        .source
        .client("postgres")
        .batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'pg_accord worker'")
        .expect("the worker begins anew");
    link.follow("CREATE TABLE public.more (id int)");
    link.run("SELECT accord.drift('warehouse')");
    link.assert_agreement();
}

fn news(client: &mut Client, until: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let mut heard = Vec::new();
    let _ = eventually(Duration::from_secs(20), || {
        let mut waiting = client.notifications();
        let mut iterator = waiting.timeout_iter(Duration::from_millis(100));
        while let Ok(Some(message)) = iterator.next() {
            assert_eq!(message.channel(), "accord");
            heard.push(serde_json::from_str(message.payload()).expect("a payload is JSON"));
        }
        until(&heard).then_some(())
    });
    heard
}

/// Each state of a delivery is told on the channel, with replica and version and nothing that is not everybody's.
#[test]
fn every_change_of_state_is_told() {
    let link = Link::with_policy(Pair::shared(), r#"{"require_approval": "lossy"}"#);
    link.follow("CREATE TABLE public.hidden_name (id int, b int)");
    let mut listener = link.source();
    batch(&mut listener, "LISTEN accord");
    let states = |heard: &[Value], version: i64| -> Vec<String> {
        let of = heard.iter().filter(|each| each["about"] == "delivery" && each["version"] == version && each["replica"] == "warehouse");
        of.map(|each| each["state"].as_str().expect("a state").to_owned()).collect()
    };
    link.follow("ALTER TABLE public.hidden_name ADD COLUMN c int");
    let version = link.version();
    let heard = news(&mut listener, |heard| states(heard, version).contains(&"acknowledged".to_owned()));
    assert_eq!(states(&heard, version), ["offered", "negotiating", "applying", "acknowledged"], "{heard:?}");
    link.run("ALTER TABLE public.hidden_name DROP COLUMN b");
    let version = link.version();
    let heard = news(&mut listener, |heard| states(heard, version).contains(&"held".to_owned()));
    assert_eq!(states(&heard, version), ["offered", "negotiating", "held"], "{heard:?}");
    assert!(heard.iter().any(|each| each["about"] == "replica" && each["state"] == "held"), "{heard:?}");
    assert!(!heard.iter().any(|each| each.to_string().contains("hidden_name")), "who may listen may not read the schema: {heard:?}");
    link.run("SELECT accord.skip('warehouse', accord.version(), 'unwanted')");
    let heard = news(&mut listener, |heard| states(heard, version).contains(&"skipped".to_owned()));
    assert!(states(&heard, version).contains(&"skipped".to_owned()), "{heard:?}");
    link.run("SELECT accord.pause_replica('warehouse')");
    let heard = news(&mut listener, |heard| heard.iter().any(|each| each["state"] == "paused"));
    assert!(heard.iter().any(|each| each["about"] == "replica" && each["state"] == "paused"), "{heard:?}");
}

/// The queries of docs/postgres_exporter.yaml, as a role that is in pg_monitor and no more.
#[test]
fn metrics_are_what_the_exporters_file_asks_for() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    let role = format!("exporter_{}", link.db);
    link.run(&format!("CREATE ROLE {role} LOGIN IN ROLE pg_monitor"));
    let mut client = link.pair.source.try_client_as(&link.db, &role).expect("connect");
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/postgres_exporter.yaml")).expect("the file");
    let mut asked = 0;
    for part in file.split("\naccord").skip(1) {
        let query = part.lines().find_map(|line| line.trim().strip_prefix("query: ")).expect("a query").trim_matches('"');
        let described: Vec<&str> =
            part.lines().filter_map(|line| line.trim().strip_prefix("- ")).filter_map(|line| line.strip_suffix(':')).collect();
        let rows = client.query(query, &[]).unwrap_or_else(|error| panic!("{query}: {error}"));
        let columns: Vec<&str> = rows.first().expect("a row").columns().iter().map(postgres::Column::name).collect();
        assert_eq!(columns, described, "every column is described, and in order");
        asked += 1;
    }
    assert_eq!(asked, 2);
    let row =
        client.query_one("SELECT ok, behind, behind_seconds, state, drifted, delivery_seconds FROM accord.metrics", &[]).expect("metrics");
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i64>(1), row.get::<_, f64>(2)), (1, 0, 0.0));
    assert!(row.get::<_, f64>(5) > 0.0);
    let row = client
        .query_one("SELECT worker, version, unsealed_events, replicas, replicas_failing, bytes FROM accord.metrics_ledger", &[])
        .expect("metrics");
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i64>(3), row.get::<_, i64>(4)), (1, 1, 0));
    assert!(row.get::<_, i64>(1) > 0 && row.get::<_, i64>(5) > 100_000);
    link.run_there("CREATE TABLE public.taken (mine int)");
    link.run("CREATE TABLE public.taken (id int)");
    link.until_state(&["rejected"]);
    let row = client.query_one("SELECT ok, behind, behind_seconds FROM accord.metrics", &[]).expect("metrics");
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i64>(1)), (0, 1));
    assert!(row.get::<_, f64>(2) > 0.0);
    drop(client);
    link.run(&format!("DROP ROLE {role}"));
}

/// The server's log tells each state once, with replica and version.
#[test]
fn the_log_tells_each_state_once() {
    let link = Link::with_policy(
        Pair::own("log"),
        r#"{"retry_initial": "50ms", "retry_max": "100ms", "max_attempts": 1000, "lock_timeout": "50ms"}"#,
    );
    link.follow("CREATE TABLE public.a (id int)");
    let version = link.version();
    let lines = |text: &str| -> Vec<String> {
        let log = link.pair.source.log();
        log.lines().filter(|line| line.contains(text)).map(|line| line.split("pg_accord: ").nth(1).unwrap_or_default().to_owned()).collect()
    };
    let about = format!("replica \"warehouse\" of \"{}\": version {version} ", link.db);
    wait_until("it is acknowledged", || lines(&about).iter().any(|line| line.contains("acknowledged after")));
    let told: Vec<String> = lines(&about).iter().map(|line| line[about.len()..].split(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(told, ["negotiating", "applying", "acknowledged"], "{:?}", lines(&about));
    // Many attempts, one line.
    link.pair.replica.stop();
    link.run("CREATE TABLE public.b (id int)");
    link.until_state(&["retrying"]);
    std::thread::sleep(Duration::from_secs(2));
    let tries = lines("retrying: ").len();
    assert!((1..=3).contains(&tries), "{:?}", lines("retrying: "));
    link.pair.replica.boot();
    link.wait();
    let mut idle = link.replica();
    batch(&mut idle, "BEGIN; SELECT FROM public.a");
    link.run("ALTER TABLE public.a ADD COLUMN b int");
    let locked = format!("replica \"warehouse\" of \"{}\": version {} ", link.db, link.version());
    wait_until("it waits for its lock", || lines(&locked).iter().any(|line| line.contains("retrying")));
    std::thread::sleep(Duration::from_secs(1));
    batch(&mut idle, "COMMIT");
    link.wait();
    wait_until("it is acknowledged", || lines(&locked).iter().any(|line| line.contains("acknowledged after")));
    let told: Vec<String> =
        lines(&locked).iter().map(|line| line[locked.len()..].split([' ', ':']).next().unwrap_or_default().to_owned()).collect();
    assert_eq!(told, ["negotiating", "applying", "retrying", "acknowledged"], "{:?}", lines(&locked));
    link.run_there("CREATE TABLE public.taken (mine int)");
    link.run("CREATE TABLE public.taken (id int)");
    link.until_state(&["rejected"]);
    wait_until("the refusal is told with its reason", || lines("rejected: ").iter().any(|line| line.contains("public.taken")));
}
