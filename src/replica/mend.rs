//! Mending: mirrored facts that somebody changed here are brought back, by a plan from what is here to
//! what is mirrored; and what stands in the way of a mending or an adoption.
//!
//! An offer of kind `Mend` names facts as they shall be, all of them mirrored already, and the replica's
//! own ones that shall go. It is turned into changes from what is here, and then examined, carried out
//! and verified like a version. It makes no version: the source's history stands where it stood.

use super::examine::{Examined, Net, names};
use super::{inspect, mirror, reason};
use crate::diff::diff_paired;
use crate::error::Result;
use crate::model::{Body, ConstraintType, Fact, FactId, Fingerprint, Kind, READER_VERSION};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Offer, OfferKind, Reason, ReasonCode, Verdict, VerdictState};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Turns what shall be into changes from what is here.
pub fn begin(spi: &Spi, mut offer: Offer) -> Result<Offer> {
    let Some(event) = offer.events.first_mut() else { return Ok(offer) };
    let after: Vec<Fact> = event.changes.iter().filter_map(|change| change.after.clone()).collect();
    let ids: Vec<String> = after.iter().map(|fact| fact.id.to_string()).collect();
    let mut before = mirror::local_facts(spi, &ids)?;
    let missing: Vec<String> = after.iter().filter(|fact| !before.contains_key(&fact.id)).map(|fact| fact.id.to_string()).collect();
    let wanted: HashMap<String, FactId> = after.iter().map(|fact| (fact.id.to_string(), fact.id.clone())).collect();
    let mut pairs: HashMap<FactId, FactId> = HashMap::new();
    for (now, then) in inspect::renamed(spi, offer.source, &missing)? {
        if let Some(then) = wanted.get(&then).filter(|then| then.kind == now.kind) {
            pairs.insert(now, then.clone());
        }
    }
    let moved: Vec<String> = pairs.keys().map(ToString::to_string).collect();
    before.extend(mirror::local_facts(spi, &moved)?);
    // The replica's own that shall go, with the places of its columns.
    let mut going: Vec<String> = Vec::new();
    for fact in event.changes.iter().filter(|change| change.after.is_none()).filter_map(|change| change.before.as_ref()) {
        going.push(fact.id.to_string());
        if fact.id.kind == Kind::Column {
            going.push(FactId { kind: Kind::Position, ..fact.id.clone() }.to_string());
        }
    }
    before.extend(mirror::local_facts(spi, &going)?);
    let before: Vec<Fact> = before.into_values().map(|fact| Fact { key: None, ..fact }).collect();
    event.changes = diff_paired(&before, &after, &pairs);
    Ok(offer)
}

/// Whether this mending was carried out already, cannot be told from what is mirrored here, or follows
/// another version. True: the verdict stands.
pub fn validate(spi: &Spi, examined: &mut Examined) -> Result<bool> {
    let offer = &examined.offer;
    let (Some(id), Some(upstream)) = (offer.mending, &examined.upstream) else {
        let words = "nothing of this source was ever applied here: there is nothing to mend";
        refuse(examined, ReasonCode::UnknownParent, words.to_owned(), None, Vec::new());
        return Ok(true);
    };
    let done = spi.query("SELECT m.fingerprint FROM accord.mended m WHERE m.id = $1::uuid", &[Arg::Text(&id.to_string())], See::Latest)?;
    if let Some(row) = done.first() {
        examined.verdict.state = VerdictState::Applied;
        examined.verdict.already = true;
        examined.verdict.fingerprint = Some(Fingerprint(row.hash(0)?));
        return Ok(true);
    }
    let refusal = if offer.reader != READER_VERSION {
        Some((
            ReasonCode::UnknownProtocol,
            format!("the source reads its catalogs with reader {}, this server with reader {READER_VERSION}", offer.reader),
        ))
    } else if offer.position != upstream.position {
        let words = format!(
            "the mending is for version {}, and this replica stands at version {}",
            offer.position.version, upstream.position.version
        );
        Some((ReasonCode::OutOfOrder, words))
    } else if offer.projection != upstream.projection {
        Some((ReasonCode::Malformed, "the mending's projection is not the one that is mirrored here".to_owned()))
    } else if offer.fingerprint_after != upstream.lanes.fingerprint() {
        Some((ReasonCode::Diverged, "the mending does not lead to what is mirrored here".to_owned()))
    } else {
        None
    };
    if let Some((code, words)) = refusal {
        refuse(examined, code, words, None, Vec::new());
        return Ok(true);
    }
    // It brings nothing that is not mirrored, and takes nothing that is.
    let alien = |(id, net): (&String, &Net)| match (&net.before, &net.after) {
        (_, Some(after)) if examined.mirrored.get(id).map(|m| m.hash) != Some(after.hash()) => Some(after.id.clone()),
        (Some(before), None) if examined.mirrored.contains_key(id) => Some(before.id.clone()),
        _ => None,
    };
    let alien: Vec<FactId> = examined.net.iter().filter_map(alien).collect();
    if !alien.is_empty() {
        let words = format!("the mending is not about what is mirrored here: {}", names(&alien));
        refuse(examined, ReasonCode::Diverged, words, None, alien);
        return Ok(true);
    }
    Ok(false)
}

fn refuse(examined: &mut Examined, code: ReasonCode, words: String, detail: Option<String>, facts: Vec<FactId>) {
    let name = &examined.offer.replica;
    let hint = format!("On the source, SELECT * FROM accord.drift('{name}') looks again; accord.synchronize('{name}') plans anew.");
    examined.verdict.state = VerdictState::Rejected;
    examined.verdict.reasons.push(Reason { detail, hint: Some(hint), facts, ..reason(code, words) });
}

