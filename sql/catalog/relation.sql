-- Every relation with facts of its own. A composite type's privileges and its membership of an extension hang on its pg_type row.
-- A bound has no columns: without its table, which pg_get_expr would lock, it says the same.
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relispartition, c.reltype,
       c.relhasindex, c.relhastriggers, c.relhasrules,
       c.reloptions,
       /*if full*/
       CASE WHEN c.reltoastrelid = ANY (ARRAY(SELECT t.oid FROM pg_catalog.pg_class t WHERE t.relkind = 't' AND t.reloptions IS NOT NULL)) THEN
           (SELECT t.reloptions FROM pg_catalog.pg_class t WHERE t.oid = c.reltoastrelid) END,
       /*else*/ toast.reloptions, /*end*/
       -- A partitioned table's is for its partitions to come, and may be told (from 17 on).
       CASE WHEN c.relam <> 0 AND (c.relam <> 2 OR c.relkind = 'p') THEN (SELECT am.amname FROM pg_catalog.pg_am am WHERE am.oid = c.relam) END,
       CASE WHEN c.reltablespace <> 0 THEN (SELECT ts.spcname FROM pg_catalog.pg_tablespace ts WHERE ts.oid = c.reltablespace) END,
       c.relrowsecurity, c.relforcerowsecurity,
       CASE WHEN c.reloftype <> 0 THEN
           (SELECT ARRAY[tn.nspname::text, t.typname::text] FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
            WHERE t.oid = c.reloftype) END,
       c.relreplident,
       CASE WHEN c.relreplident = 'i' THEN
           (SELECT ic.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
            WHERE i.indrelid = c.oid AND i.indisreplident) END,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, 0) END,
       fs.srvname, ft.ftoptions,
       c.relispopulated,
       pg_get_userbyid(c.relowner),
       CASE WHEN c.relkind = 'c' THEN ct.typacl ELSE c.relacl END::text[],
       CASE WHEN c.relkind = 'c' THEN CASE WHEN ct.typacl IS NOT NULL THEN acldefault('T', c.relowner)::text[] END
            WHEN c.relacl IS NOT NULL THEN acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::"char", c.relowner)::text[] END
FROM pg_catalog.pg_class c
/*one pg_namespace n.oid c.relnamespace*/
/*if filtered*/ LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid AND toast.reloptions IS NOT NULL /*end*/
LEFT JOIN pg_catalog.pg_type ct ON c.relkind = 'c' AND ct.oid = c.reltype AND ct.typacl IS NOT NULL
LEFT JOIN pg_catalog.pg_foreign_table ft ON c.relkind = 'f' AND ft.ftrelid = c.oid
LEFT JOIN pg_catalog.pg_foreign_server fs ON fs.oid = ft.ftserver
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c', 'S') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  /*if full*/
  AND (CASE WHEN c.relkind = 'c' THEN 1247 ELSE 1259 END::oid, CASE WHEN c.relkind = 'c' THEN c.reltype ELSE c.oid END)
      NOT IN (SELECT e.classid, e.objid FROM pg_catalog.pg_depend e WHERE e.refclassid = 3079 AND e.deptype = 'e')
  /*else*/
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = CASE WHEN c.relkind = 'c' THEN 1247 ELSE 1259 END
                    AND e.objid = CASE WHEN c.relkind = 'c' THEN c.reltype ELSE c.oid END AND e.deptype = 'e')
  /*end*/
  /*filter c.oid*/
