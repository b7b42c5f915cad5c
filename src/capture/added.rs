//! The commonest change of all, ALTER TABLE … ADD COLUMN, without a query: the relation cache tells
//! the new columns and what stands before them, and nothing else can have changed.

use super::outbox::Keys;
use crate::diff::Change;
use crate::model::{Column, Fact, FactId, Kind, LocalKey, Name, Position};
use crate::pg::class;
use crate::pg::relation::AddedColumn;

/// The changes and keys of new columns of a table.
pub fn changes(table: u32, schema: &str, name: &str, columns: Vec<AddedColumn>) -> (Vec<Change>, Keys) {
    let mut changes = Vec::with_capacity(columns.len() * 2);
    let mut keys = Keys::new();
    for added in columns {
        let id = |kind| FactId::new(kind, [schema, name, added.name.as_str()]);
        let column = Column { not_null: added.not_null, ..Column::new(added.data_type.clone()) };
        let key = (LocalKey { classid: class::RELATION, objid: table, objsubid: i32::from(added.number) }, (class::RELATION, table));
        for fact in
            [Fact::new(id(Kind::Column), column), Fact::new(id(Kind::Position), Position { after: added.after.clone().map(Name::new) })]
        {
            keys.insert(fact.id.to_string(), key);
            changes.push(Change::create(fact));
        }
    }
    (changes, keys)
}
