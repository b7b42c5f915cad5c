ALTER TABLE shop.product VALIDATE CONSTRAINT price_cents_positive;
ALTER TABLE shop.order_line ADD CONSTRAINT line_order_deferred UNIQUE ("order", sku, line) DEFERRABLE INITIALLY DEFERRED;
