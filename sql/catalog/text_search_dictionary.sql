SELECT d.oid, n.nspname, d.dictname, ARRAY[tn.nspname::text, t.tmplname::text], d.dictinitoption, pg_get_userbyid(d.dictowner)
FROM pg_catalog.pg_ts_dict d
JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.tmplnamespace
WHERE d.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 3600 AND e.objid = d.oid AND e.deptype = 'e')
  /*filter d.oid*/
