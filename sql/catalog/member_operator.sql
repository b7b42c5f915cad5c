-- Operators in families, each with the class that it belongs to: a member that hangs on none is the family's own.
SELECT a.oid, a.amopfamily,
       (SELECT d.refobjid FROM pg_catalog.pg_depend d WHERE d.classid = 2602 AND d.objid = a.oid AND d.refclassid = 2616 LIMIT 1),
       a.amopstrategy, format_type(a.amoplefttype, NULL), format_type(a.amoprighttype, NULL),
       ARRAY[n.nspname::text, o.oprname::text],
       (SELECT ARRAY[fn.nspname::text, f.opfname::text] FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace fn ON fn.oid = f.opfnamespace
        WHERE f.oid = a.amopsortfamily)
FROM pg_catalog.pg_amop a
JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE a.oid >= 16384
  /*filter a.amopfamily*/
