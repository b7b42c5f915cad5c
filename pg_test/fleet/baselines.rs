//! Members, baselines, verdicts, alarms.

use crate::control::{Fleet, SHOP};
use crate::support::link::{failure, scalar};
use serde_json::{Value, json};

#[test]
fn a_fleet_is_held_to_the_schema_of_one_of_them() {
    let mut fleet = Fleet::shared();
    for name in ["a", "b", "c"] {
        fleet.add(name, r#"{"env": "prod"}"#, SHOP);
    }
    fleet.add("d", r#"{"env": "test"}"#, &format!("CREATE EXTENSION pg_accord; {SHOP}"));
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a', selection => 'env in (prod, test)')", &[]);
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "b | conforms | 1", "c | conforms | 1", "d | conforms | 1"]);
    assert_eq!(
        fleet.rows("SELECT name, extension FROM accord.databases WHERE extension IS NOT NULL"),
        [format!("d | {}", env!("CARGO_PKG_VERSION"))]
    );

    fleet.there("b", "DROP INDEX shop.orders_state");
    fleet.there("c", "DROP INDEX shop.orders_state; ALTER TABLE shop.orders ADD colour text");
    fleet.there("d", "ALTER TABLE shop.orders ALTER state SET DEFAULT 'open'");
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "b | deviates | 1", "c | deviates | 1", "d | deviates | 1"]);
    assert_eq!(
        fleet.rows("SELECT database, deviation, expected::text, actual::text FROM accord.deviations ORDER BY database, fact"),
        [
            "b | index shop.orders_state is missing | {\"table\": \"orders\", \"definition\": \"USING btree (state)\"} | ",
            "c | column shop.orders.colour is unexpected |  | {\"type\": \"text\"}",
            "c | index shop.orders_state is missing | {\"table\": \"orders\", \"definition\": \"USING btree (state)\"} | ",
            "d | default shop.orders.state differs in expression | {\"expression\": \"'new'::text\"} | {\"expression\": \"'open'::text\"}",
        ]
    );
    // Who did it is known where pg_accord is.
    assert_eq!(
        fleet.rows("SELECT database, author, role, statement FROM accord.deviations WHERE author IS NOT NULL"),
        ["d | postgres | postgres | ALTER TABLE shop.orders ALTER state SET DEFAULT 'open'"]
    );
    fleet.alarms(&[
        "critical | open | 2 databases: index shop.orders_state is missing",
        "warning | open | 1 database: default shop.orders.state differs in expression",
        "notice | open | 1 database: column shop.orders.colour is unexpected",
    ]);

    fleet.there("b", "CREATE INDEX orders_state ON shop.orders (state)");
    fleet.there("c", "CREATE INDEX orders_state ON shop.orders (state); ALTER TABLE shop.orders DROP colour");
    fleet.compare();
    fleet.alarms(&["warning | open | 1 database: default shop.orders.state differs in expression"]);
    assert_eq!(fleet.verdicts()[..3], ["a | conforms | 1", "b | conforms | 1", "c | conforms | 1"]);
}

/// A pg_accord whose running fingerprint did not change is asked for nothing else; one that did is read.
#[test]
fn the_fingerprint_is_asked_before_the_catalogs() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{}", &format!("CREATE EXTENSION pg_accord; {SHOP}"));
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    fleet.compare();
    let read = "SELECT read_at::text FROM accord.databases";
    let before: String = scalar(&mut fleet.client, read);
    fleet.compare();
    assert_eq!(before, scalar::<String>(&mut fleet.client, read));
    fleet.there("a", "DROP INDEX shop.orders_state");
    fleet.compare();
    let after: String = scalar(&mut fleet.client, read);
    assert_ne!(before, after);
    assert_eq!(fleet.verdicts(), ["a | deviates | 1"]);
    // And back: the fingerprint is known, and nothing is read.
    fleet.there("a", "CREATE INDEX orders_state ON shop.orders (state)");
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1"]);
    assert_eq!(after, scalar::<String>(&mut fleet.client, read));
    assert_eq!(fleet.rows("SELECT deviation FROM accord.deviations"), Vec::<String>::new());
}

