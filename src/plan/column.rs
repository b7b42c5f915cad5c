//! Columns of tables that stand already, and their defaults.

use super::keep;
use super::order::Action;
use super::rebuild::retyped;
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, ColumnDefinition, Filled, NotNull, OptionsChange, relation, settings_changed};
use super::{Options, PlanError};
use crate::model::{Body, Column, Default, Fact, FactId, ForeignOptions, Kind, Literal, Name, Position};

/// What fills a column, from its facts.
pub(super) fn filled<'a>(default: Option<&'a Fact>, identity: Option<&'a Fact>) -> Option<Filled<'a>> {
    match (default.map(|fact| &fact.body), identity.map(|fact| &fact.body)) {
        (_, Some(Body::Identity(identity))) => Some(Filled::Identity(identity)),
        (Some(Body::Default(Default { expression, generated: Some(kind) })), _) => Some(Filled::Generated(expression, kind)),
        (Some(Body::Default(Default { expression, generated: None })), _) => Some(Filled::Default(expression)),
        _ => None,
    }
}

static NO_OPTIONS: ForeignOptions = ForeignOptions::new();

/// The NOT NULL constraint that a new column is made with: one that is the table's own, as the column is.
pub(super) fn own_not_null(scene: &Scene, column: &Fact) -> Option<Fact> {
    if !scene.creates(&column.id) || comes_down(scene, column) || super::table::brought(scene, column) || comes_of_type(scene, &column.id) {
        return None;
    }
    let inherited = !scene.creates(&FactId::new(Kind::Partition, column.id.path[..2].iter().cloned()));
    scene.new_not_null(&column.id).filter(|fact| !matches!(&fact.body, Body::Constraint(constraint) if constraint.not_local && inherited))
}

/// NOT NULL as a new column's definition says it.
pub(super) fn not_null<'a>(scene: &Scene, id: &FactId, column: &Column, constraint: Option<&'a Fact>) -> NotNull<'a> {
    match constraint {
        Some(Fact { id, body: Body::Constraint(constraint), .. }) => {
            NotNull::Named(id.name(), if constraint.definition.ends_with(" NO INHERIT") { " NO INHERIT" } else { "" })
        }
        _ if column.not_null && !scene.named_not_null.contains(id) => NotNull::Unnamed,
        _ => NotNull::No,
    }
}

/// What CREATE TABLE and ADD COLUMN cannot say (in every supported major), or what a child has otherwise than its parent.
pub(super) fn extras<'a>(out: &mut Vec<Alteration<'a>>, name: &'a Name, column: &'a Column, parent: Option<&Column>) {
    let (storage, compression) = parent.map_or((None, &column.compression), |parent| (parent.storage.as_ref(), &parent.compression));
    if column.storage.as_ref() != storage {
        out.push(Alteration::SetStorage(name, column.storage.as_deref().unwrap_or_else(|| usual_storage(&column.data_type))));
    }
    if column.compression != *compression {
        out.push(Alteration::SetCompression(name, column.compression.as_deref().unwrap_or("default")));
    }
    if let Some(target) = column.statistics {
        out.push(Alteration::SetStatistics(name, target));
    }
    if !column.options.is_empty() {
        out.push(Alteration::SetColumnOptions(name, &column.options));
    }
    // A column that a parent brings is not written where its options could be said.
    if parent.is_some() && !column.foreign_options.is_empty() {
        out.push(Alteration::ColumnGenericOptions(name, OptionsChange { before: &NO_OPTIONS, after: &column.foreign_options }));
    }
}

/// The storage that a type with more than one choice has by itself (SET STORAGE DEFAULT is new in PostgreSQL 16).
pub(super) fn usual_storage(data_type: &str) -> &'static str {
    let name = data_type.split(['(', '[']).next().unwrap_or_default();
    if !data_type.ends_with(']') && matches!(name, "numeric" | "inet" | "cidr") { "main" } else { "extended" }
}

/// The column of the same name in a parent, afterwards.
pub(super) fn in_parent(scene: &Scene, id: &FactId) -> Option<Column> {
    scene.parents(id).into_iter().find_map(|parent| match scene.is(&part_of(&parent, Kind::Column, id.name()))?.body {
        Body::Column(column) => Some(column),
        _ => None,
    })
}

/// The default of the column of the same name in a parent, afterwards.
pub(super) fn default_in_parent(scene: &Scene, id: &FactId) -> Option<Default> {
    scene.parents(id).into_iter().find_map(|parent| match scene.is(&part_of(&parent, Kind::Default, id.name()))?.body {
        Body::Default(default) => Some(default),
        _ => None,
    })
}

