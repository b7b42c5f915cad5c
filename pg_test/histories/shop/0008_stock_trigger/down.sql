DROP TRIGGER never_change ON shop.stock_movement;
DROP FUNCTION shop.never();
DROP TRIGGER move_stock ON shop.stock_movement;
DROP FUNCTION shop.move_stock();
