//! `accord.drift` and `accord.synchronize`: a person's questions, answered by the worker.
//!
//! Nothing here touches the network. The worker is asked on the board in shared memory, for what a
//! transaction writes it would see only after the commit; its answer stands in a table, and is waited
//! for like an acknowledgement.

use super::{lock, mending, no_worker_hint, nudge, resolution, unknown};
use crate::error::{Error, Result};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::{command, process, wake};
use crate::plan::Step;
use crate::protocol::{Author, Verdict, VerdictState};
use crate::worker::messages::{Cause, Look};
use serde_json::Value;
use std::time::{Duration, Instant};

/// One difference between what is mirrored and what the replica holds.
pub struct Drifted {
    /// The fact, in words.
    pub fact: String,
    /// `replica behind`, `replica ahead`, `diverged`.
    pub side: String,
    /// The attributes that differ, as they are mirrored.
    pub expected: Option<Value>,
    /// The attributes that differ, as they are there.
    pub actual: Option<Value>,
    /// When it was done, or found: seconds since 1970.
    pub at: Option<f64>,
    /// Who did it.
    pub author: Option<Author>,
}

/// The question that a look is, as the board carries it: the replica's id and two flags.
fn question(replica: i64, rehearse: bool, drop_own: bool) -> i64 {
    replica * 4 + i64::from(rehearse) * 2 + i64::from(drop_own)
}

/// A question, taken apart.
pub fn asked(question: i64) -> (i64, Look) {
    (question / 4, Look::now(question & 2 != 0, question & 1 != 0))
}

/// `accord.drift`
pub fn drift(spi: &Spi, name: &str, timeout: Duration) -> Result<Vec<Drifted>> {
    look(spi, name, timeout, false, false)?;
    listed(spi, name)
}

fn listed(spi: &Spi, name: &str) -> Result<Vec<Drifted>> {
    spi.query(
        "SELECT d.fact, d.side, d.expected::text, d.actual::text, d.author::text
           FROM accord.drifted d WHERE d.replica = $1 ORDER BY d.side = 'replica ahead', d.fact",
        &[Arg::Text(name)],
        See::Latest,
    )?
    .iter()
    .map(|row| {
        let json = |n: usize| row.maybe_text(n).map(|text| serde_json::from_str(&text)).transpose();
        let author: Option<Author> = row.maybe_text(4).map(|text| serde_json::from_str(&text)).transpose()?;
        // What another server says is a time that ours can hold.
        let at = author.as_ref().map(|author| author.epoch).filter(|epoch| epoch.abs() < 1e11);
        Ok(Drifted { fact: row.text(0), side: row.text(1), expected: json(2)?, actual: json(3)?, at, author })
    })
    .collect()
}

/// `accord.synchronize`: the steps that lead back; without `dry_run`, they are carried out after the commit.
pub fn synchronize(spi: &Spi, name: &str, dry_run: bool, drop_own: bool, timeout: Duration) -> Result<Vec<Step>> {
    let Some(verdict) = look(spi, name, timeout, true, drop_own)? else { return Ok(Vec::new()) };
    match verdict.state {
        VerdictState::Rejected => {
            let words: Vec<&str> = verdict.reasons.iter().map(|reason| reason.message.as_str()).collect();
            let mut error = Error::state(format!("replica \"{name}\" cannot be synchronized: {}", words.join("; ")));
            if let Some(reason) = verdict.reasons.first() {
                error = error.detail(reason.detail.clone().unwrap_or_else(|| format!("The replica's answer is {:?}.", reason.code)));
                if let Some(hint) = &reason.hint {
                    error = error.hint(hint.clone());
                }
            }
            return Err(error);
        }
        VerdictState::Held => {
            let why: Vec<&str> = verdict.reasons.iter().filter_map(|reason| reason.detail.as_deref()).collect();
            pgrx::notice!("replica \"{name}\" holds this until it is approved: {}", why.join("; "));
        }
        _ => {}
    }
    if !dry_run {
        request(spi, name, drop_own)?;
    }
    Ok(verdict.steps)
}

