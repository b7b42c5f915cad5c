//! Impact and resources: what a version touches here, what it is expected to cost, what it did cost.

use super::examine::Examined;
use crate::error::Result;
use crate::ledger::store;
use crate::model::{FactId, Kind};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::plan::{Lock, Step};
use crate::protocol::{Estimate, Impact};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Rates before anything was learned: a modest disk and one core.
const CATALOG_MS: f64 = 1.0;
const REWRITE_BYTES_PER_MS: f64 = 60_000.0;
const SCAN_BYTES_PER_MS: f64 = 400_000.0;

/// Rows and bytes (with indexes and TOAST) of a table here.
fn size(spi: &Spi, id: &FactId) -> Result<(i64, i64)> {
    let [schema, name, ..] = id.path.as_slice() else { return Ok((0, 0)) };
    let rows = spi.query(
        "SELECT greatest(c.reltuples, 0)::bigint, pg_catalog.pg_total_relation_size(c.oid)
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
        &[Arg::Text(schema.as_str()), Arg::Text(name.as_str())],
        See::Latest,
    )?;
    Ok(rows.first().map_or((0, 0), |row| (row.int(0), row.int(1))))
}

/// What the steps touch.
pub fn impact(spi: &Spi, examined: &Examined, steps: &[Step]) -> Result<Impact> {
    let mut impact = Impact {
        objects: examined
            .net
            .values()
            .filter_map(|n| n.before.as_ref())
            .filter(|f| f.id.kind != Kind::Position)
            .map(|f| f.id.clone())
            .collect(),
        lock: steps.iter().map(|s| s.lock).max().filter(|lock| *lock != Lock::None),
        ..Impact::default()
    };
    let mut tables: BTreeSet<FactId> = BTreeSet::new();
    for step in steps {
        tables.extend(step.locks.iter().cloned());
        if step.rewrites {
            impact.rewrites.extend(step.locks.first().cloned());
        }
        if step.scans {
            impact.scans.extend(step.locks.first().cloned());
        }
        impact.losses.extend(step.losses.iter().cloned());
        impact.warnings.extend(step.warnings.iter().cloned());
    }
    for table in &tables {
        let (rows, bytes) = size(spi, table)?;
        impact.rows += rows;
        impact.bytes += bytes;
    }
    impact.rewrites.dedup();
    impact.scans.dedup();
    impact.dependants = own_below(spi, examined)?;
    if impact.lock == Some(Lock::AccessExclusive) {
        impact.queries = known_queries(spi, &tables)?;
    }
    Ok(impact)
}

/// The replica's own objects in the families that are touched.
fn own_below(spi: &Spi, examined: &Examined) -> Result<Vec<String>> {
    let roots: Vec<u32> = examined.local.values().map(|k| k.root.1).collect::<BTreeSet<_>>().into_iter().collect();
    let ids: Vec<String> = store::families(spi, &roots)?.into_iter().map(|k| k.id).collect();
    let mirrored = super::mirror::mirrored(spi, examined.offer.source, &ids)?;
    let property = |id: &str| ["owner", "grant", "comment", "position"].iter().any(|word| id.starts_with(word));
    Ok(ids.into_iter().filter(|id| !mirrored.contains_key(id) && !property(id)).take(50).collect())
}

/// Statements of pg_stat_statements, where it is installed, that name a table.
fn known_queries(spi: &Spi, tables: &BTreeSet<FactId>) -> Result<Vec<String>> {
    let installed = spi.query(
        "SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'",
        &[],
        See::Latest,
    )?;
    let Some(schema) = installed.first().map(|row| crate::model::Name::new(row.text(0))) else { return Ok(Vec::new()) };
    let mut queries = Vec::new();
    for table in tables.iter().take(10) {
        let pattern = crate::model::Literal(table.name().as_str()).to_string();
        let sql = format!(
            "SELECT pg_catalog.left(s.query, 200) FROM {schema}.pg_stat_statements s
              WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                AND pg_catalog.strpos(s.query, {pattern}) > 0 ORDER BY s.calls DESC LIMIT 5"
        );
        // The view raises an error where the library is not preloaded: then there are no known statements.
        if let Ok(rows) = subtransaction(|| spi.execute(&sql)) {
            queries.extend(rows.iter().map(|row| row.text(0)));
        }
    }
    queries.sort();
    queries.dedup();
    Ok(queries)
}

