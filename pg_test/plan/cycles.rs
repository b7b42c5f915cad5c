//! Objects that depend on each other, built from nothing and taken away again; and the bugs that are
//! known of others, each by its name.

use crate::client::{conninfo, fresh, roles};
use crate::run::{between, carry_out, differences, dump, dump_differences, listed, read, same_fingerprint};
use pg_accord::plan::{Options, PlanError, Standing, plan};

const CYCLES: &[(&str, &str)] = &[
    (
        "foreign keys both ways",
        "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
         ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b; ALTER TABLE a ADD self int REFERENCES a",
    ),
    (
        "a ring of three",
        "CREATE TABLE a (id int UNIQUE, x int); CREATE TABLE b (id int UNIQUE, x int); CREATE TABLE c (id int UNIQUE, x int);
         ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b (id); ALTER TABLE b ADD FOREIGN KEY (x) REFERENCES c (id);
         ALTER TABLE c ADD FOREIGN KEY (x) REFERENCES a (id) DEFERRABLE",
    ),
    (
        "a view and a function that read each other",
        "CREATE VIEW v AS SELECT 1 AS a; CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT v.a FROM v; END;
         CREATE OR REPLACE VIEW v AS SELECT f() AS a",
    ),
    (
        "two views and a function in a ring",
        "CREATE VIEW v AS SELECT 1 AS a, 'x'::text AS b; CREATE VIEW w AS SELECT a, b FROM v;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT w.a FROM w; END;
         CREATE OR REPLACE VIEW v AS SELECT f() AS a, 'x'::text AS b",
    ),
    (
        "a default and a function that reads its table",
        "CREATE TABLE t (id int, n bigint); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END;
         ALTER TABLE t ALTER n SET DEFAULT f()",
    ),
    (
        "two tables whose defaults count each other",
        "CREATE TABLE a (n bigint); CREATE TABLE b (n bigint);
         CREATE FUNCTION fa() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM a; END;
         CREATE FUNCTION fb() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM b; END;
         ALTER TABLE a ALTER n SET DEFAULT fb(); ALTER TABLE b ALTER n SET DEFAULT fa()",
    ),
    (
        "a check whose function takes the table's row",
        "CREATE TABLE t (a int, b int); CREATE FUNCTION fine(t) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a < $1.b';
         ALTER TABLE t ADD CHECK (fine(t.*))",
    ),
    (
        "a domain's check and a function over the domain",
        "CREATE DOMAIN d AS int; CREATE FUNCTION plain(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
         ALTER DOMAIN d ADD CHECK (plain(VALUE)); CREATE FUNCTION over(d) RETURNS d LANGUAGE sql AS 'SELECT $1';
         CREATE TABLE t (a d DEFAULT over(1)); CREATE DOMAIN e AS d CHECK (VALUE < 10)",
    ),
    (
        "a domain's check whose function reads a table of the domain",
        "CREATE DOMAIN d AS int; CREATE TABLE t (a d); CREATE FUNCTION f(int) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT count(t.a) > $1 FROM t; END;
         ALTER DOMAIN d ADD CHECK (f(VALUE))",
    ),
    (
        "partitions with keys among themselves",
        "CREATE TABLE p (id int, at date, up int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
         CREATE TABLE p2 PARTITION OF p DEFAULT PARTITION BY LIST (id); CREATE TABLE p2x PARTITION OF p2 DEFAULT;
         CREATE INDEX ON p (up); ALTER TABLE p ADD FOREIGN KEY (up, at) REFERENCES p (id, at);
         CREATE TABLE o (id int, at date, FOREIGN KEY (id, at) REFERENCES p (id, at))",
    ),
    (
        "partitions that a view and a function read",
        "CREATE TABLE p (id int, at date) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF p DEFAULT;
         CREATE VIEW v AS SELECT * FROM p1; CREATE FUNCTION f() RETURNS SETOF v LANGUAGE sql BEGIN ATOMIC SELECT * FROM v; END;
         CREATE VIEW w AS SELECT * FROM f()",
    ),
    (
        "types that hold each other's tables",
        "CREATE TABLE t (a int); CREATE TYPE c AS (row_of_t t, n int); CREATE TABLE u (b c, id int PRIMARY KEY);
         ALTER TABLE t ADD u_id int REFERENCES u; CREATE FUNCTION g(c) RETURNS t LANGUAGE sql AS 'SELECT ($1).row_of_t'",
    ),
    (
        "a trigger, a rule and a policy over tables of each other",
        "CREATE TABLE a (id int); CREATE TABLE b (id int);
         CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO a VALUES (new.id); RETURN new; END';
         CREATE TRIGGER tr AFTER INSERT ON b FOR EACH ROW EXECUTE FUNCTION tr();
         CREATE RULE ru AS ON DELETE TO a DO ALSO DELETE FROM b WHERE b.id = old.id;
         CREATE RULE ru AS ON DELETE TO b DO ALSO SELECT 1 FROM a;
         CREATE POLICY po ON a USING (EXISTS (SELECT FROM b WHERE b.id = a.id)); CREATE POLICY po ON b USING (EXISTS (SELECT FROM a WHERE a.id = b.id));
         ALTER TABLE a ENABLE ROW LEVEL SECURITY",
    ),
    (
        "a sequence that its table's default reads and that the table owns",
        "CREATE SEQUENCE s; CREATE TABLE t (id int DEFAULT nextval('s'), other int DEFAULT currval('s')); ALTER SEQUENCE s OWNED BY t.id",
    ),
    (
        "a materialized view over a function over a view",
        "CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS SETOF v LANGUAGE sql BEGIN ATOMIC SELECT a FROM v; END;
         CREATE MATERIALIZED VIEW m AS SELECT a FROM f(); CREATE UNIQUE INDEX ON m (a); CREATE VIEW w AS SELECT a FROM m UNION ALL SELECT a FROM v",
    ),
];

