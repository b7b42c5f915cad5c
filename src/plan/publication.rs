//! Publications, and the tables and schemas that they name. Subscriptions are never planned.

use super::Lock;
use super::order::Action;
use super::scene::Item;
use super::sql::Joined;
use crate::model::{Body, Fact, FactId, Kind, Literal, Publication, PublicationOperation, PublicationTable, Qualified};
use std::fmt;

/// The options that lead from the one to the other.
struct Settings<'a> {
    before: &'a Publication,
    after: &'a Publication,
}

impl Settings<'_> {
    fn list(&self) -> Vec<String> {
        let (before, after) = (self.before, self.after);
        let mut list = Vec::new();
        if before.unpublished != after.unpublished {
            let published: Vec<&str> =
                PublicationOperation::ALL.iter().filter(|o| !after.unpublished.contains(o)).map(|o| o.word()).collect();
            list.push(format!("publish = {}", Literal(&published.join(", "))));
        }
        if before.via_root != after.via_root {
            list.push(format!("publish_via_partition_root = {}", after.via_root));
        }
        if before.generated_columns != after.generated_columns {
            list.push(format!("publish_generated_columns = {}", if after.generated_columns { "stored" } else { "none" }));
        }
        list
    }
}

pub(super) fn change(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Publication(publication) = &fact.body else { return };
            let list = Settings { before: &Publication::default(), after: publication }.list();
            let all = if publication.all_tables { " FOR ALL TABLES" } else { "" };
            let with = if list.is_empty() { String::new() } else { format!(" WITH ({})", Joined(&list, ", ")) };
            out.push(Action::new(91, &fact.id, format_args!("CREATE PUBLICATION {}{all}{with}", fact.id.name())).making(fact));
        }
        (Some(fact), None) => {
            if let Some(old) = &item.old {
                out.push(Action::new(6, old, format_args!("DROP PUBLICATION {}", fact.id.name())).unmaking(old, fact));
            }
        }
        (Some(was), Some(now)) => {
            let (Body::Publication(before), Body::Publication(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            let list = Settings { before, after }.list();
            if !list.is_empty() {
                let sql = format!("ALTER PUBLICATION {} SET ({})", now.id.name(), Joined(&list, ", "));
                out.push(Action::new(91, &now.id, sql).altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

/// A table with its columns and its filter as ADD TABLE names it.
struct Added<'a>(&'a FactId, &'a PublicationTable);

impl fmt::Display for Added<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TABLE ONLY {}", table(self.0))?;
        if let Some(columns) = &self.1.columns {
            write!(f, " ({})", Joined(columns, ", "))?;
        }
        if let Some(filter) = &self.1.filter {
            write!(f, " WHERE ({filter})")?;
        }
        Ok(())
    }
}

fn table(id: &FactId) -> Qualified {
    Qualified::new(id.path[1].clone(), id.path[2].clone())
}

/// A table or schema that comes or goes. One that changes goes and comes: what is set on the
/// publication may not go with the old filters and columns, nor with the new.
pub(super) fn member(item: &Item, out: &mut Vec<Action>) {
    let what = |fact: &Fact| match fact.id.kind {
        Kind::PublicationTable => format!("TABLE ONLY {}", table(&fact.id)),
        _ => format!("TABLES IN SCHEMA {}", fact.id.path[1]),
    };
    let on = |id: &FactId| (id.kind == Kind::PublicationTable).then(|| FactId::new(Kind::Table, id.path[1..].iter().cloned()));
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let added = if let Body::PublicationTable(table) = &fact.body { Added(&fact.id, table).to_string() } else { what(fact) };
            let sql = format!("ALTER PUBLICATION {} ADD {added}", fact.id.path[0]);
            let action = Action::new(92, &fact.id, sql).making(fact).needing(on(&fact.id));
            out.push(action.locking(Lock::ShareUpdateExclusive, on(&fact.id)));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let sql = format!("ALTER PUBLICATION {} DROP {}", fact.id.path[0], what(fact));
            let action = Action::new(5, old, sql).unmaking(old, fact).letting_go(on(old));
            out.push(action.locking(Lock::ShareUpdateExclusive, on(old)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_said_where_it_differs() {
        let all = Publication::default();
        let some =
            Publication { unpublished: vec![PublicationOperation::Delete, PublicationOperation::Truncate], via_root: true, ..all.clone() };
        let list = |before, after| Settings { before, after }.list().join("; ");
        assert_eq!(list(&all, &some), "publish = 'insert, update'; publish_via_partition_root = true");
        assert_eq!(list(&some, &all), "publish = 'insert, update, delete, truncate'; publish_via_partition_root = false");
        assert_eq!(list(&all, &all), "");
    }
}
