//! Columns with their places, defaults and identities.

use super::alike::{Texts, Typed, Types};
use super::foreign::options as foreign_options;
use super::gather::{ATTRDEF, CLASS, Gather, key};
use super::property::{Acl, grants};
use super::relation::{Slot, options, sequence_options};
use super::row::{Fields, Rows};
use super::{Aspects, Malformed};
use crate::model::{
    Attribute, Column, ColumnSettings, Default as ColumnDefault, Identity, Kind, Name, Position, Qualified, SequenceOptions, ViewColumn,
};

/// Where back branches keep a row type's version, from the minors of November 2026 on: the server's
/// own, another in every database, and known to no DDL (`ATTRIBUTE_VERSION_ATTOPTION` in `pg_attribute.h`).
const ATTRIBUTE_VERSION: &str = "pg_attver";

/// Columns; of a full read, with the types that it brought.
pub(super) fn columns(gather: &mut Gather, rows: &Rows, types: Option<&Types>) -> Result<(), Malformed> {
    let mut numbered = Vec::with_capacity(rows.len());
    for mut row in rows.iter() {
        let place = (row.oid()?, row.small()?);
        // The queries' other users skip what is left out; so do we, before reading on.
        if gather.relations.contains_key(&place.0) {
            numbered.push((place, row));
        }
    }
    numbered.sort_unstable_by_key(|(place, _)| *place);
    gather.expect(2 * numbered.len());
    let mut last: Option<(u32, Name)> = None;
    for ((oid, number), row) in numbered {
        let after = last.take().filter(|(of, _)| *of == oid).map(|(_, name)| name);
        let name = column(gather, (oid, number), row, after, types)?;
        last = Some((oid, name));
    }
    Ok(())
}

fn column(
    gather: &mut Gather,
    (oid, number): (u32, i32),
    mut row: Fields,
    after: Option<Name>,
    types: Option<&Types>,
) -> Result<Name, Malformed> {
    let (name, data_type, collation) = (row.name()?, row.opt_text()?, row.qualified()?);
    let not_null = row.bool()?;
    let storage = row.letter()?;
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
    let Typed { text: data_type, collation, storage } = match types {
        Some(types) => {
            let (of, collated) = ((row.oid()?, row.small()?), (row.oid()?, collation));
            relation.columns.push(Slot { number, name: name.clone(), generated: row.letter()?, identity });
            types.of(of, collated, storage)
        }
        None => Typed { text: data_type.ok_or_else(|| row.malformed("a column has no type"))?, collation, storage },
    };
    let storage = match storage {
        None => None,
        Some('p') => Some("plain"),
        Some('e') => Some("external"),
        Some('x') => Some("extended"),
        Some('m') => Some("main"),
        Some(other) => return Err(row.malformed(format!("attstorage {other}"))),
    };
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

/// Defaults; of a full read, with the texts that it brought.
pub(super) fn defaults(gather: &mut Gather, rows: &Rows, texts: Option<&Texts>) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, number) = (row.oid()?, row.oid()?, row.small()?);
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let (column, generated, expression) = match texts {
            Some(texts) => {
                let slot = relation.slot(number).ok_or_else(|| row.malformed(format!("column {number} is missing")))?;
                (slot.name.clone(), slot.generated, texts.of(oid))
            }
            None => (row.name()?, row.letter()?, row.text()?),
        };
        let generated = match generated {
            None => None,
            Some('s') => Some("stored".to_owned()),
            Some('v') => Some("virtual".to_owned()),
            Some(other) => return Err(row.malformed(format!("attgenerated {other}"))),
        };
        let (subject, own) = (relation.part(Kind::Default, column, ATTRDEF, oid, 0), key(CLASS, relation.oid, number));
        let fact = gather.object(subject, ColumnDefault { expression, generated });
        gather.implied.insert((fact, own));
    }
    Ok(())
}

/// An identity stands under its sequence's key, so that what reads the sequence depends on it.
pub(super) fn identities(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (relation, column) = (row.oid()?, (row.name()?, row.letter()?));
        let sequence = (row.oid()?, Qualified { schema: row.name()?, name: row.name()? });
        let unlogged = row.letter()? == Some('u');
        let options = sequence_options(&mut row)?;
        identity(gather, relation, column, sequence, unlogged, options);
    }
    Ok(())
}

/// A table's column with the letter of its identity, and the sequence behind it.
pub(super) fn identity(
    gather: &mut Gather,
    table: u32,
    (column, letter): (Name, Option<char>),
    (oid, sequence): (u32, Qualified),
    unlogged: bool,
    options: SequenceOptions,
) {
    let always = match letter {
        Some('a') => true,
        Some('d') => false,
        // A sequence that is internal to a column without identity: between two commands of PostgreSQL's own.
        _ => return,
    };
    if let Some(relation) = gather.relations.get(&table) {
        let subject = relation.part(Kind::Identity, column, CLASS, oid, 0);
        gather.object(subject, Identity { always, sequence, options, unlogged });
    }
}
