//! A replica whose history went another way than its source's: where they part, and the way back.
//!
//! An offer of kind `Rewind` holds the whole projected model of a version that the source has. It is turned
//! into changes from what is here, renames undone as renames, and then examined under policy, carried out
//! and verified like a version. What was applied here beyond the version of both is moved to
//! `accord.abandoned`, in the same transaction.

use super::examine::{Examined, Net, names};
use super::{applied, baseline, mend, mirror, reason};
use crate::diff::diff_paired;
use crate::error::{Error, Result};
use crate::model::{Fact, FactId, Fingerprint, Kind, READER_VERSION};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Alone, Divergence, Event, Names, Offer, Position, Reason, ReasonCode, VerdictState};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Where this database's record of a source's history leaves the one with these ids.
pub fn trace(spi: &Spi, source: Uuid, ids: &[Fingerprint]) -> Result<Divergence> {
    let mut divergence = Divergence::default();
    let rows = spi.query(
        "SELECT a.version, a.id FROM accord.applied a WHERE a.source = $1::uuid ORDER BY a.version DESC",
        &[Arg::Text(&source.to_string())],
        See::Latest,
    )?;
    for row in rows {
        let position = Position { version: row.int(0), id: Fingerprint(row.hash(1)?) };
        if usize::try_from(position.version).is_ok_and(|version| ids.get(version) == Some(&position.id)) {
            divergence.common = Some(position);
            break;
        }
    }
    let beyond = divergence.common.as_ref().map_or(-1, |common| common.version);
    for row in spi.query(
        "SELECT a.version, a.id, pg_catalog.date_trunc('second', a.applied_at)::text, a.skipped, a.events::text FROM accord.applied a
          WHERE a.source = $1::uuid AND a.version > $2 ORDER BY a.version",
        &[Arg::Text(&source.to_string()), Arg::Int(beyond)],
        See::Latest,
    )? {
        divergence.versions.push(Alone {
            position: Position { version: row.int(0), id: Fingerprint(row.hash(1)?) },
            at: row.text(2),
            skipped: row.maybe_text(3),
            events: row.maybe_text(4).map(|text| serde_json::from_str(&text)).transpose()?,
        });
    }
    Ok(divergence)
}

/// Turns the model that shall be into changes from what is here. Beside the offer: what becomes of each fact whose
/// record changes, whether or not anything is done for it.
pub fn begin(spi: &Spi, mut offer: Offer) -> Result<(Offer, BTreeMap<String, Net>)> {
    let mirrored = mirror::everything(spi, offer.source)?;
    let undone = undone(spi, &offer)?;
    let Some(event) = offer.events.first_mut() else { return Ok((offer, BTreeMap::new())) };
    let offered: BTreeMap<String, Fact> =
        event.changes.drain(..).filter_map(|change| change.after).map(|fact| (fact.id.to_string(), fact)).collect();
    let ids: Vec<String> = offered.keys().cloned().chain(mirrored.keys().filter(|id| !offered.contains_key(*id)).cloned()).collect();
    let local = mirror::local(spi, &ids)?;
    // What stands here as it shall be is left alone; so is what a skipped version left behind.
    let stands = |id: &String, fact: &Fact| {
        mirrored.get(id).is_some_and(|m| m.hash == fact.hash() && (m.waived || local.get(id).map(|k| k.hash) == Some(m.expected())))
    };
    let ids: Vec<String> = ids.into_iter().filter(|id| offered.get(id).is_none_or(|fact| !stands(id, fact))).collect();
    let before: Vec<Fact> = mirror::local_facts(spi, &ids)?.into_values().map(|fact| Fact { key: None, ..fact }).collect();
    let after: Vec<Fact> = ids.iter().filter_map(|id| offered.get(id)).cloned().collect();
    // From the name here to the one at the version of both, and on to the one that shall be.
    let on: HashMap<FactId, FactId> = offer.renamed.iter().cloned().collect();
    let mut pairs: HashMap<FactId, FactId> = HashMap::new();
    for fact in &before {
        let shall = undone.then(&fact.id).map(|then| on.get(&then).cloned().unwrap_or(then));
        if let Some(shall) = shall.filter(|shall| *shall != fact.id && shall.kind == fact.id.kind) {
            pairs.insert(fact.id.clone(), shall);
        }
    }
    event.changes = diff_paired(&before, &after, &pairs);
    let mut here: HashMap<String, Fact> = before.into_iter().map(|fact| (fact.id.to_string(), fact)).collect();
    let net = ids.into_iter().map(|id| {
        let (before, after) = (here.remove(&id), offered.get(&id).cloned());
        (id, Net { before, after })
    });
    Ok((offer, net.collect()))
}

/// What is called otherwise here than at the version of both, by what was applied since.
fn undone(spi: &Spi, offer: &Offer) -> Result<Names> {
    let mut names = Names::default();
    for row in spi.query(
        "SELECT a.events::text FROM accord.applied a WHERE a.source = $1::uuid AND a.version > $2 AND a.skipped IS NULL AND a.events IS NOT NULL ORDER BY a.version",
        &[Arg::Text(&offer.source.to_string()), Arg::Int(common(offer))],
        See::Latest,
    )? {
        let events: Vec<Event> = serde_json::from_str(&row.text(0))?;
        for event in &events {
            names.follow(&event.changes);
        }
    }
    Ok(names)
}

