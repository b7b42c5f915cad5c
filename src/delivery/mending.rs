//! Mendings as the worker sees them: which are due, what is offered, what became of them.

use super::record::{Next, Row, complete, state, word};
use super::{divergence, journal};
use crate::error::Result;
use crate::ledger;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Position, VerdictState};
use crate::worker::messages::{Cause, Look, Parcel, What};
use uuid::Uuid;

/// The mending of a replica that is on its way, if there is one.
pub fn pending(spi: &Spi, replica: &str) -> Result<Option<Uuid>> {
    let rows = spi.query(
        "SELECT m.id::text FROM accord.mending m WHERE m.replica = $1 AND m.state IN ('offered', 'negotiating', 'applying', 'retrying')
          ORDER BY m.requested_at LIMIT 1",
        &[Arg::Text(replica)],
        See::Latest,
    )?;
    Ok(rows.first().and_then(|row| row.text(0).parse().ok()))
}

/// Whether the replica is on its way back from a history of its own, whose head this is. A decision about another head (it
/// came back with a backup of this side) is given up.
pub(super) fn rewinding(spi: &Spi, replica: &str, head: &Position) -> Result<bool> {
    let rows = spi.query(
        "SELECT d.version = $2 AND d.id = $3 FROM accord.mending m LEFT JOIN accord.divergence d ON d.replica = m.replica
          WHERE m.replica = $1 AND m.keep IS NOT NULL AND m.state IN ('offered', 'negotiating', 'applying', 'retrying') LIMIT 1",
        &[Arg::Text(replica), Arg::Int(head.version), Arg::Bytes(&head.id.0)],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(false) };
    if !row.is_null(0) && row.bool(0) {
        return Ok(true);
    }
    spi.run(
        "UPDATE accord.mending SET state = 'given up' WHERE replica = $1 AND keep IS NOT NULL AND state IN ('offered', 'negotiating', 'applying', 'retrying')",
        &[Arg::Text(replica)],
    )?;
    Ok(false)
}

/// Whether a mending of the replica ended after the look was begun.
pub(super) fn ended_since(spi: &Spi, replica: &str, look: Look) -> Result<bool> {
    let rows = spi.query(
        "SELECT FROM accord.mending m WHERE m.replica = $1 AND m.acknowledged_at > to_timestamp($2 / 1e6) LIMIT 1",
        &[Arg::Text(replica), Arg::Int(look.begun)],
        See::Latest,
    )?;
    Ok(!rows.is_empty())
}

