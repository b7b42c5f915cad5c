//! A baseline as each major words it.

use crate::control::{Fleet, SHOP};
use crate::support::cluster::{major, majors_at_hand};
use crate::support::link::{batch, failure, scalar};
use crate::support::{Cluster, Options, say};
use serde_json::{Value, json};

/// Two editions of one version on one server: the other is worded as another major would word it.
#[test]
fn all_majors_of_a_version_share_its_rules() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{}", &format!("{SHOP} CREATE EXTENSION pg_accord"));
    let own = major();
    let other = if own == 18 { 17 } else { own + 1 };
    fleet.execute(
        "SELECT accord.register_baseline('shop', '1', from_database => 'a', selection => 'lacks apart', rules => '{\"ignore\": [\"table shop.tmp_*\"]}')",
        &[],
    );
    fleet.wait();
    let mut document: Value = scalar::<String>(&mut fleet.client, "SELECT accord.baseline('shop', '1')::text").parse().unwrap();
    assert_eq!(document["major"], own);
    let exported: Value = scalar::<String>(&mut fleet.member("a"), "SELECT accord.export_model()::text").parse().unwrap();
    let reworded = |document: &mut Value, from: &str, to: &str| {
        document["major"] = json!(other);
        for fact in document["facts"].as_array_mut().unwrap().iter_mut().filter(|fact| fact["kind"] == "view") {
            let text = fact["attributes"]["definition"].as_str().unwrap().replace(from, to);
            fact["attributes"]["definition"] = json!(text);
        }
    };
    reworded(&mut document, "o.state", "state");
    let register = |fleet: &mut Fleet, document: &Value, more: &str| {
        let text = document.to_string().replace('\'', "''");
        failure(&mut fleet.client, &format!("SELECT accord.register_baseline('shop', '1', model => '{text}'{more})"))
    };
    // What the version says otherwise is refused.
    for (place, value, says) in [
        ("ignore", json!(["table x.*"]), "\"ignore\" says otherwise"),
        ("mapping", json!({"schemas": {"shop": "store"}}), "\"mapping\" says otherwise"),
        ("projection", json!({"schemas": ["shop"]}), "\"projection\" says otherwise"),
        ("variants", json!({"eu": {}}), "\"variants\" says otherwise"),
    ] {
        let mut wrong = document.clone();
        wrong[place] = value;
        let failure = register(&mut fleet, &wrong, "");
        assert!(failure.says(says) && failure.says("share its rules"), "{failure:?}");
        failure.assert_clear();
    }
    assert!(register(&mut fleet, &document, ", selection => 'has apart'").says("selection is not that"));
    assert!(register(&mut fleet, &document, ", permitted => true").says("permitted"));
    let mut same = document.clone();
    same["major"] = json!(own);
    assert!(register(&mut fleet, &same, "").says(&format!("exists as major {own} words it")));
    assert!(failure(&mut fleet.client, "SELECT accord.register_baseline('shop', '1', from_database => 'a')").says("exists"));
    assert!(failure(&mut fleet.client, &format!("SELECT accord.baseline('shop', '1', {other})")).says("was not registered"));

    // Without rules of its own it has the version's.
    let mut plain = document.clone();
    for place in ["ignore", "projection"] {
        plain.as_object_mut().unwrap().remove(place);
    }
    fleet.execute("SELECT accord.register_baseline('shop', '1', model => $1::text::jsonb)", &[&plain.to_string()]);
    let again: Value = scalar::<String>(&mut fleet.client, &format!("SELECT accord.baseline('shop', '1', {other})::text")).parse().unwrap();
    assert_eq!((&again["ignore"], &again["major"]), (&document["ignore"], &json!(other)));
    assert_eq!(
        fleet.rows("SELECT version, major::text, selection, permitted::text FROM accord.baselines ORDER BY registered_at"),
        [format!("1 | {own} | lacks apart | true"), format!("1 | {other} | lacks apart | true")]
    );

    // Each is held to the words of its own major: to another's it would deviate.
    let mut there = exported.clone();
    reworded(&mut there, "o.state", "state");
    for name in ["same", "worded"] {
        fleet.execute("SELECT accord.add_database($1, NULL)", &[&name]);
    }
    fleet.execute("SELECT accord.submit_model('worded', $1::text::jsonb)", &[&there.to_string()]);
    fleet.execute("SELECT accord.submit_model('same', $1::text::jsonb)", &[&exported.to_string()]);
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "same | conforms | 1", "worded | conforms | 1"]);
    let mut wrong = exported.clone();
    wrong["major"] = json!(other);
    fleet.execute("SELECT accord.submit_model('worded', $1::text::jsonb)", &[&wrong.to_string()]);
    fleet.wait();
    assert_eq!(fleet.verdicts()[2], "worded | deviates | 1");
    assert_eq!(fleet.rows("SELECT deviation FROM accord.deviations"), ["view shop.open differs in definition"]);
    // One of them is forgotten: the nearest is what everybody is held to again.
    assert_eq!(scalar::<i64>(&mut fleet.client, &format!("SELECT accord.remove_baseline('shop', '1', {other})")), 1);
    fleet.wait();
    assert_eq!(fleet.verdicts()[2], "worded | conforms | 1");
}

