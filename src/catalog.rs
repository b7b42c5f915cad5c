//! `sql/catalog/*.sql` → facts, for SPI and for a client connection alike. One query per catalog.

use crate::model::Fact;

/// One value of a catalog row.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    TextArray(Vec<String>),
    Bytes(Vec<u8>),
}

/// One row: cells in the order of the query's columns.
pub type Row = Vec<Cell>;

/// Something that can run the catalog queries: SPI inside the server, or a client connection.
///
/// Result columns are of the types bool, int2, int4, int8, oid, text, name, `"char"`, text[], name[]
/// and int arrays are returned as text[]; anything else is an error in the query.
pub trait Reader {
    /// Why a query failed.
    type Error: From<Malformed>;
    /// Major version of the server, e.g. 15.
    fn major(&self) -> u32;
    /// Runs one query. `oids` is its only parameter `$1` (`oid[]`), absent in queries without it.
    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> Result<Vec<Row>, Self::Error>;
}

/// A row that does not have the shape that the reader of its catalog expects.
#[derive(Debug, thiserror::Error)]
#[error("catalog query {query}: {what}")]
pub struct Malformed {
    /// Name of the query file.
    pub query: &'static str,
    /// What is wrong.
    pub what: String,
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// Relations (`pg_class` OIDs of tables, views, materialized views, sequences, composite types), each with everything that belongs to it.
    pub relations: Vec<u32>,
}

/// Reads everything.
pub fn read_all<R: Reader>(_reader: &mut R) -> Result<Vec<Fact>, R::Error> {
    Ok(Vec::new())
}
