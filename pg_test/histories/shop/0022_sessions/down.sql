DROP TABLE shop.session;
