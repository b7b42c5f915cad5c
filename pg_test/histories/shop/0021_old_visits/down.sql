DROP TABLE shop.visit_2019;
DELETE FROM archive.visit_2024 WHERE at < '2024-01-01' OR at >= '2025-01-01';
DELETE FROM shop.visit_rest WHERE at >= '2024-01-01' AND at < '2025-01-01';
ALTER TABLE archive.visit_2024 RESET (autovacuum_enabled);
ALTER TABLE archive.visit_2024 SET SCHEMA shop;
ALTER TABLE shop.visit ATTACH PARTITION shop.visit_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
DROP SCHEMA archive;
