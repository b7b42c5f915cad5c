-- One row per dictionary. Only the parser knows what its token types are called.
SELECT m.mapcfg, (SELECT t.alias FROM ts_token_type(c.cfgparser) t WHERE t.tokid = m.maptokentype), ARRAY[n.nspname::text, d.dictname::text]
FROM pg_catalog.pg_ts_config_map m
JOIN pg_catalog.pg_ts_config c ON c.oid = m.mapcfg
JOIN pg_catalog.pg_ts_dict d ON d.oid = m.mapdict
JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
WHERE m.mapcfg >= 16384
  /*filter m.mapcfg*/
ORDER BY m.mapcfg, m.maptokentype, m.mapseqno
