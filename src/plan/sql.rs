//! DDL as typed nodes: what is not a `Name`, a `Literal`, a `Qualified` or PostgreSQL's own deparsed
//! text does not get into a statement.

use super::Lock;
use crate::model::{DollarQuoted, FactId, ForeignOptions, Identity, Kind, Literal, Name, Qualified, SequenceOptions};
use std::collections::BTreeMap;
use std::fmt;

/// Items with a separator between them.
pub(super) struct Joined<'a, T>(pub &'a [T], pub &'static str);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if i == 0 { "" } else { self.1 })?;
        }
        Ok(())
    }
}

/// `schema.relation` of an id whose path begins so.
pub(super) fn relation(id: &FactId) -> Qualified {
    Qualified::new(id.path[0].clone(), id.path[1].clone())
}

/// The routine or operator of an id: `schema.name(argument types)`. The types are `format_type`'s text.
pub(super) struct Signature<'a>(pub &'a FactId);

impl fmt::Display for Signature<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.0.path;
        let arguments = if self.0.kind == Kind::Aggregate && path[2].as_str().is_empty() { "" } else { path[2].as_str() };
        match self.0.kind {
            // Symbols are not quoted; an id holds nothing else there.
            Kind::Operator => write!(f, "{}.{}({arguments})", path[0], path[1].as_str()),
            _ => write!(f, "{}.{}({arguments})", path[0], path[1]),
        }
    }
}

/// An option's name: `fillfactor`, `toast.autovacuum_enabled`.
struct OptionName<'a>(&'a str);

impl fmt::Display for OptionName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<Name> = self.0.split('.').map(Name::from).collect();
        write!(f, "{}", Joined(&parts, "."))
    }
}

/// `a='1', b='2'`.
pub(super) struct Settings<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Display for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{}={}", if i == 0 { "" } else { ", " }, OptionName(name), Literal(value))?;
        }
        Ok(())
    }
}

/// `a, b`: the names of settings.
pub(super) struct SettingNames<'a>(pub &'a [String]);

impl fmt::Display for SettingNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<OptionName> = self.0.iter().map(|name| OptionName(name)).collect();
        write!(f, "{}", Joined(&names, ", "))
    }
}

/// ` WITH (…)`, or nothing.
pub(super) struct With<'a>(pub &'a BTreeMap<String, String>);

impl fmt::Display for With<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " WITH ({})", Settings(self.0)) }
    }
}

/// Storage parameters in their own order.
pub(super) type Ordered = Vec<(String, String)>;

/// `a='1', b='2'`.
pub(super) struct OrderedSettings<'a>(pub &'a [(String, String)]);

impl fmt::Display for OrderedSettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{}={}", if i == 0 { "" } else { ", " }, OptionName(name), Literal(value))?;
        }
        Ok(())
    }
}

/// Storage parameters as `pg_class.reloptions` holds them (`name=value`).
pub(super) fn settings(options: &[String]) -> Ordered {
    options.iter().map(|option| option.split_once('=').unwrap_or((option, "true"))).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// What must be set and reset so that even their order is the new one: what is set again goes to the end.
pub(super) fn ordered_changed(before: &Ordered, after: &Ordered) -> (Ordered, Vec<String>) {
    let kept = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let reset = before.iter().filter(|(name, _)| !after.iter().any(|(other, _)| other == name)).map(|(name, _)| name.clone()).collect();
    (after[kept..].to_vec(), reset)
}

/// What must be set and what must be reset to get from one map of settings to another.
pub(super) fn settings_changed(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let set = after.iter().filter(|(k, v)| before.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    (set, before.keys().filter(|k| !after.contains_key(*k)).cloned().collect())
}

/// ` OPTIONS (a '1', b '2')` of something new, or nothing.
pub(super) struct GenericOptions<'a>(pub &'a ForeignOptions);

impl fmt::Display for GenericOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{} {}", if i == 0 { " OPTIONS (" } else { ", " }, Name::from(name.as_str()), Literal(value))?;
        }
        f.write_str(flag(!self.0.is_empty(), ")"))
    }
}

/// `DROP a, ADD b '2', SET c '3'`: what leads from some OPTIONS to others.
pub(super) struct OptionsChange<'a> {
    pub before: &'a ForeignOptions,
    pub after: &'a ForeignOptions,
}

