//! Texts from the wire that stand in statements as they are: types, expressions, definitions.
//!
//! A replica renders its own DDL, and these texts are the part of it that the source's server wrote.
//! Each must stay within the place that it is put in: no statement may end in it, no quote or
//! parenthesis stay open, no comment swallow what follows, no list go on where one item is due. What
//! PostgreSQL's deparser writes passes; this says nothing about what an expression computes.

use super::Offer;
use crate::diff::Change;
use crate::model::{Body, CastMethod, Fact, FactId, Kind, MemberFunction, MemberOperator, Name, RoutineBody};
use crate::plan::lexer::{Spanned, Token, scan, split_commas};

/// Checks every text of an offer that would stand in a statement as it is. The error says which fact
/// holds what.
pub fn check_fragments(offer: &Offer) -> Result<(), String> {
    for change in offer.events.iter().flat_map(|event| &event.changes) {
        check_change(change)?;
    }
    Ok(())
}

/// Checks every text of a model that would stand in a statement as it is.
pub fn check_facts(facts: &[Fact]) -> Result<(), String> {
    facts.iter().try_for_each(|fact| check_fact(fact).map_err(|why| format!("{}: {why}", fact.id)))
}

fn check_change(change: &Change) -> Result<(), String> {
    for fact in [&change.before, &change.after].into_iter().flatten() {
        check_fact(fact).map_err(|why| format!("{}: {why}", fact.id))?;
    }
    match (&change.using, change.id()) {
        (Some(using), Some(id)) => expression(using).map_err(|why| format!("USING of {id}: {why}")),
        _ => Ok(()),
    }
}

