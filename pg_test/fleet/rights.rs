//! Clients of the fleet: what they were granted, and nothing else.

use crate::control::{Fleet, SHOP};
use crate::support::link::{batch, failure, scalar};
use postgres::Client;

/// Two customers' databases, drifted alike, and a client of one of them.
fn fleet() -> (Fleet, String) {
    let mut fleet = Fleet::shared();
    for (name, owner) in [("acme_1", "acme"), ("acme_2", "acme"), ("other_1", "other")] {
        fleet.add(name, &format!("{{\"customer\": \"{owner}\"}}"), SHOP);
    }
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'acme_1')", &[]);
    fleet.wait();
    for name in ["acme_2", "other_1"] {
        fleet.there(name, "DROP VIEW shop.open; CREATE TABLE shop.own (x int)");
    }
    fleet.there("other_1", "CREATE TABLE shop.secret_plans (x int)");
    fleet.compare();
    let role = format!("client_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {role} LOGIN"), &[]);
    (fleet, role)
}

fn client(fleet: &Fleet, role: &str) -> Client {
    fleet.ground.cluster.try_client_as(&fleet.db, role).expect("connect as a client")
}

fn rows(client: &mut Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}")).iter().map(|row| row.get(0)).collect()
}

#[test]
fn a_client_sees_its_own() {
    let (mut fleet, role) = fleet();
    fleet.alarms(&[
        "critical | open | 2 databases: view shop.open is missing",
        "notice | open | 2 databases: table shop.own is unexpected (with 1 parts)",
        "notice | open | 1 database: table shop.secret_plans is unexpected (with 1 parts)",
    ]);
    assert!(failure(&mut client(&fleet, &role), "SELECT * FROM accord.databases").says("permission denied"));
    fleet.execute("SELECT accord.grant_fleet($1, 'customer = acme', '{inspect}')", &[&role]);
    let mut mine = client(&fleet, &role);
    assert_eq!(rows(&mut mine, "SELECT name FROM accord.databases ORDER BY 1"), ["acme_1", "acme_2"]);
    assert_eq!(rows(&mut mine, "SELECT database FROM accord.verdicts ORDER BY 1"), ["acme_1", "acme_2"]);
    assert_eq!(
        rows(&mut mine, "SELECT alarm FROM accord.alarms"),
        ["1 database: view shop.open is missing", "1 database: table shop.own is unexpected (with 1 parts)"]
    );
    let nothing: i64 = scalar(&mut mine, "SELECT count(conninfo) FROM accord.databases");
    assert_eq!(nothing, 0);
    // Nowhere a word of the other's.
    for sql in [
        "SELECT coalesce(string_agg(to_jsonb(v)::text, ''), '') FROM accord.deviations v",
        "SELECT coalesce(string_agg(to_jsonb(v)::text, ''), '') FROM accord.alarms v",
        "SELECT coalesce(string_agg(to_jsonb(v)::text, ''), '') FROM accord.fleet_events v",
        "SELECT coalesce(string_agg(to_jsonb(v)::text, ''), '') FROM accord.conforms v",
        "SELECT accord.fleet_report('json')",
        "SELECT accord.fleet_report('html', 'customer = other')",
        "SELECT accord.fleet_report('text', 'database = other_1')",
    ] {
        let text: String = scalar(&mut mine, sql);
        assert!(!text.contains("secret_plans") && !text.contains("other_1\""), "{sql}: {text}");
    }
    // Inspecting is all that it may: what it names is not there, or is not its to do.
    for sql in [
        "SELECT accord.report_event('acme_1', 'deployed')",
        "SELECT accord.report_event('other_1', 'deployed')",
        "SELECT accord.acknowledge(id) FROM accord.alarms",
        "SELECT accord.suppress('mine', '1 day')",
        "SELECT * FROM accord.conform('', 'shop')",
        "SELECT accord.add_database('x', 'host=x')",
        "SELECT accord.baseline('shop')",
        "SELECT accord.grant_fleet('postgres', '', '{inspect}')",
        "SELECT * FROM accord.fleet_acts",
        "SELECT * FROM accord.fleet_grants",
        "SELECT * FROM accord.fleet_member",
    ] {
        failure(&mut mine, sql);
    }
    assert_eq!(scalar::<i64>(&mut mine, "SELECT accord.compare()"), 0);
    // Taken back, there is nothing.
    fleet.execute("SELECT accord.revoke_fleet(id) FROM accord.fleet_grants", &[]);
    assert!(rows(&mut mine, "SELECT name FROM accord.databases").is_empty());
}

