//! Text search: parsers, templates, dictionaries, configurations.

use super::Malformed;
use super::gather::{Gather, Subject, TS_CONFIGURATION, TS_DICTIONARY, TS_PARSER, TS_TEMPLATE, key};
use super::row::Rows;
use crate::model::{Body, FactId, Kind, Name, TextSearchConfiguration, TextSearchDictionary, TextSearchParser, TextSearchTemplate};
use crate::plan::lexer::{Token, scan};
use std::collections::BTreeMap;

pub(super) fn parsers(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::TextSearchParser, [row.text()?, row.text()?]), TS_PARSER, oid);
        let parser = TextSearchParser {
            start: row.expected_qualified("a parser without START")?,
            gettoken: row.expected_qualified("a parser without GETTOKEN")?,
            end: row.expected_qualified("a parser without END")?,
            lextypes: row.expected_qualified("a parser without LEXTYPES")?,
            headline: row.qualified()?,
        };
        gather.object(subject, parser);
    }
    Ok(())
}

pub(super) fn templates(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::TextSearchTemplate, [row.text()?, row.text()?]), TS_TEMPLATE, oid);
        let template = TextSearchTemplate { lexize: row.expected_qualified("a template without LEXIZE")?, init: row.qualified()? };
        gather.object(subject, template);
    }
    Ok(())
}

/// `language = 'english', n = 3` as names and constants.
fn options(text: &str) -> Option<Vec<(Name, String)>> {
    let (tokens, closed) = scan(text);
    let mut options = Vec::new();
    let mut rest = tokens.as_slice();
    while let [(Token::Word(name), ..), (equals, ..), value @ ..] = rest {
        let end = value.iter().position(|(token, ..)| token.is_symbol(",")).unwrap_or(value.len());
        let (first, last) = (value[..end].first()?, value[..end].last()?);
        if !equals.is_symbol("=") {
            return None;
        }
        options.push((Name::new(name.as_str()), text[first.1..last.2].to_owned()));
        rest = value.get(end + 1..).unwrap_or_default();
    }
    (closed && rest.is_empty()).then_some(options)
}

pub(super) fn dictionaries(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::TextSearchDictionary, [row.text()?, row.text()?]), TS_DICTIONARY, oid);
        let template = row.expected_qualified("a dictionary without a template")?;
        let text = row.opt_text()?.unwrap_or_default();
        let options = options(&text).ok_or_else(|| row.malformed(format!("cannot read the options {text}")))?;
        gather.owner(&subject, row.text()?);
        gather.object(subject, TextSearchDictionary { template, options });
    }
    Ok(())
}

pub(super) fn configurations(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::TextSearchConfiguration, [row.text()?, row.text()?]), TS_CONFIGURATION, oid);
        let parser = row.expected_qualified("a configuration without a parser")?;
        gather.owner(&subject, row.text()?);
        gather.object(subject, TextSearchConfiguration { parser, mappings: BTreeMap::new() });
    }
    Ok(())
}

pub(super) fn mappings(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let Some(fact) = gather.target(key(TS_CONFIGURATION, row.oid()?, 0)) else { continue };
        // A token type that the parser does not know any longer has no name to be mapped by.
        let Some(token) = row.opt_text()? else { continue };
        let dictionary = row.expected_qualified("a mapping without a dictionary")?;
        if let Body::TextSearchConfiguration(configuration) = &mut gather.facts[fact].body {
            configuration.mappings.entry(token).or_default().push(dictionary);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_names_and_constants() {
        let read = options(r#"language = 'english', "Odd, = name" = E'it''s a\\b, c = d', n = 3, m = -1.5"#).unwrap();
        let expected = [("language", "'english'"), ("Odd, = name", r"E'it''s a\\b, c = d'"), ("n", "3"), ("m", "-1.5")];
        assert_eq!(read, expected.map(|(name, value)| (Name::from(name), value.to_owned())));
        assert_eq!(options(""), Some(Vec::new()));
        assert_eq!(options("a 'b'"), None);
        assert_eq!(options("a = 'b"), None);
    }
}
