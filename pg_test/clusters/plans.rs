//! Differences, plans, past versions, and the way back to them.

use crate::support::cluster::literal;
use crate::support::link::{batch, failure, scalar};
use crate::support::{Link, Pair};
use postgres::Client;

fn rows(client: &mut Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).unwrap_or_else(|error| panic!("{error:?}\n{sql}")).iter().map(|row| row.get(0)).collect()
}

/// A schema that is made, renamed, taken apart and made again, one version a line.
const EVOLUTION: &[&str] = &[
    "CREATE SCHEMA shop",
    "CREATE TABLE shop.orders (id int PRIMARY KEY, total int NOT NULL, note text)",
    "CREATE VIEW shop.large AS SELECT id, total FROM shop.orders WHERE total > 100",
    "ALTER TABLE shop.orders RENAME COLUMN note TO remark; COMMENT ON COLUMN shop.orders.remark IS 'x'",
    "CREATE TYPE shop.state AS ENUM ('new', 'paid'); ALTER TABLE shop.orders ADD state shop.state DEFAULT 'new'",
    "ALTER TABLE shop.orders RENAME TO purchases",
    "ALTER TABLE shop.purchases DROP COLUMN remark; GRANT SELECT ON shop.purchases TO PUBLIC",
    "DROP VIEW shop.large; ALTER TABLE shop.purchases ALTER total TYPE numeric(12,2)",
    "CREATE TABLE shop.orders (id bigint, total text)",
    "ALTER TYPE shop.state ADD VALUE 'sent'",
    "BEGIN; ALTER TABLE shop.orders RENAME COLUMN id TO aside; ALTER TABLE shop.orders RENAME COLUMN total TO id;
     ALTER TABLE shop.orders RENAME COLUMN aside TO total; COMMIT",
    "DROP TABLE shop.orders; CREATE INDEX ON shop.purchases (state)",
    "DROP SCHEMA shop CASCADE",
    "CREATE SCHEMA shop; CREATE TABLE shop.purchases (a int)",
];

