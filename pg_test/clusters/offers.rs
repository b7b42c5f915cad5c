//! The handshake's messages, sent by hand: malformed, from another time, from another history.

use crate::support::link::{Failure, scalar};
use crate::support::{Link, Pair, Proxy};
use postgres::Client;
use serde_json::{Value, json};

fn call(client: &mut Client, function: &str, message: &Value) -> Result<Value, Failure> {
    client
        .query_one(&format!("SELECT accord.{function}($1::text::jsonb)::text"), &[&message.to_string()])
        .map(|row| serde_json::from_str(&row.get::<_, String>(0)).expect("a verdict is JSON"))
        .map_err(|error| Failure::from(&error))
}

/// The code by which a message was refused, by a verdict or by an error.
#[track_caller]
fn refusal(answer: Result<Value, Failure>) -> String {
    match answer {
        Ok(verdict) => {
            assert_eq!(verdict["state"], "rejected", "{verdict:#}");
            let reason = &verdict["reasons"][0];
            assert!(reason["message"].as_str().is_some_and(|text| !text.is_empty()), "in words: {verdict:#}");
            reason["code"].as_str().unwrap_or_default().to_owned()
        }
        Err(error) => {
            error.assert_clear();
            error.sqlstate().to_owned()
        }
    }
}

/// A link, and the offer by which its newest version came: a true one, overheard on its way, to be spoiled.
fn ready() -> (Link, Value) {
    let link = Link::bare(Pair::shared());
    let proxy = Proxy::to(link.pair.replica.port());
    link.add_at(&link.pair.replica.conninfo_at(&link.db, proxy.port()), "{}");
    link.wait();
    proxy.listen();
    link.follow("CREATE TABLE public.a (id int)");
    let version = link.version();
    let offer =
        proxy.heard("{\"protocol\"").into_iter().rfind(|message| message["position"]["version"] == version).expect("the offer passed by");
    // From here on the replica is reached at its own port.
    link.run("SELECT accord.drop_replica('warehouse')");
    drop(proxy);
    link.add("{}");
    link.wait();
    (link, offer)
}

/// Both functions refuse it, and nothing was recorded.
#[track_caller]
fn refused_by_both(link: &Link, offer: &Value, codes: &[&str]) {
    let mut client = link.replica();
    let count = "SELECT count(*) FROM accord.applied";
    let before: i64 = scalar(&mut client, count);
    for (function, message) in [("negotiate", offer.clone()), ("apply", json!({"offer": offer}))] {
        let code = refusal(call(&mut client, function, &message));
        assert!(codes.contains(&code.as_str()), "{function} says {code}, not one of {codes:?}");
    }
    assert_eq!(before, scalar::<i64>(&mut client, count), "something was recorded");
    drop(client);
    link.follow("CREATE TABLE public.still_works (id int)");
    link.assert_agreement();
}

#[test]
fn malformed_messages() {
    let (link, offer) = ready();
    let mut client = link.replica();
    let mut unknown_field = offer.clone();
    unknown_field["surprise"] = json!(1);
    let mut without_source = offer.clone();
    without_source.as_object_mut().expect("an object").remove("source");
    let mut wrong_type = offer.clone();
    wrong_type["position"] = json!("seven");
    let mut bad_hash = offer.clone();
    bad_hash["fingerprint_after"] = json!("abc");
    let mut bad_change = offer.clone();
    bad_change["events"][0]["changes"] = json!([{"what": "is this"}]);
    for message in
        [json!({}), json!([]), json!(null), json!("text"), json!(7), unknown_field, without_source, wrong_type, bad_hash, bad_change]
    {
        for (function, message) in [("negotiate", message.clone()), ("apply", json!({"offer": message})), ("hello", message)] {
            let code = refusal(call(&mut client, function, &message));
            assert_eq!(code, if function == "hello" { "22023" } else { "malformed" }, "{function} of {message}");
        }
    }
    drop(client);
    link.assert_agreement();
}

#[test]
fn truncated_messages() {
    let (link, offer) = ready();
    let mut client = link.replica();
    let text = offer.to_string();
    for part in [1, text.len() / 3, text.len() - 1] {
        let error = client.query_one("SELECT accord.negotiate($1::text::jsonb)", &[&&text[..part]]).expect_err("truncated JSON is no JSON");
        assert_eq!(error.code().map(postgres::error::SqlState::code), Some("22P02"));
    }
}

#[test]
fn an_unknown_protocol_version() {
    let (link, mut offer) = ready();
    offer["protocol"] = json!(99);
    refused_by_both(&link, &offer, &["unknown_protocol"]);
}

#[test]
fn hello_in_an_unknown_protocol_says_what_is_spoken() {
    let (link, offer) = ready();
    let error = call(&mut link.replica(), "hello", &json!({"protocol": 99, "source": offer["source"], "replica": "warehouse"}))
        .expect_err("nobody speaks it");
    error.assert_clear();
    assert_eq!(error.sqlstate(), "0A000");
    assert!(error.says("speaks protocol versions 1 to 2"), "{}", error.0);
}

