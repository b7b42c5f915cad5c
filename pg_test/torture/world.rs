//! Four servers, what stands between them, and what everybody shares.

use super::ledger::Ledger;
use super::support::cluster::can_mount;
use super::support::dice::Dice;
use super::support::link::{batch, scalar};
use super::support::{Cluster, Options, Proxy, say};
use postgres::Client;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Every database's name.
pub const DB: &str = "torture";
/// Sessions that change the schema.
pub const SESSIONS: usize = 4;
const VOLUME: u32 = 700;
const CONF: &[(&str, &str)] = &[
    ("max_connections", "60"),
    ("max_worker_processes", "16"),
    ("shared_buffers", "32MB"),
    ("max_wal_size", "96MB"),
    ("min_wal_size", "32MB"),
    ("wal_keep_size", "64MB"),
    ("checkpoint_timeout", "60s"),
    ("log_min_messages", "warning"),
];
const POLICY: &str = r#"{"schemas": ["torture"], "retry_initial": "50ms", "retry_max": "400ms", "lock_timeout": "250ms",
    "max_attempts": 1000000, "max_lock_attempts": 1000000, "require_approval": false}"#;
/// On a replica, and none of pg_accord's: what is done there, in the transaction that does it.
const WATCH: &str = r"
CREATE SCHEMA watch;
CREATE TABLE watch.seen (seq bigint GENERATED ALWAYS AS IDENTITY, session int, number bigint);
CREATE FUNCTION watch.see() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watch.seen (session, number)
    SELECT substring(c.object_identity FROM 'torture\.mark_(\d+)$')::int,
           coalesce(substring(pg_catalog.obj_description(c.objid, 'pg_class') FROM '^txn (\d+)$')::bigint, 0)
      FROM pg_catalog.pg_event_trigger_ddl_commands() c
     WHERE c.object_identity ~ '^torture\.mark_\d+$' AND c.command_tag = 'COMMENT';
END $$;
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION watch.see()";

pub struct Replica {
    pub name: String,
    pub cluster: Cluster,
    pub proxy: Proxy,
    /// It has what the source lost: it has to be reported as diverged.
    pub must_diverge: AtomicBool,
    /// A loss was brought about, and it has not been seen to follow since: it may be diverged.
    pub may_diverge: AtomicBool,
    /// It was led back once: columns that came back stand behind the others from then on.
    pub led_back: AtomicBool,
    /// What it acknowledges beyond this version was sealed after the last loss.
    pub since: AtomicI64,
}

pub struct World {
    pub source: Cluster,
    pub replicas: Vec<Replica>,
    pub ledger: Ledger,
    /// Servers can run out of disk.
    pub volumes: bool,
    /// Nobody begins a transaction.
    pub hold: AtomicBool,
    pub stop: AtomicBool,
    /// How often the harness made the source lose its last transactions.
    pub losses: AtomicUsize,
    /// Versions that the slowest replica is behind, as far as is known.
    pub behind: AtomicI64,
    pub diverged: AtomicUsize,
    /// Replicas whose part of a parted history the source took over, and those of which it could not.
    pub taken_over: AtomicUsize,
    pub conflicts: AtomicUsize,
    /// The newest version, as far as is known.
    pub head: AtomicI64,
    /// No server and no worker is ended any more.
    pub calm: AtomicBool,
    pub begun: Instant,
    /// What was done on purpose that takes history away, for a failing run's message.
    story: Mutex<Vec<String>>,
    violations: Mutex<Vec<String>>,
    /// A negative control: what each session runs before its commit.
    pub tamper: Option<&'static str>,
}