/// Each version's number, fingerprint and model, as they were when it was the newest.
fn evolve(client: &mut Client) -> Vec<(i64, String, String)> {
    let mut seen = Vec::new();
    for sql in EVOLUTION {
        batch(client, sql);
        let version: i64 = scalar(client, "SELECT accord.version()");
        seen.push((
            version,
            scalar(client, "SELECT accord.fingerprint()"),
            scalar(client, r#"SELECT accord.model('{"owners": true, "privileges": true}'::jsonb, true)::text"#),
        ));
    }
    seen
}

#[test]
fn any_past_version_is_rebuilt() {
    let link = Link::bare(Pair::shared());
    let mut client = link.source();
    let seen = evolve(&mut client);
    for (version, fingerprint, model) in &seen {
        let found: String = scalar(&mut client, &format!("SELECT accord.model({version}) ->> 'fingerprint'"));
        assert_eq!(found, *fingerprint, "version {version}");
        let whole = r#"'{"owners": true, "privileges": true}'"#;
        let left: i64 =
            scalar(&mut client, &format!("SELECT count(*) FROM accord.diff({}::jsonb, accord.model({version}, {whole}))", literal(model)));
        assert_eq!(left, 0, "version {version}");
    }
    let nothing: String = scalar(&mut client, "SELECT accord.model(0) ->> 'fingerprint'");
    assert_eq!(nothing, scalar::<String>(&mut client, "SELECT fingerprint FROM accord.versions WHERE version = 0"));
    let unknown = failure(&mut client, "SELECT accord.model(4711)");
    assert_eq!(unknown.sqlstate(), "42704");
    unknown.assert_clear();
}

#[test]
fn a_history_that_was_tampered_with_is_not_rebuilt() {
    let link = Link::bare(Pair::shared());
    let mut client = link.source();
    batch(&mut client, "CREATE TABLE public.t (a int)");
    let version: i64 = scalar(&mut client, "SELECT accord.version()");
    batch(&mut client, "DROP TABLE public.t");
    let _: i64 = scalar(&mut client, "SELECT accord.version()");
    batch(&mut client, "UPDATE accord.event SET changes = replace(changes::text, '\"integer\"', '\"bigint\"')::json");
    let broken = failure(&mut client, &format!("SELECT accord.model({version})"));
    assert_eq!(broken.sqlstate(), "XX001");
    assert!(broken.says("recorded fingerprint") && broken.says("accord.reconcile()"), "{}", broken.0);
}

#[test]
fn differences_say_what_was_renamed_and_what_was_altered() {
    let link = Link::bare(Pair::shared());
    let mut client = link.source();
    let seen = evolve(&mut client);
    let (first, last) = (seen[1].0, seen[5].0);
    let shown = |client: &mut Client, of: &str| {
        rows(
            client,
            &format!("SELECT concat_ws(' | ', change, was, id, before, after) FROM accord.diff({of}) d WHERE id !~ '^(owner|position)'"),
        )
    };
    let found = shown(&mut client, &format!("{first}, {last}"));
    assert!(found.contains(&"rename | table shop.orders | table shop.purchases | {} | {}".to_owned()), "{found:#?}");
    assert!(found.contains(&"rename | column shop.orders.note | column shop.purchases.remark | {} | {}".to_owned()), "{found:#?}");
    assert!(found.iter().any(|row| row.starts_with("create | comment on column shop.purchases.remark | {\"text\": \"x\"}")), "{found:#?}");
    // An object that is gone since is known by the event that it went with: orders were purchases here.
    let (sixth, later) = (seen[8].0, seen[10].0);
    let found = shown(&mut client, &format!("{sixth}, {later}"));
    assert!(found.iter().any(|row| row.starts_with("rename | column shop.orders.id | column shop.orders.total")), "{found:#?}");
    // Documents with keys say the same; without, one goes and one comes, and a hint offers the rename.
    let (one, other) = (format!("accord.model({first}, keys => true)"), format!("accord.model({last}, keys => true)"));
    assert!(shown(&mut client, &format!("{one}, {other}")).iter().any(|row| row.starts_with("rename | table shop.orders")));
    let (one, other) = (format!("accord.model({first})"), format!("accord.model({last})"));
    let found = shown(&mut client, &format!("{one}, {other}"));
    assert!(
        found.iter().any(|row| row.starts_with("drop | table shop.orders")) && !found.iter().any(|row| row.starts_with("rename")),
        "{found:#?}"
    );
    let hint = client
        .query_one(&format!("SELECT confidence, was, id, rename::text FROM accord.rename_hints({one}, {other}) LIMIT 1"), &[])
        .unwrap();
    assert_eq!((hint.get::<_, String>(1), hint.get::<_, String>(2)), ("table shop.orders".to_owned(), "table shop.purchases".to_owned()));
    assert!((0.4..=1.0).contains(&hint.get::<_, f64>(0)));
    // Not acted on by itself, on request by confidence or by name.
    let plan =
        |client: &mut Client, options: &str| rows(client, &format!("SELECT sql FROM accord.plan({one}, {other}, {})", literal(options)));
    assert!(plan(&mut client, "{}").iter().any(|sql| sql.starts_with("DROP TABLE shop.orders")));
    let warned: i64 = scalar(
        &mut client,
        &format!("SELECT count(*) FROM accord.plan({one}, {other}) p, unnest(p.warnings) w WHERE w LIKE '%may have become%'"),
    );
    assert_eq!(warned, 1);
    let rename = format!("{{\"renames\": [{}]}}", hint.get::<_, String>(3));
    for options in ["{\"accept_hints\": 0.4}", &rename] {
        let sql = plan(&mut client, options);
        assert!(sql.contains(&"ALTER TABLE shop.orders RENAME TO purchases".to_owned()), "{sql:#?}");
        assert!(!sql.iter().any(|sql| sql.starts_with("DROP TABLE")), "{sql:#?}");
    }
    let wrong = failure(
        &mut client,
        &format!(
            "SELECT * FROM accord.plan({one}, {other}, '{{\"renames\": [{{\"kind\": \"table\", \"from\": [\"a\", \"b\"], \"to\": [\"a\", \"c\"]}}]}}')"
        ),
    );
    assert_eq!(wrong.sqlstate(), "22023");
    wrong.assert_clear();
}

#[test]
fn a_plan_of_documents_leads_another_database_to_the_same_schema() {
    let link = Link::bare(Pair::shared());
    let (mut here, mut there) = (link.source(), link.replica());
    let seen = evolve(&mut here);
    let whole = r#"'{"privileges": true}'"#;
    for (version, fingerprint, _) in &seen {
        let target: String = scalar(&mut here, &format!("SELECT accord.model({version}, {whole})::text"));
        let sql = rows(&mut there, &format!("SELECT sql FROM accord.plan(accord.model({whole}::jsonb), {}::jsonb)", literal(&target)));
        batch(&mut there, &sql.join(";\n"));
        // A column that comes back comes last.
        let content: String = scalar(&mut there, r#"SELECT accord.fingerprint(true, '{"column_order": false}')"#);
        assert_eq!(
            content,
            scalar::<String>(&mut here, &format!("SELECT content FROM accord.versions WHERE version = {version}")),
            "version {version}"
        );
        let _ = fingerprint;
    }
}

#[test]
fn steps_say_what_they_cost() {
    let link = Link::bare(Pair::shared());
    let mut client = link.source();
    batch(
        &mut client,
        "CREATE TABLE public.t (a int, b text); INSERT INTO public.t SELECT i, repeat('x', 500) FROM generate_series(1, 5000) i; ANALYZE public.t",
    );
    let before: i64 = scalar(&mut client, "SELECT accord.version()");
    batch(&mut client, "ALTER TABLE public.t ALTER a TYPE bigint; CREATE INDEX i ON public.t (b)");
    let after: i64 = scalar(&mut client, "SELECT accord.version()");
    let of = |client: &mut Client, options: &str| {
        client.query(&format!("SELECT sql, lock, rewrites, scans, transactional, (estimate ->> 'read_bytes')::bigint, (estimate ->> 'duration_ms')::float8, locks FROM accord.plan({before}, {after}, {})", literal(options)), &[]).unwrap()
    };
    let plain = of(&mut client, "{}");
    assert_eq!(plain.len(), 2);
    assert_eq!((plain[0].get::<_, Option<String>>(1).unwrap().as_str(), plain[0].get::<_, bool>(2)), ("ACCESS EXCLUSIVE", true));
    assert_eq!(
        (plain[1].get::<_, Option<String>>(1).unwrap().as_str(), plain[1].get::<_, bool>(3), plain[1].get::<_, bool>(4)),
        ("SHARE", true, true)
    );
    assert_eq!(plain[1].get::<_, Vec<String>>(7), ["table public.t"]);
    assert_eq!(plain[0].get::<_, i64>(5), 0);
    let given = of(&mut client, r#"{"sizes": {"public.t": {"rows": 10, "bytes": 600000000}}}"#);
    assert!(given[0].get::<_, f64>(6) > 5000.0);
    let here = of(&mut client, r#"{"sizes": "database", "online": true}"#);
    assert!(here[0].get::<_, i64>(5) > 2_000_000);
    assert!(here[1].get::<_, String>(0).starts_with("CREATE INDEX CONCURRENTLY"));
    assert_eq!((here[1].get::<_, Option<String>>(1).unwrap().as_str(), here[1].get::<_, bool>(4)), ("SHARE UPDATE EXCLUSIVE", false));
    for (options, words) in
        [("{\"onlin\": true}", "onlin"), ("{\"sizes\": 5}", "sizes"), ("{\"accept_hints\": 7}", "accept_hints"), ("[]", "")]
    {
        let refused = failure(&mut client, &format!("SELECT * FROM accord.plan({before}, {after}, '{options}')"));
        assert_eq!(refused.sqlstate(), "22023");
        assert!(refused.says(words), "{}", refused.0);
        refused.assert_clear();
    }
}

#[test]
fn revert_to_leads_to_any_version() {
    let link = Link::attached(Pair::shared());
    let mut client = link.source();
    let seen = evolve(&mut client);
    // Back, forward, far and near; the replica follows each.
    for i in [9, 4, 12, 0, 8, 7, 10, 1, 13, 5] {
        let (version, _, _) = &seen[i];
        let dry = rows(&mut client, &format!("SELECT sql FROM accord.revert_to({version}, dry_run => true)"));
        let done = rows(&mut client, &format!("SELECT sql FROM accord.revert_to({version})"));
        assert_eq!(dry, done);
        let newest: i64 = scalar(&mut client, "SELECT accord.version()");
        let same: bool = scalar(
            &mut client,
            &format!(
                "SELECT a.content = b.content FROM accord.versions a, accord.versions b WHERE a.version = {newest} AND b.version = {version}"
            ),
        );
        assert!(same, "version {version}: {done:#?}");
        assert!(rows(&mut client, &format!("SELECT sql FROM accord.revert_to({version}, true)")).is_empty());
    }
    link.wait();
    link.assert_agreement();
}

#[test]
fn revert_to_has_the_callers_rights_and_undoes_what_fails() {
    let link = Link::bare(Pair::shared());
    let mut client = link.source();
    let role = format!("reverter_{}", link.db);
    batch(&mut client, &format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA s; CREATE TABLE s.t (a int)"));
    let before: i64 = scalar(&mut client, "SELECT accord.version()");
    batch(&mut client, "ALTER TABLE s.t ADD b int; CREATE VIEW s.v AS SELECT b FROM s.t");
    batch(
        &mut client,
        &format!("GRANT USAGE ON SCHEMA accord TO {role}; GRANT EXECUTE ON FUNCTION accord.revert_to(bigint, boolean, jsonb) TO {role}"),
    );
    let mut modest = link.pair.source.try_client_as(&link.db, &role).expect("connect");
    let refused = failure(&mut modest, &format!("SELECT accord.revert_to({before})"));
    assert_eq!(refused.sqlstate(), "42501");
    let listed = rows(&mut modest, &format!("SELECT sql FROM accord.revert_to({before}, dry_run => true)"));
    assert_eq!(listed, ["DROP VIEW s.v", "ALTER TABLE ONLY s.t DROP COLUMN b"]);
    let loss: Vec<String> =
        modest.query_one(&format!("SELECT loss FROM accord.revert_to({before}, true) WHERE step = 2"), &[]).unwrap().get(0);
    assert_eq!(loss, ["the values of column s.t.b"]);
    // What cannot run in a transaction is said so, and nothing is done.
    batch(&mut client, "CREATE INDEX i ON s.t (b)");
    let alone = failure(&mut client, &format!("SELECT accord.revert_to({before}, options => '{{\"online\": true}}')"));
    assert_eq!(alone.sqlstate(), "25001");
    alone.assert_clear();
    assert!(rows(&mut client, "SELECT 'x' WHERE to_regclass('s.v') IS NULL").is_empty());
    drop(modest);
    batch(&mut client, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn hostile_models_are_refused_with_their_place() {
    let link = Link::bare(Pair::shared());
    let mut client = link.source();
    let model = |facts: &str| format!("'{{\"facts\": [{facts}]}}'::jsonb");
    let table = r#"{"kind": "table", "path": ["s", "t"], "attributes": {}}"#;
    let column = |data_type: &str| format!(r#"{{"kind": "column", "path": ["s", "t", "c"], "attributes": {{"type": "{data_type}"}}}}"#);
    let cases = [
        ("'[]'::jsonb".to_owned(), "JSON object"),
        ("'{\"facts\": [], \"extra\": 1}'::jsonb".to_owned(), "extra"),
        ("'{\"facts\": [], \"reader\": 99}'::jsonb".to_owned(), "reader 99"),
        (model(&format!("{table}, {table}")), "fact 2: table s.t stands twice"),
        (model(r#"{"kind": "table", "path": ["s"]}"#), "fact 1"),
        (model(r#"{"kind": "tables", "path": ["s", "t"]}"#), "tables"),
        (model(r#"{"kind": "table", "path": ["s", "t"], "attributes": {"speed": 5}}"#), "speed"),
        (model(&format!("{table}, {}", column("integer; DROP TABLE x"))), "integer; DROP TABLE x"),
        (model(&format!("{table}, {}", column("integer) --"))), "column s.t.c"),
    ];
    for (document, words) in &cases {
        for call in [format!("accord.diff({document}, accord.model())"), format!("accord.plan(accord.model(), {document})")] {
            let refused = failure(&mut client, &format!("SELECT * FROM {call}"));
            assert!(["22023", "0A000"].contains(&refused.sqlstate()), "{}", refused.0);
            assert!(refused.says(words), "{words}: {}", refused.0);
            refused.assert_clear();
        }
    }
    // A model that keeps a part of what it drops.
    let (whole, part) = (model(&format!("{table}, {}", column("integer"))), model(&column("integer")));
    let refused = failure(&mut client, &format!("SELECT * FROM accord.plan({whole}, {part})"));
    assert_eq!(refused.sqlstate(), "0A000");
    assert!(refused.says("column s.t.c"), "{}", refused.0);
    refused.assert_clear();
    // Nobody else may call them.
    for function in [
        "accord.diff(jsonb, jsonb)",
        "accord.plan(bigint, bigint, jsonb)",
        "accord.revert_to(bigint, boolean, jsonb)",
        "accord.model(bigint, jsonb, boolean)",
    ] {
        assert!(!scalar::<bool>(&mut client, &format!("SELECT has_function_privilege('public', '{function}', 'EXECUTE')")), "{function}");
    }
}
