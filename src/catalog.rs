//! `sql/catalog/*.sql` → facts, for SPI and for a client connection alike.
//!
//! One query per catalog brings raw columns; they are joined here. The same query, with a filter on
//! an indexed OID column, reads the few objects that a command touched, and queries that could bring
//! nothing are not run.
//!
//! What is left out: system schemas, temporary objects, the schema `accord`, members of extensions,
//! what initdb installed, and what PostgreSQL makes by itself (row, array and multirange types, range
//! constructors, TOAST, internal triggers, clones on partitions, sequences of identity columns).

mod alike;
mod base_type;
mod collation;
mod column;
mod constraint;
mod deparse;
mod edge;
mod foreign;
mod gather;
mod index;
mod language;
mod namespace;
mod objects;
mod operator;
mod property;
mod publication;
mod query;
mod relation;
mod routine;
mod row;
mod session;
mod settled;
mod statistics;
mod text_search;
mod trigger;
mod types;
mod unmodelled;

pub use objects::{Aspects, Objects};
pub use row::Rows;

use crate::model::{Fact, Kind, LocalKey};
use gather::Gather;
use query::{Extent, Query};
use std::collections::BTreeSet;

/// Whether the queries leave a schema out: PostgreSQL's own and this extension's.
pub fn leaves_out(schema: &str) -> bool {
    matches!(schema, "accord" | crate::plan::KEPT_SCHEMA | "information_schema") || schema.starts_with("pg_")
}

/// Settings that decide how PostgreSQL deparses expressions: every session or function that reads
/// runs under these. The path is `''` for whatever users own, and keeps temporary objects, which an
/// empty path would look through first, behind the catalogs.
pub const PINNED_SETTINGS: &[(&str, &str)] = &[
    ("search_path", "pg_catalog, pg_temp"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("quote_all_identifiers", "off"),
    ("extra_float_digits", "1"),
    ("jit", "off"),
];

/// Settings under which the filtered queries are best planned, once: an index scan per catalog,
/// whatever the statistics of a small or freshly grown catalog say, and one plan for any list of OIDs.
pub const FILTERED_SETTINGS: &[(&str, &str)] = &[
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_memoize", "off"),
];

/// One value of a row, where rows are few.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    TextArray(Vec<String>),
    Bytes(Vec<u8>),
}

/// One row: cells in the order of the query's columns.
pub type Row = Vec<Cell>;

