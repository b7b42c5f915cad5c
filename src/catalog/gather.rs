//! Where the facts are gathered, and found by the keys that other rows name them by.

use super::Aspects;
use super::relation::Relation;
use super::types::TypeKind;
use crate::model::{Body, Fact, FactId, Kind, LocalKey, Owner};
use foldhash::{HashMap, HashSet};
use std::collections::BTreeSet;

pub(super) const TYPE: u32 = 1247;
pub(super) const PROC: u32 = 1255;
pub(super) const CLASS: u32 = 1259;
pub(super) const ATTRDEF: u32 = 2604;
pub(super) const CONSTRAINT: u32 = 2606;
pub(super) const INHERITS: u32 = 2611;
pub(super) const NAMESPACE: u32 = 2615;
pub(super) const REWRITE: u32 = 2618;
pub(super) const TRIGGER: u32 = 2620;
pub(super) const EXTENSION: u32 = 3079;
pub(super) const POLICY: u32 = 3256;
pub(super) const ENUM: u32 = 3501;
pub(super) const ACCESS_METHOD: u32 = 2601;
pub(super) const AMOP: u32 = 2602;
pub(super) const AMPROC: u32 = 2603;
pub(super) const CAST: u32 = 2605;
pub(super) const CONVERSION: u32 = 2607;
pub(super) const LANGUAGE: u32 = 2612;
pub(super) const OPERATOR_CLASS: u32 = 2616;
pub(super) const OPERATOR: u32 = 2617;
pub(super) const OPERATOR_FAMILY: u32 = 2753;
pub(super) const STATISTICS: u32 = 3381;
pub(super) const COLLATION: u32 = 3456;
pub(super) const TRANSFORM: u32 = 3576;
pub(super) const TS_DICTIONARY: u32 = 3600;
pub(super) const TS_PARSER: u32 = 3601;
pub(super) const TS_CONFIGURATION: u32 = 3602;
pub(super) const TS_TEMPLATE: u32 = 3764;
pub(super) const DEFAULT_ACL: u32 = 826;
pub(super) const FOREIGN_SERVER: u32 = 1417;
pub(super) const USER_MAPPING: u32 = 1418;
pub(super) const FOREIGN_DATA_WRAPPER: u32 = 2328;
pub(super) const EVENT_TRIGGER: u32 = 3466;
pub(super) const SUBSCRIPTION: u32 = 6100;
pub(super) const PUBLICATION: u32 = 6104;
pub(super) const PUBLICATION_REL: u32 = 6106;
pub(super) const PUBLICATION_NAMESPACE: u32 = 6237;

pub(super) fn key(classid: u32, objid: u32, objsubid: i32) -> LocalKey {
    LocalKey { classid, objid, objsubid }
}

/// What facts are made about: an object's identity, with its key and its family's root.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) id: FactId,
    pub(super) key: LocalKey,
    pub(super) root: (u32, u32),
}

impl Subject {
    /// An object that is a family's root.
    pub(super) fn root(id: FactId, classid: u32, objid: u32) -> Self {
        Self { id, key: key(classid, objid, 0), root: (classid, objid) }
    }
}

pub(super) struct Gather {
    aspects: Aspects,
    pub(super) facts: Vec<Fact>,
    /// Facts that can be referred to.
    targets: HashMap<LocalKey, usize>,
    /// By `pg_class` OID.
    pub(super) relations: HashMap<u32, Relation>,
    /// Relations by the `pg_type` OID of their row type.
    pub(super) row_types: HashMap<u32, u32>,
    /// By `pg_type` OID.
    pub(super) types: HashMap<u32, (TypeKind, Subject)>,
    /// `pg_opfamily` OIDs whose members matter: families that were read, and those of classes that were.
    pub(super) families: BTreeSet<u32>,
    /// What facts refer to, not yet resolved.
    pub(super) references: Vec<(usize, LocalKey)>,
    /// References that the ids imply.
    pub(super) implied: HashSet<(usize, LocalKey)>,
    /// A text was not there: the reading goes on, so that all queries are asked, and fails at its end.
    pub(super) incomplete: bool,
}

impl Gather {
    pub(super) fn new(aspects: Aspects) -> Self {
        Self {
            aspects,
            facts: Vec::new(),
            targets: HashMap::default(),
            relations: HashMap::default(),
            row_types: HashMap::default(),
            types: HashMap::default(),
            families: BTreeSet::new(),
            references: Vec::new(),
            implied: HashSet::default(),
            incomplete: false,
        }
    }

