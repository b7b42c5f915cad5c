//! What a replica keeps of what a version would destroy, and what the reverse brings back.

use crate::support::cluster::{major, quote};
use crate::support::link::{REPLICA, batch, scalar};
use crate::support::{Link, Pair, eventually};
use std::time::Duration;

/// A source and a replica that keeps.
#[track_caller]
fn keeping(policy: &str) -> Link {
    let link = Link::bare(Pair::shared());
    link.run_there(&format!("ALTER DATABASE {} SET accord.keep_dropped = on", link.db));
    link.add(policy);
    link.wait();
    link
}

/// The replica's rows of a table, whatever the order of rows and columns.
#[track_caller]
fn rows(link: &Link, table: &str) -> String {
    scalar(
        &mut link.replica(),
        &format!("SELECT coalesce(string_agg(r, E'\\n' ORDER BY r), '') FROM (SELECT to_jsonb(t)::text AS r FROM ONLY {table} t) x"),
    )
}

/// `state what rows` of everything that was set aside, in its order.
#[track_caller]
fn kept(link: &Link) -> Vec<String> {
    let query = "SELECT state || ': ' || what || ', ' || rows FROM accord.kept ORDER BY id";
    link.replica().query(query, &[]).expect("read accord.kept").iter().map(|row| row.get(0)).collect()
}

/// Tables in the schema.
#[track_caller]
fn tables(link: &Link) -> i64 {
    scalar(&mut link.replica(), "SELECT count(*) FROM pg_class WHERE relnamespace = 'accord_kept'::regnamespace AND relkind = 'r'")
}

/// The newest delivery's verdict.
#[track_caller]
fn outcome(link: &Link) -> serde_json::Value {
    let text: String = scalar(&mut link.source(), "SELECT outcome::text FROM accord.delivery ORDER BY version DESC LIMIT 1");
    serde_json::from_str(&text).expect("a verdict")
}

/// Undoes the source's newest version.
#[track_caller]
fn revert(link: &Link) {
    link.follow("SELECT accord.revert(accord.version())");
}

/// Nothing that is kept stands on anything outside the schema, or the other way round, and nobody but the owner reads it.
#[track_caller]
fn assert_apart(link: &Link) {
    let mut client = link.replica();
    let edges: Vec<String> = client
        .query(
            "WITH kept AS (SELECT c.oid, c.reltype, t.typarray, c.reltoastrelid FROM pg_class c JOIN pg_type t ON t.oid = c.reltype WHERE c.relnamespace = 'accord_kept'::regnamespace),
                  own AS (SELECT oid FROM kept UNION SELECT reltype FROM kept UNION SELECT typarray FROM kept UNION SELECT reltoastrelid FROM kept UNION SELECT indexrelid FROM kept JOIN pg_index ON indrelid = reltoastrelid
                          UNION SELECT n.oid FROM kept k JOIN pg_constraint n ON n.conrelid = k.oid WHERE n.contype = 'n')
             SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' on ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
               FROM pg_depend d WHERE (d.objid IN (SELECT oid FROM own)) <> (d.refobjid IN (SELECT oid FROM own))
                AND (d.refobjid >= 16384 AND d.refobjid <> 'accord_kept'::regnamespace)",
            &[],
        )
        .expect("read pg_depend")
        .iter()
        .map(|row| row.get(0))
        .collect();
    // 14 leaves behind what a generated column's expression called, and has no command that would take it away.
    let called = |edge: &String| major() < 15 && edge.starts_with("column ") && edge.contains(" on function ");
    assert_eq!(edges.into_iter().filter(|edge| !called(edge)).collect::<Vec<_>>(), Vec::<String>::new());
    let parts: i64 = scalar(
        &mut client,
        "WITH kept AS (SELECT oid FROM pg_class WHERE relnamespace = 'accord_kept'::regnamespace AND relkind = 'r')
         SELECT (SELECT count(*) FROM pg_constraint WHERE conrelid IN (TABLE kept) AND contype <> 'n') + (SELECT count(*) FROM pg_index WHERE indrelid IN (TABLE kept))
              + (SELECT count(*) FROM pg_trigger WHERE tgrelid IN (TABLE kept)) + (SELECT count(*) FROM pg_policy WHERE polrelid IN (TABLE kept))
              + (SELECT count(*) FROM pg_rewrite WHERE ev_class IN (TABLE kept)) + (SELECT count(*) FROM pg_attrdef WHERE adrelid IN (TABLE kept))
              + (SELECT count(*) FROM pg_publication_rel WHERE prrelid IN (TABLE kept)) + (SELECT count(*) FROM pg_statistic_ext WHERE stxrelid IN (TABLE kept))
              + (SELECT count(*) FROM pg_inherits WHERE inhrelid IN (TABLE kept)) + (SELECT count(*) FROM pg_class WHERE relnamespace = 'accord_kept'::regnamespace AND relkind NOT IN ('r', 't'))",
    );
    assert_eq!(parts, 0, "kept tables hold rows and nothing else");
    let shared: i64 = scalar(
        &mut client,
        "SELECT count(*) FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x
          WHERE c.relnamespace = 'accord_kept'::regnamespace AND (x.grantee <> c.relowner OR c.relowner <> (SELECT extowner FROM pg_extension WHERE extname = 'pg_accord'))",
    );
    assert_eq!(shared, 0, "kept tables are the extension owner's alone");
    let open: i64 = scalar(
        &mut client,
        "SELECT count(*) FROM pg_namespace n, aclexplode(n.nspacl) x WHERE n.nspname = 'accord_kept' AND x.grantee <> n.nspowner",
    );
    assert_eq!(open, 0, "nobody has rights in the schema");
}

