//! Initial copies that changes of the schema overtake, and what else keeps the stream from coming up with them.

use crate::rows::{Carried, ORDERS, PARTS};
use crate::support::link::{batch, scalar};
use crate::support::{eventually, wait_until};
use postgres::Client;
use std::sync::Mutex;
use std::time::Duration;

/// On the replica: the copy of `public.items` waits at its first row, and a row 100 is refused.
const HINDER: &str = "CREATE FUNCTION public.hinder() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.id = 1 THEN PERFORM pg_advisory_xact_lock(7); END IF;
        IF NEW.id = 100 THEN RAISE 'not yet'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER hinder BEFORE INSERT ON public.items FOR EACH ROW EXECUTE FUNCTION public.hinder();
    ALTER TABLE public.items ENABLE ALWAYS TRIGGER hinder";

/// Leaves the copy of `public.items` behind with its rows here and one to come, and then runs something at the source.
fn overtaken_by(change: &str, table: Option<&str>) {
    let rows = Carried::new(
        &format!("{ORDERS}; CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'one')"),
        "FOR TABLE public.orders",
    );
    rows.0.run_there(HINDER);
    let mut holder = rows.0.replica();
    batch(&mut holder, "SELECT pg_advisory_lock(7)");
    rows.0.run("ALTER PUBLICATION rows ADD TABLE public.items");
    rows.0.run_there("ALTER SUBSCRIPTION rows REFRESH PUBLICATION");
    wait_until("the copy has begun", || {
        scalar::<i64>(
            &mut rows.0.replica(),
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted AND database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())",
        ) == 1
    });
    rows.0.run("INSERT INTO public.items VALUES (100, 'behind the copy')");
    // The stream is past it.
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.assert_same_rows("public.orders");
    batch(&mut holder, "SELECT pg_advisory_unlock(7)");
    let state = "SELECT srsubstate = 'f' FROM pg_subscription_rel WHERE srrelid = 'public.items'::regclass";
    wait_until("the copy is there and does not come up", || scalar::<bool>(&mut rows.0.replica(), state));
    if let Some(table) = table {
        rows.until_it_stands(&[change]);
        rows.0.run_there("DROP TRIGGER hinder ON public.items; DROP FUNCTION public.hinder()");
        rows.resume();
        rows.0.run(&format!("INSERT INTO {table} (id) VALUES (200)"));
        rows.assert_same_rows(table);
    } else {
        // What hinders it must not hinder the change.
        rows.0.run_there("BEGIN; DROP TRIGGER hinder ON public.items; INSERT INTO public.items VALUES (100, 'in its way'); COMMIT");
        rows.0.run(change);
        rows.0.wait();
        rows.0.run_there("DROP FUNCTION public.hinder()");
    }
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
    let origins = "SELECT count(*) FROM pg_replication_origin WHERE roname ~ format('^pg_%s_[0-9]+$', (SELECT oid FROM pg_subscription WHERE subname = 'rows' AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())))";
    wait_until("no copy's progress is left", || scalar::<i64>(&mut rows.0.replica(), origins) == 0);
}

#[test]
fn a_copy_begins_again_where_its_table_has_another_name() {
    overtaken_by("ALTER TABLE public.items RENAME TO things", Some("public.things"));
}

#[test]
fn a_copy_begins_again_where_its_rows_have_another_shape() {
    overtaken_by("ALTER TABLE public.items ALTER COLUMN what TYPE int USING length(what)", Some("public.items"));
}

#[test]
fn a_copy_begins_again_where_another_tables_rows_would_stop_it() {
    overtaken_by("ALTER TABLE public.orders RENAME COLUMN note TO remark", Some("public.items"));
}

#[test]
fn a_copy_ends_where_its_table_goes() {
    overtaken_by("DROP TABLE public.items", None);
}

/// Whether one of the replica's copies, or else its apply worker, comes to wait for a table.
fn waits(rows: &Carried, on: &str, copies: bool) -> bool {
    let waits = format!(
        "SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_subscription w USING (pid)
          WHERE l.relation = '{on}'::regclass AND NOT l.granted AND (w.relid IS NOT NULL) = {copies}"
    );
    eventually(Duration::from_secs(10), || scalar::<bool>(&mut rows.0.replica(), &waits).then_some(())).is_some()
}

/// A session at the source with a transaction of its own, and how a walsender is found that waits for its end.
fn running(rows: &Carried) -> (Client, String) {
    let mut running = rows.0.source();
    batch(&mut running, "BEGIN");
    let xid: String = scalar(&mut running, "SELECT (pg_current_xact_id()::text::numeric % 4294967296)::text");
    (running, format!("l.transactionid::text = '{xid}'"))
}

