//! What a plan between two given models may not do: take away what the difference does not name.
//!
//! A dropped object takes its parts with it, by PostgreSQL's rules and not by ours. Where a model
//! keeps a part of what it drops it contradicts itself, and no plan is made of it.

use super::PlanError;
use super::lexer::{Token, tokens};
use super::order::owners;
use crate::diff::Change;
use crate::model::{Body, Fact, FactId, Kind, Name};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

/// Refuses changes to a model in which something stands that the drops would take along.
pub(super) fn check(changes: &[Change], before: &[Fact], after: &[Fact]) -> Result<(), PlanError> {
    let created: HashSet<&FactId> = changes.iter().filter_map(|change| change.after.as_ref()).map(|fact| &fact.id).collect();
    let gone: HashMap<&FactId, &Fact> = changes
        .iter()
        .filter_map(|change| change.before.as_ref())
        .map(|fact| (&fact.id, fact))
        .filter(|(id, _)| !created.contains(id))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let dropped = Dropped::new(changes, &gone);
    let mut standing: Option<Standing> = None;
    for fact in after {
        let Some((carrier, alternatives)) = dropped.carrier(fact) else { continue };
        let standing = standing.get_or_insert_with(|| Standing::new(after));
        if !alternatives.iter().any(|other| standing.holds(other)) {
            return Err(PlanError::Impossible {
                id: fact.id.clone(),
                why: format!("it stands in the model although {carrier}, which it is a part of, does not"),
            });
        }
    }
    if dropped.columns.is_empty() {
        return Ok(());
    }
    // DROP COLUMN takes indexes, constraints and extended statistics along that read the column.
    let kept: HashMap<&FactId, &Fact> = after.iter().filter(|fact| dropped.table_of(fact).is_some()).map(|fact| (&fact.id, fact)).collect();
    for was in before {
        let (Some(columns), Some(is)) = (dropped.table_of(was), kept.get(&was.id)) else { continue };
        let old = definition(&was.body);
        if old != definition(&is.body) {
            continue;
        }
        let says_nothing = !was.depends.iter().any(|id| id.kind == Kind::Column && *columns.table == id.path[..2]);
        let reads = |name: &Name| {
            was.depends.iter().any(|id| id.kind == Kind::Column && *columns.table == id.path[..2] && id.name() == name)
                || names(&was.body).contains(name)
                || says_nothing
                    && old.iter().any(|text| tokens(text).iter().any(|token| matches!(token, Token::Word(word) if word == name.as_str())))
        };
        if let Some(column) = columns.names.iter().find(|name| reads(name)) {
            return Err(PlanError::Impossible {
                id: is.id.clone(),
                why: format!("it stands in the model unchanged although column {column}, which it reads, does not"),
            });
        }
    }
    Ok(())
}

/// What a model holds.
struct Standing<'a> {
    ids: HashSet<&'a FactId>,
    /// Schemas and names of constraints.
    keys: HashSet<(&'a Name, &'a Name)>,
}

impl<'a> Standing<'a> {
    fn new(facts: &'a [Fact]) -> Self {
        let constraints = facts.iter().filter(|fact| fact.id.kind == Kind::Constraint);
        Self {
            ids: facts.iter().map(|fact| &fact.id).collect(),
            keys: constraints.map(|fact| (&fact.id.path[0], &fact.id.path[2])).collect(),
        }
    }

    fn holds(&self, id: &FactId) -> bool {
        match id.kind {
            // Named without its table: the constraint that an index belongs to.
            Kind::Constraint if id.path.len() == 2 => self.keys.contains(&(&id.path[0], &id.path[1])),
            // A view's columns are no facts.
            Kind::Column => {
                let view = |kind| self.ids.contains(&FactId::new(kind, id.path[..2].iter().cloned()));
                self.ids.contains(id) || view(Kind::View) || view(Kind::MaterializedView)
            }
            _ => self.ids.contains(id),
        }
    }
}

/// The dropped columns of one table.
struct Columns<'a> {
    table: &'a [Name],
    names: Vec<&'a Name>,
}

