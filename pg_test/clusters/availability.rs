//! Standbys, promotions, restored backups: whoever takes a server's place, the chain tells what it knows.

use crate::support::link::{batch, failure, scalar};
use crate::support::{Cluster, Link, Pair, wait_until};

const POLICY: &str = r#"{"retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#;

/// What pg_accord has to complain of in a server's log.
fn complaints(cluster: &Cluster) -> Vec<String> {
    let log = cluster.log();
    let ours = |line: &&str| line.contains("accord") && ["WARNING", "ERROR", "FATAL", "PANIC"].iter().any(|word| line.contains(word));
    log.lines().filter(ours).map(str::to_owned).collect()
}

fn promote(cluster: &Cluster) {
    assert!(scalar::<bool>(&mut cluster.client("postgres"), "SELECT pg_promote()"), "pg_promote");
}

/// A source that loses what is done in `lost`, of which the replica has everything.
fn bereft(name: &str, policy: &str, before: &str, lost: &str) -> Link {
    let link = Link::with_policy(Pair::own(name), policy);
    link.follow(before);
    link.pair.source.stop();
    link.pair.source.backup();
    link.pair.source.boot();
    link.follow(lost);
    link.pair.source.stop();
    link.pair.source.restore();
    link.pair.source.boot();
    link
}

/// The worker has found where the histories part.
#[track_caller]
fn until_parted(link: &Link) -> String {
    link.until_state(&["diverged"]);
    wait_until("where the histories part is known", || link.status().reason.contains("newest of both"));
    link.status().reason
}

fn resolve(link: &Link, keep: &str) -> i64 {
    scalar(&mut link.source(), &format!("SELECT accord.resolve_divergence('warehouse', '{keep}')"))
}

/// How many versions stand on the replica as abandoned.
fn abandoned(link: &Link) -> i64 {
    scalar(&mut link.replica(), "SELECT count(*) FROM accord.history WHERE state = 'abandoned'")
}

