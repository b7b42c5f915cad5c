//! Databases that no baseline selects, held to what most of them are. Their models are kept once for each fingerprint.

use super::baseline::Facts;
use super::majority::{Ballot, Content, Outline};
use super::record::write_deviations;
use super::store;
use crate::error::Result;
use crate::model::{Fact, Fingerprint};
use crate::pg::spi::{Arg, Cells, See, Spi};
use std::collections::{BTreeMap, HashSet};

/// Databases that are alike, by fingerprint.
type Alike = (Vec<u8>, u64);

/// Keeps a model that was met for the first time.
pub fn keep(spi: &Spi, fingerprint: &Fingerprint, facts: &[Fact]) -> Result<()> {
    let bare = |fact: &Fact| Fact { key: None, root: None, depends: Vec::new(), notes: serde_json::Map::new(), ..fact.clone() };
    let facts: Vec<Fact> = facts.iter().map(bare).collect();
    let contents = store::put(spi, facts.iter())?;
    let mut outline = Outline::default();
    for (fact, content) in facts.iter().zip(&contents) {
        outline.push(&fact.id, content);
    }
    spi.run(
        "INSERT INTO accord.fleet_model (fingerprint, ids, contents) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[Arg::Bytes(&fingerprint.0), Arg::Bytes(&outline.ids), Arg::Bytes(&outline.contents)],
    )
}

/// The fingerprints of the models that are kept.
pub fn kept(spi: &Spi) -> Result<HashSet<Fingerprint>> {
    let rows = spi.query("SELECT m.fingerprint FROM accord.fleet_model m", &[], See::Latest)?;
    rows.iter().map(|row| Ok(Fingerprint(row.hash(0)?))).collect()
}

/// Forgets the models that no database shows any longer. True: there were some.
pub fn forget(spi: &Spi) -> Result<bool> {
    let rows = spi.query(
        "DELETE FROM accord.fleet_model m WHERE NOT EXISTS (SELECT FROM accord.fleet_verdict v WHERE v.baseline = '' AND v.fingerprint = m.fingerprint) RETURNING 1::bigint",
        &[],
        See::Transaction,
    )?;
    if !rows.is_empty() {
        store::forget_facts(spi)?;
    }
    Ok(!rows.is_empty())
}

fn outline(spi: &Spi, fingerprint: &[u8]) -> Result<Outline> {
    let rows =
        spi.query("SELECT m.ids, m.contents FROM accord.fleet_model m WHERE m.fingerprint = $1", &[Arg::Bytes(fingerprint)], See::Latest)?;
    Ok(rows.first().map(|row| Outline { ids: row.bytes(0), contents: row.bytes(1) }).unwrap_or_default())
}

fn facts(spi: &Spi, contents: &[Content]) -> Result<Facts> {
    Ok(store::facts(spi, &contents.concat())?.into_iter().collect())
}

/// Judges them anew where one of them is another than when that was last done.
pub fn refresh(spi: &Spi) -> Result<()> {
    let state = spi.query(
        "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(format('%s %s %s', v.member, encode(v.fingerprint, 'hex'), m.labels ->> 'peers'), 0)), 0)
           FROM accord.fleet_verdict v JOIN accord.fleet_member m ON m.id = v.member JOIN accord.fleet_model k ON k.fingerprint = v.fingerprint
          WHERE v.baseline = ''",
        &[],
        See::Transaction,
    )?;
    let state = state.first().map(|row| row.text(0)).unwrap_or_default();
    let known = spi.query("SELECT g.judged FROM accord.fleet_generation g", &[], See::Latest)?;
    if known.first().is_some_and(|row| row.text(0) == state) {
        return Ok(());
    }
    let rows = spi.query(
        "SELECT coalesce(m.labels ->> 'peers', ''), v.fingerprint, count(*)
           FROM accord.fleet_verdict v JOIN accord.fleet_member m ON m.id = v.member JOIN accord.fleet_model k ON k.fingerprint = v.fingerprint
          WHERE v.baseline = '' GROUP BY 1, 2 ORDER BY 1, 2",
        &[],
        See::Transaction,
    )?;
    let mut groups: BTreeMap<String, Vec<Alike>> = BTreeMap::new();
    for row in &rows {
        groups.entry(row.text(0)).or_default().push((row.bytes(1), row.int(2) as u64));
    }
    for (peers, group) in &groups {
        judge(spi, peers, group)?;
    }
    spi.run("UPDATE accord.fleet_generation SET judged = $1", &[Arg::Text(&state)])
}

/// One model at a time: first counted, then compared.
fn judge(spi: &Spi, peers: &str, group: &[Alike]) -> Result<()> {
    let mut ballot = Ballot::default();
    for (fingerprint, count) in group {
        ballot.cast(&outline(spi, fingerprint)?, *count);
    }
    let majority = facts(spi, &ballot.majority())?;
    for (fingerprint, _) in group {
        let own = facts(spi, &ballot.contested(&outline(spi, fingerprint)?))?;
        let found: Vec<_> = ballot.deviations(&majority, &own).into_iter().map(|each| (each.hash(""), each, None)).collect();
        let members = spi.query(
            "SELECT v.member FROM accord.fleet_verdict v JOIN accord.fleet_member m ON m.id = v.member
              WHERE v.baseline = '' AND v.fingerprint = $1 AND coalesce(m.labels ->> 'peers', '') = $2 ORDER BY 1",
            &[Arg::Bytes(fingerprint), Arg::Text(peers)],
            See::Latest,
        )?;
        let standing = if found.is_empty() { "unheld" } else { "outlier" };
        for row in &members {
            write_deviations(spi, row.int(0), "", &found)?;
            spi.run(
                "UPDATE accord.fleet_verdict v SET standing = $2, since = clock_timestamp() WHERE v.member = $1 AND v.baseline = '' AND v.standing <> $2",
                &[Arg::Int(row.int(0)), Arg::Text(standing)],
            )?;
        }
    }
    Ok(())
}
