//! Which facts of a source are mirrored here, and where its history stands.

use crate::error::{Error, Result};
use crate::ledger::store::{self, Known};
use crate::model::{Fact, FactHash, FactId, Fingerprint, LtHash, Projection};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::Position;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Where one source's history stands in this database.
pub struct Upstream {
    /// Newest version recorded here.
    pub position: Position,
    /// What is mirrored.
    pub projection: Projection,
    /// Sum over the mirrored facts, as the source has them.
    pub lanes: LtHash,
    /// Where the source's WAL ended when its baseline was taken.
    pub lsn: Option<String>,
    /// Its versions are applied among the rows, by the apply worker.
    pub streams: bool,
}

/// One mirrored fact.
#[derive(Clone, Copy, Debug)]
pub struct Mirrored {
    /// Hash of the source's fact.
    pub hash: FactHash,
    /// Hash of the fact here, where a source of another major reads the same otherwise.
    pub here: Option<FactHash>,
    /// A skipped version left the local fact behind.
    pub waived: bool,
}

impl Mirrored {
    /// The hash that the local fact must have.
    pub fn expected(&self) -> FactHash {
        self.here.unwrap_or(self.hash)
    }
}

/// Reads where a source's history stands; `None` for a source that was never applied here.
pub fn upstream(spi: &Spi, source: Uuid) -> Result<Option<Upstream>> {
    let rows = spi.query(
        "SELECT u.version, u.id, u.projection, u.lanes, u.lsn::text, u.streams FROM accord.upstream u WHERE u.source = $1::uuid",
        &[Arg::Text(&source.to_string())],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Upstream {
        position: Position { version: row.int(0), id: Fingerprint(row.hash(1)?) },
        projection: serde_json::from_str(&row.text(2))?,
        lanes: LtHash::from_bytes(&row.bytes(3)).ok_or_else(|| Error::internal("a stored sum has the wrong length"))?,
        lsn: row.maybe_text(4),
        streams: row.bool(5),
    }))
}

/// Writes where a source's history stands.
pub fn write_upstream(spi: &Spi, source: Uuid, replica: &str, upstream: &Upstream) -> Result<()> {
    spi.run(
        "INSERT INTO accord.upstream (source, replica, version, id, projection, lanes, lsn, streams) VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::pg_lsn, $8)
         ON CONFLICT (source) DO UPDATE SET replica = EXCLUDED.replica, version = EXCLUDED.version, id = EXCLUDED.id,
             projection = EXCLUDED.projection, lanes = EXCLUDED.lanes, lsn = EXCLUDED.lsn, streams = EXCLUDED.streams",
        &[
            Arg::Text(&source.to_string()),
            Arg::Text(replica),
            Arg::Int(upstream.position.version),
            Arg::Bytes(&upstream.position.id.0),
            Arg::Text(&crate::ledger::projection_text(&upstream.projection)?),
            Arg::Bytes(&upstream.lanes.to_bytes()),
            Arg::MaybeText(upstream.lsn.as_deref()),
            Arg::Bool(upstream.streams),
        ],
    )
}

/// The mirrored facts among these ids.
pub fn mirrored(spi: &Spi, source: Uuid, ids: &[String]) -> Result<HashMap<String, Mirrored>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    spi.query(
        "SELECT m.id, m.hash, m.waived, m.here FROM accord.mirror m WHERE m.source = $1::uuid AND m.id = ANY ($2)",
        &[Arg::Text(&source.to_string()), Arg::Texts(ids)],
        See::Latest,
    )?
    .iter()
    .map(mirrored_row)
    .collect()
}

/// Every mirrored fact, by id as text.
pub fn everything(spi: &Spi, source: Uuid) -> Result<HashMap<String, Mirrored>> {
    spi.query(
        "SELECT m.id, m.hash, m.waived, m.here FROM accord.mirror m WHERE m.source = $1::uuid",
        &[Arg::Text(&source.to_string())],
        See::Latest,
    )?
    .iter()
    .map(mirrored_row)
    .collect()
}

fn mirrored_row(row: &crate::catalog::Row) -> Result<(String, Mirrored)> {
    let here = if row.is_null(3) { None } else { Some(row.hash(3)?) };
    Ok((row.text(0), Mirrored { hash: row.hash(1)?, here, waived: row.bool(2) }))
}

/// Replaces mirrored facts: a hash for each id that is mirrored from now on, `None` for one that is not.
pub fn write(spi: &Spi, source: Uuid, changes: &BTreeMap<String, Option<Mirrored>>) -> Result<()> {
    let gone: Vec<String> = changes.iter().filter(|(_, m)| m.is_none()).map(|(id, _)| id.clone()).collect();
    if !gone.is_empty() {
        spi.run(
            "DELETE FROM accord.mirror m WHERE m.source = $1::uuid AND m.id = ANY ($2)",
            &[Arg::Text(&source.to_string()), Arg::Texts(&gone)],
        )?;
    }
    let hex = |hash: &FactHash| Fingerprint(*hash).to_string();
    let (mut ids, mut hashes, mut here, mut waived) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (id, mirrored) in changes {
        if let Some(mirrored) = mirrored {
            ids.push(id.clone());
            hashes.push(hex(&mirrored.hash));
            here.push(mirrored.here.as_ref().map(hex).unwrap_or_default());
            waived.push(mirrored.waived.to_string());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    spi.run(
        "INSERT INTO accord.mirror (source, id, hash, here, waived)
         SELECT $1::uuid, n.id, pg_catalog.decode(n.hash, 'hex'), pg_catalog.decode(nullif(n.here, ''), 'hex'), n.waived::boolean
           FROM ROWS FROM (pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]),
                           pg_catalog.unnest($5::text[])) n(id, hash, here, waived)
         ON CONFLICT (source, id) DO UPDATE SET hash = EXCLUDED.hash, here = EXCLUDED.here, waived = EXCLUDED.waived",
        &[Arg::Text(&source.to_string()), Arg::Texts(&ids), Arg::Texts(&hashes), Arg::Texts(&here), Arg::Texts(&waived)],
    )
}

