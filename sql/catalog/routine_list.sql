-- What routine.sql is asked for, piece by piece, when everything is read.
SELECT p.oid
FROM pg_catalog.pg_proc p
WHERE p.oid >= 16384 AND p.prokind IN ('f', 'p', 'w')
  /*filter p.oid*/
