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
       (SELECT coalesce(array_agg(DISTINCT d.value #>> '{path}'), '{}')
          FROM json_array_elements(e.changes) c, json_array_elements(coalesce(c.value -> 'after' -> 'depends', c.value -> 'before' -> 'depends', '[]')) d) AS depends_on,
       e.context,
       e.changes,
       accord.event_loss(e.changes) AS loss
  FROM accord.event e
  LEFT JOIN accord.version v ON v.xid = e.xid;
COMMENT ON VIEW accord.events IS 'one row per captured DDL command; version is null until it is sealed';

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
       CASE WHEN r.state <> 'paused' AND NOT accord.worker_running() THEN 'no worker' ELSE r.state END AS state,
       h.version,
       r.acknowledged,
       h.version - coalesce(r.acknowledged, -1) AS behind,
       date_trunc('second', clock_timestamp() - r.changed_at) AS since,
       r.reason ->> 'message' AS reason,
       r.reason ->> 'hint' AS hint,
       date_trunc('second', r.retry_at) AS retry_at,
       CASE WHEN r.total IS NOT NULL AND r.state = 'applying'
            THEN format('%s: %s of %s steps', CASE WHEN r.baseline IS NULL THEN 'building' ELSE 'applying' END,
                        to_char(r.done, 'FM999,999,990'), to_char(r.total, 'FM999,999,990')) END AS progress
  FROM accord.replica r, (SELECT max(v.version) AS version FROM accord.version v) h
 ORDER BY r.name;
COMMENT ON VIEW accord.status IS 'where each replica stands, how far behind, and why';
