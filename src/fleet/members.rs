//! Who belongs to the fleet, and who is to be looked at. Runs in a person's transaction or in the watch's.

use super::rights::{self, Operation, Rights};
use super::select::{Selection, Subject};
use crate::conninfo::{Conninfo, ConninfoError, Environment};
use crate::error::{Error, Result};
use crate::model::Document;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::{process, wake, xact};
use pgrx::prelude::*;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// A member, as far as selections ask.
pub struct Member {
    /// `accord.fleet_member.id`
    pub id: i64,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Map<String, Value>,
    /// Seconds since it was last down.
    pub down: Option<f64>,
    /// Applications that it is about to meet.
    pub expects: Vec<String>,
}

impl Member {
    /// As a selection is asked of it.
    pub fn subject(&self) -> Subject<'_> {
        Subject { name: &self.name, labels: Some(&self.labels), down: self.down, expects: &self.expects }
    }
}

/// A selection; the error says how one is written.
pub fn selection(text: &str) -> Result<Selection> {
    text.parse().map_err(|why| {
        Error::invalid("the selection cannot be read").detail(format!("{why}.")).hint(
            "A selection is e.g. 'env = prod, shard in (1..64)', 'database in (shop_1, shop_2)', 'down within 1h' or 'expects billing'.",
        )
    })
}

/// Labels, which are scalars or lists of them.
fn checked(labels: &Value) -> Result<()> {
    let wrong = |detail: String| {
        Error::invalid("the labels cannot be read").detail(detail).hint("Labels are e.g. {\"env\": \"prod\", \"shard\": 7}.")
    };
    let Value::Object(map) = labels else { return Err(wrong("They are a JSON object.".to_owned())) };
    for (name, value) in map {
        let scalar = |value: &Value| !value.is_object() && !value.is_array();
        if name == "database" {
            return Err(wrong("\"database\" is the name of the database itself.".to_owned()));
        }
        if !(scalar(value) || value.as_array().is_some_and(|list| list.iter().all(scalar))) {
            return Err(wrong(format!("\"{name}\" is neither a value nor a list of values.")));
        }
    }
    Ok(())
}

fn bad_conninfo(error: &ConninfoError) -> Error {
    Error::invalid(format!("the connection string cannot be used: {error}")).hint(
        "It is written as for libpq: host=… dbname=… user=…, or postgresql://…; keep the password in a password file or a service file.",
    )
}

fn check_conninfo(conninfo: &str) -> Result<Conninfo> {
    let read = Conninfo::parse(conninfo).map_err(|error| bad_conninfo(&error))?;
    read.resolve(&Environment::of_process()).map_err(|error| bad_conninfo(&error))?;
    Ok(read)
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err(Error::invalid("a database's name in the fleet has 1 to 200 bytes and no control characters")
            .hint("Names are yours to choose, e.g. 'shop_eu_1'."));
    }
    Ok(())
}

/// Has the watch look at the tables after the commit, and says so where there is none.
pub fn nudge() {
    xact::mark_captured();
    if !wake::worker_running() {
        Error::state("no worker serves this database: nothing is compared until one does")
            .hint("Put pg_accord in shared_preload_libraries and this database's name in accord.databases.")
            .warn();
    }
}

/// `accord.add_database`
pub fn add(spi: &Spi, name: &str, conninfo: Option<&str>, labels: &Value) -> Result<()> {
    check_name(name)?;
    checked(labels)?;
    if let Some(conninfo) = conninfo {
        check_conninfo(conninfo)?;
    }
    let rows = spi.query(
        "INSERT INTO accord.fleet_member (name, conninfo, labels) VALUES ($1, $2, $3::jsonb) ON CONFLICT (name) DO NOTHING RETURNING id",
        &[Arg::Text(name), Arg::MaybeText(conninfo), Arg::Text(&labels.to_string())],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT, format!("database \"{name}\" is in the fleet already"))
            .hint("Choose another name, or SELECT accord.remove_database(…) first."));
    }
    rights::note(spi, "add_database", &json!({"database": name, "labels": labels}))?;
    nudge();
    Ok(())
}

