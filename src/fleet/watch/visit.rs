//! A visit to a member: what the server says of itself, the fingerprint where pg_accord is there, the catalogs
//! where that does not tell, and the verdict.

use super::reader;
use super::work::{Answer, Finding, Outcome, Recognised, Seen, Server, Visit, Way, names_key};
use crate::catalog::PINNED_SETTINGS;
use crate::conninfo::Environment;
use crate::fleet::mapping::Mapping;
use crate::fleet::shelf::{Series, seen};
use crate::fleet::verdict::Deviation;
use crate::model::{Fact, Fingerprint, Literal, Projection};
use crate::protocol::Author;
use crate::worker::messages::Cause;
use crate::worker::transport::Failure;
use crate::worker::transport::push::{describe, dial, lost};
use serde_json::Value;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Deviations whose author is looked for.
const AUTHORS: usize = 100;

/// What a server says of itself, in one row of texts.
const SERVER: &str = "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_postmaster_start_time(), pg_catalog.pg_is_in_recovery(),
    CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c) END,
    CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') THEN (SELECT c.timeline_id FROM pg_catalog.pg_control_checkpoint() c) END,
    (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_accord'),
    (SELECT pg_catalog.string_agg(e.extname || ' ' || e.extversion, ', ' ORDER BY e.extname) FROM pg_catalog.pg_extension e),
    (SELECT pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') FROM pg_catalog.pg_proc p
      WHERE p.oid = pg_catalog.to_regprocedure('accord.fingerprint(boolean, jsonb)'))";

/// The newest event that touched a fact, where the role may read it.
const AUTHOR: &str =
    "SELECT e.id::text, pg_catalog.to_json(e.at) #>> '{}', extract(epoch FROM e.at)::float8, e.reconciled, e.context ->> 'session_user',
        e.context ->> 'role', e.context ->> 'application_name', e.statement
   FROM (SELECT * FROM accord.events ORDER BY seq DESC LIMIT 5000) e
  WHERE EXISTS (SELECT FROM pg_catalog.json_array_elements(e.changes) c, (VALUES ('before'), ('after')) s (side)
                 WHERE c.value -> s.side ->> 'kind' = $1 AND c.value -> s.side ->> 'of' IS NOT DISTINCT FROM $2
                   AND (c.value -> s.side -> 'path')::jsonb = $3::text::jsonb)
  ORDER BY e.seq DESC LIMIT 1";

/// A session with a member, in a read-only transaction under the pinned settings.
pub struct Session {
    /// The client.
    pub client: Rc<Client>,
    /// What the server says of itself.
    pub server: Server,
    /// `accord.fingerprint` may be called.
    accord: bool,
}

/// Connects and asks the server who it is. `begin` opens the transaction.
pub async fn enter(
    environment: &Environment,
    conninfo: &str,
    name: &str,
    begin: &str,
    timeout: Duration,
    lock_timeout: Duration,
) -> Result<Session, Failure> {
    // Nothing that a database or a role has as its defaults decides what is read, or lets it hang.
    let mut settings = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = 60000; SET row_security = off; \
         SET standard_conforming_strings = on; SET default_transaction_read_only = off; SET default_transaction_deferrable = off; \
         SET default_transaction_isolation = 'read committed'; SET check_function_bodies = off; ",
        timeout.as_millis(),
        lock_timeout.as_millis()
    );
    for (name, value) in PINNED_SETTINGS {
        settings
            .push_str(&format!("SET {name} = {}; ", if *name == "search_path" { (*value).to_owned() } else { Literal(value).to_string() }));
    }
    settings.push_str(begin);
    dial(environment, conninfo, &format!("pg_accord fleet/{name}"), async |line, endpoint| {
        let client = line.client;
        let (settled, server) = tokio::join!(client.batch_execute(&settings), client.simple_query(SERVER));
        settled.map_err(|error| describe(&error, Some(endpoint)))?;
        let rows = server.map_err(|error| describe(&error, Some(endpoint)))?;
        let row = rows.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        let text = |i: usize| row.and_then(|row| row.try_get(i).ok().flatten()).map(str::to_owned);
        let number = text(0).and_then(|text| text.parse::<u32>().ok());
        let Some(number) = number else { return Err(lost(Cause::new("malformed", "it does not say what version it is"))) };
        let server = Server {
            major: number / 10_000,
            started: text(1).unwrap_or_default(),
            recovery: text(2).as_deref() == Some("t"),
            system: text(3),
            timeline: text(4).and_then(|text| text.parse().ok()),
            extension: text(5),
            installed: text(6).unwrap_or_default().split(", ").map(str::to_owned).collect(),
        };
        Ok(Session { client: Rc::new(client), server, accord: text(7).as_deref() == Some("t") })
    })
    .await
}

