//! Policy `code: "reject"`: what carries executable text is refused, and nothing else.

use crate::support::link::scalar;
use crate::support::{Link, Pair};

#[test]
fn whatever_carries_code_is_refused() {
    let link = Link::bare(Pair::shared());
    // Own functions that stand on both sides beforehand: it is the call that is refused.
    let own = "CREATE SCHEMA own; CREATE FUNCTION own.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
               CREATE FUNCTION own.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE OPERATOR own.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)";
    link.run(&format!("{own}; CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, b int, c text)"));
    link.run_there(own);
    link.add(r#"{"code": "reject", "exclude_schemas": ["own"]}"#);
    link.wait();
    for sql in [
        "CREATE FUNCTION s.g() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE PROCEDURE s.p() LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE AGGREGATE s.total(int) (SFUNC = int4pl, STYPE = int)",
        "CREATE TRIGGER t BEFORE INSERT ON s.a FOR EACH ROW EXECUTE FUNCTION own.t()",
        "CREATE RULE r AS ON INSERT TO s.a DO ALSO NOTHING",
        "ALTER TABLE s.a ADD COLUMN d int DEFAULT own.f(1)",
        "ALTER TABLE s.a ADD COLUMN d int GENERATED ALWAYS AS (own.f(b)) STORED",
        "ALTER TABLE s.a ADD CHECK (own.f(b) > 0)",
        "ALTER TABLE s.a ALTER b TYPE bigint USING own.f(b)",
        "CREATE INDEX ON s.a (own.f(b))",
        "CREATE INDEX ON s.a (b) WHERE own.f(b) > 1",
        "CREATE STATISTICS s.x ON (own.f(b)) FROM s.a",
        "CREATE VIEW s.v AS SELECT own.f(b) AS b FROM s.a",
        "CREATE VIEW s.v AS SELECT b OPERATOR(own.+) 1 AS b FROM s.a",
        "CREATE MATERIALIZED VIEW s.m AS SELECT x FROM own.f(1) x",
        "CREATE POLICY p ON s.a USING (own.f(b) > 0)",
        "CREATE DOMAIN s.d AS int CHECK (own.f(VALUE) > 0)",
        "CREATE DOMAIN s.d AS int DEFAULT own.f(1)",
        "CREATE TABLE s.parted (b int) PARTITION BY RANGE (own.f(b))",
        "CREATE VIEW s.v AS SELECT query_to_xml('SELECT 1', true, true, '') AS x",
        "CREATE VIEW s.v AS SELECT pg_read_file('/etc/passwd') AS x",
        "ALTER TABLE s.a ALTER c SET DEFAULT set_config('search_path', 'own', false)",
        "CREATE EXTENSION citext SCHEMA s",
        "CREATE OPERATOR s.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)",
        "CREATE CAST (int AS box) WITH FUNCTION own.box(int)",
    ] {
        if sql.contains("own.box") {
            for side in [Link::run, Link::run_there] {
                side(&link, "CREATE FUNCTION own.box(int) RETURNS box LANGUAGE sql AS 'SELECT NULL::box'");
            }
        }
        link.run(sql);
        let status = link.until_state(&["rejected", "following", "held", "diverged"]);
        let error = link.try_wait("20 s").expect_err(sql);
        error.assert_clear();
        assert!(error.says("policy refuses code"), "{sql}: {} {status:?}", error.0);
        link.run("SELECT accord.skip('warehouse', accord.version(), 'code')");
        link.wait();
        // What it left behind on the source alone goes again, and so does its version.
        link.run("SELECT accord.revert(accord.version())");
        if link.try_wait("20 s").is_err() {
            link.run("SELECT accord.skip('warehouse', accord.version(), 'the way back')");
            link.wait();
        }
    }
    let functions: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM pg_proc WHERE pronamespace = 's'::regnamespace");
    let triggers: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM pg_trigger WHERE tgrelid = 's.a'::regclass");
    assert_eq!((functions, triggers), (0, 0));
}

#[test]
fn what_calls_the_servers_own_functions_passes() {
    let link = Link::with_policy(Pair::shared(), r#"{"code": "reject"}"#);
    for sql in [
        "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad', 'happy'); CREATE DOMAIN s.short AS text CHECK (length(VALUE) < 10) DEFAULT lower('X')",
        "CREATE TABLE s.a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b int CHECK (b > 0 AND abs(b) < 9), m s.mood DEFAULT 'sad', d s.short, at timestamptz DEFAULT now())",
        "CREATE TABLE s.b (id serial PRIMARY KEY, a bigint REFERENCES s.a (id), t tsvector GENERATED ALWAYS AS (to_tsvector('english', 'x')) STORED)",
        "CREATE INDEX ON s.a (lower(d::text) text_pattern_ops, coalesce(b, 0)) WHERE m <> 'happy'",
        "ALTER TABLE s.a ADD EXCLUDE USING btree (b WITH =)",
        "ALTER TABLE s.a ALTER d TYPE text USING upper(d::text)",
        "CREATE VIEW s.v AS WITH x(n) AS (SELECT 1) SELECT a.id, left(a.d, 2) AS l, count(*) OVER (PARTITION BY a.b) AS c FROM s.a a LEFT JOIN x ON n = a.b WHERE a.at > now() - interval '1 day'",
        "ALTER TABLE s.a RENAME b TO n",
        "CREATE TABLE s.parted (id int, at date) PARTITION BY RANGE (date_part('year', at)); CREATE TABLE s.p1 PARTITION OF s.parted FOR VALUES FROM (2020) TO (2021)",
        "ALTER TABLE s.a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON s.a USING (current_user = 'x' OR n = ANY (string_to_array(d, ',')::int[]))",
        "CREATE STATISTICS s.x ON lower(d), n FROM s.a; COMMENT ON TABLE s.a IS 'own.f(1)'",
        "DROP VIEW s.v; DROP TABLE s.b",
    ] {
        link.run(sql);
        if let Err(error) = link.try_wait("30 s") {
            panic!("{sql}: {}", error.0);
        }
    }
    link.assert_agreement();
}
