-- A range brings a cast to its multirange, which goes with it.
SELECT c.oid, format_type(c.castsource, NULL), format_type(c.casttarget, NULL), c.castmethod, c.castcontext,
       (SELECT ARRAY[n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes)]
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid = c.castfunc)
FROM pg_catalog.pg_cast c
WHERE c.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2605 AND e.objid = c.oid AND e.deptype IN ('e', 'i'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                  WHERE t.oid IN (c.castsource, c.casttarget) AND (n.nspname ~ '^pg_(temp|toast)' OR n.nspname IN ('accord', 'accord_kept')))
  /*filter c.oid*/
