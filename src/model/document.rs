//! A model as a document: what `accord.model()` gives, and what people keep, edit and hand back.
//!
//! PURE. A document is hostile input: nothing in it is taken for granted, nothing is skipped in
//! silence, and what is wrong is named with its place.

use super::{Fact, FactId, LocalKey, READER_VERSION};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use uuid::Uuid;

/// Facts in one document: twenty times what 100,000 tables need.
const MAX_FACTS: usize = 20_000_000;
/// Edges of one fact.
const MAX_EDGES: usize = 20_000;
/// Notes of one fact.
const MAX_NOTES: usize = 32;

/// A document that was read.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The history that the local keys belong to, where the facts carry them.
    pub ledger: Option<Uuid>,
    /// The major whose server wrote the texts.
    pub major: Option<u32>,
    /// The facts, each with its local key if it came with one.
    pub facts: Vec<Fact>,
}

/// Why a document is no model.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its outer shape.
    #[error("{0}")]
    Shape(String),
    /// One of its facts, counted from 1.
    #[error("fact {position}: {why}")]
    Fact {
        /// Which.
        position: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A limit.
    #[error("it holds more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Another reader made it.
    #[error("reader {0} of pg_accord made it, this one is reader {READER_VERSION}")]
    Reader(u64),
}

fn number(document: &Map<String, Value>, name: &str) -> Result<Option<u64>, Unreadable> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| Unreadable::Shape(format!("\"{name}\" is not a number of a version"))),
    }
}

impl Document {
    /// Reads a document. The names of its parts are known: any other is an error.
    pub fn read(document: Value) -> Result<Self, Unreadable> {
        let Value::Object(mut document) = document else {
            return Err(Unreadable::Shape("a model is a JSON object with an array \"facts\"".to_owned()));
        };
        if let Some(name) =
            document.keys().find(|name| !["reader", "major", "ledger", "version", "fingerprint", "facts"].contains(&name.as_str()))
        {
            return Err(Unreadable::Shape(format!("a model has no \"{name}\"")));
        }
        if let Some(reader) = number(&document, "reader")?.filter(|&reader| reader != u64::from(READER_VERSION)) {
            return Err(Unreadable::Reader(reader));
        }
        let major = number(&document, "major")?.map(|major| u32::try_from(major).unwrap_or(u32::MAX));
        let ledger = match document.get("ledger") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let uuid = value.as_str().and_then(|text| text.parse().ok());
                Some(uuid.ok_or_else(|| Unreadable::Shape("\"ledger\" is not the UUID of a ledger".to_owned()))?)
            }
        };
        let Some(Value::Array(list)) = document.remove("facts") else {
            return Err(Unreadable::Shape("a model has an array \"facts\"".to_owned()));
        };
        if list.len() > MAX_FACTS {
            return Err(Unreadable::TooLarge { what: "facts", limit: MAX_FACTS });
        }
        let mut facts = Vec::with_capacity(list.len());
        for (i, value) in list.into_iter().enumerate() {
            facts.push(fact(value).map_err(|why| Unreadable::Fact { position: i + 1, why })?);
        }
        let mut seen: HashSet<&FactId> = HashSet::with_capacity(facts.len());
        for (i, fact) in facts.iter().enumerate() {
            if !seen.insert(&fact.id) {
                return Err(Unreadable::Fact { position: i + 1, why: format!("{} stands twice in the model", fact.id) });
            }
        }
        if ledger.is_none()
            && let Some(keyed) = facts.iter().position(|fact| fact.key.is_some())
        {
            return Err(Unreadable::Fact { position: keyed + 1, why: "it has a key, but the model names no \"ledger\"".to_owned() });
        }
        Ok(Self { ledger, major, facts })
    }

    /// The facts of two documents in a form that the diff may compare: with their local keys where
    /// both come from one history, without them otherwise.
    pub fn comparable(mut self, mut other: Self) -> (Vec<Fact>, Vec<Fact>) {
        if self.ledger.is_none() || self.ledger != other.ledger {
            for fact in self.facts.iter_mut().chain(&mut other.facts) {
                fact.key = None;
            }
        }
        (self.facts, other.facts)
    }
}

