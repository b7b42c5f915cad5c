//! Passwords in connection strings: shown in no view, log, error, activity or dump of somebody who may not have them.

use crate::support::link::{batch, failure, scalar};
use crate::support::{Link, Pair, wait_until};
use postgres::Client;

const SECRET: &str = "Xq7-tops3cret";

#[track_caller]
fn free_of_it(text: &str, what: &str) {
    if let Some(line) = text.lines().find(|line| line.contains(SECRET)) {
        panic!("{what} shows it: {line}");
    }
}

/// Everything that a client can read of the schema and of the server's activity.
fn readable(client: &mut Client) -> String {
    let relations: Vec<String> = client
        .query(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind IN ('r', 'v')",
            &[],
        )
        .expect("the relations")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(relations.len() > 40);
    let mut text = String::new();
    let views = relations.into_iter().chain(
        [
            "pg_stat_activity",
            "pg_subscription",
            "pg_stat_subscription",
            "pg_stat_replication",
            "pg_replication_slots",
            "pg_settings",
            "pg_file_settings",
        ]
        .map(str::to_owned),
    );
    for relation in views {
        // What may not be read is not shown.
        match client.query(&format!("SELECT coalesce(string_agg(r::text, E'\n'), '') FROM {relation} r"), &[]) {
            Ok(rows) => text.push_str(&rows[0].get::<_, String>(0)),
            Err(error) => text.push_str(&error.to_string()),
        }
    }
    text
}

/// A replica learns nothing of what its policy keeps from it: neither names nor statements, not even of a change in a
/// transaction of which it mirrors another one.
#[test]
fn what_is_not_mirrored_is_not_told() {
    let link = Link::bare(Pair::shared());
    link.run("CREATE SCHEMA own");
    link.add(r#"{"exclude_schemas": ["own"]}"#);
    link.wait();
    link.follow(&format!("CREATE TABLE own.\"{SECRET}\" (id int)"));
    link.follow(&format!("BEGIN; CREATE TABLE public.a (id int); COMMENT ON TABLE own.\"{SECRET}\" IS '{SECRET}'; COMMIT"));
    assert!(link.column_there("public.a", "id"));
    free_of_it(&readable(&mut link.replica()), "the replica");
}

#[test]
fn no_password_is_shown() {
    let conf = [
        ("log_statement", "all"),
        ("log_min_duration_statement", "0"),
        ("log_parameter_max_length_on_error", "-1"),
        ("log_error_verbosity", "verbose"),
    ];
    let link = Link::bare(Pair::start("secrets", &conf));
    link.run_there(&format!("CREATE ROLE carrier SUPERUSER LOGIN PASSWORD '{SECRET}'"));
    let conninfo = format!("host=127.0.0.1 port={} user=carrier password={SECRET} dbname={}", link.pair.replica.port(), link.db);
    let mut owner = link.source();
    // By the simple and by the extended protocol; the ones that fail, too.
    link.add_at(&conninfo, "{}");
    batch(&mut owner, "SELECT accord.drop_replica('warehouse')");
    batch(&mut owner, &format!("SELECT accord.add_replica('warehouse', '{conninfo}')"));
    failure(&mut owner, &format!("SELECT accord.add_replica('warehouse', '{conninfo}')"));
    failure(&mut owner, &format!("SELECT accord.add_replica('other', '{conninfo} nonsense=1')"));
    failure(&mut owner, &format!("SELECT accord.add_replica('other', 'postgresql://carrier:{SECRET}@127.0.0.1:1/x?nonsense=1')"));
    failure(&mut owner, &format!("DO $$ BEGIN PERFORM accord.add_replica('warehouse', '{conninfo}'); END $$"));
    for wrong in [
        format!("SELECT accord.add_replica('gone', 'host=127.0.0.1 port=1 user=u password={SECRET}')"),
        format!("SELECT accord.add_replica('refused', 'postgresql://nobody:{SECRET}@127.0.0.1:{}/{}')", link.pair.replica.port(), link.db),
        format!("SELECT accord.add_database('watched', '{conninfo}')"),
    ] {
        batch(&mut owner, &wrong);
    }
    link.wait();
    link.follow("CREATE TABLE public.a (id int)");
    // It changes, and the connection is refused with it: by then the change is committed.
    link.run_there("ALTER ROLE carrier PASSWORD 'another'");
    link.run_there("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'carrier'");
    link.run("CREATE TABLE public.b (id int)");
    wait_until("the login is refused", || link.status().reason.contains("password"));
    let error = link.try_wait("1 s").expect_err("it is refused");
    free_of_it(&error.0, "the error of wait_for_replica");

    link.run("CREATE ROLE monitor LOGIN IN ROLE pg_monitor; CREATE ROLE anybody LOGIN");
    for role in ["monitor", "anybody"] {
        let mut client = link.pair.source.try_client_as(&link.db, role).expect("connect");
        free_of_it(&readable(&mut client), role);
        let output = link.pair.source.program("pg_dump", &link.db).env("PGUSER", role).output().expect("run pg_dump");
        free_of_it(&String::from_utf8_lossy(&output.stdout), "a dump");
        free_of_it(&String::from_utf8_lossy(&output.stderr), "a dump's error");
    }
    // Not even a superuser's dump holds it: the tables are the extension's.
    let output = link.pair.source.program("pg_dump", &link.db).output().expect("run pg_dump");
    assert!(output.status.success());
    free_of_it(&String::from_utf8_lossy(&output.stdout), "a superuser's dump");
    free_of_it(&link.pair.source.log(), "the source's log");
    let there = link.pair.replica.log();
    let theirs: String = there.lines().filter(|line| !line.contains("CREATE ROLE carrier")).collect::<Vec<_>>().join("\n");
    free_of_it(&theirs, "the replica's log");
    // The log still says what ran.
    assert!(link.pair.source.log().contains("accord.add_replica("), "the statement is logged, without its constants");
    // Who owns it sees it.
    let own: String = scalar(&mut link.source(), "SELECT conninfo FROM accord.replicas WHERE name = 'warehouse'");
    assert!(own.contains(SECRET));
}
