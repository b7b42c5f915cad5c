//! What can hang on any object: comments, owners, grants, security labels.

use super::object::{self, Object};
use super::order::Action;
use super::scene::{Item, Scene};
use super::sql::{Joined, Role, Signature, flag, relation};
use crate::model::{Body, Fact, FactId, Grant, Kind, Literal, Name, Qualified};
use std::fmt;

/// An object as COMMENT ON and ALTER … OWNER TO name it: its word and its name. An identity goes by its
/// sequence; a table may be a foreign one.
struct Target<'a>(&'a FactId, Option<&'a FactId>, bool);

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        let part = |f: &mut fmt::Formatter<'_>, word: &str, on: &str| write!(f, "{word} {} ON {on}{}", id.name(), relation(id));
        match id.kind {
            Kind::Schema => write!(f, "SCHEMA {}", id.name()),
            Kind::Extension => write!(f, "EXTENSION {}", id.name()),
            Kind::Enum | Kind::Composite | Kind::Range => write!(f, "TYPE {}", relation(id)),
            Kind::Domain => write!(f, "DOMAIN {}", relation(id)),
            Kind::DomainConstraint => part(f, "CONSTRAINT", "DOMAIN "),
            Kind::Constraint => part(f, "CONSTRAINT", ""),
            Kind::Trigger => part(f, "TRIGGER", ""),
            Kind::Policy => part(f, "POLICY", ""),
            Kind::Rule => part(f, "RULE", ""),
            Kind::Column | Kind::Attribute => write!(f, "COLUMN {}.{}", relation(id), id.name()),
            Kind::Sequence => write!(f, "SEQUENCE {}", relation(id)),
            Kind::Index => write!(f, "INDEX {}", relation(id)),
            Kind::View => write!(f, "VIEW {}", relation(id)),
            Kind::MaterializedView => write!(f, "MATERIALIZED VIEW {}", relation(id)),
            Kind::ForeignDataWrapper => write!(f, "FOREIGN DATA WRAPPER {}", id.name()),
            Kind::Server => write!(f, "SERVER {}", id.name()),
            Kind::Publication => write!(f, "PUBLICATION {}", id.name()),
            Kind::EventTrigger => write!(f, "EVENT TRIGGER {}", id.name()),
            Kind::Identity => write!(f, "SEQUENCE {}", self.1.map_or_else(|| relation(id), relation)),
            Kind::Routine | Kind::Aggregate => write!(f, "ROUTINE {}", Signature(id)),
            kind if object::word(kind).is_some() => write!(f, "{}", Object(id)),
            _ => write!(f, "{}TABLE {}", flag(self.2, "FOREIGN "), relation(id)),
        }
    }
}

fn sequence_of(scene: &Scene, target: &FactId) -> Option<FactId> {
    match scene.is(target).or_else(|| scene.around.get(target))?.body {
        Body::Identity(identity) => Some(FactId::new(Kind::Sequence, [identity.sequence.schema, identity.sequence.name])),
        _ => None,
    }
}

pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    let Some(fact) = item.after.as_ref().or(item.before.as_ref()) else { return };
    let Some(target) = fact.id.target() else { return };
    let sequence = (target.kind == Kind::Identity).then(|| sequence_of(scene, &target)).flatten();
    let table = |fact: Option<Fact>| matches!(fact.map(|fact| fact.body), Some(Body::Table(table)) if table.foreign.is_some());
    let foreign = target.kind == Kind::Table && table(scene.is(&target).or_else(|| scene.around.get(&target)));
    let name = Target(&target, sequence.as_ref(), foreign);
    match fact.id.kind {
        Kind::Comment => comment(item, fact, &name, out),
        Kind::Owner => owner(scene, item, fact, &target, &name, out),
        Kind::Grant => grant(scene, item, fact, &target, out),
        Kind::SecurityLabel => security_label(item, fact, &name, out),
        _ => {}
    }
}

fn finish(item: &Item, action: Action, fact: &Fact, target: &FactId) -> Action {
    match (&item.before, &item.after, &item.old) {
        (Some(was), Some(now), Some(old)) => action.altering(old, was, now),
        (Some(was), None, Some(old)) => action.unmaking(old, was),
        _ => action.making(fact).needing([target.clone()]),
    }
}

fn comment(item: &Item, fact: &Fact, name: &Target, out: &mut Vec<Action>) {
    let text = |fact: &Option<Fact>| match fact.as_ref().map(|fact| &fact.body) {
        Some(Body::Comment(comment)) => Some(comment.text.clone()),
        _ => None,
    };
    let (before, after) = (text(&item.before), text(&item.after));
    if before == after {
        return;
    }
    let sql = match &after {
        Some(text) => format!("COMMENT ON {name} IS {}", Literal(text)),
        None => format!("COMMENT ON {name} IS NULL"),
    };
    let rank = if after.is_some() { 88 } else { 8 };
    out.push(finish(item, Action::new(rank, &fact.id, sql), fact, name.0));
}

