//! Two clusters, and in them a source database with a replica of its own for each test.

use super::{Cluster, Options, dump, eventually};
use postgres::Client;
use postgres::error::DbError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// The name by which every test's source knows its replica.
pub const REPLICA: &str = "warehouse";

/// A transactional and an analytical server.
pub struct Pair {
    /// Where sources are.
    pub source: Cluster,
    /// Where replicas are.
    pub replica: Cluster,
    served: Mutex<Vec<String>>,
    count: AtomicU32,
}

static SHARED: LazyLock<Arc<Pair>> = LazyLock::new(|| Pair::start("shared", &[]));

impl Pair {
    /// The pair that tests share which end no process of it.
    pub fn shared() -> Arc<Self> {
        SHARED.clone()
    }

    /// A pair for one test.
    pub fn own(name: &str) -> Arc<Self> {
        Self::start(name, &[])
    }

    /// A pair for one test, with settings for both servers.
    pub fn start(name: &str, conf: &[(&str, &str)]) -> Arc<Self> {
        Self::with(name, conf, false)
    }

    /// A pair whose writes reach the disk.
    pub fn durable(name: &str, conf: &[(&str, &str)]) -> Arc<Self> {
        Self::with(name, conf, true)
    }

    fn with(name: &str, conf: &[(&str, &str)], durable: bool) -> Arc<Self> {
        let (source, replica) = (format!("{name} source"), format!("{name} replica"));
        let start = |name| Cluster::start(Options { name, conf, durable });
        Self::of(start(&source), start(&replica))
    }

    /// A source and a replica of these majors.
    pub fn of_majors(source: u32, replica: u32) -> Arc<Self> {
        let start = |major, what| Cluster::start_major(major, Options { name: &format!("{what} on {major}"), ..Options::default() });
        Self::of(start(source, "source"), start(replica, "replica"))
    }

    /// A source and a replica of which one, or both, run an earlier release; none where `make released` has not
    /// put it here.
    pub fn of_releases(source: Option<&str>, replica: Option<&str>) -> Option<Arc<Self>> {
        let start = |release: Option<&str>, name: &str| {
            let options = Options { name, ..Options::default() };
            match release {
                Some(version) => Cluster::start_released(version, options),
                None => Some(Cluster::start(options)),
            }
        };
        Some(Self::of(start(source, "release source")?, start(replica, "release replica")?))
    }

    fn of(source: Cluster, replica: Cluster) -> Arc<Self> {
        Arc::new(Self { source, replica, served: Mutex::default(), count: AtomicU32::new(1) })
    }

    /// Adds a database to those that the source's workers serve.
    pub fn serve(&self, database: &str) {
        let mut served = self.served.lock().expect("served");
        served.push(database.to_owned());
        self.source.serve(&served);
    }

    fn unserve(&self, database: &str) {
        if let Ok(mut served) = self.served.lock() {
            served.retain(|each| each != database);
            self.source.serve(&served);
        }
    }
}

/// A source database and a replica's database, of the same name.
pub struct Link {
    /// Their servers.
    pub pair: Arc<Pair>,
    /// Both databases' name.
    pub db: String,
}

impl Link {
    /// Two databases with the extension; no replica is added.
    #[track_caller]
    pub fn bare(pair: Arc<Pair>) -> Self {
        let link = Self::empty(pair);
        for mut client in [link.source(), link.replica()] {
            client.batch_execute("CREATE EXTENSION pg_accord").expect("CREATE EXTENSION");
        }
        link.pair.serve(&link.db);
        link
    }

    /// Two databases without the extension.
    #[track_caller]
    pub fn empty(pair: Arc<Pair>) -> Self {
        let db = format!("t{}", pair.count.fetch_add(1, Ordering::SeqCst));
        pair.source.createdb(&db);
        pair.replica.createdb(&db);
        Self { pair, db }
    }

    /// A source and its replica, both in agreement on nothing.
    #[track_caller]
    pub fn attached(pair: Arc<Pair>) -> Self {
        Self::with_policy(pair, "{}")
    }

    /// As [`Self::attached`], under a policy.
    #[track_caller]
    pub fn with_policy(pair: Arc<Pair>, policy: &str) -> Self {
        let link = Self::bare(pair);
        link.add(policy);
        link.wait();
        link
    }

    /// `accord.add_replica` with the replica's own address.
    #[track_caller]
    pub fn add(&self, policy: &str) {
        self.add_at(&self.pair.replica.conninfo(&self.db), policy);
    }

    /// `accord.add_replica` with another address.
    #[track_caller]
    pub fn add_at(&self, conninfo: &str, policy: &str) {
        self.source()
            .execute("SELECT accord.add_replica($1, $2, $3::text::jsonb)", &[&REPLICA, &conninfo, &policy])
            .unwrap_or_else(|error| panic!("add_replica: {}", describe(&error)));
    }

