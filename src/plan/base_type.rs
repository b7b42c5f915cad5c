//! Base types and shells.
//!
//! A base type and its functions name each other: a shell comes first, then the functions, then the
//! type. They go together, because neither goes while the other stands.

use super::PlanError;
use super::order::Action;
use super::scene::Scene;
use super::sql::{Joined, relation};
use crate::model::{BaseType, BaseTypeDefinition, Body, Fact, FactId, Kind, Literal, Qualified};
use foldhash::HashMap;

/// What can be altered in place: a shell that is defined, support functions, and storage that is and was not plain.
pub(super) fn alterable(before: &BaseType, after: &BaseType) -> bool {
    let (Some(was), Some(is)) = (&before.definition, &after.definition) else { return before.definition.is_none() };
    let plain = was.storage.is_none() || is.storage.is_none();
    let altered = BaseTypeDefinition {
        receive: is.receive.clone(),
        send: is.send.clone(),
        typmod_in: is.typmod_in.clone(),
        typmod_out: is.typmod_out.clone(),
        analyze: is.analyze.clone(),
        subscript: is.subscript.clone(),
        storage: if plain { was.storage.clone() } else { is.storage.clone() },
        ..was.clone()
    };
    altered == *is
}

fn definition(id: &FactId, definition: &BaseTypeDefinition) -> String {
    let BaseTypeDefinition { input, output, receive, send, typmod_in, typmod_out, analyze, subscript, .. } = definition;
    let mut options = vec![format!("INPUT = {input}"), format!("OUTPUT = {output}")];
    let functions = [
        ("RECEIVE", receive),
        ("SEND", send),
        ("TYPMOD_IN", typmod_in),
        ("TYPMOD_OUT", typmod_out),
        ("ANALYZE", analyze),
        ("SUBSCRIPT", subscript),
    ];
    options.extend(functions.iter().filter_map(|(name, function)| Some(format!("{name} = {}", function.as_ref()?))));
    options.push(format!("INTERNALLENGTH = {}", definition.length.map_or("VARIABLE".to_owned(), |length| length.to_string())));
    options.extend(definition.by_value.then(|| "PASSEDBYVALUE".to_owned()));
    options.push(format!("ALIGNMENT = {}", Literal(&definition.alignment)));
    let literal = |name: &str, value: &Option<String>| value.as_deref().map(|value| format!("{name} = {}", Literal(value)));
    options.extend(literal("STORAGE", &definition.storage));
    options.extend(literal("CATEGORY", &definition.category));
    options.extend(definition.preferred.then(|| "PREFERRED = true".to_owned()));
    options.extend(literal("DEFAULT", &definition.default));
    options.extend(definition.element.as_ref().map(|element| format!("ELEMENT = {element}")));
    options.extend(literal("DELIMITER", &definition.delimiter));
    options.extend(definition.collatable.then(|| "COLLATABLE = true".to_owned()));
    format!("CREATE TYPE {} ({})", relation(id), Joined(&options, ", "))
}

/// Stands for the shell of a type in the order of actions; no fact has such an id.
fn shell(id: &FactId) -> FactId {
    FactId::new(id.kind, [id.path[0].clone(), id.path[1].clone(), "shell".into()])
}

/// The shell of a type that is new, before its definition.
pub(super) fn create_shell(fact: &Fact, out: &mut Vec<Action>) {
    let mut action = Action::new(32, &fact.id, format_args!("CREATE TYPE {}", relation(&fact.id)));
    action.makes(fact);
    action.produces = vec![shell(&fact.id)];
    action.requires.retain(|id| id.kind == Kind::Schema);
    out.push(action);
}

/// The definition of a type whose shell is there.
pub(super) fn complete(fact: &Fact, sql: &str, out: &mut Vec<Action>) {
    let mut action = Action::new(33, &fact.id, sql).making(fact).needing([shell(&fact.id)]);
    action.takes.clear();
    out.push(action);
}

pub(super) fn create(fact: &Fact, base: &BaseType, out: &mut Vec<Action>) {
    match &base.definition {
        None => out.push(Action::new(32, &fact.id, format_args!("CREATE TYPE {}", relation(&fact.id))).making(fact)),
        Some(definition) => {
            create_shell(fact, out);
            complete(fact, &self::definition(&fact.id, definition), out);
        }
    }
}

