//! A source and a replica of different majors.

use crate::support::link::{REPLICA, batch, scalar};
use crate::support::{Link, Pair, history, rows, say};
use postgres::Client;

/// What the replica has of the source, as the source fingerprints it.
fn mirrored(link: &Link, source: &mut Client, replica: &mut Client) -> (String, String) {
    let ledger: String = scalar(source, "SELECT id::text FROM accord.ledger");
    let hello =
        format!("SELECT accord.hello('{{\"protocol\": 1, \"source\": \"{ledger}\", \"replica\": \"{REPLICA}\"}}') ->> 'fingerprint'");
    let drift = hello.replace("->> 'fingerprint'", "->> 'drift'");
    let drift: Option<String> = scalar(replica, &drift);
    assert_eq!(drift, None, "drift where nobody changed anything\n{}", link.report());
    (scalar(source, "SELECT accord.fingerprint(true)"), scalar(replica, &hello))
}

fn follow(source_major: u32, replica_major: u32) {
    let link = Link::attached(Pair::of_majors(source_major, replica_major));
    let (mut source, mut replica) = (link.source(), link.replica());
    let shop = history::shop();
    for migration in &shop.migrations {
        let run = || link.pair.source.psql_file(&link.db, &migration.up, migration.transaction);
        if run().is_err() {
            rows::empty(&mut source);
            run().unwrap_or_else(|error| panic!("{} does not run on {source_major}: {error}", migration.name));
        }
        if let Err(error) = link.try_wait("120 s") {
            panic!("{source_major} to {replica_major}, {}: {}\n{}", migration.name, error.0, link.report());
        }
        let (ours, theirs) = mirrored(&link, &mut source, &mut replica);
        assert_eq!(ours, theirs, "{source_major} to {replica_major}, {}: not what the source has", migration.name);
        rows::fill(&mut source, 3);
    }
    let reworded: i64 = scalar(&mut replica, "SELECT count(*) FROM accord.mirror WHERE here IS NOT NULL");
    // The replica's running sum is its own catalogs' all the same.
    batch(&mut replica, "SELECT accord.seal()");
    let running: String = scalar(&mut replica, "SELECT accord.fingerprint()");
    assert_eq!(running, scalar::<String>(&mut replica, "SELECT accord.fingerprint(true)"));
    begin_anew(&link, &mut source, &mut replica);
    somebody_changes_a_view(&link, &mut source, &mut replica);
    say!("{source_major} to {replica_major}: {} migrations followed, {reworded} facts in other words", shop.migrations.len());
}

/// A replica that was forgotten is adopted: what is there is the same in other words.
fn begin_anew(link: &Link, source: &mut Client, replica: &mut Client) {
    let ledger: String = scalar(source, "SELECT id::text FROM accord.ledger");
    batch(source, &format!("SELECT accord.drop_replica('{REPLICA}')"));
    batch(replica, &format!("SELECT accord.forget_source('{ledger}')"));
    let newest = "SELECT coalesce(max(seq), 0) FROM accord.event";
    let before: i64 = scalar(replica, newest);
    link.add("{}");
    if let Err(error) = link.try_wait("120 s") {
        panic!("adoption: {}\n{}", error.0, link.report());
    }
    let (ours, theirs) = mirrored(link, source, replica);
    assert_eq!(ours, theirs, "after adoption");
    assert_eq!(before, scalar::<i64>(replica, newest), "what was adopted was altered");
}

/// Another query under the same columns is no other wording.
fn somebody_changes_a_view(link: &Link, source: &mut Client, replica: &mut Client) {
    link.follow("CREATE SCHEMA wording; CREATE TABLE wording.t (a int NOT NULL, b text); CREATE VIEW wording.v AS SELECT a, b FROM wording.t WHERE a > 1");
    batch(replica, "CREATE OR REPLACE VIEW wording.v AS SELECT a, b FROM wording.t WHERE a > 2");
    batch(source, "CREATE OR REPLACE VIEW wording.v AS SELECT a, b FROM wording.t WHERE a > 3");
    let failure = link.try_wait("60 s").expect_err("a view that somebody changed was overwritten");
    assert!(failure.says("somebody changed it there"), "{}", failure.0);
    batch(replica, "CREATE OR REPLACE VIEW wording.v AS SELECT a, b FROM wording.t WHERE a > 1");
    link.resolve();
    link.wait();
    link.follow("DROP SCHEMA wording CASCADE");
    let there: bool = scalar(replica, "SELECT to_regnamespace('wording') IS NOT NULL");
    assert!(!there, "the schema is still there");
}

#[test]
fn the_shop_is_followed_across_majors() {
    for (older, newer) in crate::pairs() {
        follow(older, newer);
        follow(newer, older);
    }
}
