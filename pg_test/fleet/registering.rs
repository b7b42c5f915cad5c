//! Versions that clients register.

use crate::control::{Fleet, SHOP};
use crate::support::link::{failure, scalar};
use crate::support::wait_until;
use postgres::Client;
use serde_json::{Value, json};

/// Two databases of a client's, one of another's under a baseline of its own, and the client.
fn fleet(operations: &str) -> (Fleet, Client, String) {
    let mut fleet = Fleet::shared();
    for (name, owner) in [("acme_1", "acme"), ("acme_2", "acme"), ("other_1", "other")] {
        fleet.add(name, &format!("{{\"customer\": \"{owner}\"}}"), SHOP);
    }
    let rules = r#"{"ignore": ["table shop.tmp_*"], "projection": {"schemas": ["shop"]}}"#;
    for (baseline, owner) in [("acme", "acme"), ("other", "other")] {
        fleet.execute(
            "SELECT accord.register_baseline($1, '1', from_database => $2, selection => $3, rules => $4::text::jsonb)",
            &[&baseline, &format!("{owner}_1"), &format!("customer = {owner}"), &rules],
        );
    }
    fleet.wait();
    let role = format!("client_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {role} LOGIN"), &[]);
    fleet.execute(
        "SELECT accord.grant_fleet($1, 'customer = acme', $2::text::text[], '{\"baselines\": [\"acme\", \"stock\"]}')",
        &[&role, &operations],
    );
    let client = fleet.ground.cluster.try_client_as(&fleet.db, &role).expect("connect as a client");
    (fleet, client, role)
}

#[test]
fn a_client_registers_versions_of_its_baseline() {
    let (mut fleet, mut mine, role) = fleet("{inspect,register}");
    fleet.there("acme_1", "ALTER TABLE shop.orders ADD paid boolean; CREATE TABLE shop.tmp_1 (x int); CREATE TABLE public.beside (x int)");
    mine.execute("SELECT accord.register_baseline('acme', '2', from_database => 'acme_1')", &[]).unwrap();
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["acme_1 | conforms | 2", "acme_2 | behind | 1", "other_1 | conforms | 1"]);
    // From a model: it says facts, and the rules are those of before.
    let mut document: Value = scalar::<String>(&mut fleet.client, "SELECT accord.baseline('acme')::text").parse().unwrap();
    document["facts"].as_array_mut().unwrap().retain(|fact| fact["kind"] != "index");
    let mut bare = document.clone();
    for part in ["ignore", "projection"] {
        bare.as_object_mut().unwrap().remove(part);
    }
    mine.execute("SELECT accord.register_baseline('acme', '3', model => $1::text::jsonb)", &[&bare.to_string()]).unwrap();
    fleet.wait();
    assert_eq!(
        fleet.rows("SELECT version, selection, registered_by, permitted::text FROM accord.baselines WHERE name = 'acme' ORDER BY ordinal"),
        [
            "1 | customer = acme | postgres | false".to_owned(),
            format!("2 | customer = acme | {role} | false"),
            format!("3 | customer = acme | {role} | true")
        ]
    );
    let third: Value = scalar::<String>(&mut fleet.client, "SELECT accord.baseline('acme', '3')::text").parse().unwrap();
    assert_eq!((&third["ignore"], &third["projection"]), (&document["ignore"], &document["projection"]));
    let acts = fleet.rows(&format!("SELECT act, detail ->> 'version' FROM accord.fleet_acts WHERE who = '{role}' ORDER BY id"));
    assert_eq!(acts, ["register_baseline | 2", "register_baseline | 3"]);

    // What would reach further is refused, and what is not its to name is not there.
    let text = |document: &Value| document.to_string().replace('\'', "''");
    for (part, value) in [
        ("ignore", json!([])),
        ("ignore", json!(["table *"])),
        ("mapping", json!({"schemas": {"shop": "secret"}})),
        ("projection", json!({"schemas": ["shop"], "owners": true, "column_order": false})),
        ("variants", json!({"x": {"ignore": ["*"]}})),
    ] {
        let mut wrong = document.clone();
        wrong[part] = value.clone();
        let sql = format!("SELECT accord.register_baseline('acme', '4', model => '{}')", text(&wrong));
        if value == json!([]) {
            // Nothing said is nothing changed.
            mine.batch_execute(&format!("BEGIN; {sql}; ROLLBACK")).unwrap();
            continue;
        }
        let failure = failure(&mut mine, &sql);
        assert!(failure.says("are the administrator's") && failure.sqlstate() == "42501", "{part}: {failure:?}");
        failure.assert_clear();
    }
    for (arguments, says) in [
        ("'acme', '4', from_database => 'acme_1', selection => ''", ""),
        ("'acme', '4', from_database => 'acme_1', selection => 'has customer'", "are the administrator's"),
        ("'acme', '4', from_database => 'acme_1', permitted => true", "are the administrator's"),
        ("'acme', '4', from_database => 'acme_1', rules => '{\"ignore\": [\"*\"]}'", "are the administrator's"),
        ("'acme', '4', from_database => 'other_1'", "not in the fleet"),
        ("'acme', '3', model => '{\"facts\": []}'", ""),
        ("'other', '2', from_database => 'acme_1'", "does not exist"),
    ] {
        let sql = format!("SELECT accord.register_baseline({arguments})");
        if says.is_empty() {
            mine.batch_execute(&format!("BEGIN; {sql}; ROLLBACK")).unwrap();
            continue;
        }
        let failure = failure(&mut mine, &sql);
        assert!(failure.says(says), "{sql}: {failure:?}");
    }
    let others = failure(&mut mine, "SELECT accord.register_baseline('other', '2', from_database => 'acme_1')").0;
    assert_eq!(
        others.replace("\"other\"", "\"another\""),
        failure(&mut mine, "SELECT accord.register_baseline('another', '2', from_database => 'acme_1')").0
    );
    for sql in ["SELECT accord.remove_baseline('acme')", "SELECT accord.permit_version('acme', '1')", "SELECT accord.baseline('acme')"] {
        assert!(failure(&mut mine, sql).says("permission denied"), "{sql}");
    }
    // A baseline that holds another's database as well is not the client's to move.
    fleet.execute("SELECT accord.set_labels('other_1', '{\"customer\": [\"acme\", \"other\"]}')", &[]);
    fleet.execute("SELECT accord.revoke_fleet(id) FROM accord.fleet_grants", &[]);
    fleet.execute(
        "SELECT accord.grant_fleet($1, 'customer = acme, database = acme_*', '{inspect,register}', '{\"baselines\": [\"acme\"]}')",
        &[&role],
    );
    let failure = failure(&mut mine, "SELECT accord.register_baseline('acme', '4', from_database => 'acme_1')");
    assert!(failure.says("may not register") && !failure.says("other_1"), "{failure:?}");
    failure.assert_clear();
}

