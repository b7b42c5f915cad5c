//! Extended statistics objects.

use super::Malformed;
use super::gather::{CLASS, Gather, STATISTICS, Subject, key};
use super::row::Rows;
use crate::model::{FactId, Kind, Name, Owner, Qualified, Statistics};

/// They belong to their table's family, in whatever schema they are.
pub(super) fn statistics(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation) = (row.oid()?, row.oid()?);
        if !gather.relations.contains_key(&relation) {
            continue;
        }
        let id = FactId::new(Kind::Statistics, [row.text()?, row.text()?]);
        let subject = Subject { id, key: key(STATISTICS, oid, 0), root: (CLASS, relation) };
        let table = Qualified { schema: row.name()?, name: row.name()? };
        let letters = row.texts()?;
        let mut columns: Vec<Name> = row.texts()?.into_iter().map(Name::from).collect();
        columns.sort_unstable();
        let expressions = row.texts()?;
        let kinds: Vec<String> = [("d", "ndistinct"), ("f", "dependencies"), ("m", "mcv")]
            .iter()
            .filter(|(letter, _)| letters.iter().any(|l| l == letter))
            .map(|(_, word)| (*word).to_owned())
            .collect();
        // All of them is what nothing said means; a single expression has none of them.
        let kinds = if kinds.len() == 3 { Vec::new() } else { kinds };
        let target = row.opt_int()?.map(|target| target as i32);
        // Their owners come with them, and not with the table's.
        let owner = Subject { id: subject.id.property(Kind::Owner), ..subject.clone() };
        gather.property(owner, Owner { role: row.name()? });
        gather.object(subject, Statistics { table, kinds, columns, expressions, target });
    }
    Ok(())
}
