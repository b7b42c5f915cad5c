//! JSON arguments. What PostgreSQL takes and our parser does not (nesting beyond its limit, numbers
//! beyond a double) is the caller's error and not a defect: pgrx's own types would panic.

use crate::error::{Error, OrRaise};
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use serde_json::Value;
use std::ffi::CStr;

/// A `jsonb` argument.
#[derive(Debug)]
pub struct Jsonb(pub Value);

/// A `json` argument.
#[derive(Debug)]
pub struct Json(pub Value);

fn parse(text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text).map_err(|error| {
        Error::invalid("the JSON document cannot be read")
            .detail(format!("{error}."))
            .hint("Documents here are nested less than 128 deep, and their numbers are within the range of double precision.")
    })
}

macro_rules! argument {
    ($type:ident, $sql:literal, $output:expr) => {
        impl FromDatum for $type {
            unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
                if is_null {
                    return None;
                }
                // SAFETY: the datum is of this SQL type, whose output function returns a palloc'ed C string.
                let parsed = unsafe {
                    let text = pg_sys::OidOutputFunctionCall(pg_sys::Oid::from($output), datum);
                    let parsed = parse(CStr::from_ptr(text).to_bytes());
                    pg_sys::pfree(text.cast());
                    parsed
                };
                Some(Self(parsed.or_raise()))
            }
        }

        // SAFETY: the value owns what it holds, and the function's argument is declared as this SQL type below.
        unsafe impl<'fcx> ArgAbi<'fcx> for $type {
            unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
                // SAFETY: as above; a strict function is not called with null.
                unsafe { arg.unbox_arg_using_from_datum() }
                    .unwrap_or_else(|| Error::internal("a strict function was called with null").raise())
            }
        }

        pgrx::impl_sql_translatable!($type, arg_only = $sql);
    };
}

argument!(Jsonb, "jsonb", pg_sys::F_JSONB_OUT);
argument!(Json, "json", pg_sys::F_JSON_OUT);
