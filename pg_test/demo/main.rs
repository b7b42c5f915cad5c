//! `make demo`: the main job on two throwaway clusters, to be watched.
//!
//! A small shop evolves through its migrations while rows are being written. Each change is shown as it passes
//! through its states; one is refused, one fails half-way, some wait for a person, and a worker is killed.

#[path = "../support/mod.rs"]
mod support;

mod screen;

use postgres::Client;
use screen::Screen;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::link::{batch, scalar};
use support::stream::{CONF, Stream};
use support::{Cluster, Options, dump, history};

const SOURCE: &str = "shop";
const REPLICA: &str = "warehouse";
const POLICY: &str = r#"{"require_approval": "lossy", "max_attempts": 3, "retry_initial": "150ms", "retry_max": "300ms"}"#;

fn main() {
    let begun = Instant::now();
    let start = |name, databases| {
        let conf: Vec<(&str, &str)> = CONF.iter().copied().chain([("accord.databases", databases)]).collect();
        Arc::new(Cluster::start(Options { name, conf: &conf, durable: false }))
    };
    let mut demo = Demo {
        source: start("transactional", SOURCE),
        replica: start("analytical", ""),
        screen: Screen::new(),
        shown: -1,
        troubles: 0,
        seen: Vec::new(),
    };
    demo.attach();

    let writer = Writer::start(demo.source.clone());
    for migration in &history::shop().migrations {
        let title = migration.name.split_once('_').map_or(migration.name.as_str(), |(_, rest)| rest).replace('_', " ");
        demo.before(&title);
        demo.source.psql_file(SOURCE, &migration.up, migration.transaction).unwrap_or_else(|error| panic!("{}: {error}", migration.name));
        demo.after(&title);
        demo.follow(&title);
    }
    demo.half_way();
    let written = writer.stop();

    let agreed = demo.verdict(written, begun.elapsed());
    drop(demo);
    std::process::exit(i32::from(!agreed));
}

struct Demo {
    source: Arc<Cluster>,
    replica: Arc<Cluster>,
    screen: Screen,
    /// The newest version whose line is complete.
    shown: i64,
    troubles: u32,
    /// The troubles so far: version and state.
    seen: Vec<(i64, String)>,
}

/// One row of accord.deliveries, moments in milliseconds since the source's commit.
struct Delivery {
    version: i64,
    state: String,
    moments: [Option<f64>; 4],
    attempts: i64,
    message: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

impl Demo {
    fn attach(&mut self) {
        for (cluster, database) in [(&self.source, SOURCE), (&self.replica, REPLICA)] {
            cluster.createdb(database);
            batch(&mut cluster.client(database), "CREATE EXTENSION pg_accord");
        }
        let version: String = scalar(&mut self.source.client(SOURCE), "SELECT split_part(version(), ' ', 2)");
        self.screen.title(&version, SOURCE, REPLICA);
        self.source
            .client(SOURCE)
            .execute("SELECT accord.add_replica($1, $2, $3::text::jsonb)", &[&REPLICA, &self.replica.conninfo(REPLICA), &POLICY])
            .unwrap_or_else(|error| panic!("add_replica: {}", support::link::describe(&error)));
        self.follow("an empty replica");
        self.screen.scene("from here on, native logical replication carries the rows");
        let publication = "CREATE PUBLICATION everything FOR ALL TABLES";
        self.screen.act("source", publication);
        batch(&mut self.source.client(SOURCE), publication);
        self.screen.act("replica", "CREATE SUBSCRIPTION rows CONNECTION '…' PUBLICATION everything");
        self.stream().subscribe("everything");
        self.screen.table();
    }

    fn stream(&self) -> Stream<'_> {
        Stream { source: (&self.source, SOURCE), replica: (&self.replica, REPLICA) }
    }

    /// What happens on the replica before a change arrives.
    fn before(&mut self, title: &str) {
        if title == "prices in cents" {
            self.screen.scene("on the replica, an analyst builds a view on the column that is about to go");
            batch(
                &mut self.replica.client(REPLICA),
                "CREATE SCHEMA bi; CREATE VIEW bi.price_list AS SELECT sku, title, price FROM shop.product",
            );
        }
    }

    /// What happens right after a change was committed.
    fn after(&mut self, title: &str) {
        if title == "reports"
            && let Some(&worker) = self.source.worker_pids(Some(SOURCE)).first()
        {
            self.screen.scene(&format!("kill -9 {worker}: the worker, and with it every connection of the source"));
            self.source.kill(worker);
            self.source.wait_ready();
        }
    }

