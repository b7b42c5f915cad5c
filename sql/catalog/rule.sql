-- A view's own rule is no fact; its OID is needed to give its dependencies to the view.
SELECT r.oid, r.ev_class, r.rulename, r.ev_enabled, CASE WHEN r.rulename <> '_RETURN' THEN pg_get_ruledef(r.oid) END
FROM pg_catalog.pg_rewrite r
WHERE r.ev_class >= 16384
  /*filter r.ev_class*/
