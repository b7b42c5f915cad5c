//! Identifiers, roles, and the many ways in which a client can send DDL.

use crate::support::cluster::{literal, quote};
use crate::support::link::{batch, scalar};
use crate::support::{Link, Pair};
use postgres::Client;

fn statements(client: &mut Client, version: i64) -> Vec<String> {
    client
        .query("SELECT statement FROM accord.events WHERE version >= $1 ORDER BY seq", &[&version])
        .expect("read accord.events")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[test]
fn difficult_identifiers() {
    let link = Link::attached(Pair::shared());
    let long = "ü".repeat(31) + "x"; // 63 bytes
    for name in ["a\"b", "a.b", "a b", "Upper", "select", "O'Neil", "back\\slash", "$1", "日本語", "tab\there", "{\"json\"}", &long] {
        let q = quote(name);
        link.run(&format!(
            "CREATE SCHEMA {q}; CREATE TABLE {q}.{q} ({q} int PRIMARY KEY, other text DEFAULT {lit});
             CREATE INDEX {i} ON {q}.{q} (other); CREATE VIEW {q}.{v} AS SELECT {q} FROM {q}.{q};
             CREATE TYPE {q}.{e} AS ENUM ({lit}, 'b'); ALTER TABLE {q}.{q} ADD COLUMN e {q}.{e} DEFAULT {lit};
             COMMENT ON COLUMN {q}.{q}.{q} IS {lit}",
            lit = literal(name),
            i = quote(&format!("i{}", name.chars().take(20).collect::<String>())),
            v = quote(&format!("v{}", name.chars().take(20).collect::<String>())),
            e = quote(&format!("e{}", name.chars().take(20).collect::<String>())),
        ));
    }
    link.wait();
    link.assert_agreement();
    link.follow(&format!("ALTER TABLE {0}.{0} RENAME COLUMN {0} TO {1}", quote("a\"b"), quote("c\"\"d")));
    link.assert_agreement();
    link.follow(&format!("DROP SCHEMA {} CASCADE", quote(&long)));
    link.assert_agreement();
}

#[test]
fn a_role_without_rights_on_the_extensions_schema() {
    let link = Link::attached(Pair::shared());
    let role = format!("modest_{}", link.db);
    link.run(&format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA own AUTHORIZATION {role}"));
    let mut client = link.pair.source.try_client_as(&link.db, &role).expect("connect");
    batch(&mut client, "CREATE TABLE own.a (id int); ALTER TABLE own.a ADD COLUMN b int; CREATE INDEX ON own.a (b)");
    link.wait();
    assert!(link.column_there("own.a", "b"));
    let who: String = scalar(&mut link.source(), "SELECT context::text FROM accord.event ORDER BY seq DESC LIMIT 1");
    assert!(who.contains(&role), "the event says who: {who}");
    link.assert_agreement();
    drop(client);
    link.run(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    link.wait();
}

#[test]
fn ddl_in_do_and_in_functions_is_captured_once() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.calls (n int)");
    let from = link.version() + 1;
    link.run("DO $$ BEGIN FOR i IN 1..3 LOOP EXECUTE format('CREATE TABLE public.d%s (id int)', i); END LOOP; END $$");
    link.run(
        "CREATE FUNCTION public.make() RETURNS void LANGUAGE plpgsql AS $f$
         BEGIN INSERT INTO public.calls VALUES (1); CREATE TABLE public.made (id int); ALTER TABLE public.made ADD COLUMN b int; END $f$",
    );
    link.run("SELECT public.make()");
    link.wait();
    link.assert_agreement();
    let calls: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM public.calls");
    assert_eq!(calls, 0, "the function did not run on the replica");
    let found = statements(&mut link.source(), from);
    for wanted in ["CREATE TABLE public.d2 (id int)", "CREATE TABLE public.made (id int)", "ALTER TABLE public.made ADD COLUMN b int"] {
        assert_eq!(found.iter().filter(|statement| *statement == wanted).count(), 1, "{wanted} in {found:#?}");
    }
}

#[test]
fn each_statement_of_a_string_has_its_own_text() {
    let link = Link::attached(Pair::shared());
    let from = link.version() + 1;
    link.run("CREATE TABLE public.a (id int); -- first\n  CREATE TABLE public.b (id int)  ;/* x */ALTER TABLE public.a ADD COLUMN \"ü\" int;SELECT 1");
    link.wait();
    // A comment belongs to the statement that follows it, as in the server's own log; from 18 on to none.
    let bare = ["CREATE TABLE public.a (id int)", "CREATE TABLE public.b (id int)", "ALTER TABLE public.a ADD COLUMN \"ü\" int"];
    let comments = if crate::support::cluster::major() < 18 { ["", "-- first\n  ", "/* x */"] } else { [""; 3] };
    assert_eq!(
        statements(&mut link.source(), from).iter().map(|text| text.trim().to_owned()).collect::<Vec<_>>(),
        comments.iter().zip(bare).map(|(comment, text)| format!("{comment}{text}")).collect::<Vec<_>>(),
    );
    link.assert_agreement();
}

#[test]
fn the_same_text_twice_in_one_transaction() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "BEGIN; CREATE TABLE public.a (id int); ALTER TABLE public.a ADD COLUMN b int; ALTER TABLE public.a DROP COLUMN b;
         ALTER TABLE public.a ADD COLUMN b int; COMMIT",
    );
    assert!(link.column_there("public.a", "b"));
    link.assert_agreement();
}

