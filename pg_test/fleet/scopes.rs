//! Clients that were granted a part of a database: nothing of the rest reaches them, whatever they ask.

use crate::control::Fleet;
use crate::support::link::{failure, scalar};
use postgres::Client;

/// A shop, and what its customer is not to hear of.
const BOTH: &str = "CREATE SCHEMA shop; CREATE SCHEMA secret;
    CREATE TABLE secret.secret_pay (id int PRIMARY KEY, secret_amount int);
    CREATE TABLE shop.orders (id int PRIMARY KEY, state text DEFAULT 'new', secret_price int, pay int CONSTRAINT to_pay REFERENCES secret.secret_pay);
    CREATE INDEX orders_state ON shop.orders (state);
    CREATE INDEX orders_price ON shop.orders (secret_price);
    CREATE FUNCTION shop.total() RETURNS bigint LANGUAGE sql AS 'SELECT sum(secret_amount) FROM secret.secret_pay';
    CREATE VIEW shop.open AS SELECT o.id FROM shop.orders o WHERE o.state = 'new';
    CREATE VIEW shop.paid AS SELECT o.id FROM shop.orders o JOIN secret.secret_pay p ON p.id = o.pay;";

/// Everything that a client can read.
const OUTPUTS: [&str; 11] = [
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.databases v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.baselines v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.verdicts v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.deviations v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.alarms v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.conforms v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.fleet_events v",
    "SELECT coalesce(string_agg(to_jsonb(v)::text, E'\\n'), '') FROM accord.suppressions v",
    "SELECT accord.fleet_report('text')",
    "SELECT accord.fleet_report('json')",
    "SELECT accord.fleet_report('html')",
];

fn fleet(scope: &str) -> (Fleet, Client) {
    let mut fleet = Fleet::shared();
    for name in ["a", "b", "c"] {
        fleet.add(name, "{}", BOTH);
    }
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    let role = format!("part_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {role} LOGIN"), &[]);
    let operations = "{inspect,compare,acknowledge,suppress,conform}";
    let sql = format!("SELECT accord.grant_fleet('{role}', '', '{operations}', scope => '{scope}')");
    fleet.execute(&sql, &[]);
    let client = fleet.ground.cluster.try_client_as(&fleet.db, &role).expect("connect as a client");
    (fleet, client)
}

fn rows(client: &mut Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}")).iter().map(|row| row.get(0)).collect()
}

#[track_caller]
fn assert_nothing_told(client: &mut Client) {
    for sql in OUTPUTS {
        let text: String = scalar(client, sql);
        assert!(!text.contains("secret"), "{sql}: {text}");
    }
}

/// Verdicts and fingerprints as the client sees them.
fn seen(client: &mut Client) -> Vec<String> {
    rows(client, "SELECT concat_ws(' ', database, verdict, deviations, fingerprint, since) FROM accord.verdicts ORDER BY database")
}