/// Whether a walsender comes to wait so.
fn walsender_waits(rows: &Carried, so: &str) -> bool {
    let waits = format!(
        "SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'walsender' AND NOT l.granted AND {so}"
    );
    eventually(Duration::from_secs(10), || scalar::<bool>(&mut rows.0.source(), &waits).then_some(())).is_some()
}

/// Slots wait for the transactions that are running, in any database.
static ALONE: Mutex<()> = Mutex::new(());

/// Begins the copy of `public.items`, whose slot waits for the first of these sessions, and has the apply worker stand for
/// the second. Lets another try's go when it has its own.
fn begin_beside(rows: &Carried, n: i32, before: Option<Client>) -> (Client, Client) {
    let (running, so) = running(rows);
    drop(before);
    rows.0.run_there("ALTER SUBSCRIPTION rows REFRESH PUBLICATION");
    assert!(walsender_waits(rows, &so), "the copy has begun");
    let mut stream = rows.0.replica();
    batch(&mut stream, "BEGIN; LOCK TABLE public.orders IN SHARE MODE");
    rows.0.run(&format!("INSERT INTO public.orders (id) VALUES ({})", 6 + n));
    assert!(waits(rows, "public.orders", false), "the apply worker stands");
    (running, stream)
}

/// A copy whose snapshot comes before a transaction that rewrites its table, and which reads the table behind it: of the rows
/// written anew that snapshot sees none, and the copy ends empty and content. The stream comes up with it from before that.
fn rewritten_beside_its_copy(policy: &str, change: &str) {
    let items = "CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'one'), (2, 'two')";
    let rows = Carried::with(&format!("{ORDERS}; {items}"), "FOR TABLE public.orders", policy);
    rows.assert_same_rows("public.orders");
    rows.0.run("ALTER PUBLICATION rows ADD TABLE public.items");
    rows.0.wait();
    let mut copy = rows.0.replica();
    let mut beside = None;
    for n in 0..5 {
        let alone = ALONE.lock();
        batch(&mut copy, if n > 0 { "ROLLBACK; BEGIN" } else { "BEGIN" });
        let (mut running, stream) = begin_beside(&rows, n, beside.take());
        // It looks at this between its slot and the table.
        batch(&mut copy, "LOCK TABLE pg_subscription_rel IN ACCESS EXCLUSIVE MODE");
        batch(&mut running, "COMMIT");
        drop(alone);
        let slot = "SELECT count(*) > 0 FROM pg_replication_slots
                     WHERE slot_name ~ '_sync_' AND confirmed_flush_lsn IS NOT NULL AND database = current_database()";
        let has_its_snapshot = waits(&rows, "pg_subscription_rel", true) && scalar::<bool>(&mut rows.0.source(), slot);
        beside = Some(stream);
        if has_its_snapshot {
            break;
        }
        // Now and then the server finds that it cannot build that snapshot, and the copy begins again.
        assert!(n < 4, "it waits for its look");
    }
    rows.0.run(change);
    batch(&mut copy, "COMMIT");
    let state = "SELECT srsubstate = 'f' FROM pg_subscription_rel WHERE srrelid = 'public.items'::regclass";
    wait_until("the copy is there", || scalar::<bool>(&mut rows.0.replica(), state));
    assert_eq!(scalar::<i64>(&mut rows.0.replica(), "SELECT count(*) FROM public.items"), 0, "otherwise this shows nothing");
    drop(beside);
    rows.0.wait();
    rows.0.run("INSERT INTO public.items (id) VALUES (3)");
    for table in ["public.orders", "public.items"] {
        rows.assert_same_rows(table);
    }
    rows.assert_agreement();
}

