-- Enumerated types, domains, ranges. Composite types are relations.
SELECT t.oid, n.nspname, t.typname, t.typtype, pg_get_userbyid(t.typowner), t.typacl::text[],
       CASE WHEN t.typacl IS NOT NULL THEN acldefault('T', t.typowner)::text[] END,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
       CASE WHEN t.typtype = 'd' AND t.typcollation <> 0 THEN
           (SELECT ARRAY[cn.nspname::text, co.collname::text]
            FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
            WHERE co.oid = t.typcollation
              AND t.typcollation <> (SELECT b.typcollation FROM pg_catalog.pg_type b WHERE b.oid = t.typbasetype)) END,
       t.typnotnull,
       CASE WHEN t.typtype = 'd' THEN coalesce(pg_get_expr(t.typdefaultbin, 'pg_catalog.pg_type'::regclass), t.typdefault) END
FROM pg_catalog.pg_type t
/*one pg_namespace n.oid t.typnamespace*/
WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1247 AND e.objid = t.oid AND e.deptype = 'e')
  /*filter t.oid*/
