//! Sizes of tables here, and what costs have taught: what estimates stand on.

use crate::error::Result;
use crate::model::FactId;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::{Size, Step, Work};
use std::collections::BTreeMap;

/// Rows and bytes (with indexes and TOAST) of a table here, its partitions' included; nothing where
/// there is no such table.
pub fn size(spi: &Spi, id: &FactId) -> Result<Size> {
    let [schema, name, ..] = id.path.as_slice() else { return Ok(Size::default()) };
    let rows = spi.query(
        "SELECT greatest(c.reltuples, 0)::bigint, pg_catalog.pg_total_relation_size(c.oid)
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
        &[Arg::Text(schema.as_str()), Arg::Text(name.as_str())],
        See::Latest,
    )?;
    let whole = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(rows.first().map_or(Size::default(), |row| Size { rows: whole(row.int(0)), bytes: whole(row.int(1)) }))
}

/// Whether a table here holds rows; false where there is no such table.
pub fn has_rows(spi: &Spi, table: &FactId) -> Result<bool> {
    let [schema, name] = table.path.as_slice() else { return Ok(false) };
    let rows = spi.query(
        "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')",
        &[Arg::Text(schema.as_str()), Arg::Text(name.as_str())],
        See::Latest,
    )?;
    if rows.is_empty() {
        return Ok(false);
    }
    Ok(!spi.execute(&format!("SELECT FROM {schema}.{name} LIMIT 1"))?.is_empty())
}

/// Actual over estimated, by what was done: duration and volume.
pub struct Learned(BTreeMap<String, (f64, f64)>);

impl Learned {
    /// The factors for a step.
    pub fn of(&self, step: &Step) -> (f64, f64) {
        self.0.get(Work::of(step).word()).copied().unwrap_or((1.0, 1.0))
    }
}

/// What was learned here.
pub fn learned(spi: &Spi) -> Result<Learned> {
    let rows = spi.query("SELECT c.operation, c.duration::text, c.bytes::text FROM accord.coefficient c", &[], See::Latest)?;
    let factor = |text: String| text.parse().unwrap_or(1.0);
    Ok(Learned(rows.iter().map(|row| (row.text(0), (factor(row.text(1)), factor(row.text(2))))).collect()))
}