/// Whether the order of this table's columns was given up when the table was built here.
pub fn waived_order(spi: &Spi, source: Uuid, table: &[crate::model::Name]) -> Result<bool> {
    let [schema, name] = table else { return Ok(false) };
    let prefix = format!("position {schema}.{name}.");
    let rows = spi.query(
        "SELECT FROM accord.mirror m WHERE m.source = $1::uuid AND m.waived AND pg_catalog.starts_with(m.id, $2) LIMIT 1",
        &[Arg::Text(&source.to_string()), Arg::Text(&prefix)],
        See::Latest,
    )?;
    Ok(!rows.is_empty())
}

/// Local facts with these ids, by id as text.
pub fn local(spi: &Spi, ids: &[String]) -> Result<HashMap<String, Known>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(store::by_ids(spi, ids)?.into_iter().map(|k| (k.id.clone(), k)).collect())
}

/// Bodies of local facts with these ids.
pub fn local_facts(spi: &Spi, ids: &[String]) -> Result<HashMap<FactId, Fact>> {
    let known = store::by_ids(spi, ids)?;
    Ok(store::load(spi, &known)?.into_iter().map(|f| (f.id.clone(), f)).collect())
}

/// Mirrored facts that are not here as the source has them, in words with who did it, where an event
/// tells; at most `limit`.
pub fn drift(spi: &Spi, source: Uuid, limit: usize) -> Result<Vec<String>> {
    let rows = spi.query(
        "SELECT m.id, coalesce(m.here, m.hash) FROM accord.mirror m LEFT JOIN accord.fact f ON f.id = m.id
          WHERE m.source = $1::uuid AND NOT m.waived AND f.hash IS DISTINCT FROM coalesce(m.here, m.hash) ORDER BY m.id",
        &[Arg::Text(&source.to_string())],
        See::Latest,
    )?;
    // What the last version brought may not have been sealed here yet.
    let here = local(spi, &rows.iter().map(|row| row.text(0)).collect::<Vec<_>>())?;
    let mut ids = Vec::new();
    for row in rows {
        if here.get(&row.text(0)).map(|known| known.hash) != Some(row.hash(1)?) {
            ids.push(row.text(0));
        }
    }
    ids.truncate(limit);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    spi.query(
        "SELECT m.id, f.id IS NULL,
                (SELECT pg_catalog.format('by %s with %s at %s: %s', coalesce(e.context ->> 'role', '?'), coalesce(nullif(e.context ->> 'application_name', ''), 'an unnamed client'),
                                          pg_catalog.date_trunc('second', e.at), pg_catalog.left(e.statement, 200))
                   FROM accord.event e WHERE e.context ->> 'origin' IS NULL AND pg_catalog.strpos(e.changes::text, pg_catalog.to_json((pg_catalog.regexp_match(m.id, '([^.\" ]+)\"?$'))[1])::text) > 0
                  ORDER BY e.seq DESC LIMIT 1)
           FROM accord.mirror m LEFT JOIN accord.fact f ON f.id = m.id WHERE m.source = $1::uuid AND m.id = ANY ($2) ORDER BY m.id",
        &[Arg::Text(&source.to_string()), Arg::Texts(&ids)],
        See::Latest,
    )?
    .iter()
    .map(|row| {
        let what = if row.bool(1) { "is gone" } else { "is another" };
        let who = row.maybe_text(2).map(|who| format!(", {who}")).unwrap_or_default();
        Ok(format!("{} {what}{who}", row.text(0)))
    })
    .collect()
}

/// Forgets a source's history here. What was mirrored stays and is this database's own from now on.
pub fn forget(spi: &Spi, source: &str) -> Result<()> {
    let source: Uuid = source.parse().map_err(|_| {
        Error::invalid("a source is named by its ledger's UUID").hint("SELECT source, replica, version FROM accord.upstream lists them.")
    })?;
    if upstream(spi, source)?.is_none() {
        return Err(Error::undefined(format!("nothing of source {source} is recorded here"))
            .hint("SELECT source, replica, version FROM accord.upstream lists the sources."));
    }
    super::rows::leave(spi, source)?;
    super::applied::forget(spi, "WHERE a.source = $1::uuid", &[Arg::Text(&source.to_string())])?;
    for sql in [
        "DELETE FROM accord.mirror WHERE source = $1::uuid",
        "DELETE FROM accord.abandoned WHERE source = $1::uuid",
        "DELETE FROM accord.mended WHERE source = $1::uuid",
        "DELETE FROM accord.step WHERE source = $1::uuid",
        "DELETE FROM accord.streamed WHERE source = $1::uuid",
        "DELETE FROM accord.upstream WHERE source = $1::uuid",
    ] {
        spi.run(sql, &[Arg::Text(&source.to_string())])?;
    }
    Ok(())
}
