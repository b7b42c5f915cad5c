ALTER TABLE shop.stock_movement ALTER COLUMN reason TYPE text;
ALTER TABLE shop.stock_movement DROP COLUMN at;
