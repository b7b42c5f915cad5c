SELECT t.oid, t.evtname, t.evtevent, ARRAY[n.nspname::text, p.proname::text], t.evtenabled, t.evttags, pg_get_userbyid(t.evtowner)
FROM pg_catalog.pg_event_trigger t
JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE t.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 3466 AND e.objid = t.oid AND e.deptype = 'e')
  /*filter t.oid*/
