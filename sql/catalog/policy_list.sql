-- The tables that policy.sql is asked for, piece by piece, when everything is read.
SELECT DISTINCT pol.polrelid
FROM pg_catalog.pg_policy pol
WHERE pol.polrelid >= 16384
  /*filter pol.polrelid*/
