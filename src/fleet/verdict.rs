//! What differs between what a member is expected to be and what it is. PURE.
//!
//! A difference is told once, for the object that it is about: what goes with a missing table is a part of that
//! one difference, and columns that only moved up because another one is missing are none.

#![forbid(unsafe_code)]

use super::baseline::{Facts, Material};
use crate::model::{Body, Fact, FactHash, FactId, Kind, Name};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How a fact differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Expected, and not there.
    Missing,
    /// There, and not expected.
    Unexpected,
    /// There with other attributes.
    Different,
}

impl Difference {
    /// Its word in tables and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unexpected => "unexpected",
            Self::Different => "different",
        }
    }
}

/// One difference, with all facts that belong to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// Which way.
    pub difference: Difference,
    /// The fact that it is about, under the baseline's names.
    pub id: FactId,
    /// Facts as expected: the first is about `id`, the others go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Fact>,
    /// Facts as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actual: Vec<Fact>,
    /// The order of the columns of a table, where that is what differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

/// The columns that both have, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// As expected.
    pub expected: Vec<Name>,
    /// As they are.
    pub actual: Vec<Name>,
}

impl Deviation {
    /// The attributes that differ; for a creation or a drop, all.
    pub fn attributes(&self) -> (Option<Value>, Option<Value>) {
        if let Some(order) = &self.order {
            return (Some(json!({"columns": order.expected})), Some(json!({"columns": order.actual})));
        }
        let of = |facts: &[Fact]| {
            facts.first().map(|fact| serde_json::to_value(&fact.body).ok().and_then(|body| body.as_object().cloned()).unwrap_or_default())
        };
        let (mut expected, mut actual) = (of(&self.expected), of(&self.actual));
        if let (Some(expected), Some(actual)) = (&mut expected, &mut actual) {
            let same: Vec<String> =
                expected.iter().filter(|(name, value)| actual.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
            for name in same {
                expected.shift_remove(&name);
                actual.shift_remove(&name);
            }
        }
        let mut both = (expected.map(Value::Object), actual.map(Value::Object));
        if self.id.kind == Kind::UserMapping {
            for side in [&mut both.0, &mut both.1].into_iter().flatten().filter_map(Value::as_object_mut) {
                crate::secrets::mask_mapping(side);
            }
        }
        both
    }

    /// The names of the attributes that differ; none where the whole fact is missing or unexpected.
    pub fn properties(&self) -> Vec<String> {
        if self.difference != Difference::Different {
            return Vec::new();
        }
        let (expected, actual) = self.attributes();
        let names = |side: Option<Value>| side.and_then(|value| value.as_object().cloned()).unwrap_or_default();
        let mut all: Map<String, Value> = names(expected);
        all.extend(names(actual));
        all.into_iter().map(|(name, _)| name).collect()
    }

    /// What makes it the same difference on another member: the fact, the way, and what is there instead. What is
    /// missing is told by its name alone, whatever version expects it.
    pub fn hash(&self, baseline: &str) -> FactHash {
        let mut hasher = blake3::Hasher::new();
        for part in [baseline, self.difference.word(), &self.id.to_string()] {
            hasher.update(part.as_bytes()).update(b"\0");
        }
        match self.difference {
            Difference::Missing => {}
            Difference::Unexpected => {
                let hashes: BTreeSet<FactHash> = self.actual.iter().map(Fact::hash).collect();
                for hash in hashes {
                    hasher.update(&hash);
                }
            }
            Difference::Different => {
                hasher.update(json!(self.attributes()).to_string().as_bytes());
                // Masked attributes do not tell two passwords apart; hashes of facts do.
                if self.id.kind == Kind::UserMapping {
                    for fact in self.expected.iter().chain(&self.actual) {
                        hasher.update(&fact.hash());
                    }
                }
            }
        }
        *hasher.finalize().as_bytes()
    }

    /// In words: `index shop.orders_state is missing`.
    pub fn words(&self) -> String {
        let id = &self.id;
        let parts = self.expected.len().max(self.actual.len()).saturating_sub(1);
        let with = if parts == 0 { String::new() } else { format!(" (with {parts} parts)") };
        match (self.difference, &self.order) {
            (_, Some(_)) => format!("the columns of {id} are in another order"),
            (Difference::Missing, _) => format!("{id} is missing{with}"),
            (Difference::Unexpected, _) => format!("{id} is unexpected{with}"),
            (Difference::Different, _) => format!("{id} differs in {}", self.properties().join(", ")),
        }
    }
}

/// What differs, told once for each object.
pub fn compare(material: &Material, actual: &Facts) -> Vec<Deviation> {
    let mut missing: BTreeMap<&FactId, &Fact> = BTreeMap::new();
    let mut unexpected: BTreeMap<&FactId, &Fact> = BTreeMap::new();
    let mut out = Vec::new();
    let mut moved: BTreeSet<FactId> = BTreeSet::new();
    for expected in &material.expected {
        let id = &expected.id;
        match actual.get(id) {
            None if material.spares(expected) => {}
            None => drop(missing.insert(id, expected)),
            Some(found) if material.permits(expected, found) => {}
            // An ignored parent's part.
            Some(found) if !material.heeds(found, actual) => {}
            Some(_) if id.kind == Kind::Position => drop(moved.insert(table_of(id, actual))),
            Some(found) => out.push(Deviation {
                difference: Difference::Different,
                id: id.clone(),
                expected: vec![(**expected).clone()],
                actual: vec![found.clone()],
                order: None,
            }),
        }
    }
    for found in actual {
        if found.id.kind != Kind::Unmodelled && !material.expected.holds(&found.id) && material.heeds(found, actual) {
            unexpected.insert(&found.id, found);
        }
    }
    for (difference, facts) in [(Difference::Missing, &missing), (Difference::Unexpected, &unexpected)] {
        out.extend(gathered(facts).into_iter().map(|(id, facts)| {
            let (expected, actual) = if difference == Difference::Missing { (facts, Vec::new()) } else { (Vec::new(), facts) };
            Deviation { difference, id, expected, actual, order: None }
        }));
    }
    out.extend(moved.into_iter().filter_map(|table| order(material, actual, table)));
    out.sort_by(|a, b| a.id.cmp(&b.id).then(a.difference.cmp(&b.difference)));
    out
}

/// Facts by the outermost of them that they belong to.
fn gathered(facts: &BTreeMap<&FactId, &Fact>) -> Vec<(FactId, Vec<Fact>)> {
    let mut groups: BTreeMap<FactId, Vec<Fact>> = BTreeMap::new();
    for fact in facts.values() {
        let mut root = &fact.id;
        let mut parent = fact.parent();
        while let Some((id, next)) = parent.as_ref().and_then(|id| facts.get_key_value(id)) {
            root = id;
            parent = next.parent();
        }
        groups.entry(root.clone()).or_default().push((*fact).clone());
    }
    for (root, group) in &mut groups {
        group.sort_by_key(|fact| fact.id != *root);
    }
    groups.into_iter().collect()
}

fn table_of(position: &FactId, actual: &Facts) -> FactId {
    let of = |kind| FactId::new(kind, position.path[..2].iter().cloned());
    let composite = of(Kind::Composite);
    if actual.holds(&composite) { composite } else { of(Kind::Table) }
}

/// The order of the columns that both have, where it differs.
fn order(material: &Material, actual: &Facts, table: FactId) -> Option<Deviation> {
    let positions = |facts: &Facts, other: &Facts| -> Vec<Fact> {
        // Each names the column before it.
        let mut next: HashMap<Option<&Name>, &Fact> = HashMap::new();
        for fact in facts.iter().filter(|fact| fact.id.kind == Kind::Position && fact.id.path[..2] == table.path[..]) {
            if let Body::Position(position) = &fact.body {
                next.insert(position.after.as_ref(), fact);
            }
        }
        let (mut found, mut last) = (Vec::new(), None);
        while let Some(fact) = next.remove(&last) {
            last = Some(fact.id.name());
            if other.holds(&fact.id) {
                found.push(fact.clone());
            }
        }
        found
    };
    let (expected, found) = (positions(&material.expected, actual), positions(actual, &material.expected));
    let names = |list: &[Fact]| list.iter().map(|fact| fact.id.name().clone()).collect::<Vec<_>>();
    let order = Order { expected: names(&expected), actual: names(&found) };
    (order.expected != order.actual).then(|| Deviation {
        difference: Difference::Different,
        id: table,
        expected,
        actual: found,
        order: Some(order),
    })
}

/// Where a member stands to a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is what a permitted version says.
    Conforms,
    /// It is what an earlier version says.
    Behind,
    /// It is what no version says.
    Deviates,
    /// It is as it should be, as far as its objects are of a kind that is known.
    Unmodelled,
    /// It could not be read.
    Unreadable,
}