/// A baseline that its grant names and that is not there is a client's to begin, with rules of its own: it holds databases
/// of that grant and no others, whatever selection is given. From then on it is as any other.
#[test]
fn a_client_begins_a_baseline() {
    let (mut fleet, mut mine, role) = fleet("{inspect,register}");
    fleet.execute("SELECT accord.remove_baseline('acme')", &[]);
    fleet.execute("SELECT accord.set_labels('acme_2', '{\"customer\": \"acme\", \"size\": 2}')", &[]);
    for (arguments, says) in [
        ("'stock', '1', model => '{\"facts\": []}', permitted => true", "are the administrator's"),
        ("'stock', '1', model => '{\"facts\": []}', selection => 'customer ='", "cannot be read"),
        ("'stock', '1', model => '{\"facts\": []}', selection => 'down within 1h'", "by labels and names"),
        ("'stock', '1', from_database => 'other_1'", "not in the fleet"),
        ("'another', '1', from_database => 'acme_1'", "does not exist"),
    ] {
        let failure = failure(&mut mine, &format!("SELECT accord.register_baseline({arguments})"));
        assert!(failure.says(says), "{arguments}: {failure:?}");
        failure.assert_clear();
    }
    let rules = "rules => '{\"ignore\": [\"table shop.tmp_*\"], \"projection\": {\"schemas\": [\"shop\"]}}'";
    let whole = format!("SELECT accord.register_baseline('acme', '1', from_database => 'acme_1', selection => 'has customer', {rules})");
    mine.execute(&whole, &[]).unwrap();
    mine.execute("SELECT accord.register_baseline('stock', '1', from_database => 'acme_1', selection => 'size = 2')", &[]).unwrap();
    fleet.wait();
    assert_eq!(
        fleet.rows("SELECT name, selection, registered_by FROM accord.baselines WHERE name <> 'other' ORDER BY name"),
        [format!("acme | customer = acme, has customer | {role}"), format!("stock | customer = acme, size = 2 | {role}"),]
    );
    assert_eq!(
        fleet.rows("SELECT database, baseline, verdict FROM accord.verdicts ORDER BY 1, 2"),
        ["acme_1 | acme | conforms", "acme_2 | acme | conforms", "acme_2 | stock | conforms", "other_1 | other | conforms"]
    );
    let ruled = failure(&mut mine, "SELECT accord.register_baseline('acme', '2', model => '{\"facts\": []}', selection => 'has customer')");
    assert!(ruled.says("are the administrator's"), "{ruled:?}");

    // Begun by somebody else while this one's database was away: nothing of the other's is moved.
    fleet.execute("SELECT accord.remove_baseline('stock')", &[]);
    let cluster = fleet.database("acme_2");
    fleet.execute(&format!("ALTER DATABASE {cluster} ALLOW_CONNECTIONS false"), &[]);
    fleet.compare();
    mine.execute("SELECT accord.register_baseline('stock', '1', from_database => 'acme_2')", &[]).unwrap();
    fleet.execute("SELECT accord.register_baseline('stock', '0', from_database => 'other_1', selection => 'customer = other')", &[]);
    fleet.wait();
    fleet.execute(&format!("ALTER DATABASE {cluster} ALLOW_CONNECTIONS true"), &[]);
    fleet.compare();
    wait_until("it is refused", || {
        fleet.compare();
        fleet.rows("SELECT event FROM accord.fleet_events WHERE event = 'not registered'").len() == 1
    });
    assert_eq!(fleet.rows("SELECT version, selection FROM accord.baselines WHERE name = 'stock'"), ["0 | customer = other"]);
}

