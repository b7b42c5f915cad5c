-- The connection string, which holds passwords and which only superusers may read, is no part of the fact.
SELECT s.oid, s.subname, s.subpublications, s.subenabled, s.subslotname,
       ARRAY[
           'binary=' || s.subbinary::text,
           'streaming=' ||
           /*if >=16*/ CASE s.substream WHEN 't' THEN 'on' WHEN 'p' THEN 'parallel' ELSE 'off' END
           /*else*/ CASE WHEN s.substream THEN 'on' ELSE 'off' END /*end*/,
           'synchronous_commit=' || s.subsynccommit
           /*if >=15*/ , 'two_phase=' || (s.subtwophasestate <> 'd')::text, 'disable_on_error=' || s.subdisableonerr::text /*end*/
           /*if >=16*/ , 'password_required=' || s.subpasswordrequired::text, 'run_as_owner=' || s.subrunasowner::text, 'origin=' || s.suborigin
           /*end*/
           /*if >=17*/ , 'failover=' || s.subfailover::text /*end*/
       ],
       pg_get_userbyid(s.subowner)
FROM pg_catalog.pg_subscription s
WHERE s.oid >= 16384 AND s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
  /*filter s.oid*/
