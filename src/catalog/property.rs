//! Comments and privileges.

use super::gather::{CLASS, Gather, Subject, TYPE, key};
use super::relation::Relation;
use super::row::{Fields, Rows};
use super::{Aspects, Malformed};
use crate::model::{Comment, Grant, Kind, ON_NOT_NULL, SecurityLabel};
use std::collections::{BTreeMap, BTreeSet};

/// `aclitem`s as text; without privileges the object has its default ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Acl {
    pub(super) privileges: Option<Vec<String>>,
    pub(super) default: Vec<String>,
}

impl Acl {
    /// Reads two columns: the ACL, and `acldefault` where there is one.
    pub(super) fn read(row: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self { privileges: row.opt_texts()?, default: row.texts()? })
    }
}

/// Reads an [`Acl`] from a row and adds its grants.
pub(super) fn acl(gather: &mut Gather, subject: &Subject, row: &mut Fields) -> Result<(), Malformed> {
    let acl = Acl::read(row)?;
    grants(gather, subject, &acl);
    Ok(())
}

/// One fact for each grantee whose privileges differ from the default.
pub(super) fn grants(gather: &mut Gather, subject: &Subject, acl: &Acl) {
    let Some(privileges) = &acl.privileges else { return };
    if !gather.wants(Aspects::PRIVILEGES) {
        return;
    }
    let (actual, default) = (by_grantee(privileges), by_grantee(&acl.default));
    let grantees: BTreeSet<&String> = actual.keys().chain(default.keys()).collect();
    for grantee in grantees {
        if actual.get(grantee) != default.get(grantee) {
            let subject = Subject { id: subject.id.grant(grantee.as_str()), ..subject.clone() };
            gather.property(subject, actual.get(grantee).cloned().unwrap_or_default());
        }
    }
}

/// Privileges by grantee, of all grantors together.
pub(super) fn by_grantee(items: &[String]) -> BTreeMap<String, Grant> {
    let mut grants: BTreeMap<String, Grant> = BTreeMap::new();
    for (grantee, letters) in items.iter().filter_map(|item| parse(item)) {
        let grant = grants.entry(grantee).or_default();
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let privilege = privilege(letter);
            if letters.next_if_eq(&'*').is_some() {
                grant.grantable.push(privilege.clone());
            }
            grant.privileges.push(privilege);
        }
    }
    for grant in grants.values_mut() {
        for list in [&mut grant.privileges, &mut grant.grantable] {
            list.sort_unstable();
            list.dedup();
        }
    }
    grants
}

/// Splits `grantee=letters/grantor`; the names are quoted where they hold anything unusual.
fn parse(item: &str) -> Option<(String, &str)> {
    let (grantee, rest) = if let Some(mut rest) = item.strip_prefix('"') {
        let mut name = String::new();
        loop {
            let quote = rest.find('"')?;
            name.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => break (name, rest.strip_prefix('=')?),
            }
        }
    } else {
        let (name, rest) = item.split_once('=')?;
        (if name.is_empty() { "PUBLIC" } else { name }.to_owned(), rest)
    };
    Some((grantee, rest.split_once('/')?.0))
}

fn privilege(letter: char) -> String {
    match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'm' => "MAINTAIN",
        'X' => "EXECUTE",
        'U' => "USAGE",
        'C' => "CREATE",
        'c' => "CONNECT",
        'T' => "TEMPORARY",
        's' => "SET",
        'A' => "ALTER SYSTEM",
        other => return other.to_string(),
    }
    .to_owned()
}

/// Comments, and security labels with their providers.
pub(super) fn comments(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (classid, objid, objsubid) = (row.oid()?, row.oid()?, row.small()?);
        let (column, provider, text) = (row.opt_name()?, row.opt_name()?, row.text()?);
        let relation = gather.relations.get(&objid).filter(|_| classid == CLASS);
        let subject = match (relation, column) {
            (Some(relation), Some(column)) => Some(relation.column(Kind::Column, column, objsubid)),
            (Some(relation), None) => Some(relation.subject()),
            (None, _) if classid == TYPE => composite(gather, objid).map(Relation::subject).or_else(|| known(gather, classid, objid)),
            (None, _) => known(gather, classid, objid),
        };
        if let Some(subject) = subject {
            if let Some(provider) = provider {
                let id = subject.id.security_label(provider);
                gather.property(Subject { id, ..subject }, SecurityLabel { label: text });
                continue;
            }
            let id = subject.id.property(Kind::Comment);
            let on_not_null = gather.target(subject.key).is_some_and(|on| gather.facts[on].is_not_null());
            let comment = gather.property(Subject { id, ..subject }, Comment { text });
            if on_not_null {
                gather.facts[comment].notes.insert(ON_NOT_NULL.to_owned(), true.into());
            }
        }
    }
    Ok(())
}

/// The composite type whose row type this is.
fn composite(gather: &Gather, row_type: u32) -> Option<&Relation> {
    gather.relations.get(gather.row_types.get(&row_type)?).filter(|r| r.is_composite())
}

/// The object that was read under exactly this key.
fn known(gather: &Gather, classid: u32, objid: u32) -> Option<Subject> {
    let key = key(classid, objid, 0);
    let fact = &gather.facts[gather.target(key)?];
    // Not a constraint's index or an identity's sequence, and nothing that is not modelled.
    let own = fact.key == Some(key) && !matches!(fact.id.kind, Kind::Identity | Kind::Unmodelled);
    own.then(|| Subject { id: fact.id.clone(), key, root: fact.root.unwrap_or((classid, objid)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acl_items() {
        for (item, parsed) in [
            ("bob=arw/alice", Some(("bob", "arw"))),
            ("=r/alice", Some(("PUBLIC", "r"))),
            (r#""a=b"=r*w/x"#, Some(("a=b", "r*w"))),
            (r#""a""b/c"=/x"#, Some((r#"a"b/c"#, ""))),
            ("ärger=U/x", Some(("ärger", "U"))),
            ("bob", None),
            (r#""bob"#, None),
        ] {
            assert_eq!(parse(item), parsed.map(|(name, letters)| (name.to_owned(), letters)), "{item}");
        }
    }

    #[test]
    fn grants_of_several_grantors_are_one() {
        let grants = by_grantee(&["bob=w*r/alice".into(), "bob=ra/carol".into()]);
        let expected = Grant { privileges: vec!["INSERT".into(), "SELECT".into(), "UPDATE".into()], grantable: vec!["UPDATE".into()] };
        assert_eq!(grants["bob"], expected);
    }
}
