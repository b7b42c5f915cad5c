//! Indexes that belong to no constraint.

use super::Lock;
use super::lexer::{find_word, split_commas};
use super::online;
use super::order::Action;
use super::partition;
use super::scene::{Item, Scene};
use super::sql::{AlterTable, Alteration, Ordered, OrderedSettings, SettingNames, flag, ordered_changed, relation};
use crate::diff::Change;
use crate::model::{Body, Fact, FactId, Index, Kind, Name, Qualified};
use std::borrow::Cow;

/// A definition's parts: before the storage parameters, those, and the predicate.
fn split(definition: &str) -> (&str, Ordered, &str) {
    let predicate = find_word(definition, &["where"]).unwrap_or(definition.len());
    let with = find_word(&definition[..predicate], &["with"]).unwrap_or(predicate);
    let list = definition[with..predicate].trim().trim_start_matches("WITH").trim();
    let options = split_commas(list.strip_prefix('(').and_then(|l| l.strip_suffix(')')).unwrap_or_default())
        .into_iter()
        .map(|option| option.split_once('=').unwrap_or((option, "true")))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('\'').to_owned()))
        .collect();
    (definition[..with].trim_end(), options, &definition[predicate..])
}

/// Whether ALTER INDEX leads from the one to the other.
pub(super) fn alterable(before: &Index, after: &Index) -> bool {
    let ((head, _, predicate), (new_head, _, new_predicate)) = (split(&before.definition), split(&after.definition));
    head == new_head && predicate == new_predicate && before.unique == after.unique && before.partitioned == after.partitioned
}

pub(super) fn option_statements(index: &Qualified, set: &Ordered, reset: &[String]) -> Vec<String> {
    let mut sql = Vec::new();
    if !reset.is_empty() {
        sql.push(format!("ALTER INDEX {index} RESET ({})", SettingNames(reset)));
    }
    if !set.is_empty() {
        sql.push(format!("ALTER INDEX {index} SET ({})", OrderedSettings(set)));
    }
    sql
}

pub(super) fn tablespace_statement(index: &Qualified, tablespace: Option<&Name>) -> String {
    format!("ALTER INDEX {index} SET TABLESPACE {}", tablespace.unwrap_or(&"pg_default".into()))
}

/// ALTER INDEX parent ATTACH PARTITION child: nothing happens where it is attached already.
/// A foreign key to the parent is made after it: until every partition has its index, the key is not valid.
pub(super) fn attach(scene: &Scene, id: &FactId, table: &FactId, parent: &Qualified, child: &Qualified) -> Action {
    let mut needs = vec![
        id.clone(),
        FactId::new(Kind::Partition, table.path.iter().cloned()),
        FactId::new(Kind::Index, [parent.schema.clone(), parent.name.clone()]),
    ];
    needs.extend(
        scene
            .parents(table)
            .into_iter()
            .map(|table| FactId::new(Kind::Constraint, [table.path[0].clone(), table.path[1].clone(), parent.name.clone()])),
    );
    Action::new(64, id, format_args!("ALTER INDEX {parent} ATTACH PARTITION {child}"))
        .locking(Lock::AccessExclusive, [table.clone()])
        .needing(needs)
}

/// Whether the table is clustered on something else afterwards, which ends this clustering by itself.
pub(super) fn clustered_otherwise(scene: &Scene, table: &FactId, id: &FactId) -> bool {
    scene.items.iter().filter_map(|item| item.after.as_ref()).any(|fact| {
        fact.id != *id
            && match &fact.body {
                Body::Index(index) => index.clustered && fact.id.path[0] == table.path[0] && index.table == table.path[1],
                Body::Constraint(constraint) => constraint.clustered && fact.id.path[..2] == table.path[..],
                _ => false,
            }
    })
}

