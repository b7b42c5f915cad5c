//! A baseline: a model that databases are held to, as people read and edit it. PURE.
//!
//! It is the JSON that `accord.model()` gives, in which a fact may be `"optional": true` or have other
//! permitted attributes (`"one_of": [{…}, …]`), `"ignore"` lists patterns of facts that nobody looks at,
//! `"mapping"` leads to names that differ from member to member, and `"variants"` are permitted subclasses:
//! overlays that add or replace facts, take some away (`"without"`), ignore more, and may extend each other.

#![forbid(unsafe_code)]

use super::mapping::Mapping;
use super::select::Glob;
use crate::model::{Body, Document, Fact, FactHash, FactId, Fingerprint, Kind, LtHash, Projection};
use crate::protocol::check_facts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Beyond this many steps of inheritance, variants go round in a circle.
const DEPTH: usize = 32;

/// What a baseline says beside its facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// What is compared.
    pub projection: Projection,
    /// Facts that nobody looks at, nor at what belongs to them: `table shop.tmp_*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Names that differ from member to member.
    #[serde(skip_serializing_if = "Mapping::is_empty")]
    pub mapping: Mapping,
    /// Facts that may be missing or otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lenient: Vec<Leniency>,
    /// Permitted subclasses.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variants: BTreeMap<String, Variant>,
}

/// What is permitted of one fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leniency {
    /// Whose.
    pub id: FactId,
    /// It may be missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Its attributes may be these instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Value>,
}

/// An overlay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variant {
    /// The variant that it stands on; none: the baseline itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Facts that are added, or take the place of those with their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// Permitted of its facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lenient: Vec<Leniency>,
    /// Patterns of facts that it has not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Patterns of facts that nobody looks at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Names that differ from member to member, over the baseline's.
    #[serde(skip_serializing_if = "Mapping::is_empty")]
    pub mapping: Mapping,
}

/// A baseline that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// Everything but the facts.
    pub rules: Rules,
    /// The facts; versions share those that did not change.
    pub facts: Vec<Arc<Fact>>,
    /// The major whose server wrote the texts.
    pub major: Option<u32>,
}

/// Takes what is said of facts beside them out of a list of facts.
fn leniencies(facts: &mut Value) -> Result<Vec<Leniency>, String> {
    let mut found = Vec::new();
    for (i, fact) in facts.as_array_mut().into_iter().flatten().enumerate() {
        let Some(fields) = fact.as_object_mut() else { continue };
        let wrong = |what: &str| format!("fact {}: {what}", i + 1);
        let optional = match fields.remove("optional") {
            None => false,
            Some(Value::Bool(optional)) => optional,
            Some(_) => return Err(wrong("\"optional\" is true or false")),
        };
        let one_of = match fields.remove("one_of") {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(wrong("\"one_of\" is a list of attributes")),
        };
        if !optional && one_of.is_empty() {
            continue;
        }
        let id = ["kind", "of", "path"].into_iter().filter_map(|name| Some((name.to_owned(), fields.get(name)?.clone())));
        let id: FactId = serde_json::from_value(Value::Object(id.collect())).map_err(|error| wrong(&error.to_string()))?;
        for attributes in &one_of {
            let body = Body::from_json(id.kind, attributes.clone()).map_err(|error| wrong(&format!("\"one_of\": {error}")))?;
            check_facts(&[Fact::new(id.clone(), body)])?;
        }
        found.push(Leniency { id, optional, one_of });
    }
    Ok(found)
}

/// Facts, what is permitted of them, and the major whose server wrote them.
type Listed = (Vec<Fact>, Vec<Leniency>, Option<u32>);

fn facts(mut list: Value) -> Result<Listed, String> {
    let lenient = leniencies(&mut list["facts"])?;
    let read = Document::read(list).map_err(|error| error.to_string())?;
    check_facts(&read.facts)?;
    Ok((read.facts.into_iter().map(|fact| Fact { key: None, root: None, ..fact }).collect(), lenient, read.major))
}