/// The offer of the mending that is on its way, on what the last look found. Where that was nothing,
/// the mending is done.
pub fn parcel(spi: &Spi, replica: &str) -> Result<Option<Parcel>> {
    let Some(id) = pending(spi, replica)? else { return Ok(None) };
    let rows = spi.query(
        "SELECT m.drop_own, m.approved_at IS NOT NULL, m.keep IS NOT NULL FROM accord.mending m WHERE m.id = $1::uuid",
        &[Arg::Text(&id.to_string())],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let offer = if row.bool(2) {
        divergence::offer(spi, replica, id, row.bool(1))?
    } else {
        ledger::mend_offer(spi, replica, id, row.bool(0), row.bool(1))?
    };
    if let Some(offer) = offer {
        let json = serde_json::to_string(&offer)?;
        spi.run(
            "UPDATE accord.mending SET version = $2 WHERE id = $1::uuid",
            &[Arg::Text(&id.to_string()), Arg::Int(offer.position.version)],
        )?;
        return Ok(Some(Parcel { version: offer.position.version, mending: Some(id), json, refresh: false }));
    }
    spi.run(
        "UPDATE accord.mending SET state = 'acknowledged', acknowledged_at = clock_timestamp(), reason = NULL WHERE id = $1::uuid",
        &[Arg::Text(&id.to_string())],
    )?;
    Ok(None)
}

/// The offer of a mending that is planned and not done; none where there is nothing to mend.
pub fn rehearsal(spi: &Spi, replica: &str, look: Look) -> Result<Option<String>> {
    let offer = ledger::mend_offer(spi, replica, Uuid::now_v7(), look.drop_own, false)?;
    if offer.is_none() {
        spi.run(
            "UPDATE accord.inspection SET rehearsed = $2, rehearsed_own = $3, rehearsal = NULL WHERE replica = $1",
            &[Arg::Text(replica), Arg::Int(look.begun), Arg::Bool(look.drop_own)],
        )?;
    }
    Ok(offer.map(|offer| serde_json::to_string(&offer)).transpose()?)
}

/// Records what became of a mending.
pub(super) fn write(spi: &Spi, row: &Row, id: Uuid, what: &What) -> Result<Next> {
    match what {
        What::Negotiating { version } => {
            set(spi, id, "negotiating", "negotiated_at = NULL", None, row)?;
            state(spi, row, "negotiating", Some(*version), None)?;
        }
        What::Applying { version } => {
            set(spi, id, "applying", "applying_at = to_timestamp($4)", None, row)?;
            state(spi, row, "applying", Some(*version), None)?;
        }
        What::Negotiated { version, state: answer, cause, verdict } => {
            const COLUMN: &str = "negotiated_at = to_timestamp($4), negotiation = $3::jsonb";
            answered(spi, row, id, *version, (*answer, cause.as_ref()), verdict, COLUMN)?;
        }
        What::Outcome { version, state: answer, cause, verdict } => {
            answered(spi, row, id, *version, (*answer, cause.as_ref()), verdict, "outcome = $3::jsonb")?;
        }
        What::Trouble { version, cause, attempts, retry_in } => {
            let word = if retry_in.is_some() { "retrying" } else { "paused" };
            state(spi, row, word, *version, Some(cause))?;
            spi.run(
                "UPDATE accord.replica SET attempts = $2, retry_at = clock_timestamp() + $3 * interval '1 ms' WHERE id = $1 AND (state <> 'paused' OR $3 IS NULL)",
                &[Arg::Int(row.id), Arg::Int(i64::from(*attempts)), Arg::MaybeInt(retry_in.map(|time| time.as_millis() as i64))],
            )?;
            set(spi, id, "retrying", "attempts = m.attempts + 1", None, row)?;
            reason(spi, id, &complete(cause, word, &row.name, *version))?;
        }
        _ => {}
    }
    Ok(Next::Done)
}

fn answered(
    spi: &Spi,
    row: &Row,
    id: Uuid,
    version: i64,
    (answer, cause): (VerdictState, Option<&Cause>),
    verdict: &str,
    column: &'static str,
) -> Result<()> {
    if answer == VerdictState::Applied {
        set(spi, id, "acknowledged", column, Some(verdict), row)?;
        journal::note(row.id, &row.name, "synchronized", Some(version), None, "");
        spi.run(
            "UPDATE accord.mending SET acknowledged_at = to_timestamp($2), reason = NULL WHERE id = $1::uuid",
            &[Arg::Text(&id.to_string()), Arg::Float(row.at)],
        )?;
        return spi.run(
            "UPDATE accord.replica SET attempts = 0, retry_at = NULL, reason = NULL, done = NULL, total = NULL, changed_at = clock_timestamp(),
                    state = 'connecting' WHERE id = $1 AND state <> 'paused'",
            &[Arg::Int(row.id)],
        );
    }
    // A mending has no history that could differ: what cannot be done is rejected.
    let word = match word(answer, cause) {
        "diverged" => "rejected",
        word => word,
    };
    set(spi, id, word, column, Some(verdict), row)?;
    if matches!(word, "held" | "rejected") {
        let cause = cause.cloned().unwrap_or_else(|| Cause::new(word, format!("the replica answered {word} and gave no reason")));
        let name = crate::model::Literal(&row.name);
        let cause = if word == "held" {
            cause.hint(format!("SELECT accord.approve({name}, {version}) mends it; SELECT accord.retry({name}) gives the mending up."))
        } else {
            complete(&cause, word, &row.name, Some(version))
        };
        reason(spi, id, &cause)?;
        state(spi, row, word, Some(version), Some(&cause))?;
    }
    Ok(())
}

/// The mending's row. `columns` is a constant of this file; `$3` in it is the verdict, `$4` the time.
fn set(spi: &Spi, id: Uuid, word: &str, columns: &'static str, verdict: Option<&str>, row: &Row) -> Result<()> {
    spi.run(
        &format!("UPDATE accord.mending m SET state = $2, {columns} WHERE m.id = $1::uuid AND $3::text IS NOT DISTINCT FROM $3 AND $4::float8 >= 0"),
        &[Arg::Text(&id.to_string()), Arg::Text(word), Arg::MaybeText(verdict), Arg::Float(row.at)],
    )
}

fn reason(spi: &Spi, id: Uuid, cause: &Cause) -> Result<()> {
    spi.run("UPDATE accord.mending SET reason = $2::jsonb WHERE id = $1::uuid", &[Arg::Text(&id.to_string()), Arg::Text(&cause.json())])
}

/// A person approves a held mending. False where there is none.
pub fn approve(spi: &Spi, replica: &str, version: i64, session: &str) -> Result<bool> {
    let rows = spi.query(
        "UPDATE accord.mending SET approved_by = $3, approved_at = clock_timestamp(), state = 'offered'
          WHERE replica = $1 AND version = $2 AND state = 'held' RETURNING id::text",
        &[Arg::Text(replica), Arg::Int(version), Arg::Text(session)],
        See::Transaction,
    )?;
    Ok(!rows.is_empty())
}

/// A person goes on without what was held or refused.
pub fn give_up(spi: &Spi, replica: &str) -> Result<()> {
    spi.run("UPDATE accord.mending SET state = 'given up' WHERE replica = $1 AND state IN ('held', 'rejected')", &[Arg::Text(replica)])
}
