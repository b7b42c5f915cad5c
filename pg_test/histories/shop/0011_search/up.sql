CREATE EXTENSION pg_trgm SCHEMA shop;
CREATE INDEX product_title_trgm ON shop.product USING gin (title shop.gin_trgm_ops);
CREATE INDEX product_tags ON shop.product USING gin (tags);
CREATE FUNCTION shop.find_product(term text, lim integer DEFAULT 10) RETURNS SETOF shop.product
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 AS
$$ SELECT * FROM shop.product WHERE title ILIKE '%' || term || '%' ORDER BY title LIMIT lim $$;
