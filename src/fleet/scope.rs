//! The part of a database that a grant is of: what lies in it, what of a difference may be shown, and what may be
//! mended. PURE.
//!
//! A fact is in a scope if it lies there and refers to nothing that lies elsewhere: a foreign key to a table beside the
//! scope, or a view over one, is not there at all. Prose that the server does not follow (the source of a function, its
//! settings, comments, labels) is not shown. A member and its baseline are both seen through the scope, and what differs
//! then is what differs: whatever lies elsewhere changes nothing of it.

#![forbid(unsafe_code)]

use super::baseline::{Facts, Material};
use super::select::Glob;
use super::verdict::{Deviation, Difference, compare};
use crate::model::{Body, Fact, FactId, Kind, Name, Projection, RoutineBody};
use crate::plan::Step;
use crate::plan::lexer::{Token, scan};
use crate::protocol::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What stands in the place of prose, and of prose that is another than that.
const MASK: &str = "***";
const OTHER: &str = "*** (another)";

/// How far a grant goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Conform only makes what is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub additive: bool,
    /// Conform only to these baselines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baselines: Option<Vec<String>>,
    /// Patterns of schemas, with all that is in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Vec<String>>,
    /// Patterns of tables, views and sequences (`shop.orders`), with what belongs to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<String>>,
    /// Of these tables and views, only these columns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, Vec<String>>,
    /// Only these kinds of objects, with their parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<Kind>>,
    /// Patterns of roles, of which and to which grants may be copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
}

impl Scope {
    /// Reads it; the error says what is wrong.
    pub fn read(value: &Value) -> Result<Self, String> {
        if !value.is_object() {
            return Err("it is no JSON object".to_owned());
        }
        let scope = Self::deserialize(value).map_err(|error| error.to_string())?;
        let empty = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| list.iter().any(String::is_empty) || list.is_empty());
        for (what, list) in
            [("baselines", &scope.baselines), ("schemas", &scope.schemas), ("tables", &scope.tables), ("roles", &scope.roles)]
        {
            if empty(list) {
                return Err(format!("\"{what}\" names nothing"));
            }
        }
        if let Some(name) = scope.tables.iter().flatten().chain(scope.columns.keys()).find(|name| !name.contains('.')) {
            return Err(format!("\"{name}\" names no schema"));
        }
        if let Some((name, _)) = scope.columns.iter().find(|(_, columns)| columns.is_empty()) {
            return Err(format!("no column of \"{name}\" is named"));
        }
        if let Some(kinds) = &scope.kinds {
            if kinds.is_empty() {
                return Err("\"kinds\" names nothing".to_owned());
            }
            Policy::read(&json!({"kinds": kinds}))?;
        }
        Ok(scope)
    }

    /// Whether it is of whole databases.
    pub fn is_whole(&self) -> bool {
        !self.is_placed() && self.kinds.is_none()
    }

    fn is_placed(&self) -> bool {
        self.schemas.is_some() || self.tables.is_some() || !self.columns.is_empty()
    }

    /// What of a database with these facts lies in it: all that are known of it, expected or found.
    pub fn part<'f>(&self, facts: impl IntoIterator<Item = &'f Fact>) -> Part {
        let globs = |list: &Option<Vec<String>>| list.iter().flatten().map(Glob::new).collect();
        let kinds = self.kinds.clone().map(|kinds| Policy { kinds: Some(kinds), ..Policy::default() }.projection());
        let mut part = Part {
            scope: self.clone(),
            schemas: globs(&self.schemas),
            tables: globs(&self.tables),
            kinds,
            hangs: HashMap::new(),
            elsewhere: HashSet::new(),
            hidden: HashSet::new(),
        };
        if !self.is_placed() {
            return part;
        }
        let facts: Vec<&Fact> = facts.into_iter().collect();
        for fact in &facts {
            if let Some(relation) = own_relation(fact) {
                part.hangs.entry(fact.id.clone()).or_default().insert(relation);
            }
        }
        let (mut here, mut elsewhere) = (HashSet::new(), HashSet::new());
        for fact in facts {
            let [schema, name, ..] = &fact.id.path[..] else { continue };
            if fact.id.of.is_some() || !fact.id.kind.in_schema() {
                continue;
            }
            let pair = (schema.as_str().to_owned(), name.as_str().to_owned());
            let within = part.lies(&fact.id);
            if fact.id.kind == Kind::Column && !within && self.columns.contains_key(&relation_text(schema, name)) {
                part.hidden.insert(fact.id.name().as_str().to_owned());
            }
            if fact.id.path.len() == 2 || matches!(fact.id.kind, Kind::Routine | Kind::Aggregate | Kind::Operator) {
                if within {
                    here.insert(pair)
                } else {
                    elsewhere.insert(pair)
                };
            }
        }
        part.elsewhere = elsewhere.difference(&here).cloned().collect();
        part
    }
}

