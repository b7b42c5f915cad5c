DROP TABLE shop.visit;
