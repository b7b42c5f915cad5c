//! The replica's side of the handshake.

use crate::error::OrRaise;
use crate::pg::document::Jsonb;
use crate::pg::spi;
use crate::replica;
use pgrx::JsonB;
use pgrx::prelude::*;

fn json(value: impl serde::Serialize) -> JsonB {
    JsonB(serde_json::to_value(value).unwrap_or(serde_json::Value::Null))
}

/// Says who is here and how far the caller's history has come.
#[pg_extern(volatile, parallel_unsafe)]
fn hello(message: Jsonb) -> JsonB {
    json(spi::connect(|spi| replica::hello(spi, message.0)).or_raise())
}

/// Says what is really here of what the caller mirrors, and who changed it.
#[pg_extern(volatile, parallel_unsafe)]
fn inspect(message: Jsonb) -> JsonB {
    json(spi::connect(|spi| replica::inspect(spi, message.0)).or_raise())
}

/// Examines an offer: validation, compatibility, impact, rollback plan, resources.
#[pg_extern(volatile, parallel_unsafe)]
fn negotiate(offer: Jsonb) -> JsonB {
    json(spi::connect(|spi| replica::negotiate(spi, offer.0)).or_raise())
}

/// Examines an offer again, carries it out, verifies and records it.
#[pg_extern(volatile, parallel_unsafe)]
fn apply(application: Jsonb) -> JsonB {
    json(spi::connect(|spi| replica::apply(spi, application.0)).or_raise())
}

/// Forgets a source's history on this replica; its objects stay.
#[pg_extern(volatile, parallel_unsafe)]
fn forget_source(source: pgrx::Uuid) {
    let _pinned = crate::pg::command::pin();
    spi::connect(|spi| replica::forget(spi, &source.to_string())).or_raise();
}

/// In an apply worker, applies the version of the event whose row it has brought; called by the row's trigger.
#[pg_extern(volatile, parallel_unsafe)]
fn apply_here(fence: pgrx::Uuid) {
    let _pinned = crate::pg::command::pin();
    spi::connect(|spi| replica::apply_here(spi, &fence.to_string())).or_raise();
}

/// Has the subscription that brought a fence stand behind it, where rows from behind it would be taken for others;
/// called by the fence's trigger.
#[pg_extern(volatile, parallel_unsafe)]
fn stop_behind(fence: pgrx::Uuid) {
    let _pinned = crate::pg::command::pin();
    spi::connect(|spi| replica::stop_behind(spi, &fence.to_string())).or_raise();
}