/// Something that can run the catalog queries: SPI inside the server, or a client connection.
///
/// Result columns are of the types bool, int2, int4, int8, oid, text, name, `"char"` (as text, empty
/// or `\0` for the zero byte) and text[]; no array holds a null.
pub trait Reader {
    /// Why a query failed.
    type Error: From<Malformed>;
    /// Major version of the server, e.g. 15.
    fn major(&self) -> u32;
    /// Runs one query under [`PINNED_SETTINGS`]. `oids` is its only parameter `$1` (`oid[]`), absent
    /// in queries without it. The same text always has the same address, so either can name a kept plan.
    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> Result<Rows, Self::Error>;
    /// The same where the deparsing locks relations until the transaction ends: a reader inside of a transaction lets
    /// go of the locks at once, so that nobody waits for them, and there is room for them however many objects these are.
    fn rows_locking(&mut self, sql: &'static str, oids: &[u32]) -> Result<Rows, Self::Error> {
        self.rows(sql, Some(oids))
    }
    /// The same will be asked for: a reader that asks ahead can begin.
    fn announce(&mut self, _sql: &'static str, _oids: &[u32]) {}
    /// The rows of a query, by its file's name, where they can be had without running it.
    fn known(&mut self, _query: &'static str, _oids: Option<&[u32]>) -> Option<Rows> {
        None
    }
}

/// A row that does not have the shape that the reader of its catalog expects.
#[derive(Debug, thiserror::Error)]
#[error("catalog query {query}: {what}")]
pub struct Malformed {
    /// Name of the query file.
    pub query: &'static str,
    /// What is wrong.
    pub what: String,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The facts, in no particular order; those in `depends` are in the order of their ids.
    pub facts: Vec<Fact>,
    /// References that lead to no fact that was read: the index of the fact that depends, and the
    /// key of what it depends on. Keys are those that facts carry: a type for its array, a constraint
    /// for its index, an extension for its member. After a full read these lead to what is left out.
    pub unresolved: Vec<(usize, LocalKey)>,
}

/// Reads everything.
pub fn read_all<R: Reader>(reader: &mut R) -> Result<Read, R::Error> {
    read_full(reader, Aspects::ALL)
}

/// Reads everything in these aspects. Fingerprints need no [`Aspects::EDGES`].
pub fn read_full<R: Reader>(reader: &mut R, aspects: Aspects) -> Result<Read, R::Error> {
    read(&mut Source { reader }, None, aspects)
}

/// The queries that a full read asks whatever the others bring, in its order: those of a reading of nothing.
pub fn foreseen(major: u32, aspects: Aspects) -> Result<Vec<&'static str>, Malformed> {
    struct Nothing(u32, Vec<&'static str>);
    impl Reader for Nothing {
        type Error = Malformed;
        fn major(&self) -> u32 {
            self.0
        }
        fn rows(&mut self, sql: &'static str, _oids: Option<&[u32]>) -> Result<Rows, Malformed> {
            self.1.push(sql);
            Ok(Rows::default())
        }
    }
    let mut nothing = Nothing(major, Vec::new());
    read_full(&mut nothing, aspects)?;
    Ok(nothing.1)
}

/// The full queries on catalogs that not everybody may read whole.
pub fn guarded(major: u32) -> Result<[&'static str; 2], Malformed> {
    Ok([query::SUBSCRIPTION.text(major, Extent::Full)?, query::USER_MAPPING.text(major, Extent::Full)?])
}

/// One query of one column: the names of those full queries that can bring something, among those that bring nothing in
/// most databases. A reader that has asked it need not run the others, of which [`seldom`] is true.
pub fn census() -> String {
    let parts: Vec<String> = query::SELDOM
        .iter()
        .map(|(query, from, condition)| format!("SELECT '{}' FROM pg_catalog.{from} WHERE {condition}", query.name))
        .collect();
    format!("SELECT DISTINCT u.query FROM ({}) u (query)", parts.join(" UNION ALL "))
}

/// Whether the census tells of a query.
pub fn seldom(query: &str) -> bool {
    query::SELDOM.iter().any(|(seldom, ..)| seldom.name == query)
}

/// Reads these objects; those that do not exist or are left out bring no facts.
pub fn read_objects<R: Reader>(reader: &mut R, objects: &Objects) -> Result<Read, R::Error> {
    read(&mut Source { reader }, Some(objects), objects.aspects)
}

/// All objects, or those with the given OIDs.
type Select<'a> = Option<&'a [u32]>;

/// What makes facts of a catalog's rows.
type Make = fn(&mut Gather, &Rows) -> Result<(), Malformed>;

struct Source<'r, R> {
    reader: &'r mut R,
}

impl<R: Reader> Source<'_, R> {
    fn fetch(&mut self, query: &'static Query, select: Select) -> Result<Rows, R::Error> {
        if select.is_some_and(<[u32]>::is_empty) {
            return Ok(Rows::default());
        }
        if let Some(rows) = self.reader.known(query.name, select) {
            return Ok(rows.of(query.name));
        }
        let sql = query.text(self.reader.major(), if select.is_some() { Extent::Filtered } else { Extent::Full })?;
        Ok(self.reader.rows(sql, select)?.of(query.name))
    }

    /// The rows with these OIDs of their own.
    fn fetch_listed(&mut self, query: &'static Query, oids: &[u32]) -> Result<Rows, R::Error> {
        if oids.is_empty() {
            return Ok(Rows::default());
        }
        let sql = query.text(self.reader.major(), Extent::Listed)?;
        Ok(self.reader.rows(sql, Some(oids))?.of(query.name))
    }

    /// What deparses queries (of views, rules, policies, routines): PostgreSQL locks every relation that one reads,
    /// and keeps the lock.
    fn fetch_locking(&mut self, query: &'static Query, oids: &[u32]) -> Result<Rows, R::Error> {
        if oids.is_empty() {
            return Ok(Rows::default());
        }
        let sql = query.text(self.reader.major(), Extent::Filtered)?;
        Ok(self.reader.rows_locking(sql, oids)?.of(query.name))
    }

    /// Says of a full read that these objects will be fetched so.
    fn announce(&mut self, query: &'static Query, oids: &[u32]) -> Result<(), R::Error> {
        if !oids.is_empty() {
            let sql = query.text(self.reader.major(), Extent::Filtered)?;
            self.reader.announce(sql, oids);
        }
        Ok(())
    }

    /// The objects to give to [`Self::fetch_locking`]: the selected ones, or all that a query lists.
    fn listed(&mut self, list: &'static Query, select: Select) -> Result<Vec<u32>, R::Error> {
        match select {
            Some(oids) => Ok(oids.to_vec()),
            None => Ok(self.fetch(list, None)?.iter().map(|mut row| row.oid()).collect::<Result<_, _>>()?),
        }
    }
}

