-- PostgreSQL has no way to drop a label.
SELECT 1;
