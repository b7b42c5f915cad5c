CREATE VIEW shop.order_overview WITH (security_barrier = true) AS
SELECT o.id, c.name AS customer, o.state, count(l.line) AS lines, coalesce(sum(l.total), 0) AS total
FROM shop."order" o
JOIN shop.customer c ON c.id = o.customer
LEFT JOIN shop.order_line l ON l."order" = o.id
GROUP BY o.id, c.name;

CREATE MATERIALIZED VIEW shop.bestseller AS
SELECT p.sku, p.title, sum(l.quantity) AS sold
FROM shop.order_line l JOIN shop.product p USING (sku)
GROUP BY p.sku, p.title;
CREATE UNIQUE INDEX bestseller_sku ON shop.bestseller (sku);
