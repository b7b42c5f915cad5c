//! What the watch notices by itself.

use crate::control::{Fleet, Ground, SHOP};
use crate::support::cluster::is_of_this_server;
use crate::support::{Cluster, Options, wait_until};

#[test]
fn it_compares_by_itself() {
    let mut fleet = Fleet::on(Ground::start("period", &[("accord.fleet_interval", "1")]));
    fleet.add("a", "{}", SHOP);
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    fleet.there("a", "DROP VIEW shop.open");
    wait_until("the deviation is found", || fleet.verdicts() == ["a | deviates | 1"]);
    fleet.there("a", "CREATE EXTENSION pg_accord");
    wait_until("a new application is noticed", || fleet.rows("SELECT event FROM accord.fleet_events").contains(&"installed".to_owned()));
    // The database can be dropped while its fleet is watched.
    let db = fleet.db.clone();
    let ground = fleet.ground.clone();
    drop(fleet);
    ground.cluster.client("postgres").batch_execute(&format!("DROP DATABASE {db}")).expect("DROP DATABASE");
}

/// A restart, a standby's promotion and a restored backup are noticed, and the catalogs are read after each.
#[test]
fn restart_promotion_and_restore() {
    let mut fleet = Fleet::shared();
    let member = Cluster::start(Options { name: "member", ..Options::default() });
    member.client("postgres").batch_execute(&format!("CREATE EXTENSION pg_accord; {SHOP}")).unwrap();
    fleet.add_at("m", &member.socket_conninfo("postgres"), "{}");
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'm')", &[]);
    fleet.wait();
    fleet.compare();
    member.stop();
    member.backup();
    member.boot();
    fleet.compare();
    let events = "SELECT event FROM accord.fleet_events";
    assert_eq!(fleet.rows(events), ["restarted"]);
    member.client("postgres").batch_execute("DROP VIEW shop.open").unwrap();
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["m | deviates | 1"]);
    member.stop();
    member.restore();
    member.make_standby();
    member.boot();
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["m | conforms | 1"]);
    member.client("postgres").batch_execute("SELECT pg_promote(); CHECKPOINT").unwrap();
    fleet.compare();
    assert_eq!(fleet.rows(events), ["restarted", "restarted", "promoted"]);
    assert_eq!(fleet.verdicts(), ["m | conforms | 1"]);
}

/// A deployment says that it is over: the database is read anew, and is selected as one that expects it before.
#[test]
fn a_deployment_reports() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{}", SHOP);
    fleet.add("b", "{}", SHOP);
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.execute("SELECT accord.report_event('b', 'expects', '{\"application\": \"billing\"}')", &[]);
    fleet.wait();
    let report = |fleet: &mut Fleet| fleet.rows("SELECT split_part(accord.fleet_report('text', 'expects billing'), E'\\n', 1)")[0].clone();
    assert!(report(&mut fleet).starts_with("1 databases"));
    fleet.there("b", "CREATE TABLE shop.bills (id int)");
    fleet.execute("SELECT accord.report_event('b', 'deployed', '{\"application\": \"billing\"}')", &[]);
    fleet.wait();
    assert!(report(&mut fleet).starts_with("0 databases"));
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "b | deviates | 1"]);
}

/// A backup that was brought back and opened while nobody looked is another timeline; a server that another took the
/// place of (as pg_upgrade does) has another system identifier. Both are read anew, whatever marks and fingerprints say.
#[test]
fn another_timeline_and_another_server() {
    let mut fleet = Fleet::shared();
    let member = Cluster::start(Options { name: "another", ..Options::default() });
    member.client("postgres").batch_execute(SHOP).unwrap();
    fleet.add_at("m", &member.socket_conninfo("postgres"), "{}");
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'm')", &[]);
    fleet.wait();
    member.stop();
    member.backup();
    member.boot();
    member.client("postgres").batch_execute("DROP VIEW shop.open").unwrap();
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["m | deviates | 1"]);
    member.stop();
    member.restore();
    member.make_standby();
    member.boot();
    member.client("postgres").batch_execute("SELECT pg_promote()").unwrap();
    member.client("postgres").batch_execute("CHECKPOINT").unwrap();
    fleet.compare();
    let events = "SELECT event FROM accord.fleet_events WHERE event <> 'restarted'";
    assert_eq!(fleet.rows(events), ["restored"]);
    assert_eq!(fleet.verdicts(), ["m | conforms | 1"]);

    if !is_of_this_server("pg_upgrade") {
        return;
    }
    member.client("postgres").batch_execute("DROP INDEX shop.orders_state").unwrap();
    member.stop();
    member.pg_upgrade();
    member.boot();
    fleet.compare();
    assert_eq!(fleet.rows(events), ["restored", "replaced"]);
    assert_eq!(fleet.rows("SELECT deviation FROM accord.deviations"), ["index shop.orders_state is missing"]);
}
