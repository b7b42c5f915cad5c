CREATE FUNCTION shop.move_stock() RETURNS trigger
LANGUAGE plpgsql SET search_path = shop, pg_temp AS $function$
BEGIN
    UPDATE stock SET on_hand = on_hand + NEW.change WHERE sku = NEW.sku;
    RETURN NEW;
END
$function$;

CREATE TRIGGER move_stock AFTER INSERT ON shop.stock_movement
FOR EACH ROW WHEN (NEW.change <> 0) EXECUTE FUNCTION shop.move_stock();

CREATE FUNCTION shop.never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'movements are never changed'; END $$;
CREATE TRIGGER never_change BEFORE UPDATE OR DELETE ON shop.stock_movement FOR EACH STATEMENT EXECUTE FUNCTION shop.never();
COMMENT ON TRIGGER never_change ON shop.stock_movement IS 'An audit trail';
