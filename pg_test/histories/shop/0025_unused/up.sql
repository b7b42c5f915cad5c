DROP MATERIALIZED VIEW shop.bestseller;
DROP TRIGGER never_change ON shop.stock_movement;
DROP FUNCTION shop.never();
ALTER TABLE shop.person DROP COLUMN shipping;
ALTER TABLE shop."order" ALTER COLUMN id SET GENERATED ALWAYS;
ALTER TABLE shop.stock_movement ALTER COLUMN number DROP DEFAULT;
CREATE MATERIALIZED VIEW shop.bestseller AS
SELECT l.sku, sum(l.quantity) AS sold FROM shop.order_line l GROUP BY l.sku HAVING sum(l.quantity) > 1 WITH NO DATA;
