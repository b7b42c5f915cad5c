SELECT p.oid, n.nspname, p.proname, oidvectortypes(p.proargtypes), p.prokind, pg_get_function_arguments(p.oid),
       pg_get_function_result(p.oid), l.lanname, p.prosrc, p.probin,
       CASE WHEN p.prosqlbody IS NOT NULL THEN pg_get_function_sqlbody(p.oid) END,
       p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel, p.procost::text,
       CASE WHEN p.proretset THEN p.prorows::text END,
       CASE WHEN p.prosupport <> 0 THEN
           (SELECT ARRAY[sn.nspname::text, s.proname::text] FROM pg_catalog.pg_proc s JOIN pg_catalog.pg_namespace sn ON sn.oid = s.pronamespace
            WHERE s.oid = p.prosupport) END,
       p.proconfig,
       CASE WHEN p.protrftypes IS NOT NULL THEN
           ARRAY(SELECT format_type(u.oid, NULL) FROM unnest(p.protrftypes) WITH ORDINALITY u (oid, place) ORDER BY u.place) END,
       pg_get_userbyid(p.proowner), p.proacl::text[],
       CASE WHEN p.proacl IS NOT NULL THEN acldefault('f', p.proowner)::text[] END
FROM pg_catalog.pg_proc p
/*one pg_namespace n.oid p.pronamespace*/
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384 AND p.prokind IN ('f', 'p', 'w') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1255 AND e.objid = p.oid AND e.deptype = 'e')
  -- A range brings its constructors, which go with it.
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend i
                  WHERE i.classid = 1255 AND i.objid = p.oid AND i.refclassid = 1247 AND i.deptype = 'i')
  /*filter p.oid*/
