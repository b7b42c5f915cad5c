ALTER TABLE shop.person ADD COLUMN points integer NOT NULL DEFAULT 0;
ALTER TABLE shop.person ADD COLUMN referral uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX CONCURRENTLY person_referral ON shop.person (referral);
ALTER TABLE shop.person ADD CONSTRAINT person_referral UNIQUE USING INDEX person_referral;
DROP INDEX CONCURRENTLY shop.product_tags;
