//! Renames that nobody told of: pairs of a dropped and a created object that look like one.
//!
//! A hint is offered with a confidence and acted on only when asked. Its confidence is a formula of
//! what the two have in common (columns, definition, body) and of how alike their names are; a rival
//! that is as good takes from both.

use super::lexer::{Token, tokens};
use super::rename::Renames;
use crate::diff::Change;
use crate::model::{Body, Fact, FactId, Kind, Name};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A pair that may be a rename.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// The id before.
    pub from: FactId,
    /// The id after.
    pub to: FactId,
    /// From 0 to 1.
    pub confidence: f64,
    /// In words: what speaks for it.
    pub why: String,
}

/// Below this nothing is offered.
const OFFERED: f64 = 0.4;
/// A feature that more objects than this share tells nothing apart.
const COMMON: usize = 64;

/// Kinds that a statement renames.
fn renamable(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Schema
            | Kind::Enum
            | Kind::EnumLabel
            | Kind::Domain
            | Kind::DomainConstraint
            | Kind::Composite
            | Kind::Attribute
            | Kind::Range
            | Kind::Sequence
            | Kind::Table
            | Kind::Column
            | Kind::Constraint
            | Kind::Index
            | Kind::View
            | Kind::MaterializedView
            | Kind::Routine
            | Kind::Aggregate
            | Kind::Trigger
            | Kind::Policy
            | Kind::Rule
    )
}

/// An object that goes or comes, with what tells it from others.
struct Object<'a> {
    fact: &'a Fact,
    /// What it is a part of, under its name afterwards.
    owner: Option<FactId>,
    features: Vec<u64>,
    name: &'a str,
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The name that a rename changes.
fn name_of(id: &FactId) -> &Name {
    match id.kind {
        Kind::Routine | Kind::Aggregate => &id.path[1],
        _ => id.name(),
    }
}

/// The words of every text in the attributes, without the object's own name, and what else they say.
fn words(value: &Value, own: &str, at: &str, out: &mut Vec<u64>) {
    match value {
        Value::String(text) => out.extend(tokens(text).into_iter().filter(|token| !matches!(token, Token::Word(word) if word == own)).map(
            |token| match token {
                Token::Word(text) | Token::Text(text) | Token::Number(text) | Token::Symbol(text) => hash((at, text)),
            },
        )),
        Value::Array(list) => list.iter().for_each(|value| words(value, own, at, out)),
        Value::Object(map) => map.iter().for_each(|(key, value)| words(value, own, key, out)),
        Value::Null => {}
        other => out.push(hash((at, other.to_string()))),
    }
}

/// What the object that a fact is a part of is called; `None` for what stands alone in its schema.
fn owner(fact: &Fact) -> Option<FactId> {
    super::order::owners(&fact.id, &fact.body).into_iter().next()
}

fn gather<'a>(facts: &[&'a Fact], now: impl Fn(&FactId) -> FactId) -> Vec<Object<'a>> {
    let ids: HashSet<&FactId> = facts.iter().map(|fact| &fact.id).collect();
    let mut parts: HashMap<FactId, Vec<&Fact>> = HashMap::new();
    for fact in facts {
        for owner in super::order::owners(&fact.id, &fact.body) {
            if ids.contains(&owner) {
                parts.entry(owner).or_default().push(fact);
            }
        }
    }
    let part_of_a_part = |fact: &Fact| super::order::owners(&fact.id, &fact.body).iter().any(|owner| ids.contains(owner));
    let mut objects = Vec::new();
    for &fact in facts {
        // Parts of what goes or comes as a whole are paired with it.
        if !renamable(fact.id.kind) || fact.id.of.is_some() || part_of_a_part(fact) {
            continue;
        }
        let name = name_of(&fact.id).as_str();
        let mut features = Vec::new();
        let add = |fact: &Fact, label: &str, features: &mut Vec<u64>| {
            if let Ok(value) = serde_json::to_value(&fact.body) {
                words(&value, name, label, features);
            }
        };
        add(fact, "", &mut features);
        if matches!(fact.id.kind, Kind::Routine | Kind::Aggregate) {
            features.push(hash(("arguments", fact.id.path[2].as_str())));
        }
        let mut below: Vec<&Fact> = parts.get(&fact.id).into_iter().flatten().copied().collect();
        let further: Vec<&Fact> = below.iter().flat_map(|part| parts.get(&part.id).into_iter().flatten()).copied().collect();
        below.extend(further);
        for part in below {
            // A column's position is called as the column is.
            let label = Some(part.id.name().as_str()).filter(|label| *label != name).unwrap_or_default();
            features.push(hash((part.id.kind, label)));
            add(part, label, &mut features);
        }
        features.sort_unstable();
        objects.push(Object { fact, owner: owner(fact).map(|owner| now(&owner)), features, name });
    }
    objects
}

