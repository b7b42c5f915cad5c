DROP VIEW shop.order_overview;
ALTER TABLE shop.product ADD COLUMN price numeric(12, 2) CHECK (price >= 0);
UPDATE shop.product SET price = price_cents / 100.0;
ALTER TABLE shop.product ALTER COLUMN price SET NOT NULL, DROP COLUMN price_cents;
CREATE VIEW shop.order_overview WITH (security_barrier = true) AS
SELECT o.id, c.name AS customer, o.state, count(l.line) AS lines, coalesce(sum(l.total), 0) AS total
FROM shop."order" o
JOIN shop.customer c ON c.id = o.customer
LEFT JOIN shop.order_line l ON l."order" = o.id
GROUP BY o.id, c.name;
