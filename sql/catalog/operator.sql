-- One without a function was only named as another's commutator or negator, and is nothing yet.
SELECT o.oid, n.nspname, o.oprname,
       concat(CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END, ', ', format_type(o.oprright, NULL)),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = o.oprcode),
       (SELECT ARRAY[cn.nspname::text, c.oprname::text] FROM pg_catalog.pg_operator c JOIN pg_catalog.pg_namespace cn ON cn.oid = c.oprnamespace
        WHERE c.oid = o.oprcom),
       (SELECT ARRAY[cn.nspname::text, c.oprname::text] FROM pg_catalog.pg_operator c JOIN pg_catalog.pg_namespace cn ON cn.oid = c.oprnamespace
        WHERE c.oid = o.oprnegate),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = o.oprrest),
       (SELECT ARRAY[pn.nspname::text, p.proname::text] FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
        WHERE p.oid = o.oprjoin),
       o.oprcanhash, o.oprcanmerge, pg_get_userbyid(o.oprowner)
FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oid >= 16384 AND o.oprcode <> 0 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 2617 AND e.objid = o.oid AND e.deptype = 'e')
  /*filter o.oid*/
