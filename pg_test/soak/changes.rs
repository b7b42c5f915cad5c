//! Random schema changes of the tables of schema `soak`, and what is known of them.

use super::support::dice::Dice;
use super::support::link::{batch, describe};
use postgres::Client;

/// What changes are made of.
pub struct Shop {
    client: Client,
    /// For names that were never used.
    count: usize,
}

/// A table as it is at the moment.
struct Table {
    name: String,
    key: String,
    /// Name and type of the others.
    columns: Vec<(String, String)>,
    partitioned: bool,
}

const TYPES: [&str; 7] = ["integer", "bigint", "text", "numeric", "timestamptz", "boolean", "uuid"];

impl Shop {
    /// Five tables, one of them partitioned, and the beat that lag is measured by.
    pub fn open(client: Client, dice: &mut Dice) -> Self {
        let mut shop = Self { client, count: 0 };
        batch(
            &mut shop.client,
            "SET lock_timeout = '10s'; CREATE SCHEMA soak; CREATE TABLE soak.beat (one bool PRIMARY KEY DEFAULT true, at timestamptz NOT NULL);
             INSERT INTO soak.beat (at) VALUES (now());
             CREATE TABLE soak.parted (id int PRIMARY KEY, a int, b text) PARTITION BY RANGE (id);
             CREATE TABLE soak.parted_0 PARTITION OF soak.parted FOR VALUES FROM (0) TO (100000);
             CREATE TABLE soak.parted_1 PARTITION OF soak.parted FOR VALUES FROM (100000) TO (200000);
             CREATE TABLE soak.parted_rest PARTITION OF soak.parted FOR VALUES FROM (200000) TO (400000)",
        );
        for _ in 0..4 {
            let sql = shop.create(dice);
            batch(&mut shop.client, &sql);
        }
        shop
    }

    /// Every table that holds rows.
    pub fn tables(&mut self) -> Vec<String> {
        let sql = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'soak'::regnamespace AND c.relkind = 'r' ORDER BY 1";
        self.client.query(sql, &[]).expect("the tables").iter().map(|row| row.get(0)).collect()
    }

    fn fresh(&mut self, stem: &str) -> String {
        self.count += 1;
        format!("{stem}{}", self.count)
    }

    fn create(&mut self, dice: &mut Dice) -> String {
        let name = self.fresh("t");
        let columns: String = (0..2 + dice.below(3)).map(|_| format!(", {} {}", self.fresh("c"), TYPES[dice.below(TYPES.len())])).collect();
        let fill = format!("INSERT INTO soak.{name} (id) SELECT generate_series(0, {})", dice.below(2000));
        format!("CREATE TABLE soak.{name} (id int PRIMARY KEY{columns}); {fill}")
    }

