//! SPI with kept plans and a choice of snapshot.
//!
//! pgrx's own client always reads under the transaction's snapshot and assigns an XID; capture needs
//! a fresh snapshot whatever the isolation level, and a plan that is parsed once in a backend's life.

use super::receive::Receiver;
use crate::catalog::{Cell, Row, Rows};
use crate::error::{Error, Result};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::{Cell as Cell_, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString};

/// A statement's argument.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// `text`
    Text(&'a str),
    /// `text`, perhaps null
    MaybeText(Option<&'a str>),
    /// `bigint`
    Int(i64),
    /// `bigint`, perhaps null
    MaybeInt(Option<i64>),
    /// `boolean`
    Bool(bool),
    /// `double precision`
    Float(f64),
    /// `oid`
    Oid(u32),
    /// `bytea`
    Bytes(&'a [u8]),
    /// `bytea`, perhaps null
    MaybeBytes(Option<&'a [u8]>),
    /// `oid[]`
    Oids(&'a [u32]),
    /// `text[]`
    Texts(&'a [String]),
}

impl Arg<'_> {
    fn type_oid(self) -> pg_sys::Oid {
        match self {
            Arg::Text(_) | Arg::MaybeText(_) => pg_sys::TEXTOID,
            Arg::Int(_) | Arg::MaybeInt(_) => pg_sys::INT8OID,
            Arg::Bool(_) => pg_sys::BOOLOID,
            Arg::Float(_) => pg_sys::FLOAT8OID,
            Arg::Oid(_) => pg_sys::OIDOID,
            Arg::Bytes(_) | Arg::MaybeBytes(_) => pg_sys::BYTEAOID,
            Arg::Oids(_) => pg_sys::OIDARRAYOID,
            Arg::Texts(_) => pg_sys::TEXTARRAYOID,
        }
    }

    fn datum(self) -> Option<pg_sys::Datum> {
        match self {
            Arg::Text(text) => text.into_datum(),
            Arg::MaybeText(text) => text.and_then(IntoDatum::into_datum),
            Arg::Int(value) => value.into_datum(),
            Arg::MaybeInt(value) => value.and_then(IntoDatum::into_datum),
            Arg::Bool(value) => value.into_datum(),
            Arg::Float(value) => value.into_datum(),
            Arg::Oid(value) => pg_sys::Oid::from(value).into_datum(),
            Arg::Bytes(bytes) => bytes.into_datum(),
            Arg::MaybeBytes(bytes) => bytes.and_then(IntoDatum::into_datum),
            Arg::Oids(oids) => oids.iter().map(|&oid| pg_sys::Oid::from(oid)).collect::<Vec<_>>().into_datum(),
            Arg::Texts(texts) => texts.to_vec().into_datum(),
        }
    }
}

/// Which rows a statement sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum See {
    /// Everything committed by now and this transaction's own work; read-only. Needs no XID.
    Latest,
    /// As an ordinary statement of this transaction; may write.
    Transaction,
}

thread_local! {
    // Keyed by text: equal statements share a plan wherever they stand in the source.
    static PLANS: RefCell<HashMap<(String, Vec<u32>), pg_sys::SPIPlanPtr>> = RefCell::new(HashMap::new());
}

/// An open SPI connection. PostgreSQL closes it when an error unwinds through us.
pub struct Spi {
    frozen: Cell_<Option<pg_sys::Snapshot>>,
}

/// While this value lives, [`See::Latest`] is one and the same snapshot: two reads can be compared.
pub struct Frozen<'a>(&'a Spi);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Some(snapshot) = self.0.frozen.take()
            && !std::thread::panicking()
        {
            // SAFETY: registered by `freeze`; after an error the resource owner has released it already.
            unsafe { pg_sys::UnregisterSnapshot(snapshot) };
        }
    }
}

/// Opens an SPI connection for the duration of `work`.
pub fn connect<R>(work: impl FnOnce(&Spi) -> Result<R>) -> Result<R> {
    // SAFETY: paired with SPI_finish below; on an error PostgreSQL's abort closes the connection itself.
    if unsafe { pg_sys::SPI_connect() } != pg_sys::SPI_OK_CONNECT as i32 {
        return Err(Error::internal("cannot connect to SPI"));
    }
    let result = work(&Spi { frozen: Cell_::new(None) });
    // SAFETY: the connection opened above is the innermost one, because `work` has returned.
    unsafe { pg_sys::SPI_finish() };
    result
}

/// While this value lives, the planner reaches rows by key or not at all: statements with arguments are
/// look-ups of a few objects, whatever the statistics of a small or freshly grown catalog say, and their plans are kept
/// for as long as the backend lives, however much the catalogs grow.
///
/// The switches are the planner's own variables, set without the machinery of SET, which would cost more
/// than the reads; nothing that a user can see runs meanwhile.
struct KeyedPlanner([bool; 6]);

