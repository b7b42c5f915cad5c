-- The ledger

CREATE VIEW accord.versions AS
SELECT v.version,
       v.committed_at,
       v.events,
       (SELECT string_agg(c.what, ', ' ORDER BY c.seq)
          FROM (SELECT e.seq, lower(e.tag) || coalesce(' ' || e.identity, '') AS what
                  FROM accord.event e WHERE e.xid = v.xid ORDER BY e.seq LIMIT 3) c)
       || CASE WHEN v.events > 3 THEN ', …' ELSE '' END AS changes,
       encode(v.fingerprint, 'hex') AS fingerprint,
       encode(v.content, 'hex') AS content,
       encode(v.id, 'hex') AS id,
       encode(v.parent, 'hex') AS parent,
       v.sealed_at
  FROM accord.version v;
COMMENT ON VIEW accord.versions IS 'one row per committed DDL transaction, in order';

CREATE VIEW accord.events AS
SELECT v.version,
       e.seq,
       e.tag,
       e.kind,
       e.identity,
       e.statement,
       e.at,
       e.context ->> 'role' AS role,
       e.id,
       e.exact,
       e.reconciled,
       e.unmodelled,
       (SELECT coalesce(array_agg(DISTINCT (d.value ->> 'kind') || ' ' || (SELECT string_agg(quote_ident(p.value), '.' ORDER BY p.ordinality)
                                                                             FROM json_array_elements_text(d.value -> 'path') WITH ORDINALITY p)), '{}')
          FROM json_array_elements(e.changes) c, json_array_elements(coalesce(c.value -> 'after' -> 'depends', c.value -> 'before' -> 'depends', '[]')) d) AS depends_on,
       e.context,
       -- Secrets are the owner's alone.
       CASE WHEN pg_has_role((SELECT x.extowner FROM pg_extension x WHERE x.extname = 'pg_accord'), 'USAGE')
            THEN e.changes ELSE accord.mask_secrets(e.changes) END AS changes,
       accord.event_loss(e.changes) AS loss
  FROM accord.event e
  LEFT JOIN accord.version v ON v.xid = e.xid;
COMMENT ON VIEW accord.events IS 'one row per captured DDL command; version is null until it is sealed';

CREATE VIEW accord.subscriptions AS
SELECT s.subname AS name,
       accord.mask_conninfo(s.subconninfo) AS connection,
       s.subpublications AS publications,
       s.subenabled AS enabled,
       s.subslotname AS slot
  FROM pg_subscription s WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
COMMENT ON VIEW accord.subscriptions IS 'subscriptions of this database, which no replica mirrors; connections without their secrets';

-- Replicas

