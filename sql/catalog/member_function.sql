-- Support functions in families, as in member_operator.sql.
SELECT a.oid, a.amprocfamily,
       (SELECT d.refobjid FROM pg_catalog.pg_depend d WHERE d.classid = 2603 AND d.objid = a.oid AND d.refclassid = 2616 LIMIT 1),
       a.amprocnum, format_type(a.amproclefttype, NULL), format_type(a.amprocrighttype, NULL),
       ARRAY[n.nspname::text, p.proname::text, oidvectortypes(p.proargtypes)]
FROM pg_catalog.pg_amproc a
JOIN pg_catalog.pg_proc p ON p.oid = a.amproc
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE a.oid >= 16384
  /*filter a.amprocfamily*/
