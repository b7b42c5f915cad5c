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
        let created: Vec<(usize, u32, i32)> = changes
            .iter()
            .enumerate()
            .filter(|(_, c)| c.before.is_none())
            .filter_map(|(i, c)| {
                c.after.as_ref().filter(|f| f.id.kind == Kind::Column).and_then(|f| f.key).map(|k| (i, k.objid, k.objsubid))
            })
            .collect();
        if !created.is_empty() && changes.iter().any(|c| c.before.is_none() && c.kind() == Some(Kind::Default))
            || created.iter().any(|(i, ..)| uses_domain(&changes[*i]))
        {
            let oids: Vec<u32> = created.iter().map(|(_, oid, _)| *oid).collect();
            let mut values: HashMap<(u32, i32), String> = HashMap::new();
            for row in spi.query(
                "SELECT a.attrelid, a.attnum, (a.attmissingval::pg_catalog.text::pg_catalog.text[])[1]
                   FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY ($1) AND a.atthasmissing",
                &[Arg::Oids(&oids)],
                See::Latest,
            )? {
                if let Some(value) = row.maybe_text(2) {
                    values.insert((row.int(0) as u32, row.int(1) as i32), value);
                }
            }
            let mut volatile: HashSet<FactId> = HashSet::new();
            for (i, oid, number) in created {
                match values.remove(&(oid, number)) {
                    Some(value) => changes[i].fill = Some(value),
                    None => {
                        if let Some(fact) = &changes[i].after {
                            volatile.insert(FactId { kind: Kind::Default, ..fact.id.clone() });
                        }
                    }
                }
            }
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
