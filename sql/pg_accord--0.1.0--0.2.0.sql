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
CREATE INDEX applied_event ON accord.applied USING gin (event_ids) WITH (fastupdate = off);
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
    FOREACH relation IN ARRAY ARRAY['accord.divergence', 'accord.abandoned', 'accord.streamed']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER foreign_row BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION accord.on_foreign_row()', relation);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER foreign_row', relation);
    END LOOP;
END $$;
REVOKE ALL ON accord.divergence, accord.abandoned, accord.streamed FROM PUBLIC;
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
