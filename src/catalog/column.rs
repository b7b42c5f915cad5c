//! Columns with their places, defaults and identities.

use super::foreign::options as foreign_options;
use super::gather::{ATTRDEF, CLASS, Gather, key};
use super::property::{Acl, grants};
use super::relation::{options, sequence_options};
use super::row::{Fields, Rows};
use super::{Aspects, Malformed};
use crate::model::{Attribute, Column, ColumnSettings, Default as ColumnDefault, Identity, Kind, Name, Position, Qualified, ViewColumn};

/// Where back branches keep a row type's version, from the minors of November 2026 on: the server's
/// own, another in every database, and known to no DDL (`ATTRIBUTE_VERSION_ATTOPTION` in `pg_attribute.h`).
const ATTRIBUTE_VERSION: &str = "pg_attver";

pub(super) fn columns(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    let mut numbered = Vec::with_capacity(rows.len());
    for mut row in rows.iter() {
        let place = (row.oid()?, row.small()?);
        // The queries' other users skip what is left out; so do we, before reading on.
        if gather.relations.contains_key(&place.0) {
            numbered.push((place, row));
        }
    }
    numbered.sort_unstable_by_key(|(place, _)| *place);
    let mut last: Option<(u32, Name)> = None;
    for ((oid, number), row) in numbered {
        let name = column(gather, oid, number, row, last.take().filter(|(of, _)| *of == oid).map(|(_, name)| name))?;
        last = Some((oid, name));
    }
    Ok(())
}

fn column(gather: &mut Gather, oid: u32, number: i32, mut row: Fields, after: Option<Name>) -> Result<Name, Malformed> {
    let (name, data_type, collation) = (row.name()?, row.text()?, row.qualified()?);
    let not_null = row.bool()?;
    let storage = match row.letter()? {
        None => None,
        Some('p') => Some("plain"),
        Some('e') => Some("external"),
        Some('x') => Some("extended"),
        Some('m') => Some("main"),
        Some(other) => return Err(row.malformed(format!("attstorage {other}"))),
    };
    let compression = match row.letter()? {
        None => None,
        Some('p') => Some("pglz"),
        Some('l') => Some("lz4"),
        Some(other) => return Err(row.malformed(format!("attcompression {other}"))),
    };
    let statistics = row.opt_int()?.map(|target| target as i32);
    let mut options = options(row.texts()?);
    options.remove(ATTRIBUTE_VERSION);
    let foreign_options = foreign_options(row.texts()?);
    let (inherited, local) = (row.bool()?, row.bool()?);
    let (has_default, identity) = (row.bool()?, row.letter()?);
    let acl = Acl { privileges: row.opt_texts()?, default: Vec::new() };

    let Some(relation) = gather.relations.get_mut(&oid) else { return Ok(name) };
    relation.has_default |= has_default;
    relation.has_identity |= identity.is_some();
    if relation.is_view() {
        let settings = if relation.kind == Kind::MaterializedView {
            let (storage, compression) = (storage.map(str::to_owned), compression.map(str::to_owned));
            ColumnSettings { storage, compression, statistics, options: options.clone() }
        } else {
            ColumnSettings::default()
        };
        relation.view_columns.push(ViewColumn { name: name.clone(), data_type: data_type.clone(), settings });
    }
    let (kind, subject) = (relation.kind, relation.column(Kind::Column, name.clone(), number));
    if gather.wants(Aspects::COLUMNS) && matches!(kind, Kind::Table | Kind::Composite) {
        let mut position = subject.clone();
        position.id.kind = Kind::Position;
        if kind == Kind::Composite {
            gather.object(subject.clone(), Attribute { data_type, collation });
        } else {
            let (storage, compression) = (storage.map(str::to_owned), compression.map(str::to_owned));
            let not_local = !local;
            let column =
                Column { data_type, collation, not_null, storage, compression, statistics, options, foreign_options, inherited, not_local };
            gather.object(subject.clone(), column);
        }
        gather.property(position, Position { after });
    }
    grants(gather, &subject, &acl);
    Ok(name)
}

pub(super) fn defaults(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, number, column) = (row.oid()?, row.oid()?, row.small()?, row.name()?);
        let generated = match row.letter()? {
            None => None,
            Some('s') => Some("stored".to_owned()),
            Some('v') => Some("virtual".to_owned()),
            Some(other) => return Err(row.malformed(format!("attgenerated {other}"))),
        };
        let expression = row.text()?;
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let (subject, own) = (relation.part(Kind::Default, column, ATTRDEF, oid, 0), key(CLASS, relation.oid, number));
        let fact = gather.object(subject, ColumnDefault { expression, generated });
        gather.implied.insert((fact, own));
    }
    Ok(())
}

/// An identity stands under its sequence's key, so that what reads the sequence depends on it.
pub(super) fn identities(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (relation, column) = (row.oid()?, row.name()?);
        let always = match row.letter()? {
            Some('a') => true,
            Some('d') => false,
            // A sequence that is internal to a column without identity: between two commands of PostgreSQL's own.
            _ => continue,
        };
        let (oid, sequence) = (row.oid()?, Qualified { schema: row.name()?, name: row.name()? });
        let unlogged = row.letter()? == Some('u');
        let options = sequence_options(&mut row)?;
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let subject = relation.part(Kind::Identity, column, CLASS, oid, 0);
        gather.object(subject, Identity { always, sequence, options, unlogged });
    }
    Ok(())
}
