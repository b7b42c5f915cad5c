-- A member stands for its extension. The filter is the one of edge.sql.
SELECT e.classid, e.objid, e.classid, e.objid, false, e.refobjid
FROM pg_catalog.pg_depend e
WHERE e.deptype = 'e'
  /*if filtered*/
  AND e.classid = ANY (($1::oid[])[2 : 1 + ($1::oid[])[1]::int]) AND e.objid = ANY (($1::oid[])[2 + ($1::oid[])[1]::int :])
  /*end*/