/// Visits a member.
pub async fn visit(visit: Visit, environment: &Environment) -> Answer {
    let begun = Instant::now();
    let (member, asked, generation) = (visit.member, visit.asked, visit.shelf.generation);
    let found = if let Ok(found) = tokio::time::timeout(visit.timeout, look(&visit, environment)).await {
        found.map(Box::new).map_err(|failure| cause(failure.cause))
    } else {
        let message = format!("it was not read within {} s", visit.timeout.as_secs());
        Err(Cause::new("timeout", message).hint("accord.fleet_timeout is the longest time for one database."))
    };
    Answer::Visited { member, asked, generation, took: begun.elapsed(), found }
}

/// A failure's hint speaks of replicas where it stands in the handshake.
pub fn cause(cause: Cause) -> Cause {
    let hint = match cause.code.as_str() {
        "connection" => Some("Check that the server is up and reachable; accord.databases shows how it is reached.".to_owned()),
        "refused" => Some("Check the role, its password and pg_hba.conf on the server.".to_owned()),
        _ => cause.hint,
    };
    Cause { hint, ..cause }
}

async fn look(visit: &Visit, environment: &Environment) -> Result<Seen, Failure> {
    let conninfo = match &visit.way {
        Way::Connection(conninfo) => conninfo,
        Way::Submitted(facts) => {
            let findings = judge_all(visit, facts)?;
            return Ok(Seen { server: None, read: true, findings, model: visit.wish.map(|wish| (wish, 0, facts.clone())) });
        }
    };
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let session = enter(environment, conninfo, &visit.name, begin, visit.timeout, Duration::from_secs(2)).await?;
    // A server that restarted, was restored or promoted, or has another application, is read anew.
    let changed = visit.last.as_ref().is_none_or(|last| *last != session.server);
    if session.accord
        && !visit.full
        && !changed
        && visit.wish.is_none()
        && let Some(findings) = by_fingerprint(visit, &session.client).await?
    {
        return Ok(Seen { server: Some(session.server), read: false, findings, model: None });
    }
    let facts = reader::read_all(&session.client, session.server.major).await?;
    let mut findings = judge_all(visit, &facts)?;
    if session.accord {
        for finding in &mut findings {
            if let (Outcome::Judged { deviations, .. }, Some(name)) = (&mut finding.outcome, &finding.baseline) {
                let series = visit.shelf.series.iter().find(|series| series.name == *name);
                let mapping = series.and_then(|series| series.mapping(&visit.labels).ok()).unwrap_or_default();
                for (_, deviation, author) in deviations.iter_mut().take(AUTHORS) {
                    *author = author_of(&session.client, deviation, &mapping).await;
                }
            }
        }
    }
    let major = session.server.major;
    Ok(Seen { server: Some(session.server), read: true, findings, model: visit.wish.map(|wish| (wish, major, facts)) })
}

fn variant(visit: &Visit) -> Option<&str> {
    visit.labels.get("variant").and_then(Value::as_str)
}

/// The verdicts where fingerprints alone tell; none where one of them does not.
async fn by_fingerprint(visit: &Visit, client: &Client) -> Result<Option<Vec<Finding>>, Failure> {
    let mut findings = Vec::new();
    for held in &visit.held {
        let series = &visit.shelf.series[held.series];
        let Ok(mapping) = series.mapping(&visit.labels) else { return Ok(None) };
        // The member knows its own names only.
        if !mapping.is_empty() {
            return Ok(None);
        }
        let fingerprint = ask(client, &series.projection()).await?;
        let names = names_key(&mapping, variant(visit));
        let outcome = if held.fingerprint == Some(fingerprint) {
            Outcome::Same
        } else if let Some(recognised) = recognise(visit, series, &names, &fingerprint) {
            Outcome::Known(recognised)
        } else {
            return Ok(None);
        };
        findings.push(Finding { baseline: Some(series.name.clone()), names, fingerprint: Some(fingerprint), outcome });
    }
    if visit.held.is_empty() {
        findings.push(unheld(ask(client, &Projection::default()).await?));
    }
    Ok(Some(findings))
}

fn unheld(fingerprint: Fingerprint) -> Finding {
    Finding { baseline: None, names: String::new(), fingerprint: Some(fingerprint), outcome: Outcome::Unheld }
}

