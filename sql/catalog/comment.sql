-- Comments and security labels, also on columns, whose names come along because a view's columns are no facts of their own.
SELECT d.classoid, d.objoid, d.objsubid, a.attname, NULL::text, d.description
FROM pg_catalog.pg_description d
LEFT JOIN pg_catalog.pg_attribute a ON d.classoid = 1259 AND d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid
WHERE (d.objoid >= 16384 OR d.objoid = 2200)
  /*filter d.objoid*/
UNION ALL
SELECT l.classoid, l.objoid, l.objsubid, a.attname, l.provider, l.label
FROM pg_catalog.pg_seclabel l
LEFT JOIN pg_catalog.pg_attribute a ON l.classoid = 1259 AND l.objsubid > 0 AND a.attrelid = l.objoid AND a.attnum = l.objsubid
WHERE (l.objoid >= 16384 OR l.objoid = 2200)
  /*filter l.objoid*/
