-- 0.1.0 to 0.2.0. `--test clusters upgrade` compares what comes of it with CREATE EXTENSION, object by object, and
-- prints what is missing here.

-- Nothing of pg_accord's own is under way while its tables change.
CREATE FUNCTION accord.hold_still() RETURNS void LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'hold_still_wrapper';
SELECT accord.hold_still();
REVOKE ALL ON FUNCTION accord.hold_still() FROM PUBLIC;

-- pg_upgrade
ALTER TABLE accord.ledger ADD COLUMN system bigint DEFAULT (pg_control_system()).system_identifier;

-- Protocol 2
ALTER TABLE accord.replica ADD COLUMN protocol int NOT NULL DEFAULT 1;
CREATE OR REPLACE VIEW accord.replicas AS
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

-- Retention
CREATE FUNCTION accord.prune() RETURNS bigint LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'prune_wrapper';
REVOKE ALL ON FUNCTION accord.prune() FROM PUBLIC;

-- Every change of state, for whoever listens on channel accord. Anybody who can connect may listen, and may send as
-- well: the message names a replica and a state, never a reason or an object, and says where to look, not what is so.
CREATE FUNCTION accord.on_state() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
$$ DECLARE
    message json;
BEGIN
    IF TG_RELID = 'accord.replica'::regclass THEN
        message := json_build_object('about', 'replica', 'replica', NEW.name, 'version', NEW.version, 'state', NEW.state, 'at', clock_timestamp());
    ELSIF TG_RELID = 'accord.delivery'::regclass THEN
        message := json_build_object('about', 'delivery', 'replica', NEW.replica, 'version', NEW.version, 'state', NEW.state, 'at', clock_timestamp());
    ELSE
        message := json_build_object('about', 'mending', 'replica', NEW.replica, 'version', NEW.version, 'state', NEW.state, 'at', clock_timestamp(),
                                     'mending', NEW.id);
    END IF;
    -- A full queue would fail the transaction: who listens and does not read holds nothing up.
    IF pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('accord', message::text);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER new_state AFTER INSERT ON accord.replica FOR EACH ROW EXECUTE FUNCTION accord.on_state();
CREATE TRIGGER new_state AFTER INSERT ON accord.delivery FOR EACH ROW EXECUTE FUNCTION accord.on_state();
CREATE TRIGGER new_state AFTER INSERT ON accord.mending FOR EACH ROW EXECUTE FUNCTION accord.on_state();
CREATE TRIGGER other_state AFTER UPDATE OF state ON accord.replica FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION accord.on_state();
CREATE TRIGGER other_state AFTER UPDATE OF state ON accord.delivery FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION accord.on_state();
CREATE TRIGGER other_state AFTER UPDATE OF state ON accord.mending FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION accord.on_state();
REVOKE ALL ON FUNCTION accord.on_state() FROM PUBLIC;

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
GRANT SELECT ON accord.metrics, accord.metrics_ledger TO pg_monitor;

-- In order with the rows
ALTER TABLE accord.fence ADD COLUMN source uuid, ADD COLUMN turns boolean NOT NULL DEFAULT false, ADD COLUMN frees boolean NOT NULL DEFAULT false,
    ADD COLUMN takes boolean NOT NULL DEFAULT false, ADD COLUMN stops boolean NOT NULL DEFAULT false, ADD COLUMN beside oid[];
