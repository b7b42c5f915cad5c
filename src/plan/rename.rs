//! Renames: which were asked for, which follow from them, and which changes of text they explain.
//!
//! A table's rename changes the ids of all its parts and the text of whatever mentions it. Only the
//! rename itself is an action; the rest is carried along by PostgreSQL.

use super::lexer::{Token, tokens};
use super::object::{self, Object};
use super::order::{Action, owners};
use super::sql::{Signature, relation};
use super::{Lock, PlanError, partition};
use crate::diff::Change;
use crate::model::{Body, Fact, FactId, Kind, Name};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use serde_json::Value;
use std::fmt::Display;

/// The renames of a list of changes.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Id before → id after, consequences included.
    ids: HashMap<FactId, FactId>,
    /// Name before, name after: what a differing token may be.
    names: HashMap<String, HashSet<String>>,
    /// Those that must be carried out: id before, that id once its owners are renamed, id after.
    own: Vec<(FactId, FactId, FactId)>,
    /// Those of them, by id before, that a partition's parent had a hand on: they wait until it is detached.
    let_go: HashSet<FactId>,
}

impl Renames {
    /// These and what follows from them, without the texts that they explain.
    pub(super) fn of(ids: HashMap<FactId, FactId>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Finds them. Renamed columns of views are told by their places.
    pub(super) fn find(changes: &[Change]) -> Self {
        let mut renames = Self::default();
        let pairs: Vec<(&Fact, &Fact)> = changes.iter().filter_map(|c| c.before.as_ref().zip(c.after.as_ref())).collect();
        for (before, after) in &pairs {
            if before.id != after.id {
                renames.ids.insert(before.id.clone(), after.id.clone());
            }
        }
        for (before, after) in &pairs {
            if let (Some(old), Some(new)) = (columns(&before.body), columns(&after.body)) {
                for (from, to) in view_columns(old, new) {
                    let path = |id: &FactId, name: &Name| FactId::new(Kind::Column, [id.path[0].clone(), id.path[1].clone(), name.clone()]);
                    let (from, to) = (path(&before.id, from), path(&after.id, to));
                    let now = renames.now(&from, None);
                    renames.name(from.name().as_str(), to.name().as_str());
                    renames.own.push((from.clone(), now, to.clone()));
                    renames.ids.insert(from, to);
                }
            }
        }
        if renames.ids.is_empty() {
            return renames;
        }
        for (before, after) in &pairs {
            for (i, (from, to)) in before.id.path.iter().zip(&after.id.path).enumerate() {
                if !carrier(&before.id).deparsed().contains(&i) {
                    renames.name(from.as_str(), to.as_str());
                }
            }
            // An identity's sequence has no fact of its own to be renamed by.
            if let (Body::Identity(old), Body::Identity(new)) = (&before.body, &after.body) {
                renames.name(old.sequence.schema.as_str(), new.sequence.schema.as_str());
            }
        }
        let parents: HashSet<Renamed> =
            pairs.iter().filter(|(before, after)| before.id != after.id && !inherited(before)).filter_map(|(b, a)| renamed(b, a)).collect();
        let detached = partition::leaving(changes);
        for (before, after) in &pairs {
            if before.id == after.id {
                continue;
            }
            let expected = renames.now_without_itself(before);
            let deparsed = carrier(&before.id).deparsed();
            let follows = |i: usize| {
                let (expected, found) = (&expected.path[i], &after.id.path[i]);
                expected == found || deparsed.contains(&i) && renames.explain(expected.as_str(), found.as_str())
            };
            let carried = expected.path.len() == after.id.path.len() && (0..expected.path.len()).all(follows)
                || comes_from_parent(before, after, &parents);
            if !carried {
                if inherited(before) && !inherited(after) && detached.contains(&before.id.path[..2]) {
                    renames.let_go.insert(before.id.clone());
                }
                renames.own.push((before.id.clone(), expected, after.id.clone()));
            }
        }
        renames
    }

    /// A renamed object that is dropped and made again needs no rename: gives the id to drop it by.
    pub(super) fn forget(&mut self, old: &FactId) -> Option<FactId> {
        if matches!(old.kind, Kind::View | Kind::MaterializedView) {
            self.own.retain(|(from, ..)| !(from.kind == Kind::Column && from.path[..2] == old.path[..]));
        }
        let at = self.own.iter().position(|(from, ..)| from == old)?;
        Some(self.own.remove(at).1)
    }

    fn name(&mut self, from: &str, to: &str) {
        if from != to {
            self.names.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
    }

    /// No rename at all.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The id that this one has once everything is renamed.
    pub(super) fn now(&self, id: &FactId, body: Option<&Body>) -> FactId {
        if self.ids.is_empty() {
            return id.clone();
        }
        if let Some(new) = self.ids.get(id) {
            return new.clone();
        }
        self.follow(id, body)
    }

    fn now_without_itself(&self, fact: &Fact) -> FactId {
        self.follow(&fact.id, Some(&fact.body))
    }

    /// The id once its owners are renamed.
    fn follow(&self, id: &FactId, body: Option<&Body>) -> FactId {
        let mut new = id.clone();
        if id.kind == Kind::Inherit {
            for half in [0, 2] {
                let table = FactId::new(Kind::Table, id.path[half..half + 2].iter().cloned());
                let now = self.now(&table, None);
                new.path.put(half, &now.path[..2]);
            }
            return new;
        }
        if let Some(target) = id.target() {
            let now = self.now(&target, None);
            new.path.put(0, &now.path);
            return new;
        }
        if let Some((part, from)) = elsewhere(id) {
            let to = self.now(&from, None);
            new.path.put(part.start, &to.path);
        }
        let empty = Body::Schema(crate::model::Schema {});
        let body = body.unwrap_or(&empty);
        // A statistics object stays in its own schema, whatever its table does.
        for owner in owners(id, body).into_iter().filter(|_| id.kind != Kind::Statistics) {
            let now = self.now(&owner, None);
            if now != owner {
                // An index is named by itself.
                new.path.put(0, if id.kind == Kind::Index { &now.path[..1] } else { &now.path });
                return new;
            }
        }
        if let Body::Sequence(sequence) = body
            && let Some((table, _)) = &sequence.owned_by
        {
            let table = FactId::new(Kind::Table, [id.path[0].clone(), table.clone()]);
            new.path.put(0, &self.now(&table, None).path[..1]);
            return new;
        }
        if id.kind.in_schema()
            && let Some(schema) = self.ids.get(&FactId::new(Kind::Schema, [id.path[0].clone()]))
        {
            new.path.put(0, &schema.path);
        }
        new
    }

    /// Whether renames alone make the one text into the other.
    pub(super) fn explain(&self, old: &str, new: &str) -> bool {
        old == new || !self.names.is_empty() && self.aligned(&tokens(old), &tokens(new))
    }

    fn word(&self, old: &str, new: &str) -> bool {
        old == new || self.names.get(old).is_some_and(|names| names.contains(new))
    }

    fn token(&self, old: &Token, new: &Token) -> bool {
        match (old, new) {
            (Token::Word(old), Token::Word(new)) => self.word(old, new),
            // 's.seq'::regclass, 'label'::s.enum
            (Token::Text(a), Token::Text(b)) => {
                self.word(a, b) || {
                    let (a, b) = (tokens(a), tokens(b));
                    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| matches!(a, Token::Word(_) | Token::Symbol(_)) && self.token(a, b))
                }
            }
            _ => old == new,
        }
    }

    /// Token by token; where a column was renamed, either side may hold an alias that the other has no
    /// need of (`t.b AS a`, `t(id, b)`).
    fn aligned(&self, old: &[Token], new: &[Token]) -> bool {
        let (mut i, mut j) = (0, 0);
        while i < old.len() || j < new.len() {
            if i < old.len() && j < new.len() && self.token(&old[i], &new[j]) {
                i += 1;
                j += 1;
            } else if let Some(n) = alias(new, j) {
                j += n;
            } else if let Some(n) = alias(old, i) {
                i += n;
            } else {
                return false;
            }
        }
        true
    }

    /// The fact as renames alone would leave it: its id follows, and each text that they explain is
    /// the new one.
    pub(super) fn carried(&self, before: &Fact, after: &Fact) -> Fact {
        let mut carried = Fact { id: after.id.clone(), ..before.clone() };
        if self.is_empty() || before.body == after.body {
            return carried;
        }
        let (Ok(mut old), Ok(new)) = (serde_json::to_value(&before.body), serde_json::to_value(&after.body)) else { return carried };
        self.carry(&mut old, &new);
        if let Ok(body) = Body::from_json(before.id.kind, old) {
            carried.body = body;
        }
        if let (Body::Statistics(before), Body::Statistics(after), Body::Statistics(carried)) =
            (&before.body, &after.body, &mut carried.body)
        {
            carried.columns = self.renamed_columns(&before.columns, &after.columns);
        }
        carried
    }

    /// The columns of a statistics object once they are renamed, in the order of their names.
    fn renamed_columns(&self, before: &[Name], after: &[Name]) -> Vec<Name> {
        let now = |name: &Name| {
            let renamed = after.iter().find(|now| !before.contains(now) && self.word(name.as_str(), now.as_str()));
            renamed.filter(|_| !after.contains(name)).unwrap_or(name).clone()
        };
        let mut columns: Vec<Name> = before.iter().map(now).collect();
        columns.sort_unstable();
        columns
    }

    fn carry(&self, old: &mut Value, new: &Value) {
        match (old, new) {
            (Value::String(old), Value::String(new)) if self.explain(old, new) || self.word(old, new) => old.clone_from(new),
            (Value::Array(old), Value::Array(new)) => old.iter_mut().zip(new).for_each(|(old, new)| self.carry(old, new)),
            (Value::Object(old), Value::Object(new)) => {
                for (key, old) in old.iter_mut() {
                    if let Some(new) = new.get(key) {
                        self.carry(old, new);
                    }
                }
            }
            _ => {}
        }
    }

    /// The statements.
    pub(super) fn actions(&self) -> Result<Vec<Action>, PlanError> {
        let mut actions = Vec::new();
        // Renames in a ring (a swap) go by a name that nobody has.
        let next: HashMap<&FactId, &FactId> = self.own.iter().map(|(_, from, to)| (from, to)).collect();
        let mut seen: HashSet<&FactId> = HashSet::new();
        // What each schema and relation carries along.
        let mut below: HashMap<&[Name], Vec<(&FactId, &FactId)>> = HashMap::new();
        if !self.own.is_empty() {
            for (id, now) in &self.ids {
                for depth in 1..id.path.len().min(3) {
                    below.entry(&id.path[..depth]).or_default().push((id, now));
                }
            }
        }
        for (old, from, to) in &self.own {
            let mut ring = false;
            if !seen.contains(from) {
                let mut at = to;
                while seen.insert(at) {
                    match next.get(at) {
                        Some(further) => at = further,
                        None => break,
                    }
                }
                ring = *at == *to && next.contains_key(to) && to != from && ends_at(&next, to, from);
                seen.insert(from);
            }
            let produced = self.carried_with(old, &below);
            if ring {
                let mut aside = from.clone();
                let last = from.kind.name_element();
                aside.path.put(last, &[Name::new(format!("accord_aside_{}", actions.len()))]);
                let mut away = Action::new(0, &aside, statement(from, &aside)?).locking(Lock::AccessExclusive, [old.clone()]);
                away.frees = super::order::slots(from, &Body::Schema(crate::model::Schema {}));
                away.produces = vec![aside.clone()];
                away.requires = owners(from, &Body::Schema(crate::model::Schema {}));
                let mut back = Action::new(1, to, statement(&aside, to)?).locking(Lock::AccessExclusive, [old.clone()]);
                back.requires = vec![aside];
                back.takes = super::order::slots(to, &Body::Schema(crate::model::Schema {}));
                back.produces = produced;
                actions.extend([away, back]);
                continue;
            }
            let mut action = Action { rank: 1, ..Action::default() };
            let last = from.kind.name_element();
            let mut at = from.clone();
            if at.path[0] != to.path[0] && last > 0 && movable(from.kind) {
                at.path.put(0, &to.path[..1]);
                action = action.then(to, statement(from, &at)?).locking(lock(from.kind), [old.clone()]);
            }
            if at.path[last] != to.path[last] {
                action = action.then(to, statement(&at, to)?).locking(lock(from.kind), [old.clone()]);
            }
            if action.steps.is_empty() {
                return Err(PlanError::Impossible { id: to.clone(), why: format!("{old} cannot be renamed so") });
            }
            action.requires = owners(from, &Body::Schema(crate::model::Schema {}));
            action.requires.extend(self.let_go.contains(old).then(|| partition::detached(old)));
            action
                .requires
                .extend(to.schema().filter(|_| to.kind != Kind::Schema).map(|schema| FactId::new(Kind::Schema, [schema.clone()])));
            action.frees = super::order::slots(from, &Body::Schema(crate::model::Schema {}));
            action.takes = super::order::slots(to, &Body::Schema(crate::model::Schema {}));
            action.produces = produced;
            actions.push(action);
        }
        Ok(actions)
    }

    /// The new ids of everything that this object's rename carries with it.
    fn carried_with(&self, old: &FactId, below: &HashMap<&[Name], Vec<(&FactId, &FactId)>>) -> Vec<FactId> {
        let new = &self.ids[old];
        if old.kind == Kind::Column || old.path.len() > 2 || object::word(old.kind).is_some_and(|_| old.kind != Kind::BaseType) {
            return vec![new.clone()];
        }
        let mut ids: Vec<FactId> = below.get(old.path.as_slice()).into_iter().flatten().map(|(_, now)| (*now).clone()).collect();
        ids.push(new.clone());
        ids.sort();
        ids.dedup();
        ids
    }
}

fn inherited(fact: &Fact) -> bool {
    match &fact.body {
        Body::Column(column) => column.inherited,
        Body::Constraint(constraint) => constraint.inherited,
        _ => false,
    }
}

type Renamed<'a> = (Kind, &'a Name, &'a Name);

fn renamed<'a>(before: &'a Fact, after: &'a Fact) -> Option<Renamed<'a>> {
    matches!(before.id.kind, Kind::Column | Kind::Constraint).then(|| (before.id.kind, before.id.name(), after.id.name()))
}

/// The column or constraint of a child table that is renamed with its parent's.
fn comes_from_parent(before: &Fact, after: &Fact, parents: &HashSet<Renamed>) -> bool {
    inherited(before)
        && inherited(after)
        && before.id.path[..2] == after.id.path[..2]
        && renamed(before, after).is_some_and(|names| parents.contains(&names))
}

/// What an id names beside the object that it is a part of, and where it names it.
fn elsewhere(id: &FactId) -> Option<(std::ops::Range<usize>, FactId)> {
    let named = |kind: Kind, range: std::ops::Range<usize>| (range.clone(), FactId::new(kind, id.path[range].iter().cloned()));
    match id.kind {
        Kind::UserMapping => Some(named(Kind::Server, 0..1)),
        Kind::PublicationTable => Some(named(Kind::Table, 1..3)),
        Kind::PublicationSchema | Kind::DefaultPrivilege => Some(named(Kind::Schema, 1..2)),
        _ => None,
    }
}

fn ends_at(next: &HashMap<&FactId, &FactId>, from: &FactId, end: &FactId) -> bool {
    let mut at = from;
    for _ in 0..=next.len() {
        if at == end {
            return true;
        }
        match next.get(at) {
            Some(further) => at = further,
            None => return false,
        }
    }
    false
}

fn movable(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Enum
            | Kind::Domain
            | Kind::Composite
            | Kind::Range
            | Kind::Sequence
            | Kind::Table
            | Kind::View
            | Kind::MaterializedView
            | Kind::Routine
            | Kind::Aggregate
    ) || object::word(kind).is_some() && kind.in_schema()
}