impl Baseline {
    /// Reads a document; the error names what is wrong and where.
    pub fn read(document: Value) -> Result<Self, String> {
        let Value::Object(mut document) = document else {
            return Err("a baseline is a JSON object with an array \"facts\"".to_owned());
        };
        let mut part = |name: &str| document.remove(name).unwrap_or(Value::Null);
        let mut rules = Rules {
            projection: read_part("projection", part("projection"))?,
            ignore: read_part("ignore", part("ignore"))?,
            mapping: read_part("mapping", part("mapping"))?,
            ..Rules::default()
        };
        let variants: Map<String, Value> = read_part("variants", part("variants"))?;
        for (name, mut overlay) in variants {
            let place = |what: String| format!("variant \"{name}\": {what}");
            if name.is_empty() {
                return Err("a variant has a name".to_owned());
            }
            let list = overlay.as_object_mut().and_then(|fields| fields.remove("facts")).unwrap_or_else(|| Value::Array(Vec::new()));
            let mut variant: Variant = serde_json::from_value(overlay).map_err(|error| place(error.to_string()))?;
            let (added, lenient, _) = facts(serde_json::json!({"facts": list})).map_err(place)?;
            (variant.facts, variant.lenient) = (added, lenient);
            rules.variants.insert(name, variant);
        }
        let (facts, lenient, major) = facts(Value::Object(document))?;
        rules.lenient = lenient;
        let baseline = Self { rules, facts: facts.into_iter().map(Arc::new).collect(), major };
        for name in baseline.variants() {
            baseline.material(name)?;
        }
        Ok(baseline)
    }

    /// As a document that [`Self::read`] reads.
    pub fn document(&self) -> Result<Value, serde_json::Error> {
        let mut document = serde_json::json!({"reader": crate::model::READER_VERSION});
        if let Some(major) = self.major {
            document["major"] = major.into();
        }
        document["projection"] = serde_json::to_value(&self.rules.projection)?;
        if !self.rules.ignore.is_empty() {
            document["ignore"] = serde_json::to_value(&self.rules.ignore)?;
        }
        if !self.rules.mapping.is_empty() {
            document["mapping"] = serde_json::to_value(&self.rules.mapping)?;
        }
        if !self.rules.variants.is_empty() {
            let mut variants = Map::new();
            for (name, variant) in &self.rules.variants {
                let mut overlay = serde_json::to_value(Variant { facts: Vec::new(), lenient: Vec::new(), ..variant.clone() })?;
                overlay["facts"] = written(&variant.facts, &variant.lenient)?;
                variants.insert(name.clone(), overlay);
            }
            document["variants"] = Value::Object(variants);
        }
        document["facts"] = written(self.facts.iter().map(|fact| &**fact), &self.rules.lenient)?;
        Ok(document)
    }

    /// Makes it an edition of a version that another major's server worded: what it does not say beside its facts is as it
    /// is there. What it says otherwise is an error. Facts, and what is permitted of those that only one of them has, are
    /// the majors' own.
    pub fn join(&mut self, first: &Self) -> Result<(), String> {
        let said = |mine: &Projection| *mine != Projection::content();
        let (rules, other) = (&mut self.rules, &first.rules);
        if !said(&rules.projection) {
            rules.projection = other.projection.clone();
        }
        if rules.ignore.is_empty() {
            rules.ignore.clone_from(&other.ignore);
        }
        if rules.mapping.is_empty() {
            rules.mapping = other.mapping.clone();
        }
        if rules.variants.is_empty() {
            rules.variants.clone_from(&other.variants);
        }
        if rules.lenient.is_empty() {
            rules.lenient.clone_from(&other.lenient);
        }
        let both = |id: &FactId| [&self.facts, &first.facts].iter().all(|facts| facts.iter().any(|fact| fact.id == *id));
        let (mine, theirs) = (shape(rules, &both), shape(other, &both));
        let other = mine.into_iter().zip(theirs).find(|((_, mine), (_, theirs))| mine != theirs);
        match other {
            Some(((what, _), _)) => Err(format!("\"{what}\" says otherwise than in the version's other majors")),
            None => Ok(()),
        }
    }

    /// The names of what a member may be: the baseline itself, under no name, and its variants.
    pub fn variants(&self) -> impl Iterator<Item = Option<&str>> {
        std::iter::once(None).chain(self.rules.variants.keys().map(|name| Some(name.as_str())))
    }

    /// What a member of a variant is expected to be.
    pub fn material(&self, variant: Option<&str>) -> Result<Material, String> {
        self.material_with(variant, &mut Hashes::default())
    }

