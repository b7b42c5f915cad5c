-- Everything that belongs to the extension, an object a row, with all that defines it but OIDs and the order of
-- a table's columns: what an update made and what CREATE EXTENSION makes must be the same.
WITH extension AS (SELECT oid FROM pg_extension WHERE extname = 'pg_accord'),
member AS (
    SELECT d.classid, d.objid FROM pg_depend d, extension e
     WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'),
relation AS (SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid)
SELECT 'member ' || pg_describe_object(m.classid, m.objid, 0), coalesce(obj_description(m.objid, m.classid::regclass::text), '')
  FROM member m
UNION ALL
SELECT 'function ' || p.oid::regprocedure,
       CASE WHEN p.prokind = 'a' THEN '' ELSE pg_get_functiondef(p.oid) END || ' ACL ' ||
       (SELECT string_agg(a.grantee::regrole::text || '=' || a.privilege_type, ',' ORDER BY 1) FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a)
  FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
UNION ALL
SELECT 'relation ' || c.oid::regclass,
       concat_ws(' ', c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity, c.reloptions, 'TOAST', t.reloptions, 'ACL',
       (SELECT string_agg(a.grantee::regrole::text || '=' || a.privilege_type, ',' ORDER BY 1)
          FROM aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner))) a))
  FROM relation c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
UNION ALL
SELECT 'initial privileges of ' || pg_describe_object(i.classoid, i.objoid, i.objsubid), 
       (SELECT string_agg(a.grantee::regrole::text || '=' || a.privilege_type, ',' ORDER BY 1) FROM aclexplode(i.initprivs) a)
  FROM pg_init_privs i JOIN member m ON m.classid = i.classoid AND m.objid = i.objoid
UNION ALL
SELECT 'column ' || c.oid::regclass || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attcollation::regcollation,
                 -- Some servers note things of their own there.
                 ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_%'),
                 pg_get_expr(d.adbin, d.adrelid), CASE WHEN c.relkind = 'v' THEN a.attnum END, col_description(c.oid, a.attnum))
  FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'view ' || c.oid::regclass, pg_get_viewdef(c.oid) FROM relation c WHERE c.relkind = 'v'
UNION ALL
SELECT 'sequence ' || s.seqrelid::regclass, concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
  FROM pg_sequence s JOIN relation c ON c.oid = s.seqrelid
UNION ALL
SELECT 'constraint ' || n.conname || ' on ' || c.oid::regclass, pg_get_constraintdef(n.oid) FROM pg_constraint n JOIN relation c ON c.oid = n.conrelid
UNION ALL
SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN relation c ON c.oid = i.indrelid
UNION ALL
SELECT 'trigger ' || t.tgname || ' on ' || c.oid::regclass, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'event trigger ' || t.evtname, concat_ws(' ', t.evtevent, t.evtenabled, t.evttags, t.evtfoid::regprocedure)
  FROM pg_event_trigger t JOIN member m ON m.classid = 'pg_event_trigger'::regclass AND m.objid = t.oid
UNION ALL
SELECT 'schema ' || n.nspname, coalesce((SELECT string_agg(a.grantee::regrole::text || '=' || a.privilege_type, ',' ORDER BY 1) FROM aclexplode(n.nspacl) a), '')
  FROM pg_namespace n WHERE n.nspname IN ('accord', 'accord_kept')
UNION ALL
SELECT 'extension', concat_ws(' ', e.extversion, e.extrelocatable, e.extnamespace::regnamespace, e.extconfig, e.extcondition)
  FROM pg_extension e WHERE e.extname = 'pg_accord'
ORDER BY 1