/// How much two sorted lists have in common, from 0 to 1.
fn overlap(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
        }
    }
    let all = a.len() + b.len() - common;
    if all == 0 { 1.0 } else { common as f64 / all as f64 }
}

/// The same, where one may have grown out of the other: half by what either has, half by what the
/// smaller one has.
fn kinship(a: &[u64], b: &[u64]) -> f64 {
    let shared = overlap(a, b);
    // From the share of all to the number in common.
    let common = shared * (a.len() + b.len()) as f64 / (1.0 + shared);
    let least = a.len().min(b.len());
    if least == 0 { shared } else { f64::midpoint(shared, common / least as f64) }
}

/// How alike two names are, from 0 to 1: pairs of neighbouring letters that they share.
fn alike(a: &str, b: &str) -> f64 {
    let pairs = |text: &str| -> Vec<u64> {
        let text: Vec<char> = format!("^{}$", text.to_lowercase()).chars().collect();
        let mut pairs: Vec<u64> = text.windows(2).map(hash).collect();
        pairs.sort_unstable();
        pairs
    };
    let (a, b) = (pairs(a), pairs(b));
    let shared = overlap(&a, &b);
    2.0 * shared / (1.0 + shared)
}

fn same_place(a: &Object, b: &Object) -> bool {
    a.fact.id.kind == b.fact.id.kind
        && match (&a.owner, &b.owner) {
            (None, None) => true,
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
        && !matches!((&a.fact.body, &b.fact.body), (Body::Constraint(a), Body::Constraint(b)) if a.constraint_type != b.constraint_type)
}

fn confidence(a: &Object, b: &Object, positions: &Positions) -> (f64, String) {
    let (content, name) = (kinship(&a.features, &b.features), alike(a.name, b.name));
    // A type alone says little of a column: its place among its neighbours says more.
    let small = matches!(a.fact.id.kind, Kind::Column | Kind::Attribute | Kind::EnumLabel);
    let place = small && positions.same(&a.fact.id, &b.fact.id);
    let moved = a.fact.id.path[0] != b.fact.id.path[0] && a.fact.id.kind != Kind::Schema && a.owner.is_none();
    let value = if small {
        0.35 * content + 0.35 * f64::from(u8::from(place)) + 0.3 * name
    } else {
        (0.7 * content + 0.3 * name) * if moved && a.name != b.name { 0.8 } else { 1.0 }
    };
    let what = if small { "of type and attributes" } else { "of its content" };
    let place = if place { ", the same place" } else { "" };
    (value, format!("{:.0} % {what}{place}, names {:.0} % alike", content * 100.0, name * 100.0))
}

/// The neighbour before a column, attribute or label.
struct Positions(HashMap<(bool, FactId), Option<Name>>);

impl Positions {
    fn gather(gone: &[&Fact], come: &[&Fact]) -> Self {
        let mut map = HashMap::new();
        for (new, facts) in [(false, gone), (true, come)] {
            for fact in facts {
                let after = match &fact.body {
                    Body::Position(position) => &position.after,
                    Body::EnumLabel(label) => &label.after,
                    _ => continue,
                };
                map.insert((new, FactId::new(Kind::Position, fact.id.path.iter().cloned())), after.clone());
            }
        }
        Self(map)
    }
    fn same(&self, a: &FactId, b: &FactId) -> bool {
        let at = |new: bool, id: &FactId| self.0.get(&(new, FactId::new(Kind::Position, id.path.iter().cloned())));
        at(false, a).is_some_and(|before| at(true, b) == Some(before))
    }
}

/// The pairs of these changes that may be renames, the likeliest first. Each object is in one at most.
pub fn hints(changes: &[Change]) -> Vec<Hint> {
    let (mut gone, mut come, mut renamed): (Vec<&Fact>, Vec<&Fact>, HashMap<FactId, FactId>) = (Vec::new(), Vec::new(), HashMap::new());
    for change in changes {
        match (&change.before, &change.after) {
            (Some(before), None) => gone.push(before),
            (None, Some(after)) => come.push(after),
            (Some(before), Some(after)) if before.id != after.id => {
                renamed.insert(before.id.clone(), after.id.clone());
            }
            _ => {}
        }
    }
    if gone.is_empty() || come.is_empty() {
        return Vec::new();
    }
    let positions = Positions::gather(&gone, &come);
    let renames = Renames::of(renamed);
    let (from, to) = (gather(&gone, |id| renames.now(id, None)), gather(&come, Clone::clone));
    let mut pairs: Vec<(f64, String, usize, usize)> = Vec::new();
    for (i, j) in candidates(&from, &to) {
        if same_place(&from[i], &to[j]) {
            let (value, why) = confidence(&from[i], &to[j], &positions);
            pairs.push((value, why, i, j));
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.2, a.3).cmp(&(b.2, b.3))));
    // The best rival of each object.
    let mut best: HashMap<(bool, usize), Vec<f64>> = HashMap::new();
    for (value, _, i, j) in &pairs {
        for key in [(false, *i), (true, *j)] {
            let list = best.entry(key).or_default();
            if list.len() < 2 {
                list.push(*value);
            }
        }
    }
    let (mut used_from, mut used_to) = (HashSet::new(), HashSet::new());
    let mut hints = Vec::new();
    for (value, why, i, j) in pairs {
        if used_from.contains(&i) || used_to.contains(&j) {
            continue;
        }
        let rival = [(false, i), (true, j)].iter().filter_map(|key| best[key].get(1)).copied().fold(0.0, f64::max);
        let close = if value > 0.0 { rival / value } else { 0.0 };
        let confidence = value * if close > 0.5 { 1.0 - 0.4 * close.min(1.0).powi(4) } else { 1.0 };
        used_from.insert(i);
        used_to.insert(j);
        if confidence >= OFFERED {
            hints.push(Hint {
                from: from[i].fact.id.clone(),
                to: to[j].fact.id.clone(),
                confidence: (confidence * 100.0).round() / 100.0,
                why,
            });
        }
    }
    hints.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then_with(|| a.from.cmp(&b.from)));
    hints
}