#[test]
fn a_client_acts_on_its_own() {
    let (mut fleet, role) = fleet();
    let grant = "SELECT accord.grant_fleet($1, 'customer = acme', '{inspect,compare,acknowledge,suppress,conform}', '{\"additive\": true, \"baselines\": [\"shop\"]}')";
    fleet.execute(grant, &[&role]);
    let mut mine = client(&fleet, &role);
    // An alarm that another's databases show as well is not its to acknowledge.
    let shared: i64 = scalar(&mut mine, "SELECT id FROM accord.alarms WHERE alarm LIKE '%shop.open%'");
    assert!(failure(&mut mine, &format!("SELECT accord.acknowledge({shared})")).says("not this role's alone"));
    let others: i64 = scalar(&mut fleet.client, "SELECT id FROM accord.alarms WHERE alarm LIKE '%secret_plans%'");
    let unknown = failure(&mut mine, &format!("SELECT accord.acknowledge({others})"));
    assert_eq!(unknown.0.replace(&format!("alarm {others}"), "alarm 0"), failure(&mut mine, "SELECT accord.acknowledge(0)").0);
    assert_eq!(
        failure(&mut mine, "SELECT accord.report_event('other_1', 'deployed')").0.replace("\"other_1\"", "\"x\""),
        failure(&mut mine, "SELECT accord.report_event('x', 'deployed')").0
    );
    // A suppression holds for its own databases, whatever it names.
    mine.execute("SELECT accord.suppress('moving', '1 day', selection => 'has customer')", &[]).unwrap();
    fleet.alarms(&[
        "critical | open | 2 databases: view shop.open is missing",
        "notice | open | 2 databases: table shop.own is unexpected (with 1 parts)",
        "notice | open | 1 database: table shop.secret_plans is unexpected (with 1 parts)",
    ]);
    assert_eq!(fleet.rows("SELECT suppressed::text FROM accord.alarms"), ["1", "1", "0"]);
    // Conform: its own, and only what adds.
    let rows = mine.query("SELECT DISTINCT conform FROM accord.conform('', 'shop', false)", &[]).unwrap();
    let id: i64 = rows[0].get::<_, Option<i64>>(0).expect("a mending");
    assert_eq!(scalar::<String>(&mut mine, &format!("SELECT accord.wait_for_conform({id})")), "done");
    fleet.wait();
    assert_eq!(
        fleet.rows("SELECT database, deviation FROM accord.deviations ORDER BY 1, 2"),
        [
            "acme_2 | table shop.own is unexpected (with 1 parts)",
            "other_1 | table shop.own is unexpected (with 1 parts)",
            "other_1 | table shop.secret_plans is unexpected (with 1 parts)",
            "other_1 | view shop.open is missing",
        ]
    );
    assert!(failure(&mut mine, "SELECT * FROM accord.conform('', 'another')").says("does not exist"));
    // Who asked stands in the record.
    let acts = fleet.rows(&format!("SELECT DISTINCT act FROM accord.fleet_acts WHERE who = '{role}' ORDER BY 1"));
    assert_eq!(acts, ["conform", "suppress"]);
    // Objects of a client's own are used by no function that acts for the owner.
    fleet.execute(&format!("CREATE SCHEMA trap AUTHORIZATION {role}"), &[]);
    batch(
        &mut mine,
        "CREATE FUNCTION trap.boom(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sprung as %', current_user; END $$;
         CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.boom);
         CREATE OPERATOR trap.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.boom);
         SET search_path = trap, pg_catalog",
    );
    assert_eq!(scalar::<i64>(&mut mine, "SELECT accord.compare('customer = acme')"), 2);
    scalar::<String>(&mut mine, "SELECT accord.fleet_report()");
}

#[test]
fn grants_that_make_no_sense_are_refused() {
    let (mut fleet, role) = fleet();
    for (arguments, says) in [
        ("'nobody_at_all', '', '{inspect}'", "does not exist"),
        ("$role, '', '{}'", "names operations"),
        ("$role, '', '{everything}'", "everything"),
        ("$role, 'down within 1h', '{inspect}'", "labels and names"),
        ("$role, '', '{conform}', '{\"fast\": true}'", "fast"),
    ] {
        let sql = format!("SELECT accord.grant_fleet({})", arguments.replace("$role", &format!("'{role}'")));
        let failure = failure(&mut fleet.client, &sql);
        assert!(failure.says(says), "{sql}: {failure:?}");
        failure.assert_clear();
    }
    assert!(failure(&mut fleet.client, "SELECT accord.revoke_fleet(0)").says("no grant"));
}
