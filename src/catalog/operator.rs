//! Casts, operators, operator families and classes.

use super::Malformed;
use super::gather::{AMOP, AMPROC, CAST, Gather, OPERATOR, OPERATOR_CLASS, OPERATOR_FAMILY, Subject, key};
use super::row::Rows;
use crate::model::{
    Body, Cast, CastContext, CastMethod, FactId, Kind, MemberFunction, MemberOperator, Operator, OperatorClass, OperatorFamily,
};

pub(super) fn casts(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let id = FactId::new(Kind::Cast, [row.text()?, row.text()?]);
        let (method, context) = (row.letter()?, row.letter()?);
        let function = row.routine()?;
        let method = match (method, function) {
            (Some('f'), Some(function)) => CastMethod::Function(function),
            (Some('i'), _) => CastMethod::Inout,
            (Some('b'), _) => CastMethod::Binary,
            (other, _) => return Err(row.malformed(format!("castmethod {other:?}"))),
        };
        let context = match context {
            Some('a') => CastContext::Assignment,
            Some('i') => CastContext::Implicit,
            _ => CastContext::Explicit,
        };
        gather.object(Subject::root(id, CAST, oid), Cast { method, context });
    }
    Ok(())
}

pub(super) fn operators(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::Operator, [row.text()?, row.text()?, row.text()?]), OPERATOR, oid);
        let operator = Operator {
            function: row.expected_qualified("an operator without a function")?,
            commutator: row.operator()?,
            negator: row.operator()?,
            restrict: row.qualified()?,
            join: row.qualified()?,
            hashes: row.bool()?,
            merges: row.bool()?,
        };
        gather.owner(&subject, row.text()?);
        gather.object(subject, operator);
    }
    Ok(())
}

pub(super) fn families(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let id = FactId::new(Kind::OperatorFamily, [row.text()?, row.text()?, row.text()?]);
        let subject = Subject::root(id, OPERATOR_FAMILY, oid);
        gather.owner(&subject, row.text()?);
        gather.object(subject, OperatorFamily::default());
        gather.families.insert(oid);
    }
    Ok(())
}

pub(super) fn classes(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::OperatorClass, [row.text()?, row.text()?, row.text()?]), OPERATOR_CLASS, oid);
        gather.families.insert(row.oid()?);
        let class = OperatorClass {
            family: row.expected_qualified("an operator class without a family")?,
            data_type: row.text()?,
            default: row.bool()?,
            storage: row.opt_text()?,
            operators: Vec::new(),
            functions: Vec::new(),
        };
        gather.owner(&subject, row.text()?);
        gather.object(subject, class);
    }
    Ok(())
}

/// The fact that a member belongs to: its class, else its family. None for one that is left out.
fn whole(gather: &mut Gather, member: (u32, u32), family: u32, class: Option<u32>) -> Option<usize> {
    let fact = gather.target(class.map_or_else(|| key(OPERATOR_FAMILY, family, 0), |class| key(OPERATOR_CLASS, class, 0)))?;
    gather.alias(key(member.0, member.1, 0), fact);
    Some(fact)
}

pub(super) fn member_operators(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, family, class) = (row.oid()?, row.oid()?, row.opt_oid()?);
        let Some(fact) = whole(gather, (AMOP, oid), family, class) else { continue };
        let (number, types) = (row.number()?, [row.text()?, row.text()?]);
        let operator = row.operator()?.ok_or_else(|| row.malformed("a member without an operator"))?;
        let member = MemberOperator { number, types, operator, order_by: row.qualified()? };
        let list = match &mut gather.facts[fact].body {
            Body::OperatorFamily(family) => &mut family.operators,
            Body::OperatorClass(class) => &mut class.operators,
            _ => continue,
        };
        let at = list.partition_point(|other| *other < member);
        list.insert(at, member);
    }
    Ok(())
}

pub(super) fn member_functions(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, family, class) = (row.oid()?, row.oid()?, row.opt_oid()?);
        let Some(fact) = whole(gather, (AMPROC, oid), family, class) else { continue };
        let (number, types) = (row.number()?, [row.text()?, row.text()?]);
        let function = row.routine()?.ok_or_else(|| row.malformed("a member without a function"))?;
        let member = MemberFunction { number, types, function };
        let list = match &mut gather.facts[fact].body {
            Body::OperatorFamily(family) => &mut family.functions,
            Body::OperatorClass(class) => &mut class.functions,
            _ => continue,
        };
        let at = list.partition_point(|other| *other < member);
        list.insert(at, member);
    }
    Ok(())
}