#[test]
fn another_search_path_and_another_role() {
    let link = Link::attached(Pair::shared());
    let role = format!("painter_{}", link.db);
    link.run(&format!("CREATE ROLE {role}; CREATE SCHEMA s AUTHORIZATION {role}; CREATE SCHEMA r; CREATE TYPE r.t AS (a int)"));
    link.run("SET search_path = s, r; CREATE TABLE a (x t, y int DEFAULT length('abc')); CREATE VIEW v AS SELECT (x).a FROM a");
    link.run("SET search_path = ''; CREATE TABLE s.b (id int)");
    link.run(&format!("SET ROLE {role}; CREATE TABLE s.c (id int)"));
    link.run(&format!("SET SESSION AUTHORIZATION {role}; CREATE TABLE s.d (id int)"));
    link.wait();
    for table in ["s.a", "s.b", "s.c", "s.d", "s.v"] {
        assert!(link.exists_there(table), "{table} is missing");
    }
    link.assert_agreement();
    link.run(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    link.wait();
}

#[test]
fn settings_that_change_how_text_is_printed() {
    let link = Link::attached(Pair::shared());
    link.run(
        "SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape';
         SET quote_all_identifiers = on; SET extra_float_digits = -10; SET standard_conforming_strings = off;
         CREATE TABLE public.a (d date DEFAULT '2024-03-01', i interval DEFAULT '1 day 2 hours', t timestamptz DEFAULT '2024-03-01 12:00+00',
                                b bytea DEFAULT decode('00ff', 'hex'), f float8 DEFAULT 0.1, s text DEFAULT 'it''s');
         CREATE VIEW public.v AS SELECT * FROM public.a WHERE d > '2024-01-02' AND f < 0.30000000000000004",
    );
    link.wait();
    link.assert_agreement();
}

#[test]
fn temporary_objects_are_not_captured() {
    let link = Link::attached(Pair::shared());
    let before = link.version();
    link.run("CREATE TEMP TABLE x (id serial PRIMARY KEY); ALTER TABLE x ADD COLUMN b int; CREATE INDEX ON x (b); CREATE TEMP VIEW v AS SELECT * FROM x; DROP TABLE x CASCADE");
    link.wait();
    assert_eq!(link.version(), before);
}

#[test]
fn extensions_travel_as_extensions() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE TABLE public.a (h ext.hstore)");
    link.assert_agreement();
    link.follow("DROP TABLE public.a; DROP EXTENSION hstore");
    link.assert_agreement();
}

#[test]
fn ddl_under_session_replication_role_is_captured() {
    let link = Link::attached(Pair::shared());
    link.follow("SET session_replication_role = replica; CREATE TABLE public.a (id int)");
    assert!(link.exists_there("public.a"));
    link.assert_agreement();
}

#[test]
fn ddl_without_event_triggers_is_found_by_reconciliation() {
    let link = Link::attached(Pair::shared());
    let switch = |how: &str| {
        link.run(&format!(
            "DO $$ DECLARE name text; BEGIN FOR name IN SELECT evtname FROM pg_event_trigger LOOP
             EXECUTE format('ALTER EVENT TRIGGER %I {how}', name); END LOOP; END $$"
        ));
    };
    switch("DISABLE");
    link.run("CREATE TABLE public.unseen (id int)");
    switch("ENABLE ALWAYS");
    link.follow("CREATE TABLE public.seen (id int)");
    // The worker's periodic full read finds it; here it is asked for.
    crate::support::wait_until("the unseen table arrives", || {
        scalar::<i64>(&mut link.source(), "SELECT accord.reconcile()");
        link.try_wait("5 s").is_ok() && link.exists_there("public.unseen")
    });
    let reconciled: bool = scalar(&mut link.source(), "SELECT bool_or(reconciled) FROM accord.event");
    assert!(reconciled);
    link.assert_agreement();
}