    /// The same, with hashes that were computed for another version that shares facts with this one.
    pub fn material_with(&self, variant: Option<&str>, known: &mut Hashes) -> Result<Material, String> {
        let mut overlays = Vec::new();
        let mut next = variant;
        while let Some(name) = next {
            let overlay = self.rules.variants.get(name).ok_or_else(|| format!("there is no variant \"{name}\""))?;
            if overlays.len() == DEPTH {
                return Err(format!("variant \"{}\" extends itself", variant.unwrap_or_default()));
            }
            overlays.push(overlay);
            next = overlay.extends.as_deref();
        }
        let mut ignore: Vec<String> = self.rules.ignore.clone();
        let mut mapping = self.rules.mapping.clone();
        let mut expected: Facts = self.facts.iter().cloned().collect();
        let mut lenient: HashMap<FactId, Leniency> = self.rules.lenient.iter().map(|each| (each.id.clone(), each.clone())).collect();
        for overlay in overlays.into_iter().rev() {
            let without = Patterns::new(&overlay.without);
            let replaced: HashSet<&FactId> = overlay.facts.iter().map(|fact| &fact.id).collect();
            let kept = expected.iter().filter(|fact| !without.hold(fact, &expected) && !replaced.contains(&fact.id)).cloned();
            expected = kept.chain(overlay.facts.iter().cloned().map(Arc::new)).collect();
            for fact in &overlay.facts {
                lenient.remove(&fact.id);
            }
            lenient.extend(overlay.lenient.iter().map(|each| (each.id.clone(), each.clone())));
            ignore.extend(overlay.ignore.iter().cloned());
            mapping = mapping.overlaid(&overlay.mapping);
        }
        let ignore = Patterns::new(&ignore);
        let positions = expected.iter().filter(|fact| fact.id.kind == Kind::Position).cloned().collect();
        let expected: Facts =
            expected.iter().filter(|fact| self.rules.projection.mirrors(&fact.id) && !ignore.hold(fact, &expected)).cloned().collect();
        let mut sum = LtHash::default();
        let mut hashes = Vec::with_capacity(expected.iter().len());
        for fact in &expected {
            let hash = known.of(fact);
            sum.add(&hash);
            hashes.push(hash);
        }
        let alternatives = lenient
            .into_values()
            .map(|each| {
                let kind = each.id.kind;
                let read = |body| Body::from_json(kind, body).map_err(|error| error.to_string());
                let bodies = each.one_of.into_iter().map(read).collect::<Result<_, _>>()?;
                Ok((each.id, Permitted { optional: each.optional, bodies }))
            })
            .collect::<Result<_, String>>()?;
        Ok(Material {
            expected,
            alternatives,
            ignore,
            mapping,
            projection: self.rules.projection.clone(),
            positions,
            hashes,
            fingerprint: sum.fingerprint(),
        })
    }
}

/// Rules without the texts of facts, which each major has its own of.
fn shape(rules: &Rules, both: &impl Fn(&FactId) -> bool) -> [(&'static str, Value); 5] {
    let permitted = |lenient: &[Leniency], all: bool| {
        let of = lenient.iter().filter(|each| all || both(&each.id));
        let mut words: Vec<String> = of.map(|each| format!("{} {} {}", each.id, each.optional, each.one_of.len())).collect();
        words.sort();
        words
    };
    let variants: BTreeMap<&String, Value> = rules
        .variants
        .iter()
        .map(|(name, variant)| {
            let Variant { extends, lenient, without, ignore, mapping, facts: _ } = variant;
            (name, serde_json::json!([extends, permitted(lenient, true), without, ignore, mapping]))
        })
        .collect();
    [
        ("projection", serde_json::json!(rules.projection)),
        ("ignore", serde_json::json!(rules.ignore)),
        ("mapping", serde_json::json!(rules.mapping)),
        ("optional\" or \"one_of", serde_json::json!(permitted(&rules.lenient, false))),
        ("variants", serde_json::json!(variants)),
    ]
}

fn read_part<T: serde::de::DeserializeOwned + Default>(name: &str, value: Value) -> Result<T, String> {
    if value.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(value).map_err(|error| format!("\"{name}\": {error}"))
}

fn written<'a>(facts: impl IntoIterator<Item = &'a Fact>, lenient: &[Leniency]) -> Result<Value, serde_json::Error> {
    let by_id: HashMap<&FactId, &Leniency> = lenient.iter().map(|each| (&each.id, each)).collect();
    facts
        .into_iter()
        .map(|fact| {
            let mut value = serde_json::to_value(fact)?;
            if let Some(each) = by_id.get(&fact.id) {
                if each.optional {
                    value["optional"] = true.into();
                }
                if !each.one_of.is_empty() {
                    value["one_of"] = Value::Array(each.one_of.clone());
                }
            }
            Ok(value)
        })
        .collect::<Result<Vec<_>, serde_json::Error>>()
        .map(Value::Array)
}

