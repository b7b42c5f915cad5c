-- Only what generates a column can read the table's columns, whose names pg_get_expr would gather for each expression.
-- A full read, which knows the columns, asks for the texts of what is alike by themselves.
SELECT d.oid, d.adrelid, d.adnum,
       /*if full*/ NULL::name, NULL::"char", NULL::text, d.adbin::text
       /*else*/ a.attname, a.attgenerated, pg_get_expr(d.adbin, CASE WHEN a.attgenerated = '' THEN 0 ELSE d.adrelid END) /*end*/
FROM pg_catalog.pg_attrdef d
/*if filtered*/ JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.atthasdef /*end*/
WHERE d.adrelid >= 16384
  /*filter d.adrelid d.oid*/
