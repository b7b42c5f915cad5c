//! Data that a plan would destroy: set aside in a schema of its own, and brought back by the reverse.
//!
//! A dropped table is moved there, whatever its size, and loses all that would act or refer (whoever
//! carries the plan out strips it: only the catalogs know all of that). Values of a column that is dropped,
//! or that loses something by a change of type, are copied into a table of their own, beside the key of
//! their row; where the table has no key, beside a digest of the rest of the row, which tells it as long as
//! nobody changes it. What is kept stands on nothing outside: values of types that somebody made are kept as
//! their text, so that no later DROP TYPE stumbles over them.
//!
//! The reverse is told by its definition: the same object under the same name with the same attributes.

use super::Lock;
use super::lexer::{Token, tokens};
use super::order::Action;
use super::scene::{Scene, table_of};
use super::sql::{AlterTable, Alteration, Joined, Maybe, flag, relation};
use crate::model::{Body, Column, ConstraintType, Fact, FactId, Fingerprint, Kind, Name, Qualified, Table};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// Where kept data is; in no model and no projection.
pub const KEPT_SCHEMA: &str = "accord_kept";

/// Something that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The table or the column that held it.
    pub id: FactId,
    /// In words: "the rows of table shop.orders".
    pub what: String,
    /// The table of [`KEPT_SCHEMA`] that holds it.
    pub place: Name,
    /// Hash of what was there: the reverse brings the same.
    pub definition: String,
    /// For a column: what tells the rows apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<KeyColumn>,
    /// Without a key: the rows are told by all their other columns, which `key` names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_content: bool,
    /// For a change of type: the type that it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub became: Option<String>,
}

/// One column of those that tell the rows of a table apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyColumn {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub data_type: String,
    /// It has a collation of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collated: bool,
}

/// What a step does with kept data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    /// It brings it back, rather than setting it aside.
    pub back: bool,
    /// The standing table whose rows it reads or writes, which nothing may disturb: no trigger, no rule, no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<FactId>,
    /// The data.
    pub kept: Kept,
}

impl Kept {
    /// The table that holds it, as statements name it.
    pub fn table(&self) -> Qualified {
        Qualified::new(Name::from(KEPT_SCHEMA), self.place.clone())
    }

    /// A column of its table that is none of the columns kept there.
    fn beside(&self, word: &str) -> Name {
        let mut name = word.to_owned();
        while self.id.name().as_str() == name || self.key.iter().any(|column| column.name.as_str() == name) {
            name.push('_');
        }
        Name::from(name)
    }
}

/// The hash by which the reverse is known: of the table with its columns, or of the column.
pub fn definition<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> String {
    let mut hashes: Vec<_> = facts.into_iter().map(Fact::hash).collect();
    hashes.sort_unstable();
    Fingerprint(*blake3::hash(&hashes.concat()).as_bytes()).to_string()
}

/// Whether a fact belongs to what decides whether a table's rows fit.
pub fn defines(fact: &Fact) -> bool {
    match &fact.body {
        Body::Table(_) | Body::Column(_) => true,
        Body::Default(default) => default.generated.is_some(),
        _ => false,
    }
}

/// A name that nothing else kept has: `mark` is another one for each command.
pub(super) fn place(id: &FactId, mark: &str) -> Name {
    let digest = blake3::hash(format!("{mark} {id}").as_bytes()).to_hex();
    let mut stem = id.path[1..].iter().map(Name::as_str).collect::<Vec<_>>().join("_");
    while stem.len() > 63 - 17 {
        stem.pop();
    }
    Name::from(format!("{stem}_{}", &digest[..16]))
}

/// Whether a type, as `format_type` names it, is one that somebody made.
pub(super) fn is_made(data_type: &str) -> bool {
    tokens(data_type).iter().any(|token| token.is_symbol("."))
}

