-- A full read asks for the texts of types by themselves, once for all columns of one.
SELECT a.attrelid, a.attnum, a.attname, /*if full*/ NULL::text /*else*/ format_type(a.atttypid, a.atttypmod) /*end*/,
       CASE WHEN /*if full*/ a.attcollation NOT IN (0, 100) /*else*/ a.attcollation <> 0 AND a.attcollation <> t.typcollation /*end*/ THEN
           (SELECT ARRAY[n.nspname::text, co.collname::text]
            FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace n ON n.oid = co.collnamespace
            WHERE co.oid = a.attcollation) END,
       a.attnotnull,
       /*if full*/ a.attstorage /*else*/ CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END /*end*/,
       a.attcompression,
       /*if >=17*/ a.attstattarget /*else*/ nullif(a.attstattarget, -1) /*end*/,
       a.attoptions, a.attfdwoptions, a.attinhcount > 0, a.attislocal, a.atthasdef, a.attidentity, a.attacl::text[]
       /*if full*/ , a.atttypid, a.atttypmod, a.attcollation, a.attgenerated /*end*/
FROM pg_catalog.pg_attribute a
/*if filtered*/ JOIN pg_catalog.pg_type t ON t.oid = a.atttypid /*end*/
WHERE a.attrelid >= 16384
  /*if full*/ AND a.attrelid = ANY (ARRAY(SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c'))) /*end*/
  AND a.attnum > 0 AND NOT a.attisdropped
  /*filter a.attrelid*/
