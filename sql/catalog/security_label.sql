SELECT l.classoid, l.objoid, l.objsubid, l.provider, i.type, i.identity
FROM pg_catalog.pg_seclabel l CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) i
WHERE l.objoid >= 16384 AND i.identity IS NOT NULL AND coalesce(i.schema, '') !~ '^pg_(temp|toast)'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = l.classoid AND e.objid = l.objoid AND e.deptype = 'e')
