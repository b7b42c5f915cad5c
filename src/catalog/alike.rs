//! What reads the same is deparsed once.
//!
//! A large schema has a few hundred different expressions and types, each ten thousand times, and the server's
//! deparsing is most of what reading them costs. A full read brings the stored trees; those that are alike get
//! the text of the first of them.

use super::gather::Gather;
use super::relation::Relation;
use super::row::Rows;
use super::{Reader, Source, gather, query};
use crate::model::{Name, Qualified};
use foldhash::HashMap;
use std::collections::BTreeSet;

/// What decides the text of an expression: its tree, but for the places in the statement that it was written at,
/// and the names of the columns that it reads. `None`: more than that, and it is not alike any other.
fn key<'n>(tree: &str, column: impl Fn(i32) -> Option<&'n Name>, key: &mut String) -> Option<()> {
    const PLACE: &str = ":location ";
    const COLUMN: &str = ":varattno ";
    let mut rest = tree;
    while let Some(at) = rest.find(PLACE) {
        key.push_str(&rest[..at]);
        rest = rest[at + PLACE.len()..].trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    }
    key.push_str(rest);
    for (at, _) in tree.match_indices(COLUMN) {
        let number = &tree[at + COLUMN.len()..];
        let number = &number[..number.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(number.len())];
        name(number.parse().ok()?, &column, key)?;
    }
    Some(())
}

/// Adds a column's name to a key.
fn name<'n>(number: i32, column: impl Fn(i32) -> Option<&'n Name>, key: &mut String) -> Option<()> {
    // The whole row's text holds the table's name; the system's columns are none of the table's.
    let name = column(number).filter(|_| number > 0)?;
    key.push('\0');
    key.push_str(name.as_str());
    Some(())
}

/// The numbers of an int2[] as text.
fn columns(numbers: &str) -> impl Iterator<Item = Option<i32>> {
    numbers.trim_matches(['{', '}']).split(',').map(|number| number.parse().ok())
}

/// What `pg_get_constraintdef` says of a foreign key that matches and acts as by default, between tables that were read.
fn foreign_key(
    gather: &Gather,
    relation: &Relation,
    referenced: u32,
    flags: i64,
    (own, others): (Option<&str>, Option<&str>),
) -> Option<String> {
    /// Deferrable, deferred, not enforced. Whether it is valid is told elsewhere.
    const SAID: i64 = 0b1_0011;
    let list = |relation: &Relation, numbers: &str| -> Option<String> {
        let names = columns(numbers).map(|number| Some(relation.column_name(number?)?.to_string()));
        Some(names.collect::<Option<Vec<_>>>()?.join(", "))
    };
    let others = others.filter(|_| flags & SAID == 0)?;
    let target = gather.relations.get(&referenced)?;
    let (own, others) = (list(relation, own?)?, list(target, others)?);
    Some(format!("FOREIGN KEY ({own}) REFERENCES {}({others})", Qualified { schema: target.schema.clone(), name: target.name.clone() }))
}

/// Objects by what decides their texts.
#[derive(Default)]
pub(super) struct Alike {
    first: HashMap<String, u32>,
    /// The object whose text each has.
    of: HashMap<u32, u32>,
    key: String,
}

impl Alike {
    /// Adds an object whose key this writes, or that is like no other.
    fn add(&mut self, oid: u32, write: impl FnOnce(&mut String) -> Option<()>) {
        self.key.clear();
        let known = write(&mut self.key).map(|()| self.first.get(&self.key).copied());
        if known == Some(None) {
            self.first.insert(self.key.clone(), oid);
        }
        self.of.insert(oid, known.flatten().unwrap_or(oid));
    }

    /// Those of which the text is asked for.
    fn asked(&self) -> Vec<u32> {
        gather::sorted(self.of.values().copied())
    }
}

/// The texts of a full read.
#[derive(Default)]
pub(super) struct Texts {
    alike: Alike,
    of_first: HashMap<u32, String>,
    /// Those that their rows said.
    own: HashMap<u32, String>,
}

impl Texts {
    /// The text of an object that was asked for; empty where it is missing, and the reading fails.
    pub(super) fn of(&self, oid: u32) -> String {
        let text = self.alike.of.get(&oid).and_then(|first| self.of_first.get(first));
        text.or_else(|| self.own.get(&oid)).cloned().unwrap_or_default()
    }
}

