//! Foreign data, publications, subscriptions, event triggers, default privileges: what follows, what follows where
//! it is named, and what never does.

use crate::support::cluster::knows;
use crate::support::link::{batch, scalar};
use crate::support::{Link, Pair};

/// A row of one value for each object, from both sides.
#[track_caller]
fn both(link: &Link, sql: &str) -> [Vec<String>; 2] {
    [link.source(), link.replica()].map(|mut client| client.query(sql, &[]).expect(sql).iter().map(|row| row.get(0)).collect())
}

/// The replica has just what the source has, which is so many rows.
#[track_caller]
fn alike(link: &Link, sql: &str, count: usize) {
    let [ours, theirs] = both(link, sql);
    assert_eq!(ours, theirs, "{sql}\n{}", link.report());
    assert_eq!(ours.len(), count, "{ours:?}");
}

/// The source has so many rows, the replica none.
#[track_caller]
fn only_here(link: &Link, sql: &str, count: usize) {
    let [ours, theirs] = both(link, sql);
    assert_eq!((ours.len(), theirs), (count, Vec::new()), "{sql}");
}

const WRAPPERS: &str =
    "SELECT fdwname || coalesce(array_to_string(fdwoptions, ','), '') FROM pg_foreign_data_wrapper WHERE oid >= 16384 ORDER BY 1";
const SERVERS: &str =
    "SELECT srvname || coalesce(srvversion, '') || coalesce(array_to_string(srvoptions, ','), '') FROM pg_foreign_server ORDER BY 1";
const TABLES: &str = "SELECT ftrelid::regclass || coalesce(array_to_string(ftoptions, ','), '') FROM pg_foreign_table ORDER BY 1";
const MAPPINGS: &str = "SELECT srvname || usename || array_to_string(umoptions, ',') FROM pg_user_mappings ORDER BY 1";
// (14 has no row filters.)
const PUBLICATIONS: &str =
    "SELECT p.pubname || p.pubviaroot || coalesce(t.tablename, '') || coalesce(to_jsonb(t) ->> 'rowfilter', '') FROM pg_publication p
    LEFT JOIN pg_publication_tables t USING (pubname) ORDER BY 1";
const EVENT_TRIGGERS: &str = "SELECT evtname || evtenabled::text FROM pg_event_trigger WHERE evtname NOT LIKE 'accord%' ORDER BY 1";
const DEFAULT_ACLS: &str = "SELECT defaclobjtype::text || array_to_string(defaclacl, ',') FROM pg_default_acl ORDER BY 1";

#[test]
fn foreign_data_follows() {
    let link = Link::with_policy(Pair::shared(), r#"{"privileges": true}"#);
    link.follow(
        "CREATE FOREIGN DATA WRAPPER files OPTIONS (a '1');
         CREATE SERVER disk VERSION '1' FOREIGN DATA WRAPPER files OPTIONS (root '/srv');
         GRANT USAGE ON FOREIGN SERVER disk TO PUBLIC;
         CREATE FOREIGN TABLE public.lines (n int OPTIONS (at '1') NOT NULL, line text CHECK (line <> '')) SERVER disk OPTIONS (file 'x');
         COMMENT ON FOREIGN TABLE public.lines IS 'lines';
         CREATE VIEW public.numbers AS SELECT n FROM public.lines",
    );
    link.assert_agreement();
    alike(&link, TABLES, 1);
    link.follow(
        "ALTER FOREIGN DATA WRAPPER files OPTIONS (SET a '2');
         ALTER SERVER disk VERSION '2' OPTIONS (SET root '/var', ADD deep 'yes');
         REVOKE USAGE ON FOREIGN SERVER disk FROM PUBLIC;
         ALTER FOREIGN TABLE public.lines OPTIONS (SET file 'y', ADD tail '9'), ALTER n OPTIONS (DROP at);
         ALTER FOREIGN TABLE public.lines ADD COLUMN length int OPTIONS (at '3') DEFAULT 0",
    );
    link.assert_agreement();
    link.follow(
        "ALTER FOREIGN DATA WRAPPER files RENAME TO paths; ALTER SERVER disk RENAME TO tape;
         ALTER FOREIGN TABLE public.lines RENAME TO rows; ALTER FOREIGN TABLE public.rows RENAME length TO size",
    );
    link.assert_agreement();
    for (sql, count) in [(WRAPPERS, 1), (SERVERS, 1), (TABLES, 1)] {
        alike(&link, sql, count);
    }
    link.follow("DROP FOREIGN DATA WRAPPER paths CASCADE");
    link.assert_agreement();
    for sql in [WRAPPERS, SERVERS, TABLES] {
        alike(&link, sql, 0);
    }
}

#[test]
fn a_server_that_was_made_by_hand_is_taken_if_it_is_alike() {
    let link = Link::bare(Pair::shared());
    let made = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'here')";
    link.run(&format!("{made}; CREATE TABLE public.a (id int)"));
    link.run_there(made);
    link.add("{}");
    link.wait();
    link.assert_agreement();
    link.run_there("CREATE SERVER other FOREIGN DATA WRAPPER w OPTIONS (host 'there')");
    link.run("CREATE SERVER other FOREIGN DATA WRAPPER w OPTIONS (host 'here')");
    let status = link.until_state(&["rejected"]);
    assert!(status.reason.contains("object of its own"), "{status:?}");
    link.run_there("ALTER SERVER other OPTIONS (SET host 'here')");
    link.resolve();
    link.wait();
    link.assert_agreement();
}

