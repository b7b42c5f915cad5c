-- A constraint's index stands for the constraint, a view's or sequence's column for the view or sequence.
SELECT 1259::oid, c.oid,
       CASE WHEN con.oid IS NULL THEN 1259 ELSE 2606 END::oid, coalesce(con.oid, c.oid),
       c.relkind IN ('v', 'm', 'S'),
       (SELECT e.refobjid FROM pg_catalog.pg_depend e WHERE e.classid = 1259 AND e.objid = c.oid AND e.deptype = 'e')
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_index i ON c.relkind IN ('i', 'I') AND i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
WHERE c.oid >= 16384
  /*filter c.oid*/
