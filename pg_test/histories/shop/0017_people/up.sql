ALTER TABLE shop.customer RENAME TO person;
ALTER TABLE shop.person RENAME COLUMN name TO full_name;
ALTER INDEX shop.customer_email RENAME TO person_email;
ALTER SEQUENCE shop.customer_id_seq RENAME TO person_id_seq;
ALTER TABLE shop.person RENAME CONSTRAINT customer_pkey TO person_pkey;