/// The table or materialized view of an index.
pub(super) fn stands_on(scene: &Scene, id: &FactId, index: &Index) -> FactId {
    let path = [id.path[0].clone(), index.table.clone()];
    let view = FactId::new(Kind::MaterializedView, path.clone());
    if scene.is(&view).is_some() || scene.was(&view).is_some() { view } else { FactId::new(Kind::Table, path) }
}

pub(super) fn create_sql(id: &FactId, index: &Index, concurrently: bool) -> String {
    let table = Qualified::new(id.path[0].clone(), index.table.clone());
    let head = format!(
        "CREATE {}INDEX {}{} ON {}{table} ",
        flag(index.unique, "UNIQUE "),
        flag(concurrently, "CONCURRENTLY "),
        id.name(),
        flag(index.partitioned, "ONLY ")
    );
    match &index.tablespace {
        None => head + &index.definition,
        Some(tablespace) => {
            let at = find_word(&index.definition, &["where"]).unwrap_or(index.definition.len());
            let (before, predicate) = index.definition.split_at(at);
            format!("{head}{} TABLESPACE {tablespace} {predicate}", before.trim_end()).trim_end().to_owned()
        }
    }
}

pub(super) fn cluster(on: &FactId, alteration: Alteration) -> String {
    let table = AlterTable::all(on, alteration).to_string();
    if on.kind == Kind::MaterializedView { table.replacen("ALTER TABLE", "ALTER MATERIALIZED VIEW", 1) } else { table }
}

pub(super) fn statistics(id: &FactId, column: i16, target: i32) -> String {
    format!("ALTER INDEX {} ALTER COLUMN {column} SET STATISTICS {target}", relation(id))
}

pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            if let Body::Index(index) = &fact.body {
                create(scene, fact, index, out);
            }
        }
        (Some(fact), None) => {
            if let (Body::Index(index), Some(old)) = (&fact.body, &item.old) {
                drop(scene, old, fact, index, out);
            }
        }
        (Some(was), Some(now)) => {
            if let (Body::Index(before), Body::Index(after), Some(old)) = (&was.body, &now.body, &item.old) {
                alter(scene, old, was, now, before, after, out);
            }
        }
        (None, None) => {}
    }
}