impl World {
    pub fn start(replicas: usize, tamper: Option<&'static str>) -> Arc<Self> {
        let volumes = can_mount();
        let start = |name: &str, served: &'static str| {
            let conf: Vec<(&str, &str)> = CONF.iter().copied().chain([("accord.databases", served)]).collect();
            let options = Options { name, conf: &conf, ..Options::default() };
            if volumes { Cluster::start_on_volume(options, VOLUME) } else { Cluster::start(options) }
        };
        let source = start("torture source", DB);
        source.createdb(DB);
        batch(&mut source.client(DB), "CREATE EXTENSION pg_accord");
        let replicas: Vec<Replica> = (1..=replicas)
            .map(|n| {
                // One of them has a worker of its own, which seals there; at the others a look does.
                let cluster = start(&format!("torture replica {n}"), if n == 1 { DB } else { "" });
                cluster.createdb(DB);
                batch(&mut cluster.client(DB), &format!("CREATE EXTENSION pg_accord; {WATCH}"));
                let proxy = Proxy::to(cluster.port());
                Replica {
                    name: format!("r{n}"),
                    cluster,
                    proxy,
                    must_diverge: AtomicBool::default(),
                    may_diverge: AtomicBool::default(),
                    led_back: AtomicBool::default(),
                    since: AtomicI64::new(0),
                }
            })
            .collect();
        let mut sql = String::from("CREATE SCHEMA torture;");
        for session in 0..SESSIONS {
            sql += &format!("CREATE TABLE torture.mark_{session} (); COMMENT ON TABLE torture.mark_{session} IS 'txn 0';");
        }
        for table in 0..3 {
            sql += &format!("CREATE TABLE torture.shared_{table} (id int PRIMARY KEY);");
        }
        let mut client = source.client(DB);
        batch(&mut client, &sql);
        for replica in &replicas {
            let conninfo = format!("{} connect_timeout=3", replica.cluster.conninfo_at(DB, replica.proxy.port()));
            client
                .execute("SELECT accord.add_replica($1, $2, $3::text::jsonb)", &[&replica.name, &conninfo, &POLICY])
                .expect("add_replica");
        }
        let world = Arc::new(Self {
            source,
            replicas,
            ledger: Ledger::default(),
            volumes,
            hold: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            losses: AtomicUsize::new(0),
            behind: AtomicI64::new(0),
            diverged: AtomicUsize::new(0),
            taken_over: AtomicUsize::new(0),
            conflicts: AtomicUsize::new(0),
            head: AtomicI64::new(0),
            calm: AtomicBool::new(false),
            begun: Instant::now(),
            story: Mutex::default(),
            violations: Mutex::default(),
            tamper,
        });
        for replica in &world.replicas {
            world.caught_up(replica, Duration::from_secs(60)).expect("the replicas are built");
        }
        world
    }

    pub fn violation(&self, text: impl Into<String>) {
        let text = text.into();
        let mut violations = self.violations.lock().expect("the violations");
        if !violations.contains(&text) && violations.len() < 200 {
            say!("torture: VIOLATION: {text}");
            violations.push(text);
        }
    }

    /// Notes what a failing run's message tells.
    pub fn tell(&self, text: impl std::fmt::Display) {
        self.story.lock().expect("the story").push(format!("{} ms: {text}", self.begun.elapsed().as_millis()));
    }

    pub fn story(&self) -> Vec<String> {
        self.story.lock().expect("the story").clone()
    }

    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().expect("the violations").clone()
    }

    /// Everything committed so far is acknowledged by a replica; why not, where it is not.
    pub fn caught_up(&self, replica: &Replica, timeout: Duration) -> Result<(), String> {
        let deadline = Instant::now() + timeout;
        loop {
            let answer = self
                .source
                .try_client(DB)
                .and_then(|mut client| client.query_one("SELECT accord.wait_for_replica($1, '10 s')", &[&replica.name]).map(drop));
            match answer {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(super::support::link::describe(&error)),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// The number that stands in each session's comment on the source.
    pub fn marks(client: &mut Client) -> Vec<u64> {
        (0..SESSIONS).map(|session| Self::mark(client, session).unwrap_or(0)).collect()
    }

    pub fn mark(client: &mut Client, session: usize) -> Result<u64, postgres::Error> {
        let sql = format!(
            "SELECT coalesce(substring(obj_description('torture.mark_{session}'::regclass, 'pg_class') FROM '^txn (\\d+)$')::bigint, 0)"
        );
        client.query_one(&sql, &[]).map(|row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }

    /// What was done on a replica, in its order.
    pub fn seen(replica: &Replica) -> Vec<(usize, u64)> {
        let mut client = replica.cluster.client(DB);
        client
            .query("SELECT session, number FROM watch.seen ORDER BY seq", &[])
            .expect("read what was seen")
            .iter()
            .map(|row| (row.get::<_, i32>(0) as usize, row.get::<_, i64>(1) as u64))
            .collect()
    }

    /// Memory of the source's worker that is its own, in kB.
    pub fn worker_memory(&self) -> Option<(u32, u64)> {
        let pid = self.source.worker_pids(Some(DB)).first().copied()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        Some((pid, line.trim().trim_end_matches(" kB").trim().parse().ok()?))
    }

    /// Pauses unless the run ends.
    pub fn pause(dice: &mut Dice, least: u64, most: u64) {
        std::thread::sleep(Duration::from_millis(least + dice.below((most - least) as usize + 1) as u64));
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    pub fn held(&self) -> bool {
        self.hold.load(Ordering::SeqCst)
    }

    pub fn newest_version(&self) -> i64 {
        scalar(&mut self.source.client(DB), "SELECT accord.version()::bigint")
    }
}
