//! Objects that stand by themselves and hold no rows: casts, operators, collations, text search,
//! languages and their like. What they have in common is here, how each is written in its own file.

use super::order::Action;
use super::scene::{Item, Scene};
use super::sql::{Signature, relation};
use super::{base_type, collation, language, operator, statistics, text_search};
use crate::model::{Body, Fact, FactId, Kind};
use foldhash::{HashMap, HashMapExt as _, HashSet};
use std::fmt;

/// What DROP, COMMENT ON and ALTER call objects of this kind; none for the kinds that are not told of here.
pub(super) fn word(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::BaseType => "TYPE",
        Kind::Cast => "CAST",
        Kind::Operator => "OPERATOR",
        Kind::OperatorFamily => "OPERATOR FAMILY",
        Kind::OperatorClass => "OPERATOR CLASS",
        Kind::Collation => "COLLATION",
        Kind::Conversion => "CONVERSION",
        Kind::TextSearchParser => "TEXT SEARCH PARSER",
        Kind::TextSearchTemplate => "TEXT SEARCH TEMPLATE",
        Kind::TextSearchDictionary => "TEXT SEARCH DICTIONARY",
        Kind::TextSearchConfiguration => "TEXT SEARCH CONFIGURATION",
        Kind::Statistics => "STATISTICS",
        Kind::AccessMethod => "ACCESS METHOD",
        Kind::Language => "LANGUAGE",
        Kind::Transform => "TRANSFORM",
        _ => return None,
    })
}

/// An object as DROP, COMMENT ON and ALTER name it: its word and its name.
pub(super) struct Object<'a>(pub &'a FactId);

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, path) = (self.0, &self.0.path);
        write!(f, "{} ", word(id.kind).unwrap_or_default())?;
        match id.kind {
            Kind::Cast => write!(f, "({} AS {})", path[0].as_str(), path[1].as_str()),
            Kind::Transform => write!(f, "FOR {} LANGUAGE {}", path[0].as_str(), path[1]),
            Kind::Operator => write!(f, "{}", Signature(id)),
            Kind::OperatorFamily | Kind::OperatorClass => write!(f, "{} USING {}", relation(id), path[2]),
            Kind::AccessMethod | Kind::Language => write!(f, "{}", id.name()),
            _ => write!(f, "{}", relation(id)),
        }
    }
}

/// Whether PostgreSQL's ALTER leads from the one to the other; none for other kinds.
pub(super) fn alterable(before: &Body, after: &Body) -> Option<bool> {
    Some(match (before, after) {
        (Body::BaseType(before), Body::BaseType(after)) => base_type::alterable(before, after),
        (Body::Operator(before), Body::Operator(after)) => operator::alterable(before, after),
        (Body::TextSearchDictionary(before), Body::TextSearchDictionary(after)) => before.template == after.template,
        (Body::TextSearchConfiguration(before), Body::TextSearchConfiguration(after)) => before.parser == after.parser,
        (Body::Statistics(before), Body::Statistics(after)) => statistics::alterable(before, after),
        (Body::OperatorFamily(_), Body::OperatorFamily(_))
        | (Body::Language(_), Body::Language(_))
        | (Body::Transform(_), Body::Transform(_)) => true,
        (before, after) if word(before.kind()).is_some() => before == after,
        _ => return None,
    })
}

/// Comes, goes or is altered.
pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => create(scene, fact, out),
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let rank = match fact.id.kind {
                Kind::BaseType => return base_type::drop(old, fact, out),
                Kind::Statistics => return statistics::drop(old, fact, out),
                // What reads an operator goes before; the functions behind it go after.
                Kind::OperatorClass | Kind::TextSearchConfiguration => 18,
                Kind::Transform => 21,
                _ => 19,
            };
            out.push(Action::new(rank, old, format_args!("DROP {}", Object(&fact.id))).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let Some(old) = &item.old else { return };
            match (&was.body, &now.body) {
                (Body::BaseType(before), Body::BaseType(after)) => base_type::alter(old, was, now, before, after, out),
                (Body::Operator(before), Body::Operator(after)) => operator::alter(old, was, now, before, after, out),
                (Body::OperatorFamily(before), Body::OperatorFamily(after)) => operator::alter_family(old, was, now, before, after, out),
                (Body::TextSearchDictionary(before), Body::TextSearchDictionary(after)) => {
                    text_search::alter_dictionary(old, was, now, before, after, out);
                }
                (Body::TextSearchConfiguration(before), Body::TextSearchConfiguration(after)) => {
                    text_search::alter_configuration(old, was, now, before, after, out);
                }
                (Body::Statistics(before), Body::Statistics(after)) => statistics::alter(old, was, now, before, after, out),
                (Body::Language(before), Body::Language(after)) if before != after => {
                    let sql = language::create(&now.id, after, true);
                    out.push(Action::new(LANGUAGE, &now.id, sql).altering(old, was, now));
                }
                (Body::Transform(before), Body::Transform(after)) if before != after => {
                    let sql = language::create_transform(&now.id, after, true);
                    out.push(Action::new(TRANSFORM, &now.id, sql).altering(old, was, now));
                }
                _ => {}
            }
        }
        (None, None) => {}
    }
}

