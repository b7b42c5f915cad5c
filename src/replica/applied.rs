//! The history of what was applied here: a row for each version, and one for each event of it.
//!
//! A stream of rows asks by the event. Its rows are a table of their own, found by a B-tree: an index
//! on the versions' arrays (GIN) keeps an entry for each event that ever was, also of versions that
//! are long forgotten.

use crate::error::Result;
use crate::model::Fingerprint;
use crate::pg::spi::{Arg, Spi};
use crate::protocol::{Offer, OfferKind};

/// Records an offered baseline or version as applied, with the facts as they were before (JSON).
pub fn write(spi: &Spi, offer: &Offer, fingerprint: &Fingerprint, snapshot: &str) -> Result<()> {
    let (source, events) = (offer.source.to_string(), offer.event_ids());
    spi.run(
        "INSERT INTO accord.applied (source, version, id, parent, fingerprint, baseline, skipped, events, snapshot, event_ids)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8::json, $9::json, $10::uuid[])",
        &[
            Arg::Text(&source),
            Arg::Int(offer.position.version),
            Arg::Bytes(&offer.position.id.0),
            Arg::MaybeBytes(offer.parent.as_ref().map(|p| &p.id.0[..])),
            Arg::Bytes(&fingerprint.0),
            Arg::Bool(offer.kind == OfferKind::Baseline),
            Arg::MaybeText(offer.skip.as_deref()),
            Arg::MaybeText((offer.kind == OfferKind::Version).then(|| serde_json::to_string(&offer.events)).transpose()?.as_deref()),
            Arg::Text(snapshot),
            Arg::Texts(&events),
        ],
    )?;
    spi.run(
        "INSERT INTO accord.applied_event (event, source) SELECT e, $1::uuid FROM unnest($2::uuid[]) e ON CONFLICT DO NOTHING",
        &[Arg::Text(&source), Arg::Texts(&events)],
    )
}

/// Forgets versions with their events: those of the rows `a` of `accord.applied` of which `which` (what follows
/// `DELETE FROM accord.applied a`) is true.
pub fn forget(spi: &Spi, which: &str, args: &[Arg]) -> Result<()> {
    spi.run(
        &format!(
            "WITH gone AS (DELETE FROM accord.applied a {which} RETURNING a.source, a.event_ids)
             DELETE FROM accord.applied_event e USING (SELECT g.source, unnest(g.event_ids) AS event FROM gone g) g
              WHERE e.event = g.event AND e.source = g.source"
        ),
        args,
    )
}

/// Forgets what is older than `retention` seconds, but for the newest of each source; at most `limit` versions of each.
pub fn prune(spi: &Spi, retention: i64, limit: i64) -> Result<()> {
    forget(
        spi,
        "USING accord.upstream u
          CROSS JOIN LATERAL (SELECT o.version, o.applied_at FROM accord.applied o WHERE o.source = u.source AND o.version < u.version
                               ORDER BY o.version LIMIT $2) o
          WHERE a.source = u.source AND a.version = o.version AND o.applied_at < pg_catalog.clock_timestamp() - $1 * interval '1 s'",
        &[Arg::Int(retention), Arg::Int(limit)],
    )
}