/// Pairs worth comparing: those that share a feature which few have, or all where there are few.
fn candidates(from: &[Object], to: &[Object]) -> Vec<(usize, usize)> {
    type Place<'a> = (Kind, Option<&'a FactId>);
    let mut groups: BTreeMap<Place, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (i, object) in from.iter().enumerate() {
        groups.entry((object.fact.id.kind, object.owner.as_ref())).or_default().0.push(i);
    }
    for (j, object) in to.iter().enumerate() {
        groups.entry((object.fact.id.kind, object.owner.as_ref())).or_default().1.push(j);
    }
    let mut pairs = Vec::new();
    for (left, right) in groups.into_values() {
        if left.len().saturating_mul(right.len()) <= COMMON * COMMON {
            pairs.extend(left.iter().flat_map(|&i| right.iter().map(move |&j| (i, j))));
            continue;
        }
        let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
        for &j in &right {
            let mut last = None;
            for &feature in to[j].features.iter().chain(&[hash(to[j].name)]) {
                if last != Some(feature) {
                    holders.entry(feature).or_default().push(j);
                }
                last = Some(feature);
            }
        }
        for &i in &left {
            let mut seen = HashSet::new();
            for feature in from[i].features.iter().chain(&[hash(from[i].name)]) {
                if let Some(list) = holders.get(feature).filter(|list| list.len() <= COMMON) {
                    seen.extend(list.iter().copied());
                }
            }
            let mut seen: Vec<usize> = seen.into_iter().collect();
            seen.sort_unstable();
            pairs.extend(seen.into_iter().map(|j| (i, j)));
        }
    }
    pairs
}

