-- What is there when the extension is created becomes version 0.
CREATE SCHEMA before;
CREATE TABLE before.legacy (id int);
CREATE EXTENSION pg_accord;
SELECT version, events, changes, fingerprint IS NOT NULL AS fingerprint, parent FROM accord.versions;

-- Each DDL transaction is a version.
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    total integer NOT NULL,
    note text
);
BEGIN;
CREATE TABLE shop.customer (id int PRIMARY KEY, email text UNIQUE);
ALTER TABLE shop.orders ADD COLUMN customer int REFERENCES shop.customer;
COMMIT;
CREATE VIEW shop.open_orders AS SELECT id, total FROM shop.orders WHERE note IS NULL;
COMMENT ON TABLE shop.orders IS 'what was bought';
CREATE INDEX CONCURRENTLY orders_customer ON shop.orders (customer);
DO $$ BEGIN EXECUTE 'CREATE TABLE shop.made_in_do (id int)'; END $$;
DROP TABLE shop.made_in_do;
SET search_path = shop;
ALTER TABLE orders RENAME COLUMN note TO remark;
RESET search_path;

-- What is rolled back, does nothing, or is temporary is none.
BEGIN;
CREATE TABLE shop.never (id int);
ROLLBACK;
BEGIN;
CREATE TABLE shop.kept (id int);
SAVEPOINT here;
CREATE TABLE shop.not_kept (id int);
ROLLBACK TO SAVEPOINT here;
COMMIT;
\set VERBOSITY terse
CREATE TABLE IF NOT EXISTS shop.kept (id int);
\set VERBOSITY default
CREATE TEMPORARY TABLE scratch (id int);
DROP TABLE scratch;
INSERT INTO shop.orders (total) VALUES (100);

SELECT accord.version();
SELECT version, events, changes FROM accord.versions ORDER BY version;
SELECT version, tag, kind, identity, exact FROM accord.events ORDER BY seq;
SELECT version, statement FROM accord.events WHERE version IN (3, 7, 8, 9) ORDER BY seq;
SELECT identity, role, context ->> 'session_user' AS session_user, context -> 'schemas' AS schemas FROM accord.events ORDER BY seq DESC LIMIT 2;
SELECT depends_on FROM accord.events WHERE version = 4;
SELECT count(*) = count(DISTINCT id) AS ids, bool_and(parent IS NOT DISTINCT FROM previous) AS chained
  FROM (SELECT id, parent, lag(id) OVER (ORDER BY version) AS previous FROM accord.versions) v;

-- The type change keeps its USING; a column's values that go are said to be lost.
ALTER TABLE shop.orders DROP COLUMN remark CASCADE;
ALTER TABLE shop.orders ALTER COLUMN total TYPE numeric USING total / 100.0;
SELECT accord.version();
SELECT change ->> 'using' AS using FROM accord.events, json_array_elements(changes) change WHERE version = 12 AND change ->> 'using' IS NOT NULL;
SELECT version, loss FROM accord.events WHERE version >= 11 ORDER BY seq;

-- The fingerprint is the catalogs'.
SELECT accord.fingerprint() = accord.fingerprint(verify => true) AS agrees, accord.fingerprint() AS fingerprint;
SELECT accord.fingerprint() = (SELECT fingerprint FROM accord.versions ORDER BY version DESC LIMIT 1) AS recorded;
SELECT accord.fingerprint(projection => '{"schemas": ["before"]}') = accord.fingerprint(true, '{"schemas": ["before"]}') AS of_a_part;
SELECT accord.fingerprint(projection => '{"schemas": ["before"]}') = accord.fingerprint() AS is_the_whole;
BEGIN;
CREATE TABLE shop.unsealed (id int);
SELECT accord.fingerprint() = accord.fingerprint(verify => true) AS agrees_inside;
ROLLBACK;

-- The model is JSON.
SELECT jsonb_object_keys(accord.model()) ORDER BY 1;
SELECT jsonb_pretty(fact) FROM jsonb_array_elements(accord.model('{"schemas": ["before"]}') -> 'facts') fact;

-- What no event trigger saw is found.
SET accord.capture = off;
ALTER TABLE shop.customer ADD COLUMN unseen int;
RESET accord.capture;
SELECT accord.fingerprint() = accord.fingerprint(verify => true) AS agrees;
SELECT accord.reconcile();
SELECT accord.reconcile();
SELECT accord.version();
SELECT version, tag, statement, reconciled, context ->> 'why' AS why FROM accord.events ORDER BY seq DESC LIMIT 1;
SELECT accord.fingerprint() = accord.fingerprint(verify => true) AS agrees;
SELECT accord.seal(), accord.worker_running();

-- It leaves as it came.
DROP EXTENSION pg_accord;
CREATE TABLE shop.afterwards (id int);
SELECT nspname, (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) AS relations, (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) AS functions
  FROM pg_namespace n WHERE nspname IN ('accord', 'shop') ORDER BY 1;
SELECT count(*) AS event_triggers FROM pg_event_trigger;
