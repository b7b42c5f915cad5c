-- A member stands for its extension. The filter is the one of edge.sql.
SELECT e.classid, e.objid, e.classid, e.objid, false, e.refobjid
FROM
/*if filtered*/
generate_series(1, cardinality($1::oid[]), 2) k
CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_depend d WHERE d.classid = ($1::oid[])[k] AND d.objid = ($1::oid[])[k + 1] OFFSET 0) e
/*else*/
pg_catalog.pg_depend e
/*end*/
WHERE e.deptype = 'e'