impl KeyedPlanner {
    fn switches() -> [*mut bool; 6] {
        [
            &raw mut pg_sys::enable_seqscan,
            &raw mut pg_sys::enable_bitmapscan,
            &raw mut pg_sys::enable_hashjoin,
            &raw mut pg_sys::enable_mergejoin,
            &raw mut pg_sys::enable_material,
            &raw mut pg_sys::enable_memoize,
        ]
    }

    fn set() -> Self {
        // SAFETY: plain variables of this single-threaded backend.
        Self(Self::switches().map(|switch| unsafe { std::mem::replace(&mut *switch, false) }))
    }
}

impl Drop for KeyedPlanner {
    fn drop(&mut self) {
        for (switch, before) in Self::switches().into_iter().zip(self.0) {
            // SAFETY: as above; also while an error unwinds, for no abort would restore them.
            unsafe { *switch = before };
        }
    }
}

impl Spi {
    /// Takes one fresh snapshot for all [`See::Latest`] reads until the returned value is dropped.
    /// What this connection writes meanwhile is not seen by them.
    pub fn freeze(&self) -> Frozen<'_> {
        if self.frozen.get().is_none() {
            // SAFETY: called inside a transaction; the snapshot is copied and registered.
            self.frozen.set(Some(unsafe {
                pg_sys::CommandCounterIncrement();
                pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot())
            }));
        }
        Frozen(self)
    }

    /// Runs a statement with a kept plan and returns its rows.
    pub fn query(&self, sql: &str, args: &[Arg<'_>], see: See) -> Result<Vec<Row>> {
        let _planner = (!args.is_empty()).then(KeyedPlanner::set);
        let plan = kept_plan(sql, args)?;
        let mut values: Vec<pg_sys::Datum> = Vec::with_capacity(args.len());
        let mut nulls: Vec<std::ffi::c_char> = Vec::with_capacity(args.len());
        for arg in args {
            let datum = arg.datum();
            nulls.push(if datum.is_some() { b' ' } else { b'n' } as std::ffi::c_char);
            values.push(datum.unwrap_or(pg_sys::Datum::null()));
        }
        // SAFETY: values and nulls have the plan's number of parameters; the snapshot is valid for
        // the call, which copies it before it runs anything.
        let code = unsafe {
            if see == See::Latest {
                let snapshot = self.latest();
                pg_sys::SPI_execute_snapshot(plan, values.as_mut_ptr(), nulls.as_ptr(), snapshot, std::ptr::null_mut(), true, false, 0)
            } else {
                pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), false, 0)
            }
        };
        if code < 0 {
            return Err(Error::internal(format!("SPI returned {code} for: {sql}")));
        }
        Ok(fetch())
    }

    /// Runs a catalog query under the latest snapshot, with a kept plan and perhaps one list of OIDs.
    pub fn read(&self, sql: &str, oids: Option<&[u32]>) -> Result<Rows> {
        let args: &[Arg<'_>] = &oids.map(Arg::Oids).into_iter().collect::<Vec<_>>();
        let _planner = oids.map(|_| KeyedPlanner::set());
        let plan = kept_plan(sql, args)?;
        let mut receiver = Receiver::new();
        // SAFETY: the parameters are the plan's; the snapshot is registered or fresh, and on the stack while the
        // query runs (after an error the abort pops it); the receiver outlives the call.
        let code = unsafe {
            let mut params: pg_sys::ParamListInfo = std::ptr::null_mut();
            if let Some(datum) = args.first().and_then(|arg| arg.datum()) {
                params = pg_sys::makeParamList(1);
                let param = (*params).params.as_mut_ptr();
                *param = pg_sys::ParamExternData {
                    value: datum,
                    isnull: false,
                    pflags: pg_sys::PARAM_FLAG_CONST as u16,
                    ptype: pg_sys::OIDARRAYOID,
                };
            }
            let options = pg_sys::SPIExecuteOptions { params, read_only: true, dest: receiver.as_dest(), ..Default::default() };
            pg_sys::PushActiveSnapshot(self.latest());
            let code = pg_sys::SPI_execute_plan_extended(plan, &raw const options);
            pg_sys::PopActiveSnapshot();
            if let Some(param) = params.as_mut() {
                pg_sys::pfree(param.params.as_mut_ptr().read().value.cast_mut_ptr());
                pg_sys::pfree(params.cast());
            }
            code
        };
        if code < 0 {
            return Err(Error::internal(format!("SPI returned {code} for: {sql}")));
        }
        Ok(receiver.into_rows())
    }

    /// The frozen snapshot, or a fresh one.
    ///
    /// # Safety
    /// Called inside a transaction; the snapshot is copied or registered before anything else runs.
    unsafe fn latest(&self) -> pg_sys::Snapshot {
        self.frozen.get().unwrap_or_else(|| {
            // SAFETY: the caller's.
            unsafe {
                pg_sys::CommandCounterIncrement();
                pg_sys::GetLatestSnapshot()
            }
        })
    }

    /// Runs a statement under the transaction's own snapshot, for its effect.
    pub fn run(&self, sql: &str, args: &[Arg<'_>]) -> Result<()> {
        self.query(sql, args, See::Transaction).map(|_| ())
    }

    /// Runs one statement that was rendered from what came over the wire.
    pub fn execute_one(&self, sql: &str) -> Result<Vec<Row>> {
        one_statement(sql)?;
        self.execute(sql)
    }

    /// Runs a statement that is used once, without keeping its plan: DDL, above all.
    #[allow(clippy::unused_self)] // the value is the proof that a connection is open: SPI_execute runs in it
    pub fn execute(&self, sql: &str) -> Result<Vec<Row>> {
        let text = c_string(sql)?;
        // SAFETY: the text outlives the call.
        let code = unsafe { pg_sys::SPI_execute(text.as_ptr(), false, 0) };
        if code < 0 {
            return Err(Error::internal(format!("SPI returned {code} for: {sql}")));
        }
        Ok(fetch())
    }
}

/// Checks that a text is one statement. The server's own parser is the judge: two would be two,
/// whatever the checks before said.
pub fn one_statement(sql: &str) -> Result<()> {
    let text = c_string(sql)?;
    // SAFETY: the text outlives the call; the parse tree is palloc'ed and left to the memory context.
    let statements = unsafe {
        let list = pg_sys::pg_parse_query(text.as_ptr());
        if list.is_null() { 0 } else { (*list).length }
    };
    if statements != 1 {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_SYNTAX_ERROR, format!("a step holds {statements} statements, not one")).detail(sql));
    }
    Ok(())
}