#[test]
fn without_the_setting_what_is_dropped_is_gone() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b text)");
    link.run_there("INSERT INTO public.a VALUES (1, 'one')");
    link.follow("DROP TABLE public.a");
    assert_eq!(outcome(&link)["impact"]["losses"][0]["what"], "the rows of table public.a");
    revert(&link);
    assert_eq!((rows(&link, "public.a"), tables(&link), kept(&link).len()), (String::new(), 0, 0));
    link.assert_agreement();
}

#[test]
fn a_dropped_table_comes_back_with_its_rows() {
    let link = keeping("{\"require_approval\": \"lossy\"}");
    link.follow(
        "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('sad', 'happy'); CREATE COLLATION shop.c (locale = 'C');
         CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''touched''; RETURN NEW; END';
         CREATE FUNCTION shop.even(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 = 0';
         CREATE TABLE shop.customers (id int PRIMARY KEY);
         CREATE TABLE shop.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial, customer int REFERENCES shop.customers,
             total numeric(10, 2) CHECK (total >= 0), mood shop.mood DEFAULT 'sad', moods shop.mood[], name text COLLATE shop.c UNIQUE,
             note text, twice numeric GENERATED ALWAYS AS (total * 2) STORED, even boolean GENERATED ALWAYS AS (shop.even(n)) STORED,
             parent int REFERENCES shop.orders, UNIQUE (n, total));
         CREATE TABLE shop.lines (id int, \"order\" int REFERENCES shop.orders);
         CREATE INDEX orders_even ON shop.orders (shop.even(n)) WHERE total > 1;
         CREATE STATISTICS shop.orders_stat ON n, total FROM shop.orders;
         CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.f();
         ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER touch;
         CREATE POLICY p ON shop.orders USING (shop.even(n)); ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE RULE r AS ON DELETE TO shop.orders WHERE OLD.id < 0 DO INSTEAD NOTHING; ALTER TABLE shop.orders REPLICA IDENTITY FULL;
         COMMENT ON TABLE shop.orders IS 'them'",
    );
    link.run_there(
        "INSERT INTO shop.customers SELECT generate_series(1, 5);
         ALTER TABLE shop.orders DISABLE TRIGGER touch;
         INSERT INTO shop.orders (customer, total, mood, moods, name, note) SELECT i, i * 1.25, 'happy', ARRAY['sad', 'happy', NULL]::shop.mood[], 'Ä' || i, NULLIF('n' || i, 'n3') FROM generate_series(1, 5) i;
         ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER touch; GRANT SELECT ON shop.orders TO PUBLIC; GRANT UPDATE (note) ON shop.orders TO pg_monitor",
    );
    let before = rows(&link, "shop.orders");
    assert_eq!(before.lines().count(), 5);
    // Not lossy: nobody is asked.
    link.follow("DROP TABLE shop.orders CASCADE");
    assert_eq!(kept(&link), ["kept: the rows of table shop.orders, 5"]);
    assert_apart(&link);
    link.assert_agreement();
    let verdict = outcome(&link);
    assert_eq!(verdict["impact"]["losses"].as_array().map(Vec::len), Some(0), "{verdict}");
    let aside = &verdict["impact"]["kept"][0];
    assert_eq!((aside["rows"].as_i64(), aside["counted"].as_bool()), (Some(5), Some(true)), "{aside}");
    assert!(aside["bytes"].as_i64() > Some(0) && aside["until"].is_string(), "{aside}");
    assert!(aside["place"].as_str().is_some_and(|place| place.starts_with("accord_kept.orders_")), "{aside}");
    // Nothing stumbles over what is kept.
    revert(&link);
    assert_eq!(rows(&link, "shop.orders"), before);
    assert_eq!(kept(&link), ["restored: the rows of table shop.orders, 5"]);
    assert_eq!(tables(&link), 0);
    assert_eq!(outcome(&link)["impact"]["restored"][0]["rows"].as_i64(), Some(5));
    link.assert_agreement();
    link.follow("DROP SCHEMA shop CASCADE");
    assert_apart(&link);
    link.assert_agreement();
    assert_eq!(tables(&link), 3);
    revert(&link);
    assert_eq!(rows(&link, "shop.orders"), before);
    link.assert_agreement();
}

#[test]
fn a_dropped_column_comes_back_to_the_rows_that_are_still_there() {
    let link = keeping("{\"require_approval\": \"lossy\"}");
    link.follow(
        "CREATE SCHEMA \"Ü s\"; CREATE TYPE \"Ü s\".mood AS ENUM ('sad', 'happy');
         CREATE TABLE \"Ü s\".\"T\" (a int, \"B b\" text COLLATE \"C\", t int, note text, mood \"Ü s\".mood, must int NOT NULL, j json, PRIMARY KEY (a, \"B b\"));
         CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.t := -1; RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON \"Ü s\".\"T\" FOR EACH ROW EXECUTE FUNCTION public.f();
         CREATE RULE never AS ON UPDATE TO \"Ü s\".\"T\" DO INSTEAD NOTHING",
    );
    link.run_there(
        "INSERT INTO \"Ü s\".\"T\" SELECT i, 'k' || i, i, NULLIF('n' || i, 'n2'), CASE WHEN i < 4 THEN 'happy'::\"Ü s\".mood END, i, '{\"a\": 1}' FROM generate_series(1, 5) i",
    );
    let before = rows(&link, "\"Ü s\".\"T\"");
    link.follow("ALTER TABLE \"Ü s\".\"T\" DROP COLUMN note, DROP COLUMN mood, DROP COLUMN must, DROP COLUMN j");
    assert_eq!(kept(&link).len(), 4, "{:?}", kept(&link));
    assert_apart(&link);
    link.assert_agreement();
    revert(&link);
    assert_eq!(rows(&link, "\"Ü s\".\"T\""), before, "neither the trigger nor the rule had a word");
    assert_eq!(tables(&link), 0);
    let disabled: i64 = scalar(&mut link.replica(), "SELECT count(*) FROM pg_trigger WHERE tgname = 'touch' AND tgenabled <> 'O'");
    assert_eq!(disabled, 0);
    // Rows that go are gone, new ones have none, and what has changed besides stays as it is.
    link.follow("ALTER TABLE \"Ü s\".\"T\" DROP COLUMN note");
    link.run_there(
        "ALTER TABLE \"Ü s\".\"T\" DISABLE TRIGGER touch, DISABLE RULE never; DELETE FROM \"Ü s\".\"T\" WHERE a = 1; UPDATE \"Ü s\".\"T\" SET t = 33 WHERE a = 3;
         INSERT INTO \"Ü s\".\"T\" (a, \"B b\", must) VALUES (9, 'new', 1); ALTER TABLE \"Ü s\".\"T\" ENABLE TRIGGER touch, ENABLE RULE never",
    );
    revert(&link);
    let notes: String = scalar(
        &mut link.replica(),
        "SELECT string_agg(a || ':' || t::text || coalesce(note, '-'), ' ' ORDER BY a) FROM \"Ü s\".\"T\" WHERE a < 9",
    );
    assert_eq!(notes, "2:2- 3:33n3 4:4n4 5:5n5");
    link.assert_agreement();
}

#[test]
fn without_a_key_the_rest_of_the_row_tells_it() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.log (at date, what json, p point, gone text)");
    link.run_there("INSERT INTO public.log VALUES ('2024-01-01', '{}', '(1,2)', 'a'), ('2024-01-01', '{}', '(1,2)', 'b'), ('2024-01-02', NULL, NULL, 'c'), ('2024-01-03', NULL, NULL, 'd')");
    let before = rows(&link, "public.log");
    link.follow("ALTER TABLE public.log DROP COLUMN gone");
    assert!(outcome(&link)["impact"]["warnings"].to_string().contains("has no key"), "{}", outcome(&link));
    revert(&link);
    assert_eq!(rows(&link, "public.log"), before, "equal rows are one as good as the other");
    link.follow("ALTER TABLE public.log DROP COLUMN gone");
    link.run_there("UPDATE public.log SET at = '2030-01-01' WHERE at = '2024-01-03'");
    revert(&link);
    let left: String = scalar(&mut link.replica(), "SELECT string_agg(coalesce(gone, '-'), '' ORDER BY at, gone) FROM public.log");
    assert_eq!(left, "abc-");
    link.assert_agreement();
}

