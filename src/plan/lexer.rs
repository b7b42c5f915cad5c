//! SQL's tokens, as far as comparing two deparsed texts needs them.
//!
//! PostgreSQL's own deparsed text is compared token by token, never by pattern: a rename must be seen
//! as one wherever it stands, and an equal word inside a string must not.

/// One token of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or keyword: folded to lower case where it was not quoted.
    Word(String),
    /// A string constant's content, whichever way it was quoted.
    Text(String),
    /// A number, as written.
    Number(String),
    /// An operator or a punctuation mark.
    Symbol(String),
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text == word)
    }
    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self, Token::Symbol(text) if text == symbol)
    }
}

/// A token and where it begins and ends in the text, in bytes.
pub(crate) type Spanned = (Token, usize, usize);

/// The tokens of a text with their places. Text that does not close its quotes ends in one long token.
pub(super) fn spans(sql: &str) -> Vec<Spanned> {
    scan(sql).0
}

/// The tokens of a text with their places, and whether every quote is closed.
pub(crate) fn scan(sql: &str) -> (Vec<Spanned>, bool) {
    let bytes = sql.as_bytes();
    let (mut out, mut closed) = (Vec::new(), true);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let token = match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'"' => Token::Word(quoted(sql, &mut at, &mut closed, '"', false)),
            b'\'' => Token::Text(quoted(sql, &mut at, &mut closed, '\'', false)),
            b'E' | b'e' if bytes.get(at + 1) == Some(&b'\'') => {
                at += 1;
                Token::Text(quoted(sql, &mut at, &mut closed, '\'', true))
            }
            b'$' if dollar_tag(&bytes[at..]).is_some() => {
                let tag = &sql[at..at + dollar_tag(&bytes[at..]).unwrap_or(1)];
                let from = at + tag.len();
                let length = sql[from..].find(tag);
                closed &= length.is_some();
                at = length.map_or(bytes.len(), |n| from + n + tag.len());
                Token::Text(sql[from..length.map_or(bytes.len(), |n| from + n)].to_owned())
            }
            b if b.is_ascii_digit() => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.') {
                    at += 1;
                }
                Token::Number(sql[start..at].to_owned())
            }
            b if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'$') || bytes[at] >= 0x80) {
                    at += 1;
                }
                Token::Word(sql[start..at].to_ascii_lowercase())
            }
            b':' if bytes.get(at + 1) == Some(&b':') => {
                at += 2;
                Token::Symbol("::".to_owned())
            }
            b if b"+-*/<>=~!@#%^&|`?".contains(&b) => {
                while at < bytes.len() && b"+-*/<>=~!@#%^&|`?".contains(&bytes[at]) {
                    at += 1;
                }
                Token::Symbol(sql[start..at].to_owned())
            }
            _ => {
                at += 1;
                Token::Symbol(sql[start..at].to_owned())
            }
        };
        out.push((token, start, at));
    }
    (out, closed)
}

/// The tokens of a text.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    spans(sql).into_iter().map(|(token, ..)| token).collect()
}

/// Length of `$tag$` at the start, if one stands there.
fn dollar_tag(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().skip(1).position(|&b| b == b'$')? + 1;
    let tag = &bytes[1..end];
    let word = tag.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80);
    (word && !tag.first().is_some_and(u8::is_ascii_digit)).then_some(end + 1)
}

fn quoted(sql: &str, at: &mut usize, closed: &mut bool, quote: char, escapes: bool) -> String {
    let mut text = String::new();
    let mut chars = sql[*at + 1..].char_indices().peekable();
    let base = *at + 1;
    while let Some((i, c)) = chars.next() {
        if c == quote {
            if chars.peek().is_some_and(|&(_, next)| next == quote) {
                chars.next();
            } else {
                *at = base + i + 1;
                return text;
            }
        } else if escapes && c == '\\' {
            if let Some((_, next)) = chars.next() {
                text.push(next);
            }
            continue;
        }
        text.push(c);
    }
    *at = sql.len();
    *closed = false;
    text
}

/// Splits at commas that stand outside parentheses and brackets.
pub(crate) fn split_commas(sql: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0i32, 0, Vec::new());
    for (token, start, end) in spans(sql) {
        if let Token::Symbol(symbol) = &token {
            match symbol.as_str() {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                "," if depth == 0 => {
                    parts.push(sql[from..start].trim());
                    from = end;
                }
                _ => {}
            }
        }
    }
    parts.push(sql[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Where the first of these words stands outside parentheses.
pub(super) fn find_word(sql: &str, words: &[&str]) -> Option<usize> {
    let mut depth = 0i32;
    for (token, start, _) in spans(sql) {
        match &token {
            Token::Symbol(symbol) if symbol == "(" || symbol == "[" => depth += 1,
            Token::Symbol(symbol) if symbol == ")" || symbol == "]" => depth -= 1,
            Token::Word(word) if depth == 0 && sql.as_bytes()[start] != b'"' && words.contains(&word.as_str()) => return Some(start),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_bodies_and_operators_are_one_token_each() {
        let word = |s: &str| Token::Word(s.into());
        let symbol = |s: &str| Token::Symbol(s.into());
        assert_eq!(
            tokens(r#"SELECT "A""b".c::text <> 'it''s' || E'\'x' || $q$ $ 'z $q$, 1.5e3"#),
            vec![
                word("select"),
                word("A\"b"),
                symbol("."),
                word("c"),
                symbol("::"),
                word("text"),
                symbol("<>"),
                Token::Text("it's".into()),
                symbol("||"),
                Token::Text("'x".into()),
                symbol("||"),
                Token::Text(" $ 'z ".into()),
                symbol(","),
                Token::Number("1.5e3".into()),
            ]
        );
        assert_eq!(tokens("'open"), vec![Token::Text("open".into())]);
        assert_eq!(tokens("$1 $$").len(), 3);
    }

    #[test]
    fn commas_and_words_are_found_at_the_top_only() {
        assert_eq!(
            split_commas("a integer, b numeric(10,2) DEFAULT f(1, ','), VARIADIC c text[]"),
            vec!["a integer", "b numeric(10,2) DEFAULT f(1, ',')", "VARIADIC c text[]"]
        );
        assert!(split_commas("").is_empty());
        assert_eq!(find_word("USING btree (\"where\", (a where)) WHERE x", &["where"]), Some(33));
        assert_eq!(find_word("USING btree (a)", &["where"]), None);
    }
}