/// What is asked for of a database that is away is not done once the grant is taken back.
#[test]
fn a_grant_that_is_taken_back_registers_nothing() {
    let (mut fleet, mut mine, _) = fleet("{inspect,register}");
    let cluster = fleet.database("acme_2");
    fleet.execute(&format!("ALTER DATABASE {cluster} ALLOW_CONNECTIONS false"), &[]);
    fleet.compare();
    mine.execute("SELECT accord.register_baseline('acme', '2', from_database => 'acme_2')", &[]).unwrap();
    fleet.execute("SELECT accord.revoke_fleet(id) FROM accord.fleet_grants", &[]);
    fleet.execute(&format!("ALTER DATABASE {cluster} ALLOW_CONNECTIONS true"), &[]);
    fleet.compare();
    wait_until("it is back", || fleet.rows("SELECT event FROM accord.fleet_events WHERE event = 'back'").len() == 1);
    assert_eq!(fleet.rows("SELECT version FROM accord.baselines WHERE name = 'acme'"), ["1"]);
}

/// Who sees a part of a database would learn of the rest by what it registers.
#[test]
fn who_sees_a_part_registers_nothing() {
    let (mut fleet, mut mine, role) = fleet("{compare}");
    for (operations, scope) in [
        ("{register}", "{}"),
        ("{register}", r#"{"baselines": ["acme"], "schemas": ["shop"]}"#),
        ("{register}", r#"{"baselines": ["acme"], "kinds": ["table"]}"#),
    ] {
        let sql = format!("SELECT accord.grant_fleet('{role}', 'customer = acme', '{operations}', '{scope}')");
        let failure = failure(&mut fleet.client, &sql);
        assert!(failure.says("whole databases"), "{failure:?}");
        failure.assert_clear();
    }
    fleet.execute("SELECT accord.grant_fleet($1, 'customer = acme', '{register}', '{\"baselines\": [\"acme\"]}')", &[&role]);
    let model = "SELECT accord.register_baseline('acme', '2', model => '{\"facts\": []}')";
    assert!(failure(&mut mine, model).says("may not register"));
    fleet.execute("SELECT accord.grant_fleet($1, 'customer = acme', '{inspect}', '{\"schemas\": [\"shop\"]}')", &[&role]);
    assert!(failure(&mut mine, model).says("may not register"));
    fleet.execute("SELECT accord.grant_fleet($1, 'customer = acme', '{inspect}')", &[&role]);
    mine.execute(model, &[]).unwrap();
}