#[test]
fn a_narrowed_type_comes_back_where_nobody_wrote_since() {
    let link = keeping("{\"require_approval\": \"lossy\"}");
    link.follow(
        "CREATE TYPE public.mood AS ENUM ('sad', 'happy');
         CREATE TABLE public.a (id int PRIMARY KEY, price text, n numeric(10, 3), v varchar(20), m text DEFAULT 'sad')",
    );
    link.run_there("INSERT INTO public.a VALUES (1, '12 EUR', 1.125, 'long enough', 'happy'), (2, '7 USD', 2.5, 'b', 'sad'), (3, NULL, NULL, NULL, NULL)");
    let before = rows(&link, "public.a");
    link.follow(
        "ALTER TABLE public.a ALTER price TYPE int USING split_part(price, ' ', 1)::int, ALTER n TYPE int, ALTER v TYPE varchar(4) USING left(v, 4),
             ALTER m DROP DEFAULT, ALTER m TYPE public.mood USING m::public.mood",
    );
    assert_eq!(kept(&link).len(), 4, "{:?}", kept(&link));
    assert!(
        kept(&link).contains(&"kept: the values of column public.a.price before they became integer, 3".to_owned()),
        "{:?}",
        kept(&link)
    );
    assert_apart(&link);
    link.assert_agreement();
    revert(&link);
    assert_eq!(rows(&link, "public.a"), before);
    assert!(kept(&link)[..4].iter().all(|line| line.starts_with("restored: ")), "{:?}", kept(&link));
    link.assert_agreement();
    link.follow("ALTER TABLE public.a ALTER n TYPE int");
    link.run_there("UPDATE public.a SET n = 77 WHERE id = 1");
    revert(&link);
    let n: String = scalar(&mut link.replica(), "SELECT string_agg(n::text, ' ' ORDER BY id) FROM public.a");
    assert_eq!(n, "77.000 2.500", "what was written since is newer");
    link.assert_agreement();
}

