//! What a look at a replica found, into the tables. Called by the worker.

use super::mending;
use super::record::{Next, Row, state};
use crate::diff::Change;
use crate::error::Result;
use crate::ledger;
use crate::model::{Fact, Fingerprint};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Finding, Inspection};
use crate::worker::messages::{Cause, Look};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Records the answer to a look.
pub(super) fn write(spi: &Spi, row: &Row, look: Look, answer: &std::result::Result<Box<Inspection>, Cause>) -> Result<Next> {
    let inspection = match answer {
        Ok(inspection) => inspection,
        Err(cause) => return failed(spi, row, look, cause),
    };
    if let Some(cause) = obstacle(spi, row, inspection)? {
        return failed(spi, row, look, &cause);
    }
    let Some(position) = &inspection.position else { return Ok(Next::Done) };
    let mirrored = inspection.findings.iter().filter(|finding| !finding.own).count() as i64;
    spi.run(
        "INSERT INTO accord.inspection AS i (replica, begun, at, version, expected, actual, drifted) VALUES ($1, $2, to_timestamp($3), $4, $5, $6, $7)
         ON CONFLICT (replica) DO UPDATE SET begun = excluded.begun, at = excluded.at, version = excluded.version, expected = excluded.expected,
             actual = excluded.actual, drifted = excluded.drifted, failure = NULL WHERE i.begun <= excluded.begun",
        &[
            Arg::Text(&row.name),
            Arg::Int(look.begun),
            Arg::Float(row.at),
            Arg::Int(position.version),
            Arg::MaybeBytes(inspection.expected.as_ref().map(|sum| &sum.0[..])),
            Arg::MaybeBytes(inspection.actual.as_ref().map(|sum| &sum.0[..])),
            Arg::Int(mirrored),
        ],
    )?;
    spi.run("DELETE FROM accord.drifted d WHERE d.replica = $1", &[Arg::Text(&row.name)])?;
    // Equal by fingerprint, and nothing of its own: nothing else is read.
    if !inspection.findings.is_empty() {
        let ids: Vec<String> = inspection.findings.iter().filter(|finding| !finding.own).map(|finding| finding.id.clone()).collect();
        let expected = if ids.is_empty() { HashMap::new() } else { ledger::facts_as_of(spi, position.version, &ids)? };
        for finding in &inspection.findings {
            write_finding(spi, &row.name, finding, expected.get(&finding.id))?;
        }
    }
    follow(spi, row, look, mirrored, inspection)
}

/// What follows for the replica's state: it stops where mirrored facts drifted, and goes on where they
/// are again as they were.
fn follow(spi: &Spi, row: &Row, look: Look, mirrored: i64, inspection: &Inspection) -> Result<Next> {
    // What was seen before a mending's end says nothing of what is there after it.
    if mending::pending(spi, &row.name)?.is_some() || mending::ended_since(spi, &row.name, look)? {
        return Ok(Next::Done);
    }
    if mirrored > 0 {
        let version = inspection.position.as_ref().map(|position| position.version);
        let first: Vec<String> = inspection.findings.iter().filter(|finding| !finding.own).take(5).map(in_words).collect();
        state(spi, row, "diverged", version, Some(&drifted(&row.name, mirrored + inspection.more as i64, &first)))?;
        return Ok(Next::Halt);
    }
    let back = spi.query(
        "UPDATE accord.replica SET state = 'connecting', reason = NULL, attempts = 0, retry_at = NULL, nudges = nudges + 1, changed_at = clock_timestamp()
          WHERE id = $1 AND state = 'diverged' AND reason ->> 'code' = 'diverged' RETURNING id",
        &[Arg::Int(row.id)],
        See::Transaction,
    )?;
    Ok(if back.is_empty() { Next::Done } else { Next::Again })
}

/// The cause of a replica's state whose mirrored facts somebody changed.
pub fn drifted(name: &str, count: i64, first: &[String]) -> Cause {
    let name = crate::model::Literal(name);
    Cause::new("diverged", format!("somebody changed {count} of the mirrored facts on the replica")).detail(first.join("; ")).hint(format!(
        "SELECT * FROM accord.drift({name}) lists them, SELECT * FROM accord.synchronize({name}) shows the way back; undone by hand there, SELECT accord.retry({name})."
    ))
}

fn in_words(finding: &Finding) -> String {
    let what = match (&finding.renamed, &finding.actual) {
        (Some(now), _) => format!("is {now} now"),
        (None, Some(_)) => "is another".to_owned(),
        (None, None) => "is gone".to_owned(),
    };
    let who = finding.author.as_ref().map_or_else(String::new, |author| match (&author.session_user, &author.statement) {
        (Some(user), Some(statement)) => {
            format!(", by {user} at {}: {}", author.at, statement.chars().take(200).collect::<String>())
        }
        _ => format!(", found by reading the catalogs at {}", author.at),
    });
    format!("{} {what}{who}", finding.id)
}