/// A value as its type's output function writes it. A cast could be somebody's function.
struct Text<T>(T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // IS NULL holds for a row of nulls as well.
        write!(f, "CASE WHEN pg_catalog.num_nulls({0}) = 0 THEN pg_catalog.format('%s', {0}) END", self.0)
    }
}

/// A value as it is kept.
pub(super) struct Held<'a, T>(pub T, pub &'a str, pub Option<&'a Qualified>);

impl<T: fmt::Display> fmt::Display for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held(value, data_type, collation) = self;
        if is_made(data_type) {
            return Text(value).fmt(f);
        }
        write!(f, "{value}{}", flag(collation.is_some_and(is_made_collation), " COLLATE pg_catalog.\"default\""))
    }
}

fn is_made_collation(collation: &Qualified) -> bool {
    collation.schema.as_str() != "pg_catalog"
}

/// A column of one of the two tables of a statement.
struct Of<'a>(&'static str, &'a Name);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A digest of these columns of a row.
struct Content<'a>(&'a [KeyColumn]);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<Of> = self.0.iter().map(|column| Of("t", &column.name)).collect();
        write!(f, "pg_catalog.md5(pg_catalog.format('%s', ROW({})))", Joined(&columns, ", "))
    }
}

/// `t` and `k` are one row.
struct SameKey<'a>(&'a [KeyColumn]);

impl fmt::Display for SameKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, KeyColumn { name, data_type, collated }) in self.0.iter().enumerate() {
            f.write_str(flag(i > 0, " AND "))?;
            let (t, k) = (Of("t", name), Of("k", name));
            match (is_made(data_type), collated) {
                (true, _) => write!(f, "{} OPERATOR(pg_catalog.=) {k}", Text(t))?,
                // The two need not have one collation: the bytes decide.
                (_, true) => write!(f, "({t} COLLATE pg_catalog.\"C\") OPERATOR(pg_catalog.=) ({k} COLLATE pg_catalog.\"C\")")?,
                _ => write!(f, "{t} OPERATOR(pg_catalog.=) {k}")?,
            }
        }
        Ok(())
    }
}

/// Copies the values of a column.
struct Copy<'a> {
    kept: &'a Kept,
    only: bool,
    table: Qualified,
    name: &'a Name,
    column: &'a Column,
    /// The expression that the values become, and the column afterwards.
    became: Option<(&'a str, &'a Column)>,
}

impl fmt::Display for Copy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Copy { kept, only, table, name, column, became } = self;
        write!(f, "CREATE TABLE {} AS SELECT ", kept.table())?;
        if kept.by_content {
            write!(f, "{} AS {}, ", Content(&kept.key), kept.beside("content"))?;
        } else {
            for KeyColumn { name, data_type, collated } in &kept.key {
                let value = Of("t", name);
                let collate = flag(*collated, " COLLATE pg_catalog.\"default\"");
                if is_made(data_type) {
                    write!(f, "{} AS {name}, ", Text(value))?;
                } else {
                    write!(f, "{value}{collate} AS {name}, ")?;
                }
            }
        }
        write!(f, "{} AS {}", Held(Of("t", name), &column.data_type, column.collation.as_ref()), kept.id.name())?;
        if let Some((using, after)) = became {
            let value = format!("({using})::{}", after.data_type);
            write!(f, ", {} AS {}", Held(value, &after.data_type, after.collation.as_ref()), kept.beside("became"))?;
        }
        write!(f, " FROM {}{table} AS t", flag(*only, "ONLY "))
    }
}

/// Writes the values of a column back.
struct Return<'a> {
    kept: &'a Kept,
    only: bool,
    table: Qualified,
    column: &'a Column,
}

