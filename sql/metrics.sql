-- For monitoring: numbers, read from indexes alone, so that a scrape every few seconds costs nothing.

CREATE VIEW accord.metrics AS
SELECT r.name AS replica,
       r.state,
       (r.state NOT IN ('retrying', 'held', 'rejected', 'paused', 'diverged'))::int AS ok,
       coalesce(r.acknowledged, -1) AS acknowledged,
       h.version - coalesce(r.acknowledged, -1) AS behind,
       -- How long the oldest version that it has not acknowledged has been there.
       coalesce(extract(epoch FROM clock_timestamp() - n.committed_at), 0)::float8 AS behind_seconds,
       extract(epoch FROM clock_timestamp() - r.changed_at)::float8 AS state_seconds,
       r.attempts,
       coalesce(i.drifted, 0) AS drifted,
       -- Of the version that it acknowledged last, from its commit.
       extract(epoch FROM d.acknowledged_at - v.committed_at)::float8 AS delivery_seconds
  FROM accord.replica r
 CROSS JOIN (SELECT max(v.version) AS version FROM accord.version v) h
  LEFT JOIN accord.version v ON v.version = r.acknowledged
  LEFT JOIN accord.version n ON n.version = coalesce(r.acknowledged, -1) + 1
  LEFT JOIN accord.delivery d ON d.replica = r.name AND d.version = r.acknowledged
  LEFT JOIN accord.inspection i ON i.replica = r.name
 ORDER BY r.name;
COMMENT ON VIEW accord.metrics IS 'one row per replica, in numbers, for monitoring';

CREATE VIEW accord.metrics_ledger AS
SELECT accord.worker_running()::int AS worker,
       (SELECT max(v.version) FROM accord.version v) AS version,
       (SELECT min(v.version) FROM accord.version v) AS oldest_version,
       (SELECT count(DISTINCT p.seq) FROM accord.pending p) AS unsealed_events,
       (SELECT count(*) FROM accord.replica r) AS replicas,
       (SELECT count(*) FROM accord.replica r WHERE r.state IN ('retrying', 'held', 'rejected', 'paused', 'diverged')) AS replicas_failing,
       (SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
         WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'accord') AND c.relkind = 'r') AS bytes,
       pg_total_relation_size('accord.event') AS event_bytes;
COMMENT ON VIEW accord.metrics_ledger IS 'one row: the history of this database in numbers, for monitoring';