impl Standing {
    /// Its word in tables and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::Behind => "behind",
            Self::Deviates => "deviates",
            Self::Unmodelled => "unmodelled",
            Self::Unreadable => "unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::baseline::Baseline;
    use super::super::baseline::tests::shop;
    use super::*;

    fn facts(document: &Value) -> Facts {
        let list: Vec<Fact> = serde_json::from_value(document.clone()).unwrap();
        list.into_iter().collect()
    }

    fn compared(actual: &Value) -> Vec<String> {
        let material = Baseline::read(shop()).unwrap().material(None).unwrap();
        compare(&material, &facts(actual)).iter().map(Deviation::words).collect()
    }

    fn whole() -> Vec<Value> {
        let mut list = shop()["facts"].as_array().unwrap().clone();
        for fact in &mut list {
            fact.as_object_mut().unwrap().retain(|name, _| !["optional", "one_of"].contains(&name.as_str()));
        }
        list
    }

    #[test]
    fn what_is_permitted_is_no_difference() {
        let mut actual = whole();
        assert!(compared(&json!(actual)).is_empty());
        actual[3]["attributes"] = json!({"type": "character varying"});
        assert!(compared(&json!(actual)).is_empty(), "one_of");
        actual.pop();
        assert!(compared(&json!(actual)).is_empty(), "optional");
        actual.push(json!({"kind": "table", "path": ["shop", "tmp_1"]}));
        actual.push(json!({"kind": "column", "path": ["shop", "tmp_1", "x"], "attributes": {"type": "integer"}}));
        assert!(compared(&json!(actual)).is_empty(), "ignored");
    }