fn check_fact(fact: &Fact) -> Result<(), String> {
    check_id(&fact.id)?;
    fact.depends.iter().try_for_each(check_id)?;
    match &fact.body {
        Body::Domain(domain) => {
            data_type(&domain.base_type)?;
            domain.default.iter().try_for_each(|text| expression(text))
        }
        Body::DomainConstraint(constraint) => expression(&constraint.definition),
        Body::Attribute(attribute) => data_type(&attribute.data_type),
        Body::Range(range) => data_type(&range.subtype),
        Body::Sequence(sequence) => data_type(&sequence.options.data_type),
        Body::Table(table) => table.partition_by.iter().try_for_each(|text| expression(text)),
        Body::Partition(partition) => expression(&partition.bound),
        Body::Column(column) => {
            data_type(&column.data_type)?;
            column.storage.iter().chain(&column.compression).try_for_each(|text| word(text))
        }
        Body::Default(default) => expression(&default.expression),
        Body::Identity(identity) => data_type(&identity.options.data_type),
        Body::Constraint(constraint) => expression(&constraint.definition),
        Body::Index(index) => list(&index.definition),
        Body::View(view) => {
            view.columns.iter().try_for_each(|column| data_type(&column.data_type))?;
            list(&view.definition)
        }
        Body::MaterializedView(view) => {
            view.columns.iter().try_for_each(|column| data_type(&column.data_type))?;
            let settings = view.columns.iter().map(|column| &column.settings);
            settings.flat_map(|s| s.storage.iter().chain(&s.compression)).try_for_each(|text| word(text))?;
            list(&view.definition)
        }
        Body::Routine(routine) => {
            list(&routine.arguments)?;
            routine.result.iter().try_for_each(|text| list(text))?;
            routine.volatility.iter().chain(&routine.parallel).try_for_each(|text| word(text))?;
            routine.cost.iter().chain(&routine.rows).try_for_each(|text| number(text))?;
            routine.transforms.iter().try_for_each(|text| data_type(text))?;
            match &routine.body {
                RoutineBody::Sql(text) => sql_body(text),
                // Quoted where they are rendered.
                RoutineBody::Source(_) | RoutineBody::Library { .. } => Ok(()),
            }
        }
        Body::Aggregate(aggregate) => {
            list(&aggregate.arguments)?;
            aggregate.options.iter().try_for_each(|text| expression(text))
        }
        Body::Trigger(trigger) => {
            list(&trigger.events)?;
            list(&trigger.action)
        }
        Body::Policy(policy) => {
            policy.command.iter().try_for_each(|text| word(text))?;
            policy.using.iter().chain(&policy.check).try_for_each(|text| expression(text))
        }
        Body::Rule(rule) => {
            begins(&rule.definition, &["create", "rule"])?;
            list(&rule.definition)
        }
        Body::BaseType(base) => base.definition.iter().try_for_each(|definition| {
            definition.element.iter().try_for_each(|text| data_type(text))?;
            std::iter::once(&definition.alignment).chain(&definition.storage).try_for_each(|text| word(text))
        }),
        Body::Cast(cast) => match &cast.method {
            CastMethod::Function(function) => list(&function.arguments),
            CastMethod::Inout | CastMethod::Binary => Ok(()),
        },
        Body::OperatorFamily(family) => members(&family.operators, &family.functions),
        Body::OperatorClass(class) => {
            data_type(&class.data_type)?;
            class.storage.iter().try_for_each(|text| data_type(text))?;
            members(&class.operators, &class.functions)
        }
        Body::TextSearchDictionary(dictionary) => dictionary.options.iter().try_for_each(|(_, value)| constant(value)),
        Body::Statistics(statistics) => {
            statistics.kinds.iter().try_for_each(|text| word(text))?;
            statistics.expressions.iter().try_for_each(|text| expression(text))
        }
        Body::PublicationTable(table) => table.filter.iter().try_for_each(|text| expression(text)),
        // Nothing but names, numbers, words that are looked up, and texts that are quoted.
        Body::Schema(_)
        | Body::Extension(_)
        | Body::Enum(_)
        | Body::EnumLabel(_)
        | Body::Composite(_)
        | Body::Inherit(_)
        | Body::Position(_)
        | Body::Operator(_)
        | Body::Collation(_)
        | Body::Conversion(_)
        | Body::TextSearchParser(_)
        | Body::TextSearchTemplate(_)
        | Body::TextSearchConfiguration(_)
        | Body::AccessMethod(_)
        | Body::Language(_)
        | Body::Transform(_)
        | Body::Comment(_)
        | Body::Owner(_)
        | Body::Grant(_)
        | Body::ForeignDataWrapper(_)
        | Body::Server(_)
        | Body::UserMapping(_)
        | Body::Publication(_)
        | Body::PublicationSchema(_)
        | Body::Subscription(_)
        | Body::EventTrigger(_)
        | Body::DefaultPrivilege(_)
        | Body::SecurityLabel(_)
        | Body::Unmodelled(_) => Ok(()),
    }
}

/// The argument types of a routine are text, and so are the types of operators, casts and transforms.
fn check_id(id: &FactId) -> Result<(), String> {
    let element = |i: usize| id.path.get(i).map_or("", Name::as_str);
    match id.of.unwrap_or(id.kind) {
        Kind::Routine | Kind::Aggregate => list(element(2)),
        Kind::Operator => match split_commas(element(2)).as_slice() {
            ["NONE", right] => data_type(right),
            [left, right] => {
                data_type(left)?;
                data_type(right)
            }
            _ => Err(format!("{} are not the operands of an operator", shown(element(2)))),
        },
        Kind::Cast => {
            data_type(element(0))?;
            data_type(element(1))
        }
        Kind::Transform => data_type(element(0)),
        _ => Ok(()),
    }
}

/// Types and arguments of the members of an operator family or class.
fn members(operators: &[MemberOperator], functions: &[MemberFunction]) -> Result<(), String> {
    let types = operators.iter().map(|member| &member.types).chain(functions.iter().map(|member| &member.types));
    types.flatten().try_for_each(|text| data_type(text))?;
    functions.iter().try_for_each(|member| list(&member.function.arguments))
}

