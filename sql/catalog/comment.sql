-- Comments, also on columns, whose names come along because a view's columns are no facts of their own.
SELECT d.classoid, d.objoid, d.objsubid, a.attname, d.description
FROM pg_catalog.pg_description d
LEFT JOIN pg_catalog.pg_attribute a ON d.classoid = 1259 AND d.objsubid > 0 AND a.attrelid = d.objoid AND a.attnum = d.objsubid
WHERE (d.objoid >= 16384 OR d.objoid = 2200)
  /*filter d.objoid*/
