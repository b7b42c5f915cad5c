//! Which families a command touched: what the server's lists say, and whatever depends on it.

use super::Dropped;
use crate::error::Result;
use crate::ledger::store;
use crate::model::{FactId, Kind, Name, Qualified};
use crate::pg::class;
use crate::pg::command::{self, NewTable, Reach};
use crate::pg::event_trigger::Call;
use crate::pg::spi::{Arg, Cells, See, Spi};
use std::collections::{BTreeSet, HashMap};

/// What a command touched.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// (classid, objid) of families to read again.
    pub(super) roots: BTreeSet<(u32, u32)>,
    /// Objects whose dependents' texts can have changed: (refclassid, refobjid).
    pub(super) objects: BTreeSet<(u32, u32)>,
    /// Identities of objects of kinds that are not modelled.
    pub(super) unmodelled: Vec<String>,
    /// Kind and identity of the object that the command is about.
    pub(super) target: Option<(String, String)>,
    /// The whole catalog.
    pub(super) everything: bool,
}

/// The server's list of what the command did, as families.
pub(super) fn touched(spi: &Spi, call: &Call, dropped: &[Dropped]) -> Result<Touched> {
    let mut touched = Touched { everything: call.command.reach == Reach::Everything, ..Touched::default() };
    if let Some(table) = call.command.new_table.as_ref().and_then(NewTable::created) {
        let identity = Qualified::new(table.schema.as_str(), table.name.as_str()).to_string();
        touched.roots.insert((class::RELATION, table.oid));
        touched.target = Some(("table".to_owned(), identity));
        return Ok(touched);
    }
    let rows = spi.query(
        "SELECT c.classid, c.objid, c.object_type, c.schema_name, c.object_identity, c.in_extension, c.command_tag
           FROM pg_catalog.pg_event_trigger_ddl_commands() c",
        &[],
        See::Transaction,
    )?;
    let mut relations: Vec<u32> = call.command.also.clone();
    if call.tag == "ALTER DEFAULT PRIVILEGES" {
        // Reported without a name: the rows that it wrote carry its XID, those that it removed sql_drop tells.
        let xid = command::current_xid().to_string();
        let rows = spi.query("SELECT d.oid FROM pg_catalog.pg_default_acl d WHERE d.xmin = $1::xid", &[Arg::Text(&xid)], See::Latest)?;
        touched.roots.extend(rows.iter().map(|row| (class::DEFAULT_ACL, row.int(0) as u32)));
    }
    let mut inner: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut named = false;
    for row in &rows {
        let (object_type, identity) = (row.text(2), row.text(4));
        let schema = row.maybe_text(3);
        if row.bool(5) && object_type != "extension" || row.is_null(0) {
            continue;
        }
        if schema.as_deref() == Some("accord") || schema.as_deref().is_some_and(|s| s.starts_with("pg_temp") || s == "pg_toast") {
            continue;
        }
        let (classid, objid) = (row.int(0) as u32, row.int(1) as u32);
        match classid {
            class::RELATION => relations.push(objid),
            class::ROUTINE | class::SCHEMA | class::EXTENSION | class::FOREIGN_DATA_WRAPPER | class::SERVER => {
                touched.roots.insert((classid, objid));
                touched.objects.insert((classid, objid));
            }
            class::TYPE | class::CONSTRAINT | class::TRIGGER | class::POLICY | class::REWRITE | class::DEFAULT | class::STATISTICS => {
                inner.entry(classid).or_default().push(objid);
            }
            classid if class::stands_alone(classid) => {
                touched.roots.insert((classid, objid));
                touched.objects.insert((classid, objid));
            }
            class::PUBLICATION_TABLE | class::PUBLICATION_SCHEMA => inner.entry(classid).or_default().push(objid),
            class::PUBLICATION | class::USER_MAPPING | class::SUBSCRIPTION | class::EVENT_TRIGGER => {
                touched.roots.insert((classid, objid));
            }
            _ => {
                touched.unmodelled.push(format!("{object_type} {identity}"));
                touched.roots.insert((classid, objid));
            }
        }
        // An identity column's sequence comes before its table: the command is about what bears its own tag.
        let about = row.text(6) == call.tag;
        if touched.target.is_none() || about && !named {
            touched.target = Some((object_type, identity));
        }
        named |= about;
    }
    beside(spi, dropped, &mut touched)?;
    for (classid, oids) in inner {
        owners(spi, classid, &oids, &mut relations, &mut touched)?;
    }
    if !relations.is_empty() {
        resolve_relations(spi, &relations, &mut touched)?;
    }
    if !dropped.is_empty() {
        let oids: Vec<u32> = dropped.iter().map(|d| d.objid).collect();
        touched.roots.extend(store::roots_of(spi, &oids)?);
        // A column's change of type and REINDEX CONCURRENTLY build an index anew, under another OID and
        // otherwise the same: it is known by its name.
        let indexes: Vec<String> = dropped
            .iter()
            .filter(|d| d.object_type == "index")
            .filter_map(|d| d.name.as_ref())
            .map(|name| FactId::new(Kind::Index, name.iter().map(|part| Name::new(part.as_str()))).to_string())
            .collect();
        if !indexes.is_empty() {
            touched.roots.extend(store::by_ids(spi, &indexes)?.into_iter().map(|known| known.root));
        }
        for object in dropped.iter().filter(|d| d.original) {
            if touched.target.is_none() {
                touched.target = Some((object.object_type.clone(), object.identity.clone()));
            }
        }
    }
    Ok(touched)
}

