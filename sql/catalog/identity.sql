-- The sequences behind identity columns, found from the table's side.
SELECT d.refobjid, a.attname, a.attidentity, c.oid, n.nspname, c.relname, c.relpersistence,
       format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 1259 AND d.refclassid = 1259 AND d.refobjid >= 16384 AND d.deptype = 'i'
  /*filter d.refobjid*/
