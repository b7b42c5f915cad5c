ALTER TYPE shop.order_state ADD VALUE 'cancelled' AFTER 'shipped';
ALTER TYPE shop.order_state ADD VALUE 'packed' BEFORE 'shipped';
