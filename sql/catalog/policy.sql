SELECT p.oid, p.polrelid, p.polname, p.polpermissive, p.polcmd,
       ARRAY(SELECT pg_get_userbyid(r.oid)::text FROM unnest(p.polroles) r (oid) WHERE r.oid <> 0),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_catalog.pg_policy p
WHERE p.polrelid >= 16384
  /*filter p.polrelid*/
