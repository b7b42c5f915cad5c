//! Constraints of tables.

use super::Lock;
use super::lexer::{Token, find_word, tokens};
use super::order::Action;
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, Maybe, OrderedSettings, ordered_changed, relation, settings};
use super::{index, online, partition};
use crate::diff::Change;
use crate::model::{Body, Constraint, ConstraintType, Fact, FactId, Kind, Name, Qualified};
use foldhash::{HashMap, HashSet};
use std::borrow::Cow;

fn deferral(constraint: &Constraint) -> (&str, &str) {
    // NOT DEFERRABLE is the default and is never written by pg_get_constraintdef.
    let at = find_word(&constraint.definition, &["deferrable", "initially"]).unwrap_or(constraint.definition.len());
    (constraint.definition[..at].trim_end(), &constraint.definition[at..])
}

/// Whether rows are held to it (18 knows others).
pub(super) fn enforced(constraint: &Constraint) -> bool {
    !constraint.definition.ends_with(" NOT ENFORCED")
}

/// Whether ALTER leads from the one to the other.
pub(super) fn alterable(before: &Constraint, after: &Constraint) -> bool {
    if comes_down(after) && comes_down(before) {
        return true;
    }
    let foreign = after.constraint_type == ConstraintType::ForeignKey;
    before.constraint_type == after.constraint_type
        && enforced(before) == enforced(after)
        && (before.definition == after.definition || foreign && deferral(before).0 == deferral(after).0)
        && (before.not_valid || !after.not_valid)
}

/// The definition with what pg_get_constraintdef leaves out about the constraint's index.
fn definition(constraint: &Constraint) -> String {
    let indexed = matches!(constraint.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique | ConstraintType::Exclusion);
    let at = find_word(&constraint.definition, &["where", "deferrable", "initially"]).unwrap_or(constraint.definition.len());
    let (head, tail) = (constraint.definition[..at].trim_end(), &constraint.definition[at..]);
    let options = settings(&constraint.options);
    let said = !indexed || options.is_empty() || find_word(head, &["with"]).is_some();
    let with = if said { String::new() } else { format!(" WITH ({})", OrderedSettings(&options)) };
    let space = Maybe(" USING INDEX TABLESPACE ", constraint.tablespace.as_ref().filter(|_| indexed));
    let gap = if tail.is_empty() { "" } else { " " };
    format!("{head}{with}{space}{gap}{tail}")
}

fn is_index(constraint: &Constraint) -> bool {
    matches!(constraint.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique | ConstraintType::Exclusion)
}

/// Comes only from the parent's, which PostgreSQL passes down by itself. (A key of a partition is attached.)
fn comes_down(constraint: &Constraint) -> bool {
    constraint.not_local && !is_index(constraint)
}

/// The parents' constraints that take this one with them when they are dropped. A NOT NULL goes by its column, whatever its name.
fn parents_dropped(scene: &Scene, old: &FactId, fact: &Fact) -> Vec<FactId> {
    let parents = scene.kept_parents(old);
    let Some(column) = not_null_of(old, &fact.body) else {
        return parents_own(&parents, old.name()).into_iter().filter(|parent| scene.drops(parent)).collect();
    };
    let of = |parent: &FactId| FactId::new(Kind::Column, [parent.path[0].clone(), parent.path[1].clone(), column.name().clone()]);
    parents.iter().filter_map(|parent| scene.old_not_null(&of(parent)).cloned()).collect()
}

/// A partition whose NOT NULL comes by another name than its parent's is detached meanwhile: what the parent passes down
/// goes by the parent's name, and what is renamed or made by hand is not only the parent's.
pub(super) fn must_be_attached_again(scene: &Scene, fact: &Fact) -> Option<FactId> {
    let column = not_null_of(&fact.id, &fact.body)?;
    let Body::Constraint(Constraint { not_local: true, .. }) = &fact.body else { return None };
    let partition = FactId::new(Kind::Partition, fact.id.path[..2].iter().cloned());
    let Body::Partition(body) = scene.is(&partition)?.body else { return None };
    let above = FactId::new(Kind::Column, [body.parent.schema, body.parent.name, column.name().clone()]);
    let passed_down = scene.new_not_null(&above)?;
    (passed_down.id.name() != fact.id.name() && !scene.creates(&partition)).then_some(partition)
}