/// From nothing to the schema, and back to nothing.
fn both_ways(conninfo: &str, names: [&str; 2], sql: &str, dumps: bool) -> Result<(), String> {
    let (mut a, mut b) = (fresh(conninfo, names[0]), fresh(conninfo, names[1]));
    a.batch_execute(&format!("SET search_path = public; {sql}; SET search_path = pg_catalog, pg_temp")).map_err(|e| format!("{e:?}"))?;
    let (empty, full) = (read(&mut b), read(&mut a));
    let there = carry_out(&mut b, &between(&empty, &full), &Options::default())?;
    let found = read(&mut b);
    let mut differing = differences(&full, &found, true);
    if !same_fingerprint(&full, &found) {
        differing.push("the fingerprints differ".to_owned());
    }
    // Texts that are not the same once reloaded settle for us, and not for pg_dump.
    if dumps {
        differing.extend(dump_differences(&dump(conninfo, names[0]), &dump(conninfo, names[1])));
    }
    if !differing.is_empty() {
        return Err(format!("there: {}\n{}", differing.join("\n  "), listed(&there)));
    }
    // A second look finds nothing to do.
    if !between(&found, &full).is_empty() {
        return Err("a second difference is not empty".to_owned());
    }
    let back = carry_out(&mut b, &between(&full, &empty), &Options::default())?;
    let differing = differences(&empty, &read(&mut b), true);
    if differing.is_empty() { Ok(()) } else { Err(format!("back: {}\n{}", differing.join("\n  "), listed(&back))) }
}

