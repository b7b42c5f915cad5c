SELECT w.oid, w.fdwname,
       (SELECT ARRAY[n.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid = w.fdwhandler),
       (SELECT ARRAY[n.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid = w.fdwvalidator),
       w.fdwoptions, pg_get_userbyid(w.fdwowner), w.fdwacl::text[],
       CASE WHEN w.fdwacl IS NOT NULL THEN acldefault('F', w.fdwowner)::text[] END
FROM pg_catalog.pg_foreign_data_wrapper w
WHERE w.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2328 AND e.objid = w.oid AND e.deptype = 'e')
  /*filter w.oid*/
