//! Base types and shells.

use super::Malformed;
use super::gather::{Gather, Subject, TYPE};
use super::property::acl;
use super::row::{Fields, Rows};
use crate::model::{BaseType, BaseTypeDefinition, FactId, Kind};

pub(super) fn base_types(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::BaseType, [row.text()?, row.text()?]), TYPE, oid);
        let defined = row.bool()?;
        let definition = definition(&mut row)?;
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.object(subject, BaseType { definition: defined.then_some(definition) });
    }
    Ok(())
}

fn definition(row: &mut Fields) -> Result<BaseTypeDefinition, Malformed> {
    let (input, output) = (row.expected_qualified("a type without INPUT")?, row.expected_qualified("a type without OUTPUT")?);
    let (receive, send, typmod_in, typmod_out) = (row.qualified()?, row.qualified()?, row.qualified()?, row.qualified()?);
    let (analyze, subscript) = (row.qualified()?, row.qualified()?);
    let length = row.opt_int()?.map(|length| length as i16);
    let by_value = row.bool()?;
    let alignment = match row.letter()? {
        Some('c') => "char",
        Some('s') => "int2",
        Some('i') => "int4",
        Some('d') => "double",
        other => return Err(row.malformed(format!("typalign {other:?}"))),
    };
    let storage = match row.letter()? {
        Some('p') => None,
        Some('e') => Some("external"),
        Some('x') => Some("extended"),
        Some('m') => Some("main"),
        other => return Err(row.malformed(format!("typstorage {other:?}"))),
    };
    Ok(BaseTypeDefinition {
        input,
        output,
        receive,
        send,
        typmod_in,
        typmod_out,
        analyze,
        subscript,
        length,
        by_value,
        alignment: alignment.to_owned(),
        storage: storage.map(str::to_owned),
        category: row.letter()?.filter(|letter| *letter != 'U').map(String::from),
        preferred: row.bool()?,
        default: row.opt_text()?,
        element: row.opt_text()?,
        delimiter: row.letter()?.filter(|letter| *letter != ',').map(String::from),
        collatable: row.bool()?,
    })
}
