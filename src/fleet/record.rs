//! What visits found, into the tables; and who is to be visited next. Runs in the watch's transactions.

use super::members::discovered;
use super::outliers;
use super::rights::Rights;
use super::shelf::Series;
use super::store::{self, Card};
use super::verdict::{Deviation, Standing};
use super::watch::settings;
use super::watch::work::{Answer, Finding, Held, Mend, Outcome, Recognised, Seen, Server, Shelf, Visit, Way};
use crate::error::Result;
use crate::model::{Document, FactHash, Fingerprint};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::protocol::Author;
use crate::worker::backoff::dice;
use crate::worker::messages::Cause;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest pause before a member that could not be read is tried again, in seconds.
const LONGEST: f64 = 600.0;

/// What came of recording.
#[derive(Default)]
pub struct Recorded {
    /// Alarms may have changed.
    pub alarms: bool,
    /// Fingerprints that were met for the first time.
    pub known: Vec<((String, String, Fingerprint), Recognised)>,
    /// Models that are kept now.
    pub models: Vec<Fingerprint>,
}

/// Members that are due, those that are likely to deviate first: what somebody asked for, what deviates, what
/// changed lately.
pub fn due(spi: &Spi, busy: &[String], limit: i64, shelf: &Arc<Shelf>) -> Result<Vec<Visit>> {
    let rows = spi.query(
        "SELECT m.id, m.name, m.conninfo, m.submitted::text, m.labels::text, m.asked,
                m.full_read OR m.read_at IS NULL OR m.read_at < clock_timestamp() - make_interval(secs => $3), m.server::text,
                (SELECT w.id FROM accord.fleet_wish w WHERE w.member = m.id ORDER BY w.id LIMIT 1),
                (SELECT json_object_agg(v.baseline, json_build_array(encode(v.fingerprint, 'hex'), v.version))::text FROM accord.fleet_verdict v WHERE v.member = m.id),
                m.mark
           FROM accord.fleet_member m
          WHERE m.id::text <> ALL ($1) AND (m.conninfo IS NOT NULL OR m.submitted IS NOT NULL)
            AND (m.next_at <= clock_timestamp() OR m.asked > m.answered)
          ORDER BY m.asked > m.answered DESC, m.failures > 0,
                   EXISTS (SELECT FROM accord.fleet_verdict v WHERE v.member = m.id AND v.standing = 'deviates') DESC,
                   m.changed_at DESC NULLS LAST, m.next_at NULLS FIRST LIMIT $2",
        &[Arg::Texts(busy), Arg::Int(limit), Arg::Float(settings::read_interval().as_secs_f64())],
        See::Latest,
    )?;
    rows.iter()
        .map(|row| {
            let labels = serde_json::from_str(&row.text(4))?;
            let way = if let Some(conninfo) = row.maybe_text(2) {
                Way::Connection(conninfo)
            } else {
                // It was read when it came.
                let read = Document::read(serde_json::from_str(&row.text(3))?).unwrap_or_default();
                Way::Submitted(read.facts, read.major)
            };
            let last: HashMap<String, (Option<String>, Option<String>)> =
                row.maybe_text(9).map_or_else(|| Ok(HashMap::new()), |text| serde_json::from_str(&text))?;
            let name = row.text(1);
            let subject = super::select::Subject { name: &name, labels: Some(&labels), ..Default::default() };
            let held = shelf.series.iter().enumerate().filter(|(_, each)| each.selection.selects(&subject)).map(|(series, each)| {
                let (fingerprint, version) = last.get(&each.name).cloned().unwrap_or_default();
                Held { series, fingerprint: fingerprint.and_then(|text| text.parse().ok()), version }
            });
            let held: Vec<Held> = held.collect();
            Ok(Visit {
                mark: row.maybe_text(10),
                alone: last.get("").is_some_and(|(fingerprint, _)| fingerprint.is_some()),
                keep: (settings::kept(), settings::idle()),
                member: row.int(0),
                way,
                asked: row.int(5),
                full: row.bool(6),
                last: row.maybe_text(7).and_then(|text| serde_json::from_str(&text).ok()),
                held,
                wish: row.maybe_int(8),
                shelf: shelf.clone(),
                timeout: settings::timeout(),
                name: name.clone(),
                labels: labels.clone(),
            })
        })
        .collect()
}

