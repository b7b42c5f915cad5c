-- probe: rich
-- Every kind of fact, with names that must be quoted.
CREATE SCHEMA shop;
CREATE SCHEMA "Odd.Schema";
COMMENT ON SCHEMA shop IS 'what is sold';
GRANT USAGE ON SCHEMA shop TO accord_bob;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION btree_gist SCHEMA shop;
COMMENT ON EXTENSION citext IS 'no case';

CREATE TYPE shop.status AS ENUM ('new', 'paid', 'it''s ON', '');
ALTER TYPE shop.status ADD VALUE 'early' BEFORE 'new';
CREATE DOMAIN shop.money_amount AS numeric(12,2) DEFAULT 0 NOT NULL CONSTRAINT positive CHECK (VALUE >= 0);
COMMENT ON DOMAIN shop.money_amount IS 'euros';
COMMENT ON CONSTRAINT positive ON DOMAIN shop.money_amount IS 'no debts';
CREATE DOMAIN shop.code AS text COLLATE "C";
ALTER DOMAIN shop.code ADD CONSTRAINT code_check CHECK (length(VALUE) = 3) NOT VALID;
CREATE TYPE shop.address AS (street text, zip text COLLATE "C", st shop.status);
COMMENT ON TYPE shop.address IS 'where';
COMMENT ON COLUMN shop.address.zip IS 'five digits';
GRANT USAGE ON TYPE shop.address TO accord_bob;
REVOKE USAGE ON TYPE shop.status FROM PUBLIC;
CREATE FUNCTION shop.diff(x numeric, y numeric) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT (x - y)::float8';
CREATE TYPE shop.span AS RANGE (subtype = numeric, subtype_diff = shop.diff, multirange_type_name = shop."Spans");
CREATE TYPE "Odd.Schema"."textR" AS RANGE (subtype = text, collation = "C", subtype_opclass = text_pattern_ops);

CREATE SEQUENCE shop.numbers AS integer START 10 INCREMENT 5 MINVALUE 5 MAXVALUE 1000 CACHE 3 CYCLE;
COMMENT ON SEQUENCE shop.numbers IS 'invoice numbers';
GRANT USAGE ON SEQUENCE shop.numbers TO accord_alice;

CREATE FUNCTION shop.next_number(OUT n bigint) LANGUAGE sql VOLATILE AS 'SELECT 1::bigint';
CREATE FUNCTION shop.is_fine(a shop.address, VARIADIC rest text[] DEFAULT '{}') RETURNS boolean
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER PARALLEL SAFE COST 7 SET search_path = 'pg_catalog', 'shop' AS 'BEGIN RETURN true; END';
CREATE FUNCTION shop.rows_of() RETURNS SETOF integer LANGUAGE sql ROWS 5 AS 'SELECT 1';
CREATE PROCEDURE shop.run(INOUT a int, b shop.status[]) LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
COMMENT ON FUNCTION shop.touch() IS 'touches';
REVOKE EXECUTE ON FUNCTION shop.touch() FROM PUBLIC;
CREATE FUNCTION shop.add(state bigint, x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2';
CREATE AGGREGATE shop.total(bigint) (SFUNC = shop.add, STYPE = bigint, INITCOND = '0', COMBINEFUNC = shop.add, PARALLEL = SAFE,
    MSFUNC = shop.add, MINVFUNC = int8mi, MSTYPE = bigint, MINITCOND = '0');
COMMENT ON AGGREGATE shop.total(bigint) IS 'adds up';
CREATE AGGREGATE shop.biggest(int) (SFUNC = int4larger, STYPE = int, SORTOP = >);
CREATE AGGREGATE shop.count_rows(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE shop.hypo(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal,
    FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);

CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 2) PRIMARY KEY,
    email public.citext NOT NULL,
    name text COLLATE "C",
    home shop.address,
    tags text[] DEFAULT '{}',
    state shop.status DEFAULT 'new',
    states shop.status[],
    dropped int,
    number bigint DEFAULT shop.next_number(),
    invoice int DEFAULT nextval('shop.numbers'),
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    "Straße" text,
    span shop.span,
    spans shop."Spans",
    CONSTRAINT customers_email_key UNIQUE (email) WITH (fillfactor = 80),
    CONSTRAINT "odd "" NOT VALID" CHECK (name <> ' NOT VALID')
) WITH (fillfactor = 70, toast.autovacuum_enabled = false);
ALTER TABLE shop.customers DROP COLUMN dropped;
ALTER TABLE shop.customers ALTER name SET STORAGE external, ALTER name SET STATISTICS 500, ALTER name SET (n_distinct = -0.5);
ALTER TABLE shop.customers ALTER tags SET COMPRESSION pglz;
COMMENT ON TABLE shop.customers IS 'who buys';
COMMENT ON COLUMN shop.customers.email IS 'unique';
COMMENT ON CONSTRAINT customers_email_key ON shop.customers IS 'one each';
GRANT SELECT, UPDATE (email, name) ON shop.customers TO accord_bob;
GRANT SELECT ON shop.customers TO "Accord, ""Carol""" WITH GRANT OPTION;
GRANT SELECT ON shop.customers TO PUBLIC;
REVOKE TRUNCATE ON shop.customers FROM CURRENT_USER;

CREATE TABLE shop.orders (
    id serial PRIMARY KEY,
    customer bigint NOT NULL REFERENCES shop.customers ON DELETE CASCADE DEFERRABLE,
    email public.citext REFERENCES shop.customers (email),
    total shop.money_amount,
    during tstzrange,
    room int,
    parent int REFERENCES shop.orders,
    note text,
    EXCLUDE USING gist (room WITH =, during WITH &&)
);
ALTER TABLE shop.orders ADD CONSTRAINT fine CHECK (shop.is_fine(NULL, note)) NOT VALID;
CREATE INDEX orders_note ON shop.orders USING btree (lower(note), total DESC) INCLUDE (room) WHERE room > 1;
ALTER INDEX shop.orders_note ALTER COLUMN 1 SET STATISTICS 300;
COMMENT ON INDEX shop.orders_note IS 'finds notes';
CREATE UNIQUE INDEX "orders ON USING" ON shop.orders (customer, id);
ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX "orders ON USING";
ALTER TABLE shop.orders CLUSTER ON "orders ON USING";
CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF note ON shop.orders FOR EACH ROW WHEN (new.note <> ' ON ') EXECUTE FUNCTION shop.touch('a ON b');
COMMENT ON TRIGGER touch ON shop.orders IS 'before';
CREATE CONSTRAINT TRIGGER "late ON" AFTER INSERT ON shop.orders FROM shop.customers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.orders DISABLE TRIGGER "late ON";
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON shop.orders AS RESTRICTIVE FOR UPDATE TO accord_bob, accord_alice
    USING (customer IN (SELECT c.id FROM shop.customers c)) WITH CHECK (total > 0);
COMMENT ON POLICY mine ON shop.orders IS 'only mine';
CREATE POLICY everyone ON shop.orders USING (true);
CREATE RULE log AS ON INSERT TO shop.orders DO ALSO NOTIFY orders;
COMMENT ON RULE log ON shop.orders IS 'tells';

CREATE VIEW shop.big_orders WITH (security_barrier) AS SELECT o.id, o.total, c.email FROM shop.orders o JOIN shop.customers c ON c.id = o.customer WHERE o.total > 10;
ALTER VIEW shop.big_orders ALTER total SET DEFAULT 11;
COMMENT ON VIEW shop.big_orders IS 'the big ones';
COMMENT ON COLUMN shop.big_orders.total IS 'how big';
GRANT UPDATE (total) ON shop.big_orders TO accord_bob;
CREATE RULE no_delete AS ON DELETE TO shop.big_orders DO INSTEAD NOTHING;
CREATE TRIGGER instead INSTEAD OF INSERT ON shop.big_orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE VIEW shop.over_view AS SELECT b.email, shop.total(b.id) AS n FROM shop.big_orders b GROUP BY b.email;
CREATE VIEW shop.sequence_view AS SELECT last_value FROM shop.customers_id_seq;
CREATE MATERIALIZED VIEW shop.sums WITH (fillfactor = 90) AS SELECT customer, sum(total) AS total FROM shop.orders GROUP BY customer WITH NO DATA;
CREATE UNIQUE INDEX sums_customer ON shop.sums (customer);
COMMENT ON MATERIALIZED VIEW shop.sums IS 'summed';
CREATE FUNCTION shop.of_table(c shop.customers) RETURNS SETOF shop.orders LANGUAGE sql BEGIN ATOMIC SELECT * FROM shop.orders WHERE customer = (c).id; END;

CREATE TABLE shop.events (at timestamptz NOT NULL, kind int, payload jsonb, PRIMARY KEY (at, kind)) PARTITION BY RANGE (at);
CREATE INDEX events_kind ON shop.events (kind);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE shop.events_2024_1 PARTITION OF shop.events_2024 FOR VALUES IN (1, 2);
CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT;
CREATE TRIGGER touch_events AFTER INSERT ON shop.events FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TABLE shop.event_refs (at timestamptz, kind int, FOREIGN KEY (at, kind) REFERENCES shop.events) PARTITION BY HASH (kind);
CREATE TABLE shop.event_refs_0 PARTITION OF shop.event_refs FOR VALUES WITH (MODULUS 1, REMAINDER 0);

CREATE TABLE shop.base_a (a int CHECK (a > 0), b int);
CREATE TABLE shop.base_b (b int, c int);
CREATE TABLE shop.child (own int) INHERITS (shop.base_a, shop.base_b);
CREATE TABLE shop.typed OF shop.address (zip WITH OPTIONS NOT NULL);
CREATE UNLOGGED TABLE "Odd.Schema"."T ""ON"" ä" ("Col.umn" int PRIMARY KEY, ref shop.child);
CREATE INDEX "I.dx ON" ON "Odd.Schema"."T ""ON"" ä" ("Col.umn");
CREATE TRIGGER "t ON x" AFTER UPDATE OF "Col.umn" ON "Odd.Schema"."T ""ON"" ä" FOR EACH STATEMENT EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.customers OWNER TO accord_alice;
ALTER FUNCTION shop.diff OWNER TO accord_alice;

