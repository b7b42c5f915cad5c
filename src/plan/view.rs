//! Views and materialized views.

use super::column::usual_storage;
use super::order::Action;
use super::scene::{Item, Scene};
use super::sql::{AlterTable, Alteration, Joined, Maybe, SettingNames, Settings, With, relation, settings_changed};
use super::table::replica_identity;
use super::{Lock, Options};
use crate::model::{Body, ColumnSettings, Fact, FactId, Kind, MaterializedView, Name, View, ViewColumn};
use std::fmt;

/// Whether CREATE OR REPLACE VIEW can lead from these columns to those.
pub(super) fn extends(before: &[ViewColumn], after: &[ViewColumn]) -> bool {
    before.len() <= after.len() && before.iter().zip(after).all(|(before, after)| before.is_like(after))
}

struct CreateView<'a> {
    replace: bool,
    id: &'a FactId,
    view: &'a View,
}

impl fmt::Display for CreateView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replace = if self.replace { "OR REPLACE " } else { "" };
        write!(f, "CREATE {replace}VIEW {}{} AS\n{}", relation(self.id), With(&self.view.options), self.view.definition)
    }
}

/// A view with the same columns that reads nothing: it stands while what it depends on comes or goes.
struct Placeholder<'a> {
    replace: bool,
    id: &'a FactId,
    columns: &'a [ViewColumn],
}

impl fmt::Display for Placeholder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("NULL::{} AS {}", column.data_type, column.name)).collect();
        write!(f, "CREATE {}VIEW {} AS SELECT {}", if self.replace { "OR REPLACE " } else { "" }, relation(self.id), Joined(&columns, ", "))
    }
}

fn placeholder_id(id: &FactId) -> FactId {
    FactId::new(Kind::View, [id.path[0].clone(), id.path[1].clone(), Name::from("placeholder")])
}

/// The columns as others name them.
fn columns(id: &FactId, columns: &[ViewColumn]) -> Vec<FactId> {
    columns.iter().map(|column| FactId::new(Kind::Column, [id.path[0].clone(), id.path[1].clone(), column.name.clone()])).collect()
}

/// Types that the columns of a placeholder need: all that the view needs and is a type.
fn types(fact: &Fact) -> Vec<FactId> {
    fact.depends
        .iter()
        .filter(|id| matches!(id.kind, Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range | Kind::Extension))
        .cloned()
        .collect()
}

pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::View(view) = &fact.body else { return };
            if scene.splits.contains(&fact.id) {
                let mut stand_in =
                    Action::new(69, &fact.id, Placeholder { replace: false, id: &fact.id, columns: &view.columns }).making(fact);
                stand_in.requires = types(fact);
                stand_in.requires.push(FactId::new(Kind::Schema, [fact.id.path[0].clone()]));
                stand_in.produces.extend(columns(&fact.id, &view.columns));
                let replace = Action::new(71, &fact.id, CreateView { replace: true, id: &fact.id, view });
                out.push(stand_in);
                out.push(
                    replace
                        .locking(Lock::AccessExclusive, [fact.id.clone()])
                        .needing(fact.depends.iter().cloned())
                        .needing([fact.id.clone()]),
                );
                return;
            }
            let mut action = Action::new(70, &fact.id, CreateView { replace: false, id: &fact.id, view }).making(fact);
            action.produces.extend(columns(&fact.id, &view.columns));
            out.push(action);
        }
        (Some(fact), None) => {
            let (Body::View(view), Some(old)) = (&fact.body, &item.old) else { return };
            let mut action = Action::new(10, old, format_args!("DROP VIEW {}", relation(&fact.id)))
                .locking(Lock::AccessExclusive, [old.clone()])
                .unmaking(old, fact);
            action.destroys.extend(columns(old, &view.columns));
            if scene.splits.contains(old) {
                let mut empty = Action::new(9, old, Placeholder { replace: true, id: &fact.id, columns: &view.columns })
                    .locking(Lock::AccessExclusive, [old.clone()]);
                empty.releases = std::mem::replace(&mut action.releases, types(fact));
                empty.releases.push(old.clone());
                empty.produces.push(placeholder_id(old));
                action.requires.push(placeholder_id(old));
                out.push(empty);
            }
            out.push(action);
        }
        (Some(was), Some(now)) => {
            let (Body::View(before), Body::View(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            if before.definition != after.definition || before.columns != after.columns {
                let mut action = Action::new(70, &now.id, CreateView { replace: true, id: &now.id, view: after });
                // Its renamed columns are renamed first.
                action =
                    action.locking(Lock::AccessExclusive, [old.clone()]).altering(old, was, now).needing(columns(&now.id, &after.columns));
                action.becomes.extend(columns(&now.id, &after.columns[before.columns.len().min(after.columns.len())..]));
                out.push(action);
                return;
            }
            options("VIEW", old, was, now, &before.options, &after.options, out);
        }
        (None, None) => {}
    }
}

type Map = std::collections::BTreeMap<String, String>;

fn options(word: &str, old: &FactId, was: &Fact, now: &Fact, before: &Map, after: &Map, out: &mut Vec<Action>) {
    let (set, reset) = settings_changed(before, after);
    let mut push = |what: String| {
        let sql = format!("ALTER {word} {} {what}", relation(&now.id));
        out.push(Action::new(71, &now.id, sql).locking(Lock::AccessExclusive, [old.clone()]).altering(old, was, now));
    };
    if !reset.is_empty() {
        push(format!("RESET ({})", SettingNames(&reset)));
    }
    if !set.is_empty() {
        push(format!("SET ({})", Settings(&set)));
    }
}

