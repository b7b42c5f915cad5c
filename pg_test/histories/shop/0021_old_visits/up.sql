CREATE SCHEMA archive;
ALTER TABLE shop.visit DETACH PARTITION shop.visit_2024;
ALTER TABLE shop.visit_2024 SET SCHEMA archive;
ALTER TABLE archive.visit_2024 SET (autovacuum_enabled = false);
CREATE TABLE shop.visit_2019 PARTITION OF shop.visit FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