impl fmt::Display for Return<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Return { kept, only, table, column } = self;
        let (only, name) = (flag(*only, "ONLY "), kept.id.name());
        let value = Maybe("::", is_made(&column.data_type).then_some(&column.data_type));
        write!(f, "UPDATE {only}{table} AS t SET {name} = k.{name}{value} FROM ")?;
        if !kept.by_content {
            return write!(f, "{} AS k WHERE {}", kept.table(), SameKey(&kept.key));
        }
        // Rows that are alike in all else are one as good as the other.
        let content = kept.beside("content");
        write!(
            f,
            "(SELECT t.tableoid AS o, t.ctid AS c, {0} AS d, pg_catalog.row_number() OVER (PARTITION BY {0}) AS n FROM {only}{table} AS t) AS r \
             JOIN (SELECT k.*, pg_catalog.row_number() OVER (PARTITION BY k.{content}) AS \"row number\" FROM {1} AS k) AS k \
             ON r.d OPERATOR(pg_catalog.=) k.{content} AND r.n OPERATOR(pg_catalog.=) k.\"row number\" WHERE t.tableoid OPERATOR(pg_catalog.=) r.o AND t.ctid OPERATOR(pg_catalog.=) r.c",
            Content(&kept.key),
            kept.table()
        )
    }
}

/// Forgets kept values whose rows hold another one by now than the change of type had made of them.
struct Stale<'a> {
    kept: &'a Kept,
    only: bool,
    table: Qualified,
    name: &'a Name,
}

impl fmt::Display for Stale<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stale { kept, only, table, name } = self;
        let became = kept.beside("became");
        write!(f, "DELETE FROM {} AS k WHERE NOT EXISTS (SELECT FROM {}{table} AS t WHERE ", kept.table(), flag(*only, "ONLY "))?;
        if kept.by_content {
            write!(f, "{} OPERATOR(pg_catalog.=) k.{}", Content(&kept.key), kept.beside("content"))?;
        } else {
            SameKey(&kept.key).fmt(f)?;
        }
        write!(
            f,
            " AND pg_catalog.num_nulls(t.{name}) OPERATOR(pg_catalog.=) pg_catalog.num_nulls(k.{became}) \
             AND pg_catalog.format('%s', t.{name}) OPERATOR(pg_catalog.=) pg_catalog.format('%s', k.{became}))"
        )
    }
}

/// The columns of dropped tables, and what generates them, by table.
#[derive(Default)]
pub(super) struct Dropped<'a>(HashMap<&'a [Name], Vec<&'a Fact>>);

impl<'a> Dropped<'a> {
    pub(super) fn gather(scene: &'a Scene) -> Self {
        let mut dropped = Self::default();
        if scene.options.keep.is_some() {
            for item in scene.items.iter().filter(|item| item.after.is_none()) {
                if let Some(fact) = item.before.as_ref().filter(|fact| defines(fact)) {
                    dropped.0.entry(&fact.id.path[..2]).or_default().push(fact);
                }
            }
        }
        dropped
    }
}