impl OptionsChange<'_> {
    /// Nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.before == self.after
    }
}

impl fmt::Display for OptionsChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &String| Name::from(name.as_str());
        let gone = self.before.keys().filter(|option| !self.after.contains_key(*option)).map(|option| format!("DROP {}", name(option)));
        let come = self.after.iter().filter_map(|(option, value)| match self.before.get(option) {
            None => Some(format!("ADD {} {}", name(option), Literal(value))),
            Some(other) if other != value => Some(format!("SET {} {}", name(option), Literal(value))),
            Some(_) => None,
        });
        write!(f, "{}", Joined(&gone.chain(come).collect::<Vec<_>>(), ", "))
    }
}

/// A prefix with the thing it introduces, or nothing.
pub(super) struct Maybe<T>(pub &'static str, pub Option<T>);

impl<T: fmt::Display> fmt::Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.as_ref().map_or(Ok(()), |value| write!(f, "{}{value}", self.0))
    }
}

/// A word that stands there or not.
pub(super) fn flag(on: bool, word: &'static str) -> &'static str {
    if on { word } else { "" }
}

/// A grantee or a role in a policy: `PUBLIC` is a keyword there.
pub(super) struct Role<'a>(pub &'a Name);

impl fmt::Display for Role<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_str() == "PUBLIC" { f.write_str("PUBLIC") } else { self.0.fmt(f) }
    }
}

/// All options of a sequence but its type, whose own bounds are not spelt out: beside another type's column an
/// identity's sequence begins with bounds that fit that type.
pub(super) struct SequenceClauses<'a>(pub &'a SequenceOptions);

impl fmt::Display for SequenceClauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SequenceOptions { data_type, start, increment, minimum, maximum, cache, cycle } = self.0;
        write!(f, "START WITH {start} INCREMENT BY {increment} ")?;
        let (low, high) = match data_type.as_str() {
            "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
            "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let bounds = if *increment > 0 { (1, high) } else { (low, -1) };
        match *minimum {
            own if own == bounds.0 => f.write_str("NO MINVALUE ")?,
            value => write!(f, "MINVALUE {value} ")?,
        }
        match *maximum {
            own if own == bounds.1 => f.write_str("NO MAXVALUE ")?,
            value => write!(f, "MAXVALUE {value} ")?,
        }
        write!(f, "CACHE {cache} {}CYCLE", if *cycle { "" } else { "NO " })
    }
}

/// `GENERATED … AS IDENTITY (…)`.
pub(super) struct AsIdentity<'a>(pub &'a Identity);

impl fmt::Display for AsIdentity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.0.always { "ALWAYS" } else { "BY DEFAULT" };
        write!(f, "GENERATED {how} AS IDENTITY (SEQUENCE NAME {} {})", self.0.sequence, SequenceClauses(&self.0.options))
    }
}

/// What fills a column that is not written to.
#[derive(Clone, Debug)]
pub(super) enum Filled<'a> {
    Default(&'a str),
    Generated(&'a str, &'a str),
    Identity(&'a Identity),
}

impl fmt::Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filled::Default(expression) => write!(f, " DEFAULT {expression}"),
            Filled::Generated(expression, kind) => {
                write!(f, " GENERATED ALWAYS AS ({expression}) {}", if *kind == "virtual" { "VIRTUAL" } else { "STORED" })
            }
            Filled::Identity(identity) => write!(f, " {}", AsIdentity(identity)),
        }
    }
}

/// A compression method; `default` is a keyword there.
struct Compression<'a>(&'a str);

impl fmt::Display for Compression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == "default" { f.write_str("default") } else { Name::from(self.0).fmt(f) }
    }
}

/// A sequence's type. Nothing but the three that there are becomes part of a statement.
pub(super) fn sequence_type(data_type: &str) -> &'static str {
    match data_type {
        "smallint" => "smallint",
        "integer" => "integer",
        _ => "bigint",
    }
}

/// A column as CREATE TABLE and ADD COLUMN write it.
#[derive(Clone, Debug)]
pub(super) struct ColumnDefinition<'a> {
    pub name: &'a Name,
    /// None in a table OF a type, whose columns come with it.
    pub data_type: Option<&'a str>,
    pub compression: Option<&'a str>,
    /// Those of a foreign table's column.
    pub options: Option<&'a ForeignOptions>,
    pub collation: Option<&'a Qualified>,
    pub filled: Option<Filled<'a>>,
    pub not_null: NotNull<'a>,
}