/// `accord.remove_database`
pub fn remove(spi: &Spi, name: &str) -> Result<()> {
    let rows = spi.query("DELETE FROM accord.fleet_member WHERE name = $1 RETURNING id", &[Arg::Text(name)], See::Transaction)?;
    if rows.is_empty() {
        return Err(unknown(name));
    }
    rights::note(spi, "remove_database", &json!({"database": name}))?;
    nudge();
    Ok(())
}

/// `accord.set_labels`
pub fn set_labels(spi: &Spi, name: &str, labels: &Value) -> Result<()> {
    checked(labels)?;
    let rows = spi.query(
        "UPDATE accord.fleet_member SET labels = $2::jsonb, asked = asked + 1 WHERE name = $1 RETURNING id",
        &[Arg::Text(name), Arg::Text(&labels.to_string())],
        See::Transaction,
    )?;
    let Some(row) = rows.first() else { return Err(unknown(name)) };
    rights::note(spi, "set_labels", &json!({"database": name, "labels": labels}))?;
    // Mappings and variants may be others.
    spi.run("UPDATE accord.fleet_verdict SET fingerprint = NULL WHERE member = $1", &[Arg::Int(row.int(0))])?;
    nudge();
    Ok(())
}

/// A name that nobody has.
pub fn unknown(name: &str) -> Error {
    Error::undefined(format!("database \"{name}\" is not in the fleet")).hint("SELECT name FROM accord.databases lists them.")
}

/// `accord.discover`
pub fn discover(spi: &Spi, conninfo: &str, pattern: &str, labels: &Value, prefix: &str) -> Result<()> {
    checked(labels)?;
    check_conninfo(conninfo)?;
    spi.run(
        "INSERT INTO accord.fleet_source (conninfo, pattern, labels, prefix) VALUES ($1, $2, $3::jsonb, $4)",
        &[Arg::Text(conninfo), Arg::Text(pattern), Arg::Text(&labels.to_string()), Arg::Text(prefix)],
    )?;
    rights::note(spi, "discover", &json!({"pattern": pattern, "labels": labels, "prefix": prefix}))?;
    nudge();
    Ok(())
}

/// Of these members, those that are none any longer.
pub fn gone(spi: &Spi, kept: &[String]) -> Result<Vec<i64>> {
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let rows = spi.query(
        "SELECT k.id::int8 FROM unnest($1) k (id) WHERE NOT EXISTS (SELECT FROM accord.fleet_member m WHERE m.id = k.id::int8)",
        &[Arg::Texts(kept)],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| row.int(0)).collect())
}

/// What a discovery found: databases that are new become members.
pub fn discovered(
    spi: &Spi,
    source: i64,
    asked: i64,
    found: &std::result::Result<Vec<String>, crate::worker::messages::Cause>,
) -> Result<()> {
    let rows = spi.query(
        "SELECT s.conninfo, s.labels::text, s.prefix FROM accord.fleet_source s WHERE s.id = $1",
        &[Arg::Int(source)],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(()) };
    let reason = found.as_ref().err().map(crate::worker::messages::Cause::json);
    let conninfo = Conninfo::parse(&row.text(0)).map_err(|error| bad_conninfo(&error))?;
    for name in found.iter().flatten() {
        spi.run(
            "INSERT INTO accord.fleet_member (name, conninfo, labels, source) VALUES ($1, $2, $3::jsonb, $4) ON CONFLICT (name) DO NOTHING",
            &[
                Arg::Text(&format!("{}{name}", row.text(2))),
                Arg::Text(&conninfo.for_database(name)),
                Arg::Text(&row.text(1)),
                Arg::Int(source),
            ],
        )?;
    }
    spi.run(
        "UPDATE accord.fleet_source SET answered = greatest(answered, $2), reason = $3::jsonb,
                next_at = clock_timestamp() + CASE WHEN $3 IS NULL THEN interval '5 min' ELSE interval '30 s' END WHERE id = $1",
        &[Arg::Int(source), Arg::Int(asked), Arg::MaybeText(reason.as_deref())],
    )
}

