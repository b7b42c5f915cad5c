//! Drift on replicas: what differs there, and the way back.

use super::replicas::duration;
use crate::delivery;
use crate::error::OrRaise;
use crate::pg::{command, spi};
use crate::plan::Step;
use pgrx::JsonB;
use pgrx::datum::{Interval, TimestampWithTimeZone, Uuid};
use pgrx::prelude::*;

type Drifted = (
    String,
    String,
    Option<JsonB>,
    Option<JsonB>,
    Option<String>,
    Option<String>,
    Option<TimestampWithTimeZone>,
    Option<String>,
    Option<Uuid>,
    Option<bool>,
);

fn row(found: delivery::Drifted) -> Drifted {
    let at = found.at.map(pgrx::datum::datetime_support::to_timestamp);
    let author = found.author;
    let of = |field: fn(&crate::protocol::Author) -> Option<String>| author.as_ref().and_then(field);
    (
        found.fact,
        found.side,
        found.expected.map(JsonB),
        found.actual.map(JsonB),
        of(|author| author.session_user.clone()),
        of(|author| author.role.clone()),
        at,
        of(|author| author.statement.clone()),
        author.as_ref().map(|author| Uuid::from_bytes(*author.event.as_bytes())),
        author.as_ref().map(|author| author.reconciled),
    )
}

/// What a replica holds otherwise than it is mirrored there, fact by fact, and who did it.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::type_complexity)] // the columns' names
fn drift(
    replica: &str,
    timeout: default!(Interval, "'30 s'"),
) -> TableIterator<
    'static,
    (
        name!(fact, String),
        name!(side, String),
        name!(expected, Option<JsonB>),
        name!(actual, Option<JsonB>),
        name!(author, Option<String>),
        name!(role, Option<String>),
        name!(at, Option<TimestampWithTimeZone>),
        name!(statement, Option<String>),
        name!(event, Option<Uuid>),
        name!(reconciled, Option<bool>),
    ),
> {
    let _pinned = command::pin();
    let found = spi::connect(|spi| delivery::drift(spi, replica, duration(&timeout))).or_raise();
    TableIterator::new(found.into_iter().map(row))
}

/// The statements that lead a replica back to what is mirrored there; not dry, they are carried out.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::type_complexity)] // the columns' names
fn synchronize(
    replica: &str,
    dry_run: default!(bool, true),
    drop_own: default!(bool, false),
    timeout: default!(Interval, "'30 s'"),
) -> TableIterator<
    'static,
    (
        name!(step, i32),
        name!(sql, String),
        name!(lock, Option<String>),
        name!(locks, Vec<String>),
        name!(rewrites, bool),
        name!(scans, bool),
        name!(loss, Vec<String>),
        name!(warnings, Vec<String>),
    ),
> {
    let _pinned = command::pin();
    let steps = spi::connect(|spi| delivery::synchronize(spi, replica, dry_run, drop_own, duration(&timeout))).or_raise();
    TableIterator::new(steps.into_iter().enumerate().map(|(i, step): (usize, Step)| {
        (
            i as i32 + 1,
            step.sql,
            step.lock.word().map(str::to_owned),
            step.locks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            step.rewrites,
            step.scans,
            step.losses.into_iter().map(|loss| loss.what).collect::<Vec<_>>(),
            step.warnings,
        )
    }))
}
