//! What replicas answered, into the tables. Called by the worker, in short transactions of its own.
//!
//! A person's pause is never overwritten, and a row that a person's open transaction holds is not
//! waited for: its notes come again.

use super::{divergence, inspected, journal, mending, resolution, rows};
use crate::error::Result;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::Caught;
use crate::protocol::{OLDEST_PROTOCOL, Offer, PROTOCOL_VERSION, Policy, Standing, VerdictState};
use crate::worker::messages::{Cause, Note, What};

/// What follows from a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Done,
    /// Its row is held by somebody: record it later.
    Later,
    /// The task waits for what follows this version; none for a baseline.
    After(Option<i64>),
    /// The same; and a mending is on its way, which goes first.
    Mend {
        /// Where the replica stands.
        after: Option<i64>,
        /// It leads the replica back from a history of its own.
        rewinding: bool,
    },
    /// The task waits for a person.
    Halt,
    /// The same; and where the histories part is to be found out.
    Parted,
    /// The replica's row wants to be read again.
    Again,
}

/// A replica's row, locked for this transaction.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) name: String,
    acknowledged: Option<i64>,
    baseline: Option<i64>,
    /// It stays so, whatever is recorded.
    paused: bool,
    /// When what is recorded happened.
    pub(super) at: f64,
}

/// Records notes in their order.
pub fn record(spi: &Spi, notes: &[Note]) -> Result<Vec<Next>> {
    let mut later: Vec<i64> = Vec::new();
    notes
        .iter()
        .map(|note| {
            if later.contains(&note.replica) {
                return Ok(Next::Later);
            }
            let rows = spi.query(
                "SELECT r.id, r.name, r.acknowledged, r.baseline, r.state = 'paused' FROM accord.replica r WHERE r.id = $1 FOR NO KEY UPDATE SKIP LOCKED",
                &[Arg::Int(note.replica)],
                See::Transaction,
            )?;
            if let Some(row) = rows.first() {
                let row = Row {
                    id: row.int(0),
                    name: row.text(1),
                    acknowledged: row.maybe_int(2),
                    baseline: row.maybe_int(3),
                    paused: row.bool(4),
                    at: note.at,
                };
                return match (note.mending, &note.what) {
                    (Some(id), what)
                        if !matches!(
                            what,
                            What::Progress { .. }
                                | What::Inspected { .. }
                                | What::Rehearsed { .. }
                                | What::Traced { .. }
                                | What::Died { .. }
                        ) =>
                    {
                        mending::write(spi, &row, id, what)
                    }
                    (_, what) => write(spi, &row, what),
                };
            }
            // Gone, or held by somebody.
            if spi.query("SELECT FROM accord.replica r WHERE r.id = $1", &[Arg::Int(note.replica)], See::Latest)?.is_empty() {
                return Ok(Next::Done);
            }
            later.push(note.replica);
            Ok(Next::Later)
        })
        .collect()
}

