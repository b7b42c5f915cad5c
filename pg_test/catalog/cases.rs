//! One property changes, and exactly its facts change: a table of (what was there, what is done, what changes).
//!
//! Signs: `+` created, `-` dropped, `~` altered, `>` renamed to. Each case is a transaction that is rolled back.

use crate::client::{ClientReader, as_on_15, conninfo, fresh, roles};
use crate::support::cluster::major;
use pg_accord::catalog::read_all;
use pg_accord::diff::{Change, Operation, diff};
use std::collections::BTreeSet;

const SERVER: &str = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER v FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE s.f (a int) SERVER v;
    CREATE USER MAPPING FOR accord_bob SERVER v OPTIONS (password 'x')";
const PUBLISHED: &str = "CREATE TABLE s.t (a int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE s.t WHERE (a > 1)";
const WATCHED: &str = "CREATE FUNCTION s.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER w ON sql_drop EXECUTE FUNCTION s.e()";
const T: &str = "CREATE TABLE s.t (a int, b text, c numeric)";

const INT: &str = "CREATE TYPE s.i; CREATE FUNCTION s.i_in(cstring) RETURNS s.i LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
    CREATE FUNCTION s.i_out(s.i) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
    CREATE TYPE s.i (INPUT = s.i_in, OUTPUT = s.i_out, LIKE = int4)";

const LANGUAGE: &str =
    "CREATE FUNCTION s.h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'; CREATE LANGUAGE l HANDLER s.h";

