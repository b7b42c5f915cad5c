//! Users of the source who mean no good: who may create objects, and no more.

use crate::support::link::{batch, failure, scalar};
use crate::support::{Link, Pair};
use postgres::Client;

/// A role that may create schemas and tables.
struct Mallory {
    role: String,
    client: Client,
}

impl Mallory {
    fn on(link: &Link) -> Self {
        let role = format!("mallory_{}", link.db);
        link.run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}; GRANT CREATE ON SCHEMA public TO {role}",
            link.db
        ));
        let client = link.pair.source.try_client_as(&link.db, &role).expect("connect");
        Self { role, client }
    }
}

/// Reading, writing, forging, stopping: each refused.
#[test]
fn who_may_create_tables_can_do_nothing_to_the_outbox() {
    let link = Link::attached(Pair::shared());
    let mut mallory = Mallory::on(&link);
    let worker = link.wait_for_worker();
    batch(&mut mallory.client, "CREATE TABLE public.hers (id int)");
    let relations: Vec<(String, String)> = link
        .source()
        .query("SELECT c.oid::regclass::text, c.relkind::text FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind IN ('r', 'v', 'S')", &[])
        .expect("the relations")
        .into_iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    assert!(relations.len() > 20);
    let mut attempts: Vec<String> = Vec::new();
    for (name, kind) in &relations {
        let all = [
            format!("SELECT * FROM {name}"),
            format!("DELETE FROM {name}"),
            format!("TRUNCATE {name}"),
            format!("DO 'BEGIN LOCK TABLE {name} IN ACCESS SHARE MODE; END'"),
            format!("CREATE RULE r AS ON INSERT TO {name} DO INSTEAD NOTHING"),
            format!("CREATE TRIGGER t AFTER INSERT ON {name} EXECUTE FUNCTION suppress_redundant_updates_trigger()"),
            format!("ALTER TABLE {name} DISABLE TRIGGER ALL"),
            format!("CREATE POLICY p ON {name}"),
            format!("DROP TABLE {name}"),
            format!("COMMENT ON TABLE {name} IS 'mine'"),
            format!("ALTER TABLE {name} OWNER TO {}", mallory.role),
            format!("CREATE TABLE public.child () INHERITS ({name})"),
            format!("CREATE TABLE public.reference (id int REFERENCES {name})"),
        ];
        attempts.extend(all.into_iter().take(if kind == "r" { 13 } else { 1 }));
    }
    let functions: Vec<String> = link
        .source()
        .query(
            "SELECT format('SELECT accord.%I(%s)', p.proname,
                           (SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY a (t, n)))
               FROM pg_proc p WHERE p.pronamespace = 'accord'::regnamespace AND p.prorettype <> 'event_trigger'::regtype",
            &[],
        )
        .expect("the functions")
        .into_iter()
        .map(|row| row.get(0))
        .collect();
    assert!(functions.len() > 30);
    attempts.extend(functions);
    let stopping = [
        "SET accord.capture = off",
        "SET accord.on_capture_error = warn",
        "SET session_replication_role = replica",
        "ALTER SYSTEM SET accord.databases = ''",
        "ALTER EVENT TRIGGER accord_ddl_command_end DISABLE",
        "DROP EXTENSION pg_accord",
        "ALTER EXTENSION pg_accord DROP TABLE accord.event",
        "ALTER EXTENSION pg_accord SET SCHEMA public",
        "CREATE TABLE accord.event2 (id int)",
        "CREATE FUNCTION accord.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP SCHEMA accord CASCADE",
        "ALTER SCHEMA accord RENAME TO a",
        "GRANT USAGE ON SCHEMA accord TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO PUBLIC",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
    ];
    attempts.extend(stopping.map(str::to_owned));
    for attempt in &attempts {
        // 42501: not allowed. 42P17, 42809: not for such an object, whoever asks.
        let refused = failure(&mut mallory.client, attempt);
        let gone = attempt.contains("EVENT TRIGGER e ") && refused.sqlstate() == "42883";
        assert!(refused.sqlstate() == "42501" || gone, "{attempt}: {}", refused.0);
    }
    for signal in ["pg_terminate_backend", "pg_cancel_backend"] {
        assert_eq!(failure(&mut mallory.client, &format!("SELECT {signal}({worker})")).sqlstate(), "42501");
    }
    link.follow("ALTER TABLE public.hers ADD COLUMN b int");
    link.assert_agreement();
}

/// Whatever locks she can take and however long she holds them: versions are numbered and arrive.
#[test]
fn who_may_create_tables_cannot_hold_the_versions_up() {
    let link = Link::attached(Pair::shared());
    let mut mallory = Mallory::on(&link);
    let known: Vec<String> =
        (0..4).flat_map(|key| [format!("pg_advisory_lock(1633903460, {key})"), format!("pg_advisory_lock({key})")]).collect();
    batch(&mut mallory.client, &format!("SELECT {}", known.join(", ")));
    batch(&mut mallory.client, "BEGIN; CREATE TABLE public.open (id int); LISTEN accord");
    link.follow("CREATE TABLE public.a (id int)");
    link.run("SELECT accord.reconcile()");
    batch(&mut mallory.client, "COMMIT");
    link.wait();
    assert!(link.exists_there("public.open"));
}

