//! Leading members to a baseline.

use crate::control::{Fleet, SHOP};
use crate::support::link::{failure, scalar};
use crate::support::wait_until;

const NEXT: &str =
    "ALTER TABLE shop.orders ADD paid boolean NOT NULL DEFAULT false; CREATE TABLE shop.refunds (id int, reason text, ordered int);
    CREATE VIEW shop.paid AS SELECT id FROM shop.orders WHERE paid;";

fn fleet_of(count: usize) -> Fleet {
    let mut fleet = Fleet::shared();
    for i in 0..count {
        fleet.add(&format!("m{i:02}"), "{}", SHOP);
    }
    fleet.add("next", r#"{"model": true}"#, &format!("{SHOP} {NEXT}"));
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'm00')", &[]);
    fleet.execute("SELECT accord.register_baseline('shop', '2', from_database => 'next')", &[]);
    fleet.wait();
    fleet
}

#[test]
fn one_then_a_tenth_then_the_rest() {
    let mut fleet = fleet_of(12);
    fleet.there("m03", "DROP INDEX shop.orders_state; CREATE TABLE shop.own (x int)");
    fleet.compare();
    // Two groups: those that are behind, and the one that deviates as well.
    let courses =
        fleet.rows("SELECT cardinality(databases)::text, count(*)::text FROM accord.conform('', 'shop') GROUP BY databases ORDER BY 1");
    assert_eq!(courses.len(), 2, "{courses:?}");
    assert!(fleet.rows("SELECT sql FROM accord.conform('', 'shop')").contains(&"DROP TABLE shop.own".to_owned()));
    fleet.conform("", "shop", "{}").unwrap();
    assert!(fleet.verdicts().iter().all(|row| row.ends_with("conforms | 2")), "{:?}", fleet.verdicts());
    let waves =
        fleet.rows("SELECT wave::text, count(*)::text, bool_and(state = 'done')::text FROM accord.conforms GROUP BY wave ORDER BY wave");
    assert_eq!(waves, ["1 | 1 | true", "2 | 2 | true", "3 | 9 | true"]);
    // A wave began when the one before it was over.
    let order =
        fleet.rows("SELECT bool_and(a.finished_at <= b.begun_at)::text FROM accord.conforms a JOIN accord.conforms b ON a.wave < b.wave");
    assert_eq!(order, ["true"]);
    // The columns of a table that was made stand in the baseline's order.
    let columns: String = scalar(
        &mut fleet.member("m05"),
        "SELECT string_agg(attname, ',' ORDER BY attnum)::text FROM pg_attribute WHERE attrelid = 'shop.refunds'::regclass AND attnum > 0",
    );
    assert_eq!(columns, "id,reason,ordered");
    assert!(fleet.rows("SELECT sql FROM accord.conform('', 'shop')").is_empty());
}

#[test]
fn the_first_failure_stops_it_and_nothing_is_left_half_way() {
    let mut fleet = fleet_of(5);
    // Rows that the new constraint does not take.
    fleet.there("m00", "INSERT INTO shop.customers VALUES (1, 'a'); INSERT INTO shop.orders VALUES (1, 1, 'new', -5)");
    fleet.there("next", "ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (total > 0)");
    fleet.execute("SELECT accord.register_baseline('shop', '3', from_database => 'next')", &[]);
    fleet.wait();
    let error = fleet.conform("", "shop", "{}").unwrap_err();
    assert!(error.contains("stopped at a failure") && error.contains("m00"), "{error}");
    let states = fleet.rows("SELECT database, state FROM accord.conforms ORDER BY 1");
    assert_eq!(states, ["m00 | failed", "m01 | waiting", "m02 | waiting", "m03 | waiting", "m04 | waiting"]);
    fleet.compare();
    assert_eq!(fleet.verdicts()[0], "m00 | behind | 1");
    fleet.there("m00", "DELETE FROM shop.orders");
    fleet.conform("", "shop", "{}").unwrap();
    assert!(fleet.verdicts().iter().all(|row| row.ends_with("conforms | 3")), "{:?}", fleet.verdicts());
}

/// The watch is ended in the middle of a mending, which goes on from what is there.
#[test]
fn what_was_under_way_is_taken_up_again() {
    let mut fleet = fleet_of(3);
    let mut blocker = fleet.member("m00");
    blocker.batch_execute("BEGIN; LOCK TABLE shop.orders IN ACCESS SHARE MODE").unwrap();
    let id: i64 = scalar(&mut fleet.client, "SELECT DISTINCT conform FROM accord.conform('', 'shop', false)");
    let states = "SELECT state FROM accord.conforms ORDER BY wave, database";
    wait_until("it is under way", || fleet.rows(states)[0] == "running");
    let watch = "FROM pg_stat_activity WHERE backend_type = 'pg_accord fleet' AND datname = current_database()";
    let before = fleet.rows(&format!("SELECT pid::text {watch}"));
    fleet.execute(&format!("SELECT pg_terminate_backend(pid) {watch}"), &[]);
    wait_until("another watch runs", || {
        let now = fleet.rows(&format!("SELECT pid::text {watch}"));
        !now.is_empty() && now != before
    });
    blocker.batch_execute("COMMIT").unwrap();
    assert_eq!(scalar::<String>(&mut fleet.client, &format!("SELECT accord.wait_for_conform({id}, '1 min')")), "done");
    fleet.wait();
    assert!(fleet.verdicts().iter().all(|row| row.ends_with("conforms | 2")), "{:?}", fleet.verdicts());
}

#[test]
fn only_what_adds() {
    let mut fleet = fleet_of(1);
    fleet.there("m00", "DROP INDEX shop.orders_state; CREATE TABLE shop.own (x int); ALTER TABLE shop.orders ALTER state SET DEFAULT 'x'");
    fleet.compare();
    fleet.conform("database = m00", "shop", r#"{"additive": true}"#).unwrap();
    assert_eq!(
        fleet.rows("SELECT deviation FROM accord.deviations ORDER BY 1"),
        ["default shop.orders.state differs in expression", "table shop.own is unexpected (with 1 parts)"]
    );
    assert_eq!(fleet.verdicts()[0], "m00 | deviates | 2");
    assert!(failure(&mut fleet.client, "SELECT * FROM accord.conform('', 'shop', options => '{\"fast\": true}')").says("fast"));
}

#[test]
fn the_report_has_a_repair_for_each() {
    let mut fleet = fleet_of(3);
    fleet.there("m01", "DROP INDEX shop.orders_state");
    fleet.there("m02", "DROP INDEX shop.orders_state; COMMENT ON TABLE shop.orders IS '<script>alert(1)</script>'");
    fleet.compare();
    let text: String = scalar(&mut fleet.client, "SELECT accord.fleet_report()");
    for part in
        ["4 databases", "index shop.orders_state is missing", "CREATE INDEX orders_state ON shop.orders USING btree (state);", "m01, m02"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let html: String = scalar(&mut fleet.client, "SELECT accord.fleet_report('html', 'database = m*')");
    assert!(html.contains("3 databases") && html.contains("COMMENT ON TABLE shop.orders IS NULL;") && !html.contains("<script>"));
    let json: serde_json::Value = scalar::<String>(&mut fleet.client, "SELECT accord.fleet_report('json')").parse().unwrap();
    assert_eq!(json["groups"][0]["databases"], serde_json::json!(["m01", "m02"]));
}
