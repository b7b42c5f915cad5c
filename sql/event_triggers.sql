-- ALWAYS: also for what a replication apply worker or a restoring session does under
-- session_replication_role = replica.
CREATE EVENT TRIGGER accord_ddl_command_end ON ddl_command_end EXECUTE FUNCTION accord.on_event();
CREATE EVENT TRIGGER accord_sql_drop ON sql_drop EXECUTE FUNCTION accord.on_event();
CREATE EVENT TRIGGER accord_table_rewrite ON table_rewrite EXECUTE FUNCTION accord.on_event();
ALTER EVENT TRIGGER accord_ddl_command_end ENABLE ALWAYS;
ALTER EVENT TRIGGER accord_sql_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER accord_table_rewrite ENABLE ALWAYS;

-- A publication FOR ALL TABLES brings the source's own tables to a subscriber that has the extension: their
-- rows are dropped there, but for fences, which say by whom they came.
CREATE FUNCTION accord.on_foreign_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
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

-- Where an event's row stands among the others: its version is applied here, if its source's versions are applied so.
CREATE FUNCTION accord.on_event_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
$$ BEGIN
    PERFORM accord.apply_here(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER event_row AFTER INSERT ON accord.fence FOR EACH ROW WHEN (NEW.via IS NOT NULL) EXECUTE FUNCTION accord.on_event_row();
ALTER TABLE accord.fence ENABLE REPLICA TRIGGER event_row;

-- At the end of a transaction that brought fences: is the subscription to stand here?
CREATE FUNCTION accord.on_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS
$$ BEGIN
    PERFORM accord.stop_behind(NEW.id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fence AFTER INSERT ON accord.fence DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.via IS NOT NULL) EXECUTE FUNCTION accord.on_fence();
ALTER TABLE accord.fence ENABLE REPLICA TRIGGER fence;

DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('CREATE TRIGGER foreign_row BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION accord.on_foreign_row()', relation);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER foreign_row', relation);
    END LOOP;
END $$;

-- What is in the database becomes version 0.
SELECT accord.initialize();

-- Nothing for PUBLIC; what only reads, for pg_monitor.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA accord FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA accord FROM PUBLIC;
GRANT USAGE ON SCHEMA accord TO pg_monitor;
GRANT SELECT ON accord.versions, accord.events, accord.subscriptions, accord.replicas, accord.deliveries, accord.status, accord.history, accord.steps, accord.kept,
    accord.divergences, accord.metrics, accord.metrics_ledger TO pg_monitor;
GRANT SELECT ON accord.databases, accord.baselines, accord.verdicts, accord.deviations, accord.alarms, accord.suppressions, accord.conforms,
    accord.fleet_events, accord.fleet_grants, accord.fleet_acts, accord.fleet_channels, accord.fleet_messages TO pg_monitor;
GRANT EXECUTE ON FUNCTION accord.version(), accord.fingerprint(boolean, jsonb), accord.model(jsonb, boolean), accord.model(text, boolean),
    accord.model(bigint, jsonb, boolean), accord.diff(jsonb, jsonb), accord.diff(bigint, bigint, jsonb), accord.plan(jsonb, jsonb, jsonb),
    accord.plan(bigint, bigint, jsonb), accord.rename_hints(jsonb, jsonb), accord.event_loss(json), accord.reverse_ddl(bigint),
    accord.mask_conninfo(text), accord.mask_secrets(json), accord.worker_running(), accord.wait_for_replica(text, interval),
    accord.fleet_report(text, text), accord.wait_for_fleet(text, interval), accord.wait_for_conform(bigint, interval), accord.baseline(text, text, integer),
    accord.export_model(), accord.fleet_seen(), accord.fleet_whole(), accord.fleet_pieces(), accord.fleet_part_verdicts() TO pg_monitor;
