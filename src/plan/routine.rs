//! Functions, procedures and aggregates.

use super::lexer::{Token, find_word, split_commas, tokens};
use super::order::Action;
use super::scene::Item;
use super::sql::{Joined, Maybe, Signature, body, flag};
use crate::model::{Body, Fact, FactId, Literal, Name, Qualified, Routine, RoutineBody, RoutineKind};
use std::fmt;

/// One argument: its words without the default, and whether it has one.
struct Argument {
    words: Vec<Token>,
    defaulted: bool,
}

fn arguments(text: &str) -> Vec<Argument> {
    split_commas(text)
        .into_iter()
        .map(|argument| {
            let at = find_word(argument, &["default"]);
            Argument { words: tokens(&argument[..at.unwrap_or(argument.len())]), defaulted: at.is_some() }
        })
        .collect()
}

/// Whether CREATE OR REPLACE leads from the one to the other: PostgreSQL lets neither the result nor
/// an argument's name change, nor a default go.
pub(super) fn replaceable(before: &Routine, after: &Routine) -> bool {
    let (old, new) = (arguments(&before.arguments), arguments(&after.arguments));
    let same = |old: &Argument, new: &Argument| {
        // A name may come where there was none.
        let named = new.words.len() == old.words.len() + 1 && new.words.ends_with(&old.words);
        (old.words == new.words || named) && (!old.defaulted || new.defaulted)
    };
    before.kind == after.kind
        && before.result == after.result
        && old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| same(old, new))
}

/// Settings whose stored text is a list that is quoted already.
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

struct Setting<'a>(&'a str);

impl fmt::Display for Setting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = self.0.split_once('=').unwrap_or((self.0, ""));
        let parts: Vec<Name> = name.split('.').map(Name::from).collect();
        write!(f, " SET {} TO ", Joined(&parts, "."))?;
        if !LISTS.contains(&name.to_ascii_lowercase().as_str()) {
            return write!(f, "{}", Literal(value));
        }
        // Each element becomes a literal again, whatever it was quoted with.
        let elements: Vec<String> = split_commas(value)
            .into_iter()
            .map(|element| match tokens(element).as_slice() {
                [Token::Word(word)] => Literal(word).to_string(),
                [Token::Text(text)] => Literal(text).to_string(),
                _ => Literal(element).to_string(),
            })
            .collect();
        if elements.is_empty() { f.write_str("''") } else { write!(f, "{}", Joined(&elements, ", ")) }
    }
}

/// The keyword that the text names, if it is one of these.
fn keyword(text: Option<&String>, known: &[&'static str]) -> Option<&'static str> {
    known.iter().copied().find(|word| text.is_some_and(|text| word.eq_ignore_ascii_case(text)))
}

/// The text if it is a number.
fn number(text: Option<&String>) -> Option<&String> {
    text.filter(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
}

struct CreateRoutine<'a> {
    replace: bool,
    name: Qualified,
    routine: &'a Routine,
}

impl fmt::Display for CreateRoutine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Routine { kind, arguments, result, language, volatility, strict, security_definer, leakproof, parallel, cost, rows, .. } =
            self.routine;
        let word = if *kind == RoutineKind::Procedure { "PROCEDURE" } else { "FUNCTION" };
        write!(f, "CREATE {}{word} {}({arguments})", flag(self.replace, "OR REPLACE "), self.name)?;
        write!(f, "{} LANGUAGE {language}", Maybe(" RETURNS ", result.as_ref()))?;
        if !self.routine.transforms.is_empty() {
            let transforms: Vec<String> = self.routine.transforms.iter().map(|name| format!("FOR TYPE {name}")).collect();
            write!(f, " TRANSFORM {}", Joined(&transforms, ", "))?;
        }
        write!(
            f,
            "{}{}",
            flag(*kind == RoutineKind::Window, " WINDOW"),
            Maybe(" ", keyword(volatility.as_ref(), &["IMMUTABLE", "STABLE"]))
        )?;
        write!(f, "{}{}{}", flag(*leakproof, " LEAKPROOF"), flag(*strict, " STRICT"), flag(*security_definer, " SECURITY DEFINER"))?;
        write!(f, "{}", Maybe(" PARALLEL ", keyword(parallel.as_ref(), &["SAFE", "RESTRICTED"])))?;
        write!(f, "{}{}", Maybe(" COST ", number(cost.as_ref())), Maybe(" ROWS ", number(rows.as_ref())))?;
        write!(f, "{}", Maybe(" SUPPORT ", self.routine.support.as_ref()))?;
        for setting in &self.routine.config {
            write!(f, "{}", Setting(setting))?;
        }
        match &self.routine.body {
            RoutineBody::Source(source) => write!(f, " AS {}", body(source)),
            RoutineBody::Sql(sql) => write!(f, "\n{sql}"),
            RoutineBody::Library { file, symbol } => write!(f, " AS {}, {}", Literal(file), Literal(symbol)),
        }
    }
}

fn name(id: &FactId) -> Qualified {
    Qualified::new(id.path[0].clone(), id.path[1].clone())
}

/// Needs a body's objects as well, where the server keeps track of them.
pub(super) fn change(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Routine(routine) = &fact.body else { return };
            out.push(Action::new(50, &fact.id, CreateRoutine { replace: false, name: name(&fact.id), routine }).making(fact));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            drop(old, fact, out);
        }
        (Some(was), Some(now)) => {
            let (Body::Routine(before), Body::Routine(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            if before != after {
                out.push(
                    Action::new(50, &now.id, CreateRoutine { replace: true, name: name(&now.id), routine: after }).altering(old, was, now),
                );
            }
        }
        (None, None) => {}
    }
}

/// DROP ROUTINE names functions, procedures and aggregates alike.
fn drop(old: &FactId, fact: &Fact, out: &mut Vec<Action>) {
    out.push(Action::new(20, old, format_args!("DROP ROUTINE {}", Signature(&fact.id))).unmaking(old, fact));
}

/// An aggregate.
pub(super) fn aggregate(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Aggregate(aggregate) = &fact.body else { return };
            let arguments = if aggregate.arguments.is_empty() { "*" } else { &aggregate.arguments };
            let sql = format!("CREATE AGGREGATE {}({arguments}) ({})", name(&fact.id), Joined(&aggregate.options, ", "));
            out.push(Action::new(51, &fact.id, sql).making(fact));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            drop(old, fact, out);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routine(arguments: &str, result: &str) -> Routine {
        Routine::sql(arguments, result, "SELECT $1")
    }

    #[test]
    fn what_postgresql_lets_be_replaced() {
        let base = routine("a integer, text", "integer");
        for (arguments, result, expected) in [
            ("a integer, text", "integer", true),
            ("a integer, b text", "integer", true),
            ("a integer, text DEFAULT 'x, y'::text", "integer", true),
            ("b integer, text", "integer", false),
            ("a integer, text", "bigint", false),
        ] {
            assert_eq!(replaceable(&base, &routine(arguments, result)), expected, "{arguments}");
        }
        assert!(!replaceable(&routine("a integer DEFAULT 1", "integer"), &routine("a integer", "integer")));
    }

    #[test]
    fn lists_are_quoted_one_by_one() {
        assert_eq!(Setting("search_path=pg_catalog, \"A b\"").to_string(), " SET search_path TO 'pg_catalog', 'A b'");
        assert_eq!(Setting("search_path=\"\"").to_string(), " SET search_path TO ''");
        assert_eq!(Setting("my.guc=a, b").to_string(), " SET my.guc TO 'a, b'");
    }
}