struct CreateMaterializedView<'a> {
    id: &'a FactId,
    view: &'a MaterializedView,
    filled: bool,
}

impl fmt::Display for CreateMaterializedView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MaterializedView { definition, options, access_method, tablespace, .. } = self.view;
        let (method, space) = (Maybe(" USING ", access_method.as_ref()), Maybe(" TABLESPACE ", tablespace.as_ref()));
        write!(f, "CREATE MATERIALIZED VIEW {}{method}{}{space} AS\n{definition}\n", relation(self.id), With(options))?;
        f.write_str(if self.filled { "WITH DATA" } else { "WITH NO DATA" })
    }
}

/// What leads from these settings to the column's.
fn settings<'a>(before: &'a ColumnSettings, column: &'a ViewColumn) -> Vec<Alteration<'a>> {
    let (name, after) = (&column.name, &column.settings);
    let mut out = Vec::new();
    if before.storage != after.storage {
        out.push(Alteration::SetStorage(name, after.storage.as_deref().unwrap_or_else(|| usual_storage(&column.data_type))));
    }
    if before.compression != after.compression {
        out.push(Alteration::SetCompression(name, after.compression.as_deref().unwrap_or("default")));
    }
    if before.statistics != after.statistics {
        out.push(Alteration::SetStatistics(name, after.statistics.unwrap_or(-1)));
    }
    if before.options != after.options && !after.options.is_empty() {
        out.push(Alteration::SetColumnOptions(name, &after.options));
    }
    out
}

/// A materialized view.
pub(super) fn materialized(_options: &Options, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::MaterializedView(view) = &fact.body else { return };
            let filled = fact.notes.get("populated").and_then(serde_json::Value::as_bool).unwrap_or(true);
            let mut action = Action::new(84, &fact.id, CreateMaterializedView { id: &fact.id, view, filled }).scanning(filled).making(fact);
            action.produces.extend(columns(&fact.id, &view.columns));
            if filled {
                action = action.locking(
                    Lock::AccessShare,
                    fact.depends.iter().filter(|id| matches!(id.kind, Kind::Table | Kind::View | Kind::MaterializedView)).cloned(),
                );
            }
            let unset = ColumnSettings::default();
            let alterations = view.columns.iter().flat_map(|column| settings(&unset, column)).collect();
            let extras = AlterTable { only: true, table: relation(&fact.id), actions: alterations };
            if !extras.actions.is_empty() {
                action = action.then(&fact.id, &extras);
            }
            out.push(action);
            if view.replica_identity.is_some() {
                out.push(Action { rank: 85, ..replica_identity(&fact.id, view.replica_identity.as_deref()) });
            }
        }
        (Some(fact), None) => {
            let (Body::MaterializedView(view), Some(old)) = (&fact.body, &item.old) else { return };
            let sql = format!("DROP MATERIALIZED VIEW {}", relation(&fact.id));
            let mut action = Action::new(10, old, sql).locking(Lock::AccessExclusive, [old.clone()]).unmaking(old, fact);
            action.destroys.extend(columns(old, &view.columns));
            out.push(action);
        }
        (Some(was), Some(now)) => {
            let (Body::MaterializedView(before), Body::MaterializedView(after), Some(old)) = (&was.body, &now.body, &item.old) else {
                return;
            };
            options("MATERIALIZED VIEW", old, was, now, &before.options, &after.options, out);
            // Its renamed columns are renamed first.
            let altering = |statement: &AlterTable| {
                let action = Action::new(85, &now.id, statement).locking(statement.lock(), [old.clone()]).altering(old, was, now);
                action.needing(columns(&now.id, &after.columns))
            };
            for (before, after) in before.columns.iter().zip(&after.columns) {
                let (_, reset) = settings_changed(&before.settings.options, &after.settings.options);
                if !reset.is_empty() {
                    let statement = AlterTable::only(&now.id, Alteration::ResetColumnOptions(&after.name, &reset));
                    out.push(altering(&statement));
                }
            }
            let alterations: Vec<Alteration> =
                before.columns.iter().zip(&after.columns).flat_map(|(before, after)| settings(&before.settings, after)).collect();
            if !alterations.is_empty() {
                let statement = AlterTable { only: true, table: relation(&now.id), actions: alterations };
                out.push(altering(&statement));
            }
            if before.replica_identity != after.replica_identity {
                out.push(Action { rank: 86, ..replica_identity(&now.id, after.replica_identity.as_deref()) });
            }
            let mut push = |what: String| {
                let sql = format!("ALTER MATERIALIZED VIEW {} SET {what}", relation(&now.id));
                out.push(
                    Action::new(85, &now.id, sql).locking(Lock::AccessExclusive, [old.clone()]).rewriting(true).altering(old, was, now),
                );
            };
            if before.access_method != after.access_method {
                push(format!("ACCESS METHOD {}", after.access_method.as_ref().unwrap_or(&"heap".into())));
            }
            if before.tablespace != after.tablespace {
                push(format!("TABLESPACE {}", after.tablespace.as_ref().unwrap_or(&"pg_default".into())));
            }
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str) -> ViewColumn {
        ViewColumn { name: name.into(), data_type: data_type.into(), settings: ColumnSettings::default() }
    }

    #[test]
    fn a_view_may_only_grow_at_its_end() {
        let (a, b, c) = (column("a", "integer"), column("b", "text"), column("b", "integer"));
        assert!(extends(std::slice::from_ref(&a), &[a.clone(), b.clone()]));
        assert!(!extends(&[a.clone(), b.clone()], std::slice::from_ref(&a)));
        assert!(!extends(&[a.clone(), b], &[a, c]));
    }
}
