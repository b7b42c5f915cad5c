//! Indexes that belong to no constraint.

use super::Malformed;
use super::deparse::index_definition;
use super::gather::{CLASS, Gather, Subject, key};
use super::row::Rows;
use crate::model::{FactId, Index, Kind};
use std::collections::BTreeMap;

/// Those of a full read's indexes that belong to no constraint that was read.
pub(super) fn plain(gather: &Gather, rows: &Rows) -> Result<Vec<u32>, Malformed> {
    let mut plain = Vec::new();
    for mut row in rows.iter() {
        let (oid, table) = (row.oid()?, row.oid()?);
        if gather.relations.contains_key(&table) && gather.target(key(CLASS, oid, 0)).is_none() {
            plain.push(oid);
        }
    }
    Ok(plain)
}

pub(super) fn indexes(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, name, text) = (row.oid()?, row.oid()?, row.name()?, row.text()?);
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let definition = index_definition(&text).ok_or_else(|| row.malformed(format!("cannot cut {text}")))?.to_owned();
        let (unique, valid) = (row.bool()?, row.bool()?);
        let (tablespace, clustered, attached_to, partitioned) = (row.opt_name()?, row.bool()?, row.qualified()?, row.bool()?);
        let mut statistics = BTreeMap::new();
        for text in row.texts()? {
            let target = text.split_once('=').and_then(|(column, target)| Some((column.parse().ok()?, target.parse().ok()?)));
            let (column, target): (i16, i32) = target.ok_or_else(|| row.malformed(format!("statistics {text}")))?;
            statistics.insert(column, target);
        }
        let id = FactId::new(Kind::Index, [relation.schema.clone(), name]);
        let subject = Subject { id, key: key(CLASS, oid, 0), root: (CLASS, relation.oid) };
        let table = relation.name.clone();
        gather.object(
            subject,
            Index { table, definition, unique, invalid: !valid, tablespace, clustered, attached_to, partitioned, statistics },
        );
    }
    Ok(())
}
