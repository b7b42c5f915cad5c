//! Foreign-data wrappers, servers, user mappings. Foreign tables are relations.

use super::Malformed;
use super::gather::{FOREIGN_DATA_WRAPPER, FOREIGN_SERVER, Gather, Subject, USER_MAPPING};
use super::property::acl;
use super::row::Rows;
use crate::model::{FactId, ForeignDataWrapper, ForeignOptions, Kind, Server, UserMapping};

/// `name=value` texts as a map.
pub(super) fn options(texts: Vec<String>) -> ForeignOptions {
    super::relation::options(texts)
}

pub(super) fn wrappers(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::ForeignDataWrapper, [row.text()?]), FOREIGN_DATA_WRAPPER, oid);
        let body = ForeignDataWrapper { handler: row.qualified()?, validator: row.qualified()?, options: options(row.texts()?) };
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.object(subject, body);
    }
    Ok(())
}

pub(super) fn servers(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Server, [row.text()?]), FOREIGN_SERVER, oid);
        let body = Server { wrapper: row.name()?, server_type: row.opt_text()?, version: row.opt_text()?, options: options(row.texts()?) };
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.object(subject, body);
    }
    Ok(())
}

pub(super) fn mappings(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::UserMapping, [row.text()?, row.text()?]), USER_MAPPING, oid);
        gather.object(subject, UserMapping { options: options(row.texts()?) });
    }
    Ok(())
}
