-- PostgreSQL itself clones a partitioned table's foreign keys; its CHECKs, keys and exclusions are facts on each partition.
-- A full read asks for the texts of what is alike by themselves: of keys with nothing but columns, and of CHECKs;
-- a foreign key with nothing but columns is all in its row.
SELECT con.oid, con.conrelid, con.conname, con.contype,
       /*if full*/
       CASE WHEN con.contype = 'x' OR con.contype = 'f' AND (con.confmatchtype, con.confupdtype, con.confdeltype) <> ('s', 'a', 'a') OR i.indnatts <> i.indnkeyatts
                 /*if >=15*/ OR i.indnullsnotdistinct /*end*/ /*if >=18*/ OR con.conperiod /*end*/
            THEN pg_get_constraintdef(con.oid) END,
       /*else*/ pg_get_constraintdef(con.oid), /*end*/
       con.convalidated,
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
       /*if full*/ , con.condeferrable::int + 2 * con.condeferred::int + 4 * con.connoinherit::int + 8 * con.convalidated::int
                     /*if >=18*/ + 16 * (NOT con.conenforced)::int /*end*/,
       con.conkey::text, con.conbin::text, con.confkey::text /*end*/
FROM pg_catalog.pg_constraint con
LEFT JOIN pg_catalog.pg_index i ON con.contype IN ('p', 'u', 'x') AND i.indexrelid = con.conindid
LEFT JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid AND (ic.reloptions IS NOT NULL OR ic.reltablespace <> 0 OR ic.relispartition)
WHERE con.conrelid >= 16384 AND con.contype IN ('p', 'u', 'x', 'f', 'c', 'n') AND (con.contype <> 'f' OR con.conparentid = 0)
  /*filter con.conrelid con.oid*/