#[test]
fn a_plain_re_creation_is_the_reverse_if_it_is_the_same() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b text)");
    link.run_there("INSERT INTO public.a VALUES (1, 'one')");
    link.follow("DROP TABLE public.a");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b varchar)");
    assert_eq!(rows(&link, "public.a"), "", "another table");
    assert!(
        outcome(&link)["impact"]["warnings"].to_string().contains("the rows of table public.a stay in accord_kept.a_"),
        "{}",
        outcome(&link)
    );
    link.follow("DROP TABLE public.a");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b text)");
    assert_eq!(rows(&link, "public.a"), "{\"b\": \"one\", \"id\": 1}");
    assert_eq!(kept(&link), ["restored: the rows of table public.a, 1", "kept: the rows of table public.a, 0"]);
    link.follow("ALTER TABLE public.a DROP COLUMN b");
    link.follow("ALTER TABLE public.a ADD COLUMN b int");
    assert_eq!(rows(&link, "public.a"), "{\"b\": null, \"id\": 1}");
    link.follow("ALTER TABLE public.a DROP COLUMN b");
    link.follow("ALTER TABLE public.a ADD COLUMN b text");
    assert_eq!(rows(&link, "public.a"), "{\"b\": \"one\", \"id\": 1}");
    // In one transaction it is a replacement, also where the same was dropped before.
    link.follow("DROP TABLE public.a");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b int); DROP TABLE public.a");
    link.follow("CREATE TABLE public.a (id bigint)");
    link.follow("BEGIN; DROP TABLE public.a; CREATE TABLE public.a (id int PRIMARY KEY, b text); COMMIT");
    assert_eq!(rows(&link, "public.a"), "");
    link.assert_agreement();
    assert_apart(&link);
}

