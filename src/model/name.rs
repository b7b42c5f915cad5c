//! Identity and quoting: the only places where text becomes part of a statement.
//!
//! [`Name`] displays as an identifier, [`Literal`] as a string constant. Whatever renders DDL
//! formats these and never a bare `String` that came from a catalog or from the wire.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// One identifier as PostgreSQL stores it (unquoted, up to 63 bytes). Displays quoted where needed.
///
/// Plans copy ids a lot: a copy shares the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Name {
    /// Wraps an identifier as the catalog holds it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }
    /// The identifier as the catalog holds it, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}
impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

impl Name {
    /// Writes what is displayed.
    pub(super) fn write_to<W: fmt::Write>(&self, f: &mut W) -> fmt::Result {
        let plain = self.0.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
            && self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !is_keyword(&self.0);
        if plain {
            return f.write_str(&self.0);
        }
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// An operator's name: symbols, which stand in a statement as they are. Whatever holds anything else
/// is refused, so that a text from the wire cannot be more than an operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(String);

impl Symbol {
    /// Whether PostgreSQL takes this text for one operator.
    pub fn fits(text: &str) -> bool {
        (1..=63).contains(&text.len())
            && text.bytes().all(|b| b"+-*/<>=~!@#%^&|`?".contains(&b))
            && !text.contains("--")
            && !text.contains("/*")
    }
}

impl TryFrom<String> for Symbol {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if Self::fits(&text) { Ok(Self(text)) } else { Err(format!("{text:?} is not the name of an operator")) }
    }
}
impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string constant. Displays as `'…'`, or as `E'…'` where it holds a backslash, so that it reads
/// the same whatever `standard_conforming_strings` says.
#[derive(Clone, Copy, Debug)]
pub struct Literal<'a>(pub &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = self.0.replace('\'', "''");
        if quoted.contains('\\') { write!(f, "E'{}'", quoted.replace('\\', "\\\\")) } else { write!(f, "'{quoted}'") }
    }
}

/// A dollar-quoted body whose tag does not occur in the text.
#[derive(Clone, Copy, Debug)]
pub struct DollarQuoted<'a>(pub &'a str);

impl fmt::Display for DollarQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A body may end in `$` or hold any tag: lengthen ours until it cannot be closed early.
        let mut tag = String::from("$");
        while self.0.contains(&format!("{tag}$")) || (self.0.ends_with('$') && tag == "$") || self.0.ends_with(tag.as_str()) {
            tag.push_str(if tag == "$" { "accord" } else { "_" });
        }
        write!(f, "{tag}${body}{tag}$", body = self.0)
    }
}

/// A schema-qualified name. Displays as `schema.name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qualified {
    /// Schema.
    pub schema: Name,
    /// Name within the schema.
    pub name: Name,
}

impl Qualified {
    /// Builds a qualified name from two identifiers.
    pub fn new(schema: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }
}

impl fmt::Display for Qualified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

fn is_keyword(word: &str) -> bool {
    /// Where the keywords that begin with each letter begin.
    const STARTS: [usize; 27] = {
        let (mut starts, mut letter) = ([0; 27], 0);
        while letter < 27 {
            let mut at = 0;
            while at < KEYWORDS.len() && ((KEYWORDS[at].as_bytes()[0] - b'a') as usize) < letter {
                at += 1;
            }
            starts[letter] = at;
            letter += 1;
        }
        starts
    };
    let letter = match word.bytes().next() {
        Some(first @ b'a'..=b'z') => usize::from(first - b'a'),
        _ => return false,
    };
    KEYWORDS[STARTS[letter]..STARTS[letter + 1]].contains(&word)
}

/// Every keyword of PostgreSQL 14 to 18 that is not UNRESERVED, sorted: `quote_ident` quotes these.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn every_keyword_is_found() {
        assert!(KEYWORDS.iter().all(|word| is_keyword(word)));
        assert!(!["", "a", "_", "zone", "yes", "tables", "Table", "é"].iter().any(|word| is_keyword(word)));
    }

    #[test]
    fn names_are_quoted_where_needed() {
        for (name, shown) in [
            ("a1_b", "a1_b"),
            ("A", "\"A\""),
            ("1a", "\"1a\""),
            ("a.b", "\"a.b\""),
            ("a\"b", "\"a\"\"b\""),
            ("user", "\"user\""),
            ("é", "\"é\""),
            ("", "\"\""),
        ] {
            assert_eq!(Name::from(name).to_string(), shown);
        }
    }

    #[test]
    fn an_operator_is_symbols() {
        for (text, fits) in
            [("+", true), ("<->", true), ("@>", true), ("", false), ("+ ", false), ("a", false), ("+--", false), ("/*", false)]
        {
            assert_eq!(Symbol::try_from(text.to_owned()).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn literals_and_bodies_cannot_be_closed_early() {
        assert_eq!(Literal("it's").to_string(), "'it''s'");
        assert_eq!(Literal("a\\'b").to_string(), "E'a\\\\''b'");
        assert_eq!(DollarQuoted("x").to_string(), "$$x$$");
        assert_eq!(DollarQuoted("x$$y").to_string(), "$accord$x$$y$accord$");
        assert_eq!(DollarQuoted("x$").to_string(), "$accord$x$$accord$");
        let nested = DollarQuoted("$accord$").to_string();
        assert_eq!(nested, "$accord_$$accord$$accord_$");
    }
}