#[test]
fn cycles_are_built_and_taken_away() {
    let Some(conninfo) = conninfo() else { return };
    let failures: Vec<String> = CYCLES
        .iter()
        .filter_map(|(name, sql)| {
            both_ways(&conninfo, ["accord_cycle_a", "accord_cycle_b"], sql, true).err().map(|why| format!("{name}: {why}"))
        })
        .collect();
    println!("{} of {} cycles", CYCLES.len() - failures.len(), CYCLES.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Carries `ddl` over from a database to its like, and checks that nothing is left to do.
fn change(conninfo: &str, setup: &str, ddl: &str) {
    let (mut a, mut b) = (fresh(conninfo, "accord_known_a"), fresh(conninfo, "accord_known_b"));
    for client in [&mut a, &mut b] {
        client.batch_execute(&format!("SET search_path = public; {setup}; SET search_path = pg_catalog, pg_temp")).unwrap();
    }
    a.batch_execute(&format!("SET search_path = public; {ddl}; SET search_path = pg_catalog, pg_temp")).unwrap();
    let (from, to) = (read(&mut b), read(&mut a));
    let made = carry_out(&mut b, &between(&from, &to), &Options::default()).unwrap();
    let found = read(&mut b);
    let mut left = differences(&to, &found, true);
    left.extend(dump_differences(&dump(conninfo, "accord_known_a"), &dump(conninfo, "accord_known_b")));
    assert!(left.is_empty(), "{}\n{}", left.join("\n"), listed(&made));
    let back = carry_out(&mut b, &between(&to, &from), &Options::default()).unwrap();
    let left = differences(&from, &read(&mut b), false);
    assert!(left.is_empty(), "back: {}\n{}", left.join("\n"), listed(&back));
}

/// A schema on a server of its own name, there and back.
fn built(sql: &str) {
    let Some(conninfo) = conninfo() else { return };
    roles(&mut postgres::Client::connect(&conninfo, postgres::NoTls).unwrap());
    both_ways(&conninfo, ["accord_known_a", "accord_known_b"], sql, false).unwrap_or_else(|why| panic!("{why}"));
}

// One database name is one test's at a time.
static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn known_bugs_of_the_field() {
    let Some(conninfo) = conninfo() else { return };
    let _alone = alone();
    roles(&mut postgres::Client::connect(&conninfo, postgres::NoTls).unwrap());
    // View → view: names that sort against the order of dependencies.
    change(
        &conninfo,
        "CREATE TABLE t (a int)",
        "CREATE VIEW z AS SELECT a FROM t; CREATE VIEW m AS SELECT a FROM z; CREATE VIEW a AS SELECT a FROM m",
    );
    // View → function, and a function → view.
    change(
        &conninfo,
        "CREATE TABLE t (a int)",
        "CREATE FUNCTION z(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; CREATE VIEW a AS SELECT z(a) AS n FROM t;
         CREATE FUNCTION b() RETURNS SETOF a LANGUAGE sql AS 'SELECT * FROM public.a'; CREATE VIEW aa AS SELECT * FROM b()",
    );
    // ALTER TYPE under a view, two views deep, with a comment, a grant and a trigger on it.
    change(
        &conninfo,
        "CREATE TABLE t (a int, b text); CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW w AS SELECT a + 1 AS n FROM v; COMMENT ON VIEW v IS 'x';
         GRANT SELECT ON w TO accord_bob; CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TRIGGER i INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION tr()",
        "DROP VIEW w; DROP VIEW v; ALTER TABLE t ALTER a TYPE bigint; CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW w AS SELECT a + 1 AS n FROM v;
         COMMENT ON VIEW v IS 'x'; GRANT SELECT ON w TO accord_bob;
         CREATE TRIGGER i INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION tr()",
    );
    // Labels that change places, under a column, a default and a view, while one goes and one comes.
    change(
        &conninfo,
        "CREATE TYPE e AS ENUM ('a', 'b', 'c', 'd'); CREATE TABLE t (a e DEFAULT 'b', b e[]); CREATE VIEW v AS SELECT a FROM t",
        "DROP VIEW v; ALTER TABLE t ALTER a DROP DEFAULT, ALTER a TYPE text, ALTER b TYPE text[]; DROP TYPE e;
         CREATE TYPE e AS ENUM ('c', 'new', 'b', 'a'); ALTER TABLE t ALTER a TYPE e USING a::e, ALTER b TYPE e[] USING b::e[];
         ALTER TABLE t ALTER a SET DEFAULT 'b'; CREATE VIEW v AS SELECT a FROM t",
    );
    // Policies over another schema's table, with the same names in both.
    change(
        &conninfo,
        "CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.t (id int, who name); CREATE TABLE two.t (id int)",
        "CREATE POLICY p ON one.t USING (EXISTS (SELECT FROM two.t WHERE t.id = one.t.id)); CREATE POLICY p ON two.t TO accord_bob
         USING (id IN (SELECT t.id FROM one.t)) WITH CHECK (false); ALTER TABLE one.t ENABLE ROW LEVEL SECURITY",
    );
    // DROP CONSTRAINT after DROP TABLE: both ends of a key go, or one of them.
    change(
        &conninfo,
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); CREATE TABLE c (b int REFERENCES b, a int REFERENCES a)",
        "DROP TABLE c; DROP TABLE b",
    );
    change(
        &conninfo,
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)",
        "DROP TABLE a CASCADE",
    );
    // Partition children: dropped with their parent, alone, and detached.
    let parts =
        "CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9);
         CREATE TABLE p2 PARTITION OF p DEFAULT; CREATE INDEX ON p (n)";
    change(&conninfo, parts, "DROP TABLE p");
    change(&conninfo, parts, "DROP TABLE p1");
    change(&conninfo, parts, "ALTER TABLE p DETACH PARTITION p2; DROP TABLE p2");
    change(&conninfo, parts, "ALTER TABLE p DETACH PARTITION p2; DROP TABLE p");
}

