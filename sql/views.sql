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
