//! Access methods, languages, transforms.

use super::Malformed;
use super::gather::{ACCESS_METHOD, Gather, LANGUAGE, Subject, TRANSFORM};
use super::property::acl;
use super::row::Rows;
use crate::model::{AccessMethod, AccessMethodType, FactId, Kind, Language, Transform};

pub(super) fn access_methods(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::AccessMethod, [row.text()?]), ACCESS_METHOD, oid);
        let method_type = match row.letter()? {
            Some('t') => AccessMethodType::Table,
            Some('i') => AccessMethodType::Index,
            other => return Err(row.malformed(format!("amtype {other:?}"))),
        };
        let handler = row.expected_qualified("an access method without a handler")?;
        gather.object(subject, AccessMethod { method_type, handler });
    }
    Ok(())
}

pub(super) fn languages(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Language, [row.text()?]), LANGUAGE, oid);
        let trusted = row.bool()?;
        let handler = row.expected_qualified("a language without a handler")?;
        let language = Language { trusted, handler, inline: row.qualified()?, validator: row.qualified()? };
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.object(subject, language);
    }
    Ok(())
}

pub(super) fn transforms(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Transform, [row.text()?, row.text()?]), TRANSFORM, oid);
        gather.object(subject, Transform { from_sql: row.qualified()?, to_sql: row.qualified()? });
    }
    Ok(())
}