fn write(spi: &Spi, row: &Row, what: &What) -> Result<Next> {
    match what {
        What::Hello { standing, .. } => return greet(spi, row, standing),
        What::Need { after, .. } => {
            state(spi, row, "following", None, None)?;
            return Ok(Next::After(Some(*after)));
        }
        What::Inspected { look, answer, .. } => return inspected::write(spi, row, *look, answer),
        What::Traced { answer: Ok(inspection) } => return divergence::write(spi, row, inspection),
        What::Traced { answer: Err(_) } => {}
        What::Rehearsed { look, answer } => return inspected::rehearsed(spi, row, *look, answer),
        What::Progress { progress } => spi.run(
            "UPDATE accord.replica SET done = $2, total = $3 WHERE id = $1 AND state = 'applying'",
            &[Arg::Int(row.id), Arg::Int(i64::from(progress.done)), Arg::Int(i64::from(progress.total))],
        )?,
        What::Negotiating { version } => {
            delivery(spi, row, *version, "negotiating", "offered_at = coalesce(d.offered_at, to_timestamp($5))", None)?;
            state(spi, row, "negotiating", Some(*version), None)?;
        }
        What::Applying { version } => {
            delivery(
                spi,
                row,
                *version,
                "applying",
                "applying_at = to_timestamp($5), offered_at = coalesce(d.offered_at, to_timestamp($5))",
                None,
            )?;
            state(spi, row, "applying", Some(*version), None)?;
        }
        What::Negotiated { version, state: VerdictState::Applied, verdict, .. } => acknowledge(spi, row, *version, "negotiation", verdict)?,
        What::Negotiated { version, state: answer, cause, verdict } => {
            delivery(
                spi,
                row,
                *version,
                word(*answer, cause.as_ref()),
                "negotiated_at = to_timestamp($5), negotiation = $4::jsonb",
                Some(verdict),
            )?;
            stopped(spi, row, *version, *answer, cause.as_ref())?;
        }
        What::Outcome { version, state: VerdictState::Applied, verdict, .. } => acknowledge(spi, row, *version, "outcome", verdict)?,
        What::Outcome { version, state: answer, cause, verdict } => {
            delivery(spi, row, *version, word(*answer, cause.as_ref()), "outcome = $4::jsonb", Some(verdict))?;
            stopped(spi, row, *version, *answer, cause.as_ref())?;
        }
        What::Waiting { version, cause, long, .. } => {
            const WORD: &str = "waiting for rows";
            state(spi, row, WORD, Some(*version), Some(cause))?;
            delivery(spi, row, *version, WORD, "outcome = NULL", None)?;
            reason(spi, row, *version, &complete(cause, WORD, &row.name, Some(*version)))?;
            if *long {
                rows::fence_again(spi, *version)?;
            }
        }
        What::Refreshed { failure } => {
            spi.run(
                "UPDATE accord.replica SET reason = $2::jsonb WHERE id = $1 AND state = 'following'",
                &[Arg::Int(row.id), Arg::MaybeText(failure.as_ref().map(Cause::json).as_deref())],
            )?;
        }
        What::Trouble { version, cause, attempts, retry_in } => {
            let word = if retry_in.is_some() { "retrying" } else { "paused" };
            state(spi, row, word, *version, Some(cause))?;
            let millis = retry_in.map(|time| time.as_millis() as i64);
            spi.run(
                "UPDATE accord.replica SET attempts = $2, retry_at = clock_timestamp() + $3 * interval '1 ms' WHERE id = $1 AND (state <> 'paused' OR $3 IS NULL)",
                &[Arg::Int(row.id), Arg::Int(i64::from(*attempts)), Arg::MaybeInt(millis)],
            )?;
            if let Some(version) = version {
                delivery(spi, row, *version, word, "attempts = d.attempts + 1", None)?;
                reason(spi, row, *version, &complete(cause, word, &row.name, Some(*version)))?;
            }
        }
        What::Died { why } => {
            let cause = Cause::new("internal", "the task that serves this replica ended by a defect; it is started again").detail(why);
            state(spi, row, "retrying", None, Some(&cause))?;
        }
    }
    Ok(Next::Done)
}

/// The word of an answer that is not an acknowledgement.
pub(super) fn word(answer: VerdictState, cause: Option<&Cause>) -> &'static str {
    match (answer, cause.map_or("", |cause| cause.code.as_str())) {
        (VerdictState::Held, _) => "held",
        (VerdictState::Rejected, "unknown_parent" | "diverged") => "diverged",
        (VerdictState::Rejected, "lock_timeout") | (VerdictState::RolledBack, _) => "retrying",
        (VerdictState::Waiting, _) => "waiting for rows",
        (VerdictState::Rejected, _) => "rejected",
        (VerdictState::Accepted | VerdictState::Step | VerdictState::Applied, _) => "applying",
    }
}

/// Records that the replica waits for a person, if it does.
fn stopped(spi: &Spi, row: &Row, version: i64, answer: VerdictState, cause: Option<&Cause>) -> Result<()> {
    let word = word(answer, cause);
    if !matches!(word, "held" | "rejected" | "diverged") {
        return Ok(());
    }
    let cause = cause.cloned().unwrap_or_else(|| Cause::new(word, format!("the replica answered {word} and gave no reason")));
    reason(spi, row, version, &complete(&cause, word, &row.name, Some(version)))?;
    state(spi, row, word, Some(version), Some(&cause))
}

