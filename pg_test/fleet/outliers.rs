//! Databases that no baseline selects, beside most of their kind.

use crate::control::{Fleet, SHOP};
use crate::support::link::{failure, scalar};
use crate::support::{eventually, wait_until};
use std::time::Duration;

const STANDINGS: &str = "SELECT name, standing FROM accord.databases ORDER BY name";
const DEVIATIONS: &str = "SELECT database, baseline, deviation FROM accord.deviations ORDER BY 1, 3";

/// Without a baseline, what most are is what one is compared with, fact by fact.
#[test]
fn outliers_against_the_majority() {
    let mut fleet = Fleet::shared();
    for name in ["a", "b", "c", "d", "e"] {
        fleet.add(name, "{}", SHOP);
    }
    fleet.there("d", "CREATE EXTENSION pg_accord");
    fleet.compare();
    fleet.alarms(&[]);
    // No two are alike, and yet there is a majority for each fact.
    fleet.there("a", "ALTER TABLE shop.customers ADD greeting text");
    fleet.there("b", "ALTER TABLE shop.orders ALTER state SET DEFAULT 'open'");
    fleet.there("c", "ALTER TABLE shop.orders ADD note text; DROP INDEX shop.orders_state");
    fleet.there("d", "ALTER TABLE shop.orders ADD note text; DROP VIEW shop.open");
    fleet.there("e", "CREATE TABLE shop.own (x int)");
    fleet.compare();
    let expected = [
        "notice | open | 1 database: column shop.customers.greeting is unexpected",
        "notice | open | 1 database: default shop.orders.state differs in expression",
        "notice | open | 1 database: index shop.orders_state is missing",
        "notice | open | 1 database: table shop.own is unexpected (with 1 parts)",
        "notice | open | 1 database: view shop.open is missing",
        "notice | open | 2 databases: column shop.orders.note is unexpected",
    ];
    let open = "SELECT severity, state, alarm FROM accord.alarms WHERE state <> 'resolved' ORDER BY alarm COLLATE \"C\"";
    wait_until("each difference is an alarm", || fleet.rows(open) == expected);
    assert_eq!(fleet.rows("SELECT DISTINCT standing FROM accord.databases"), ["outlier"]);
    assert_eq!(fleet.rows("SELECT expected::text FROM accord.deviations WHERE database = 'b'"), ["{\"expression\": \"'new'::text\"}"]);
    let report: String = scalar(&mut fleet.client, "SELECT accord.fleet_report()");
    assert!(report.contains("view shop.open is missing (unlike most)") && report.contains("no baseline says how it should be"), "{report}");
    // What is as it was is not an alarm again.
    let told = "SELECT id::text, state FROM accord.alarms ORDER BY id";
    let before = fleet.rows(told);
    fleet.compare();
    assert_eq!((fleet.rows(told), fleet.rows("SELECT DISTINCT standing FROM accord.databases")), (before, vec!["outlier".to_owned()]));

    // Most have it then: who has it not lacks it.
    fleet.there("b", "ALTER TABLE shop.orders ADD note text; ALTER TABLE shop.orders ALTER state SET DEFAULT 'new'");
    fleet.compare();
    let of_note = "SELECT database, deviation FROM accord.deviations WHERE fact LIKE '%note' ORDER BY 1";
    wait_until("what most have is missing elsewhere", || {
        fleet.rows(of_note) == ["a | column shop.orders.note is missing", "e | column shop.orders.note is missing"]
    });
    assert_eq!(fleet.rows(STANDINGS)[1], "b | unheld");
    // Half and half: nobody can say.
    fleet.execute("SELECT accord.remove_database('d')", &[]);
    fleet.compare();
    // What a removal changes is looked at when the watch is quiet for half a minute.
    let settled = eventually(Duration::from_secs(90), || fleet.rows(of_note).is_empty().then_some(()));
    assert!(settled.is_some(), "{:#?}", fleet.rows(DEVIATIONS));
    // Whoever a baseline selects is held to that, and to nothing else.
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a', selection => 'database in (a, c)')", &[]);
    fleet.wait();
    wait_until("the others are compared with each other", || {
        fleet.rows(DEVIATIONS).iter().filter(|row| !row.contains(" | shop | ")).count() == 0
    });
    // What no database is any longer is not kept.
    assert!(scalar::<i64>(&mut fleet.client, "SELECT count(*) FROM accord.fleet_model") >= 2);
}

/// Like is compared with like: the label `peers` says who is.
#[test]
fn peers_are_compared_with_each_other() {
    let mut fleet = Fleet::shared();
    for i in 0..3 {
        fleet.add(&format!("s{i}"), r#"{"peers": "shop"}"#, SHOP);
        fleet.add(&format!("w{i}"), r#"{"peers": "wiki"}"#, "CREATE TABLE public.pages (id int PRIMARY KEY, body text)");
    }
    fleet.there("w1", "ALTER TABLE public.pages ALTER body SET DEFAULT ''");
    fleet.compare();
    fleet.alarms(&["notice | open | 1 database: default public.pages.body is unexpected"]);
    fleet.execute("SELECT accord.set_labels('w1', '{}')", &[]);
    fleet.compare();
    fleet.alarms(&[]);
    assert!(fleet.rows(STANDINGS).iter().all(|row| row.ends_with("unheld")));
}

/// What others' databases hold is told to no client by what its own lacks.
#[test]
fn a_client_is_not_told_what_others_are() {
    let mut fleet = Fleet::shared();
    for name in ["mine", "other_1", "other_2"] {
        fleet.add(name, "{}", SHOP);
    }
    fleet.there("other_1", "CREATE TABLE shop.secret_plans (x int)");
    fleet.there("other_2", "CREATE TABLE shop.secret_plans (x int)");
    let role = format!("client_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {role} LOGIN"), &[]);
    fleet.execute("SELECT accord.grant_fleet($1, 'database = mine', '{inspect,acknowledge,suppress}')", &[&role]);
    fleet.compare();
    fleet.alarms(&["notice | open | 1 database: table shop.secret_plans is missing (with 1 parts)"]);
    let mut client = fleet.ground.cluster.try_client_as(&fleet.db, &role).expect("connect as a client");
    for view in ["databases", "verdicts", "deviations", "alarms"] {
        let text: String = scalar(&mut client, &format!("SELECT coalesce(string_agg(to_jsonb(v)::text, ''), '') FROM accord.{view} v"));
        assert!(!text.contains("secret") && !text.contains("outlier"), "{view}: {text}");
    }
    let deviations: i64 = scalar(&mut client, "SELECT deviations FROM accord.verdicts");
    assert_eq!(deviations, 0);
    for format in ["text", "json", "html"] {
        let text: String = scalar(&mut client, &format!("SELECT accord.fleet_report('{format}')"));
        assert!(!text.contains("secret") && !text.contains("outlier"), "{text}");
    }
    let alarm: i64 = scalar(&mut fleet.client, "SELECT id FROM accord.alarms WHERE state <> 'resolved'");
    for call in ["accord.acknowledge(#)", "accord.suppress('x', '1 day', alarm => #)"] {
        let of = |client: &mut _, id: i64| {
            failure(client, &format!("SELECT {}", call.replace('#', &id.to_string()))).0.replace(&format!("alarm {id} "), "alarm # ")
        };
        assert_eq!(of(&mut client, alarm), of(&mut client, 0));
    }
}
