//! Tables, views, materialized views, composite types, sequences; parents of tables.

use super::column;
use super::deparse::without_semicolon;
use super::foreign::options as foreign_options;
use super::gather::{CLASS, Gather, INHERITS, Subject, key};
use super::property::{Acl, grants};
use super::row::{Fields, Rows};
use super::{Aspects, Malformed};
use crate::model::{
    Composite, FactId, Foreign, Inherit, Kind, MaterializedView, Name, Partition, Qualified, Sequence, SequenceOptions, Table, View,
    ViewColumn,
};
use std::collections::BTreeMap;

/// What the other catalogs need to know of a table's column.
pub(super) struct Slot {
    pub(super) number: i32,
    pub(super) name: Name,
    pub(super) generated: Option<char>,
    pub(super) identity: Option<char>,
}

/// What the other catalogs of a relation need to know of it.
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) schema: Name,
    pub(super) name: Name,
    pub(super) kind: Kind,
    pub(super) has_index: bool,
    pub(super) has_trigger: bool,
    pub(super) has_rule: bool,
    /// Known once columns are read.
    pub(super) has_default: bool,
    /// Known once columns are read.
    pub(super) has_identity: bool,
    /// Columns of a table, in no order, known once columns are read in full.
    pub(super) columns: Vec<Slot>,
    /// Output columns of a view, known once columns are read.
    pub(super) view_columns: Vec<ViewColumn>,
    unlogged: bool,
    populated: bool,
    bound: Option<String>,
    replica_identity: Option<String>,
    options: BTreeMap<String, String>,
    access_method: Option<Name>,
    tablespace: Option<Name>,
    owner: String,
    acl: Acl,
}

impl Relation {
    pub(super) fn is_table(&self) -> bool {
        self.kind == Kind::Table
    }
    pub(super) fn is_view(&self) -> bool {
        matches!(self.kind, Kind::View | Kind::MaterializedView)
    }
    pub(super) fn is_sequence(&self) -> bool {
        self.kind == Kind::Sequence
    }
    pub(super) fn is_composite(&self) -> bool {
        self.kind == Kind::Composite
    }
    pub(super) fn has_columns(&self) -> bool {
        !self.is_sequence()
    }
    pub(super) fn slot(&self, number: i32) -> Option<&Slot> {
        // Where nothing was dropped, they are sorted and without gaps.
        let at = usize::try_from(number - 1).ok()?;
        let guess = self.columns.get(at).filter(|slot| slot.number == number);
        guess.or_else(|| self.columns.iter().find(|slot| slot.number == number))
    }
    pub(super) fn column_name(&self, number: i32) -> Option<&Name> {
        self.slot(number).map(|slot| &slot.name)
    }
    /// The relation itself.
    pub(super) fn subject(&self) -> Subject {
        Subject::root(FactId::new(self.kind, [self.schema.clone(), self.name.clone()]), CLASS, self.oid)
    }
    /// A part of it, under a key of its own.
    pub(super) fn part(&self, kind: Kind, name: impl Into<Name>, classid: u32, objid: u32, objsubid: i32) -> Subject {
        let id = FactId::new(kind, [self.schema.clone(), self.name.clone(), name.into()]);
        Subject { id, key: key(classid, objid, objsubid), root: (CLASS, self.oid) }
    }
    /// One of its columns (for a view, which has no column facts: its id all the same).
    pub(super) fn column(&self, kind: Kind, name: impl Into<Name>, number: i32) -> Subject {
        let kind = if self.is_composite() && kind == Kind::Column { Kind::Attribute } else { kind };
        self.part(kind, name, CLASS, self.oid, number)
    }
}

/// `name=value` texts as a map.
pub(super) fn options(texts: Vec<String>) -> BTreeMap<String, String> {
    texts
        .into_iter()
        .map(|text| text.split_once('=').map_or_else(|| (text.clone(), String::new()), |(k, v)| (k.to_owned(), v.to_owned())))
        .collect()
}