pub(super) fn part_of(table: &FactId, kind: Kind, name: &Name) -> FactId {
    FactId::new(kind, [table.path[0].clone(), table.path[1].clone(), name.clone()])
}

/// Whether a new column's default is said where the column is made: `written` there, or come from a parent.
pub(super) fn inline(scene: &Scene, default: &Fact, written: bool) -> bool {
    match &default.body {
        Body::Default(body) if body.generated.is_some() => true,
        Body::Default(_) if written => !scene.splits.contains(&default.id),
        Body::Default(body) => default_in_parent(scene, &default.id).as_ref() == Some(body),
        _ => false,
    }
}

/// A column that its parent's change brings.
fn comes_down(scene: &Scene, fact: &Fact) -> bool {
    matches!(&fact.body, Body::Column(column) if column.not_local)
        && !scene.creates(&table_of(&fact.id))
        && !scene.creates(&FactId::new(Kind::Partition, fact.id.path[..2].iter().cloned()))
}

/// Whether the ADD COLUMN that brings this column, somewhere above, gives it a default.
fn default_from_above(scene: &Scene, id: &FactId) -> bool {
    scene.parents(id).iter().any(|parent| {
        let column = part_of(parent, Kind::Column, id.name());
        let brought = scene.is(&column).is_some_and(|fact| scene.creates(&column) && comes_down(scene, &fact));
        let default = scene.is(&FactId { kind: Kind::Default, ..column.clone() });
        if brought {
            default_from_above(scene, &column)
        } else {
            matches!(default, Some(Fact { body: Body::Default(Default { generated: None, .. }), .. }))
        }
    })
}

/// By inheritance that begins in these changes, a column of a table that stands cannot become one that is only inherited.
fn cannot_be_only_inherited(scene: &Scene, fact: &Fact) -> Result<(), PlanError> {
    if scene.is_partition(&fact.id)
        || scene.lasting_parents(&fact.id).iter().any(|parent| scene.creates(&part_of(parent, Kind::Column, fact.id.name())))
    {
        return Ok(());
    }
    Err(PlanError::Impossible { id: fact.id.clone(), why: "no DDL makes a column that stands one that is only inherited".to_owned() })
}

/// The composite type that a standing table is made OF brings and takes its columns.
pub(super) fn comes_of_type(scene: &Scene, id: &FactId) -> bool {
    let typed = |fact: Option<Fact>| matches!(fact.map(|fact| fact.body), Some(Body::Table(table)) if table.of_type.is_some());
    let table = table_of(id);
    let before = scene.item_to(&table).map_or_else(|| scene.around.get(&table), |i| scene.items[i].before.clone());
    typed(before) && typed(scene.is(&table))
}

fn is_volatile(default: Option<&Fact>, identity: Option<&Fact>) -> bool {
    identity.is_some() || default.is_some_and(|fact| fact.notes.get("volatile").and_then(serde_json::Value::as_bool).unwrap_or(false))
}

/// Whether the expression is that constant, however it is cast.
pub fn is_constant(expression: &str, value: &str) -> bool {
    use super::lexer::{Token, tokens};
    match tokens(expression).as_slice() {
        [Token::Number(number)] => number == value,
        [Token::Text(text)] => text == value,
        [Token::Text(text), Token::Symbol(cast), ..] => cast == "::" && text == value && !expression.contains("||"),
        [Token::Word(word)] => (word == "true" && value == "t") || (word == "false" && value == "f") || word == value,
        _ => false,
    }
}