/// What a command changes beside the objects that the server's lists name: the operators that are an
/// operator's commutator or negator, on which no dependency is recorded, and the operator families that
/// lose a member with its operator or function.
fn beside(spi: &Spi, dropped: &[Dropped], touched: &mut Touched) -> Result<()> {
    let operators: Vec<u32> = touched.objects.iter().filter(|(class, _)| *class == class::OPERATOR).map(|(_, oid)| *oid).collect();
    if !operators.is_empty() || dropped.iter().any(|object| object.object_type == "operator") {
        // A link that was made or cut is a row that this command wrote.
        let rows = spi.query(
            "SELECT o.oid FROM pg_catalog.pg_operator o WHERE o.oid OPERATOR(pg_catalog.>=) 16384
                AND (o.xmin = $1::xid OR o.oprcom = ANY ($2) OR o.oprnegate = ANY ($2))",
            &[Arg::Text(&command::current_xid().to_string()), Arg::Oids(&operators)],
            See::Latest,
        )?;
        touched.roots.extend(rows.iter().map(|row| (class::OPERATOR, row.int(0) as u32)));
    }
    if dropped.iter().any(|object| matches!(object.object_type.as_str(), "operator of access method" | "function of access method")) {
        let rows = spi.query("SELECT f.oid FROM pg_catalog.pg_opfamily f WHERE f.oid OPERATOR(pg_catalog.>=) 16384", &[], See::Latest)?;
        touched.roots.extend(rows.iter().map(|row| (class::OPERATOR_FAMILY, row.int(0) as u32)));
        let rows = spi.query("SELECT c.oid FROM pg_catalog.pg_opclass c WHERE c.oid OPERATOR(pg_catalog.>=) 16384", &[], See::Latest)?;
        touched.roots.extend(rows.iter().map(|row| (class::OPERATOR_CLASS, row.int(0) as u32)));
    }
    Ok(())
}

/// The families of objects that belong to a relation, a domain or a publication.
pub(super) fn owners(spi: &Spi, classid: u32, oids: &[u32], relations: &mut Vec<u32>, touched: &mut Touched) -> Result<()> {
    let sql = match classid {
        class::TYPE => {
            "SELECT CASE WHEN t.typtype = 'c' THEN t.typrelid ELSE 0 END, t.oid FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1)"
        }
        class::CONSTRAINT => "SELECT c.conrelid, c.contypid FROM pg_catalog.pg_constraint c WHERE c.oid = ANY ($1)",
        class::TRIGGER => "SELECT t.tgrelid, 0::oid FROM pg_catalog.pg_trigger t WHERE t.oid = ANY ($1)",
        class::PUBLICATION_TABLE => "SELECT 0::oid, p.prpubid FROM pg_catalog.pg_publication_rel p WHERE p.oid = ANY ($1)",
        class::PUBLICATION_SCHEMA => "SELECT 0::oid, p.pnpubid FROM pg_catalog.pg_publication_namespace p WHERE p.oid = ANY ($1)",
        class::POLICY => "SELECT p.polrelid, 0::oid FROM pg_catalog.pg_policy p WHERE p.oid = ANY ($1)",
        class::REWRITE => "SELECT r.ev_class, 0::oid FROM pg_catalog.pg_rewrite r WHERE r.oid = ANY ($1)",
        class::STATISTICS => "SELECT s.stxrelid, 0::oid FROM pg_catalog.pg_statistic_ext s WHERE s.oid = ANY ($1)",
        _ => "SELECT d.adrelid, 0::oid FROM pg_catalog.pg_attrdef d WHERE d.oid = ANY ($1)",
    };
    let owner = match classid {
        class::PUBLICATION_TABLE | class::PUBLICATION_SCHEMA => class::PUBLICATION,
        _ => class::TYPE,
    };
    for row in spi.query(sql, &[Arg::Oids(oids)], See::Latest)? {
        let (relation, other) = (row.int(0) as u32, row.int(1) as u32);
        if relation != 0 {
            relations.push(relation);
        } else if other != 0 {
            touched.roots.insert((owner, other));
        }
        if other != 0 {
            touched.objects.insert((owner, other));
        }
    }
    Ok(())
}