/// Ranks: before tables (40), so that expressions find what no edge tells of, such as a cast that
/// assigns a default. What these need is hastened.
pub(super) const LANGUAGE: u8 = 32;
const EARLY: u8 = 34;
const LATE: u8 = 37;
/// After functions (50): each one that is made under a transform depends on it from then on, whether the
/// source's did or not.
const TRANSFORM: u8 = 52;

fn create(scene: &Scene, fact: &Fact, out: &mut Vec<Action>) {
    let id = &fact.id;
    let (rank, sql) = match &fact.body {
        Body::BaseType(base) => return base_type::create(fact, base, out),
        Body::OperatorFamily(family) => return operator::create_family(fact, family, out),
        Body::Statistics(statistics) => return statistics::create(scene, fact, statistics, out),
        Body::TextSearchConfiguration(configuration) => return text_search::create_configuration(fact, configuration, out),
        Body::Cast(cast) => (EARLY, operator::create_cast(id, cast)),
        Body::Operator(operator) => (EARLY, operator::create(id, operator)),
        Body::OperatorClass(class) => (LATE, operator::create_class(id, class)),
        Body::Collation(collation) => (LANGUAGE, collation::create(id, collation)),
        Body::Conversion(conversion) => (LATE, collation::create_conversion(id, conversion)),
        Body::TextSearchParser(parser) => (EARLY, text_search::create_parser(id, parser)),
        Body::TextSearchTemplate(template) => (EARLY, text_search::create_template(id, template)),
        Body::TextSearchDictionary(dictionary) => (LATE, text_search::create_dictionary(id, dictionary)),
        Body::AccessMethod(method) => (LANGUAGE, language::create_access_method(id, method)),
        Body::Language(language) => (LANGUAGE, language::create(id, language, false)),
        Body::Transform(transform) => (TRANSFORM, language::create_transform(id, transform, false)),
        _ => return,
    };
    out.push(Action::new(rank, id, sql).making(fact));
}

/// What early objects need is as early as they are: a cast's function comes before the tables whose
/// defaults the cast converts.
pub(super) fn hasten(actions: &mut [Action]) {
    let early = |action: &Action| {
        action.produces.first().is_some_and(|id| word(id.kind).is_some() && !matches!(id.kind, Kind::Statistics | Kind::Transform))
    };
    let mut queue: Vec<usize> = (0..actions.len()).filter(|&i| early(&actions[i])).collect();
    if queue.is_empty() {
        return;
    }
    let mut makers: HashMap<FactId, Vec<usize>> = HashMap::new();
    for (i, action) in actions.iter().enumerate() {
        for id in &action.produces {
            makers.entry(id.clone()).or_default().push(i);
        }
    }
    let mut seen: HashSet<usize> = queue.iter().copied().collect();
    while let Some(i) = queue.pop() {
        let rank = actions[i].rank;
        for id in &actions[i].requires {
            for &maker in makers.get(id).into_iter().flatten() {
                if actions[maker].rank > LATE && seen.insert(maker) {
                    queue.push(maker);
                }
            }
        }
        actions[i].rank = rank.min(LATE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_named_as_postgresql_names_it() {
        let shown = |kind: Kind, path: &[&str]| Object(&FactId::new(kind, path.iter().copied())).to_string();
        assert_eq!(shown(Kind::Cast, &["shop.\"A\"", "text"]), "CAST (shop.\"A\" AS text)");
        assert_eq!(shown(Kind::Operator, &["s", "@+", "NONE, integer"]), "OPERATOR s.@+(NONE, integer)");
        assert_eq!(shown(Kind::OperatorClass, &["s", "c", "Tree"]), "OPERATOR CLASS s.c USING \"Tree\"");
        assert_eq!(shown(Kind::Transform, &["integer", "sql"]), "TRANSFORM FOR integer LANGUAGE sql");
        assert_eq!(shown(Kind::Language, &["L"]), "LANGUAGE \"L\"");
        assert_eq!(shown(Kind::Statistics, &["s", "x"]), "STATISTICS s.x");
    }
}
