//! What a step is expected to cost: formulas on the sizes of the tables that it locks.

use super::Step;
use serde::{Deserialize, Serialize};

/// Rates before anything was learned: a modest disk and one core.
const CATALOG_MS: f64 = 1.0;
const REWRITE_BYTES_PER_MS: f64 = 60_000.0;
const SCAN_BYTES_PER_MS: f64 = 400_000.0;
/// Catalog rows and their WAL.
const CATALOG_BYTES: f64 = 8192.0;

/// Rows and bytes (with indexes and TOAST) of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Size {
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a step mostly is: what is learned about costs is learned by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Work {
    Catalog,
    Scan,
    Copy,
    Rewrite,
}

impl Work {
    /// Of a step.
    pub fn of(step: &Step) -> Self {
        if step.rewrites {
            Self::Rewrite
        } else if step.scans && step.kept.is_some() {
            Self::Copy
        } else if step.scans {
            Self::Scan
        } else {
            Self::Catalog
        }
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Scan => "scan",
            Self::Copy => "copy",
            Self::Rewrite => "rewrite",
        }
    }
}

/// The expected cost of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Milliseconds, waits for locks left out.
    pub duration_ms: f64,
    /// Rows that are read.
    pub rows: u64,
    /// Bytes that are read.
    pub read_bytes: u64,
    /// Bytes that are written, WAL included.
    pub write_bytes: u64,
    /// Bytes that are taken until the end of the transaction.
    pub temporary_bytes: u64,
}

/// The cost of a step on a table of this size. `learned` corrects duration and volume by what such
/// work has cost before: 1 and 1 where nothing is known.
pub fn cost(step: &Step, size: Size, learned: (f64, f64)) -> Cost {
    let (time, volume) = learned;
    let work = Work::of(step);
    let Size { rows, bytes } = if work == Work::Catalog { Size::default() } else { size };
    let read = bytes as f64;
    let (ms, written, temporary) = match work {
        // The new copy and its WAL; the old copy stays until commit.
        Work::Rewrite => (read / REWRITE_BYTES_PER_MS, read * 2.0 * volume, read * volume),
        Work::Scan => (read / SCAN_BYTES_PER_MS, 0.0, 0.0),
        // At most all that is read, in a table that stays.
        Work::Copy => (read / REWRITE_BYTES_PER_MS, read * 2.0 * volume, 0.0),
        Work::Catalog => (0.0, 0.0, 0.0),
    };
    Cost {
        duration_ms: (CATALOG_MS + ms) * time,
        rows,
        read_bytes: bytes,
        write_bytes: (written + CATALOG_BYTES * volume) as u64,
        temporary_bytes: temporary as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Lock;

    fn step(rewrites: bool, scans: bool) -> Step {
        Step {
            sql: String::new(),
            facts: Vec::new(),
            lock: Lock::AccessExclusive,
            locks: Vec::new(),
            rewrites,
            scans,
            outside_transaction: false,
            compensation: None,
            losses: Vec::new(),
            warnings: Vec::new(),
            kept: None,
        }
    }

    #[test]
    fn a_rewrite_costs_more_than_a_scan_and_a_scan_more_than_a_catalog_change() {
        let size = Size { rows: 1000, bytes: 60_000_000 };
        let [catalog, scan, rewrite] = [step(false, false), step(false, true), step(true, true)].map(|s| cost(&s, size, (1.0, 1.0)));
        assert_eq!((catalog.duration_ms, catalog.read_bytes, catalog.rows), (1.0, 0, 0));
        assert_eq!((scan.duration_ms, scan.read_bytes, scan.temporary_bytes), (151.0, 60_000_000, 0));
        assert_eq!((rewrite.duration_ms, rewrite.write_bytes, rewrite.temporary_bytes), (1001.0, 120_008_192, 60_000_000));
        assert!((cost(&step(false, true), size, (2.0, 1.0)).duration_ms - 302.0).abs() < 1e-9);
    }
}
