//! What the server tells an event trigger's function.

use super::command::{Command, describe};
use super::spi::cell;
use crate::catalog::{Cell, Row};
use crate::error::{Error, Result};
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Which event fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    DdlCommandEnd,
    SqlDrop,
    TableRewrite,
}

/// An event trigger's call.
#[derive(Debug)]
pub struct Call {
    /// Which event.
    pub event: Event,
    /// Command tag.
    pub tag: String,
    /// What the parse tree says of the command.
    pub command: Command,
}

/// Reads the call's context; an error where the function is called by anything but an event trigger.
pub fn call(fcinfo: pg_sys::FunctionCallInfo) -> Result<Call> {
    let not_trigger = || {
        Error::new(PgSqlErrorCode::ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED, "this function can be called only by an event trigger")
    };
    // SAFETY: fcinfo is what fmgr passed; its context is checked for its node type before it is read.
    unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_EventTriggerData {
            return Err(not_trigger());
        }
        let data = context.cast::<pg_sys::EventTriggerData>();
        let event = match std::ffi::CStr::from_ptr((*data).event).to_bytes() {
            b"ddl_command_end" => Event::DdlCommandEnd,
            b"sql_drop" => Event::SqlDrop,
            b"table_rewrite" => Event::TableRewrite,
            _ => return Err(not_trigger()),
        };
        let tag = std::ffi::CStr::from_ptr(pg_sys::GetCommandTagName((*data).tag)).to_string_lossy().into_owned();
        Ok(Call { event, tag, command: describe((*data).parsetree) })
    }
}

/// The rows of `pg_event_trigger_dropped_objects()`, as far as its first ten columns. Called as a function, without a
/// query around it: every DROP comes by here, of temporary tables too.
pub fn dropped_objects() -> Vec<Row> {
    const COLUMNS: i32 = 10;
    // SAFETY: the server's function gets what the executor would give it: its own look-up information, no
    // arguments, and room for a tuplestore, which is read while its descriptor and the executor state stand. Each
    // value is read as the type that its column has.
    unsafe {
        let executor = pg_sys::CreateExecutorState();
        let mut function = pg_sys::FmgrInfo::default();
        pg_sys::fmgr_info(pg_sys::Oid::from(pg_sys::F_PG_EVENT_TRIGGER_DROPPED_OBJECTS), &raw mut function);
        let mut result = pg_sys::ReturnSetInfo {
            type_: pg_sys::NodeTag::T_ReturnSetInfo,
            econtext: pg_sys::CreateExprContext(executor),
            allowedModes: pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32,
            ..Default::default()
        };
        let mut call =
            pg_sys::FunctionCallInfoBaseData { flinfo: &raw mut function, resultinfo: (&raw mut result).cast(), ..Default::default() };
        pg_sys::pg_event_trigger_dropped_objects(&raw mut call);
        let mut rows = Vec::new();
        if !result.setResult.is_null() {
            let slot = pg_sys::MakeSingleTupleTableSlot(result.setDesc, &raw const pg_sys::TTSOpsMinimalTuple);
            while pg_sys::tuplestore_gettupleslot(result.setResult, true, false, slot) {
                pg_sys::slot_getsomeattrs_int(slot, COLUMNS);
                let value = |i: i32| {
                    let (datum, null) = ((*slot).tts_values.add(i as usize), (*slot).tts_isnull.add(i as usize));
                    if *null { Cell::Null } else { cell(*datum, pg_sys::SPI_gettypeid(result.setDesc, i + 1)) }
                };
                rows.push((0..COLUMNS).map(value).collect());
            }
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::tuplestore_end(result.setResult);
        }
        pg_sys::FreeExecutorState(executor);
        rows
    }
}