#[test]
fn what_is_a_sites_own_stays_there() {
    let link = Link::attached(Pair::shared());
    let before = link.wait();
    link.follow(
        "CREATE TABLE public.a (id int PRIMARY KEY);
         CREATE PUBLICATION out FOR TABLE public.a;
         CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
         CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'tops3cret');
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
         CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch()",
    );
    link.follow(
        "CREATE SUBSCRIPTION inward CONNECTION 'host=127.0.0.1 dbname=x password=tops3cret' PUBLICATION p, q
             WITH (connect = false, slot_name = NONE)",
    );
    let found: i64 = scalar(&mut link.source(), "SELECT accord.reconcile()");
    assert!(found >= 2, "no event trigger sees that one is made: {found}");
    assert!(link.wait() > before);
    for (sql, count) in
        [(PUBLICATIONS, 1), (MAPPINGS, 1), (DEFAULT_ACLS, 1), (EVENT_TRIGGERS, 1), ("SELECT subname FROM pg_subscription", 1)]
    {
        only_here(&link, sql, count);
    }
    alike(&link, SERVERS, 1);
    let [ours, theirs] = both(&link, "SELECT accord.fingerprint(true)");
    assert_eq!(ours, theirs);
    let row = link.source().query_one("SELECT connection, enabled, publications::text FROM accord.subscriptions", &[]).expect("read");
    let connection: String = row.get(0);
    assert!(connection.contains("host") && !connection.contains("tops3cret"), "{connection}");
    assert_eq!((row.get::<_, bool>(1), row.get::<_, String>(2)), (false, "{p,q}".to_owned()));
    link.follow(
        "ALTER SUBSCRIPTION inward SET PUBLICATION r WITH (refresh = false); ALTER PUBLICATION out RENAME TO away; DROP PUBLICATION away",
    );
    let listed: String = scalar(&mut link.source(), "SELECT publications::text FROM accord.subscriptions");
    assert_eq!(listed, "{r}");
    link.follow("DROP SUBSCRIPTION inward");
    let events: i64 =
        scalar(&mut link.source(), "SELECT count(*) FROM accord.events WHERE tag LIKE '% SUBSCRIPTION' AND statement NOT LIKE '%s3cret%'");
    assert_eq!(events, 3);
    let left: i64 = scalar(&mut link.source(), "SELECT count(*) FROM accord.subscriptions");
    assert_eq!(left, 0);
    // Its function depends on nothing that the replica lacks; the trigger itself goes unseen again.
    link.run("DROP EVENT TRIGGER watch; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC");
}

#[test]
fn what_is_a_sites_own_follows_where_it_is_named() {
    if !knows(15, "publications of schemas, columns and rows") {
        return;
    }
    let policy = r#"{"include_kinds": ["publication", "user_mapping", "event_trigger"], "privileges": true}"#;
    let link = Link::with_policy(Pair::shared(), policy);
    link.follow(
        "CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY, n int); CREATE TABLE s.b (id int);
         CREATE PUBLICATION few FOR TABLE s.a (id, n) WHERE (id > 1) WITH (publish = 'insert');
         CREATE PUBLICATION whole FOR TABLES IN SCHEMA s; COMMENT ON PUBLICATION few IS 'few';
         CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;
         CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'tops3cret');
         ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC;
         CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    );
    alike(&link, PUBLICATIONS, 3);
    alike(&link, MAPPINGS, 1);
    alike(&link, DEFAULT_ACLS, 1);
    link.follow(
        "ALTER PUBLICATION few SET TABLE s.a WHERE (n > 2), s.b; ALTER PUBLICATION few SET (publish_via_partition_root);
         ALTER PUBLICATION whole DROP TABLES IN SCHEMA s;
         ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (SET password 'new', ADD \"user\" 'u');
         ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT INSERT ON TABLES TO PUBLIC;
         ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    );
    alike(&link, PUBLICATIONS, 3);
    alike(&link, MAPPINGS, 1);
    alike(&link, DEFAULT_ACLS, 2);
    // Names change under them: the table's, its column's, the schema's, the server's.
    link.follow(
        "ALTER PUBLICATION few RENAME TO some_tables; ALTER TABLE s.a RENAME n TO number; ALTER TABLE s.b RENAME TO c;
         ALTER SCHEMA s RENAME TO t; ALTER SERVER far RENAME TO near",
    );
    alike(&link, PUBLICATIONS, 3);
    alike(&link, MAPPINGS, 1);
    link.run("CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION public.watch()");
    link.run("SELECT accord.reconcile()");
    link.wait();
    alike(&link, EVENT_TRIGGERS, 1);
    link.run("ALTER EVENT TRIGGER watch DISABLE; ALTER EVENT TRIGGER watch RENAME TO watched; SELECT accord.reconcile()");
    link.wait();
    alike(&link, EVENT_TRIGGERS, 1);
    link.assert_agreement();
    link.run("DROP EVENT TRIGGER watched; SELECT accord.reconcile()");
    link.follow(
        "DROP USER MAPPING FOR PUBLIC SERVER near; ALTER PUBLICATION some_tables DROP TABLE t.c; DROP TABLE t.c; DROP PUBLICATION whole;
         ALTER DEFAULT PRIVILEGES IN SCHEMA t REVOKE ALL ON TABLES FROM PUBLIC; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
    );
    alike(&link, PUBLICATIONS, 1);
    for sql in [MAPPINGS, DEFAULT_ACLS, EVENT_TRIGGERS] {
        alike(&link, sql, 0);
    }
    link.assert_agreement();
}