/// Moves a dropped table aside, instead of dropping it.
pub(super) fn table(scene: &Scene, dropped: &Dropped, old: &FactId, fact: &Fact, body: &Table) -> Option<Action> {
    let mark = scene.options.keep.as_deref()?;
    // A table's access method can be changed from PostgreSQL 15 on.
    if body.access_method.is_some() && scene.options.major < 15 {
        return None;
    }
    let parts = dropped.0.get(fact.id.path.as_slice()).map_or(&[][..], Vec::as_slice);
    let kept = Kept {
        id: old.clone(),
        what: format!("the rows of {old}"),
        place: place(old, mark),
        definition: definition(parts.iter().copied()),
        key: Vec::new(),
        by_content: false,
        became: None,
    };
    let aside = Name::from(KEPT_SCHEMA);
    let locks: Vec<FactId> = std::iter::once(old.clone()).chain(scene.parents_before(old)).collect();
    let moved = Qualified::new(aside.clone(), fact.id.name().clone());
    let mut action = Action::new(18, old, format_args!("ALTER TABLE {} SET SCHEMA {aside}", relation(&fact.id)))
        .locking(Lock::AccessExclusive, locks)
        .then(old, format_args!("ALTER TABLE {moved} RENAME TO {}", kept.place))
        .locking(Lock::AccessExclusive, [old.clone()]);
    action.last().kept = Some(Keeping { back: false, on: None, kept: kept.clone() });
    let plain = Qualified::new(Name::from("pg_catalog"), Name::from("default"));
    let heap = Name::from("heap");
    let virtually = |name: &Name| {
        parts.iter().any(|part| {
            matches!(&part.body, Body::Default(default) if default.generated.as_deref() == Some("virtual")) && part.id.name() == name
        })
    };
    let texts: HashMap<&Name, String> = parts
        .iter()
        .filter_map(|part| match &part.body {
            Body::Column(column) if is_made(&column.data_type) => Some((part.id.name(), Text(part.id.name()).to_string())),
            _ => None,
        })
        .collect();
    let mut actions: Vec<Alteration> = Vec::new();
    if body.access_method.is_some() {
        actions.push(Alteration::SetAccessMethod(Some(&heap)));
    }
    let mut rewrites = body.access_method.is_some();
    for part in parts {
        let (name, Body::Column(column)) = (part.id.name(), &part.body) else { continue };
        if virtually(name) {
            continue;
        }
        if let Some(using) = texts.get(name) {
            rewrites = true;
            actions.push(Alteration::SetType { column: name, data_type: "text", collation: None, using: Some(using) });
        } else if column.collation.as_ref().is_some_and(is_made_collation) {
            actions.push(Alteration::SetType { column: name, data_type: &column.data_type, collation: Some(&plain), using: None });
        }
    }
    if !actions.is_empty() {
        let statement = AlterTable { only: true, table: kept.table(), actions };
        action = action.then(old, &statement).locking(Lock::AccessExclusive, [old.clone()]).rewriting(rewrites);
    }
    Some(action)
}

/// What tells the rows of a table apart: its key, or else all columns but this one.
fn key(scene: &Scene, old: &FactId, name: &Name) -> (Vec<KeyColumn>, bool) {
    let table = table_of(old);
    let children = scene.around.children(&table);
    // The column as it stands before and after: gone or of another type, it tells nothing.
    let column = |standing: &Name| {
        let id = FactId::new(Kind::Column, [table.path[0].clone(), table.path[1].clone(), standing.clone()]);
        let fact = children.iter().find(|fact| fact.id == id)?;
        let now = match scene.item_of(&id) {
            Some(i) => scene.items[i].after.clone()?,
            None => fact.clone(),
        };
        match (&fact.body, &now.body) {
            (Body::Column(before), Body::Column(after)) if before.data_type == after.data_type && now.id.name() != name => {
                let collated = after.collation.is_some();
                Some((KeyColumn { name: now.id.name().clone(), data_type: after.data_type.clone(), collated }, before.not_null))
            }
            _ => None,
        }
    };
    let mut keys: Vec<(bool, Vec<KeyColumn>)> = Vec::new();
    for fact in &children {
        let Body::Constraint(constraint) = &fact.body else { continue };
        if !matches!(constraint.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique) {
            continue;
        }
        let columns: Option<Vec<KeyColumn>> = columns_of(&constraint.definition)
            .iter()
            .map(|name| column(name).filter(|(_, not_null)| *not_null).map(|(key, _)| key))
            .collect();
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            keys.push((constraint.constraint_type != ConstraintType::PrimaryKey, columns));
        }
    }
    keys.sort_by_key(|(unique, columns)| (*unique, columns.len()));
    if let Some((_, key)) = keys.into_iter().next() {
        return (key, false);
    }
    let generated = |name: &Name| {
        children.iter().any(|fact| matches!(&fact.body, Body::Default(default) if default.generated.is_some()) && fact.id.name() == name)
    };
    let mut rest: Vec<KeyColumn> = children
        .iter()
        .filter(|fact| fact.id.kind == Kind::Column && !generated(fact.id.name()))
        .filter_map(|fact| column(fact.id.name()).map(|(key, _)| key))
        .collect();
    rest.sort_by(|a, b| a.name.cmp(&b.name));
    (rest, true)
}

