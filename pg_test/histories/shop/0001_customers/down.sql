DROP TABLE shop.customer;
DROP DOMAIN shop.email;
DROP SCHEMA shop;