/// One string or number.
fn constant(text: &str) -> Result<(), String> {
    let (tokens, closed) = scan(text);
    nesting(text, &tokens, closed)?;
    match tokens.as_slice() {
        [(Token::Text(_) | Token::Number(_), ..)] => Ok(()),
        [(sign, ..), (Token::Number(_), ..)] if sign.is_symbol("-") => Ok(()),
        _ => Err(format!("{} is not a constant", shown(text))),
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

/// How deep each token stands in parentheses; an error where the text is not a whole.
fn nesting<'a>(text: &str, tokens: &'a [Spanned], closed: bool) -> Result<Vec<(usize, &'a Spanned)>, String> {
    if text.contains('\0') || !closed {
        return Err(format!("a quote is not closed in {}", shown(text)));
    }
    let mut open = Vec::new();
    let mut out = Vec::with_capacity(tokens.len());
    for (i, token) in tokens.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| &tokens[i]);
        match &token.0 {
            Token::Symbol(symbol) => match symbol.as_str() {
                "(" | "[" => open.push(symbol == "("),
                ")" | "]" if open.pop() != Some(symbol == ")") => {
                    return Err(format!("a parenthesis is closed that was not opened in {}", shown(text)));
                }
                symbol if symbol.contains("--") || symbol.contains("/*") => {
                    return Err(format!("a comment stands in {}", shown(text)));
                }
                _ => {}
            },
            // Servers differ in where such strings end: continued ones keep the first one's escapes, and
            // what stands right behind a number may be taken for a string's prefix. None is ever deparsed.
            Token::Text(_) => match before {
                Some((Token::Text(_), ..)) => return Err(format!("a string continues another in {}", shown(text))),
                Some((Token::Number(_), _, end)) if *end == token.1 => {
                    return Err(format!("a string begins within a number in {}", shown(text)));
                }
                _ => {}
            },
            _ => {}
        }
        out.push((open.len(), token));
    }
    if open.is_empty() { Ok(out) } else { Err(format!("a parenthesis is not closed in {}", shown(text))) }
}

fn outside(text: &str, symbols: &[&str]) -> Result<(), String> {
    let (tokens, closed) = scan(text);
    let nested = nesting(text, &tokens, closed)?;
    match nested.iter().find(|(depth, (token, ..))| *depth == 0 && symbols.iter().any(|symbol| token.is_symbol(symbol))) {
        Some((_, (_, start, end))) => Err(format!("{:?} stands outside parentheses in {}", &text[*start..*end], shown(text))),
        None if tokens.is_empty() && !symbols.is_empty() && symbols.contains(&",") => Err("a text is empty".to_owned()),
        None => Ok(()),
    }
}

/// One expression or clause.
fn expression(text: &str) -> Result<(), String> {
    outside(text, &[";", ","])
}

/// A list of arguments, or a definition with lists in it.
fn list(text: &str) -> Result<(), String> {
    outside(text, &[";"])
}

/// A type's name as `format_type` writes it.
fn data_type(text: &str) -> Result<(), String> {
    // Words that follow a first one: `character varying`, `time(3) without time zone`, `interval day to second`.
    const FURTHER: &[&str] =
        &["varying", "precision", "with", "without", "time", "zone", "year", "month", "day", "hour", "minute", "second", "to"];
    let wrong = || format!("{} is not the name of a type", shown(text));
    let (tokens, closed) = scan(text);
    let nested = nesting(text, &tokens, closed)?;
    if !matches!(tokens.first(), Some((Token::Word(_), ..))) {
        return Err(wrong());
    }
    let mut after_dot = true;
    for (depth, (token, start, _)) in nested {
        let bare = text.as_bytes()[*start] != b'"';
        let fits = match token {
            Token::Word(word) => after_dot || depth > 0 || bare && FURTHER.contains(&word.as_str()),
            Token::Number(_) | Token::Text(_) => depth > 0,
            Token::Symbol(symbol) => match symbol.as_str() {
                "." | "(" | ")" | "[" | "]" => true,
                "," | "-" => depth > 0,
                _ => false,
            },
        };
        if !fits {
            return Err(wrong());
        }
        after_dot = token.is_symbol(".");
    }
    Ok(())
}

