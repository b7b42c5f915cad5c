//! The end of the history that is kept: `accord.retention`.
//!
//! Versions go whole, the oldest first, with their events and with what replicas answered, so the ledger
//! always holds a run of versions without a gap, up to the newest one. The newest version stays, and so does
//! the one that a replica stands at: its next offer is chained to it.

use crate::error::{Error, Result};
use crate::model::Literal;
use crate::pg::give_way::giving_way;
use crate::pg::guc::RETENTION;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::replica;
use uuid::Uuid;

/// The oldest version that is kept.
fn begins_at(spi: &Spi) -> Result<i64> {
    let rows = spi.query("SELECT min(v.version) FROM accord.version v", &[], See::Latest)?;
    Ok(rows.first().and_then(|row| row.maybe_int(0)).unwrap_or(0))
}

/// Why a version that is not there is not: it never was, or it was kept for its time.
pub(super) fn no_version(spi: &Spi, version: i64) -> Result<Error> {
    if version >= 0
        && let Some(error) = past_retention(spi, version)?
    {
        return Ok(error);
    }
    Ok(Error::undefined(format!("version {version} does not exist")).hint("SELECT * FROM accord.versions lists them."))
}

/// The error of a version that was kept for its time; none where it is kept.
pub fn past_retention(spi: &Spi, version: i64) -> Result<Option<Error>> {
    let oldest = begins_at(spi)?;
    Ok((version < oldest).then(|| {
        Error::undefined(format!("version {version} is not kept any more"))
            .detail(format!("The history begins at version {oldest}: older ones were kept for accord.retention."))
            .hint("SELECT * FROM accord.versions lists what is kept.")
    }))
}

/// What helps a replica that stands before the history's begin.
pub fn begin_anew(source: Uuid, replica: &str) -> String {
    format!(
        "On the replica SELECT accord.forget_source('{source}'), then here SELECT accord.retry({}): an equal schema is adopted, with policy \"adopt\" any.",
        Literal(replica)
    )
}

/// Ends what is past its time, at most `limit` versions; returns how many went.
///
/// On a replica, what is recorded of a source's versions goes by the same setting, but for the newest one.
pub fn prune(spi: &Spi, limit: i64) -> Result<i64> {
    let retention = i64::from(RETENTION.get());
    if retention == 0 {
        return Ok(0);
    }
    giving_way(|| prune_before(spi, retention, limit))
}

fn prune_before(spi: &Spi, retention: i64, limit: i64) -> Result<i64> {
    // A replica that has taken nothing yet begins with a baseline of a version that is newer than its registration.
    let rows = spi.query(
        "WITH floor AS (
             SELECT least(max(v.version), (SELECT min(coalesce(r.acknowledged,
                        (SELECT b.version FROM accord.version b WHERE b.sealed_at <= r.added_at ORDER BY b.version DESC LIMIT 1), 0))
                      FROM accord.replica r)) AS version
               FROM accord.version v),
         oldest AS (
             SELECT v.version, v.committed_at < pg_catalog.clock_timestamp() - $1 * interval '1 s' AS due
               FROM accord.version v WHERE v.version < (SELECT f.version FROM floor f) ORDER BY v.version LIMIT $2)
         SELECT coalesce(min(o.version) FILTER (WHERE NOT o.due), max(o.version) + 1) FROM oldest o",
        &[Arg::Int(retention), Arg::Int(limit)],
        See::Latest,
    )?;
    let mut pruned = 0;
    if let Some(first) = rows.first().and_then(|row| row.maybe_int(0)) {
        pruned = first - begins_at(spi)?;
        if pruned > 0 {
            for sql in [
                "DELETE FROM accord.event e USING accord.version v WHERE v.version < $1 AND e.xid = v.xid",
                "DELETE FROM accord.delivery d USING accord.replica r WHERE d.replica = r.name AND d.version < $1 AND d.acknowledged_at IS NOT NULL",
                "DELETE FROM accord.projected p WHERE p.version < $1",
                "DELETE FROM accord.version v WHERE v.version < $1",
            ] {
                spi.run(sql, &[Arg::Int(first)])?;
            }
        }
    }
    spi.run(
        "DELETE FROM accord.mending m WHERE m.state IN ('acknowledged', 'given up') AND m.requested_at < pg_catalog.clock_timestamp() - $1 * interval '1 s'",
        &[Arg::Int(retention)],
    )?;
    replica::prune(spi, retention, limit)?;
    Ok(pruned)
}
