//! What the catalogs do not tell by comparison.

use crate::diff::Change;
use crate::error::{Error, Result};
use crate::hints;
use crate::model::{Body, FactId, Kind};
use crate::pg::command::{self, Command};
use crate::pg::spi::{Arg, Cells, See, Spi};
use std::collections::{HashMap, HashSet};

/// Adds what the catalogs do not tell by comparison: USING expressions, and the values that existing
/// rows hold in a new column.
pub(super) fn add_values(
    spi: &Spi,
    command: &Command,
    statement: Option<&str>,
    search_path: &str,
    pinned: &command::Pinned,
    changes: &mut [Change],
) -> Result<()> {
    if command.adds_default {
        let made = |kind: Kind| changes.iter().any(|c| c.before.is_none() && c.kind() == Some(kind));
        if made(Kind::Column) && made(Kind::Default) || changes.iter().any(|c| created_column(c).is_some() && uses_domain(c)) {
            let volatile: HashSet<FactId> = fill(spi, changes)?.into_iter().map(|id| FactId { kind: Kind::Default, ..id }).collect();
            for change in changes.iter_mut() {
                if let Some(after) = &mut change.after
                    && volatile.contains(&after.id)
                    && matches!(&after.body, Body::Default(d) if d.generated.is_none())
                {
                    after.notes.insert("volatile".to_owned(), serde_json::Value::Bool(true));
                }
            }
        }
    }
    if command.alters_type
        && let Some(statement) = statement
    {
        let expressions = match hints::using_expressions(statement) {
            Ok(expressions) => expressions,
            Err(error) if statement.to_ascii_lowercase().contains("using") => {
                return Err(Error::new(pgrx::PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "the USING expression of this type change cannot be recorded")
                    .detail(error.to_string())
                    .hint("Write the ALTER TABLE with only this type change, or set accord.on_capture_error = warn and change the replicas by hand."));
            }
            Err(_) => Vec::new(),
        };
        for (column, expression) in expressions {
            let change = changes
                .iter_mut()
                .find(|c| c.before.is_some() && c.kind() == Some(Kind::Column) && c.id().is_some_and(|id| id.name().as_str() == column));
            if let Some(change) = change {
                pinned.set("search_path", search_path);
                let qualified = hints::qualify(expression, &mut |name| visible_function(spi, name), &mut |name| visible_type(spi, name));
                pinned.set("search_path", "pg_catalog, pg_temp");
                change.using = Some(qualified?);
            }
        }
    }
    Ok(())
}

/// The table and number of a column that a change creates.
fn created_column(change: &Change) -> Option<(u32, i32)> {
    let after = change.after.as_ref().filter(|fact| change.before.is_none() && fact.id.kind == Kind::Column)?;
    after.key.map(|key| (key.objid, key.objsubid))
}

/// Notes the value that rows from before a new column have in it. Returns the new columns of which the catalogs know none.
pub fn fill(spi: &Spi, changes: &mut [Change]) -> Result<Vec<FactId>> {
    let oids: Vec<u32> = changes.iter().filter_map(created_column).map(|(oid, _)| oid).collect();
    if oids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = spi.query(
        "SELECT a.attrelid, a.attnum, (a.attmissingval::pg_catalog.text::pg_catalog.text[])[1]
           FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1) AND a.atthasmissing",
        &[Arg::Oids(&oids)],
        See::Latest,
    )?;
    let mut values: HashMap<(u32, i32), String> =
        rows.iter().filter_map(|row| Some(((row.int(0) as u32, row.int(1) as i32), row.maybe_text(2)?))).collect();
    let mut without = Vec::new();
    for change in changes {
        let Some(column) = created_column(change) else { continue };
        match values.remove(&column) {
            Some(value) => change.fill = Some(value),
            None => without.extend(change.id().cloned()),
        }
    }
    Ok(without)
}

fn uses_domain(change: &Change) -> bool {
    change.after.as_ref().is_some_and(|fact| !fact.depends.is_empty())
}

/// The schema of the function of this name that the path shows.
fn visible_function(spi: &Spi, name: &str) -> Result<Option<String>> {
    first_text(
        spi,
        "SELECT n.nspname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
          WHERE p.proname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND pg_catalog.pg_function_is_visible(p.oid) LIMIT 1",
        name,
    )
}

/// The schema of the type of this name that the path shows.
fn visible_type(spi: &Spi, name: &str) -> Result<Option<String>> {
    first_text(
        spi,
        "SELECT n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
          WHERE t.typname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND pg_catalog.pg_type_is_visible(t.oid) LIMIT 1",
        name,
    )
}

fn first_text(spi: &Spi, sql: &str, name: &str) -> Result<Option<String>> {
    Ok(spi.query(sql, &[Arg::Text(name)], See::Latest)?.first().map(|row| row.text(0)))
}
