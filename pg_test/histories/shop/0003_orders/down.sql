DROP TABLE shop.order_line;
DROP TABLE shop."order";
DROP TYPE shop.order_state;
