DROP MATERIALIZED VIEW shop.bestseller;
DROP VIEW shop.order_overview;
