CREATE PROCEDURE shop.ship(the_order bigint, INOUT done boolean DEFAULT false)
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop."order" SET state = 'shipped' WHERE id = the_order AND state IN ('paid', 'packed');
    done := FOUND;
END $$;

CREATE FUNCTION shop.order_total(o shop."order") RETURNS numeric
STABLE BEGIN ATOMIC
    SELECT sum(l.total) FROM shop.order_line l WHERE l."order" = o.id;
END;

CREATE RULE no_delete AS ON DELETE TO shop.market DO INSTEAD NOTHING;
