DROP VIEW shop.order_overview;
ALTER TABLE shop.product ADD COLUMN price_cents bigint;
UPDATE shop.product SET price_cents = price * 100;
ALTER TABLE shop.product ALTER COLUMN price_cents SET NOT NULL;
ALTER TABLE shop.product ADD CONSTRAINT price_cents_positive CHECK (price_cents >= 0) NOT VALID;
ALTER TABLE shop.product DROP COLUMN price;
CREATE VIEW shop.order_overview AS
SELECT o.id, c.name AS customer, o.state, o.market, count(l.line) AS lines, coalesce(sum(l.total), 0) AS total
FROM shop."order" o
JOIN shop.customer c ON c.id = o.customer
LEFT JOIN shop.order_line l ON l."order" = o.id
GROUP BY o.id, c.name;
