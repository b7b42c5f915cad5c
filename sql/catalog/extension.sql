-- What initdb installed (plpgsql) is everywhere and no fact, as in pg_dump.
SELECT e.oid, e.extname, n.nspname, e.extversion
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.oid >= 16384 AND e.extname <> 'pg_accord'
  /*filter e.oid*/
