SELECT c.oid, n.nspname, c.cfgname, ARRAY[pn.nspname::text, p.prsname::text], pg_get_userbyid(c.cfgowner)
FROM pg_catalog.pg_ts_config c
JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.prsnamespace
WHERE c.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 3602 AND e.objid = c.oid AND e.deptype = 'e')
  /*filter c.oid*/
