//! Casts, operators, operator families and classes.

use super::lexer::split_commas;
use super::object::Object;
use super::order::Action;
use super::scene::Scene;
use super::sql::{Joined, relation};
use crate::model::{
    Body, Cast, CastContext, CastMethod, Fact, FactId, Kind, MemberFunction, MemberOperator, Name, Operator, OperatorClass, OperatorFamily,
    OperatorName, Qualified, Symbol,
};
use std::fmt;

pub(super) fn create_cast(id: &FactId, cast: &Cast) -> String {
    let how = match &cast.method {
        CastMethod::Function(function) => format!("WITH FUNCTION {function}"),
        CastMethod::Inout => "WITH INOUT".to_owned(),
        CastMethod::Binary => "WITHOUT FUNCTION".to_owned(),
    };
    let context = match cast.context {
        CastContext::Explicit => "",
        CastContext::Assignment => " AS ASSIGNMENT",
        CastContext::Implicit => " AS IMPLICIT",
    };
    format!("CREATE {} {how}{context}", Object(id))
}

/// The types that an operator takes, left and right; `NONE` for a missing one.
fn operands(id: &FactId) -> (&str, &str) {
    match split_commas(id.path[2].as_str()).as_slice() {
        [left, right] => (left, right),
        _ => ("NONE", id.path[2].as_str()),
    }
}

pub(super) fn create(id: &FactId, operator: &Operator) -> String {
    let Operator { function, commutator, negator, restrict, join, hashes, merges } = operator;
    let (left, right) = operands(id);
    let mut options = vec![format!("FUNCTION = {function}")];
    if left != "NONE" {
        options.push(format!("LEFTARG = {left}"));
    }
    options.push(format!("RIGHTARG = {right}"));
    options.extend(commutator.as_ref().map(|name| format!("COMMUTATOR = {name}")));
    options.extend(negator.as_ref().map(|name| format!("NEGATOR = {name}")));
    options.extend(restrict.as_ref().map(|name| format!("RESTRICT = {name}")));
    options.extend(join.as_ref().map(|name| format!("JOIN = {name}")));
    options.extend(hashes.then(|| "HASHES".to_owned()));
    options.extend(merges.then(|| "MERGES".to_owned()));
    format!("CREATE OPERATOR {}.{} ({})", id.path[0], id.path[1].as_str(), Joined(&options, ", "))
}

/// Estimators can be altered. Commutators and negators are judged by [`linked`].
pub(super) fn alterable(before: &Operator, after: &Operator) -> bool {
    before.function == after.function && before.hashes == after.hashes && before.merges == after.merges
}

/// Whether the change of an operator's commutator and negator is another operator's doing: one that
/// comes and names this one, or one that goes.
pub(super) fn linked(scene: &Scene, before: &Fact, after: &Fact) -> bool {
    let (Body::Operator(was), Body::Operator(is)) = (&before.body, &after.body) else { return true };
    let other = |name: &OperatorName, id: &FactId, exchanged: bool| {
        let (left, right) = operands(id);
        let operands = if exchanged && left != "NONE" { format!("{right}, {left}") } else { format!("{left}, {right}") };
        FactId::new(Kind::Operator, [name.schema.clone(), Name::new(String::from(name.name.clone())), Name::new(operands)])
    };
    let own =
        |id: &FactId| Symbol::try_from(id.path[1].as_str().to_owned()).ok().map(|name| OperatorName { schema: id.path[0].clone(), name });
    let brought = |was: &Option<OperatorName>, is: &Option<OperatorName>, exchanged: bool| {
        if was == is {
            return true;
        }
        let gone = was.as_ref().is_none_or(|name| scene.drops(&other(name, &before.id, exchanged)));
        let come = is.as_ref().is_none_or(|name| {
            let id = other(name, &after.id, exchanged);
            let back = scene.is(&id).and_then(|fact| match fact.body {
                Body::Operator(operator) => {
                    if exchanged {
                        operator.commutator
                    } else {
                        operator.negator
                    }
                }
                _ => None,
            });
            scene.creates(&id) && back == own(&after.id)
        });
        gone && come
    };
    brought(&was.commutator, &is.commutator, true) && brought(&was.negator, &is.negator, false)
}

pub(super) fn alter(old: &FactId, was: &Fact, now: &Fact, before: &Operator, after: &Operator, out: &mut Vec<Action>) {
    let or_none = |name: &Option<Qualified>| name.as_ref().map_or("NONE".to_owned(), ToString::to_string);
    let mut options = Vec::new();
    if before.restrict != after.restrict {
        options.push(format!("RESTRICT = {}", or_none(&after.restrict)));
    }
    if before.join != after.join {
        options.push(format!("JOIN = {}", or_none(&after.join)));
    }
    if !options.is_empty() {
        let sql = format!("ALTER {} SET ({})", Object(&now.id), Joined(&options, ", "));
        out.push(Action::new(35, &now.id, sql).altering(old, was, now));
    }
}

