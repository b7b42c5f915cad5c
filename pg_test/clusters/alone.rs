//! Objects that stand by themselves, from the source to the replica: each is created, altered, renamed,
//! moved and dropped, one version after the other, and each version is taken back.

use crate::support::link::scalar;
use crate::support::{Link, Pair};

const STEPS: &[&str] = &[
    "CREATE SCHEMA one; CREATE SCHEMA two",
    // Base types
    "CREATE TYPE one.t",
    "CREATE FUNCTION one.t_in(cstring) RETURNS one.t LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
     CREATE FUNCTION one.t_out(one.t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
     CREATE FUNCTION one.t_send(one.t) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'int4send'",
    "CREATE TYPE one.t (INPUT = one.t_in, OUTPUT = one.t_out, LIKE = int4)",
    "ALTER TYPE one.t SET (SEND = one.t_send)",
    "COMMENT ON TYPE one.t IS 'a number'",
    "CREATE FUNCTION one.lt(one.t, one.t) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
     CREATE FUNCTION one.gt(one.t, one.t) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4gt';
     CREATE FUNCTION one.ge(one.t, one.t) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4ge';
     CREATE FUNCTION one.mixed(one.t, integer) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
     CREATE FUNCTION one.cmp(one.t, one.t) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
     CREATE FUNCTION one.text(one.t) RETURNS text LANGUAGE sql AS 'SELECT ''t'''",
    // Operators: the second names the first, the third too
    "CREATE OPERATOR one.< (LEFTARG = one.t, RIGHTARG = one.t, FUNCTION = one.lt)",
    "CREATE OPERATOR one.> (LEFTARG = one.t, RIGHTARG = one.t, FUNCTION = one.gt, COMMUTATOR = OPERATOR(one.<))",
    "CREATE OPERATOR one.>= (LEFTARG = one.t, RIGHTARG = one.t, FUNCTION = one.ge, NEGATOR = OPERATOR(one.<))",
    "CREATE OPERATOR one.< (LEFTARG = one.t, RIGHTARG = integer, FUNCTION = one.mixed)",
    "ALTER OPERATOR one.< (one.t, one.t) SET (RESTRICT = scalarltsel, JOIN = scalarltjoinsel)",
    "COMMENT ON OPERATOR one.< (one.t, one.t) IS 'less'",
    // Families and classes
    "CREATE OPERATOR FAMILY one.f USING btree",
    "CREATE OPERATOR CLASS one.c DEFAULT FOR TYPE one.t USING btree FAMILY one.f AS OPERATOR 1 one.<, OPERATOR 5 one.>, FUNCTION 1 one.cmp(one.t, one.t)",
    "ALTER OPERATOR FAMILY one.f USING btree ADD OPERATOR 1 one.< (one.t, integer)",
    "CREATE TABLE one.x (a one.t PRIMARY KEY, b text, c integer)",
    // Casts
    "CREATE CAST (one.t AS text) WITH FUNCTION one.text(one.t) AS ASSIGNMENT",
    "COMMENT ON CAST (one.t AS text) IS 'as text'",
    "CREATE CAST (one.t AS integer) WITHOUT FUNCTION",
    // What names the type and the operators follows them
    "ALTER TYPE one.t RENAME TO \"T t\"",
    "ALTER OPERATOR one.>= (one.\"T t\", one.\"T t\") SET SCHEMA two",
    "ALTER OPERATOR one.< (one.\"T t\", integer) SET SCHEMA two",
    "ALTER OPERATOR CLASS one.c USING btree RENAME TO d",
    "ALTER OPERATOR FAMILY one.f USING btree SET SCHEMA two",
    "DROP OPERATOR two.< (one.\"T t\", integer)",
    "DROP OPERATOR two.>= (one.\"T t\", one.\"T t\")",
    "DROP CAST (one.\"T t\" AS integer)",
    "DROP FUNCTION one.text(one.\"T t\") CASCADE",
    // Collations and conversions
    "CREATE COLLATION one.c (provider = libc, lc_collate = 'C', lc_ctype = 'POSIX')",
    "CREATE TABLE one.sorted (a text COLLATE one.c); CREATE INDEX ON one.sorted (a COLLATE one.c)",
    "ALTER COLLATION one.c RENAME TO d",
    "ALTER COLLATION one.d SET SCHEMA two",
    "COMMENT ON COLLATION two.d IS 'sorts'",
    "DROP TABLE one.sorted",
    "DROP COLLATION two.d",
    "CREATE DEFAULT CONVERSION one.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    "ALTER CONVERSION one.c RENAME TO d",
    "ALTER CONVERSION one.d SET SCHEMA two",
    "DROP CONVERSION two.d",
    // Text search
    "CREATE TEXT SEARCH PARSER one.p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
    "CREATE TEXT SEARCH TEMPLATE one.w (INIT = dsimple_init, LEXIZE = dsimple_lexize)",
    "CREATE TEXT SEARCH DICTIONARY one.d (TEMPLATE = one.w, stopwords = english)",
    "CREATE TEXT SEARCH CONFIGURATION one.s (PARSER = one.p)",
    "ALTER TEXT SEARCH CONFIGURATION one.s ADD MAPPING FOR word, asciiword WITH one.d",
    "CREATE INDEX search ON one.x USING gin (to_tsvector('one.s', b))",
    "ALTER TEXT SEARCH DICTIONARY one.d (accept = false, stopwords)",
    "ALTER TEXT SEARCH CONFIGURATION one.s ALTER MAPPING FOR word WITH one.d, simple",
    "ALTER TEXT SEARCH CONFIGURATION one.s DROP MAPPING FOR asciiword",
    "ALTER TEXT SEARCH PARSER one.p RENAME TO parser",
    "ALTER TEXT SEARCH TEMPLATE one.w SET SCHEMA two",
    "ALTER TEXT SEARCH DICTIONARY one.d RENAME TO e",
    "ALTER TEXT SEARCH CONFIGURATION one.s SET SCHEMA two",
    "COMMENT ON TEXT SEARCH CONFIGURATION two.s IS 'searches'",
    "DROP INDEX one.search",
    "DROP TEXT SEARCH CONFIGURATION two.s",
    "DROP TEXT SEARCH DICTIONARY one.e; DROP TEXT SEARCH TEMPLATE two.w; DROP TEXT SEARCH PARSER one.parser",
    // Statistics objects
    "CREATE STATISTICS one.s (ndistinct, mcv) ON b, c FROM one.x",
    "ALTER STATISTICS one.s SET STATISTICS 300",
    "ALTER TABLE one.x RENAME COLUMN b TO words",
    "ALTER TABLE one.x ALTER COLUMN c TYPE bigint",
    "ALTER STATISTICS one.s RENAME TO r",
    "ALTER STATISTICS one.r SET SCHEMA two",
    "COMMENT ON STATISTICS two.r IS 'together'",
    "CREATE STATISTICS one.t ON (c + 1) FROM one.x",
    "DROP STATISTICS two.r",
    "ALTER TABLE one.x DROP COLUMN c",
    // Access methods, languages, transforms
    "CREATE ACCESS METHOD own TYPE TABLE HANDLER heap_tableam_handler",
    "CREATE TABLE one.heaped (a integer) USING own",
    "DROP TABLE one.heaped",
    "DROP ACCESS METHOD own",
    "CREATE FUNCTION one.handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
    "CREATE LANGUAGE own HANDLER one.handler",
    "CREATE FUNCTION one.f() RETURNS integer LANGUAGE own AS 'BEGIN RETURN 1; END'",
    "CREATE OR REPLACE TRUSTED LANGUAGE own HANDLER one.handler VALIDATOR plpgsql_validator",
    "REVOKE USAGE ON LANGUAGE own FROM PUBLIC",
    "CREATE TRANSFORM FOR integer LANGUAGE own (FROM SQL WITH FUNCTION prsd_lextype(internal))",
    "CREATE OR REPLACE TRANSFORM FOR integer LANGUAGE own (TO SQL WITH FUNCTION int4recv(internal))",
    "ALTER LANGUAGE own RENAME TO ours",
    "DROP TRANSFORM FOR integer LANGUAGE ours",
    "DROP FUNCTION one.f()",
    "DROP LANGUAGE ours",
    // All that is left
    "DROP OPERATOR CLASS one.d USING btree CASCADE",
    "DROP OPERATOR FAMILY two.f USING btree",
    "DROP TABLE one.x",
    "DROP TYPE one.\"T t\" CASCADE",
];

#[test]
fn each_way_and_back() {
    let link = Link::with_policy(Pair::shared(), r#"{"owners": true, "privileges": true}"#);
    let first = link.version() + 1;
    for step in STEPS {
        let before = link.version();
        link.follow(step);
        assert!(link.version() > before, "captured: {step}");
    }
    let last = link.version();
    link.assert_agreement();
    link.assert_same_dump();
    let missed: i64 = scalar(&mut link.source(), "SELECT accord.reconcile()");
    assert_eq!(missed, 0, "what the commands did is what was captured");
    let held: i64 = scalar(&mut link.source(), "SELECT count(*) FROM accord.event WHERE cardinality(unmodelled) > 0");
    assert_eq!(held, 0, "all of it is modelled");
    for version in (first..=last).rev() {
        link.run(&format!("SELECT accord.revert({version})"));
    }
    link.wait();
    link.assert_agreement();
    link.assert_same_dump();
    let left: i64 = scalar(
        &mut link.source(),
        "SELECT (SELECT count(*) FROM pg_type WHERE oid >= 16384 AND typnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('one', 'two')))
              + (SELECT count(*) FROM pg_operator WHERE oid >= 16384) + (SELECT count(*) FROM pg_language WHERE lanname IN ('own', 'ours'))",
    );
    assert_eq!(left, 0, "nothing is left of what was there before");
}
