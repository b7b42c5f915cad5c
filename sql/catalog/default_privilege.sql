-- In all schemas they replace what PostgreSQL gives by itself; in one schema they are added to it.
SELECT d.oid, pg_get_userbyid(d.defaclrole), coalesce(n.nspname::text, ''), d.defaclobjtype, d.defaclacl::text[],
       CASE WHEN d.defaclnamespace = 0 THEN
           acldefault(CASE WHEN d.defaclobjtype = 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole)::text[] END
FROM pg_catalog.pg_default_acl d
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
WHERE d.oid >= 16384 AND coalesce(n.nspname, '') NOT IN ('accord', 'accord_kept')
  /*filter d.oid*/