#[test]
fn a_standby_is_quiet_and_goes_on_by_itself_once_it_is_promoted() {
    let link = Link::with_policy(Pair::own("promoted source"), POLICY);
    link.follow("CREATE TABLE public.a (id int)");
    let source = &link.pair.source;
    let standby = source.standby("its standby");
    link.follow("CREATE TABLE public.b (id int)");
    source.wait_for_standby(&standby);
    let mut client = standby.client(&link.db);
    assert!(scalar::<bool>(&mut client, "SELECT pg_is_in_recovery()"));
    assert_eq!(scalar::<i64>(&mut client, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_accord%'"), 0);
    // What is there is readable, and nothing pretends to work.
    assert_eq!(scalar::<i64>(&mut client, "SELECT max(version) FROM accord.versions"), 2);
    assert_eq!(scalar::<String>(&mut client, "SELECT state FROM accord.status"), "no worker");
    failure(&mut client, "SELECT accord.retry('warehouse')");
    drop(client);
    std::thread::sleep(std::time::Duration::from_secs(6));
    let complaints =
        complaints(&standby).into_iter().filter(|line| !line.contains("accord.retry") && !line.contains("read-only")).collect::<Vec<_>>();
    assert!(complaints.is_empty(), "the standby is not quiet: {complaints:#?}");

    source.crash();
    source.replace_by(standby);
    assert!(source.worker_pids(Some(&link.db)).is_empty(), "nobody works in recovery");
    promote(source);
    link.run("CREATE TABLE public.c (id int)");
    link.wait();
    link.assert_agreement();
    assert_eq!(link.status().state, "following");
}

#[test]
fn what_a_failover_lost_is_found_and_undone_on_the_replica() {
    let link = Link::with_policy(Pair::own("lossy failover"), POLICY);
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, note text); CREATE TABLE public.gone (id int)");
    let standby = link.pair.source.standby("its standby");
    link.pair.source.wait_for_standby(&standby);
    // From here on the standby hears nothing.
    standby.stop();
    link.run_there("INSERT INTO public.a VALUES (1, 'kept')");
    link.follow("ALTER TABLE public.a RENAME COLUMN note TO remark; CREATE TABLE public.lost (id int)");
    link.follow("ALTER TABLE public.a RENAME TO z; ALTER TABLE public.z ADD COLUMN n int; DROP TABLE public.gone");
    link.pair.source.crash();
    link.pair.source.replace_by(standby);
    promote(&link.pair.source);
    // The new primary has a history of its own by now.
    link.run("CREATE TABLE public.other (id int); ALTER TABLE public.a ADD COLUMN later text");

    // A hello that came before this side's versions were sealed did not know of them.
    until_parted(&link);
    link.run("SELECT accord.seal(); SELECT accord.retry('warehouse')");
    wait_until("this side's versions are named", || until_parted(&link).contains("public.other"));
    let reason = until_parted(&link);
    for word in ["only the replica has", "create table", "drop table", "only this side has"] {
        assert!(reason.to_lowercase().contains(word), "{word}: {reason}");
    }
    assert!(link.status().hint.contains("accord.resolve_divergence"), "{:?}", link.status());
    let error = link.try_wait("5 s").expect_err("the histories differ");
    error.assert_clear();
    let statements: String = scalar(&mut link.source(), "SELECT string_agg(statements, '; ' ORDER BY version) FROM accord.divergences");
    assert!(statements.contains("CREATE TABLE public.lost") && !statements.contains("public.other"), "{statements}");
    assert!(!link.exists_there("public.other") && link.exists_there("public.lost"), "the replica was left as it is");

    assert_eq!(resolve(&link, "source"), 0, "nothing runs on the source");
    link.wait();
    link.assert_agreement();
    assert_eq!(scalar::<String>(&mut link.replica(), "SELECT note FROM public.a WHERE id = 1"), "kept", "renames were undone as renames");
    assert_eq!(abandoned(&link), 2);
    assert_eq!(scalar::<i64>(&mut link.source(), "SELECT count(*) FROM accord.divergences"), 0);
    link.follow("ALTER TABLE public.a DROP COLUMN later");
    link.assert_agreement();
}

#[test]
fn a_restored_source_takes_over_what_the_replica_has() {
    let link = bereft(
        "restored source",
        POLICY,
        "CREATE TABLE public.a (id int PRIMARY KEY, note text)",
        "CREATE TABLE public.lost (id int, name text DEFAULT 'x'); ALTER TABLE public.a RENAME COLUMN note TO remark;
         CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE INDEX ON public.lost (name)",
    );
    link.run_there("INSERT INTO public.lost VALUES (1)");
    until_parted(&link);
    assert!(resolve(&link, "replica") > 0, "statements run on the source");
    link.wait();
    link.assert_agreement();
    assert!(link.column_there("public.a", "remark"));
    assert_eq!(scalar::<i64>(&mut link.replica(), "SELECT count(*) FROM public.lost"), 1, "the replica's rows stay");
    let tags: Vec<String> = link
        .source()
        .query("SELECT tag FROM accord.events WHERE version = (SELECT max(version) FROM accord.versions) ORDER BY seq", &[])
        .expect("read the events")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(tags.contains(&"CREATE TABLE".to_owned()), "it is a version of the source: {tags:?}");
    link.follow("ALTER TABLE public.lost ADD COLUMN more int");
    link.assert_agreement();
}

/// A column that comes back stands behind all others: from then on the order of its table's columns is the replica's,
/// whatever the table is called.
#[test]
fn a_table_is_renamed_whose_columns_were_led_back() {
    let link = bereft(
        "order given up",
        POLICY,
        "CREATE TABLE public.a (id int, gone int, kept int, last int); CREATE SCHEMA other",
        "ALTER TABLE public.a DROP COLUMN gone",
    );
    until_parted(&link);
    resolve(&link, "source");
    link.wait();
    let columns = "SELECT string_agg(attname::text, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";
    let there = |table: &str| link.replica().query_one(columns, &[&table]).expect("the columns").get::<_, String>(0);
    assert_eq!(there("public.a"), "id kept last gone");
    link.follow("ALTER TABLE public.a RENAME TO b");
    link.follow(
        "ALTER TABLE public.b RENAME COLUMN kept TO held; ALTER TABLE public.b RENAME TO c; ALTER TABLE public.c ADD COLUMN more int",
    );
    link.follow("ALTER TABLE public.c SET SCHEMA other; ALTER TABLE other.c RENAME TO d; ALTER TABLE other.d DROP COLUMN held");
    assert_eq!(there("other.d"), "id last gone more");
    link.follow("ALTER TABLE other.d DROP COLUMN gone; ALTER TABLE other.d ADD COLUMN new int");
    link.assert_agreement();
}

#[test]
fn both_sides_went_on_and_the_replicas_part_is_kept() {
    let link = bereft(
        "merged histories",
        POLICY,
        "CREATE TABLE public.a (id int, note text); CREATE TABLE public.b (id int)",
        "ALTER TABLE public.a RENAME COLUMN note TO remark; CREATE TABLE public.theirs (id int)",
    );
    link.run_there("INSERT INTO public.a VALUES (1, 'one'); INSERT INTO public.b VALUES (7)");
    link.run("CREATE TABLE public.ours (id int); ALTER TABLE public.b RENAME TO c; ALTER TABLE public.a ADD COLUMN n int");
    until_parted(&link);
    resolve(&link, "replica");
    link.wait();
    // Each side added a column: only their order may differ.
    let columns = r#"SELECT accord.fingerprint(true, '{"column_order": false}')"#;
    assert_eq!(scalar::<String>(&mut link.source(), columns), scalar::<String>(&mut link.replica(), columns));
    for table in ["public.ours", "public.theirs", "public.c"] {
        assert!(link.exists_there(table), "{table}");
    }
    assert_eq!(scalar::<String>(&mut link.replica(), "SELECT remark FROM public.a"), "one");
    assert_eq!(scalar::<i32>(&mut link.replica(), "SELECT id FROM public.c"), 7, "the source's rename came as a rename");
    link.follow("CREATE TABLE public.d (id int)");
}

#[test]
fn what_was_done_again_by_hand_is_recognised() {
    let link = bereft("done again", POLICY, "CREATE TABLE public.a (id int)", "CREATE TABLE public.lost (id int)");
    link.run("CREATE TABLE public.lost (id int)");
    until_parted(&link);
    assert_eq!(resolve(&link, "replica"), 0, "it is here already");
    link.wait();
    link.assert_agreement();
}

#[test]
fn what_both_sides_changed_is_refused() {
    let link = bereft("conflict", POLICY, "CREATE TABLE public.a (id int)", "ALTER TABLE public.a ALTER COLUMN id TYPE bigint");
    link.run("ALTER TABLE public.a ALTER COLUMN id TYPE text");
    until_parted(&link);
    let error = failure(&mut link.source(), "SELECT accord.resolve_divergence('warehouse', 'replica')");
    error.assert_clear();
    assert!(error.says("public.a.id"), "{}", error.0);
    link.until_state(&["diverged"]);
    resolve(&link, "source");
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_decision_stands_under_the_replicas_policy() {
    let policy = r#"{"require_approval": "lossy", "retry_initial": "100ms", "retry_max": "500ms", "max_attempts": 1000}"#;
    let link = bereft("held rewind", policy, "CREATE TABLE public.a (id int)", "CREATE TABLE public.lost (id int)");
    link.run_there("INSERT INTO public.lost VALUES (1)");
    until_parted(&link);
    resolve(&link, "source");
    let status = link.until_state(&["held"]);
    assert!(status.reason.contains("public.lost"), "{status:?}");
    assert!(link.exists_there("public.lost"));
    let version: i64 = scalar(&mut link.source(), "SELECT version FROM accord.mending WHERE state = 'held'");
    link.run(&format!("SELECT accord.approve('warehouse', {version})"));
    link.wait();
    link.assert_agreement();
}

#[test]
fn the_replicas_own_objects_are_in_nobodys_way() {
    let link = bereft("own view", POLICY, "CREATE TABLE public.a (id int)", "CREATE TABLE public.lost (id int)");
    link.run_there("CREATE VIEW public.report AS SELECT id FROM public.lost");
    until_parted(&link);
    resolve(&link, "source");
    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("public.report"), "{status:?}");
    assert!(status.hint.contains("accord.resolve_divergence"), "{status:?}");
    link.run_there("DROP VIEW public.report");
    resolve(&link, "source");
    link.wait();
    link.assert_agreement();
}

/// A source that comes back with a decision from before, about what the replica had then: it is asked about what is so now.
#[test]
fn a_decision_that_comes_back_with_a_backup() {
    let link = bereft("decided before", POLICY, "CREATE TABLE public.a (id int)", "CREATE TABLE public.lost (id int)");
    until_parted(&link);
    // Nobody hears the decision before the backup is taken.
    link.pair.replica.stop();
    resolve(&link, "source");
    link.pair.source.stop();
    link.pair.source.backup();
    link.pair.replica.boot();
    link.pair.source.boot();
    link.wait();
    assert!(!link.exists_there("public.lost"), "it was carried out");
    link.follow("CREATE TABLE public.later (id int)");
    link.pair.source.stop();
    link.pair.source.restore();
    link.pair.source.boot();
    let reason = until_parted(&link);
    assert!(reason.contains("create table"), "{reason}");
    assert_eq!(scalar::<String>(&mut link.source(), "SELECT string_agg(state, ', ') FROM accord.mending"), "given up");
    resolve(&link, "source");
    link.wait();
    link.assert_agreement();
    assert!(!link.exists_there("public.later"));
    link.follow("CREATE TABLE public.b (id int)");
    link.assert_agreement();
}

/// The replica's baseline is younger than what the source was restored to.
#[test]
fn a_replica_that_was_built_from_what_is_lost() {
    let link = Link::bare(Pair::own("lost baseline"));
    link.run("CREATE TABLE public.a (id int)");
    link.pair.source.stop();
    link.pair.source.backup();
    link.pair.source.boot();
    link.run("CREATE TABLE public.lost (id int)");
    link.add(POLICY);
    link.wait();
    link.pair.source.stop();
    link.pair.source.restore();
    link.pair.source.boot();
    link.add(POLICY);
    link.until_state(&["diverged"]);
    wait_until("the whole schema is all that the replica has", || link.status().reason.contains("no version of both"));
    let error = failure(&mut link.source(), "SELECT accord.resolve_divergence('warehouse', 'replica')");
    error.assert_clear();
    resolve(&link, "source");
    link.wait();
    link.assert_agreement();
    link.follow("CREATE TABLE public.b (id int)");
}

/// A replica of the past has a place in the source's history: that is no divergence.
#[test]
fn a_replica_that_was_restored_from_a_backup_catches_up() {
    let link = Link::with_policy(Pair::own("restored replica"), POLICY);
    link.follow("CREATE TABLE public.a (id int)");
    link.pair.replica.stop();
    link.pair.replica.backup();
    link.pair.replica.boot();
    link.follow("ALTER TABLE public.a RENAME TO b; CREATE TABLE public.c (id int)");
    link.follow("CREATE TABLE public.d (id int)");
    link.pair.replica.stop();
    link.pair.replica.restore();
    link.pair.replica.boot();
    wait_until("it follows again", || link.status().state == "following" && link.exists_there("public.d"));
    link.wait();
    link.assert_agreement();
    assert!(!link.pair.source.log().contains("diverged"));
}

#[test]
fn a_replica_fails_over_to_its_standby() {
    let link = Link::with_policy(Pair::own("promoted replica"), POLICY);
    link.follow("CREATE TABLE public.a (id int)");
    let standby = link.pair.replica.standby("the replica's standby");
    link.pair.replica.wait_for_standby(&standby);
    standby.stop();
    link.follow("ALTER TABLE public.a ADD COLUMN n int");
    link.pair.replica.crash();
    link.pair.replica.replace_by(standby);
    promote(&link.pair.replica);
    link.run("CREATE TABLE public.b (id int)");
    link.wait();
    link.assert_agreement();
}

#[test]
fn calls_where_nothing_has_parted() {
    let link = Link::attached(Pair::shared());
    let mut client = link.source();
    for call in ["'warehouse', 'source'", "'warehouse', 'both'", "'nobody', 'source'"] {
        failure(&mut client, &format!("SELECT accord.resolve_divergence({call})")).assert_clear();
    }
    batch(&mut client, "SELECT accord.pause_replica('warehouse')");
    failure(&mut client, "SELECT accord.resolve_divergence('warehouse', 'source')").assert_clear();
}