-- ddl
CREATE TABLE shop.x(a int);
-- probe: schema create
-- ddl
CREATE SCHEMA n; COMMENT ON SCHEMA n IS 'x'; GRANT USAGE ON SCHEMA n TO accord_bob
-- probe: schema rename with content
CREATE SCHEMA n; CREATE TYPE n.e AS ENUM ('a'); CREATE TABLE n.t (id serial PRIMARY KEY, e n.e DEFAULT 'a', u int UNIQUE);
CREATE VIEW n.v AS SELECT id, e FROM n.t; CREATE INDEX i ON n.t (e) WHERE e = 'a'; CREATE FUNCTION n.f(x n.e) RETURNS n.e LANGUAGE sql AS 'SELECT x';
-- ddl
ALTER SCHEMA n RENAME TO "M m"
-- probe: schema owner
CREATE SCHEMA n;
-- ddl
ALTER SCHEMA n OWNER TO accord_alice
-- probe: schema drop cascade
CREATE SCHEMA n; CREATE TYPE n.e AS ENUM ('a', 'b'); CREATE TABLE n.a (id serial PRIMARY KEY, e n.e); CREATE TABLE n.b (id int PRIMARY KEY REFERENCES n.a, x text);
ALTER TABLE n.a ADD b int REFERENCES n.b; CREATE VIEW n.v AS SELECT * FROM n.a; CREATE FUNCTION n.f() RETURNS SETOF n.v LANGUAGE sql BEGIN ATOMIC SELECT * FROM n.v; END;
CREATE MATERIALIZED VIEW n.m AS SELECT * FROM n.v; CREATE INDEX mi ON n.m (id); COMMENT ON TABLE n.a IS 'a';
-- ddl
DROP SCHEMA n CASCADE
-- probe: public loses its default grant
-- ddl
REVOKE USAGE ON SCHEMA public FROM PUBLIC; COMMENT ON SCHEMA public IS NULL
-- probe: extension create
CREATE SCHEMA s;
-- ddl
CREATE EXTENSION hstore SCHEMA s
-- probe: extension update [no-reverse]
CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA s VERSION '1.7'
-- ddl
ALTER EXTENSION hstore UPDATE TO '1.8'
-- probe: extension move
CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA s; CREATE TABLE t (h s.hstore DEFAULT ''::s.hstore)
-- ddl
ALTER EXTENSION hstore SET SCHEMA public
-- probe: extension of another version back [no-reverse]
CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA s; CREATE TABLE s.t (h s.hstore)
-- ddl
DROP EXTENSION hstore CASCADE
-- probe: enum create
-- ddl
CREATE TYPE e AS ENUM ('a', 'it''s', ''); CREATE TABLE t (e e[] DEFAULT '{a}', f e DEFAULT 'it''s')
-- probe: enum add values
CREATE TYPE e AS ENUM ('b', 'd'); CREATE TABLE t (a int, e e DEFAULT 'b')
-- ddl
ALTER TYPE e ADD VALUE 'a' BEFORE 'b'
-- then
ALTER TYPE e ADD VALUE 'c' AFTER 'b'
-- then
ALTER TYPE e ADD VALUE 'e'
-- probe: enum add several at the front
CREATE TYPE e AS ENUM ('z');
-- ddl
ALTER TYPE e ADD VALUE 'y' BEFORE 'z'
-- then
ALTER TYPE e ADD VALUE 'x' BEFORE 'y'
-- probe: enum rename value
CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (e e DEFAULT 'a' CHECK (e <> 'b')); CREATE VIEW v AS SELECT * FROM t WHERE e = 'a'
-- ddl
ALTER TYPE e RENAME VALUE 'a' TO 'A a'
-- probe: enum rename type
CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (e e DEFAULT 'a', es e[]); CREATE FUNCTION f(e, e[]) RETURNS e LANGUAGE sql AS 'SELECT $1'; CREATE INDEX i ON t (e) WHERE e = 'a'
-- ddl
ALTER TYPE e RENAME TO "Ee"
-- probe: enum loses a label under a view
CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (id int, e e DEFAULT 'a' NOT NULL, es e[] DEFAULT '{a}'); CREATE VIEW v AS SELECT id, e FROM t; COMMENT ON VIEW v IS 'v'; GRANT SELECT ON v TO accord_bob;
CREATE INDEX i ON t (e) WHERE e = 'b'; COMMENT ON TYPE e IS 'e'; GRANT USAGE ON TYPE e TO accord_bob; CREATE FUNCTION f(e) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER TYPE e ADD VALUE 'c'
-- probe: enum move
CREATE SCHEMA s; CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (e e DEFAULT 'a')
-- ddl
ALTER TYPE e SET SCHEMA s
-- probe: domain create
-- ddl
CREATE DOMAIN d AS text COLLATE "C" DEFAULT 'x' NOT NULL CONSTRAINT k CHECK (VALUE <> ''); COMMENT ON CONSTRAINT k ON DOMAIN d IS 'k'
-- probe: domain alter
CREATE DOMAIN d AS int CONSTRAINT k CHECK (VALUE > 0); CREATE TABLE t (d d)
-- ddl
ALTER DOMAIN d SET DEFAULT 5; ALTER DOMAIN d SET NOT NULL; ALTER DOMAIN d DROP CONSTRAINT k; ALTER DOMAIN d ADD CONSTRAINT l CHECK (VALUE < 10) NOT VALID
-- probe: domain validate and rename constraint
CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID
-- ddl
ALTER DOMAIN d VALIDATE CONSTRAINT k; ALTER DOMAIN d RENAME CONSTRAINT k TO l
-- probe: domain constraint by function
CREATE FUNCTION ok(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'
-- ddl
CREATE DOMAIN d AS text CHECK (ok(VALUE)); CREATE TABLE t (d d)
-- probe: domain rename
CREATE DOMAIN d AS int CONSTRAINT k CHECK (VALUE > 0); CREATE TABLE t (d d DEFAULT 1); CREATE VIEW v AS SELECT 1::d AS x
-- ddl
ALTER DOMAIN d RENAME TO dd
-- probe: composite create and alter
CREATE TYPE c AS (x int, y text)
-- ddl
ALTER TYPE c ADD ATTRIBUTE z text COLLATE "C", DROP ATTRIBUTE x, ALTER ATTRIBUTE y TYPE varchar(5)
-- probe: composite rename attribute
CREATE TYPE c AS (x int, y text); CREATE FUNCTION f(c) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT ($1).x; END; COMMENT ON COLUMN c.x IS 'x'
-- ddl
ALTER TYPE c RENAME ATTRIBUTE x TO "X"
-- probe: composite with typed table
CREATE TYPE c AS (x int, y text); CREATE TABLE t OF c (x NOT NULL)
-- ddl
ALTER TYPE c ADD ATTRIBUTE z int CASCADE
-- probe: typed table create
CREATE TYPE c AS (x int, y text)
-- ddl
CREATE TABLE t OF c (x WITH OPTIONS DEFAULT 5 NOT NULL, PRIMARY KEY (x))
-- probe: table becomes typed
CREATE TYPE c AS (x int); CREATE TABLE t (x int)
-- ddl
ALTER TABLE t OF c
-- probe: range create
CREATE FUNCTION diff(x numeric, y numeric) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT (x - y)::float8'
-- ddl
CREATE TYPE r AS RANGE (subtype = numeric, subtype_diff = diff, multirange_type_name = "Rs"); CREATE TABLE t (r r, rs "Rs")
-- probe: range made otherwise
CREATE TYPE r AS RANGE (subtype = int)
-- ddl
DROP TYPE r; CREATE TYPE r AS RANGE (subtype = bigint)
-- probe: sequence create [since 15]
-- ddl
CREATE SEQUENCE q AS smallint START 3 INCREMENT -1 MINVALUE -10 MAXVALUE 10 CACHE 2 CYCLE; CREATE UNLOGGED SEQUENCE u
-- probe: sequence alter [since 15]
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q AS integer INCREMENT 7 START 7 CACHE 9 CYCLE; ALTER SEQUENCE q SET UNLOGGED
-- probe: sequence owned by
CREATE SEQUENCE q; CREATE TABLE t (a int DEFAULT nextval('q'))
-- ddl
ALTER SEQUENCE q OWNED BY t.a
-- probe: sequence disowned
CREATE TABLE t (a serial, b int)
-- ddl
ALTER SEQUENCE t_a_seq OWNED BY NONE
-- probe: sequence rename under a default
CREATE TABLE t (a serial, b int)
-- ddl
ALTER SEQUENCE t_a_seq RENAME TO "Q q"
-- probe: serial table create
-- ddl
CREATE TABLE t (id bigserial PRIMARY KEY, "Order" smallserial)
-- probe: serial column added
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD COLUMN id serial PRIMARY KEY
-- probe: serial column added to someone's table
CREATE TABLE t (a int); ALTER TABLE t OWNER TO accord_alice
-- ddl
ALTER TABLE t ADD COLUMN id serial
-- probe: serial dropped
CREATE TABLE t (a int, id serial)
-- ddl
ALTER TABLE t DROP COLUMN id
-- probe: serial becomes identity
CREATE TABLE t (id serial)
-- ddl
ALTER TABLE t ALTER id DROP DEFAULT; DROP SEQUENCE t_id_seq; ALTER TABLE t ALTER id ADD GENERATED BY DEFAULT AS IDENTITY
-- probe: identity of another type than its column
CREATE TABLE model (id int GENERATED ALWAYS AS IDENTITY)
-- ddl
CREATE TABLE t (LIKE model INCLUDING IDENTITY)
-- probe: identity's sequence takes another type
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER SEQUENCE t_id_seq AS bigint
-- probe: column and identity's sequence take other types
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER id TYPE bigint; ALTER SEQUENCE t_id_seq AS int
-- probe: table with everything
-- ddl
CREATE UNLOGGED TABLE "T t" (a int NOT NULL DEFAULT 1, b text COMPRESSION pglz COLLATE "C", c int GENERATED ALWAYS AS (a * 2) STORED, d int GENERATED ALWAYS AS IDENTITY (START 5 CYCLE), "e e" numeric(10,2)) WITH (fillfactor=50, toast.autovacuum_enabled=off);
ALTER TABLE "T t" ALTER b SET STORAGE main, ALTER b SET STATISTICS 7, ALTER a SET (n_distinct=3); ALTER TABLE "T t" ENABLE ROW LEVEL SECURITY; ALTER TABLE "T t" REPLICA IDENTITY FULL
-- probe: table of no columns
-- ddl
CREATE TABLE t ()
-- probe: table drop
CREATE TABLE t (id serial PRIMARY KEY, a int); CREATE TABLE u (t int REFERENCES t); CREATE INDEX i ON t (a); COMMENT ON COLUMN t.a IS 'a'; GRANT SELECT ON t TO accord_bob
-- ddl
DROP TABLE t CASCADE
-- probe: drop constraint after drop table
CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, t int CONSTRAINT f REFERENCES t)
-- ddl
ALTER TABLE u DROP CONSTRAINT f; DROP TABLE t
-- probe: tables that refer to each other drop
CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t); ALTER TABLE t ADD u int REFERENCES u
-- ddl
DROP TABLE t, u CASCADE
-- probe: tables that refer to each other
-- ddl
CREATE TABLE t (id int PRIMARY KEY, u int); CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t); ALTER TABLE t ADD FOREIGN KEY (u) REFERENCES u
-- probe: table rename with family
CREATE TABLE t (id serial PRIMARY KEY, a int UNIQUE CHECK (a > 0), b int GENERATED ALWAYS AS IDENTITY); CREATE TABLE u (t int REFERENCES t); CREATE INDEX i ON t ((a + 1)); CREATE VIEW v AS SELECT t.a, u.t FROM t JOIN u ON u.t = t.id;
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg(); CREATE POLICY p ON t USING (a > (SELECT count(*) FROM t x)); CREATE RULE r AS ON DELETE TO t DO INSTEAD UPDATE t SET a = 0 WHERE t.id = old.id;
COMMENT ON COLUMN t.a IS 'a'; GRANT SELECT (a) ON t TO accord_bob; CREATE FUNCTION f(t) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a FROM t; END; ALTER TABLE t ALTER b SET STATISTICS 3
-- ddl
ALTER TABLE t RENAME TO "T"
-- probe: table moves
CREATE SCHEMA s; CREATE TABLE t (id serial PRIMARY KEY, a int GENERATED ALWAYS AS IDENTITY); CREATE INDEX i ON t (a); CREATE TABLE u (t int REFERENCES t); CREATE VIEW v AS SELECT * FROM t; COMMENT ON INDEX i IS 'i'; COMMENT ON CONSTRAINT t_pkey ON t IS 'p'
-- ddl
ALTER TABLE t SET SCHEMA s
-- probe: table moves and takes another name
CREATE SCHEMA s; CREATE TABLE t (id serial PRIMARY KEY); CREATE TABLE u (t int REFERENCES t)
-- ddl
ALTER TABLE t SET SCHEMA s; ALTER TABLE s.t RENAME TO w; ALTER TABLE s.w RENAME id TO id2
-- probe: tables swap names
CREATE TABLE t (a int PRIMARY KEY, b text); CREATE TABLE u (c int); CREATE VIEW v AS SELECT a FROM t
-- ddl
ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; ALTER TABLE x RENAME TO u
-- probe: a new table takes a dropped one's name
CREATE TABLE t (a int PRIMARY KEY, b text); CREATE TABLE t_new (a bigint)
-- ddl
DROP TABLE t; ALTER TABLE t_new RENAME TO t
-- probe: table made anew
CREATE TABLE t (a int PRIMARY KEY, b text); COMMENT ON TABLE t IS 'x'; GRANT SELECT ON t TO accord_bob; CREATE INDEX i ON t (b)
-- ddl
DROP TABLE t; CREATE TABLE t (a int PRIMARY KEY, b text); COMMENT ON TABLE t IS 'x'; GRANT SELECT ON t TO accord_bob; CREATE INDEX i ON t (b)
-- probe: a table takes a view's name
CREATE VIEW x AS SELECT 1 AS a
-- ddl
DROP VIEW x; CREATE TABLE x (a int)
-- probe: table logged and options
CREATE UNLOGGED TABLE t (id serial, b int GENERATED ALWAYS AS IDENTITY) WITH (autovacuum_enabled=off, fillfactor=50)
-- ddl
ALTER TABLE t SET LOGGED; ALTER TABLE t RESET (autovacuum_enabled); ALTER TABLE t SET (fillfactor=60, toast.autovacuum_enabled=off)
-- probe: row security
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
-- probe: replica identity by index
CREATE TABLE t (a int NOT NULL, b int)
-- ddl
CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX i
-- probe: replica identity index renamed
CREATE TABLE t (a int NOT NULL, b int); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX i
-- ddl
ALTER INDEX i RENAME TO "J j"
-- probe: table owner with serial and view
CREATE TABLE t (id serial, b int GENERATED ALWAYS AS IDENTITY); GRANT SELECT ON t TO accord_bob; CREATE VIEW v AS SELECT * FROM t
-- ddl
ALTER TABLE t OWNER TO accord_alice; ALTER VIEW v OWNER TO accord_bob
-- probe: columns added
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD b text NOT NULL DEFAULT 'x', ADD c timestamptz DEFAULT now(), ADD d int GENERATED ALWAYS AS (a + 1) STORED, ADD e double precision DEFAULT random(), ADD f int GENERATED BY DEFAULT AS IDENTITY, ADD "G g" text COLLATE "C"
-- probe: column added and its default changed
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD b int DEFAULT 1; ALTER TABLE t ALTER b SET DEFAULT 2
-- probe: column dropped
CREATE TABLE t (a int, b int PRIMARY KEY, c int REFERENCES t CHECK (c > 0)); CREATE INDEX i ON t (c, a)
-- ddl
ALTER TABLE t DROP c
-- probe: column dropped under a view
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, b FROM t
-- ddl
DROP VIEW v; ALTER TABLE t DROP b; CREATE VIEW v AS SELECT a FROM t
-- probe: column made anew [order]
CREATE TABLE t (a int, b int DEFAULT 5, c int); CREATE INDEX i ON t (b); COMMENT ON COLUMN t.b IS 'b'
-- ddl
ALTER TABLE t DROP b; ALTER TABLE t ADD b text DEFAULT 'x'; CREATE INDEX i ON t (b); COMMENT ON COLUMN t.b IS 'b'
-- probe: column renamed under views, keys and indexes
CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), n text); CREATE TABLE u (id int, t int REFERENCES t (id)); CREATE INDEX i ON t ((a + 1)) WHERE a > 2;
CREATE VIEW v AS SELECT t.a, u.id FROM t JOIN u USING (id); CREATE VIEW w AS SELECT * FROM v; CREATE MATERIALIZED VIEW m AS SELECT id, a FROM t; CREATE POLICY p ON t USING (a > 0);
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z AFTER UPDATE OF a ON t FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION trg(); CREATE RULE r AS ON DELETE TO t DO INSTEAD UPDATE t SET a = 0 WHERE t.id = old.id
-- ddl
ALTER TABLE t RENAME a TO "A a"; ALTER TABLE t RENAME id TO key
-- probe: columns swap names
CREATE TABLE t (a int DEFAULT 1, b text)
-- ddl
ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b
-- probe: column renamed and another added in its place
CREATE TABLE t (a int DEFAULT 1, b text)
-- ddl
ALTER TABLE t RENAME a TO old_a; ALTER TABLE t ADD a text
-- probe: column renamed and the view really changed
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t
-- ddl
ALTER TABLE t RENAME a TO x; CREATE OR REPLACE VIEW v AS SELECT x AS a, b FROM t WHERE b > 0
-- probe: column type
CREATE TABLE t (a int DEFAULT 5, b varchar(10), c text DEFAULT '7', d numeric(10,2)); CREATE INDEX i ON t (b) WHERE b <> 'x'
-- ddl
ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE varchar(20), ALTER d TYPE numeric(12,2); ALTER TABLE t ALTER c DROP DEFAULT; ALTER TABLE t ALTER c TYPE int USING length(c); ALTER TABLE t ALTER c SET DEFAULT 8
-- probe: column type under views
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v; COMMENT ON VIEW v IS 'v'; COMMENT ON COLUMN w.a IS 'a'; GRANT SELECT ON w TO accord_bob; ALTER VIEW v OWNER TO accord_alice; GRANT SELECT ON t TO accord_alice;
CREATE MATERIALIZED VIEW m AS SELECT a + 1 AS a FROM t; CREATE UNIQUE INDEX mi ON m (a)
-- ddl
DROP VIEW w; DROP VIEW v; DROP MATERIALIZED VIEW m; ALTER TABLE t ALTER a TYPE bigint; CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v; COMMENT ON VIEW v IS 'v'; COMMENT ON COLUMN w.a IS 'a'; GRANT SELECT ON w TO accord_bob; ALTER VIEW v OWNER TO accord_alice;
CREATE MATERIALIZED VIEW m AS SELECT a + 1 AS a FROM t; CREATE UNIQUE INDEX mi ON m (a)
-- probe: column type under a trigger, a policy and a rule
CREATE TABLE t (a int, b int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION trg(); CREATE POLICY p ON t USING (a > 0); CREATE RULE r AS ON INSERT TO t WHERE new.a > 0 DO INSTEAD NOTHING
-- ddl
DROP TRIGGER z ON t; DROP POLICY p ON t; DROP RULE r ON t; ALTER TABLE t ALTER a TYPE bigint; CREATE TRIGGER z AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION trg(); CREATE POLICY p ON t USING (a > 0); CREATE RULE r AS ON INSERT TO t WHERE new.a > 0 DO INSTEAD NOTHING
-- probe: column type from text to enum
CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (x text DEFAULT 'a')
-- ddl
ALTER TABLE t ALTER x DROP DEFAULT, ALTER x TYPE e USING x::e; ALTER TABLE t ALTER x SET DEFAULT 'b'
-- probe: column type of an identity
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); CREATE TABLE u (t int REFERENCES t)
-- ddl
ALTER TABLE t ALTER id TYPE bigint
-- probe: column type of a serial
CREATE TABLE t (id serial PRIMARY KEY)
-- ddl
ALTER TABLE t ALTER id TYPE bigint; ALTER SEQUENCE t_id_seq AS bigint
-- probe: column collation
CREATE TABLE t (a text, b text COLLATE "C" DEFAULT 'x'); CREATE INDEX i ON t (a)
-- ddl
ALTER TABLE t ALTER a TYPE text COLLATE "POSIX"; ALTER TABLE t ALTER b TYPE text
-- probe: column storage and friends
CREATE TABLE t (a int, b text, c numeric, d text COMPRESSION pglz); ALTER TABLE t ALTER b SET STORAGE external
-- ddl
ALTER TABLE t ALTER a SET STATISTICS 10, ALTER b SET STORAGE extended, ALTER c SET STORAGE external, ALTER d SET COMPRESSION default, ALTER a SET (n_distinct=5, n_distinct_inherited=6)
-- probe: column type with storage of its own
CREATE TABLE t (a varchar(5) COMPRESSION pglz); ALTER TABLE t ALTER a SET STORAGE main
-- ddl
ALTER TABLE t ALTER a TYPE text, ALTER a SET STORAGE main; ALTER TABLE t ALTER a SET COMPRESSION pglz
-- probe: not null
CREATE TABLE t (a int, b int NOT NULL)
-- ddl
ALTER TABLE t ALTER a SET NOT NULL, ALTER b DROP NOT NULL
-- probe: defaults
CREATE SEQUENCE q; CREATE TABLE t (a int DEFAULT 1, b int, c int DEFAULT 3)
-- ddl
ALTER TABLE t ALTER a SET DEFAULT 5, ALTER b SET DEFAULT nextval('q'), ALTER c DROP DEFAULT
-- probe: default by function and the function changed
CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int DEFAULT f(1))
-- ddl
ALTER TABLE t ALTER a DROP DEFAULT; DROP FUNCTION f(int); CREATE FUNCTION f(y int) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'; ALTER TABLE t ALTER a SET DEFAULT f(1)
-- probe: generated dropped
CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)
-- ddl
ALTER TABLE t ALTER b DROP EXPRESSION
-- probe: generated made otherwise [order]
CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED, c int); CREATE INDEX i ON t (b)
-- ddl
ALTER TABLE t DROP b; ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 2) STORED; CREATE INDEX i ON t (b)
-- probe: type of a column that another is generated from [order]
CREATE TABLE t (a int, b bigint GENERATED ALWAYS AS (a + 1) STORED, c int)
-- ddl
ALTER TABLE t DROP b; ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t ADD b bigint GENERATED ALWAYS AS (a + 1) STORED
-- probe: identity added and altered
CREATE TABLE t (a int NOT NULL, b int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER a ADD GENERATED BY DEFAULT AS IDENTITY; ALTER TABLE t ALTER b SET GENERATED BY DEFAULT SET CACHE 5 SET INCREMENT 3 SET START 4
-- probe: identity sequence renamed
CREATE TABLE t (b int GENERATED ALWAYS AS IDENTITY, c int)
-- ddl
ALTER SEQUENCE t_b_seq RENAME TO "Q q"
-- probe: identity dropped
CREATE TABLE t (b int GENERATED ALWAYS AS IDENTITY, c int)
-- ddl
ALTER TABLE t ALTER b DROP IDENTITY
-- probe: column grants and comments
CREATE TABLE t (a int, b int); GRANT SELECT (a) ON t TO accord_bob; COMMENT ON COLUMN t.a IS 'x'
-- ddl
REVOKE SELECT (a) ON t FROM accord_bob; GRANT UPDATE (b), SELECT (b) ON t TO accord_bob WITH GRANT OPTION; COMMENT ON COLUMN t.a IS NULL; COMMENT ON COLUMN t.b IS 'it''s \ b'
-- probe: constraints of every type [since 15]
CREATE EXTENSION btree_gist; CREATE TABLE t (a int NOT NULL, b int, r int4range)
-- ddl
ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a) INCLUDE (b) WITH (fillfactor=70), ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (b, a) DEFERRABLE INITIALLY DEFERRED, ADD CONSTRAINT k CHECK (a > 0) NOT VALID, ADD CONSTRAINT x EXCLUDE USING gist (a WITH =, r WITH &&) WITH (fillfactor=60) WHERE (a > 0) DEFERRABLE;
ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES t ON DELETE SET NULL ON UPDATE CASCADE NOT VALID
-- probe: primary key added and dropped
CREATE TABLE t (a int, b int CONSTRAINT p PRIMARY KEY)
-- ddl
ALTER TABLE t DROP CONSTRAINT p; ALTER TABLE t ALTER b DROP NOT NULL; ALTER TABLE t ADD PRIMARY KEY (a)
-- probe: primary key made otherwise under keys and views
CREATE TABLE t (a int CONSTRAINT p PRIMARY KEY, b int NOT NULL, n text); CREATE TABLE u (t int CONSTRAINT f REFERENCES t); CREATE VIEW v AS SELECT a, b, n FROM t GROUP BY a; COMMENT ON CONSTRAINT f ON u IS 'f'
-- ddl
DROP VIEW v; ALTER TABLE u DROP CONSTRAINT f; ALTER TABLE t DROP CONSTRAINT p; ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a) INCLUDE (b); ALTER TABLE u ADD CONSTRAINT f FOREIGN KEY (t) REFERENCES t(a); COMMENT ON CONSTRAINT f ON u IS 'f'; CREATE VIEW v AS SELECT a, b, n FROM t GROUP BY a
-- probe: constraint validated
CREATE TABLE t (a int PRIMARY KEY, b int); ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID, ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES t NOT VALID
-- ddl
ALTER TABLE t VALIDATE CONSTRAINT k; ALTER TABLE t VALIDATE CONSTRAINT f
-- probe: check changed
CREATE TABLE t (a int CONSTRAINT k CHECK (a > 0))
-- ddl
ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)
-- probe: foreign key deferrability
CREATE TABLE t (a int PRIMARY KEY, b int CONSTRAINT f REFERENCES t, c int CONSTRAINT g REFERENCES t DEFERRABLE INITIALLY DEFERRED)
-- ddl
ALTER TABLE t ALTER CONSTRAINT f DEFERRABLE INITIALLY DEFERRED; ALTER TABLE t ALTER CONSTRAINT g DEFERRABLE INITIALLY IMMEDIATE
-- probe: constraint renamed, index options and clustering
CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE)
-- ddl
ALTER TABLE t RENAME CONSTRAINT t_pkey TO "P p"; ALTER INDEX t_b_key SET (fillfactor=50); ALTER TABLE t CLUSTER ON "P p"
-- probe: index becomes a constraint
CREATE TABLE t (a int NOT NULL); CREATE UNIQUE INDEX i ON t (a)
-- ddl
ALTER TABLE t ADD CONSTRAINT i PRIMARY KEY USING INDEX i
-- probe: indexes [since 15]
CREATE TABLE t (a int, b text, j jsonb)
-- ddl
CREATE UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT; CREATE INDEX "J j" ON t USING btree (lower(b) text_pattern_ops DESC NULLS LAST) INCLUDE (a) WITH (fillfactor=55) WHERE a > 1; CREATE INDEX g ON t USING gin (j jsonb_path_ops) WITH (fastupdate=off); ALTER INDEX "J j" ALTER COLUMN 1 SET STATISTICS 11; ALTER TABLE t CLUSTER ON i; COMMENT ON INDEX i IS 'i'
-- probe: index altered
CREATE TABLE t (a int, b int); CREATE INDEX i ON t ((a + 1)) WITH (fillfactor=50); ALTER TABLE t CLUSTER ON i; CREATE INDEX j ON t (b)
-- ddl
ALTER INDEX i RESET (fillfactor); ALTER INDEX j SET (fillfactor=66, deduplicate_items=off); ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 5; ALTER TABLE t CLUSTER ON j
-- probe: index unclustered
CREATE TABLE t (a int); CREATE INDEX i ON t (a); ALTER TABLE t CLUSTER ON i
-- ddl
ALTER TABLE t SET WITHOUT CLUSTER
-- probe: index made otherwise
CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a); COMMENT ON INDEX i IS 'i'
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a, b); COMMENT ON INDEX i IS 'i'
-- probe: indexes swap names
CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b)
-- ddl
ALTER INDEX i RENAME TO k; ALTER INDEX j RENAME TO i; ALTER INDEX k RENAME TO j
-- probe: inheritance create
-- ddl
CREATE TABLE p (a int DEFAULT 1 CHECK (a > 0), b int NOT NULL); CREATE TABLE q (b int, c int); CREATE TABLE t (d int, b int DEFAULT 7) INHERITS (p, q); ALTER TABLE t ALTER a DROP DEFAULT, ALTER c SET DEFAULT 3; ALTER TABLE t ALTER c SET NOT NULL; CREATE TABLE u () INHERITS (t)
-- probe: inheritance added column, check, rename, type
CREATE TABLE p (a int, b int); CREATE TABLE t (d int) INHERITS (p); CREATE TABLE u () INHERITS (t); CREATE VIEW v AS SELECT * FROM u
-- ddl
DROP VIEW v; ALTER TABLE p ADD c int DEFAULT 4 CONSTRAINT k CHECK (c > 0); ALTER TABLE p RENAME a TO x; ALTER TABLE p ALTER b TYPE bigint; CREATE VIEW v AS SELECT * FROM u
-- probe: inheritance dropped column
CREATE TABLE p (a int, b int DEFAULT 3 CONSTRAINT k CHECK (b > 0)); CREATE TABLE t (d int) INHERITS (p)
-- ddl
ALTER TABLE p DROP b
-- probe: inheritance dropped column of the parent only [no-reverse]
CREATE TABLE p (a int, b int); CREATE TABLE t (d int) INHERITS (p)
-- ddl
ALTER TABLE ONLY p DROP b
-- probe: inherit
CREATE TABLE p (a int CONSTRAINT k CHECK (a > 0)); CREATE TABLE t (a int CONSTRAINT k CHECK (a > 0))
-- ddl
ALTER TABLE t INHERIT p
-- probe: no inherit [no-reverse]
CREATE TABLE p (a int CONSTRAINT k CHECK (a > 0)); CREATE TABLE t (b int) INHERITS (p)
-- ddl
ALTER TABLE t NO INHERIT p
-- probe: inheritance constraint renamed and not null
CREATE TABLE p (a int CONSTRAINT k CHECK (a > 0)); CREATE TABLE t (b int) INHERITS (p)
-- ddl
ALTER TABLE p RENAME CONSTRAINT k TO l; ALTER TABLE p ALTER a SET NOT NULL; ALTER TABLE ONLY p ALTER a SET DEFAULT 5
-- probe: inheritance no inherit check
CREATE TABLE p (a int); CREATE TABLE t (b int) INHERITS (p)
-- ddl
ALTER TABLE p ADD CONSTRAINT k CHECK (a > 0) NO INHERIT; ALTER TABLE t ADD CONSTRAINT l CHECK (b > 0)
-- probe: partitioned create
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TABLE r (id int PRIMARY KEY)
-- ddl
CREATE TABLE p (a int, b int REFERENCES r, c text DEFAULT 'x' CHECK (c <> ''), PRIMARY KEY (a)) PARTITION BY RANGE (a); CREATE INDEX i ON p (b); CREATE TABLE p1 PARTITION OF p (c DEFAULT 'y') FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p DEFAULT PARTITION BY LIST (a); CREATE TABLE p21 PARTITION OF p2 FOR VALUES IN (11, NULL); CREATE TRIGGER z AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION trg(); ALTER TABLE p1 ADD CONSTRAINT own CHECK (b > 0); CREATE INDEX own_i ON p1 (c)
-- probe: partition created
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int PRIMARY KEY, b int REFERENCES r, c text CONSTRAINT k CHECK (c <> '')) PARTITION BY RANGE (a); CREATE INDEX i ON p (b)
-- ddl
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)
-- probe: partition dropped
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int PRIMARY KEY, b int REFERENCES r, c text CONSTRAINT k CHECK (c <> '')) PARTITION BY RANGE (a); CREATE INDEX i ON p (b); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p DEFAULT
-- ddl
DROP TABLE p1
-- probe: partitioned table dropped
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int PRIMARY KEY, b int REFERENCES r) PARTITION BY RANGE (a); CREATE INDEX i ON p (b); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p DEFAULT
-- ddl
DROP TABLE p
-- probe: partition attached
CREATE TABLE p (a int PRIMARY KEY, b int) PARTITION BY LIST (a); CREATE INDEX i ON p (b); CREATE TABLE t (a int NOT NULL, b int)
-- ddl
ALTER TABLE p ATTACH PARTITION t FOR VALUES IN (1)
-- probe: partition detached
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int PRIMARY KEY, b int CONSTRAINT f REFERENCES r, CONSTRAINT k CHECK (b > 0)) PARTITION BY LIST (a); CREATE INDEX i ON p (b); CREATE TABLE t PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p DETACH PARTITION t
-- probe: partition detached, its column and check renamed
CREATE TABLE p (a int PRIMARY KEY, b int DEFAULT 5, c int, CONSTRAINT k CHECK (b > 0)) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1); ALTER TABLE t ALTER c SET DEFAULT 7
-- ddl
ALTER TABLE p DETACH PARTITION t; ALTER TABLE t RENAME b TO "B b"; ALTER TABLE t RENAME CONSTRAINT k TO l; ALTER TABLE t ALTER c DROP DEFAULT; ALTER TABLE t RENAME c TO d; ALTER TABLE t ALTER a SET STATISTICS 7
-- probe: a partitioned table by one key
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int NOT NULL, b int NOT NULL, c text DEFAULT 'x') PARTITION BY LIST (a); COMMENT ON TABLE p IS 'parts'; COMMENT ON COLUMN p.b IS 'b'; CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) PARTITION BY LIST (b); CREATE TABLE p21 PARTITION OF p2 DEFAULT
-- ddl
CREATE INDEX i ON p (c); ALTER TABLE p ADD CONSTRAINT k CHECK (b > 0); ALTER TABLE p ADD PRIMARY KEY (a, b); CREATE VIEW v AS SELECT a, c FROM p; GRANT SELECT ON p TO accord_bob; CREATE TABLE q (a int, b int, FOREIGN KEY (a, b) REFERENCES p)
-- probe: the same by another key
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int NOT NULL, b int NOT NULL, c text DEFAULT 'x') PARTITION BY RANGE (b); COMMENT ON TABLE p IS 'parts'; COMMENT ON COLUMN p.b IS 'b'; CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (7); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (7) TO (9) PARTITION BY LIST (a); CREATE TABLE p21 PARTITION OF p2 DEFAULT
-- ddl
CREATE INDEX i ON p (c); ALTER TABLE p ADD CONSTRAINT k CHECK (b > 0); ALTER TABLE p ADD PRIMARY KEY (a, b); CREATE VIEW v AS SELECT a, c FROM p; GRANT SELECT ON p TO accord_bob; CREATE TABLE q (a int, b int, FOREIGN KEY (a, b) REFERENCES p)
-- probe: the same by no key
CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE p (a int NOT NULL, b int NOT NULL, c text DEFAULT 'x'); COMMENT ON TABLE p IS 'parts'; CREATE TABLE p1 (LIKE p); CREATE TABLE p2 (LIKE p) PARTITION BY LIST (a)
-- ddl
CREATE INDEX i ON p (c); ALTER TABLE p ADD CONSTRAINT k CHECK (b > 0); ALTER TABLE p ADD PRIMARY KEY (a, b); CREATE VIEW v AS SELECT a, c FROM p; GRANT SELECT ON p TO accord_bob; CREATE TABLE q (a int, b int, FOREIGN KEY (a, b) REFERENCES p)
-- probe: partition bound changed
CREATE TABLE p (a int, b int) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p DETACH PARTITION t; ALTER TABLE p ATTACH PARTITION t FOR VALUES IN (1, 2)
-- probe: partitioned column and index changes
CREATE TABLE p (a int, b int, c int) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p ADD d text DEFAULT 'x' NOT NULL; ALTER TABLE p RENAME b TO "B b"; ALTER TABLE p ALTER c TYPE bigint; ALTER TABLE p ALTER a SET NOT NULL; ALTER TABLE p ADD CONSTRAINT k CHECK (c > 0); CREATE INDEX i ON p (c); ALTER TABLE p ADD PRIMARY KEY (a)
-- probe: partitioned column and index drops
CREATE TABLE p (a int PRIMARY KEY, b int, c int CONSTRAINT k CHECK (c > 0)) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1); CREATE INDEX i ON p (b)
-- ddl
DROP INDEX i; ALTER TABLE p DROP CONSTRAINT p_pkey; ALTER TABLE p ALTER a DROP NOT NULL; ALTER TABLE p DROP c
-- probe: partitioned index on only and attach
CREATE TABLE p (a int, b int) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1); CREATE INDEX ti ON t (b)
-- ddl
CREATE INDEX i ON ONLY p (b); ALTER INDEX i ATTACH PARTITION ti
-- probe: partition renamed
CREATE TABLE p (a int PRIMARY KEY, b int) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p RENAME TO "P"; ALTER TABLE t RENAME TO u; ALTER INDEX t_pkey RENAME TO u_pkey
-- probe: view create [since 15]
CREATE TABLE t (id int PRIMARY KEY, a text)
-- ddl
CREATE VIEW v WITH (security_barrier, security_invoker) AS SELECT id, a FROM t WHERE id > 0 WITH LOCAL CHECK OPTION; ALTER VIEW v ALTER a SET DEFAULT 'x'; COMMENT ON COLUMN v.a IS 'a'; CREATE VIEW w AS SELECT * FROM v; CREATE VIEW g AS SELECT id, a, count(*) FROM t GROUP BY id
-- probe: view grows
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v
-- ddl
CREATE OR REPLACE VIEW v AS SELECT a, b FROM t; CREATE OR REPLACE VIEW w AS SELECT a, b FROM v
-- probe: view shrinks under another
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW w AS SELECT a FROM v; COMMENT ON VIEW w IS 'w'; CREATE RULE r AS ON DELETE TO w DO INSTEAD NOTHING; GRANT SELECT ON v TO accord_bob
-- ddl
DROP VIEW w; DROP VIEW v; CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v; COMMENT ON VIEW w IS 'w'; CREATE RULE r AS ON DELETE TO w DO INSTEAD NOTHING; GRANT SELECT ON v TO accord_bob
-- probe: view column renamed
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW w AS SELECT a FROM v; COMMENT ON COLUMN v.a IS 'x'
-- ddl
ALTER VIEW v RENAME COLUMN a TO "A a"
-- probe: view renamed and moved
CREATE SCHEMA s; CREATE VIEW v AS SELECT 1 AS a; CREATE VIEW w AS SELECT a FROM v; COMMENT ON VIEW v IS 'v'
-- ddl
ALTER VIEW v RENAME TO "V"; ALTER VIEW "V" SET SCHEMA s
-- probe: view options [since 15]
CREATE VIEW v WITH (security_barrier) AS SELECT 1 AS a
-- ddl
ALTER VIEW v RESET (security_barrier); ALTER VIEW v SET (security_invoker=true)
-- probe: view to function and back
-- ddl
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS SETOF v LANGUAGE sql BEGIN ATOMIC SELECT * FROM v; END; CREATE VIEW w AS SELECT * FROM f(); CREATE FUNCTION g() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM w; END
-- probe: view and function in a ring
CREATE TABLE t (a int)
-- ddl
CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION f() RETURNS SETOF v LANGUAGE sql BEGIN ATOMIC SELECT * FROM v; END; CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a = (SELECT count(*) FROM f())
-- probe: table and default in a ring
-- ddl
CREATE TABLE t (a int); CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TABLE t ALTER a SET DEFAULT f(NULL)
-- probe: materialized view
CREATE TABLE t (a int, b int)
-- ddl
CREATE MATERIALIZED VIEW m WITH (fillfactor=60) AS SELECT a, b FROM t; CREATE UNIQUE INDEX i ON m (a); ALTER TABLE m CLUSTER ON i; COMMENT ON MATERIALIZED VIEW m IS 'm'; CREATE MATERIALIZED VIEW n AS SELECT a FROM m WITH NO DATA
-- probe: materialized view changed
CREATE TABLE t (a int, b int); CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t; CREATE UNIQUE INDEX i ON m (a); COMMENT ON MATERIALIZED VIEW m IS 'm'; GRANT SELECT ON m TO accord_bob; CREATE VIEW v AS SELECT a FROM m
-- ddl
DROP VIEW v; DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW m AS SELECT a FROM t WHERE b > 0; CREATE UNIQUE INDEX i ON m (a); COMMENT ON MATERIALIZED VIEW m IS 'm'; GRANT SELECT ON m TO accord_bob; CREATE VIEW v AS SELECT a FROM m
-- probe: materialized view options and names
CREATE TABLE t (a int); CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE INDEX i ON m (a)
-- ddl
ALTER MATERIALIZED VIEW m SET (fillfactor=50); ALTER MATERIALIZED VIEW m RENAME COLUMN a TO x; ALTER MATERIALIZED VIEW m RENAME TO n
-- probe: functions of all sorts
CREATE TYPE e AS ENUM ('a')
-- ddl
CREATE FUNCTION f(a int, b text DEFAULT 'x, y', VARIADIC c e[] DEFAULT '{}', OUT d int, OUT "E e" text) RETURNS SETOF record LANGUAGE sql STABLE LEAKPROOF STRICT SECURITY DEFINER PARALLEL SAFE COST 7 ROWS 11 SET search_path TO pg_catalog, "A b", '' SET work_mem TO '1MB' SET my.guc TO 'it''s, ok' AS $q$SELECT 1, '$$' || $1 $q$;
CREATE PROCEDURE p(INOUT a int, b int DEFAULT 3) LANGUAGE plpgsql AS 'BEGIN a := 1; END'; CREATE FUNCTION w() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'; CREATE FUNCTION t() RETURNS TABLE (x int, y text) LANGUAGE sql BEGIN ATOMIC SELECT 1, 'x'::text; END; CREATE FUNCTION r(a int) RETURNS int LANGUAGE sql IMMUTABLE RETURN a + 1;
COMMENT ON FUNCTION r(int) IS 'r'; COMMENT ON PROCEDURE p IS 'p'; REVOKE ALL ON FUNCTION r FROM PUBLIC; GRANT EXECUTE ON FUNCTION r TO accord_bob WITH GRANT OPTION
-- probe: function replaced
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE VIEW v AS SELECT f(1)
-- ddl
CREATE OR REPLACE FUNCTION f(a int DEFAULT 5) RETURNS int LANGUAGE plpgsql IMMUTABLE COST 3 AS 'BEGIN RETURN 2; END'
-- probe: function of another result under a view
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE t (x int DEFAULT f(1) CHECK (f(x) > 0)); CREATE INDEX i ON t (f(x)); CREATE VIEW v AS SELECT f(1) > 0 AS ok; COMMENT ON FUNCTION f IS 'f'; GRANT EXECUTE ON FUNCTION f TO accord_bob
-- ddl
DROP VIEW v; DROP INDEX i; ALTER TABLE t DROP CONSTRAINT t_x_check; ALTER TABLE t ALTER x DROP DEFAULT; DROP FUNCTION f; CREATE FUNCTION f(b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'; COMMENT ON FUNCTION f IS 'f'; GRANT EXECUTE ON FUNCTION f TO accord_bob;
ALTER TABLE t ALTER x SET DEFAULT f(1), ADD CONSTRAINT t_x_check CHECK (f(x) > 0); CREATE INDEX i ON t (f(x)); CREATE VIEW v AS SELECT f(1) > 0 AS ok
-- probe: function attributes
CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() STABLE STRICT SECURITY DEFINER LEAKPROOF PARALLEL RESTRICTED COST 9 ROWS 8 SET work_mem = '2MB'
-- probe: function renamed and moved
CREATE SCHEMA s; CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE t (x int DEFAULT f(1)); CREATE VIEW v AS SELECT f(2); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z AFTER INSERT ON t EXECUTE FUNCTION trg()
-- ddl
ALTER FUNCTION f(int) RENAME TO g; ALTER FUNCTION g(int) SET SCHEMA s; ALTER FUNCTION trg() RENAME TO "Trg"
-- probe: procedure drop
CREATE PROCEDURE p(INOUT a int, b int) LANGUAGE plpgsql AS 'BEGIN END'; CREATE FUNCTION o(a int, OUT b int) LANGUAGE sql AS 'SELECT 1'
-- ddl
DROP PROCEDURE p; DROP FUNCTION o
-- probe: sql body on a table that changes
CREATE TABLE t (a int, b int); CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a FROM t; END
-- ddl
ALTER TABLE t ADD c int; CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT c FROM t; END
-- probe: aggregates
CREATE FUNCTION add(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2'
-- ddl
CREATE AGGREGATE total(bigint) (SFUNC = add, STYPE = bigint, INITCOND = '0', COMBINEFUNC = add, PARALLEL = SAFE, MSFUNC = add, MINVFUNC = int8mi, MSTYPE = bigint, MINITCOND = '0'); CREATE AGGREGATE rows_(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE hypo(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL); COMMENT ON AGGREGATE rows_(*) IS 'r'; GRANT EXECUTE ON FUNCTION total TO accord_bob; ALTER AGGREGATE hypo(VARIADIC "any" ORDER BY VARIADIC "any") OWNER TO accord_alice; CREATE VIEW v AS SELECT total(x) FROM generate_series(1, 2) x
-- probe: aggregate changed and renamed
CREATE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int); CREATE AGGREGATE h(int) (SFUNC = int4pl, STYPE = int); COMMENT ON AGGREGATE g(int) IS 'g'
-- ddl
CREATE OR REPLACE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0'); ALTER AGGREGATE h(int) RENAME TO i
-- probe: triggers
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t; CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'
-- ddl
CREATE TRIGGER "Z z" BEFORE INSERT OR UPDATE OF a ON t FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION trg('x', 'it''s'); CREATE CONSTRAINT TRIGGER c AFTER DELETE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trg(); CREATE TRIGGER r AFTER UPDATE ON t REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION trg(); ALTER TABLE t ENABLE ALWAYS TRIGGER r; CREATE TRIGGER i INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION trg(); COMMENT ON TRIGGER i ON v IS 'i'
-- probe: trigger changed
CREATE TABLE t (a int, b int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg(); ALTER TABLE t DISABLE TRIGGER z; CREATE CONSTRAINT TRIGGER c AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION trg(); COMMENT ON TRIGGER c ON t IS 'c'
-- ddl
CREATE OR REPLACE TRIGGER z AFTER INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION trg(); DROP TRIGGER c ON t; CREATE CONSTRAINT TRIGGER c AFTER DELETE ON t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION trg(); COMMENT ON TRIGGER c ON t IS 'c'
-- probe: trigger enabled otherwise and renamed
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z AFTER INSERT ON t EXECUTE FUNCTION trg(); CREATE TRIGGER y AFTER INSERT ON t EXECUTE FUNCTION trg()
-- ddl
ALTER TABLE t ENABLE REPLICA TRIGGER z; ALTER TABLE t DISABLE TRIGGER y; ALTER TRIGGER y ON t RENAME TO "Y"
-- probe: policies
CREATE SCHEMA s; CREATE TABLE s.who (name text); CREATE TABLE t (a int, b text); ALTER TABLE t ENABLE ROW LEVEL SECURITY
-- ddl
CREATE POLICY p ON t AS RESTRICTIVE FOR UPDATE TO accord_bob, accord_alice USING (b IN (SELECT name FROM s.who)) WITH CHECK (a > 0); CREATE POLICY q ON t FOR INSERT WITH CHECK (true); COMMENT ON POLICY p ON t IS 'p'
-- probe: policy altered
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0); CREATE POLICY q ON t FOR SELECT USING (a > 0); CREATE POLICY r ON t USING (a > 0)
-- ddl
ALTER POLICY p ON t TO accord_bob USING (a > 1) WITH CHECK (a > 2); DROP POLICY q ON t; CREATE POLICY q ON t FOR DELETE USING (a > 0); ALTER POLICY r ON t RENAME TO "R r"
-- probe: rules
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t
-- ddl
CREATE RULE r AS ON DELETE TO t WHERE old.a > 0 DO INSTEAD (UPDATE t SET a = 0; SELECT 1); ALTER TABLE t ENABLE ALWAYS RULE r; CREATE RULE "R r" AS ON INSERT TO v DO INSTEAD INSERT INTO t VALUES (new.a) RETURNING a; COMMENT ON RULE r ON t IS 'r'
-- probe: rule changed
CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; ALTER TABLE t DISABLE RULE r; CREATE RULE q AS ON INSERT TO t DO ALSO NOTIFY x
-- ddl
CREATE OR REPLACE RULE r AS ON DELETE TO t DO ALSO NOTIFY y; ALTER TABLE t DISABLE RULE q; ALTER RULE q ON t RENAME TO "Q"
-- probe: comments change
CREATE TABLE t (a int); COMMENT ON TABLE t IS 'x'; COMMENT ON COLUMN t.a IS 'y'
-- ddl
COMMENT ON TABLE t IS 'it''s a "table" \ here'; COMMENT ON COLUMN t.a IS NULL
-- probe: grants
CREATE TABLE t (a int); CREATE SEQUENCE q; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE e AS ENUM ('a'); CREATE VIEW v AS SELECT 1 AS a; GRANT SELECT, INSERT ON t TO accord_bob WITH GRANT OPTION; GRANT SELECT ON t TO accord_alice
-- ddl
REVOKE GRANT OPTION FOR INSERT ON t FROM accord_bob; REVOKE SELECT ON t FROM accord_alice; GRANT SELECT ON t TO PUBLIC; GRANT UPDATE ON t TO accord_bob; GRANT USAGE ON SEQUENCE q TO accord_bob; REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC; REVOKE USAGE ON TYPE e FROM PUBLIC; GRANT SELECT ON v TO "Accord, ""Carol"""; REVOKE DELETE ON t FROM postgres
-- probe: grants with an owner
CREATE TABLE t (a int); ALTER TABLE t OWNER TO accord_alice; REVOKE TRUNCATE ON t FROM accord_alice; GRANT SELECT ON t TO accord_bob
-- ddl
ALTER TABLE t OWNER TO accord_bob
-- probe: names that must be quoted
CREATE SCHEMA "S s"
-- ddl
CREATE TYPE "S s"."E ""e" AS ENUM ('A"a'); CREATE TABLE "S s"."T.t" ("select" int PRIMARY KEY, "É" "S s"."E ""e" DEFAULT 'A"a', "x y" serial); CREATE INDEX "i.i" ON "S s"."T.t" ("É"); CREATE FUNCTION "S s"."f f"("S s"."E ""e") RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION "S s"."f f" IS 'f'; GRANT SELECT ("É") ON "S s"."T.t" TO accord_bob
-- probe: view over a type changed column is the replica's own
CREATE TABLE t (a int); 
-- ddl
ALTER TABLE t ALTER a TYPE text
-- probe: table made partitioned
CREATE TABLE t (a int)
-- ddl
DROP TABLE t; CREATE TABLE t (a int) PARTITION BY LIST (a)
-- probe: everything that stands by itself
CREATE SCHEMA shop;
CREATE SCHEMA "Odd.Schema";
CREATE TYPE shop.address AS (street text);
CREATE TABLE shop.orders (id int, customer int, room int, note text);
-- include alone.sql
-- ddl
DROP SCHEMA shop CASCADE;
-- probe: base type created
CREATE SCHEMA s;
-- ddl
CREATE TYPE s.t;
CREATE FUNCTION s.t_in(cstring) RETURNS s.t LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION s.t_out(s.t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE s.t (INPUT = s.t_in, OUTPUT = s.t_out, LIKE = int4, CATEGORY = 'N', PREFERRED = true, DEFAULT = '7', DELIMITER = ';');
COMMENT ON TYPE s.t IS 'a number';
GRANT USAGE ON TYPE s.t TO accord_bob;
REVOKE USAGE ON TYPE s.t FROM PUBLIC;
CREATE TABLE s.x (a s.t, b s.t[] DEFAULT '{1;2}');
CREATE DOMAIN s.d AS s.t DEFAULT '3';
-- probe: base type dropped with its table
CREATE TYPE public.t;
CREATE FUNCTION t_in(cstring) RETURNS t LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION t_out(t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE t (INPUT = t_in, OUTPUT = t_out, INTERNALLENGTH = VARIABLE, STORAGE = extended, COLLATABLE = true, ELEMENT = text, SUBSCRIPT = raw_array_subscript_handler);
CREATE TABLE x (a t, b int);
CREATE FUNCTION uses(t) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW v AS SELECT a FROM x;
-- ddl
DROP VIEW v;
DROP FUNCTION uses(t);
DROP TABLE x;
DROP TYPE t CASCADE;
-- probe: base type support functions
CREATE TYPE t;
CREATE FUNCTION t_in(cstring) RETURNS t LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION t_out(t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION t_send(t) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'textsend';
CREATE TYPE t (INPUT = t_in, OUTPUT = t_out, INTERNALLENGTH = VARIABLE, STORAGE = main);
CREATE TABLE x (a t);
-- ddl
ALTER TYPE t SET (SEND = t_send, STORAGE = external, ANALYZE = range_typanalyze);
-- probe: base type renamed and moved
CREATE SCHEMA s;
CREATE TYPE t;
CREATE FUNCTION t_in(cstring) RETURNS t LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION t_out(t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE t (INPUT = t_in, OUTPUT = t_out, LIKE = int4);
CREATE FUNCTION t_lt(t, t) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
CREATE FUNCTION t_cmp(t, t) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE OPERATOR < (LEFTARG = t, RIGHTARG = t, FUNCTION = t_lt);
CREATE OPERATOR CLASS t_ops DEFAULT FOR TYPE t USING btree AS OPERATOR 1 <, FUNCTION 1 t_cmp(t, t);
CREATE FUNCTION t_text(t) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
CREATE CAST (t AS text) WITH FUNCTION t_text(t);
CREATE TRANSFORM FOR t LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE TABLE x (a t);
COMMENT ON CAST (t AS text) IS 'c';
-- ddl
ALTER TYPE t RENAME TO "U t";
-- then
ALTER TYPE "U t" SET SCHEMA s;
-- probe: shell type defined
CREATE TYPE t;
CREATE FUNCTION t_in(cstring) RETURNS t LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION t_out(t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
-- ddl
CREATE TYPE t (INPUT = t_in, OUTPUT = t_out, LIKE = int4);
-- probe: base type defined otherwise
CREATE TYPE t;
CREATE FUNCTION t_in(cstring) RETURNS t LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION t_out(t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE t (INPUT = t_in, OUTPUT = t_out, LIKE = int4);
-- ddl
DROP TYPE t CASCADE;
CREATE TYPE t;
CREATE FUNCTION t_in(cstring) RETURNS t LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION t_out(t) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE t (INPUT = t_in, OUTPUT = t_out, LIKE = int4, CATEGORY = 'N');
-- probe: cast with function
CREATE TYPE e AS ENUM ('a');
CREATE FUNCTION f(e) RETURNS int LANGUAGE sql AS 'SELECT 1';
-- ddl
CREATE CAST (e AS int) WITH FUNCTION f(e) AS ASSIGNMENT;
COMMENT ON CAST (e AS int) IS 'x';
-- probe: cast context
CREATE TYPE e AS ENUM ('a');
CREATE CAST (e AS text) WITH INOUT;
COMMENT ON CAST (e AS text) IS 'x';
-- ddl
DROP CAST (e AS text);
CREATE CAST (e AS text) WITH INOUT AS IMPLICIT;
-- probe: cast comment
CREATE TYPE e AS ENUM ('a');
CREATE CAST (e AS text) WITH INOUT;
-- ddl
COMMENT ON CAST (e AS text) IS 'x';
-- probe: cast that a default needs
CREATE SCHEMA s;
-- ddl
CREATE TYPE s.c AS (a int);
CREATE FUNCTION s.from_text(text) RETURNS s.c LANGUAGE sql IMMUTABLE AS 'SELECT ROW(1)::s.c';
CREATE CAST (text AS s.c) WITH FUNCTION s.from_text(text) AS ASSIGNMENT;
CREATE TABLE s.t (a s.c DEFAULT 'x'::text);
-- probe: operator with commutator and negator
CREATE TYPE e AS ENUM ('a');
CREATE FUNCTION lt(e, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION gt(int, e) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION ge(e, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR < (LEFTARG = e, RIGHTARG = int, FUNCTION = lt);
-- ddl
CREATE OPERATOR > (LEFTARG = int, RIGHTARG = e, FUNCTION = gt, COMMUTATOR = <, RESTRICT = scalargtsel);
CREATE OPERATOR >= (LEFTARG = e, RIGHTARG = int, FUNCTION = ge, NEGATOR = <);
COMMENT ON OPERATOR > (int, e) IS 'x';
-- probe: operator estimators
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f, RESTRICT = eqsel);
-- ddl
ALTER OPERATOR public.@@@ (int, int) SET (RESTRICT = NONE, JOIN = eqjoinsel);
-- probe: operator join estimator
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f);
-- ddl
ALTER OPERATOR public.@@@ (int, int) SET (JOIN = eqjoinsel);
-- probe: operator hashes, under a view and an index
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f);
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a OPERATOR(public.@@@) 1 AS x FROM t;
CREATE INDEX i ON t ((a OPERATOR(public.@@@) 1));
-- ddl
DROP VIEW v; DROP INDEX i; DROP OPERATOR public.@@@ (int, int);
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f, HASHES, MERGES, COMMUTATOR = @@@);
CREATE VIEW v AS SELECT a OPERATOR(public.@@@) 1 AS x FROM t;
CREATE INDEX i ON t ((a OPERATOR(public.@@@) 1));
-- probe: operator function
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION g(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f);
-- ddl
DROP OPERATOR public.@@@ (int, int);
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = g);
-- probe: operator moved
CREATE SCHEMA s;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR public.@@ (RIGHTARG = int, FUNCTION = f);
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT OPERATOR(public.@@) a AS x FROM t;
-- ddl
ALTER OPERATOR public.@@ (NONE, int) SET SCHEMA s;
-- probe: operator owner
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR public.@@ (RIGHTARG = int, FUNCTION = f);
-- ddl
ALTER OPERATOR public.@@ (NONE, int) OWNER TO accord_alice;
-- probe: operator dropped with its function
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR public.@@ (RIGHTARG = int, FUNCTION = f);
-- ddl
DROP FUNCTION f(int) CASCADE;
-- probe: operator whose negator goes
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION g(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f);
CREATE OPERATOR public.!@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = g, NEGATOR = OPERATOR(public.@@@));
-- ddl
DROP OPERATOR public.!@@ (int, int);
-- probe: operator family
CREATE SCHEMA s;
-- ddl
CREATE OPERATOR FAMILY s.f USING hash;
COMMENT ON OPERATOR FAMILY s.f USING hash IS 'x';
-- probe: operator family members
CREATE FUNCTION lt(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION cmp(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION le(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR < (LEFTARG = int, RIGHTARG = text, FUNCTION = lt);
CREATE OPERATOR <= (LEFTARG = int, RIGHTARG = text, FUNCTION = le);
CREATE OPERATOR FAMILY f USING btree;
ALTER OPERATOR FAMILY f USING btree ADD OPERATOR 1 < (int, text);
-- ddl
ALTER OPERATOR FAMILY f USING btree ADD OPERATOR 2 <= (int, text), FUNCTION 1 (int, text) cmp(int, text);
ALTER OPERATOR FAMILY f USING btree DROP OPERATOR 1 (int, text);
-- probe: operator family loses an operator
CREATE FUNCTION lt(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR < (LEFTARG = int, RIGHTARG = text, FUNCTION = lt);
CREATE OPERATOR FAMILY f USING btree;
ALTER OPERATOR FAMILY f USING btree ADD OPERATOR 1 < (int, text);
-- ddl
DROP OPERATOR < (int, text);
-- probe: operator family renamed
CREATE SCHEMA s;
CREATE OPERATOR FAMILY f USING btree;
COMMENT ON OPERATOR FAMILY f USING btree IS 'x';
-- ddl
ALTER OPERATOR FAMILY f USING btree RENAME TO "G";
-- then
ALTER OPERATOR FAMILY "G" USING btree SET SCHEMA s;
-- then
ALTER OPERATOR FAMILY s."G" USING btree OWNER TO accord_alice;
-- probe: operator class
CREATE TABLE t (a int);
-- ddl
CREATE OPERATOR CLASS reversed FOR TYPE int USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
COMMENT ON OPERATOR CLASS reversed USING btree IS 'x';
CREATE INDEX i ON t (a reversed);
-- probe: operator class made default, under an index
CREATE TYPE e AS ENUM ('a');
CREATE TABLE t (a e);
CREATE OPERATOR CLASS c FOR TYPE anyenum USING hash AS OPERATOR 1 =, FUNCTION 1 hashenum(anyenum);
CREATE INDEX i ON t USING hash (a c);
-- ddl
DROP INDEX i;
DROP OPERATOR CLASS c USING hash;
CREATE OPERATOR CLASS c FOR TYPE anyenum USING hash AS OPERATOR 1 = (anyenum, anyenum), FUNCTION 1 hashenum(anyenum), FUNCTION 2 hashenumextended(anyenum, int8);
CREATE INDEX i ON t USING hash (a c);
-- probe: operator class renamed
CREATE SCHEMA s;
CREATE TABLE t (a int);
CREATE OPERATOR CLASS c FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
CREATE INDEX i ON t USING hash (a c);
-- ddl
ALTER OPERATOR CLASS c USING hash RENAME TO d;
-- then
ALTER OPERATOR CLASS d USING hash SET SCHEMA s;
-- then
ALTER OPERATOR CLASS s.d USING hash OWNER TO accord_bob;
-- probe: operator class of gist, with storage and an order
CREATE SCHEMA s;
-- ddl
CREATE OPERATOR CLASS s.c FOR TYPE point USING gist AS
    OPERATOR 11 |>> , OPERATOR 15 <-> (point, point) FOR ORDER BY float_ops,
    FUNCTION 1 gist_point_consistent(internal, point, smallint, oid, internal), FUNCTION 2 gist_box_union(internal, internal),
    FUNCTION 3 gist_point_compress(internal), FUNCTION 5 gist_box_penalty(internal, internal, internal),
    FUNCTION 6 gist_box_picksplit(internal, internal), FUNCTION 7 gist_box_same(box, box, internal), STORAGE box;
-- probe: operator class dropped with its family
CREATE OPERATOR CLASS c FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
-- ddl
DROP OPERATOR FAMILY c USING hash;
-- probe: collation of libc
CREATE SCHEMA s;
-- ddl
CREATE COLLATION s.c (provider = libc, lc_collate = 'C', lc_ctype = 'POSIX');
COMMENT ON COLLATION s.c IS 'x';
CREATE TABLE s.t (a text COLLATE s.c);
CREATE DOMAIN s.d AS text COLLATE s.c;
CREATE INDEX i ON s.t ((a || 'x') COLLATE s.c);
-- probe: collation of ICU
CREATE SCHEMA s;
-- ddl
CREATE COLLATION s.c (provider = icu, locale = 'de-u-co-phonebk');
-- probe: collation not deterministic
CREATE COLLATION c (provider = icu, locale = 'de');
CREATE VIEW v AS SELECT 'a' COLLATE c AS x;
-- ddl
DROP VIEW v;
DROP COLLATION c;
CREATE COLLATION c (provider = icu, locale = 'de', deterministic = false);
CREATE VIEW v AS SELECT 'a' COLLATE c AS x;
-- probe: collation locale
CREATE COLLATION c (provider = libc, locale = 'C');
-- ddl
DROP COLLATION c;
CREATE COLLATION c (provider = libc, locale = 'POSIX');
-- probe: collation renamed
CREATE SCHEMA s;
CREATE COLLATION c (provider = libc, locale = 'C');
CREATE TABLE t (a text COLLATE c);
CREATE VIEW v AS SELECT a COLLATE c AS x FROM t;
CREATE INDEX i ON t (a COLLATE "POSIX");
-- ddl
ALTER COLLATION c RENAME TO d;
-- then
ALTER COLLATION d SET SCHEMA s;
-- then
ALTER COLLATION s.d OWNER TO accord_alice;
-- probe: conversion
CREATE SCHEMA s;
-- ddl
CREATE DEFAULT CONVERSION s.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
COMMENT ON CONVERSION s.c IS 'x';
-- probe: conversion no longer default
CREATE DEFAULT CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
-- ddl
DROP CONVERSION c;
CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
-- probe: conversion renamed
CREATE SCHEMA s;
CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
-- ddl
ALTER CONVERSION c RENAME TO d;
-- then
ALTER CONVERSION d SET SCHEMA s;
-- then
ALTER CONVERSION s.d OWNER TO accord_alice;
-- probe: text search from parser to index
CREATE SCHEMA s;
-- ddl
CREATE TABLE s.t (a text);
CREATE TEXT SEARCH PARSER s.p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE s.w (INIT = dsnowball_init, LEXIZE = dsnowball_lexize);
CREATE TEXT SEARCH DICTIONARY s.d (TEMPLATE = s.w, language = english);
CREATE TEXT SEARCH CONFIGURATION s.c (PARSER = s.p);
ALTER TEXT SEARCH CONFIGURATION s.c ADD MAPPING FOR word, asciiword WITH s.d, simple;
COMMENT ON TEXT SEARCH PARSER s.p IS 'p';
COMMENT ON TEXT SEARCH TEMPLATE s.w IS 'w';
COMMENT ON TEXT SEARCH DICTIONARY s.d IS 'd';
COMMENT ON TEXT SEARCH CONFIGURATION s.c IS 'c';
CREATE INDEX i ON s.t USING gin (to_tsvector('s.c', a));
-- probe: text search parser headline
CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = p);
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR email WITH simple;
-- ddl
DROP TEXT SEARCH CONFIGURATION c;
DROP TEXT SEARCH PARSER p;
CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = p);
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR email WITH simple;
-- probe: text search parser renamed
CREATE SCHEMA s;
CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = p);
-- ddl
ALTER TEXT SEARCH PARSER p RENAME TO "P";
-- then
ALTER TEXT SEARCH PARSER "P" SET SCHEMA s;
-- probe: text search template init
CREATE TEXT SEARCH TEMPLATE w (LEXIZE = dsimple_lexize);
-- ddl
DROP TEXT SEARCH TEMPLATE w;
CREATE TEXT SEARCH TEMPLATE w (INIT = dsimple_init, LEXIZE = dsimple_lexize);
-- probe: text search template renamed
CREATE SCHEMA s;
CREATE TEXT SEARCH TEMPLATE w (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = w);
-- ddl
ALTER TEXT SEARCH TEMPLATE w RENAME TO w2;
-- then
ALTER TEXT SEARCH TEMPLATE w2 SET SCHEMA s;
-- probe: text search dictionary options
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, stopwords = english, accept = false);
-- ddl
ALTER TEXT SEARCH DICTIONARY d (accept, stopwords = 'german');
-- probe: text search dictionary loses its options
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, accept = false);
-- ddl
ALTER TEXT SEARCH DICTIONARY d (accept);
-- probe: text search dictionary template
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, stopwords = english);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = "default");
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH d;
-- ddl
ALTER TEXT SEARCH CONFIGURATION c DROP MAPPING FOR word;
DROP TEXT SEARCH DICTIONARY d;
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = snowball, language = english);
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH d;
-- probe: text search dictionary renamed
CREATE SCHEMA s;
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = "default");
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH d;
-- ddl
ALTER TEXT SEARCH DICTIONARY d RENAME TO e;
-- then
ALTER TEXT SEARCH DICTIONARY e SET SCHEMA s;
-- then
ALTER TEXT SEARCH DICTIONARY s.e OWNER TO accord_alice;
-- probe: text search configuration mappings
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = "default");
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word, email, url WITH d;
-- ddl
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR asciiword WITH english_stem;
ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR word WITH english_stem, simple;
ALTER TEXT SEARCH CONFIGURATION c DROP MAPPING FOR email;
-- probe: text search configuration changes hands
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple);
CREATE TEXT SEARCH CONFIGURATION c (PARSER = "default");
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH d;
-- ddl
CREATE TEXT SEARCH DICTIONARY e (TEMPLATE = simple, accept = false);
ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR word WITH e;
DROP TEXT SEARCH DICTIONARY d;
-- probe: text search configuration renamed
CREATE SCHEMA s;
CREATE TEXT SEARCH CONFIGURATION c (COPY = english);
CREATE TABLE t (a text, b tsvector GENERATED ALWAYS AS (to_tsvector('c', a)) STORED);
-- ddl
ALTER TEXT SEARCH CONFIGURATION c RENAME TO "C";
-- then
ALTER TEXT SEARCH CONFIGURATION "C" SET SCHEMA s;
-- then
ALTER TEXT SEARCH CONFIGURATION s."C" OWNER TO accord_alice;
-- probe: statistics of columns and expressions
CREATE TABLE t (a int, b int, c text);
-- ddl
CREATE STATISTICS s1 ON a, b FROM t;
CREATE STATISTICS s2 (mcv, dependencies) ON b, a FROM t;
CREATE STATISTICS s3 ON lower(c), (a + b), b FROM t;
CREATE STATISTICS s4 ON (a * b) FROM t;
ALTER STATISTICS s4 SET STATISTICS 17;
COMMENT ON STATISTICS s1 IS 'x';
-- probe: statistics target
CREATE TABLE t (a int, b int);
CREATE STATISTICS x ON a, b FROM t;
-- ddl
ALTER STATISTICS x SET STATISTICS 0;
-- probe: statistics kinds
CREATE TABLE t (a int, b int);
CREATE STATISTICS x ON a, b FROM t;
COMMENT ON STATISTICS x IS 'x';
-- ddl
DROP STATISTICS x;
CREATE STATISTICS x (ndistinct) ON a, b FROM t;
-- probe: statistics renamed
CREATE SCHEMA s;
CREATE TABLE t (a int, b int);
CREATE STATISTICS x ON a, b FROM t;
-- ddl
ALTER STATISTICS x RENAME TO y;
-- then
ALTER STATISTICS y SET SCHEMA s;
-- then
ALTER STATISTICS s.y OWNER TO accord_alice;
-- probe: statistics under a table that is renamed and moved
CREATE SCHEMA s;
CREATE TABLE t (a int, b int, c int);
CREATE STATISTICS x ON a, b, (c + 1) FROM t;
-- ddl
ALTER TABLE t RENAME COLUMN a TO z;
-- then
ALTER TABLE t RENAME TO u;
-- then
ALTER TABLE u SET SCHEMA s;
-- probe: statistics on a column that is dropped
CREATE TABLE t (a int, b int, c int);
CREATE STATISTICS x ON a, b FROM t;
CREATE STATISTICS y ON a, c FROM t;
-- ddl
ALTER TABLE t DROP COLUMN c;
-- probe: statistics on a column whose type changes
CREATE TABLE t (a int, b int);
CREATE STATISTICS x ON a, (b + 1) FROM t;
-- ddl
ALTER TABLE t ALTER COLUMN b TYPE bigint;
-- probe: statistics of a materialized view
CREATE TABLE t (a int, b int);
CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t;
CREATE STATISTICS x ON a, b FROM m;
-- ddl
DROP MATERIALIZED VIEW m;
CREATE MATERIALIZED VIEW m AS SELECT a, b, 1 AS c FROM t;
CREATE STATISTICS x ON a, b FROM m;
-- probe: access method
CREATE SCHEMA s;
-- ddl
CREATE ACCESS METHOD own TYPE TABLE HANDLER heap_tableam_handler;
CREATE ACCESS METHOD own_hash TYPE INDEX HANDLER hashhandler;
COMMENT ON ACCESS METHOD own IS 'x';
CREATE TABLE s.t (a int) USING own;
CREATE OPERATOR CLASS s.c DEFAULT FOR TYPE int USING own_hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
CREATE INDEX i ON s.t USING own_hash (a);
-- probe: access method handler
CREATE ACCESS METHOD own TYPE INDEX HANDLER bthandler;
-- ddl
DROP ACCESS METHOD own;
CREATE ACCESS METHOD own TYPE INDEX HANDLER hashhandler;
-- probe: language
CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION v(oid) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
-- ddl
CREATE TRUSTED LANGUAGE l HANDLER h VALIDATOR v;
COMMENT ON LANGUAGE l IS 'x';
REVOKE USAGE ON LANGUAGE l FROM PUBLIC;
GRANT USAGE ON LANGUAGE l TO accord_bob WITH GRANT OPTION;
CREATE FUNCTION f() RETURNS int LANGUAGE l AS 'BEGIN RETURN 1; END';
-- probe: language trusted, inline, validator
CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION i(internal) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION v(oid) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE LANGUAGE l HANDLER h;
CREATE FUNCTION f() RETURNS int LANGUAGE l AS 'BEGIN RETURN 1; END';
-- ddl
CREATE OR REPLACE TRUSTED LANGUAGE l HANDLER h INLINE i VALIDATOR v;
-- probe: language renamed
CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE l HANDLER h;
CREATE FUNCTION f() RETURNS int LANGUAGE l AS 'BEGIN RETURN 1; END';
CREATE TRANSFORM FOR int LANGUAGE l (TO SQL WITH FUNCTION int4recv(internal));
-- ddl
ALTER LANGUAGE l RENAME TO "L";
-- then
ALTER LANGUAGE "L" OWNER TO accord_alice;
-- probe: transform
CREATE TYPE e AS ENUM ('a');
-- ddl
CREATE TRANSFORM FOR e LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
COMMENT ON TRANSFORM FOR e LANGUAGE sql IS 'x';
CREATE FUNCTION f(e) RETURNS int LANGUAGE sql TRANSFORM FOR TYPE e AS 'SELECT 1';
-- probe: transform functions
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql TRANSFORM FOR TYPE int AS 'SELECT 1';
-- ddl
CREATE OR REPLACE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
-- probe: range with a canonical function
CREATE SCHEMA s;
-- ddl
CREATE TYPE s.r;
CREATE FUNCTION s.canonical(s.r) RETURNS s.r LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
CREATE TYPE s.r AS RANGE (SUBTYPE = int, CANONICAL = s.canonical);
CREATE TABLE s.t (a s.r);
-- probe: operator in a class whose negator goes
CREATE SCHEMA s;
CREATE TYPE "T t" AS ENUM ('a');
CREATE FUNCTION lt("T t", "T t") RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION ge("T t", "T t") RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION cmp("T t", "T t") RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE OPERATOR < (LEFTARG = "T t", RIGHTARG = "T t", FUNCTION = lt);
CREATE OPERATOR s.>= (LEFTARG = "T t", RIGHTARG = "T t", FUNCTION = ge, NEGATOR = OPERATOR(public.<));
CREATE OPERATOR CLASS c FOR TYPE "T t" USING btree AS OPERATOR 1 <, FUNCTION 1 cmp("T t", "T t");
CREATE TABLE x (a "T t" PRIMARY KEY);
CREATE INDEX i ON x (a c);
-- ddl
DROP OPERATOR s.>= ("T t", "T t");
-- probe: foreign-data wrapper
CREATE FUNCTION checked(text[], oid) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'
-- ddl
CREATE FOREIGN DATA WRAPPER w VALIDATOR checked OPTIONS (a '1', "B b" 'it''s \'); COMMENT ON FOREIGN DATA WRAPPER w IS 'w'; GRANT USAGE ON FOREIGN DATA WRAPPER w TO accord_bob WITH GRANT OPTION; CREATE FOREIGN DATA WRAPPER "W w" VALIDATOR postgresql_fdw_validator
-- probe: foreign-data wrapper options
CREATE FOREIGN DATA WRAPPER w OPTIONS (a '1', b '2', c '3')
-- ddl
ALTER FOREIGN DATA WRAPPER w OPTIONS (DROP a, SET b 'x', ADD d '4')
-- probe: foreign-data wrapper validator
CREATE FUNCTION checked(text[], oid) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'; CREATE FOREIGN DATA WRAPPER w VALIDATOR checked; CREATE FOREIGN DATA WRAPPER v
-- ddl
ALTER FOREIGN DATA WRAPPER w NO VALIDATOR; ALTER FOREIGN DATA WRAPPER v VALIDATOR checked
-- probe: foreign-data wrapper handler
CREATE EXTENSION file_fdw; CREATE FOREIGN DATA WRAPPER w
-- ddl
ALTER FOREIGN DATA WRAPPER w HANDLER file_fdw_handler VALIDATOR file_fdw_validator
-- probe: foreign-data wrapper renamed and owned
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; GRANT USAGE ON FOREIGN DATA WRAPPER w TO accord_bob; COMMENT ON FOREIGN DATA WRAPPER w IS 'w'
-- ddl
ALTER FOREIGN DATA WRAPPER w RENAME TO "W"; REVOKE USAGE ON FOREIGN DATA WRAPPER "W" FROM accord_bob; COMMENT ON FOREIGN DATA WRAPPER "W" IS NULL
-- probe: server
CREATE FOREIGN DATA WRAPPER w
-- ddl
CREATE SERVER s TYPE 't' VERSION 'v' FOREIGN DATA WRAPPER w OPTIONS (host 'h', "user" 'u'); COMMENT ON SERVER s IS 's'; GRANT USAGE ON FOREIGN SERVER s TO PUBLIC; ALTER SERVER s OWNER TO accord_alice; CREATE SERVER "S s" FOREIGN DATA WRAPPER w
-- probe: server options
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h', port '1')
-- ddl
ALTER SERVER s OPTIONS (SET host 'other', DROP port, ADD dbname 'd')
-- probe: server version
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s VERSION '1' FOREIGN DATA WRAPPER w; CREATE SERVER t FOREIGN DATA WRAPPER w
-- ddl
ALTER SERVER s VERSION NULL; ALTER SERVER t VERSION '2'
-- probe: server renamed
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (a '1'); CREATE USER MAPPING FOR accord_bob SERVER s OPTIONS (password 'x'); CREATE FOREIGN TABLE t (a int) SERVER s; GRANT USAGE ON FOREIGN SERVER s TO accord_bob
-- ddl
ALTER SERVER s RENAME TO "S"; ALTER SERVER "S" OPTIONS (SET a '2')
-- probe: server of another type and wrapper
CREATE FOREIGN DATA WRAPPER w; CREATE FOREIGN DATA WRAPPER v; CREATE SERVER s TYPE 'a' FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR accord_bob SERVER s OPTIONS (password 'x'); CREATE FOREIGN TABLE t (a int OPTIONS (n 'x') CHECK (a > 0), b text DEFAULT 'x') SERVER s; COMMENT ON COLUMN t.a IS 'a'; CREATE VIEW over AS SELECT a FROM t
-- ddl
DROP SERVER s CASCADE; CREATE SERVER s TYPE 'b' FOREIGN DATA WRAPPER v; CREATE USER MAPPING FOR accord_bob SERVER s OPTIONS (password 'x'); CREATE FOREIGN TABLE t (a int OPTIONS (n 'x') CHECK (a > 0), b text DEFAULT 'x') SERVER s; COMMENT ON COLUMN t.a IS 'a'; CREATE VIEW over AS SELECT a FROM t
-- probe: user mappings
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR accord_bob SERVER s OPTIONS ("user" 'bob', password 'secret')
-- ddl
CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'it''s'); CREATE USER MAPPING FOR "Accord, ""Carol""" SERVER s; ALTER USER MAPPING FOR accord_bob SERVER s OPTIONS (SET password 'new', DROP "user", ADD sslmode 'require')
-- probe: user mapping goes
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR accord_bob SERVER s OPTIONS (password 'secret'); CREATE USER MAPPING FOR PUBLIC SERVER s
-- ddl
DROP USER MAPPING FOR PUBLIC SERVER s; DROP SERVER s CASCADE
-- probe: foreign table
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE TYPE e AS ENUM ('a'); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'
-- ddl
CREATE FOREIGN TABLE t (a int OPTIONS (column_name 'A') NOT NULL, b text COLLATE "C" DEFAULT 'x', c e, d int GENERATED ALWAYS AS (a + 1) STORED, CONSTRAINT k CHECK (a > 0)) SERVER s OPTIONS (schema_name 'x', table_name 'y'); COMMENT ON FOREIGN TABLE t IS 't'; COMMENT ON COLUMN t.a IS 'a'; GRANT SELECT, UPDATE (b) ON t TO accord_bob; ALTER FOREIGN TABLE t OWNER TO accord_alice; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg(); ALTER FOREIGN TABLE t DISABLE TRIGGER z; ALTER FOREIGN TABLE t ALTER a SET STATISTICS 7, ALTER b SET STORAGE external, ALTER a SET (n_distinct = 5); CREATE VIEW v AS SELECT a FROM t
-- probe: foreign table options
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int OPTIONS (x '1'), b int OPTIONS (y '2'), c int) SERVER s OPTIONS (u '1', v '2')
-- ddl
ALTER FOREIGN TABLE t OPTIONS (SET u '3', DROP v, ADD w '4'), ALTER a OPTIONS (SET x '5', ADD "Z z" '6'), ALTER b OPTIONS (DROP y), ALTER c OPTIONS (ADD n '7')
-- probe: foreign table columns [order]
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int, b text, c int NOT NULL CHECK (c > 0)) SERVER s
-- ddl
ALTER FOREIGN TABLE t ADD COLUMN d numeric OPTIONS (n 'x') DEFAULT 1 NOT NULL; ALTER FOREIGN TABLE t DROP COLUMN b; ALTER FOREIGN TABLE t ALTER a TYPE text, ALTER c TYPE bigint; ALTER FOREIGN TABLE t ALTER a SET DEFAULT 'y', ALTER c DROP NOT NULL; ALTER FOREIGN TABLE t ADD CONSTRAINT k CHECK (c < 9) NOT VALID; ALTER FOREIGN TABLE t RENAME COLUMN c TO "C c"
-- probe: foreign table renamed and moved
CREATE SCHEMA s1; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int CONSTRAINT k CHECK (a > 0)) SERVER s; COMMENT ON FOREIGN TABLE t IS 't'
-- ddl
ALTER FOREIGN TABLE t RENAME TO "T"; ALTER FOREIGN TABLE "T" SET SCHEMA s1; ALTER TABLE s1."T" RENAME CONSTRAINT k TO l; COMMENT ON FOREIGN TABLE s1."T" IS 'moved'
-- probe: foreign table goes
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int, b text DEFAULT 'x') SERVER s OPTIONS (n 'x'); COMMENT ON FOREIGN TABLE t IS 't'; CREATE VIEW v AS SELECT a FROM t
-- ddl
DROP VIEW v; DROP FOREIGN TABLE t
-- probe: foreign table of another server
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE SERVER r FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int) SERVER s; CREATE VIEW v AS SELECT a FROM t; COMMENT ON VIEW v IS 'v'
-- ddl
DROP FOREIGN TABLE t CASCADE; CREATE FOREIGN TABLE t (a int) SERVER r; CREATE VIEW v AS SELECT a FROM t; COMMENT ON VIEW v IS 'v'
-- probe: foreign partitions
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE TABLE p (a int NOT NULL, b text) PARTITION BY RANGE (a); CREATE FOREIGN TABLE old PARTITION OF p FOR VALUES FROM (0) TO (10) SERVER s OPTIONS (n 'x')
-- ddl
CREATE FOREIGN TABLE p1 PARTITION OF p FOR VALUES FROM (10) TO (20) SERVER s OPTIONS (n 'y'); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (20) TO (30); ALTER TABLE p DETACH PARTITION old
-- probe: foreign inheritance
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE TABLE base (a int DEFAULT 1, b text NOT NULL)
-- ddl
CREATE FOREIGN TABLE child (c int) INHERITS (base) SERVER s; ALTER FOREIGN TABLE ONLY child ALTER a OPTIONS (ADD n 'x'); CREATE FOREIGN TABLE top (x int) SERVER s; CREATE TABLE below () INHERITS (top)
-- probe: file_fdw and postgres_fdw
CREATE EXTENSION file_fdw
-- ddl
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE FOREIGN TABLE passwd (name text, x text OPTIONS (force_not_null 'true')) SERVER files OPTIONS (filename '/etc/passwd', delimiter ':', format 'csv'); CREATE EXTENSION postgres_fdw; CREATE SERVER pg FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', dbname 'd', use_remote_estimate 'true'); CREATE USER MAPPING FOR CURRENT_USER SERVER pg OPTIONS ("user" 'u', password 'p')
-- probe: publications [since 15]
CREATE SCHEMA s; CREATE TABLE t (a int PRIMARY KEY, b text, c int); CREATE TABLE s.u (a int); CREATE TABLE p (a int) PARTITION BY LIST (a)
-- ddl
CREATE PUBLICATION every FOR ALL TABLES WITH (publish = 'insert, truncate'); CREATE PUBLICATION few FOR TABLE t (a, b) WHERE (a > 5 AND b <> 'x,y'), s.u, p WITH (publish_via_partition_root); CREATE PUBLICATION "None" WITH (publish = ''); CREATE PUBLICATION inside FOR TABLES IN SCHEMA s, public; COMMENT ON PUBLICATION few IS 'few'; ALTER PUBLICATION few OWNER TO accord_alice
-- probe: publication settings
CREATE PUBLICATION p; CREATE PUBLICATION q WITH (publish = 'insert', publish_via_partition_root = true)
-- ddl
ALTER PUBLICATION p SET (publish = 'update, delete', publish_via_partition_root = true); ALTER PUBLICATION q SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = false); ALTER PUBLICATION q RENAME TO "Q q"
-- probe: publication tables [since 15]
CREATE SCHEMA s; CREATE TABLE t (a int PRIMARY KEY, b int, c int); CREATE TABLE u (a int); CREATE TABLE s.v (a int); CREATE PUBLICATION p FOR TABLE t (a, b) WHERE (a > 1), u; CREATE PUBLICATION q FOR TABLES IN SCHEMA public
-- ddl
ALTER PUBLICATION p SET TABLE t (a, c) WHERE (a > 2), s.v; ALTER PUBLICATION q DROP TABLES IN SCHEMA public; ALTER PUBLICATION q ADD TABLES IN SCHEMA s
-- probe: publication of all tables or of some
CREATE TABLE t (a int); CREATE PUBLICATION p FOR TABLE t; COMMENT ON PUBLICATION p IS 'p'
-- ddl
DROP PUBLICATION p; CREATE PUBLICATION p FOR ALL TABLES; COMMENT ON PUBLICATION p IS 'p'
-- probe: published table and columns renamed [since 15]
CREATE SCHEMA s; CREATE TABLE s.t (a int, b int, c int); CREATE PUBLICATION p FOR TABLE s.t (a, b) WHERE (a > 1) WITH (publish = 'insert'); CREATE PUBLICATION q FOR TABLES IN SCHEMA s
-- ddl
ALTER TABLE s.t RENAME a TO "A"; ALTER TABLE s.t RENAME TO "T"; ALTER SCHEMA s RENAME TO "S"
-- probe: published column retyped and table dropped [since 15]
CREATE TABLE t (a int, b int); CREATE TABLE u (a int); CREATE PUBLICATION p FOR TABLE t WHERE (a > 1), u WITH (publish = 'insert')
-- ddl
ALTER PUBLICATION p DROP TABLE t; ALTER TABLE t ALTER a TYPE bigint; ALTER PUBLICATION p ADD TABLE t WHERE (a > 1); DROP TABLE u
-- probe: publication goes [since 15]
CREATE SCHEMA s; CREATE TABLE t (a int); CREATE PUBLICATION p FOR TABLE t, TABLES IN SCHEMA s
-- ddl
DROP PUBLICATION p; DROP SCHEMA s
-- probe: event triggers
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE SCHEMA s; CREATE FUNCTION s."F f"() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'
-- ddl
CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION e(); CREATE EVENT TRIGGER "B b" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION s."F f"(); CREATE EVENT TRIGGER c ON sql_drop EXECUTE FUNCTION e(); ALTER EVENT TRIGGER c DISABLE; CREATE EVENT TRIGGER d ON table_rewrite EXECUTE FUNCTION e(); ALTER EVENT TRIGGER d ENABLE REPLICA; COMMENT ON EVENT TRIGGER a IS 'a'; CREATE TABLE t (a int)
-- probe: event trigger enabled otherwise and renamed
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION e(); CREATE EVENT TRIGGER b ON ddl_command_end EXECUTE FUNCTION e(); ALTER EVENT TRIGGER b DISABLE; COMMENT ON EVENT TRIGGER b IS 'b'
-- ddl
ALTER EVENT TRIGGER a ENABLE ALWAYS; ALTER EVENT TRIGGER b ENABLE; ALTER EVENT TRIGGER b RENAME TO "B"; ALTER FUNCTION e() RENAME TO f
-- probe: event trigger for other commands
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER a ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION e(); COMMENT ON EVENT TRIGGER a IS 'a'; ALTER EVENT TRIGGER a DISABLE
-- ddl
DROP EVENT TRIGGER a; CREATE EVENT TRIGGER a ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE VIEW') EXECUTE FUNCTION e(); COMMENT ON EVENT TRIGGER a IS 'a'; ALTER EVENT TRIGGER a DISABLE
-- probe: event trigger that refuses everything goes first
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION e()
-- ddl
DROP EVENT TRIGGER a; CREATE TABLE t (a int)
-- probe: default privileges
CREATE SCHEMA s
-- ddl
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT, INSERT ON TABLES TO accord_bob; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice GRANT USAGE ON SEQUENCES TO PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice REVOKE USAGE ON TYPES FROM PUBLIC; ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO "Accord, ""Carol""" WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES FOR ROLE accord_bob REVOKE DELETE ON TABLES FROM accord_bob; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice IN SCHEMA s GRANT EXECUTE ON FUNCTIONS TO PUBLIC
-- probe: default privileges changed
CREATE SCHEMA s; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice IN SCHEMA s GRANT SELECT, INSERT ON TABLES TO accord_bob WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC
-- ddl
ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice IN SCHEMA s REVOKE INSERT ON TABLES FROM accord_bob; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice IN SCHEMA s REVOKE GRANT OPTION FOR SELECT ON TABLES FROM accord_bob; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice IN SCHEMA s GRANT UPDATE ON TABLES TO accord_bob; ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice GRANT EXECUTE ON FUNCTIONS TO PUBLIC; ALTER SCHEMA s RENAME TO "S"
-- probe: default privileges and what was made before and under them
CREATE TABLE early (a int); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO accord_bob; CREATE TABLE late (a int)
-- ddl
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM accord_bob; CREATE TABLE later (a int)
-- probe: replica identity otherwise
CREATE TABLE t (a int NOT NULL, b int NOT NULL UNIQUE); CREATE TABLE u (a int); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX i; ALTER TABLE u REPLICA IDENTITY FULL
-- ddl
ALTER TABLE t REPLICA IDENTITY USING INDEX t_b_key; ALTER TABLE u REPLICA IDENTITY NOTHING; DROP INDEX i
-- probe: materialized view's columns and replica identity
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a, 'x'::text AS b; CREATE UNIQUE INDEX i ON m (a)
-- ddl
ALTER MATERIALIZED VIEW m ALTER a SET STATISTICS 9, ALTER b SET STORAGE external, ALTER b SET COMPRESSION pglz, ALTER a SET (n_distinct = 3); ALTER TABLE m REPLICA IDENTITY FULL
-- probe: materialized view's columns set otherwise
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a, 'x'::text AS b; ALTER MATERIALIZED VIEW m ALTER a SET STATISTICS 9, ALTER b SET STORAGE external, ALTER b SET COMPRESSION pglz, ALTER a SET (n_distinct = 3); ALTER TABLE m REPLICA IDENTITY NOTHING
-- ddl
ALTER MATERIALIZED VIEW m ALTER a SET STATISTICS -1, ALTER b SET STORAGE main, ALTER b SET COMPRESSION default, ALTER a RESET (n_distinct), ALTER b SET (n_distinct = 4); ALTER TABLE m REPLICA IDENTITY DEFAULT; ALTER MATERIALIZED VIEW m RENAME b TO "B"
