ALTER TABLE shop.order_line DROP CONSTRAINT line_order_deferred;
ALTER TABLE shop.product DROP CONSTRAINT price_cents_positive;
ALTER TABLE shop.product ADD CONSTRAINT price_cents_positive CHECK (price_cents >= 0) NOT VALID;
