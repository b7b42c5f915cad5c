SELECT s.oid, s.srvname, w.fdwname, s.srvtype, s.srvversion, s.srvoptions, pg_get_userbyid(s.srvowner), s.srvacl::text[],
       CASE WHEN s.srvacl IS NOT NULL THEN acldefault('S', s.srvowner)::text[] END
FROM pg_catalog.pg_foreign_server s
JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
WHERE s.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1417 AND e.objid = s.oid AND e.deptype = 'e')
  /*filter s.oid*/
