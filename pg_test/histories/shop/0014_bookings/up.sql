CREATE EXTENSION btree_gist;
CREATE TYPE shop.slot AS RANGE (subtype = time);
CREATE TABLE shop.tasting (
    room    integer NOT NULL,
    during  tstzrange NOT NULL,
    hours   shop.slot,
    guests  integer[] CHECK (cardinality(guests) <= 12),
    EXCLUDE USING gist (room WITH =, during WITH &&)
);
