/*if >=15*/
SELECT s.oid, s.pnpubid, n.nspname
FROM pg_catalog.pg_publication_namespace s
JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid
WHERE s.pnpubid >= 16384 AND n.nspname NOT IN ('accord', 'accord_kept')
  /*filter s.pnpubid*/
/*else*/
SELECT p.oid, p.oid, p.pubname FROM pg_catalog.pg_publication p WHERE false /*filter p.oid*/
/*end*/
