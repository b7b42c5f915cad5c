//! `make bench-bloat`: many events under a short retention, and what the tables of both sides weigh meanwhile.
//!
//! A replica carries each event out, which takes longer than to make it: `OTHERS=yes` changes what the replica does not
//! mirror, for which its versions are empty, and a million events are a matter of minutes.

#[path = "../support/mod.rs"]
mod support;

use postgres::Client;
use std::time::Instant;
use support::link::{batch, scalar};
use support::{Link, Pair};

/// Events of one transaction, which is one version.
const AT_ONCE: i64 = 100;

fn megabytes(client: &mut Client) -> f64 {
    let bytes: i64 = scalar(
        client,
        "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c WHERE c.relnamespace = 'accord'::regnamespace AND c.relkind = 'r'",
    );
    bytes as f64 / 1e6
}

fn main() {
    let wanted: i64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let others = std::env::args().nth(2).is_some_and(|others| others == "yes");
    let pair = Pair::start("bloat", &[("accord.retention", "10s"), ("accord.log_states", "failures")]);
    let link = Link::with_policy(pair, if others { r#"{"exclude_schemas": ["public"]}"# } else { "{}" });
    link.follow("CREATE TABLE public.t (a int)");
    link.run(
        "CREATE PROCEDURE public.change(versions bigint, at_once bigint) LANGUAGE plpgsql AS $$ BEGIN
             FOR v IN 1..versions LOOP
                 FOR e IN 1..at_once LOOP EXECUTE format('ALTER TABLE public.t ALTER a SET STATISTICS %s', 1 + (v * at_once + e) % 9000); END LOOP;
                 COMMIT;
             END LOOP;
         END $$",
    );
    link.wait();
    println!(
        "{wanted} events, {AT_ONCE} to a version; accord.retention = 10 s, one replica that {}, autovacuum as it comes",
        if others { "mirrors other schemas" } else { "follows" }
    );
    println!(
        "{:>9} {:>7} {:>9} {:>9} {:>11} {:>10} {:>9} {:>9}",
        "events", "s", "source MB", "replica MB", "events kept", "dead", "behind", "pruned to"
    );
    let (begun, mut most) = (Instant::now(), [0.0_f64; 2]);
    let (mut source, mut replica) = (link.source(), link.replica());
    let parts = 20;
    for part in 1..=parts {
        batch(&mut source, &format!("CALL public.change({}, {AT_ONCE})", wanted / AT_ONCE / parts));
        // A replica applies such a version more slowly than it is made: what it has not acknowledged is kept.
        if let Err(error) = link.try_wait("1 h") {
            println!("the replica: {}", error.0);
        }
        let sizes = [megabytes(&mut source), megabytes(&mut replica)];
        most = [most[0].max(sizes[0]), most[1].max(sizes[1])];
        let row = source
            .query_one(
                "SELECT (SELECT count(*) FROM accord.event), (SELECT sum(n_dead_tup)::bigint FROM pg_stat_all_tables WHERE schemaname = 'accord'),
                        (SELECT behind FROM accord.metrics), (SELECT oldest_version FROM accord.metrics_ledger)",
                &[],
            )
            .expect("numbers");
        let [kept, dead, behind, oldest]: [i64; 4] = [row.get(0), row.get(1), row.get(2), row.get(3)];
        println!(
            "{:>9} {:>7.0} {:>9.1} {:>10.1} {kept:>11} {dead:>10} {behind:>9} {oldest:>9}",
            wanted / parts * part,
            begun.elapsed().as_secs_f64(),
            sizes[0],
            sizes[1]
        );
    }
    println!("most: source {:.1} MB, replica {:.1} MB; {:.0} events/s", most[0], most[1], wanted as f64 / begun.elapsed().as_secs_f64());
}
