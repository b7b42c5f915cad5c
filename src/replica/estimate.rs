//! Impact and resources: what a version touches here, what it is expected to cost, what it did cost.

use super::examine::Examined;
use super::sizes::{learned, size};
use crate::error::Result;
use crate::ledger::store;
use crate::model::{FactId, Kind};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::plan::{Lock, Size, Step, Work, cost};
use crate::protocol::{Estimate, Impact};
use std::collections::BTreeSet;
use std::time::Instant;

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
    (impact.kept, impact.restored) = super::kept::expected(spi, steps)?;
    for table in &tables {
        let Size { rows, bytes } = size(spi, table)?;
        impact.rows += rows as i64;
        impact.bytes += bytes as i64;
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

/// Expected resources of the steps.
pub fn estimate(spi: &Spi, impact: &Impact, steps: &[Step]) -> Result<Estimate> {
    let learned = learned(spi)?;
    let mut expected = Estimate { memory_bytes: 1 << 20, ..Estimate::default() };
    for step in steps {
        let size = match step.locks.first() {
            Some(table) if step.rewrites || step.scans => size(spi, table)?,
            _ => Size::default(),
        };
        let cost = cost(step, size, learned.of(step));
        expected.read_bytes += cost.read_bytes as i64;
        expected.write_bytes += cost.write_bytes as i64;
        expected.temporary_bytes += cost.temporary_bytes as i64;
        expected.duration_ms += cost.duration_ms;
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
    let Some(work) = steps.iter().map(Work::of).max() else {
        return Ok(());
    };
    let ratio = |actual: f64, expected: f64| if expected > 0.0 { (actual / expected).clamp(0.01, 100.0) } else { 1.0 };
    spi.run(
        "INSERT INTO accord.coefficient AS c (operation, duration, bytes, samples) VALUES ($1, $2, $3, 1)
         ON CONFLICT (operation) DO UPDATE SET samples = c.samples + 1,
             duration = least(1000, greatest(0.001, c.duration * (0.8 + 0.2 * EXCLUDED.duration))),
             bytes = least(1000, greatest(0.001, c.bytes * (0.8 + 0.2 * EXCLUDED.bytes)))",
        &[
            Arg::Text(work.word()),
            Arg::Float(ratio(actual.duration_ms, expected.duration_ms)),
            Arg::Float(ratio(actual.write_bytes as f64, expected.write_bytes as f64)),
        ],
    )
}
