CREATE TABLE shop.visit (
    at       timestamptz NOT NULL,
    customer bigint REFERENCES shop.customer,
    path     text NOT NULL,
    referrer text,
    PRIMARY KEY (at, path)
) PARTITION BY RANGE (at);

CREATE TABLE shop.visit_2024 PARTITION OF shop.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.visit_2025 PARTITION OF shop.visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
    PARTITION BY HASH (path);
CREATE TABLE shop.visit_2025_0 PARTITION OF shop.visit_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE shop.visit_2025_1 PARTITION OF shop.visit_2025 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE shop.visit_rest PARTITION OF shop.visit DEFAULT;
CREATE INDEX visit_customer ON shop.visit (customer) WHERE customer IS NOT NULL;