#[rustfmt::skip]
const CASES: &[(&str, &str, &[&str])] = &[
    // Schemas and extensions
    ("", "CREATE SCHEMA n", &["+schema n", "+owner on schema n"]),
    ("CREATE SCHEMA n", "ALTER SCHEMA n RENAME TO m", &[">schema m", ">owner on schema m"]),
    ("CREATE SCHEMA n", "ALTER SCHEMA n OWNER TO accord_alice", &["~owner on schema n"]),
    ("CREATE SCHEMA n", "GRANT CREATE ON SCHEMA n TO accord_bob WITH GRANT OPTION", &["+grant on schema n.accord_bob"]),
    ("", "REVOKE USAGE ON SCHEMA public FROM PUBLIC", &["-grant on schema public.\"PUBLIC\""]),
    ("", "COMMENT ON SCHEMA public IS NULL", &["-comment on schema public"]),
    ("", "CREATE EXTENSION hstore SCHEMA s", &["+extension hstore", "+comment on extension hstore"]),
    ("CREATE EXTENSION hstore SCHEMA s VERSION '1.7'", "ALTER EXTENSION hstore UPDATE TO '1.8'", &["~extension hstore"]),
    ("CREATE EXTENSION hstore SCHEMA s", "ALTER EXTENSION hstore SET SCHEMA public", &["~extension hstore"]),
    ("CREATE EXTENSION hstore SCHEMA s", "COMMENT ON EXTENSION hstore IS 'x'", &["~comment on extension hstore"]),
    // Types
    ("CREATE TYPE s.e AS ENUM ('a', 'c')", "ALTER TYPE s.e ADD VALUE 'b' BEFORE 'c'", &["+enum label s.e.b", "~enum label s.e.c"]),
    ("CREATE TYPE s.e AS ENUM ('a', 'c')", "ALTER TYPE s.e RENAME VALUE 'c' TO 'd'", &[">enum label s.e.d"]),
    ("CREATE TYPE s.e AS ENUM ('a')", "ALTER TYPE s.e RENAME TO f", &[">enum s.f", ">enum label s.f.a", ">owner on enum s.f"]),
    ("CREATE TYPE s.e AS ENUM ()", "REVOKE USAGE ON TYPE s.e FROM PUBLIC", &["+grant on enum s.e.\"PUBLIC\""]),
    ("CREATE TYPE s.e AS ENUM ()", "COMMENT ON TYPE s.e IS 'x'", &["+comment on enum s.e"]),
    ("CREATE DOMAIN s.d AS int", "ALTER DOMAIN s.d SET DEFAULT 1", &["~domain s.d"]),
    ("CREATE DOMAIN s.d AS int", "ALTER DOMAIN s.d SET NOT NULL", &["~domain s.d"]),
    ("CREATE DOMAIN s.d AS int", "ALTER DOMAIN s.d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID", &["+domain constraint s.d.k"]),
    ("CREATE DOMAIN s.d AS int; ALTER DOMAIN s.d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID", "ALTER DOMAIN s.d VALIDATE CONSTRAINT k", &["~domain constraint s.d.k"]),
    ("CREATE DOMAIN s.d AS int CONSTRAINT k CHECK (VALUE > 0)", "ALTER DOMAIN s.d RENAME CONSTRAINT k TO l", &[">domain constraint s.d.l"]),
    ("CREATE TYPE s.c AS (x int)", "ALTER TYPE s.c ADD ATTRIBUTE y text COLLATE \"C\"", &["+attribute s.c.y", "+position s.c.y"]),
    ("CREATE TYPE s.c AS (x int, y int, z int)", "ALTER TYPE s.c DROP ATTRIBUTE y", &["-attribute s.c.y", "-position s.c.y", "~position s.c.z"]),
    ("CREATE TYPE s.c AS (x int)", "ALTER TYPE s.c ALTER ATTRIBUTE x TYPE bigint", &["~attribute s.c.x"]),
    ("CREATE TYPE s.c AS (x int)", "ALTER TYPE s.c OWNER TO accord_bob", &["~owner on composite type s.c"]),
    ("CREATE TYPE s.c AS (x int)", "GRANT USAGE ON TYPE s.c TO accord_bob", &["+grant on composite type s.c.accord_bob"]),
    ("", "CREATE TYPE s.r AS RANGE (subtype = int)", &["+range s.r", "+owner on range s.r"]),
    ("CREATE TYPE s.r AS RANGE (subtype = int)", "ALTER TYPE s.r_multirange RENAME TO m", &["~range s.r"]),
    // Sequences
    ("CREATE SEQUENCE s.q", "ALTER SEQUENCE s.q INCREMENT 7 CYCLE", &["~sequence s.q"]),
    ("CREATE SEQUENCE s.q", "SELECT nextval('s.q')", &[]),
    ("CREATE SEQUENCE s.q", "ALTER SEQUENCE s.q SET UNLOGGED", &["~sequence s.q"]),
    ("CREATE SEQUENCE s.q; CREATE TABLE s.t (a int)", "ALTER SEQUENCE s.q OWNED BY s.t.a", &["~sequence s.q", "-owner on sequence s.q"]),
    ("CREATE SEQUENCE s.q", "GRANT UPDATE ON SEQUENCE s.q TO accord_bob", &["+grant on sequence s.q.accord_bob"]),
    // Tables
    (T, "ALTER TABLE s.t RENAME TO u", &[">table s.u", ">owner on table s.u", ">column s.u.a", ">position s.u.a", ">column s.u.b", ">position s.u.b", ">column s.u.c", ">position s.u.c"]),
    (T, "ALTER TABLE s.t SET UNLOGGED", &["~table s.t"]),
    (T, "ALTER TABLE s.t SET (fillfactor = 50, toast.autovacuum_enabled = off)", &["~table s.t"]),
    (T, "ALTER TABLE s.t ENABLE ROW LEVEL SECURITY", &["~table s.t"]),
    (T, "ALTER TABLE s.t FORCE ROW LEVEL SECURITY", &["~table s.t"]),
    (T, "ALTER TABLE s.t REPLICA IDENTITY FULL", &["~table s.t"]),
    (T, "ALTER TABLE s.t OWNER TO accord_alice", &["~owner on table s.t"]),
    (T, "INSERT INTO s.t VALUES (1); ANALYZE s.t", &[]),
    ("CREATE TYPE s.c AS (x int); CREATE TABLE s.t (x int)", "ALTER TABLE s.t OF s.c", &["~table s.t"]),
    // Columns
    (T, "ALTER TABLE s.t ADD COLUMN d s.known[] DEFAULT '{}'", &["+column s.t.d", "+position s.t.d", "+default s.t.d"]),
    (T, "ALTER TABLE s.t DROP COLUMN b", &["-column s.t.b", "-position s.t.b", "~position s.t.c"]),
    (T, "ALTER TABLE s.t RENAME b TO x", &[">column s.t.x", ">position s.t.x", "~position s.t.c"]),
    (T, "ALTER TABLE s.t DROP b, ADD b text", &["-column s.t.b", "+column s.t.b", "~position s.t.b", "~position s.t.c"]),
    (T, "ALTER TABLE s.t ALTER a TYPE bigint", &["~column s.t.a"]),
    (T, "ALTER TABLE s.t ALTER c TYPE numeric(10,2)", &["~column s.t.c"]),
    (T, "ALTER TABLE s.t ALTER a SET NOT NULL", &["~column s.t.a"]),
    (T, "ALTER TABLE s.t ALTER b SET STORAGE MAIN", &["~column s.t.b"]),
    (T, "ALTER TABLE s.t ALTER b SET COMPRESSION pglz", &["~column s.t.b"]),
    (T, "ALTER TABLE s.t ALTER b SET STATISTICS 0", &["~column s.t.b"]),
    (T, "ALTER TABLE s.t ALTER b SET (n_distinct = 5)", &["~column s.t.b"]),
    (T, "ALTER TABLE s.t ALTER b TYPE text COLLATE \"POSIX\"", &["~column s.t.b"]),
    (T, "ALTER TABLE s.t ALTER a SET DEFAULT 5", &["+default s.t.a"]),
    ("CREATE TABLE s.t (a int DEFAULT 1)", "ALTER TABLE s.t ALTER a SET DEFAULT 5", &["~default s.t.a"]),
    ("CREATE TABLE s.t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)", "ALTER TABLE s.t ALTER b DROP EXPRESSION", &["-default s.t.b"]),
    ("CREATE TABLE s.t (a int NOT NULL)", "ALTER TABLE s.t ALTER a ADD GENERATED BY DEFAULT AS IDENTITY", &["+identity s.t.a"]),
    ("CREATE TABLE s.t (a int GENERATED ALWAYS AS IDENTITY)", "ALTER TABLE s.t ALTER a SET GENERATED BY DEFAULT SET CACHE 5", &["~identity s.t.a"]),
    ("CREATE TABLE s.t (a int GENERATED ALWAYS AS IDENTITY)", "ALTER SEQUENCE s.t_a_seq RENAME TO q", &["~identity s.t.a"]),
    ("CREATE TABLE s.t (a int GENERATED ALWAYS AS IDENTITY)", "ALTER TABLE s.t ALTER a RESTART WITH 50", &[]),
    (T, "GRANT SELECT (a) ON s.t TO accord_bob", &["+grant on column s.t.a.accord_bob"]),
    (T, "COMMENT ON COLUMN s.t.a IS 'x'", &["+comment on column s.t.a"]),
    ("CREATE TABLE s.t (a serial)", "ALTER TABLE s.t DROP a", &["-column s.t.a", "-position s.t.a", "-default s.t.a", "-sequence s.t_a_seq"]),
    // Constraints
    (T, "ALTER TABLE s.t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", &["+constraint s.t.k"]),
    ("CREATE TABLE s.t (a int); ALTER TABLE s.t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", "ALTER TABLE s.t VALIDATE CONSTRAINT k", &["~constraint s.t.k"]),
    ("CREATE TABLE s.t (a int NOT NULL)", "ALTER TABLE s.t ADD PRIMARY KEY (a)", &["+constraint s.t.t_pkey"]),
    ("CREATE TABLE s.t (a int PRIMARY KEY)", "ALTER TABLE s.t RENAME CONSTRAINT t_pkey TO p", &[">constraint s.t.p"]),
    ("CREATE TABLE s.t (a int PRIMARY KEY)", "ALTER INDEX s.t_pkey SET (fillfactor = 60)", &["~constraint s.t.t_pkey"]),
    ("CREATE TABLE s.t (a int PRIMARY KEY)", "CLUSTER s.t USING t_pkey", &["~constraint s.t.t_pkey"]),
    ("CREATE TABLE s.t (a int PRIMARY KEY); CREATE TABLE s.u (b int CONSTRAINT f REFERENCES s.t)", "ALTER TABLE s.u ALTER CONSTRAINT f DEFERRABLE", &["~constraint s.u.f"]),
    ("CREATE TABLE s.t (a int PRIMARY KEY); CREATE TABLE s.u (b int CONSTRAINT f REFERENCES s.t)", "ALTER TABLE s.t RENAME a TO x", &[">column s.t.x", ">position s.t.x", "~constraint s.t.t_pkey", "~constraint s.u.f"]),
    ("CREATE TABLE s.t (r int4range)", "ALTER TABLE s.t ADD CONSTRAINT x EXCLUDE USING gist (r WITH &&)", &["+constraint s.t.x"]),
    // Indexes
    (T, "CREATE UNIQUE INDEX i ON s.t (a) NULLS NOT DISTINCT", &["+index s.i"]),
    ("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a)", "ALTER INDEX s.i RENAME TO \"j ON USING\"", &[">index s.\"j ON USING\""]),
    ("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a)", "ALTER INDEX s.i SET (fillfactor = 50)", &["~index s.i"]),
    ("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t ((a + 1))", "ALTER INDEX s.i ALTER COLUMN 1 SET STATISTICS 200", &["~index s.i"]),
    ("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a)", "CLUSTER s.t USING i", &["~index s.i"]),
    ("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a)", "COMMENT ON INDEX s.i IS 'x'", &["+comment on index s.i"]),
    ("CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a)", "REINDEX INDEX s.i", &[]),
    // Inheritance and partitions
    ("CREATE TABLE s.p (a int); CREATE TABLE s.t (a int)", "ALTER TABLE s.t INHERIT s.p", &["+inheritance s.t.s.p", "~column s.t.a"]),
    ("CREATE TABLE s.p (a int); CREATE TABLE s.t (b int) INHERITS (s.p)", "ALTER TABLE s.p RENAME TO o",
        &[">table s.o", ">owner on table s.o", ">column s.o.a", ">position s.o.a", ">inheritance s.t.s.o"]),
    ("CREATE TABLE s.p (a int) PARTITION BY LIST (a); CREATE TABLE s.t (a int)", "ALTER TABLE s.p ATTACH PARTITION s.t FOR VALUES IN (1)", &["+partition s.t", "~column s.t.a"]),
    ("CREATE TABLE s.p (a int) PARTITION BY LIST (a); CREATE TABLE s.t PARTITION OF s.p FOR VALUES IN (1)", "ALTER TABLE s.p DETACH PARTITION s.t", &["-partition s.t", "~column s.t.a"]),
    ("CREATE TABLE s.p (a int) PARTITION BY LIST (a); CREATE TABLE s.t PARTITION OF s.p DEFAULT", "CREATE INDEX i ON s.p (a)", &["+index s.i", "+index s.t_a_idx"]),
    ("CREATE TABLE s.p (a int) PARTITION BY LIST (a)", "CREATE INDEX i ON ONLY s.p (a)", &["+index s.i"]),
    // Views
    ("CREATE TABLE s.t (a int); CREATE VIEW s.v AS SELECT a FROM s.t", "CREATE OR REPLACE VIEW s.v AS SELECT a, 1 AS b FROM s.t", &["~view s.v"]),
    ("CREATE TABLE s.t (a int); CREATE VIEW s.v AS SELECT a FROM s.t", "ALTER TABLE s.t RENAME a TO x", &[">column s.t.x", ">position s.t.x", "~view s.v"]),
    ("CREATE VIEW s.v AS SELECT 1 AS a", "ALTER VIEW s.v SET (security_invoker = true)", &["~view s.v"]),
    ("CREATE VIEW s.v AS SELECT 1 AS a", "ALTER VIEW s.v RENAME COLUMN a TO b", &["~view s.v"]),
    ("CREATE VIEW s.v AS SELECT 1 AS a", "ALTER VIEW s.v ALTER a SET DEFAULT 3", &["+default s.v.a"]),
    ("CREATE VIEW s.v AS SELECT 1 AS a", "COMMENT ON COLUMN s.v.a IS 'x'", &["+comment on column s.v.a"]),
    ("CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a WITH NO DATA", "REFRESH MATERIALIZED VIEW s.m", &[]),
    ("CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a", "ALTER MATERIALIZED VIEW s.m SET (fillfactor = 50)", &["~materialized view s.m"]),
    // Routines
    ("", "CREATE FUNCTION s.f(a int) RETURNS int LANGUAGE sql AS 'SELECT a'", &["+routine s.f(integer)", "+owner on routine s.f(integer)"]),
    ("CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE OR REPLACE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 2'", &["~routine s.f()"]),
    ("CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION s.f() COST 5", &["~routine s.f()"]),
    ("CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION s.f() SET work_mem = '1MB'", &["~routine s.f()"]),
    ("CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION s.f() IMMUTABLE", &["~routine s.f()"]),
    ("CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "REVOKE ALL ON FUNCTION s.f() FROM PUBLIC", &["+grant on routine s.f().\"PUBLIC\""]),
    ("CREATE FUNCTION s.f(e s.known) RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER TYPE s.known RENAME TO k2",
        &[">routine s.f(s.k2)", ">owner on routine s.f(s.k2)", ">enum s.k2", ">owner on enum s.k2", ">enum label s.k2.x"]),
    ("", "CREATE AGGREGATE s.g(int) (SFUNC = int4pl, STYPE = int)", &["+aggregate s.g(integer)", "+owner on aggregate s.g(integer)"]),
    ("CREATE AGGREGATE s.g(int) (SFUNC = int4pl, STYPE = int)", "CREATE OR REPLACE AGGREGATE s.g(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')", &["~aggregate s.g(integer)"]),
    ("CREATE AGGREGATE s.g(int) (SFUNC = int4pl, STYPE = int)", "ALTER AGGREGATE s.g(int) RENAME TO h", &[">aggregate s.h(integer)", ">owner on aggregate s.h(integer)"]),
    // Triggers, policies, rules
    (T, "CREATE TRIGGER z BEFORE UPDATE OF a ON s.t FOR EACH ROW EXECUTE FUNCTION s.trg()", &["+trigger s.t.z"]),
    ("CREATE TABLE s.t (a int); CREATE TRIGGER z AFTER INSERT ON s.t EXECUTE FUNCTION s.trg()", "ALTER TABLE s.t ENABLE ALWAYS TRIGGER z", &["~trigger s.t.z"]),
    ("CREATE TABLE s.t (a int); CREATE TRIGGER z AFTER INSERT ON s.t EXECUTE FUNCTION s.trg()", "ALTER TRIGGER z ON s.t RENAME TO \"y ON s.t\"", &[">trigger s.t.\"y ON s.t\""]),
    ("CREATE TABLE s.t (a int); CREATE TRIGGER z AFTER INSERT ON s.t EXECUTE FUNCTION s.trg()", "ALTER FUNCTION s.trg() RENAME TO trg2",
        &[">routine s.trg2()", ">owner on routine s.trg2()", "~trigger s.t.z"]),
    (T, "CREATE POLICY p ON s.t USING (a > 0)", &["+policy s.t.p"]),
    ("CREATE TABLE s.t (a int); CREATE POLICY p ON s.t USING (a > 0)", "ALTER POLICY p ON s.t TO accord_bob", &["~policy s.t.p"]),
    ("CREATE TABLE s.t (a int); CREATE POLICY p ON s.t USING (a > 0)", "ALTER POLICY p ON s.t WITH CHECK (a > 1)", &["~policy s.t.p"]),
    ("CREATE TABLE s.t (a int); CREATE POLICY p ON s.t USING (a > 0)", "ALTER POLICY p ON s.t RENAME TO q", &[">policy s.t.q"]),
    (T, "CREATE RULE r AS ON DELETE TO s.t DO INSTEAD NOTHING", &["+rule s.t.r"]),
    ("CREATE TABLE s.t (a int); CREATE RULE r AS ON DELETE TO s.t DO INSTEAD NOTHING", "ALTER TABLE s.t DISABLE RULE r", &["~rule s.t.r"]),
    // Privileges
    (T, "GRANT SELECT ON s.t TO PUBLIC", &["+grant on table s.t.\"PUBLIC\""]),
    ("CREATE TABLE s.t (a int); GRANT SELECT ON s.t TO accord_bob", "REVOKE SELECT ON s.t FROM accord_bob", &["-grant on table s.t.accord_bob"]),
    ("CREATE TABLE s.t (a int)", "GRANT SELECT ON s.t TO accord_bob; REVOKE SELECT ON s.t FROM accord_bob", &[]),
    ("CREATE TABLE s.t (a int); GRANT SELECT ON s.t TO accord_bob", "GRANT SELECT ON s.t TO accord_bob WITH GRANT OPTION", &["~grant on table s.t.accord_bob"]),
    ("CREATE TABLE s.t (a int)", "REVOKE DELETE ON s.t FROM accord_owner", &["+grant on table s.t.accord_owner"]),
    // Foreign data
    ("", "CREATE FOREIGN DATA WRAPPER w OPTIONS (a '1')", &["+foreign-data wrapper w", "+owner on foreign-data wrapper w"]),
    ("CREATE FOREIGN DATA WRAPPER w OPTIONS (a '1')", "ALTER FOREIGN DATA WRAPPER w OPTIONS (SET a '2')", &["~foreign-data wrapper w"]),
    ("CREATE FOREIGN DATA WRAPPER w", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO accord_bob", &["+grant on foreign-data wrapper w.accord_bob"]),
    ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER v FOREIGN DATA WRAPPER w", "ALTER FOREIGN DATA WRAPPER w RENAME TO x", &[">foreign-data wrapper x", ">owner on foreign-data wrapper x", "~server v"]),
    (SERVER, "ALTER SERVER v VERSION '2'", &["~server v"]),
    (SERVER, "ALTER SERVER v OPTIONS (ADD a '2')", &["~server v"]),
    (SERVER, "COMMENT ON SERVER v IS 'x'", &["+comment on server v"]),
    (SERVER, "ALTER SERVER v RENAME TO u", &[">server u", ">owner on server u", ">user mapping u.accord_bob", "~table s.f"]),
    (SERVER, "DROP USER MAPPING FOR accord_bob SERVER v", &["-user mapping v.accord_bob"]),
    (SERVER, "ALTER USER MAPPING FOR accord_bob SERVER v OPTIONS (SET password 'y')", &["~user mapping v.accord_bob"]),
    (SERVER, "ALTER FOREIGN TABLE s.f OPTIONS (ADD a 'b')", &["~table s.f"]),
    (SERVER, "ALTER FOREIGN TABLE s.f ALTER a OPTIONS (ADD a 'b')", &["~column s.f.a"]),
    (SERVER, "ALTER FOREIGN TABLE s.f ADD CONSTRAINT k CHECK (a > 0) NOT VALID", &["+constraint s.f.k"]),
    (SERVER, "DROP FOREIGN TABLE s.f", &["-table s.f", "-owner on table s.f", "-column s.f.a", "-position s.f.a"]),
    // Publications
    (T, "CREATE PUBLICATION p FOR TABLE s.t, TABLES IN SCHEMA public", &["+publication p", "+owner on publication p", "+publication table p.s.t", "+publication schema p.public"]),
    (PUBLISHED, "ALTER PUBLICATION p SET (publish = 'insert')", &["~publication p"]),
    (PUBLISHED, "ALTER PUBLICATION p SET TABLE s.t WHERE (a > 2)", &["~publication table p.s.t"]),
    (PUBLISHED, "ALTER PUBLICATION p SET TABLE s.t (a)", &["~publication table p.s.t"]),
    (PUBLISHED, "ALTER PUBLICATION p DROP TABLE s.t", &["-publication table p.s.t"]),
    (PUBLISHED, "ALTER PUBLICATION p RENAME TO q", &[">publication q", ">owner on publication q", ">publication table q.s.t"]),
    (PUBLISHED, "ALTER TABLE s.t RENAME a TO b", &[">column s.t.b", ">position s.t.b", "~constraint s.t.t_pkey", "~publication table p.s.t"]),
    // Event triggers, default privileges
    (WATCHED, "ALTER EVENT TRIGGER w DISABLE", &["~event trigger w"]),
    (WATCHED, "ALTER EVENT TRIGGER w RENAME TO v", &[">event trigger v", ">owner on event trigger v"]),
    (WATCHED, "ALTER FUNCTION s.e() RENAME TO g", &[">routine s.g()", ">owner on routine s.g()", "~event trigger w"]),
    (WATCHED, "DROP EVENT TRIGGER w", &["-event trigger w", "-owner on event trigger w"]),
    ("", "ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob GRANT SELECT ON TABLES TO accord_alice", &["+default privilege accord_bob.\"\".tables.accord_alice"]),
    ("", "ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC", &["+default privilege accord_bob.s.tables.\"PUBLIC\""]),
    ("ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob GRANT SELECT ON TABLES TO accord_alice", "ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob REVOKE SELECT ON TABLES FROM accord_alice", &["-default privilege accord_bob.\"\".tables.accord_alice"]),
    ("ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob GRANT SELECT ON TABLES TO accord_alice", "ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob REVOKE DELETE ON TABLES FROM accord_bob", &["+default privilege accord_bob.\"\".tables.accord_bob"]),
    ("ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC", "ALTER SCHEMA s RENAME TO r",
        &[">schema r", ">owner on schema r", ">enum r.known", ">enum label r.known.x", ">owner on enum r.known", ">routine r.trg()", ">owner on routine r.trg()", ">default privilege accord_bob.r.tables.\"PUBLIC\""]),
    ("CREATE ROLE accord_zoe; ALTER DEFAULT PRIVILEGES FOR ROLE accord_zoe GRANT SELECT ON TABLES TO PUBLIC", "ALTER ROLE accord_zoe RENAME TO accord_zora",
        &["-default privilege accord_zoe.\"\".tables.\"PUBLIC\"", "+default privilege accord_zora.\"\".tables.\"PUBLIC\""]),
    // Materialized views' columns and replica identity
    ("CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a", "ALTER MATERIALIZED VIEW s.m ALTER a SET STATISTICS 5", &["~materialized view s.m"]),
    ("CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a", "ALTER TABLE s.m REPLICA IDENTITY FULL", &["~materialized view s.m"]),
    // Not ours
    ("", "CREATE TEMP TABLE t (a int); CREATE TEMP VIEW v AS SELECT 1", &[]),
    ("", "CREATE SCHEMA accord; CREATE TABLE accord.t (a int DEFAULT 1 CHECK (a > 0)); COMMENT ON TABLE accord.t IS 'x'", &[]),
    // What stands by itself
    ("", "CREATE TYPE s.shell", &["+base type s.shell", "+owner on base type s.shell"]),
    (INT, "ALTER TYPE s.i SET (ANALYZE = range_typanalyze)", &["~base type s.i"]),
    (INT, "GRANT USAGE ON TYPE s.i TO accord_bob", &["+grant on base type s.i.accord_bob"]),
    (INT, "CREATE CAST (s.i AS integer) WITHOUT FUNCTION", &["+cast (s.i AS integer)"]),
    ("", "CREATE CAST (s.known AS bigint) WITH INOUT", &["+cast (s.known AS bigint)"]),
    ("CREATE CAST (s.known AS bigint) WITH INOUT", "COMMENT ON CAST (s.known AS bigint) IS 'x'", &["+comment on cast (s.known AS bigint)"]),
    ("CREATE CAST (s.known AS bigint) WITH INOUT", "ALTER TYPE s.known RENAME TO k2",
        &[">cast (s.k2 AS bigint)", ">owner on enum s.k2", ">enum s.k2", ">enum label s.k2.x"]),
    ("", "CREATE OPERATOR s.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl, COMMUTATOR = OPERATOR(s.*))",
        &["+operator s.+(integer, integer)", "+owner on operator s.+(integer, integer)"]),
    ("CREATE OPERATOR s.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)",
        "CREATE OPERATOR s.* (LEFTARG = int, RIGHTARG = int, FUNCTION = int4mul, COMMUTATOR = OPERATOR(s.+))",
        &["~operator s.+(integer, integer)", "+operator s.*(integer, integer)", "+owner on operator s.*(integer, integer)"]),
    ("CREATE OPERATOR s.= (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", "ALTER OPERATOR s.= (int, int) SET (RESTRICT = eqsel)",
        &["~operator s.=(integer, integer)"]),
    ("CREATE OPERATOR s.- (RIGHTARG = int, FUNCTION = int4um)", "ALTER OPERATOR s.- (NONE, int) SET SCHEMA public",
        &[">operator public.-(NONE, integer)", ">owner on operator public.-(NONE, integer)"]),
    ("", "CREATE OPERATOR CLASS s.c FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int)",
        &["+operator class s.c USING hash", "+owner on operator class s.c USING hash", "+operator family s.c USING hash", "+owner on operator family s.c USING hash"]),
    ("CREATE OPERATOR FAMILY s.f USING btree", "ALTER OPERATOR FAMILY s.f USING btree ADD FUNCTION 1 (int, int8) btint48cmp(int, int8)",
        &["~operator family s.f USING btree"]),
    ("CREATE OPERATOR FAMILY s.f USING btree", "ALTER OPERATOR FAMILY s.f USING btree RENAME TO g",
        &[">operator family s.g USING btree", ">owner on operator family s.g USING btree"]),
    ("", "CREATE COLLATION s.c (provider = icu, locale = 'de', deterministic = false)", &["+collation s.c", "+owner on collation s.c"]),
    ("CREATE COLLATION s.c (locale = 'C')", "ALTER COLLATION s.c RENAME TO d", &[">collation s.d", ">owner on collation s.d"]),
    ("CREATE COLLATION s.c (locale = 'C')", "ALTER COLLATION s.c REFRESH VERSION", &[]),
    ("", "CREATE CONVERSION s.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", &["+conversion s.c", "+owner on conversion s.c"]),
    ("", "CREATE TEXT SEARCH PARSER s.p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)", &["+text search parser s.p"]),
    ("", "CREATE TEXT SEARCH TEMPLATE s.w (LEXIZE = dsimple_lexize)", &["+text search template s.w"]),
    ("CREATE TEXT SEARCH DICTIONARY s.d (TEMPLATE = simple)", "ALTER TEXT SEARCH DICTIONARY s.d (accept = false)", &["~text search dictionary s.d"]),
    ("CREATE TEXT SEARCH DICTIONARY s.d (TEMPLATE = simple)", "ALTER TEXT SEARCH DICTIONARY s.d RENAME TO e",
        &[">text search dictionary s.e", ">owner on text search dictionary s.e"]),
    ("CREATE TEXT SEARCH CONFIGURATION s.c (COPY = english)", "ALTER TEXT SEARCH CONFIGURATION s.c DROP MAPPING FOR word", &["~text search configuration s.c"]),
    (T, "CREATE STATISTICS s.x ON a, b FROM s.t", &["+statistics object s.x", "+owner on statistics object s.x"]),
    ("CREATE TABLE s.t (a int, b int); CREATE STATISTICS s.x ON a, b FROM s.t", "ALTER STATISTICS s.x SET STATISTICS 7", &["~statistics object s.x"]),
    ("CREATE TABLE s.t (a int, b int); CREATE STATISTICS s.x ON a, b FROM s.t", "ALTER TABLE s.t ALTER a TYPE bigint", &["~column s.t.a"]),
    ("", "CREATE ACCESS METHOD m TYPE INDEX HANDLER bthandler", &["+access method m"]),
    (LANGUAGE, "CREATE OR REPLACE TRUSTED LANGUAGE l HANDLER s.h", &["~language l"]),
    (LANGUAGE, "ALTER LANGUAGE l RENAME TO m", &[">language m", ">owner on language m"]),
    ("CREATE TRUSTED LANGUAGE l HANDLER plpgsql_call_handler", "REVOKE USAGE ON LANGUAGE l FROM PUBLIC", &["+grant on language l.\"PUBLIC\""]),
    ("", "CREATE TRANSFORM FOR s.known LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))", &["+transform FOR s.known LANGUAGE sql"]),
];

