//! Alarms reach webhooks, mailboxes and functions, by class, and nobody waits for them.

use crate::control::{Fleet, SHOP};
use crate::sinks::{Sink, Speech, identity};
use crate::support::link::{batch, failure, scalar};
use crate::support::wait_until;
use std::time::{Duration, Instant};

/// One database that is held to what it was.
fn fleet() -> Fleet {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{\"env\": \"prod\"}", SHOP);
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    fleet
}

fn report_to(fleet: &mut Fleet, name: &str, target: &str, options: &str) {
    fleet.execute("SELECT accord.report_to($1, $2, $3::text::jsonb)", &[&name, &target, &options]);
}

fn messages(fleet: &mut Fleet, channel: &str) -> Vec<String> {
    fleet.rows(&format!("SELECT state, delivery, attempts::text, alarm FROM accord.fleet_messages WHERE channel = '{channel}' ORDER BY id"))
}

#[track_caller]
fn settled(fleet: &mut Fleet, channel: &str, expected: &[&str]) {
    let mut found = Vec::new();
    let met = crate::support::eventually(Duration::from_secs(30), || {
        found = messages(fleet, channel);
        (found == expected).then_some(())
    });
    assert!(met.is_some(), "expected {expected:#?}, found {found:#?}\n{:#?}", fleet.rows("SELECT reason FROM accord.fleet_messages"));
}

