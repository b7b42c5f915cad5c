//! Who may do what with each object of the extension: tried by each kind of role, and compared with rights.txt.

use crate::support::link::batch;
use crate::support::{Link, Pair};
use postgres::Client;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const EXPECTED: &str = include_str!("rights.txt");
/// The columns of rights.txt.
const ROLES: [&str; 5] = ["nobody", "maker", "monitor", "carrier", "postgres"];

/// `-`, or what went through.
fn verdict(client: &mut Client, object: &str, kind: &str) -> String {
    let allowed = |client: &mut Client, sql: &str| {
        let tried = client.batch_execute(&format!("BEGIN; SET LOCAL statement_timeout = '10s'; {sql}"));
        client.batch_execute("ROLLBACK").expect("ROLLBACK");
        !tried.is_err_and(|error| error.code().is_some_and(|code| code.code() == "42501"))
    };
    let attempts: &[(&str, String)] = &match kind {
        "function" => vec![("x", format!("SELECT {object}"))],
        "schema" => vec![("u", format!("SELECT '{object}.event'::regclass, 1 / has_schema_privilege('{object}', 'USAGE')::int"))],
        "sequence" => vec![("r", format!("SELECT last_value FROM {object}")), ("w", format!("SELECT setval('{object}', 1)"))],
        _ => {
            let column: String = client
                .query_one(&format!("SELECT attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE format('%I.%I', nspname, relname) = '{object}' AND attnum > 0 AND attidentity = '' AND NOT attisdropped ORDER BY attnum LIMIT 1"), &[])
                .expect("a column")
                .get(0);
            let mut attempts = vec![("r", format!("SELECT FROM {object} LIMIT 0"))];
            if kind == "table" {
                attempts.extend([
                    ("i", format!("INSERT INTO {object} SELECT FROM {object} WHERE false")),
                    ("u", format!("UPDATE {object} SET {column} = {column} WHERE false")),
                    ("d", format!("DELETE FROM {object} WHERE false")),
                    ("t", format!("TRUNCATE {object} CASCADE")),
                ]);
            }
            attempts
        }
    };
    let word: String = attempts.iter().filter(|(_, sql)| allowed(client, sql)).map(|(letter, _)| *letter).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// Every object of the extension has a row in rights.txt, and what each kind of role can do with it is what stands
/// there. What was found is written to target/rights.txt: read the difference before it is copied.
#[test]
fn each_object_by_each_kind_of_role() {
    let link = Link::bare(Pair::own("rights"));
    let db = &link.db;
    // The table owner may create schemas and tables; the carrier has what the README grants a replica's role.
    link.run(&format!(
        "CREATE ROLE nobody LOGIN; CREATE ROLE maker LOGIN; CREATE ROLE monitor LOGIN IN ROLE pg_monitor; CREATE ROLE carrier LOGIN;
         GRANT CREATE ON DATABASE {db} TO maker; GRANT CREATE ON SCHEMA public TO maker, carrier; GRANT CREATE ON DATABASE {db} TO carrier;
         GRANT USAGE ON SCHEMA accord TO carrier;
         GRANT EXECUTE ON FUNCTION accord.hello(jsonb), accord.inspect(jsonb), accord.negotiate(jsonb), accord.apply(jsonb) TO carrier"
    ));
    batch(&mut link.pair.source.try_client_as(db, "maker").expect("connect"), "CREATE TABLE public.hers (id int)");
    let objects: Vec<(String, String, String)> = link
        .source()
        // A constant null would be the answer of a strict function before anybody asked who calls it.
        .query(
            "SELECT 'function', p.oid::regprocedure::text,
                    format('accord.%I(%s)', p.proname, (SELECT string_agg('(SELECT NULL::' || t::regtype || ')', ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n)))
               FROM pg_proc p WHERE p.pronamespace = 'accord'::regnamespace
             UNION ALL
             SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'other ' || c.relkind::text END, c.oid::regclass::text, c.oid::regclass::text
               FROM pg_class c WHERE c.relnamespace IN ('accord'::regnamespace, 'accord_kept'::regnamespace) AND c.relkind NOT IN ('i', 't', 'I')
             UNION ALL
             SELECT 'schema', n.nspname, n.nspname FROM pg_namespace n WHERE n.nspname LIKE 'accord%'
             ORDER BY 1, 2",
            &[],
        )
        .expect("the objects")
        .into_iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    assert!(objects.len() > 130, "{}", objects.len());
    let mut clients: Vec<Client> =
        ROLES.iter().map(|role| link.pair.source.try_client_as(db, role).unwrap_or_else(|error| panic!("{role}: {error}"))).collect();
    let expected: BTreeMap<&str, &str> =
        EXPECTED.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": ")).collect();
    let mut found = format!("# object: {} (what each may do; - for nothing)\n", ROLES.join(" "));
    let mut words = Vec::new();
    for (kind, name, call) in &objects {
        let verdicts: Vec<String> = clients.iter_mut().map(|client| verdict(client, call, kind)).collect();
        let (object, verdicts) = (format!("{kind} {name}"), verdicts.join(" "));
        writeln!(found, "{object}: {verdicts}").expect("a string");
        match expected.get(object.as_str()) {
            Some(wanted) if *wanted == verdicts => {}
            Some(wanted) => words.push(format!("{object}: rights.txt says {wanted}, it is {verdicts}")),
            None => words.push(format!("{object}: {verdicts}, and no row of rights.txt says what it may be")),
        }
    }
    for object in expected.keys() {
        if !objects.iter().any(|(kind, name, _)| format!("{kind} {name}") == *object) {
            words.push(format!("{object}: a row of rights.txt and no object"));
        }
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/target/rights.txt"), found).expect("write target/rights.txt");
    assert!(words.is_empty(), "{}", words.join("\n"));
}
