-- Everything that pg_dump knows and the model does not. The filter is pairs: catalog, object, catalog, object, …
SELECT o.classid, o.objid, i.type, i.identity
FROM (
/*if filtered*/
    SELECT ($1::oid[])[k], ($1::oid[])[k + 1] FROM generate_series(1, cardinality($1::oid[]), 2) k
/*else*/
    SELECT 1259::oid, oid FROM pg_catalog.pg_class WHERE relkind = 'f'
    UNION ALL SELECT 2328, oid FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT 1417, oid FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT 1418, umid FROM pg_catalog.pg_user_mappings
    UNION ALL SELECT 6104, oid FROM pg_catalog.pg_publication
    UNION ALL SELECT 6106, oid FROM pg_catalog.pg_publication_rel
    /*if >=15*/ UNION ALL SELECT 6237, oid FROM pg_catalog.pg_publication_namespace /*end*/
    UNION ALL SELECT 6100, oid FROM pg_catalog.pg_subscription
              WHERE subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
    UNION ALL SELECT 3466, oid FROM pg_catalog.pg_event_trigger
    UNION ALL SELECT 826, oid FROM pg_catalog.pg_default_acl
/*end*/
) o (classid, objid)
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
WHERE o.objid >= 16384 AND i.identity IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
  AND coalesce(i.schema, '') !~ '^pg_(temp|toast)' AND coalesce(i.schema, '') <> 'accord'
/*if filtered*/
  AND (o.classid NOT IN (1247, 1255, 1259, 2601, 2602, 2603, 2604, 2605, 2606, 2607, 2612, 2615, 2616, 2617, 2618, 2620, 2753, 3079, 3256,
                         3381, 3456, 3501, 3576, 3600, 3601, 3602, 3764)
       OR o.classid = 1259 AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = o.objid AND c.relkind = 'f'))
/*end*/