struct Dropped<'a> {
    gone: &'a HashMap<&'a FactId, &'a Fact>,
    /// First two elements of the paths of what goes: most facts are told to be safe by these.
    prefixes: HashSet<&'a [Name]>,
    /// Columns that go while their table stays.
    columns: HashMap<&'a [Name], Columns<'a>>,
    /// Names of dropped constraints, by schema: a partitioned key's parts are attached to them.
    keys: HashSet<(&'a Name, &'a Name)>,
}

impl<'a> Dropped<'a> {
    fn new(changes: &'a [Change], gone: &'a HashMap<&'a FactId, &'a Fact>) -> Self {
        let mut dropped = Self { gone, prefixes: HashSet::new(), columns: HashMap::new(), keys: HashSet::new() };
        for change in changes {
            let Some(before) = change.before.as_ref().filter(|before| gone.contains_key(&before.id)) else { continue };
            let path = &before.id.path;
            dropped.prefixes.insert(&path[..path.len().min(2)]);
            if before.id.kind == Kind::Constraint {
                dropped.keys.insert((&path[0], &path[2]));
            }
            if before.id.kind == Kind::Column && change.after.is_none() {
                let table = &path[..2];
                dropped.columns.entry(table).or_insert_with(|| Columns { table, names: Vec::new() }).names.push(&path[2]);
            }
        }
        dropped
    }

    /// What goes although this fact is a part of it, and what it may be a part of instead.
    fn carrier(&self, fact: &Fact) -> Option<(FactId, Vec<FactId>)> {
        let path = &fact.id.path;
        let near = self.prefixes.contains(&path[..path.len().min(2)])
            || self.prefixes.contains(&path[..path.len().min(1)])
            || matches!(
                &fact.body,
                Body::Index(_) | Body::Partition(_) | Body::Inherit(_) | Body::Sequence(_) | Body::Constraint(_) | Body::Statistics(_)
            );
        if !near {
            return None;
        }
        let attached = match &fact.body {
            Body::Index(index) => index.attached_to.as_ref(),
            Body::Constraint(constraint) => constraint.attached_to.as_ref(),
            _ => None,
        };
        if let Some(parent) = attached {
            let index = FactId::new(Kind::Index, [parent.schema.clone(), parent.name.clone()]);
            if self.gone.contains_key(&index) || self.keys.contains(&(&parent.schema, &parent.name)) {
                let constraint = FactId::new(Kind::Constraint, index.path.iter().cloned());
                return Some((index.clone(), vec![index, constraint]));
            }
        }
        let mut all = carriers(fact).into_iter();
        all.find_map(|any| Some((any.iter().find(|carrier| self.gone.contains_key(carrier))?.clone(), any)))
    }

    /// The dropped columns of the table that this index, constraint or statistics object stands on.
    fn table_of(&self, fact: &Fact) -> Option<&Columns<'a>> {
        match &fact.body {
            Body::Index(index) => self.columns.get([fact.id.path[0].clone(), index.table.clone()].as_slice()),
            Body::Constraint(_) => self.columns.get(&fact.id.path[..2]),
            Body::Statistics(statistics) => self.columns.get([statistics.table.schema.clone(), statistics.table.name.clone()].as_slice()),
            _ => None,
        }
    }
}

/// What this fact falls with: with each of these, of which one kind of relation or another may stand.
fn carriers(fact: &Fact) -> Vec<Vec<FactId>> {
    let mut all = vec![owners(&fact.id, &fact.body)];
    let table = |schema: &Name, name: &Name| vec![FactId::new(Kind::Table, [schema.clone(), name.clone()])];
    match &fact.body {
        Body::Partition(partition) => all.push(table(&partition.parent.schema, &partition.parent.name)),
        Body::Inherit(_) => all.push(table(&fact.id.path[2], &fact.id.path[3])),
        Body::Sequence(sequence) => {
            let column =
                |(table, column): &(Name, Name)| vec![FactId::new(Kind::Column, [fact.id.path[0].clone(), table.clone(), column.clone()])];
            all.extend(sequence.owned_by.as_ref().map(column));
        }
        _ => {}
    }
    all
}

