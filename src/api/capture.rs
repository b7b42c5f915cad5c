//! What the event triggers call.

use crate::error::OrRaise;
use crate::{capture, pg};
use pgrx::prelude::*;

/// The function of pg_accord's event triggers.
#[pg_extern(sql = "CREATE FUNCTION accord.on_event() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';")]
fn on_event(fcinfo: pg_sys::FunctionCallInfo) {
    let call = pg::event_trigger::call(fcinfo).or_raise();
    capture::on_event(&call).or_raise();
}

/// Whether this is a logical replication worker, which brings another server's rows.
#[pg_extern(stable, parallel_restricted)]
fn in_apply_worker() -> bool {
    pg::command::in_apply_worker()
}
