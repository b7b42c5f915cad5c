-- The way back from a version, and what it cannot bring back.
CREATE EXTENSION pg_accord;
CREATE SCHEMA shop;
CREATE TABLE shop.product (id int PRIMARY KEY, price integer NOT NULL, tags text[] DEFAULT '{}');
CREATE VIEW shop.limits AS SELECT 0 AS least, 100 AS most;
ALTER TABLE shop.product ADD COLUMN "Größe" text COLLATE "C" CHECK ("Größe" <> '');
BEGIN;
ALTER TABLE shop.product RENAME COLUMN tags TO labels;
CREATE INDEX product_labels ON shop.product USING gin (labels);
COMMIT;
DROP VIEW shop.limits;
ALTER TABLE shop.product ALTER COLUMN price TYPE numeric(10,2), ALTER COLUMN price SET DEFAULT 0;
CREATE FUNCTION shop.twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * n';
CREATE TYPE shop.size AS ENUM ('small', 'large');
ALTER TABLE shop.product DROP COLUMN labels;
DROP TABLE shop.product;
SELECT accord.version();
SELECT version, changes FROM accord.versions ORDER BY version;
SELECT v AS version, accord.reverse_ddl(v) FROM generate_series(1, 11) v;
SELECT version, loss FROM accord.events WHERE loss <> '{}' ORDER BY seq;

-- revert() carries it out as a new version: the schema is what it was.
SELECT content AS before FROM accord.versions WHERE version = 9 \gset
SELECT accord.revert(11);
SELECT accord.revert(10);
\d shop.product
SELECT accord.version();
SELECT version, changes, content = :'before' AS as_before FROM accord.versions WHERE version > 11 ORDER BY version;

-- What has come since stands in the way, and nothing is done by halves.
CREATE VIEW shop.names AS SELECT id, "Größe" FROM shop.product;
SELECT accord.revert(4);
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM shop.names;

-- Further away: from the last version to the first.
DROP VIEW shop.names;
SELECT accord.version();
DO $$
DECLARE
    statement text;
BEGIN
    FOR v IN REVERSE 15..1 LOOP
        FOR statement IN SELECT accord.reverse_ddl(v) LOOP
            EXECUTE statement;
        END LOOP;
    END LOOP;
END $$;
SELECT accord.version();
SELECT last.content = first.content AS as_it_began FROM accord.versions last, accord.versions first WHERE last.version = accord.version() AND first.version = 0;
