CREATE DOMAIN shop.percentage AS numeric(5, 2) DEFAULT 0 NOT NULL CONSTRAINT in_range CHECK (VALUE BETWEEN 0 AND 100);
ALTER TABLE shop.market ADD COLUMN discount shop.percentage;
ALTER DOMAIN shop.percentage DROP CONSTRAINT in_range;
ALTER DOMAIN shop.percentage ADD CONSTRAINT below_half CHECK (VALUE BETWEEN 0 AND 50);
ALTER DOMAIN shop.percentage SET DEFAULT 5;
