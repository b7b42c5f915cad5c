//! A table that becomes partitioned, ceases to be or is partitioned otherwise is made again around its partitions, which
//! keep their rows; other rows are carried over.

use crate::client::{conninfo, fresh};
use crate::run::{between, carry_out, differences, listed, read};
use pg_accord::plan::{Options, Plan};
use postgres::Client;

const BY_LIST: &str = "CREATE SCHEMA s; SET search_path = s;
    CREATE TABLE p (a int NOT NULL, b int NOT NULL GENERATED ALWAYS AS IDENTITY, c text, PRIMARY KEY (a, b)) PARTITION BY LIST (a);
    CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
    CREATE VIEW v AS SELECT a, count(*) FROM p GROUP BY a; SET search_path = pg_catalog, pg_temp";

fn by_range(second: &str) -> String {
    let sql = BY_LIST.replace("LIST (a)", "RANGE (a)").replace("IN (1)", "FROM (0) TO (2)");
    sql.replace("IN (2)", second)
}

fn counts(client: &mut Client) -> Vec<(i32, i64)> {
    client.query("SELECT * FROM s.v ORDER BY a", &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// What the plan says that it loses.
fn losses(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().flat_map(|step| &step.losses).map(|loss| loss.what.as_str()).collect()
}

#[test]
fn partitions_keep_their_rows_under_another_key() {
    let Some(conninfo) = conninfo() else { return };
    let (mut a, mut b) = (fresh(&conninfo, "accord_key_a"), fresh(&conninfo, "accord_key_b"));
    b.batch_execute(BY_LIST).unwrap();
    b.batch_execute("INSERT INTO s.p (a, c) SELECT 1 + i % 2, 'x' FROM generate_series(1, 101) i").unwrap();
    let before = (read(&mut b), counts(&mut b));
    // 2 would be in no partition: nothing is done.
    a.batch_execute(&by_range("FROM (3) TO (4)")).unwrap();
    let refused = carry_out(&mut b, &between(&before.0, &read(&mut a)), &Options::default()).unwrap_err();
    assert!(refused.contains("violated"), "{refused}");
    assert_eq!((before.1.clone(), differences(&before.0, &read(&mut b), true)), (counts(&mut b), Vec::new()));

    let mut a = {
        drop(a);
        fresh(&conninfo, "accord_key_a")
    };
    a.batch_execute(&by_range("FROM (2) TO (4)")).unwrap();
    let after = read(&mut a);
    let made = carry_out(&mut b, &between(&before.0, &after), &Options::default()).unwrap();
    assert_eq!((before.1, differences(&after, &read(&mut b), true)), (counts(&mut b), Vec::new()), "{}", listed(&made));
    // What is lost is said, and no more: the rows are in the partitions.
    let lost = losses(&made);
    assert_eq!(lost, ["the position of the sequence of identity s.p.b"], "{}", listed(&made));
}

/// A sequence that the table owns would go with it.
#[test]
fn a_sequence_of_the_tables_own_stays() {
    let Some(conninfo) = conninfo() else { return };
    let serial = |sql: &str| sql.replace("int NOT NULL GENERATED ALWAYS AS IDENTITY", "serial");
    let (mut a, mut b) = (fresh(&conninfo, "accord_key_serial_a"), fresh(&conninfo, "accord_key_serial_b"));
    b.batch_execute(&serial(BY_LIST)).unwrap();
    b.batch_execute("INSERT INTO s.p (a) SELECT 1 FROM generate_series(1, 41) i").unwrap();
    a.batch_execute(&serial(&by_range("FROM (2) TO (4)"))).unwrap();
    let after = read(&mut a);
    let changes = between(&read(&mut b), &after);
    let made = carry_out(&mut b, &changes, &Options::default()).unwrap();
    assert_eq!(differences(&after, &read(&mut b), true), Vec::<String>::new(), "{}", listed(&made));
    let next: i64 = b.query_one("SELECT nextval('s.p_b_seq')", &[]).unwrap().get(0);
    assert_eq!(next, 42, "{}", listed(&made));
    assert!(losses(&made).is_empty(), "{}", listed(&made));
}

const PLAIN: &str = "CREATE SCHEMA s; SET search_path = s; CREATE TYPE mood AS ENUM ('low', 'high');
    CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, at date NOT NULL, \"Mood\" mood, gone text, n numeric(6, 2), twice numeric GENERATED ALWAYS AS (n * 2) STORED,
        PRIMARY KEY (id, at));
    CREATE INDEX ON t (at); COMMENT ON COLUMN t.n IS 'how many'; GRANT SELECT (at) ON t TO PUBLIC;
    CREATE TABLE u (id int, at date, FOREIGN KEY (id, at) REFERENCES t);
    CREATE TABLE seen (n int); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO s.seen VALUES (NEW.id); RETURN NEW; END';
    CREATE VIEW v AS SELECT at, count(*) AS rows FROM t GROUP BY at;";

const SPLIT: &str = "CREATE TABLE t_old PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
    CREATE TABLE t_new PARTITION OF t FOR VALUES FROM ('2026-01-01') TO (MAXVALUE) PARTITION BY LIST (id);
    CREATE TABLE t_new_1 PARTITION OF t_new FOR VALUES IN (1, 2, 3); CREATE TABLE t_new_2 PARTITION OF t_new DEFAULT;";

fn partitioned() -> String {
    let sql = PLAIN.replace("PRIMARY KEY (id, at));", &format!("PRIMARY KEY (id, at)) PARTITION BY RANGE (at); {SPLIT}"));
    // The type goes, its column does not.
    sql.replace("CREATE TYPE mood AS ENUM ('low', 'high');", "")
        .replace("\"Mood\" mood, gone text,", "\"Mood\" text, ")
        .replace("int GENERATED ALWAYS AS IDENTITY", "int")
}

fn contents(client: &mut Client) -> Vec<String> {
    let sql = "SELECT concat_ws('|', id, at, \"Mood\", n, twice) FROM s.t ORDER BY id";
    client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
fn rows_go_where_they_belong_and_come_back() {
    let Some(conninfo) = conninfo() else { return };
    let trigger =
        "CREATE TRIGGER see AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION see(); CREATE RULE r AS ON INSERT TO seen DO INSTEAD NOTHING;
        ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t FOR INSERT WITH CHECK (false);
        SET search_path = pg_catalog, pg_temp";
    let (mut a, mut b) = (fresh(&conninfo, "accord_convert_a"), fresh(&conninfo, "accord_convert_b"));
    a.batch_execute(&format!("{} {trigger}", partitioned())).unwrap();
    b.batch_execute(&format!("{PLAIN} INSERT INTO t (at, \"Mood\", gone, n) SELECT '2025-12-30'::date + i, CASE WHEN i % 2 = 0 THEN 'high'::mood END, i, i FROM generate_series(1, 9) i;
        INSERT INTO u SELECT id, at FROM t; {}", trigger.replace("CREATE POLICY p ON t FOR INSERT", "CREATE POLICY p ON t FOR UPDATE USING (true)"))).unwrap();
    let (plain, split, rows) = (read(&mut b), read(&mut a), contents(&mut b));
    let made = carry_out(&mut b, &between(&plain, &split), &Options::default()).unwrap();
    assert_eq!((&rows, differences(&split, &read(&mut b), true)), (&contents(&mut b), Vec::new()), "{}", listed(&made));
    let places: Vec<(String, i64)> = b
        .query("SELECT tableoid::regclass::text, count(*) FROM s.t GROUP BY 1 ORDER BY 1", &[])
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    assert_eq!(places, [("s.t_new_1".to_owned(), 2), ("s.t_new_2".to_owned(), 6), ("s.t_old".to_owned(), 1)], "{}", listed(&made));
    let mut lost = losses(&made);
    lost.sort_unstable();
    assert_eq!(lost, ["the position of the sequence of identity s.t.id", "the values of column s.t.gone"], "{}", listed(&made));
    // Back: the rows of partitions that go come home, the column that went is empty.
    let made = carry_out(&mut b, &between(&split, &plain), &Options::default()).unwrap();
    assert_eq!((&rows, differences(&plain, &read(&mut b), true)), (&contents(&mut b), Vec::new()), "{}", listed(&made));
    let lost = losses(&made);
    assert_eq!(lost, ["what of the values of column s.t.\"Mood\" does not fit s.mood"], "{}", listed(&made));
    // Nothing was set off, and nothing is left of it.
    let seen: i64 = b.query_one("SELECT count(*) FROM s.seen", &[]).unwrap().get(0);
    let left: i64 = b.query_one("SELECT count(*) FROM pg_class WHERE relpersistence = 't'", &[]).unwrap().get(0);
    assert_eq!((seen, left), (0, 0));
}

/// Rows that no partition takes: all is as it was. No partition at all: the loss is said.
#[test]
fn rows_without_a_place() {
    let Some(conninfo) = conninfo() else { return };
    let (mut a, mut b) = (fresh(&conninfo, "accord_place_a"), fresh(&conninfo, "accord_place_b"));
    let path = "SET search_path = pg_catalog, pg_temp";
    b.batch_execute(&format!("CREATE SCHEMA s; CREATE TABLE s.t (a int); INSERT INTO s.t SELECT generate_series(1, 5); {path}")).unwrap();
    a.batch_execute(&format!("CREATE SCHEMA s; CREATE TABLE s.t (a int) PARTITION BY LIST (a); {path}")).unwrap();
    let before = read(&mut b);
    let bare = read(&mut a);
    a.batch_execute("CREATE TABLE s.t1 PARTITION OF s.t FOR VALUES IN (1, 2, 3, 4)").unwrap();
    let split = read(&mut a);
    let refused = carry_out(&mut b, &between(&before, &split), &Options::default()).unwrap_err();
    assert!(refused.contains("no partition of relation \"t\" found"), "{refused}");
    let online = Options { online: true, ..Options::default() };
    let refused = carry_out(&mut b, &between(&before, &split), &online).unwrap_err();
    assert!(refused.contains("carried over in one transaction"), "{refused}");
    assert_eq!(differences(&before, &read(&mut b), true), Vec::<String>::new());
    assert_eq!(b.query_one("SELECT count(*) FROM s.t", &[]).unwrap().get::<_, i64>(0), 5);
    let made = carry_out(&mut b, &between(&before, &bare), &Options::default()).unwrap();
    let lost = losses(&made);
    assert_eq!((lost, differences(&bare, &read(&mut b), true)), (vec!["the rows of table s.t"], Vec::new()), "{}", listed(&made));
}

/// Other partitions by another key: those that go give their rows to those that come.
#[test]
fn partitions_give_their_rows_to_others() {
    let Some(conninfo) = conninfo() else { return };
    let (mut a, mut b) = (fresh(&conninfo, "accord_others_a"), fresh(&conninfo, "accord_others_b"));
    b.batch_execute(BY_LIST).unwrap();
    b.batch_execute("INSERT INTO s.p (a, c) SELECT 1 + i % 2, 'x' FROM generate_series(1, 101) i").unwrap();
    a.batch_execute(
        &BY_LIST
            .replace("LIST (a)", "HASH (b)")
            .replace("p1 PARTITION OF p FOR VALUES IN (1)", "q1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0)")
            .replace("p2 PARTITION OF p FOR VALUES IN (2)", "q2 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1)"),
    )
    .unwrap();
    let (before, after) = (counts(&mut b), read(&mut a));
    let changes = between(&read(&mut b), &after);
    let made = carry_out(&mut b, &changes, &Options::default()).unwrap();
    assert_eq!((before, differences(&after, &read(&mut b), true)), (counts(&mut b), Vec::new()), "{}", listed(&made));
    assert!(losses(&made).iter().all(|what| !what.contains("rows")), "{}", listed(&made));
}
