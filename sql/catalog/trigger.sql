SELECT t.oid, t.tgrelid, t.tgname, t.tgconstraint <> 0, t.tgenabled, pg_get_triggerdef(t.oid)
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid >= 16384 AND NOT t.tgisinternal AND t.tgparentid = 0
  /*filter t.tgrelid*/
