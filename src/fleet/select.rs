//! Which members: a selection by labels, names, and what is known of them. PURE.
//!
//! `env = prod, shard in (1..64), database = shop_*, down within 1h, expects billing`: terms that all
//! have to hold; nothing at all selects everybody. `<>`, `not in`, `has` and `lacks` are the others.

#![forbid(unsafe_code)]

use crate::protocol::Span;
use serde_json::{Map, Value};
use std::fmt;

/// What a selection is asked of.
#[derive(Clone, Debug, Default)]
pub struct Subject<'a> {
    /// The member's name.
    pub name: &'a str,
    /// Its labels: scalars, or lists of them.
    pub labels: Option<&'a Map<String, Value>>,
    /// Seconds since it was last down; 0 while it is.
    pub down: Option<f64>,
    /// Applications that it is about to meet.
    pub expects: &'a [String],
}

/// A selection that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Label { key: String, values: Vec<Wanted>, negated: bool },
    Has { key: String, negated: bool },
    Down { seconds: f64 },
    Expects { application: Glob },
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Text(Glob),
    Range(i64, i64),
}

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Reads it; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// Whether a text is of this form.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Mark(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
        } else if let Some(mark) = ["(", ")", ",", "="].into_iter().find(|mark| mark.starts_with(c)) {
            chars.next();
            out.push(Token::Mark(mark));
        } else if c == '<' || c == '!' {
            chars.next();
            match (c, chars.next()) {
                ('<', Some('>')) | ('!', Some('=')) => out.push(Token::Mark("<>")),
                _ => return Err(format!("\"{c}\" is no comparison: = , <> , in and not in are")),
            }
        } else if c == '\'' {
            chars.next();
            let mut word = String::new();
            loop {
                match chars.next() {
                    Some('\'') if chars.peek() == Some(&'\'') => word.extend(chars.next()),
                    Some('\'') => break,
                    Some(c) => word.push(c),
                    None => return Err("a quote is not closed".to_owned()),
                }
            }
            out.push(Token::Quoted(word));
        } else {
            let mut word = String::new();
            while let Some(&c) = chars.peek() {
                if c.is_whitespace() || "(),=<>!'".contains(c) {
                    break;
                }
                word.push(c);
                chars.next();
            }
            out.push(Token::Word(word));
        }
    }
    Ok(out)
}

struct Reading {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Reading {
    fn mark(&mut self, mark: &'static str) -> bool {
        self.tokens.next_if(|token| *token == Token::Mark(mark)).is_some()
    }
    fn keyword(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(text) if text.eq_ignore_ascii_case(word))).is_some()
    }
    fn text(&mut self, what: &str) -> Result<(String, bool), String> {
        match self.tokens.next() {
            Some(Token::Word(text)) => Ok((text, false)),
            Some(Token::Quoted(text)) => Ok((text, true)),
            Some(Token::Mark(mark)) => Err(format!("\"{mark}\" stands where {what} is expected")),
            None => Err(format!("it ends where {what} is expected")),
        }
    }
    fn value(&mut self) -> Result<Wanted, String> {
        let (text, quoted) = self.text("a value")?;
        if let Some((from, to)) = text.split_once("..").filter(|_| !quoted) {
            return match (from.parse(), to.parse()) {
                (Ok(from), Ok(to)) if from <= to => Ok(Wanted::Range(from, to)),
                _ => Err(format!("\"{text}\" is no range of numbers such as 1..64")),
            };
        }
        Ok(Wanted::Text(Glob::new(text)))
    }
    fn term(&mut self) -> Result<Term, String> {
        let (key, quoted) = self.text("a label")?;
        if !quoted && !matches!(self.tokens.peek(), Some(Token::Mark("=" | "<>"))) {
            match key.to_ascii_lowercase().as_str() {
                "has" => return Ok(Term::Has { key: self.text("a label")?.0, negated: false }),
                "lacks" => return Ok(Term::Has { key: self.text("a label")?.0, negated: true }),
                "expects" => return Ok(Term::Expects { application: Glob::new(self.text("an application")?.0) }),
                "down" if self.keyword("within") => {
                    let (span, _) = self.text("a time such as 1h")?;
                    let span: Span = span.parse()?;
                    return Ok(Term::Down { seconds: span.duration().as_secs_f64() });
                }
                _ => {}
            }
        }
        if self.mark("=") {
            return Ok(Term::Label { key, values: vec![self.value()?], negated: false });
        }
        if self.mark("<>") {
            return Ok(Term::Label { key, values: vec![self.value()?], negated: true });
        }
        let negated = self.keyword("not");
        if !self.keyword("in") || !self.mark("(") {
            return Err(format!("after \"{key}\" comes =, <>, in (…) or not in (…)"));
        }
        let mut values = Vec::new();
        while !self.mark(")") {
            if !values.is_empty() && !self.mark(",") {
                return Err("a list of values is separated by commas and closed by )".to_owned());
            }
            values.push(self.value()?);
        }
        Ok(Term::Label { key, values, negated })
    }
}

