SELECT e.oid, e.enumtypid, e.enumlabel
FROM pg_catalog.pg_enum e
WHERE e.enumtypid >= 16384
  /*filter e.enumtypid*/
ORDER BY e.enumtypid, e.enumsortorder