/// Relations as families: an index and an identity's sequence stand for their table, a parent brings its descendants, temporary
/// and TOAST tables are left out.
pub(super) fn resolve_relations(spi: &Spi, relations: &[u32], touched: &mut Touched) -> Result<()> {
    let rows = spi.query(
        "SELECT c.oid, c.relkind, c.relhassubclass, coalesce(i.indrelid, s.refobjid, 0::oid), c.relpersistence, c.reltype
           FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
           LEFT JOIN pg_catalog.pg_depend s ON c.relkind = 'S' AND s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.objid = c.oid
                AND s.refclassid = s.classid AND s.deptype = 'i'
          WHERE c.oid = ANY ($1)",
        &[Arg::Oids(relations)],
        See::Latest,
    )?;
    let mut parents = Vec::new();
    for row in rows {
        let (oid, relkind, index_of) = (row.int(0) as u32, row.text(1), row.int(3) as u32);
        if row.text(4) == "t" {
            continue;
        }
        match relkind.as_str() {
            "i" | "I" => {
                touched.roots.insert((class::RELATION, index_of));
                if relkind == "I" {
                    parents.push(index_of);
                }
            }
            // The sequence of an identity column is a part of its table.
            "S" if index_of != 0 => {
                touched.roots.insert((class::RELATION, index_of));
            }
            "r" | "p" | "f" | "v" | "m" | "S" | "c" => {
                touched.roots.insert((class::RELATION, oid));
                touched.objects.insert((class::RELATION, oid));
                if row.int(5) != 0 {
                    touched.objects.insert((class::TYPE, row.int(5) as u32));
                }
                if row.bool(2) {
                    parents.push(oid);
                }
            }
            _ => {}
        }
    }
    if !parents.is_empty() {
        let rows = spi.query(
            "WITH RECURSIVE t(oid) AS (SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = ANY ($1)
               UNION SELECT i.inhrelid FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid) SELECT t.oid FROM t",
            &[Arg::Oids(&parents)],
            See::Latest,
        )?;
        for row in rows {
            touched.roots.insert((class::RELATION, row.int(0) as u32));
        }
    }
    Ok(())
}

