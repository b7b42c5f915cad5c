CREATE TABLE shop.product (
    sku         varchar(20) PRIMARY KEY,
    title       text NOT NULL,
    description text NOT NULL DEFAULT '',
    price       numeric(12, 2) NOT NULL CHECK (price >= 0),
    tags        text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE shop.product IS 'What can be bought';
COMMENT ON COLUMN shop.product.price IS 'Gross, in the shop''s currency';

INSERT INTO shop.product (sku, title, price) VALUES ('tea-001', 'Sencha', 8.50), ('tea-002', 'Oolong', 12.00), ('cup-001', 'Cup', 6.00);
