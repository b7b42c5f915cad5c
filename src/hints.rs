//! What a statement says and the catalogs do not keep: the USING expressions of type changes.
//!
//! PURE. The client's statement is parsed by sqlparser; of its tree only the expressions are used,
//! and every function and type in them is qualified by what the source's search_path meant.

#![forbid(unsafe_code)]

use crate::model::Name;
use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, DataType, Expr, Ident, ObjectName, ObjectNamePart, Statement, visit_expressions_mut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// The statement is beyond the parser.
#[derive(Debug, thiserror::Error)]
#[error("the statement cannot be parsed: {0}")]
pub struct Unparsed(String);

/// The USING expressions of an ALTER TABLE, with the column that each belongs to.
pub fn using_expressions(statement: &str) -> Result<Vec<(String, Expr)>, Unparsed> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, statement).map_err(|e| Unparsed(e.to_string()))?;
    let mut found = Vec::new();
    for statement in statements {
        let Statement::AlterTable(alter) = statement else { continue };
        for operation in alter.operations {
            if let AlterTableOperation::AlterColumn { column_name, op: AlterColumnOperation::SetDataType { using: Some(expression), .. } } =
                operation
            {
                found.push((folded(&column_name), expression));
            }
        }
    }
    Ok(found)
}

/// An identifier as the catalog holds it: folded to lower case unless quoted.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn quoted(name: &str) -> ObjectNamePart {
    ObjectNamePart::Identifier(if Name::from(name).to_string() == name { Ident::new(name) } else { Ident::with_quote('"', name) })
}

/// Qualifies a one-part name by the schema that `visible` finds it in; leaves it as it is where
/// there is none (a keyword-like built-in) or where it is in `pg_catalog`.
fn qualify_name<E>(name: &mut ObjectName, visible: &mut dyn FnMut(&str) -> Result<Option<String>, E>) -> Result<(), E> {
    if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() {
        let plain = folded(ident);
        if let Some(schema) = visible(&plain)?
            && schema != "pg_catalog"
        {
            name.0 = vec![quoted(&schema), quoted(&plain)];
        }
    }
    Ok(())
}

fn qualify_type<E>(data_type: &mut DataType, visible: &mut dyn FnMut(&str) -> Result<Option<String>, E>) -> Result<(), E> {
    use sqlparser::ast::ArrayElemTypeDef as A;
    match data_type {
        DataType::Custom(name, _) => qualify_name(name, visible),
        DataType::Array(A::AngleBracket(inner) | A::SquareBracket(inner, _) | A::Parenthesis(inner)) => qualify_type(inner, visible),
        _ => Ok(()),
    }
}

/// The expression's text with its functions and types qualified.
pub fn qualify<E>(
    mut expression: Expr,
    function: &mut dyn FnMut(&str) -> Result<Option<String>, E>,
    data_type: &mut dyn FnMut(&str) -> Result<Option<String>, E>,
) -> Result<String, E> {
    let flow = visit_expressions_mut(&mut expression, |expression| {
        let outcome = match expression {
            Expr::Function(call) => qualify_name(&mut call.name, function),
            Expr::Cast { data_type: target, .. } => qualify_type(target, data_type),
            _ => Ok(()),
        };
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    });
    match flow {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(expression.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn using(statement: &str) -> Vec<(String, String)> {
        let mut schema = |name: &str| Ok::<_, ()>(matches!(name, "cents" | "money_kind").then(|| "Shop".to_owned()));
        let mut schema2 = schema;
        using_expressions(statement)
            .unwrap()
            .into_iter()
            .map(|(column, e)| (column, qualify(e, &mut schema, &mut schema2).unwrap()))
            .collect()
    }

    #[test]
    fn expressions_travel_qualified() {
        assert_eq!(
            using("ALTER TABLE t ALTER COLUMN Price TYPE int USING cents(price), ALTER \"Q\" TYPE text USING lower(\"Q\")"),
            [("price".into(), "\"Shop\".cents(price)".into()), ("Q".into(), "lower(\"Q\")".into())]
        );
        assert_eq!(
            using("ALTER TABLE ONLY s.t ALTER c SET DATA TYPE money_kind USING c::text::money_kind"),
            [("c".into(), "c::TEXT::\"Shop\".money_kind".into())]
        );
        assert_eq!(using("ALTER TABLE t ALTER c TYPE int"), []);
    }

    #[test]
    fn what_cannot_be_parsed_is_said() {
        assert!(using_expressions("ALTER TABLE t ALTER c TYPE int USING (").is_err());
    }
}