/// The object whose path an id has.
fn carrier(id: &FactId) -> Kind {
    id.of.unwrap_or(id.kind)
}

fn lock(kind: Kind) -> Lock {
    match kind {
        Kind::Index => Lock::ShareUpdateExclusive,
        Kind::ForeignDataWrapper | Kind::Server | Kind::Publication | Kind::EventTrigger => Lock::None,
        _ => Lock::AccessExclusive,
    }
}

fn columns(body: &Body) -> Option<&[crate::model::ViewColumn]> {
    match body {
        Body::View(view) => Some(&view.columns),
        Body::MaterializedView(view) => Some(&view.columns),
        _ => None,
    }
}

/// Columns that kept their place and type and changed their name.
fn view_columns<'a>(old: &'a [crate::model::ViewColumn], new: &'a [crate::model::ViewColumn]) -> Vec<(&'a Name, &'a Name)> {
    if old.len() > new.len() {
        return Vec::new();
    }
    let kept = |name: &Name| new.iter().any(|c| c.name == *name);
    let known = |name: &Name| old.iter().any(|c| c.name == *name);
    let pairs: Vec<_> = old.iter().zip(new).filter(|(a, b)| a.name != b.name).collect();
    if pairs.iter().any(|(a, b)| a.data_type != b.data_type || kept(&a.name) || known(&b.name)) {
        return Vec::new();
    }
    pairs.into_iter().map(|(a, b)| (&a.name, &b.name)).collect()
}