fn read<R: Reader>(source: &mut Source<R>, objects: Option<&Objects>, aspects: Aspects) -> Result<Read, R::Error> {
    let mut gather = Gather::new(aspects);
    let select = |list: fn(&Objects) -> &Vec<u32>| objects.map(|o| list(o).as_slice());

    namespace::schemas(&mut gather, &source.fetch(&query::SCHEMA, select(|o| &o.schemas))?)?;
    namespace::extensions(&mut gather, &source.fetch(&query::EXTENSION, select(|o| &o.extensions))?)?;
    let routines = source.listed(&query::ROUTINE_LIST, select(|o| &o.routines))?;
    if objects.is_none() {
        source.announce(&query::ROUTINE, &routines)?;
    }
    read_relations(source, &mut gather, select(|o| &o.relations))?;
    read_types(source, &mut gather, select(|o| &o.types))?;
    read_routines(source, &mut gather, &routines, objects.is_none())?;
    read_others(source, &mut gather, objects)?;
    read_foreign(source, &mut gather, objects)?;
    read_publications(source, &mut gather, objects)?;
    read_unmodelled(source, &mut gather, objects)?;
    if gather.wants(Aspects::COMMENTS) {
        let oids = objects.map(|_| gather.commented());
        property::comments(&mut gather, &source.fetch(&query::COMMENT, oids.as_deref())?)?;
    }
    let unresolved = if gather.wants(Aspects::EDGES) { read_edges(source, &mut gather, objects.is_none())? } else { Vec::new() };
    if gather.incomplete {
        return Err(Malformed { query: "relation", what: "an object is gone whose text was asked for".to_owned() }.into());
    }
    gather.facts.iter_mut().for_each(|fact| settled::body(&mut fact.body));
    Ok(Read { facts: gather.facts, unresolved })
}

fn read_types<R: Reader>(source: &mut Source<R>, gather: &mut Gather, select: Select) -> Result<(), R::Error> {
    types::types(gather, &source.fetch(&query::TYPE, select)?)?;
    base_type::base_types(gather, &source.fetch(&query::BASE_TYPE, select)?)?;
    let of = |gather: &Gather, kind| select.map(|_| gather.types_of(kind));
    let oids = of(gather, types::ENUM);
    types::labels(gather, &source.fetch(&query::ENUM, oids.as_deref())?)?;
    let oids = of(gather, types::DOMAIN);
    types::domain_constraints(gather, &source.fetch(&query::DOMAIN_CONSTRAINT, oids.as_deref())?)?;
    let oids = of(gather, types::RANGE);
    types::ranges(gather, &source.fetch(&query::RANGE, oids.as_deref())?)?;
    Ok(())
}

fn read_routines<R: Reader>(source: &mut Source<R>, gather: &mut Gather, oids: &[u32], full: bool) -> Result<(), R::Error> {
    routine::routines(gather, &source.fetch_locking(&query::ROUTINE, oids)?)?;
    let rest: Vec<u32> = oids.iter().copied().filter(|&oid| !gather.has_routine(oid)).collect();
    routine::aggregates(gather, &source.fetch(&query::AGGREGATE, (!full).then_some(&rest))?)?;
    Ok(())
}

