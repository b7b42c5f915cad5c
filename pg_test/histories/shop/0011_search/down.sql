DROP FUNCTION shop.find_product(text, integer);
DROP INDEX shop.product_tags;
DROP INDEX shop.product_title_trgm;
DROP EXTENSION pg_trgm;
