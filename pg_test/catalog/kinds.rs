//! Every kind is read, alone and with all others alike.

use crate::client::{ClientReader, as_on_15, conninfo, fresh, roles};
use crate::support::cluster::major;
use pg_accord::catalog::{Aspects, Objects, Read, read_all, read_objects};
use pg_accord::model::{Fact, FactId, Kind, LocalKey, Model};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const RICH: &str = concat!(include_str!("rich.sql"), include_str!("alone.sql"), include_str!("foreign.sql"));

/// What 14 does not know yet, in its own words where it has any.
const SINCE_15: &[(&str, &str)] = &[
    ("shop.orders (id, customer, total) WHERE (id > 5 AND customer <> 7)", "shop.orders"),
    (r#"CREATE PUBLICATION inside FOR TABLES IN SCHEMA shop, "Odd.Schema";"#, ""),
];

/// A schema with every kind.
pub fn rich() -> String {
    if major() >= 15 {
        return RICH.to_owned();
    }
    SINCE_15.iter().fold(RICH.to_owned(), |sql, (since, before)| {
        assert!(sql.contains(since), "{since}");
        sql.replace(since, before)
    })
}

#[test]
fn kinds() {
    let Some(conninfo) = conninfo() else { return };
    let mut client = fresh(&conninfo, "accord_catalog_kinds");
    roles(&mut client);
    client.batch_execute(&rich()).unwrap();
    let mut reader = ClientReader::new(&mut client);
    let read = read_all(&mut reader).unwrap();
    // What locks as it deparses is asked for piece by piece.
    let asked: BTreeSet<&(&str, Option<Vec<u32>>)> = reader.asked.iter().collect();
    assert_eq!(asked.len(), reader.asked.len(), "a query ran twice");
    for (fact, key) in &read.unresolved {
        println!("unresolved: {} → {key:?}", read.facts[*fact].id);
    }
    assert!(read.unresolved.is_empty());
    let model = Model::new(read.facts.clone()).unwrap();
    for fact in model.facts() {
        let text = serde_json::to_string(fact).unwrap();
        let back: Fact = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((&back.id, &back.body, &back.depends), (&fact.id, &fact.body, &fact.depends));
        assert!(fact.key.is_some() && fact.root.is_some(), "{}", fact.id);
    }
    let kinds: BTreeSet<Kind> = model.facts().map(|f| f.id.kind).collect();
    assert_eq!(kinds.len(), if major() < 15 { 52 } else { 53 }, "{kinds:?}");
    if std::env::var_os("ACCORD_SHOW").is_some() {
        for fact in model.facts() {
            let depends: Vec<String> = fact.depends.iter().map(ToString::to_string).collect();
            println!("{} {} {} → {depends:?}", fact.id, serde_json::to_string(&fact.body).unwrap(), json!(fact.notes));
        }
    }
    expectations(&Model::new(as_on_15(&read.facts)).unwrap());
    subsets(&mut reader, &read);
}

fn expectations(model: &Model) {
    let shown: BTreeMap<String, &Fact> = model.facts().map(|f| (f.id.to_string(), f)).collect();
    let expect = |id: &str, body: Value| {
        let fact = shown.get(id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(serde_json::to_value(&fact.body).unwrap(), body, "{id}");
    };
    let edges = |id: &str, depends: &[&str]| {
        let fact = shown.get(id).unwrap_or_else(|| panic!("{id} is missing"));
        let mut found: Vec<String> = fact.depends.iter().map(ToString::to_string).collect();
        found.sort_unstable();
        assert_eq!(found, depends, "{id}");
    };
    let absent = |what: &str| {
        let found: Vec<&String> = shown.keys().filter(|id| id.contains(what)).collect();
        assert!(found.is_empty(), "{found:?}");
    };

    expect("schema public", json!({}));
    expect("comment on schema public", json!({"text": "standard public schema"}));
    expect("comment on schema shop", json!({"text": "what is sold"}));
    expect("grant on schema shop.accord_bob", json!({"privileges": ["USAGE"]}));
    expect("extension btree_gist", json!({"schema": "shop", "version": "1.6"}));
    edges("extension btree_gist", &["schema shop"]);
    expect("enum label shop.status.early", json!({}));
    expect("enum label shop.status.new", json!({"after": "early"}));
    expect("enum label shop.status.\"\"", json!({"after": "it's ON"}));
    expect("grant on enum shop.status.\"PUBLIC\"", json!({}));
    expect("domain shop.money_amount", json!({"type": "numeric(12,2)", "not_null": true, "default": "0"}));
    expect("domain shop.code", json!({"type": "text", "collation": {"schema": "pg_catalog", "name": "C"}}));
    expect("domain constraint shop.code.code_check", json!({"definition": "CHECK ((length(VALUE) = 3))", "not_valid": true}));
    expect("comment on domain constraint shop.money_amount.positive", json!({"text": "no debts"}));
    expect("attribute shop.address.zip", json!({"type": "text", "collation": {"schema": "pg_catalog", "name": "C"}}));
    expect("position shop.address.zip", json!({"after": "street"}));
    expect("comment on attribute shop.address.zip", json!({"text": "five digits"}));
    expect("comment on composite type shop.address", json!({"text": "where"}));
    expect("grant on composite type shop.address.accord_bob", json!({"privileges": ["USAGE"]}));
    edges("attribute shop.address.st", &["enum shop.status"]);
    let spans = json!({"schema": "shop", "name": "Spans"});
    let diff = json!({"schema": "shop", "name": "diff"});
    expect("range shop.span", json!({"subtype": "numeric", "subtype_diff": diff, "multirange": spans}));
    edges("range shop.span", &["routine shop.diff(numeric, numeric)"]);
    expect(
        "range \"Odd.Schema\".\"textR\"",
        json!({"subtype": "text", "operator_class": {"schema": "pg_catalog", "name": "text_pattern_ops"},
               "collation": {"schema": "pg_catalog", "name": "C"}, "multirange": {"schema": "Odd.Schema", "name": "textR_multirange"}}),
    );
    absent("routine shop.span(");
    expect(
        "sequence shop.numbers",
        json!({"type": "integer", "start": 10, "increment": 5, "minimum": 5, "maximum": 1000, "cache": 3, "cycle": true}),
    );
    expect(
        "sequence shop.orders_id_seq",
        json!({"type": "integer", "start": 1, "increment": 1, "minimum": 1, "maximum": 2_147_483_647, "cache": 1, "owned_by": ["orders", "id"]}),
    );
    assert!(!shown.contains_key("owner on sequence shop.orders_id_seq"));
    absent("sequence shop.customers_id_seq");
    expect(
        "routine shop.is_fine(shop.address, text[])",
        json!({"kind": "function", "arguments": "a shop.address, VARIADIC rest text[] DEFAULT '{}'::text[]", "result": "boolean",
               "language": "plpgsql", "body": {"source": "BEGIN RETURN true; END"}, "volatility": "stable", "strict": true,
               "security_definer": true, "parallel": "safe", "cost": "7", "config": ["search_path=pg_catalog, shop"]}),
    );
    edges("routine shop.is_fine(shop.address, text[])", &["composite type shop.address"]);
    expect(
        "routine shop.run(integer, shop.status[])",
        json!({"kind": "procedure", "arguments": "INOUT a integer, IN b shop.status[]", "language": "plpgsql", "body": {"source": "BEGIN END"}}),
    );
    edges("routine shop.run(integer, shop.status[])", &["enum shop.status"]);
    expect("grant on routine shop.touch().\"PUBLIC\"", json!({}));
    edges(
        "routine shop.of_table(shop.customers)",
        &[
            "column shop.customers.id",
            "column shop.orders.customer",
            "column shop.orders.during",
            "column shop.orders.email",
            "column shop.orders.id",
            "column shop.orders.note",
            "column shop.orders.parent",
            "column shop.orders.room",
            "column shop.orders.total",
            "table shop.customers",
            "table shop.orders",
        ],
    );
    expect(
        "aggregate shop.total(bigint)",
        json!({"arguments": "bigint", "options": ["SFUNC = shop.add", "STYPE = bigint", "COMBINEFUNC = shop.add", "INITCOND = '0'",
               "MSFUNC = shop.add", "MINVFUNC = pg_catalog.int8mi", "MSTYPE = bigint", "MINITCOND = '0'", "PARALLEL = SAFE"]}),
    );
    edges("aggregate shop.total(bigint)", &["routine shop.add(bigint, bigint)"]);
    expect(
        "aggregate shop.biggest(integer)",
        json!({"arguments": "integer", "options": ["SFUNC = pg_catalog.int4larger", "STYPE = integer", "SORTOP = OPERATOR(pg_catalog.>)"]}),
    );
    expect(
        "aggregate shop.count_rows()",
        json!({"arguments": "*", "options": ["SFUNC = pg_catalog.int8inc", "STYPE = bigint", "INITCOND = '0'"]}),
    );
    expect(
        "aggregate shop.hypo(\"any\")",
        json!({"arguments": "VARIADIC \"any\" ORDER BY VARIADIC \"any\"", "options": ["SFUNC = pg_catalog.ordered_set_transition_multi",
               "STYPE = internal", "FINALFUNC = pg_catalog.rank_final", "FINALFUNC_EXTRA", "HYPOTHETICAL"]}),
    );

    expect("table shop.customers", json!({"options": {"fillfactor": "70", "toast.autovacuum_enabled": "false"}}));
    expect(
        "column shop.customers.name",
        json!({"type": "text", "collation": {"schema": "pg_catalog", "name": "C"}, "storage": "external",
        "statistics": 500, "options": {"n_distinct": "-0.5"}}),
    );
    expect("column shop.customers.tags", json!({"type": "text[]", "compression": "pglz"}));
    expect("position shop.customers.number", json!({"after": "states"}));
    edges("column shop.customers.email", &["extension citext"]);
    edges("column shop.customers.states", &["enum shop.status"]);
    edges("column shop.customers.span", &["range shop.span"]);
    edges("column shop.customers.spans", &["range shop.span"]);
    edges("default shop.customers.state", &["enum shop.status"]);
    edges("default shop.customers.number", &["routine shop.next_number()"]);
    edges("default shop.customers.invoice", &["sequence shop.numbers"]);
    expect("default shop.customers.invoice", json!({"expression": "nextval('shop.numbers'::regclass)"}));
    expect("default shop.customers.upper_name", json!({"expression": "upper(name)", "generated": "stored"}));
    edges("default shop.customers.upper_name", &["column shop.customers.name"]);
    expect(
        "identity shop.customers.id",
        json!({"always": true, "sequence": {"schema": "shop", "name": "customers_id_seq"}, "options":
            {"type": "bigint", "start": 100, "increment": 2, "minimum": 1, "maximum": i64::MAX, "cache": 1}}),
    );
    expect(
        "constraint shop.customers.customers_email_key",
        json!({"type": "unique", "definition": "UNIQUE (email)", "options": ["fillfactor=80"]}),
    );
    edges("constraint shop.customers.customers_email_key", &["column shop.customers.email", "extension citext"]);
    expect(
        "constraint shop.customers.\"odd \"\" NOT VALID\"",
        json!({"type": "check", "definition": "CHECK ((name <> ' NOT VALID'::text))"}),
    );
    expect("comment on constraint shop.customers.customers_email_key", json!({"text": "one each"}));
    absent("index shop.customers_email_key");
    expect("owner on table shop.customers", json!({"role": "accord_alice"}));
    expect("grant on table shop.customers.accord_bob", json!({"privileges": ["SELECT"]}));
    expect("grant on column shop.customers.email.accord_bob", json!({"privileges": ["UPDATE"]}));
    expect("grant on table shop.customers.\"Accord, \"\"Carol\"\"\"", json!({"privileges": ["SELECT"], "grantable": ["SELECT"]}));
    expect("grant on table shop.customers.\"PUBLIC\"", json!({"privileges": ["SELECT"]}));
    expect(
        "grant on table shop.customers.accord_alice",
        json!({"privileges": ["DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "UPDATE"]}),
    );

    expect("table shop.orders", json!({"row_security": true, "force_row_security": true, "replica_identity": "index orders ON USING"}));
    expect(
        "constraint shop.orders.orders_customer_fkey",
        json!({"type": "foreign_key", "definition": "FOREIGN KEY (customer) REFERENCES shop.customers(id) ON DELETE CASCADE DEFERRABLE"}),
    );
    edges(
        "constraint shop.orders.orders_customer_fkey",
        &["column shop.customers.id", "column shop.orders.customer", "constraint shop.customers.customers_pkey", "table shop.customers"],
    );
    edges(
        "constraint shop.orders.orders_parent_fkey",
        &["column shop.orders.id", "column shop.orders.parent", "constraint shop.orders.orders_pkey"],
    );
    expect(
        "constraint shop.orders.fine",
        json!({"type": "check", "definition": "CHECK (shop.is_fine(NULL::shop.address, VARIADIC ARRAY[note]))", "not_valid": true}),
    );
    edges(
        "constraint shop.orders.fine",
        &["column shop.orders.note", "composite type shop.address", "routine shop.is_fine(shop.address, text[])"],
    );
    edges(
        "constraint shop.orders.orders_room_during_excl",
        &["column shop.orders.during", "column shop.orders.room", "extension btree_gist"],
    );
    expect(
        "index shop.orders_note",
        json!({"table": "orders", "definition": "USING btree (lower(note), total DESC) INCLUDE (room) WHERE (room > 1)", "statistics": {"1": 300}}),
    );
    edges("index shop.orders_note", &["column shop.orders.note", "column shop.orders.room", "column shop.orders.total"]);
    expect(
        "index shop.\"orders ON USING\"",
        json!({"table": "orders", "definition": "USING btree (customer, id)", "unique": true, "clustered": true}),
    );
    expect("comment on index shop.orders_note", json!({"text": "finds notes"}));
    expect(
        "trigger shop.orders.touch",
        json!({"events": "BEFORE INSERT OR UPDATE OF note", "action": "FOR EACH ROW WHEN ((new.note <> ' ON '::text)) EXECUTE FUNCTION shop.touch('a ON b')"}),
    );
    edges("trigger shop.orders.touch", &["column shop.orders.note", "routine shop.touch()"]);
    expect(
        "trigger shop.orders.\"late ON\"",
        json!({"constraint": true, "events": "AFTER INSERT", "enabled": "disabled", "action":
            "FROM shop.customers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.touch()"}),
    );
    edges("trigger shop.orders.\"late ON\"", &["routine shop.touch()", "table shop.customers"]);
    let mine = shown["policy shop.orders.mine"];
    let body = serde_json::to_value(&mine.body).unwrap();
    assert_eq!(
        (&body["restrictive"], &body["command"], &body["roles"]),
        (&json!(true), &json!("update"), &json!(["accord_alice", "accord_bob"]))
    );
    edges("policy shop.orders.mine", &["column shop.customers.id", "column shop.orders.customer", "column shop.orders.total"]);
    expect("policy shop.orders.everyone", json!({"using": "true"}));
    expect("rule shop.orders.log", json!({"definition": "CREATE RULE log AS\n    ON INSERT TO shop.orders DO\n NOTIFY orders"}));
    expect("comment on rule shop.orders.log", json!({"text": "tells"}));

    let view = serde_json::to_value(&shown["view shop.big_orders"].body).unwrap();
    assert_eq!(
        view["columns"],
        json!([{"name": "id", "type": "integer"}, {"name": "total", "type": "shop.money_amount"}, {"name": "email", "type": "public.citext"}])
    );
    assert_eq!(view["options"], json!({"security_barrier": "true"}));
    assert!(!view["definition"].as_str().unwrap().ends_with(';'));
    expect("default shop.big_orders.total", json!({"expression": "11"}));
    expect("comment on column shop.big_orders.total", json!({"text": "how big"}));
    expect("grant on column shop.big_orders.total.accord_bob", json!({"privileges": ["UPDATE"]}));
    edges(
        "view shop.big_orders",
        &[
            "column shop.customers.email",
            "column shop.customers.id",
            "column shop.orders.customer",
            "column shop.orders.id",
            "column shop.orders.total",
        ],
    );
    edges("view shop.over_view", &["aggregate shop.total(bigint)", "extension citext", "view shop.big_orders"]);
    edges("view shop.sequence_view", &["identity shop.customers.id"]);
    assert_eq!(shown["materialized view shop.sums"].notes["populated"], json!(false));
    expect("index shop.sums_customer", json!({"table": "sums", "definition": "USING btree (customer)", "unique": true}));
    expect(
        "rule shop.big_orders.no_delete",
        json!({"definition": "CREATE RULE no_delete AS\n    ON DELETE TO shop.big_orders DO INSTEAD NOTHING"}),
    );

    expect("table shop.events", json!({"partition_by": "RANGE (at)"}));
    expect(
        "partition shop.events_2024",
        json!({"parent": {"schema": "shop", "name": "events"}, "bound": "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')"}),
    );
    edges("partition shop.events_2024", &["table shop.events"]);
    edges("table shop.events_2024", &[]);
    expect("partition shop.events_rest", json!({"parent": {"schema": "shop", "name": "events"}, "bound": "DEFAULT"}));
    expect("index shop.events_kind", json!({"table": "events", "definition": "USING btree (kind)", "partitioned": true}));
    expect(
        "index shop.events_rest_kind_idx",
        json!({"table": "events_rest", "definition": "USING btree (kind)", "attached_to": {"schema": "shop", "name": "events_kind"}}),
    );
    edges("index shop.events_rest_kind_idx", &["column shop.events_rest.kind", "index shop.events_kind"]);
    expect(
        "constraint shop.events_rest.events_rest_pkey",
        json!({"type": "primary_key", "definition": "PRIMARY KEY (at, kind)", "inherited": true, "not_local": true,
               "attached_to": {"schema": "shop", "name": "events_pkey"}}),
    );
    expect(
        "column shop.events_rest.at",
        json!({"type": "timestamp with time zone", "not_null": true, "inherited": true, "not_local": true}),
    );
    assert!(shown.contains_key("trigger shop.events.touch_events") && !shown.contains_key("trigger shop.events_rest.touch_events"));
    let keys: Vec<&String> = shown.keys().filter(|id| id.starts_with("constraint shop.event_refs")).collect();
    assert_eq!(keys, ["constraint shop.event_refs.event_refs_at_kind_fkey"]);

    expect("inheritance shop.child.shop.base_a", json!({"rank": 1}));
    expect("inheritance shop.child.shop.base_b", json!({"rank": 2}));
    edges("inheritance shop.child.shop.base_b", &["table shop.base_b"]);
    expect(
        "constraint shop.child.base_a_a_check",
        json!({"type": "check", "definition": "CHECK ((a > 0))", "inherited": true, "not_local": true}),
    );
    expect("table shop.typed", json!({"of_type": {"schema": "shop", "name": "address"}}));
    edges("table shop.typed", &["composite type shop.address"]);
    expect("table \"Odd.Schema\".\"T \"\"ON\"\" ä\"", json!({"unlogged": true}));
    edges("column \"Odd.Schema\".\"T \"\"ON\"\" ä\".ref", &["table shop.child"]);
    expect("index \"Odd.Schema\".\"I.dx ON\"", json!({"table": "T \"ON\" ä", "definition": "USING btree (\"Col.umn\")"}));
    expect(
        "trigger \"Odd.Schema\".\"T \"\"ON\"\" ä\".\"t ON x\"",
        json!({"events": "AFTER UPDATE OF \"Col.umn\"", "action": "FOR EACH STATEMENT EXECUTE FUNCTION shop.touch()"}),
    );

    alone(&expect, &edges);
    foreign(&expect, &edges);
    absent("temporary");
    absent("routine public.");
    let mut unmodelled: Vec<&str> = model.facts().filter(|f| f.id.kind == Kind::Unmodelled).map(|f| f.id.path[0].as_str()).collect();
    unmodelled.dedup();
    assert!(unmodelled.is_empty(), "{unmodelled:?}");
}

fn foreign(expect: &dyn Fn(&str, Value), edges: &dyn Fn(&str, &[&str])) {
    expect("foreign-data wrapper wrapper", json!({"validator": {"schema": "shop", "name": "validate"}, "options": {"debug": "it's = on"}}));
    edges("foreign-data wrapper wrapper", &["routine shop.validate(text[], oid)"]);
    expect("comment on foreign-data wrapper wrapper", json!({"text": "wraps"}));
    expect("grant on foreign-data wrapper wrapper.accord_bob", json!({"privileges": ["USAGE"]}));
    expect("server \"Ser ver\"", json!({"wrapper": "wrapper", "type": "kind", "version": "1.0", "options": {"host": "h", "Port": "1"}}));
    edges("server \"Ser ver\"", &["foreign-data wrapper wrapper"]);
    expect("owner on server \"Ser ver\"", json!({"role": "accord_alice"}));
    expect("grant on server \"Ser ver\".accord_bob", json!({"privileges": ["USAGE"], "grantable": ["USAGE"]}));
    expect("user mapping \"Ser ver\".accord_bob", json!({"options": {"user": "bob", "password": "secret"}}));
    expect("user mapping \"Ser ver\".\"PUBLIC\"", json!({}));
    edges("user mapping \"Ser ver\".accord_bob", &["server \"Ser ver\""]);
    expect("table shop.far", json!({"foreign": {"server": "Ser ver", "options": {"table_name": "FAR"}}}));
    edges("table shop.far", &["server \"Ser ver\""]);
    expect("column shop.far.id", json!({"type": "integer", "not_null": true, "foreign_options": {"column_name": "ID"}}));
    expect("constraint shop.far.far_id", json!({"type": "check", "definition": "CHECK ((id > 0))"}));
    expect("comment on column shop.far.id", json!({"text": "its id"}));
    expect("trigger shop.far.touch", json!({"events": "AFTER INSERT", "action": "FOR EACH ROW EXECUTE FUNCTION shop.touch()"}));
    expect("partition shop.archive_old", json!({"parent": {"schema": "shop", "name": "archive"}, "bound": "DEFAULT"}));
    expect("inheritance shop.far_child.shop.base_b", json!({"rank": 1}));

    expect("publication pub", json!({"unpublished": ["delete", "truncate"], "via_root": true}));
    expect("publication everything", json!({"all_tables": true}));
    expect("comment on publication pub", json!({"text": "lets out"}));
    if major() >= 15 {
        expect(
            "publication table pub.shop.orders",
            json!({"columns": ["customer", "id", "total"], "filter": "((id > 5) AND (customer <> 7))"}),
        );
        edges(
            "publication table pub.shop.orders",
            &["column shop.orders.customer", "column shop.orders.id", "column shop.orders.total", "table shop.orders"],
        );
        expect("publication schema inside.\"Odd.Schema\"", json!({}));
    }
    expect("publication table pub.shop.events", json!({}));
    expect(
        "event trigger watch",
        json!({"event": "ddl_command_end", "tags": ["CREATE TABLE", "DROP TABLE"], "function": {"schema": "shop", "name": "on_event"},
               "enabled": "disabled"}),
    );
    edges("event trigger watch", &["routine shop.on_event()"]);
    expect("comment on event trigger watch", json!({"text": "watches"}));
    expect("default privilege postgres.shop.tables.accord_bob", json!({"privileges": ["SELECT"], "grantable": ["SELECT"]}));
    expect("default privilege accord_alice.\"\".functions.\"PUBLIC\"", json!({}));
    expect("default privilege accord_alice.\"\".schemas.\"Accord, \"\"Carol\"\"\"", json!({"privileges": ["CREATE"]}));
    expect("security label on table shop.customers.dummy", json!({"label": "secret"}));
    expect("security label on column shop.customers.email.dummy", json!({"label": "top secret"}));
    expect("security label on enum shop.status.dummy", json!({"label": "open"}));
}

/// A subscription is read without its connection.
#[test]
fn subscriptions() {
    let Some(conninfo) = conninfo() else { return };
    let mut client = fresh(&conninfo, "accord_catalog_subscriptions");
    client
        .batch_execute(
            "CREATE SUBSCRIPTION inward CONNECTION 'host=127.0.0.1 dbname=d password=tops3cret' PUBLICATION p, \"Q\"
                 WITH (connect = false, slot_name = NONE, binary = true); COMMENT ON SUBSCRIPTION inward IS 'takes in'",
        )
        .unwrap();
    let model = Model::new(read_all(&mut ClientReader::new(&mut client)).unwrap().facts).unwrap();
    let id = FactId::new(Kind::Subscription, ["inward"]);
    let body = serde_json::to_value(&model.get(&id).expect("it is read").body).unwrap();
    assert_eq!((&body["publications"], &body["disabled"]), (&json!(["p", "Q"]), &json!(true)));
    assert_eq!((&body["options"]["binary"], &body["options"]["slot_name"]), (&json!("true"), &json!("NONE")));
    assert!(model.get(&id.property(Kind::Comment)).is_some());
    assert!(!format!("{model:?}").contains("tops3cret"));
    // A database with a subscription cannot be dropped.
    client.batch_execute("DROP SUBSCRIPTION inward").unwrap();
}

/// What stands by itself.
fn alone(expect: &dyn Fn(&str, Value), edges: &dyn Fn(&str, &[&str])) {
    let shop = |name: &str| json!({"schema": "shop", "name": name});
    let own = |name: &str| json!({"schema": "pg_catalog", "name": name});
    expect("base type shop.later", json!({}));
    expect(
        "base type shop.odd",
        json!({"definition": {"input": shop("odd_in"), "output": shop("odd_out"), "send": shop("odd_send"), "length": 4, "by_value": true,
               "alignment": "int4", "category": "N", "default": "7", "delimiter": ";"}}),
    );
    edges("base type shop.odd", &["routine shop.odd_in(cstring)", "routine shop.odd_out(shop.odd)", "routine shop.odd_send(shop.odd)"]);
    edges("column shop.odds.list", &["base type shop.odd"]);
    expect(
        "cast (shop.odd AS text)",
        json!({"method": {"function": {"schema": "shop", "name": "odd_text", "arguments": "shop.odd"}}, "context": "assignment"}),
    );
    expect("cast (shop.odd AS integer)", json!({"method": "binary", "context": "implicit"}));
    expect("cast (shop.address AS text)", json!({"method": "inout"}));
    expect(
        "operator shop.<(shop.odd, shop.odd)",
        json!({"function": shop("odd_lt"), "commutator": shop(">"), "negator": shop(">="), "restrict": own("scalarltsel"),
               "join": own("scalarltjoinsel")}),
    );
    expect("operator shop.!@(NONE, integer)", json!({"function": own("int4abs")}));
    let mixed = json!(["shop.odd", "integer"]);
    expect(
        "operator family shop.odd_family USING btree",
        json!({"operators": [{"number": 1, "types": mixed, "operator": shop("<")}], "functions": [{"number": 1, "types": mixed, "function":
            {"schema": "shop", "name": "odd_int_cmp", "arguments": "shop.odd, integer"}}]}),
    );
    edges(
        "operator family shop.odd_family USING btree",
        &["operator shop.<(shop.odd, integer)", "routine shop.odd_int_cmp(shop.odd, integer)"],
    );
    expect(
        "operator family shop.near USING gist",
        json!({"operators": [{"number": 15, "types": ["point", "point"], "operator": own("<->"), "order_by": own("float_ops")}]}),
    );
    expect("operator class shop.\"Points\" USING gist", json!({"family": own("point_ops"), "type": "point", "storage": "box"}));
    edges(
        "operator class shop.odd_class USING btree",
        &[
            "base type shop.odd",
            "operator family shop.odd_family USING btree",
            "operator shop.<(shop.odd, shop.odd)",
            "operator shop.<=(shop.odd, shop.odd)",
            "operator shop.=(shop.odd, shop.odd)",
            "operator shop.>(shop.odd, shop.odd)",
            "operator shop.>=(shop.odd, shop.odd)",
            "routine shop.odd_cmp(shop.odd, shop.odd)",
        ],
    );
    edges("index shop.odds_price", &["column shop.odds.price", "operator class shop.odd_class USING btree"]);
    expect("collation shop.mixed", json!({"provider": "libc", "lc_collate": "C", "lc_ctype": "POSIX"}));
    expect("collation shop.\"Icu\"", json!({"provider": "icu", "locale": "de-u-co-phonebk", "nondeterministic": true}));
    edges("domain shop.sorted", &["collation shop.german"]);
    expect("conversion shop.latin", json!({"from": "LATIN1", "to": "UTF8", "function": own("iso8859_1_to_utf8"), "default": true}));
    expect("text search template shop.stem", json!({"lexize": own("dsnowball_lexize"), "init": own("dsnowball_init")}));
    expect(
        "text search dictionary shop.english",
        json!({"template": shop("stem"), "options": [["language", "'english'"], ["stopwords", "'english'"]]}),
    );
    let both = [shop("english"), own("simple")];
    expect(
        "text search configuration shop.search",
        json!({"parser": shop("words"), "mappings": {"asciiword": both, "word": both, "email": [own("simple")]}}),
    );
    edges("text search configuration shop.search", &["text search dictionary shop.english", "text search parser shop.words"]);
    edges("index shop.orders_search", &["column shop.orders.note", "text search configuration shop.search"]);
    expect(
        "statistics object shop.stats",
        json!({"table": shop("orders"), "kinds": ["ndistinct", "mcv"], "columns": ["customer", "room"], "expressions": ["lower(note)"],
               "target": 300}),
    );
    edges("statistics object \"Odd.Schema\".\"S\"", &["column shop.orders.room"]);
    expect("access method own_heap", json!({"type": "table", "handler": own("heap_tableam_handler")}));
    edges("table shop.heaped", &["access method own_heap"]);
    expect(
        "language \"own Language\"",
        json!({"trusted": true, "handler": shop("own_handler"), "inline": shop("own_inline"), "validator": own("plpgsql_validator")}),
    );
    expect("grant on language \"own Language\".\"PUBLIC\"", json!({}));
    edges("routine shop.in_own()", &["language \"own Language\""]);
    expect("transform FOR shop.odd LANGUAGE sql", json!({"from_sql": own("prsd_lextype")}));
    edges("routine shop.transformed(shop.odd)", &["base type shop.odd", "transform FOR shop.odd LANGUAGE sql"]);
}

/// Reading an object alone gives what reading everything gives of it.
fn subsets(reader: &mut ClientReader, whole: &Read) {
    let by_key: HashMap<LocalKey, &FactId> = whole
        .facts
        .iter()
        .filter(|f| {
            !matches!(f.id.kind, Kind::Position | Kind::Comment | Kind::Owner | Kind::Grant | Kind::Partition | Kind::SecurityLabel)
        })
        .map(|f| (f.key.unwrap(), &f.id))
        .collect();
    let roots: BTreeSet<(u32, u32)> = whole.facts.iter().filter_map(|f| f.root).collect();
    for (classid, oid) in roots {
        let expected: BTreeMap<&FactId, &Fact> =
            whole.facts.iter().filter(|f| f.root == Some((classid, oid))).map(|f| (&f.id, f)).collect();
        let mut objects = Objects::default();
        match classid {
            1259 => objects.relations.push(oid),
            1247 => objects.types.push(oid),
            1255 => objects.routines.push(oid),
            2615 => objects.schemas.push(oid),
            3079 => objects.extensions.push(oid),
            _ => objects.others.push((classid, oid)),
        }
        if expected.values().any(|f| f.id.kind == Kind::Unmodelled) {
            objects.others.push((classid, oid));
        }
        let mut read = read_objects(reader, &objects).unwrap();
        for (fact, key) in std::mem::take(&mut read.unresolved) {
            let found = by_key.get(&key).unwrap_or_else(|| panic!("{} refers to {key:?}", read.facts[fact].id));
            read.facts[fact].depends.push((*found).clone());
            read.facts[fact].depends.sort();
        }
        let found: BTreeMap<&FactId, &Fact> = read.facts.iter().map(|f| (&f.id, f)).collect();
        assert_eq!(found.len(), read.facts.len());
        assert_eq!(found, expected);
    }
    aspects(reader, whole);
}

type Wanted = fn(&Fact) -> bool;

/// A part of a relation's catalogs gives exactly the facts of that part.
fn aspects(reader: &mut ClientReader, whole: &Read) {
    let relations: Vec<u32> =
        whole.facts.iter().filter_map(|f| f.root).filter(|r| r.0 == 1259).map(|r| r.1).collect::<BTreeSet<_>>().into_iter().collect();
    let ids = |facts: &[Fact], wanted: &dyn Fn(&Fact) -> bool| -> BTreeSet<String> {
        facts
            .iter()
            .filter(|f| f.root.is_some_and(|r| r.0 == 1259) && f.id.kind != Kind::Unmodelled && wanted(f))
            .map(|f| f.id.to_string())
            .collect()
    };
    let parts: [(Aspects, Wanted); 13] = [
        (Aspects::NONE, |_| false),
        (Aspects::RELATION, |f| matches!(f.id.kind, Kind::Table | Kind::View | Kind::MaterializedView | Kind::Composite)),
        (Aspects::COLUMNS, |f| matches!(f.id.kind, Kind::Column | Kind::Attribute | Kind::Position)),
        (Aspects::DEFAULTS, |f| f.id.kind == Kind::Default),
        (Aspects::IDENTITY, |f| f.id.kind == Kind::Identity),
        (Aspects::CONSTRAINTS, |f| f.id.kind == Kind::Constraint),
        (Aspects::INDEXES, |f| matches!(f.id.of.unwrap_or(f.id.kind), Kind::Index | Kind::Statistics) && f.id.kind != Kind::Comment),
        (Aspects::TRIGGERS, |f| f.id.kind == Kind::Trigger),
        (Aspects::POLICIES, |f| f.id.kind == Kind::Policy),
        (Aspects::RULES, |f| f.id.kind == Kind::Rule),
        (Aspects::INHERITANCE, |f| matches!(f.id.kind, Kind::Inherit | Kind::Partition)),
        (Aspects::SEQUENCES, |f| f.id.kind == Kind::Sequence),
        (Aspects::PRIVILEGES, |f| matches!(f.id.kind, Kind::Owner | Kind::Grant) && f.id.of != Some(Kind::Statistics)),
    ];
    for (aspects, wanted) in parts {
        let read = read_objects(reader, &Objects { relations: relations.clone(), aspects, ..Objects::default() }).unwrap();
        let expected: BTreeSet<String> = ids(&whole.facts, &wanted);
        let found: BTreeSet<String> = read.facts.iter().map(|f| f.id.to_string()).collect();
        assert_eq!(found, expected, "{aspects:?}");
    }
    let read = read_objects(reader, &Objects { relations, aspects: Aspects::ALL - Aspects::EDGES, ..Objects::default() }).unwrap();
    assert_eq!(ids(&read.facts, &|_| true), ids(&whole.facts, &|_| true));
}

#[test]
fn fresh_databases_are_equal() {
    let Some(conninfo) = conninfo() else { return };
    let mut one = fresh(&conninfo, "accord_catalog_one");
    let mut two = fresh(&conninfo, "accord_catalog_two");
    two.batch_execute("CREATE TABLE public.gone (id int); DROP TABLE public.gone").unwrap();
    let read = |client| Model::new(read_all(&mut ClientReader::new(client)).unwrap().facts).unwrap();
    let (one, two) = (read(&mut one), read(&mut two));
    assert_eq!(one.fingerprint(), two.fingerprint());
    let ids: Vec<String> = one.facts().map(|f| f.id.to_string()).collect();
    assert!(ids.contains(&"schema public".to_owned()), "{ids:?}");
    println!("{ids:?}");
}
