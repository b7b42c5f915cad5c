CREATE TEMP TABLE temporary (id int PRIMARY KEY);
-- Foreign data.
CREATE FUNCTION shop.validate(text[], oid) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FOREIGN DATA WRAPPER wrapper VALIDATOR shop.validate OPTIONS (debug 'it''s = on');
COMMENT ON FOREIGN DATA WRAPPER wrapper IS 'wraps';
GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO accord_bob;
CREATE SERVER "Ser ver" TYPE 'kind' VERSION '1.0' FOREIGN DATA WRAPPER wrapper OPTIONS (host 'h', "Port" '1');
COMMENT ON SERVER "Ser ver" IS 'serves';
GRANT USAGE ON FOREIGN SERVER "Ser ver" TO accord_bob WITH GRANT OPTION;
ALTER SERVER "Ser ver" OWNER TO accord_alice;
CREATE FOREIGN TABLE shop.far (id int OPTIONS (column_name 'ID') NOT NULL, state shop.status DEFAULT 'new', CONSTRAINT far_id CHECK (id > 0))
    SERVER "Ser ver" OPTIONS (table_name 'FAR');
COMMENT ON FOREIGN TABLE shop.far IS 'away';
COMMENT ON COLUMN shop.far.id IS 'its id';
CREATE TRIGGER touch AFTER INSERT ON shop.far FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TABLE shop.archive (at timestamptz) PARTITION BY RANGE (at);
CREATE FOREIGN TABLE shop.archive_old PARTITION OF shop.archive DEFAULT SERVER "Ser ver";
CREATE FOREIGN TABLE shop.far_child (extra text) INHERITS (shop.base_b) SERVER "Ser ver";
CREATE USER MAPPING FOR accord_bob SERVER "Ser ver" OPTIONS ("user" 'bob', password 'secret');
CREATE USER MAPPING FOR PUBLIC SERVER "Ser ver";

-- What it lets out, what it runs at commands to come, what it gives by default, what is labelled.
CREATE PUBLICATION pub FOR TABLE shop.orders (id, customer, total) WHERE (id > 5 AND customer <> 7), shop.events WITH (publish = 'insert, update', publish_via_partition_root);
COMMENT ON PUBLICATION pub IS 'lets out';
CREATE PUBLICATION inside FOR TABLES IN SCHEMA shop, "Odd.Schema";
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE FUNCTION shop.on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION shop.on_event();
ALTER EVENT TRIGGER watch DISABLE;
COMMENT ON EVENT TRIGGER watch IS 'watches';
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO accord_bob WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice GRANT CREATE ON SCHEMAS TO "Accord, ""Carol""";
-- No provider is loaded here that SECURITY LABEL would ask.
SET allow_system_table_mods = on;
INSERT INTO pg_seclabel VALUES ('shop.customers'::regclass, 'pg_class'::regclass, 0, 'dummy', 'secret'),
    ('shop.customers'::regclass, 'pg_class'::regclass, 2, 'dummy', 'top secret'), ('shop.status'::regtype, 'pg_type'::regclass, 0, 'dummy', 'open');
RESET allow_system_table_mods;
