-- worker: this database is served by one.
-- A replica beside it, and every state that a person has to do with.
CREATE DATABASE replica_replica;
\c replica_replica
CREATE EXTENSION pg_accord;
\c replica
CREATE EXTENSION pg_accord;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint PRIMARY KEY, total integer NOT NULL, note text);
SELECT accord.add_replica('warehouse', :'conninfo', '{"require_approval": "lossy"}');
SELECT accord.wait_for_replica('warehouse');
ALTER TABLE shop.orders ADD COLUMN placed_at timestamptz NOT NULL DEFAULT '2026-01-01 00:00:00+00';
BEGIN;
CREATE TABLE shop.customer (id int PRIMARY KEY);
ALTER TABLE shop.orders ADD COLUMN customer int REFERENCES shop.customer;
COMMIT;
CREATE INDEX CONCURRENTLY orders_customer ON shop.orders (customer);
SELECT accord.wait_for_replica('warehouse');
SELECT replica, state, version, acknowledged, behind, reason, hint, retry_at FROM accord.status;
SELECT replica, version, state, attempts, reason, approved_by, jsonb_array_length(steps) AS steps, jsonb_array_length(rollback) AS rollback,
       (actual ->> 'duration_ms')::float > 0 AS measured, (estimate ->> 'duration_ms')::float > 0 AS estimated
  FROM accord.deliveries ORDER BY version;

-- What the replica knows of it
\c replica_replica
\d shop.orders
SELECT version, state, changes, steps, skip_reason, replica, estimated_ms > 0 AS estimated, actual_ms > 0 AS measured, at <= now() AS at
  FROM accord.history;
SELECT version, step, state, in_transaction, lock, rewrites, scans, statement FROM accord.steps;
-- Its own ledger tells the source's changes from its own.
SELECT context ->> 'origin' IS NOT NULL AS of_the_source, min(identity) AS first FROM accord.events GROUP BY 1 ORDER BY 1;
-- An object of its own in the way
CREATE VIEW public.notes AS SELECT id, note FROM shop.orders;

\c replica
ALTER TABLE shop.orders DROP COLUMN note;
SELECT accord.wait_for_replica('warehouse');
\echo :LAST_ERROR_SQLSTATE
SELECT state, reason, hint FROM accord.status;
SELECT accord.approve('warehouse', 6);
\echo :LAST_ERROR_SQLSTATE

\c replica_replica
DROP VIEW public.notes;
\c replica
SELECT accord.retry('warehouse');
SELECT accord.wait_for_replica('warehouse');
\echo :LAST_ERROR_SQLSTATE
SELECT state, reason, hint FROM accord.status;
SELECT accord.approve('warehouse', 5);
\echo :LAST_ERROR_SQLSTATE
SELECT accord.approve('warehouse', 6);
SELECT accord.wait_for_replica('warehouse');
SELECT version, state, approved_by, reason FROM accord.deliveries WHERE version = 6;

-- A version that is not wanted there
\c replica_replica
CREATE TABLE shop.stock (mine int);
\c replica
CREATE TABLE shop.stock (id int);
SELECT accord.wait_for_replica('warehouse');
SELECT state, reason, hint FROM accord.status;
SELECT accord.skip('warehouse', 9, 'too early');
SELECT accord.skip('warehouse', 6, 'too late');
SELECT accord.skip('warehouse', 7, 'the replica has a table of its own');
SELECT accord.wait_for_replica('warehouse');
SELECT version, state, skip_reason FROM accord.deliveries WHERE version = 7;
\c replica_replica
SELECT version, state, changes, steps, skip_reason FROM accord.history WHERE version >= 6;
\d shop.stock

-- Somebody changes what is mirrored.
ALTER TABLE shop.customer ADD COLUMN by_hand int;
DROP TABLE shop.orders;
\c replica
ALTER TABLE shop.orders ADD COLUMN paid boolean;
SELECT accord.wait_for_replica('warehouse');
\echo :LAST_ERROR_SQLSTATE
SELECT state, left(reason, 74) AS reason, hint FROM accord.status;

-- Paused, dropped, and added again elsewhere
SELECT accord.pause_replica('warehouse');
SELECT accord.wait_for_replica('warehouse');
\echo :LAST_ERROR_SQLSTATE
SELECT state, reason, hint FROM accord.status;
SELECT accord.drop_replica('warehouse');
SELECT count(*) FROM accord.status;
SELECT accord.add_replica('itself', replace(:'conninfo', 'replica_replica', 'replica'));
SELECT accord.wait_for_replica('itself');
\echo :LAST_ERROR_SQLSTATE
SELECT state, reason, hint FROM accord.status;
SELECT accord.drop_replica('itself');
\c replica_replica
SELECT accord.forget_source(source) FROM (SELECT DISTINCT source FROM accord.history) s;
SELECT count(*) FROM accord.history;
\dt shop.*