/// Records answers.
pub fn record(spi: &Spi, answers: &[Answer]) -> Result<Recorded> {
    let mut recorded = Recorded::default();
    for answer in answers {
        let current = store::generation(spi)?;
        match answer {
            // Judged by baselines that are others now: it is due again.
            Answer::Visited { generation, found: Ok(seen), .. } if *generation != current => {
                if let Some((wish, major, facts)) = &seen.model {
                    granted(spi, *wish, *major, facts)?;
                }
            }
            Answer::Visited { member, asked, took, found, .. } => visited(spi, *member, *asked, *took, found, &mut recorded)?,
            Answer::Surveyed { source, asked, found } => discovered(spi, *source, *asked, found)?,
            Answer::Reported { message, attempts, outcome, .. } => super::reports::reported(spi, *message, *attempts, outcome)?,
            Answer::Mended { conform, member, steps, reached } => {
                super::conform::mended(spi, *conform, *member, steps, reached)?;
                recorded.alarms = true;
            }
        }
    }
    Ok(recorded)
}

fn visited(
    spi: &Spi,
    member: i64,
    asked: i64,
    took: Duration,
    found: &std::result::Result<Box<Seen>, Cause>,
    recorded: &mut Recorded,
) -> Result<()> {
    let rows = spi.query(
        "SELECT m.failures, m.server::text, m.down_since IS NOT NULL, m.name FROM accord.fleet_member m WHERE m.id = $1 FOR UPDATE",
        &[Arg::Int(member)],
        See::Transaction,
    )?;
    // It was removed meanwhile.
    let Some(row) = rows.first() else { return Ok(()) };
    let seen = match found {
        Ok(seen) => seen,
        Err(cause) => {
            recorded.alarms |= row.int(0) == 0;
            return unreadable(spi, member, asked, took, row.int(0), cause);
        }
    };
    let last: Option<Server> = row.maybe_text(1).and_then(|text| serde_json::from_str(&text).ok());
    if let Some(server) = &seen.server {
        happened(spi, member, last.as_ref(), server)?;
    }
    if row.bool(2) {
        event(spi, member, "back", &json!({}))?;
        recorded.alarms = true;
    }
    if let Some((wish, major, facts)) = &seen.model {
        granted(spi, *wish, *major, facts)?;
    }
    let mut changed = false;
    for finding in &seen.findings {
        changed |= judged(spi, member, finding, recorded)?;
    }
    let held: Vec<String> = seen.findings.iter().map(|finding| finding.baseline.clone().unwrap_or_default()).collect();
    // What it is no longer held to.
    let left = spi.query(
        "DELETE FROM accord.fleet_verdict WHERE member = $1 AND baseline <> ALL ($2) RETURNING baseline",
        &[Arg::Int(member), Arg::Texts(&held)],
        See::Transaction,
    )?;
    changed |= !left.is_empty();
    recorded.alarms |= changed;
    let server = seen.server.as_ref().map(serde_json::to_string).transpose()?;
    // A verdict that was made without a reading leaves the mark of an older one behind.
    let read = seen.read.is_some();
    let same = !read && seen.findings.iter().all(|finding| matches!(finding.outcome, Outcome::Same));
    let mark = seen.read.as_ref().and_then(Option::as_deref);
    spi.run(
        "UPDATE accord.fleet_member SET answered = greatest(answered, $2), full_read = full_read AND asked > $2, compared_at = clock_timestamp(),
                read_at = CASE WHEN $3 THEN clock_timestamp() ELSE read_at END, duration_ms = $4, failures = 0, reason = NULL,
                back_at = CASE WHEN down_since IS NULL THEN back_at ELSE clock_timestamp() END, down_since = NULL,
                changed_at = CASE WHEN $5 THEN clock_timestamp() ELSE changed_at END, server = coalesce($6::jsonb, server),
                next_at = clock_timestamp() + make_interval(secs => $7), mark = CASE WHEN $8 THEN mark ELSE $9 END
          WHERE id = $1",
        &[
            Arg::Int(member),
            Arg::Int(asked),
            Arg::Bool(read),
            Arg::Float(took.as_secs_f64() * 1000.0),
            Arg::Bool(changed),
            Arg::MaybeText(server.as_deref()),
            Arg::Float(settings::interval().map_or(f64::from(i32::MAX), |interval| spread(interval.as_secs_f64()))),
            Arg::Bool(same),
            Arg::MaybeText(mark),
        ],
    )
}

