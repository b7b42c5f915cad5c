CREATE INDEX CONCURRENTLY order_open ON shop."order" (state, placed_at) INCLUDE (customer) WHERE state IN ('placed', 'paid', 'packed');
