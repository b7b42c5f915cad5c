//! The load: sessions that write every table as it is at the moment, and how far the replica's rows are behind.

use super::DB;
use super::support::Cluster;
use postgres::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Sessions that write.
const SESSIONS: usize = 3;

/// A table with its key and other columns, and what fills them.
const TABLES: &str = "
SELECT c.oid::regclass::text, k.attname::text,
       array_agg(quote_ident(a.attname) ORDER BY a.attnum), array_agg(v.value ORDER BY a.attnum)
  FROM pg_class c
  JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
  JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
 CROSS JOIN LATERAL (SELECT CASE
        WHEN a.attnum = k.attnum THEN '(random() * 399999)::int'
        WHEN a.atttypid = 'text'::regtype THEN 'md5(random()::text)'
        WHEN a.atttypid = 'timestamptz'::regtype THEN 'clock_timestamp()'
        WHEN a.atttypid = 'uuid'::regtype THEN 'gen_random_uuid()'
        WHEN a.atttypid = 'boolean'::regtype THEN 'random() < 0.5'
        ELSE '(random() * 1000)::int' END AS value) v
 WHERE c.relnamespace = 'soak'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'beat'
   AND (NOT c.relispartition OR random() < 0.2)
 GROUP BY c.oid, k.attname, k.attnum ORDER BY random()";

/// Writes without pause until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(source: &Arc<Cluster>) -> Self {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..SESSIONS)
            .map(|_| {
                let (stop, written, mut client) = (stop.clone(), written.clone(), source.client(DB));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        round(&mut client, &stop, &written);
                    }
                })
            })
            .collect();
        Self { stop, written, threads }
    }

    /// Stops it; how many rows were written.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a session of the load");
        }
        self.written.load(Ordering::Relaxed)
    }
}

/// Some statements on each table. One that fails met a change, or another row.
fn round(client: &mut Client, stop: &AtomicBool, written: &AtomicU64) {
    let Ok(tables) = client.query(TABLES, &[]) else { return };
    for row in tables {
        let (table, key): (String, String) = (row.get(0), row.get(1));
        let (columns, values): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
        let sets: Vec<String> = columns.iter().zip(&values).filter(|(c, _)| **c != key).map(|(c, v)| format!("{c} = {v}")).collect();
        let insert = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM generate_series(1, 5) ON CONFLICT DO NOTHING",
            columns.join(", "),
            values.join(", ")
        );
        let some = format!("WHERE {key} IN (SELECT {key} FROM {table} WHERE {key} >= (random() * 399999)::int ORDER BY {key} LIMIT");
        let update = (!sets.is_empty()).then(|| format!("UPDATE {table} SET {} {some} 5)", sets.join(", ")));
        let delete = format!("DELETE FROM {table} {some} 2)");
        // Two statements are one transaction: rows of a transaction may stand on both sides of a change.
        for statement in [Some(insert.clone()), update.clone(), Some(delete), update.map(|update| format!("{insert}; {update}"))] {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let Some(statement) = statement else { continue };
            if let Ok(messages) = client.simple_query(&statement) {
                let rows = messages.iter().map(|m| if let postgres::SimpleQueryMessage::CommandComplete(n) = m { *n } else { 0 });
                written.fetch_add(rows.sum(), Ordering::Relaxed);
            }
        }
    }
}

/// Measures how old the newest row on the replica is.
pub struct Lag {
    stop: Arc<AtomicBool>,
    beat: JoinHandle<()>,
    look: JoinHandle<Vec<f64>>,
}

impl Lag {
    pub fn start(source: &Arc<Cluster>, replica: &Arc<Cluster>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopping, mut client) = (stop.clone(), source.client(DB));
        let beat = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                client.execute("UPDATE soak.beat SET at = clock_timestamp()", &[]).ok();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let (stopping, mut client) = (stop.clone(), replica.client(DB));
        let look = std::thread::spawn(move || {
            let mut ages = Vec::new();
            while !stopping.load(Ordering::Relaxed) {
                let row = client.query_opt("SELECT (extract(epoch FROM clock_timestamp() - at) * 1000)::float8 FROM soak.beat", &[]);
                if let Ok(Some(row)) = row {
                    ages.push(row.get(0));
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            ages
        });
        Self { stop, beat, look }
    }

    /// Stops it, and says what it saw.
    pub fn stop(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        self.beat.join().expect("the beat");
        let ages = self.look.join().expect("the look");
        let mut sorted = ages.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        // A stall begins where the age passes a second, and ends where it is back below.
        let stalls = ages.windows(2).filter(|pair| pair[0] <= 1000.0 && pair[1] > 1000.0).count();
        format!("lag p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms, {stalls} stalls of more than 1 s", at(0.5), at(0.99), at(1.0 - 1e-9))
    }
}
