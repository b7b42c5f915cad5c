-- Tables that are no facts (an extension's, ours) are left out, as in pg_dump.
SELECT r.oid, r.prpubid, n.nspname, c.relname,
       /*if >=15*/
       CASE WHEN r.prattrs IS NOT NULL THEN
           ARRAY(SELECT a.attname::text FROM unnest(r.prattrs::int2[]) u (number)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = u.number) END,
       pg_get_expr(r.prqual, r.prrelid)
       /*else*/ NULL::text[], NULL::text /*end*/
FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.prpubid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1259 AND e.objid = c.oid AND e.deptype = 'e')
  /*filter r.prpubid*/
