//! Executable text in an offer, for replicas whose policy takes none (`code: "reject"`).
//!
//! Functions, triggers, rules and whatever else runs a function that somebody made are code as such. In the texts
//! of defaults, checks, views and the like, a function of a schema other than `pg_catalog` is one that somebody
//! made. Names without a schema are given back, to be looked up: where such an offer is applied, nothing but
//! `pg_catalog` is searched for them.

use super::Offer;
use crate::model::{Body, CastMethod, Fact, FactId, Qualified};
use crate::plan::lexer::{Spanned, Token, scan};
use std::collections::{BTreeMap, BTreeSet};

/// What an offer holds.
#[derive(Debug, Default, PartialEq)]
pub struct Code {
    /// Facts that are code or call some, each with why.
    pub found: Vec<(FactId, String)>,
    /// Functions that are called without a schema, or as `pg_catalog`'s, each with a fact that does.
    pub builtin: BTreeMap<String, FactId>,
    /// Those among them that stand where nothing but a function or a keyword can: in an index, which may be built
    /// under any path.
    pub certain: BTreeSet<String>,
}

/// Looks through everything that an offer would make or change.
pub fn code(offer: &Offer) -> Code {
    let mut code = Code::default();
    for change in offer.events.iter().flat_map(|event| &event.changes) {
        if let Some(after) = &change.after {
            code.look_at(after);
        }
        if let (Some(using), Some(id)) = (&change.using, change.id()) {
            code.read(id, using, false);
        }
    }
    code
}

impl Code {
    fn look_at(&mut self, fact: &Fact) {
        let id = &fact.id;
        if id.of.is_some() {
            return;
        }
        let made = |name: &Qualified| name.schema.as_str() != "pg_catalog";
        match &fact.body {
            Body::Routine(_)
            | Body::Aggregate(_)
            | Body::Trigger(_)
            | Body::Rule(_)
            | Body::EventTrigger(_)
            | Body::Language(_)
            | Body::Transform(_)
            | Body::BaseType(_)
            | Body::Operator(_)
            | Body::OperatorFamily(_)
            | Body::OperatorClass(_)
            | Body::Conversion(_)
            | Body::TextSearchParser(_)
            | Body::TextSearchTemplate(_)
            | Body::AccessMethod(_)
            | Body::ForeignDataWrapper(_)
            | Body::Extension(_) => self.found.push((id.clone(), "is code".to_owned())),
            Body::Cast(cast) if matches!(cast.method, CastMethod::Function(_)) => {
                self.found.push((id.clone(), "is done by a function".to_owned()));
            }
            Body::Range(range) => {
                for function in range.canonical.iter().chain(&range.subtype_diff).chain(&range.operator_class).filter(|name| made(name)) {
                    self.found.push((id.clone(), format!("uses {function}")));
                }
            }
            Body::TextSearchDictionary(dictionary) if made(&dictionary.template) => {
                self.found.push((id.clone(), format!("uses {}", dictionary.template)));
            }
            Body::Domain(domain) => domain.default.iter().for_each(|text| self.read(id, text, false)),
            Body::DomainConstraint(constraint) => self.read(id, &constraint.definition, false),
            Body::Table(table) => table.partition_by.iter().for_each(|text| self.read(id, text, true)),
            Body::Partition(partition) => self.read(id, &partition.bound, false),
            Body::Default(default) => self.read(id, &default.expression, false),
            Body::Constraint(constraint) => self.read(id, &constraint.definition, scan(&constraint.definition).0.iter().any(is_exclude)),
            Body::Index(index) => self.read(id, &index.definition, true),
            Body::View(view) => self.read(id, &view.definition, false),
            Body::MaterializedView(view) => self.read(id, &view.definition, false),
            Body::Policy(policy) => policy.using.iter().chain(&policy.check).for_each(|text| self.read(id, text, false)),
            Body::Statistics(statistics) => statistics.expressions.iter().for_each(|text| self.read(id, text, false)),
            Body::PublicationTable(table) => table.filter.iter().for_each(|text| self.read(id, text, false)),
            _ => {}
        }
    }