#[test]
fn versions_variants_and_leniency() {
    let mut fleet = Fleet::shared();
    fleet.add("one", "{}", SHOP);
    fleet.add("two", "{}", &format!("{SHOP} ALTER TABLE shop.orders ADD paid boolean;"));
    fleet.add(
        "eu",
        r#"{"variant": "eu"}"#,
        &format!("{SHOP} ALTER TABLE shop.orders ADD paid boolean; ALTER TABLE shop.orders ADD vat numeric;"),
    );
    fleet.add(
        "bare",
        "{}",
        &format!("{SHOP} ALTER TABLE shop.orders ADD paid boolean; DROP INDEX shop.orders_state; CREATE TABLE shop.tmp_1 (x int);"),
    );
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'one', permitted => true)", &[]);
    fleet.wait();
    // The second version is edited by hand.
    let mut document: Value = scalar::<String>(&mut fleet.client, "SELECT accord.baseline('shop')::text").parse().unwrap();
    let facts = document["facts"].as_array_mut().unwrap();
    for fact in facts.iter_mut().filter(|fact| fact["kind"] == "index") {
        fact["optional"] = json!(true);
    }
    let column = |name: &str, kind: &str| json!({"kind": "column", "path": ["shop", "orders", name], "attributes": {"type": kind}});
    facts.push(column("paid", "boolean"));
    let mut only_here = column("only_here", "integer");
    only_here["optional"] = json!(true);
    facts.push(only_here);
    document["ignore"] = json!(["table shop.tmp_*"]);
    document["variants"] = json!({"eu": {"facts": [column("vat", "numeric")]}});
    fleet.execute("SELECT accord.register_baseline('shop', '2', model => $1::text::jsonb)", &[&document.to_string()]);
    fleet.wait();
    let stand = "SELECT database, verdict, version, variant FROM accord.verdicts ORDER BY database";
    assert_eq!(fleet.rows(stand), ["bare | conforms | 2 | ", "eu | conforms | 2 | eu", "one | conforms | 1 | ", "two | conforms | 2 | "]);
    fleet.execute("SELECT accord.permit_version('shop', '1', false)", &[]);
    fleet.wait();
    assert_eq!(fleet.rows(stand)[2], "one | behind | 1 | ");
    fleet.alarms(&["notice | open | 1 database: stands at an earlier version of shop"]);
    // One that should be European and is not.
    fleet.execute("SELECT accord.set_labels('two', '{\"variant\": \"eu\"}')", &[]);
    fleet.wait();
    assert_eq!(fleet.rows(stand)[3], "two | deviates | 2 | eu");
    assert_eq!(fleet.rows("SELECT deviation FROM accord.deviations"), ["column shop.orders.vat is missing"]);
    // A version that is removed takes what only it held along.
    let only_here =
        |fleet: &mut Fleet| scalar::<i64>(&mut fleet.client, "SELECT count(*) FROM accord.fleet_fact WHERE fact LIKE '%only_here%'");
    assert_eq!(only_here(&mut fleet), 1);
    fleet.execute("SELECT accord.remove_baseline('shop', '2')", &[]);
    assert_eq!(only_here(&mut fleet), 0);
    fleet.wait();
    assert_eq!(fleet.rows(stand)[2], "one | conforms | 1 | ");
    assert_eq!(fleet.rows(stand)[0], "bare | deviates | 1 | ");
}

/// Names that differ from member to member are no differences.
#[test]
fn tenants_have_their_own_schemas() {
    let mut fleet = Fleet::shared();
    for shard in [1, 2] {
        let schema = SHOP.replace("shop", &format!("shop_{shard}"));
        fleet.add(&format!("t{shard}"), &format!("{{\"shard\": {shard}}}"), &schema);
    }
    let model: String = {
        fleet.add("model", r#"{"template": true}"#, &format!("CREATE EXTENSION pg_accord; {SHOP}"));
        scalar(&mut fleet.member("model"), "SELECT accord.export_model()::text")
    };
    let rules = r#"{"mapping": {"schemas": {"shop": "shop_{shard}"}}}"#;
    let register =
        "SELECT accord.register_baseline('shop', '1', model => $1::text::jsonb, rules => $2::text::jsonb, selection => 'has shard')";
    fleet.execute(register, &[&model, &rules]);
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["model | unheld | ", "t1 | conforms | 1", "t2 | conforms | 1"]);
    for shard in [1, 2] {
        fleet.there(&format!("t{shard}"), &format!("DROP VIEW shop_{shard}.open"));
    }
    fleet.compare();
    fleet.alarms(&["critical | open | 2 databases: view shop.open is missing"]);
    fleet.conform("has shard", "shop", "{}").unwrap();
    assert_eq!(fleet.verdicts()[1..], ["t1 | conforms | 1", "t2 | conforms | 1"]);
    let view: i64 = scalar(&mut fleet.member("t2"), "SELECT count(*) FROM shop_2.open");
    assert_eq!(view, 0);
}