/// Hashes of shared facts, each computed once.
#[derive(Default)]
pub struct Hashes(HashMap<*const Fact, (Arc<Fact>, FactHash)>);

impl Hashes {
    /// The fact is kept as long as its hash is: no other comes to stand at its address.
    fn of(&mut self, fact: &Arc<Fact>) -> FactHash {
        self.0.entry(Arc::as_ptr(fact)).or_insert_with(|| (fact.clone(), fact.hash())).1
    }
}

/// Facts by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Vec<Arc<Fact>>);

impl FromIterator<Arc<Fact>> for Facts {
    fn from_iter<I: IntoIterator<Item = Arc<Fact>>>(facts: I) -> Self {
        let mut facts: Vec<Arc<Fact>> = facts.into_iter().collect();
        facts.sort_by(|a, b| a.id.cmp(&b.id));
        Self(facts)
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        facts.into_iter().map(Arc::new).collect()
    }
}

impl<'a> IntoIterator for &'a Facts {
    type Item = &'a Arc<Fact>;
    type IntoIter = std::slice::Iter<'a, Arc<Fact>>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Facts {
    /// The fact with this id.
    pub fn get(&self, id: &FactId) -> Option<&Fact> {
        self.0.binary_search_by(|fact| fact.id.cmp(id)).ok().map(|i| &*self.0[i])
    }
    /// Whether there is one with this id.
    pub fn holds(&self, id: &FactId) -> bool {
        self.get(id).is_some()
    }
    /// All, in the order of their ids.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Fact>> {
        self.0.iter()
    }
}

/// Patterns on facts in words, which take what belongs to a fact along.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patterns(Vec<Glob>);

impl Patterns {
    /// Reads them; every text is one.
    pub fn new(texts: &[String]) -> Self {
        Self(texts.iter().map(Glob::new).collect())
    }

    /// Whether one of them holds for a fact, or for what it belongs to among these.
    pub fn hold(&self, fact: &Fact, among: &Facts) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut next = Some((fact.id.clone(), fact.parent()));
        while let Some((id, parent)) = next {
            let words = id.to_string();
            if self.0.iter().any(|glob| glob.matches(&words)) {
                return true;
            }
            next = parent.map(|parent| {
                let further =
                    among.get(&parent).map_or_else(|| Fact::new(parent.clone(), crate::model::Unmodelled {}).parent(), Fact::parent);
                (parent, further)
            });
        }
        false
    }
}

/// What is permitted of a fact beside being as the baseline says.
#[derive(Clone, Debug, PartialEq)]
pub struct Permitted {
    /// It may be missing.
    pub optional: bool,
    /// Other attributes.
    pub bodies: Vec<Body>,
}

/// What a member of one variant of one version is expected to be.
#[derive(Clone, Debug)]
pub struct Material {
    /// The facts.
    pub expected: Facts,
    /// What is permitted of some.
    pub alternatives: HashMap<FactId, Permitted>,
    /// What nobody looks at.
    pub ignore: Patterns,
    /// To the member's names, labels not yet filled in.
    pub mapping: Mapping,
    /// What is compared.
    pub projection: Projection,
    /// The order of columns, also where it is not compared: new tables have it.
    pub positions: Vec<Arc<Fact>>,
    /// The facts' hashes.
    pub hashes: Vec<FactHash>,
    /// Of a member that is exactly this.
    pub fingerprint: Fingerprint,
}

impl Material {
    /// These facts, and nothing said of them.
    pub fn bare(expected: Facts, projection: Projection) -> Self {
        Self {
            expected,
            alternatives: HashMap::new(),
            ignore: Patterns::default(),
            mapping: Mapping::default(),
            projection,
            positions: Vec::new(),
            hashes: Vec::new(),
            fingerprint: LtHash::default().fingerprint(),
        }
    }