#[test]
fn the_same_name_again_and_again() {
    let link = keeping("{}");
    let long = "ü".repeat(31);
    let name = format!("public.{}", quote(&long));
    for round in 1..=4 {
        link.follow(&format!("CREATE TABLE {name} (id int PRIMARY KEY, c{round} int, {} text)", quote(&"日".repeat(21))));
        link.run_there(&format!("INSERT INTO {name} VALUES ({round}, {round}, 'x')"));
        link.follow(&format!("ALTER TABLE {name} DROP COLUMN {}", quote(&"日".repeat(21))));
        link.follow(&format!("DROP TABLE {name}"));
    }
    assert_eq!((tables(&link), kept(&link).len()), (8, 8));
    assert_apart(&link);
    let third: i64 = scalar(
        &mut link.source(),
        "SELECT max(version) FROM accord.events WHERE tag = 'ALTER TABLE' AND changes::text LIKE '%c3%' OR tag = 'CREATE TABLE' AND statement LIKE '%c3%'",
    );
    link.follow(&format!("SELECT accord.revert_to({third})"));
    link.assert_agreement();
    let found: String = rows(&link, &name);
    assert!(found.contains("\"c3\": 3"), "{found}");
}

#[test]
fn what_is_past_its_time_goes_and_may_go_before() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY); CREATE TABLE public.b (id int PRIMARY KEY); CREATE TABLE public.c (id int PRIMARY KEY)");
    link.run_there(&format!(
        "INSERT INTO public.a VALUES (1); INSERT INTO public.b VALUES (1); ALTER DATABASE {} SET accord.kept_retention = '1s'",
        link.db
    ));
    // The worker's connection takes the setting up with its next session.
    link.run("SELECT accord.pause_replica('warehouse')");
    link.until_state(&["paused"]);
    link.run("SELECT accord.resume_replica('warehouse')");
    link.wait();
    link.follow("DROP TABLE public.a");
    assert_eq!(tables(&link), 1);
    std::thread::sleep(Duration::from_millis(1100));
    // Somebody reads it: it goes the next time, and nothing waits for him.
    let place: String = scalar(&mut link.replica(), "SELECT place FROM accord.kept WHERE state = 'kept'");
    let mut reader = link.replica();
    batch(&mut reader, &format!("BEGIN; SELECT * FROM {place}"));
    link.follow("DROP TABLE public.b");
    assert_eq!(kept(&link), ["kept: the rows of table public.a, 1", "kept: the rows of table public.b, 1"]);
    batch(&mut reader, "COMMIT");
    link.follow("CREATE TABLE public.x (id int)");
    assert_eq!(kept(&link)[0], "purged: the rows of table public.a, 1");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY)");
    assert_eq!(rows(&link, "public.a"), "", "it is gone");
    std::thread::sleep(Duration::from_millis(1100));
    // A worker there looks as well.
    link.pair.replica.serve(std::slice::from_ref(&link.db));
    let purged = eventually(Duration::from_secs(30), || (tables(&link) == 0).then_some(()));
    link.pair.replica.serve(&[]);
    assert!(purged.is_some(), "{:?}", kept(&link));
    assert_eq!(kept(&link)[1], "purged: the rows of table public.b, 1");
    let due: i64 = scalar(&mut link.replica(), "SELECT accord.purge_kept()");
    assert_eq!(due, 0);
    link.run_there(&format!("ALTER DATABASE {} SET accord.kept_retention = 0", link.db));
    link.run("SELECT accord.pause_replica('warehouse')");
    link.until_state(&["paused"]);
    link.run("SELECT accord.resume_replica('warehouse')");
    link.wait();
    link.follow("DROP TABLE public.c");
    let for_ever: i64 = scalar(&mut link.replica(), "SELECT id FROM accord.kept WHERE state = 'kept' AND kept_until IS NULL");
    link.run_there(&format!("SELECT accord.forget_kept({for_ever})"));
    assert_eq!((tables(&link), kept(&link)[2].as_str()), (0, "forgotten: the rows of table public.c, 0"));
    let again = crate::support::link::failure(&mut link.replica(), &format!("SELECT accord.forget_kept({for_ever})"));
    again.assert_clear();
    assert!(again.says("accord.kept"), "{}", again.0);
    link.assert_agreement();
}