/// The pairs of facts that these renames make: the objects, all that carries their names, and what
/// PostgreSQL renames in child tables along with its parent's.
pub(super) fn pairs(before: &[Fact], after: &[Fact], mut renamed: HashMap<FactId, FactId>) -> HashMap<FactId, FactId> {
    if renamed.is_empty() {
        return renamed;
    }
    let standing: HashSet<&FactId> = after.iter().map(|fact| &fact.id).collect();
    descend(before, &standing, &mut renamed);
    let renames = Renames::of(renamed.clone());
    let mut pairs: HashMap<FactId, FactId> = before
        .iter()
        .map(|fact| (&fact.id, renames.now(&fact.id, Some(&fact.body))))
        .filter(|(old, new)| *old != new && standing.contains(new))
        .map(|(old, new)| (old.clone(), new))
        .collect();
    pairs.extend(renamed);
    pairs
}

/// Adds the inherited columns and constraints of child tables to the renames of their parents'.
fn descend(before: &[Fact], standing: &HashSet<&FactId>, renamed: &mut HashMap<FactId, FactId>) {
    let part = |kind: Kind| matches!(kind, Kind::Column | Kind::Constraint);
    let mut queue: Vec<(FactId, FactId)> =
        renamed.iter().filter(|(from, _)| part(from.kind)).map(|(a, b)| (a.clone(), b.clone())).collect();
    if queue.is_empty() {
        return;
    }
    let mut children: HashMap<[&Name; 2], Vec<[&Name; 2]>> = HashMap::new();
    for fact in before {
        let path = &fact.id.path;
        let parent = match &fact.body {
            Body::Partition(partition) => [&partition.parent.schema, &partition.parent.name],
            Body::Inherit(_) => [&path[2], &path[3]],
            _ => continue,
        };
        children.entry(parent).or_default().push([&path[0], &path[1]]);
    }
    while let Some((from, to)) = queue.pop() {
        for child in children.get(&[&from.path[0], &from.path[1]]).into_iter().flatten() {
            let below = |id: &FactId| FactId::new(id.kind, [child[0].clone(), child[1].clone(), id.name().clone()]);
            let (old, new) = (below(&from), below(&to));
            if !standing.contains(&old) && standing.contains(&new) && !renamed.contains_key(&old) {
                renamed.insert(old.clone(), new.clone());
                queue.push((old, new));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, Default as ColumnDefault, Position, Routine, Table, View, ViewColumn};

    fn column(table: &str, name: &str, data_type: &str, after: Option<&str>) -> [Fact; 2] {
        let body: Body = Body::from_json(Kind::Column, serde_json::json!({ "type": data_type })).unwrap();
        let Body::Column(body) = body else { panic!() };
        let body: Column = body;
        [
            Fact::new(FactId::new(Kind::Column, ["s", table, name]), body),
            Fact::new(FactId::new(Kind::Position, ["s", table, name]), Position { after: after.map(Name::from) }),
        ]
    }
    fn table(name: &str, columns: &[(&str, &str)]) -> Vec<Fact> {
        let mut facts = vec![Fact::new(FactId::new(Kind::Table, ["s", name]), Table::default())];
        let mut last = None;
        for (column_name, data_type) in columns {
            facts.extend(column(name, column_name, data_type, last));
            last = Some(column_name);
        }
        facts
    }
    fn of(before: &[Fact], after: &[Fact]) -> Vec<(String, String, f64)> {
        hints(&crate::diff::diff(before, after)).into_iter().map(|h| (h.from.to_string(), h.to.to_string(), h.confidence)).collect()
    }

    #[test]
    fn a_table_with_the_same_columns_is_likely_the_same() {
        let columns = [("id", "bigint"), ("total", "numeric"), ("note", "text")];
        let (a, b) = (table("orders", &columns), table("purchases", &columns));
        let found = of(&a, &b);
        assert_eq!((found.len(), found[0].0.as_str(), found[0].1.as_str()), (1, "table s.orders", "table s.purchases"));
        assert!(found[0].2 > 0.65, "{found:?}");
        let near = of(&a, &table("order", &columns));
        assert!(near[0].2 > found[0].2, "{near:?}");
        let other = of(&a, &table("orders2", &[("x", "text"), ("y", "date")]));
        assert!(other.is_empty(), "{other:?}");
    }

    #[test]
    fn a_rival_that_is_as_good_takes_from_both() {
        let columns = [("id", "bigint"), ("total", "numeric")];
        let a = table("orders", &columns);
        let b: Vec<Fact> = table("orders_a", &columns).into_iter().chain(table("orders_b", &columns)).collect();
        let (one, two) = (of(&a, &table("orders_a", &columns)), of(&a, &b));
        assert!(two.is_empty() || two[0].2 < one[0].2 * 0.7, "{one:?} {two:?}");
    }

    #[test]
    fn a_column_is_told_by_its_type_its_place_and_its_name() {
        let a = table("t", &[("id", "bigint"), ("mail", "text"), ("x", "date")]);
        let found = of(&a, &table("t", &[("id", "bigint"), ("email", "text"), ("x", "date")]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].2 > 0.85, "{found:?}");
        assert!(of(&a, &table("t", &[("id", "bigint"), ("x", "date"), ("zzz", "integer")])).is_empty());
    }

    #[test]
    fn bodies_tell_views_and_routines() {
        let view = |name: &str, definition: &str| {
            let columns =
                vec![ViewColumn { name: "a".into(), data_type: "integer".into(), settings: crate::model::ColumnSettings::default() }];
            Fact::new(FactId::new(Kind::View, ["s", name]), View { definition: definition.into(), columns, options: BTreeMap::new() })
        };
        let text = " SELECT t.a FROM s.t WHERE (t.a > 5)";
        assert_eq!(of(&[view("v", text)], &[view("w", text)]).len(), 1);
        assert!(of(&[view("v", text)], &[view("w", " SELECT u.b AS a FROM s.u JOIN s.q USING (id)")]).is_empty());
        let routine = |name: &str, body: &str| {
            let routine = Routine::sql("x integer", "integer", body);
            Fact::new(FactId::new(Kind::Routine, ["s", name, "integer"]), routine)
        };
        let found = of(&[routine("f", "SELECT x * 2 + 1")], &[routine("g", "SELECT x * 2 + 1")]);
        assert_eq!(found[0].1, "routine s.g(integer)");
    }

    #[test]
    fn a_renamed_table_takes_its_parts_along() {
        let (a, mut b) = (table("t", &[("id", "bigint"), ("x", "text")]), table("u", &[("id", "bigint"), ("y", "text")]));
        b.push(Fact::new(FactId::new(Kind::Default, ["s", "u", "id"]), ColumnDefault { expression: "1".into(), generated: None }));
        let made = pairs(&a, &b, HashMap::from_iter([(a[0].id.clone(), b[0].id.clone())]));
        let id = |kind: Kind, path: [&str; 3]| FactId::new(kind, path);
        assert_eq!(made.get(&id(Kind::Column, ["s", "t", "id"])), Some(&id(Kind::Column, ["s", "u", "id"])));
        assert_eq!(made.get(&id(Kind::Column, ["s", "t", "x"])), None);
        assert_eq!(made.len(), 3);
    }

    #[test]
    fn thousands_of_each_are_paired_in_little_time() {
        let many =
            |prefix: &str| (0..4000).flat_map(|i| table(&format!("{prefix}{i}"), &[(&format!("c{i}"), "bigint")])).collect::<Vec<_>>();
        let found = of(&many("a"), &many("b"));
        assert_eq!(found.len(), 4000);
        assert!(found.iter().all(|(from, to, _)| from[9..] == to[9..]), "{:?}", &found[..3]);
    }
}
