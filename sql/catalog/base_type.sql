-- Base types and shells. Arrays come with their elements.
SELECT t.oid, n.nspname, t.typname, t.typisdefined,
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typinput),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typoutput),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typreceive),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typsend),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typmodin),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typmodout),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typanalyze),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = t.typsubscript),
       nullif(t.typlen, -1), t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdefault,
       CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END, t.typdelim, t.typcollation <> 0,
       pg_get_userbyid(t.typowner), t.typacl::text[], CASE WHEN t.typacl IS NOT NULL THEN acldefault('T', t.typowner)::text[] END
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid >= 16384 AND t.typtype IN ('b', 'p') AND NOT (t.typelem <> 0 AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc)
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1247 AND e.objid = t.oid AND e.deptype = 'e')
  /*filter t.oid*/