UPDATE accord.fence SET source = (SELECT l.id FROM accord.ledger l);
ALTER TABLE accord.fence ALTER COLUMN source SET NOT NULL;
ALTER TABLE accord.upstream ADD COLUMN lsn pg_lsn, ADD COLUMN streams boolean NOT NULL DEFAULT false;
ALTER TABLE accord.applied ADD COLUMN event_ids uuid[];
UPDATE accord.applied a SET event_ids = ARRAY(SELECT (e ->> 'id')::uuid FROM json_array_elements(coalesce(a.events, '[]')) e);
ALTER TABLE accord.applied ALTER COLUMN event_ids SET NOT NULL;
CREATE TABLE accord.applied_event (
    event        uuid NOT NULL,
    source       uuid NOT NULL,
    PRIMARY KEY (event, source)
);
INSERT INTO accord.applied_event SELECT e, a.source FROM accord.applied a, unnest(a.event_ids) e ON CONFLICT DO NOTHING;
CREATE FUNCTION accord.stop_behind(fence uuid) RETURNS void LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'stop_behind_wrapper';
REVOKE ALL ON FUNCTION accord.stop_behind(uuid) FROM PUBLIC;
CREATE OR REPLACE FUNCTION accord.on_foreign_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
$$ BEGIN
    IF NOT accord.in_apply_worker() THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    ELSIF TG_RELID <> 'accord.fence'::regclass OR TG_OP <> 'INSERT' THEN
        RETURN NULL;
    END IF;
    -- An initial copy says nothing of the rows before.
    NEW.via := (SELECT w.subid FROM pg_stat_subscription w WHERE w.pid = pg_backend_pid() AND w.relid IS NULL);
    NEW.id := gen_random_uuid();
    NEW.stops := false;
    NEW.beside := NULL;
    NEW.at := clock_timestamp();
    RETURN CASE WHEN NEW.via IS NOT NULL THEN NEW END;
END $$;

CREATE FUNCTION accord.on_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
$$ BEGIN
    PERFORM accord.stop_behind(NEW.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fence AFTER INSERT ON accord.fence DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.via IS NOT NULL) EXECUTE FUNCTION accord.on_fence();
