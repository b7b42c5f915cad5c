SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation THEN
           (SELECT ARRAY[n.nspname::text, co.collname::text]
            FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace n ON n.oid = co.collnamespace
            WHERE co.oid = a.attcollation) END,
       a.attnotnull,
       CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END,
       a.attcompression,
       /*if >=17*/ a.attstattarget /*else*/ nullif(a.attstattarget, -1) /*end*/,
       a.attoptions, a.attfdwoptions, a.attinhcount > 0, a.attislocal, a.atthasdef, a.attidentity, a.attacl::text[]
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
/*if full*/ JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') /*end*/
WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
  /*filter a.attrelid*/
