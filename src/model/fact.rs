//! The model's one grain.

use super::{Body, FactId, Kind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::cell::RefCell;

/// BLAKE3-256 over a fact's id and canonical attributes.
pub type FactHash = [u8; 32];

/// Where a fact lives in this database's catalogs: tells a rename from a drop and a create.
/// Two keys are comparable only when they were read from the same database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalKey {
    /// The catalog's OID (`pg_class`, `pg_proc`, …).
    pub classid: u32,
    /// The row's OID in that catalog.
    pub objid: u32,
    /// Column number, or 0.
    pub objsubid: i32,
}

/// Observations that travel with a fact and are neither compared nor hashed
/// (`populated` of a materialized view, `volatile` of a default).
pub type Notes = Map<String, Value>;

/// An object, or one property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is about.
    pub id: FactId,
    /// The attributes that are compared and hashed.
    pub body: Body,
    /// Facts that must exist for this one to exist.
    pub depends: Vec<FactId>,
    /// Observations beside the attributes.
    pub notes: Notes,
    /// Its place in the catalogs that it was read from; never serialized.
    pub key: Option<LocalKey>,
    /// (classid, objid) of the object whose family it belongs to: a table for its columns,
    /// constraints, indexes and triggers; never serialized.
    pub root: Option<(u32, u32)>,
}

impl Fact {
    /// A fact with no edges, notes or key.
    pub fn new(id: FactId, body: impl Into<Body>) -> Self {
        Self { id, body: body.into(), depends: Vec::new(), notes: Notes::new(), key: None, root: None }
    }

    /// The object that this fact is a part or a property of, `None` for one that stands alone.
    /// Derived from the id, but for an index or a statistics object, whose table is an attribute.
    pub fn parent(&self) -> Option<FactId> {
        if let Some(target) = self.id.target() {
            return Some(target);
        }
        let path = &self.id.path;
        let owner = |kind| Some(FactId::new(kind, path[..2].iter().cloned()));
        match self.id.kind {
            Kind::EnumLabel => owner(Kind::Enum),
            Kind::DomainConstraint => owner(Kind::Domain),
            Kind::Attribute => owner(Kind::Composite),
            Kind::Inherit | Kind::Partition | Kind::Column | Kind::Constraint | Kind::Trigger | Kind::Policy | Kind::Rule => {
                owner(Kind::Table)
            }
            Kind::Position | Kind::Default | Kind::Identity => Some(FactId::new(Kind::Column, path.iter().cloned())),
            Kind::Index => match &self.body {
                Body::Index(index) => Some(FactId::new(Kind::Table, [path[0].clone(), index.table.clone()])),
                _ => None,
            },
            Kind::Statistics => match &self.body {
                Body::Statistics(statistics) => {
                    Some(FactId::new(Kind::Table, [statistics.table.schema.clone(), statistics.table.name.clone()]))
                }
                _ => None,
            },
            Kind::PublicationTable | Kind::PublicationSchema => Some(FactId::new(Kind::Publication, path[..1].iter().cloned())),
            _ => None,
        }
    }

    /// The hash over id and canonical attributes.
    pub fn hash(&self) -> FactHash {
        thread_local! {
            static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        // One text and one call: BLAKE3 takes many small ones for as many times the price.
        TEXT.with_borrow_mut(|text| {
            text.clear();
            // Neither can fail: our own attribute structs, written into memory.
            self.id.write_to(&mut Bytes(text)).expect("an id is written");
            text.push(0);
            serde_json::to_writer(&mut *text, &self.body).expect("attributes serialize");
            *blake3::hash(text).as_bytes()
        })
    }
}

/// Texts as bytes.
struct Bytes<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(flatten)]
    id: FactId,
    #[serde(default, skip_serializing_if = "is_empty_object")]
    attributes: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    depends: Vec<FactId>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    notes: Notes,
}

fn is_empty_object(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.id.kind)?;
        if let Some(of) = &self.id.of {
            map.serialize_entry("of", of)?;
        }
        map.serialize_entry("path", &self.id.path)?;
        map.serialize_entry("attributes", &self.body)?;
        if !self.depends.is_empty() {
            map.serialize_entry("depends", &self.depends)?;
        }
        if !self.notes.is_empty() {
            map.serialize_entry("notes", &self.notes)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut wire = Wire::deserialize(deserializer)?;
        wire.id.check().map_err(serde::de::Error::custom)?;
        for edge in &wire.depends {
            edge.check().map_err(serde::de::Error::custom)?;
        }
        if wire.attributes.is_null() {
            wire.attributes = Value::Object(Map::new());
        }
        let body = Body::from_json(wire.id.kind, wire.attributes).map_err(|e| serde::de::Error::custom(format!("{}: {e}", wire.id)))?;
        Ok(Self { id: wire.id, body, depends: wire.depends, notes: wire.notes, key: None, root: None })
    }
}