/// Columns that an object names outside its texts.
fn names(body: &Body) -> &[Name] {
    match body {
        Body::Statistics(statistics) => &statistics.columns,
        _ => &[],
    }
}

/// The texts that say what an object reads.
fn definition(body: &Body) -> Vec<&str> {
    match body {
        Body::Index(index) => vec![&index.definition],
        Body::Constraint(constraint) => vec![&constraint.definition],
        Body::Statistics(statistics) => statistics.expressions.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::diff;
    use crate::model::Document;
    use serde_json::{Value, json};

    fn facts(facts: &[Value]) -> Vec<Fact> {
        Document::read(json!({ "facts": facts })).expect("a model").facts
    }

    #[test]
    fn what_falls_with_what_lies_elsewhere() {
        let of = |kind: &str, path: &[&str], attributes: Value| json!({"kind": kind, "path": path, "attributes": attributes});
        let pairs = [
            (of("table", &["s", "t"], json!({})), of("statistics", &["elsewhere", "x"], json!({"table": {"schema": "s", "name": "t"}}))),
            (of("publication", &["p"], json!({})), of("publication_table", &["p", "s", "t"], json!({}))),
            (of("publication", &["p"], json!({})), of("publication_schema", &["p", "s"], json!({}))),
            (
                of("table", &["s", "t"], json!({})),
                of("partition", &["s", "t"], json!({"parent": {"schema": "s", "name": "p"}, "bound": "DEFAULT"})),
            ),
            (
                of("table", &["s", "p"], json!({})),
                of("partition", &["x", "t"], json!({"parent": {"schema": "s", "name": "p"}, "bound": "DEFAULT"})),
            ),
            (of("table", &["s", "p"], json!({})), of("inherit", &["x", "t", "s", "p"], json!({"rank": 1}))),
            (of("table", &["x", "t"], json!({})), of("inherit", &["x", "t", "s", "p"], json!({"rank": 1}))),
        ];
        for (whole, part) in pairs {
            let (before, after) = (facts(&[whole, part.clone()]), vec![serde_json::from_value(part.clone()).expect("a fact")]);
            let refused = check(&diff(&before, &after), &before, &after);
            assert!(matches!(refused, Err(PlanError::Impossible { .. })), "{part}: {refused:?}");
        }
    }

    #[test]
    fn what_falls_with_a_column() {
        let table = json!({"kind": "table", "path": ["s", "t"], "attributes": {}});
        let column = |name| json!({"kind": "column", "path": ["s", "t", name], "attributes": {"type": "integer"}});
        let parts = [
            json!({"kind": "index", "path": ["s", "i"], "attributes": {"table": "t", "definition": "USING btree (b)"}}),
            json!({"kind": "constraint", "path": ["s", "t", "c"], "attributes": {"type": "check", "definition": "CHECK ((b > 0))"}}),
            json!({"kind": "statistics", "path": ["elsewhere", "x"], "attributes": {"table": {"schema": "s", "name": "t"}, "columns": ["a", "b"]}}),
            json!({"kind": "statistics", "path": ["s", "x"], "attributes": {"table": {"schema": "s", "name": "t"}, "expressions": ["(b + 1)"]}}),
        ];
        for part in parts {
            let before = facts(&[table.clone(), column("a"), column("b"), part.clone()]);
            let after = facts(&[table.clone(), column("a"), part.clone()]);
            let refused = check(&diff(&before, &after), &before, &after);
            assert!(matches!(refused, Err(PlanError::Impossible { .. })), "{part}: {refused:?}");
            // Where the other column goes, nothing falls that reads this one; what reads both, does.
            let without = facts(&[table.clone(), column("b"), part.clone()]);
            let reads_both = part.to_string().contains(r#""a""#);
            assert_eq!(check(&diff(&before, &without), &before, &without).is_err(), reads_both, "{part}");
        }
    }
}