CREATE VIEW accord.replicas AS
SELECT r.name,
       -- Secrets are the owner's alone.
       CASE WHEN pg_has_role((SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_accord'), 'USAGE')
            THEN r.conninfo ELSE accord.mask_conninfo(r.conninfo) END AS conninfo,
       r.state,
       r.baseline,
       r.acknowledged,
       r.server_version,
       r.extension,
       r.added_at,
       r.policy,
       r.projection::jsonb AS projection
  FROM accord.replica r;
COMMENT ON VIEW accord.replicas IS 'who follows this database, with what policy';

CREATE VIEW accord.deliveries AS
SELECT d.replica,
       d.version,
       d.state,
       d.offered_at,
       d.negotiated_at,
       d.applying_at,
       d.acknowledged_at,
       d.attempts,
       d.reason,
       coalesce(d.outcome -> 'estimate', d.negotiation -> 'estimate') AS estimate,
       d.outcome -> 'actual' AS actual,
       coalesce(d.outcome -> 'impact', d.negotiation -> 'impact') AS impact,
       coalesce(d.outcome -> 'steps', d.negotiation -> 'steps') AS steps,
       coalesce(d.outcome -> 'rollback', d.negotiation -> 'rollback') AS rollback,
       coalesce(d.outcome -> 'reasons', d.negotiation -> 'reasons') AS reasons,
       d.approved_by,
       d.approved_at,
       d.skip_reason,
       d.negotiation,
       d.outcome,
       NULL::uuid AS mending
  FROM accord.delivery d
UNION ALL
SELECT m.replica,
       m.version,
       m.state,
       m.requested_at,
       m.negotiated_at,
       m.applying_at,
       m.acknowledged_at,
       m.attempts,
       m.reason,
       coalesce(m.outcome -> 'estimate', m.negotiation -> 'estimate'),
       m.outcome -> 'actual',
       coalesce(m.outcome -> 'impact', m.negotiation -> 'impact'),
       coalesce(m.outcome -> 'steps', m.negotiation -> 'steps'),
       coalesce(m.outcome -> 'rollback', m.negotiation -> 'rollback'),
       coalesce(m.outcome -> 'reasons', m.negotiation -> 'reasons'),
       m.approved_by,
       m.approved_at,
       NULL,
       m.negotiation,
       m.outcome,
       m.id
  FROM accord.mending m;
COMMENT ON VIEW accord.deliveries IS 'each version''s way to each replica, and each mending''s, with what the replica answered';

CREATE VIEW accord.status AS
SELECT r.name AS replica,
       CASE WHEN w.missing THEN 'no worker' ELSE r.state END AS state,
       h.version,
       r.acknowledged,
       h.version - coalesce(r.acknowledged, -1) AS behind,
       date_trunc('second', clock_timestamp() - r.changed_at) AS since,
       -- One line: the whole reason is in accord.deliveries.
       CASE WHEN w.missing THEN 'no worker serves this database'
            WHEN length(w.why) > 500 THEN left(w.why, 499) || '…'
            ELSE w.why END AS reason,
       CASE WHEN w.missing THEN 'Set shared_preload_libraries = ''pg_accord'' (restart) and name this database in accord.databases (reload).'
            ELSE r.reason ->> 'hint' END AS hint,
       date_trunc('second', r.retry_at) AS retry_at,
       CASE WHEN r.total IS NOT NULL AND r.state = 'applying'
            THEN format('%s: %s of %s steps', CASE WHEN r.baseline IS NULL THEN 'building' ELSE 'applying' END,
                        to_char(r.done, 'FM999,999,990'), to_char(r.total, 'FM999,999,990'))
            WHEN r.state = 'waiting for rows' AND NOT pg_is_in_recovery()
            THEN (SELECT pg_size_pretty(max(pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn))) || ' of WAL to come'
                    FROM pg_replication_slots s WHERE s.slot_name = ANY (r.slots)) END AS progress
  FROM accord.replica r
 CROSS JOIN (SELECT max(v.version) AS version FROM accord.version v) h
 CROSS JOIN LATERAL (SELECT r.reason ->> 'message' AS message, r.reason ->> 'detail' AS detail) m
 CROSS JOIN LATERAL (
    SELECT r.state <> 'paused' AND NOT accord.worker_running() AS missing,
           regexp_replace(CASE WHEN strpos(m.detail, m.message) > 0 THEN m.detail ELSE m.message || coalesce(': ' || m.detail, '') END, '\s+', ' ', 'g') AS why) w
 ORDER BY r.name;
COMMENT ON VIEW accord.status IS 'where each replica stands, how far behind, and why';

-- On a replica

CREATE VIEW accord.history AS
SELECT a.source,
       a.version,
       CASE WHEN a.skipped IS NOT NULL THEN 'skipped' WHEN a.baseline THEN 'baseline' ELSE 'applied' END AS state,
       a.applied_at AS at,
       round((a.verdict #>> '{estimate,duration_ms}')::numeric, 1) AS estimated_ms,
       round((a.verdict #>> '{actual,duration_ms}')::numeric, 1) AS actual_ms,
       (SELECT string_agg(lower(e.value ->> 'tag'), ', ' ORDER BY e.ordinality) FROM json_array_elements(a.events) WITH ORDINALITY e
         WHERE e.ordinality <= 3) || CASE WHEN json_array_length(a.events) > 3 THEN ', …' ELSE '' END AS changes,
       json_array_length(a.verdict -> 'steps') AS steps,
       a.skipped AS skip_reason,
       u.replica,
       a.verdict -> 'estimate' AS estimate,
       a.verdict -> 'actual' AS actual,
       a.verdict -> 'impact' AS impact,
       a.snapshot,
       encode(a.fingerprint, 'hex') AS fingerprint,
       encode(a.id, 'hex') AS id,
       encode(a.parent, 'hex') AS parent
  FROM accord.applied a
  LEFT JOIN accord.upstream u USING (source)
UNION ALL
SELECT s.source, s.version, 'applying', max(s.changed_at), NULL, NULL, NULL, count(*)::int, NULL, u.replica, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM accord.step s
  LEFT JOIN accord.upstream u USING (source)
 GROUP BY s.source, s.version, u.replica
 ORDER BY source, version;
COMMENT ON VIEW accord.history IS 'on a replica: one row per version of a source that was applied here, with estimate and actual';

CREATE VIEW accord.steps AS
SELECT t.source,
       t.version,
       t.step,
       t.state,
       t.planned ->> 'sql' AS statement,
       t.planned ->> 'lock' AS lock,
       (t.planned ->> 'rewrites')::boolean AS rewrites,
       (t.planned ->> 'scans')::boolean AS scans,
       NOT (t.planned ->> 'outside_transaction')::boolean AS in_transaction,
       (SELECT array_agg(l.value ->> 'what') FROM json_array_elements(t.planned -> 'losses') l) AS loss,
       t.error
  FROM (SELECT a.source, a.version, s.ordinality AS step, 'done' AS state, s.value AS planned, NULL AS error
          FROM accord.applied a, json_array_elements(a.verdict -> 'steps') WITH ORDINALITY s
         UNION ALL
        SELECT s.source, s.version, s.step + 1, s.state, s.planned, s.error FROM accord.step s) t
 ORDER BY t.source, t.version, t.step;
COMMENT ON VIEW accord.steps IS 'on a replica: the statements that carried each version out, and those outside a transaction that are under way';

CREATE VIEW accord.kept AS
SELECT s.id,
       s.what,
       s.state,
       s.version,
       CASE WHEN s.state = 'kept' THEN format('accord_kept.%I', s.place) END AS place,
       s.rows,
       s.bytes,
       s.kept_at,
       s.kept_until,
       s.ended_at,
       s.ended_by,
       s.fact,
       s.counted,
       s.source,
       s.mending
  FROM accord.set_aside s
 ORDER BY s.id;
COMMENT ON VIEW accord.kept IS 'on a replica: what was set aside instead of being lost, and what became of it';

-- A document that is written out in a query has no type of its own: without this it could be meant for either
-- accord.model.
CREATE FUNCTION accord.model(projection text, keys boolean DEFAULT false) RETURNS jsonb LANGUAGE sql VOLATILE STRICT
    SET search_path TO pg_catalog, pg_temp AS 'SELECT accord.model($1::jsonb, $2)';
COMMENT ON FUNCTION accord.model(text, boolean) IS 'the model of this database''s schema, for people';
