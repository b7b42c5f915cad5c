//! The replica's side of the handshake.

use crate::error::OrRaise;
use crate::pg::spi;
use crate::replica;
use pgrx::JsonB;
use pgrx::prelude::*;

fn json(value: impl serde::Serialize) -> JsonB {
    JsonB(serde_json::to_value(value).unwrap_or(serde_json::Value::Null))
}

/// Says who is here and how far the caller's history has come.
#[pg_extern(volatile, parallel_unsafe)]
fn hello(message: JsonB) -> JsonB {
    json(spi::connect(|spi| replica::hello(spi, &message.0.to_string())).or_raise())
}

/// Says what is really here of what the caller mirrors, and who changed it.
#[pg_extern(volatile, parallel_unsafe)]
fn inspect(message: JsonB) -> JsonB {
    json(spi::connect(|spi| replica::inspect(spi, &message.0.to_string())).or_raise())
}

/// Examines an offer: validation, compatibility, impact, rollback plan, resources.
#[pg_extern(volatile, parallel_unsafe)]
fn negotiate(offer: JsonB) -> JsonB {
    json(spi::connect(|spi| replica::negotiate(spi, &offer.0.to_string())).or_raise())
}

/// Examines an offer again, carries it out, verifies and records it.
#[pg_extern(volatile, parallel_unsafe)]
fn apply(application: JsonB) -> JsonB {
    json(spi::connect(|spi| replica::apply(spi, &application.0.to_string())).or_raise())
}

/// Forgets a source's history on this replica; its objects stay.
#[pg_extern(volatile, parallel_unsafe)]
fn forget_source(source: pgrx::Uuid) {
    let _owner = crate::pg::command::become_owner();
    spi::connect(|spi| replica::forget(spi, &source.to_string())).or_raise();
}