fn read_relations<R: Reader>(source: &mut Source<R>, gather: &mut Gather, select: Select) -> Result<(), R::Error> {
    use relation::Relation;
    relation::relations(gather, &source.fetch(&query::RELATION, select)?)?;
    // The relations of which a catalog is worth reading.
    let of = |gather: &Gather, wanted: &dyn Fn(&Relation) -> bool| select.map(|_| gather.relations_where(wanted));
    let full = select.is_none();
    let wants = |gather: &Gather, aspect| gather.wants(aspect);

    if full {
        // As they are asked for below.
        source.announce(&query::VIEW, &gather.relations_where(&Relation::is_view))?;
        source.announce(&query::RULE, &gather.relations_where(&|r| r.has_rule))?;
    }
    let everything = wants(gather, Aspects::COLUMNS) || wants(gather, Aspects::PRIVILEGES);
    let definitions = wants(gather, Aspects::RELATION);
    if everything || definitions {
        let oids = of(gather, &|r| r.has_columns() && (everything || r.is_view()));
        let rows = source.fetch(&query::COLUMN, oids.as_deref())?;
        let types = if full { Some(source.column_types(gather, &rows)?) } else { None };
        column::columns(gather, &rows, types.as_ref())?;
    }
    if wants(gather, Aspects::SEQUENCES) || wants(gather, Aspects::PRIVILEGES) {
        let oids = of(gather, &Relation::is_sequence);
        relation::sequences(gather, &source.fetch(&query::SEQUENCE, oids.as_deref())?, full)?;
    }
    // What columns say of defaults and identities is known only where they were read.
    let known = everything;
    if wants(gather, Aspects::DEFAULTS) {
        let oids = of(gather, &|r| r.has_columns() && (r.has_default || !known));
        let rows = source.fetch(&query::DEFAULT, oids.as_deref())?;
        let texts = if full { Some(source.default_texts(gather, &rows)?) } else { None };
        column::defaults(gather, &rows, texts.as_ref())?;
    }
    if wants(gather, Aspects::IDENTITY) && !full {
        let oids = of(gather, &|r| r.is_table() && (r.has_identity || !known));
        column::identities(gather, &source.fetch(&query::IDENTITY, oids.as_deref())?)?;
    }
    if wants(gather, Aspects::INHERITANCE) {
        let oids = of(gather, &Relation::is_table);
        relation::parents(gather, &source.fetch(&query::INHERIT, oids.as_deref())?)?;
    }
    if wants(gather, Aspects::CONSTRAINTS) {
        let oids = of(gather, &Relation::is_table);
        let rows = source.fetch(&query::CONSTRAINT, oids.as_deref())?;
        let texts = if full { Some(source.constraint_texts(gather, &rows)?) } else { None };
        constraint::constraints(gather, &rows, texts.as_ref())?;
    }
    if wants(gather, Aspects::INDEXES) {
        let oids = of(gather, &|r| r.has_index);
        let rows = if full {
            let plain = index::plain(gather, &source.fetch(&query::INDEX_LIST, None)?)?;
            source.fetch_listed(&query::INDEX, &plain)?
        } else {
            source.fetch(&query::INDEX, oids.as_deref())?
        };
        index::indexes(gather, &rows)?;
        let oids = of(gather, &|r| r.is_table() || r.kind == Kind::MaterializedView);
        statistics::statistics(gather, &source.fetch(&query::STATISTICS, oids.as_deref())?)?;
    }
    if wants(gather, Aspects::TRIGGERS) {
        let oids = of(gather, &|r| r.has_trigger);
        trigger::triggers(gather, &source.fetch(&query::TRIGGER, oids.as_deref())?)?;
    }
    if definitions {
        let oids = gather.relations_where(&Relation::is_view);
        relation::views(gather, &source.fetch_locking(&query::VIEW, &oids)?)?;
    }
    if wants(gather, Aspects::POLICIES) {
        let oids = of(gather, &Relation::is_table);
        let oids = source.listed(&query::POLICY_LIST, oids.as_deref())?;
        trigger::policies(gather, &source.fetch_locking(&query::POLICY, &oids)?)?;
    }
    let view_edges = wants(gather, Aspects::EDGES) && definitions;
    let rules = wants(gather, Aspects::RULES);
    if rules || view_edges {
        let oids = gather.relations_where(&|r| r.has_rule && (rules || r.is_view()));
        trigger::rules(gather, &source.fetch_locking(&query::RULE, &oids)?)?;
    }
    Ok(())
}

