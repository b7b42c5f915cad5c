//! A table that a command has just made, without a query: nobody else can see it, so the catalogs'
//! own indexes tell what the queries would, and an executor need not be started for each.
//!
//! The rows are those of `sql/catalog/*.sql`, so that one reader makes facts of both. What a new table
//! seldom has (another access method, privileges by default, a collation of its own, storage parameters) is
//! left to the queries.

use crate::catalog::{self, Cell, Row, Rows};
use crate::pg::spi::Cells;
use crate::pg::{class, scan};
use std::collections::HashMap;
use std::ffi::CStr;

/// `pg_am`'s heap.
const HEAP: i64 = 2;

fn integer(value: u32) -> Cell {
    Cell::Int(i64::from(value))
}

/// The new table, and what its columns said.
pub(super) struct Fresh {
    table: u32,
    /// By column number: name, identity, generated.
    columns: HashMap<i64, [Cell; 3]>,
}

impl Fresh {
    pub(super) fn new(table: u32) -> Self {
        Self { table, columns: HashMap::new() }
    }

    /// The rows of a query of the catalog's, where they are about this table alone and plain enough.
    pub(super) fn rows(&mut self, query: &str, oids: &[u32]) -> Option<Rows> {
        let rows = match (query, oids) {
            ("edge", pairs) => edges(pairs),
            (_, [table]) if *table != self.table => return None,
            ("relation", [_]) => self.relation()?,
            ("column", [_]) => self.columns()?,
            ("default", [_]) => self.defaults()?,
            ("identity", [_]) => self.identities()?,
            ("constraint", [_]) => self.constraints()?,
            _ => return None,
        };
        Some(flat(rows))
    }

    fn of_class(oid: u32, columns: &[&CStr]) -> Option<Row> {
        const BY_OID: u32 = 2662;
        scan::rows(class::RELATION, Some(BY_OID), &[(c"oid", oid)], columns).pop()
    }

    fn relation(&self) -> Option<Vec<Row>> {
        let columns: &[&CStr] = &[
            c"relname",
            c"relkind",
            c"relpersistence",
            c"reltype",
            c"relhasindex",
            c"relhastriggers",
            c"relhasrules",
            c"relrowsecurity",
            c"relforcerowsecurity",
            c"relreplident",
            c"relispopulated",
            // What only the queries follow.
            c"relnamespace",
            c"relowner",
            c"reltoastrelid",
            c"relam",
            c"reltablespace",
            c"reloftype",
            c"relispartition",
            c"reloptions",
            c"relacl",
        ];
        let row = Self::of_class(self.table, columns)?;
        let [kind, persistence, identity] = [1, 2, 9].map(|i| row.text(i));
        let toast = match row.int(13) {
            0 => Cell::Null,
            oid => Self::of_class(oid as u32, &[c"reloptions"])?.pop()?,
        };
        let plain = kind == "r" && persistence != "t" && identity != "i" && row.int(14) == HEAP && row.int(15) == 0 && row.int(16) == 0;
        if !plain || row.bool(17) || !row.is_null(18) || !row.is_null(19) {
            return None;
        }
        let schema = scan::schema_name(row.int(11) as u32);
        if matches!(&schema, Cell::Text(name) if catalog::leaves_out(name)) {
            return Some(Vec::new());
        }
        let owner = scan::role_name(row.int(12) as u32);
        let mut cells = row.into_iter();
        let mut next = || cells.next().unwrap_or(Cell::Null);
        let (name, kind, persistence, row_type) = (next(), next(), next(), next());
        let mut relation = vec![integer(self.table), schema, name, kind, persistence, Cell::Bool(false), row_type, next(), next(), next()];
        // Storage parameters, those of its TOAST table, access method, tablespace.
        relation.extend([Cell::Null, toast, Cell::Null, Cell::Null]);
        relation.extend([next(), next(), Cell::Null, next()]);
        // The index of its replica identity, partition key and bound, server and its options.
        relation.extend([const { Cell::Null }; 5]);
        relation.extend([next(), owner, Cell::Null, Cell::Null]);
        Some(vec![relation])
    }

    fn columns(&mut self) -> Option<Vec<Row>> {
        const BY_RELATION: u32 = 2659;
        let columns: &[&CStr] = &[
            c"attnum",
            c"attname",
            c"attnotnull",
            c"attcompression",
            c"attstattarget",
            c"attoptions",
            c"attfdwoptions",
            c"attislocal",
            c"atthasdef",
            c"attidentity",
            // What only the queries follow.
            c"attgenerated",
            c"atttypid",
            c"atttypmod",
            c"attcollation",
            c"attstorage",
            c"attinhcount",
            c"attisdropped",
            c"attacl",
        ];
        let mut rows = Vec::new();
        for row in scan::rows(class::ATTRIBUTE, Some(BY_RELATION), &[(c"attrelid", self.table)], columns) {
            let number = row.int(0);
            if number <= 0 || row.bool(16) {
                continue;
            }
            let (data_type, modifier, collation) = (row.int(11) as u32, row.int(12) as i32, row.int(13) as u32);
            let (storage, own_collation) = scan::type_settings(data_type);
            if collation != 0 && collation != own_collation || !row.is_null(17) {
                return None;
            }
            let of_type = row.text(14).starts_with(storage);
            let target = row.maybe_int(4).filter(|target| *target != -1).map_or(Cell::Null, Cell::Int);
            let inherited = row.int(15) > 0;
            self.columns.insert(number, [1, 9, 10].map(|i| row[i].clone()));
            let [number, name, not_null, compression, _, options, foreign_options, local, has_default, identity, .., storage, _, _, _] =
                <[Cell; 18]>::try_from(row).ok()?;
            let data_type = scan::format_type(data_type, Some(modifier));
            let storage = if of_type { Cell::Null } else { storage };
            let mut column = vec![integer(self.table), number, name, data_type, Cell::Null, not_null, storage, compression, target];
            column.extend([options, foreign_options, Cell::Bool(inherited), local, has_default, identity, Cell::Null]);
            rows.push(column);
        }
        Some(rows)
    }