pub(super) fn relations(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, schema, name) = (row.oid()?, row.name()?, row.name()?);
        let kind = match row.letter()? {
            Some('r' | 'p' | 'f') => Kind::Table,
            Some('v') => Kind::View,
            Some('m') => Kind::MaterializedView,
            Some('c') => Kind::Composite,
            Some('S') => Kind::Sequence,
            other => return Err(row.malformed(format!("relkind {other:?}"))),
        };
        let unlogged = row.letter()? == Some('u');
        let is_partition = row.bool()?;
        let row_type = row.oid()?;
        let (has_index, has_trigger, has_rule) = (row.bool()?, row.bool()?, row.bool()?);
        let mut options_of = options(row.texts()?);
        options_of.extend(options(row.texts()?).into_iter().map(|(k, v)| (format!("toast.{k}"), v)));
        let (access_method, tablespace) = (row.opt_name()?, row.opt_name()?);
        let (row_security, force_row_security) = (row.bool()?, row.bool()?);
        let of_type = row.qualified()?;
        let replica_identity = match (row.letter()?, row.opt_text()?) {
            (Some('n'), _) => Some("nothing".to_owned()),
            (Some('f'), _) => Some("full".to_owned()),
            // The index may be gone, which leaves the table without an identity.
            (Some('i'), index) => Some(index.map_or_else(|| "nothing".to_owned(), |index| format!("index {index}"))),
            _ => None,
        };
        let partition_by = row.opt_text()?;
        let bound = row.opt_text()?.filter(|_| is_partition);
        let (server, foreign_options) = (row.opt_name()?, foreign_options(row.texts()?));
        let foreign = server.map(|server| Foreign { server, options: foreign_options });
        // A foreign table cannot have one, and its row says that it has none.
        let replica_identity = replica_identity.filter(|_| foreign.is_none());
        let populated = row.bool()?;
        let (owner, acl) = (row.text()?, Acl::read(&mut row)?);
        let relation = Relation {
            oid,
            schema,
            name,
            kind,
            has_index,
            has_trigger,
            has_rule,
            has_default: false,
            has_identity: false,
            columns: Vec::new(),
            view_columns: Vec::new(),
            unlogged,
            populated,
            bound,
            replica_identity: replica_identity.clone(),
            options: options_of,
            access_method,
            tablespace,
            owner,
            acl,
        };
        let subject = relation.subject();
        if kind != Kind::Sequence {
            gather.owner(&subject, relation.owner.clone());
            grants(gather, &subject, &relation.acl);
        }
        if gather.wants(Aspects::RELATION) {
            match kind {
                Kind::Table => {
                    let table = Table {
                        unlogged,
                        partition_by,
                        access_method: relation.access_method.clone(),
                        tablespace: relation.tablespace.clone(),
                        options: relation.options.clone(),
                        row_security,
                        force_row_security,
                        of_type,
                        replica_identity,
                        foreign,
                    };
                    gather.object(subject, table);
                }
                Kind::Composite => {
                    gather.object(subject, Composite {});
                }
                // Views and sequences are completed from other catalogs.
                _ => {}
            }
        }
        if row_type != 0 {
            gather.row_types.insert(row_type, oid);
        }
        gather.relations.insert(oid, relation);
    }
    Ok(())
}

pub(super) fn views(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, definition) = (row.oid()?, without_semicolon(row.text()?));
        let Some(relation) = gather.relations.get(&oid) else { continue };
        let subject = relation.subject();
        let (columns, options) = (relation.view_columns.clone(), relation.options.clone());
        if relation.kind == Kind::View {
            gather.object(subject, View { definition, columns, options });
        } else {
            let populated = relation.populated;
            let (access_method, tablespace) = (relation.access_method.clone(), relation.tablespace.clone());
            let replica_identity = relation.replica_identity.clone();
            let view =
                gather.object(subject, MaterializedView { definition, columns, options, access_method, tablespace, replica_identity });
            gather.facts[view].notes.insert("populated".to_owned(), populated.into());
        }
    }
    Ok(())
}

pub(super) fn sequence_options(row: &mut Fields) -> Result<SequenceOptions, Malformed> {
    Ok(SequenceOptions {
        data_type: row.text()?,
        start: row.int()?,
        increment: row.int()?,
        minimum: row.int()?,
        maximum: row.int()?,
        cache: row.int()?,
        cycle: row.bool()?,
    })
}

/// Sequences. One that a column owns has that table's owner, which is then no fact of its own; that of an identity
/// column is the identity, which a full read finds here.
pub(super) fn sequences(gather: &mut Gather, rows: &Rows, full: bool) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let options = sequence_options(&mut row)?;
        let dependency = row.letter()?;
        let owned_by = row.qualified()?.map(|Qualified { schema: table, name: column }| (table, column));
        let Some(relation) = gather.relations.get(&oid) else { continue };
        if dependency == Some('i') {
            let of = gather.relations.get(&row.oid()?).filter(|_| full);
            let slot = of.zip(row.opt_int()?).and_then(|(of, number)| Some((of, of.slot(number as i32)?)));
            if let Some((of, slot)) = slot {
                let sequence = (oid, Qualified { schema: relation.schema.clone(), name: relation.name.clone() });
                let (unlogged, column, letter) = (relation.unlogged, slot.name.clone(), slot.identity);
                let table = of.oid;
                column::identity(gather, table, (column, letter), sequence, unlogged, options);
            }
            continue;
        }
        let (subject, acl, unlogged) = (relation.subject(), relation.acl.clone(), relation.unlogged);
        if owned_by.is_none() {
            let owner = relation.owner.clone();
            gather.owner(&subject, owner);
        }
        grants(gather, &subject, &acl);
        if gather.wants(Aspects::SEQUENCES) {
            gather.object(subject, Sequence { options, unlogged, owned_by });
        }
    }
    Ok(())
}

/// Parents, by inheritance and by partitioning.
pub(super) fn parents(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    let mut parents = Vec::with_capacity(rows.len());
    for mut row in rows.iter() {
        parents.push((row.oid()?, row.small()?, row.oid()?, row.name()?, row.name()?));
    }
    parents.sort_unstable();
    let (mut last, mut rank) = (0, 0);
    for (oid, _, parent_oid, schema, name) in parents {
        let Some(relation) = gather.relations.get(&oid).filter(|r| r.is_table()) else { continue };
        rank = if last == oid { rank + 1 } else { 1 };
        last = oid;
        let mut subject = relation.subject();
        let fact = if let Some(bound) = relation.bound.clone() {
            subject.id.kind = Kind::Partition;
            gather.property(subject, Partition { parent: Qualified { schema, name }, bound })
        } else {
            subject.id.kind = Kind::Inherit;
            subject.id.path = subject.id.path.with(schema).with(name);
            // The catalog has no OIDs: child and parent tell one row from another, also after a rename.
            subject.key = key(INHERITS, oid, parent_oid.cast_signed());
            gather.property(subject, Inherit { rank })
        };
        gather.references.push((fact, key(CLASS, parent_oid, 0)));
    }
    Ok(())
}
