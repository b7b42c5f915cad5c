//! Rows beside the schema: what of a version may go ahead of the rows that the source wrote before it, and
//! what has to come behind them.
//!
//! Logical replication applies rows in the order of their commits, maps their columns by name, and stops at
//! a row that the replica's tables cannot take. Rows from before a change arrive some time after it was
//! committed, so a column that goes must go behind the last row that has it. What only makes room (a column,
//! a table) is there first: rows from before it do without, and rows from after it need it.
//!
//! Rows from after a change may arrive before it is carried out. Where they could be taken for rows from
//! before it, the stream stands at the change's fence until then.

use super::Event;
use crate::diff::{Change, Operation};
use crate::model::{Body, Column, ConstraintType, Default, Fact, FactId, Kind, Literal, Name, Qualified};
use crate::plan::is_constant;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use uuid::Uuid;

/// What a replica waits for where a version has to come behind the rows before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    /// The version's last event: its row in `accord.fence` is in the stream behind the rows.
    pub event: Uuid,
    /// Where the source's WAL ended when that event happened: its transaction committed behind this place.
    pub lsn: String,
    /// The replica's subscriptions that the source feeds; each has to bring it.
    pub subscriptions: Vec<Name>,
    /// The rows are known to be here by other means, or a person does not wait for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed: bool,
    /// Tables that are published by themselves from here on, and were parts of others before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<FactId>,
    /// Of a version that failed: tables that it touches and that are not there any longer, so that no subscription takes
    /// up what became of their rows. All of them would be published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<FactId>,
    /// The source's slots of initial copies that were there when the version rewrote tables: such a copy may have read one
    /// with a snapshot from before the version, which sees none of the rows that it wrote anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copying: Vec<String>,
}

/// A subscription of the replica's, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// Name.
    pub name: String,
    /// The slot on its publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The publications that it takes.
    pub publications: Vec<String>,
    /// It takes `accord.fence`.
    pub fenced: bool,
    /// Its apply worker could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unable: Option<Unable>,
}

/// An owner of a subscription without the rights that its apply worker needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unable {
    /// The role.
    pub owner: Name,
    /// What it lacks.
    pub lacks: Lacks,
}

/// Rights of a subscription's owner on the extension's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lacks {
    /// It may not become the tables' owner, as whom its worker writes (since PostgreSQL 16).
    Role,
    /// It may not write `accord.fence`.
    Fence,
    /// It takes the other tables too, which are nobody's to write.
    Tables,
}

/// What an event's fence says of the rows behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Rows from after the event mean something else than the same rows before it.
    pub turns: bool,
    /// A name that rows go by is free from here on.
    pub frees: bool,
    /// Such a name is taken; rows mean the new one by it.
    pub takes: bool,
}

/// Reads them from an event's changes.
pub fn marks(changes: &[Change]) -> Marks {
    let named = |fact: &&Fact| matches!(fact.id.kind, Kind::Table | Kind::Column);
    let mut marks = Marks::default();
    for change in changes {
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => marks.turns |= turns(before, after),
            (Some(before), None) => marks.frees |= named(&before),
            (None, Some(after)) => {
                marks.takes |= named(&after);
                // Their rows were another partition's until here.
                marks.turns |= matches!(after.body, Body::Partition(_));
            }
            (None, None) => {}
        }
    }
    marks
}

/// The tables above partitions that changes are about.
pub fn above<'c>(changes: impl Iterator<Item = &'c Change>) -> BTreeSet<Qualified> {
    let facts = changes.flat_map(|change| [&change.before, &change.after]).flatten();
    facts.filter_map(|fact| if let Body::Partition(partition) = &fact.body { Some(partition.parent.clone()) } else { None }).collect()
}