fn security_label(item: &Item, fact: &Fact, name: &Target, out: &mut Vec<Action>) {
    let text = |fact: &Option<Fact>| match fact.as_ref().map(|fact| &fact.body) {
        Some(Body::SecurityLabel(label)) => Some(label.label.clone()),
        _ => None,
    };
    let (before, after) = (text(&item.before), text(&item.after));
    if before == after {
        return;
    }
    let provider = fact.id.name();
    let sql = match &after {
        Some(text) => format!("SECURITY LABEL FOR {provider} ON {name} IS {}", Literal(text)),
        None => format!("SECURITY LABEL FOR {provider} ON {name} IS NULL"),
    };
    let rank = if after.is_some() { 89 } else { 8 };
    out.push(finish(item, Action::new(rank, &fact.id, sql), fact, name.0));
}

fn owner(scene: &Scene, item: &Item, fact: &Fact, target: &FactId, name: &Target, out: &mut Vec<Action>) {
    let role = |fact: &Option<Fact>| match fact.as_ref().map(|fact| &fact.body) {
        Some(Body::Owner(owner)) => Some(owner.role.clone()),
        _ => None,
    };
    let (before, after) = (role(&item.before), role(&item.after));
    // Every object has an owner: one that is no longer told of stays.
    let Some(role) = after.filter(|after| before.as_ref() != Some(after)) else { return };
    let linked = matches!(target.kind, Kind::Identity)
        || target.kind == Kind::Index
        || !scene.creates(target)
            && matches!(scene.is(target), Some(Fact { body: Body::Sequence(sequence), .. }) if sequence.owned_by.is_some());
    if linked {
        // It goes with its table.
        return;
    }
    let action = Action::new(86, &fact.id, format_args!("ALTER {name} OWNER TO {role}")).needing([super::sequence::linked(target)]);
    out.push(finish(item, action, fact, target));
}

/// The roles that an object goes from and to.
fn owner_changes(scene: &Scene, target: &FactId) -> Option<[Name; 2]> {
    let item = &scene.items[scene.item_to(&target.property(Kind::Owner))?];
    match (&item.before.as_ref()?.body, &item.after.as_ref()?.body) {
        (Body::Owner(before), Body::Owner(after)) if before != after => Some([before.role.clone(), after.role.clone()]),
        _ => None,
    }
}

/// Privileges on a kind of object that PostgreSQL gives without a GRANT.
fn by_default(scene: &Scene, target: &FactId, grantee: &Name) -> Vec<String> {
    let is_owner = || {
        let owner = target.property(Kind::Owner);
        let fact = scene.is(&owner).or_else(|| scene.around.get(&owner));
        matches!(fact.map(|fact| fact.body), Some(Body::Owner(owner)) if owner.role == *grantee)
    };
    let all = match target.kind {
        Kind::Routine | Kind::Aggregate => &["EXECUTE"][..],
        Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range | Kind::BaseType | Kind::Language => &["USAGE"][..],
        _ => &["ALL"][..],
    };
    let public = grantee.as_str() == "PUBLIC" && all != ["ALL"];
    let owned = target.kind != Kind::Column && is_owner();
    if public || owned { all.iter().map(|p| (*p).to_owned()).collect() } else { Vec::new() }
}

/// An object as GRANT names it.
fn granted_on(target: &FactId, sequence: Option<&FactId>) -> String {
    let named = |word: &str, name: Qualified| format!("{word} {name}");
    match target.kind {
        Kind::Schema => format!("SCHEMA {}", target.name()),
        Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range => named("TYPE", relation(target)),
        Kind::ForeignDataWrapper => format!("FOREIGN DATA WRAPPER {}", target.name()),
        Kind::Server => format!("FOREIGN SERVER {}", target.name()),
        Kind::Sequence => named("SEQUENCE", relation(target)),
        Kind::Identity => named("SEQUENCE", sequence.map_or_else(|| relation(target), relation)),
        Kind::Routine | Kind::Aggregate => format!("ROUTINE {}", Signature(target)),
        kind if object::word(kind).is_some() => Object(target).to_string(),
        _ => named("TABLE", relation(target)),
    }
}

struct Privileges<'a>(&'a [&'a String], Option<&'a Name>);