type Relation = (Name, Name);

fn relation_text(schema: &Name, name: &Name) -> String {
    format!("{schema}.{name}")
}

/// The table of what its id does not tell it of.
fn own_relation(fact: &Fact) -> Option<Relation> {
    let of = |id: FactId| Some((id.path.first()?.clone(), id.path.get(1)?.clone()));
    match (&fact.body, fact.id.kind) {
        (Body::Sequence(sequence), _) => sequence.owned_by.as_ref().map(|(table, _)| (fact.id.path[0].clone(), table.clone())),
        (_, Kind::Index | Kind::Statistics) => of(fact.parent()?),
        _ => None,
    }
}

/// A scope on one database.
pub struct Part {
    scope: Scope,
    schemas: Vec<Glob>,
    tables: Vec<Glob>,
    kinds: Option<Projection>,
    /// The tables of indexes, statistics objects and sequences.
    hangs: HashMap<FactId, HashSet<Relation>>,
    /// Objects that are known and lie elsewhere.
    elsewhere: HashSet<(String, String)>,
    /// Columns that are not named, of tables of which some are.
    hidden: HashSet<String>,
}

impl Part {
    /// Whether a fact is in the scope.
    pub fn holds(&self, fact: &Fact) -> bool {
        self.takes(&fact.id) && (!self.scope.is_placed() || self.lies(&fact.id) && self.is_apart(fact))
    }

    fn takes(&self, id: &FactId) -> bool {
        let kind = id.of.unwrap_or(id.kind);
        // To a projection schemas come along.
        let named = kind != Kind::Schema || self.scope.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        named && self.kinds.as_ref().is_none_or(|kinds| kinds.takes(kind))
    }

    /// Whether this lies there.
    fn lies(&self, id: &FactId) -> bool {
        let target = id.target();
        let id = target.as_ref().unwrap_or(id);
        let within = |schema: &Name| self.schemas.iter().any(|glob| glob.matches(&schema.to_string()));
        if id.kind == Kind::Schema {
            return within(&id.path[0]);
        }
        if !id.kind.in_schema() {
            return false;
        }
        let (schema, name) = (&id.path[0], id.path.get(1));
        let relation = |schema: &Name, name: &Name| {
            let text = relation_text(schema, name);
            match self.scope.columns.get(&text) {
                Some(columns) => match id.kind {
                    Kind::Column | Kind::Default | Kind::Identity => columns.iter().any(|column| column == id.name().as_str()),
                    // It names its neighbour.
                    Kind::Position => false,
                    _ => true,
                },
                None => within(schema) || self.tables.iter().any(|glob| glob.matches(&text)),
            }
        };
        match (id.kind, name) {
            (
                Kind::Table
                | Kind::View
                | Kind::MaterializedView
                | Kind::Inherit
                | Kind::Partition
                | Kind::Column
                | Kind::Position
                | Kind::Default
                | Kind::Identity
                | Kind::Constraint
                | Kind::Trigger
                | Kind::Policy
                | Kind::Rule,
                Some(name),
            ) => relation(schema, name),
            (Kind::Index | Kind::Statistics, _) => {
                self.hangs.get(id).is_some_and(|tables| tables.iter().all(|(schema, name)| relation(schema, name)))
            }
            (Kind::Sequence, Some(name)) => {
                let owners = self.hangs.get(id);
                relation(schema, name) || owners.is_some_and(|tables| tables.iter().all(|(schema, name)| relation(schema, name)))
            }
            _ => within(schema),
        }
    }