/// A time, a tenth more or less: members that were compared together do not stay so.
fn spread(seconds: f64) -> f64 {
    seconds * (0.9 + (dice() % 1000) as f64 / 5000.0)
}

/// It could not be read: tried again after a pause that grows, spread so that those who failed together do not come
/// back together.
fn unreadable(spi: &Spi, member: i64, asked: i64, took: Duration, failures: i64, cause: &Cause) -> Result<()> {
    let interval = settings::interval().map_or(LONGEST, |interval| interval.as_secs_f64()).min(LONGEST);
    let pause = (2f64.powi(failures.min(10) as i32)).min(interval);
    let pause = pause * (0.5 + (dice() % 1000) as f64 / 1000.0);
    spi.run(
        "UPDATE accord.fleet_member SET answered = greatest(answered, $2), compared_at = clock_timestamp(), duration_ms = $3, failures = failures + 1,
                reason = $4::jsonb, down_since = coalesce(down_since, clock_timestamp()), full_read = true,
                next_at = clock_timestamp() + make_interval(secs => $5)
          WHERE id = $1",
        &[
            Arg::Int(member),
            Arg::Int(asked),
            Arg::Float(took.as_secs_f64() * 1000.0),
            Arg::Text(&cause.json()),
            Arg::Float(pause),
        ],
    )?;
    if failures == 0 {
        event(spi, member, "unreadable", &json!({"code": cause.code, "message": cause.message}))?;
    }
    Ok(())
}

fn event(spi: &Spi, member: i64, event: &str, detail: &Value) -> Result<()> {
    spi.run(
        "INSERT INTO accord.fleet_event (member, event, detail) VALUES ($1, $2, $3::jsonb)",
        &[Arg::Int(member), Arg::Text(event), Arg::Text(&detail.to_string())],
    )
}

/// What a server's word of itself tells, beside what it said last.
fn happened(spi: &Spi, member: i64, last: Option<&Server>, now: &Server) -> Result<()> {
    let Some(last) = last else { return Ok(()) };
    let both = |before: Value, after: Value| json!({"before": before, "after": after});
    if last.system != now.system && last.system.is_some() && now.system.is_some() {
        event(spi, member, "replaced", &both(json!(last.system), json!(now.system)))?;
    } else if last.recovery && !now.recovery {
        event(spi, member, "promoted", &both(json!(last.timeline), json!(now.timeline)))?;
    } else if last.timeline != now.timeline && last.timeline.is_some() && now.timeline.is_some() {
        event(spi, member, "restored", &both(json!(last.timeline), json!(now.timeline)))?;
    } else if last.started != now.started {
        event(spi, member, "restarted", &both(json!(last.started), json!(now.started)))?;
    }
    if last.installed != now.installed {
        event(spi, member, "installed", &both(json!(last.installed), json!(now.installed)))?;
    }
    Ok(())
}

