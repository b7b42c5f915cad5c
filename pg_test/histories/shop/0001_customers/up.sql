CREATE SCHEMA shop;

CREATE DOMAIN shop.email AS text CHECK (VALUE ~ '^[^@\s]+@[^@\s]+$');

CREATE TABLE shop.customer (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email      shop.email NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX customer_email ON shop.customer (lower(email));

INSERT INTO shop.customer (email, name) VALUES ('ada@example.org', 'Ada'), ('grace@example.org', 'Grace');
