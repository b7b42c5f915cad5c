CREATE SEQUENCE shop.movement_number AS integer INCREMENT BY 10 START WITH 100 CACHE 5;

CREATE TABLE shop.stock (
    sku       varchar(20) PRIMARY KEY REFERENCES shop.product ON UPDATE CASCADE,
    on_hand   integer NOT NULL DEFAULT 0,
    reserved  integer NOT NULL DEFAULT 0,
    available integer GENERATED ALWAYS AS (on_hand - reserved) STORED,
    CHECK (reserved <= on_hand)
) WITH (fillfactor = 70);

CREATE TABLE shop.stock_movement (
    number   integer PRIMARY KEY DEFAULT nextval('shop.movement_number'),
    sku      varchar(20) NOT NULL REFERENCES shop.stock,
    change   integer NOT NULL,
    reason   text NOT NULL
);
ALTER SEQUENCE shop.movement_number OWNED BY shop.stock_movement.number;

INSERT INTO shop.stock (sku, on_hand) SELECT sku, 100 FROM shop.product;
