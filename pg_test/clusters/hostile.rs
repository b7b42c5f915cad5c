//! A hostile source and a hostile replica: damaged, forged, oversized, nested, replayed and reordered messages, given
//! to real servers. At worst a rejection: no process ends, no panic, nothing that was not verified stays.
//!
//! `ACCORD_FUZZ` multiplies the number of messages.

#[path = "../fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;

use crate::support::link::{Failure, batch, scalar};
use crate::support::{Cluster, Link, Pair, Proxy, dump, say, wait_until};
use bodies::{Choices, damage, damaged_facts};
use postgres::Client;
use serde_json::{Value, json};

fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut hasher = std::hash::DefaultHasher::new();
    (0..length.div_ceil(8))
        .flat_map(|i| {
            use std::hash::{Hash as _, Hasher as _};
            (seed, i).hash(&mut hasher);
            hasher.finish().to_le_bytes()
        })
        .take(length)
        .collect()
}

fn times() -> u64 {
    std::env::var("ACCORD_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// An answer, or an error that a caller can do something with.
#[track_caller]
fn tried(client: &mut Client, function: &str, message: &str) -> Option<Value> {
    match client.query_one(&format!("SELECT accord.{function}($1::text::jsonb)::text"), &[&message]) {
        Ok(row) => Some(serde_json::from_str(&row.get::<_, String>(0)).expect("an answer is JSON")),
        Err(error) => {
            let failure = Failure::from(&error);
            assert!(failure.1.is_some(), "{function} ended the connection: {}\n{message:.2000}", failure.0);
            assert!(!failure.says("panicked") && failure.sqlstate() != "XX000", "{function}: {}\n{message:.2000}", failure.0);
            None
        }
    }
}

#[track_caller]
fn nothing_broke(cluster: &Cluster) {
    let log = cluster.log();
    let broken: Vec<&str> = log
        .lines()
        .filter(|line| ["terminated by signal", "PANIC:", "panicked", "ended by a defect", "TRAP:"].iter().any(|word| line.contains(word)))
        .take(5)
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Offers: a true one that was overheard, with some of its values replaced; and well-formed ones whose changes are
/// damaged facts of every kind, next in order by all that the replica knows. Each is negotiated, and applied in a
/// transaction that is rolled back; the connection serves the next one.
#[test]
fn a_hostile_source() {
    let pair = Pair::own("hostile source");
    let link = Link::bare(pair);
    let proxy = Proxy::to(link.pair.replica.port());
    link.add_at(&link.pair.replica.conninfo_at(&link.db, proxy.port()), "{}");
    link.wait();
    proxy.listen();
    link.follow(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY, note text); CREATE VIEW shop.v AS SELECT id FROM shop.orders",
    );
    let true_one = proxy.heard("{\"protocol\"").into_iter().rfind(|message| message["position"].is_object()).expect("an offer passed by");
    link.run("SELECT accord.pause_replica('warehouse')");
    drop(proxy);
    let mut client = link.replica();
    let hello = json!({"protocol": 2, "source": true_one["source"], "replica": "warehouse"});
    let standing = tried(&mut client, "hello", &hello.to_string()).expect("a standing");
    let before = dump::schema(&link.pair.replica, &link.db);
    let recorded =
        "SELECT (SELECT count(*) FROM accord.applied), (SELECT count(*) FROM accord.mirror), (SELECT version FROM accord.upstream)::text";
    let row = client.query_one(recorded, &[]).expect("what is recorded");
    let held: (i64, i64, String) = (row.get(0), row.get(1), row.get(2));
    let version = standing["position"]["version"].as_i64().expect("a version");
    let mut next = true_one.clone();
    next["parent"] = standing["position"].clone();
    next["position"] = json!({"version": version + 1, "id": "ab".repeat(32)});
    next["fingerprint_before"] = standing["fingerprint"].clone();
    let (mut inputs, mut accepted, mut rejected, mut errors) = (0u64, 0u64, 0u64, 0u64);
    let mut give = |client: &mut Client, offer: &Value| {
        let text = offer.to_string();
        inputs += 2;
        let answers = [tried(client, "negotiate", &text), {
            batch(client, "BEGIN; SET LOCAL statement_timeout = '20s'");
            let answer = tried(client, "apply", &format!("{{\"offer\":{text}}}"));
            batch(client, "ROLLBACK");
            answer
        }];
        for answer in answers {
            match answer {
                Some(verdict) if verdict["state"] == "rejected" || verdict["state"] == "rolled_back" || verdict["state"] == "held" => {
                    rejected += 1;
                }
                Some(_) => accepted += 1,
                None => errors += 1,
            }
        }
    };
    for seed in 0..250 * times() {
        let material = bytes(seed, 300);
        let mut choices = Choices::new(&material);
        let mut offer = if seed % 3 == 0 { true_one.clone() } else { next.clone() };
        if seed % 3 == 1 {
            let facts = damaged_facts(&mut choices);
            let changes: Vec<Value> = facts
                .into_iter()
                .enumerate()
                .map(|(i, fact)| match i % 5 {
                    0 => json!({"before": fact}),
                    1 => json!({"before": fact, "after": fact}),
                    _ => json!({"after": fact}),
                })
                .collect();
            offer["events"][0]["changes"] = json!(changes);
        } else {
            for _ in 0..=material[0] % 4 {
                damage(&mut offer, &mut choices);
            }
        }
        give(&mut client, &offer);
    }
    // Oversized, deep, many, replayed, reordered.
    let mut huge = next.clone();
    huge["events"][0]["statement"] = json!("x".repeat(20 << 20));
    let mut long_name = next.clone();
    long_name["events"][0]["changes"] = json!([{"after": {"kind": "schema", "path": ["n".repeat(1 << 20)], "attributes": {}}}]);
    let mut many = next.clone();
    many["events"] = json!(vec![next["events"][0].clone(); 2000]);
    let mut deep_body = next.clone();
    let deep_text = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    deep_body["events"][0]["changes"] =
        json!([{"after": {"kind": "default", "path": ["shop", "orders", "note"], "attributes": {"expression": deep_text}}}]);
    let mut ahead = next.clone();
    ahead["position"]["version"] = json!(version + 7);
    let mut back = next.clone();
    back["position"]["version"] = json!(-1);
    let mut last = next.clone();
    last["position"]["version"] = json!(i64::MAX);
    for offer in [&huge, &long_name, &many, &deep_body, &ahead, &back, &last, &true_one, &true_one] {
        give(&mut client, offer);
    }
    for depth in [100, 5_000, 6_000_000] {
        tried(&mut client, "negotiate", &format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        let deep = true_one.to_string().replacen("\"events\":[", &format!("\"events\":{}", "[".repeat(depth)), 1);
        tried(&mut client, "apply", &format!("{{\"offer\":{deep}{}}}", "]".repeat(depth - 1)));
        inputs += 2;
    }
    for seed in 0..100 * times() {
        for (function, message) in
            [("hello", &hello), ("inspect", &json!({"protocol": 2, "source": true_one["source"], "replica": "w", "read": false}))]
        {
            let mut message = message.clone();
            damage(&mut message, &mut Choices::new(&bytes(seed, 40)));
            tried(&mut client, function, &message.to_string());
            inputs += 1;
        }
    }
    say!("hostile source: {inputs} messages, {rejected} refused, {errors} errors, {accepted} without an objection");
    assert!(rejected > inputs / 2, "most are refused, and by a verdict");
    drop(client);
    let row = link.replica().query_one(recorded, &[]).expect("what is recorded");
    assert_eq!((row.get(0), row.get(1), row.get::<_, String>(2)), held, "something was recorded");
    if let Some(difference) = dump::difference(&before, &dump::schema(&link.pair.replica, &link.db)) {
        panic!("something was applied: {difference}");
    }
    nothing_broke(&link.pair.replica);
    // At its own port: the proxy is gone.
    link.run("SELECT accord.drop_replica('warehouse')");
    link.add("{}");
    link.follow("ALTER TABLE shop.orders ADD COLUMN still_works int");
    link.assert_agreement();
}

/// A replica whose functions answer with whatever comes: beside an honest one, which is served as ever.
#[test]
fn a_hostile_replica() {
    let link = Link::attached(Pair::own("hostile replica"));
    link.follow("CREATE TABLE public.a (id int)");
    // True answers of the honest one, to be spoiled.
    let mut client = link.replica();
    let source: String = scalar(&mut client, "SELECT source::text FROM accord.upstream");
    let hello = json!({"protocol": 2, "source": source, "replica": "warehouse"});
    let standing = tried(&mut client, "hello", &hello.to_string()).expect("a standing");
    let inspection =
        tried(&mut client, "inspect", &json!({"protocol": 2, "source": source, "replica": "warehouse", "read": false}).to_string())
            .expect("an inspection");
    let verdict: String = scalar(&mut link.source(), "SELECT outcome::text FROM accord.delivery ORDER BY version DESC LIMIT 1");
    let verdict: Value = serde_json::from_str(&verdict).expect("a verdict");
    let mut fresh = standing.clone();
    fresh["ledger"] = json!("0190b0a0-0000-7000-8000-00000000dead");
    fresh.as_object_mut().expect("an object").retain(|key, _| key != "position" && key != "fingerprint");

    let hostile = format!("{}_hostile", link.db);
    link.pair.replica.createdb(&hostile);
    let mut there = link.pair.replica.client(&hostile);
    batch(
        &mut there,
        "CREATE SCHEMA accord; CREATE TABLE accord.answer (f text, n bigint, body text, PRIMARY KEY (f, n)); CREATE SEQUENCE accord.given",
    );
    for function in ["hello", "inspect", "negotiate", "apply"] {
        batch(
            &mut there,
            &format!(
                "CREATE FUNCTION accord.{function}(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
                 DECLARE given text; BEGIN
                     SELECT body INTO given FROM accord.answer WHERE f = '{function}' AND n = nextval('accord.given') % (SELECT count(*) FROM accord.answer WHERE f = '{function}');
                     IF given IS NULL THEN RETURN NULL; END IF;
                     IF given LIKE 'raise %' THEN RAISE EXCEPTION USING MESSAGE = repeat(given, 1000), ERRCODE = '55P03', DETAIL = given, HINT = given; END IF;
                     RETURN given::jsonb;
                 END $$"
            ),
        );
    }
    let insert = there.prepare("INSERT INTO accord.answer VALUES ($1, $2, $3)").expect("prepare");
    let mut kept: i64 = 0;
    for (function, sample) in [("hello", &fresh), ("inspect", &inspection), ("negotiate", &verdict), ("apply", &verdict)] {
        let mut number: i64 = 0;
        let mut put = |there: &mut Client, text: &str| {
            // What is no JSON for the server cannot be answered.
            if text.starts_with("raise") || !text.contains("\\u0000") {
                there.execute(&insert, &[&function, &number, &text]).expect("an answer");
                number += 1;
                kept += 1;
            }
        };
        for seed in 0..400 {
            let material = bytes(seed, 120);
            let mut choices = Choices::new(&material);
            let mut answer = sample.clone();
            if function != "hello" || seed % 3 == 0 {
                for _ in 0..=material[0] % 3 {
                    damage(&mut answer, &mut choices);
                }
            }
            if function == "negotiate" && seed % 2 == 0 {
                answer = json!({"protocol": 2, "state": "accepted"});
            }
            put(&mut there, &answer.to_string());
        }
        put(&mut there, "raise 'it''s' --");
        put(&mut there, "\"a text\"");
        put(&mut there, &json!({"protocol": 2, "state": "step", "run": "SELECT pg_sleep(0)"}).to_string());
        put(
            &mut there,
            &json!({"protocol": 2, "state": "rejected", "reasons": [{"code": "policy", "message": "x".repeat(5 << 20)}]}).to_string(),
        );
        put(&mut there, &format!("{}{}", "[".repeat(3000), "]".repeat(3000)));
    }
    link.source()
        .execute(
            "SELECT accord.add_replica('hostile', $1, $2::text::jsonb)",
            &[
                &link.pair.replica.conninfo(&hostile),
                &r#"{"retry_initial": 1, "retry_max": 2, "max_attempts": 1000000, "max_lock_attempts": 1000000}"#,
            ],
        )
        .expect("add_replica");
    let wanted = 20_000 * i64::try_from(times()).expect("few");
    let mut round = 0;
    wait_until("it answers", || scalar::<i64>(&mut there, "SELECT last_value FROM accord.given") > 10);
    // Whatever it answers, the honest one is served; and whatever state it comes to, a person can go on.
    let begun = std::time::Instant::now();
    while scalar::<i64>(&mut there, "SELECT last_value FROM accord.given") < wanted && begun.elapsed().as_secs() < 60 * times() {
        round += 1;
        link.run(&format!("CREATE TABLE public.r{round} (id int)"));
        link.wait();
        link.source().batch_execute("SELECT accord.retry('hostile'); SELECT * FROM accord.drift('hostile', '100 ms')").ok();
        link.source().batch_execute("SELECT accord.approve('hostile', accord.version())").ok();
        link.source().batch_execute("SELECT accord.resume_replica('hostile')").ok();
    }
    let given: i64 = scalar(&mut there, "SELECT last_value FROM accord.given");
    say!("hostile replica: {given} answers of {kept}, {round} versions to the honest one beside it");
    assert!(given > 300, "{given}");
    batch(&mut link.source(), "TABLE accord.status; TABLE accord.deliveries; TABLE accord.metrics");
    nothing_broke(&link.pair.source);
    link.run("SELECT accord.drop_replica('hostile')");
    link.follow("ALTER TABLE public.a ADD COLUMN b int");
    link.assert_agreement();
    drop(there);
    wait_until("the connection ends", || {
        scalar::<i64>(
            &mut link.pair.replica.client("postgres"),
            &format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{hostile}'"),
        ) == 0
    });
    link.pair.replica.dropdb(&hostile);
}
