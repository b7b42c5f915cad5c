ALTER TABLE shop.market DROP COLUMN discount;
DROP DOMAIN shop.percentage;
