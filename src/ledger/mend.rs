//! What a replica that drifted shall be brought back to: the facts of the version that it stands at.

use super::offer;
use super::store;
use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{Fact, Fingerprint, Name};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Event, Offer, OfferKind, Position};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The facts with these ids as of a version: the last known ones, with what came after it undone.
pub fn facts_as_of(spi: &Spi, version: i64, ids: &[String]) -> Result<HashMap<String, Fact>> {
    let known = store::by_ids(spi, ids)?;
    let mut facts: HashMap<String, Fact> = store::load(spi, &known)?.into_iter().map(|fact| (fact.id.to_string(), fact)).collect();
    let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let later = spi.query(
        "SELECT e.changes::text FROM accord.event e LEFT JOIN accord.version v ON v.xid = e.xid
          WHERE v.version > $1 OR v.version IS NULL ORDER BY v.version DESC NULLS FIRST, e.seq DESC",
        &[Arg::Int(version)],
        See::Latest,
    )?;
    for event in later {
        let changes: Vec<Change> = serde_json::from_str(&event.text(0))?;
        for after in changes.iter().filter_map(|change| change.after.as_ref()) {
            facts.remove(&after.id.to_string());
        }
        for before in changes.into_iter().filter_map(|change| change.before) {
            let id = before.id.to_string();
            if wanted.contains(id.as_str()) {
                facts.insert(id, before);
            }
        }
    }
    Ok(facts)
}

/// The last look's findings as an offer to mend them; none where there is nothing to mend.
pub fn mend_offer(spi: &Spi, replica: &str, id: Uuid, drop_own: bool, approved: bool) -> Result<Option<Offer>> {
    let rows = spi.query(
        "SELECT i.version, v.id, i.expected FROM accord.inspection i JOIN accord.version v ON v.version = i.version WHERE i.replica = $1 AND i.failure IS NULL",
        &[Arg::Text(replica)],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let position = Position { version: row.int(0), id: Fingerprint(row.hash(1)?) };
    let fingerprint = Fingerprint(row.hash(2)?);
    let rows = spi.query(
        "SELECT d.fact, d.own::text FROM accord.drifted d WHERE d.replica = $1 ORDER BY d.fact",
        &[Arg::Text(replica)],
        See::Latest,
    )?;
    let ids: Vec<String> = rows.iter().filter(|row| row.is_null(1)).map(|row| row.text(0)).collect();
    let mut facts = facts_as_of(spi, position.version, &ids)?;
    let mut changes = Vec::new();
    for id in ids {
        let fact = facts.remove(&id).ok_or_else(|| {
            Error::internal(format!("{id} is mirrored at version {} and not known here", position.version))
                .hint("SELECT accord.reconcile() compares the ledger with the catalogs.")
        })?;
        changes.push(Change::create(fact));
    }
    for own in rows.iter().filter(|_| drop_own).filter_map(|row| row.maybe_text(1)) {
        changes.push(Change::drop(serde_json::from_str(&own)?));
    }
    if changes.is_empty() {
        return Ok(None);
    }
    let target = offer::target(spi, replica)?;
    let mut offer = target.offer(OfferKind::Mend, position, fingerprint);
    offer.fingerprint_before = Some(fingerprint);
    offer.mending = Some(id);
    offer.approved = approved;
    offer.events.push(Event {
        id,
        tag: "MEND".to_owned(),
        statement: String::new(),
        concurrently: false,
        search_path: vec![Name::new("public")],
        settings: std::collections::BTreeMap::new(),
        unmodelled: Vec::new(),
        changes,
    });
    Ok(Some(offer))
}