#[test]
fn the_way_back_of_each_is_known() {
    let link = Link::with_policy(Pair::shared(), r#"{"include_kinds": ["publication", "user_mapping"], "privileges": true}"#);
    let filter = if knows(15, "row filters") { " WHERE (id > 1)" } else { "" };
    link.follow(&format!(
        "CREATE TABLE public.a (id int PRIMARY KEY); CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;
         CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'tops3cret'); CREATE FOREIGN TABLE public.f (a int) SERVER far;
         CREATE PUBLICATION p FOR TABLE public.a{filter}; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO PUBLIC",
    ));
    let before: [Vec<String>; 2] =
        both(&link, "SELECT accord.fingerprint(true, '{\"include_kinds\": [\"publication\", \"user_mapping\"], \"privileges\": true}')");
    for sql in [
        "DROP PUBLICATION p",
        "DROP SERVER far CASCADE",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE ON SEQUENCES FROM PUBLIC",
        "ALTER FOREIGN TABLE public.f OPTIONS (ADD x 'y'), ADD COLUMN b text",
        if filter.is_empty() { "ALTER PUBLICATION p DROP TABLE public.a" } else { "ALTER PUBLICATION p SET TABLE public.a" },
    ] {
        link.follow(sql);
        link.run("SELECT accord.revert(accord.version())");
        link.wait();
    }
    let after =
        both(&link, "SELECT accord.fingerprint(true, '{\"include_kinds\": [\"publication\", \"user_mapping\"], \"privileges\": true}')");
    assert_eq!(before, after);
    assert_eq!(before[0], before[1]);
}

#[test]
fn passwords_are_the_owners_alone() {
    let link = Link::with_policy(Pair::shared(), r#"{"include_kinds": ["user_mapping"]}"#);
    link.follow(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;
         CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (\"user\" 'u', password 'tops3cret')",
    );
    link.follow("ALTER USER MAPPING FOR PUBLIC SERVER far OPTIONS (SET password 'tops3cret2'); DROP USER MAPPING FOR PUBLIC SERVER far");
    let role = format!("monitor_{}", link.db);
    let whole = r#"'{"include_kinds": ["user_mapping", "subscription"]}'"#;
    link.run("CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'tops3cret3')");
    link.wait();
    link.run(&format!("CREATE ROLE {role} LOGIN IN ROLE pg_monitor"));
    let seen = |client: &mut postgres::Client| -> String {
        let views = ["versions", "events", "subscriptions", "replicas", "deliveries", "status"];
        let mut text: String = views
            .iter()
            .map(|view| scalar::<String>(client, &format!("SELECT coalesce(string_agg(v::text, E'\\n'), '') FROM accord.{view} v")))
            .collect();
        text += &scalar::<String>(client, &format!("SELECT accord.model({whole})::text"));
        text += &scalar::<String>(
            client,
            "SELECT string_agg(r, '') FROM accord.versions v, accord.reverse_ddl(v.version) r WHERE v.version > 0",
        );
        text
    };
    let mut client = link.pair.source.try_client_as(&link.db, &role).expect("connect");
    let monitor = seen(&mut client);
    assert!(monitor.contains("user mapping") && !monitor.contains("tops3cret"), "{}", around(&monitor, "tops3cret"));
    let owner = seen(&mut link.source());
    assert!(owner.contains("tops3cret"), "the owner can see what is there");
    let statements: String = scalar(&mut link.source(), "SELECT string_agg(statement, ';') FROM accord.event");
    assert!(statements.contains("USER MAPPING") && !statements.contains("tops3cret"), "{statements}");
    let kept: String = scalar(&mut link.source(), "SELECT string_agg(d::text, '') FROM accord.delivery d");
    assert!(!kept.contains("tops3cret"), "{}", around(&kept, "tops3cret"));
    let kept: String = scalar(&mut link.replica(), "SELECT string_agg(verdict::text, '') FROM accord.applied");
    assert!(!kept.contains("tops3cret"), "{}", around(&kept, "tops3cret"));
    drop(client);
    batch(&mut link.source(), &format!("DROP ROLE {role}"));
}

/// A few characters around a text, for a failing test's message.
fn around(text: &str, what: &str) -> String {
    text.find(what).map_or_else(String::new, |at| text[at.saturating_sub(300)..(at + 100).min(text.len())].to_owned())
}
