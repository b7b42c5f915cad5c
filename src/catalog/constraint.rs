//! Table constraints, with what their indexes add.

use super::Malformed;
use super::alike::Texts;
use super::deparse::without_not_valid;
use super::gather::{CLASS, CONSTRAINT, Gather, key};
use super::row::Rows;
use crate::model::{Constraint, ConstraintType, Kind};

/// Constraints; of a full read, with the texts that it brought.
pub(super) fn constraints(gather: &mut Gather, rows: &Rows, texts: Option<&Texts>) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, name) = (row.oid()?, row.oid()?, row.name()?);
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let constraint_type = match row.letter()? {
            Some('c') => ConstraintType::Check,
            Some('n') => ConstraintType::NotNull,
            Some('p') => ConstraintType::PrimaryKey,
            Some('u') => ConstraintType::Unique,
            Some('f') => ConstraintType::ForeignKey,
            Some('x') => ConstraintType::Exclusion,
            other => return Err(row.malformed(format!("contype {other:?}"))),
        };
        let definition = match (row.opt_text()?, texts) {
            (Some(text), _) => text,
            (None, Some(texts)) => texts.of(oid),
            (None, None) => return Err(row.malformed("a constraint has no definition")),
        };
        let definition = without_not_valid(definition);
        // One that is NOT ENFORCED is never valid, and its definition says so.
        let (validated, enforced) = (row.bool()?, row.bool()?);
        let not_valid = !validated && enforced;
        let (inherited, not_local) = (row.bool()?, !row.bool()?);
        let (referenced, index) = (row.oid()?, row.opt_oid()?);
        let (options, tablespace, clustered, attached_to) = (row.texts()?, row.opt_name()?, row.bool()?, row.qualified()?);
        let subject = relation.part(Kind::Constraint, name, CONSTRAINT, oid, 0);
        let body = Constraint { constraint_type, definition, not_valid, inherited, not_local, options, tablespace, clustered, attached_to };
        let fact = gather.object(subject, body);
        if referenced != 0 {
            gather.references.push((fact, key(CLASS, referenced, 0)));
        }
        if let Some(index) = index {
            gather.alias(key(CLASS, index, 0), fact);
        }
    }
    Ok(())
}