/// The parent's constraint that brings or takes away this one.
fn parents_own(parents: &[FactId], name: &Name) -> Vec<FactId> {
    parents.iter().map(|parent| FactId::new(Kind::Constraint, [parent.path[0].clone(), parent.path[1].clone(), name.clone()])).collect()
}

/// The column of a NOT NULL constraint that goes by this id.
pub(super) fn not_null_of(id: &FactId, body: &Body) -> Option<FactId> {
    let Body::Constraint(Constraint { constraint_type: ConstraintType::NotNull, definition, .. }) = body else { return None };
    let Some(Token::Word(name)) = tokens(definition).get(2).cloned() else { return None };
    Some(FactId::new(Kind::Column, [id.path[0].clone(), id.path[1].clone(), name.as_str().into()]))
}

/// A NOT NULL that goes and comes back under another name is renamed: keys and identities hold on to it, and nobody has to
/// read the rows. What hangs on it by its name (a comment) has it made anew.
pub(super) fn not_nulls_renamed(changes: Cow<'_, [Change]>) -> Cow<'_, [Change]> {
    if !changes
        .iter()
        .any(|change| change.after.is_none() && change.before.as_ref().and_then(|fact| not_null_of(&fact.id, &fact.body)).is_some())
    {
        return changes;
    }
    let not_nulls = |one_sided: fn(&Change) -> Option<&Fact>| -> HashMap<FactId, (usize, &Fact)> {
        let facts = changes.iter().enumerate().filter_map(|(i, change)| Some((i, one_sided(change)?)));
        facts.filter_map(|(i, fact)| Some((not_null_of(&fact.id, &fact.body)?, (i, fact)))).collect()
    };
    let gone = not_nulls(|change| change.before.as_ref().filter(|_| change.after.is_none()));
    let made = not_nulls(|change| change.after.as_ref().filter(|_| change.before.is_none()));
    let sides = || changes.iter().flat_map(|change| [&change.before, &change.after]).flatten();
    let hung: HashSet<FactId> = sides().filter_map(|fact| fact.id.target()).collect();
    let one_sided = |kind: Kind| {
        changes.iter().filter(move |change| change.kind() == Some(kind) && (change.before.is_none() || change.after.is_none()))
    };
    let columns: HashSet<&FactId> = one_sided(Kind::Column).filter_map(Change::id).collect();
    let attached: HashSet<&[Name]> =
        one_sided(Kind::Partition).filter_map(|change| change.after.as_ref()).map(|fact| &fact.id.path[..2]).collect();
    let detached = partition::leaving(&changes);
    let parent = |fact: &Fact| matches!(&fact.body, Body::Constraint(constraint) if constraint.inherited);
    let let_go = |was: &Fact, now: &Fact| parent(was) && !parent(now) && detached.contains(&was.id.path[..2]);
    let alike = |was: &Fact, now: &Fact| {
        let (Body::Constraint(before), Body::Constraint(after)) = (&was.body, &now.body) else { return false };
        // ATTACH PARTITION makes it the parent's, DETACH the partition's own.
        let local = |constraint: &Constraint| Constraint { inherited: false, not_local: false, ..constraint.clone() };
        let taken = attached.contains(&now.id.path[..2]) && !before.inherited;
        before == after || (taken || let_go(was, now)) && local(before) == local(after)
    };
    let pairs: Vec<(usize, usize, &Fact, &Fact)> = gone
        .iter()
        .filter_map(|(column, (i, was))| made.get(column).map(|(j, now)| (column, *i, *j, *was, *now)))
        .filter(|(column, _, _, was, now)| {
            was.id != now.id && alike(was, now) && !columns.contains(column) && ![&was.id, &now.id].iter().any(|id| hung.contains(*id))
        })
        .map(|(_, i, j, was, now)| (i, j, was, now))
        .collect();
    // A child's goes by its parent's name, unless the parent lets it go.
    let own: HashSet<(&Name, &Name)> =
        pairs.iter().filter(|(_, _, was, _)| !parent(was)).map(|(_, _, was, now)| (was.id.name(), now.id.name())).collect();
    let renamed: HashMap<usize, (usize, Fact)> = pairs
        .iter()
        .filter(|(_, _, was, now)| !parent(was) || let_go(was, now) || own.contains(&(was.id.name(), now.id.name())))
        .map(|(i, j, _, now)| (*i, (*j, (*now).clone())))
        .collect();
    let told: HashSet<usize> = renamed.values().map(|(j, _)| *j).collect();
    let mut kept = Vec::with_capacity(changes.len());
    for (i, change) in changes.iter().enumerate().filter(|(i, _)| !told.contains(i)) {
        let after = renamed.get(&i).map(|(_, now)| now.clone()).or_else(|| change.after.clone());
        kept.push(Change { after, ..change.clone() });
    }
    Cow::Owned(kept)
}

pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            if let Body::Constraint(constraint) = &fact.body {
                create(scene, fact, constraint, out);
            }
        }
        (Some(fact), None) => {
            if let (Body::Constraint(constraint), Some(old)) = (&fact.body, &item.old) {
                drop(scene, old, fact, constraint, out);
            }
        }
        (Some(was), Some(now)) => {
            if let (Body::Constraint(before), Body::Constraint(after), Some(old)) = (&was.body, &now.body, &item.old) {
                alter(scene, old, was, now, before, after, out);
            }
        }
        (None, None) => {}
    }
}

