//! Much at once.

use crate::support::link::scalar;
use crate::support::{Link, Pair};
use std::fmt::Write as _;
use std::time::Instant;

/// As [`Link::wait`], for what takes its time on a small machine.
fn wait_long(link: &Link) {
    let begun = Instant::now();
    link.try_wait("240 s").unwrap_or_else(|error| panic!("{}\n{}", error.0, link.report()));
    crate::support::say!("acknowledged after {:.1} s", begun.elapsed().as_secs_f64());
}

#[test]
fn five_thousand_statements_in_one_transaction() {
    let link = Link::attached(Pair::shared());
    let before = link.version();
    let mut sql = String::from("BEGIN;");
    for n in 0..1250 {
        write!(
            sql,
            "CREATE TABLE public.t{n} (id int); ALTER TABLE public.t{n} ADD COLUMN b text;
             ALTER TABLE public.t{n} ALTER COLUMN b SET DEFAULT 'x'; CREATE INDEX t{n}_b ON public.t{n} (b);"
        )
        .unwrap();
    }
    sql.push_str("COMMIT");
    link.run(&sql);
    wait_long(&link);
    assert_eq!(link.version(), before + 1);
    let events: i64 = scalar(&mut link.source(), "SELECT count(*) FROM accord.events WHERE version = accord.version()");
    assert_eq!(events, 5000);
    link.assert_agreement();
}

#[test]
fn a_table_with_1600_columns() {
    let link = Link::attached(Pair::shared());
    let columns: Vec<String> = (1..=1600).map(|n| format!("c{n} smallint")).collect();
    link.run(&format!("CREATE TABLE public.wide ({})", columns.join(", ")));
    wait_long(&link);
    link.assert_agreement();
    link.run("ALTER TABLE public.wide DROP COLUMN c800; ALTER TABLE public.wide ALTER COLUMN c801 TYPE int; ALTER TABLE public.wide RENAME c1 TO first");
    wait_long(&link);
    link.assert_agreement();
}

#[test]
fn dropping_a_schema_of_500_objects() {
    let link = Link::attached(Pair::shared());
    let mut sql = String::from("CREATE SCHEMA big; CREATE TABLE public.stays (id int);");
    for n in 0..100 {
        write!(
            sql,
            "CREATE TABLE big.t{n} (id serial PRIMARY KEY, b int); CREATE VIEW big.v{n} AS SELECT id FROM big.t{n};
             CREATE TYPE big.e{n} AS ENUM ('a'); CREATE FUNCTION big.f{n}() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        )
        .unwrap();
    }
    link.run(&sql);
    link.run("CREATE VIEW public.falls AS SELECT id FROM big.v7");
    wait_long(&link);
    link.assert_agreement();
    link.run("DROP SCHEMA big CASCADE");
    wait_long(&link);
    assert!(link.exists_there("public.stays") && !link.exists_there("public.falls"));
    link.assert_agreement();
}