/// The columns of `PRIMARY KEY (a, b) …`.
fn columns_of(definition: &str) -> Vec<Name> {
    let list = tokens(definition);
    let inside = list.iter().skip_while(|token| !token.is_symbol("(")).skip(1).take_while(|token| !token.is_symbol(")"));
    inside
        .filter_map(|token| match token {
            Token::Word(word) => Some(Name::from(word.as_str())),
            _ => None,
        })
        .collect()
}

/// Whether the values of this column are reached from its parent's: a partition's, whose parent does the same.
fn reached_from_above(scene: &Scene, old: &FactId) -> bool {
    scene.kept_parents(old).iter().any(|parent| {
        let above = FactId::new(Kind::Column, parent.path.iter().chain([old.name()]).cloned());
        matches!(scene.was(parent), Some(Fact { body: Body::Table(Table { partition_by: Some(_), .. }), .. }))
            && scene.item_of(&above).is_some()
    })
}

/// Whether a statement on this table is about its own rows only.
fn only(scene: &Scene, id: &FactId) -> bool {
    !scene.partitioned(id)
}

/// `1`: without its children.
pub(super) struct LockTable(pub Qualified, pub bool);

impl fmt::Display for LockTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LOCK TABLE {}{} IN ACCESS EXCLUSIVE MODE", flag(self.1, "ONLY "), self.0)
    }
}

/// Adds to an action what copies a column's values before it goes on. `became` is the expression that they are
/// converted by, and the column afterwards. False: they are lost.
pub(super) fn column(
    scene: &Scene,
    action: &mut Action,
    old: &FactId,
    fact: &Fact,
    column: &Column,
    became: Option<(&str, &Column)>,
) -> bool {
    let Some(mark) = scene.options.keep.as_deref() else { return false };
    if reached_from_above(scene, old) {
        return true;
    }
    let (key, by_content) = key(scene, old, fact.id.name());
    let what = match became {
        None => format!("the values of {old}"),
        Some((_, after)) => format!("the values of {old} before they became {}", after.data_type),
    };
    let kept = Kept {
        id: old.clone(),
        what,
        place: place(old, mark),
        definition: definition([&Fact { id: old.clone(), ..fact.clone() }]),
        key,
        by_content,
        became: became.map(|(_, after)| after.data_type.clone()),
    };
    let (standing, only) = (table_of(old), only(scene, &fact.id));
    let table = relation(&fact.id);
    let copy = Copy { kept: &kept, only, table: table.clone(), name: fact.id.name(), column, became }.to_string();
    // Held to the end of the transaction: a row that is written in between would not be kept.
    *action = std::mem::take(action)
        .then(&standing, LockTable(table, only))
        .locking(Lock::AccessExclusive, [standing.clone()])
        .then(&standing, copy)
        .locking(Lock::AccessExclusive, [standing])
        .scanning(true);
    if kept.by_content {
        *action = std::mem::take(action).warning(format!(
            "{} has no key: rows that change meanwhile do not get {} back",
            table_of(old),
            kept.what
        ));
    }
    action.last().kept = Some(Keeping { back: false, on: Some(table_of(&fact.id)), kept });
    true
}

/// What is kept of this fact, as far as it can be brought back; or why its rows cannot be told any more.
pub(super) fn to_return<'a>(scene: &'a Scene, id: &FactId) -> Option<Result<&'a Kept, String>> {
    let kept = scene.options.back.iter().find(|kept| kept.id == *id)?;
    let stands = |column: &KeyColumn| {
        let id = FactId::new(Kind::Column, [id.path[0].clone(), id.path[1].clone(), column.name.clone()]);
        let fact = scene.is(&id).filter(|_| !scene.creates(&id));
        matches!(fact.map(|fact| fact.body), Some(Body::Column(now)) if now.data_type == column.data_type)
    };
    Some(if kept.key.iter().all(stands) {
        Ok(kept)
    } else {
        Err(format!("{} stay in {}: the columns that tell the rows apart are others by now", kept.what, kept.table()))
    })
}

