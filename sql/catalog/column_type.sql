-- The types of columns. The filter is pairs: type, modifier, type, modifier, …
SELECT o.type, o.modifier, format_type(o.type, o.modifier), t.typcollation, t.typstorage
FROM (
/*if filtered*/
    SELECT ($1::oid[])[k], ($1::oid[])[k + 1]::int4 FROM generate_series(1, cardinality($1::oid[]), 2) k
/*else*/
    SELECT 0::oid, 0 WHERE false
/*end*/
) o (type, modifier)
JOIN pg_catalog.pg_type t ON t.oid = o.type