    #[test]
    fn a_difference_is_told_once() {
        let mut actual = whole();
        actual[2]["attributes"] = json!({"type": "bigint", "not_null": true});
        actual.remove(3);
        actual.push(json!({"kind": "table", "path": ["shop", "extra"]}));
        actual.push(json!({"kind": "column", "path": ["shop", "extra", "x"], "attributes": {"type": "integer"}}));
        assert_eq!(
            compared(&json!(actual)),
            [
                "table shop.extra is unexpected (with 1 parts)",
                "column shop.orders.id differs in type",
                "column shop.orders.state is missing"
            ]
        );
        assert_eq!(compared(&json!([]))[0], "schema shop is missing");
    }

    #[test]
    fn the_same_difference_has_the_same_hash_everywhere() {
        let hashes = |actual: &Value| -> Vec<FactHash> {
            let material = Baseline::read(shop()).unwrap().material(None).unwrap();
            compare(&material, &facts(actual)).iter().map(|deviation| deviation.hash("shop")).collect()
        };
        let mut one = whole();
        one[2]["attributes"] = json!({"type": "bigint", "not_null": true});
        let mut other = one.clone();
        other.push(json!({"kind": "schema", "path": ["x"]}));
        assert_eq!(hashes(&json!(one)).len(), 1);
        assert!(hashes(&json!(other)).contains(&hashes(&json!(one))[0]));
        let mut third = one.clone();
        third[2]["attributes"] = json!({"type": "smallint", "not_null": true});
        assert_ne!(hashes(&json!(one)), hashes(&json!(third)));
    }

    #[test]
    fn columns_that_moved_up_are_no_difference() {
        let table = |columns: &[&str]| -> Value {
            let mut list = vec![json!({"kind": "schema", "path": ["s"]}), json!({"kind": "table", "path": ["s", "t"]})];
            for (i, name) in columns.iter().enumerate() {
                list.push(json!({"kind": "column", "path": ["s", "t", name], "attributes": {"type": "integer"}}));
                list.push(json!({"kind": "position", "path": ["s", "t", name], "attributes": if i == 0 { json!({}) } else { json!({"after": columns[i - 1]}) }}));
            }
            json!(list)
        };
        let material = Baseline::read(json!({"facts": table(&["a", "b", "c"])})).unwrap().material(None).unwrap();
        let words = |columns: &[&str]| compare(&material, &facts(&table(columns))).iter().map(Deviation::words).collect::<Vec<_>>();
        assert_eq!(words(&["a", "c"]), ["column s.t.b is missing (with 1 parts)"]);
        assert_eq!(words(&["x", "a", "b", "c"]), ["column s.t.x is unexpected (with 1 parts)"]);
        assert_eq!(words(&["b", "a", "c"]), ["the columns of table s.t are in another order"]);
    }
}