#[test]
fn partitions_and_children() {
    let link = keeping("{}");
    link.follow(
        "CREATE TABLE public.m (at date NOT NULL, n int, gone text, v numeric(9, 2), PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
         CREATE TABLE public.m_1 PARTITION OF public.m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
         CREATE TABLE public.m_2 PARTITION OF public.m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (n);
         CREATE TABLE public.m_21 PARTITION OF public.m_2 DEFAULT;
         CREATE TABLE public.p (id int PRIMARY KEY, gone text); CREATE TABLE public.c (more int PRIMARY KEY) INHERITS (public.p)",
    );
    link.run_there(
        "INSERT INTO public.m VALUES ('2024-05-05', 1, 'a', 1.25), ('2025-05-05', 2, 'b', 2.5); INSERT INTO public.p VALUES (1, 'p1'); INSERT INTO public.c VALUES (1, 'c1', 7)",
    );
    let all = |link: &Link| [rows(link, "public.m_1"), rows(link, "public.m_21"), rows(link, "public.p"), rows(link, "public.c")];
    let before = all(&link);
    link.follow("ALTER TABLE public.m DROP COLUMN gone; ALTER TABLE public.p DROP COLUMN gone");
    assert_eq!(kept(&link).len(), 3, "one for the partitioned table, one for each of the others: {:?}", kept(&link));
    assert_apart(&link);
    link.assert_agreement();
    revert(&link);
    assert_eq!(all(&link), before);
    link.follow("ALTER TABLE public.m ALTER v TYPE int");
    revert(&link);
    assert_eq!(all(&link), before);
    link.follow("DROP TABLE public.m_1; DROP TABLE public.c");
    assert_apart(&link);
    link.assert_agreement();
    revert(&link);
    assert_eq!(all(&link), before);
    link.follow("DROP TABLE public.m; DROP TABLE public.p CASCADE");
    assert_apart(&link);
    link.assert_agreement();
    assert_eq!(outcome(&link)["impact"]["losses"].as_array().map(Vec::len), Some(0));
    revert(&link);
    assert_eq!(all(&link), before);
    link.assert_agreement();
}

#[test]
fn a_schema_of_many_tables() {
    let link = keeping("{}");
    link.run(
        "DO $$ BEGIN CREATE SCHEMA many; CREATE TYPE many.mood AS ENUM ('a', 'b');
         FOR i IN 1..500 LOOP EXECUTE format('CREATE TABLE many.t%s (id int PRIMARY KEY, m many.mood, up int %s)', i, CASE WHEN i > 1 THEN format('REFERENCES many.t%s', i - 1) END); END LOOP; END $$",
    );
    link.try_wait("180 s").expect("followed");
    link.run_there("DO $$ BEGIN FOR i IN 1..500 LOOP EXECUTE format('INSERT INTO many.t%s VALUES (%s, ''b'', nullif(%s, 0))', i, i, i - 1); END LOOP; END $$");
    link.run("DROP SCHEMA many CASCADE");
    link.try_wait("180 s").expect("followed");
    assert_eq!(tables(&link), 500);
    let verdict = outcome(&link);
    println!("500 tables: {} ms, estimated at {} ms", verdict["actual"]["duration_ms"], verdict["estimate"]["duration_ms"]);
    assert_eq!(verdict["impact"]["kept"].as_array().map(Vec::len), Some(500));
    assert_apart(&link);
    link.assert_agreement();
    link.run("SELECT accord.revert(accord.version())");
    link.try_wait("180 s").expect("followed");
    println!("back: {} ms", outcome(&link)["actual"]["duration_ms"]);
    assert_eq!((rows(&link, "many.t500"), tables(&link)), ("{\"m\": \"b\", \"id\": 500, \"up\": 499}".to_owned(), 0));
    link.assert_agreement();
}

