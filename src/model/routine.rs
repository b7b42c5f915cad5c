//! Functions, procedures and aggregates.

use super::{Name, Qualified, is_default};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What `CREATE` makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum RoutineKind {
    Function,
    Procedure,
    Window,
}

/// How the body is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutineBody {
    /// A string in the language's own syntax.
    Source(String),
    /// A standard SQL body: `RETURN …` or `BEGIN ATOMIC … END`.
    Sql(String),
    /// A shared library (`probin`) and a symbol in it.
    Library {
        /// Object file.
        file: String,
        /// Link symbol.
        symbol: String,
    },
}

/// A routine that another object names. Displays as `schema.name(argument types)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutineName {
    /// Schema.
    pub schema: Name,
    /// Name.
    pub name: Name,
    /// `format_type`'s texts of the argument types, with commas between them.
    pub arguments: String,
}

impl fmt::Display for RoutineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}({})", self.schema, self.name, self.arguments)
    }
}

/// A function, procedure or window function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routine {
    /// Function, procedure or window function.
    pub kind: RoutineKind,
    /// `pg_get_function_arguments`'s text, defaults included.
    pub arguments: String,
    /// `pg_get_function_result`'s text; none for a procedure.
    #[serde(default, skip_serializing_if = "is_default")]
    pub result: Option<String>,
    /// Language.
    pub language: Name,
    /// Body.
    pub body: RoutineBody,
    /// `immutable` or `stable`, where it is not volatile.
    #[serde(default, skip_serializing_if = "is_default")]
    pub volatility: Option<String>,
    /// STRICT.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict: bool,
    /// SECURITY DEFINER.
    #[serde(default, skip_serializing_if = "is_default")]
    pub security_definer: bool,
    /// LEAKPROOF.
    #[serde(default, skip_serializing_if = "is_default")]
    pub leakproof: bool,
    /// `safe` or `restricted`, where it is not unsafe.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parallel: Option<String>,
    /// COST as text, where it is not the language's default (1 for C and internal, 100 for others).
    #[serde(default, skip_serializing_if = "is_default")]
    pub cost: Option<String>,
    /// ROWS as text, where it is a set-returning function and not 1000.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rows: Option<String>,
    /// Planner support function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub support: Option<Qualified>,
    /// SET clauses as `pg_proc.proconfig` holds them (`name=value`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub config: Vec<String>,
    /// TRANSFORM FOR TYPE, `format_type`'s texts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transforms: Vec<String>,
}

impl Routine {
    /// A function in SQL with nothing beside its arguments, result and body.
    pub fn sql(arguments: impl Into<String>, result: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            kind: RoutineKind::Function,
            arguments: arguments.into(),
            result: Some(result.into()),
            language: "sql".into(),
            body: RoutineBody::Source(body.into()),
            volatility: None,
            strict: false,
            security_definer: false,
            leakproof: false,
            parallel: None,
            cost: None,
            rows: None,
            support: None,
            config: Vec::new(),
            transforms: Vec::new(),
        }
    }
}

/// An aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// `pg_get_function_arguments`'s text (with ORDER BY for ordered-set aggregates), `*` for none.
    pub arguments: String,
    /// The options inside CREATE AGGREGATE's parentheses in canonical order, each as it is written
    /// there: `SFUNC = pg_catalog.int4pl`, `STYPE = integer`, `INITCOND = '0'`, `HYPOTHETICAL`, …
    pub options: Vec<String>,
}
