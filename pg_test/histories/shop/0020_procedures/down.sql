DROP RULE no_delete ON shop.market;
DROP FUNCTION shop.order_total(shop."order");
DROP PROCEDURE shop.ship(bigint, boolean);
