-- Every kind of fact, with names that must be quoted.
CREATE SCHEMA shop;
CREATE SCHEMA "Odd.Schema";
COMMENT ON SCHEMA shop IS 'what is sold';
GRANT USAGE ON SCHEMA shop TO accord_bob;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION btree_gist SCHEMA shop VERSION '1.6';
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
COMMENT ON INDEX shop.customers_email_key IS 'left out';
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