/// The tables that changes are about, or what else has their facts.
pub fn touched<'c>(changes: impl Iterator<Item = &'c Change>) -> BTreeSet<Qualified> {
    let facts = changes.flat_map(|change| [&change.before, &change.after]).flatten();
    let of = facts.filter_map(|fact| if fact.id.kind == Kind::Index { fact.parent() } else { Some(fact.id.clone()) });
    of.filter(|id| id.path.len() >= 2).map(|id| Qualified::new(id.path[0].clone(), id.path[1].clone())).collect()
}

/// Whether rows from after this change could be taken for rows from before it.
fn turns(before: &Fact, after: &Fact) -> bool {
    if before.id != after.id {
        return matches!(after.id.kind, Kind::Table | Kind::Column | Kind::EnumLabel | Kind::Attribute | Kind::Schema);
    }
    match (&before.body, &after.body) {
        (Body::Column(a), Body::Column(b)) => a.data_type != b.data_type,
        (Body::Attribute(a), Body::Attribute(b)) => a != b,
        (Body::Partition(a), Body::Partition(b)) => a != b,
        _ => false,
    }
}

/// The first fact whose change earlier rows must not meet, if there is one.
pub fn behind_rows(events: &[Event]) -> Option<&FactId> {
    let mut born: HashSet<FactId> = HashSet::new();
    for event in events {
        let made = Made::of(event);
        born.extend(made.tables.iter().map(|id| (*id).clone()));
        for change in &event.changes {
            if let (Kind::Table, Some(before), Some(after)) = (change.kind()?, &change.before, &change.after)
                && born.contains(&before.id)
            {
                born.insert(after.id.clone());
            }
        }
        if let Some(found) = event.changes.iter().find(|change| comes_behind(change, &made, &born)) {
            return found.id();
        }
    }
    None
}

/// What one event creates.
struct Made<'a> {
    tables: HashSet<&'a FactId>,
    columns: HashSet<&'a FactId>,
    event: &'a Event,
}

impl<'a> Made<'a> {
    fn of(event: &'a Event) -> Self {
        let created = |kind| {
            event.changes.iter().filter(move |c| c.operation() == Some(Operation::Create) && c.kind() == Some(kind)).filter_map(Change::id)
        };
        Self { tables: created(Kind::Table).collect(), columns: created(Kind::Column).collect(), event }
    }

    /// The default that comes with a new column.
    fn default_of(&self, column: &FactId) -> Option<&'a Default> {
        let id = FactId { kind: Kind::Default, ..column.clone() };
        self.event.changes.iter().filter_map(|c| c.after.as_ref()).find(|fact| fact.id == id).and_then(|fact| match &fact.body {
            Body::Default(default) => Some(default),
            _ => None,
        })
    }
}

fn table_of(id: &FactId) -> FactId {
    FactId::new(Kind::Table, id.path.iter().take(2).cloned())
}

fn parent_in(fact: &Fact, tables: &HashSet<FactId>) -> bool {
    fact.parent().is_some_and(|parent| tables.contains(&parent)) || tables.contains(&table_of(&fact.id))
}

