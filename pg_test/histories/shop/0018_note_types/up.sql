ALTER TABLE shop.stock_movement ADD COLUMN at text NOT NULL DEFAULT '2024-06-01 12:00:00+00';
ALTER TABLE shop.stock_movement ALTER COLUMN at DROP DEFAULT;
ALTER TABLE shop.stock_movement ALTER COLUMN at TYPE timestamptz USING at::timestamptz;
ALTER TABLE shop.stock_movement ALTER COLUMN at SET DEFAULT now();
ALTER TABLE shop.stock_movement ALTER COLUMN reason TYPE varchar(200);