#[test]
fn a_database_that_lets_nobody_in_sends_its_model() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{}", &format!("CREATE EXTENSION pg_accord; {SHOP}"));
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.execute("SELECT accord.add_database('far', NULL)", &[]);
    let export = |fleet: &mut Fleet| scalar::<String>(&mut fleet.member("a"), "SELECT accord.export_model()::text");
    let model = export(&mut fleet);
    fleet.execute("SELECT accord.submit_model('far', $1::text::jsonb)", &[&model]);
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "far | conforms | 1"]);
    fleet.there("a", "ALTER TABLE shop.customers ALTER name DROP NOT NULL");
    let model = export(&mut fleet);
    fleet.execute("SELECT accord.submit_model('far', $1::text::jsonb)", &[&model]);
    fleet.wait();
    // From 18 on its NOT NULL is a constraint with a name.
    let found = fleet.rows("SELECT database, deviation FROM accord.deviations WHERE deviation !~ 'customers_name_not_null'");
    assert_eq!(found, ["far | column shop.customers.name differs in not_null"]);
    assert!(failure(&mut fleet.client, "SELECT accord.submit_model('far', '{\"facts\": [5]}')").says("fact 1"));
    assert!(failure(&mut fleet.client, "SELECT accord.submit_model('a', '{\"facts\": []}')").says("sends its model"));
}

/// As a build does it, by psql alone.
#[test]
fn a_build_registers_its_schema() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut fleet = Fleet::shared();
    fleet.add("scratch", "{}", &format!("{SHOP} CREATE EXTENSION pg_accord"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("model.json");
    let output = fleet
        .ground
        .cluster
        .program("psql", &fleet.database("scratch"))
        .args(["-At", "-c", "SELECT accord.export_model()"])
        .output()
        .expect("run psql");
    std::fs::write(&file, output.stdout).unwrap();
    let script = format!("\\set model `cat {}`\nSELECT accord.register_baseline('shop', '2.4', model => :'model');", file.display());
    fleet.ground.cluster.psql(&fleet.db, &script).unwrap();
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["scratch | conforms | 2.4"]);
}

#[test]
fn a_server_is_discovered() {
    let mut fleet = Fleet::shared();
    for name in ["found_1", "found_2", "other"] {
        let database = fleet.database(name);
        fleet.ground.cluster.createdb(&database);
    }
    let (conninfo, pattern) = (fleet.ground.cluster.socket_conninfo("postgres"), fleet.database("found\\_%"));
    fleet.execute("SELECT accord.discover($1, $2, '{\"env\": \"prod\"}', 'x_')", &[&conninfo, &pattern]);
    fleet.wait();
    let names = fleet.rows("SELECT name, standing, labels::text FROM accord.databases ORDER BY name");
    let expected = ["found_1", "found_2"].map(|name| format!("x_{} | unheld | {{\"env\": \"prod\"}}", fleet.database(name)));
    assert_eq!(names, expected);
}

