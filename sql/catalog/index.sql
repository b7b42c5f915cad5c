-- Indexes that belong to no constraint.
SELECT i.indexrelid, i.indrelid, c.relname, pg_get_indexdef(i.indexrelid), i.indisunique,
       i.indisvalid AND i.indisready AND i.indislive,
       CASE WHEN c.reltablespace <> 0 THEN
           (SELECT ts.spcname FROM pg_catalog.pg_tablespace ts WHERE ts.oid = c.reltablespace) END,
       i.indisclustered,
       CASE WHEN c.relispartition THEN
           (SELECT ARRAY[pn.nspname::text, p.relname::text]
            FROM pg_catalog.pg_inherits inh
            JOIN pg_catalog.pg_class p ON p.oid = inh.inhparent
            JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
            WHERE inh.inhrelid = i.indexrelid) END,
       c.relkind = 'I',
       CASE WHEN i.indexprs IS NOT NULL THEN
           ARRAY(SELECT concat(a.attnum, '=', a.attstattarget) FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0) END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid >= 16384
  /*if listed*/ /*else*/
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint con
                  WHERE con.conrelid = i.indrelid AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x'))
  /*end*/
  /*filter i.indrelid i.indexrelid*/
