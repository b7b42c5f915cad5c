-- Everything that pg_dump knows and the model does not. The filter is pairs: catalog, object, catalog, object, …
SELECT o.classid, o.objid, i.type, i.identity
FROM (
/*if filtered*/
    SELECT ($1::oid[])[k], ($1::oid[])[k + 1] FROM generate_series(1, cardinality($1::oid[]), 2) k
/*else*/
    SELECT 0::oid, 0::oid WHERE false
/*end*/
) o (classid, objid)
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
WHERE o.objid >= 16384 AND i.identity IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
  AND coalesce(i.schema, '') !~ '^pg_(temp|toast)' AND coalesce(i.schema, '') NOT IN ('accord', 'accord_kept')
/*if filtered*/
  AND o.classid NOT IN (826, 1247, 1255, 1259, 1417, 1418, 2328, 2601, 2602, 2603, 2604, 2605, 2606, 2607, 2612, 2615, 2616, 2617, 2618, 2620,
                        2753, 3079, 3256, 3381, 3456, 3466, 3501, 3576, 3600, 3601, 3602, 3764, 6100, 6104, 6106, 6237)
/*end*/
