SELECT con.oid, con.contypid, con.conname, pg_get_constraintdef(con.oid), con.convalidated
FROM pg_catalog.pg_constraint con
WHERE con.contypid >= 16384
  /*filter con.contypid*/
