SELECT c.oid, n.nspname, c.collname, c.collprovider, c.collisdeterministic,
       CASE WHEN c.collprovider = 'c' THEN c.collcollate::text END, CASE WHEN c.collprovider = 'c' THEN c.collctype::text END,
       /*if >=17*/ c.colllocale
       /*else*/ /*if >=15*/ c.colliculocale /*else*/ CASE WHEN c.collprovider <> 'c' THEN c.collcollate::text END /*end*/ /*end*/,
       /*if >=16*/ c.collicurules /*else*/ NULL::text /*end*/,
       pg_get_userbyid(c.collowner)
FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE c.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 3456 AND e.objid = c.oid AND e.deptype = 'e')
  /*filter c.oid*/