/// The newest version of both sides; -1 where there is none.
fn common(offer: &Offer) -> i64 {
    offer.parent.as_ref().map_or(-1, |common| common.version)
}

/// Whether this was carried out already, or is about another history than the one that is here. True: the verdict stands.
pub fn validate(spi: &Spi, examined: &mut Examined) -> Result<bool> {
    let offer = &examined.offer;
    let Some(upstream) = &examined.upstream else {
        refuse(examined, ReasonCode::UnknownParent, "nothing of this source was ever applied here: there is nothing to rewind".to_owned());
        return Ok(true);
    };
    if upstream.position == offer.position {
        examined.verdict.state = VerdictState::Applied;
        examined.verdict.already = true;
        examined.verdict.fingerprint = Some(upstream.lanes.fingerprint());
        return Ok(true);
    }
    let known = match &offer.parent {
        None => true,
        Some(common) => !spi
            .query(
                "SELECT FROM accord.applied a WHERE a.source = $1::uuid AND a.version = $2 AND a.id = $3",
                &[Arg::Text(&offer.source.to_string()), Arg::Int(common.version), Arg::Bytes(&common.id.0)],
                See::Latest,
            )?
            .is_empty(),
    };
    let refusal = if offer.reader != READER_VERSION {
        let words = format!("the source reads its catalogs with reader {}, this server with reader {READER_VERSION}", offer.reader);
        Some((ReasonCode::UnknownProtocol, words))
    } else if offer.abandons.as_ref() != Some(&upstream.position) {
        let words = format!("what was decided is not about version {}, at which this replica stands now", upstream.position.version);
        Some((ReasonCode::OutOfOrder, words))
    } else if !known {
        Some((ReasonCode::UnknownParent, format!("version {} of both sides is not recorded here", common(offer))))
    } else if offer.projection != upstream.projection {
        Some((ReasonCode::Malformed, "the offer's projection is not the one that is mirrored here".to_owned()))
    } else {
        None
    };
    if let Some((code, words)) = refusal {
        refuse(examined, code, words);
        return Ok(true);
    }
    Ok(false)
}

fn refuse(examined: &mut Examined, code: ReasonCode, words: String) {
    let hint = format!("Remove the cause, {}", mend::go_on(&examined.offer));
    examined.verdict.state = VerdictState::Rejected;
    examined.verdict.reasons.push(Reason { hint: Some(hint), ..reason(code, words) });
}

/// The replica's own objects under names that come back: neither they nor their rows are the source's.
pub fn respect_names(examined: &mut Examined) {
    let own = |(id, net): &(&String, &Net)| {
        let (Some(after), Some(local)) = (&net.after, examined.local.get(*id)) else { return false };
        let property = after.id.of.is_some() || matches!(after.id.kind, Kind::Position | Kind::Owner | Kind::Grant | Kind::Unmodelled);
        !examined.mirrored.contains_key(*id) && !property && !baseline::ambient(&after.id) && local.hash != after.hash()
    };
    let taken: Vec<FactId> =
        examined.net.iter().filter(own).filter_map(|(_, net)| net.after.as_ref()).map(|fact| fact.id.clone()).collect();
    if !taken.is_empty() {
        let words = format!("the replica has an object of its own under a name that comes back: {}", names(&taken));
        refuse(examined, ReasonCode::NameTaken, words);
    }
}

/// Moves what is abandoned out of the history, and records where it stands now, in the transaction that led there.
pub fn write_record(spi: &Spi, examined: &Examined, fingerprint: &Fingerprint) -> Result<()> {
    let offer = &examined.offer;
    let id = offer.mending.ok_or_else(|| Error::internal("a rewind without an id"))?;
    let (source, beyond) = (offer.source.to_string(), common(offer));
    spi.run(
        "INSERT INTO accord.abandoned (source, version, id, parent, fingerprint, applied_at, baseline, skipped, events, snapshot, verdict, rewind, rewound_to)
         SELECT a.source, a.version, a.id, a.parent, a.fingerprint, a.applied_at, a.baseline, a.skipped, a.events, a.snapshot, a.verdict, $3::uuid, $4
           FROM accord.applied a WHERE a.source = $1::uuid AND a.version > $2 ORDER BY a.version",
        &[Arg::Text(&source), Arg::Int(beyond), Arg::Text(&id.to_string()), Arg::Int(offer.position.version)],
    )?;
    applied::forget(spi, "WHERE a.source = $1::uuid AND a.version > $2", &[Arg::Text(&source), Arg::Int(beyond)])?;
    spi.run("DELETE FROM accord.step s WHERE s.source = $1::uuid AND s.version > $2", &[Arg::Text(&source), Arg::Int(beyond)])?;
    // Led to a version beyond that of both: it is here as a whole, as a baseline is.
    spi.run(
        "INSERT INTO accord.applied (source, version, id, fingerprint, baseline, event_ids) VALUES ($1::uuid, $2, $3, $4, true, '{}') ON CONFLICT DO NOTHING",
        &[Arg::Text(&source), Arg::Int(offer.position.version), Arg::Bytes(&offer.position.id.0), Arg::Bytes(&fingerprint.0)],
    )
}
