//! Objects of kinds that are not modelled: reported, never skipped in silence.

use super::Malformed;
use super::gather::{Gather, Subject};
use super::row::Rows;
use crate::model::{FactId, Kind, Unmodelled};

pub(super) fn objects(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (classid, objid) = (row.oid()?, row.oid()?);
        let id = FactId::new(Kind::Unmodelled, [row.text()?, row.text()?]);
        gather.object(Subject::root(id, classid, objid), Unmodelled {});
    }
    Ok(())
}