/// A keyword or the name of a method.
fn word(text: &str) -> Result<(), String> {
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits { Ok(()) } else { Err(format!("{} is not a word", shown(text))) }
}

fn number(text: &str) -> Result<(), String> {
    if text.parse::<f64>().is_ok_and(f64::is_finite) { Ok(()) } else { Err(format!("{} is not a number", shown(text))) }
}

fn begins(text: &str, words: &[&str]) -> Result<(), String> {
    let (tokens, _) = scan(text);
    let fits = words.iter().enumerate().all(|(i, word)| tokens.get(i).is_some_and(|(token, ..)| token.is_word(word)));
    if fits { Ok(()) } else { Err(format!("{} does not begin with {}", shown(text), words.join(" ").to_uppercase())) }
}

/// A standard SQL body: `RETURN …`, or `BEGIN ATOMIC …; …; END`.
fn sql_body(text: &str) -> Result<(), String> {
    if begins(text, &["return"]).is_ok() {
        return list(text);
    }
    begins(text, &["begin", "atomic"])?;
    let (tokens, closed) = scan(text);
    let nested = nesting(text, &tokens, closed)?;
    let last = nested.len() - 1;
    let mut blocks = 0usize;
    for (i, (depth, (token, start, _))) in nested.into_iter().enumerate() {
        let bare = text.as_bytes()[*start] != b'"';
        if bare && (i == 0 || token.is_word("case")) {
            blocks += 1;
        } else if bare && token.is_word("end") {
            blocks -= 1;
            if blocks == 0 && i < last {
                return Err(format!("a body ends before its end in {}", shown(text)));
            }
        } else if token.is_symbol(";") && depth == 0 && blocks != 1 {
            // A statement ends in the block itself only: a CASE that is open here is no CASE.
            return Err(format!("a statement ends where none can in {}", shown(text)));
        }
    }
    if blocks == 0 { Ok(()) } else { Err(format!("a body does not end in {}", shown(text))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_writes_passes() {
        for text in [
            "integer",
            "numeric(10,-2)",
            "character varying(10)[]",
            "timestamp(3) without time zone",
            "interval day to second(3)",
            "\"Shop\".\"Kind; of\"[]",
            "public.geometry(Point,4326)",
            "\"char\"",
            "double precision",
            "bit varying(3)",
            "über.größe",
        ] {
            assert_eq!(data_type(text), Ok(()), "{text}");
        }
        for text in [
            "'a;b'::text",
            "nextval('s.\"x;y\"'::regclass)",
            "(a + (b)::numeric)",
            "E'it\\'s; -- x'::text",
            "ARRAY['a'::text, 'b'::text]",
            "FOREIGN KEY (a, b) REFERENCES s.t(c, d) ON DELETE CASCADE DEFERRABLE",
            "FOR VALUES FROM ('2020-01-01') TO (MAXVALUE)",
            "EXCLUDE USING gist (a WITH =, b WITH &&) WHERE ((a > 0))",
            "RANGE (at, lower(\"Name\"))",
            "DEFAULT",
            "(a ->> 'x'::text)",
            "- 1",
            "('1'::text || CASE WHEN a THEN b ELSE c END)",
            "SORTOP = OPERATOR(pg_catalog.<)",
            "HYPOTHETICAL",
        ] {
            assert_eq!(expression(text), Ok(()), "{text}");
        }
        for text in ["", "a integer, VARIADIC b text[] DEFAULT ARRAY['a;'::text]", " SELECT a,\n    b\n   FROM s.t"] {
            assert_eq!(list(text), Ok(()), "{text}");
        }
        for text in [
            "RETURN (a + 1)",
            "BEGIN ATOMIC\n SELECT CASE WHEN a THEN 1 ELSE 2 END AS \"end\";\n INSERT INTO s.t (x) VALUES (';');\nEND",
            "BEGIN ATOMIC\nEND",
        ] {
            assert_eq!(sql_body(text), Ok(()), "{text}");
        }
        for text in ["'english'", "E'a\\'b'", "3", "-1.5"] {
            assert_eq!(constant(text), Ok(()), "{text}");
        }
        assert_eq!((number("0.5"), number("1e+06"), word("pglz")), (Ok(()), Ok(()), Ok(())));
    }

    #[test]
    fn what_leaves_its_place_is_refused() {
        for text in [
            "integer; DROP TABLE x",
            "integer, DROP COLUMN y",
            "integer DEFAULT f()",
            "integer) ; --",
            "integer[",
            "integer -- x",
            "\"open",
            "integer 'x'",
            "",
            "integer check (f())",
            "1",
            "a.b c",
            "(integer)",
        ] {
            assert!(data_type(text).is_err(), "{text}");
        }
        for text in [
            "1; DROP TABLE x",
            "1, DROP COLUMN y",
            "1)",
            "(1",
            "(1]",
            "'open",
            "E'\\'",
            "$a$ open $$",
            "1 -- x",
            "1 /* x",
            "1 +/* x",
            "",
            // Where these strings end depends on the server.
            "1E'\\'' ; DROP TABLE x; --'",
            "E'a'\n'\\''; DROP TABLE x; '",
            "'a' 'b'",
            "\0",
        ] {
            assert!(expression(text).is_err(), "{text}");
        }
        for text in [
            "RETURN 1; DROP TABLE x",
            "SELECT 1",
            "BEGIN ATOMIC SELECT 1; END; DROP TABLE x",
            "BEGIN ATOMIC SELECT 1; END; DROP TABLE x; END",
            "BEGIN ATOMIC SELECT x.case; END; DROP TABLE y; SELECT 1 AS end",
            "BEGIN ATOMIC SELECT 1;",
            "BEGIN ATOMIC (SELECT 1; END",
            "BEGIN",
        ] {
            assert!(sql_body(text).is_err(), "{text}");
        }
        for text in ["", "a", "'a', b = 'c'", "'a' 'b'", "3; DROP TABLE x", "'a", "1 2", "-'a'"] {
            assert!(constant(text).is_err(), "{text}");
        }
        for (kind, path) in [
            (Kind::Operator, ["s", "+", "integer, integer) ; --"]),
            (Kind::Operator, ["s", "+", "integer"]),
            (Kind::Operator, ["s", "+", "NONE, integer, text"]),
            (Kind::Cast, ["integer) ; DROP TABLE x; --", "text", ""]),
        ] {
            assert!(check_id(&FactId::new(kind, path)).is_err(), "{path:?}");
        }
        assert_eq!(check_id(&FactId::new(Kind::Operator, ["s", "+", "NONE, \"S\".\"t x\""])), Ok(()));
        assert!(begins("DROP TABLE x", &["create", "rule"]).is_err());
        assert!(word("pglz; x").is_err() && number("1; x").is_err() && number("nan").is_err());
    }

    #[test]
    fn a_smuggled_statement_is_found_wherever_it_stands() {
        let fact = |document: serde_json::Value| serde_json::from_value::<Fact>(document).unwrap();
        let column = fact(serde_json::json!({"kind": "column", "path": ["s", "t", "c"], "attributes": {"type": "int; DROP TABLE x"}}));
        let why = check_change(&Change::create(column)).unwrap_err();
        assert!(why.starts_with("column s.t.c: ") && why.contains("DROP TABLE x"), "{why}");
        let comment = serde_json::json!({"kind": "comment", "of": "routine", "path": ["s", "f", "int) IS ''; DROP TABLE x; --"], "attributes": {"text": ";"}});
        assert!(check_change(&Change::create(fact(comment))).is_err());
        let filter =
            serde_json::json!({"kind": "publication_table", "path": ["p", "s", "t"], "attributes": {"filter": "true); DROP TABLE x; --"}});
        assert!(check_change(&Change::create(fact(filter))).is_err());
        let plain = fact(serde_json::json!({"kind": "column", "path": ["s", "t", "c"], "attributes": {"type": "text"}}));
        let using = Change { using: Some("c; DROP TABLE x".to_owned()), ..Change::alter(plain.clone(), plain) };
        assert!(check_change(&using).is_err());
    }
}
