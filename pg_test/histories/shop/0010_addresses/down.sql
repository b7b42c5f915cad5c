ALTER TABLE shop.customer DROP COLUMN locale, DROP COLUMN billing, DROP COLUMN shipping;
DROP TYPE shop.address;
