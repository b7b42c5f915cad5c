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