/// Discoveries that are due: id, what was asked, connection string, pattern.
pub fn surveys(spi: &Spi, busy: &[String]) -> Result<Vec<(i64, i64, String, String)>> {
    let rows = spi.query(
        "SELECT s.id, s.asked, s.conninfo, s.pattern FROM accord.fleet_source s
          WHERE (s.asked > s.answered OR s.next_at <= clock_timestamp()) AND s.id::text <> ALL ($1)",
        &[Arg::Texts(busy)],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| (row.int(0), row.int(1), row.text(2), row.text(3))).collect())
}

/// Every member, as far as selections ask.
pub fn all(spi: &Spi) -> Result<Vec<Member>> {
    let expecting = spi.query(
        "SELECT e.member, e.event, e.detail ->> 'application' FROM accord.fleet_event e
          WHERE e.event IN ('expects', 'deployed', 'failed') AND e.detail ->> 'application' IS NOT NULL ORDER BY e.id",
        &[],
        See::Latest,
    )?;
    let mut expects: std::collections::HashMap<i64, Vec<String>> = std::collections::HashMap::new();
    for row in &expecting {
        let list = expects.entry(row.int(0)).or_default();
        let application = row.text(2);
        list.retain(|other| *other != application);
        if row.text(1) == "expects" {
            list.push(application);
        }
    }
    let rows = spi.query(
        "SELECT m.id, m.name, m.labels::text,
                CASE WHEN m.down_since IS NOT NULL THEN '0' ELSE extract(epoch FROM clock_timestamp() - m.back_at)::text END
           FROM accord.fleet_member m ORDER BY m.name",
        &[],
        See::Latest,
    )?;
    rows.iter()
        .map(|row| {
            let id = row.int(0);
            Ok(Member {
                id,
                name: row.text(1),
                labels: serde_json::from_str(&row.text(2))?,
                down: row.maybe_text(3).and_then(|text| text.parse().ok()),
                expects: expects.remove(&id).unwrap_or_default(),
            })
        })
        .collect()
}

/// The members that a selection selects.
pub fn selected(spi: &Spi, selection: &Selection) -> Result<Vec<Member>> {
    Ok(all(spi)?.into_iter().filter(|member| selection.selects(&member.subject())).collect())
}

/// Ids as an array of a statement.
pub fn ids<'a>(members: impl IntoIterator<Item = &'a Member>) -> Vec<String> {
    members.into_iter().map(|member| member.id.to_string()).collect()
}

/// `accord.compare`: the watch compares these after the commit; `full` reads their catalogs.
pub fn compare(spi: &Spi, text: &str, full: bool) -> Result<i64> {
    let rights = Rights::of_caller(spi)?;
    let members = rights.selected(spi, Operation::Compare, text)?;
    rights.record(spi, "compare", &json!({"selection": text, "full": full, "databases": members.len()}))?;
    spi.run(
        "UPDATE accord.fleet_member SET asked = asked + 1, full_read = full_read OR $2 WHERE id = ANY ($1::bigint[])",
        &[Arg::Texts(&ids(&members)), Arg::Bool(full)],
    )?;
    nudge();
    Ok(members.len() as i64)
}