/// One verdict. True: it is another than before.
fn judged(spi: &Spi, member: i64, finding: &Finding, recorded: &mut Recorded) -> Result<bool> {
    let baseline = finding.baseline.as_deref().unwrap_or_default();
    let (verdict, deviations, unmodelled) = match &finding.outcome {
        Outcome::Same => {
            spi.run(
                "UPDATE accord.fleet_verdict SET at = clock_timestamp() WHERE member = $1 AND baseline = $2",
                &[Arg::Int(member), Arg::Text(baseline)],
            )?;
            return Ok(false);
        }
        Outcome::Unheld(facts) => {
            let Some(fingerprint) = finding.fingerprint else { return Ok(false) };
            if let Some(facts) = facts {
                outliers::keep(spi, &fingerprint, facts)?;
                recorded.models.push(fingerprint);
            }
            return unheld(spi, member, baseline, &fingerprint);
        }
        Outcome::Unfit(why) => {
            let cause = Cause::new("unfit", why.clone())
                .hint("SELECT accord.set_labels(name, labels) gives the database the labels that the mapping asks for.");
            return unfit(spi, member, baseline, &cause);
        }
        Outcome::Known(recognised) => (recognised, &[][..], &[][..]),
        Outcome::Judged { verdict, deviations, unmodelled } => (verdict, deviations.as_slice(), unmodelled.as_slice()),
    };
    let standing = verdict.standing.word();
    let unmodelled = unmodelled.to_vec();
    let before = spi.query(
        "SELECT v.standing, v.version, v.variant FROM accord.fleet_verdict v WHERE v.member = $1 AND v.baseline = $2",
        &[Arg::Int(member), Arg::Text(baseline)],
        See::Transaction,
    )?;
    let stood = before.first().map(|row| (row.text(0), row.maybe_text(1), row.maybe_text(2)));
    let stands = (standing.to_owned(), Some(verdict.version.clone()), verdict.variant.clone());
    let moved = stood.as_ref() != Some(&stands);
    spi.run(
        "INSERT INTO accord.fleet_verdict AS v (member, baseline, standing, version, variant, fingerprint, unmodelled, at, since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), clock_timestamp())
         ON CONFLICT (member, baseline) DO UPDATE SET standing = excluded.standing, version = excluded.version, variant = excluded.variant,
             fingerprint = excluded.fingerprint, unmodelled = excluded.unmodelled, at = excluded.at, since = CASE WHEN $8 THEN excluded.since ELSE v.since END",
        &[
            Arg::Int(member),
            Arg::Text(baseline),
            Arg::Text(standing),
            Arg::MaybeText(stands.1.as_deref()),
            Arg::MaybeText(stands.2.as_deref()),
            Arg::MaybeBytes(finding.fingerprint.as_ref().map(|sum| &sum.0[..])),
            Arg::Texts(&unmodelled),
            Arg::Bool(moved),
        ],
    )?;
    let other = write_deviations(spi, member, baseline, deviations)?;
    if let (Some(fingerprint), true) =
        (finding.fingerprint, deviations.is_empty() && unmodelled.is_empty() && matches!(finding.outcome, Outcome::Judged { .. }))
        && matches!(verdict.standing, Standing::Conforms | Standing::Behind)
    {
        spi.run(
            "INSERT INTO accord.fleet_known (baseline, names, fingerprint, standing, version, variant) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                Arg::Text(baseline),
                Arg::Text(&finding.names),
                Arg::Bytes(&fingerprint.0),
                Arg::Text(standing),
                Arg::Text(&verdict.version),
                Arg::MaybeText(verdict.variant.as_deref()),
            ],
        )?;
        recorded.known.push(((baseline.to_owned(), finding.names.clone(), fingerprint), verdict.clone()));
    }
    Ok(moved || other)
}

