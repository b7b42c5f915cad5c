SELECT a.oid, a.amname, a.amtype,
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = a.amhandler)
FROM pg_catalog.pg_am a
WHERE a.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2601 AND e.objid = a.oid AND e.deptype = 'e')
  /*filter a.oid*/