async fn ask(client: &Client, projection: &Projection) -> Result<Fingerprint, Failure> {
    let document = serde_json::to_string(projection).unwrap_or_default();
    let sql = format!("SELECT accord.fingerprint(false, {}::pg_catalog.jsonb)", Literal(&document));
    let rows = client.simple_query(&sql).await.map_err(|error| describe(&error, None))?;
    let row = rows.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
    let text = row.and_then(|row| row.try_get(0).ok().flatten());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| lost(Cause::new("malformed", "accord.fingerprint() there answers no fingerprint")))
}

fn recognise(visit: &Visit, series: &Series, names: &str, fingerprint: &Fingerprint) -> Option<Recognised> {
    let asked = variant(visit);
    // Its own fingerprint is that of an edition only where nothing is asked that this edition is not.
    if let Some(edition) = series.known(fingerprint, asked)
        && (asked.is_none() || series.editions[edition].variant.as_deref() == asked)
    {
        return Some(recognised(series, edition, series.exactly(edition).standing));
    }
    visit.shelf.known.get(&(series.name.clone(), names.to_owned(), *fingerprint)).cloned()
}

fn recognised(series: &Series, edition: usize, standing: crate::fleet::verdict::Standing) -> Recognised {
    let edition = &series.editions[edition];
    Recognised { standing, version: edition.version.clone(), variant: edition.variant.clone() }
}

/// The verdicts on a model that was read.
fn judge_all(visit: &Visit, facts: &[Fact]) -> Result<Vec<Finding>, Failure> {
    let malformed = |what: String| lost(Cause::new("malformed", "what was read is no model").detail(what));
    if visit.held.is_empty() {
        let (_, fingerprint) = seen(facts.to_vec(), &Mapping::default(), &Projection::default()).map_err(malformed)?;
        return Ok(vec![unheld(fingerprint)]);
    }
    let mut findings = Vec::new();
    for held in &visit.held {
        let series = &visit.shelf.series[held.series];
        let baseline = Some(series.name.clone());
        let mapping = match series.mapping(&visit.labels) {
            Ok(mapping) => mapping,
            Err(why) => {
                findings.push(Finding { baseline, names: String::new(), fingerprint: None, outcome: Outcome::Unfit(why) });
                continue;
            }
        };
        let names = names_key(&mapping, variant(visit));
        let (under, fingerprint) = seen(facts.to_vec(), &mapping, &series.projection()).map_err(malformed)?;
        let unmodelled = under.iter().any(|fact| fact.id.kind == crate::model::Kind::Unmodelled);
        let known = recognise(visit, series, &names, &fingerprint).filter(|_| !unmodelled);
        let outcome = match known {
            _ if held.fingerprint == Some(fingerprint) && !visit.full => Outcome::Same,
            Some(recognised) => Outcome::Known(recognised),
            None => match series.judge(&under, variant(visit), held.version.as_deref()) {
                None => Outcome::Unheld,
                Some(verdict) => Outcome::Judged {
                    verdict: recognised(series, verdict.edition, verdict.standing),
                    deviations: verdict.deviations.into_iter().map(|each| (each.hash(&series.name), each, None)).collect(),
                    unmodelled: verdict.unmodelled.iter().map(ToString::to_string).collect(),
                },
            },
        };
        findings.push(Finding { baseline, names, fingerprint: Some(fingerprint), outcome });
    }
    Ok(findings)
}

/// Who made a deviation, as the member's ledger recorded it. Nothing where the role may not ask.
async fn author_of(client: &Client, deviation: &Deviation, mapping: &Mapping) -> Option<Author> {
    let fact = mapping.apply(deviation.actual.first().or(deviation.expected.first())?).ok()?;
    let path = serde_json::to_string(&fact.id.path).ok()?;
    let row = client
        .query_opt(AUTHOR, &[&fact.id.kind.json_name(), &fact.id.of.map(crate::model::Kind::json_name), &path])
        .await
        .ok()
        .flatten()?;
    Some(Author {
        event: row.try_get::<_, String>(0).ok()?.parse().ok()?,
        at: row.try_get(1).ok()?,
        epoch: row.try_get(2).ok()?,
        reconciled: row.try_get(3).ok()?,
        session_user: row.try_get(4).ok()?,
        role: row.try_get(5).ok()?,
        application: row.try_get(6).ok()?,
        statement: row.try_get(7).ok()?,
    })
}