fn create(scene: &Scene, fact: &Fact, constraint: &Constraint, out: &mut Vec<Action>) {
    let (id, table, name) = (&fact.id, table_of(&fact.id), fact.id.name());
    let new_partition = scene.creates(&FactId::new(Kind::Partition, table.path.iter().cloned()));
    if comes_down(constraint) && !new_partition {
        let mut action = Action { rank: 55, ..Action::default() };
        action.makes(fact);
        action.requires.extend(parents_own(&scene.parents(id), name));
        out.push(action);
        return;
    }
    if said_by_column(scene, fact) {
        return;
    }
    if partition::leaves_behind(scene, fact, constraint) {
        let mut action = Action { rank: 55, ..Action::default() };
        action.makes(fact);
        out.push(action);
        return;
    }
    let partitioned = scene.partitioned(id);
    let foreign = constraint.constraint_type == ConstraintType::ForeignKey;
    let definition = definition(constraint);
    let mut statement =
        AlterTable::all(&table, Alteration::AddConstraint { name, definition: &definition, not_valid: constraint.not_valid, foreign });
    // A partitioned table's parts get their own and are attached; a CHECK goes down to children by itself.
    statement.only = match constraint.constraint_type {
        ConstraintType::Check | ConstraintType::NotNull => false,
        ConstraintType::ForeignKey => !partitioned,
        _ => true,
    };
    let rank = match constraint.constraint_type {
        ConstraintType::NotNull => 54,
        ConstraintType::Check => 55,
        ConstraintType::ForeignKey => 65,
        _ => 56,
    };
    let mut locks = vec![table.clone()];
    if foreign {
        locks.extend(
            fact.depends
                .iter()
                .filter(|id| id.kind == Kind::Constraint || id.kind == Kind::Column)
                .map(table_of)
                .filter(|other| *other != table),
        );
        locks.dedup();
    }
    // A partitioned table's key is checked where its partitions' are made.
    let unread = constraint.not_valid || scene.creates(&table) || partitioned && is_index(constraint);
    let action = if online::validates_later(scene, &table, constraint) {
        online::add_and_validate(id, rank, &definition, constraint, locks, statement.only)
    } else {
        online::key(scene, id, rank, constraint)
            .unwrap_or_else(|| Action::new(rank, id, &statement).locking(statement.lock(), locks).scanning(!unread))
    };
    let mut action = action.making(fact).needing([table.clone()]);
    if constraint.clustered {
        let statement = AlterTable::all(&table, Alteration::ClusterOn(name));
        action = action.then(id, &statement).locking(statement.lock(), [table]);
    }
    out.push(action);
    if let Some(parent) = &constraint.attached_to {
        out.push(attach(scene, id, parent));
    }
}

