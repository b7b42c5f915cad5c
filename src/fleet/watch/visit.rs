//! A visit to a member: what the server says of itself; the running fingerprint where pg_accord is there, otherwise
//! the mark of its catalogs; the catalogs where that does not tell; and the verdict.

use super::reader::Catalogs;
use super::session::{Kept, Session};
use super::work::{Answer, Finding, Outcome, Recognised, Seen, Visit, Way, names_key};
use crate::conninfo::Environment;
use crate::fleet::mapping::Mapping;
use crate::fleet::mark;
use crate::fleet::shelf::{Series, seen, sum};
use crate::fleet::verdict::Deviation;
use crate::model::{Fact, Fingerprint, Literal, Projection};
use crate::protocol::Author;
use crate::worker::messages::Cause;
use crate::worker::transport::Failure;
use crate::worker::transport::push::lost;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Deviations whose author is looked for.
const AUTHORS: usize = 100;

/// The newest event that touched a fact, where the role may read it.
const AUTHOR: &str =
    "SELECT e.id::text, pg_catalog.to_json(e.at) #>> '{}', extract(epoch FROM e.at)::float8, e.reconciled, e.context ->> 'session_user',
        e.context ->> 'role', e.context ->> 'application_name', e.statement
   FROM (SELECT * FROM accord.events ORDER BY seq DESC LIMIT 5000) e
  WHERE EXISTS (SELECT FROM pg_catalog.json_array_elements(e.changes) c, (VALUES ('before'), ('after')) s (side)
                 WHERE c.value -> s.side ->> 'kind' = $1 AND c.value -> s.side ->> 'of' IS NOT DISTINCT FROM $2
                   AND (c.value -> s.side -> 'path')::jsonb = $3::text::jsonb)
  ORDER BY e.seq DESC LIMIT 1";

