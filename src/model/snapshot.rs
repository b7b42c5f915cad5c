//! A whole schema at one moment, and the part of it that a replica mirrors.

use super::{Fact, FactId, Fingerprint, Kind, LtHash, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The facts of one database at one moment, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    facts: BTreeMap<FactId, Fact>,
}

/// Two facts claim the same id.
#[derive(Debug, thiserror::Error)]
#[error("{0} stands twice in the model")]
pub struct Duplicate(pub FactId);

impl Model {
    /// Gathers facts into a model.
    pub fn new(facts: impl IntoIterator<Item = Fact>) -> Result<Self, Duplicate> {
        let mut model = Self::default();
        for fact in facts {
            if let Some(twice) = model.facts.insert(fact.id.clone(), fact) {
                return Err(Duplicate(twice.id));
            }
        }
        Ok(model)
    }
    /// The fact with this id.
    pub fn get(&self, id: &FactId) -> Option<&Fact> {
        self.facts.get(id)
    }
    /// Adds a fact, or replaces the one with its id.
    pub fn insert(&mut self, fact: Fact) -> Option<Fact> {
        self.facts.insert(fact.id.clone(), fact)
    }
    /// Takes a fact out.
    pub fn remove(&mut self, id: &FactId) -> Option<Fact> {
        self.facts.remove(id)
    }
    /// All facts, in the order of their ids.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values()
    }
    /// How many facts.
    pub fn len(&self) -> usize {
        self.facts.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
    /// All facts, owned.
    pub fn into_facts(self) -> Vec<Fact> {
        self.facts.into_values().collect()
    }
    /// The part that a projection mirrors.
    #[must_use]
    pub fn project(&self, projection: &Projection) -> Self {
        Self { facts: self.facts.iter().filter(|(id, _)| projection.mirrors(id)).map(|(k, v)| (k.clone(), v.clone())).collect() }
    }
    /// The sum over all facts.
    pub fn sum(&self) -> LtHash {
        let mut sum = LtHash::default();
        self.facts().for_each(|fact| sum.add(&fact.hash()));
        sum
    }
    /// The fingerprint over all facts.
    pub fn fingerprint(&self) -> Fingerprint {
        self.sum().fingerprint()
    }
}

/// The part of a model that a replica mirrors.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Projection {
    /// Only these schemas; none for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Vec<Name>>,
    /// Not these schemas.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_schemas: Vec<Name>,
    /// Not these kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_kinds: Vec<Kind>,
    /// Kinds that stay where they are unless they are named here: see [`named_as`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_kinds: Vec<Kind>,
    /// Owners, as without `pg_dump --no-owner`.
    pub owners: bool,
    /// Privileges and default privileges, as without `pg_dump --no-acl`.
    pub privileges: bool,
    /// The order of columns and attributes.
    pub column_order: bool,
}

impl Default for Projection {
    fn default() -> Self {
        Self {
            schemas: None,
            exclude_schemas: Vec::new(),
            exclude_kinds: Vec::new(),
            include_kinds: Vec::new(),
            owners: false,
            privileges: false,
            column_order: true,
        }
    }
}

/// Kinds that are each site's own: what a server lets out and takes in, the credentials it has
/// elsewhere, what it runs at its own DDL, labels of a provider that it must have loaded. A projection
/// takes them only by name.
pub const SITE_LOCAL: [Kind; 5] = [Kind::UserMapping, Kind::Publication, Kind::Subscription, Kind::EventTrigger, Kind::SecurityLabel];

/// The kind by whose name a site's own kind is included; none for what is mirrored by itself.
pub fn named_as(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::PublicationTable | Kind::PublicationSchema => Some(Kind::Publication),
        kind if SITE_LOCAL.contains(&kind) => Some(kind),
        _ => None,
    }
}

impl Projection {
    /// Everything: owners, privileges, column order and what is each site's own included.
    pub fn whole() -> Self {
        Self { owners: true, privileges: true, include_kinds: SITE_LOCAL.to_vec(), ..Self::default() }
    }

    /// The default one without the order of columns, which no DDL restores.
    pub fn content() -> Self {
        Self { column_order: false, ..Self::default() }
    }

    /// Whether a kind is among those that are mirrored, as far as lists of kinds tell.
    pub fn takes(&self, kind: Kind) -> bool {
        !self.exclude_kinds.contains(&kind) && named_as(kind).is_none_or(|name| self.include_kinds.contains(&name))
    }

    /// Whether facts of this kind, in this schema, are mirrored. The question that running sums are kept by.
    pub fn mirrors_group(&self, kind: Kind, schema: Option<&Name>) -> bool {
        let kind_in = match kind {
            Kind::Owner => self.owners,
            Kind::Grant | Kind::DefaultPrivilege => self.privileges,
            Kind::Position => self.column_order,
            _ => true,
        };
        kind_in
            && self.takes(kind)
            && schema.is_none_or(|schema| {
                !self.exclude_schemas.contains(schema) && self.schemas.as_ref().is_none_or(|only| only.contains(schema))
            })
    }

    /// Whether this fact is mirrored.
    pub fn mirrors(&self, id: &FactId) -> bool {
        self.mirrors_group(id.kind, id.schema()) && id.of.is_none_or(|of| self.takes(of))
    }
}