    fn read(&mut self) -> Vec<Table> {
        let sql = "SELECT c.relname::text, k.attname::text, c.relkind = 'p',
                          array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum <> k.attnum),
                          array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum) FILTER (WHERE a.attnum <> k.attnum)
                     FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
                     JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    WHERE c.relnamespace = 'soak'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'beat'
                    GROUP BY c.relname, k.attname, c.relkind ORDER BY c.relname";
        let rows = self.client.query(sql, &[]).expect("the tables");
        rows.iter()
            .map(|row| {
                let names: Option<Vec<String>> = row.get(3);
                let types: Option<Vec<String>> = row.get(4);
                let columns = names.unwrap_or_default().into_iter().zip(types.unwrap_or_default()).collect();
                Table { name: row.get(0), key: row.get(1), partitioned: row.get(2), columns }
            })
            .collect()
    }

    /// One random change, on its own or as a transaction.
    pub fn change(&mut self, dice: &mut Dice) -> Result<(), String> {
        let tables = self.read();
        let plain: Vec<&Table> = tables.iter().filter(|table| !table.partitioned).collect();
        let sql = match dice.below(22) {
            0 => self.create(dice),
            1 => format!("BEGIN; {}; COMMIT", self.create(dice)),
            2 if plain.len() > 4 => format!("DROP TABLE soak.{}", dice.one(&plain).expect("one").name),
            3 if !plain.is_empty() => format!("ALTER TABLE soak.{} RENAME TO {}", dice.one(&plain).expect("one").name, self.fresh("t")),
            4..=6 => self.partition(dice),
            _ => {
                let n = dice.below(tables.len());
                self.alter(dice, &tables[n])
            }
        };
        self.client.batch_execute(&sql).map_err(|error| {
            self.client.batch_execute("ROLLBACK").ok();
            format!("{} in {sql}", describe(&error).lines().next().unwrap_or_default())
        })
    }

    /// A change of a table's columns, keys or indexes.
    fn alter(&mut self, dice: &mut Dice, table: &Table) -> String {
        let (name, key) = (format!("soak.{}", table.name), &table.key);
        let new = self.fresh("c");
        let some = dice.one(&table.columns).cloned();
        let (column, data_type) = some.unwrap_or((key.clone(), "integer".into()));
        let own = column != *key;
        match dice.below(15) {
            0 => format!("ALTER TABLE {name} ADD COLUMN {new} {}", TYPES[dice.below(TYPES.len())]),
            1 => format!("ALTER TABLE {name} ADD COLUMN {new} int NOT NULL DEFAULT {}", dice.below(100)),
            2 => format!("ALTER TABLE {name} ADD COLUMN {new} timestamptz NOT NULL DEFAULT now()"),
            3 => format!("ALTER TABLE {name} ADD COLUMN {new} uuid DEFAULT gen_random_uuid()"),
            4 if table.columns.len() > 1 => format!("ALTER TABLE {name} DROP COLUMN {column}"),
            5 if own => format!("ALTER TABLE {name} RENAME COLUMN {column} TO {new}"),
            6 if data_type == "integer" => format!("ALTER TABLE {name} ALTER COLUMN {column} TYPE bigint"),
            7 if data_type == "bigint" && own => format!("ALTER TABLE {name} ALTER COLUMN {column} TYPE numeric USING {column} * 10"),
            // From text to text, nothing of it would be in the catalogs.
            8 if own && data_type != "text" => format!("ALTER TABLE {name} ALTER COLUMN {column} TYPE text USING {column}::text || '!'"),
            9 if own && data_type == "integer" => format!("ALTER TABLE {name} ALTER COLUMN {column} SET DEFAULT {}", dice.below(100)),
            10 if own => {
                format!("BEGIN; DELETE FROM {name} WHERE {column} IS NULL; ALTER TABLE {name} ALTER COLUMN {column} SET NOT NULL; COMMIT")
            }
            11 => {
                format!("CREATE INDEX ON {name} ({column}); ALTER TABLE {name} REPLICA IDENTITY {}", ["FULL", "DEFAULT"][dice.below(2)])
            }
            // Another key takes the old one's place.
            12 if !table.partitioned => format!(
                "BEGIN; ALTER TABLE {name} ADD COLUMN {new} int; UPDATE {name} SET {new} = {key};
                 ALTER TABLE {name} DROP COLUMN {key}, ADD PRIMARY KEY ({new}); COMMIT"
            ),
            // Expand and contract in one transaction.
            13 if own && data_type == "integer" => format!(
                "BEGIN; ALTER TABLE {name} ADD COLUMN {new} bigint; UPDATE {name} SET {new} = {column} * 100;
                 ALTER TABLE {name} DROP COLUMN {column}; COMMIT"
            ),
            14 if !table.partitioned => format!("CREATE INDEX CONCURRENTLY {new}_at ON {name} ({key}, {column})"),
            _ => format!("ALTER TABLE {name} ADD COLUMN {new} text DEFAULT 'none'"),
        }
    }

    /// A partition that leaves, comes back, or is made anew.
    fn partition(&mut self, dice: &mut Dice) -> String {
        let sql = "SELECT c.relname::text, c.relispartition,
                          (SELECT array_agg(format('%s %s', a.attname, a.atttypid) ORDER BY a.attname) FROM pg_attribute a
                            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
                        = (SELECT array_agg(format('%s %s', a.attname, a.atttypid) ORDER BY a.attname) FROM pg_attribute a
                            WHERE a.attrelid = 'soak.parted'::regclass AND a.attnum > 0 AND NOT a.attisdropped)
                     FROM pg_class c WHERE c.relnamespace = 'soak'::regnamespace AND c.relname ~ '^parted_[01]$'";
        let rows = self.client.query(sql, &[]).expect("the partitions");
        let n = dice.below(2);
        let name = format!("parted_{n}");
        let bounds = format!("FOR VALUES FROM ({}) TO ({})", n * 100_000, (n + 1) * 100_000);
        match rows.iter().find(|row| row.get::<_, String>(0) == name).map(|row| (row.get::<_, bool>(1), row.get::<_, bool>(2))) {
            Some((true, _)) => format!("ALTER TABLE soak.parted DETACH PARTITION soak.{name}"),
            Some((false, alike)) if !alike || dice.below(3) == 0 => {
                format!("DROP TABLE soak.{name}; CREATE TABLE soak.{name} PARTITION OF soak.parted {bounds}")
            }
            // The load may have written rows into it that belong elsewhere.
            Some(_) => format!(
                "BEGIN; DELETE FROM soak.{name} WHERE id < {} OR id >= {}; ALTER TABLE soak.parted ATTACH PARTITION soak.{name} {bounds}; COMMIT",
                n * 100_000,
                (n + 1) * 100_000
            ),
            None => format!("CREATE TABLE soak.{name} PARTITION OF soak.parted {bounds}"),
        }
    }
}
