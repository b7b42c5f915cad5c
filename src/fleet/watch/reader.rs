//! The catalog reader over an asynchronous connection: the queries are sent at once, in one snapshot, and read
//! when all answers are there.

use crate::catalog::{self, Cell, Malformed, Reader, Row};
use crate::model::Fact;
use crate::worker::messages::Cause;
use crate::worker::transport::Failure;
use crate::worker::transport::push::{describe, lost};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use tokio_postgres::types::{FromSql, Type};

/// Rows of one database beyond which it is not read: two hundred times what 10,000 tables have.
const MAX_ROWS: usize = 50_000_000;

/// What was answered so far.
struct Fetched {
    major: u32,
    rows: HashMap<&'static str, Vec<Row>>,
    wanted: Vec<&'static str>,
    /// Only the texts are wanted: every query is answered with nothing.
    rehearsal: bool,
}

enum Unread {
    /// A query that was not asked yet.
    Wanted,
    Malformed(Malformed),
}

impl From<Malformed> for Unread {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl Reader for Fetched {
    type Error = Unread;

    fn major(&self) -> u32 {
        self.major
    }

    fn rows(&mut self, sql: &'static str, _oids: Option<&[u32]>) -> Result<Vec<Row>, Unread> {
        if let Some(rows) = self.rows.get(sql) {
            return Ok(rows.clone());
        }
        self.wanted.push(sql);
        if self.rehearsal { Ok(Vec::new()) } else { Err(Unread::Wanted) }
    }
}

/// Reads all facts. The connection is in a transaction of one snapshot, under the pinned settings.
pub async fn read_all(client: &Rc<Client>, major: u32) -> Result<Vec<Fact>, Failure> {
    if !crate::model::MAJORS.contains(&major) {
        let cause = Cause::new("unsupported", format!("PostgreSQL {major} is not read by this version of pg_accord"));
        return Err(lost(cause.hint("Majors 14 to 18 are.")));
    }
    let mut fetched = Fetched { major, rows: HashMap::new(), wanted: Vec::new(), rehearsal: true };
    // Which queries there are shows in a reading of nothing; what that does not show is asked for one by one.
    let _ = catalog::read_all(&mut fetched);
    fetched.rehearsal = false;
    let mut total = 0;
    loop {
        let wanted: HashSet<&'static str> = std::mem::take(&mut fetched.wanted).into_iter().collect();
        let mut asked = JoinSet::new();
        for sql in wanted {
            let client = client.clone();
            asked.spawn_local(async move { (sql, client.query(sql, &[]).await) });
        }
        while let Some(answer) = asked.join_next().await {
            let (sql, rows) = answer.map_err(|error| lost(Cause::new("internal", error.to_string())))?;
            let rows = rows.map_err(|error| describe(&error, None))?;
            total += rows.len();
            if total > MAX_ROWS {
                return Err(lost(Cause::new("malformed", "its catalogs hold more rows than any schema has")));
            }
            let rows = rows.iter().map(cells).collect::<Result<_, _>>().map_err(|error| malformed(error.to_string()))?;
            fetched.rows.insert(sql, rows);
        }
        match catalog::read_all(&mut fetched) {
            Ok(read) => return Ok(read.facts),
            Err(Unread::Malformed(error)) => return Err(malformed(error.to_string())),
            Err(Unread::Wanted) => {}
        }
    }
}

fn malformed(what: String) -> Failure {
    lost(Cause::new("malformed", "its catalogs are not as PostgreSQL's are").detail(what))
}

fn cells(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    (0..row.len()).map(|i| row.try_get::<_, Value>(i).map(|value| value.0)).collect()
}

struct Value(Cell);

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::BOOL => Cell::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Cell::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Cell::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::OID => Cell::Int(u32::from_sql(ty, raw)?.into()),
            Type::CHAR => Cell::Text(raw.first().map_or_else(String::new, |byte| char::from(*byte).to_string())),
            Type::TEXT | Type::NAME => Cell::Text(String::from_sql(ty, raw)?),
            Type::TEXT_ARRAY => Cell::TextArray(Vec::from_sql(ty, raw)?),
            Type::BYTEA => Cell::Bytes(raw.to_vec()),
            ref other => return Err(format!("a catalog query returns a {other}").into()),
        }))
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Cell::Null))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}
