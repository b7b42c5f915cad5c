-- An array, multirange or row type stands for the type or table that it comes with.
SELECT 1247::oid, t.oid,
       CASE WHEN b.typrelid <> 0 THEN 1259 ELSE 1247 END::oid,
       CASE WHEN b.typrelid <> 0 THEN b.typrelid ELSE coalesce(m.rngtypid, b.oid) END,
       false,
       /*if full*/ NULL::oid /*else*/
       coalesce((SELECT e.refobjid FROM pg_catalog.pg_depend e
                 WHERE e.classid = 1247 AND e.objid = coalesce(m.rngtypid, b.oid) AND e.deptype = 'e'),
                (SELECT e.refobjid FROM pg_catalog.pg_depend e WHERE e.classid = 1259 AND e.objid = b.typrelid AND e.deptype = 'e'))
       /*end*/
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_type b
  ON b.oid = CASE WHEN t.typelem <> 0 AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc THEN t.typelem ELSE t.oid END
LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = b.oid
WHERE t.oid >= 16384
  /*if full*/ AND (b.oid <> t.oid OR b.typrelid <> 0 OR b.typtype = 'm') /*end*/
  /*filter t.oid*/