/// What nobody holds is compared with the others once all are seen; until then it stands as it did.
fn unheld(spi: &Spi, member: i64, baseline: &str, fingerprint: &Fingerprint) -> Result<bool> {
    let key = [Arg::Int(member), Arg::Text(baseline), Arg::Bytes(&fingerprint.0)];
    let same = spi.query(
        "UPDATE accord.fleet_verdict SET at = clock_timestamp() WHERE member = $1 AND baseline = $2 AND fingerprint = $3 RETURNING member",
        &key,
        See::Transaction,
    )?;
    if same.is_empty() {
        spi.run(
            "INSERT INTO accord.fleet_verdict AS v (member, baseline, standing, fingerprint, at, since) VALUES ($1, $2, 'unheld', $3, clock_timestamp(), clock_timestamp())
             ON CONFLICT (member, baseline) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at",
            &key,
        )?;
    }
    Ok(same.is_empty())
}

fn unfit(spi: &Spi, member: i64, baseline: &str, cause: &Cause) -> Result<bool> {
    spi.run(
        "INSERT INTO accord.fleet_verdict AS v (member, baseline, standing, at, since) VALUES ($1, $2, 'unreadable', clock_timestamp(), clock_timestamp())
         ON CONFLICT (member, baseline) DO UPDATE SET standing = excluded.standing, version = NULL, variant = NULL, fingerprint = NULL, at = excluded.at",
        &[Arg::Int(member), Arg::Text(baseline)],
    )?;
    write_deviations(spi, member, baseline, &[])?;
    event(spi, member, "unfit", &serde_json::to_value(cause)?)?;
    Ok(true)
}

/// Brings the member's differences up to what was found. True: they are others than before.
pub(super) fn write_deviations(spi: &Spi, member: i64, baseline: &str, found: &[(FactHash, Deviation, Option<Author>)]) -> Result<bool> {
    let keys: Vec<String> = found.iter().map(|(hash, ..)| blake3::Hash::from_bytes(*hash).to_hex().to_string()).collect();
    let gone = spi.query(
        "DELETE FROM accord.fleet_deviation WHERE member = $1 AND baseline = $2 AND encode(hash, 'hex') <> ALL ($3) RETURNING member",
        &[Arg::Int(member), Arg::Text(baseline), Arg::Texts(&keys)],
        See::Transaction,
    )?;
    let mut changed = !gone.is_empty();
    for (hash, deviation, author) in found {
        let (expected, actual) = deviation.attributes();
        let text = |value: Option<Value>| value.map(|value| value.to_string());
        spi.run(
            "INSERT INTO accord.fleet_difference (hash, baseline, difference, fact, words, properties, expected, actual, deviation)
             VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9::json) ON CONFLICT DO NOTHING",
            &[
                Arg::Bytes(hash),
                Arg::Text(baseline),
                Arg::Text(deviation.difference.word()),
                Arg::Text(&deviation.id.to_string()),
                Arg::Text(&deviation.words()),
                Arg::Texts(&deviation.properties()),
                Arg::MaybeText(text(expected).as_deref()),
                Arg::MaybeText(text(actual).as_deref()),
                Arg::Text(&serde_json::to_string(deviation)?),
            ],
        )?;
        let author = author.as_ref().map(serde_json::to_string).transpose()?;
        let new = spi.query(
            "INSERT INTO accord.fleet_deviation AS d (member, baseline, hash, since, author) VALUES ($1, $2, $3, clock_timestamp(), $4::jsonb)
             ON CONFLICT (member, baseline, hash) DO UPDATE SET author = coalesce(excluded.author, d.author) RETURNING d.xmax::text = '0'",
            &[Arg::Int(member), Arg::Text(baseline), Arg::Bytes(hash), Arg::MaybeText(author.as_deref())],
            See::Transaction,
        )?;
        changed |= new.first().is_some_and(|row| row.bool(0));
    }
    Ok(changed)
}