    /// Makes room for so many facts more.
    pub(super) fn expect(&mut self, facts: usize) {
        self.facts.reserve(facts);
        self.targets.reserve(facts / 2);
    }

    pub(super) fn wants(&self, aspect: Aspects) -> bool {
        self.aspects.contains(aspect)
    }

    /// Adds a fact that others can refer to by its key.
    pub(super) fn object(&mut self, subject: Subject, body: impl Into<Body>) -> usize {
        self.targets.insert(subject.key, self.facts.len());
        self.property(subject, body)
    }

    /// Adds a fact that shares its key with another or is never referred to.
    pub(super) fn property(&mut self, subject: Subject, body: impl Into<Body>) -> usize {
        let mut fact = Fact::new(subject.id, body);
        fact.key = Some(subject.key);
        fact.root = Some(subject.root);
        self.facts.push(fact);
        self.facts.len() - 1
    }

    /// Whatever refers to this key, or depends on something under this key, means that fact.
    pub(super) fn alias(&mut self, alias: LocalKey, fact: usize) {
        self.targets.entry(alias).or_insert(fact);
    }

    pub(super) fn owner(&mut self, subject: &Subject, role: String) {
        if self.wants(Aspects::PRIVILEGES) {
            let id = subject.id.property(Kind::Owner);
            self.property(Subject { id, ..subject.clone() }, Owner { role: role.into() });
        }
    }

    /// The fact under exactly this key.
    pub(super) fn target(&self, key: LocalKey) -> Option<usize> {
        self.targets.get(&key).copied()
    }

    /// The fact that a reference leads to, as far as it can be told without other catalogs: a view's
    /// column is the view, a row type is its table.
    pub(super) fn find(&self, referenced: LocalKey) -> Option<usize> {
        let whole = || match referenced.classid {
            CLASS => self.relations.get(&referenced.objid).filter(|r| r.is_view() || r.is_sequence()).map(|r| r.oid),
            TYPE => self.row_types.get(&referenced.objid).copied(),
            _ => None,
        };
        self.target(referenced).or_else(|| self.target(key(CLASS, whole()?, 0)))
    }

    pub(super) fn has_routine(&self, oid: u32) -> bool {
        self.target(key(PROC, oid, 0)).is_some()
    }

    /// OIDs in this catalog of the facts that were read.
    pub(super) fn read_of(&self, classid: u32) -> Vec<u32> {
        sorted(self.targets.keys().filter(|k| k.classid == classid).map(|k| k.objid))
    }

    pub(super) fn relations_where(&self, wanted: &dyn Fn(&Relation) -> bool) -> Vec<u32> {
        sorted(self.relations.values().filter(|r| wanted(r)).map(|r| r.oid))
    }

    pub(super) fn types_of(&self, kind: TypeKind) -> Vec<u32> {
        sorted(self.types.iter().filter(|(_, (k, _))| *k == kind).map(|(oid, _)| *oid))
    }

    /// OIDs that can have comments.
    pub(super) fn commented(&self) -> Vec<u32> {
        let composites =
            self.row_types.iter().filter(|(_, rel)| self.relations.get(rel).is_some_and(Relation::is_composite)).map(|(ty, _)| *ty);
        let objects = self.targets.keys().filter(|k| k.classid != ATTRDEF && k.classid != ENUM).map(|k| k.objid);
        sorted(self.relations.keys().copied().chain(composites).chain(objects))
    }

    /// What can depend on something, as edge.sql takes it.
    pub(super) fn depending(&self) -> Vec<u32> {
        pairs(self.targets.keys().filter(|k| k.classid != ENUM && k.classid != NAMESPACE))
    }

    /// What is referred to and no fact stands under.
    pub(super) fn missing(&self) -> Vec<LocalKey> {
        self.references.iter().map(|(_, key)| *key).filter(|key| self.find(*key).is_none()).collect()
    }
}

pub(super) fn sorted(oids: impl Iterator<Item = u32>) -> Vec<u32> {
    oids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Catalog, object, catalog, object, …; each pair once.
pub(super) fn pairs<'k>(keys: impl Iterator<Item = &'k LocalKey>) -> Vec<u32> {
    let pairs: BTreeSet<(u32, u32)> = keys.map(|k| (k.classid, k.objid)).collect();
    pairs.into_iter().flat_map(|(classid, objid)| [classid, objid]).collect()
}
