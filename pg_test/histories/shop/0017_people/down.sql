ALTER TABLE shop.person RENAME CONSTRAINT person_pkey TO customer_pkey;
ALTER SEQUENCE shop.person_id_seq RENAME TO customer_id_seq;
ALTER INDEX shop.person_email RENAME TO customer_email;
ALTER TABLE shop.person RENAME COLUMN full_name TO name;
ALTER TABLE shop.person RENAME TO customer;
