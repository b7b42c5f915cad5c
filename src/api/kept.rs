//! What a replica keeps for a reverse.

use crate::error::OrRaise;
use crate::pg::{command, spi};
use crate::replica;
use pgrx::prelude::*;

/// Drops what is kept under this number of `accord.kept`, before its time.
#[pg_extern(volatile, parallel_unsafe)]
fn forget_kept(id: i64) {
    let _pinned = command::pin();
    spi::connect(|spi| replica::forget_kept(spi, id)).or_raise();
}

/// Drops what was kept for its time; returns how many.
#[pg_extern(volatile, parallel_unsafe)]
fn purge_kept() -> i64 {
    let _pinned = command::pin();
    spi::connect(replica::purge_kept).or_raise()
}