fn create(scene: &Scene, fact: &Fact, index: &Index, out: &mut Vec<Action>) {
    let (id, on) = (&fact.id, stands_on(scene, &fact.id, index));
    let concurrently = (scene.options.concurrently || scene.options.online) && !index.partitioned && !scene.creates(&on);
    let lock = if concurrently { Lock::ShareUpdateExclusive } else { Lock::Share };
    let mut action = Action::new(57, id, create_sql(id, index, concurrently))
        .locking(lock, [on.clone()])
        .scanning(!scene.creates(&on) && !index.partitioned);
    if concurrently {
        action.last().outside_transaction = true;
        action.last().compensation = Some(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", relation(id)));
    }
    if index.invalid && !index.partitioned {
        action = action.warning(format!("{id} is invalid on the source; here it is built as usual"));
    }
    action = action.making(fact).needing([on.clone()]);
    if index.partitioned && index.invalid {
        // A partition that comes later would bring its like index along, attached.
        action = action.needing(partition::new_of(scene, &on));
    }
    // ATTACH PARTITION takes what is alike in the order in which it was made, above and below.
    let alike = alike(scene, &on, id, index);
    let before = alike.iter().filter(|(other, body)| (&body.attached_to, other) < (&index.attached_to, id) && scene.creates(other));
    action = action.needing(before.map(|(other, _)| other.clone()));
    for (column, target) in &index.statistics {
        action = action.then(id, statistics(id, *column, *target)).locking(Lock::ShareUpdateExclusive, [on.clone()]);
    }
    if index.clustered {
        action = action.then(id, cluster(&on, Alteration::ClusterOn(id.name()))).locking(Lock::ShareUpdateExclusive, [on.clone()]);
    }
    out.push(action);
    if let Some(parent) = index.attached_to.as_ref().filter(|parent| !any_of(scene, &on, id, index, parent)) {
        out.push(attach(scene, id, &on, parent, &relation(id)));
    }
}

/// The other indexes of a partitioned table or a partition that are like this one.
fn alike(scene: &Scene, on: &FactId, id: &FactId, index: &Index) -> Vec<(FactId, Index)> {
    if !index.partitioned && index.attached_to.is_none() {
        return Vec::new();
    }
    let others = scene.partitioned_indexes(on).filter(|fact| fact.id != *id).filter_map(|fact| match fact.body {
        Body::Index(other) => Some((fact.id, other)),
        _ => None,
    });
    others.filter(|(_, other)| other.definition == index.definition && other.unique == index.unique).collect()
}

/// Whether ATTACH PARTITION chooses among several indexes that are alike which one goes to which of those above: it
/// attaches all of them, and [`told_by_parent`] mends the names where it chose otherwise.
fn any_of(scene: &Scene, on: &FactId, id: &FactId, index: &Index, parent: &Qualified) -> bool {
    scene.creates(&FactId::new(Kind::Partition, on.path.iter().cloned()))
        && alike(scene, on, id, index).iter().any(|(_, other)| other.attached_to.as_ref().is_some_and(|other| other != parent))
}

/// Indexes of a partition that are alike but for the index above them are told by that one: where they are attached
/// the other way round, nothing but their names has to change.
pub(super) fn told_by_parent(changes: &[Change]) -> Cow<'_, [Change]> {
    let moves = |change: &Change| match (&change.before, &change.after) {
        (Some(Fact { body: Body::Index(was), id: old, .. }), Some(Fact { body: Body::Index(now), id, .. })) if old == id => {
            was.attached_to.is_some() && now.attached_to.is_some() && was.attached_to != now.attached_to
        }
        _ => false,
    };
    let moving: Vec<usize> = (0..changes.len()).filter(|&i| moves(&changes[i])).collect();
    let place = |fact: &Option<Fact>| fact.as_ref().map(|fact| (fact.id.path[0].clone(), fact.body.clone()));
    let mut from: Vec<(usize, usize)> = moving
        .iter()
        .filter_map(|&i| moving.iter().find(|&&j| place(&changes[j].before) == place(&changes[i].after)).map(|&j| (i, j)))
        .collect();
    // Only where names go round among them.
    loop {
        let known = from.len();
        let (to, left): (Vec<usize>, Vec<usize>) = from.iter().copied().unzip();
        from.retain(|(i, j)| left.contains(i) && to.contains(j));
        if from.len() == known {
            break;
        }
    }
    if from.is_empty() {
        return Cow::Borrowed(changes);
    }
    let mut told = changes.to_vec();
    for (i, j) in from {
        told[i].before.clone_from(&changes[j].before);
    }
    Cow::Owned(told)
}

fn drop(scene: &Scene, old: &FactId, fact: &Fact, index: &Index, out: &mut Vec<Action>) {
    let concurrently = (scene.options.concurrently || scene.options.online && index.attached_to.is_none()) && !index.partitioned;
    let table = FactId::new(Kind::Table, [old.path[0].clone(), index.table.clone()]);
    let lock = if concurrently { Lock::ShareUpdateExclusive } else { Lock::AccessExclusive };
    let mut action = Action::new(14, old, format_args!("DROP INDEX {}{}", flag(concurrently, "CONCURRENTLY "), relation(&fact.id)));
    action = action.locking(lock, [table.clone()]).unmaking(old, fact);
    action.last().outside_transaction = concurrently;
    if index.attached_to.is_some() {
        action.requires.push(partition::detached(&table));
    }
    out.push(action);
}

