-- A full read finds the identity columns by their sequences.
SELECT s.seqrelid, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
       d.deptype,
       CASE WHEN d.deptype = 'a' THEN
           (SELECT ARRAY[t.relname::text, a.attname::text]
            FROM pg_catalog.pg_class t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
            WHERE t.oid = d.refobjid) END,
       d.refobjid, d.refobjsubid
FROM pg_catalog.pg_sequence s
LEFT JOIN pg_catalog.pg_depend d
       ON d.classid = 1259 AND d.objid = s.seqrelid AND d.objsubid = 0 AND d.refclassid = 1259 AND d.deptype IN ('a', 'i')
WHERE s.seqrelid >= 16384
  /*filter s.seqrelid*/