/// Writes down that a replica is to be mended.
fn request(spi: &Spi, name: &str, drop_own: bool) -> Result<()> {
    lock(spi, name)?;
    if mending::pending(spi, name)?.is_some() {
        pgrx::notice!("replica \"{name}\" is being synchronized already");
        return Ok(());
    }
    mending::give_up(spi, name)?;
    spi.run(
        "INSERT INTO accord.mending (replica, version, drop_own, requested_by)
         SELECT i.replica, i.version, $2, $3 FROM accord.inspection i WHERE i.replica = $1 AND i.version IS NOT NULL",
        &[Arg::Text(name), Arg::Bool(drop_own), Arg::Text(&command::users().0)],
    )?;
    nudge(spi, name)
}

/// Has the worker look at the replica, and waits for what it finds; for a mending, until the replica
/// has planned it. Nothing to mend: no verdict.
fn look(spi: &Spi, name: &str, timeout: Duration, rehearse: bool, drop_own: bool) -> Result<Option<Verdict>> {
    let deadline = Instant::now() + timeout;
    let rows = spi.query("SELECT r.id, r.state FROM accord.replica r WHERE r.name = $1", &[Arg::Text(name)], See::Latest)?;
    let Some(row) = rows.first() else { return Err(unknown(spi, name)?) };
    if row.text(1) == "paused" {
        return Err(Error::state(format!("replica \"{name}\" is paused")).hint(resolution("paused", name, None)));
    }
    if !wake::worker_running() {
        return Err(Error::state("no worker serves this database: nobody can look at the replica").hint(no_worker_hint()));
    }
    let since = Look::now(rehearse, drop_own).begun;
    let mut asked = None;
    let mut pause = 1;
    loop {
        // Anew where another worker has taken its place.
        if asked != wake::worker() {
            asked = wake::ask(question(row.int(0), rehearse, drop_own)).or(asked);
        }
        if let Some(found) = answer(spi, name, since, rehearse, drop_own)? {
            return found;
        }
        if Instant::now() >= deadline {
            return Err(late(spi, name, timeout)?);
        }
        process::pause(Duration::from_millis(pause).min(deadline.saturating_duration_since(Instant::now())).max(Duration::from_millis(1)));
        pause = (pause + 1).min(20);
    }
}

/// The answer to a look that began after `since`, once it is there.
#[allow(clippy::type_complexity)] // not yet, failed, nothing to mend, planned
fn answer(spi: &Spi, name: &str, since: i64, rehearse: bool, drop_own: bool) -> Result<Option<Result<Option<Verdict>>>> {
    let rows = spi.query(
        "SELECT i.failure::text, coalesce(i.rehearsed >= $2 AND i.rehearsed_own = $3, false), i.rehearsal::text
           FROM accord.inspection i WHERE i.replica = $1 AND i.begun >= $2",
        &[Arg::Text(name), Arg::Int(since), Arg::Bool(drop_own)],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    if let Some(failure) = row.maybe_text(0) {
        let cause: Cause = serde_json::from_str(&failure)?;
        let mut error = Error::state(format!("replica \"{name}\" cannot be looked at: {}", cause.message));
        if let Some(detail) = cause.detail {
            error = error.detail(detail);
        }
        return Ok(Some(Err(error.hint(cause.hint.unwrap_or_else(|| "accord.status shows where it stands.".to_owned())))));
    }
    if !rehearse {
        return Ok(Some(Ok(None)));
    }
    if !row.bool(1) {
        return Ok(None);
    }
    Ok(Some(row.maybe_text(2).map(|text| serde_json::from_str(&text)).transpose().map_err(Error::from)))
}

fn late(spi: &Spi, name: &str, timeout: Duration) -> Result<Error> {
    let rows = spi.query(
        "SELECT r.state, r.reason ->> 'message', r.reason ->> 'hint' FROM accord.replica r WHERE r.name = $1",
        &[Arg::Text(name)],
        See::Latest,
    )?;
    let (state, message, hint) =
        rows.first().map_or((String::new(), None, None), |row| (row.text(0), row.maybe_text(1), row.maybe_text(2)));
    let why = message.map(|message| format!(": {message}")).unwrap_or_default();
    Ok(Error::state(format!("replica \"{name}\" did not answer within {} s", timeout.as_secs_f64()))
        .detail(format!("It is {state}{why}."))
        .hint(hint.unwrap_or_else(|| "accord.status shows where it stands; a longer timeout may be all it needs.".to_owned())))
}
