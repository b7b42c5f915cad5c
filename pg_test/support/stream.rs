//! Rows beside the schema: native logical replication between two clusters of the harness.

use super::cluster::{Cluster, literal};
use super::link::{batch, scalar};
use super::{eventually, wait_until};
use std::collections::BTreeSet;
use std::time::Duration;

/// Settings under which a stopped apply worker tries again soon, and many initial copies run.
pub const CONF: &[(&str, &str)] = &[
    ("wal_retrieve_retry_interval", "200ms"),
    ("max_logical_replication_workers", "24"),
    ("max_sync_workers_per_subscription", "4"),
    ("max_replication_slots", "60"),
    ("max_wal_senders", "60"),
];

/// The name of each subscription.
pub const SUBSCRIPTION: &str = "rows";

/// Both ends of a stream of rows, by server and database.
pub struct Stream<'a> {
    pub source: (&'a Cluster, &'a str),
    pub replica: (&'a Cluster, &'a str),
}

impl Stream<'_> {
    /// Creates the subscription, and waits until it carries fences.
    #[track_caller]
    pub fn subscribe(&self, publication: &str) {
        self.subscribe_with(publication, &[]);
    }

    /// The same with options.
    #[track_caller]
    pub fn subscribe_with(&self, publication: &str, options: &[&str]) {
        self.begin_as(SUBSCRIPTION, publication, options);
        wait_until("the subscription carries fences", || {
            scalar::<bool>(&mut self.source.0.client(self.source.1), "SELECT bool_and(subscriptions <> '{}') FROM accord.replica")
                && scalar::<bool>(
                    &mut self.replica.0.client(self.replica.1),
                    "SELECT count(*) > 0 FROM pg_subscription_rel WHERE srrelid = 'accord.fence'::regclass AND srsubstate IN ('r', 's')",
                )
        });
    }

    /// Creates the subscription.
    #[track_caller]
    pub fn begin(&self, publication: &str) {
        self.begin_as(SUBSCRIPTION, publication, &[]);
    }

    /// Creates a subscription of this name, with options.
    #[track_caller]
    pub fn begin_as(&self, name: &str, publication: &str, options: &[&str]) {
        let options: String = options.iter().map(|option| format!(", {option}")).collect();
        let connection = literal(&self.source.0.conninfo(self.source.1));
        batch(
            &mut self.replica.0.client(self.replica.1),
            &format!(
                "CREATE SUBSCRIPTION {name} CONNECTION {connection} PUBLICATION {publication} WITH (slot_name = {}_{name}{options})",
                self.source.1
            ),
        );
    }

    /// Ends every subscription with its slots, so that both databases can be dropped.
    pub fn unsubscribe(&self) {
        let sql = "SELECT quote_ident(s.subname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()";
        let Ok(mut client) = self.replica.0.try_client(self.replica.1) else { return };
        for row in client.query(sql, &[]).unwrap_or_default() {
            let name: String = row.get(0);
            for sql in [
                format!("ALTER SUBSCRIPTION {name} DISABLE"),
                format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"),
                format!("DROP SUBSCRIPTION {name}"),
            ] {
                client.batch_execute(&sql).ok();
            }
        }
        eventually(Duration::from_secs(5), || {
            let mut client = self.source.0.try_client(self.source.1).ok()?;
            client
                .batch_execute(
                    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active;
                     SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database() AND NOT active",
                )
                .ok()?;
            let left: i64 =
                client.query_one("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()", &[]).ok()?.get(0);
            (left == 0).then_some(())
        });
    }

    /// A table's rows on both sides: how many, and a hash that does not depend on their order in the table.
    fn rows(&self, table: &str) -> [Result<String, String>; 2] {
        let sql =
            format!("SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '') FROM {table} r");
        [self.source, self.replica].map(|(cluster, db)| {
            let mut client = cluster.try_client(db).map_err(|error| error.to_string())?;
            client.query_one(&sql, &[]).map(|row| row.get(0)).map_err(|error| super::link::describe(&error))
        })
    }

    /// Waits until a table's rows are the same on both sides; what they are where they never are.
    pub fn same_rows(&self, table: &str, timeout: Duration) -> Result<(), String> {
        let same = eventually(timeout, || {
            let [ours, theirs] = self.rows(table);
            (ours.is_ok() && ours == theirs).then_some(())
        });
        same.ok_or_else(|| format!("{table} differs: {:?}\n{}", self.rows(table), self.some_rows(table)))
    }

    /// The first rows that only one side has, for a failing test's message.
    fn some_rows(&self, table: &str) -> String {
        let sql = format!("SELECT r::text FROM {table} r");
        let [ours, theirs] = [self.source, self.replica].map(|(cluster, db)| -> BTreeSet<String> {
            let rows = cluster.try_client(db).and_then(|mut client| client.query(&sql, &[])).unwrap_or_default();
            rows.iter().map(|row| row.get(0)).collect()
        });
        let list = |rows: Vec<&String>| rows.iter().take(5).map(|row| format!("  {row}\n")).collect::<String>();
        format!("source:\n{}replica:\n{}", list(ours.difference(&theirs).collect()), list(theirs.difference(&ours).collect()))
    }
}
