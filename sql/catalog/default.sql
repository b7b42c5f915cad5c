-- Only what generates a column can read the table's columns, whose names pg_get_expr would gather for each expression.
SELECT d.oid, d.adrelid, d.adnum, a.attname, a.attgenerated,
       pg_get_expr(d.adbin, CASE WHEN a.attgenerated = '' THEN 0 ELSE d.adrelid END)
FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.atthasdef
WHERE d.adrelid >= 16384
  /*filter d.adrelid*/
