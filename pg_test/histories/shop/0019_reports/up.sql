CREATE SCHEMA report;
COMMENT ON SCHEMA report IS 'For the people upstairs';

CREATE FUNCTION report.larger(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS 'SELECT greatest($1, $2)';
CREATE AGGREGATE report.largest(numeric) (SFUNC = report.larger, STYPE = numeric, PARALLEL = SAFE);

CREATE VIEW report.revenue AS
SELECT o.market, date_trunc('month', o.placed_at) AS month, sum(l.total) AS revenue, report.largest(l.total) AS largest
FROM shop."order" o JOIN shop.order_line l ON l."order" = o.id
WHERE o.state <> 'cancelled'
GROUP BY 1, 2;

CREATE VIEW report.last_month AS
SELECT * FROM report.revenue WHERE month = date_trunc('month', now() - interval '1 month');