pub(super) fn alter(old: &FactId, was: &Fact, now: &Fact, before: &BaseType, after: &BaseType, out: &mut Vec<Action>) {
    let Some(is) = &after.definition else { return };
    let Some(was_defined) = &before.definition else {
        out.push(Action::new(33, &now.id, definition(&now.id, is)).altering(old, was, now));
        return;
    };
    let mut options = Vec::new();
    let mut function = |name: &str, before: &Option<Qualified>, after: &Option<Qualified>| {
        if before != after {
            options.push(format!("{name} = {}", after.as_ref().map_or("NONE".to_owned(), ToString::to_string)));
        }
    };
    function("RECEIVE", &was_defined.receive, &is.receive);
    function("SEND", &was_defined.send, &is.send);
    function("TYPMOD_IN", &was_defined.typmod_in, &is.typmod_in);
    function("TYPMOD_OUT", &was_defined.typmod_out, &is.typmod_out);
    function("ANALYZE", &was_defined.analyze, &is.analyze);
    function("SUBSCRIPT", &was_defined.subscript, &is.subscript);
    if was_defined.storage != is.storage {
        options.extend(is.storage.as_deref().map(|storage| format!("STORAGE = {}", Literal(storage))));
    }
    if !options.is_empty() {
        let sql = format!("ALTER TYPE {} SET ({})", relation(&now.id), Joined(&options, ", "));
        out.push(Action::new(38, &now.id, sql).altering(old, was, now));
    }
}

/// Whether a type and functions of its name each other: a range does where it has a canonical function.
fn mutual(body: &Body) -> bool {
    match body {
        Body::BaseType(base) => base.definition.is_some(),
        Body::Range(range) => range.canonical.is_some(),
        _ => false,
    }
}

/// Its functions go with it: they are unmade by this action (see [`carriers`]).
pub(super) fn drop(old: &FactId, fact: &Fact, out: &mut Vec<Action>) {
    let cascade = if mutual(&fact.body) { " CASCADE" } else { "" };
    out.push(Action::new(22, old, format_args!("DROP TYPE {}{cascade}", relation(&fact.id))).unmaking(old, fact));
}

/// The types among a routine's needs that need it themselves, and therefore take it with them.
pub(super) fn carriers(scene: &Scene, old: &FactId, routine: &Fact) -> Vec<FactId> {
    let named = |id: &&FactId| {
        matches!(id.kind, Kind::BaseType | Kind::Range)
            && scene.drops(id)
            && scene.was(id).is_some_and(|fact| mutual(&fact.body) && fact.depends.contains(old))
    };
    routine.depends.iter().filter(named).cloned().collect()
}

/// A type goes with its functions, by CASCADE: whatever else stands on it must go by itself first.
pub(super) fn check_drops(scene: &Scene) -> Result<(), PlanError> {
    for item in &scene.items {
        let (Some(old), Some(fact), None) = (&item.old, &item.before, &item.after) else { continue };
        if !mutual(&fact.body) {
            continue;
        }
        for user in scene.around.dependents(old) {
            let lets_go = scene.item_of(&user.id).is_some_and(|i| match &scene.items[i].after {
                None => true,
                Some(after) => !after.depends.contains(&fact.id),
            });
            if !lets_go && !scene.gone(&user.id, Some(&user.body)) {
                return Err(PlanError::Impossible { id: old.clone(), why: format!("it cannot go while {} depends on it", user.id) });
            }
        }
    }
    Ok(())
}

/// The storage of the base type of this name, if it is one of these facts.
pub(super) fn storage(scene: &Scene, facts: &[FactId], data_type: &str) -> Option<String> {
    let named = |id: &&FactId| id.kind == Kind::BaseType && relation(id).to_string() == data_type;
    match scene.is(facts.iter().find(named)?)?.body {
        Body::BaseType(base) => Some(base.definition?.storage.unwrap_or_else(|| "plain".to_owned())),
        _ => None,
    }
}

/// The functions of a new type need no more than its shell.
pub(super) fn loosen(actions: &mut [Action]) {
    let shells: HashMap<FactId, Vec<FactId>> = actions
        .iter()
        .filter_map(|action| {
            let id = action.produces.iter().find(|id| matches!(id.kind, Kind::BaseType | Kind::Range) && id.path.len() == 2)?;
            let routines = action.requires.iter().filter(|id| id.kind == Kind::Routine).cloned().collect();
            action.requires.contains(&shell(id)).then(|| (id.clone(), routines))
        })
        .collect();
    for action in actions.iter_mut().filter(|_| !shells.is_empty()) {
        let Some(own) = action.produces.first().filter(|id| id.kind == Kind::Routine).cloned() else { continue };
        for id in &mut action.requires {
            if shells.get(id).is_some_and(|routines| routines.contains(&own)) {
                *id = shell(id);
            }
        }
    }
}
