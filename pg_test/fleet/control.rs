//! A control database with its watch, and members beside it.

use crate::support::link::{batch, describe, scalar};
use crate::support::{Cluster, Options};
use postgres::Client;
use postgres::types::ToSql;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

/// One server for the tests that end no process of it.
static SHARED: LazyLock<Arc<Ground>> = LazyLock::new(|| Ground::start("fleet", &[]));

/// A server with control databases and members.
pub struct Ground {
    pub cluster: Cluster,
    served: Mutex<Vec<String>>,
    count: AtomicU32,
}

impl Ground {
    pub fn start(name: &str, conf: &[(&str, &str)]) -> Arc<Self> {
        // Each control database has a worker and a watch, and stays.
        let mut all = vec![("accord.fleet_interval", "0"), ("max_worker_processes", "128")];
        all.extend(conf);
        let cluster = Cluster::start(Options { name, conf: &all, durable: false });
        Arc::new(Self { cluster, served: Mutex::default(), count: AtomicU32::new(1) })
    }
}

/// A fleet of one test: nothing is compared but what the test asks for.
pub struct Fleet {
    pub ground: Arc<Ground>,
    /// The control database; members are named after it.
    pub db: String,
    pub client: Client,
}

impl Fleet {
    pub fn shared() -> Self {
        Self::on(SHARED.clone())
    }

    pub fn on(ground: Arc<Ground>) -> Self {
        let db = format!("control{}", ground.count.fetch_add(1, Ordering::SeqCst));
        ground.cluster.createdb(&db);
        let mut client = ground.cluster.client(&db);
        batch(&mut client, "CREATE EXTENSION pg_accord");
        {
            let mut served = ground.served.lock().expect("served");
            served.push(db.clone());
            ground.cluster.serve(&served);
        }
        crate::support::wait_until("the control database has its worker", || scalar(&mut client, "SELECT accord.worker_running()"));
        Self { ground, db, client }
    }

    /// The database of a member.
    pub fn database(&self, name: &str) -> String {
        format!("{}_{name}", self.db)
    }

    /// A client of a member.
    pub fn member(&self, name: &str) -> Client {
        self.ground.cluster.client(&self.database(name))
    }

    /// Creates a database with this schema, and makes it a member.
    #[track_caller]
    pub fn add(&mut self, name: &str, labels: &str, schema: &str) {
        self.ground.cluster.createdb(&self.database(name));
        batch(&mut self.member(name), schema);
        let conninfo = self.ground.cluster.socket_conninfo(&self.database(name));
        self.add_at(name, &conninfo, labels);
    }

    #[track_caller]
    pub fn add_at(&mut self, name: &str, conninfo: &str, labels: &str) {
        self.execute("SELECT accord.add_database($1, $2, $3::text::jsonb)", &[&name, &conninfo, &labels]);
    }

    /// Runs SQL in a member's database.
    #[track_caller]
    pub fn there(&self, name: &str, sql: &str) {
        batch(&mut self.member(name), sql);
    }

    #[track_caller]
    pub fn execute(&mut self, sql: &str, arguments: &[&(dyn ToSql + Sync)]) {
        self.client.query(sql, arguments).unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    }

    /// Has the whole fleet compared, and waits.
    #[track_caller]
    pub fn compare(&mut self) {
        self.execute("SELECT accord.compare()", &[]);
        self.wait();
    }

    #[track_caller]
    pub fn wait(&mut self) {
        if let Err(error) = self.client.query("SELECT accord.wait_for_fleet(timeout => '5 min')", &[]) {
            panic!("{}\n{}", describe(&error), self.ground.cluster.log_tail(30));
        }
    }

    /// Rows of texts.
    #[track_caller]
    pub fn rows(&mut self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
        rows.iter()
            .map(|row| (0..row.len()).map(|i| row.get::<_, Option<String>>(i).unwrap_or_default()).collect::<Vec<_>>().join(" | "))
            .collect()
    }

    /// `database | verdict | version` of every member.
    #[track_caller]
    pub fn verdicts(&mut self) -> Vec<String> {
        self.rows("SELECT database, verdict, version FROM accord.verdicts ORDER BY database, baseline")
    }

    /// The alarms once they say what the verdicts do.
    #[track_caller]
    pub fn alarms(&mut self, expected: &[&str]) {
        let sql = "SELECT severity, state, alarm FROM accord.alarms WHERE state <> 'resolved'";
        let mut found = Vec::new();
        let met = crate::support::eventually(std::time::Duration::from_secs(20), || {
            found = self.rows(sql);
            (found == expected).then_some(())
        });
        assert!(met.is_some(), "expected {expected:#?}, found {found:#?}");
    }

    /// Leads a selection to a baseline, and waits.
    #[track_caller]
    pub fn conform(&mut self, selection: &str, baseline: &str, options: &str) -> Result<(), String> {
        let rows = self
            .client
            .query("SELECT DISTINCT conform FROM accord.conform($1, $2, false, $3::text::jsonb)", &[&selection, &baseline, &options])
            .map_err(|error| describe(&error))?;
        let Some(id) = rows.first().map(|row| row.get::<_, Option<i64>>(0)) else { return Ok(()) };
        self.client.query("SELECT accord.wait_for_conform($1, '2 min')", &[&id]).map(|_| ()).map_err(|error| describe(&error))?;
        self.wait();
        Ok(())
    }
}

/// A small shop.
pub const SHOP: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.customers (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE shop.orders (id int PRIMARY KEY, customer int REFERENCES shop.customers, state text DEFAULT 'new', total numeric(10,2));
    CREATE INDEX orders_state ON shop.orders (state);
    CREATE VIEW shop.open AS SELECT o.id, c.name FROM shop.orders o JOIN shop.customers c ON c.id = o.customer WHERE o.state = 'new';";
