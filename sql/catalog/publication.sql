SELECT p.oid, p.pubname, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot,
       /*if >=18*/ p.pubgencols = 's' /*else*/ false /*end*/, pg_get_userbyid(p.pubowner)
FROM pg_catalog.pg_publication p
WHERE p.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 6104 AND e.objid = p.oid AND e.deptype = 'e')
  /*filter p.oid*/
