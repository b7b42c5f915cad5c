CREATE INDEX CONCURRENTLY product_tags ON shop.product USING gin (tags);
ALTER TABLE shop.person DROP COLUMN referral;
ALTER TABLE shop.person DROP COLUMN points;