impl fmt::Display for Privileges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            None => write!(f, "{}", Joined(self.0, ", ")),
            Some(column) => {
                let each: Vec<String> = self.0.iter().map(|privilege| format!("{privilege} ({column})")).collect();
                write!(f, "{}", Joined(&each, ", "))
            }
        }
    }
}

/// A privilege is a keyword: nothing else may stand in its place.
pub(super) fn keywords(list: &[String]) -> bool {
    list.iter().all(|word| word.bytes().all(|b| b.is_ascii_uppercase() || b == b' '))
}

fn grant(scene: &Scene, item: &Item, fact: &Fact, target: &FactId, out: &mut Vec<Action>) {
    let grantee = fact.id.name();
    let given = |fact: &Option<Fact>| match fact.as_ref().map(|fact| &fact.body) {
        Some(Body::Grant(grant)) => Some(grant.clone()),
        _ => None,
    };
    let standing = || Grant { privileges: by_default(scene, target, grantee), grantable: Vec::new() };
    let before = given(&item.before).unwrap_or_else(standing);
    let after = given(&item.after).unwrap_or_else(standing);
    if ![&before, &after].iter().all(|grant| keywords(&grant.privileges) && keywords(&grant.grantable)) {
        return;
    }
    // A new owner takes over the old one's privileges: both are said anew.
    let new_owner = owner_changes(scene, target).is_some_and(|roles| roles.contains(grantee));
    let sequence = (target.kind == Kind::Identity).then(|| sequence_of(scene, target)).flatten();
    let column = (target.kind == Kind::Column).then(|| target.name());
    let (on, role) = (granted_on(target, sequence.as_ref()), Role(grantee));
    let minus = |a: &'_ [String], b: &[String]| -> Vec<String> { a.iter().filter(|p| !b.contains(p)).cloned().collect() };
    let mut statements = Vec::new();
    let mut say = |verb: &str, list: &[String], preposition: &str, tail: &str| {
        let list: Vec<&String> = list.iter().collect();
        if !list.is_empty() {
            statements.push(format!("{verb} {} ON {on} {preposition} {role}{tail}", Privileges(&list, column)));
        }
    };
    let before = if new_owner { Grant::default() } else { before };
    if new_owner {
        say("REVOKE", &["ALL".to_owned()], "FROM", "");
    }
    say("REVOKE", &minus(&before.privileges, &after.privileges), "FROM", "");
    let no_longer: Vec<String> =
        before.grantable.iter().filter(|p| !after.grantable.contains(p) && after.privileges.contains(p)).cloned().collect();
    say("REVOKE GRANT OPTION FOR", &no_longer, "FROM", "");
    let added: Vec<String> =
        after.privileges.iter().filter(|p| !before.privileges.contains(p) && !after.grantable.contains(p)).cloned().collect();
    say("GRANT", &added, "TO", "");
    say("GRANT", &minus(&after.grantable, &before.grantable), "TO", " WITH GRANT OPTION");
    let mut statements = statements.into_iter();
    let Some(first) = statements.next() else { return };
    let mut action = Action::new(90, &fact.id, first);
    for sql in statements {
        action = action.then(&fact.id, sql);
    }
    // A new owner takes the old one's place in the list of privileges.
    let mut owner = target.clone();
    if target.kind == Kind::Column {
        owner = FactId::new(Kind::Table, target.path[..2].iter().cloned());
    }
    action.requires.push(owner.property(Kind::Owner));
    // The table's privileges come before the column's.
    if target.kind == Kind::Column {
        action.requires.push(owner.grant(grantee.clone()));
    }
    out.push(finish(item, action, fact, target));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_word() {
        let shown = |kind: Kind, path: &[&str]| Target(&FactId::new(kind, path.iter().copied()), None, kind == Kind::Table).to_string();
        assert_eq!(shown(Kind::DomainConstraint, &["s", "d", "c"]), "CONSTRAINT c ON DOMAIN s.d");
        assert_eq!(shown(Kind::Routine, &["s", "f", "integer, text"]), "ROUTINE s.f(integer, text)");
        assert_eq!(shown(Kind::Column, &["s", "t", "Order"]), "COLUMN s.t.\"Order\"");
        assert_eq!(shown(Kind::Table, &["s", "t"]), "FOREIGN TABLE s.t");
        assert_eq!(shown(Kind::Server, &["S s"]), "SERVER \"S s\"");
        assert_eq!(shown(Kind::Policy, &["s", "t", "p"]), "POLICY p ON s.t");
    }

    #[test]
    fn a_privilege_is_a_keyword() {
        assert!(keywords(&["SELECT".into(), "ALTER SYSTEM".into()]));
        assert!(!keywords(&["SELECT; DROP".into()]));
    }
}