/// What was brought about once is not found to differ again, however it was written.
#[test]
fn no_perpetual_differences() {
    let _alone = alone();
    built(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int, code varchar(5), m mood, n numeric, d date, who name);
         ALTER TABLE t ADD CHECK (code IN ('a', 'b')), ADD CHECK (id BETWEEN 1 AND 9 AND n > 1.50), ADD CHECK (m = ANY (ARRAY['sad', 'ok']::mood[])),
             ADD CHECK (code ~ '^[a-z]\\d' OR code LIKE 'x\\_%'), ADD CHECK (d > '2020-01-01'), ADD CHECK (coalesce(n, 0) <> 0 IS NOT FALSE);
         ALTER TABLE t ADD CHECK (CASE WHEN id = 1 THEN true ELSE n IS NULL END);
         CREATE POLICY p ON t FOR UPDATE TO accord_bob, accord_alice USING (who = current_user) WITH CHECK (id > 0 AND code NOT IN ('c', 'd'));
         CREATE POLICY q ON t AS RESTRICTIVE FOR ALL TO public USING (true); CREATE POLICY r ON t FOR SELECT USING (m IN ('sad'));
         GRANT ALL ON t TO accord_bob; GRANT SELECT (id, code), UPDATE (n) ON t TO accord_alice WITH GRANT OPTION; REVOKE ALL ON t FROM accord_alice;
         GRANT SELECT (id) ON t TO accord_alice; GRANT INSERT ON t TO PUBLIC;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO accord_bob;
         CREATE VIEW v AS SELECT * FROM t WHERE code IN ('a', 'b') AND d > now() - '1 day'::interval; GRANT SELECT ON v TO accord_bob",
    );
}

/// What cannot be planned is an error and never an empty plan.
#[test]
fn a_failure_is_not_no_changes() {
    let Some(conninfo) = conninfo() else { return };
    let _alone = alone();
    let mut a = fresh(&conninfo, "accord_known_a");
    let empty = read(&mut a);
    a.batch_execute("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER w FOREIGN DATA WRAPPER w; CREATE TABLE public.u (a int)").unwrap();
    let before = read(&mut a);
    a.batch_execute("DROP TABLE public.u; CREATE FOREIGN TABLE public.u (a int) SERVER w").unwrap();
    let after = read(&mut a);
    let changes = between(&before, &after);
    assert!(!changes.is_empty());
    let refused = plan(&changes, &Standing::new(before.clone()), &Options::default());
    assert!(matches!(refused, Err(PlanError::Impossible { .. })), "{refused:?}");
    // Every difference that is more than a column's place makes a step or an error.
    for (from, to) in [(&empty, &before), (&before, &empty), (&empty, &after)] {
        let made = plan(&between(from, to), &Standing::new(from.clone()), &Options::default()).unwrap();
        assert!(!made.steps.is_empty());
    }
    // A reader that fails fails the reading.
    let mut gone = fresh(&conninfo, "accord_known_b");
    gone.batch_execute("BEGIN").unwrap();
    assert!(gone.batch_execute("SELECT 1 / 0").is_err());
    let read = pg_accord::catalog::read_all(&mut crate::client::ClientReader::new_in(&mut gone, 15));
    assert!(read.is_err(), "a broken transaction was read as an empty database");
}
