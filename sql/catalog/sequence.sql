SELECT s.seqrelid, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
       d.deptype, t.relname, a.attname
FROM pg_catalog.pg_sequence s
LEFT JOIN pg_catalog.pg_depend d
       ON d.classid = 1259 AND d.objid = s.seqrelid AND d.objsubid = 0 AND d.refclassid = 1259 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE s.seqrelid >= 16384
  /*filter s.seqrelid*/
