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
