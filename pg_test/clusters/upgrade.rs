//! From one release to the next: the extension's objects, and source and replica of two releases.

use crate::support::cluster::is_of_this_server;
use crate::support::link::{batch, scalar};
use crate::support::{Cluster, Link, Pair, say, wait_until};
use postgres::Client;
use std::collections::BTreeMap;

/// The first release, whose script stands in `sql/` as it was released.
const FIRST: &str = "0.1.0";

fn objects(client: &mut Client) -> BTreeMap<String, String> {
    let found = client.query(include_str!("objects.sql"), &[]).expect("the extension's objects");
    let objects: BTreeMap<String, String> =
        found.iter().map(|row| (row.get(0), row.get::<_, Option<String>>(1).unwrap_or_default())).collect();
    assert!(objects.len() > 500, "{} objects", objects.len());
    objects
}

/// An update from the first release leaves just what CREATE EXTENSION makes.
#[track_caller]
fn assert_like_new(cluster: &Cluster, database: &str) {
    let fresh = format!("{database}_fresh");
    cluster.createdb(&fresh);
    batch(&mut cluster.client(&fresh), "CREATE EXTENSION pg_accord");
    let (made, updated) = (objects(&mut cluster.client(&fresh)), objects(&mut cluster.client(database)));
    cluster.dropdb(&fresh);
    let mut words = Vec::new();
    for name in made.keys().chain(updated.keys().filter(|name| !made.contains_key(*name))) {
        match (made.get(name), updated.get(name)) {
            (Some(made), None) => words.push(format!("missing after the update: {name}\n    {made}")),
            (None, Some(updated)) => words.push(format!("left by the update: {name}\n    {updated}")),
            (Some(made), Some(updated)) if made != updated => {
                words.push(format!("different after the update: {name}\n    wanted {made}\n    is     {updated}"));
            }
            _ => {}
        }
    }
    assert!(words.is_empty(), "the update script in sql/ lacks what these say:\n{}", words.join("\n"));
}

fn extension(cluster: &Cluster, database: &str) -> String {
    scalar(&mut cluster.client(database), "SELECT extversion FROM pg_extension WHERE extname = 'pg_accord'")
}

/// The objects of the first release under this library: DDL goes on, nothing is delivered, and the log says what to
/// do. Updated, they are what a new database has, with what was in them, and all goes on.
#[test]
fn objects_of_the_first_release_are_updated_with_their_data() {
    let link = Link::empty(Pair::shared());
    link.run(&format!("CREATE TABLE public.before (id int); CREATE EXTENSION pg_accord VERSION '{FIRST}'"));
    link.run_there("CREATE EXTENSION pg_accord");
    assert_eq!(extension(&link.pair.source, &link.db), FIRST);
    link.run("CREATE TABLE public.a (id int PRIMARY KEY)");
    link.run("SELECT accord.seal()");
    link.pair.serve(&link.db);
    link.add("{}");
    link.run("ALTER TABLE public.a ADD COLUMN b text; DROP TABLE public.before");
    wait_until("the log says that an update is due", || {
        link.pair.source.log().lines().any(|line| line.contains("ALTER EXTENSION pg_accord UPDATE"))
    });
    assert!(!link.exists_there("public.a"), "nothing is delivered before the update");
    let before: String = scalar(&mut link.source(), "SELECT string_agg(id::text, ',' ORDER BY version) FROM accord.version");

    link.run("ALTER EXTENSION pg_accord UPDATE");
    assert_eq!(extension(&link.pair.source, &link.db), env!("CARGO_PKG_VERSION"));
    link.wait();
    let after: String = scalar(&mut link.source(), "SELECT string_agg(id::text, ',' ORDER BY version) FROM accord.version");
    assert!(after.starts_with(&before), "the history goes on");
    assert_like_new(&link.pair.source, &link.db);
    link.follow("ALTER TABLE public.a ADD COLUMN c int");
    link.assert_agreement();
}

/// Both servers run the first release, with replicas, versions, deliveries and a rejected one; then the source is
/// updated and serves the replica of the first release; then the replica is updated too.
#[test]
fn a_rolling_upgrade_from_the_first_release_source_first() {
    rolling(true);
}

#[test]
fn a_rolling_upgrade_from_the_first_release_replica_first() {
    rolling(false);
}