#[test]
fn hello_says_where_the_replica_stands() {
    let (link, offer) = ready();
    let hello = json!({"protocol": offer["protocol"], "source": offer["source"], "replica": "warehouse"});
    let standing = call(&mut link.replica(), "hello", &hello).expect("a standing");
    assert_eq!(standing["position"], offer["position"]);
    assert_eq!(standing["fingerprint"], offer["fingerprint_after"]);
}

#[test]
fn an_offer_that_was_applied_already() {
    let (link, offer) = ready();
    let verdict = call(&mut link.replica(), "apply", &json!({"offer": offer})).expect("a verdict");
    assert_eq!((&verdict["state"], &verdict["already"]), (&json!("applied"), &json!(true)), "{verdict:#}");
    link.follow("CREATE TABLE public.next (id int)");
    link.assert_agreement();
}

#[test]
fn an_offer_out_of_order() {
    let (link, mut offer) = ready();
    let version = offer["position"]["version"].as_i64().expect("a number");
    offer["position"] = json!({"version": version + 5, "id": "ab".repeat(32)});
    offer["parent"] = json!({"version": version + 4, "id": "cd".repeat(32)});
    refused_by_both(&link, &offer, &["out_of_order", "unknown_parent"]);
}

#[test]
fn an_offer_of_another_history() {
    let (link, mut offer) = ready();
    let version = offer["position"]["version"].as_i64().expect("a number");
    offer["position"] = json!({"version": version + 1, "id": "ab".repeat(32)});
    offer["parent"] = json!({"version": version, "id": "cd".repeat(32)});
    refused_by_both(&link, &offer, &["unknown_parent"]);
}

#[test]
fn an_offer_whose_promise_is_wrong_is_rolled_back() {
    let (link, mut offer) = ready();
    let version = offer["position"]["version"].as_i64().expect("a number");
    // The next version by its position; its changes are those of the last one's table under another name.
    offer["parent"] = offer["position"].clone();
    offer["position"] = json!({"version": version + 1, "id": "ab".repeat(32)});
    offer["fingerprint_before"] = offer["fingerprint_after"].clone();
    offer["fingerprint_after"] = json!("ef".repeat(32));
    let renamed = offer["events"].to_string().replace("\"a\"", "\"forged\"");
    offer["events"] = serde_json::from_str(&renamed).expect("still JSON");
    let verdict = call(&mut link.replica(), "apply", &json!({"offer": offer})).expect("a verdict");
    assert_eq!((&verdict["state"], &verdict["reasons"][0]["code"]), (&json!("rolled_back"), &json!("not_verified")), "{verdict:#}");
    assert!(!link.exists_there("public.forged"), "what was not verified was undone");
    link.follow("CREATE TABLE public.next (id int)");
    link.assert_agreement();
}

#[test]
fn no_sql_from_the_wire_is_executed() {
    let (link, mut offer) = ready();
    let version = offer["position"]["version"].as_i64().expect("a number");
    offer["parent"] = offer["position"].clone();
    offer["position"] = json!({"version": version + 1, "id": "ab".repeat(32)});
    offer["fingerprint_before"] = offer["fingerprint_after"].clone();
    offer["events"][0]["statement"] = json!("CREATE TABLE public.injected (id int)");
    offer["events"][0]["changes"] = json!([]);
    let verdict = call(&mut link.replica(), "apply", &json!({"offer": offer})).expect("a verdict");
    assert_eq!(verdict["state"], "applied", "a version without changes: {verdict:#}");
    assert!(!link.exists_there("public.injected"));
    let injection = "x\"; DROP TABLE public.a; --";
    let mut client = link.replica();
    for function in ["negotiate", "hello"] {
        let forged = json!({"protocol": 1, "source": offer["source"], "replica": injection, "kind": injection});
        call(&mut client, function, &forged).ok();
    }
    assert!(link.exists_there("public.a"));
}

#[test]
fn negotiate_promises_nothing_and_changes_nothing() {
    let link = Link::with_policy(Pair::shared(), r#"{"require_approval": "always"}"#);
    link.run("CREATE TABLE public.a (id int)");
    link.until_state(&["held"]);
    let negotiated: String =
        scalar(&mut link.source(), "SELECT coalesce(negotiation::text, '') FROM accord.delivery ORDER BY version DESC LIMIT 1");
    for part in ["impact", "steps", "rollback", "estimate"] {
        assert!(negotiated.contains(&format!("\"{part}\"")), "the verdict lacks {part}: {negotiated}");
    }
    assert!(!link.exists_there("public.a"));
}

#[test]
fn a_statement_smuggled_in_a_text() {
    let (link, mut offer) = ready();
    let changes = offer["events"][0]["changes"].as_array_mut().expect("changes");
    let column = changes.iter_mut().find(|change| change["after"]["kind"] == "column").expect("a column");
    column["after"]["attributes"]["type"] = json!("integer); CREATE TABLE public.smuggled (id int); --");
    refused_by_both(&link, &offer, &["malformed"]);
    let there: bool = scalar(&mut link.replica(), "SELECT to_regclass('public.smuggled') IS NOT NULL");
    assert!(!there, "the smuggled statement ran");
}
