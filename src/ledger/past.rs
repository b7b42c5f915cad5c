//! Past versions, rebuilt: the last known facts with everything that came later undone.

use super::history::Head;
use super::store;
use crate::catalog::Cell;
use crate::diff::Change;
use crate::error::{Error, Result};
use crate::model::{Fact, FactId, Fingerprint, LocalKey, Model, Projection, READER_VERSION, keyed};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use pgrx::PgSqlErrorCode;
use std::collections::HashMap;
use uuid::Uuid;

/// The id of this database's history.
pub fn ledger_id(spi: &Spi) -> Result<Uuid> {
    let rows = spi.query("SELECT l.id::text FROM accord.ledger l", &[], See::Latest)?;
    let text = rows.first().map(|row| row.text(0)).unwrap_or_default();
    text.parse().map_err(|_| Error::internal("the ledger's id is no UUID"))
}

/// What the ledger recorded of a version: its fingerprint, and that without the order of columns.
pub fn recorded(spi: &Spi, version: i64) -> Result<(Fingerprint, Fingerprint)> {
    let rows =
        spi.query("SELECT v.fingerprint, v.content FROM accord.version v WHERE v.version = $1", &[Arg::Int(version)], See::Latest)?;
    let Some(row) = rows.first() else { return Err(super::prune::no_version(spi, version)?) };
    Ok((Fingerprint(row.hash(0)?), Fingerprint(row.hash(1)?)))
}

/// The whole model as of a version. A fact that stands still has its key in the catalogs; one that is
/// gone has the event that it went with for one (in catalog 0), so that two versions can be compared
/// by keys however far apart they are.
pub fn model_at(spi: &Spi, version: i64) -> Result<Vec<Fact>> {
    let _frozen = spi.freeze();
    let (fingerprint, _) = recorded(spi, version)?;
    let known = store::everything(spi)?;
    let mut facts: HashMap<FactId, Fact> = store::load(spi, &known)?.into_iter().map(|fact| (fact.id.clone(), fact)).collect();
    let later = spi.query(
        "SELECT e.seq, e.changes::text, e.unmodelled, v.version FROM accord.event e LEFT JOIN accord.version v ON v.xid = e.xid
          WHERE v.version > $1 OR v.version IS NULL ORDER BY v.version DESC NULLS FIRST, e.seq DESC",
        &[Arg::Int(version)],
        See::Latest,
    )?;
    for event in later {
        if let Some(Cell::TextArray(list)) = event.get(2)
            && !list.is_empty()
        {
            // Such facts are known by name only, and their changes are recorded all the same.
            pgrx::debug1!("event {} changed what is not modelled: {}", event.int(0), list.join(", "));
        }
        let changes: Vec<Change> = serde_json::from_str(&event.text(1))?;
        undo(&mut facts, &changes, event.int(0));
    }
    let model = Model::new(facts.into_values()).map_err(|e| Error::internal(e.to_string()))?;
    let found = model.project(&Projection::default()).fingerprint();
    if found != fingerprint {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, format!("version {version} cannot be rebuilt"))
            .detail(format!("Its recorded fingerprint is {fingerprint}, the history leads back to {found}."))
            .hint(
                "SELECT accord.reconcile() compares the ledger with the catalogs; tables of schema accord are not to be written by hand.",
            ));
    }
    Ok(model.into_facts())
}

/// Takes one event back.
fn undo(facts: &mut HashMap<FactId, Fact>, changes: &[Change], seq: i64) {
    // All that appeared goes first: two columns may have swapped their names.
    let mut held: Vec<Option<Fact>> =
        changes.iter().map(|change| change.after.as_ref().and_then(|after| facts.remove(&after.id))).collect();
    for (ordinal, (change, held)) in changes.iter().zip(&mut held).enumerate() {
        let Some(before) = &change.before else { continue };
        let gone = LocalKey { classid: 0, objid: seq as u32, objsubid: ordinal as i32 };
        let key = held.take().and_then(|fact| fact.key).unwrap_or(gone);
        facts.insert(before.id.clone(), Fact { key: Some(key), ..before.clone() });
    }
}

/// The model for people, of a version or as last known.
pub fn document(spi: &Spi, version: Option<i64>, projection: &Projection, keys: bool) -> Result<serde_json::Value> {
    let model = match version {
        None => super::model_at_head(spi, projection)?,
        Some(version) => {
            let facts = model_at(spi, version)?.into_iter().filter(|fact| projection.mirrors(&fact.id));
            Model::new(facts).map_err(|e| Error::internal(e.to_string()))?
        }
    };
    let mut document = serde_json::json!({"reader": READER_VERSION, "major": command::major()});
    if let Some(version) = version {
        document["version"] = version.into();
    }
    document["fingerprint"] = serde_json::to_value(model.fingerprint())?;
    if keys {
        document["ledger"] = serde_json::to_value(ledger_id(spi)?)?;
    }
    let facts = model.into_facts();
    document["facts"] = if keys { facts.iter().map(keyed).collect::<std::result::Result<_, _>>()? } else { serde_json::to_value(facts)? };
    Ok(document)
}

/// Two versions as models whose facts can be compared by key.
pub fn models_at(spi: &Spi, from: i64, to: i64, projection: &Projection) -> Result<(Vec<Fact>, Vec<Fact>)> {
    let projected = |facts: Vec<Fact>| -> Vec<Fact> { facts.into_iter().filter(|fact| projection.mirrors(&fact.id)).collect() };
    Ok((projected(model_at(spi, from)?), projected(model_at(spi, to)?)))
}

/// What is in the database now, read from the catalogs, edges and keys included; and what the newest
/// version is.
pub fn model_now(spi: &Spi) -> Result<(Head, Vec<Fact>)> {
    let head = super::head(spi)?;
    let facts = {
        let _pinned = command::pin();
        crate::capture::read_everything(spi)?
    };
    let model = Model::new(facts).map_err(|e| Error::internal(e.to_string()))?;
    Ok((head, model.into_facts()))
}