impl<R: Reader> Source<'_, R> {
    /// Asks for the texts of the first of each kind, which stand in this column of the query's rows.
    fn texts(
        &mut self,
        gather: &mut Gather,
        (alike, own): (Alike, HashMap<u32, String>),
        query: &'static query::Query,
        column: usize,
    ) -> Result<Texts, R::Error> {
        let (asked, mut texts) = (alike.asked(), HashMap::default());
        for mut row in self.fetch_listed(query, &asked)?.iter() {
            let oid = row.oid()?;
            row.skip(column - 1);
            if let Some(text) = row.opt_text()? {
                texts.insert(oid, text);
            }
        }
        gather.incomplete |= texts.len() < asked.len();
        Ok(Texts { alike, of_first: texts, own })
    }

    /// The expressions of a full read's defaults.
    pub(super) fn default_texts(&mut self, gather: &mut Gather, rows: &Rows) -> Result<Texts, R::Error> {
        let mut alike = Alike::default();
        for mut row in rows.iter() {
            let (oid, relation) = (row.oid()?, row.oid()?);
            row.skip(4);
            let (tree, relation) = (row.str()?, gather.relations.get(&relation));
            if let Some(relation) = relation {
                alike.add(oid, |text| key(tree, |number| relation.column_name(number), text));
            }
        }
        self.texts(gather, (alike, HashMap::default()), &query::DEFAULT, 5)
    }

    /// The definitions of a full read's constraints, but those whose rows bring their own.
    pub(super) fn constraint_texts(&mut self, gather: &mut Gather, rows: &Rows) -> Result<Texts, R::Error> {
        let (mut alike, mut own) = (Alike::default(), HashMap::default());
        for mut row in rows.iter() {
            let (oid, relation) = (row.oid()?, row.oid()?);
            let Some(relation) = gather.relations.get(&relation) else { continue };
            row.skip(1);
            let kind = row.str()?;
            if row.opt_str()?.is_some() {
                continue;
            }
            row.skip(4);
            let referenced = row.oid()?;
            row.skip(5);
            let (flags, numbers, tree) = (row.int()?, row.opt_str()?, row.opt_str()?);
            let column = |number| relation.column_name(number);
            if let Some(text) = foreign_key(gather, relation, referenced, flags, (numbers, row.opt_str()?)) {
                own.insert(oid, text);
                continue;
            }
            alike.add(oid, |text| {
                text.push_str(kind);
                text.push_str(&flags.to_string());
                match tree {
                    Some(tree) => key(tree, column, text),
                    None if kind == "f" => None,
                    None => columns(numbers?).try_for_each(|number| name(number?, column, text)),
                }
            });
        }
        self.texts(gather, (alike, own), &query::CONSTRAINT, 4)
    }

    /// The types of a full read's columns.
    pub(super) fn column_types(&mut self, gather: &mut Gather, rows: &Rows) -> Result<Types, R::Error> {
        // In order: the same question is the same list.
        let mut asked: BTreeSet<(u32, u32)> = BTreeSet::new();
        for mut row in rows.iter() {
            if gather.relations.contains_key(&row.oid()?) {
                row.skip(15);
                asked.insert((row.oid()?, row.small()?.cast_unsigned()));
            }
        }
        let pairs: Vec<u32> = asked.iter().flat_map(|&(oid, modifier)| [oid, modifier]).collect();
        let mut types = Types::default();
        for mut row in self.fetch(&query::COLUMN_TYPE, Some(&pairs))?.iter() {
            let of = (row.oid()?, row.small()?);
            types.of.insert(of, Type { text: row.text()?, collation: row.oid()?, storage: row.letter()? });
        }
        gather.incomplete |= types.of.len() < asked.len();
        Ok(types)
    }
}

/// The types of a full read's columns, by OID and modifier.
#[derive(Default)]
pub(super) struct Types {
    of: HashMap<(u32, i32), Type>,
}

struct Type {
    text: String,
    collation: u32,
    storage: Option<char>,
}

/// What a column's type says, and where the column goes its own way.
pub(super) struct Typed {
    pub(super) text: String,
    pub(super) collation: Option<Qualified>,
    pub(super) storage: Option<char>,
}

impl Types {
    /// Of a type, a column's collation with its name (none for that of the database), and its storage. Nothing where
    /// the type is missing, and the reading fails.
    pub(super) fn of(&self, (oid, modifier): (u32, i32), (collation, named): (u32, Option<Qualified>), storage: Option<char>) -> Typed {
        let Some(of) = self.of.get(&(oid, modifier)) else {
            return Typed { text: String::new(), collation: None, storage: None };
        };
        let own = collation != 0 && collation != of.collation;
        let named = || named.unwrap_or_else(|| Qualified::new("pg_catalog", "default"));
        Typed { text: of.text.clone(), collation: own.then(named), storage: storage.filter(|_| storage != of.storage) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tree: &str, names: &[&str]) -> Option<String> {
        let names: Vec<Name> = names.iter().map(|name| Name::from(*name)).collect();
        let mut text = String::new();
        key(tree, |number| names.get(usize::try_from(number - 1).ok()?), &mut text).map(|()| text)
    }

    #[test]
    fn places_do_not_tell_expressions_apart_and_names_do() {
        let tree = |number: i32, place: i32| {
            format!("{{OPEXPR :args ({{VAR :varno 1 :varattno {number} :varattnosyn {number} :location {place}}}) :location -1}}")
        };
        assert_eq!(of(&tree(1, 40), &["a"]), of(&tree(1, -1), &["a"]));
        assert_ne!(of(&tree(1, 40), &["a"]), of(&tree(1, 40), &["b"]));
        assert_ne!(of(&tree(1, 40), &["a", "a"]), of(&tree(2, 40), &["a", "a"]), "the number is in the tree");
        assert_eq!(of(&tree(0, 40), &["a"]), None, "the whole row");
        assert_eq!(of(&tree(-6, 40), &["a"]), None, "tableoid");
        assert_eq!(of(&tree(2, 40), &["a"]), None, "no such column");
        assert_ne!(of("{CONST :constvalue 4 [ 1 0 0 0 ]}", &[]), of("{CONST :constvalue 4 [ 2 0 0 0 ]}", &[]));
    }
}
