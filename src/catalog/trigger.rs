//! Triggers, policies, rules.

use super::deparse::{trigger_parts, without_semicolon};
use super::gather::{CLASS, Gather, POLICY, REWRITE, TRIGGER, key};
use super::row::Rows;
use super::{Aspects, Malformed};
use crate::model::{Kind, Name, Policy, Rule, Trigger};

pub(super) fn enabled(letter: Option<char>) -> Option<String> {
    match letter {
        Some('D') => Some("disabled".to_owned()),
        Some('R') => Some("replica".to_owned()),
        Some('A') => Some("always".to_owned()),
        _ => None,
    }
}

pub(super) fn triggers(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, name, constraint) = (row.oid()?, row.oid()?, row.name()?, row.bool()?);
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let (enabled, text) = (enabled(row.letter()?), row.text()?);
        let (events, action) = trigger_parts(&text).ok_or_else(|| row.malformed(format!("cannot cut {text}")))?;
        let subject = relation.part(Kind::Trigger, name, TRIGGER, oid, 0);
        gather.object(subject, Trigger { constraint, events: events.to_owned(), action: action.to_owned(), enabled });
    }
    Ok(())
}

pub(super) fn policies(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, name, permissive) = (row.oid()?, row.oid()?, row.name()?, row.bool()?);
        let Some(relation) = gather.relations.get(&relation) else { continue };
        let command = match row.letter()? {
            Some('r') => Some("select".to_owned()),
            Some('a') => Some("insert".to_owned()),
            Some('w') => Some("update".to_owned()),
            Some('d') => Some("delete".to_owned()),
            _ => None,
        };
        let mut roles: Vec<Name> = row.texts()?.into_iter().map(Name::from).collect();
        roles.sort_unstable();
        let subject = relation.part(Kind::Policy, name, POLICY, oid, 0);
        gather.object(subject, Policy { restrictive: !permissive, command, roles, using: row.opt_text()?, check: row.opt_text()? });
    }
    Ok(())
}

/// Rules; a view's own only gives what it depends on to the view.
pub(super) fn rules(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, relation, name, enabled) = (row.oid()?, row.oid()?, row.name()?, enabled(row.letter()?));
        let Some(relation) = gather.relations.get(&relation) else { continue };
        match row.opt_text()? {
            Some(text) if gather.wants(Aspects::RULES) => {
                let subject = relation.part(Kind::Rule, name, REWRITE, oid, 0);
                gather.object(subject, Rule { definition: without_semicolon(text), enabled });
            }
            Some(_) => {}
            None => {
                if let Some(view) = gather.target(key(CLASS, relation.oid, 0)) {
                    gather.alias(key(REWRITE, oid, 0), view);
                }
            }
        }
    }
    Ok(())
}
