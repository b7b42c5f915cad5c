-- What a reference stands for: an array, multirange or row type for the type or table it comes with, a constraint's index for
-- the constraint, a view's column for the view; and the extension that it is a member of.
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
/*if filtered*/
UNION ALL
SELECT 1259::oid, c.oid,
       CASE WHEN con.oid IS NULL THEN 1259 ELSE 2606 END::oid, coalesce(con.oid, c.oid),
       c.relkind IN ('v', 'm', 'S', 'f'),
       (SELECT e.refobjid FROM pg_catalog.pg_depend e WHERE e.classid = 1259 AND e.objid = c.oid AND e.deptype = 'e')
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
WHERE c.oid >= 16384
  /*filter c.oid*/
/*end*/
UNION ALL
SELECT e.classid, e.objid, e.classid, e.objid, false, e.refobjid
FROM pg_catalog.pg_depend e
WHERE e.deptype = 'e'
  /*if filtered*/
  AND e.classid IN (1255, 2328, 1417, 2601, 2605, 2607, 2612, 2615, 2616, 2617, 2753, 3456, 3576, 3600, 3601, 3602, 3764)
  /*end*/
  /*filter e.objid*/
