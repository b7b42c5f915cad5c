-- One property each. The setup is the least that the property stands on, and the change is of nothing else; where
-- there is no ALTER for it, the object is made anew with that one thing different. Names begin with the kind.
-- `make peers` gives the same probes to other tools. Renames are not among them: of two databases nobody can tell a
-- rename from a drop and a creation.
-- probe: schema: created
-- ddl
CREATE SCHEMA s
-- probe: schema: owner
CREATE SCHEMA s
-- ddl
ALTER SCHEMA s OWNER TO accord_alice
-- probe: schema: privileges
CREATE SCHEMA s
-- ddl
GRANT USAGE ON SCHEMA s TO accord_bob
-- probe: schema: comment
CREATE SCHEMA s
-- ddl
COMMENT ON SCHEMA s IS 'x'
-- probe: extension: created
-- ddl
CREATE EXTENSION hstore SCHEMA public
-- probe: extension: schema
CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA public
-- ddl
ALTER EXTENSION hstore SET SCHEMA s
-- probe: extension: comment
CREATE EXTENSION hstore SCHEMA public
-- ddl
COMMENT ON EXTENSION hstore IS 'x'
-- probe: enum: created
-- ddl
CREATE TYPE e AS ENUM ('a', 'b')
-- probe: enum: value added at the end
CREATE TYPE e AS ENUM ('a', 'b')
-- ddl
ALTER TYPE e ADD VALUE 'c'
-- probe: enum: value added in the middle
CREATE TYPE e AS ENUM ('a', 'b')
-- ddl
ALTER TYPE e ADD VALUE 'c' BEFORE 'b'
-- probe: enum: value added, used by a column
CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (a e DEFAULT 'a')
-- ddl
ALTER TYPE e ADD VALUE 'c'
-- probe: enum: order of values
CREATE TYPE e AS ENUM ('a', 'b')
-- ddl
DROP TYPE e; CREATE TYPE e AS ENUM ('b', 'a')
-- probe: enum: owner
CREATE TYPE e AS ENUM ('a')
-- ddl
ALTER TYPE e OWNER TO accord_alice
-- probe: enum: privileges
CREATE TYPE e AS ENUM ('a')
-- ddl
REVOKE USAGE ON TYPE e FROM PUBLIC
-- probe: enum: comment
CREATE TYPE e AS ENUM ('a')
-- ddl
COMMENT ON TYPE e IS 'x'
-- probe: domain: created
-- ddl
CREATE DOMAIN d AS text
-- probe: domain: type
CREATE DOMAIN d AS int
-- ddl
DROP DOMAIN d; CREATE DOMAIN d AS bigint
-- probe: domain: collation
CREATE DOMAIN d AS text
-- ddl
DROP DOMAIN d; CREATE DOMAIN d AS text COLLATE "C"
-- probe: domain: default
CREATE DOMAIN d AS int
-- ddl
ALTER DOMAIN d SET DEFAULT 5
-- probe: domain: not null
CREATE DOMAIN d AS int
-- ddl
ALTER DOMAIN d SET NOT NULL
-- probe: domain: check added
CREATE DOMAIN d AS int
-- ddl
ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0)
-- probe: domain: check changed, used by a column
CREATE DOMAIN d AS int CONSTRAINT k CHECK (VALUE > 0); CREATE TABLE t (a d)
-- ddl
ALTER DOMAIN d DROP CONSTRAINT k; ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 1)
-- probe: domain: check validated
CREATE DOMAIN d AS int; ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID
-- ddl
ALTER DOMAIN d VALIDATE CONSTRAINT k
-- probe: domain: owner
CREATE DOMAIN d AS int
-- ddl
ALTER DOMAIN d OWNER TO accord_alice
-- probe: domain: comment
CREATE DOMAIN d AS int
-- ddl
COMMENT ON DOMAIN d IS 'x'
-- probe: domain: comment on its check
CREATE DOMAIN d AS int CONSTRAINT k CHECK (VALUE > 0)
-- ddl
COMMENT ON CONSTRAINT k ON DOMAIN d IS 'x'
-- probe: composite type: created
-- ddl
CREATE TYPE c AS (x int, y text)
-- probe: composite type: attribute added
CREATE TYPE c AS (x int)
-- ddl
ALTER TYPE c ADD ATTRIBUTE y text
-- probe: composite type: attribute dropped
CREATE TYPE c AS (x int, y text)
-- ddl
ALTER TYPE c DROP ATTRIBUTE y
-- probe: composite type: attribute's type
CREATE TYPE c AS (x int, y text)
-- ddl
ALTER TYPE c ALTER ATTRIBUTE x TYPE bigint
-- probe: composite type: attribute's collation
CREATE TYPE c AS (x int, y text)
-- ddl
ALTER TYPE c ALTER ATTRIBUTE y TYPE text COLLATE "C"
-- probe: composite type: attribute added, used by a column
CREATE TYPE c AS (x int); CREATE TABLE t (a c)
-- ddl
ALTER TYPE c ADD ATTRIBUTE y text
-- probe: composite type: comment on an attribute
CREATE TYPE c AS (x int)
-- ddl
COMMENT ON COLUMN c.x IS 'x'
-- probe: composite type: owner
CREATE TYPE c AS (x int)
-- ddl
ALTER TYPE c OWNER TO accord_alice
-- probe: range type: created
-- ddl
CREATE TYPE r AS RANGE (subtype = numeric)
-- probe: range type: operator class
CREATE TYPE r AS RANGE (subtype = text)
-- ddl
DROP TYPE r; CREATE TYPE r AS RANGE (subtype = text, subtype_opclass = text_pattern_ops)
-- probe: range type: collation
CREATE TYPE r AS RANGE (subtype = text)
-- ddl
DROP TYPE r; CREATE TYPE r AS RANGE (subtype = text, collation = "C")
-- probe: range type: difference function
CREATE TYPE r AS RANGE (subtype = float8)
-- ddl
DROP TYPE r; CREATE TYPE r AS RANGE (subtype = float8, subtype_diff = float8mi)
-- probe: range type: name of the multirange
CREATE TYPE r AS RANGE (subtype = numeric)
-- ddl
DROP TYPE r; CREATE TYPE r AS RANGE (subtype = numeric, multirange_type_name = rs)
-- probe: base type: shell
-- ddl
CREATE TYPE b
-- probe: base type: created
CREATE TYPE b; CREATE FUNCTION b_in(cstring) RETURNS b LANGUAGE internal IMMUTABLE STRICT AS 'int4in'; CREATE FUNCTION b_out(b) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out'
-- ddl
CREATE TYPE b (INPUT = b_in, OUTPUT = b_out, LIKE = int4)
-- probe: base type: storage
CREATE TYPE b; CREATE FUNCTION b_in(cstring) RETURNS b LANGUAGE internal IMMUTABLE STRICT AS 'textin'; CREATE FUNCTION b_out(b) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout'; CREATE TYPE b (INPUT = b_in, OUTPUT = b_out, STORAGE = extended)
-- ddl
ALTER TYPE b SET (STORAGE = main)
-- probe: sequence: created
-- ddl
CREATE SEQUENCE q
-- probe: sequence: increment
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q INCREMENT 7
-- probe: sequence: start
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q START 7
-- probe: sequence: minimum
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q MINVALUE -5
-- probe: sequence: maximum
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q MAXVALUE 1000
-- probe: sequence: cache
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q CACHE 9
-- probe: sequence: cycle
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q CYCLE
-- probe: sequence: type
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q AS integer
-- probe: sequence: owned by a column
CREATE SEQUENCE q; CREATE TABLE t (a int)
-- ddl
ALTER SEQUENCE q OWNED BY t.a
-- probe: sequence: unlogged [since 15]
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q SET UNLOGGED
-- probe: sequence: owner
CREATE SEQUENCE q
-- ddl
ALTER SEQUENCE q OWNER TO accord_alice
-- probe: sequence: privileges
CREATE SEQUENCE q
-- ddl
GRANT USAGE ON SEQUENCE q TO accord_bob
-- probe: sequence: comment
CREATE SEQUENCE q
-- ddl
COMMENT ON SEQUENCE q IS 'x'
-- probe: table: created
-- ddl
CREATE TABLE t (a int, b text)
-- probe: table: dropped
CREATE TABLE t (a int, b text)
-- ddl
DROP TABLE t
-- probe: table: dropped, with a key to it
CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (b int, t int CONSTRAINT f REFERENCES t)
-- ddl
ALTER TABLE u DROP CONSTRAINT f; DROP TABLE t
-- probe: table: without columns
-- ddl
CREATE TABLE t ()
-- probe: table: unlogged
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t SET UNLOGGED
-- probe: table: storage parameter
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t SET (fillfactor = 70)
-- probe: table: storage parameter of its TOAST table
CREATE TABLE t (a text)
-- ddl
ALTER TABLE t SET (toast.autovacuum_enabled = false)
-- probe: table: row security
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ENABLE ROW LEVEL SECURITY
-- probe: table: row security forced
CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY
-- ddl
ALTER TABLE t FORCE ROW LEVEL SECURITY
-- probe: table: replica identity full
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t REPLICA IDENTITY FULL
-- probe: table: replica identity by an index
CREATE TABLE t (a int NOT NULL); CREATE UNIQUE INDEX i ON t (a)
-- ddl
ALTER TABLE t REPLICA IDENTITY USING INDEX i
-- probe: table: clustered
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
ALTER TABLE t CLUSTER ON i
-- probe: table: access method
CREATE ACCESS METHOD own TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE t (a int)
-- ddl
DROP TABLE t; CREATE TABLE t (a int) USING own
-- probe: table: of a type
CREATE TYPE c AS (x int); CREATE TABLE t (x int)
-- ddl
ALTER TABLE t OF c
-- probe: table: schema
CREATE SCHEMA s; CREATE TABLE t (a int)
-- ddl
ALTER TABLE t SET SCHEMA s
-- probe: table: owner
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t OWNER TO accord_alice
-- probe: table: privileges
CREATE TABLE t (a int)
-- ddl
GRANT SELECT ON t TO accord_bob
-- probe: table: privileges with grant option
CREATE TABLE t (a int); GRANT SELECT ON t TO accord_bob
-- ddl
GRANT SELECT ON t TO accord_bob WITH GRANT OPTION
-- probe: table: privileges of PUBLIC
CREATE TABLE t (a int)
-- ddl
GRANT SELECT ON t TO PUBLIC
-- probe: table: privileges revoked from the owner
CREATE TABLE t (a int)
-- ddl
REVOKE TRUNCATE ON t FROM CURRENT_USER
-- probe: table: comment
CREATE TABLE t (a int)
-- ddl
COMMENT ON TABLE t IS 'x'
-- probe: column: added
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD b text
-- probe: column: dropped
CREATE TABLE t (a int, b text)
-- ddl
ALTER TABLE t DROP b
-- probe: column: dropped under a view
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT * FROM t
-- ddl
DROP VIEW v; ALTER TABLE t DROP b; CREATE VIEW v AS SELECT * FROM t
-- probe: column: type
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a TYPE bigint
-- probe: column: length
CREATE TABLE t (a varchar(10))
-- ddl
ALTER TABLE t ALTER a TYPE varchar(20)
-- probe: column: precision
CREATE TABLE t (a numeric(10, 2))
-- ddl
ALTER TABLE t ALTER a TYPE numeric(12, 4)
-- probe: column: type under a view
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t
-- ddl
DROP VIEW v; ALTER TABLE t ALTER a TYPE bigint; CREATE VIEW v AS SELECT a FROM t
-- probe: column: type under an index
CREATE TABLE t (a int); CREATE INDEX i ON t (a) WHERE a > 1
-- ddl
DROP INDEX i; ALTER TABLE t ALTER a TYPE bigint; CREATE INDEX i ON t (a) WHERE a > 1
-- probe: column: type under a policy
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
DROP POLICY p ON t; ALTER TABLE t ALTER a TYPE bigint; CREATE POLICY p ON t USING (a > 0)
-- probe: column: type without an implicit cast
CREATE TABLE t (a text)
-- ddl
ALTER TABLE t ALTER a TYPE int USING a::int
-- probe: column: collation
CREATE TABLE t (a text)
-- ddl
ALTER TABLE t ALTER a TYPE text COLLATE "C"
-- probe: column: not null
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a SET NOT NULL
-- probe: column: default added
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a SET DEFAULT 1
-- probe: column: default changed
CREATE TABLE t (a int DEFAULT 1)
-- ddl
ALTER TABLE t ALTER a SET DEFAULT 2
-- probe: column: default by a sequence
CREATE SEQUENCE q; CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a SET DEFAULT nextval('q')
-- probe: column: default by a function
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a SET DEFAULT f()
-- probe: column: storage
CREATE TABLE t (a text)
-- ddl
ALTER TABLE t ALTER a SET STORAGE external
-- probe: column: compression
CREATE TABLE t (a text)
-- ddl
ALTER TABLE t ALTER a SET COMPRESSION pglz
-- probe: column: statistics target
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a SET STATISTICS 100
-- probe: column: options
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ALTER a SET (n_distinct = 5)
-- probe: column: privileges
CREATE TABLE t (a int)
-- ddl
GRANT SELECT (a) ON t TO accord_bob
-- probe: column: comment
CREATE TABLE t (a int)
-- ddl
COMMENT ON COLUMN t.a IS 'x'
-- probe: generated column: added
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 1) STORED
-- probe: generated column: expression
CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)
-- ddl
ALTER TABLE t DROP b; ALTER TABLE t ADD b int GENERATED ALWAYS AS (a + 2) STORED
-- probe: generated column: expression dropped
CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)
-- ddl
ALTER TABLE t ALTER b DROP EXPRESSION
-- probe: identity: added
CREATE TABLE t (a int NOT NULL)
-- ddl
ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY
-- probe: identity: dropped
CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER a DROP IDENTITY
-- probe: identity: by default
CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER a SET GENERATED BY DEFAULT
-- probe: identity: increment
CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER a SET INCREMENT 5
-- probe: identity: start
CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER a SET START 5
-- probe: identity: cycle
CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER TABLE t ALTER a SET CYCLE
-- probe: identity: name of its sequence
CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)
-- ddl
ALTER SEQUENCE t_a_seq RENAME TO q
-- probe: serial column: added
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD b serial
-- probe: constraint: primary key
CREATE TABLE t (a int NOT NULL)
-- ddl
ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a)
-- probe: constraint: columns of a primary key
CREATE TABLE t (a int NOT NULL, b int NOT NULL, CONSTRAINT p PRIMARY KEY (a))
-- ddl
ALTER TABLE t DROP CONSTRAINT p; ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a, b)
-- probe: constraint: unique
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)
-- probe: constraint: unique, nulls not distinct [since 15]
CREATE TABLE t (a int CONSTRAINT u UNIQUE)
-- ddl
ALTER TABLE t DROP CONSTRAINT u; ALTER TABLE t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a)
-- probe: constraint: unique, deferrable
CREATE TABLE t (a int CONSTRAINT u UNIQUE)
-- ddl
ALTER TABLE t DROP CONSTRAINT u; ALTER TABLE t ADD CONSTRAINT u UNIQUE (a) DEFERRABLE
-- probe: constraint: unique, included column
CREATE TABLE t (a int, b int, CONSTRAINT u UNIQUE (a))
-- ddl
ALTER TABLE t DROP CONSTRAINT u; ALTER TABLE t ADD CONSTRAINT u UNIQUE (a) INCLUDE (b)
-- probe: constraint: unique, storage parameter
CREATE TABLE t (a int CONSTRAINT u UNIQUE)
-- ddl
ALTER INDEX u SET (fillfactor = 50)
-- probe: constraint: check
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)
-- probe: constraint: expression of a check
CREATE TABLE t (a int CONSTRAINT k CHECK (a > 0))
-- ddl
ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 1)
-- probe: constraint: check not valid
CREATE TABLE t (a int)
-- ddl
ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID
-- probe: constraint: check validated
CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID
-- ddl
ALTER TABLE t VALIDATE CONSTRAINT k
-- probe: constraint: check that is not inherited
CREATE TABLE t (a int CONSTRAINT k CHECK (a > 0))
-- ddl
ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NO INHERIT
-- probe: constraint: foreign key
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int)
-- ddl
ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES r
-- probe: constraint: ON DELETE of a foreign key
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int CONSTRAINT f REFERENCES r)
-- ddl
ALTER TABLE t DROP CONSTRAINT f; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES r ON DELETE CASCADE
-- probe: constraint: ON UPDATE of a foreign key
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int CONSTRAINT f REFERENCES r)
-- ddl
ALTER TABLE t DROP CONSTRAINT f; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES r ON UPDATE CASCADE
-- probe: constraint: foreign key, deferrable
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int CONSTRAINT f REFERENCES r)
-- ddl
ALTER TABLE t ALTER CONSTRAINT f DEFERRABLE
-- probe: constraint: foreign key, initially deferred
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int CONSTRAINT f REFERENCES r DEFERRABLE)
-- ddl
ALTER TABLE t ALTER CONSTRAINT f DEFERRABLE INITIALLY DEFERRED
-- probe: constraint: foreign key validated
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int); ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES r NOT VALID
-- ddl
ALTER TABLE t VALIDATE CONSTRAINT f
-- probe: constraint: foreign key, match full
CREATE TABLE r (a int PRIMARY KEY); CREATE TABLE t (b int CONSTRAINT f REFERENCES r)
-- ddl
ALTER TABLE t DROP CONSTRAINT f; ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES r MATCH FULL
-- probe: constraint: foreign keys both ways
CREATE TABLE r (a int PRIMARY KEY, t int); CREATE TABLE t (b int PRIMARY KEY, r int CONSTRAINT f REFERENCES r)
-- ddl
ALTER TABLE r ADD CONSTRAINT g FOREIGN KEY (t) REFERENCES t
-- probe: constraint: exclusion
CREATE TABLE t (a int4range)
-- ddl
ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING gist (a WITH &&)
-- probe: constraint: operator of an exclusion
CREATE TABLE t (a int4range, CONSTRAINT x EXCLUDE USING gist (a WITH &&))
-- ddl
ALTER TABLE t DROP CONSTRAINT x; ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =)
-- probe: constraint: comment
CREATE TABLE t (a int CONSTRAINT k CHECK (a > 0))
-- ddl
COMMENT ON CONSTRAINT k ON t IS 'x'
-- probe: index: created
CREATE TABLE t (a int)
-- ddl
CREATE INDEX i ON t (a)
-- probe: index: columns
CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a, b)
-- probe: index: unique
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE UNIQUE INDEX i ON t (a)
-- probe: index: method
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t USING hash (a)
-- probe: index: condition
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a) WHERE a > 0
-- probe: index: expression
CREATE TABLE t (a text); CREATE INDEX i ON t (lower(a))
-- ddl
DROP INDEX i; CREATE INDEX i ON t (upper(a))
-- probe: index: direction
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a DESC)
-- probe: index: order of nulls
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a NULLS FIRST)
-- probe: index: operator class
CREATE TABLE t (a text); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a text_pattern_ops)
-- probe: index: collation
CREATE TABLE t (a text); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a COLLATE "POSIX")
-- probe: index: included column
CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE INDEX i ON t (a) INCLUDE (b)
-- probe: index: nulls not distinct [since 15]
CREATE TABLE t (a int); CREATE UNIQUE INDEX i ON t (a)
-- ddl
DROP INDEX i; CREATE UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT
-- probe: index: storage parameter
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
ALTER INDEX i SET (fillfactor = 50)
-- probe: index: statistics target
CREATE TABLE t (a int); CREATE INDEX i ON t ((a + 1))
-- ddl
ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 50
-- probe: index: comment
CREATE TABLE t (a int); CREATE INDEX i ON t (a)
-- ddl
COMMENT ON INDEX i IS 'x'
-- probe: inheritance: child created
CREATE TABLE p (a int)
-- ddl
CREATE TABLE t (b int) INHERITS (p)
-- probe: inheritance: inherits
CREATE TABLE p (a int); CREATE TABLE t (a int)
-- ddl
ALTER TABLE t INHERIT p
-- probe: inheritance: child's own default
CREATE TABLE p (a int DEFAULT 1); CREATE TABLE t (b int) INHERITS (p)
-- ddl
ALTER TABLE t ALTER a SET DEFAULT 2
-- probe: inheritance: column added to the parent
CREATE TABLE p (a int); CREATE TABLE t () INHERITS (p)
-- ddl
ALTER TABLE p ADD b int
-- probe: partition: partitioned table
-- ddl
CREATE TABLE p (a int) PARTITION BY RANGE (a)
-- probe: partition: key
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a)
-- ddl
DROP TABLE p; CREATE TABLE p (a int, b int) PARTITION BY RANGE (a, b)
-- probe: partition: created
CREATE TABLE p (a int) PARTITION BY RANGE (a)
-- ddl
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)
-- probe: partition: dropped
CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)
-- ddl
DROP TABLE p1
-- probe: partition: default
CREATE TABLE p (a int) PARTITION BY RANGE (a)
-- ddl
CREATE TABLE p1 PARTITION OF p DEFAULT
-- probe: partition: bound
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p DETACH PARTITION p1; ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1, 2)
-- probe: partition: detached
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p DETACH PARTITION p1
-- probe: partition: attached
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 (a int)
-- ddl
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1)
-- probe: partition: table dropped with its partitions
CREATE TABLE p (a int PRIMARY KEY) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p DEFAULT
-- ddl
DROP TABLE p
-- probe: partition: index of the partitioned table
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)
-- ddl
CREATE INDEX i ON p (a)
-- probe: partition: index attached
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE INDEX i ON ONLY p (a); CREATE INDEX i1 ON p1 (a)
-- ddl
ALTER INDEX i ATTACH PARTITION i1
-- probe: partition: primary key of the partitioned table
CREATE TABLE p (a int NOT NULL) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p ADD PRIMARY KEY (a)
-- probe: partition: column added to the partitioned table
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p ADD b text
-- probe: partition: its own default
CREATE TABLE p (a int, b int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)
-- ddl
ALTER TABLE p1 ALTER b SET DEFAULT 1
-- probe: view: created
CREATE TABLE t (a int)
-- ddl
CREATE VIEW v AS SELECT a FROM t
-- probe: view: condition
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t
-- ddl
CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a > 0
-- probe: view: column added
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t
-- ddl
CREATE OR REPLACE VIEW v AS SELECT a, b FROM t
-- probe: view: column dropped
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, b FROM t
-- ddl
DROP VIEW v; CREATE VIEW v AS SELECT a FROM t
-- probe: view: column dropped under another view
CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a, b FROM t; CREATE VIEW a AS SELECT a FROM v
-- ddl
DROP VIEW a; DROP VIEW v; CREATE VIEW v AS SELECT a FROM t; CREATE VIEW a AS SELECT a FROM v
-- probe: view: views on views, against the alphabet
CREATE TABLE t (a int)
-- ddl
CREATE VIEW z AS SELECT a FROM t; CREATE VIEW m AS SELECT a FROM z; CREATE VIEW a AS SELECT a FROM m
-- probe: view: on a function
CREATE TABLE t (a int)
-- ddl
CREATE FUNCTION z(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; CREATE VIEW a AS SELECT z(a) AS n FROM t
-- probe: view: security_barrier
CREATE VIEW v AS SELECT 1 AS a
-- ddl
ALTER VIEW v SET (security_barrier)
-- probe: view: security_invoker [since 15]
CREATE VIEW v AS SELECT 1 AS a
-- ddl
ALTER VIEW v SET (security_invoker)
-- probe: view: check option
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t WHERE a > 0
-- ddl
CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a > 0 WITH LOCAL CHECK OPTION
-- probe: view: default of a column
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t
-- ddl
ALTER VIEW v ALTER a SET DEFAULT 1
-- probe: view: owner
CREATE VIEW v AS SELECT 1 AS a
-- ddl
ALTER VIEW v OWNER TO accord_alice
-- probe: view: privileges
CREATE VIEW v AS SELECT 1 AS a
-- ddl
GRANT SELECT ON v TO accord_bob
-- probe: view: comment
CREATE VIEW v AS SELECT 1 AS a
-- ddl
COMMENT ON VIEW v IS 'x'
-- probe: view: comment on a column
CREATE VIEW v AS SELECT 1 AS a
-- ddl
COMMENT ON COLUMN v.a IS 'x'
-- probe: materialized view: created
CREATE TABLE t (a int)
-- ddl
CREATE MATERIALIZED VIEW m AS SELECT a FROM t
-- probe: materialized view: query
CREATE TABLE t (a int); CREATE MATERIALIZED VIEW m AS SELECT a FROM t
-- ddl
DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW m AS SELECT a FROM t WHERE a > 0
-- probe: materialized view: index
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a
-- ddl
CREATE UNIQUE INDEX i ON m (a)
-- probe: materialized view: storage parameter
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a
-- ddl
ALTER MATERIALIZED VIEW m SET (fillfactor = 50)
-- probe: materialized view: statistics target
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a
-- ddl
ALTER MATERIALIZED VIEW m ALTER a SET STATISTICS 9
-- probe: materialized view: privileges
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a
-- ddl
GRANT SELECT ON m TO accord_bob
-- probe: materialized view: comment
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a
-- ddl
COMMENT ON MATERIALIZED VIEW m IS 'x'
-- probe: function: created
-- ddl
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- probe: function: body
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'
-- probe: function: body of standard SQL
CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1
-- ddl
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql RETURN 2
-- probe: function: result
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
DROP FUNCTION f(); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT 1'
-- probe: function: result, under a view
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE VIEW v AS SELECT f() IS NULL AS a
-- ddl
DROP VIEW v; DROP FUNCTION f(); CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT 1'; CREATE VIEW v AS SELECT f() IS NULL AS a
-- probe: function: name of an argument
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
DROP FUNCTION f(int); CREATE FUNCTION f(b int) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- probe: function: default of an argument
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
CREATE OR REPLACE FUNCTION f(a int DEFAULT 5) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- probe: function: volatility
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() IMMUTABLE
-- probe: function: strict
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f(int) STRICT
-- probe: function: security definer
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() SECURITY DEFINER
-- probe: function: leakproof
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() LEAKPROOF
-- probe: function: parallel
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() PARALLEL SAFE
-- probe: function: cost
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() COST 9
-- probe: function: rows
CREATE FUNCTION f() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() ROWS 9
-- probe: function: setting
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() SET search_path = pg_catalog, pg_temp
-- probe: function: support function
CREATE FUNCTION f(anyarray) RETURNS SETOF anyelement LANGUAGE internal STRICT AS 'array_unnest'
-- ddl
ALTER FUNCTION f(anyarray) SUPPORT array_unnest_support
-- probe: function: owner
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
ALTER FUNCTION f() OWNER TO accord_alice
-- probe: function: privileges
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC
-- probe: function: comment
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- ddl
COMMENT ON FUNCTION f() IS 'x'
-- probe: procedure: created
-- ddl
CREATE PROCEDURE p(INOUT a int) LANGUAGE plpgsql AS 'BEGIN END'
-- probe: procedure: body
CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN END'
-- ddl
CREATE OR REPLACE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN NULL; END'
-- probe: procedure: security definer
CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN END'
-- ddl
ALTER PROCEDURE p() SECURITY DEFINER
-- probe: procedure: privileges
CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN END'
-- ddl
REVOKE EXECUTE ON PROCEDURE p() FROM PUBLIC
-- probe: aggregate: created
-- ddl
CREATE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int)
-- probe: aggregate: initial value
CREATE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int)
-- ddl
CREATE OR REPLACE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')
-- probe: aggregate: parallel
CREATE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int)
-- ddl
CREATE OR REPLACE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int, PARALLEL = SAFE)
-- probe: aggregate: comment
CREATE AGGREGATE g(int) (SFUNC = int4pl, STYPE = int)
-- ddl
COMMENT ON AGGREGATE g(int) IS 'x'
-- probe: trigger: created
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'
-- ddl
CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: events
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
CREATE OR REPLACE TRIGGER z BEFORE INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: columns
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
CREATE OR REPLACE TRIGGER z BEFORE UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: condition
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
CREATE OR REPLACE TRIGGER z BEFORE INSERT ON t FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION trg()
-- probe: trigger: arguments
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
CREATE OR REPLACE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg('x')
-- probe: trigger: disabled
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
ALTER TABLE t DISABLE TRIGGER z
-- probe: trigger: enabled always
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
ALTER TABLE t ENABLE ALWAYS TRIGGER z
-- probe: trigger: constraint trigger
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'
-- ddl
CREATE CONSTRAINT TRIGGER z AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: constraint trigger, deferrable
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE CONSTRAINT TRIGGER z AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
DROP TRIGGER z ON t; CREATE CONSTRAINT TRIGGER z AFTER INSERT ON t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: transition table
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION trg()
-- ddl
CREATE OR REPLACE TRIGGER z AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION trg()
-- probe: trigger: of a view
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE VIEW v AS SELECT a FROM t
-- ddl
CREATE TRIGGER z INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: of a partitioned table
CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'
-- ddl
CREATE TRIGGER z AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION trg()
-- probe: trigger: comment
CREATE TABLE t (a int); CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE TRIGGER z BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()
-- ddl
COMMENT ON TRIGGER z ON t IS 'x'
-- probe: event trigger: created
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'
-- ddl
CREATE EVENT TRIGGER z ON ddl_command_end EXECUTE FUNCTION e()
-- probe: event trigger: tags
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER z ON ddl_command_end EXECUTE FUNCTION e()
-- ddl
DROP EVENT TRIGGER z; CREATE EVENT TRIGGER z ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION e()
-- probe: event trigger: disabled
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER z ON ddl_command_end EXECUTE FUNCTION e()
-- ddl
ALTER EVENT TRIGGER z DISABLE
-- probe: event trigger: comment
CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER z ON ddl_command_end EXECUTE FUNCTION e()
-- ddl
COMMENT ON EVENT TRIGGER z IS 'x'
-- probe: policy: created
CREATE TABLE t (a int)
-- ddl
CREATE POLICY p ON t USING (a > 0)
-- probe: policy: expression
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
ALTER POLICY p ON t USING (a > 1)
-- probe: policy: check
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
ALTER POLICY p ON t WITH CHECK (a > 1)
-- probe: policy: roles
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
ALTER POLICY p ON t TO accord_bob
-- probe: policy: command
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
DROP POLICY p ON t; CREATE POLICY p ON t FOR SELECT USING (a > 0)
-- probe: policy: restrictive
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
DROP POLICY p ON t; CREATE POLICY p ON t AS RESTRICTIVE USING (a > 0)
-- probe: policy: over a table of another schema
CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.t (a int); CREATE TABLE two.t (a int)
-- ddl
CREATE POLICY p ON one.t USING (EXISTS (SELECT FROM two.t x WHERE x.a = t.a))
-- probe: policy: comment
CREATE TABLE t (a int); CREATE POLICY p ON t USING (a > 0)
-- ddl
COMMENT ON POLICY p ON t IS 'x'
-- probe: rule: created
CREATE TABLE t (a int)
-- ddl
CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING
-- probe: rule: action
CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO ALSO NOTIFY x
-- ddl
CREATE OR REPLACE RULE r AS ON DELETE TO t DO ALSO NOTIFY y
-- probe: rule: condition
CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING
-- ddl
CREATE OR REPLACE RULE r AS ON DELETE TO t WHERE old.a > 0 DO INSTEAD NOTHING
-- probe: rule: disabled
CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING
-- ddl
ALTER TABLE t DISABLE RULE r
-- probe: rule: of a view
CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t
-- ddl
CREATE RULE r AS ON DELETE TO v DO INSTEAD NOTHING
-- probe: rule: comment
CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING
-- ddl
COMMENT ON RULE r ON t IS 'x'
-- probe: default privileges: granted
CREATE SCHEMA s
-- ddl
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO accord_bob
-- probe: default privileges: in a schema
CREATE SCHEMA s
-- ddl
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO accord_bob
-- probe: default privileges: of another role
CREATE SCHEMA s
-- ddl
ALTER DEFAULT PRIVILEGES FOR ROLE accord_alice GRANT SELECT ON TABLES TO accord_bob
-- probe: default privileges: revoked from PUBLIC
CREATE SCHEMA s
-- ddl
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC
-- probe: cast: created
CREATE TYPE e AS ENUM ('a')
-- ddl
CREATE CAST (e AS text) WITH INOUT
-- probe: cast: context
CREATE TYPE e AS ENUM ('a'); CREATE CAST (e AS text) WITH INOUT
-- ddl
DROP CAST (e AS text); CREATE CAST (e AS text) WITH INOUT AS IMPLICIT
-- probe: operator: created
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true'
-- ddl
CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f)
-- probe: operator: estimator
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f)
-- ddl
ALTER OPERATOR public.@@@ (int, int) SET (RESTRICT = eqsel)
-- probe: operator: commutator
CREATE FUNCTION f(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f)
-- ddl
DROP OPERATOR public.@@@ (int, int); CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = f, COMMUTATOR = OPERATOR(public.@@@))
-- probe: operator family: created
-- ddl
CREATE OPERATOR FAMILY f USING hash
-- probe: operator class: created
-- ddl
CREATE OPERATOR CLASS c FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int)
-- probe: operator class: function added
CREATE OPERATOR CLASS c FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int)
-- ddl
DROP OPERATOR FAMILY c USING hash; CREATE OPERATOR CLASS c FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int), FUNCTION 2 hashint4extended(int, int8)
-- probe: collation: created
-- ddl
CREATE COLLATION c (provider = libc, locale = 'C')
-- probe: collation: locale
CREATE COLLATION c (provider = libc, locale = 'C')
-- ddl
DROP COLLATION c; CREATE COLLATION c (provider = libc, locale = 'POSIX')
-- probe: collation: not deterministic
CREATE COLLATION c (provider = icu, locale = 'de')
-- ddl
DROP COLLATION c; CREATE COLLATION c (provider = icu, locale = 'de', deterministic = false)
-- probe: collation: comment
CREATE COLLATION c (provider = libc, locale = 'C')
-- ddl
COMMENT ON COLLATION c IS 'x'
-- probe: conversion: created
-- ddl
CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8
-- probe: text search: configuration
-- ddl
CREATE TEXT SEARCH CONFIGURATION c (PARSER = "default")
-- probe: text search: mapping
CREATE TEXT SEARCH CONFIGURATION c (PARSER = "default")
-- ddl
ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH simple
-- probe: text search: dictionary
-- ddl
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)
-- probe: text search: dictionary's option
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)
-- ddl
ALTER TEXT SEARCH DICTIONARY d (accept = false)
-- probe: text search: parser
-- ddl
CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)
-- probe: text search: template
-- ddl
CREATE TEXT SEARCH TEMPLATE w (LEXIZE = dsimple_lexize)
-- probe: statistics: created
CREATE TABLE t (a int, b int)
-- ddl
CREATE STATISTICS x ON a, b FROM t
-- probe: statistics: kinds
CREATE TABLE t (a int, b int); CREATE STATISTICS x ON a, b FROM t
-- ddl
DROP STATISTICS x; CREATE STATISTICS x (ndistinct) ON a, b FROM t
-- probe: statistics: expression
CREATE TABLE t (a int, b int); CREATE STATISTICS x ON (a + 1), b FROM t
-- ddl
DROP STATISTICS x; CREATE STATISTICS x ON (a + 2), b FROM t
-- probe: statistics: target
CREATE TABLE t (a int, b int); CREATE STATISTICS x ON a, b FROM t
-- ddl
ALTER STATISTICS x SET STATISTICS 9
-- probe: access method: created
-- ddl
CREATE ACCESS METHOD own TYPE TABLE HANDLER heap_tableam_handler
-- probe: language: created
CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'
-- ddl
CREATE LANGUAGE l HANDLER h
-- probe: language: trusted
CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'; CREATE LANGUAGE l HANDLER h
-- ddl
CREATE OR REPLACE TRUSTED LANGUAGE l HANDLER h
-- probe: transform: created
-- ddl
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))
-- probe: foreign-data wrapper: created
-- ddl
CREATE FOREIGN DATA WRAPPER w
-- probe: foreign-data wrapper: option
CREATE FOREIGN DATA WRAPPER w
-- ddl
ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD a '1')
-- probe: foreign-data wrapper: validator
CREATE FOREIGN DATA WRAPPER w
-- ddl
ALTER FOREIGN DATA WRAPPER w VALIDATOR postgresql_fdw_validator
-- probe: foreign server: created
CREATE FOREIGN DATA WRAPPER w
-- ddl
CREATE SERVER s FOREIGN DATA WRAPPER w
-- probe: foreign server: option
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w
-- ddl
ALTER SERVER s OPTIONS (ADD host 'h')
-- probe: foreign server: version
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s VERSION '1' FOREIGN DATA WRAPPER w
-- ddl
ALTER SERVER s VERSION '2'
-- probe: foreign server: owner
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w
-- ddl
ALTER SERVER s OWNER TO accord_alice
-- probe: foreign server: privileges
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w
-- ddl
GRANT USAGE ON FOREIGN SERVER s TO accord_bob
-- probe: user mapping: created
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w
-- ddl
CREATE USER MAPPING FOR accord_bob SERVER s
-- probe: user mapping: option
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR accord_bob SERVER s
-- ddl
ALTER USER MAPPING FOR accord_bob SERVER s OPTIONS (ADD "user" 'bob')
-- probe: foreign table: created
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w
-- ddl
CREATE FOREIGN TABLE t (a int) SERVER s
-- probe: foreign table: option
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int) SERVER s
-- ddl
ALTER FOREIGN TABLE t OPTIONS (ADD n 'x')
-- probe: foreign table: option of a column
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int) SERVER s
-- ddl
ALTER FOREIGN TABLE t ALTER a OPTIONS (ADD n 'x')
-- probe: foreign table: column added
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int) SERVER s
-- ddl
ALTER FOREIGN TABLE t ADD b text
-- probe: foreign table: check
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int) SERVER s
-- ddl
ALTER FOREIGN TABLE t ADD CONSTRAINT k CHECK (a > 0)
-- probe: publication: created
CREATE TABLE t (a int)
-- ddl
CREATE PUBLICATION p FOR TABLE t
-- probe: publication: all tables
CREATE TABLE t (a int)
-- ddl
CREATE PUBLICATION p FOR ALL TABLES
-- probe: publication: table added
CREATE TABLE t (a int); CREATE PUBLICATION p
-- ddl
ALTER PUBLICATION p ADD TABLE t
-- probe: publication: schema added [since 15]
CREATE SCHEMA s; CREATE PUBLICATION p
-- ddl
ALTER PUBLICATION p ADD TABLES IN SCHEMA s
-- probe: publication: operations
CREATE PUBLICATION p
-- ddl
ALTER PUBLICATION p SET (publish = 'insert')
-- probe: publication: via the partitioned table
CREATE PUBLICATION p
-- ddl
ALTER PUBLICATION p SET (publish_via_partition_root = true)
-- probe: publication: rows [since 15]
CREATE TABLE t (a int); CREATE PUBLICATION p FOR TABLE t
-- ddl
ALTER PUBLICATION p SET TABLE t WHERE (a > 0)
-- probe: publication: columns [since 15]
CREATE TABLE t (a int, b int); CREATE PUBLICATION p FOR TABLE t
-- ddl
ALTER PUBLICATION p SET TABLE t (a)
-- probe: publication: owner
CREATE PUBLICATION p
-- ddl
ALTER PUBLICATION p OWNER TO accord_alice