    /// Whether a fact of a member is looked at; `among` are the member's.
    pub fn heeds(&self, fact: &Fact, among: &Facts) -> bool {
        self.projection.mirrors(&fact.id) && !self.ignore.hold(fact, among)
    }
    /// Whether a fact may be as it is found.
    pub fn permits(&self, expected: &Fact, actual: &Fact) -> bool {
        expected.body == actual.body || self.alternatives.get(&expected.id).is_some_and(|each| each.bodies.contains(&actual.body))
    }
    /// Whether a fact may be missing.
    pub fn spares(&self, expected: &Fact) -> bool {
        let optional = |id: &FactId| self.alternatives.get(id).is_some_and(|each| each.optional);
        let mut next = Some(expected.id.clone());
        while let Some(id) = next {
            if optional(&id) {
                return true;
            }
            next = self.expected.get(&id).and_then(Fact::parent);
        }
        false
    }
    /// Facts of a kind that is known by name only, among a member's.
    pub fn unmodelled<'f>(&self, facts: &'f Facts) -> Vec<&'f FactId> {
        facts.iter().filter(|fact| fact.id.kind == Kind::Unmodelled && self.heeds(fact, facts)).map(|fact| &fact.id).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in crate::fleet) fn shop() -> Value {
        json!({
            "facts": [
                {"kind": "schema", "path": ["shop"]},
                {"kind": "table", "path": ["shop", "orders"]},
                {"kind": "column", "path": ["shop", "orders", "id"], "attributes": {"type": "integer", "not_null": true}},
                {"kind": "column", "path": ["shop", "orders", "state"], "attributes": {"type": "text"},
                 "one_of": [{"type": "character varying"}]},
                {"kind": "index", "path": ["shop", "orders_state"], "attributes": {"table": "orders", "definition": "USING btree (state)"},
                 "optional": true},
            ],
            "ignore": ["table shop.tmp_*"],
            "variants": {
                "eu": {"facts": [{"kind": "column", "path": ["shop", "orders", "vat"], "attributes": {"type": "numeric"}}]},
                "eu_small": {"extends": "eu", "without": ["index shop.*"]},
            },
        })
    }

    #[test]
    fn a_document_is_read_and_written() {
        let baseline = Baseline::read(shop()).unwrap();
        assert_eq!(baseline.rules.lenient.len(), 2);
        let again = Baseline::read(baseline.document().unwrap()).unwrap();
        assert_eq!(again, baseline);
    }

    #[test]
    fn variants_inherit() {
        let baseline = Baseline::read(shop()).unwrap();
        let names = |variant| baseline.material(variant).unwrap().expected.iter().map(|fact| fact.id.to_string()).collect::<Vec<_>>();
        assert_eq!(names(None).len(), 5);
        assert!(names(Some("eu")).contains(&"column shop.orders.vat".to_owned()));
        let small = names(Some("eu_small"));
        assert!(small.contains(&"column shop.orders.vat".to_owned()) && !small.contains(&"index shop.orders_state".to_owned()));
        assert_ne!(baseline.material(None).unwrap().fingerprint, baseline.material(Some("eu")).unwrap().fingerprint);
    }

    #[test]
    fn what_is_ignored_takes_its_parts_along() {
        let mut document = shop();
        document["ignore"] = json!(["table shop.orders"]);
        let baseline = Baseline::read(document).unwrap();
        let left: Vec<String> = baseline.material(None).unwrap().expected.iter().map(|fact| fact.id.to_string()).collect();
        assert_eq!(left, ["schema shop"]);
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |change: fn(&mut Value)| {
            let mut document = shop();
            change(&mut document);
            Baseline::read(document).unwrap_err()
        };
        assert!(wrong(|d| d["variants"]["eu"]["extends"] = json!("eu_small")).contains("extends itself"));
        assert!(wrong(|d| d["variants"]["eu"]["extends"] = json!("us")).contains("no variant \"us\""));
        assert!(wrong(|d| d["variants"]["eu"]["with"] = json!([])).contains("variant \"eu\""));
        assert!(wrong(|d| d["facts"][2]["optional"] = json!("yes")).contains("fact 3"));
        assert!(wrong(|d| d["facts"][2]["one_of"] = json!([{"typ": "x"}])).contains("one_of"));
        assert!(wrong(|d| d["ignored"] = json!([])).contains("ignored"));
        assert!(wrong(|d| d["mapping"] = json!({"schema": {}})).contains("mapping"));
        assert!(wrong(|d| d["facts"][2]["attributes"]["type"] = json!("integer; DROP TABLE x")).contains("column"));
        assert!(Baseline::read(json!([])).unwrap_err().contains("JSON object"));
    }
}