fn rolling(source_first: bool) {
    let Some(pair) = Pair::of_releases(Some(FIRST), Some(FIRST)) else {
        return say!("not tried: a server with release {FIRST} (`make released` puts one here)");
    };
    let link = Link::attached(pair);
    link.follow("CREATE SCHEMA s; CREATE TABLE s.a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b text DEFAULT 'x'); CREATE VIEW s.v AS SELECT b FROM s.a");
    link.follow("ALTER TABLE s.a ADD COLUMN c int CHECK (c > 0); CREATE INDEX by_c ON s.a (c)");
    link.run_there("CREATE TABLE s.taken (mine int)");
    link.run("CREATE TABLE s.taken (id int)");
    link.until_state(&["rejected"]);
    link.run_there("DROP TABLE s.taken");
    link.run("SELECT accord.retry('warehouse')");
    let head = link.wait();
    let ids = "SELECT string_agg(id::text, ',' ORDER BY version) FROM accord.version";
    let history: String = scalar(&mut link.source(), ids);

    let (first, second) = if source_first { (&link.pair.source, &link.pair.replica) } else { (&link.pair.replica, &link.pair.source) };
    for cluster in [first, second] {
        cluster.stop();
        cluster.update();
        cluster.boot();
        // Before the objects follow, DDL is recorded as ever.
        link.run(&format!("CREATE TABLE s.under_{} (id int)", if std::ptr::eq(cluster, first) { "way" } else { "way_again" }));
        batch(&mut cluster.client(&link.db), "ALTER EXTENSION pg_accord UPDATE");
        assert_eq!(extension(cluster, &link.db), env!("CARGO_PKG_VERSION"));
        assert_like_new(cluster, &link.db);
        link.wait();
        link.follow("ALTER TABLE s.a ADD COLUMN d int; ALTER TABLE s.a RENAME COLUMN d TO e; ALTER TABLE s.a DROP COLUMN e");
        link.run("SELECT * FROM accord.drift('warehouse')");
        link.assert_agreement();
    }
    let now: String = scalar(&mut link.source(), ids);
    assert!(now.starts_with(&history) && link.version() > head, "the history goes on");
    assert_eq!(scalar::<i64>(&mut link.source(), "SELECT count(*) FROM accord.deliveries WHERE state <> 'acknowledged'"), 0);
}

/// What a replica of the release before cannot know is not asked of it in silence.
#[test]
fn a_policy_that_the_release_before_does_not_know() {
    let Some(pair) = Pair::of_releases(None, Some(FIRST)) else {
        return say!("not tried: a server with release {FIRST} (`make released` puts one here)");
    };
    let link = Link::bare(pair);
    link.add(r#"{"code": "reject"}"#);
    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("\"code\"") && status.reason.contains(FIRST), "{status:?}");
    link.pair.replica.stop();
    link.pair.replica.update();
    link.pair.replica.boot();
    link.run_there("ALTER EXTENSION pg_accord UPDATE");
    link.run("SELECT accord.retry('warehouse')");
    link.wait();
    link.follow("CREATE TABLE public.a (id int)");
    assert_eq!(scalar::<i32>(&mut link.source(), "SELECT protocol FROM accord.replicas"), 2);
    link.assert_agreement();
}

/// pg_upgrade carries history, replicas and what is mirrored, on either side; objects whose OIDs it changed are known
/// under the new ones.
#[test]
fn a_source_and_a_replica_through_pg_upgrade() {
    if !is_of_this_server("pg_upgrade") {
        return;
    }
    let link = Link::attached(Pair::own("pg_upgrade"));
    // OIDs of functions differ afterwards where something was made and dropped before.
    link.follow("CREATE FUNCTION public.gone() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION public.gone()");
    link.follow(
        "CREATE TABLE public.a (id int PRIMARY KEY, b text CHECK (b <> '')); CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE VIEW public.v AS SELECT public.f() AS f, b FROM public.a; CREATE INDEX by_b ON public.a (lower(b))",
    );
    let history: String = scalar(&mut link.source(), "SELECT string_agg(id::text, ',' ORDER BY version) FROM accord.version");
    for (round, cluster) in [&link.pair.source, &link.pair.replica].into_iter().enumerate() {
        cluster.stop();
        cluster.pg_upgrade();
        cluster.boot();
        link.wait();
        {
            // Every object is known under the OID that it has now.
            let stale =
                "SELECT count(*) FROM accord.fact f WHERE f.kind = 'routine' AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = f.objid)
                      OR f.kind = 'constraint' AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.oid = f.objid)";
            wait_until("the ledger knows the new OIDs", || scalar::<i64>(&mut cluster.client(&link.db), stale) == 0);
        }
        link.follow(&format!(
            "ALTER FUNCTION public.f{} RENAME TO f{round}; ALTER TABLE public.a ADD COLUMN c{round} int; ALTER INDEX by_b RENAME TO by_b{round}; ALTER INDEX by_b{round} RENAME TO by_b",
            if round == 0 { "()" } else { "0()" }
        ));
        link.run("SELECT * FROM accord.drift('warehouse')");
        assert_eq!(link.status().state, "following");
        link.assert_agreement();
    }
    link.follow("DROP VIEW public.v; DROP FUNCTION public.f1()");
    link.assert_agreement();
    let now: String = scalar(&mut link.source(), "SELECT string_agg(id::text, ',' ORDER BY version) FROM accord.version");
    assert!(now.starts_with(&history), "the history goes on");
}

/// A physical backup holds where the replica stood: it receives what it lacks.
#[test]
fn a_replica_restored_from_a_backup() {
    let link = Link::attached(Pair::own("restored replica"));
    link.follow("CREATE TABLE public.a (id int)");
    link.pair.replica.stop();
    link.pair.replica.backup();
    link.pair.replica.boot();
    link.follow("CREATE TABLE public.b (id int); ALTER TABLE public.a ADD COLUMN n int");
    // It would be there again before anybody has looked.
    link.run("SELECT accord.pause_replica('warehouse')");
    link.pair.replica.stop();
    link.pair.replica.restore();
    link.pair.replica.boot();
    assert!(!link.exists_there("public.b"));
    link.run("SELECT accord.resume_replica('warehouse')");
    link.follow("ALTER TABLE public.b ADD COLUMN m int");
    wait_until("it has all again", || link.column_there("public.b", "m"));
    link.wait();
    link.assert_agreement();
}