fn comes_behind(change: &Change, made: &Made, born: &HashSet<FactId>) -> bool {
    let moved =
        |change: &Change| matches!(change.kind(), Some(Kind::Table | Kind::Column | Kind::EnumLabel | Kind::Attribute | Kind::Schema));
    match (&change.before, &change.after) {
        (None, Some(fact)) if parent_in(fact, born) && fact.id.kind != Kind::Column => false,
        (None, Some(fact)) => match &fact.body {
            Body::Column(_) if made.tables.contains(&table_of(&fact.id)) => false,
            Body::Column(column) => !comes_alone(column, made.default_of(&fact.id), change.fill.as_deref()),
            Body::Default(_) => !made.columns.contains(&FactId { kind: Kind::Column, ..fact.id.clone() }),
            Body::Index(index) => index.unique,
            Body::Trigger(trigger) => matches!(trigger.enabled.as_deref(), Some("replica" | "always")),
            Body::Constraint(_) | Body::DomainConstraint(_) | Body::Partition(_) | Body::Inherit(_) => true,
            _ => false,
        },
        (Some(fact), None) => match &fact.body {
            Body::Index(index) => index.unique,
            Body::Constraint(constraint) => matches!(constraint.constraint_type, ConstraintType::PrimaryKey | ConstraintType::Unique),
            Body::Table(_) | Body::Column(_) | Body::Default(_) | Body::Partition(_) | Body::Inherit(_) | Body::Attribute(_) => true,
            _ => false,
        },
        (Some(before), Some(after)) if before.id != after.id && moved(change) => true,
        (Some(before), Some(after)) => match (&before.body, &after.body) {
            (Body::Column(a), Body::Column(b)) => a.data_type != b.data_type || a.collation != b.collation || b.not_null && !a.not_null,
            (Body::Table(a), Body::Table(b)) => a.replica_identity != b.replica_identity || a.unlogged != b.unlogged,
            (Body::Index(a), Body::Index(b)) => (a.unique || b.unique) && (a.definition != b.definition || !a.unique),
            (Body::Domain(a), Body::Domain(b)) => a != b,
            (Body::Constraint(a), Body::Constraint(b)) => a != b,
            (Body::Default(a), Body::Default(b)) => a != b,
            (Body::Partition(a), Body::Partition(b)) => a != b,
            (Body::DomainConstraint(a), Body::DomainConstraint(b)) => a != b,
            (Body::Attribute(a), Body::Attribute(b)) => a != b,
            _ => false,
        },
        (None, None) => false,
    }
}

/// Whether rows that come without this new column are left with what they hold at the source.
fn comes_alone(column: &Column, default: Option<&Default>, fill: Option<&str>) -> bool {
    match (default, fill) {
        (Some(default), _) if default.generated.is_some() => true,
        (Some(default), Some(fill)) => is_constant(&default.expression, fill),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => !column.not_null,
    }
}

/// Tables whose rows no schema change can derive from those that are here: the source gave each its own
/// value of a volatile default or a sequence.
pub fn filled_by_the_source(events: &[Event]) -> Vec<FactId> {
    let mut tables = Vec::new();
    for event in events {
        let made = Made::of(event);
        for fact in event.changes.iter().filter(|c| c.before.is_none()).filter_map(|c| c.after.as_ref()) {
            let column = FactId { kind: Kind::Column, ..fact.id.clone() };
            let volatile = match &fact.body {
                Body::Default(_) => fact.notes.contains_key("volatile"),
                Body::Identity(_) => true,
                _ => false,
            };
            if volatile && made.columns.contains(&column) && !made.tables.contains(&table_of(&column)) {
                tables.push(table_of(&column));
            }
        }
    }
    tables.dedup();
    tables
}

/// Whether rows go by another name, or by none, from here on.
pub fn leaves_names(events: &[Event]) -> bool {
    events.iter().flat_map(|event| &event.changes).any(|change| match (&change.before, &change.after) {
        (Some(before), Some(after)) => before.id != after.id && matches!(before.id.kind, Kind::Table | Kind::Column | Kind::Schema),
        (Some(before), None) => matches!(before.id.kind, Kind::Table | Kind::Column),
        _ => false,
    })
}

/// Tables in which rows from after the events, put in before them, come out wrong: what a changed type holds
/// would be converted twice, and what is in a column whose name is taken anew would go with the old one.
pub fn converted(events: &[Event]) -> Vec<FactId> {
    let mut left: HashSet<&FactId> = HashSet::new();
    let mut tables: Vec<FactId> = Vec::new();
    for change in events.iter().flat_map(|event| &event.changes).filter(|change| change.kind() == Some(Kind::Column)) {
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                let converts = matches!((&before.body, &after.body), (Body::Column(a), Body::Column(b)) if a.data_type != b.data_type);
                if converts || change.using.is_some() {
                    tables.extend([table_of(&before.id), table_of(&after.id)]);
                }
                if before.id != after.id {
                    left.insert(&before.id);
                }
            }
            (Some(before), None) => {
                left.insert(&before.id);
            }
            _ => {}
        }
    }
    let created = events.iter().flat_map(|event| &event.changes).filter(|change| change.before.is_none());
    tables.extend(created.filter_map(|change| change.after.as_ref()).filter(|fact| left.contains(&fact.id)).map(|fact| table_of(&fact.id)));
    let mut seen = HashSet::new();
    tables.retain(|table| seen.insert(table.clone()));
    tables
}