/// What 14 does not know, or has otherwise by default.
const SINCE_15: &[&str] = &[
    "NULLS NOT DISTINCT",
    "SEQUENCE s.q SET UNLOGGED",
    "security_invoker",
    "ON SCHEMA public FROM PUBLIC",
    "TABLES IN SCHEMA",
    "SET TABLE s.t",
    // By the row filter's text.
    "ALTER TABLE s.t RENAME a TO b",
];

#[test]
fn one_property_at_a_time() {
    let Some(conninfo) = conninfo() else { return };
    let mut client = fresh(&conninfo, "accord_catalog_cases");
    roles(&mut client);
    let base = "CREATE SCHEMA s; CREATE TYPE s.known AS ENUM ('x'); CREATE FUNCTION s.trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'";
    client.batch_execute(base).unwrap();
    let mut failures = Vec::new();
    for (setup, ddl, expected) in CASES {
        if major() < 15 && SINCE_15.iter().any(|text| ddl.contains(text)) {
            continue;
        }
        let setup = if major() < 15 { setup.replace(" WHERE (a > 1)", "") } else { (*setup).to_owned() };
        let mut transaction = String::from("BEGIN; ");
        if ddl.contains("accord_owner") {
            transaction.push_str("ALTER SCHEMA s OWNER TO accord_alice; SET LOCAL role = accord_alice; ");
        }
        client.batch_execute(&transaction).unwrap();
        client.batch_execute(&setup).unwrap_or_else(|e| panic!("{setup}: {e:?}"));
        let before = read_all(&mut ClientReader::new(&mut client)).unwrap();
        let ddl = ddl.replace("accord_owner", "accord_alice");
        client.batch_execute(&ddl).unwrap_or_else(|e| panic!("{ddl}: {e:?}"));
        let after = read_all(&mut ClientReader::new(&mut client)).unwrap();
        client.batch_execute("ROLLBACK").unwrap();
        let found: BTreeSet<String> = diff(&as_on_15(&before.facts), &as_on_15(&after.facts)).iter().map(shown).collect();
        let expected: BTreeSet<String> = expected.iter().map(|id| id.replace("accord_owner", "accord_alice")).collect();
        if found != expected {
            failures.push(format!("{setup}\n  {ddl}\n    expected {expected:?}\n    found    {found:?}"));
        }
        let lost: Vec<_> = before.unresolved.iter().map(|(i, key)| (&before.facts[*i].id, key)).collect();
        assert!(lost.is_empty(), "{setup}: {lost:?}");
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), CASES.len(), failures.join("\n"));
    println!("{} cases", CASES.len());
}

fn shown(change: &Change) -> String {
    let sign = match change.operation().unwrap() {
        Operation::Create => '+',
        Operation::Drop => '-',
        Operation::Alter => '~',
        Operation::Rename => '>',
    };
    format!("{sign}{}", change.id().unwrap())
}
