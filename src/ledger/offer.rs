//! Versions cut to a replica's projection.

use super::seal::project_head;
use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{Fingerprint, Name, Projection, READER_VERSION};
use crate::pg::command::major;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Event, Fence, Offer, OfferKind, Position};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What an offer needs to know of its replica.
pub(super) struct Target {
    name: String,
    policy: serde_json::Value,
    pub(super) projection_text: String,
    pub(super) projection: Projection,
    ledger: Uuid,
    /// The protocol that it was greeted in.
    protocol: u32,
    /// The replica's subscriptions that this database feeds.
    subscriptions: Vec<Name>,
}

pub(super) fn target(spi: &Spi, replica: &str) -> Result<Target> {
    let rows = spi.query(
        "SELECT r.name, r.policy::text, r.projection, l.id::text, r.subscriptions, r.protocol FROM accord.replica r, accord.ledger l WHERE r.name = $1",
        &[Arg::Text(replica)],
        See::Latest,
    )?;
    let row = rows.first().ok_or_else(|| Error::undefined(format!("replica \"{replica}\" does not exist")))?;
    Ok(Target {
        name: row.text(0),
        policy: serde_json::from_str(&row.text(1))?,
        projection: serde_json::from_str(&row.text(2))?,
        projection_text: row.text(2),
        ledger: row.text(3).parse().map_err(|_| Error::internal("the ledger's id is no UUID"))?,
        protocol: row.int(5) as u32,
        subscriptions: row.texts(4).into_iter().map(Name::new).collect(),
    })
}

