ALTER TABLE shop.customer NO FORCE ROW LEVEL SECURITY;
DROP POLICY any_insert ON shop."order";
DROP POLICY own_market ON shop."order";
ALTER TABLE shop."order" DISABLE ROW LEVEL SECURITY;
ALTER TABLE shop."order" DROP COLUMN market;
DROP TABLE shop.market;