ALTER TABLE accord.fence ENABLE REPLICA TRIGGER fence;
REVOKE ALL ON FUNCTION accord.on_fence() FROM PUBLIC;
CREATE FUNCTION accord.apply_here(fence uuid) RETURNS void LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'apply_here_wrapper';
REVOKE ALL ON FUNCTION accord.apply_here(uuid) FROM PUBLIC;
CREATE FUNCTION accord.on_event_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
$$ BEGIN
    PERFORM accord.apply_here(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER event_row AFTER INSERT ON accord.fence FOR EACH ROW WHEN (NEW.via IS NOT NULL) EXECUTE FUNCTION accord.on_event_row();
ALTER TABLE accord.fence ENABLE REPLICA TRIGGER event_row;
REVOKE ALL ON FUNCTION accord.on_event_row() FROM PUBLIC;
CREATE TABLE accord.streamed (
    source       uuid PRIMARY KEY,
    version      bigint NOT NULL,
    role         oid NOT NULL,               -- who left it here: its steps run with that role's rights
    offer        json NOT NULL,
    failure      json,                       -- why it could not be applied there: reasons of a verdict
    at           timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Histories that parted
CREATE TABLE accord.divergence (
    replica      text PRIMARY KEY REFERENCES accord.replica ON DELETE CASCADE,
    found_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    version      bigint NOT NULL,            -- where the replica stands
    id           bytea NOT NULL,
    common       bigint,                     -- the newest version of both; null where there is none
    versions     json NOT NULL               -- what the replica has beyond it
);

ALTER TABLE accord.mending ADD COLUMN keep text, ADD COLUMN target bigint;

CREATE TABLE accord.abandoned (
    number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       uuid NOT NULL,
    version      bigint NOT NULL,
    id           bytea NOT NULL,
    parent       bytea,
    fingerprint  bytea NOT NULL,
    applied_at   timestamptz NOT NULL,
    baseline     boolean NOT NULL,
    skipped      text,
    events       json,
    snapshot     json,
    verdict      json,
    abandoned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rewind       uuid NOT NULL,              -- in accord.mended: what led back
    rewound_to   bigint NOT NULL
);
CREATE INDEX abandoned_source ON accord.abandoned (source, version);

DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY['accord.divergence', 'accord.abandoned', 'accord.streamed', 'accord.applied_event']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER foreign_row BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION accord.on_foreign_row()', relation);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER foreign_row', relation);
    END LOOP;
END $$;
REVOKE ALL ON accord.divergence, accord.abandoned, accord.streamed, accord.applied_event FROM PUBLIC;
CREATE FUNCTION accord.resolve_divergence(replica text, keep text) RETURNS bigint LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'resolve_divergence_wrapper';
REVOKE ALL ON FUNCTION accord.resolve_divergence(text, text) FROM PUBLIC;

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
GRANT SELECT ON accord.divergences TO pg_monitor;

CREATE OR REPLACE VIEW accord.history AS
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

-- Fleet: whether a member's catalogs were written since they were read
ALTER TABLE accord.fleet_member ADD COLUMN mark text;

-- Whom alarms are reported to.
CREATE TABLE accord.fleet_channel (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    target        text NOT NULL,             -- https://…, smtp://…, function …
    options       jsonb NOT NULL,
    registered_by oid NOT NULL,              -- functions run with its rights
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE accord.fleet_message (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel       bigint NOT NULL REFERENCES accord.fleet_channel (id) ON DELETE CASCADE,
    hash          bytea NOT NULL,            -- of the alarm
    state         text NOT NULL,             -- the alarm's
    message       jsonb NOT NULL,
    at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivery      text NOT NULL DEFAULT 'waiting', -- waiting, sent, given up
    attempts      int NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at       timestamptz,
    reason        text
);
CREATE INDEX fleet_message_waiting ON accord.fleet_message (channel, id) WHERE delivery = 'waiting';
CREATE INDEX fleet_message_alarm ON accord.fleet_message (hash, channel);

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

DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY['accord.fleet_channel', 'accord.fleet_message']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER foreign_row BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION accord.on_foreign_row()', relation);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER foreign_row', relation);
    END LOOP;
END $$;
CREATE FUNCTION accord.report_to(name text, target text, options jsonb DEFAULT '{}') RETURNS void
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'report_to_wrapper';
CREATE FUNCTION accord.stop_reports(name text) RETURNS void LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'stop_reports_wrapper';
REVOKE ALL ON FUNCTION accord.report_to(text, text, jsonb), accord.stop_reports(text) FROM PUBLIC;
REVOKE ALL ON accord.fleet_channel, accord.fleet_message, accord.fleet_channels, accord.fleet_messages FROM PUBLIC;
GRANT SELECT ON accord.fleet_channels, accord.fleet_messages TO pg_monitor;

-- Grants of parts of databases.
ALTER TABLE accord.fleet_grant RENAME COLUMN limits TO scope;
-- From 18 on its NOT NULL has a name, which stays behind.
DO $$ BEGIN
    IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 180000 THEN
        ALTER TABLE accord.fleet_grant RENAME CONSTRAINT fleet_grant_limits_not_null TO fleet_grant_scope_not_null;
    END IF;
END $$;
ALTER VIEW accord.fleet_grants RENAME COLUMN limits TO scope;
ALTER TABLE accord.fleet_conform_member ADD COLUMN scopes json;
DROP FUNCTION accord.grant_fleet(text, text, text[], jsonb);
CREATE FUNCTION accord.grant_fleet(role text, selection text, operations text[], scope jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'grant_fleet_wrapper';
CREATE FUNCTION accord.fleet_whole() RETURNS SETOF bigint LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fleet_whole_wrapper';
CREATE FUNCTION accord.fleet_pieces() RETURNS TABLE (member bigint, baseline text, hash text, difference text, fact text, properties text[], expected jsonb,
    actual jsonb, words text) LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fleet_pieces_wrapper';
CREATE FUNCTION accord.fleet_part_verdicts() RETURNS TABLE (member bigint, baseline text, standing text, deviations bigint, fingerprint text)
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fleet_part_verdicts_wrapper';
REVOKE ALL ON FUNCTION accord.grant_fleet(text, text, text[], jsonb), accord.fleet_whole(), accord.fleet_pieces(), accord.fleet_part_verdicts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accord.fleet_whole(), accord.fleet_pieces(), accord.fleet_part_verdicts() TO pg_monitor;
DO $$
DECLARE
    client regrole;
BEGIN
    FOR client IN SELECT DISTINCT r.oid FROM accord.fleet_grant g JOIN pg_roles r ON r.oid = g.role LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION accord.fleet_whole(), accord.fleet_pieces(), accord.fleet_part_verdicts() TO %s', client);
    END LOOP;
END $$;

CREATE OR REPLACE VIEW accord.databases AS
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

CREATE OR REPLACE VIEW accord.baselines AS
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

CREATE OR REPLACE VIEW accord.verdicts AS
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

CREATE OR REPLACE VIEW accord.deviations AS
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

CREATE OR REPLACE VIEW accord.alarms AS
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


CREATE OR REPLACE VIEW accord.fleet_events AS
SELECT m.name AS database, e.at, e.event,
       -- A reason holds addresses; what was installed, or somebody reports, can be beside a client's part.
       CASE WHEN pg_has_role('pg_monitor', 'USAGE') OR s.whole AND e.event <> 'unreadable' THEN e.detail END AS detail
  FROM accord.fleet_event e JOIN accord.fleet_member m ON m.id = e.member
 CROSS JOIN LATERAL (SELECT m.id IN (SELECT accord.fleet_whole()) AS whole) s
 WHERE m.id IN (SELECT accord.fleet_seen())
   AND (s.whole OR e.event IN ('unreadable', 'back', 'restarted', 'restored', 'promoted', 'replaced', 'expects', 'deployed', 'failed')) ORDER BY e.id;

CREATE OR REPLACE VIEW accord.suppressions AS
SELECT s.id, s.owner, s.reason, s.at, s.expires_at, s.selection, s.kind, s.difference, s.object, s.property,
       -- Of the whole difference, of which a client may see a part.
       CASE WHEN pg_has_role('pg_monitor', 'USAGE') THEN s.hash END AS hash
  FROM accord.fleet_suppression s WHERE s.expires_at > clock_timestamp() AND (pg_has_role('pg_monitor', 'USAGE') OR s.owner = current_user);

-- Baselines as each major words them.
ALTER TABLE accord.fleet_baseline DROP CONSTRAINT fleet_baseline_pkey;
ALTER TABLE accord.fleet_baseline DROP CONSTRAINT fleet_baseline_ordinal_key;
CREATE UNIQUE INDEX fleet_baseline_edition ON accord.fleet_baseline (name, version, coalesce(major, 0));
ALTER TABLE accord.fleet_wish DROP CONSTRAINT fleet_wish_name_version_key;
ALTER TABLE accord.fleet_wish ADD UNIQUE (name, version, member);
DELETE FROM accord.fleet_known;
DROP FUNCTION accord.baseline(text, text);
DROP FUNCTION accord.remove_baseline(text, text);
CREATE FUNCTION accord.baseline(name text, version text DEFAULT NULL, major integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'baseline_wrapper';
CREATE FUNCTION accord.remove_baseline(name text, version text DEFAULT NULL, major integer DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'remove_baseline_wrapper';
REVOKE ALL ON FUNCTION accord.baseline(text, text, integer), accord.remove_baseline(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accord.baseline(text, text, integer) TO pg_monitor;

-- Databases that no baseline selects, fact by fact.
ALTER TABLE accord.fleet_generation ADD COLUMN judged text;
CREATE TABLE accord.fleet_model (
    fingerprint   bytea PRIMARY KEY,
    ids           bytea NOT NULL,            -- 16 bytes of the hash of each fact's id
    contents      bytea NOT NULL             -- 32 bytes each, in the same order: accord.fleet_fact
);
REVOKE ALL ON accord.fleet_model FROM PUBLIC;
CREATE TRIGGER foreign_row BEFORE INSERT OR UPDATE OR DELETE ON accord.fleet_model FOR EACH ROW EXECUTE FUNCTION accord.on_foreign_row();
ALTER TABLE accord.fleet_model ENABLE REPLICA TRIGGER foreign_row;
-- They are read again.
UPDATE accord.fleet_verdict SET fingerprint = NULL, standing = 'unheld' WHERE baseline = '';

-- Versions that clients register.
ALTER TABLE accord.fleet_wish ADD COLUMN client boolean NOT NULL DEFAULT false;

-- Copies of grants.
ALTER TABLE accord.fleet_conform ADD COLUMN copy json;
CREATE FUNCTION accord.copy_grants(from_database text, selection text, roles jsonb, dry_run boolean DEFAULT true, options jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'copy_grants_wrapper';
REVOKE ALL ON FUNCTION accord.copy_grants(text, text, jsonb, boolean, jsonb) FROM PUBLIC;
CREATE OR REPLACE VIEW accord.conforms AS
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
