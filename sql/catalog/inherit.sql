SELECT i.inhrelid, i.inhseqno, i.inhparent, n.nspname, p.relname
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind IN ('r', 'p', 'f')
JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
WHERE i.inhrelid >= 16384
  /*filter i.inhrelid*/
