-- The view hides the options from those who may not see them. A member's mappings are the extension's, as in pg_dump.
SELECT u.umid, u.srvname, CASE WHEN u.umuser = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(u.umuser) END, u.umoptions
FROM pg_catalog.pg_user_mappings u
WHERE u.umid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1417 AND e.objid = u.srvid AND e.deptype = 'e')
  /*filter u.umid*/