/// ALTER TABLE … ADD COLUMN.
pub(super) fn add(scene: &Scene, fact: &Fact, column: &Column, fill: Option<&str>, out: &mut Vec<Action>) -> Result<(), PlanError> {
    let id = &fact.id;
    let (table, name) = (table_of(id), id.name());
    let of = |kind: Kind| scene.is(&FactId { kind, ..id.clone() }).filter(|fact| scene.creates(&fact.id));
    if comes_of_type(scene, id) {
        let mut action = Action { rank: 42, ..Action::default() };
        action.makes(fact);
        out.push(action);
        return Ok(());
    }
    if comes_down(scene, fact) {
        cannot_be_only_inherited(scene, fact)?;
        let parents = scene.parents(id);
        let mut action = Action { rank: 42, ..Action::default() };
        if of(Kind::Default).is_none() && default_from_above(scene, id) {
            let statement = AlterTable::only(&table, Alteration::DropDefault(name));
            action = action.then(id, &statement).locking(statement.lock(), [table]);
        }
        action.makes(fact);
        action.requires.extend(parents.iter().map(|parent| part_of(parent, Kind::Column, name)));
        if let Some(Ok(kept)) = keep::to_return(scene, id) {
            action = keep::give_back(scene, kept, id, column, action);
        }
        out.push(action);
        return Ok(());
    }
    let (default, identity) = (of(Kind::Default), of(Kind::Identity));
    let said = default.as_ref().filter(|default| inline(scene, default, true));
    let mut action = Action { rank: 42, ..Action::default() }.then(id, "");
    let mut filling = filled(said, identity.as_ref());
    let literal = fill.map(|fill| format!("{}::{}", Literal(fill), column.data_type));
    let mut after: Option<Alteration> = None;
    let generated = matches!(filling, Some(Filled::Generated(..)));
    let mut warnings = Vec::new();
    let volatile = is_volatile(said, identity.as_ref());
    if let (Some(literal), Some(fill), false) = (&literal, fill, generated || identity.is_some()) {
        let expression = said.and_then(|fact| match &fact.body {
            Body::Default(default) => Some(default.expression.as_str()),
            _ => None,
        });
        if !expression.is_some_and(|expression| is_constant(expression, fill)) {
            filling = Some(Filled::Default(literal));
            after = Some(expression.map_or(Alteration::DropDefault(name), |expression| Alteration::SetDefault(name, expression)));
        }
    } else if volatile && !generated && scene.populated(id) {
        if column.not_null {
            let why = "it is NOT NULL and its values come from a volatile expression, which the existing rows' own values are not known by";
            return Err(PlanError::Impossible { id: id.clone(), why: why.to_owned() });
        }
        if let Some(Filled::Default(expression)) = filling.take() {
            after = Some(Alteration::SetDefault(name, expression));
        }
        warnings.push(format!("the existing rows of {table} hold no value in {id} until the data stream brings them"));
    }
    let rewrites = (generated || volatile && filling.is_some()) && scene.table(id).is_none_or(|table| table.foreign.is_none());
    let constraint = own_not_null(scene, fact);
    let kept = match keep::to_return(scene, id) {
        Some(Ok(kept)) => Some(kept),
        Some(Err(words)) => {
            warnings.push(words);
            None
        }
        None => None,
    };
    let mut not_null = not_null(scene, id, column, constraint.as_ref());
    // The rows that stand have their values only once they are given back.
    let behind = if kept.is_some() && filling.is_none() { std::mem::replace(&mut not_null, NotNull::No) } else { NotNull::No };
    let definition = ColumnDefinition {
        name,
        data_type: Some(&column.data_type),
        compression: column.compression.as_deref(),
        options: Some(&column.foreign_options),
        collation: column.collation.as_ref(),
        filled: filling,
        not_null,
    };
    let statement = AlterTable::all(&table, Alteration::AddColumn(definition));
    action.last().sql = statement.to_string();
    action = action.locking(statement.lock(), [table.clone()]).rewriting(rewrites);
    action.last().warnings.extend(warnings);
    action.makes(fact);
    if let Some(default) = said {
        action.makes(default);
    }
    if let Some(identity) = &identity {
        action.makes(identity);
    }
    if let Some(constraint) = &constraint {
        action.makes(constraint);
    }
    if let Some(position) = of(Kind::Position) {
        if let Body::Position(Position { after: Some(before) }) = &position.body {
            action.requires.push(part_of(&table, Kind::Column, before));
        }
        action.produces.push(position.id);
    }
    if let Some(alteration) = after {
        let statement = AlterTable::all(&table, alteration);
        action = action.then(id, &statement).locking(statement.lock(), [table.clone()]);
    }
    let mut alterations = Vec::new();
    extras(&mut alterations, name, column, None);
    if !alterations.is_empty() {
        let statement = AlterTable { only: true, table: relation(id), actions: alterations };
        action = action.then(id, &statement).locking(statement.lock(), [table.clone()]);
    }
    if let Some(kept) = kept {
        action = keep::give_back(scene, kept, id, column, action);
    }
    let definition = format!("NOT NULL {name}{}", if let NotNull::Named(_, no_inherit) = behind { no_inherit } else { "" });
    let alteration = match behind {
        NotNull::No => None,
        NotNull::Unnamed => Some(Alteration::SetNotNull(name)),
        NotNull::Named(name, _) => Some(Alteration::AddConstraint { name, definition: &definition, not_valid: false, foreign: false }),
    };
    if let Some(alteration) = alteration {
        let statement = AlterTable::all(&table, alteration);
        action = action.then(id, &statement).locking(statement.lock(), [table]).scanning(true);
    }
    out.push(action);
    Ok(())
}