/// Tables that partitions leave: rows that came by the table's name, from after another one took the place, go with it.
pub fn left_by_partitions(events: &[Event]) -> Vec<FactId> {
    let gone = events.iter().flat_map(|event| &event.changes).filter(|change| change.after.is_none());
    let mut tables: Vec<FactId> = gone
        .filter_map(|change| match &change.before.as_ref()?.body {
            Body::Partition(partition) => Some(FactId::new(Kind::Table, [partition.parent.schema.clone(), partition.parent.name.clone()])),
            _ => None,
        })
        .collect();
    tables.dedup();
    tables
}

/// Tables that become partitions and were there before, each with the table above it.
pub fn taken_in(events: &[Event]) -> Vec<(FactId, FactId)> {
    let mut made: HashSet<FactId> = HashSet::new();
    let mut taken = Vec::new();
    for event in events {
        made.extend(Made::of(event).tables.into_iter().cloned());
        for fact in event.changes.iter().filter(|change| change.before.is_none()).filter_map(|change| change.after.as_ref()) {
            if let Body::Partition(partition) = &fact.body
                && !made.contains(&table_of(&fact.id))
            {
                let above = [partition.parent.schema.clone(), partition.parent.name.clone()];
                taken.push((table_of(&fact.id), FactId::new(Kind::Table, above)));
            }
        }
    }
    taken
}

/// What of a version goes ahead of the rows although the version waits for them: rows that its own
/// transaction wrote may need it. New tables, and new columns in a shape that takes rows without them; the
/// rest of the version makes them what they shall be.
pub fn room(events: &[Event]) -> Vec<Event> {
    let mut rooms = Vec::new();
    // Under these names something else stands until the version is carried out.
    let mut taken: HashSet<FactId> = HashSet::new();
    for event in events {
        let made = Made::of(event);
        let left = |change: &&Change| matches!(change.operation(), Some(Operation::Drop | Operation::Rename));
        taken.extend(event.changes.iter().filter(left).filter_map(|c| c.before.as_ref()).map(|fact| fact.id.clone()));
        let free = |change: &&Change| {
            change.id().is_some_and(|id| {
                !taken.contains(id) && !taken.contains(&table_of(id)) && !taken.contains(&FactId { kind: Kind::Column, ..id.clone() })
            })
        };
        let created: HashSet<FactId> = made.tables.iter().map(|id| (*id).clone()).collect();
        let changes: Vec<Change> = event
            .changes
            .iter()
            .filter(|change| change.operation() == Some(Operation::Create))
            .filter(free)
            .filter_map(|change| make_room(change, &made, &created))
            .collect();
        if !changes.is_empty() {
            rooms.push(Event { changes, ..event.clone() });
        }
    }
    // Types and sequences alone are no room.
    let rows = |event: &Event| event.changes.iter().any(|c| matches!(c.kind(), Some(Kind::Table | Kind::Column)));
    if rooms.iter().any(rows) { rooms } else { Vec::new() }
}

