-- What depends on what. The filter is two lists in one array: how many catalogs, those catalogs, then the objects in them,
-- so that pg_depend is probed for the catalogs that the objects can be in and no others.
SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid
FROM pg_catalog.pg_depend d
WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype IN ('n', 'a', 'i', 'P', 'S')
  AND (d.refclassid <> 2615 OR d.classid = 3079)
  /*if filtered*/
  AND d.classid = ANY (($1::oid[])[2 : 1 + ($1::oid[])[1]::int]) AND d.objid = ANY (($1::oid[])[2 + ($1::oid[])[1]::int :])
  /*end*/