/// ALTER TABLE … DROP COLUMN.
pub(super) fn drop(scene: &Scene, old: &FactId, fact: &Fact, column: &Column, out: &mut Vec<Action>) {
    let table = table_of(&fact.id);
    if comes_of_type(scene, &fact.id) {
        out.push(Action { rank: 16, ..Action::default() }.unmaking(old, fact));
        return;
    }
    if column.not_local {
        let causes: Vec<FactId> = scene
            .kept_parents(old)
            .iter()
            .map(|parent| part_of(parent, Kind::Column, old.name()))
            .filter(|parent| scene.drops(parent))
            .collect();
        if !causes.is_empty() {
            let mut action = Action { rank: 16, ..Action::default() };
            if holds_values(scene, old) {
                keep::column(scene, &mut action, old, fact, column, None);
            }
            out.push(action.unmaking(old, fact).letting_go(causes));
            return;
        }
    }
    let only = !scene.partitioned(&fact.id) && !falls_with(scene, old);
    let mut statement = AlterTable::all(&table, Alteration::DropColumn(fact.id.name()));
    statement.only = only;
    let mut action = Action { rank: 16, ..Action::default() };
    let holds = holds_values(scene, old);
    let lost = holds && !keep::column(scene, &mut action, old, fact, column, None);
    action = action.then(old, &statement).locking(statement.lock(), [table_of(old)]).unmaking(old, fact);
    if column.not_local {
        action.requires.push(super::partition::detached(old));
    }
    if lost {
        action = action.losing(old, format!("the values of {old}"));
    }
    out.push(action);
}

/// Whether a column held values of its own here: neither generated nor elsewhere.
pub(super) fn holds_values(scene: &Scene, old: &FactId) -> bool {
    let default = scene.was(&FactId { kind: Kind::Default, ..old.clone() });
    !matches!(default, Some(Fact { body: Body::Default(Default { generated: Some(_), .. }), .. })) && !scene.foreign_before(old)
}

/// Whether a child's column goes with this one.
fn falls_with(scene: &Scene, old: &FactId) -> bool {
    scene.inherited_columns(old.name()).filter(|item| item.after.is_none()).any(|item| {
        matches!(item.before.as_ref().map(|fact| &fact.body), Some(Body::Column(column)) if column.not_local)
            && item.old.as_ref().is_some_and(|child| scene.kept_parents(child).contains(&table_of(old)))
    })
}

/// Every attribute but the type.
pub(super) fn alter(
    scene: &Scene,
    item: &Item,
    was: &Fact,
    now: &Fact,
    before: &Column,
    after: &Column,
    out: &mut Vec<Action>,
) -> Result<(), PlanError> {
    let Some(old) = &item.old else { return Ok(()) };
    if after.not_local && !before.not_local {
        cannot_be_only_inherited(scene, now)?;
    }
    if before.not_local && after.inherited && !after.not_local {
        let why = "no DDL makes a column that is only inherited the table's own while it stays inherited".to_owned();
        return Err(PlanError::Impossible { id: now.id.clone(), why });
    }
    let (table, name) = (table_of(&now.id), now.id.name());
    let mut proved = None;
    let mut push = |only: bool, alteration: Alteration, scans: bool| {
        let mut statement = AlterTable::all(&table, alteration);
        statement.only = only;
        out.push(Action::new(44, &now.id, &statement).locking(statement.lock(), [table_of(old)]).scanning(scans).altering(old, was, now));
    };
    if before.not_null != after.not_null && !scene.named_not_null.contains(&now.id) && !follows_parent(scene, now, before, after) {
        let only = !scene.partitioned(&now.id);
        if after.not_null && scene.options.online {
            proved = Some(super::online::set_not_null(&now.id, &table_of(old), only).altering(old, was, now));
        } else {
            let alteration = if after.not_null { Alteration::SetNotNull(name) } else { Alteration::DropNotNull(name) };
            push(only, alteration, after.not_null);
        }
    }
    // A new type brings its own storage and compression.
    if !retyped(was, now) {
        if before.storage != after.storage {
            let own = super::base_type::storage(scene, &now.depends, &after.data_type);
            let usual = || own.as_deref().unwrap_or_else(|| usual_storage(&after.data_type));
            push(true, Alteration::SetStorage(name, after.storage.as_deref().unwrap_or_else(usual)), false);
        }
        if before.compression != after.compression {
            push(true, Alteration::SetCompression(name, after.compression.as_deref().unwrap_or("default")), false);
        }
    }
    if before.statistics != after.statistics {
        push(true, Alteration::SetStatistics(name, after.statistics.unwrap_or(-1)), false);
    }
    if before.foreign_options != after.foreign_options {
        let change = OptionsChange { before: &before.foreign_options, after: &after.foreign_options };
        push(true, Alteration::ColumnGenericOptions(name, change), false);
    }
    let (set, reset) = settings_changed(&before.options, &after.options);
    if !reset.is_empty() {
        push(true, Alteration::ResetColumnOptions(name, &reset), false);
    }
    if !set.is_empty() {
        push(true, Alteration::SetColumnOptions(name, &set), false);
    }
    out.extend(proved);
    Ok(())
}

