-- All indexes, with their tables.
SELECT i.indexrelid, i.indrelid
FROM pg_catalog.pg_index i
WHERE i.indrelid >= 16384
  /*filter i.indrelid*/