/// A copy that comes up with the stream behind a version that converts what it has brought: it begins again with the
/// version, while the apply worker waits for that and has in mind that it has just come up.
#[test]
fn a_copy_that_has_just_come_up_begins_again() {
    let items = "CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'one'), (2, 'two')";
    let rows = Carried::new(&format!("{ORDERS}; {items}"), "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.0.run("ALTER PUBLICATION rows ADD TABLE public.items");
    rows.0.wait();
    let alone = ALONE.lock();
    // The slot has two more steps, and its first place is one with the version's transaction under way.
    let (mut first, stream) = begin_beside(&rows, 0, None);
    let (mut second, so) = running(&rows);
    batch(&mut first, "COMMIT");
    assert!(walsender_waits(&rows, &so), "the copy's slot waits for the second");
    let (mut third, _) = running(&rows);
    batch(&mut third, RETYPED);
    batch(&mut second, "COMMIT");
    // Where the server finds that it cannot build this snapshot, the copy begins again behind the version.
    walsender_waits(&rows, "l.relation = 'public.items'::regclass");
    batch(&mut third, "COMMIT");
    drop(alone);
    let state = "SELECT srsubstate = 'f' FROM pg_subscription_rel WHERE srrelid = 'public.items'::regclass";
    eventually(Duration::from_secs(2), || scalar::<bool>(&mut rows.0.replica(), state).then_some(()));
    drop(stream);
    rows.0.wait();
    rows.0.run("INSERT INTO public.items (id) VALUES (3)");
    rows.assert_same_rows("public.items");
    rows.assert_agreement();
}

const RETYPED: &str = "ALTER TABLE public.items ALTER COLUMN what TYPE int USING length(what)";

#[test]
fn a_copy_begins_again_that_saw_nothing_of_a_rewritten_table() {
    rewritten_beside_its_copy("{}", RETYPED);
}

#[test]
fn by_the_stream_too_a_copy_begins_again_that_saw_nothing() {
    rewritten_beside_its_copy(r#"{"carrier": "stream"}"#, RETYPED);
}

#[test]
fn a_copy_begins_again_that_saw_nothing_of_a_filled_column() {
    rewritten_beside_its_copy("{}", "ALTER TABLE public.items ADD COLUMN which uuid DEFAULT gen_random_uuid()");
}

#[test]
fn a_partition_that_leaves_is_known_by_a_later_name() {
    let rows = Carried::new(PARTS, "FOR ALL TABLES WITH (publish_via_partition_root = true)");
    rows.assert_same_rows("public.visits");
    rows.0.run("SELECT accord.pause_replica('warehouse')");
    rows.0.run("ALTER TABLE public.visits DETACH PARTITION public.visits_0");
    rows.0.run("ALTER TABLE public.visits_0 RENAME TO former");
    rows.0.run("CREATE SCHEMA old; ALTER TABLE public.former SET SCHEMA old");
    rows.0.run("INSERT INTO old.former VALUES (1000, 3)");
    rows.resume();
    rows.assert_same_rows("old.former");
    rows.assert_same_rows("public.visits");
    rows.assert_agreement();
}

/// The apply worker waits for a version at the end of a transaction whose rows it passes over, and is ended there, as a
/// table that it knows as ready is copied again: what is sent again must not meet the version.
#[test]
fn a_transaction_that_is_sent_again_does_not_meet_its_version() {
    let items = "CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'one')";
    let rows = Carried::new(&format!("{ORDERS}; {items}"), "FOR TABLE public.orders, public.items");
    rows.assert_same_rows("public.orders");
    rows.assert_same_rows("public.items");
    // As a refresh does that finds it under another name on the source.
    rows.behind("SELECT");
    rows.0.run_there("DELETE FROM pg_subscription_rel WHERE srrelid = 'public.items'::regclass");
    rows.go_on();
    for n in 0..3 {
        rows.0.run(&format!(
            "BEGIN; ALTER TABLE public.items ADD COLUMN more{n} text; UPDATE public.items SET more{n} = id::text;
             ALTER TABLE public.items DROP COLUMN {}; ALTER TABLE public.orders ADD COLUMN u{n} uuid DEFAULT gen_random_uuid(); COMMIT",
            if n == 0 { "what".to_owned() } else { format!("more{}", n - 1) }
        ));
        rows.0.run(&format!("INSERT INTO public.orders (id) VALUES ({})", 100 + n));
        rows.0.wait();
        rows.assert_same_rows("public.orders");
    }
    rows.assert_agreement();
}

#[test]
fn rows_that_come_before_their_transactions_own_change_are_not_overtaken() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    // The stream stands before the version's own transaction, for a reason of the replica's.
    rows.0.run_there(
        "CREATE FUNCTION public.hinder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not yet'; END $$;
         CREATE TRIGGER hinder BEFORE UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.hinder();
         ALTER TABLE public.orders ENABLE ALWAYS TRIGGER hinder",
    );
    rows.0.run(
        "BEGIN; ALTER TABLE public.orders ADD COLUMN cents bigint; UPDATE public.orders SET cents = total * 100;
         ALTER TABLE public.orders DROP COLUMN total; COMMIT",
    );
    rows.0.until_state(&["waiting for rows"]);
    // Longer than it takes to find out what the slot brings next.
    std::thread::sleep(Duration::from_secs(6));
    assert!(rows.0.column_there("public.orders", "total"), "the rows before the drop come first");
    rows.0.run_there("DROP TRIGGER hinder ON public.orders; DROP FUNCTION public.hinder()");
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}
