//! Members that are down, hang, or lie.

use crate::control::{Fleet, Ground, SHOP};
use crate::support::link::scalar;
use crate::support::{Cluster, Options, Proxy, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// However many are down: one alarm; and when they come back, they are not asked all at once.
#[test]
fn five_hundred_down_at_once() {
    let mut fleet = Fleet::on(Ground::start("stampede", &[("accord.fleet_connections", "8")]));
    let member = Cluster::start(Options { name: "members", ..Options::default() });
    member.createdb("shop");
    member.client("shop").batch_execute(SHOP).unwrap();
    let conninfo = member.socket_conninfo("shop");
    fleet.execute("SELECT accord.add_database('m' || i, $1) FROM generate_series(1, 500) i", &[&conninfo]);
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'm1')", &[]);
    fleet.wait();
    let standing = "SELECT verdict, count(*)::text FROM accord.verdicts GROUP BY 1 ORDER BY 1";
    assert_eq!(fleet.rows(standing), ["conforms | 500"]);
    member.stop();
    fleet.compare();
    assert_eq!(fleet.rows(standing), ["unreadable | 500"]);
    fleet.alarms(&["warning | open | 500 databases: cannot be read: connection"]);

    member.boot();
    let (most, over) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let watcher = std::thread::spawn({
        let (mut client, most, over) = (member.client("postgres"), most.clone(), over.clone());
        move || {
            while !over.load(Ordering::SeqCst) {
                let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_accord fleet/%'";
                most.fetch_max(scalar(&mut client, sql), Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
    fleet.compare();
    assert_eq!(fleet.rows(standing), ["conforms | 500"]);
    over.store(true, Ordering::SeqCst);
    watcher.join().unwrap();
    let most = most.load(Ordering::SeqCst);
    // A session that was left may still be ending when the next begins.
    assert!((1..=16).contains(&most), "{most} sessions at a time");
    fleet.alarms(&[]);
    assert_eq!(fleet.rows("SELECT DISTINCT event FROM accord.fleet_events ORDER BY 1"), ["back", "restarted", "unreadable"]);
}

/// One that hangs in the middle of being read keeps nobody else waiting for longer than the limit.
#[test]
fn a_member_that_hangs() {
    let mut fleet = Fleet::on(Ground::start("hanging", &[("accord.fleet_timeout", "5"), ("accord.fleet_connections", "2")]));
    fleet.add("a", "{}", SHOP);
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    let proxy = Proxy::to(fleet.ground.cluster.port());
    let conninfo = fleet.ground.cluster.conninfo_at(&fleet.database("a"), proxy.port());
    fleet.add_at("slow", &conninfo, "{}");
    fleet.wait();
    assert_eq!(fleet.verdicts(), ["a | conforms | 1", "slow | conforms | 1"]);
    proxy.hold();
    fleet.there("a", "DROP VIEW shop.open");
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | deviates | 1", "slow | unreadable | 1"]);
    fleet.alarms(&["critical | open | 1 database: view shop.open is missing", "warning | open | 1 database: cannot be read: timeout"]);
    proxy.cut();
    proxy.mend();
    fleet.compare();
    assert_eq!(fleet.verdicts(), ["a | deviates | 1", "slow | deviates | 1"]);
}

/// A pg_accord that answers the fingerprint of a conforming database is believed until the catalogs are read.
#[test]
fn a_member_that_lies() {
    let mut fleet = Fleet::shared();
    fleet.add("a", "{}", SHOP);
    fleet.execute("SELECT accord.register_baseline('shop', '1', from_database => 'a')", &[]);
    fleet.wait();
    let fingerprint: String = scalar(&mut fleet.client, "SELECT fingerprint FROM accord.baselines");
    let liar = format!(
        "{SHOP} DROP VIEW shop.open; CREATE SCHEMA accord;
         CREATE FUNCTION accord.fingerprint(boolean, jsonb) RETURNS text LANGUAGE sql AS 'SELECT ''{fingerprint}''';"
    );
    fleet.add("liar", "{}", &liar);
    fleet.wait();
    // The first comparison reads, whatever it says; so does every one that asks for it.
    assert_eq!(fleet.verdicts()[1], "liar | deviates | 1");
    fleet.compare();
    assert_eq!(fleet.verdicts()[1], "liar | conforms | 1");
    fleet.execute("SELECT accord.compare(full => true)", &[]);
    fleet.wait();
    assert_eq!(fleet.verdicts()[1], "liar | deviates | 1");
    // One whose answer is no fingerprint, or an error, is read: its catalogs tell.
    let answers =
        |body: &str| format!("CREATE OR REPLACE FUNCTION accord.fingerprint(boolean, jsonb) RETURNS text LANGUAGE sql AS '{body}'");
    for body in ["SELECT ''x''", "SELECT (1/0)::text"] {
        fleet.there("liar", &answers(&format!("SELECT ''{fingerprint}''")));
        fleet.compare();
        assert_eq!(fleet.verdicts()[1], "liar | conforms | 1");
        fleet.there("liar", &answers(body));
        fleet.compare();
        assert_eq!(fleet.verdicts(), ["a | conforms | 1", "liar | deviates | 1"]);
    }
}

/// The watch survives its own end.
#[test]
fn the_watch_comes_back() {
    let mut fleet = Fleet::on(Ground::start("ending", &[]));
    fleet.add("a", "{}", SHOP);
    fleet.wait();
    let pid = "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'pg_accord fleet'";
    let before = fleet.rows(pid);
    assert_eq!(before.len(), 1);
    fleet.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_accord fleet'", &[]);
    wait_until("another watch runs", || {
        let now = fleet.rows(pid);
        now.len() == 1 && now != before
    });
    fleet.compare();
    // DROP EXTENSION works as that of any extension.
    fleet.execute("DROP EXTENSION pg_accord", &[]);
    wait_until("the watch leaves", || fleet.rows(pid).is_empty());
}