#[test]
fn what_lies_elsewhere_changes_nothing() {
    let (mut fleet, mut client) = fleet(r#"{"schemas": ["shop"], "columns": {"shop.orders": ["id", "state", "pay"]}}"#);
    let before = seen(&mut client);
    assert!(before.iter().all(|line| line.contains(" conforms 0 ")), "{before:?}");
    assert_nothing_told(&mut client);
    let whole: Vec<String> = fleet.rows("SELECT fingerprint FROM accord.verdicts ORDER BY database");
    assert!(!before[0].contains(&whole[0]), "the fingerprint of the whole");
    fleet.there(
        "b",
        "ALTER TABLE secret.secret_pay ADD COLUMN secret_more int; CREATE TABLE secret.secret_new (x int);
         ALTER TABLE shop.orders ALTER secret_price SET DEFAULT 1; DROP INDEX shop.orders_price; DROP VIEW shop.paid;
         ALTER TABLE shop.orders DROP CONSTRAINT to_pay; CREATE EXTENSION citext WITH SCHEMA secret",
    );
    fleet.compare();
    assert!(fleet.rows("SELECT deviation FROM accord.deviations").len() >= 6);
    assert_eq!(seen(&mut client), before);
    assert_nothing_told(&mut client);
    for view in ["deviations", "alarms"] {
        assert!(rows(&mut client, &format!("SELECT v::text FROM accord.{view} v")).is_empty(), "{view}");
    }
    // Beside it: by number and by pattern.
    let hidden: i64 = scalar(&mut fleet.client, "SELECT id FROM accord.alarms WHERE alarm LIKE '%secret_new%'");
    let none = failure(&mut client, "SELECT accord.acknowledge(0)").0;
    assert_eq!(
        failure(&mut client, &format!("SELECT accord.acknowledge({hidden})")).0.replace(&format!("alarm {hidden}"), "alarm 0"),
        none
    );
    let none = failure(&mut client, "SELECT accord.suppress('x', '1 day', alarm => 0)").0;
    let asked = failure(&mut client, &format!("SELECT accord.suppress('x', '1 day', alarm => {hidden})"));
    assert_eq!(asked.0.replace(&format!("alarm {hidden}"), "alarm 0"), none);
    let pattern = failure(&mut client, "SELECT accord.suppress('x', '1 day', object => 'table secret.*')");
    assert!(pattern.says("single alarms only"), "{pattern:?}");
    pattern.assert_clear();
    // There is nothing to do, and nothing is done.
    assert!(rows(&mut client, "SELECT sql FROM accord.conform('', 'shop') WHERE sql IS NOT NULL").is_empty());
    client.query("SELECT * FROM accord.conform('', 'shop', false)", &[]).expect("conform");
    for sql in
        ["SELECT accord.baseline('shop')", "SELECT accord.model()", "SELECT * FROM accord.fleet_difference", "SELECT accord.export_model()"]
    {
        failure(&mut client, sql);
    }
}

#[test]
fn what_lies_there_is_seen_and_mended() {
    let (mut fleet, mut client) = fleet(r#"{"schemas": ["shop"], "kinds": ["index", "view", "routine"]}"#);
    fleet.there(
        "b",
        "DROP INDEX shop.orders_state; DROP VIEW shop.open; DROP VIEW shop.paid; DROP TABLE secret.secret_pay CASCADE; ALTER TABLE shop.orders DROP COLUMN pay;
         CREATE OR REPLACE FUNCTION shop.total() RETURNS bigint LANGUAGE sql AS 'SELECT 2::bigint'",
    );
    fleet.there("c", "DROP INDEX shop.orders_state");
    fleet.compare();
    assert_eq!(
        rows(&mut client, "SELECT database || ': ' || deviation FROM accord.deviations ORDER BY 1"),
        [
            "b: index shop.orders_state is missing",
            "b: routine shop.total() differs in body",
            "b: view shop.open is missing",
            "c: index shop.orders_state is missing",
        ]
    );
    assert_eq!(
        rows(&mut client, "SELECT alarm FROM accord.alarms ORDER BY 1"),
        [
            "1 database: routine shop.total() differs in body",
            "1 database: view shop.open is missing",
            "2 databases: index shop.orders_state is missing"
        ]
    );
    let texts: String = scalar(&mut client, "SELECT string_agg(to_jsonb(d)::text, '') FROM accord.deviations d");
    assert!(texts.contains("***") && !texts.contains("sum(") && !texts.contains("secret_pay"), "{texts}");
    let report: String = scalar(&mut client, "SELECT accord.fleet_report()");
    assert!(report.contains("CREATE INDEX orders_state") && !report.contains("secret_pay") && !report.contains("sum("), "{report}");
    // Only that is done which was granted.
    let steps = rows(&mut client, "SELECT sql FROM accord.conform('database = b', 'shop') ORDER BY step");
    assert!(!steps.concat().contains("secret") && steps.iter().any(|sql| sql.contains("orders_state")), "{steps:?}");
    let id: Option<i64> = client.query_one("SELECT DISTINCT conform FROM accord.conform('', 'shop', false)", &[]).expect("conform").get(0);
    assert_eq!(scalar::<String>(&mut client, &format!("SELECT accord.wait_for_conform({})", id.expect("a mending"))), "done");
    fleet.wait();
    assert_eq!(rows(&mut client, "SELECT verdict FROM accord.verdicts"), ["conforms"; 3]);
    let left = fleet.rows("SELECT deviation FROM accord.deviations WHERE database = 'b'").concat();
    assert!(left.contains("secret_pay") && left.contains("shop.orders.pay") && left.contains("shop.paid"), "{left}");
    for sql in OUTPUTS {
        let text: String = scalar(&mut client, sql);
        assert!(!text.contains("secret_pay"), "{sql}: {text}");
    }
    let who = format!("part_{}", fleet.db);
    let acts = fleet.rows(&format!("SELECT act FROM accord.fleet_acts WHERE who = '{who}'"));
    assert_eq!(acts, ["conform"]);
}

#[test]
fn nobody_hears_of_others_by_notification_or_warning() {
    let (mut fleet, mut client) = fleet(r#"{"tables": ["shop.open", "shop.orders"]}"#);
    client.batch_execute("SET client_min_messages = log; LISTEN accord_fleet").expect("listen");
    fleet.there("b", "CREATE TABLE secret.secret_new (x int); DROP VIEW shop.open");
    fleet.compare();
    crate::support::wait_until("the alarms are there", || {
        rows(&mut client, "SELECT alarm FROM accord.alarms") == ["1 database: view shop.open is missing"]
    });
    let told: Vec<String> = {
        use postgres::fallible_iterator::FallibleIterator;
        let mut notes = client.notifications();
        let mut list = notes.timeout_iter(std::time::Duration::from_secs(1));
        let mut told = Vec::new();
        while let Some(note) = list.next().expect("a notification") {
            told.push(note.payload().to_owned());
        }
        told
    };
    assert!(
        !told.is_empty() && told.iter().all(|text| text.contains("\"id\"") && !text.contains("secret") && !text.contains("shop")),
        "{told:?}"
    );
    let id: i64 = scalar(&mut client, "SELECT id FROM accord.alarms");
    client.execute("SELECT accord.suppress('known', '1 day', alarm => $1)", &[&id]).expect("suppress");
    let suppressed = fleet.rows("SELECT alarm FROM accord.alarms WHERE suppressed > 0");
    assert_eq!(suppressed, ["1 database: view shop.open is missing"]);
}

#[test]
fn scopes_that_make_no_sense_are_refused() {
    let mut fleet = Fleet::shared();
    for (scope, says) in [
        (r#"{"schema": ["shop"]}"#, "unknown field"),
        (r#"{"tables": ["orders"]}"#, "names no schema"),
        (r#"{"kinds": ["column"]}"#, "part of other kinds"),
        (r#"{"columns": {"shop.orders": []}}"#, "no column"),
    ] {
        let failure = failure(&mut fleet.client, &format!("SELECT accord.grant_fleet('postgres', '', '{{inspect}}', '{scope}')"));
        assert!(failure.says(says) && failure.says("accord.grant_fleet("), "{scope}: {failure:?}");
        failure.assert_clear();
    }
}
