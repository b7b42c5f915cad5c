//! Casts, operators, operator families and classes.

use super::Name;
use super::{Qualified, RoutineName, Symbol, is_default};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a cast converts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CastMethod {
    /// WITH FUNCTION.
    Function(RoutineName),
    /// WITH INOUT: by the types' output and input functions.
    Inout,
    /// WITHOUT FUNCTION: both types are stored alike.
    Binary,
}

/// Where a cast is applied without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CastContext {
    /// Nowhere.
    #[default]
    Explicit,
    /// AS ASSIGNMENT.
    Assignment,
    /// AS IMPLICIT.
    Implicit,
}

/// A cast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// How it converts.
    pub method: CastMethod,
    /// Where it is applied without being asked for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: CastContext,
}

/// An operator that another object names. Displays as `OPERATOR(schema.symbol)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorName {
    /// Schema.
    pub schema: Name,
    /// Its symbols.
    pub name: Symbol,
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OPERATOR({}.{})", self.schema, self.name)
    }
}

/// An operator. One that exists only because another names it as its commutator or negator is no fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The function; its arguments are the operator's.
    pub function: Qualified,
    /// COMMUTATOR; its arguments are this one's, exchanged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub commutator: Option<OperatorName>,
    /// NEGATOR; its arguments are this one's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub negator: Option<OperatorName>,
    /// RESTRICT: restriction selectivity estimator.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restrict: Option<Qualified>,
    /// JOIN: join selectivity estimator.
    #[serde(default, skip_serializing_if = "is_default")]
    pub join: Option<Qualified>,
    /// HASHES.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hashes: bool,
    /// MERGES.
    #[serde(default, skip_serializing_if = "is_default")]
    pub merges: bool,
}

/// An operator in a family or class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberOperator {
    /// Strategy number.
    pub number: i16,
    /// `format_type`'s texts of the operand types.
    pub types: [String; 2],
    /// The operator.
    pub operator: OperatorName,
    /// FOR ORDER BY this family.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order_by: Option<Qualified>,
}

/// A support function in a family or class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberFunction {
    /// Support function number.
    pub number: i16,
    /// `format_type`'s texts of the types that it is for.
    pub types: [String; 2],
    /// The function.
    pub function: RoutineName,
}

/// An operator family with the members that belong to none of its classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorFamily {
    /// Loose operators, by number and types.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operators: Vec<MemberOperator>,
    /// Loose support functions, by number and types.
    #[serde(default, skip_serializing_if = "is_default")]
    pub functions: Vec<MemberFunction>,
}

/// An operator class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorClass {
    /// The family, of the same access method.
    pub family: Qualified,
    /// `format_type`'s text of the indexed type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// DEFAULT for the type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: bool,
    /// STORAGE: the stored type, where it is another.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage: Option<String>,
    /// Operators, by number and types.
    #[serde(default, skip_serializing_if = "is_default")]
    pub operators: Vec<MemberOperator>,
    /// Support functions, by number and types.
    #[serde(default, skip_serializing_if = "is_default")]
    pub functions: Vec<MemberFunction>,
}