/// Fills a table that comes back with its rows, before anything but its columns is there.
pub(super) fn refill(scene: &Scene, id: &FactId, columns: &[&Name], action: Action) -> Action {
    let Some(kept) = scene.options.back.iter().find(|kept| kept.id == *id) else { return action };
    let source = FactId::new(Kind::Table, [Name::from(KEPT_SCHEMA), kept.place.clone()]);
    let types: HashMap<&Name, String> = columns
        .iter()
        .filter_map(|name| match scene.is(&FactId::new(Kind::Column, id.path.iter().chain([*name]).cloned()))?.body {
            Body::Column(column) if is_made(&column.data_type) => Some((*name, column.data_type)),
            _ => None,
        })
        .collect();
    let values: Vec<String> = columns.iter().map(|name| format!("k.{name}{}", Maybe("::", types.get(name)))).collect();
    let list = if columns.is_empty() { String::new() } else { format!(" ({}) OVERRIDING SYSTEM VALUE", Joined(columns, ", ")) };
    let sql = format!("INSERT INTO {}{list} SELECT {} FROM {} AS k", relation(id), Joined(&values, ", "), kept.table());
    let mut action = action.then(id, sql).locking(Lock::AccessExclusive, [source]).scanning(true);
    action.last().kept = Some(Keeping { back: true, on: None, kept: kept.clone() });
    action
}

/// Writes a column's values back.
pub(super) fn give_back(scene: &Scene, kept: &Kept, id: &FactId, column: &Column, action: Action) -> Action {
    let table = table_of(id);
    let statement = Return { kept, only: only(scene, id), table: relation(id), column };
    let mut action = action.then(&table, &statement).locking(Lock::AccessExclusive, [table.clone()]).rewriting(true);
    action.last().kept = Some(Keeping { back: true, on: Some(table), kept: kept.clone() });
    action
}

/// Before a type is changed back: leaves out the rows that were written since.
pub(super) fn leave_out_stale(scene: &Scene, kept: &Kept, old: &FactId, now: &FactId, action: Action) -> Action {
    let (standing, only) = (table_of(old), only(scene, now));
    let statement = Stale { kept, only, table: relation(now), name: now.name() };
    let mut action = action
        .then(&standing, LockTable(relation(now), only))
        .locking(Lock::AccessExclusive, [standing.clone()])
        .then(&standing, &statement)
        .locking(Lock::AccessExclusive, [standing])
        .scanning(true);
    action.last().kept = Some(Keeping { back: true, on: Some(table_of(now)), kept: kept.clone() });
    action
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_never_the_same() {
        let long = FactId::new(Kind::Column, ["s".to_owned(), "ü".repeat(31), "Ä b".to_owned()]);
        let (one, other) = (place(&long, "1"), place(&long, "2"));
        assert_ne!(one, other);
        assert!(one.as_str().len() <= 63 && one.as_str().starts_with("üü"), "{one}");
        assert_eq!(place(&FactId::new(Kind::Table, ["s", "t"]), "1"), place(&FactId::new(Kind::Table, ["s", "t"]), "1"));
    }

    #[test]
    fn types_that_somebody_made_are_qualified() {
        assert!(is_made("shop.mood") && is_made("shop.mood[]") && is_made("\"Über\".t(3)"));
        assert!(!is_made("numeric(10,2)") && !is_made("timestamp(3) without time zone") && !is_made("\"char\""));
    }

    #[test]
    fn keys_are_read_off_their_definitions() {
        assert_eq!(columns_of("PRIMARY KEY (id, \"Ü x\") INCLUDE (b)"), [Name::from("id"), Name::from("Ü x")]);
        assert_eq!(columns_of("UNIQUE NULLS NOT DISTINCT (a)"), [Name::from("a")]);
    }
}
