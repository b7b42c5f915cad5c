-- The sequences behind identity columns, found from the table's side; a full read has them from sequence.sql.
SELECT d.refobjid, a.attname, a.attidentity, c.oid, n.nspname, c.relname, c.relpersistence,
       format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle
FROM
/*if filtered*/
unnest($1::oid[]) o (oid)
CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_depend e WHERE e.refclassid = 1259 AND e.refobjid = o.oid AND e.classid = 1259 AND e.deptype = 'i' OFFSET 0) d
/*else*/
pg_catalog.pg_depend d
/*end*/
/*one pg_class c.oid d.objid*/
/*one pg_namespace n.oid c.relnamespace*/
/*one pg_sequence s.seqrelid c.oid*/
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 1259 AND d.refclassid = 1259 AND d.refobjid >= 16384 AND d.deptype = 'i' AND c.relkind = 'S'