fn c_string(sql: &str) -> Result<CString> {
    CString::new(sql).map_err(|_| Error::invalid("a statement cannot hold a null byte"))
}

fn kept_plan(sql: &str, args: &[Arg<'_>]) -> Result<pg_sys::SPIPlanPtr> {
    let key = (sql.to_owned(), args.iter().map(|arg| arg.type_oid().to_u32()).collect::<Vec<_>>());
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).copied()) {
        return Ok(plan);
    }
    let text = c_string(sql)?;
    let mut types: Vec<pg_sys::Oid> = args.iter().map(|arg| arg.type_oid()).collect();
    // SAFETY: the text and the types outlive the call; a plan that is kept lives until the backend ends.
    let plan = unsafe {
        // A generic plan: planning anew for each command's OIDs would cost many times the reads themselves.
        let plan =
            pg_sys::SPI_prepare_cursor(text.as_ptr(), types.len() as i32, types.as_mut_ptr(), pg_sys::CURSOR_OPT_GENERIC_PLAN as i32);
        if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
            return Err(Error::internal(format!("SPI cannot prepare: {sql}")));
        }
        plan
    };
    PLANS.with_borrow_mut(|plans| plans.insert(key, plan));
    Ok(plan)
}

/// Copies the rows of the last statement out of SPI's memory.
fn fetch() -> Vec<Row> {
    // SAFETY: SPI_tuptable belongs to the statement that has just run in the open connection; its
    // tuples and descriptor stay valid until SPI_freetuptable.
    unsafe {
        let table = pg_sys::SPI_tuptable;
        if table.is_null() {
            return Vec::new();
        }
        let descriptor = (*table).tupdesc;
        let columns = (*descriptor).natts;
        let count = (*table).numvals as usize;
        let types: Vec<pg_sys::Oid> = (1..=columns).map(|i| pg_sys::SPI_gettypeid(descriptor, i)).collect();
        let mut rows = Vec::with_capacity(count);
        for r in 0..count {
            let tuple = *(*table).vals.add(r);
            let mut row = Vec::with_capacity(columns as usize);
            for (c, &type_oid) in types.iter().enumerate() {
                let mut null = false;
                let datum = pg_sys::SPI_getbinval(tuple, descriptor, c as i32 + 1, &raw mut null);
                row.push(if null { Cell::Null } else { cell(datum, type_oid) });
            }
            rows.push(row);
        }
        pg_sys::SPI_freetuptable(table);
        rows
    }
}