    fn is_narrowed(&self, id: &FactId) -> bool {
        let target = id.target();
        let id = target.as_ref().unwrap_or(id);
        let named = |schema: &Name, name: &Name| self.scope.columns.contains_key(&relation_text(schema, name));
        match id.path.get(..2) {
            Some([schema, name]) if id.kind.in_schema() => {
                named(schema, name) || self.hangs.get(id).is_some_and(|tables| tables.iter().any(|(schema, name)| named(schema, name)))
            }
            _ => false,
        }
    }

    /// Whether it refers to nothing that lies elsewhere.
    fn is_apart(&self, fact: &Fact) -> bool {
        // What an extension or a language brings belongs to nobody's schema.
        let common = |id: &FactId| matches!(id.kind, Kind::Extension | Kind::Language | Kind::AccessMethod);
        if !fact.depends.iter().all(|id| common(id) || self.lies(id)) {
            return false;
        }
        if fact.id.kind == Kind::Inherit && !self.lies(&FactId::new(Kind::Table, fact.id.path[2..4].iter().cloned())) {
            return false;
        }
        let narrowed = fact.depends.iter().chain([&fact.id]).any(|id| self.is_narrowed(id));
        // What is shown of a table or view of which only some columns are.
        let shown = self.shown(fact);
        let mut texts: Vec<String> = Vec::new();
        let value = serde_json::to_value(&shown.body).unwrap_or_default();
        if !self.names(&value, &mut texts) {
            return false;
        }
        if matches!(fact.id.of.unwrap_or(fact.id.kind), Kind::Routine | Kind::Aggregate | Kind::Operator) {
            texts.extend(fact.id.path.get(2).map(|types| types.as_str().to_owned()));
        }
        let words = narrowed && !matches!(fact.id.kind, Kind::Table | Kind::View | Kind::MaterializedView | Kind::Column);
        texts.iter().all(|text| self.is_clean(text, words))
    }

    /// Gathers the texts of attributes; false where they name an object that lies elsewhere.
    fn names(&self, value: &Value, texts: &mut Vec<String>) -> bool {
        match value {
            Value::String(text) => {
                texts.push(text.clone());
                true
            }
            Value::Array(list) => list.iter().all(|each| self.names(each, texts)),
            Value::Object(map) => {
                let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
                let named = text("schema").zip(text("name")).is_some_and(|pair| self.elsewhere.contains(&pair));
                !named && map.values().all(|each| self.names(each, texts))
            }
            _ => true,
        }
    }

    fn is_clean(&self, text: &str, words: bool) -> bool {
        let (tokens, _) = scan(text);
        let word = |i: usize| match tokens.get(i) {
            Some((Token::Word(word), ..)) => Some(word),
            _ => None,
        };
        (0..tokens.len()).all(|i| match &tokens[i].0 {
            // A literal can name an object: nextval('shop.numbers'::regclass).
            Token::Text(inner) => inner == text || self.is_clean(inner, words),
            Token::Word(first) => {
                let qualified = tokens.get(i + 1).is_some_and(|(token, ..)| token.is_symbol("."));
                let pair = word(i + 2).filter(|_| qualified).map(|second| (first.clone(), second.clone()));
                !(pair.is_some_and(|pair| self.elsewhere.contains(&pair)) || words && self.hidden.contains(first))
            }
            _ => true,
        })
    }

