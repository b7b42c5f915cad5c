SELECT l.oid, l.lanname, l.lanpltrusted,
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = l.lanplcallfoid),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = l.laninline),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = l.lanvalidator),
       pg_get_userbyid(l.lanowner), l.lanacl::text[], CASE WHEN l.lanacl IS NOT NULL THEN acldefault('l', l.lanowner)::text[] END
FROM pg_catalog.pg_language l
WHERE l.oid >= 16384 AND l.lanispl
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2612 AND e.objid = l.oid AND e.deptype = 'e')
  /*filter l.oid*/