/// A member as CREATE OPERATOR CLASS and ALTER OPERATOR FAMILY … ADD write it.
enum Member<'a> {
    Operator(&'a MemberOperator),
    Function(&'a MemberFunction),
}

impl fmt::Display for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Member::Operator(MemberOperator { number, types: [left, right], operator, order_by }) => {
                write!(f, "OPERATOR {number} {}.{}({left}, {right})", operator.schema, operator.name)?;
                order_by.as_ref().map_or(Ok(()), |family| write!(f, " FOR ORDER BY {family}"))
            }
            Member::Function(MemberFunction { number, types: [left, right], function }) => {
                write!(f, "FUNCTION {number} ({left}, {right}) {function}")
            }
        }
    }
}

fn members<'a>(operators: &'a [MemberOperator], functions: &'a [MemberFunction]) -> Vec<Member<'a>> {
    operators.iter().map(Member::Operator).chain(functions.iter().map(Member::Function)).collect()
}

pub(super) fn create_class(id: &FactId, class: &OperatorClass) -> String {
    let OperatorClass { family, data_type, default, storage, operators, functions } = class;
    let mut items: Vec<String> = members(operators, functions).iter().map(ToString::to_string).collect();
    // Something must stand there; the type's own storage says nothing.
    let own = items.is_empty().then_some(data_type);
    items.extend(storage.as_ref().or(own).map(|data_type| format!("STORAGE {data_type}")));
    let default = if *default { " DEFAULT" } else { "" };
    format!(
        "CREATE OPERATOR CLASS {}{default} FOR TYPE {data_type} USING {} FAMILY {family} AS {}",
        relation(id),
        id.path[2],
        Joined(&items, ", ")
    )
}

pub(super) fn create_family(fact: &Fact, family: &OperatorFamily, out: &mut Vec<Action>) {
    let id = &fact.id;
    let mut action = Action::new(36, id, format_args!("CREATE {}", Object(id)));
    let members = members(&family.operators, &family.functions);
    if !members.is_empty() {
        action = action.then(id, format_args!("ALTER {} ADD {}", Object(id), Joined(&members, ", ")));
    }
    out.push(action.making(fact));
}

/// What goes is taken out before the operators and functions go, what comes is put in once they are there.
pub(super) fn alter_family(old: &FactId, was: &Fact, now: &Fact, before: &OperatorFamily, after: &OperatorFamily, out: &mut Vec<Action>) {
    let gone: Vec<String> = before
        .operators
        .iter()
        .filter(|member| !after.operators.contains(member))
        .map(|member| ("OPERATOR", member.number, &member.types))
        .chain(before.functions.iter().filter(|member| !after.functions.contains(member)).map(|m| ("FUNCTION", m.number, &m.types)))
        .map(|(word, number, [left, right])| format!("{word} {number} ({left}, {right})"))
        .collect();
    let operators: Vec<MemberOperator> = after.operators.iter().filter(|member| !before.operators.contains(member)).cloned().collect();
    let functions: Vec<MemberFunction> = after.functions.iter().filter(|member| !before.functions.contains(member)).cloned().collect();
    let come = members(&operators, &functions);
    if !gone.is_empty() {
        let sql = format!("ALTER {} DROP {}", Object(&now.id), Joined(&gone, ", "));
        let mut action = Action::new(17, &now.id, sql).altering(old, was, now);
        action.requires.retain(|id| *id == now.id);
        out.push(action);
    }
    if !come.is_empty() {
        let sql = format!("ALTER {} ADD {}", Object(&now.id), Joined(&come, ", "));
        out.push(Action::new(37, &now.id, sql).altering(old, was, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(symbols: &str) -> OperatorName {
        OperatorName { schema: "s".into(), name: Symbol::try_from(symbols.to_owned()).unwrap() }
    }

    #[test]
    fn prefix_operators_have_one_operand() {
        let operator = Operator {
            function: Qualified::new("s", "f"),
            commutator: None,
            negator: Some(name("!")),
            restrict: None,
            join: None,
            hashes: false,
            merges: true,
        };
        assert_eq!(
            create(&FactId::new(Kind::Operator, ["s", "@", "NONE, integer"]), &operator),
            "CREATE OPERATOR s.@ (FUNCTION = s.f, RIGHTARG = integer, NEGATOR = OPERATOR(s.!), MERGES)"
        );
        assert_eq!(operands(&FactId::new(Kind::Operator, ["s", "@", "s.\"a, b\", text"])), ("s.\"a, b\"", "text"));
    }

    #[test]
    fn a_class_without_members_names_its_storage() {
        let mut class = OperatorClass {
            family: Qualified::new("s", "F"),
            data_type: "integer".into(),
            default: true,
            storage: None,
            operators: Vec::new(),
            functions: Vec::new(),
        };
        let id = FactId::new(Kind::OperatorClass, ["s", "c", "hash"]);
        assert_eq!(
            create_class(&id, &class),
            "CREATE OPERATOR CLASS s.c DEFAULT FOR TYPE integer USING hash FAMILY s.\"F\" AS STORAGE integer"
        );
        let types = ["integer".to_owned(), "text".to_owned()];
        class.operators.push(MemberOperator { number: 1, types, operator: name("<"), order_by: Some(Qualified::new("s", "o")) });
        assert!(create_class(&id, &class).ends_with("AS OPERATOR 1 s.<(integer, text) FOR ORDER BY s.o"));
    }
}
