//! Waiting until a replica has everything that was committed before the call.

use super::{no_worker_hint, resolution, unknown};
use crate::error::{Error, Result};
use crate::ledger;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::{process, wake};
use std::time::{Duration, Instant};

/// A replica's row as it is committed now.
struct Standing {
    state: String,
    acknowledged: Option<i64>,
    version: Option<i64>,
    message: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    /// It is being synchronized, or held or rejected for that.
    mending: bool,
}

/// Waits, whatever the isolation level, until the replica acknowledged all that was committed before
/// the call; returns the version. What the calling transaction itself has changed is not waited for.
///
/// Two steps: until the worker has sealed under a snapshot that it took after the call, then until
/// the replica has the newest version of that moment.
pub fn wait_for_replica(spi: &Spi, name: &str, timeout: Duration) -> Result<i64> {
    let deadline = Instant::now() + timeout;
    let mut round = wake::next_round();
    let mut head = None;
    let mut polls = 0u32;
    wake::wake_worker();
    loop {
        let Some(row) = standing(spi, name)? else { return Err(unknown(spi, name)?) };
        if head.is_none() {
            match round.and_then(wake::round_finished) {
                Some(true) => head = Some(ledger::head(spi)?.version),
                Some(false) => {}
                // No worker, or another one: it begins to count anew.
                None => round = None,
            }
            if round.is_none() && head.is_none() {
                round = wake::next_round();
                wake::wake_worker();
            }
        }
        // What a replica with another history acknowledged is not what we committed.
        if let (Some(head), Some(acknowledged)) = (head, row.acknowledged)
            && acknowledged >= head
            && !row.mending
            && !matches!(row.state.as_str(), "diverged" | "connecting")
        {
            return Ok(acknowledged);
        }
        if matches!(row.state.as_str(), "rejected" | "held" | "paused" | "diverged")
            && (head.is_some() || row.state == "paused" || round.is_none())
        {
            return Err(stuck(name, &row));
        }
        if Instant::now() >= deadline {
            return Err(late(name, &row, head, timeout));
        }
        polls += 1;
        let pause = Duration::from_millis(if polls < 50 {
            1
        } else if polls < 200 {
            5
        } else {
            20
        });
        process::pause(pause.min(deadline.saturating_duration_since(Instant::now())).max(Duration::from_millis(1)));
    }
}

fn standing(spi: &Spi, name: &str) -> Result<Option<Standing>> {
    let rows = spi.query(
        "SELECT r.state, r.acknowledged, r.version, r.reason ->> 'message', r.reason ->> 'detail', r.reason ->> 'hint',
                EXISTS (SELECT FROM accord.mending m WHERE m.replica = r.name
                         AND (m.state IN ('offered', 'negotiating', 'applying', 'retrying') OR m.state IN ('held', 'rejected') AND m.state = r.state))
           FROM accord.replica r WHERE r.name = $1",
        &[Arg::Text(name)],
        See::Latest,
    )?;
    Ok(rows.first().map(|row| Standing {
        state: row.text(0),
        acknowledged: row.maybe_int(1),
        version: row.maybe_int(2),
        message: row.maybe_text(3),
        detail: row.maybe_text(4),
        hint: row.maybe_text(5),
        mending: row.bool(6),
    }))
}

/// It waits for a person.
fn stuck(name: &str, row: &Standing) -> Error {
    let at = row.version.map(|version| format!(" at version {version}")).unwrap_or_default();
    let why = row.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    let mut error = Error::state(format!("replica \"{name}\" is {}{at}{why}", row.state));
    if let Some(detail) = &row.detail {
        error = error.detail(detail.clone());
    }
    error.hint(row.hint.clone().unwrap_or_else(|| resolution(&row.state, name, row.version)))
}

/// The time is up.
fn late(name: &str, row: &Standing, head: Option<i64>, timeout: Duration) -> Error {
    let has = row.acknowledged.map_or_else(|| "no version yet".to_owned(), |version| format!("version {version}"));
    let error = Error::state(format!("replica \"{name}\" is late: it has {has} after {} s", timeout.as_secs_f64()));
    if !wake::worker_running() {
        return error.detail("No worker serves this database.").hint(no_worker_hint());
    }
    let Some(head) = head else {
        return error.detail("The worker has not sealed what was committed before the call.").hint("The server's log says what keeps it.");
    };
    let mut detail = format!("It is {}; the newest version is {head}.", row.state);
    if let Some(message) = &row.message {
        detail = format!("{detail} Last failure: {message}{}.", row.detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default());
    }
    error
        .detail(detail)
        .hint(row.hint.clone().unwrap_or_else(|| "accord.status shows where it stands; a longer timeout may be all it needs.".to_owned()))
}
