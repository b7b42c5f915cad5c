//! Sessions that change the schema: in transactions that commit, that are rolled back as a whole or in part, that are
//! prepared, that meet each other's locks. Each writes into the ledger what it saw.

use super::ledger::Fate;
use super::support::dice::Dice;
use super::world::{DB, World};
use postgres::Client;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Sessions wait while a replica is further behind than this.
const FAR: i64 = 150;
const TYPES: [&str; 5] = ["integer", "text", "numeric", "timestamptz", "uuid"];

pub fn run(world: &Arc<World>, id: usize, seed: u64) {
    let mut session = Session { world: world.clone(), id, dice: Dice::new(seed), client: None, losses: 0 };
    while !world.stopped() {
        if world.held() || world.behind.load(Ordering::SeqCst) > FAR {
            std::thread::sleep(Duration::from_millis(20));
        } else if session.client.as_ref().is_none_or(Client::is_closed) {
            session.recover();
        } else {
            session.transaction();
        }
    }
    // What was on its way when the end came is settled.
    for _ in 0..200 {
        if session.recover() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    world.violation(format!("session {id} cannot connect any more"));
}

struct Session {
    world: Arc<World>,
    id: usize,
    dice: Dice,
    client: Option<Client>,
    /// Losses that it knows of.
    losses: usize,
}

/// A table and its columns beside the key.
struct Table {
    name: String,
    columns: Vec<(String, String)>,
    views: bool,
}

impl Session {
    /// Connects, and learns what became of what it had begun.
    fn recover(&mut self) -> bool {
        std::thread::sleep(Duration::from_millis(30));
        let losses = self.world.losses.load(Ordering::SeqCst);
        self.client = None;
        let found = self.world.source.try_client(DB).and_then(|mut client| {
            client.batch_execute("SET lock_timeout = '1s'; SET deadlock_timeout = '100ms'; SET application_name = 'torture'")?;
            // Prepared ones outlive their session; whether they are committed is decided now.
            let sql = "SELECT gid FROM pg_prepared_xacts WHERE gid LIKE $1 AND database = current_database()";
            for row in client.query(sql, &[&format!("torture {} %", self.id)])? {
                let (verb, gid) = (["COMMIT", "ROLLBACK"][self.dice.below(2)], row.get::<_, String>(0));
                if let Some(number) = gid.rsplit(' ').next().and_then(|number| number.parse().ok()) {
                    self.world.ledger.reopen(number);
                }
                self.world.tell(format_args!("{verb} PREPARED '{gid}'"));
                client.batch_execute(&format!("{verb} PREPARED '{gid}'"))?;
            }
            let mark = World::mark(&mut client, self.id)?;
            Ok((client, mark))
        });
        let Ok((client, mark)) = found else { return false };
        let lost = self.world.ledger.settle(self.id, mark);
        if lost > 0 && losses == self.losses {
            self.world
                .violation(format!("{lost} committed transactions of session {} are gone, and nobody made the source lose any", self.id));
        }
        self.losses = losses;
        self.client = Some(client);
        true
    }

    fn transaction(&mut self) {
        let Some(mut client) = self.client.take() else { return };
        let number = self.world.ledger.begin(self.id);
        let fate = self.attempt(&mut client, number);
        match fate {
            Ok(fate) => self.world.ledger.end(number, fate),
            Err(error) => {
                // An answer of the server's that is not the connection's end: the transaction failed, and is rolled back.
                let refused = error.as_db_error().is_some_and(|db| !db.code().code().starts_with("57P"));
                if refused && client.batch_execute("ROLLBACK").is_ok() {
                    self.world.ledger.end(number, Fate::RolledBack);
                } else {
                    // Not known: settled after the next connection.
                    return;
                }
            }
        }
        self.client = Some(client);
    }

    fn attempt(&mut self, client: &mut Client, number: u64) -> Result<Fate, postgres::Error> {
        let (id, tables) = (self.id, self.read(client)?);
        client.batch_execute("BEGIN")?;
        let mark = format!("COMMENT ON TABLE torture.mark_{id} IS 'txn {number}'");
        let late = self.dice.below(2) == 0;
        if !late {
            client.batch_execute(&mark)?;
        }
        for part in 0..=self.dice.below(3) {
            let statement = self.change(&tables, &format!("{number}_{part}"));
            client.batch_execute(&statement)?;
            if self.dice.below(8) == 0 {
                // A part that never was.
                client.batch_execute(&format!(
                    "SAVEPOINT s; CREATE TABLE torture.never_{number}_{part} (); ALTER TABLE torture.mark_{id} ADD COLUMN never_{part} int; ROLLBACK TO SAVEPOINT s"
                ))?;
            }
        }
        if late {
            client.batch_execute(&mark)?;
        }
        if let Some(tamper) = self.world.tamper {
            client.batch_execute(tamper)?;
        }
        match self.dice.below(20) {
            0..=2 => client.batch_execute("ROLLBACK").map(|()| Fate::RolledBack),
            3..=5 => {
                client.batch_execute(&format!("PREPARE TRANSACTION 'torture {id} {number}'"))?;
                std::thread::sleep(Duration::from_millis(self.dice.below(20) as u64));
                let (verb, fate) = [("COMMIT", Fate::Committed), ("ROLLBACK", Fate::RolledBack)][usize::from(self.dice.below(3) == 0)];
                client.batch_execute(&format!("{verb} PREPARED 'torture {id} {number}'")).map(|()| fate)
            }
            _ => client.batch_execute("COMMIT").map(|()| Fate::Committed),
        }
    }

    /// The tables that this session changes: its own and the shared ones.
    fn read(&self, client: &mut Client) -> Result<Vec<Table>, postgres::Error> {
        let sql = "SELECT c.relname::text,
                          array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attname <> 'id'),
                          array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum) FILTER (WHERE a.attname <> 'id'),
                          EXISTS (SELECT FROM pg_depend d WHERE d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass)
                     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    WHERE c.relnamespace = 'torture'::regnamespace AND c.relkind = 'r' AND (c.relname LIKE 'shared%' OR c.relname LIKE $1)
                    GROUP BY c.oid, c.relname ORDER BY c.relname";
        let rows = client.query(sql, &[&format!("s{}\\_%", self.id)])?;
        Ok(rows
            .iter()
            .map(|row| {
                let (names, types): (Option<Vec<String>>, Option<Vec<String>>) = (row.get(1), row.get(2));
                Table {
                    name: row.get(0),
                    columns: names.unwrap_or_default().into_iter().zip(types.unwrap_or_default()).collect(),
                    views: row.get(3),
                }
            })
            .collect())
    }

    fn change(&mut self, tables: &[Table], new: &str) -> String {
        let own: Vec<&Table> = tables.iter().filter(|table| !table.name.starts_with("shared")).collect();
        let create = format!("CREATE TABLE torture.s{}_{new} (id int PRIMARY KEY, a_{new} int, b_{new} text DEFAULT 'x')", self.id);
        if own.len() < 3 {
            return create;
        }
        // One in four is about a table that others change, too.
        let table = if self.dice.below(4) == 0 { self.dice.one(tables) } else { self.dice.one(&own).copied() };
        let Some(table) = table else { return create };
        let name = format!("torture.{}", table.name);
        let column = self.dice.one(&table.columns).cloned();
        match (self.dice.below(16), column) {
            (0, _) => create,
            (1 | 2, _) if own.len() > 6 => {
                let last = own[self.dice.below(own.len())];
                format!("DROP TABLE IF EXISTS torture.{}{}", last.name, if last.views { " CASCADE" } else { "" })
            }
            (3, _) if own.len() > 4 => format!("ALTER TABLE torture.{} RENAME TO s{}_{new}", own[self.dice.below(own.len())].name, self.id),
            (4, Some((column, _))) => format!("ALTER TABLE {name} RENAME COLUMN {column} TO r_{new}"),
            (5 | 6, Some((column, _))) if table.columns.len() > 2 => format!("ALTER TABLE {name} DROP COLUMN {column}"),
            (7, Some((column, kind))) if kind == "integer" => format!("ALTER TABLE {name} ALTER COLUMN {column} TYPE bigint"),
            (8, Some((column, kind))) if kind != "text" => {
                format!("ALTER TABLE {name} ALTER COLUMN {column} TYPE text USING {column}::text")
            }
            (9, Some((column, _))) => format!("CREATE INDEX i_{new} ON {name} ({column})"),
            (10, _) => format!("CREATE OR REPLACE FUNCTION torture.f{}() RETURNS text LANGUAGE sql AS $$ SELECT '{new}' $$", self.id),
            (11, _) if !table.views => format!("CREATE VIEW torture.v{}_{new} AS SELECT id FROM {name}", self.id),
            (12, Some((column, kind))) if kind == "integer" || kind == "bigint" => {
                format!("ALTER TABLE {name} ADD CONSTRAINT k_{new} CHECK ({column} > 0)")
            }
            (13, Some((column, _))) => format!("COMMENT ON COLUMN {name}.{column} IS '{new}'"),
            (14, Some((column, kind))) if kind == "text" => format!("ALTER TABLE {name} ALTER COLUMN {column} SET DEFAULT '{new}'"),
            _ => {
                let kind = TYPES[self.dice.below(TYPES.len())];
                format!("ALTER TABLE {name} ADD COLUMN c_{new} {kind}")
            }
        }
    }
}
