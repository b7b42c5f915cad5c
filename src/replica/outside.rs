//! Steps that cannot run in a transaction (CREATE INDEX CONCURRENTLY): each is recorded, handed to the
//! caller to run on the same connection, and reported back; what a failed one leaves behind is cleared
//! away by its compensation before the version is given up. When all are done, the rest of the version
//! is applied in one transaction.

use super::apply::{inside, same_as_before};
use super::examine::Examined;
use super::reason;
use crate::error::Result;
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi, one_statement};
use crate::plan::Step;
use crate::protocol::{Estimate, Reason, ReasonCode, StepReport, Verdict, VerdictState};

/// A version whose steps cannot run in a transaction: one step at a time, each recorded before it runs.
pub(super) fn next(spi: &Spi, mut examined: Examined, report: Option<StepReport>) -> Result<Verdict> {
    let source = examined.offer.source.to_string();
    let version = examined.offer.position.version;
    let recorded = {
        let _owner = command::become_owner();
        spi.query(
            "SELECT s.step, s.sql, s.compensation, s.state, s.error FROM accord.step s WHERE s.source = $1::uuid AND s.version = $2 ORDER BY s.step DESC LIMIT 1",
            &[Arg::Text(&source), Arg::Int(version)],
            See::Latest,
        )?
    };
    let estimate = examined.verdict.estimate.as_ref().map(serde_json::to_string).transpose()?;
    let begin = |number: i64, step: &Step| -> Result<()> {
        let _owner = command::become_owner();
        spi.run(
            "INSERT INTO accord.step (source, version, step, sql, compensation, planned, estimate, state) VALUES ($1::uuid, $2, $3, $4, $5, $6::json, $7::json, 'running')",
            &[
                Arg::Text(&source),
                Arg::Int(version),
                Arg::Int(number),
                Arg::Text(&step.sql),
                Arg::MaybeText(step.compensation.as_deref()),
                Arg::Text(&serde_json::to_string(step)?),
                Arg::MaybeText(estimate.as_deref()),
            ],
        )
    };
    let mark = |number: i64, state: &str, error: Option<&str>| -> Result<()> {
        let _owner = command::become_owner();
        spi.run(
            "UPDATE accord.step SET state = $4, error = $5, changed_at = pg_catalog.clock_timestamp() WHERE source = $1::uuid AND version = $2 AND step = $3",
            &[Arg::Text(&source), Arg::Int(version), Arg::Int(number), Arg::Text(state), Arg::MaybeText(error)],
        )
    };
    let run_next = |mut verdict: Verdict, sql: &str| -> Result<Verdict> {
        verdict.state = VerdictState::Step;
        verdict.run = Some(sql.to_owned());
        Ok(verdict)
    };
    let next = examined.verdict.steps.iter().find(|step| step.outside_transaction).cloned();
    let go_on = |examined: Examined, number: i64| match &next {
        Some(step) => {
            one_statement(&step.sql)?;
            begin(number, step)?;
            run_next(examined.verdict, &step.sql)
        }
        None => inside(spi, examined),
    };
    let Some(last) = recorded.first() else {
        return go_on(examined, 0);
    };
    let (number, sql, compensation, state) = (last.int(0), last.text(1), last.maybe_text(2), last.text(3));
    let still_to_do = next.as_ref().is_some_and(|step| step.sql == sql);
    match (state.as_str(), report) {
        // The step ended and its end was reported, or can be seen.
        ("running", Some(StepReport { run, error: None })) if run == sql && !still_to_do => {
            mark(number, "done", None)?;
            go_on(examined, number + 1)
        }
        ("running", None) if !still_to_do => {
            mark(number, "done", None)?;
            go_on(examined, number + 1)
        }
        ("done", _) => go_on(examined, number + 1),
        // It failed, or nobody knows how it ended: clear away, then say so.
        ("running", report) => {
            let error = report.and_then(|r| r.error).unwrap_or_else(|| "the connection was lost while the step ran".to_owned());
            match compensation {
                Some(compensation) => {
                    mark(number, "compensating", Some(&error))?;
                    run_next(examined.verdict, &compensation)
                }
                None => give_up(spi, examined, &error),
            }
        }
        ("compensating", Some(StepReport { run, error })) if Some(&run) == compensation.as_ref() => {
            let first = last.maybe_text(4).unwrap_or_default();
            let words = match error {
                None => first,
                Some(error) => format!("{first}; and clearing away failed: {error}"),
            };
            give_up(spi, examined, &words)
        }
        ("compensating", _) => match compensation {
            Some(compensation) => run_next(examined.verdict, &compensation),
            None => give_up(spi, examined, "the step failed"),
        },
        _ => {
            examined.verdict.state = VerdictState::RolledBack;
            give_up(spi, examined, "the step's record is in an unknown state")
        }
    }
}

/// What of a version ran outside a transaction.
#[derive(Default)]
pub(super) struct Outside {
    /// The steps.
    pub steps: Vec<Step>,
    /// The version's estimate before the first of them.
    pub estimate: Option<Estimate>,
    /// How long they took.
    pub duration_ms: f64,
}

/// The steps of this version that ran outside a transaction.
pub(super) fn done(spi: &Spi, examined: &Examined) -> Result<Outside> {
    let _owner = command::become_owner();
    let rows = spi.query(
        "SELECT s.planned, s.estimate, (extract(epoch FROM s.changed_at - s.begun_at) * 1000000)::bigint FROM accord.step s
          WHERE s.source = $1::uuid AND s.version = $2 AND s.state = 'done' ORDER BY s.step",
        &[Arg::Text(&examined.offer.source.to_string()), Arg::Int(examined.offer.position.version)],
        See::Latest,
    )?;
    let mut outside = Outside::default();
    for row in rows {
        outside.steps.push(serde_json::from_str(&row.text(0))?);
        if outside.estimate.is_none() {
            outside.estimate = row.maybe_text(1).map(|text| serde_json::from_str(&text)).transpose()?;
        }
        outside.duration_ms += row.int(2) as f64 / 1000.0;
    }
    Ok(outside)
}

/// Forgets the recorded steps and reports the failure.
fn give_up(spi: &Spi, mut examined: Examined, error: &str) -> Result<Verdict> {
    let _owner = command::become_owner();
    spi.run(
        "DELETE FROM accord.step WHERE source = $1::uuid AND version = $2",
        &[Arg::Text(&examined.offer.source.to_string()), Arg::Int(examined.offer.position.version)],
    )?;
    let unchanged = same_as_before(spi, &examined)?;
    let undone = if unchanged { " What it left behind is cleared away." } else { "" };
    let code = if error.starts_with("55P03") { ReasonCode::LockTimeout } else { ReasonCode::StepFailed };
    examined.verdict.state = VerdictState::RolledBack;
    let name = &examined.offer.replica;
    examined.verdict.reasons.push(Reason {
        detail: Some(format!("{error}.{undone}")),
        hint: Some(format!(
            "Mend the cause on the replica and SELECT accord.retry('{name}'), or SELECT accord.skip('{name}', {}, '<reason>').",
            examined.offer.position.version
        )),
        ..reason(code, format!("a step outside a transaction failed: {error}"))
    });
    Ok(examined.verdict)
}
