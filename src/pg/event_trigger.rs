//! What the server tells an event trigger's function.

use super::command::{Command, describe};
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
