DROP VIEW report.last_month;
DROP VIEW report.revenue;
DROP AGGREGATE report.largest(numeric);
DROP FUNCTION report.larger(numeric, numeric);
DROP SCHEMA report;
