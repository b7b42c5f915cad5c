//! The catalog reader over an asynchronous connection: the queries are sent at once, in one snapshot, and read
//! when all answers are there.

use crate::catalog::{self, Aspects, Cell, Malformed, Reader, Rows};
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

/// How often answers may lead to further questions: three times do, in every catalog.
const ROUNDS: usize = 16;

/// A query, and the objects that it asks for.
type Question = (&'static str, Option<Vec<u32>>);

/// What was answered so far. A query that was not asked yet is answered with nothing, and noted.
struct Fetched {
    major: u32,
    rows: HashMap<Question, Rows>,
    wanted: HashSet<Question>,
    /// The names of those queries that bring nothing in most databases and something here.
    census: HashSet<String>,
}

impl Reader for Fetched {
    type Error = Malformed;

    fn major(&self) -> u32 {
        self.major
    }

    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> Result<Rows, Malformed> {
        let question = (sql, oids.map(<[u32]>::to_vec));
        if let Some(rows) = self.rows.get(&question) {
            return Ok(rows.clone());
        }
        self.wanted.insert(question);
        Ok(Rows::default())
    }

    fn known(&mut self, query: &'static str, oids: Option<&[u32]>) -> Option<Rows> {
        (oids.is_none() && catalog::seldom(query) && !self.census.contains(query)).then(Rows::default)
    }
}

/// The catalogs of a member, as far as they were read. The connection is in a transaction of one snapshot, under the
/// pinned settings.
pub struct Catalogs {
    client: Rc<Client>,
    fetched: Fetched,
    total: usize,
}

impl Catalogs {
    /// Nothing is read yet but what there is to read.
    pub async fn begin(client: &Rc<Client>, major: u32) -> Result<Self, Failure> {
        if !crate::model::MAJORS.contains(&major) {
            let cause = Cause::new("unsupported", format!("PostgreSQL {major} is not read by this version of pg_accord"));
            return Err(lost(cause.hint("Majors 14 to 18 are.")));
        }
        let census = client.query_typed(&catalog::census(), &[]).await.map_err(|error| describe(&error, None))?;
        let census = census.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(|error| malformed(error.to_string()))?;
        let fetched = Fetched { major, rows: HashMap::new(), wanted: HashSet::new(), census };
        Ok(Self { client: client.clone(), fetched, total: 0 })
    }

    /// All facts, without what they depend on: that is what fingerprints are made of.
    pub async fn read_unlinked(&mut self) -> Result<Vec<Fact>, Failure> {
        self.read(Aspects::ALL - Aspects::EDGES).await
    }

    /// All facts whole; what was read before is not read again.
    pub async fn read_all(&mut self) -> Result<Vec<Fact>, Failure> {
        self.read(Aspects::ALL).await
    }

    async fn read(&mut self, aspects: Aspects) -> Result<Vec<Fact>, Failure> {
        let Self { client, fetched, total } = self;
        for _ in 0..ROUNDS {
            // Which queries there are shows in a reading of nothing; which objects others ask for, in one of the lists.
            let read = catalog::read_full(fetched, aspects);
            if fetched.wanted.is_empty() {
                return read.map(|read| read.facts).map_err(|error| malformed(error.to_string()));
            }
            let mut asked = JoinSet::new();
            for question in fetched.wanted.drain() {
                let client = client.clone();
                asked.spawn_local(async move {
                    let answer = match &question.1 {
                        Some(oids) => client.query_typed(question.0, &[(oids, Type::OID_ARRAY)]).await,
                        None => client.query_typed(question.0, &[]).await,
                    };
                    (question, answer)
                });
            }
            while let Some(answer) = asked.join_next().await {
                let (question, rows) = answer.map_err(|error| lost(Cause::new("internal", error.to_string())))?;
                let rows = rows.map_err(|error| describe(&error, None))?;
                *total += rows.len();
                if *total > MAX_ROWS {
                    return Err(lost(Cause::new("malformed", "its catalogs hold more rows than any schema has")));
                }
                fetched.rows.insert(question, flat(&rows).map_err(|error| malformed(error.to_string()))?);
            }
        }
        Err(malformed("its answers lead to ever new questions".to_owned()))
    }
}

fn malformed(what: String) -> Failure {
    lost(Cause::new("malformed", "its catalogs are not as PostgreSQL's are").detail(what))
}

fn flat(rows: &[tokio_postgres::Row]) -> Result<Rows, tokio_postgres::Error> {
    let mut flat = Rows::new(rows.first().map_or(0, tokio_postgres::Row::len));
    for row in rows {
        for i in 0..row.len() {
            flat.cell(row.try_get::<_, Value>(i)?.0);
        }
    }
    Ok(flat)
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