#[test]
fn a_failure_in_the_middle_leaves_nothing_behind() {
    let link = keeping("{\"retry_max\": \"500ms\", \"max_attempts\": 2}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b text); CREATE TABLE public.b (id int, c text)");
    link.run_there("INSERT INTO public.a VALUES (1, 'one'); INSERT INTO public.b VALUES (1, 'x'), (2, 'x')");
    let (a, b) = (rows(&link, "public.a"), rows(&link, "public.b"));
    link.run("BEGIN; ALTER TABLE public.b DROP COLUMN c; DROP TABLE public.a; ALTER TABLE public.b ADD COLUMN d int NOT NULL; COMMIT");
    link.until_state(&["paused", "rejected"]);
    assert_eq!((rows(&link, "public.a"), rows(&link, "public.b"), tables(&link), kept(&link).len()), (a, b, 0, 0));
    link.run_there("DELETE FROM public.b");
    link.resolve();
    link.wait();
    assert_eq!(tables(&link), 2);
    link.assert_agreement();
}

#[test]
fn rows_that_do_not_fit_any_longer_stay_aside() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.u (id int PRIMARY KEY); CREATE TABLE public.a (id int PRIMARY KEY, u int REFERENCES public.u)");
    link.run_there("INSERT INTO public.u VALUES (1); INSERT INTO public.a VALUES (1, 1)");
    link.follow("DROP TABLE public.a");
    link.run_there("DELETE FROM public.u");
    revert(&link);
    assert_eq!((rows(&link, "public.a"), tables(&link)), (String::new(), 1));
    let said = outcome(&link)["impact"]["warnings"].to_string();
    assert!(said.contains("accord_kept.a_") && said.contains("a_u_fkey"), "{said}");
    link.assert_agreement();
}

#[test]
fn the_replicas_own_view_is_respected_as_before() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b text)");
    link.run_there("CREATE VIEW public.bi AS SELECT b FROM public.a");
    link.run("DROP TABLE public.a");
    let refused = link.try_wait("20 s").expect_err("rejected");
    assert!(refused.says("public.bi"), "{}", refused.0);
    assert_eq!(tables(&link), 0);
    link.run_there("DROP VIEW public.bi");
    link.resolve();
    link.wait();
    assert_eq!(tables(&link), 1);
}

#[test]
fn policy_comes_first() {
    let link = keeping("{\"on_drop_table\": \"keep\"}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY)");
    link.run_there("INSERT INTO public.a VALUES (1)");
    link.follow("DROP TABLE public.a");
    assert_eq!((rows(&link, "public.a").as_str(), tables(&link)), ("{\"id\": 1}", 0), "it stays where it was");
    let link = keeping("{\"on_drop_column\": \"reject\"}");
    link.follow("CREATE TABLE public.b (id int PRIMARY KEY, c text)");
    link.run("ALTER TABLE public.b DROP COLUMN c");
    let refused = link.try_wait("20 s").expect_err("rejected");
    assert!(refused.says("policy"), "{}", refused.0);
    assert_eq!(tables(&link), 0);
}