    /// A connection to the source.
    #[track_caller]
    pub fn source(&self) -> Client {
        self.pair.source.client(&self.db)
    }

    /// A connection to the replica.
    #[track_caller]
    pub fn replica(&self) -> Client {
        self.pair.replica.client(&self.db)
    }

    /// Runs SQL on the source, as one simple query.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        batch(&mut self.source(), sql);
    }

    /// What the newest version's verdict warned of; nothing where it did not.
    #[track_caller]
    pub fn warnings(&self) -> String {
        scalar(&mut self.source(), "SELECT coalesce(impact ->> 'warnings', '') FROM accord.deliveries ORDER BY version DESC LIMIT 1")
    }

    /// Runs SQL on the replica, as its own people would.
    #[track_caller]
    pub fn run_there(&self, sql: &str) {
        batch(&mut self.replica(), sql);
    }

    /// Everything committed so far is acknowledged.
    #[track_caller]
    pub fn wait(&self) -> i64 {
        self.try_wait("30 s").unwrap_or_else(|error| panic!("wait_for_replica: {}\n{}", error.0, self.report()))
    }

    /// As [`Self::wait`], where failing is an answer.
    pub fn try_wait(&self, timeout: &str) -> Result<i64, Failure> {
        self.source()
            .query_one("SELECT accord.wait_for_replica($1, $2::text::interval)", &[&REPLICA, &timeout])
            .map(|row| row.get(0))
            .map_err(|error| Failure::from(&error))
    }

    /// Runs SQL on the source, and all of it is acknowledged.
    #[track_caller]
    pub fn follow(&self, sql: &str) {
        self.run(sql);
        self.wait();
    }

    /// The replica's line in `accord.status`.
    #[track_caller]
    pub fn status(&self) -> Status {
        let row = self
            .source()
            .query_one(
                "SELECT state::text, acknowledged::bigint, behind::bigint, reason::text, hint::text \
                 FROM accord.status WHERE replica = $1",
                &[&REPLICA],
            )
            .expect("read accord.status");
        Status {
            state: row.get(0),
            acknowledged: row.get(1),
            behind: row.get(2),
            reason: row.get::<_, Option<String>>(3).unwrap_or_default(),
            hint: row.get::<_, Option<String>>(4).unwrap_or_default(),
        }
    }

    /// Calls the one function that the replica's state offers once its cause is gone.
    #[track_caller]
    pub fn resolve(&self) {
        let call = if self.status().state == "paused" { "resume_replica" } else { "retry" };
        self.run(&format!("SELECT accord.{call}('{REPLICA}')"));
    }

    /// Waits until the replica's state is one of these.
    #[track_caller]
    pub fn until_state(&self, states: &[&str]) -> Status {
        let mut status = self.status();
        let reached = super::eventually(std::time::Duration::from_secs(45), || {
            status = self.status();
            states.contains(&status.state.as_str()).then_some(())
        });
        assert!(reached.is_some(), "never came to {states:?}: {status:?}\n{}", self.report());
        status
    }

    /// The source's newest version.
    #[track_caller]
    pub fn version(&self) -> i64 {
        scalar(&mut self.source(), "SELECT accord.version()::bigint")
    }

    /// Both fingerprints (read from the catalogs) are the same, the source's running sum is right, and pg_dump
    /// sees no difference.
    #[track_caller]
    pub fn assert_agreement(&self) {
        self.assert_same_fingerprint();
        self.assert_same_dump();
    }

    /// Both fingerprints (read from the catalogs) are the same, and the source's running sum is right.
    #[track_caller]
    pub fn assert_same_fingerprint(&self) {
        let (mut source, mut replica) = (self.source(), self.replica());
        let running: String = scalar(&mut source, "SELECT accord.fingerprint()");
        let ours: String = scalar(&mut source, "SELECT accord.fingerprint(true)");
        let theirs: String = scalar(&mut replica, "SELECT accord.fingerprint(true)");
        assert_eq!(running, ours, "the source's running sum is not what its catalogs say");
        assert_eq!(ours, theirs, "source and replica have different fingerprints");
    }

    /// pg_dump sees no difference.
    #[track_caller]
    pub fn assert_same_dump(&self) {
        let ours = dump::schema(&self.pair.source, &self.db);
        let theirs = dump::schema(&self.pair.replica, &self.db);
        if let Some(difference) = dump::difference(&ours, &theirs) {
            panic!("{difference}");
        }
    }

    /// Whether the replica's catalog has what a query on it says: `SELECT EXISTS (…)`.
    #[track_caller]
    pub fn exists_there(&self, regclass: &str) -> bool {
        scalar(&mut self.replica(), &format!("SELECT to_regclass({}) IS NOT NULL", super::cluster::literal(regclass)))
    }

    /// Whether a table has a column on the replica.
    #[track_caller]
    pub fn column_there(&self, table: &str, column: &str) -> bool {
        column_exists(&mut self.replica(), table, column)
    }

    /// A worker serves this source.
    #[track_caller]
    pub fn wait_for_worker(&self) -> u32 {
        eventually(Duration::from_secs(30), || self.pair.source.worker_pids(Some(&self.db)).first().copied())
            .expect("a worker serves the source")
    }

    /// Where things stand, for a failing test's message.
    pub fn report(&self) -> String {
        let mut text = format!("--- {}\n", self.db);
        for query in [
            "SELECT replica, state, version, acknowledged, behind, reason FROM accord.status",
            "SELECT replica, version, state, attempts, reason FROM accord.deliveries ORDER BY version DESC LIMIT 3",
            "SELECT version, seq, tag, identity, left(statement, 200) FROM accord.events ORDER BY seq DESC LIMIT 3",
        ] {
            match self.pair.source.psql(&self.db, query) {
                Ok(table) => text.push_str(&table),
                Err(error) => text.push_str(&error),
            }
        }
        for cluster in [&self.pair.source, &self.pair.replica] {
            let log = cluster.log();
            let about: Vec<&str> = log.lines().filter(|line| line.contains(&format!(" {} ", self.db))).collect();
            text.push_str(&format!("log of {}:\n{}\n", cluster.name(), about[about.len().saturating_sub(12)..].join("\n")));
        }
        text
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let report = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.report()));
            eprintln!("{}", report.unwrap_or_default());
        }
        // A server that a failed test left stopped is no second failure.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.pair.unserve(&self.db);
            self.pair.source.dropdb(&self.db);
            self.pair.replica.dropdb(&self.db);
        }))
        .ok();
    }
}

