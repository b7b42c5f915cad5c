SELECT c.oid, n.nspname, c.opcname, am.amname, c.opcfamily, ARRAY[fn.nspname::text, f.opfname::text], format_type(c.opcintype, NULL),
       c.opcdefault, CASE WHEN c.opckeytype <> 0 THEN format_type(c.opckeytype, NULL) END, pg_get_userbyid(c.opcowner)
FROM pg_catalog.pg_opclass c
JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
JOIN pg_catalog.pg_am am ON am.oid = c.opcmethod
JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily
JOIN pg_catalog.pg_namespace fn ON fn.oid = f.opfnamespace
WHERE c.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2616 AND e.objid = c.oid AND e.deptype = 'e')
  /*filter c.oid*/
