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
       r.projection::jsonb AS projection,
       r.protocol
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

CREATE VIEW accord.divergences AS
SELECT d.replica,
       d.common,
       (v.value #>> '{position,version}')::bigint AS version,
       (v.value ->> 'at')::timestamptz AS applied_at,
       (SELECT string_agg(e.value ->> 'statement', '; ' ORDER BY e.ordinality) FROM json_array_elements(v.value -> 'events') WITH ORDINALITY e) AS statements,
       v.value ->> 'skipped' AS skip_reason,
       v.value #>> '{position,id}' AS id,
       d.found_at
  FROM accord.divergence d, json_array_elements(d.versions) v
 ORDER BY 1, 3;
COMMENT ON VIEW accord.divergences IS 'versions that replicas have and this history has not: accord.resolve_divergence decides what stays';

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
SELECT a.source, a.version, 'abandoned', a.applied_at,
       round((a.verdict #>> '{estimate,duration_ms}')::numeric, 1),
       round((a.verdict #>> '{actual,duration_ms}')::numeric, 1),
       (SELECT string_agg(lower(e.value ->> 'tag'), ', ' ORDER BY e.ordinality) FROM json_array_elements(a.events) WITH ORDINALITY e
         WHERE e.ordinality <= 3) || CASE WHEN json_array_length(a.events) > 3 THEN ', …' ELSE '' END,
       json_array_length(a.verdict -> 'steps'), a.skipped, u.replica, a.verdict -> 'estimate', a.verdict -> 'actual', a.verdict -> 'impact', a.snapshot,
       encode(a.fingerprint, 'hex'), encode(a.id, 'hex'), encode(a.parent, 'hex')
  FROM accord.abandoned a
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

-- Fleet. Each role sees the databases that it was granted, and what concerns them; the owner and pg_monitor see all.

CREATE VIEW accord.databases AS
WITH parts AS MATERIALIZED (SELECT * FROM accord.fleet_part_verdicts())
SELECT m.name,
       CASE WHEN m.failures > 0 THEN 'unreadable'
            WHEN m.compared_at IS NULL THEN 'waiting'
            ELSE coalesce((SELECT v.standing FROM (SELECT CASE WHEN pg_has_role('pg_monitor', 'USAGE') OR w.baseline <> '' THEN w.standing ELSE 'unheld' END AS standing FROM accord.fleet_verdict w WHERE w.member = m.id AND s.whole
                                                    UNION ALL SELECT p.standing FROM parts p WHERE p.member = m.id) v
                            ORDER BY array_position(ARRAY['deviates', 'unreadable', 'behind', 'outlier', 'unmodelled', 'conforms', 'unheld'], v.standing) LIMIT 1), 'unheld') END AS standing,
       m.labels,
       -- Secrets are the owner's alone, addresses are no client's.
       CASE WHEN pg_has_role((SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_accord'), 'USAGE') THEN m.conninfo
            WHEN pg_has_role('pg_monitor', 'USAGE') THEN accord.mask_conninfo(m.conninfo) END AS conninfo,
       (m.server ->> 'major')::int AS major,
       m.server ->> 'extension' AS extension,
       m.compared_at,
       -- When catalogs were read tells when something was written, also beside a client's part.
       CASE WHEN s.whole THEN m.read_at END AS read_at,
       CASE WHEN s.whole THEN m.duration_ms END AS duration_ms,
       m.asked > m.answered AS asked,
       m.next_at,
       m.failures,
       -- A reason holds addresses, and can name objects.
       CASE WHEN pg_has_role('pg_monitor', 'USAGE') THEN m.reason ->> 'message' ELSE m.reason ->> 'code' END AS reason,
       CASE WHEN pg_has_role('pg_monitor', 'USAGE') THEN m.reason ->> 'hint' END AS hint,
       m.down_since,
       m.back_at,
       CASE WHEN s.whole THEN m.server END AS server
  FROM accord.fleet_member m CROSS JOIN LATERAL (SELECT m.id IN (SELECT accord.fleet_whole()) AS whole) s
 WHERE m.id IN (SELECT accord.fleet_seen());
COMMENT ON VIEW accord.databases IS 'the databases of the fleet, and how each stands';

CREATE VIEW accord.baselines AS
SELECT b.name,
       b.version,
       -- Others' labels and names are nobody's business.
       CASE WHEN s.monitors THEN b.selection END AS selection,
       b.permitted OR b.ordinal = max(b.ordinal) OVER (PARTITION BY b.name) AS permitted,
       CASE WHEN s.monitors OR s.whole THEN octet_length(b.facts) / 32 END AS facts,
       ARRAY(SELECT json_object_keys(b.rules -> 'variants') WHERE b.rules -> 'variants' IS NOT NULL) AS variants,
       b.major,
       CASE WHEN s.monitors OR s.whole THEN encode(b.fingerprint, 'hex') END AS fingerprint,
       CASE WHEN s.monitors OR b.from_database IN (SELECT m.name FROM accord.fleet_member m WHERE m.id IN (SELECT accord.fleet_seen())) THEN b.from_database END
           AS from_database,
       CASE WHEN s.monitors THEN b.registered_by END AS registered_by,
       b.registered_at,
       b.ordinal
  FROM accord.fleet_baseline b
 CROSS JOIN LATERAL (SELECT pg_has_role('pg_monitor', 'USAGE') AS monitors,
                            b.name IN (SELECT v.baseline FROM accord.fleet_verdict v WHERE v.member IN (SELECT accord.fleet_whole())) AS whole) s
 WHERE s.monitors OR b.name IN (SELECT v.baseline FROM accord.fleet_verdict v WHERE v.member IN (SELECT accord.fleet_seen()));
COMMENT ON VIEW accord.baselines IS 'the versions of what databases are held to';

CREATE VIEW accord.verdicts AS
WITH parts AS MATERIALIZED (SELECT * FROM accord.fleet_part_verdicts())
SELECT m.name AS database,
       nullif(v.baseline, '') AS baseline,
       -- What most databases are is others' as well.
       CASE WHEN m.failures > 0 THEN 'unreadable' WHEN s.whole AND (s.monitors OR v.baseline <> '') THEN v.standing WHEN s.whole THEN 'unheld' ELSE p.standing END AS verdict,
       v.version,
       v.variant,
       CASE WHEN s.whole THEN (SELECT count(*) FROM accord.fleet_deviation d WHERE d.member = v.member AND d.baseline = v.baseline AND (s.monitors OR v.baseline <> '')) ELSE p.deviations END AS deviations,
       CASE WHEN s.whole THEN v.unmodelled ELSE '{}' END AS unmodelled,
       CASE WHEN s.whole THEN encode(v.fingerprint, 'hex') ELSE p.fingerprint END AS fingerprint,
       CASE WHEN s.whole THEN v.at END AS at,
       CASE WHEN s.whole THEN v.since END AS since
  FROM accord.fleet_verdict v JOIN accord.fleet_member m ON m.id = v.member
 CROSS JOIN LATERAL (SELECT m.id IN (SELECT accord.fleet_whole()) AS whole, pg_has_role('pg_monitor', 'USAGE') AS monitors) s
  LEFT JOIN parts p ON p.member = v.member AND p.baseline = v.baseline
 WHERE m.id IN (SELECT accord.fleet_seen());
COMMENT ON VIEW accord.verdicts IS 'how each database of the fleet stands to each baseline that it is held to';

CREATE VIEW accord.deviations AS
SELECT m.name AS database,
       nullif(d.baseline, '') AS baseline,
       d.difference,
       d.fact,
       d.properties,
       d.expected,
       d.actual,
       x.since,
       x.author ->> 'session_user' AS author,
       x.author ->> 'role' AS role,
       (x.author ->> 'at')::timestamptz AS done_at,
       x.author ->> 'statement' AS statement,
       d.words AS deviation,
       encode(x.hash, 'hex') AS hash
  FROM accord.fleet_deviation x JOIN accord.fleet_member m ON m.id = x.member JOIN accord.fleet_difference d USING (hash)
 WHERE m.id IN (SELECT accord.fleet_whole()) AND (d.baseline <> '' OR pg_has_role('pg_monitor', 'USAGE'))
UNION ALL
-- Of a part: a statement can name anything, and a hash is of the whole difference.
SELECT m.name, p.baseline, p.difference, p.fact, p.properties, p.expected, p.actual, x.since, x.author ->> 'session_user', x.author ->> 'role',
       (x.author ->> 'at')::timestamptz, NULL, p.words, NULL
  FROM accord.fleet_pieces() p JOIN accord.fleet_member m ON m.id = p.member
  JOIN accord.fleet_deviation x ON x.member = p.member AND x.baseline = p.baseline AND x.hash = decode(p.hash, 'hex');
COMMENT ON VIEW accord.deviations IS 'what each database of the fleet has otherwise than its baseline, and who did it';

CREATE VIEW accord.alarms AS
WITH pieces AS MATERIALIZED (SELECT * FROM accord.fleet_pieces())
SELECT * FROM (
SELECT a.id,
       a.severity,
       a.state,
       CASE WHEN a.databases = 1 THEN '1 database: ' ELSE a.databases || ' databases: ' END || a.words AS alarm,
       a.databases,
       a.suppressed,
       a.baseline,
       a.first_seen,
       a.last_seen,
       a.flaps,
       a.acknowledged_by,
       a.acknowledged_at,
       a.reason,
       encode(a.hash, 'hex') AS hash
  FROM accord.fleet_alarm a
 WHERE pg_has_role('pg_monitor', 'USAGE')
UNION ALL
-- For a client an alarm is what its own databases show, of parts what lies there.
SELECT a.id,
       a.severity,
       a.state,
       CASE WHEN o.databases = 1 THEN '1 database: ' ELSE o.databases || ' databases: ' END || CASE WHEN o.whole THEN a.words ELSE o.words END,
       o.databases,
       NULL,
       a.baseline,
       o.since,
       NULL,
       NULL,
       NULL,
       NULL,
       NULL,
       CASE WHEN o.whole THEN encode(a.hash, 'hex') END
  FROM accord.fleet_alarm a,
       LATERAL (SELECT count(DISTINCT s.member) AS databases, min(s.since) AS since, bool_or(s.words IS NULL) AS whole, string_agg(DISTINCT s.words, '; ') AS words
                  FROM (SELECT d.member, d.since, NULL AS words FROM accord.fleet_deviation d
                         WHERE a.about = 'difference' AND a.baseline IS NOT NULL AND d.hash = a.hash AND d.member IN (SELECT accord.fleet_whole())
                         UNION ALL
                        SELECT p.member, x.since, p.words FROM pieces p JOIN accord.fleet_deviation x ON x.member = p.member AND x.baseline = p.baseline AND x.hash = a.hash
                         WHERE a.about = 'difference' AND p.hash = encode(a.hash, 'hex')
                         UNION ALL
                        SELECT m.id, m.down_since, NULL FROM accord.fleet_member m
                         WHERE a.about = 'unreadable' AND m.failures > 0 AND m.reason ->> 'code' = a.code AND m.id IN (SELECT accord.fleet_seen())
                         UNION ALL
                        SELECT v.member, v.since, NULL FROM accord.fleet_verdict v
                         WHERE a.about = v.standing AND v.baseline = coalesce(a.baseline, '') AND v.member IN (SELECT accord.fleet_whole())) s) o
 WHERE NOT pg_has_role('pg_monitor', 'USAGE') AND o.databases > 0) a
 ORDER BY a.state = 'resolved', array_position(ARRAY['critical', 'warning', 'notice'], a.severity), a.databases DESC, a.id;
COMMENT ON VIEW accord.alarms IS 'what is worth attention in the fleet: one row for all databases that show the same';

CREATE VIEW accord.suppressions AS
SELECT s.id, s.owner, s.reason, s.at, s.expires_at, s.selection, s.kind, s.difference, s.object, s.property,
       -- Of the whole difference, of which a client may see a part.
       CASE WHEN pg_has_role('pg_monitor', 'USAGE') THEN s.hash END AS hash
  FROM accord.fleet_suppression s WHERE s.expires_at > clock_timestamp() AND (pg_has_role('pg_monitor', 'USAGE') OR s.owner = current_user);
COMMENT ON VIEW accord.suppressions IS 'what is excepted from alarms, by whom, why and how long';

CREATE VIEW accord.conforms AS
SELECT c.id AS conform,
       nullif(c.baseline, '') AS baseline,
       nullif(c.version, '') AS version,
       c.state AS conform_state,
       m.name AS database,
       x.wave,
       x.state,
       CASE WHEN s.whole THEN x.reason ->> 'message' ELSE x.reason ->> 'code' END AS reason,
       CASE WHEN s.whole THEN x.reason ->> 'detail' END AS detail,
       ARRAY(SELECT json_array_elements_text(x.steps) WHERE s.whole) AS steps,
       CASE WHEN s.whole THEN encode(x.fingerprint, 'hex') END AS fingerprint,
       x.begun_at,
       x.finished_at,
       c.requested_by,
       c.requested_at,
       CASE WHEN c.copy ->> 'from' IN (SELECT o.name FROM accord.fleet_member o WHERE o.id IN (SELECT accord.fleet_seen())) THEN c.copy ->> 'from' END AS grants_of
  FROM accord.fleet_conform c JOIN accord.fleet_conform_member x ON x.conform = c.id JOIN accord.fleet_member m ON m.id = x.member
 CROSS JOIN LATERAL (SELECT m.id IN (SELECT accord.fleet_whole()) AS whole) s
 WHERE m.id IN (SELECT accord.fleet_seen())
 ORDER BY c.id, x.wave, m.name;
COMMENT ON VIEW accord.conforms IS 'the journal of mendings: one row for each database that was to be led to a baseline';

CREATE VIEW accord.fleet_events AS
SELECT m.name AS database, e.at, e.event,
       -- A reason holds addresses; what was installed, or somebody reports, can be beside a client's part.
       CASE WHEN pg_has_role('pg_monitor', 'USAGE') OR s.whole AND e.event <> 'unreadable' THEN e.detail END AS detail
  FROM accord.fleet_event e JOIN accord.fleet_member m ON m.id = e.member
 CROSS JOIN LATERAL (SELECT m.id IN (SELECT accord.fleet_whole()) AS whole) s
 WHERE m.id IN (SELECT accord.fleet_seen())
   AND (s.whole OR e.event IN ('unreadable', 'back', 'restarted', 'restored', 'promoted', 'replaced', 'expects', 'deployed', 'failed')) ORDER BY e.id;
COMMENT ON VIEW accord.fleet_events IS 'what happened to databases of the fleet: restarted, restored, promoted, back, reported';

CREATE VIEW accord.fleet_grants AS
SELECT g.id, coalesce(r.rolname, g.role::text) AS role, g.selection, g.operations, g.scope, g.granted_by, g.granted_at
  FROM accord.fleet_grant g LEFT JOIN pg_roles r ON r.oid = g.role ORDER BY g.id;
COMMENT ON VIEW accord.fleet_grants IS 'roles that are no administrators, and what each may do with which databases';

CREATE VIEW accord.fleet_acts AS
SELECT a.id, a.at, a.who, a.act, a.detail FROM accord.fleet_act a ORDER BY a.id;
COMMENT ON VIEW accord.fleet_acts IS 'who asked for what in the fleet';

CREATE VIEW accord.fleet_channels AS
SELECT c.name,
       -- An address can be a secret as a whole: others than the owner see where it leads.
       CASE WHEN o.owns THEN c.target ELSE regexp_replace(c.target, '^([a-z]+://)([^/?#]*@)?([^/?#]*).*$', '\1\3') END AS target,
       CASE WHEN o.owns THEN c.options ELSE c.options - 'headers' END AS options,
       coalesce(r.rolname, c.registered_by::text) AS registered_by,
       c.registered_at,
       m.waiting,
       m.sent,
       m.given_up
  FROM accord.fleet_channel c
  LEFT JOIN pg_roles r ON r.oid = c.registered_by
 CROSS JOIN (SELECT pg_has_role((SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_accord'), 'USAGE') AS owns) o
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE w.delivery = 'waiting') AS waiting, count(*) FILTER (WHERE w.delivery = 'sent') AS sent,
                            count(*) FILTER (WHERE w.delivery = 'given up') AS given_up
                       FROM accord.fleet_message w WHERE w.channel = c.id) m
 ORDER BY c.name;
COMMENT ON VIEW accord.fleet_channels IS 'whom alarms of the fleet are reported to';

CREATE VIEW accord.fleet_messages AS
SELECT m.id, c.name AS channel, m.message ->> 'what' AS alarm, m.state, m.delivery, m.attempts, m.at,
       CASE WHEN m.delivery = 'waiting' THEN m.next_at END AS next_at, m.sent_at, m.reason, m.message, encode(m.hash, 'hex') AS hash
  FROM accord.fleet_message m JOIN accord.fleet_channel c ON c.id = m.channel ORDER BY m.id;
COMMENT ON VIEW accord.fleet_messages IS 'what was reported of the fleet''s alarms, what waits, and what was given up and why';

-- A document that is written out in a query has no type of its own: without this it could be meant for either
-- accord.model.
CREATE FUNCTION accord.model(projection text, keys boolean DEFAULT false) RETURNS jsonb LANGUAGE sql VOLATILE STRICT
    SET search_path TO pg_catalog, pg_temp AS 'SELECT accord.model($1::jsonb, $2)';
COMMENT ON FUNCTION accord.model(text, boolean) IS 'the model of this database''s schema, for people';
