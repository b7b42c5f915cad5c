CREATE TABLE shop.note (id bigserial PRIMARY KEY, body text NOT NULL, written timestamptz DEFAULT now());
CREATE TABLE shop.product_note (sku varchar(20) REFERENCES shop.product, body text NOT NULL DEFAULT '-') INHERITS (shop.note);
ALTER TABLE shop.note ADD COLUMN author text;
CREATE TABLE shop.sample AS SELECT sku, title FROM shop.product WHERE price_cents < 1000;