/// A partition's column takes NOT NULL from its parent's.
fn follows_parent(scene: &Scene, now: &Fact, before: &Column, after: &Column) -> bool {
    (before.inherited || after.inherited)
        && scene.lasting_parents(&now.id).iter().any(|parent| {
            let item = scene.item_to(&part_of(parent, Kind::Column, now.id.name())).map(|i| &scene.items[i]);
            let changed = item.and_then(|item| item.before.as_ref().zip(item.after.as_ref()));
            let same = matches!(changed, Some((Fact { body: Body::Column(b), .. }, Fact { body: Body::Column(a), .. })) if b.not_null == before.not_null && a.not_null == after.not_null);
            same && scene.partitioned(parent)
        })
}

/// Whether ALTER COLUMN … SET EXPRESSION leads from the one to the other.
pub(super) fn set_expression(options: &Options, before: &Default, after: &Default) -> bool {
    options.major >= 17 && before.generated.is_some() && before.generated == after.generated
}

/// A default (not a generation expression that comes with its column) of a column that stands.
pub(super) fn default(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    let now = |fact: &Fact| table_of(&fact.id);
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Default(default) = &fact.body else { return };
            let statement = AlterTable::only(&now(fact), Alteration::SetDefault(fact.id.name(), &default.expression));
            out.push(Action::new(47, &fact.id, &statement).locking(statement.lock(), [now(fact)]).making(fact));
        }
        (Some(fact), None) => {
            let (Body::Default(default), Some(old)) = (&fact.body, &item.old) else { return };
            let name = fact.id.name();
            let alteration = if default.generated.is_some() { Alteration::DropExpression(name) } else { Alteration::DropDefault(name) };
            let statement = AlterTable { only: default.generated.is_none(), table: relation(&fact.id), actions: vec![alteration] };
            out.push(Action::new(15, old, &statement).locking(statement.lock(), [table_of(old)]).unmaking(old, fact));
        }
        (Some(was), Some(fact)) => {
            let (Body::Default(before), Body::Default(after), Some(old)) = (&was.body, &fact.body, &item.old) else { return };
            if before == after {
                return;
            }
            let mut action = Action { rank: 47, ..Action::default() };
            if set_expression(scene.options, before, after) {
                // A child's follows its parent's.
                let parents: Vec<FactId> =
                    scene.lasting_parents(&fact.id).iter().map(|parent| part_of(parent, Kind::Default, fact.id.name())).collect();
                let above: Vec<FactId> = parents.into_iter().filter(|parent| scene.item_to(parent).is_some()).collect();
                if above.is_empty() {
                    let statement = AlterTable::all(&now(fact), Alteration::SetExpression(fact.id.name(), &after.expression));
                    let stored = after.generated.as_deref() == Some("stored");
                    action = action.then(&fact.id, &statement).locking(statement.lock(), [table_of(old)]).rewriting(stored);
                }
                out.push(action.altering(old, was, fact).needing(above));
                return;
            }
            if before.generated.is_some() {
                let statement = AlterTable::all(&now(fact), Alteration::DropExpression(fact.id.name()));
                action = action.then(&fact.id, &statement).locking(statement.lock(), [table_of(old)]);
            }
            let statement = AlterTable::only(&now(fact), Alteration::SetDefault(fact.id.name(), &after.expression));
            out.push(action.then(&fact.id, &statement).locking(statement.lock(), [table_of(old)]).altering(old, was, fact));
        }
        (None, None) => {}
    }
}
