-- What depends on what. The filter is pairs: catalog, object, catalog, object, … Each pair is looked up by itself (OFFSET 0
-- keeps the planner from turning that round), so that no plan that was made for a small catalog reads a large one whole.
SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid
FROM
/*if filtered*/
generate_series(1, cardinality($1::oid[]), 2) k
CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_depend e WHERE e.classid = ($1::oid[])[k] AND e.objid = ($1::oid[])[k + 1] OFFSET 0) d
/*else*/
pg_catalog.pg_depend d
/*end*/
WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype IN ('n', 'a', 'i', 'P', 'S')
  AND (d.refclassid <> 2615 OR d.classid = 3079)
