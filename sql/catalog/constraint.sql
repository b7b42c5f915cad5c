-- PostgreSQL itself clones a partitioned table's foreign keys; its CHECKs, keys and exclusions are facts on each partition.
SELECT con.oid, con.conrelid, con.conname, con.contype, pg_get_constraintdef(con.oid), con.convalidated,
       /*if >=18*/ con.conenforced /*else*/ true /*end*/,
       con.coninhcount > 0, con.conislocal, con.confrelid,
       i.indexrelid, ic.reloptions,
       CASE WHEN ic.reltablespace <> 0 THEN
           (SELECT ts.spcname FROM pg_catalog.pg_tablespace ts WHERE ts.oid = ic.reltablespace) END,
       coalesce(i.indisclustered, false),
       CASE WHEN ic.relispartition THEN
           (SELECT ARRAY[pn.nspname::text, p.relname::text]
            FROM pg_catalog.pg_inherits inh
            JOIN pg_catalog.pg_class p ON p.oid = inh.inhparent
            JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
            WHERE inh.inhrelid = i.indexrelid) END
FROM pg_catalog.pg_constraint con
LEFT JOIN pg_catalog.pg_index i ON con.contype IN ('p', 'u', 'x') AND i.indexrelid = con.conindid
LEFT JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
WHERE con.conrelid >= 16384 AND con.contype IN ('p', 'u', 'x', 'f', 'c', 'n') AND (con.contype <> 'f' OR con.conparentid = 0)
  /*filter con.conrelid*/