/// A NOT NULL that stands in the definition of its column.
fn said_by_column(scene: &Scene, fact: &Fact) -> bool {
    let Some(column) = not_null_of(&fact.id, &fact.body) else { return false };
    scene.is(&column).and_then(|column| super::column::own_not_null(scene, &column)).is_some_and(|said| said.id == fact.id)
}

/// ALTER INDEX … ATTACH PARTITION for the constraint's index.
fn attach(scene: &Scene, id: &FactId, parent: &Qualified) -> Action {
    let child = Qualified::new(id.path[0].clone(), id.name().clone());
    index::attach(scene, id, &table_of(id), parent, &child)
}

fn drop(scene: &Scene, old: &FactId, fact: &Fact, constraint: &Constraint, out: &mut Vec<Action>) {
    if comes_down(constraint) {
        let causes = parents_dropped(scene, old, fact);
        if !causes.is_empty() {
            out.push(Action { rank: 14, ..Action::default() }.unmaking(old, fact).letting_go(causes));
            return;
        }
    }
    if partition::takes_in(scene, old, constraint) {
        out.push(Action { rank: 14, ..Action::default() }.unmaking(old, fact));
        return;
    }
    let statement = AlterTable::all(&table_of(&fact.id), Alteration::DropConstraint(fact.id.name()));
    // A key or an identity holds on to its columns' NOT NULL.
    let rank = match constraint.constraint_type {
        ConstraintType::ForeignKey => 12,
        ConstraintType::NotNull => 16,
        _ => 14,
    };
    let mut action = Action::new(rank, old, &statement).locking(statement.lock(), [table_of(old)]).unmaking(old, fact);
    if constraint.attached_to.is_some() {
        action.requires.push(partition::detached(old));
    }
    if constraint.constraint_type == ConstraintType::PrimaryKey {
        let columns = fact.depends.iter().filter(|id| id.kind == Kind::Column);
        action = action.letting_go(columns.filter_map(|column| scene.old_not_null(column)).cloned());
    }
    out.push(action);
}

fn alter(scene: &Scene, old: &FactId, was: &Fact, now: &Fact, before: &Constraint, after: &Constraint, out: &mut Vec<Action>) {
    let (id, table, name) = (&now.id, table_of(&now.id), now.id.name());
    if comes_down(after) && comes_down(before) {
        return;
    }
    let mut push = |statement: AlterTable, scans: bool| {
        out.push(Action::new(57, id, &statement).locking(statement.lock(), [table_of(old)]).scanning(scans).altering(old, was, now));
    };
    if before.definition != after.definition {
        let how = match deferral(after).1 {
            "" => "NOT DEFERRABLE".to_owned(),
            how if how.contains("INITIALLY") => how.to_owned(),
            how => format!("{how} INITIALLY IMMEDIATE"),
        };
        push(AlterTable::all(&table, Alteration::AlterConstraint(name, &how)), false);
    }
    if before.not_valid && !after.not_valid {
        push(AlterTable::all(&table, Alteration::ValidateConstraint(name)), true);
    }
    if before.clustered != after.clustered && (after.clustered || !index::clustered_otherwise(scene, &table, id)) {
        push(AlterTable::all(&table, if after.clustered { Alteration::ClusterOn(name) } else { Alteration::WithoutCluster }), false);
    }
    let index = Qualified::new(id.path[0].clone(), name.clone());
    if is_index(after) {
        let (set, reset) = ordered_changed(&settings(&before.options), &settings(&after.options));
        for sql in index::option_statements(&index, &set, &reset) {
            out.push(Action::new(57, id, sql).locking(Lock::ShareUpdateExclusive, [table_of(old)]).altering(old, was, now));
        }
        if before.tablespace != after.tablespace {
            let sql = index::tablespace_statement(&index, after.tablespace.as_ref());
            out.push(Action::new(57, id, sql).locking(Lock::AccessExclusive, [table_of(old)]).altering(old, was, now));
        }
    }
    if let Some(parent) = after.attached_to.as_ref().filter(|_| before.attached_to != after.attached_to) {
        out.push(attach(scene, id, parent).altering(old, was, now));
    }
}

