//! Publications with what they name, and subscriptions.

use super::Malformed;
use super::gather::{Gather, PUBLICATION, PUBLICATION_NAMESPACE, PUBLICATION_REL, SUBSCRIPTION, Subject, key};
use super::relation::options;
use super::row::Rows;
use crate::model::{FactId, Kind, Name, Publication, PublicationOperation, PublicationSchema, PublicationTable, Subscription};

pub(super) fn publications(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Publication, [row.text()?]), PUBLICATION, oid);
        let all_tables = row.bool()?;
        let mut unpublished = Vec::new();
        for operation in PublicationOperation::ALL {
            if !row.bool()? {
                unpublished.push(operation);
            }
        }
        let body = Publication { all_tables, unpublished, via_root: row.bool()?, generated_columns: row.bool()? };
        gather.owner(&subject, row.text()?);
        gather.object(subject, body);
    }
    Ok(())
}

/// The name of the publication that a row belongs to; none if it is left out.
fn publication(gather: &Gather, oid: u32) -> Option<Name> {
    gather.target(key(PUBLICATION, oid, 0)).map(|fact| gather.facts[fact].id.name().clone())
}

pub(super) fn tables(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, of) = (row.oid()?, row.oid()?);
        let Some(publication) = publication(gather, of) else { continue };
        let id = FactId::new(Kind::PublicationTable, [publication, row.name()?, row.name()?]);
        let mut columns: Option<Vec<Name>> = row.opt_texts()?.map(|names| names.into_iter().map(Name::from).collect());
        if let Some(columns) = &mut columns {
            columns.sort_unstable();
        }
        let body = PublicationTable { columns, filter: row.opt_text()? };
        gather.object(Subject { id, key: key(PUBLICATION_REL, oid, 0), root: (PUBLICATION, of) }, body);
    }
    Ok(())
}

pub(super) fn schemas(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, of) = (row.oid()?, row.oid()?);
        let Some(publication) = publication(gather, of) else { continue };
        let id = FactId::new(Kind::PublicationSchema, [publication, row.name()?]);
        gather.object(Subject { id, key: key(PUBLICATION_NAMESPACE, oid, 0), root: (PUBLICATION, of) }, PublicationSchema {});
    }
    Ok(())
}

pub(super) fn subscriptions(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Subscription, [row.text()?]), SUBSCRIPTION, oid);
        let publications = row.texts()?.into_iter().map(Name::from).collect();
        let disabled = !row.bool()?;
        let slot = row.opt_text()?;
        let mut options = options(row.texts()?);
        options.insert("slot_name".to_owned(), slot.unwrap_or_else(|| "NONE".to_owned()));
        gather.owner(&subject, row.text()?);
        gather.object(subject, Subscription { publications, disabled, options });
    }
    Ok(())
}