/// The replica's state. Without a cause, the last failure's stays until a version is acknowledged.
pub(super) fn state(spi: &Spi, row: &Row, word: &str, version: Option<i64>, cause: Option<&Cause>) -> Result<()> {
    let cause = cause.map(|cause| complete(cause, word, &row.name, version));
    if !row.paused {
        journal::note(row.id, &row.name, word, version, cause.as_ref(), "");
    }
    let cause = cause.as_ref().map(Cause::json);
    spi.run(
        "UPDATE accord.replica SET state = $2, version = coalesce($3, version), reason = coalesce($4::jsonb, reason),
                retry_at = CASE WHEN $2 = 'retrying' THEN retry_at END, done = NULL, total = NULL,
                changed_at = CASE WHEN state = $2 THEN changed_at ELSE clock_timestamp() END
          WHERE id = $1 AND state <> 'paused'",
        &[Arg::Int(row.id), Arg::Text(word), Arg::MaybeInt(version), Arg::MaybeText(cause.as_deref())],
    )
}

/// Every failure names the function that resolves it.
pub(super) fn complete(cause: &Cause, state: &str, name: &str, version: Option<i64>) -> Cause {
    let way_out = resolution(state, name, version);
    let mut cause = cause.clone();
    cause.hint = match cause.hint.take() {
        // The replica's own hint speaks of a failure that is retried; one that was given up has another way out.
        Some(_) if state == "paused" => Some(way_out),
        Some(hint) if way_out.is_empty() || hint.contains("accord.") => Some(hint),
        Some(hint) => Some(format!("{hint} {way_out}")),
        None => Some(way_out).filter(|way_out| !way_out.is_empty()),
    };
    cause
}

fn reason(spi: &Spi, row: &Row, version: i64, cause: &Cause) -> Result<()> {
    spi.run(
        "UPDATE accord.delivery SET reason = $3::jsonb WHERE replica = $1 AND version = $2",
        &[Arg::Text(&row.name), Arg::Int(version), Arg::Text(&cause.json())],
    )
}

/// The delivery's row. `set` is a constant of this file; `$4` in it is the verdict, `$5` the time.
fn delivery(spi: &Spi, row: &Row, version: i64, word: &str, set: &'static str, verdict: Option<&str>) -> Result<()> {
    spi.run(
        "INSERT INTO accord.delivery (replica, version, state) VALUES ($1, $2, 'offered') ON CONFLICT (replica, version) DO NOTHING",
        &[Arg::Text(&row.name), Arg::Int(version)],
    )?;
    spi.run(
        &format!("UPDATE accord.delivery d SET state = $3, {set} WHERE d.replica = $1 AND d.version = $2 AND $4::text IS NOT DISTINCT FROM $4 AND $5::float8 >= 0"),
        &[Arg::Text(&row.name), Arg::Int(version), Arg::Text(word), Arg::MaybeText(verdict), Arg::Float(row.at)],
    )
}

/// The replica has this version.
fn acknowledge(spi: &Spi, row: &Row, version: i64, column: &'static str, verdict: &str) -> Result<()> {
    let set = match column {
        "negotiation" => "acknowledged_at = to_timestamp($5), negotiation = $4::jsonb, reason = NULL",
        _ => "acknowledged_at = to_timestamp($5), outcome = $4::jsonb, reason = NULL",
    };
    delivery(spi, row, version, "acknowledged", set, Some(verdict))?;
    let rows = spi.query(
        "UPDATE accord.delivery SET state = CASE WHEN skip_reason IS NULL THEN state ELSE 'skipped' END WHERE replica = $1 AND version = $2
         RETURNING state, round(extract(epoch FROM acknowledged_at - offered_at) * 1000)::bigint",
        &[Arg::Text(&row.name), Arg::Int(version)],
        See::Transaction,
    )?;
    if let Some(done) = rows.first() {
        let after = done.maybe_int(1).map(|ms| format!(" after {ms} ms")).unwrap_or_default();
        journal::note(row.id, &row.name, &done.text(0), Some(version), None, &after);
    }
    spi.run(
        "UPDATE accord.replica SET acknowledged = $2, baseline = coalesce(baseline, $2), version = $2, attempts = 0, retry_at = NULL, done = NULL, total = NULL,
                reason = CASE WHEN state = 'paused' THEN reason END,
                changed_at = CASE WHEN state IN ('paused', 'following') THEN changed_at ELSE clock_timestamp() END,
                state = CASE WHEN state = 'paused' THEN state ELSE 'following' END
          WHERE id = $1",
        &[Arg::Int(row.id), Arg::Int(version)],
    )
}