impl Target {
    pub(super) fn offer(&self, kind: OfferKind, position: Position, fingerprint_after: Fingerprint) -> Offer {
        Offer {
            protocol: self.protocol,
            source: self.ledger,
            replica: self.name.clone(),
            kind,
            position,
            parent: None,
            projection: self.projection.clone(),
            policy: self.policy.clone(),
            major: major(),
            reader: READER_VERSION,
            fingerprint_before: None,
            fingerprint_after,
            approved: false,
            skip: None,
            mending: None,
            abandons: None,
            renamed: Vec::new(),
            fence: None,
            lsn: None,
            held: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The part of a change that the replica mirrors; a fact that crosses the projection's border
    /// appears or goes there.
    pub(super) fn cut(&self, change: Change) -> Option<Change> {
        let mirrored = |fact: &Option<crate::model::Fact>| fact.as_ref().is_some_and(|f| self.projection.mirrors(&f.id));
        match (mirrored(&change.before), mirrored(&change.after)) {
            (true, true) => Some(change),
            (true, false) if change.after.is_none() => Some(change),
            (false, true) if change.before.is_none() => Some(change),
            (true, false) => change.before.map(Change::drop),
            (false, true) => change.after.map(Change::create),
            (false, false) => None,
        }
    }
}

/// The whole projected model at the newest version, as creations.
pub fn baseline_offer(spi: &Spi, replica: &str) -> Result<Offer> {
    let target = target(spi, replica)?;
    let (head, fingerprint) = project_head(spi, &target.projection)?;
    let rows = spi.query("SELECT v.id FROM accord.version v WHERE v.version = $1", &[Arg::Int(head)], See::Latest)?;
    let id = rows.first().ok_or_else(|| Error::internal("the newest version is gone"))?.hash(0)?;
    let mut offer = target.offer(OfferKind::Baseline, Position { version: head, id: Fingerprint(id) }, fingerprint);
    if target.protocol >= 2 {
        let end = spi.query("SELECT pg_catalog.pg_current_wal_insert_lsn()::text", &[], See::Latest)?;
        offer.lsn = end.first().map(|row| row.text(0));
        offer.held = may_arrive(spi, head)?;
    }
    let mut changes = Vec::new();
    for row in spi.query("SELECT f.body FROM accord.fact f ORDER BY f.id", &[], See::Latest)? {
        let fact = serde_json::from_str(&row.text(0))?;
        changes.extend(target.cut(Change::create(fact)));
    }
    offer.events.push(Event {
        id: target.ledger,
        tag: "BASELINE".to_owned(),
        statement: String::new(),
        concurrently: false,
        search_path: vec![Name::new("public")],
        settings: std::collections::BTreeMap::new(),
        unmodelled: Vec::new(),
        changes,
    });
    Ok(offer)
}

/// Events of versions up to this one that a slot of a subscription has still to bring.
fn may_arrive(spi: &Spi, head: i64) -> Result<Vec<Uuid>> {
    spi.query(
        "SELECT e.id::text FROM accord.event e JOIN accord.version v USING (xid)
          WHERE v.version <= $1 AND e.lsn >= (SELECT min(s.restart_lsn) FROM pg_catalog.pg_replication_slots s
                                               WHERE s.database = pg_catalog.current_database() AND s.plugin = 'pgoutput') ORDER BY e.seq",
        &[Arg::Int(head)],
        See::Latest,
    )?
    .iter()
    .map(|row| row.text(0).parse().map_err(|_| Error::internal("an event's id is no UUID")))
    .collect()
}

/// The versions after `after`, in order, at most `limit` of them and, beyond the first, at most about
/// `bytes` of changes.
pub fn offers(spi: &Spi, replica: &str, after: i64, limit: usize, bytes: usize) -> Result<Vec<Offer>> {
    let target = target(spi, replica)?;
    if let Some(error) = super::prune::past_retention(spi, after)? {
        return Err(error.hint(super::prune::begin_anew(target.ledger, replica)));
    }
    let versions = spi.query(
        "SELECT v.version, v.id, v.parent, v.xid::text, b.id, f.fingerprint, p.fingerprint, d.approved_at IS NOT NULL, d.skip_reason, d.unfenced_by IS NOT NULL
           FROM accord.version v
           JOIN accord.version b ON b.version = v.version - 1
           LEFT JOIN accord.projected f ON f.version = v.version AND f.projection = $2
           LEFT JOIN accord.projected p ON p.version = v.version - 1 AND p.projection = $2
           LEFT JOIN accord.delivery d ON d.replica = $4 AND d.version = v.version
          WHERE v.version > $1 ORDER BY v.version LIMIT $3",
        &[Arg::Int(after), Arg::Text(&target.projection_text), Arg::Int(limit as i64), Arg::Text(replica)],
        See::Latest,
    )?;
    let mut offers = Vec::new();
    let mut size = 0;
    for (expected, row) in (after + 1..).zip(versions) {
        let version = row.int(0);
        if version != expected {
            break;
        }
        if row.is_null(5) || row.is_null(6) {
            return Err(Error::state(format!("no fingerprint of this replica's projection was recorded for version {version}"))
                .detail("The replica was not registered when the version was sealed.")
                .hint(format!(
                    "SELECT accord.drop_replica('{replica}'), and accord.forget_source on the replica; accord.add_replica then adopts it."
                )));
        }
        let mut offer = target.offer(OfferKind::Version, Position { version, id: Fingerprint(row.hash(1)?) }, Fingerprint(row.hash(5)?));
        offer.parent = Some(Position { version: version - 1, id: Fingerprint(row.hash(4)?) });
        offer.fingerprint_before = Some(Fingerprint(row.hash(6)?));
        offer.approved = row.bool(7);
        offer.skip = row.maybe_text(8);
        let (mut lsn, mut copying) = (String::new(), BTreeSet::new());
        for event in spi.query(
            "SELECT e.id::text, e.tag, e.statement, e.concurrent, e.unmodelled, e.changes::text, (e.context -> 'schemas')::text, (e.context -> 'settings')::text, e.lsn::text, (e.context -> 'copying')::text FROM accord.event e WHERE e.xid = $1::xid8 ORDER BY e.seq",
            &[Arg::Text(&row.text(3))],
            See::Latest,
        )? {
            let text = event.text(5);
            lsn = event.text(8);
            copying.extend(event.maybe_text(9).and_then(|text| serde_json::from_str::<Vec<String>>(&text).ok()).unwrap_or_default());
            size += text.len();
            let changes: Vec<Change> = serde_json::from_str(&text)?;
            let changes: Vec<Change> = changes.into_iter().filter_map(|change| target.cut(change)).collect();
            let unmodelled = match event.get(4) {
                Some(crate::catalog::Cell::TextArray(list)) => list.clone(),
                _ => Vec::new(),
            };
            // What the replica mirrors nothing of is none of its business: its statement may name what is kept from it.
            let statement = if changes.is_empty() && unmodelled.is_empty() { String::new() } else { event.text(2) };
            offer.events.push(Event {
                id: event.text(0).parse().map_err(|_| Error::internal("an event's id is no UUID"))?,
                tag: event.text(1),
                statement,
                concurrently: event.bool(3),
                search_path: event.maybe_text(6).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                settings: event.maybe_text(7).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                unmodelled,
                changes,
            });
        }
        if !target.subscriptions.is_empty() {
            offer.fence = offer.events.last().map(|last| Fence {
                event: last.id,
                lsn,
                subscriptions: target.subscriptions.clone(),
                passed: row.bool(9),
                apart: Vec::new(),
                gone: Vec::new(),
                copying: copying.into_iter().collect(),
            });
        }
        offers.push(offer);
        if size > bytes {
            break;
        }
    }
    Ok(offers)
}