    /// A transaction whose second step the replica's rows do not allow.
    fn half_way(&mut self) {
        self.screen.scene("on the replica, a careless import: besides 'Germany' there is 'germany'");
        batch(&mut self.replica.client(REPLICA), "INSERT INTO shop.market (code, name, discount) VALUES ('dd', 'germany', 1)");
        batch(
            &mut self.source.client(SOURCE),
            "BEGIN; ALTER TABLE shop.market ADD COLUMN currency char(3) NOT NULL DEFAULT 'EUR';
             CREATE UNIQUE INDEX market_name ON shop.market (lower(name)); COMMIT",
        );
        self.follow("currencies");
    }

    /// Shows everything that was committed so far on its way, and helps where a person has to.
    fn follow(&mut self, title: &str) {
        let (done, waiting) = mpsc::channel();
        let source = self.source.clone();
        std::thread::spawn(move || {
            loop {
                let answer = source
                    .try_client(SOURCE)
                    .and_then(|mut client| client.query_one("SELECT accord.wait_for_replica($1, interval '20 s')::bigint", &[&REPLICA]));
                if answer.is_ok_and(|row| done.send(row.get::<_, i64>(0)).is_ok()) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(30));
                if Arc::strong_count(&source) == 1 {
                    return;
                }
            }
        });

