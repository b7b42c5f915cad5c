DROP TABLE shop.tasting;
DROP TYPE shop.slot;
DROP EXTENSION btree_gist;