/// # Safety
/// `datum` is a non-null value of type `type_oid`.
pub(super) unsafe fn cell(datum: pg_sys::Datum, type_oid: pg_sys::Oid) -> Cell {
    // SAFETY: each branch reads the datum as the type that it has.
    unsafe {
        match type_oid {
            pg_sys::BOOLOID => Cell::Bool(datum.value() != 0),
            pg_sys::INT2OID => Cell::Int(i64::from(datum.value() as i16)),
            pg_sys::INT4OID => Cell::Int(i64::from(datum.value() as i32)),
            pg_sys::INT8OID => Cell::Int(datum.value() as i64),
            pg_sys::OIDOID | pg_sys::REGCLASSOID | pg_sys::REGTYPEOID => Cell::Int(i64::from(datum.value() as u32)),
            pg_sys::CHAROID => Cell::Text(char::from(datum.value() as u8).to_string()),
            pg_sys::NAMEOID => {
                let name = CStr::from_ptr(datum.cast_mut_ptr::<std::ffi::c_char>());
                Cell::Text(String::from_utf8_lossy(name.to_bytes()).into_owned())
            }
            pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::JSONOID => Cell::Text(String::from_datum(datum, false).unwrap_or_default()),
            pg_sys::BYTEAOID => {
                let bytes: &[u8] = FromDatum::from_datum(datum, false).unwrap_or_default();
                Cell::Bytes(bytes.to_vec())
            }
            pg_sys::TEXTARRAYOID => {
                let items: Vec<Option<String>> = FromDatum::from_datum(datum, false).unwrap_or_default();
                Cell::TextArray(items.into_iter().flatten().collect())
            }
            pg_sys::NAMEARRAYOID => {
                // name[] has text's ordering of elements but fixed-size items: let the server turn it into text[].
                let text = output(datum, type_oid);
                Cell::TextArray(text.trim_matches(['{', '}']).split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect())
            }
            pg_sys::VOIDOID => Cell::Null,
            _ => Cell::Text(output(datum, type_oid)),
        }
    }
}

/// # Safety
/// `datum` is a non-null value of type `type_oid`.
unsafe fn output(datum: pg_sys::Datum, type_oid: pg_sys::Oid) -> String {
    let mut function = pg_sys::Oid::INVALID;
    let mut varlena = false;
    // SAFETY: the output function belongs to the type, and returns a palloc'ed C string.
    unsafe {
        pg_sys::getTypeOutputInfo(type_oid, &raw mut function, &raw mut varlena);
        let text = pg_sys::OidOutputFunctionCall(function, datum);
        let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        owned
    }
}

/// Reading a row's cells by position with the type that is expected there.
pub trait Cells {
    /// Text, empty for null.
    fn text(&self, i: usize) -> String;
    /// Text, perhaps null.
    fn maybe_text(&self, i: usize) -> Option<String>;
    /// Integer, 0 for null.
    fn int(&self, i: usize) -> i64;
    /// Integer, perhaps null.
    fn maybe_int(&self, i: usize) -> Option<i64>;
    /// Boolean, false for null.
    fn bool(&self, i: usize) -> bool;
    /// Bytes, empty for null.
    fn bytes(&self, i: usize) -> Vec<u8>;
    /// Bytes of a fixed length.
    fn hash(&self, i: usize) -> Result<[u8; 32]>;
    /// Array of texts, empty for null.
    fn texts(&self, i: usize) -> Vec<String>;
    /// Whether it is null.
    fn is_null(&self, i: usize) -> bool;
}

impl Cells for Row {
    fn text(&self, i: usize) -> String {
        self.maybe_text(i).unwrap_or_default()
    }
    fn maybe_text(&self, i: usize) -> Option<String> {
        match self.get(i) {
            Some(Cell::Text(text)) => Some(text.clone()),
            Some(Cell::Int(value)) => Some(value.to_string()),
            _ => None,
        }
    }
    fn int(&self, i: usize) -> i64 {
        self.maybe_int(i).unwrap_or(0)
    }
    fn maybe_int(&self, i: usize) -> Option<i64> {
        match self.get(i) {
            Some(Cell::Int(value)) => Some(*value),
            Some(Cell::Text(text)) => text.parse().ok(),
            _ => None,
        }
    }
    fn bool(&self, i: usize) -> bool {
        matches!(self.get(i), Some(Cell::Bool(true)))
    }
    fn bytes(&self, i: usize) -> Vec<u8> {
        match self.get(i) {
            Some(Cell::Bytes(bytes)) => bytes.clone(),
            _ => Vec::new(),
        }
    }
    fn hash(&self, i: usize) -> Result<[u8; 32]> {
        self.bytes(i).try_into().map_err(|_| Error::internal("a stored hash does not have 32 bytes"))
    }
    fn texts(&self, i: usize) -> Vec<String> {
        match self.get(i) {
            Some(Cell::TextArray(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }
    fn is_null(&self, i: usize) -> bool {
        matches!(self.get(i), None | Some(Cell::Null))
    }
}
