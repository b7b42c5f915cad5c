//! Schemas and extensions.

use super::order::Action;
use super::scene::Item;
use crate::model::{Body, FactId, Kind, Literal};

pub(super) fn change(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => out.push(Action::new(30, &fact.id, format_args!("CREATE SCHEMA {}", fact.id.name())).making(fact)),
        (Some(fact), None) => {
            if let Some(old) = &item.old {
                out.push(Action::new(25, old, format_args!("DROP SCHEMA {}", fact.id.name())).unmaking(old, fact));
            }
        }
        _ => {}
    }
}

/// An extension. Its members come and go with it.
pub(super) fn extension(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Extension(extension) = &fact.body else { return };
            let sql = format!("CREATE EXTENSION {} SCHEMA {} VERSION {}", fact.id.name(), extension.schema, Literal(&extension.version));
            out.push(Action::new(31, &fact.id, sql).making(fact).needing([FactId::new(Kind::Schema, [extension.schema.clone()])]));
        }
        (Some(fact), None) => {
            let (Body::Extension(extension), Some(old)) = (&fact.body, &item.old) else { return };
            let action = Action::new(24, old, format_args!("DROP EXTENSION {}", fact.id.name()))
                .losing(old, format!("what the tables of {old} hold"));
            out.push(action.unmaking(old, fact).letting_go([FactId::new(Kind::Schema, [extension.schema.clone()])]));
        }
        (Some(was), Some(now)) => {
            let (Body::Extension(before), Body::Extension(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            if before.version != after.version {
                let sql = format!("ALTER EXTENSION {} UPDATE TO {}", now.id.name(), Literal(&after.version));
                out.push(Action::new(31, &now.id, sql).altering(old, was, now));
            }
            if before.schema != after.schema {
                let sql = format!("ALTER EXTENSION {} SET SCHEMA {}", now.id.name(), after.schema);
                out.push(
                    Action::new(31, &now.id, sql).altering(old, was, now).needing([FactId::new(Kind::Schema, [after.schema.clone()])]),
                );
            }
        }
        (None, None) => {}
    }
}