    /// The fact as it is shown.
    pub fn shown(&self, fact: &Fact) -> Fact {
        self.masked(fact, None)
    }

    /// As it is shown beside another.
    fn masked(&self, fact: &Fact, beside: Option<&Fact>) -> Fact {
        let mask = |i: usize| if beside.is_some_and(|other| prose(other)[i] != prose(fact)[i]) { OTHER } else { MASK };
        let (mask, further) = (mask(0), mask(1));
        let mut fact = crate::secrets::masked(fact);
        if !self.scope.is_placed() {
            return fact;
        }
        fact.depends.clear();
        fact.notes.clear();
        let narrowed = self.is_narrowed(&fact.id);
        let named = fact.id.path.get(..2).and_then(|path| self.scope.columns.get(&relation_text(&path[0], &path[1])));
        let columns = |name: &Name| named.is_none_or(|columns| columns.iter().any(|column| column == name.as_str()));
        match &mut fact.body {
            Body::Routine(routine) => {
                if let RoutineBody::Source(source) = &mut routine.body {
                    mask.clone_into(source);
                }
                if !routine.config.is_empty() {
                    routine.config = vec![further.to_owned()];
                }
            }
            Body::Comment(comment) => mask.clone_into(&mut comment.text),
            Body::SecurityLabel(label) => mask.clone_into(&mut label.label),
            Body::Table(table) if narrowed => {
                (table.partition_by, table.replica_identity) = (None, None);
            }
            Body::View(view) if narrowed => {
                MASK.clone_into(&mut view.definition);
                view.columns.retain(|column| columns(&column.name));
            }
            Body::MaterializedView(view) if narrowed => {
                MASK.clone_into(&mut view.definition);
                view.columns.retain(|column| columns(&column.name));
                view.replica_identity = None;
            }
            _ => {}
        }
        fact
    }

    /// What differs, seen through the scope: as it is, and as it is shown. Both sides are looked at as far as they lie
    /// there, so that nothing else can tell.
    pub fn differences(&self, material: &Material, actual: &Facts) -> Vec<(Deviation, Deviation)> {
        let within = |facts: &Facts| -> Facts { facts.iter().filter(|fact| self.holds(fact)).cloned().collect() };
        let expected = Material { expected: within(&material.expected), ..material.clone() };
        let found = compare(&expected, &within(actual));
        found.into_iter().filter_map(|each| Some((self.told(&each)?, each))).map(|(shown, bare)| (bare, shown)).collect()
    }

    /// A difference as it is shown; none where it lies in what is not.
    fn told(&self, deviation: &Deviation) -> Option<Deviation> {
        let shown = |facts: &[Fact]| facts.iter().map(|fact| self.shown(fact)).collect();
        let mut told = Deviation { expected: shown(&deviation.expected), actual: shown(&deviation.actual), ..deviation.clone() };
        if let ([expected], [actual], None) = (&deviation.expected[..], &deviation.actual[..], &deviation.order) {
            told.actual = vec![self.masked(actual, Some(expected))];
            if told.expected[0].body == told.actual[0].body {
                return None;
            }
        }
        Some(told)
    }

    /// Whether a difference may be mended: all that belongs to it is in the scope, and is made if only that is granted.
    pub fn mends(&self, deviation: &Deviation) -> bool {
        let facts = || deviation.expected.iter().chain(&deviation.actual);
        (!self.scope.additive || deviation.difference == Difference::Missing)
            && self.takes(&deviation.id)
            && facts().all(|fact| self.holds(fact))
    }

    /// Whether what a step is about is in the scope, by what is known of it.
    pub fn covers(&self, id: &FactId, known: &[&Facts]) -> bool {
        let mut facts = known.iter().filter_map(|facts| facts.get(id)).peekable();
        // The place of a column is nobody's.
        id.kind == Kind::Position
            || if facts.peek().is_some() {
                facts.all(|fact| self.holds(fact))
            } else {
                self.takes(id) && (!self.scope.is_placed() || self.lies(id))
            }
    }

