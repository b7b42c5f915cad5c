//! The extension's own tables in a publication `FOR ALL TABLES`: they do no harm on a subscriber that has the same.

use crate::rows::{Carried, ORDERS, PAIR};
use crate::support::cluster::knows;
use crate::support::link::{batch, scalar};
use crate::support::{Link, wait_until};
use std::time::Duration;

#[test]
fn everything_is_published_and_our_own_tables_do_no_harm() {
    let rows = Carried::new(ORDERS, "FOR ALL TABLES");
    let before: String = scalar(&mut rows.0.replica(), "SELECT id::text FROM accord.ledger");
    rows.0.run("CREATE TABLE public.items (id int PRIMARY KEY); INSERT INTO public.items VALUES (1)");
    rows.0.run("ALTER TABLE public.orders DROP COLUMN note");
    rows.0.run("INSERT INTO public.items VALUES (2)");
    rows.0.wait();
    rows.assert_same_rows("public.items");
    rows.assert_same_rows("public.orders");
    let after: String = scalar(&mut rows.0.replica(), "SELECT string_agg(id::text, ',') FROM accord.ledger");
    assert_eq!(before, after);
    let foreign: i64 = scalar(&mut rows.0.replica(), "SELECT count(*) FROM accord.replica");
    assert_eq!(foreign, 0, "the source's list of replicas");
    rows.assert_agreement();
    if !knows(15, "how many errors workers had") {
        return;
    }
    // Those that there were healed by themselves: there are no new ones.
    let errors =
        "SELECT coalesce(sum(apply_error_count + sync_error_count), 0)::bigint FROM pg_stat_subscription_stats WHERE subname = 'rows'";
    wait_until("the workers err no more", || {
        let before: i64 = scalar(&mut rows.0.replica(), errors);
        std::thread::sleep(Duration::from_secs(1));
        before == scalar::<i64>(&mut rows.0.replica(), errors)
    });
}

/// The source's ledger arrives with its rows, and the apply worker locks the replica's own rows of the same keys before it drops
/// them: `work` on the replica, which wants the same two the other way round, gives way.
fn gives_way(the_one: &str, the_other: &str, work: &[&str]) {
    let own = "CREATE SCHEMA own; CREATE TABLE own.a (id int); CREATE TABLE own.b (id int)";
    let link = Link::bare(PAIR.clone());
    link.run(own);
    link.run("CREATE TABLE public.gate (id int PRIMARY KEY, n int); INSERT INTO public.gate VALUES (1, 1)");
    link.run_there(own);
    link.add(r#"{"exclude_schemas": ["own"]}"#);
    link.wait();
    link.run("CREATE PUBLICATION rows FOR ALL TABLES");
    let rows = Carried(link);
    rows.stream().subscribe("rows");
    rows.assert_same_rows("public.gate");
    scalar::<i64>(&mut rows.0.replica(), "SELECT accord.version()");
    let mut gate = rows.0.replica();
    batch(&mut gate, "BEGIN; SELECT FROM public.gate FOR UPDATE");
    rows.0.run(&format!("BEGIN; {the_one}; UPDATE public.gate SET n = 2; {the_other}; COMMIT"));
    let waits = |who: &str| {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'
                AND a.wait_event IN ('transactionid', 'tuple') AND a.backend_type {who} 'logical replication worker')"
        );
        scalar::<bool>(&mut rows.0.replica(), &sql)
    };
    wait_until("the apply worker has the one and waits at the gate", || waits("="));
    std::thread::scope(|scope| {
        let mut works = rows.0.replica();
        let working = scope.spawn(move || work.iter().for_each(|statement| batch(&mut works, statement)));
        wait_until("the work has the other and waits for the one", || waits("<>"));
        // Longer than whoever is as patient as the apply worker looks for deadlocks after.
        std::thread::sleep(Duration::from_millis(1200));
        batch(&mut gate, "COMMIT");
        working.join().expect("the work ends well");
    });
    rows.assert_same_rows("public.gate");
    assert_eq!(rows.apply_errors(), 0);
}

#[test]
fn sealing_gives_way_to_the_source_s_ledger() {
    gives_way(
        "UPDATE accord.fact SET body = body WHERE kind = 'table' AND objid = 'own.b'::regclass",
        "UPDATE accord.fact SET body = body WHERE kind = 'table' AND objid = 'own.a'::regclass",
        &["BEGIN; ALTER TABLE own.a SET (fillfactor = 50); ALTER TABLE own.b SET (fillfactor = 50); COMMIT", "SELECT accord.version()"],
    );
}

#[test]
fn the_end_of_history_gives_way_to_the_source_s_ledger() {
    gives_way(
        "UPDATE accord.version SET events = events WHERE version = 1",
        "UPDATE accord.event SET tag = tag WHERE seq = 1",
        &["SET accord.retention = '1s'; SELECT pg_sleep(1.1)", "SELECT accord.prune()"],
    );
}
