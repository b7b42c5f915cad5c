SELECT n.oid, n.nspname, pg_get_userbyid(n.nspowner), n.nspacl::text[],
       CASE WHEN n.nspacl IS NOT NULL THEN acldefault('n', n.nspowner)::text[] END
FROM pg_catalog.pg_namespace n
WHERE (n.oid >= 16384 OR n.nspname = 'public') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2615 AND e.objid = n.oid AND e.deptype = 'e')
  /*filter n.oid*/