fn fact(value: Value) -> Result<Fact, String> {
    let Value::Object(mut fields) = value else { return Err("it is not a JSON object".to_owned()) };
    if let Some(name) = fields.keys().find(|name| !["kind", "of", "path", "attributes", "depends", "notes", "key"].contains(&name.as_str()))
    {
        return Err(format!("a fact has no \"{name}\""));
    }
    let length = |name: &str| match fields.get(name) {
        Some(Value::Array(list)) => list.len(),
        Some(Value::Object(map)) => map.len(),
        _ => 0,
    };
    if length("depends") > MAX_EDGES || length("notes") > MAX_NOTES {
        return Err(format!("it has more than {MAX_EDGES} edges or {MAX_NOTES} notes"));
    }
    let key = match fields.remove("key") {
        None | Some(Value::Null) => None,
        Some(value) => Some(key(&value).ok_or_else(|| "\"key\" is not [catalog, object, column]".to_owned())?),
    };
    let mut fact: Fact = serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
    fact.key = key;
    Ok(fact)
}

fn key(value: &Value) -> Option<LocalKey> {
    let [classid, objid, objsubid] = value.as_array()?.as_slice() else { return None };
    Some(LocalKey {
        classid: u32::try_from(classid.as_u64()?).ok()?,
        objid: u32::try_from(objid.as_u64()?).ok()?,
        objsubid: i32::try_from(objsubid.as_i64()?).ok()?,
    })
}

/// A fact as a document holds it, with its local key.
pub fn keyed(fact: &Fact) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(fact)?;
    if let (Some(key), Value::Object(fields)) = (fact.key, &mut value) {
        fields.insert("key".to_owned(), json!([key.classid, key.objid, key.objsubid]));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Schema, Table};

    fn table() -> Value {
        json!({"kind": "table", "path": ["s", "t"], "attributes": {}})
    }
    fn refused(document: Value) -> String {
        Document::read(document).map_or_else(|error| error.to_string(), |read| panic!("{read:?}"))
    }

    #[test]
    fn what_was_written_is_read() {
        let mut fact = Fact::new(FactId::new(Kind::Table, ["s", "t"]), Table::default());
        fact.depends = vec![FactId::new(Kind::Schema, ["s"])];
        fact.key = Some(LocalKey { classid: 1259, objid: 4_000_000_000, objsubid: -7 });
        let schema = Fact::new(FactId::new(Kind::Schema, ["s"]), Schema {});
        let document = json!({"reader": READER_VERSION, "major": 15, "fingerprint": "00", "ledger": Uuid::nil(),
            "facts": [keyed(&fact).unwrap(), keyed(&schema).unwrap()]});
        let read = Document::read(document).unwrap();
        assert_eq!((read.facts, read.major, read.ledger), (vec![fact, schema], Some(15), Some(Uuid::nil())));
    }

    #[test]
    fn keys_are_compared_within_one_history_only() {
        let with = |ledger: Uuid| {
            let mut fact = table();
            fact["key"] = json!([1259, 5, 0]);
            Document::read(json!({"ledger": ledger, "facts": [fact]})).unwrap()
        };
        let (a, b) = with(Uuid::nil()).comparable(with(Uuid::nil()));
        assert!(a[0].key.is_some() && b[0].key.is_some());
        let (a, b) = with(Uuid::nil()).comparable(with(Uuid::max()));
        assert!(a[0].key.is_none() && b[0].key.is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert!(refused(json!([])).contains("JSON object"));
        assert!(refused(json!({"facts": {}})).contains("array"));
        assert!(refused(json!({"facts": [], "fact": []})).contains("\"fact\""));
        assert!(refused(json!({"facts": [], "reader": 999})).contains("reader 999"));
        assert!(refused(json!({"facts": [], "reader": "x"})).contains("\"reader\""));
        assert!(refused(json!({"facts": [], "ledger": "x"})).contains("UUID"));
        assert_eq!(refused(json!({"facts": [table(), table()]})), "fact 2: table s.t stands twice in the model");
        assert!(refused(json!({"facts": [table(), 5]})).starts_with("fact 2: "));
        let with = |name: &str, value: Value| {
            let mut fact = table();
            fact[name] = value;
            refused(json!({"facts": [fact]}))
        };
        assert!(with("attribute", json!({})).contains("\"attribute\""));
        assert!(with("attributes", json!({"unlogged": true, "fast": 1})).contains("fast"));
        assert!(with("path", json!(["s"])).contains("path"));
        assert!(with("kind", json!("tabel")).contains("tabel"));
        assert!(with("key", json!([1, 2])).contains("\"key\""));
        assert!(with("key", json!([1, 2, 3])).contains("\"ledger\""));
        assert!(with("depends", json!([{"kind": "schema", "path": []}])).contains("path"));
        let sequence = json!({"kind": "sequence", "path": ["s", "q"], "attributes": {"type": "bigint", "start": 1, "increment": 1,
            "minimum": 1, "maximum": 9, "cache": 1, "cylce": true}});
        assert!(refused(json!({"facts": [sequence]})).contains("cylce"));
    }
}