/// What hangs on no relation, catalog by catalog.
fn read_others<R: Reader>(source: &mut Source<R>, gather: &mut Gather, objects: Option<&Objects>) -> Result<(), R::Error> {
    let select = |classid| objects.map(|o| gather::sorted(o.others.iter().filter(|other| other.0 == classid).map(|other| other.1)));
    let catalogs: [(u32, &'static Query, Make); 13] = [
        (gather::ACCESS_METHOD, &query::ACCESS_METHOD, language::access_methods),
        (gather::LANGUAGE, &query::LANGUAGE, language::languages),
        (gather::TRANSFORM, &query::TRANSFORM, language::transforms),
        (gather::CAST, &query::CAST, operator::casts),
        (gather::OPERATOR, &query::OPERATOR, operator::operators),
        (gather::OPERATOR_FAMILY, &query::OPERATOR_FAMILY, operator::families),
        (gather::OPERATOR_CLASS, &query::OPERATOR_CLASS, operator::classes),
        (gather::COLLATION, &query::COLLATION, collation::collations),
        (gather::CONVERSION, &query::CONVERSION, collation::conversions),
        (gather::TS_PARSER, &query::TEXT_SEARCH_PARSER, text_search::parsers),
        (gather::TS_TEMPLATE, &query::TEXT_SEARCH_TEMPLATE, text_search::templates),
        (gather::TS_DICTIONARY, &query::TEXT_SEARCH_DICTIONARY, text_search::dictionaries),
        (gather::TS_CONFIGURATION, &query::TEXT_SEARCH_CONFIGURATION, text_search::configurations),
    ];
    for (classid, query, make) in catalogs {
        make(gather, &source.fetch(query, select(classid).as_deref())?)?;
    }
    let families: Option<Vec<u32>> = objects.map(|_| gather.families.iter().copied().collect());
    operator::member_operators(gather, &source.fetch(&query::MEMBER_OPERATOR, families.as_deref())?)?;
    operator::member_functions(gather, &source.fetch(&query::MEMBER_FUNCTION, families.as_deref())?)?;
    let configurations = objects.map(|_| gather.read_of(gather::TS_CONFIGURATION));
    text_search::mappings(gather, &source.fetch(&query::TEXT_SEARCH_MAPPING, configurations.as_deref())?)?;
    Ok(())
}

fn read_foreign<R: Reader>(source: &mut Source<R>, gather: &mut Gather, objects: Option<&Objects>) -> Result<(), R::Error> {
    let of = |class| objects.map(|o| o.in_class(class));
    foreign::wrappers(gather, &source.fetch(&query::FOREIGN_DATA_WRAPPER, of(gather::FOREIGN_DATA_WRAPPER).as_deref())?)?;
    foreign::servers(gather, &source.fetch(&query::SERVER, of(gather::FOREIGN_SERVER).as_deref())?)?;
    foreign::mappings(gather, &source.fetch(&query::USER_MAPPING, of(gather::USER_MAPPING).as_deref())?)?;
    Ok(())
}

fn read_publications<R: Reader>(source: &mut Source<R>, gather: &mut Gather, objects: Option<&Objects>) -> Result<(), R::Error> {
    let of = |class| objects.map(|o| o.in_class(class));
    let publications = of(gather::PUBLICATION);
    publication::publications(gather, &source.fetch(&query::PUBLICATION, publications.as_deref())?)?;
    publication::tables(gather, &source.fetch(&query::PUBLICATION_TABLE, publications.as_deref())?)?;
    if source.reader.major() >= 15 {
        publication::schemas(gather, &source.fetch(&query::PUBLICATION_SCHEMA, publications.as_deref())?)?;
    }
    publication::subscriptions(gather, &source.fetch(&query::SUBSCRIPTION, of(gather::SUBSCRIPTION).as_deref())?)?;
    session::event_triggers(gather, &source.fetch(&query::EVENT_TRIGGER, of(gather::EVENT_TRIGGER).as_deref())?)?;
    session::default_privileges(gather, &source.fetch(&query::DEFAULT_PRIVILEGE, of(gather::DEFAULT_ACL).as_deref())?)?;
    Ok(())
}

fn read_unmodelled<R: Reader>(source: &mut Source<R>, gather: &mut Gather, objects: Option<&Objects>) -> Result<(), R::Error> {
    let pairs: Option<Vec<u32>> =
        objects.map(|o| o.others.iter().collect::<BTreeSet<_>>().into_iter().flat_map(|&(class, oid)| [class, oid]).collect());
    unmodelled::objects(gather, &source.fetch(&query::UNMODELLED, pairs.as_deref())?)?;
    Ok(())
}

fn read_edges<R: Reader>(source: &mut Source<R>, gather: &mut Gather, full: bool) -> Result<Vec<(usize, LocalKey)>, R::Error> {
    let select = |list: Vec<u32>| if full { None } else { Some(list) };
    let depending = select(gather.depending());
    edge::edges(gather, &source.fetch(&query::EDGE, depending.as_deref())?)?;

    let mut stand_ins = edge::StandIns::default();
    let missing = gather.missing();
    let of = |class| gather::sorted(missing.iter().filter(|k| k.classid == class).map(|k| k.objid));
    let types = select(of(gather::TYPE));
    stand_ins.read(&source.fetch(&query::REFERENCE_TYPE, types.as_deref())?)?;
    if !full {
        stand_ins.read(&source.fetch(&query::REFERENCE_RELATION, Some(&of(gather::CLASS)))?)?;
    }
    let members = select(gather::pairs(missing.iter().filter(|k| edge::can_be_member(k))));
    stand_ins.read(&source.fetch(&query::REFERENCE_MEMBER, members.as_deref())?)?;
    Ok(edge::resolve(gather, &stand_ins))
}
