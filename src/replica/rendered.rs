//! From an offered event to what is carried out here: without what is here already, without what is
//! not modelled, and without what policy keeps.

use super::examine::Examined;
use super::sizes::has_rows;
use super::{copies, kept, mirror};
use crate::diff::{Change, Operation};
use crate::error::Result;
use crate::model::{Body, Fact, FactId, Kind};
use crate::pg::command;
use crate::pg::spi::Spi;
use crate::plan::Options;
use crate::protocol::{Event, OnDrop};
use std::collections::{BTreeSet, HashSet};

impl Examined {
    /// The changes of one event that are carried out here: without what is here already, and without
    /// what policy keeps; and how to plan them.
    pub fn rendered(&self, spi: &Spi, event: &Event) -> Result<(Vec<Change>, Options)> {
        // What leaves its name with the same event is not in the way of what takes it, unless policy keeps it.
        let keeps = self.policy.on_drop_column == OnDrop::Keep || self.policy.on_drop_table == OnDrop::Keep;
        let left: HashSet<&FactId> = event
            .changes
            .iter()
            .filter(|change| !keeps && matches!(change.operation(), Some(Operation::Drop | Operation::Rename)))
            .filter_map(|change| change.before.as_ref().map(|before| &before.id))
            .collect();
        let created: Vec<String> = event
            .changes
            .iter()
            .filter(|change| change.before.is_none())
            .filter_map(Change::id)
            .filter(|id| !left.contains(id))
            .map(ToString::to_string)
            .collect();
        let here = mirror::local(spi, &created)?;
        // Facts that are here as another than the change starts from: left behind by a skipped version,
        // or an empty database's own. The change then starts from what is here.
        let other: Vec<String> = event
            .changes
            .iter()
            .filter_map(|c| c.before.as_ref().map(|f| f.id.to_string()))
            .filter(|id| self.mirrored.get(id).is_some_and(|m| m.waived))
            .chain(created.iter().filter(|id| here.contains_key(*id)).cloned())
            .collect();
        let actual = mirror::local_facts(spi, &other)?;
        let dropped_tables: HashSet<&FactId> = event
            .changes
            .iter()
            .filter(|c| c.operation() == Some(Operation::Drop) && c.kind() == Some(Kind::Table))
            .filter_map(Change::id)
            .collect();
        let of_table = |id: &FactId| (id.path.len() >= 2).then(|| FactId::new(Kind::Table, id.path[..2].iter().cloned()));
        let mut changes = Vec::new();
        for change in &event.changes {
            let Some(id) = change.id() else { continue };
            if id.kind == Kind::Unmodelled {
                continue;
            }
            let change = &self.change_here(spi, change)?;
            if change.operation().is_none() {
                continue;
            }
            if let (None, Some(after), Some(known)) = (&change.before, &change.after, here.get(&id.to_string())) {
                let alike = after.hash() == known.hash
                    || match mirror::local_facts(spi, &[id.to_string()])?.get(id).filter(|_| self.foreign()) {
                        Some(standing) => self.same_here(spi, after, standing, &[]),
                        None => false,
                    };
                if alike {
                    continue;
                }
            }
            let table_goes = of_table(id).is_some_and(|table| dropped_tables.contains(&table));
            if change.operation() == Some(Operation::Drop) {
                if self.begun && !self.local.contains_key(&id.to_string()) {
                    continue;
                }
                if table_goes && self.policy.on_drop_table == OnDrop::Keep {
                    continue;
                }
                if !table_goes && self.policy.on_drop_column == OnDrop::Keep && is_of_dropped_column(id, &event.changes) {
                    if let (Kind::Column, Some(Fact { body: Body::Column(column), .. })) = (id.kind, &change.before)
                        && column.not_null
                        && let Some(before) = &change.before
                    {
                        let mut nullable = before.clone();
                        nullable.body = Body::Column(crate::model::Column { not_null: false, ..column.clone() });
                        changes.push(Change::alter(before.clone(), nullable));
                    }
                    continue;
                }
            }
            let mut change = change.clone();
            match &change.before {
                Some(before) if self.mirrored.get(&before.id.to_string()).is_some_and(|m| m.waived) => {
                    change.before = actual.get(&before.id).cloned();
                }
                None => change.before = actual.get(id).cloned(),
                _ => {}
            }
            if change.operation().is_some() {
                changes.push(change);
            }
        }
        let mut options = Options {
            concurrently: event.concurrently,
            major: command::major(),
            keep: kept::mark(event),
            back: self.back.clone(),
            ..Options::default()
        };
        let volatile = |c: &&Change| {
            c.before.is_none()
                && c.after
                    .as_ref()
                    .is_some_and(|f| f.notes.contains_key("volatile") || f.id.kind == Kind::Identity || f.id.kind == Kind::Default)
        };
        let tables: BTreeSet<FactId> = changes.iter().filter(volatile).filter_map(Change::id).filter_map(of_table).collect();
        for table in tables {
            // Rows that are copied anew bring the source's values.
            if has_rows(spi, &table)? && !copies::brings_values(spi, &self.offer, &table)? {
                options.populated.push(table);
            }
        }
        Ok((changes, options))
    }

    /// A change as this server can carry it out; an empty one where it has neither side.
    fn change_here(&self, spi: &Spi, change: &Change) -> Result<Change> {
        let held = |fact: &Option<Fact>| -> Result<Option<Fact>> {
            let held = fact.as_ref().map(|fact| self.held(spi, fact)).transpose()?.flatten();
            Ok(held.map(std::borrow::Cow::into_owned))
        };
        Ok(Change { before: held(&change.before)?, after: held(&change.after)?, using: change.using.clone(), fill: change.fill.clone() })
    }
}

fn is_of_dropped_column(id: &FactId, changes: &[Change]) -> bool {
    let column = match id.of {
        Some(Kind::Column) => id.target(),
        None if matches!(id.kind, Kind::Column | Kind::Position | Kind::Default | Kind::Identity) => {
            Some(FactId { kind: Kind::Column, ..id.clone() })
        }
        _ => None,
    };
    column.is_some_and(|column| changes.iter().any(|c| c.operation() == Some(Operation::Drop) && c.id() == Some(&column)))
}
