-- Everything that pg_dump knows and the model does not. The filter is pairs: catalog, object, catalog, object, …
SELECT o.classid, o.objid, i.type, i.identity
FROM (
/*if filtered*/
    SELECT ($1::oid[])[k], ($1::oid[])[k + 1] FROM generate_series(1, cardinality($1::oid[]), 2) k
/*else*/
    SELECT 1247::oid, t.oid FROM pg_catalog.pg_type t
              WHERE t.typtype IN ('b', 'p') AND NOT (t.typelem <> 0 AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc)
    UNION ALL SELECT 2605, oid FROM pg_catalog.pg_cast
    UNION ALL SELECT 2617, oid FROM pg_catalog.pg_operator
    UNION ALL SELECT 2616, oid FROM pg_catalog.pg_opclass
    UNION ALL SELECT 2753, oid FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 2601, oid FROM pg_catalog.pg_am
    UNION ALL SELECT 3456, oid FROM pg_catalog.pg_collation
    UNION ALL SELECT 2607, oid FROM pg_catalog.pg_conversion
    UNION ALL SELECT 3601, oid FROM pg_catalog.pg_ts_parser
    UNION ALL SELECT 3600, oid FROM pg_catalog.pg_ts_dict
    UNION ALL SELECT 3764, oid FROM pg_catalog.pg_ts_template
    UNION ALL SELECT 3602, oid FROM pg_catalog.pg_ts_config
    UNION ALL SELECT 3381, oid FROM pg_catalog.pg_statistic_ext
    UNION ALL SELECT 2612, oid FROM pg_catalog.pg_language
    UNION ALL SELECT 3576, oid FROM pg_catalog.pg_transform
/*end*/
) o (classid, objid)
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
WHERE o.objid >= 16384 AND i.identity IS NOT NULL
  -- A range brings a cast to its multirange, which goes with it.
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = o.classid AND e.objid = o.objid AND (e.deptype = 'e' OR e.deptype = 'i' AND o.classid = 2605))
  AND coalesce(i.schema, '') !~ '^pg_(temp|toast)' AND coalesce(i.schema, '') <> 'accord'
/*if filtered*/
  AND (o.classid NOT IN (1247, 1255, 1259, 2604, 2606, 2615, 2618, 2620, 3079, 3256, 3501)
       AND o.classid NOT IN (826, 1417, 1418, 2328, 3466, 6100, 6104, 6106, 6237)
       OR o.classid = 1247 AND EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = o.objid AND t.typtype IN ('b', 'p')
              AND NOT (t.typelem <> 0 AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc)))
/*end*/