    /// Reads an expression, a query or a definition; `classes`: operator classes stand in it by name.
    fn read(&mut self, id: &FactId, text: &str, classes: bool) {
        let (tokens, _) = scan(text);
        let symbol = |i: usize, wanted: &str| tokens.get(i).is_some_and(|(token, ..)| token.is_symbol(wanted));
        let mut i = 0;
        while i < tokens.len() {
            let Token::Word(first) = &tokens[i].0 else {
                i += 1;
                continue;
            };
            // A name with all of its qualifiers.
            let begin = i;
            let mut path = vec![first.as_str()];
            while symbol(i + 1, ".")
                && let Some((Token::Word(next), ..)) = tokens.get(i + 2)
            {
                path.push(next);
                i += 2;
            }
            i += 1;
            let before = begin.checked_sub(1).map(|i| &tokens[i].0);
            let is_type = before.is_some_and(|token| token.is_symbol("::"));
            let own_operator = bare(text, &tokens[begin]) && first == "operator" && symbol(i, "(");
            if own_operator {
                // OPERATOR(schema.+): the dot is the operator's.
                if let Some((Token::Word(schema), ..)) = tokens.get(i + 1)
                    && schema != "pg_catalog"
                {
                    self.found.push((id.clone(), format!("calls an operator of schema {schema}")));
                }
                continue;
            }
            let made = path.len() > 1 && path[path.len() - 2] != "pg_catalog";
            let name = path.join(".");
            match (symbol(i, "("), made) {
                // `REFERENCES s.t(a)`, `USING btree (a)`: tables and access methods.
                (true, _) if is_type || before.is_some_and(|token| token.is_word("references") || classes && token.is_word("using")) => {}
                (true, true) => self.found.push((id.clone(), format!("calls {name}"))),
                (true, false) => {
                    let name = path[path.len() - 1];
                    self.builtin.entry(name.to_owned()).or_insert_with(|| id.clone());
                    if classes {
                        self.certain.insert(name.to_owned());
                    }
                }
                (false, true) if classes && !is_type && !before.is_some_and(|token| token.is_word("collate")) => {
                    self.found.push((id.clone(), format!("uses {name}")));
                }
                _ => {}
            }
        }
    }
}

fn bare(text: &str, (_, start, _): &Spanned) -> bool {
    text.as_bytes()[*start] != b'"'
}

fn is_exclude((token, ..): &Spanned) -> bool {
    token.is_word("exclude")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn read(text: &str, classes: bool) -> (Vec<String>, Vec<String>) {
        let mut code = Code::default();
        code.read(&FactId::new(Kind::Default, ["s", "t", "c"]), text, classes);
        (code.found.into_iter().map(|(_, why)| why).collect(), code.builtin.into_keys().collect())
    }

    #[test]
    fn calls_of_functions_that_somebody_made() {
        for (text, found) in [
            ("s.f(1)", "calls s.f"),
            ("(1 + \"S\".\"f g\"(a))", "calls S.f g"),
            (" SELECT a FROM s.f(2) x(a)", "calls s.f"),
            ("db.s.f(1)", "calls db.s.f"),
            ("s . f /**/ (1)", "calls s.f"),
            ("(a OPERATOR(s.+) b)", "calls an operator of schema s"),
            ("(a OPERATOR( \"Ops\" . @@ ) b)", "calls an operator of schema Ops"),
        ] {
            let text = text.replace("/**/", "");
            assert_eq!(read(&text, false).0, [found], "{text}");
        }
        assert_eq!(read("USING gin (a public.gin_trgm_ops)", true).0, ["uses public.gin_trgm_ops"]);
        assert_eq!(read("EXCLUDE USING gist (a WITH OPERATOR(s.&&))", true).0, ["calls an operator of schema s"]);
    }

    #[test]
    fn what_calls_none_passes() {
        for text in [
            "'s.f(1)'::text",
            "('a'::s.mood)",
            "'1'::s.geometry(Point,4326)",
            "FOREIGN KEY (a) REFERENCES s.t(b)",
            " SELECT o.id,\n    o.v\n   FROM s.orders o(id, v)",
            "(a OPERATOR(pg_catalog.+) b)",
            "nextval('s.q'::regclass)",
            "(s.t.a > 3)",
        ] {
            assert_eq!(read(text, false).0, Vec::<String>::new(), "{text}");
        }
        assert_eq!(read("USING btree (a COLLATE s.c text_pattern_ops, (b)::s.mood)", true).0, Vec::<String>::new());
        assert_eq!(read("pg_catalog.lower(now()::text)", false).1, ["lower", "now"]);
    }
}
