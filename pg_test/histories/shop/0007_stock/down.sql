DROP TABLE shop.stock_movement;
DROP TABLE shop.stock;