fn alter(scene: &Scene, old: &FactId, was: &Fact, now: &Fact, before: &Index, after: &Index, out: &mut Vec<Action>) {
    if online::swaps(scene, old, was, now) {
        out.push(online::swap(scene, old, was, now, after));
        return;
    }
    let (id, on) = (&now.id, stands_on(scene, &now.id, after));
    let mut push = |sql: String, lock: Lock| out.push(Action::new(57, id, sql).locking(lock, [on.clone()]).altering(old, was, now));
    let (set, reset) = ordered_changed(&split(&before.definition).1, &split(&after.definition).1);
    for sql in option_statements(&relation(id), &set, &reset) {
        push(sql, Lock::ShareUpdateExclusive);
    }
    if before.tablespace != after.tablespace {
        push(tablespace_statement(&relation(id), after.tablespace.as_ref()), Lock::AccessExclusive);
    }
    for column in before.statistics.keys().filter(|column| !after.statistics.contains_key(column)) {
        push(statistics(id, *column, -1), Lock::ShareUpdateExclusive);
    }
    for (column, target) in after.statistics.iter().filter(|(column, target)| before.statistics.get(column) != Some(target)) {
        push(statistics(id, *column, *target), Lock::ShareUpdateExclusive);
    }
    if before.clustered != after.clustered && (after.clustered || !clustered_otherwise(scene, &on, id)) {
        let alteration = if after.clustered { Alteration::ClusterOn(id.name()) } else { Alteration::WithoutCluster };
        push(cluster(&on, alteration), Lock::ShareUpdateExclusive);
    }
    let attached = after.attached_to.as_ref().filter(|_| before.attached_to != after.attached_to);
    if let Some(parent) = attached.filter(|parent| !any_of(scene, &on, id, after, parent)) {
        out.push(attach(scene, id, &on, parent, &relation(id)).altering(old, was, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(definition: &str) -> Index {
        Index::new("t", definition)
    }

    #[test]
    fn storage_parameters_are_altered_and_the_rest_is_made_again() {
        let plain = index("USING btree (a) WHERE (a > 0)");
        let packed = index("USING btree (a) WITH (fillfactor='70') WHERE (a > 0)");
        assert!(alterable(&plain, &packed));
        assert_eq!(split(&packed.definition), ("USING btree (a)", vec![("fillfactor".to_owned(), "70".to_owned())], "WHERE (a > 0)"));
        assert!(!alterable(&plain, &index("USING btree (b) WHERE (a > 0)")));
    }

    #[test]
    fn indexes_that_are_attached_the_other_way_round_change_names() {
        let attached = |name: &str, parent: &str, definition: &str| {
            let body = Index { attached_to: Some(Qualified::new("s", parent)), ..index(definition) };
            Fact::new(FactId::new(Kind::Index, ["s", name]), body)
        };
        let both = |definition: &str| {
            vec![
                Change::alter(attached("a", "p", definition), attached("a", "q", definition)),
                Change::alter(attached("b", "q", "USING btree (x)"), attached("b", "p", "USING btree (x)")),
            ]
        };
        let changes = both("USING btree (x)");
        let ids: Vec<(String, String)> = told_by_parent(&changes)
            .iter()
            .map(|change| (change.before.as_ref().unwrap().id.name().to_string(), change.after.as_ref().unwrap().id.name().to_string()))
            .collect();
        assert_eq!(ids, [("b".to_owned(), "a".to_owned()), ("a".to_owned(), "b".to_owned())]);
        let other = both("USING btree (y)");
        assert_eq!(told_by_parent(&other).as_ref(), &other[..], "they are not alike");
    }

    #[test]
    fn the_tablespace_stands_before_the_predicate() {
        let mut index = index("USING btree (a) WHERE (a > 0)");
        index.tablespace = Some("fast".into());
        index.unique = true;
        assert_eq!(
            create_sql(&FactId::new(Kind::Index, ["s", "i"]), &index, false),
            "CREATE UNIQUE INDEX i ON s.t USING btree (a) TABLESPACE fast WHERE (a > 0)"
        );
    }
}