/// How many tokens an alias takes here: `AS x`, or the names behind a table, `(a, b)` or `x(a, b)`.
fn alias(text: &[Token], start: usize) -> Option<usize> {
    let at = &text[start..];
    if at.first()?.is_word("as") && matches!(at.get(1), Some(Token::Word(_))) {
        return Some(2);
    }
    let open = usize::from(matches!(at.first(), Some(Token::Word(_))));
    if !at.get(open)?.is_symbol("(") || !behind_table(&text[..start + open]) {
        return None;
    }
    let mut i = open + 1;
    loop {
        if !matches!(at.get(i)?, Token::Word(_)) {
            return None;
        }
        match at.get(i + 1)? {
            mark if mark.is_symbol(",") => i += 2,
            mark if mark.is_symbol(")") => return Some(i + 2),
            _ => return None,
        }
    }
}

/// Whether these tokens end in a table's alias: what was before `date(date)` in an index is no table.
fn behind_table(before: &[Token]) -> bool {
    const NO_TABLE: [&str; 16] =
        ["select", "distinct", "on", "where", "and", "or", "not", "when", "then", "else", "by", "having", "in", "is", "case", "returning"];
    match before {
        [.., table, Token::Word(_)] => match table {
            Token::Word(_) => !NO_TABLE.iter().any(|word| table.is_word(word)),
            mark => mark.is_symbol(")"),
        },
        _ => false,
    }
}

