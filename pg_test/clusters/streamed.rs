//! Subscriptions that bring transactions before their commit: large ones that are streamed while they run, prepared ones.

use crate::rows::{Carried, ORDERS};
use crate::stream::POLICY as STREAM;
use crate::support::cluster::knows;
use crate::support::link::{batch, scalar};
use std::time::Duration;

const PUSH: &str = "{}";

/// Both ends, with a subscription of these options; the source's transactions are large from 64 kB on.
fn carried(policy: &str, publication: &str, options: &[&str]) -> Carried {
    let small = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET logical_decoding_work_mem = %L', current_database(), '64kB'); END $$";
    let rows = Carried::with_options(&format!("{ORDERS}; {small}"), publication, policy, options);
    rows.assert_same_rows("public.orders");
    rows
}

/// Rows that are more than the source keeps in mind of a transaction.
fn many(from: i32, columns: &str, values: &str) -> String {
    format!("INSERT INTO public.orders (id, {columns}) SELECT n, {values} FROM generate_series({from}, {}) n", from + 1999)
}

fn large(policy: &str, streaming: &str) {
    let rows = carried(policy, "FOR TABLE public.orders", &[&format!("streaming = {streaming}")]);
    rows.0.run(&format!(
        "BEGIN; {}; ALTER TABLE public.orders ADD COLUMN more int DEFAULT 4; {}; UPDATE public.orders SET more = 5 WHERE id < 3; COMMIT",
        many(1000, "note", "'before'"),
        many(3000, "more", "n"),
    ));
    rows.0.run("INSERT INTO public.orders (id, more) VALUES (90, 1)");
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    // It is on its way for longer than anything waits for a version.
    let mut slow = rows.0.source();
    batch(&mut slow, &format!("BEGIN; {}; ALTER TABLE public.orders DROP COLUMN note", many(5000, "note", "'goes'")));
    batch(&mut slow, &many(7000, "more", "n"));
    rows.0.run("CREATE TABLE public.beside (id int)");
    std::thread::sleep(Duration::from_secs(7));
    batch(&mut slow, "COMMIT");
    rows.0.run("INSERT INTO public.orders (id, more) VALUES (91, 1)");
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    // One that ends otherwise leaves nothing.
    rows.0.run(&format!(
        "BEGIN; {}; ALTER TABLE public.orders DROP COLUMN more; {}; ROLLBACK",
        many(9000, "more", "n"),
        many(11000, "total", "n")
    ));
    rows.0.run("INSERT INTO public.orders (id, more) VALUES (92, 1)");
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
    let streamed = "SELECT coalesce(sum(stream_txns), 0)::bigint FROM pg_stat_replication_slots WHERE slot_name ~ current_database()";
    assert!(scalar::<i64>(&mut rows.0.source(), streamed) > 0, "nothing was streamed");
    let parallel = streaming == "parallel";
    assert_eq!(rows.0.warnings().contains("streaming = on"), policy == STREAM && parallel);
    if policy == STREAM && !parallel {
        assert_eq!(rows.apply_errors(), 0, "{}", rows.0.pair.replica.log_tail(40));
    }
}

#[test]
fn large_transactions_by_push() {
    large(PUSH, "on");
}

#[test]
fn large_transactions_among_the_rows() {
    large(STREAM, "on");
}

#[test]
fn large_transactions_in_parallel_by_push() {
    if knows(16, "streaming = parallel") {
        large(PUSH, "parallel");
    }
}

#[test]
fn large_transactions_in_parallel_among_the_rows() {
    if knows(16, "streaming = parallel") {
        large(STREAM, "parallel");
    }
}

fn prepared(policy: &str) {
    // With two_phase a subscription cannot take up tables later, accord.fence among them.
    let rows = carried(policy, "FOR ALL TABLES", &["two_phase = true"]);
    let n = &rows.0.db;
    for (end, id) in [("COMMIT", 60), ("ROLLBACK", 70)] {
        let mut session = rows.0.source();
        batch(
            &mut session,
            &format!(
                "BEGIN; INSERT INTO public.orders (id, note) VALUES ({id}, 'x'); ALTER TABLE public.orders ADD COLUMN c{id} int DEFAULT 4;
                 UPDATE public.orders SET c{id} = 5 WHERE id < 3; ALTER TABLE public.orders DROP COLUMN total; PREPARE TRANSACTION '{n} {id}'"
            ),
        );
        // Rows and versions of others meanwhile.
        rows.0.run(&format!("CREATE TABLE public.beside{id} (id int)"));
        std::thread::sleep(Duration::from_secs(7));
        batch(&mut session, &format!("{end} PREPARED '{n} {id}'"));
        batch(&mut session, &format!("INSERT INTO public.orders (id) VALUES ({id} + 1)"));
        rows.0.wait();
        rows.assert_same_rows("public.orders");
        if end == "COMMIT" {
            rows.0.follow("ALTER TABLE public.orders ADD COLUMN total int");
        }
    }
    rows.assert_agreement();
    assert_eq!(rows.0.warnings().contains("two_phase"), policy == STREAM);
}

#[test]
fn prepared_transactions_by_push() {
    if knows(15, "two_phase = true") {
        prepared(PUSH);
    }
}

#[test]
fn prepared_transactions_among_the_rows() {
    if knows(15, "two_phase = true") {
        prepared(STREAM);
    }
}
