//! Enumerated types, domains, ranges.

use super::Malformed;
use super::deparse::without_not_valid;
use super::gather::{CONSTRAINT, ENUM as ENUM_CATALOG, Gather, Subject, TYPE, key};
use super::property::acl;
use super::row::Rows;
use crate::model::{Domain, DomainConstraint, Enum, EnumLabel, FactId, Kind, Name, Range};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeKind {
    Enum,
    Domain,
    Range,
}
pub(super) const ENUM: TypeKind = TypeKind::Enum;
pub(super) const DOMAIN: TypeKind = TypeKind::Domain;
pub(super) const RANGE: TypeKind = TypeKind::Range;

pub(super) fn types(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let path = [row.text()?, row.text()?];
        let (type_kind, kind) = match row.letter()? {
            Some('e') => (TypeKind::Enum, Kind::Enum),
            Some('d') => (TypeKind::Domain, Kind::Domain),
            Some('r') => (TypeKind::Range, Kind::Range),
            other => return Err(row.malformed(format!("typtype {other:?}"))),
        };
        let subject = Subject::root(FactId::new(kind, path), TYPE, oid);
        gather.owner(&subject, row.text()?);
        acl(gather, &subject, &mut row)?;
        gather.types.insert(oid, (type_kind, subject.clone()));
        match type_kind {
            TypeKind::Enum => {
                gather.object(subject, Enum {});
            }
            TypeKind::Domain => {
                let domain =
                    Domain { base_type: row.text()?, collation: row.qualified()?, not_null: row.bool()?, default: row.opt_text()? };
                gather.object(subject, domain);
            }
            // Its attributes are another catalog's.
            TypeKind::Range => {}
        }
    }
    Ok(())
}

/// The type that a row belongs to; none if it is left out.
fn type_of(gather: &Gather, oid: u32, kind: TypeKind) -> Option<Subject> {
    gather.types.get(&oid).filter(|(k, _)| *k == kind).map(|(_, subject)| subject.clone())
}

fn part(kind: Kind, of: &Subject, name: impl Into<Name>, classid: u32, oid: u32) -> Subject {
    Subject { id: FactId { kind, of: None, path: of.id.path.with(name) }, key: key(classid, oid, 0), root: of.root }
}

pub(super) fn labels(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    let mut last: Option<(u32, Name)> = None;
    for mut row in rows.iter() {
        let (oid, type_oid, label) = (row.oid()?, row.oid()?, row.name()?);
        let Some(owner) = type_of(gather, type_oid, TypeKind::Enum) else { continue };
        let after = last.take().filter(|(of, _)| *of == type_oid).map(|(_, label)| label);
        gather.object(part(Kind::EnumLabel, &owner, label.clone(), ENUM_CATALOG, oid), EnumLabel { after });
        last = Some((type_oid, label));
    }
    Ok(())
}

pub(super) fn domain_constraints(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, type_oid, name) = (row.oid()?, row.oid()?, row.name()?);
        let Some(owner) = type_of(gather, type_oid, TypeKind::Domain) else { continue };
        let constraint = DomainConstraint { definition: without_not_valid(row.text()?), not_valid: !row.bool()? };
        gather.object(part(Kind::DomainConstraint, &owner, name, CONSTRAINT, oid), constraint);
    }
    Ok(())
}

pub(super) fn ranges(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let Some(subject) = type_of(gather, row.oid()?, TypeKind::Range) else { continue };
        let range = Range {
            subtype: row.text()?,
            operator_class: row.qualified()?,
            collation: row.qualified()?,
            canonical: row.qualified()?,
            subtype_diff: row.qualified()?,
            multirange: row.qualified()?.ok_or_else(|| row.malformed("a range without a multirange"))?,
        };
        gather.object(subject, range);
    }
    Ok(())
}