/// Families of what depends on the touched objects.
pub(super) fn dependents(spi: &Spi, touched: &mut Touched, only_views: bool) -> Result<()> {
    let oids: Vec<u32> = touched.objects.iter().map(|(_, oid)| *oid).collect();
    if oids.is_empty() {
        return Ok(());
    }
    // A schema's and an extension's objects hold no text that names them.
    let named = |class: u32| !matches!(class, class::SCHEMA | class::EXTENSION);
    let pairs: Vec<u32> = touched.objects.iter().filter(|(class, _)| named(*class)).flat_map(|&(class, oid)| [class, oid]).collect();
    let rows = if only_views {
        spi.query(
            "SELECT DISTINCT d.refclassid, d.refobjid, d.classid, d.objid FROM pg_catalog.pg_depend d
              WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = ANY ($1)
                AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass",
            &[Arg::Oids(&oids)],
            See::Latest,
        )?
    } else {
        spi.query(
            // One look-up for each, as in sql/catalog/edge.sql.
            "SELECT DISTINCT d.refclassid, d.refobjid, d.classid, d.objid
               FROM pg_catalog.generate_series(1, pg_catalog.cardinality($1), 2) k
              CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_depend e WHERE e.refclassid = ($1)[k] AND e.refobjid = ($1)[k + 1] OFFSET 0) d
              WHERE d.deptype <> 'e'",
            &[Arg::Oids(&pairs)],
            See::Latest,
        )?
    };
    let mut relations = Vec::new();
    let mut inner: HashMap<u32, Vec<u32>> = HashMap::new();
    let (mut members, mut routines): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for row in rows {
        if !touched.objects.contains(&(row.int(0) as u32, row.int(1) as u32)) {
            continue;
        }
        let (classid, objid) = (row.int(2) as u32, row.int(3) as u32);
        match classid {
            class::RELATION => relations.push(objid),
            class::ROUTINE | class::FOREIGN_DATA_WRAPPER | class::SERVER | class::USER_MAPPING | class::EVENT_TRIGGER => {
                touched.roots.insert((classid, objid));
                if row.int(0) as u32 == class::TYPE {
                    routines.push(objid);
                }
            }
            class::PUBLICATION_TABLE => inner.entry(classid).or_default().push(objid),
            class::TYPE | class::CONSTRAINT | class::TRIGGER | class::POLICY | class::REWRITE | class::DEFAULT | class::STATISTICS => {
                inner.entry(classid).or_default().push(objid);
            }
            class::MEMBER_OPERATOR | class::MEMBER_FUNCTION => {
                members.push(objid);
            }
            classid if class::stands_alone(classid) => {
                touched.roots.insert((classid, objid));
            }
            _ => {}
        }
    }
    if !routines.is_empty() {
        // What names a function by its arguments names their types.
        let rows = spi.query(
            "SELECT DISTINCT d.classid, d.objid FROM pg_catalog.pg_depend d
              WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = ANY ($1)
                AND d.classid = ANY ('{pg_cast,pg_amop,pg_amproc}'::pg_catalog.regclass[])",
            &[Arg::Oids(&routines)],
            See::Latest,
        )?;
        for row in rows {
            match (row.int(0) as u32, row.int(1) as u32) {
                (class::CAST, objid) => {
                    touched.roots.insert((class::CAST, objid));
                }
                (_, objid) => members.push(objid),
            }
        }
    }
    if !members.is_empty() {
        families_of(spi, &members, touched)?;
    }
    for (classid, oids) in inner {
        owners(spi, classid, &oids, &mut relations, touched)?;
    }
    if !relations.is_empty() {
        resolve_relations(spi, &relations, touched)?;
    }
    Ok(())
}

/// The operator families, and their classes, that these members belong to.
fn families_of(spi: &Spi, members: &[u32], touched: &mut Touched) -> Result<()> {
    let rows = spi.query(
        "WITH f(oid) AS (SELECT a.amopfamily FROM pg_catalog.pg_amop a WHERE a.oid = ANY ($1)
           UNION SELECT a.amprocfamily FROM pg_catalog.pg_amproc a WHERE a.oid = ANY ($1))
         SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass::oid, f.oid FROM f
         UNION ALL SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass::oid, c.oid FROM f JOIN pg_catalog.pg_opclass c ON c.opcfamily = f.oid",
        &[Arg::Oids(members)],
        See::Latest,
    )?;
    touched.roots.extend(rows.iter().map(|row| (row.int(0) as u32, row.int(1) as u32)).filter(|(_, oid)| *oid >= 16384));
    Ok(())
}

/// GRANT and REVOKE report nothing that could be looked up: the rows that they wrote carry their XID.
pub(super) fn granted(spi: &Spi, touched: &mut Touched) -> Result<()> {
    let xid = command::current_xid().to_string();
    let rows = spi.query(
        "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid FROM pg_catalog.pg_class c WHERE c.xmin = $1::xid AND c.relpersistence <> 't'
         UNION SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, a.attrelid FROM pg_catalog.pg_attribute a
               JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE a.xmin = $1::xid AND c.relpersistence <> 't'
         UNION SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::oid, p.oid FROM pg_catalog.pg_proc p WHERE p.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_type'::pg_catalog.regclass::oid, t.oid FROM pg_catalog.pg_type t WHERE t.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_language'::pg_catalog.regclass::oid, l.oid FROM pg_catalog.pg_language l WHERE l.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, n.oid FROM pg_catalog.pg_namespace n WHERE n.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass::oid, w.oid FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.xmin = $1::xid
         UNION SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass::oid, s.oid FROM pg_catalog.pg_foreign_server s WHERE s.xmin = $1::xid",
        &[Arg::Text(&xid)],
        See::Latest,
    )?;
    touched.roots.extend(rows.iter().map(|row| (row.int(0) as u32, row.int(1) as u32)));
    Ok(())
}