/// Visits a member.
pub async fn visit(visit: Visit, environment: &Environment, kept: &Kept) -> Answer {
    let begun = Instant::now();
    let (member, asked, generation) = (visit.member, visit.asked, visit.shelf.generation);
    let mut keeps = false;
    let found = if let Ok(found) = tokio::time::timeout(visit.timeout, look(&visit, environment, kept)).await {
        found
            .map(|(seen, session)| {
                keeps = session.is_some_and(|session| kept.keep(member, session, visit.keep.0, visit.keep.1));
                Box::new(seen)
            })
            .map_err(|failure| cause(failure.cause))
    } else {
        let message = format!("it was not read within {} s", visit.timeout.as_secs());
        Err(Cause::new("timeout", message).hint("accord.fleet_timeout is the longest time for one database."))
    };
    Answer::Visited { member, asked, generation, took: begun.elapsed(), kept: keeps, found }
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

/// What is seen of the member, and the session that it was seen by.
async fn look(visit: &Visit, environment: &Environment, kept: &Kept) -> Result<(Seen, Option<Session>), Failure> {
    let conninfo = match &visit.way {
        Way::Connection(conninfo) => conninfo,
        Way::Submitted(facts, major) => {
            let findings = judge_all(visit, facts, *major)?;
            let model = visit.wish.map(|wish| (wish, *major, facts.clone()));
            return Ok((Seen { server: None, read: Some(None), findings, model }, None));
        }
    };
    let questions = questions(visit);
    let mut met = None;
    if let Some(session) = kept.take(visit.member, conninfo) {
        // A session that is gone says nothing of the member: it is opened anew.
        met = session.ask_again(&questions).await.map(|answers| (session, answers));
    }
    let (session, (server, answers)) = if let Some(met) = met {
        met
    } else {
        let session = Session::open(environment, conninfo, &visit.name, visit.timeout, Duration::from_secs(2), "").await?;
        let answers = session.ask(&questions).await?;
        (session, answers)
    };
    // A server that restarted, was restored or promoted, or has another application, is read anew.
    let same = visit.last.as_ref().is_some_and(|last| *last == server);
    if same && let Some(findings) = told(visit, &answers) {
        return Ok((Seen { server: Some(server), read: None, findings, model: None }, Some(session)));
    }
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mark = mark::query(server.major);
    let (catalogs, mark) = tokio::join!(Catalogs::begin(&session.client, server.major), session.mark(&mark));
    let (mut catalogs, mark) = (catalogs?, mark?);
    let mut facts = if visit.wish.is_some() { catalogs.read_all().await? } else { catalogs.read_unlinked().await? };
    let major = Some(server.major);
    let mut findings = judge_all(visit, &facts, major)?;
    // What differs is mended in the order of what depends on what.
    if visit.wish.is_none() && findings.iter().any(|finding| matches!(finding.outcome, Outcome::Judged { .. })) {
        facts = catalogs.read_all().await?;
        findings = judge_all(visit, &facts, major)?;
    }
    if server.asks {
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
    session.run("ROLLBACK").await?;
    let model = visit.wish.map(|wish| (wish, major, facts));
    Ok((Seen { server: Some(server), read: Some(mark), findings, model }, Some(session)))
}

/// What would tell that nothing has to be read: the running fingerprint for each baseline, or the mark.
fn questions(visit: &Visit) -> Vec<String> {
    let Some(last) = visit.last.as_ref().filter(|_| !visit.full && visit.wish.is_none()) else { return Vec::new() };
    if last.asks && mapped(visit).is_none() {
        let each = visit.held.iter().map(|held| visit.shelf.series[held.series].projection());
        let all: Vec<Projection> = if visit.held.is_empty() { vec![Projection::content()] } else { each.collect() };
        let ask = |projection: &Projection| {
            let document = serde_json::to_string(projection).unwrap_or_default();
            format!("SELECT accord.fingerprint(false, {}::pg_catalog.jsonb)", Literal(&document))
        };
        return all.iter().map(ask).collect();
    }
    visit.mark.iter().map(|_| mark::query(last.major)).collect()
}

/// The baseline that goes by other names than the member, which knows its own only.
fn mapped(visit: &Visit) -> Option<usize> {
    let other = |held: &&super::work::Held| visit.shelf.series[held.series].mapping(&visit.labels).is_ok_and(|mapping| !mapping.is_empty());
    visit.held.iter().find(other).map(|held| held.series)
}

/// The verdicts, where the answers tell all of them.
fn told(visit: &Visit, answers: &[Option<String>]) -> Option<Vec<Finding>> {
    let last = visit.last.as_ref()?;
    if answers.is_empty() {
        return None;
    }
    if last.asks && mapped(visit).is_none() {
        let sums: Option<Vec<Fingerprint>> = answers.iter().map(|text| text.as_deref()?.parse().ok()).collect();
        return by_fingerprint(visit, &sums?, last.major);
    }
    // The schema is the one that was read last: so is every verdict that was made of it and still stands.
    let unchanged = visit.mark.is_some() && visit.mark == *answers.first()?;
    if !unchanged || visit.held.iter().any(|held| held.fingerprint.is_none()) || (visit.held.is_empty() && !visit.alone) {
        return None;
    }
    let same = |held: &super::work::Held| {
        let series = &visit.shelf.series[held.series];
        let names = names_key(series, &series.mapping(&visit.labels).unwrap_or_default(), variant(visit), Some(last.major));
        Finding { baseline: Some(series.name.clone()), names, fingerprint: held.fingerprint, outcome: Outcome::Same }
    };
    if visit.held.is_empty() {
        return Some(vec![Finding { baseline: None, names: String::new(), fingerprint: None, outcome: Outcome::Same }]);
    }
    Some(visit.held.iter().map(same).collect())
}

fn variant(visit: &Visit) -> Option<&str> {
    visit.labels.get("variant").and_then(Value::as_str)
}

/// The verdicts where fingerprints alone tell; none where one of them does not.
fn by_fingerprint(visit: &Visit, sums: &[Fingerprint], major: u32) -> Option<Vec<Finding>> {
    if visit.held.is_empty() {
        return sums.first().filter(|sum| visit.shelf.models.contains(sum)).map(|sum| vec![unheld(*sum, None)]);
    }
    let mut findings = Vec::new();
    for (held, &fingerprint) in visit.held.iter().zip(sums) {
        let series = &visit.shelf.series[held.series];
        let names = names_key(series, &series.mapping(&visit.labels).ok()?, variant(visit), Some(major));
        let outcome = if held.fingerprint == Some(fingerprint) {
            Outcome::Same
        } else {
            Outcome::Known(recognise(visit, series, &names, &fingerprint, Some(major))?)
        };
        findings.push(Finding { baseline: Some(series.name.clone()), names, fingerprint: Some(fingerprint), outcome });
    }
    Some(findings)
}

fn unheld(fingerprint: Fingerprint, facts: Option<Vec<Fact>>) -> Finding {
    Finding { baseline: None, names: String::new(), fingerprint: Some(fingerprint), outcome: Outcome::Unheld(facts) }
}

fn recognise(visit: &Visit, series: &Series, names: &str, fingerprint: &Fingerprint, major: Option<u32>) -> Option<Recognised> {
    let asked = variant(visit);
    // Its own fingerprint is that of an edition only where nothing is asked that this edition is not.
    if let Some(edition) = series.known(fingerprint, asked, major)
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
fn judge_all(visit: &Visit, facts: &[Fact], major: Option<u32>) -> Result<Vec<Finding>, Failure> {
    let malformed = |what: String| lost(Cause::new("malformed", "what was read is no model").detail(what));
    if visit.held.is_empty() {
        let projection = Projection::content();
        let sum = sum(facts, &projection);
        let new = || facts.iter().filter(|fact| projection.mirrors(&fact.id)).cloned().collect();
        return Ok(vec![unheld(sum, (!visit.shelf.models.contains(&sum)).then(new))]);
    }
    // A server of another major is held to other words.
    let anew = visit.full || visit.last.as_ref().is_some_and(|last| Some(last.major) != major);
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
        let names = names_key(series, &mapping, variant(visit), major);
        let projection = series.projection();
        let under = || seen(facts.to_vec(), &mapping, &projection).map_err(malformed);
        let fingerprint = if mapping.is_empty() { sum(facts, &projection) } else { under()?.1 };
        let unmodelled = facts.iter().any(|fact| fact.id.kind == crate::model::Kind::Unmodelled);
        let known = recognise(visit, series, &names, &fingerprint, major).filter(|_| !unmodelled);
        let outcome = match known {
            _ if held.fingerprint == Some(fingerprint) && !anew => Outcome::Same,
            Some(recognised) => Outcome::Known(recognised),
            None => match series.judge(&under()?.0, variant(visit), held.version.as_deref(), major) {
                None => Outcome::Unheld(None),
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