fn body(told: &str) -> serde_json::Value {
    serde_json::from_str(told.split("\n\n").nth(1).or(told.split("\r\n\n").nth(1)).unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {told}"))
}

/// A channel with a scope is told of what lies there, in words of what lies there.
#[test]
fn a_channel_tells_of_its_scope() {
    let mut fleet = fleet();
    let sink = Sink::http(Speech::Plain, 0, Duration::ZERO);
    let url = format!("http://127.0.0.1:{}/", sink.port);
    report_to(&mut fleet, "orders", &url, r#"{"scope": {"tables": ["shop.orders"], "columns": {"shop.own": ["x"]}}}"#);
    report_to(&mut fleet, "baseline", &url, r#"{"scope": {"baselines": ["another"]}}"#);
    fleet.there(
        "a",
        "DROP VIEW shop.open; DROP INDEX shop.orders_state; ALTER TABLE shop.customers ADD secret text; CREATE TABLE shop.own (x int, y int)",
    );
    fleet.compare();
    let told = ["open | sent | 1 | index shop.orders_state is missing", "open | sent | 1 | table shop.own is unexpected (with 1 parts)"];
    // In the order in which they were found.
    wait_until("both are told", || {
        let mut found = messages(&mut fleet, "orders");
        found.sort();
        found == told
    });
    fleet.there("a", "DROP TABLE shop.own; DROP TABLE shop.orders");
    fleet.compare();
    let resolved =
        ["resolved | sent | 1 | index shop.orders_state is missing", "resolved | sent | 1 | table shop.own is unexpected (with 1 parts)"];
    wait_until("all is told", || messages(&mut fleet, "orders").iter().filter(|message| message.contains("| sent |")).count() == 5);
    let mut found = messages(&mut fleet, "orders").split_off(2);
    found.sort();
    assert!(found[0].starts_with("open | ") && found[0].contains("table shop.orders is missing"), "{found:?}");
    assert_eq!(found[1..], resolved);
    assert_eq!(messages(&mut fleet, "baseline"), Vec::<String>::new());
    assert!(sink.told().iter().all(|told| !told.contains("secret") && !told.contains("customers")));
    // That a database is away says nothing of what is in it.
    let database = fleet.database("a");
    fleet.execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"), &[]);
    fleet.compare();
    wait_until("it is told that it cannot be read", || messages(&mut fleet, "baseline").len() == 1);
    for (scope, says) in [(r#"{"tables": ["orders"]}"#, "names no schema"), (r#"{"additive": true}"#, "no \"additive\""), ("[]", "scope")] {
        let sql = format!("SELECT accord.report_to('wrong', 'https://x.example/', '{{\"scope\": {scope}}}')");
        let failure = failure(&mut fleet.client, &sql);
        assert!(failure.says(says), "{failure:?}");
        failure.assert_clear();
    }
}

#[test]
fn a_webhook_is_told_by_class_and_again_until_it_takes_it() {
    let mut fleet = fleet();
    let sink = Sink::http(Speech::Plain, 2, Duration::ZERO);
    let url = format!("http://user:geheim@127.0.0.1:{}/hook?token=geheim", sink.port);
    report_to(&mut fleet, "hook", &url, r#"{"severity": "warning", "selection": "env = prod", "headers": {"X-Key": "geheim"}}"#);
    let elsewhere = format!("http://127.0.0.1:{}/", sink.port);
    report_to(&mut fleet, "elsewhere", &elsewhere, r#"{"selection": "env = test"}"#);
    fleet.there("a", "DROP VIEW shop.open; CREATE TABLE shop.own (x int)");
    fleet.compare();
    // Twice it was busy; what is only unexpected is no warning; who watches tests hears nothing.
    settled(&mut fleet, "hook", &["open | sent | 3 | view shop.open is missing"]);
    assert_eq!(messages(&mut fleet, "elsewhere"), Vec::<String>::new());
    let told = sink.told();
    assert_eq!(told.len(), 1);
    let head = told[0].to_lowercase();
    assert!(head.starts_with("post /hook?token=geheim ") && head.contains("x-key: geheim") && head.contains("application/json"), "{head}");
    let first = body(&told[0]);
    assert_eq!((&first["severity"], &first["state"], &first["databases"]), (&"critical".into(), &"open".into(), &1.into()));
    assert_eq!(first["names"], serde_json::json!(["a"]));
    assert_eq!((first["what"].as_str(), first["baseline"].as_str()), (Some("view shop.open is missing"), Some("shop")));
    // It is told that it is over, once.
    fleet.there(
        "a",
        "CREATE VIEW shop.open AS SELECT o.id, c.name FROM shop.orders o JOIN shop.customers c ON c.id = o.customer WHERE o.state = 'new'",
    );
    fleet.compare();
    settled(&mut fleet, "hook", &["open | sent | 3 | view shop.open is missing", "resolved | sent | 1 | view shop.open is missing"]);
    fleet.compare();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(sink.told().iter().map(|told| body(told)["state"].clone()).collect::<Vec<_>>(), ["open", "resolved"]);
    // An address is a secret.
    let role = format!("monitor_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {role} LOGIN IN ROLE pg_monitor"), &[]);
    let mut monitor = fleet.ground.cluster.try_client_as(&fleet.db, &role).expect("connect");
    let seen: String = scalar(&mut monitor, "SELECT c::text FROM accord.fleet_channels c WHERE c.name = 'hook'");
    assert!(!seen.contains("geheim") && seen.contains("http://127.0.0.1"), "{seen}");
    let acts: String = scalar(&mut monitor, "SELECT string_agg(a::text, ' ') FROM accord.fleet_acts a");
    assert!(!acts.contains("geheim"), "{acts}");
    assert!(failure(&mut monitor, "SELECT accord.report_to('mine', 'https://x', '{}')").says("permission denied"));
    assert!(failure(&mut fleet.client, "SELECT accord.report_to('bad', 'https://u:geheim@x/geheim', '{\"colour\": 1}')").says("cannot be"));
    let log = fleet.ground.cluster.log();
    assert!(log.contains("alarms cannot be reported there") && !log.contains("u:geheim@x"), "{log}");
    fleet.execute("SELECT accord.stop_reports('hook')", &[]);
    assert_eq!(messages(&mut fleet, "hook"), Vec::<String>::new());
}

#[test]
fn nobody_waits_for_one_that_fails_or_is_slow() {
    let mut fleet = fleet();
    let (slow, quick) = (Sink::http(Speech::Plain, 0, Duration::from_secs(20)), Sink::http(Speech::Plain, 0, Duration::ZERO));
    report_to(&mut fleet, "slow", &format!("http://127.0.0.1:{}/", slow.port), r#"{"timeout": 4, "attempts": 1}"#);
    report_to(&mut fleet, "none", "http://127.0.0.1:1/", r#"{"timeout": 2, "attempts": 2}"#);
    report_to(&mut fleet, "quick", &format!("http://127.0.0.1:{}/", quick.port), "{}");
    let begun = Instant::now();
    fleet.there("a", "DROP VIEW shop.open");
    fleet.compare();
    settled(&mut fleet, "quick", &["open | sent | 1 | view shop.open is missing"]);
    fleet.compare();
    assert_eq!(messages(&mut fleet, "slow"), ["open | waiting | 0 | view shop.open is missing"], "after {:?}", begun.elapsed());
    settled(&mut fleet, "none", &["open | given up | 2 | view shop.open is missing"]);
    settled(&mut fleet, "slow", &["open | given up | 1 | view shop.open is missing"]);
    let reasons = fleet.rows("SELECT reason FROM accord.fleet_messages WHERE delivery = 'given up' ORDER BY channel");
    assert!(reasons[0].to_lowercase().contains("refused") && reasons[1].to_lowercase().contains("timeout"), "{reasons:?}");
    assert!(fleet.ground.cluster.log_tail(500).contains("could not be reported to none in 2 attempts"));
}

#[test]
fn a_redirect_is_not_followed_and_a_reason_holds_no_secret() {
    let mut fleet = fleet();
    let elsewhere = Sink::http(Speech::Plain, 0, Duration::ZERO);
    let moved = Sink::moved(&format!("http://127.0.0.1:{}/", elsewhere.port));
    report_to(&mut fleet, "moved", &format!("http://127.0.0.1:{}/", moved.port), r#"{"attempts": 1}"#);
    report_to(&mut fleet, "bad", "http://127.0.0.1:1/hook?token=geheim-geheim", r#"{"attempts": 1}"#);
    fleet.there("a", "DROP VIEW shop.open");
    fleet.compare();
    settled(&mut fleet, "moved", &["open | given up | 1 | view shop.open is missing"]);
    settled(&mut fleet, "bad", &["open | given up | 1 | view shop.open is missing"]);
    assert!(elsewhere.told().is_empty(), "{:?}", elsewhere.told());
    let reasons = fleet.rows("SELECT reason FROM accord.fleet_messages");
    assert!(!reasons.concat().contains("geheim") && !fleet.ground.cluster.log_tail(500).contains("geheim-geheim"), "{reasons:?}");
}

#[test]
fn certificates_are_checked() {
    let mut fleet = fleet();
    let (authority, config) = identity();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &authority).expect("write");
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("chmod");
    let root = file.path().display();
    let web = Sink::http(Speech::Tls(config.clone()), 0, Duration::ZERO);
    let (turning, wrapped) = (Sink::smtp(Speech::StartTls(config.clone())), Sink::smtp(Speech::Tls(config)));
    let mail = r#""from": "fleet@example.org", "to": ["ops@example.org", "Night <night@example.org>"]"#;
    report_to(&mut fleet, "unknown", &format!("https://127.0.0.1:{}/", web.port), r#"{"attempts": 1}"#);
    report_to(&mut fleet, "web", &format!("https://127.0.0.1:{}/", web.port), &format!(r#"{{"root": "{root}"}}"#));
    report_to(&mut fleet, "another", &format!("https://localhost:{}/", web.port), &format!(r#"{{"root": "{root}", "attempts": 1}}"#));
    report_to(&mut fleet, "turning", &format!("smtp://me:p%40ss@127.0.0.1:{}", turning.port), &format!(r#"{{"root": "{root}", {mail}}}"#));
    report_to(&mut fleet, "distrusted", &format!("smtp://me:p%40ss@127.0.0.1:{}", turning.port), &format!(r#"{{"attempts": 1, {mail}}}"#));
    report_to(&mut fleet, "wrapped", &format!("smtps://127.0.0.1:{}", wrapped.port), &format!(r#"{{"root": "{root}", {mail}}}"#));
    fleet.there("a", "CREATE TABLE shop.\"odd\nBcc: x@example.org\" (x int)");
    fleet.compare();
    let mut found = Vec::new();
    let met = crate::support::eventually(Duration::from_secs(30), || {
        found = fleet.rows("SELECT channel, delivery FROM accord.fleet_messages ORDER BY channel");
        let expected =
            ["another | given up", "distrusted | given up", "turning | sent", "unknown | given up", "web | sent", "wrapped | sent"];
        (found == expected).then_some(())
    });
    assert!(met.is_some(), "{found:#?} {:#?}", fleet.rows("SELECT channel, reason FROM accord.fleet_messages"));
    assert_eq!(web.told().len(), 1);
    let letter = &turning.told()[0];
    // "\0me\0p@ss"
    assert!(letter.contains("AUTH PLAIN AG1lAHBAc3M=") && letter.contains("RCPT TO:<night@example.org>"), "{letter}");
    assert!(letter.contains("Subject: [pg_accord] notice open:") && letter.contains("Message-ID: <"), "{letter}");
    assert!(!letter.contains("\nBcc:"), "{letter}");
    assert_eq!(wrapped.told().len(), 1);
}

#[test]
fn a_function_runs_with_the_rights_of_who_registered_it() {
    let mut fleet = fleet();
    let role = format!("flow_{}", fleet.db);
    fleet.execute(&format!("CREATE ROLE {role} LOGIN"), &[]);
    fleet.execute(&format!("GRANT USAGE ON SCHEMA accord TO {role}"), &[]);
    fleet.execute(&format!("GRANT EXECUTE ON FUNCTION accord.report_to(text, text, jsonb) TO {role}"), &[]);
    fleet.execute(&format!("CREATE SCHEMA flow AUTHORIZATION {role}"), &[]);
    let mut own = fleet.ground.cluster.try_client_as(&fleet.db, &role).expect("connect");
    batch(
        &mut own,
        "CREATE TABLE flow.seen (who name, alarm jsonb);
         CREATE FUNCTION flow.note(jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO flow.seen SELECT current_user, $1';
         CREATE FUNCTION flow.climb(jsonb) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RESET ROLE; SET ROLE postgres; DELETE FROM accord.fleet_member; RETURN 1; END $$;
         CREATE FUNCTION flow.reach(jsonb) RETURNS void LANGUAGE sql AS 'DELETE FROM accord.fleet_member';
         CREATE FUNCTION flow.fail(jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
         CREATE FUNCTION flow.hang(jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(60)';
         SET search_path = flow",
    );
    assert!(failure(&mut own, "SELECT accord.report_to('x', 'function flow.none')").says("flow.none(jsonb) does not exist"));
    for name in ["note", "climb", "fail", "reach"] {
        batch(&mut own, &format!("SELECT accord.report_to('{name}', 'function {name}', '{{\"attempts\": 1}}')"));
    }
    batch(&mut own, "SELECT accord.report_to('hang', 'function flow.hang', '{\"attempts\": 1, \"timeout\": 3}')");
    fleet.there("a", "DROP VIEW shop.open");
    fleet.compare();
    let begun = Instant::now();
    fleet.compare();
    assert!(begun.elapsed() < Duration::from_secs(10), "a comparison waited for a function");
    settled(&mut fleet, "hang", &["open | given up | 1 | view shop.open is missing"]);
    settled(&mut fleet, "note", &["open | sent | 1 | view shop.open is missing"]);
    settled(&mut fleet, "reach", &["open | given up | 1 | view shop.open is missing"]);
    let reasons = fleet.rows("SELECT channel, reason FROM accord.fleet_messages WHERE delivery = 'given up' ORDER BY channel");
    for (reason, says) in
        reasons.iter().zip(["climb | cannot set parameter \"role\"", "fail | not today", "hang | canceling", "reach | permission denied"])
    {
        assert!(reason.starts_with(says), "{reasons:#?}");
    }
    let seen: Vec<(String, String)> = own
        .query("SELECT s.who::text, s.alarm ->> 'what' FROM flow.seen s", &[])
        .expect("seen")
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    assert_eq!(seen, [(role, "view shop.open is missing".to_owned())]);
    // The process ends when nothing is left to call, and the role's tables are its own.
    wait_until("the process that calls has ended", || {
        scalar::<i64>(&mut fleet.client, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_accord fleet report'") == 0
    });
}

#[test]
fn targets_that_make_no_sense_are_refused() {
    let mut fleet = Fleet::shared();
    for (arguments, says) in [
        ("'x', 'gopher://x'", "cannot be reported there"),
        ("'x', 'https://x', '{\"colour\": 1}'", "cannot be reported there"),
        ("'x', 'smtp://x'", "cannot be reported there"),
        ("'x', 'https://x', '{\"selection\": \"a = \"}'", "selection cannot be read"),
        ("'', 'https://x'", "cannot be reported there"),
        ("'x', 'function no.such'", "does not exist"),
    ] {
        let sql = format!("SELECT accord.report_to({arguments})");
        let failure = failure(&mut fleet.client, &sql);
        assert!(failure.says(says), "{sql}: {failure:?}");
        failure.assert_clear();
    }
    assert!(failure(&mut fleet.client, "SELECT accord.stop_reports('x')").says("nothing is reported"));
}