#[test]
fn comments_on_everything() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE TABLE public.a (id int CONSTRAINT positive CHECK (id > 0)); CREATE INDEX a_id ON public.a (id);
         CREATE VIEW public.v AS SELECT id FROM public.a; CREATE RULE r AS ON DELETE TO public.a DO INSTEAD NOTHING;
         CREATE POLICY p ON public.a; CREATE DOMAIN public.d AS int CONSTRAINT small CHECK (VALUE < 9);
         CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER t AFTER INSERT ON public.a EXECUTE FUNCTION public.f(); CREATE SEQUENCE public.s",
    );
    for target in [
        "TABLE public.a",
        "COLUMN public.a.id",
        "CONSTRAINT positive ON public.a",
        "INDEX public.a_id",
        "VIEW public.v",
        "COLUMN public.v.id",
        "RULE r ON public.a",
        "POLICY p ON public.a",
        "DOMAIN public.d",
        "CONSTRAINT small ON DOMAIN public.d",
        "FUNCTION public.f()",
        "TRIGGER t ON public.a",
        "SEQUENCE public.s",
        "SCHEMA public",
    ] {
        link.follow(&format!("COMMENT ON {target} IS 'about {target}'"));
        link.assert_same_dump();
    }
    link.assert_agreement();
    link.follow("COMMENT ON TRIGGER t ON public.a IS NULL; COMMENT ON INDEX public.a_id IS NULL");
    link.assert_agreement();
}

#[test]
fn a_columns_comment_leaves_its_neighbours_alone() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b int, CONSTRAINT positive CHECK (b > 0))");
    link.follow("COMMENT ON CONSTRAINT positive ON public.a IS 'as agreed'");
    link.follow("COMMENT ON COLUMN public.a.b IS 'a number'");
    let changes: i64 = scalar(&mut link.source(), "SELECT json_array_length(changes)::bigint FROM accord.events ORDER BY seq DESC LIMIT 1");
    assert_eq!(changes, 1, "only the column's comment changed");
    let there: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM pg_description WHERE description IN ('as agreed', 'a number')");
    assert_eq!(there, 2);
    link.assert_agreement();
}

#[test]
fn columns_added_the_short_way_are_what_a_full_read_finds() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE TABLE public.a (id int); CREATE TABLE public.parent (id int); CREATE TABLE public.child () INHERITS (public.parent)",
    );
    for columns in [
        "ADD b varchar(20)",
        "ADD c numeric(10,2)[] NOT NULL, ADD d uuid",
        "ADD \"E e\" timestamptz(3)",
        "ADD f text COLLATE \"C\"",
        "ADD g serial",
        "ADD IF NOT EXISTS b int",
        "ADD h int GENERATED ALWAYS AS (id + 1) STORED",
        "ADD i text DEFAULT 'x', ADD j bit varying(7)",
        "ADD k interval day to second",
    ] {
        link.run(&format!("ALTER TABLE public.a {columns}"));
        let (last, read): (String, String) =
            (scalar(&mut link.source(), "SELECT accord.fingerprint()"), scalar(&mut link.source(), "SELECT accord.fingerprint(true)"));
        assert_eq!(last, read, "after {columns}");
    }
    link.run("CREATE VIEW public.v AS SELECT * FROM public.a; ALTER TABLE public.a ADD z int; ALTER TABLE public.parent ADD z int");
    let (last, read): (String, String) =
        (scalar(&mut link.source(), "SELECT accord.fingerprint()"), scalar(&mut link.source(), "SELECT accord.fingerprint(true)"));
    assert_eq!(last, read, "under a view, and with a child");
    link.wait();
    link.assert_agreement();
}

#[test]
fn a_new_table_is_captured_with_all_that_comes_with_it() {
    let link = Link::attached(Pair::shared());
    link.follow(
        "CREATE TABLE public.model (id serial PRIMARY KEY, a text NOT NULL CHECK (a <> ''), b int GENERATED ALWAYS AS IDENTITY);
         CREATE INDEX ON public.model (a); COMMENT ON COLUMN public.model.a IS 'a'",
    );
    for sql in [
        "CREATE TABLE public.copy (LIKE public.model INCLUDING ALL)",
        "CREATE TABLE public.copy_of_indexes (c bigserial, LIKE public.model INCLUDING INDEXES)",
        "CREATE TABLE IF NOT EXISTS public.model (other int)",
        "CREATE TABLE IF NOT EXISTS public.once (id int PRIMARY KEY)",
        "CREATE TABLE public.pg_class (oid int UNIQUE)",
        "CREATE SCHEMA several CREATE TABLE one (id int PRIMARY KEY) CREATE TABLE two (id smallserial, one int REFERENCES one)",
        "CREATE TABLE public.whole (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE public.part PARTITION OF public.whole FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE UNLOGGED TABLE public.fleeting (id int, EXCLUDE USING btree (id WITH =))",
    ] {
        link.follow(sql);
        link.assert_agreement();
        let found: i64 = scalar(&mut link.source(), "SELECT accord.reconcile()");
        assert_eq!(found, 0, "all of it was captured: {sql}");
    }
}