/// The statement that takes an object from one id to the next, which differ in schema or in name.
fn statement(from: &FactId, to: &FactId) -> Result<String, PlanError> {
    let (kind, on) = (from.kind, || relation(from));
    let moved = from.path[0] != to.path[0] && movable(kind);
    let part = |word: &str, object: &str| format!("ALTER {object} {} RENAME {word} {} TO {}", on(), from.name(), to.name());
    let whole = |word: &str, object: &dyn Display, name: &Name| {
        if moved { format!("ALTER {word} {object} SET SCHEMA {}", to.path[0]) } else { format!("ALTER {word} {object} RENAME TO {name}") }
    };
    Ok(match kind {
        Kind::Schema => format!("ALTER SCHEMA {} RENAME TO {}", from.name(), to.name()),
        Kind::ForeignDataWrapper | Kind::Server | Kind::Publication | Kind::EventTrigger => {
            let word = match kind {
                Kind::ForeignDataWrapper => "FOREIGN DATA WRAPPER",
                Kind::Server => "SERVER",
                Kind::Publication => "PUBLICATION",
                _ => "EVENT TRIGGER",
            };
            format!("ALTER {word} {} RENAME TO {}", from.name(), to.name())
        }
        Kind::Enum | Kind::Composite | Kind::Range => whole("TYPE", &on(), to.name()),
        Kind::Domain => whole("DOMAIN", &on(), to.name()),
        Kind::Sequence => whole("SEQUENCE", &on(), to.name()),
        Kind::Table => whole("TABLE", &on(), to.name()),
        Kind::View => whole("VIEW", &on(), to.name()),
        Kind::MaterializedView => whole("MATERIALIZED VIEW", &on(), to.name()),
        Kind::Index => format!("ALTER INDEX {} RENAME TO {}", on(), to.name()),
        Kind::Routine | Kind::Aggregate => whole("ROUTINE", &Signature(from), &to.path[1]),
        // These are told by what they stand between, and an operator by its symbols.
        Kind::Cast | Kind::Transform | Kind::AccessMethod => {
            return Err(PlanError::Impossible { id: to.clone(), why: format!("no DDL renames {from}") });
        }
        Kind::Operator if !moved => return Err(PlanError::Impossible { id: to.clone(), why: format!("no DDL renames {from}") }),
        kind if object::word(kind).is_some() => {
            let to_what = if moved { format!("SET SCHEMA {}", to.path[0]) } else { format!("RENAME TO {}", to.path[kind.name_element()]) };
            format!("ALTER {} {to_what}", Object(from))
        }
        Kind::EnumLabel => format!(
            "ALTER TYPE {} RENAME VALUE {} TO {}",
            on(),
            crate::model::Literal(from.name().as_str()),
            crate::model::Literal(to.name().as_str())
        ),
        Kind::Attribute => part("ATTRIBUTE", "TYPE"),
        Kind::DomainConstraint => part("CONSTRAINT", "DOMAIN"),
        Kind::Column => part("COLUMN", "TABLE"),
        Kind::Constraint => part("CONSTRAINT", "TABLE"),
        Kind::Trigger | Kind::Policy | Kind::Rule => {
            let word = match kind {
                Kind::Trigger => "TRIGGER",
                Kind::Policy => "POLICY",
                _ => "RULE",
            };
            format!("ALTER {word} {} ON {} RENAME TO {}", from.name(), on(), to.name())
        }
        _ => return Err(PlanError::Impossible { id: to.clone(), why: format!("no DDL renames {from}") }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, Table};

    fn table(name: &str) -> Fact {
        Fact::new(FactId::new(Kind::Table, ["s", name]), Table::default())
    }
    fn column(table: &str, name: &str) -> Fact {
        let column = Column::new("integer");
        Fact::new(FactId::new(Kind::Column, ["s", table, name]), column)
    }
    fn rendered(changes: &[Change]) -> Vec<String> {
        Renames::find(changes).actions().unwrap().into_iter().flat_map(|a| a.steps).map(|s| s.sql).collect()
    }

    #[test]
    fn a_tables_rename_is_one_statement_and_explains_the_rest() {
        let changes = [
            Change::alter(table("a"), table("b")),
            Change::alter(column("a", "x"), column("b", "x")),
            Change::alter(column("a", "y"), column("b", "z")),
        ];
        assert_eq!(rendered(&changes), ["ALTER TABLE s.a RENAME TO b", "ALTER TABLE s.b RENAME COLUMN y TO z"]);
        let renames = Renames::find(&changes);
        assert!(renames.explain("SELECT a.y FROM s.a", "SELECT b.z AS y FROM s.b"));
        assert!(renames.explain("nextval('s.a'::regclass)", "nextval('s.b'::regclass)"));
        assert!(renames.explain("SELECT 1 FROM s.a", "SELECT 1 FROM s.b b(x, z)"));
        assert!(!renames.explain("USING btree (date)", "USING btree (date(date))"));
        assert!(!renames.explain("SELECT date FROM s.a", "SELECT date(date) FROM s.b"));
        assert!(!renames.explain("a.x > 1", "b.x > 2"));
        assert!(!renames.explain("a.x > 1", "b.x > 1 OR true"));
        assert_eq!(renames.now(&FactId::new(Kind::Trigger, ["s", "a", "tr"]), None), FactId::new(Kind::Trigger, ["s", "b", "tr"]));
    }

    #[test]
    fn a_swap_goes_by_a_third_name() {
        let changes = [Change::alter(column("a", "x"), column("a", "y")), Change::alter(column("a", "y"), column("a", "x"))];
        let sql = rendered(&changes);
        assert_eq!(sql.len(), 3, "{sql:?}");
        assert!(sql[0].contains("accord_aside"), "{sql:?}");
    }

    #[test]
    fn schema_and_name_can_change_at_once() {
        let mut moved = table("b");
        moved.id.path.put(0, &["u".into()]);
        assert_eq!(rendered(&[Change::alter(table("a"), moved)]), ["ALTER TABLE s.a SET SCHEMA u", "ALTER TABLE u.a RENAME TO b"]);
    }
}
