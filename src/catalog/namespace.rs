//! Schemas and extensions.

use super::Malformed;
use super::gather::{EXTENSION, Gather, NAMESPACE, Subject};
use super::property::acl;
use super::row::Rows;
use crate::model::{Extension, FactId, Kind, Schema};

pub(super) fn schemas(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Schema, [row.text()?]), NAMESPACE, oid);
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.object(subject, Schema {});
    }
    Ok(())
}

pub(super) fn extensions(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Extension, [row.text()?]), EXTENSION, oid);
        gather.object(subject, Extension { schema: row.name()?, version: row.text()? });
    }
    Ok(())
}