fn make_room(change: &Change, made: &Made, tables: &HashSet<FactId>) -> Option<Change> {
    let fact = change.after.as_ref()?;
    let created = parent_in(fact, tables) || tables.contains(&fact.id);
    match &fact.body {
        Body::Schema(_)
        | Body::Enum(_)
        | Body::EnumLabel(_)
        | Body::Domain(_)
        | Body::DomainConstraint(_)
        | Body::Composite(_)
        | Body::Attribute(_)
        | Body::Range(_)
        | Body::Sequence(_) => Some(change.clone()),
        _ if created => Some(change.clone()),
        Body::Column(column) => {
            let default = made.default_of(&fact.id);
            let mut roomy = change.clone();
            if !comes_alone(column, default, change.fill.as_deref())
                && change.fill.is_none()
                && let Some(after) = &mut roomy.after
            {
                after.body = Body::Column(Column { not_null: false, ..column.clone() });
            }
            Some(roomy)
        }
        // Rows from before the column are given what the source's rows were given.
        Body::Default(default) if default.generated.is_none() => {
            let id = FactId { kind: Kind::Column, ..fact.id.clone() };
            let column = made.event.changes.iter().find(|c| c.before.is_none() && c.id() == Some(&id))?;
            let (Some(fill), Some(Body::Column(shape))) = (&column.fill, column.after.as_ref().map(|fact| &fact.body)) else { return None };
            if is_constant(&default.expression, fill) {
                return Some(change.clone());
            }
            let mut filled = change.clone();
            if let Some(after) = &mut filled.after {
                after.body = Body::Default(Default { expression: format!("{}::{}", Literal(fill), shape.data_type), generated: None });
                after.depends.clear();
                after.notes.clear();
            }
            Some(filled)
        }
        Body::Default(_) => Some(change.clone()),
        Body::Position(_) => made.columns.contains(&FactId { kind: Kind::Column, ..fact.id.clone() }).then(|| change.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Constraint, Index, Position, Table};

    fn id(kind: Kind, path: &[&str]) -> FactId {
        FactId::new(kind, path.iter().copied())
    }

    fn column(name: &str, data_type: &str, not_null: bool) -> Fact {
        let body = Column { not_null, ..Column::new(data_type) };
        Fact::new(id(Kind::Column, &["s", "t", name]), body)
    }

    fn default(name: &str, expression: &str) -> Change {
        Change::create(Fact::new(id(Kind::Default, &["s", "t", name]), Default { expression: expression.into(), generated: None }))
    }

    fn event(changes: Vec<Change>) -> Event {
        Event {
            id: Uuid::nil(),
            tag: "ALTER TABLE".into(),
            statement: String::new(),
            concurrently: false,
            search_path: Vec::new(),
            settings: std::collections::BTreeMap::new(),
            unmodelled: Vec::new(),
            changes,
        }
    }

    fn waits(changes: Vec<Change>) -> bool {
        behind_rows(&[event(changes)]).is_some()
    }

    fn filled(fact: Fact, fill: &str) -> Change {
        Change { fill: Some(fill.into()), ..Change::create(fact) }
    }

    #[test]
    fn what_only_adds_goes_ahead() {
        let position = Fact::new(id(Kind::Position, &["s", "t", "c"]), Position { after: None });
        assert!(!waits(vec![Change::create(column("c", "integer", false)), Change::create(position)]));
        assert!(!waits(vec![filled(column("c", "integer", true), "7"), default("c", "7")]));
        let table = Fact::new(id(Kind::Table, &["s", "t"]), Table::default());
        assert!(!waits(vec![Change::create(table), Change::create(column("c", "integer", true)), default("c", "random()")]));
        let loose = Change::alter(column("c", "integer", true), column("c", "integer", false));
        assert!(!waits(vec![loose]));
    }

    #[test]
    fn what_earlier_rows_must_not_meet_waits() {
        assert!(waits(vec![Change::drop(column("c", "integer", false))]));
        assert!(waits(vec![Change::alter(column("c", "integer", false), column("d", "integer", false))]));
        assert!(waits(vec![Change::alter(column("c", "integer", false), column("c", "bigint", false))]));
        assert!(waits(vec![Change::alter(column("c", "integer", false), column("c", "integer", true))]));
        assert!(waits(vec![Change::create(column("c", "integer", true))]), "NOT NULL, and no value for earlier rows");
        assert!(waits(vec![filled(column("c", "timestamptz", true), "2024-01-01"), default("c", "now()")]));
        assert!(waits(vec![default("c", "7")]), "earlier rows may lack the column");
        let key = Constraint::new(ConstraintType::PrimaryKey, "PRIMARY KEY (c)");
        let key = Fact::new(id(Kind::Constraint, &["s", "t", "t_pkey"]), key);
        assert!(waits(vec![Change::create(key.clone())]) && waits(vec![Change::drop(key.clone())]));
        let table = event(vec![Change::create(Fact::new(id(Kind::Table, &["s", "t"]), Table::default()))]);
        assert!(behind_rows(&[table.clone(), event(vec![Change::create(key)])]).is_none(), "no rows arrive in a table that is new");
        let column = event(vec![Change::drop(column("c", "integer", false))]);
        assert!(behind_rows(&[table, column]).is_some(), "but the transaction's own rows are looked at");
    }

    #[test]
    fn rows_behind_what_could_be_taken_for_others_wait() {
        let told = |changes: &[Change]| {
            let marks = marks(changes);
            (marks.turns, marks.frees, marks.takes)
        };
        let (int, text) = (column("c", "integer", false), column("c", "text", false));
        assert_eq!(told(&[Change::alter(int.clone(), text.clone())]), (true, false, false));
        assert_eq!(told(&[Change::alter(int.clone(), column("d", "integer", false))]), (true, false, false));
        assert_eq!(told(&[Change::drop(int.clone()), Change::create(text.clone())]), (false, true, true));
        assert_eq!(told(&[Change::alter(int.clone(), column("c", "integer", true)), default("c", "7")]), (false, false, false));
        let table = id(Kind::Table, &["s", "t"]);
        let all = |changes: &[Change]| converted(&[event(changes.to_vec())]);
        assert_eq!(all(&[Change::alter(int.clone(), text.clone())]), std::slice::from_ref(&table));
        assert_eq!(all(&[Change::drop(int.clone()), Change::create(text)]), [table]);
        assert!(all(&[Change::drop(int), Change::create(column("d", "integer", false))]).is_empty());
    }

    #[test]
    fn an_index_waits_where_it_refuses_rows() {
        let index = |unique| {
            let body = Index { unique, ..Index::new("t", "USING btree (c)") };
            Fact::new(id(Kind::Index, &["s", "i"]), body)
        };
        assert!(waits(vec![Change::create(index(true))]) && !waits(vec![Change::create(index(false))]));
    }

    #[test]
    fn room_takes_rows_with_and_without() {
        let changes = vec![
            filled(column("at", "timestamptz", true), "2024-01-01"),
            default("at", "now()"),
            Change::create(column("token", "uuid", true)),
            default("token", "gen_random_uuid()"),
            Change::drop(column("old", "text", false)),
        ];
        let room = room(&[event(changes)]);
        let told: Vec<String> = room[0]
            .changes
            .iter()
            .filter_map(|c| c.after.as_ref())
            .map(|fact| match &fact.body {
                Body::Column(c) => format!("{} {}{}", fact.id.name(), c.data_type, if c.not_null { " NOT NULL" } else { "" }),
                Body::Default(d) => format!("{} = {}", fact.id.name(), d.expression),
                _ => fact.id.to_string(),
            })
            .collect();
        assert_eq!(told, ["at timestamptz NOT NULL", "at = '2024-01-01'::timestamptz", "token uuid"]);
        let again = |name: &str| event(vec![Change::create(column(name, "integer", false))]);
        assert!(super::room(&[event(vec![Change::drop(column("old", "text", false))]), again("old")]).is_empty(), "the name is taken");
        assert_eq!(super::room(&[event(vec![Change::drop(column("old", "text", false))]), again("new")]).len(), 1);
    }
}