/// A member on another major, whose server words views otherwise.
#[test]
fn a_member_on_another_major_is_held_to_its_own_words() {
    // From 16 on a view over one table names its columns without it.
    let other = majors_at_hand().into_iter().find(|&other| (other < 16) != (major() < 16));
    let Some(other) = other else {
        return say!("skipped: no server across 16 from {} is at hand (make server PG=16)", major());
    };
    let schema = "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, state text);
        CREATE VIEW shop.open AS SELECT id FROM shop.orders WHERE state = 'new'; CREATE VIEW shop.all_states AS SELECT state FROM shop.orders;";
    let mut fleet = Fleet::shared();
    let far = Cluster::start_major(other, Options { name: "othermajor", ..Options::default() });
    fleet.add("here", "{}", schema);
    for name in ["one", "two"] {
        far.createdb(name);
        batch(&mut far.client(name), schema);
        fleet.add_at(name, &far.socket_conninfo(name), "{}");
    }
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'here')", &[]);
    fleet.wait();
    // Held to the other's words, both views would be others.
    let words = fleet.rows("SELECT DISTINCT deviation FROM accord.deviations ORDER BY 1");
    assert!(words.contains(&"view shop.open differs in definition".to_owned()), "{words:?}");
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'one')", &[]);
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["here | conforms | 1", "one | conforms | 1", "two | conforms | 1"]);
    let majors = fleet.rows("SELECT major::text FROM accord.baselines ORDER BY ordinal, registered_at");
    assert_eq!(majors, [major().to_string(), other.to_string()]);
    // Both deviate alike: one alarm, and each comes back to its own words, from its own or a next version.
    batch(&mut far.client("two"), "DROP VIEW shop.open");
    fleet.there("here", "DROP VIEW shop.open");
    fleet.compare();
    fleet.alarms(&["critical | open | 2 databases: view shop.open is missing"]);
    assert_eq!(fleet.rows("SELECT cardinality(databases)::text FROM accord.conform('', 'shop')"), ["1", "1"]);
    fleet.conform("", "shop", "{}").unwrap();
    assert_eq!(fleet.verdicts(), ["here | conforms | 1", "one | conforms | 1", "two | conforms | 1"]);
    for name in ["here", "one"] {
        let sql = "CREATE VIEW shop.closed AS SELECT id FROM shop.orders WHERE state = 'closed'";
        if name == "here" {
            fleet.there(name, sql);
        } else {
            batch(&mut far.client(name), sql);
        }
        fleet.execute("SELECT accord.register_baseline('shop', '2', from_database => $1)", &[&name]);
    }
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["here | conforms | 2", "one | conforms | 2", "two | behind | 1"]);
    fleet.conform("", "shop", "{}").unwrap();
    assert_eq!(fleet.verdicts()[2], "two | conforms | 2");
}
