//! A partitioned table under another key is made again around its partitions, which keep their rows.

use crate::client::{conninfo, fresh};
use crate::run::{between, carry_out, differences, listed, read};
use pg_accord::plan::Options;
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
    let losses: Vec<&str> = made.steps.iter().flat_map(|step| &step.losses).map(|loss| loss.what.as_str()).collect();
    assert_eq!(losses, ["the position of the sequence of identity s.p.b"], "{}", listed(&made));
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
    assert!(made.steps.iter().all(|step| step.losses.is_empty()), "{}", listed(&made));
}