impl std::str::FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut reading = Reading { tokens: tokens(text)?.into_iter().peekable() };
        let mut terms = Vec::new();
        while reading.tokens.peek().is_some() {
            if !terms.is_empty() && !reading.mark(",") && !reading.keyword("and") {
                return Err("terms are separated by commas".to_owned());
            }
            terms.push(reading.term()?);
        }
        Ok(Self { terms })
    }
}

impl Selection {
    /// Whether it selects this member.
    pub fn selects(&self, subject: &Subject) -> bool {
        self.terms.iter().all(|term| term.holds(subject))
    }
    /// Whether it says the same of a member whatever happens to it: labels and names only.
    pub fn is_lasting(&self) -> bool {
        self.terms.iter().all(|term| matches!(term, Term::Label { .. } | Term::Has { .. }))
    }
    /// Whether it selects everybody.
    pub fn is_everybody(&self) -> bool {
        self.terms.is_empty()
    }
}

impl Term {
    fn holds(&self, subject: &Subject) -> bool {
        let label = |key: &str| -> Vec<String> {
            if key == "database" {
                return vec![subject.name.to_owned()];
            }
            match subject.labels.and_then(|labels| labels.get(key)) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(list)) => list.iter().map(scalar).collect(),
                Some(value) => vec![scalar(value)],
            }
        };
        match self {
            Self::Label { key, values, negated } => {
                label(key).iter().any(|have| values.iter().any(|wanted| wanted.matches(have))) != *negated
            }
            Self::Has { key, negated } => label(key).is_empty() == *negated,
            Self::Down { seconds } => subject.down.is_some_and(|since| since <= *seconds),
            Self::Expects { application } => subject.expects.iter().any(|name| application.matches(name)),
        }
    }
}

impl Wanted {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Text(glob) => glob.matches(text),
            Self::Range(from, to) => text.parse().is_ok_and(|number: i64| (*from..=*to).contains(&number)),
        }
    }
}

/// A label's value as text.
pub fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn selected(selection: &str, name: &str, labels: Value) -> bool {
        let selection: Selection = selection.parse().unwrap_or_else(|error| panic!("{selection}: {error}"));
        selection.selects(&Subject { name, labels: labels.as_object(), down: None, expects: &[] })
    }

    #[test]
    fn labels_names_and_ranges() {
        let labels = json!({"env": "prod", "shard": 7, "tags": ["eu", "gold"]});
        for (selection, expected) in [
            ("", true),
            ("env=prod", true),
            ("env=prod, shard in (1..64)", true),
            ("env = prod and shard in (8..64, 7)", true),
            ("shard in (8..64)", false),
            ("shard <> 7", false),
            ("shard != 8", true),
            ("tags = eu, tags = gold", true),
            ("tags not in (eu)", false),
            ("has env, lacks region", true),
            ("lacks env", false),
            ("database = shop_*", true),
            ("database in (a, 'shop_1')", true),
            ("database <> shop_*", false),
            ("'env' = 'prod'", true),
            ("region = eu", false),
            ("region <> eu", true),
            ("env in ()", false),
        ] {
            assert_eq!(selected(selection, "shop_1", labels.clone()), expected, "{selection}");
        }
    }

    #[test]
    fn what_is_known_of_a_member() {
        let expects = ["billing 2".to_owned()];
        let subject = Subject { name: "a", labels: None, down: Some(1800.0), expects: &expects };
        for (selection, expected) in
            [("down within 1h", true), ("down within 10min", false), ("expects billing*", true), ("expects shop", false)]
        {
            assert_eq!(selection.parse::<Selection>().unwrap().selects(&subject), expected, "{selection}");
        }
        assert!(!"down within 1h".parse::<Selection>().unwrap().selects(&Subject::default()));
        // Words of the language are labels too.
        assert!(selected("down = yes", "a", json!({"down": "yes"})));
    }

    #[test]
    fn mistakes_are_named() {
        for (selection, part) in [
            ("env", "after \"env\""),
            ("env=", "ends where a value"),
            ("env=prod shard=1", "separated by commas"),
            ("shard in (1..x)", "no range"),
            ("shard in (9..1)", "no range"),
            ("env='prod", "not closed"),
            ("env < 5", "no comparison"),
            ("shard in (1 2)", "separated by commas"),
            ("shard in (1", "separated by commas"),
            ("down within soon", "number"),
        ] {
            let error = selection.parse::<Selection>().unwrap_err();
            assert!(error.contains(part), "{selection}: {error}");
        }
    }

    #[test]
    fn stars() {
        for (glob, text, expected) in [
            ("a*", "abc", true),
            ("*", "", true),
            ("a*c", "ac", true),
            ("a*c", "abd", false),
            ("a*b*c", "axbxc", true),
            ("ab*ba", "aba", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("index shop.*", "index shop.orders_state", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} {text}");
        }
    }
}