    fn defaults(&self) -> Option<Vec<Row>> {
        const BY_COLUMN: u32 = 2656;
        let rows = scan::rows(class::DEFAULT, Some(BY_COLUMN), &[(c"adrelid", self.table)], &[c"oid", c"adnum", c"adbin"]);
        let default = |row: Row| {
            let [name, _, generated] = self.columns.get(&row.int(1))?.clone();
            let expression = scan::expression(&row.text(2), self.table);
            let mut cells = row.into_iter();
            Some(vec![cells.next()?, integer(self.table), cells.next()?, name, generated, expression])
        };
        rows.into_iter().map(default).collect()
    }

    fn identities(&self) -> Option<Vec<Row>> {
        const BY_SEQUENCE: u32 = 5002;
        let mut rows = Vec::new();
        for row in scan::referring(class::RELATION, self.table, &[c"classid", c"deptype", c"objid", c"refobjsubid"]) {
            if row.int(0) != i64::from(class::RELATION) || row.text(1) != "i" {
                continue;
            }
            let oid = row.int(2) as u32;
            let named = Self::of_class(oid, &[c"relkind", c"relnamespace", c"relname", c"relpersistence"])?;
            if named.text(0) != "S" {
                continue;
            }
            let options: &[&CStr] = &[c"seqtypid", c"seqstart", c"seqincrement", c"seqmin", c"seqmax", c"seqcache", c"seqcycle"];
            let mut sequence = scan::rows(class::SEQUENCE, Some(BY_SEQUENCE), &[(c"seqrelid", oid)], options).pop()?;
            sequence[0] = scan::format_type(sequence.int(0) as u32, None);
            let [name, identity, _] = self.columns.get(&row.int(3))?.clone();
            let mut cells = vec![integer(self.table), name, identity, integer(oid), scan::schema_name(named.int(1) as u32)];
            cells.extend(named.into_iter().skip(2).chain(sequence));
            rows.push(cells);
        }
        Some(rows)
    }

    fn constraints(&self) -> Option<Vec<Row>> {
        const BY_RELATION: u32 = 2665;
        let columns: &[&CStr] = &[
            c"oid",
            c"conname",
            c"contype",
            c"convalidated",
            c"coninhcount",
            c"conislocal",
            c"confrelid",
            c"conindid",
            c"conparentid",
            #[cfg(feature = "pg18")]
            c"conenforced",
        ];
        let mut rows = Vec::new();
        for row in scan::rows(class::CONSTRAINT, Some(BY_RELATION), &[(c"conrelid", self.table)], columns) {
            let kind = row.text(2);
            if row.int(8) != 0 || !["p", "u", "x", "f", "c", "n"].contains(&kind.as_str()) {
                return None;
            }
            let enforced = row.get(9).cloned().unwrap_or(Cell::Bool(true));
            let mut index = [Cell::Null, Cell::Null];
            if ["p", "u", "x"].contains(&kind.as_str()) {
                let oid = row.int(7) as u32;
                let settings = Self::of_class(oid, &[c"reltablespace", c"reloptions"])?;
                if settings.int(0) != 0 {
                    return None;
                }
                index = [integer(oid), settings.into_iter().nth(1)?];
            }
            let definition = scan::constraint_definition(row.int(0) as u32);
            let inherited = row.int(4) > 0;
            let [oid, name, kind, validated, _, local, referenced] =
                <[Cell; 7]>::try_from(row.into_iter().take(7).collect::<Row>()).ok()?;
            let mut cells = vec![oid, integer(self.table), name, kind, definition, validated, enforced, Cell::Bool(inherited), local];
            cells.push(referenced);
            cells.extend(index);
            // Tablespace, clustered, the partitioned index that it belongs to.
            cells.extend([Cell::Null, Cell::Bool(false), Cell::Null]);
            rows.push(cells);
        }
        Some(rows)
    }
}

fn flat(rows: Vec<Row>) -> Rows {
    let mut flat = Rows::new(rows.first().map_or(0, Vec::len));
    rows.into_iter().flatten().for_each(|cell| flat.cell(cell));
    flat
}

/// As edge.sql: of pairs of catalog and object.
fn edges(pairs: &[u32]) -> Vec<Row> {
    let users = |oid: i64| oid >= i64::from(pgrx::pg_sys::FirstNormalObjectId);
    let mut rows = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let columns: &[&CStr] = &[c"classid", c"objid", c"objsubid", c"refclassid", c"refobjid", c"refobjsubid", c"deptype"];
        for mut row in scan::referred(pair[0], pair[1], columns) {
            let ordinary = ["n", "a", "i", "P", "S"].contains(&row.text(6).as_str());
            let of_schema = row.int(3) == i64::from(class::SCHEMA) && row.int(0) != i64::from(class::EXTENSION);
            if ordinary && !of_schema && users(row.int(1)) && users(row.int(4)) {
                row.truncate(6);
                rows.push(row);
            }
        }
    }
    rows
}