/// A replica said what it has: is that a place in our history?
fn greet(spi: &Spi, row: &Row, standing: &Standing) -> Result<Next> {
    spi.run(
        "UPDATE accord.replica SET server_version = $2, extension = $3, protocol = $4 WHERE id = $1",
        &[
            Arg::Int(row.id),
            Arg::Int(i64::from(standing.server_version)),
            Arg::Text(&standing.extension),
            Arg::Int(i64::from(standing.protocol)),
        ],
    )?;
    let mended = mending::pending(spi, &row.name)?.is_some();
    if let Some((word, cause)) = obstacle(spi, row, standing)?.filter(|(_, cause)| !(mended && cause.code == "diverged")) {
        let version = standing.position.as_ref().map(|position| position.version);
        let parted = cause.code == "unknown_parent";
        // It has been decided what stays: what it has is not acknowledged, and what leads it back is offered.
        if let (true, Some(head)) = (parted, &standing.position)
            && mending::rewinding(spi, &row.name, head)?
        {
            return Ok(Next::Mend { after: version, rewinding: true });
        }
        state(spi, row, word, version, Some(&cause))?;
        return Ok(if parted { Next::Parted } else { Next::Halt });
    }
    divergence::forget(spi, &row.name)?;
    if let Some(cause) = rows::attach(spi, row, standing)? {
        state(spi, row, "rejected", None, Some(&cause))?;
        return Ok(Next::Halt);
    }
    let Some(position) = &standing.position else {
        state(spi, row, "following", None, None)?;
        spi.run("UPDATE accord.replica SET acknowledged = NULL, baseline = NULL WHERE id = $1", &[Arg::Int(row.id)])?;
        return Ok(Next::After(None));
    };
    // What it has is acknowledged, whether or not its answer reached us.
    if row.acknowledged != Some(position.version) || row.baseline.is_none() {
        spi.run(
            "UPDATE accord.delivery SET state = CASE WHEN skip_reason IS NULL THEN 'acknowledged' ELSE 'skipped' END,
                    acknowledged_at = coalesce(acknowledged_at, clock_timestamp()), reason = NULL
              WHERE replica = $1 AND version <= $2 AND acknowledged_at IS NULL",
            &[Arg::Text(&row.name), Arg::Int(position.version)],
        )?;
        spi.run(
            "UPDATE accord.replica SET acknowledged = $2, baseline = coalesce(baseline, $2), attempts = 0 WHERE id = $1",
            &[Arg::Int(row.id), Arg::Int(position.version)],
        )?;
    }
    spi.run(
        "UPDATE accord.replica SET reason = NULL WHERE id = $1 AND state <> 'paused' AND (attempts = 0 OR reason ->> 'code' IN ('connection', 'refused'))",
        &[Arg::Int(row.id)],
    )?;
    state(spi, row, "following", Some(position.version), None)?;
    let after = Some(position.version);
    Ok(if mended { Next::Mend { after, rewinding: false } } else { Next::After(after) })
}

