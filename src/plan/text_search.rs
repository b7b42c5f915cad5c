//! Text search: parsers, templates, dictionaries, configurations.

use super::object::Object;
use super::order::Action;
use super::sql::Joined;
use crate::model::{Fact, FactId, Name, Qualified, TextSearchConfiguration, TextSearchDictionary, TextSearchParser, TextSearchTemplate};

pub(super) fn create_parser(id: &FactId, parser: &TextSearchParser) -> String {
    let TextSearchParser { start, gettoken, end, lextypes, headline } = parser;
    let headline = headline.as_ref().map_or(String::new(), |function| format!(", HEADLINE = {function}"));
    format!("CREATE {} (START = {start}, GETTOKEN = {gettoken}, END = {end}, LEXTYPES = {lextypes}{headline})", Object(id))
}

pub(super) fn create_template(id: &FactId, template: &TextSearchTemplate) -> String {
    let init = template.init.as_ref().map_or(String::new(), |function| format!("INIT = {function}, "));
    format!("CREATE {} ({init}LEXIZE = {})", Object(id), template.lexize)
}

pub(super) fn create_dictionary(id: &FactId, dictionary: &TextSearchDictionary) -> String {
    let mut options = vec![format!("TEMPLATE = {}", dictionary.template)];
    options.extend(dictionary.options.iter().map(|(name, value)| format!("{name} = {value}")));
    format!("CREATE {} ({})", Object(id), Joined(&options, ", "))
}

/// An option that is set goes to the end: from the first difference on they are set again.
pub(super) fn alter_dictionary(
    old: &FactId,
    was: &Fact,
    now: &Fact,
    before: &TextSearchDictionary,
    after: &TextSearchDictionary,
    out: &mut Vec<Action>,
) {
    if before.options == after.options {
        return;
    }
    let kept = before.options.iter().zip(&after.options).take_while(|(before, after)| before == after).count();
    let gone = before.options.iter().filter(|(name, _)| !after.options.iter().any(|(other, _)| other == name));
    let mut options: Vec<String> = gone.map(|(name, _)| name.to_string()).collect();
    options.extend(after.options[kept..].iter().map(|(name, value)| format!("{name} = {value}")));
    let sql = format!("ALTER {} ({})", Object(&now.id), Joined(&options, ", "));
    out.push(Action::new(37, &now.id, sql).altering(old, was, now));
}

fn mapping(verb: &str, id: &FactId, token: &str, dictionaries: &[Qualified]) -> String {
    format!("ALTER {} {verb} MAPPING FOR {} WITH {}", Object(id), Name::new(token), Joined(dictionaries, ", "))
}

pub(super) fn create_configuration(fact: &Fact, configuration: &TextSearchConfiguration, out: &mut Vec<Action>) {
    let id = &fact.id;
    let mut action = Action::new(37, id, format_args!("CREATE {} (PARSER = {})", Object(id), configuration.parser));
    for (token, dictionaries) in &configuration.mappings {
        action = action.then(id, mapping("ADD", id, token, dictionaries));
    }
    out.push(action.making(fact));
}

/// What goes is taken out before its dictionaries go, what comes is put in once they are there.
pub(super) fn alter_configuration(
    old: &FactId,
    was: &Fact,
    now: &Fact,
    before: &TextSearchConfiguration,
    after: &TextSearchConfiguration,
    out: &mut Vec<Action>,
) {
    let gone: Vec<Name> =
        before.mappings.keys().filter(|token| !after.mappings.contains_key(*token)).map(|token| Name::new(token.as_str())).collect();
    if !gone.is_empty() {
        let sql = format!("ALTER {} DROP MAPPING FOR {}", Object(&now.id), Joined(&gone, ", "));
        let mut action = Action::new(17, &now.id, sql).altering(old, was, now);
        action.requires.retain(|id| *id == now.id);
        out.push(action);
    }
    for (token, dictionaries) in &after.mappings {
        let verb = match before.mappings.get(token) {
            Some(same) if same == dictionaries => continue,
            Some(_) => "ALTER",
            None => "ADD",
        };
        out.push(Action::new(37, &now.id, mapping(verb, &now.id, token, dictionaries)).altering(old, was, now));
    }
}