        let begun = Instant::now();
        let mut target = None;
        let mut helped: Option<(i64, String, Instant)> = None;
        let mut client: Option<Client> = None;
        while target.is_none_or(|version| self.shown < version) {
            assert!(begun.elapsed() < Duration::from_secs(90), "{title}: never acknowledged\n{}", self.report());
            target = target.or_else(|| waiting.try_recv().ok());
            let Some(deliveries) = self.deliveries(&mut client) else {
                std::thread::sleep(Duration::from_millis(20)); // the source restarts
                continue;
            };
            if deliveries.is_empty() && target.is_some() {
                break;
            }
            for delivery in deliveries {
                if !matches!(delivery.state.as_str(), "held" | "rejected" | "paused" | "diverged") {
                    self.screen.progress(delivery.version, title, &delivery.moments);
                }
                match delivery.state.as_str() {
                    "acknowledged" | "skipped" => {
                        self.screen.acknowledged(delivery.attempts);
                        self.shown = delivery.version;
                    }
                    state @ ("held" | "rejected" | "paused" | "diverged") => {
                        // The worker needs a moment to take up what a person did.
                        let again = helped.as_ref().is_some_and(|(version, before, at)| {
                            *version == delivery.version && before == state && at.elapsed() < Duration::from_secs(3)
                        });
                        if !again {
                            self.screen.progress(delivery.version, title, &delivery.moments);
                            self.help(title, &delivery);
                            helped = Some((delivery.version, delivery.state.clone(), Instant::now()));
                        }
                        break;
                    }
                    _ => break, // its successors wait for it
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn deliveries(&self, client: &mut Option<Client>) -> Option<Vec<Delivery>> {
        if client.is_none() {
            *client = self.source.try_client(SOURCE).ok();
        }
        let rows = client.as_mut()?.query(
            "SELECT d.version::bigint, d.state::text,
                    ARRAY(SELECT (extract(epoch FROM at - v.committed_at) * 1000)::float8
                          FROM unnest(ARRAY[d.offered_at, d.negotiated_at, d.applying_at, d.acknowledged_at]) WITH ORDINALITY m (at, n)
                          ORDER BY n),
                    d.attempts::bigint, d.reason ->> 'message', d.reason ->> 'detail', d.reason ->> 'hint'
             FROM accord.deliveries d JOIN accord.versions v USING (version)
             WHERE d.replica = $1 AND d.version > $2 ORDER BY d.version",
            &[&REPLICA, &self.shown],
        );
        match rows {
            Ok(rows) => Some(
                rows.iter()
                    .map(|row| {
                        let moments: Vec<Option<f64>> = row.get(2);
                        Delivery {
                            version: row.get(0),
                            state: row.get(1),
                            moments: [moments[0], moments[1], moments[2], moments[3]],
                            attempts: row.get(3),
                            message: row.get(4),
                            detail: row.get(5),
                            hint: row.get(6),
                        }
                    })
                    .collect(),
            ),
            Err(error) => {
                assert!(
                    error.as_db_error().is_none_or(|db| db.code().code().starts_with("57")),
                    "read accord.deliveries: {}",
                    support::link::describe(&error)
                );
                *client = None;
                None
            }
        }
    }

    /// Shows what the source's own status says, and does what a person would do about it.
    fn help(&mut self, title: &str, delivery: &Delivery) {
        self.troubles += 1;
        let expected = match delivery.state.as_str() {
            "held" => true,
            "rejected" => title == "prices in cents",
            state => state == "paused" && title == "currencies",
        } && !self.seen.contains(&(delivery.version, delivery.state.clone()));
        self.seen.push((delivery.version, delivery.state.clone()));
        let mut source = self.source.client(SOURCE);
        self.screen.trouble(&delivery.state, delivery.attempts);
        for text in [&delivery.message, &delivery.detail] {
            self.screen.reason(text.as_deref().unwrap_or_default());
        }
        self.screen.hint(delivery.hint.as_deref().unwrap_or_default());
        assert!(expected, "{title}: this was not meant to happen\n{}", self.report());
        let (there, here) = match delivery.state.as_str() {
            "held" => ("", format!("SELECT accord.approve('{REPLICA}', {})", delivery.version)),
            "rejected" => ("DROP SCHEMA IF EXISTS bi CASCADE", format!("SELECT accord.retry('{REPLICA}')")),
            "paused" => ("UPDATE shop.market SET name = 'Saxony' WHERE code = 'dd'", format!("SELECT accord.resume_replica('{REPLICA}')")),
            _ => ("", format!("SELECT accord.retry('{REPLICA}')")),
        };
        if !there.is_empty() {
            if delivery.state == "paused" {
                let left = support::link::column_exists(&mut self.replica.client(REPLICA), "shop.market", "currency");
                self.screen.note(if left {
                    "the new column stands ready for its rows, all else is undone"
                } else {
                    "nothing of it is left on the replica"
                });
            }
            self.screen.act("replica", there);
            batch(&mut self.replica.client(REPLICA), there);
        }
        self.screen.act("source", &here);
        batch(&mut source, &here);
    }

    fn verdict(&mut self, written: u64, took: Duration) -> bool {
        let fingerprint = "SELECT accord.fingerprint(verify => true)";
        let ours: String = scalar(&mut self.source.client(SOURCE), fingerprint);
        let theirs: String = scalar(&mut self.replica.client(REPLICA), fingerprint);
        let (left, right) = (dump::tables(&self.source, SOURCE), dump::tables(&self.replica, REPLICA));
        let difference = dump::difference(&left, &right);
        let rows = self.rows();
        let agreed = ours == theirs && difference.is_none() && rows.is_ok();
        self.screen.verdict(&ours, &theirs, left.lines().count(), difference.as_deref());
        self.screen.rows(&rows);
        let versions: i64 = scalar(&mut self.source.client(SOURCE), "SELECT accord.version()::bigint");
        self.screen.summary(versions, written, self.troubles, took);
        agreed
    }

    /// How many tables have the same rows on both sides, and how many those are; or a table that has not.
    fn rows(&self) -> Result<(usize, i64), String> {
        let mut source = self.source.client(SOURCE);
        let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                       WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema|accord)' ORDER BY 1";
        let tables: Vec<String> = source.query(tables, &[]).map_err(|error| error.to_string())?.iter().map(|row| row.get(0)).collect();
        let mut count = 0;
        for table in &tables {
            // What the careless import left behind is the replica's own.
            let rows = if table == "shop.market" { "(SELECT * FROM shop.market WHERE code <> 'dd')" } else { table };
            self.stream().same_rows(rows, Duration::from_secs(20))?;
            count += scalar::<i64>(&mut source, &format!("SELECT count(*) FROM ONLY {table}"));
        }
        Ok((tables.len(), count))
    }

    fn report(&self) -> String {
        let status = self.source.psql(SOURCE, "SELECT * FROM accord.status \\gx").unwrap_or_else(|error| error);
        format!("{status}\nsource:\n{}\nreplica:\n{}", self.source.log_tail(15), self.replica.log_tail(15))
    }
}

/// Writes rows all the while, whatever the tables look like at the moment.
struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Writer {
    fn start(source: Arc<Cluster>) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopping, count) = (stop.clone(), written.clone());
        let thread = std::thread::spawn(move || {
            let statements = [
                "INSERT INTO shop.customer (email, name) VALUES (md5(random()::text) || '@example.org', 'somebody')",
                "INSERT INTO shop.person (email, full_name) VALUES (md5(random()::text) || '@example.org', 'somebody')",
                "INSERT INTO shop.\"order\" (customer) SELECT 1 + floor(random() * 2)",
                "INSERT INTO shop.visit (at, path) VALUES (now(), '/' || md5(random()::text))",
                "UPDATE shop.product SET description = md5(random()::text)",
            ];
            while !stopping.load(Ordering::SeqCst) {
                if let Ok(mut client) = source.try_client(SOURCE) {
                    'connected: while !stopping.load(Ordering::SeqCst) {
                        for statement in statements {
                            match client.execute(statement, &[]) {
                                Ok(rows) => drop(count.fetch_add(rows, Ordering::Relaxed)),
                                Err(_) if client.is_closed() => break 'connected,
                                Err(_) => {} // that table has another shape at the moment
                            }
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, written, thread }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().ok();
        self.written.load(Ordering::Relaxed)
    }
}