/// Why a replica that answered cannot be served.
fn obstacle(spi: &Spi, row: &Row, standing: &Standing) -> Result<Option<(&'static str, Cause)>> {
    if !(OLDEST_PROTOCOL..=PROTOCOL_VERSION).contains(&standing.protocol) {
        let words = format!("the replica speaks protocol {}, the source {OLDEST_PROTOCOL} to {PROTOCOL_VERSION}", standing.protocol);
        let cause = Cause::new("unknown_protocol", words).hint("Install the same version of pg_accord on both sides.");
        return Ok(Some(("rejected", cause)));
    }
    let policy = spi.query("SELECT r.policy::text FROM accord.replica r WHERE r.id = $1", &[Arg::Int(row.id)], See::Latest)?;
    let policy = policy.first().and_then(|row| serde_json::from_str(&row.text(0)).ok());
    if let Some(field) = policy.and_then(|policy| Policy::read(&policy).ok()).and_then(|policy| policy.unknown_to(standing.protocol)) {
        let words = format!("the replica's policy says \"{field}\", which its pg_accord {} does not know", standing.extension);
        let cause = Cause::new("unknown_protocol", words).hint("Update pg_accord on the replica; it is asked again by accord.retry.");
        return Ok(Some(("rejected", cause)));
    }
    let own = spi.query("SELECT l.id::text FROM accord.ledger l", &[], See::Latest)?;
    if own.first().is_some_and(|own| own.text(0) == standing.ledger.to_string()) {
        let cause = Cause::new("same_database", "the connection string leads back to the source, or to a copy of its database")
            .hint("Correct it (drop the replica and add it again); in a copy, DROP EXTENSION pg_accord and create it anew.");
        return Ok(Some(("rejected", cause)));
    }
    if let Some(position) = &standing.position
        && let Some(error) = crate::ledger::past_retention(spi, position.version)?
    {
        let cause =
            Cause::new("history_pruned", format!("the replica stands at version {}, which is not kept here any more", position.version))
                .detail(error.detail_text().unwrap_or_default())
                .hint(crate::ledger::begin_anew(crate::ledger::ledger_id(spi)?, &row.name));
        return Ok(Some(("rejected", cause)));
    }
    if let Some(position) = &standing.position {
        let rows = spi.query("SELECT v.id FROM accord.version v WHERE v.version = $1", &[Arg::Int(position.version)], See::Latest)?;
        let known = rows.first().map(|version| version.hash(0)).transpose()?;
        if known != Some(position.id.0) {
            let detail = match known {
                None => format!("It has version {}; the newest here is {}.", position.version, crate::ledger::head(spi)?.version),
                Some(id) => format!("Version {} is {} there and {} here.", position.version, position.id, crate::model::Fingerprint(id)),
            };
            return Ok(Some(("diverged", divergence::cause(&row.name, detail))));
        }
    }
    if !standing.drift.is_empty() {
        let cause = inspected::drifted(&row.name, standing.drift.len() as i64, &standing.drift);
        return Ok(Some(("diverged", cause)));
    }
    Ok(None)
}

/// A baseline carries what a person decided about any version of a replica that has none yet.
pub fn decide_baseline(spi: &Spi, name: &str, offer: &mut Offer) -> Result<()> {
    let rows = spi.query(
        "SELECT bool_or(d.approved_at IS NOT NULL), max(d.skip_reason) FROM accord.delivery d WHERE d.replica = $1 AND d.acknowledged_at IS NULL",
        &[Arg::Text(name)],
        See::Latest,
    )?;
    if let Some(row) = rows.first() {
        offer.approved |= row.bool(0);
        offer.skip = offer.skip.take().or_else(|| row.maybe_text(1));
    }
    Ok(())
}

/// Offers cannot be prepared: ours to explain.
pub fn unable(spi: &Spi, replica: i64, error: &Caught) -> Result<()> {
    let mut cause = Cause::new("internal", format!("the next version cannot be offered: {}", error.message)).detail(error.to_string());
    cause.hint.clone_from(&error.hint);
    let names = spi.query("SELECT r.name, r.state = 'paused' FROM accord.replica r WHERE r.id = $1", &[Arg::Int(replica)], See::Latest)?;
    let Some(found) = names.first() else { return Ok(()) };
    let row = Row { id: replica, name: found.text(0), acknowledged: None, baseline: None, paused: found.bool(1), at: 0.0 };
    state(spi, &row, "retrying", None, Some(&cause))
}