/// Why what the replica said says nothing of what is mirrored there.
fn obstacle(spi: &Spi, row: &Row, inspection: &Inspection) -> Result<Option<Cause>> {
    let Some(position) = &inspection.position else {
        let cause = Cause::new("out_of_order", "nothing of this source was ever applied there")
            .hint("accord.status says what the replica waits for.");
        return Ok(Some(cause));
    };
    let rows = spi.query(
        "SELECT v.id, p.fingerprint FROM accord.version v JOIN accord.replica r ON r.id = $2
           LEFT JOIN accord.projected p ON p.version = v.version AND p.projection = r.projection WHERE v.version = $1",
        &[Arg::Int(position.version), Arg::Int(row.id)],
        See::Latest,
    )?;
    let known = rows.first().map(|version| version.hash(0)).transpose()?;
    if known != Some(position.id.0) {
        return Ok(Some(
            Cause::new("unknown_parent", format!("the replica stands at version {}, which is not in this history", position.version))
                .hint("accord.status names the way out."),
        ));
    }
    if let Some(version) = rows.first().filter(|version| !version.is_null(1)) {
        let expected = Fingerprint(version.hash(1)?);
        if inspection.expected != Some(expected) {
            let cause = Cause::new("diverged", "what is recorded there as mirrored is not what this source offered")
                .detail(format!(
                    "Expected: {expected}. There: {}.",
                    inspection.expected.map_or_else(|| "nothing".to_owned(), |sum| sum.to_string())
                ))
                .hint("On the replica SELECT accord.forget_source(source) FROM accord.upstream, then drop the replica and add it again.");
            return Ok(Some(cause));
        }
    }
    Ok(None)
}

fn failed(spi: &Spi, row: &Row, look: Look, cause: &Cause) -> Result<Next> {
    spi.run(
        "INSERT INTO accord.inspection AS i (replica, begun, at, failure) VALUES ($1, $2, to_timestamp($3), $4::jsonb)
         ON CONFLICT (replica) DO UPDATE SET begun = excluded.begun, at = excluded.at, failure = excluded.failure WHERE i.begun <= excluded.begun",
        &[Arg::Text(&row.name), Arg::Int(look.begun), Arg::Float(row.at), Arg::Text(&cause.json())],
    )?;
    Ok(Next::Done)
}

fn write_finding(spi: &Spi, replica: &str, finding: &Finding, expected: Option<&Fact>) -> Result<()> {
    let (mut before, mut after) = (None, None);
    let change = Change { before: expected.cloned(), after: finding.actual.clone(), ..Change::default() };
    if let Some(difference) = ledger::difference(change, false)? {
        (before, after) = (difference.before, difference.after);
        if let (Some(now), Some(Value::Object(after))) = (&finding.renamed, &mut after) {
            after.insert("renamed_to".to_owned(), json!(now.to_string()));
        }
    }
    let side = match (finding.own, &finding.actual) {
        (true, _) => "replica ahead",
        (false, None) => "replica behind",
        (false, Some(_)) => "diverged",
    };
    let text = |value: Option<Value>| value.map(|value| value.to_string());
    let own = if finding.own { finding.actual.as_ref().map(serde_json::to_string).transpose()? } else { None };
    let author = finding.author.as_ref().map(serde_json::to_string).transpose()?;
    spi.run(
        "INSERT INTO accord.drifted (replica, fact, side, expected, actual, author, own) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7::json)
         ON CONFLICT DO NOTHING",
        &[
            Arg::Text(replica),
            Arg::Text(&finding.id),
            Arg::Text(side),
            Arg::MaybeText(text(before).as_deref()),
            Arg::MaybeText(text(after).as_deref()),
            Arg::MaybeText(author.as_deref()),
            Arg::MaybeText(own.as_deref()),
        ],
    )
}

/// Records the plan of a mending.
pub(super) fn rehearsed(spi: &Spi, row: &Row, look: Look, answer: &std::result::Result<String, Cause>) -> Result<Next> {
    let (verdict, failure) = match answer {
        Ok(verdict) => (Some(verdict.as_str()), None),
        Err(cause) => (None, Some(cause.json())),
    };
    spi.run(
        "UPDATE accord.inspection SET rehearsed = $2, rehearsed_own = $5, rehearsal = $3::jsonb, failure = coalesce($4::jsonb, failure) WHERE replica = $1",
        &[
            Arg::Text(&row.name),
            Arg::Int(look.begun),
            Arg::MaybeText(verdict),
            Arg::MaybeText(failure.as_deref()),
            Arg::Bool(look.drop_own),
        ],
    )?;
    Ok(Next::Done)
}
