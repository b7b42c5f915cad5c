SELECT r.rngtypid, format_type(r.rngsubtype, NULL),
       (SELECT ARRAY[n.nspname::text, o.opcname::text] FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
        WHERE o.oid = r.rngsubopc AND NOT o.opcdefault),
       CASE WHEN r.rngcollation <> 0 THEN
           (SELECT ARRAY[n.nspname::text, co.collname::text]
            FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace n ON n.oid = co.collnamespace
            WHERE co.oid = r.rngcollation
              AND r.rngcollation <> (SELECT b.typcollation FROM pg_catalog.pg_type b WHERE b.oid = r.rngsubtype)) END,
       (SELECT ARRAY[n.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid = r.rngcanonical),
       (SELECT ARRAY[n.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid = r.rngsubdiff),
       (SELECT ARRAY[n.nspname::text, m.typname::text] FROM pg_catalog.pg_type m JOIN pg_catalog.pg_namespace n ON n.oid = m.typnamespace
        WHERE m.oid = r.rngmultitypid)
FROM pg_catalog.pg_range r
WHERE r.rngtypid >= 16384
  /*filter r.rngtypid*/
