-- Who may do what.
CREATE EXTENSION pg_accord;
CREATE ROLE regress_nobody;
CREATE ROLE regress_monitor IN ROLE pg_monitor;
CREATE ROLE regress_ddl;
CREATE ROLE regress_operator;
CREATE SCHEMA desk AUTHORIZATION regress_ddl;
SELECT accord.version();

-- PUBLIC: nothing at all.
SELECT p.oid::regprocedure AS function FROM pg_proc p WHERE p.pronamespace = 'accord'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE');
SELECT c.oid::regclass AS relation FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind IN ('r', 'v', 'S')
   AND has_table_privilege('public', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
SELECT has_schema_privilege('public', 'accord', 'USAGE');

-- pg_monitor: the views, and what only reads.
SELECT c.oid::regclass AS relation, has_table_privilege('pg_monitor', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writes FROM pg_class c
 WHERE c.relnamespace = 'accord'::regnamespace AND has_table_privilege('pg_monitor', c.oid, 'SELECT') ORDER BY 1;
SELECT p.oid::regprocedure AS function FROM pg_proc p WHERE p.pronamespace = 'accord'::regnamespace AND has_function_privilege('pg_monitor', p.oid, 'EXECUTE') ORDER BY p.oid::regprocedure::text;

\set VERBOSITY terse
SELECT accord.add_replica('r', 'host=127.0.0.1 user=u password=secret');
\set VERBOSITY default

SET ROLE regress_nobody;
SELECT * FROM accord.status;
SELECT accord.version();
SELECT accord.revert(1);
RESET ROLE;

-- A role that runs DDL needs no rights here; the versions say who it was.
SET ROLE regress_ddl;
CREATE TABLE desk.drawer (id int PRIMARY KEY);
SELECT accord.revert(1);
RESET ROLE;
SELECT accord.version();
SELECT version, tag, identity, role FROM accord.events WHERE identity LIKE 'desk.%';

SET ROLE regress_monitor;
SELECT version, changes FROM accord.versions ORDER BY version DESC LIMIT 1;
SELECT version, loss FROM accord.events ORDER BY seq DESC LIMIT 1;
SELECT replica, state FROM accord.status;
SELECT name, conninfo FROM accord.replicas;
SELECT count(*) FROM accord.deliveries;
SELECT count(*) FROM accord.history;
SELECT count(*) FROM accord.steps;
SELECT accord.version(), accord.fingerprint() = accord.fingerprint(true) AS agrees, jsonb_array_length(accord.model('{"schemas": ["desk"]}') -> 'facts') > 0 AS model;
SELECT accord.reverse_ddl(accord.version());
SELECT * FROM accord.replica;
SELECT accord.add_replica('x', 'host=127.0.0.1');
SELECT accord.drop_replica('r');
SELECT accord.pause_replica('r');
SELECT accord.approve('r', 1);
SELECT accord.skip('r', 1, 'why');
SELECT accord.retry('r');
SELECT accord.seal();
SELECT accord.reconcile();
SELECT accord.hello('{}');
SELECT accord.apply('{}');
SELECT accord.revert(1);
RESET ROLE;

-- Whoever was granted a function needs no right on the tables; what it does is done as the extension's owner.
GRANT USAGE ON SCHEMA accord TO regress_operator;
GRANT EXECUTE ON FUNCTION accord.pause_replica(text), accord.revert(bigint) TO regress_operator;
SET ROLE regress_operator;
SELECT accord.pause_replica('r');
SELECT * FROM accord.replica;
-- But a reversal is the caller's own DDL.
SELECT accord.revert(1);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
SELECT state FROM accord.replicas;

-- A hidden operator in the caller's path is not used by the owner.
CREATE SCHEMA trap AUTHORIZATION regress_ddl;
SET ROLE regress_ddl;
CREATE FUNCTION trap.boom(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sprung as %', current_user; END $$;
CREATE FUNCTION trap.boom(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'sprung as %', current_user; END $$;
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.boom);
CREATE OPERATOR trap.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.boom);
CREATE OPERATOR trap.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.boom);
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.boom);
CREATE OPERATOR trap.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.boom);
GRANT USAGE ON SCHEMA trap TO PUBLIC;
SET search_path = trap, pg_catalog;
CREATE TABLE desk.lamp (id bigint);
ALTER TABLE desk.lamp ADD COLUMN watt int;
SET ROLE regress_monitor;
SELECT accord.version() OPERATOR(pg_catalog.>) 0 AS version;
SELECT accord.fingerprint(true) IS NOT NULL AS fingerprint, accord.model() IS NOT NULL AS model;
SELECT accord.reverse_ddl(3);
SELECT accord.wait_for_replica('r', '1 ms');
SELECT count(*) OPERATOR(pg_catalog.>) 0 AS events FROM accord.events;
SELECT count(*) FROM accord.status;
RESET ROLE;
SELECT accord.resume_replica('r');
SELECT accord.skip('r', 1, 'why');
SELECT accord.retry('r');
SELECT accord.approve('r', 1);
SELECT accord.hello('{"protocol": 1, "source": "00000000-0000-7000-8000-000000000000", "replica": "r"}') ->> 'protocol' AS hello;
SELECT accord.negotiate('{"protocol": 1}') ->> 'state' AS negotiate, accord.apply('{"offer": {"protocol": 1}}') ->> 'state' AS apply;
SELECT accord.forget_source('00000000-0000-7000-8000-000000000000');
SELECT accord.seal() OPERATOR(pg_catalog.>) 0 AS seal, accord.reconcile() AS reconcile;
SELECT accord.revert(4);
SELECT accord.drop_replica('r');
RESET search_path;

\set VERBOSITY terse
DROP SCHEMA desk, trap CASCADE;
DROP OWNED BY regress_operator;
DROP ROLE regress_nobody, regress_monitor, regress_ddl, regress_operator;