/// A copy of each of the catalog's functions and operators that tells when it is called.
const TRAPS: &str = r"
CREATE SCHEMA trap;
DO $do$
DECLARE r record; body text := $$ DECLARE here text; BEGIN GET DIAGNOSTICS here = PG_CONTEXT; RAISE LOG 'sprung for % in %: %', current_user, current_query(), here; RAISE EXCEPTION 'sprung'; END $$;
BEGIN
    FOR r IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS result, p.proretset
               FROM pg_proc p
              WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0 AND p.proallargtypes IS NULL
                AND (SELECT typtype FROM pg_type t WHERE t.oid = p.prorettype) <> 'p'
                AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type t ON t.oid = a WHERE t.typtype = 'p')
    LOOP
        EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s%s LANGUAGE plpgsql SET search_path = pg_catalog AS %L', r.proname, r.arguments,
                       CASE WHEN r.proretset THEN 'SETOF ' ELSE '' END, r.result, body);
    END LOOP;
    FOR r IN SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result, o.oprleft = 0 AS prefix, o.oid
               FROM pg_operator o
              WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprcode <> 0
                AND o.oprleft = ANY ('{0,16,17,18,19,20,21,23,25,26,28,114,1009,1028,1184,1186,2950,3802,701}'::oid[])
                AND o.oprright = ANY ('{16,17,18,19,20,21,23,25,26,28,114,1009,1028,1184,1186,2950,3802,701}'::oid[])
    LOOP
        EXECUTE format('CREATE FUNCTION trap.of_%s(%s %s) RETURNS %s LANGUAGE plpgsql SET search_path = pg_catalog AS %L', r.oid, CASE WHEN r.prefix THEN '' ELSE r.l || ',' END,
                       r.r, r.result, body);
        EXECUTE format('CREATE OPERATOR trap.%s (%s RIGHTARG = %s, FUNCTION = trap.of_%s)', r.oprname,
                       CASE WHEN r.prefix THEN '' ELSE 'LEFTARG = ' || r.l || ',' END, r.r, r.oid);
    END LOOP;
END $do$;
CREATE DOMAIN trap.jsonb AS pg_catalog.jsonb CHECK (trap.of_96(1, 1));
CREATE DOMAIN trap.regclass AS pg_catalog.regclass CHECK (trap.of_96(1, 1));
CREATE TABLE trap.pg_class (oid int);
CREATE TABLE trap.pg_depend (oid int);
GRANT USAGE ON SCHEMA trap TO PUBLIC;
";

/// Functions, operators and types in front of the catalog's, in her path and in the database's: ours calls none.
#[test]
fn what_a_user_plants_is_not_called() {
    let link = Link::empty(Pair::own("traps"));
    for mut client in [link.source(), link.replica()] {
        batch(&mut client, TRAPS);
        let planted: i64 = scalar(&mut client, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace");
        assert!(planted > 1500, "{planted}");
        batch(&mut client, "CREATE EXTENSION pg_accord");
    }
    link.pair.serve(&link.db);
    link.add("{}");
    link.wait();
    // The worker's, that of its session on the replica, everybody's: all begin anew with it.
    for cluster in [&link.pair.source, &link.pair.replica] {
        let mut client = cluster.client("postgres");
        batch(&mut client, &format!("ALTER DATABASE {} SET search_path = trap, pg_catalog, public", link.db));
        batch(&mut client, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", link.db));
    }
    let mut client = link.source();
    assert_eq!(scalar::<String>(&mut client, "SHOW search_path"), "trap, pg_catalog, public");
    for sql in [
        "CREATE SCHEMA s",
        "CREATE TABLE s.a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b pg_catalog.text NOT NULL DEFAULT 'x', c int, UNIQUE (b, c))",
        "CREATE TABLE s.p (id int, d date) PARTITION BY RANGE (d); CREATE TABLE s.p1 PARTITION OF s.p DEFAULT",
        "CREATE TYPE s.mood AS ENUM ('sad', 'happy'); ALTER TYPE s.mood ADD VALUE 'ok' AFTER 'sad'",
        "ALTER TABLE s.a ADD COLUMN e s.mood, ADD COLUMN f int; ALTER TABLE s.a RENAME COLUMN f TO g; ALTER TABLE s.a ALTER g TYPE bigint",
        "CREATE INDEX ON s.a (c); CREATE VIEW s.v AS SELECT id, b FROM s.a; CREATE MATERIALIZED VIEW s.m AS SELECT id FROM s.a",
        "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON TABLE s.a IS 'a'; GRANT SELECT ON s.a TO PUBLIC",
        "CREATE TABLE s.serial (id serial); DROP TABLE s.serial; DROP VIEW s.v; ALTER TABLE s.a DROP COLUMN c",
        "CREATE INDEX CONCURRENTLY by_b ON s.a (b)",
    ] {
        for statement in sql.split("; ") {
            batch(&mut client, statement);
        }
        link.wait();
    }
    for sql in [
        "SELECT accord.version()",
        "SELECT accord.fingerprint(true)",
        "SELECT accord.model()",
        "SELECT accord.reconcile()",
        "SELECT * FROM accord.drift('warehouse')",
        "SELECT * FROM accord.synchronize('warehouse')",
        "SELECT * FROM accord.diff(1, 5)",
        "SELECT * FROM accord.plan(1, 5)",
        "SELECT accord.reverse_ddl(5)",
        "TABLE accord.status",
        "TABLE accord.deliveries",
        "TABLE accord.events",
        "TABLE accord.versions",
    ] {
        batch(&mut client, sql);
    }
    link.assert_agreement();
    for cluster in [&link.pair.source, &link.pair.replica] {
        let log = cluster.log();
        let sprung: Vec<&str> = log.lines().filter(|line| line.contains("sprung")).take(10).collect();
        assert!(sprung.is_empty(), "{}", sprung.join("\n"));
    }
    // That the traps work at all.
    failure(&mut client, "SELECT length('abc'::text)");
    assert!(link.pair.source.log().contains("sprung"));
}