#[test]
fn alarms_are_acknowledged_suppressed_and_ranked() {
    let mut fleet = Fleet::shared();
    for name in ["a", "b", "c"] {
        fleet.add(name, &format!("{{\"env\": \"{}\"}}", if name == "c" { "test" } else { "prod" }), SHOP);
    }
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    fleet.execute("SELECT accord.set_severity(1, 'warning', selection => 'env=test', kind => 'view')", &[]);
    fleet.there("c", "DROP VIEW shop.open");
    fleet.there("b", "CREATE TABLE shop.extra (x int)");
    fleet.compare();
    fleet.alarms(&[
        "warning | open | 1 database: view shop.open is missing",
        "notice | open | 1 database: table shop.extra is unexpected (with 1 parts)",
    ]);
    fleet.execute("SELECT accord.acknowledge(id, 'we know') FROM accord.alarms WHERE alarm LIKE '%extra%'", &[]);
    fleet.execute("SELECT accord.suppress('rebuilding', '1 hour', selection => 'database = c', object => 'view shop.*')", &[]);
    fleet.alarms(&[
        "warning | suppressed | 1 database: view shop.open is missing",
        "notice | acknowledged | 1 database: table shop.extra is unexpected (with 1 parts)",
    ]);
    // On another database it is nobody's exception, and what acts there is another rule.
    fleet.there("b", "DROP VIEW shop.open");
    fleet.compare();
    fleet.alarms(&[
        "critical | open | 2 databases: view shop.open is missing",
        "notice | acknowledged | 1 database: table shop.extra is unexpected (with 1 parts)",
    ]);
    assert!(failure(&mut fleet.client, "SELECT accord.suppress('', '1 hour')").says("has a reason"));
    assert!(failure(&mut fleet.client, "SELECT accord.suppress('x', '1 hour', kind => 'tabel')").says("no kind"));
    assert!(failure(&mut fleet.client, "SELECT accord.acknowledge(0)").says("no alarm"));
}

#[test]
fn what_is_wrong_is_said_at_once() {
    let mut fleet = Fleet::shared();
    for (sql, says) in [
        ("SELECT accord.add_database('', 'host=x')", "name"),
        ("SELECT accord.add_database('a', 'hosst=x')", "hosst"),
        ("SELECT accord.add_database('a', 'host=x', '[]')", "labels"),
        ("SELECT accord.add_database('a', 'host=x', '{\"database\": 1}')", "labels"),
        ("SELECT accord.remove_database('nobody')", "not in the fleet"),
        ("SELECT accord.compare('env')", "selection"),
        ("SELECT accord.register_baseline('b', '1')", "taken from"),
        ("SELECT accord.register_baseline('b', '1', from_database => 'nobody')", "not in the fleet"),
        ("SELECT accord.register_baseline('b', '1', model => '{\"facts\": [1]}')", "baseline cannot be read"),
        ("SELECT accord.register_baseline('b', '1', model => '{\"facts\": []}', selection => 'down within 1h')", "labels and names"),
        ("SELECT accord.baseline('b')", "does not exist"),
        ("SELECT accord.remove_baseline('b')", "does not exist"),
        ("SELECT accord.fleet_report('pdf')", "no format"),
        ("SELECT * FROM accord.conform('', 'b')", "does not exist"),
        ("SELECT accord.wait_for_conform(0)", "no mending"),
        ("SELECT accord.report_event('nobody', 'deployed')", "not in the fleet"),
    ] {
        let failure = failure(&mut fleet.client, sql);
        assert!(failure.says(says), "{sql}: {failure:?}");
        failure.assert_clear();
    }
    fleet.execute("SELECT accord.add_database('a', 'host=127.0.0.1 port=1 password=hunter2')", &[]);
    assert!(failure(&mut fleet.client, "SELECT accord.add_database('a', 'host=x')").says("already"));
    fleet.there_is_no_secret("hunter2");
}

impl Fleet {
    /// Nobody but the owner sees a password.
    fn there_is_no_secret(&mut self, secret: &str) {
        let role = format!("monitor_{}", self.db);
        self.execute(&format!("CREATE ROLE {role} LOGIN IN ROLE pg_monitor"), &[]);
        let mut monitor = self.ground.cluster.try_client_as(&self.db, &role).expect("connect as a monitor");
        for view in ["databases", "baselines", "verdicts", "deviations", "alarms", "suppressions", "conforms", "fleet_events"] {
            let rows = monitor.query(&format!("SELECT to_jsonb(v)::text FROM accord.{view} v"), &[]).expect("read a view");
            assert!(rows.iter().all(|row| !row.get::<_, String>(0).contains(secret)), "{view}");
        }
        assert!(failure(&mut monitor, "SELECT accord.compare()").says("permission denied"));
    }
}
