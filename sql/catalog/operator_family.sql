SELECT f.oid, n.nspname, f.opfname, am.amname, pg_get_userbyid(f.opfowner)
FROM pg_catalog.pg_opfamily f
JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
JOIN pg_catalog.pg_am am ON am.oid = f.opfmethod
WHERE f.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2753 AND e.objid = f.oid AND e.deptype = 'e')
  /*filter f.oid*/
