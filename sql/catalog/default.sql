SELECT d.oid, d.adrelid, d.adnum, a.attname, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attrdef d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid >= 16384
  /*filter d.adrelid*/