/// How to go on once the cause of a refusal is gone.
pub fn go_on(offer: &Offer) -> String {
    let (name, version) = (&offer.replica, offer.position.version);
    if offer.kind == OfferKind::Mend {
        return format!("then on the source SELECT * FROM accord.synchronize('{name}', dry_run => false).");
    }
    if offer.kind == OfferKind::Rewind {
        return format!("then on the source SELECT accord.resolve_divergence('{name}', 'source' or 'replica') again.");
    }
    format!("then on the source SELECT accord.retry('{name}'); or SELECT accord.skip('{name}', {version}, '<reason>').")
}

/// The replica's own objects under a name, or in a place, that what is brought needs.
pub fn in_the_way(spi: &Spi, examined: &Examined) -> Result<Vec<(FactId, String)>> {
    const CLASSES: &[Kind] = &[Kind::Table, Kind::View, Kind::MaterializedView, Kind::Sequence, Kind::Index, Kind::Composite];
    const TYPES: &[Kind] = &[Kind::Table, Kind::View, Kind::MaterializedView, Kind::Enum, Kind::Domain, Kind::Composite, Kind::Range];
    let mut rivals: BTreeMap<String, FactId> = BTreeMap::new();
    let mut tables: BTreeMap<FactId, FactId> = BTreeMap::new();
    for after in examined.net.values().filter(|net| net.before.is_none()).filter_map(|net| net.after.as_ref()) {
        if examined.local.contains_key(&after.id.to_string()) {
            continue;
        }
        for group in [CLASSES, TYPES].into_iter().filter(|group| group.contains(&after.id.kind)) {
            for kind in group.iter().copied().filter(|kind| *kind != after.id.kind) {
                rivals.insert(FactId { kind, ..after.id.clone() }.to_string(), after.id.clone());
            }
        }
        if matches!(&after.body, Body::Constraint(constraint) if constraint.constraint_type == ConstraintType::PrimaryKey) {
            tables.insert(FactId::new(Kind::Table, after.id.path[..2].iter().cloned()), after.id.clone());
        }
    }
    // What goes in the same plan is not in the way.
    let stays = |id: &str| examined.net.get(id).is_none_or(|net| net.before.is_none());
    let ids: Vec<String> = rivals.keys().cloned().collect();
    let mut found: Vec<(FactId, String)> =
        mirror::local(spi, &ids)?.into_keys().filter(|id| stays(id)).filter_map(|id| Some((rivals.get(&id)?.clone(), id))).collect();
    for (table, wanted) in tables {
        let [schema, name] = table.path.as_slice() else { continue };
        let rows = spi.query(
            "SELECT n.conname FROM pg_catalog.pg_constraint n JOIN pg_catalog.pg_class c ON c.oid = n.conrelid
               JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = $1 AND c.relname = $2 AND n.contype = 'p'",
            &[Arg::Text(schema.as_str()), Arg::Text(name.as_str())],
            See::Latest,
        )?;
        for row in rows {
            let own = FactId::new(Kind::Constraint, [schema.clone(), name.clone(), row.text(0).into()]).to_string();
            if stays(&own) {
                found.push((wanted.clone(), own));
            }
        }
    }
    Ok(found)
}

/// For an adoption: what is here of what is offered is what the plan starts from.
pub fn adopt(spi: &Spi, examined: &mut Examined) -> Result<()> {
    let other: Vec<String> = examined
        .net
        .iter()
        .filter(|(id, net)| {
            let hash = net.after.as_ref().map(Fact::hash);
            examined.local.get(*id).is_some_and(|local| Some(local.hash) != hash)
        })
        .map(|(id, _)| id.clone())
        .collect();
    for (id, fact) in mirror::local_facts(spi, &other)? {
        if let Some(net) = examined.net.get_mut(&id.to_string()) {
            net.before = Some(Fact { key: None, ..fact });
        }
    }
    examined.adopting = true;
    Ok(())
}

/// Records a mending as done, in the transaction that did it.
pub fn write_record(spi: &Spi, id: Uuid, examined: &Examined, fingerprint: &Fingerprint, snapshot: &str) -> Result<()> {
    let offer = &examined.offer;
    spi.run(
        "INSERT INTO accord.mended (id, source, version, fingerprint, events, snapshot) VALUES ($1::uuid, $2::uuid, $3, $4, $5::json, $6::json)",
        &[
            Arg::Text(&id.to_string()),
            Arg::Text(&offer.source.to_string()),
            Arg::Int(offer.position.version),
            Arg::Bytes(&fingerprint.0),
            Arg::Text(&serde_json::to_string(&offer.events)?),
            Arg::Text(snapshot),
        ],
    )
}

/// Keeps the verdict beside the record.
pub fn write_verdict(spi: &Spi, offer: &Offer, verdict: &Verdict) -> Result<()> {
    let text = serde_json::to_string(verdict)?;
    match offer.mending {
        Some(id) => {
            spi.run("UPDATE accord.mended SET verdict = $2::json WHERE id = $1::uuid", &[Arg::Text(&id.to_string()), Arg::Text(&text)])
        }
        _ => spi.run(
            "UPDATE accord.applied SET verdict = $3::json WHERE source = $1::uuid AND version = $2",
            &[Arg::Text(&offer.source.to_string()), Arg::Int(offer.position.version), Arg::Text(&text)],
        ),
    }
}

/// Ids that a plan takes away.
pub fn taken_away(examined: &Examined) -> HashSet<&str> {
    examined.net.iter().filter(|(_, net)| net.before.is_some() && net.after.is_none()).map(|(id, _)| id.as_str()).collect()
}
