DROP TABLE shop.sample;
DROP TABLE shop.product_note;
DROP TABLE shop.note;