#[test]
fn an_ordinary_role_keeps_and_brings_back() {
    let link = Link::bare(Pair::shared());
    let role = format!("writer_{}", link.db);
    link.run_there(&format!(
        "CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET accord.keep_dropped = on; GRANT USAGE ON SCHEMA accord TO {role};
         GRANT EXECUTE ON FUNCTION accord.hello(jsonb), accord.inspect(jsonb), accord.negotiate(jsonb), accord.apply(jsonb) TO {role};
         GRANT CREATE ON DATABASE {0} TO {role}; GRANT CREATE ON SCHEMA public TO {role}; CREATE ROLE reader_{0}",
        link.db
    ));
    let conninfo = link.pair.replica.conninfo(&link.db);
    let password = conninfo.split_whitespace().find_map(|word| word.strip_prefix("password=")).expect("a password").to_owned();
    link.run_there(&format!("ALTER ROLE {role} PASSWORD '{password}'"));
    link.add_at(&conninfo.replace("user=postgres", &format!("user={role}")), "{}");
    link.wait();
    link.follow(
        "CREATE TABLE public.a (id int PRIMARY KEY, b text, c text); CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.c := current_user; RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON public.a FOR EACH ROW EXECUTE FUNCTION public.f();
         ALTER TABLE public.a ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON public.a USING (id > 1)",
    );
    link.run_there(&format!(
        "INSERT INTO public.a VALUES (1, 'one', 'x'), (2, 'two', 'y'); GRANT SELECT ON public.a TO reader_{}",
        link.db
    ));
    let before = rows(&link, "public.a");
    link.follow("ALTER TABLE public.a DROP COLUMN b");
    assert_eq!(kept(&link), ["kept: the values of column public.a.b, 2"], "policies hide nothing");
    assert_apart(&link);
    revert(&link);
    assert_eq!(rows(&link, "public.a"), before);
    link.follow("DROP TABLE public.a");
    assert_apart(&link);
    link.run_there(&format!("DROP ROLE reader_{}", link.db));
    revert(&link);
    assert_eq!(rows(&link, "public.a"), before);
    assert_apart(&link);
    link.assert_agreement();
    link.run("SELECT accord.drop_replica('warehouse')");
    eventually(Duration::from_secs(20), || {
        let busy: i64 = scalar(&mut link.replica(), &format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'"));
        (busy == 0).then_some(())
    });
    link.run_there(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
}

#[test]
fn mending_keeps_as_well() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, n int)");
    link.run_there("ALTER TABLE public.a ADD COLUMN own text, ALTER n TYPE text; INSERT INTO public.a VALUES (1, '7', 'mine')");
    let drifted: i64 = scalar(&mut link.source(), &format!("SELECT count(*) FROM accord.drift('{REPLICA}')"));
    assert!(drifted > 0);
    link.run(&format!("SELECT * FROM accord.synchronize('{REPLICA}', dry_run => false, drop_own => true)"));
    let mended = eventually(Duration::from_secs(30), || {
        let state: String =
            scalar(&mut link.source(), "SELECT coalesce((SELECT state FROM accord.mending ORDER BY requested_at DESC LIMIT 1), '')");
        (state == "acknowledged").then_some(())
    });
    assert!(mended.is_some(), "{}", link.report());
    assert_eq!(
        kept(&link).iter().map(|line| line.replace(" before they became integer", "")).collect::<std::collections::BTreeSet<_>>(),
        ["kept: the values of column public.a.n, 1", "kept: the values of column public.a.own, 1"].into_iter().map(str::to_owned).collect()
    );
    // What was the replica's own is no version's: no later one is taken for its reverse.
    link.follow("ALTER TABLE public.a ADD COLUMN own text");
    assert_eq!(rows(&link, "public.a"), "{\"n\": 7, \"id\": 1, \"own\": null}");
    link.assert_agreement();
}

#[test]
fn what_is_kept_is_in_no_model() {
    let link = keeping("{}");
    link.follow("CREATE TABLE public.a (id int PRIMARY KEY, b text)");
    link.follow("ALTER TABLE public.a DROP COLUMN b; DROP TABLE public.a");
    let mut there = link.replica();
    let (named, before): (i64, i64) = {
        let row = there.query_one("SELECT (length(accord.model()::text) - length(replace(accord.model()::text, 'accord_kept', '')))::bigint, accord.version()", &[]).expect("model");
        (row.get(0), row.get(1))
    };
    assert_eq!(named, 0);
    batch(
        &mut there,
        "CREATE TABLE accord_kept.mine (a int); ALTER TABLE accord_kept.mine ADD COLUMN b int; CREATE TABLE accord_kept.other AS SELECT 1 AS a; DROP TABLE accord_kept.mine, accord_kept.other",
    );
    let (after, drifted): (i64, i64) = (scalar(&mut there, "SELECT accord.version()"), scalar(&mut there, "SELECT accord.reconcile()"));
    assert_eq!((after, drifted), (before, 0), "nothing of it is a change of the schema");
    let found: i64 = scalar(&mut link.source(), &format!("SELECT count(*) FROM accord.drift('{REPLICA}')"));
    assert_eq!(found, 0);
    link.assert_agreement();
}
