CREATE TYPE shop.address AS (street text, postcode varchar(10), city text, country char(2));
ALTER TABLE shop.customer ADD COLUMN billing shop.address, ADD COLUMN shipping shop.address;
ALTER TABLE shop.customer ADD COLUMN locale text NOT NULL DEFAULT 'en' COLLATE "C";
ALTER TYPE shop.address ADD ATTRIBUTE note text;
