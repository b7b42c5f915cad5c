//! The catalog reader over a client connection.

use crate::support::{Cluster, Options};
use pg_accord::catalog::{Cell, FILTERED_SETTINGS, Malformed, PINNED_SETTINGS, Reader, Rows};
use pg_accord::model::Fact;
use postgres::types::{FromSql, Type};
use postgres::{Client, NoTls, Statement};
use std::collections::HashMap;
use std::sync::LazyLock;

/// A reader that keeps its plans and notes what it was asked.
pub struct ClientReader<'c> {
    pub client: &'c mut Client,
    major: u32,
    plans: HashMap<usize, Statement>,
    /// The queries that ran, in order.
    pub asked: Vec<(&'static str, Option<Vec<u32>>)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("{0}: {1}")]
    Postgres(String, postgres::Error),
}

impl<'c> ClientReader<'c> {
    /// On a connection that cannot be asked for its major.
    #[allow(dead_code)]
    pub fn new_in(client: &'c mut Client, major: u32) -> Self {
        Self { client, major, plans: HashMap::new(), asked: Vec::new() }
    }

    pub fn new(client: &'c mut Client) -> Self {
        let version: String = client.query_one("SHOW server_version_num", &[]).unwrap().get(0);
        Self { client, major: version.parse::<u32>().unwrap() / 10000, plans: HashMap::new(), asked: Vec::new() }
    }
}

impl Reader for ClientReader<'_> {
    type Error = ClientError;

    fn major(&self) -> u32 {
        self.major
    }

    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> Result<Rows, ClientError> {
        self.asked.push((sql, oids.map(<[u32]>::to_vec)));
        let failed = |error| ClientError::Postgres(sql.to_owned(), error);
        let key = sql.as_ptr() as usize;
        if !self.plans.contains_key(&key) {
            let plan = self.client.prepare(sql).map_err(failed)?;
            self.plans.insert(key, plan);
        }
        let plan = self.plans[&key].clone();
        let found = match oids {
            Some(oids) => self.client.query(&plan, &[&oids]),
            None => self.client.query(&plan, &[]),
        };
        let mut rows = Rows::new(plan.columns().len());
        for row in found.map_err(failed)? {
            for i in 0..row.len() {
                rows.cell(row.get::<_, Value>(i).0);
            }
        }
        Ok(rows)
    }
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
            Type::CHAR => Cell::Text(char::from(raw[0]).to_string()),
            Type::TEXT | Type::NAME => Cell::Text(String::from_sql(ty, raw)?),
            Type::TEXT_ARRAY => Cell::TextArray(Vec::from_sql(ty, raw)?),
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

static SERVER: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::start(Options { name: "catalog", conf: &[("shared_preload_libraries", "")], durable: false }));

/// The connection string of the server that `ACCORD_TEST_CONNINFO` names, by default of a throwaway one.
#[allow(clippy::unnecessary_wraps)] // a server may be missing one day
pub fn conninfo() -> Option<String> {
    Some(std::env::var("ACCORD_TEST_CONNINFO").unwrap_or_else(|_| SERVER.conninfo("postgres")))
}

/// As [`reading`], of a new database.
pub fn fresh(conninfo: &str, name: &str) -> Client {
    let mut admin = Client::connect(conninfo, NoTls).unwrap();
    for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")]
    {
        admin.batch_execute(&sql).unwrap();
    }
    reading(conninfo, name)
}

/// A connection to this database, under the settings that readers run under.
pub fn reading(conninfo: &str, name: &str) -> Client {
    let mut config: postgres::Config = conninfo.parse().unwrap();
    let mut client = config.dbname(name).connect(NoTls).unwrap();
    for (name, value) in PINNED_SETTINGS.iter().chain(FILTERED_SETTINGS) {
        client.execute("SELECT set_config($1, $2, false)", &[name, value]).unwrap();
    }
    client
}

/// The facts as PostgreSQL 15 has them, which expectations are written for: what newer majors read beyond is
/// compared between majors.
pub fn as_on_15(facts: &[Fact]) -> Vec<Fact> {
    facts.iter().filter_map(|fact| fact.within(15)).collect()
}

/// Roles that the tests' schemas name; they are the server's, so they stay.
pub fn roles(client: &mut Client) {
    let sql = "DO $$ BEGIN
        PERFORM pg_advisory_xact_lock(4711);
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'accord_alice') THEN
            CREATE ROLE accord_alice; CREATE ROLE accord_bob; CREATE ROLE \"Accord, \"\"Carol\"\"\";
        END IF; END $$";
    client.batch_execute(sql).unwrap();
}