/// `accord.wait_for_fleet`: until everything that was asked of these before the call is answered.
pub fn wait(spi: &Spi, text: &str, timeout: Duration) -> Result<i64> {
    let rights = Rights::of_caller(spi)?;
    let deadline = Instant::now() + timeout;
    let mut wanted: Option<Vec<(String, i64)>> = None;
    let mut pause = 1;
    wake::wake_worker();
    loop {
        // What is to be found first: databases of a server, models that become baselines.
        let rows = spi.query(
            "SELECT (SELECT count(*) FROM accord.fleet_source s WHERE s.asked > s.answered)
                  + (SELECT count(*) FROM accord.fleet_wish w JOIN accord.fleet_member m ON m.id = w.member WHERE m.failures = 0)",
            &[],
            See::Latest,
        )?;
        let first = rows.first().filter(|_| rights.administers()).map_or(0, |row| row.int(0));
        if first == 0 && wanted.is_none() {
            let ids = ids(&rights.selected(spi, Operation::Inspect, text)?);
            let rows = spi.query(
                "SELECT m.id::text, m.asked FROM accord.fleet_member m WHERE m.id = ANY ($1::bigint[])",
                &[Arg::Texts(&ids)],
                See::Latest,
            )?;
            wanted = Some(rows.iter().map(|row| (row.text(0), row.int(1))).collect());
        }
        if let Some(wanted) = &wanted {
            let (ids, asked): (Vec<String>, Vec<String>) = wanted.iter().map(|(id, asked)| (id.clone(), asked.to_string())).unzip();
            let rows = spi.query(
                "SELECT m.name FROM unnest($1::bigint[], $2::bigint[]) w (id, asked) JOIN accord.fleet_member m ON m.id = w.id
                  WHERE m.answered < w.asked ORDER BY m.name LIMIT 5",
                &[Arg::Texts(&ids), Arg::Texts(&asked)],
                See::Latest,
            )?;
            if rows.is_empty() {
                return Ok(wanted.len() as i64);
            }
            if Instant::now() >= deadline {
                let names: Vec<String> = rows.iter().map(|row| row.text(0)).collect();
                return Err(late(timeout).detail(format!("Not compared yet are {}.", names.join(", "))));
            }
        } else if Instant::now() >= deadline {
            return Err(late(timeout).detail("Databases that are to be discovered or read for a baseline come first."));
        }
        process::pause(Duration::from_millis(pause).min(deadline.saturating_duration_since(Instant::now())).max(Duration::from_millis(1)));
        pause = (pause + 1).min(50);
    }
}

fn late(timeout: Duration) -> Error {
    Error::state(format!("the fleet was not compared within {} s", timeout.as_secs_f64())).hint(if wake::fleet_watched() {
        "What the calling transaction asked for is done after its commit; accord.databases shows where each stands."
    } else {
        "No worker watches the fleet: put pg_accord in shared_preload_libraries and this database's name in accord.databases."
    })
}

/// `accord.report_event`: what somebody knows to have happened; the database is compared anew.
pub fn report_event(spi: &Spi, name: &str, event: &str, detail: &Value) -> Result<()> {
    if event.is_empty() || event.len() > 63 {
        return Err(
            Error::invalid("an event is a word of 1 to 63 bytes").hint("'expects', 'deployed' and 'failed' name an application in detail.")
        );
    }
    let rights = Rights::of_caller(spi)?;
    let member = rights.member(spi, Operation::Compare, name)?;
    rights.record(spi, "report_event", &json!({"database": name, "event": event, "detail": detail}))?;
    spi.run(
        "INSERT INTO accord.fleet_event (member, event, detail) VALUES ($1, $2, $3::jsonb)",
        &[Arg::Int(member.id), Arg::Text(event), Arg::Text(&detail.to_string())],
    )?;
    spi.run("UPDATE accord.fleet_member SET asked = asked + 1, full_read = true WHERE id = $1", &[Arg::Int(member.id)])?;
    nudge();
    Ok(())
}

/// `accord.submit_model`: the model of a member that lets nobody in.
pub fn submit(spi: &Spi, name: &str, model: &Value) -> Result<()> {
    let read = Document::read(model.clone()).map_err(|error| {
        Error::invalid("the model cannot be read").detail(format!("{error}.")).hint("A model is what accord.export_model() gives there.")
    })?;
    crate::protocol::check_facts(&read.facts).map_err(|why| {
        Error::invalid("the model holds a text that would not stay in its place in a statement").detail(format!("{why}."))
    })?;
    let rows = spi.query(
        "UPDATE accord.fleet_member SET submitted = $2::json, asked = asked + 1, full_read = true WHERE name = $1 AND conninfo IS NULL RETURNING id",
        &[Arg::Text(name), Arg::Text(&model.to_string())],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(Error::undefined(format!("no database \"{name}\" in the fleet sends its model"))
            .hint("SELECT accord.add_database(name, NULL) adds one that does."));
    }
    rights::note(spi, "submit_model", &json!({"database": name}))?;
    nudge();
    Ok(())
}
