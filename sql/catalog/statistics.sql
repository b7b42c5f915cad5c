-- Those that no extension brought.
SELECT s.oid, s.stxrelid, n.nspname, s.stxname, tn.nspname, t.relname, s.stxkind::text[],
       ARRAY(SELECT a.attname::text FROM unnest(s.stxkeys) k (number)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.number),
       pg_get_statisticsobjdef_expressions(s.oid),
       /*if >=17*/ s.stxstattarget /*else*/ nullif(s.stxstattarget, -1) /*end*/,
       pg_get_userbyid(s.stxowner)
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
JOIN pg_catalog.pg_class t ON t.oid = s.stxrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE s.stxrelid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 3381 AND e.objid = s.oid AND e.deptype = 'e')
  /*filter s.stxrelid*/