    /// Takes a statement that holds prose out of a step that is for show.
    pub fn mask(&self, step: &mut Step) {
        let prose = |id: &FactId| matches!(id.kind, Kind::Routine | Kind::Comment | Kind::SecurityLabel);
        if self.scope.is_placed() && step.facts.iter().any(prose) {
            MASK.clone_into(&mut step.sql);
            step.compensation = None;
        }
    }
}

/// Text that the server does not follow: one, and another beside it.
fn prose(fact: &Fact) -> [String; 2] {
    match &fact.body {
        Body::Routine(routine) => match &routine.body {
            RoutineBody::Source(source) => [source.clone(), routine.config.join("\n")],
            _ => [String::new(), routine.config.join("\n")],
        },
        Body::Comment(comment) => [comment.text.clone(), String::new()],
        Body::SecurityLabel(label) => [label.label.clone(), String::new()],
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::baseline::Baseline;
    use super::*;

    /// A shop, and beside it what nobody who sees the shop is to hear of.
    fn facts() -> Vec<Value> {
        let depends = |kind: &str, path: &[&str]| json!([{"kind": kind, "path": path}]);
        let mut list = vec![
            json!({"kind": "schema", "path": ["shop"]}),
            json!({"kind": "schema", "path": ["secret"]}),
            json!({"kind": "enum", "path": ["secret", "secret_kind"]}),
            json!({"kind": "routine", "path": ["shop", "f", ""], "attributes": {"kind": "function", "arguments": "", "result": "integer", "language": "sql",
                "body": {"source": "SELECT count(*) FROM secret.secret_pay"}, "config": ["search_path=secret"]}}),
            json!({"kind": "comment", "of": "table", "path": ["shop", "orders"], "attributes": {"text": "beside secret.secret_pay"}}),
            json!({"kind": "view", "path": ["shop", "both"], "depends": depends("column", &["secret", "secret_pay", "id"]),
                "attributes": {"definition": "SELECT secret_pay.id FROM secret.secret_pay", "columns": [{"name": "id", "type": "integer"}]}}),
            json!({"kind": "view", "path": ["shop", "by_hand"],
                "attributes": {"definition": "SELECT secret_pay.id FROM secret.secret_pay", "columns": [{"name": "id", "type": "integer"}]}}),
            json!({"kind": "constraint", "path": ["shop", "orders", "pay"], "depends": depends("table", &["secret", "secret_pay"]),
                "attributes": {"type": "foreign_key", "definition": "FOREIGN KEY (id) REFERENCES secret.secret_pay(id)"}}),
            json!({"kind": "constraint", "path": ["shop", "orders", "dear"], "depends": depends("column", &["shop", "orders", "secret_price"]),
                "attributes": {"type": "check", "definition": "CHECK ((secret_price > 0))"}}),
            json!({"kind": "constraint", "path": ["shop", "orders", "dear_by_hand"],
                "attributes": {"type": "check", "definition": "CHECK ((secret_price > 1))"}}),
            json!({"kind": "index", "path": ["shop", "orders_id"], "depends": depends("column", &["shop", "orders", "id"]),
                "attributes": {"table": "orders", "definition": "USING btree (id)"}}),
            json!({"kind": "sequence", "path": ["secret", "secret_numbers"], "attributes":
                {"type": "integer", "cache": 1, "start": 1, "maximum": 10, "minimum": 1, "increment": 1}}),
            json!({"kind": "default", "path": ["shop", "orders", "id"], "attributes": {"expression": "nextval('secret.secret_numbers'::regclass)"}}),
            json!({"kind": "server", "path": ["secret_server"], "attributes": {"wrapper": "w"}}),
        ];
        for (schema, table, columns) in
            [("shop", "orders", &["id", "state", "secret_price"][..]), ("shop", "more", &["id"]), ("secret", "secret_pay", &["id"])]
        {
            list.push(json!({"kind": "table", "path": [schema, table]}));
            for (i, column) in columns.iter().enumerate() {
                list.push(json!({"kind": "column", "path": [schema, table, column], "attributes": {"type": "integer"}}));
                let after = if i == 0 { json!({}) } else { json!({"after": columns[i - 1]}) };
                list.push(json!({"kind": "position", "path": [schema, table, column], "attributes": after}));
            }
        }
        let kinds = depends("enum", &["secret", "secret_kind"]);
        list.push(
            json!({"kind": "column", "path": ["shop", "orders", "kind"], "depends": kinds, "attributes": {"type": "secret.secret_kind"}}),
        );
        list.retain(|fact| fact["kind"] != "server");
        list
    }

    fn read(list: &[Value]) -> Vec<Fact> {
        list.iter().map(|fact| serde_json::from_value(fact.clone()).unwrap()).collect()
    }

    fn differences(scope: &Value, expected: &[Value], actual: &[Value]) -> (Vec<Deviation>, String) {
        let (expected, actual) = (read(expected), read(actual));
        let document = json!({"projection": {"column_order": true, "owners": true}, "facts": expected});
        let material = Baseline::read(document).unwrap().material(None).unwrap();
        let part = Scope::read(scope).unwrap().part(expected.iter().chain(&actual));
        let found = part.differences(&material, &actual.iter().cloned().collect());
        let shown: Vec<Deviation> = found.into_iter().map(|(_, shown)| shown).collect();
        let all: String = shown
            .iter()
            .map(|each| format!("{} {} {:?} {:?}\n", each.words(), json!(each), each.properties(), each.attributes()))
            .chain(actual.iter().filter(|fact| part.holds(fact)).map(|fact| format!("{}\n", json!(part.shown(fact)))))
            .collect();
        (shown, all)
    }

    fn words(list: &[Deviation]) -> Vec<String> {
        list.iter().map(Deviation::words).collect()
    }

    const NARROW: &str = r#"{"columns": {"shop.orders": ["id", "state"]}}"#;

    #[test]
    fn nothing_that_lies_elsewhere_is_told() {
        let all = facts();
        let narrow: Value = serde_json::from_str(NARROW).unwrap();
        for scope in [json!({"schemas": ["shop"], "columns": narrow["columns"]}), json!({"tables": ["shop.more"]}), narrow.clone()] {
            for (expected, actual) in [(&all[..], &[][..]), (&[][..], &all[..]), (&all[..], &all[..])] {
                let (_, text) = differences(&scope, expected, actual);
                assert!(!text.contains("secret"), "{scope}: {text}");
            }
            // Each fact otherwise.
            for i in 0..all.len() {
                let mut other = all.clone();
                let Some(attributes) = other[i].get_mut("attributes").and_then(Value::as_object_mut) else { continue };
                for value in attributes.values_mut().filter(|value| value.is_string()) {
                    if let Some(text) = value.as_str().filter(|text| text.contains("secret") || *text == "integer") {
                        *value = format!("{text} + secret.secret_pay").into();
                    }
                }
                let (_, text) = differences(&scope, &all, &other);
                assert!(!text.contains("secret"), "{scope}: {text}");
            }
        }
        assert!(differences(&json!({"schemas": ["*"]}), &all, &[]).1.contains("secret_pay"));
    }

    #[test]
    fn what_lies_there_is_told_though_its_parent_does_not() {
        let all = facts();
        let tables = json!({"tables": ["shop.orders", "shop.more"]});
        let (found, _) = differences(&tables, &all, &[]);
        let words = words(&found);
        assert_eq!(words.len(), 2, "{words:?}");
        assert!(words[0].starts_with("table shop.more is missing") && words[1].starts_with("table shop.orders is missing"), "{words:?}");
        let index = found[1].expected.iter().any(|fact| fact.id.kind == Kind::Index);
        let reference = found[1].expected.iter().any(|fact| fact.id.name().as_str() == "pay");
        assert!(index && !reference);
    }

    #[test]
    fn what_comes_to_refer_elsewhere_is_missing_and_prose_is_another() {
        let (before, mut after) = (facts(), facts());
        let shop = json!({"schemas": ["shop"]});
        for fact in &mut after {
            match fact["path"].to_string().as_str() {
                r#"["shop","f",""]"# => fact["attributes"]["body"]["source"] = "SELECT secret.other()".into(),
                r#"["shop","more","id"]"# if fact["kind"] == "column" => {
                    fact["attributes"]["type"] = "secret.secret_kind".into();
                    fact["depends"] = json!([{"kind": "enum", "path": ["secret", "secret_kind"]}]);
                }
                _ => {}
            }
        }
        let (found, text) = differences(&shop, &before, &after);
        assert_eq!(words(&found), ["column shop.more.id is missing", "routine shop.f() differs in body"]);
        assert!(text.contains(OTHER) && !text.contains("other()"), "{text}");
        // Beside the scope everything may change.
        after.retain(|fact| fact["path"][0] != "secret");
        after.extend([json!({"kind": "schema", "path": ["further"]}), json!({"kind": "table", "path": ["further", "t"]})]);
        assert_eq!(differences(&shop, &before, &after).0, found);
    }

    #[test]
    fn kinds_bring_their_parts_and_limit_what_is_mended() {
        let all = facts();
        let deviations = |scope: Value| differences(&scope, &all, &[]).0;
        assert!(deviations(json!({"kinds": ["index"]})).iter().all(|each| each.id.kind == Kind::Index));
        let material = Baseline::read(json!({"facts": all})).unwrap().material(None).unwrap();
        let list = read(&all);
        let mends = |scope: Value, actual: &[Fact]| -> Vec<String> {
            let part = Scope::read(&scope).unwrap().part(&list);
            let found = compare(&material, &actual.iter().cloned().collect());
            found.iter().filter(|each| part.mends(each)).map(Deviation::words).collect()
        };
        let actual: Vec<Fact> =
            list.iter().filter(|fact| !["orders_id", "more", "pay"].contains(&fact.id.name().as_str())).cloned().collect();
        let actual: Vec<Fact> = actual.into_iter().filter(|fact| fact.id.path.get(1).is_none_or(|name| name.as_str() != "more")).collect();
        assert_eq!(
            mends(json!({"schemas": ["shop"]}), &actual),
            ["table shop.more is missing (with 2 parts)", "index shop.orders_id is missing"]
        );
        assert_eq!(mends(json!({"schemas": ["shop"], "kinds": ["index"]}), &actual), ["index shop.orders_id is missing"]);
        assert_eq!(mends(json!({"kinds": ["constraint"]}), &actual), ["constraint shop.orders.pay is missing"]);
        let fewer: Vec<Fact> = list.clone();
        let without = Baseline::read(json!({"facts": []})).unwrap().material(None).unwrap();
        let part = Scope::read(&json!({"additive": true})).unwrap().part(&list);
        assert!(!compare(&without, &fewer.into_iter().collect()).iter().any(|each| part.mends(each)));
    }

    #[test]
    fn mistakes_are_named() {
        for (scope, says) in [
            (json!({"schema": ["shop"]}), "unknown field"),
            (json!({"schemas": []}), "names nothing"),
            (json!({"tables": ["orders"]}), "names no schema"),
            (json!({"columns": {"shop.orders": []}}), "no column"),
            (json!({"kinds": ["column"]}), "part of other kinds"),
            (json!({"kinds": ["tables"]}), "unknown variant"),
            (json!([]), "no JSON object"),
        ] {
            let why = Scope::read(&scope).unwrap_err();
            assert!(why.contains(says), "{scope}: {why}");
        }
        assert!(Scope::read(&json!({"additive": true, "baselines": ["shop"]})).unwrap().is_whole());
    }
}