/// A member's model becomes a baseline, as somebody wished.
fn granted(spi: &Spi, wish: i64, major: Option<u32>, facts: &[crate::model::Fact]) -> Result<()> {
    let rows = spi.query(
        "DELETE FROM accord.fleet_wish w USING accord.fleet_member m WHERE w.id = $1 AND m.id = w.member
         RETURNING w.name, w.version, w.rules::text, w.selection, w.permitted, w.requested_by, m.name, m.id, w.ordinal, w.client",
        &[Arg::Int(wish)],
        See::Transaction,
    )?;
    let Some(row) = rows.first() else { return Ok(()) };
    let document = json!({"major": major, "facts": facts});
    let outcome = subtransaction(|| {
        let baseline = store::read(store::with_rules(document, &serde_json::from_str(&row.text(2))?)?)?;
        let (name, version, selection, by, from) = (row.text(0), row.text(1), row.text(3), row.text(5), row.text(6));
        let card = Card {
            name: &name,
            version: &version,
            selection: &selection,
            permitted: row.bool(4),
            from: Some(&from),
            by: &by,
            ordinal: Some(row.int(8)),
            client: row.bool(9),
        };
        if card.client {
            // Databases were labelled since, or somebody else began the baseline.
            Rights::of(spi, by.clone())?.registers(spi, &name, &selection)?;
        }
        store::register(spi, baseline, &card)
    });
    if let Err(error) = outcome {
        event(spi, row.int(7), "not registered", &json!({"baseline": row.text(0), "version": row.text(1), "reason": error.to_string()}))?;
    }
    Ok(())
}

/// Differences that nobody shows any longer, and what is older than `accord.fleet_retention`. The watch alone calls it:
/// nobody else writes what refers to them. True: models were forgotten.
pub fn tidy(spi: &Spi) -> Result<bool> {
    if let Some(retention) = settings::retention() {
        let age = [Arg::Float(retention.as_secs_f64())];
        // What an application is expected for is known by its newest events; what a channel was told, by an alarm's.
        for sql in [
            "DELETE FROM accord.fleet_event e WHERE e.at < clock_timestamp() - make_interval(secs => $1)
                AND (e.event <> 'expects' OR EXISTS (SELECT FROM accord.fleet_event l WHERE l.member = e.member AND l.id > e.id
                     AND l.event IN ('deployed', 'failed') AND l.detail ->> 'application' = e.detail ->> 'application'))",
            "DELETE FROM accord.fleet_act a WHERE a.at < clock_timestamp() - make_interval(secs => $1)",
            "DELETE FROM accord.fleet_message m WHERE m.delivery <> 'waiting' AND m.at < clock_timestamp() - make_interval(secs => $1)
                AND NOT EXISTS (SELECT FROM accord.fleet_alarm a WHERE a.hash = m.hash AND a.state <> 'resolved')",
        ] {
            spi.run(sql, &age)?;
        }
    }
    spi.run("DELETE FROM accord.fleet_difference d WHERE NOT EXISTS (SELECT FROM accord.fleet_deviation x WHERE x.hash = d.hash)", &[])?;
    outliers::forget(spi)
}

/// The mendings that come next: at most so many.
pub fn mendings(spi: &Spi, shelf: &Arc<Shelf>, limit: usize) -> Result<Vec<Mend>> {
    let mut out = Vec::new();
    for next in super::conform::next(spi, limit as i64)? {
        let series = shelf.series.iter().position(|series: &Series| series.name == next.baseline);
        let Some(series) = series.or(next.copy.is_some().then_some(0)) else { continue };
        out.push(Mend {
            conform: next.conform,
            member: next.member,
            conninfo: next.conninfo,
            variant: next.variant,
            labels: next.labels,
            series,
            version: next.version,
            shelf: shelf.clone(),
            copy: next.copy,
            additive: next.additive,
            scopes: next.scopes,
            lock_timeout: next.lock_timeout,
            timeout: Duration::from_secs(6 * 3600),
        });
    }
    Ok(out)
}