/// Whether a column's definition says NOT NULL, and by what constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotNull<'a> {
    No,
    Unnamed,
    /// The constraint's name, and what its definition says after the column's.
    Named(&'a Name, &'static str),
}

impl fmt::Display for NotNull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotNull::No => Ok(()),
            NotNull::Unnamed => f.write_str(" NOT NULL"),
            NotNull::Named(name, tail) => write!(f, " CONSTRAINT {name} NOT NULL{tail}"),
        }
    }
}

impl fmt::Display for ColumnDefinition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.data_type.unwrap_or("WITH OPTIONS"))?;
        write!(f, "{}{}", Maybe(" COMPRESSION ", self.compression.map(Compression)), Maybe("", self.options.map(GenericOptions)))?;
        write!(f, "{}", Maybe(" COLLATE ", self.collation))?;
        write!(f, "{}{}", Maybe("", self.filled.as_ref()), self.not_null)
    }
}

/// How a trigger or a rule fires.
pub(super) fn enabling(enabled: Option<&str>) -> &'static str {
    match enabled {
        None => "ENABLE",
        Some("replica") => "ENABLE REPLICA",
        Some("always") => "ENABLE ALWAYS",
        Some(_) => "DISABLE",
    }
}

/// One action of ALTER TABLE.
pub(super) enum Alteration<'a> {
    AddColumn(ColumnDefinition<'a>),
    DropColumn(&'a Name),
    SetType {
        column: &'a Name,
        data_type: &'a str,
        collation: Option<&'a Qualified>,
        using: Option<&'a str>,
    },
    SetDefault(&'a Name, &'a str),
    DropDefault(&'a Name),
    DropExpression(&'a Name),
    SetExpression(&'a Name, &'a str),
    SetNotNull(&'a Name),
    DropNotNull(&'a Name),
    SetStorage(&'a Name, &'a str),
    SetCompression(&'a Name, &'a str),
    SetStatistics(&'a Name, i32),
    SetColumnOptions(&'a Name, &'a BTreeMap<String, String>),
    ResetColumnOptions(&'a Name, &'a [String]),
    AddIdentity(&'a Name, &'a Identity),
    /// Clauses, each beginning with SET.
    SetIdentity(&'a Name, &'a [String]),
    DropIdentity(&'a Name),
    AddConstraint {
        name: &'a Name,
        definition: &'a str,
        not_valid: bool,
        foreign: bool,
    },
    DropConstraint(&'a Name),
    ValidateConstraint(&'a Name),
    /// The part of a foreign key's definition from DEFERRABLE on.
    AlterConstraint(&'a Name, &'a str),
    SetOptions(&'a BTreeMap<String, String>),
    ResetOptions(&'a [String]),
    SetLogged(bool),
    SetTablespace(&'a Name),
    /// None: whatever the server's default is, which a partitioned table leaves to its partitions.
    SetAccessMethod(Option<&'a Name>),
    RowSecurity(bool),
    ForceRowSecurity(bool),
    /// None for the default.
    ReplicaIdentity(Option<&'a str>),
    Of(&'a Qualified),
    NotOf,
    Inherit(&'a Qualified),
    NoInherit(&'a Qualified),
    AttachPartition(&'a Qualified, &'a str),
    DetachPartition(&'a Qualified),
    ClusterOn(&'a Name),
    WithoutCluster,
    Trigger(&'a Name, Option<&'a str>),
    Rule(&'a Name, Option<&'a str>),
    /// OPTIONS of a foreign table.
    GenericOptions(OptionsChange<'a>),
    /// OPTIONS of a foreign table's column.
    ColumnGenericOptions(&'a Name, OptionsChange<'a>),
}

impl Alteration<'_> {
    /// The lock that PostgreSQL documents for it.
    pub(super) fn lock(&self) -> Lock {
        match self {
            Alteration::SetStatistics(..)
            | Alteration::SetColumnOptions(..)
            | Alteration::ResetColumnOptions(..)
            | Alteration::ValidateConstraint(_)
            | Alteration::AttachPartition(..)
            | Alteration::ClusterOn(_)
            | Alteration::WithoutCluster => Lock::ShareUpdateExclusive,
            Alteration::SetOptions(options) if options.keys().all(|o| light(o)) => Lock::ShareUpdateExclusive,
            Alteration::ResetOptions(options) if options.iter().all(|o| light(o)) => Lock::ShareUpdateExclusive,
            Alteration::AddConstraint { foreign: true, .. } | Alteration::Trigger(..) => Lock::ShareRowExclusive,
            _ => Lock::AccessExclusive,
        }
    }
}

/// Storage parameters that are changed under SHARE UPDATE EXCLUSIVE.
fn light(option: &str) -> bool {
    let option = option.trim_start_matches("toast.");
    option.starts_with("autovacuum_")
        || option.starts_with("vacuum_")
        || matches!(option, "fillfactor" | "toast_tuple_target" | "parallel_workers" | "log_autovacuum_min_duration")
}

impl fmt::Display for Alteration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alteration::AddColumn(column) => write!(f, "ADD COLUMN {column}"),
            Alteration::DropColumn(name) => write!(f, "DROP COLUMN {name}"),
            Alteration::SetType { column, data_type, collation, using } => {
                write!(f, "ALTER COLUMN {column} TYPE {data_type}{}{}", Maybe(" COLLATE ", *collation), Maybe(" USING ", *using))
            }
            Alteration::SetDefault(name, expression) => write!(f, "ALTER COLUMN {name} SET DEFAULT {expression}"),
            Alteration::DropDefault(name) => write!(f, "ALTER COLUMN {name} DROP DEFAULT"),
            Alteration::DropExpression(name) => write!(f, "ALTER COLUMN {name} DROP EXPRESSION"),
            Alteration::SetExpression(name, expression) => write!(f, "ALTER COLUMN {name} SET EXPRESSION AS ({expression})"),
            Alteration::SetNotNull(name) => write!(f, "ALTER COLUMN {name} SET NOT NULL"),
            Alteration::DropNotNull(name) => write!(f, "ALTER COLUMN {name} DROP NOT NULL"),
            Alteration::SetStorage(name, storage) => write!(f, "ALTER COLUMN {name} SET STORAGE {}", Name::from(*storage)),
            Alteration::SetCompression(name, method) => write!(f, "ALTER COLUMN {name} SET COMPRESSION {}", Compression(method)),
            Alteration::SetStatistics(name, target) => write!(f, "ALTER COLUMN {name} SET STATISTICS {target}"),
            Alteration::SetColumnOptions(name, options) => write!(f, "ALTER COLUMN {name} SET ({})", Settings(options)),
            Alteration::ResetColumnOptions(name, options) => write!(f, "ALTER COLUMN {name} RESET ({})", SettingNames(options)),
            Alteration::AddIdentity(name, identity) => write!(f, "ALTER COLUMN {name} ADD {}", AsIdentity(identity)),
            Alteration::SetIdentity(name, clauses) => write!(f, "ALTER COLUMN {name} {}", Joined(clauses, " ")),
            Alteration::DropIdentity(name) => write!(f, "ALTER COLUMN {name} DROP IDENTITY"),
            Alteration::AddConstraint { name, definition, not_valid, .. } => {
                write!(f, "ADD CONSTRAINT {name} {definition}{}", flag(*not_valid, " NOT VALID"))
            }
            Alteration::DropConstraint(name) => write!(f, "DROP CONSTRAINT {name}"),
            Alteration::ValidateConstraint(name) => write!(f, "VALIDATE CONSTRAINT {name}"),
            Alteration::AlterConstraint(name, how) => write!(f, "ALTER CONSTRAINT {name} {how}"),
            Alteration::SetOptions(options) => write!(f, "SET ({})", Settings(options)),
            Alteration::ResetOptions(options) => write!(f, "RESET ({})", SettingNames(options)),
            Alteration::SetLogged(logged) => f.write_str(if *logged { "SET LOGGED" } else { "SET UNLOGGED" }),
            Alteration::SetTablespace(name) => write!(f, "SET TABLESPACE {name}"),
            Alteration::SetAccessMethod(Some(name)) => write!(f, "SET ACCESS METHOD {name}"),
            Alteration::SetAccessMethod(None) => f.write_str("SET ACCESS METHOD DEFAULT"),
            Alteration::RowSecurity(on) => write!(f, "{} ROW LEVEL SECURITY", if *on { "ENABLE" } else { "DISABLE" }),
            Alteration::ForceRowSecurity(on) => write!(f, "{}FORCE ROW LEVEL SECURITY", if *on { "" } else { "NO " }),
            Alteration::ReplicaIdentity(how) => match how {
                None => f.write_str("REPLICA IDENTITY DEFAULT"),
                Some("nothing") => f.write_str("REPLICA IDENTITY NOTHING"),
                Some("full") => f.write_str("REPLICA IDENTITY FULL"),
                Some(index) => write!(f, "REPLICA IDENTITY USING INDEX {}", Name::from(index.strip_prefix("index ").unwrap_or(index))),
            },
            Alteration::Of(name) => write!(f, "OF {name}"),
            Alteration::NotOf => f.write_str("NOT OF"),
            Alteration::Inherit(parent) => write!(f, "INHERIT {parent}"),
            Alteration::NoInherit(parent) => write!(f, "NO INHERIT {parent}"),
            Alteration::AttachPartition(child, bound) => write!(f, "ATTACH PARTITION {child} {bound}"),
            Alteration::DetachPartition(child) => write!(f, "DETACH PARTITION {child}"),
            Alteration::ClusterOn(index) => write!(f, "CLUSTER ON {index}"),
            Alteration::WithoutCluster => f.write_str("SET WITHOUT CLUSTER"),
            Alteration::Trigger(name, enabled) => write!(f, "{} TRIGGER {name}", enabling(*enabled)),
            Alteration::Rule(name, enabled) => write!(f, "{} RULE {name}", enabling(*enabled)),
            Alteration::GenericOptions(change) => write!(f, "OPTIONS ({change})"),
            Alteration::ColumnGenericOptions(name, change) => write!(f, "ALTER COLUMN {name} OPTIONS ({change})"),
        }
    }
}

/// `ALTER TABLE [ONLY] schema.table action, …`.
pub(super) struct AlterTable<'a> {
    pub only: bool,
    pub table: Qualified,
    pub actions: Vec<Alteration<'a>>,
}

impl<'a> AlterTable<'a> {
    /// On this table and its children.
    pub(super) fn all(table: &FactId, action: Alteration<'a>) -> Self {
        Self { only: false, table: relation(table), actions: vec![action] }
    }
    /// On this table only.
    pub(super) fn only(table: &FactId, action: Alteration<'a>) -> Self {
        Self { only: true, table: relation(table), actions: vec![action] }
    }
    /// The strongest lock of its actions.
    pub(super) fn lock(&self) -> Lock {
        self.actions.iter().map(Alteration::lock).max().unwrap_or(Lock::None)
    }
}

impl fmt::Display for AlterTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ALTER TABLE {}{} {}", flag(self.only, "ONLY "), self.table, Joined(&self.actions, ", "))
    }
}

/// A routine's string body.
pub(super) fn body(text: &str) -> DollarQuoted<'_> {
    DollarQuoted(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_and_values_stay_names_and_values() {
        let evil = Name::from("x; DROP TABLE y; --");
        let options = BTreeMap::from([("toast.fill\"factor".to_owned(), "7'0".to_owned())]);
        let table = FactId::new(Kind::Table, ["s", "T"]);
        assert_eq!(
            AlterTable::only(&table, Alteration::DropColumn(&evil)).to_string(),
            "ALTER TABLE ONLY s.\"T\" DROP COLUMN \"x; DROP TABLE y; --\""
        );
        assert_eq!(
            AlterTable::all(&table, Alteration::SetOptions(&options)).to_string(),
            "ALTER TABLE s.\"T\" SET (toast.\"fill\"\"factor\"='7''0')"
        );
        assert_eq!(Role(&Name::from("PUBLIC")).to_string(), "PUBLIC");
        assert_eq!(Alteration::ReplicaIdentity(Some("index a b")).to_string(), "REPLICA IDENTITY USING INDEX \"a b\"");
    }

    #[test]
    fn locks_are_those_of_the_strongest_action() {
        let name = Name::from("a");
        let table = FactId::new(Kind::Table, ["s", "t"]);
        let mut alter = AlterTable::all(&table, Alteration::SetStatistics(&name, 5));
        assert_eq!(alter.lock(), Lock::ShareUpdateExclusive);
        alter.actions.push(Alteration::DropColumn(&name));
        assert_eq!(alter.lock(), Lock::AccessExclusive);
    }
}
