//! What is not read again when nothing changed, and connections that are kept.

use crate::control::{Fleet, Ground, SHOP};
use crate::support::link::{batch, scalar};
use crate::support::wait_until;

fn read_at(fleet: &mut Fleet, name: &str) -> String {
    fleet.rows(&format!("SELECT read_at::text FROM accord.fleet_member WHERE name = '{name}'"))[0].clone()
}

/// Without pg_accord there, the mark of the catalogs tells whether anything was written: whatever it was.
#[test]
fn catalogs_are_read_when_a_row_was_written() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{}", SHOP);
    fleet.there("a", "CREATE SEQUENCE shop.numbers");
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    let first = read_at(&mut fleet, "a");
    fleet.compare();
    fleet.there("a", "INSERT INTO shop.customers VALUES (1, 'x'); ANALYZE; SELECT nextval('shop.numbers')");
    fleet.compare();
    assert_eq!((read_at(&mut fleet, "a"), fleet.verdicts()), (first.clone(), vec!["a | conforms | 1".to_owned()]));
    // Each of these writes other catalogs.
    let mut last = first;
    for (forth, back, differs) in [
        ("COMMENT ON TABLE shop.orders IS 'x'", "COMMENT ON TABLE shop.orders IS NULL", true),
        ("ALTER SEQUENCE shop.numbers OWNED BY shop.orders.id", "ALTER SEQUENCE shop.numbers OWNED BY NONE", true),
        ("ALTER TABLE shop.orders ALTER state SET DEFAULT 'old'", "ALTER TABLE shop.orders ALTER state SET DEFAULT 'new'", true),
        ("CREATE TYPE shop.mood AS ENUM ('a')", "DROP TYPE shop.mood", true),
        ("CREATE POLICY p ON shop.orders USING (true)", "DROP POLICY p ON shop.orders", true),
        ("CREATE PUBLICATION p FOR TABLE shop.orders", "DROP PUBLICATION p", false),
        ("TRUNCATE shop.orders", "TRUNCATE shop.orders", false),
    ] {
        fleet.there("a", forth);
        fleet.compare();
        let now = read_at(&mut fleet, "a");
        assert_ne!(now, last, "{forth}");
        assert_eq!(
            fleet.verdicts() == ["a | deviates | 1"],
            differs,
            "{forth}: {:?}",
            fleet.rows("SELECT deviation FROM accord.deviations")
        );
        fleet.there("a", back);
        fleet.compare();
        assert_eq!(fleet.verdicts(), ["a | conforms | 1"], "{back}");
        last = read_at(&mut fleet, "a");
    }
    // What deviates and stays so is not read again either, and what goes as it came is the mark of before.
    fleet.there("a", "CREATE TABLE shop.own (x int)");
    fleet.compare();
    let last = read_at(&mut fleet, "a");
    fleet.compare();
    assert_eq!((read_at(&mut fleet, "a"), fleet.verdicts()), (last, vec!["a | deviates | 1".to_owned()]));
    fleet.there("a", "DROP TABLE shop.own");
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1"]);
    // Another baseline is another question.
    let last = read_at(&mut fleet, "a");
    fleet.execute("SELECT accord.register_baseline('other', '1', model => accord.baseline('shop', '1'))", &[]);
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "a | conforms | 1"]);
    assert_ne!(read_at(&mut fleet, "a"), last);
}

/// A baseline under the member's own names: what it calls itself is no matter to the mark.
#[test]
fn a_member_under_other_names_is_not_read_each_time() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{\"shard\": 7}", "CREATE SCHEMA shop_7; CREATE TABLE shop_7.t (x int); CREATE EXTENSION pg_accord");
    let model = r#"{"facts": [{"kind": "schema", "path": ["shop"]}, {"kind": "table", "path": ["shop", "t"]},
        {"kind": "column", "path": ["shop", "t", "x"], "attributes": {"type": "integer"}}],
        "projection": {"schemas": ["shop"], "column_order": false}, "mapping": {"schemas": {"shop": "shop_{shard}"}}}"#;
    fleet.execute("SELECT accord.register_baseline('shop', '1', model => $1::text::jsonb)", &[&model]);
    fleet.compare();
    let verdict = fleet.verdicts();
    let last = read_at(&mut fleet, "a");
    fleet.compare();
    assert_eq!((read_at(&mut fleet, "a"), fleet.verdicts()), (last, verdict));
    fleet.there("a", "ALTER TABLE shop_7.t ADD y int");
    fleet.compare();
    // What could not be read is not compared, and says so.
    assert_eq!(fleet.rows("SELECT detail::text FROM accord.fleet_events WHERE event = 'unreadable'"), Vec::<String>::new());
    let found = fleet.rows("SELECT deviation FROM accord.deviations WHERE deviation LIKE '%.y %'");
    let stands = fleet.rows("SELECT verdict, version, fingerprint, at::text FROM accord.verdicts UNION ALL SELECT mark, read_at::text, answered::text, asked::text FROM accord.fleet_member");
    assert_eq!(found, ["column shop.t.y is unexpected"], "{stands:#?}");
}

#[test]
fn connections_are_kept_within_bounds() {
    let ground = Ground::start("kept", &[("accord.fleet_kept", "2")]);
    let mut fleet = Fleet::on(ground);
    for name in ["a", "b", "c"] {
        fleet.add(name, "{}", SHOP);
    }
    fleet.there("b", "CREATE EXTENSION pg_accord");
    fleet.execute(
        "SELECT accord.register_baseline('shop', '1', from_database => 'a', rules => '{\"projection\": {\"schemas\": [\"shop\"]}}')",
        &[],
    );
    fleet.wait();
    let sessions = "SELECT datname::text, pid::text FROM pg_stat_activity WHERE application_name LIKE 'pg_accord fleet/%' ORDER BY 1";
    fleet.compare();
    // The third one's ends a moment after its visit.
    wait_until("two sessions are kept", || fleet.rows(sessions).len() == 2);
    let kept = fleet.rows(sessions);
    for _ in 0..3 {
        fleet.compare();
        wait_until("the same two are left", || fleet.rows(sessions) == kept);
    }
    assert_eq!(fleet.rows("SELECT state FROM pg_stat_activity WHERE application_name LIKE 'pg_accord fleet/%' GROUP BY 1"), ["idle"]);
    fleet.there("a", "DROP VIEW shop.open");
    fleet.there("b", "DROP VIEW shop.open");
    fleet.there("c", "DROP VIEW shop.open");
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | deviates | 1", "b | deviates | 1", "c | deviates | 1"]);
    // One that was ended from there says nothing of the member.
    batch(&mut fleet.client, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg_accord fleet/%'");
    wait_until("they are gone", || fleet.rows(sessions).is_empty());
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | deviates | 1", "b | deviates | 1", "c | deviates | 1"]);
    assert_eq!(fleet.rows("SELECT event FROM accord.fleet_events WHERE event = 'unreadable'"), Vec::<String>::new());
    wait_until("two are kept again", || fleet.rows(sessions).len() == 2);
    // Who is a member no longer can be dropped.
    for name in ["a", "b", "c"] {
        fleet.execute("SELECT accord.remove_database($1)", &[&name]);
    }
    wait_until("no session is left", || {
        scalar::<i64>(&mut fleet.client, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_accord fleet/%'") == 0
    });
}
