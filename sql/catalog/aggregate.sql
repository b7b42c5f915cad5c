SELECT p.oid, n.nspname, p.proname, oidvectortypes(p.proargtypes), pg_get_function_arguments(p.oid), p.proparallel,
       a.aggkind, format_type(a.aggtranstype, NULL), a.aggtransspace,
       a.aggfinalextra, a.aggfinalmodify, a.agginitval,
       CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END, a.aggmtransspace,
       a.aggmfinalextra, a.aggmfinalmodify, a.aggminitval,
       (SELECT ARRAY[opn.nspname::text, o.oprname::text] FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace
        WHERE o.oid = a.aggsortop),
       ARRAY(SELECT r.role FROM (VALUES
           ('SFUNC', a.aggtransfn), ('FINALFUNC', a.aggfinalfn), ('COMBINEFUNC', a.aggcombinefn), ('SERIALFUNC', a.aggserialfn),
           ('DESERIALFUNC', a.aggdeserialfn), ('MSFUNC', a.aggmtransfn), ('MINVFUNC', a.aggminvtransfn),
           ('MFINALFUNC', a.aggmfinalfn)) r (role, oid) WHERE r.oid <> 0 ORDER BY r.role),
       ARRAY(SELECT fn.nspname::text FROM (VALUES
           ('SFUNC', a.aggtransfn), ('FINALFUNC', a.aggfinalfn), ('COMBINEFUNC', a.aggcombinefn), ('SERIALFUNC', a.aggserialfn),
           ('DESERIALFUNC', a.aggdeserialfn), ('MSFUNC', a.aggmtransfn), ('MINVFUNC', a.aggminvtransfn),
           ('MFINALFUNC', a.aggmfinalfn)) r (role, oid)
             JOIN pg_catalog.pg_proc f ON f.oid = r.oid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace ORDER BY r.role),
       ARRAY(SELECT f.proname::text FROM (VALUES
           ('SFUNC', a.aggtransfn), ('FINALFUNC', a.aggfinalfn), ('COMBINEFUNC', a.aggcombinefn), ('SERIALFUNC', a.aggserialfn),
           ('DESERIALFUNC', a.aggdeserialfn), ('MSFUNC', a.aggmtransfn), ('MINVFUNC', a.aggminvtransfn),
           ('MFINALFUNC', a.aggmfinalfn)) r (role, oid) JOIN pg_catalog.pg_proc f ON f.oid = r.oid ORDER BY r.role),
       pg_get_userbyid(p.proowner), p.proacl::text[],
       CASE WHEN p.proacl IS NOT NULL THEN acldefault('f', p.proowner)::text[] END
FROM pg_catalog.pg_proc p
/*one pg_namespace n.oid p.pronamespace*/
JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
WHERE p.oid >= 16384 AND p.prokind = 'a' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'accord', 'accord_kept')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 1255 AND e.objid = p.oid AND e.deptype = 'e')
  /*filter p.oid*/