/// `schema.domain` of a domain constraint.
pub(super) fn domain(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::DomainConstraint(constraint) = &fact.body else { return };
            let (domain, name) = (relation(&fact.id), fact.id.name());
            let stands = !scene.creates(&FactId::new(Kind::Domain, fact.id.path[..2].iter().cloned()));
            let later = scene.options.online && stands && !constraint.not_valid && constraint.definition.starts_with("CHECK");
            let not_valid = if constraint.not_valid || later { " NOT VALID" } else { "" };
            let sql = format!("ALTER DOMAIN {domain} ADD CONSTRAINT {name} {}{not_valid}", constraint.definition);
            let mut action =
                Action::new(34, &fact.id, sql).locking(Lock::ShareRowExclusive, []).scanning(stands && not_valid.is_empty()).making(fact);
            if later {
                action = action.then(&fact.id, format_args!("ALTER DOMAIN {domain} VALIDATE CONSTRAINT {name}")).scanning(true);
                action.last().compensation = Some(format!("ALTER DOMAIN {domain} DROP CONSTRAINT IF EXISTS {name}"));
            }
            out.push(action);
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let sql = format!("ALTER DOMAIN {} DROP CONSTRAINT {}", relation(&fact.id), fact.id.name());
            out.push(Action::new(14, old, sql).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let (Body::DomainConstraint(before), Body::DomainConstraint(after), Some(old)) = (&was.body, &now.body, &item.old) else {
                return;
            };
            if before.not_valid && !after.not_valid {
                let sql = format!("ALTER DOMAIN {} VALIDATE CONSTRAINT {}", relation(&now.id), now.id.name());
                out.push(Action::new(57, &now.id, sql).scanning(true).altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(constraint_type: ConstraintType, definition: &str) -> Constraint {
        Constraint::new(constraint_type, definition)
    }

    #[test]
    fn what_the_index_has_stands_before_deferral_and_predicate() {
        let mut unique = constraint(ConstraintType::Unique, "UNIQUE (a) DEFERRABLE INITIALLY DEFERRED");
        unique.options = vec!["fillfactor=70".into()];
        unique.tablespace = Some("fast".into());
        assert_eq!(definition(&unique), "UNIQUE (a) WITH (fillfactor='70') USING INDEX TABLESPACE fast DEFERRABLE INITIALLY DEFERRED");
    }

    #[test]
    fn only_deferral_of_foreign_keys_can_be_altered() {
        let plain = constraint(ConstraintType::ForeignKey, "FOREIGN KEY (a) REFERENCES s.t(id)");
        let deferred = constraint(ConstraintType::ForeignKey, "FOREIGN KEY (a) REFERENCES s.t(id) DEFERRABLE INITIALLY DEFERRED");
        assert!(alterable(&plain, &deferred));
        let cascading = constraint(ConstraintType::ForeignKey, "FOREIGN KEY (a) REFERENCES s.t(id) ON DELETE CASCADE");
        assert!(!alterable(&plain, &cascading));
        assert!(!alterable(
            &constraint(ConstraintType::Unique, "UNIQUE (a)"),
            &constraint(ConstraintType::Unique, "UNIQUE (a) DEFERRABLE")
        ));
    }
}
