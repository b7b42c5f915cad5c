-- The views that people and monitoring read, and the functions with their arguments.
CREATE EXTENSION pg_accord;
SELECT extname, extversion, extnamespace::regnamespace AS schema, extrelocatable FROM pg_extension WHERE extname = 'pg_accord';
\d accord.status
\d accord.versions
\d accord.events
\d accord.replicas
\d accord.deliveries
\d accord.history
\d accord.steps
SELECT c.relname AS view, obj_description(c.oid) AS says FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind = 'v' ORDER BY 1;
SELECT p.proname AS function, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
       p.provolatile AS volatile, p.proisstrict AS strict, p.prosecdef AS definer
  FROM pg_proc p WHERE p.pronamespace = 'accord'::regnamespace ORDER BY 1, 2;
SELECT evtname, evtevent, evtenabled FROM pg_event_trigger ORDER BY 1;
SELECT c.relname AS table FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind = 'r' ORDER BY 1;
-- None of them is in a dump.
SELECT extconfig FROM pg_extension WHERE extname = 'pg_accord';