/// A replica's line in `accord.status`.
#[derive(Debug, Clone)]
pub struct Status {
    /// State.
    pub state: String,
    /// Newest acknowledged version.
    pub acknowledged: Option<i64>,
    /// Versions between it and the source's head.
    pub behind: Option<i64>,
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// An SQL error, with everything that it says.
#[derive(Debug, Clone)]
pub struct Failure(pub String, pub Option<DbError>);

impl From<&postgres::Error> for Failure {
    fn from(error: &postgres::Error) -> Self {
        Self(describe(error), error.as_db_error().cloned())
    }
}

impl Failure {
    /// SQLSTATE; empty where the server said nothing.
    pub fn sqlstate(&self) -> &str {
        self.1.as_ref().map_or("", |error| error.code().code())
    }

    /// The message, detail and hint hold this text.
    pub fn says(&self, text: &str) -> bool {
        self.0.to_lowercase().contains(&text.to_lowercase())
    }

    /// A real error: a message, an SQLSTATE that is not "internal error", and a hint or a detail.
    #[track_caller]
    pub fn assert_clear(&self) {
        let error = self.1.as_ref().unwrap_or_else(|| panic!("not the server's error: {}", self.0));
        assert!(!error.code().code().starts_with("XX"), "an internal error: {}", self.0);
        assert!(error.detail().is_some() || error.hint().is_some(), "neither detail nor hint: {}", self.0);
        assert!(!self.0.contains("panicked"), "a panic's text: {}", self.0);
    }
}

/// An error with SQLSTATE, detail and hint.
pub fn describe(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!(
            "{} ({}){}{}",
            db.message(),
            db.code().code(),
            db.detail().map(|text| format!("\nDETAIL: {text}")).unwrap_or_default(),
            db.hint().map(|text| format!("\nHINT: {text}")).unwrap_or_default()
        ),
        None => format!("{error:?}"),
    }
}

/// Runs SQL as one simple query.
#[track_caller]
pub fn batch(client: &mut Client, sql: &str) {
    if let Err(error) = client.batch_execute(sql) {
        panic!("{}\nin: {}", describe(&error), &sql.chars().take(500).collect::<String>());
    }
}

/// The error of SQL that has to fail.
#[track_caller]
pub fn failure(client: &mut Client, sql: &str) -> Failure {
    match client.batch_execute(sql) {
        Ok(()) => panic!("did not fail: {sql}"),
        Err(error) => Failure::from(&error),
    }
}

/// One row, one column.
#[track_caller]
pub fn scalar<T: for<'a> postgres::types::FromSql<'a>>(client: &mut Client, sql: &str) -> T {
    match client.query_one(sql, &[]) {
        Ok(row) => row.get(0),
        Err(error) => panic!("{}\nin: {sql}", describe(&error)),
    }
}

/// Whether a table has a column.
#[track_caller]
pub fn column_exists(client: &mut Client, table: &str, column: &str) -> bool {
    client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped)",
            &[&table, &column],
        )
        .expect("read pg_attribute")
        .get(0)
}