/// What a step mostly is, for what is learned about its cost.
fn operation(step: &Step) -> &'static str {
    if step.rewrites {
        "rewrite"
    } else if step.scans {
        "scan"
    } else {
        "catalog"
    }
}

/// Expected resources of the steps.
pub fn estimate(spi: &Spi, impact: &Impact, steps: &[Step]) -> Result<Estimate> {
    let learned: BTreeMap<String, (f64, f64)> = spi
        .query("SELECT c.operation, c.duration::text, c.bytes::text FROM accord.coefficient c", &[], See::Latest)?
        .iter()
        .map(|row| (row.text(0), (row.text(1).parse().unwrap_or(1.0), row.text(2).parse().unwrap_or(1.0))))
        .collect();
    let factor = |name: &str| learned.get(name).copied().unwrap_or((1.0, 1.0));
    let mut expected = Estimate { memory_bytes: 1 << 20, ..Estimate::default() };
    for step in steps {
        let (time, volume) = factor(operation(step));
        let mut ms = CATALOG_MS;
        let bytes: i64 = match step.locks.first() {
            Some(table) if step.rewrites || step.scans => size(spi, table)?.1,
            _ => 0,
        };
        let bytes = bytes as f64;
        expected.read_bytes += bytes as i64;
        if step.rewrites {
            ms += bytes / REWRITE_BYTES_PER_MS;
            // The new copy and its WAL; the old copy stays until commit.
            expected.write_bytes += (bytes * 2.0 * volume) as i64;
            expected.temporary_bytes += (bytes * volume) as i64;
        } else if step.scans {
            ms += bytes / SCAN_BYTES_PER_MS;
        }
        expected.write_bytes += (8192.0 * volume) as i64;
        expected.duration_ms += ms * time;
    }
    expected.cpu_ms = expected.duration_ms * 0.8;
    if steps.iter().any(|s| s.scans || s.rewrites) {
        expected.memory_bytes += impact.bytes.min(64 << 20);
    }
    Ok(expected)
}

/// Measures what is used from here on.
pub struct Meter {
    started: Instant,
    cpu: f64,
    memory: i64,
    read: i64,
    wal: i64,
}

fn wal(spi: &Spi) -> Result<i64> {
    Ok(spi.query("SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint", &[], See::Transaction)?[0]
        .int(0))
}

impl Meter {
    /// Begins to measure.
    pub fn start(spi: &Spi) -> Result<Self> {
        let (cpu, memory, read) = command::resources();
        Ok(Self { started: Instant::now(), cpu, memory, read, wal: wal(spi)? })
    }

    /// What was used. WAL is the server's: neighbours' writes of the same moment are counted with ours.
    pub fn stop(&self, spi: &Spi) -> Result<Estimate> {
        let (cpu, memory, read) = command::resources();
        Ok(Estimate {
            cpu_ms: cpu - self.cpu,
            memory_bytes: memory - self.memory,
            read_bytes: read - self.read,
            write_bytes: wal(spi)? - self.wal,
            temporary_bytes: 0,
            duration_ms: self.started.elapsed().as_secs_f64() * 1000.0,
        })
    }
}

/// Corrects the coefficients of the steps' heaviest operation by what was measured.
pub fn learn(spi: &Spi, steps: &[Step], expected: &Estimate, actual: &Estimate) -> Result<()> {
    let Some(operation) = steps.iter().map(operation).max_by_key(|op| ["catalog", "scan", "rewrite"].iter().position(|o| o == op)) else {
        return Ok(());
    };
    let ratio = |actual: f64, expected: f64| if expected > 0.0 { (actual / expected).clamp(0.01, 100.0) } else { 1.0 };
    spi.run(
        "INSERT INTO accord.coefficient AS c (operation, duration, bytes, samples) VALUES ($1, $2, $3, 1)
         ON CONFLICT (operation) DO UPDATE SET samples = c.samples + 1,
             duration = least(1000, greatest(0.001, c.duration * (0.8 + 0.2 * EXCLUDED.duration))),
             bytes = least(1000, greatest(0.001, c.bytes * (0.8 + 0.2 * EXCLUDED.bytes)))",
        &[
            Arg::Text(operation),
            Arg::Float(ratio(actual.duration_ms, expected.duration_ms)),
            Arg::Float(ratio(actual.write_bytes as f64, expected.write_bytes as f64)),
        ],
    )
}
