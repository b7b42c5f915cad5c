//! Native logical replication beside pg_accord: rows and schema in order.

use crate::support::cluster::knows;
use crate::support::link::{batch, scalar};
use crate::support::stream::{self, Stream};
use crate::support::{Link, Pair, dump, eventually, wait_until};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub static PAIR: LazyLock<Arc<Pair>> = LazyLock::new(|| Pair::start("rows", stream::CONF));

/// A source and a replica with a publication and a subscription between them; `setup` is run at the source first.
pub struct Carried(pub Link);

impl Carried {
    pub fn new(setup: &str, publication: &str) -> Self {
        Self::with(setup, publication, "{}")
    }

    pub fn with(setup: &str, publication: &str, policy: &str) -> Self {
        Self::with_options(setup, publication, policy, &[])
    }

    /// The subscription has these options.
    pub fn with_options(setup: &str, publication: &str, policy: &str, options: &[&str]) -> Self {
        let link = Link::bare(PAIR.clone());
        link.run(setup);
        link.add(policy);
        link.wait();
        link.run(&format!("CREATE PUBLICATION rows {publication}"));
        let this = Self(link);
        this.stream().subscribe_with("rows", options);
        this
    }

    pub fn stream(&self) -> Stream<'_> {
        Stream { source: (&self.0.pair.source, &self.0.db), replica: (&self.0.pair.replica, &self.0.db) }
    }

    /// The same rows on both sides, in the end.
    #[track_caller]
    pub fn assert_same_rows(&self, table: &str) {
        if let Err(difference) = self.stream().same_rows(table, Duration::from_secs(30)) {
            panic!("{difference}\n{}", self.0.report());
        }
    }

    /// The same schema on both sides, but for what carries the rows.
    #[track_caller]
    pub fn assert_agreement(&self) {
        self.0.assert_same_fingerprint();
        let Stream { source, replica } = self.stream();
        if let Some(difference) = dump::difference(&dump::tables(source.0, source.1), &dump::tables(replica.0, replica.1)) {
            panic!("{difference}");
        }
    }

    /// Stops the stream, runs something, and lets it go on.
    pub fn behind(&self, sql: &str) {
        self.0.run_there("ALTER SUBSCRIPTION rows DISABLE");
        wait_until("the apply worker is gone", || {
            let workers = "SELECT count(w.pid) FROM pg_stat_subscription w JOIN pg_subscription s ON s.oid = w.subid
                            WHERE s.subname = 'rows' AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
            scalar::<i64>(&mut self.0.replica(), workers) == 0
        });
        self.0.run(sql);
    }

    /// How many errors the apply worker has logged.
    pub fn apply_errors(&self) -> i64 {
        if !knows(15, "how many errors an apply worker had") {
            return 0;
        }
        let errors =
            "SELECT coalesce(sum(apply_error_count), 0)::bigint FROM pg_stat_subscription_stats s JOIN pg_subscription p ON p.oid = s.subid
                       WHERE p.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        scalar(&mut self.0.replica(), errors)
    }

    pub fn go_on(&self) {
        self.0.run_there("ALTER SUBSCRIPTION rows ENABLE");
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        // The databases are dropped next: no slot may hold them.
        self.stream().unsubscribe();
    }
}

pub const ORDERS: &str = "CREATE TABLE public.orders (id int PRIMARY KEY, note text, total int NOT NULL DEFAULT 0);
                      INSERT INTO public.orders (id, note) SELECT n, 'note ' || n FROM generate_series(1, 5) n";

#[test]
fn a_drop_waits_for_the_rows_before_it() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.behind("INSERT INTO public.orders (id, note) VALUES (6, 'before')");
    rows.0.run("ALTER TABLE public.orders DROP COLUMN note");
    rows.0.run("INSERT INTO public.orders (id, total) VALUES (7, 7)");
    let status = rows.0.until_state(&["waiting for rows"]);
    assert!(status.reason.contains("column public.orders.note") && status.reason.contains("disabled"), "{status:?}");
    assert!(status.hint.contains("ENABLE"), "{status:?}");
    let progress: String = scalar(&mut rows.0.source(), "SELECT progress FROM accord.status");
    assert!(progress.ends_with("of WAL to come"), "{progress}");
    assert!(rows.0.column_there("public.orders", "note"));
    rows.go_on();
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn what_adds_goes_ahead_of_the_rows() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.behind("INSERT INTO public.orders (id) VALUES (6)");
    rows.0.follow("ALTER TABLE public.orders ADD COLUMN state text DEFAULT 'new', ADD COLUMN more int");
    rows.0.run("INSERT INTO public.orders (id, more) VALUES (7, 1)");
    rows.go_on();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn expand_and_contract_in_one_transaction() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.0.run(
        "BEGIN; ALTER TABLE public.orders ADD COLUMN cents bigint; UPDATE public.orders SET cents = total * 100;
         ALTER TABLE public.orders ALTER COLUMN cents SET NOT NULL, DROP COLUMN total; COMMIT;
         INSERT INTO public.orders VALUES (8, 'after', 800)",
    );
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn renames_types_and_defaults_come_behind_the_rows() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    for (n, change) in [
        "RENAME COLUMN note TO remark",
        "ALTER COLUMN total TYPE bigint USING total * 10",
        "ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
        "ALTER COLUMN total SET DEFAULT 5",
        "RENAME TO bookings",
    ]
    .iter()
    .enumerate()
    {
        rows.0.run(&format!("INSERT INTO public.orders (id) VALUES ({})", 100 + n));
        rows.0.run(&format!("ALTER TABLE public.orders {change}"));
    }
    rows.0.run("INSERT INTO public.bookings (id, remark) VALUES (200, 'after')");
    rows.0.wait();
    rows.assert_same_rows("public.bookings");
    rows.assert_agreement();
}

#[test]
fn without_a_subscription_nothing_waits_and_the_verdict_says_so() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, gone int)");
    link.follow("ALTER TABLE public.a DROP COLUMN gone");
    let said = link.warnings();
    assert!(said.contains("applied at once"), "{said}");
}

#[test]
fn a_version_that_waits_is_applied_without_its_rows_by_approval() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.behind("ALTER TABLE public.orders DROP COLUMN note");
    rows.0.until_state(&["waiting for rows"]);
    let version = rows.0.version();
    rows.0.run(&format!("SELECT accord.approve('warehouse', {version})"));
    rows.0.wait();
    assert!(!rows.0.column_there("public.orders", "note"));
}

#[test]
fn new_tables_join_what_is_published_and_subscribed() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.0.run(
        "BEGIN; CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'in the transaction'); COMMIT;
         INSERT INTO public.items VALUES (2, 'right after it')",
    );
    rows.0.wait();
    rows.0.run("INSERT INTO public.items VALUES (3, 'later')");
    rows.assert_same_rows("public.items");
    rows.0.follow("ALTER TABLE public.items RENAME TO things");
    rows.0.run("INSERT INTO public.things VALUES (4, 'renamed')");
    rows.assert_same_rows("public.things");
    rows.0.follow("DROP TABLE public.things");
    rows.0.run("INSERT INTO public.orders (id) VALUES (9)");
    rows.assert_same_rows("public.orders");
}

#[test]
fn a_subscription_made_later_is_noticed() {
    if !knows(15, "FOR TABLES IN SCHEMA") {
        return;
    }
    let link = Link::attached(PAIR.clone());
    link.follow(ORDERS);
    link.run("CREATE PUBLICATION rows FOR TABLES IN SCHEMA public");
    let rows = Carried(link);
    rows.stream().subscribe("rows");
    rows.0.run("CREATE TABLE public.items (id int PRIMARY KEY); INSERT INTO public.items VALUES (1)");
    rows.0.wait();
    rows.assert_same_rows("public.items");
    rows.assert_same_rows("public.orders");
    batch(
        &mut rows.0.source(),
        "ALTER TABLE public.orders RENAME COLUMN note TO remark; INSERT INTO public.orders (id, remark) VALUES (10, 'x')",
    );
    rows.0.wait();
    rows.assert_same_rows("public.orders");
}

#[test]
fn values_that_only_the_source_knows_come_out_the_same() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.0.run(
        "ALTER TABLE public.orders ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid(), ADD COLUMN n int GENERATED ALWAYS AS IDENTITY",
    );
    rows.0.run("INSERT INTO public.orders (id) VALUES (7)");
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    rows.0.run("UPDATE public.orders SET note = 'on' WHERE id = 3");
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn rows_that_were_copied_after_a_conversion_are_not_converted_twice() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.0.run("SELECT accord.pause_replica('warehouse')");
    rows.0.run("CREATE TABLE public.prices (id int PRIMARY KEY, price int); INSERT INTO public.prices VALUES (1, 5)");
    rows.0.run("ALTER TABLE public.prices ALTER COLUMN price TYPE bigint USING price * 100");
    rows.0.run("SELECT accord.resume_replica('warehouse')");
    rows.0.wait();
    rows.assert_same_rows("public.prices");
    rows.0.run("INSERT INTO public.prices VALUES (2, 7); ALTER TABLE public.prices ALTER COLUMN price TYPE numeric USING price / 10.0");
    rows.0.wait();
    rows.assert_same_rows("public.prices");
    rows.assert_agreement();
}

#[test]
fn a_table_that_goes_before_it_was_copied_goes_here_too() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    for n in 0..5 {
        rows.0.run(&format!(
            "CREATE TABLE public.short{n} (id int PRIMARY KEY); INSERT INTO public.short{n} VALUES (1); DROP TABLE public.short{n}"
        ));
    }
    rows.0.run("CREATE TABLE public.stays (id int PRIMARY KEY); INSERT INTO public.stays VALUES (1)");
    rows.0.wait();
    rows.assert_same_rows("public.stays");
    rows.assert_agreement();
    wait_until("no slot of a copy is left", || {
        scalar::<i64>(
            &mut rows.0.source(),
            "SELECT count(*) FROM pg_replication_slots WHERE database = current_database() AND slot_name ~ '_sync_'",
        ) == 0
    });
}

pub const PARTS: &str = "CREATE TABLE public.visits (at int NOT NULL, n int, PRIMARY KEY (at)) PARTITION BY RANGE (at);
                     CREATE TABLE public.visits_0 PARTITION OF public.visits FOR VALUES FROM (0) TO (100);
                     INSERT INTO public.visits SELECT n, n FROM generate_series(0, 99, 10) n";

fn partitions(publication: &str) {
    let rows = Carried::new(PARTS, publication);
    rows.assert_same_rows("public.visits");
    rows.0.run(
        "CREATE TABLE public.visits_1 PARTITION OF public.visits FOR VALUES FROM (100) TO (200); INSERT INTO public.visits VALUES (150, 1);
         CREATE TABLE public.visits_2 (at int NOT NULL PRIMARY KEY, n int); INSERT INTO public.visits_2 VALUES (250, 2)",
    );
    rows.0.wait();
    rows.assert_same_rows("public.visits_2");
    rows.0.run("ALTER TABLE public.visits ATTACH PARTITION public.visits_2 FOR VALUES FROM (200) TO (300); INSERT INTO public.visits VALUES (260, 3)");
    rows.0.wait();
    rows.assert_same_rows("public.visits");
    rows.0.run("ALTER TABLE public.visits DETACH PARTITION public.visits_0; INSERT INTO public.visits_0 VALUES (55, 4); INSERT INTO public.visits VALUES (170, 5)");
    rows.0.wait();
    rows.assert_same_rows("public.visits_0");
    rows.0.run("UPDATE public.visits_0 SET n = 6 WHERE at = 55; DELETE FROM public.visits WHERE at = 150");
    rows.assert_same_rows("public.visits_0");
    rows.assert_same_rows("public.visits");
    rows.0.run("DROP TABLE public.visits_0; ALTER TABLE public.visits RENAME TO calls; INSERT INTO public.calls VALUES (180, 7)");
    rows.0.wait();
    rows.assert_same_rows("public.calls");
    rows.assert_agreement();
}

#[test]
fn partitions_come_and_go_each_by_itself() {
    partitions("FOR TABLE public.visits");
}

#[test]
fn partitions_come_and_go_by_their_root() {
    partitions("FOR TABLE public.visits WITH (publish_via_partition_root = true)");
}

#[test]
fn partitions_come_and_go_where_everything_is_published_by_roots() {
    partitions("FOR ALL TABLES WITH (publish_via_partition_root = true)");
}

#[test]
fn rows_that_their_own_transaction_wrote_in_the_new_shape_arrive() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.0
        .run("BEGIN; ALTER TABLE public.orders RENAME COLUMN note TO remark; UPDATE public.orders SET remark = 'new' WHERE id = 6; COMMIT");
    rows.0.run("INSERT INTO public.orders (id, remark) VALUES (7, 'after')");
    rows.0.wait();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn a_foreign_key_to_rows_of_its_own_transaction() {
    let rows = Carried::new(ORDERS, "FOR ALL TABLES");
    rows.assert_same_rows("public.orders");
    rows.0.run(
        "BEGIN;
         CREATE TABLE public.market (code text PRIMARY KEY);
         INSERT INTO public.market VALUES ('de');
         ALTER TABLE public.orders ADD COLUMN market text NOT NULL DEFAULT 'de' REFERENCES public.market;
         COMMIT",
    );
    rows.0.wait();
    rows.0.run("INSERT INTO public.orders (id) VALUES (70)");
    rows.assert_same_rows("public.market");
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

/// A subscription of the replica's takes rows, or stands.
pub fn enabled(rows: &Carried) -> bool {
    scalar(
        &mut rows.0.replica(),
        "SELECT subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()",
    )
}

impl Carried {
    /// Runs something that nobody applies for the time being, until the stream stands behind it.
    pub fn until_it_stands(&self, statements: &[&str]) {
        self.0.run("SELECT accord.pause_replica('warehouse')");
        for sql in statements {
            self.0.run(sql);
        }
        let stands = eventually(Duration::from_secs(30), || (!enabled(self)).then_some(()));
        assert!(stands.is_some(), "the subscription does not stand\n{}", self.0.pair.replica.log_tail(20));
    }

    pub fn resume(&self) {
        self.0.run("SELECT accord.resume_replica('warehouse')");
        self.0.wait();
    }
}

#[test]
fn rows_from_behind_a_conversion_are_not_taken_for_rows_before_it() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(&[
        "INSERT INTO public.orders (id, total) VALUES (6, 3)",
        "ALTER TABLE public.orders ALTER COLUMN total TYPE bigint USING total * 10",
        "INSERT INTO public.orders (id, total) VALUES (7, 5)",
    ]);
    let there: Vec<i32> = scalar(&mut rows.0.replica(), "SELECT array_agg(id ORDER BY id) FROM public.orders WHERE id > 5");
    assert_eq!(there, [6], "what was written before is there, and nothing from behind");
    rows.resume();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
    assert!(enabled(&rows));
}

#[test]
fn a_name_that_is_taken_anew_gets_its_own_rows() {
    if !knows(15, "FOR TABLES IN SCHEMA") {
        return;
    }
    let rows = Carried::new(ORDERS, "FOR TABLES IN SCHEMA public");
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(&[
        "ALTER TABLE public.orders DROP COLUMN note",
        "ALTER TABLE public.orders ADD COLUMN note text",
        "INSERT INTO public.orders (id, note) VALUES (7, 'the new one')",
    ]);
    rows.resume();
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(&[
        "ALTER TABLE public.orders RENAME TO former",
        "CREATE TABLE public.orders (id int PRIMARY KEY, note text)",
        "INSERT INTO public.orders VALUES (100, 'in the new table')",
    ]);
    rows.resume();
    rows.assert_same_rows("public.orders");
    rows.assert_same_rows("public.former");
    rows.assert_agreement();
}

#[test]
fn rows_that_a_converting_transaction_wrote_itself_come_out_right() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(
        &["BEGIN; INSERT INTO public.orders (id, total) VALUES (6, 3); ALTER TABLE public.orders ALTER COLUMN total TYPE bigint USING total * 10;
         INSERT INTO public.orders (id, total) VALUES (7, 5); COMMIT"],
    );
    rows.resume();
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(
        &["BEGIN; ALTER TABLE public.orders DROP COLUMN note, ADD COLUMN note text; UPDATE public.orders SET note = 'new' WHERE id = 7; COMMIT"],
    );
    rows.resume();
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn transactions_that_end_the_other_way_round_do_not_wait_for_each_other() {
    let rows = Carried::new(
        &format!("{ORDERS}; CREATE TABLE public.items (id int PRIMARY KEY, n int); INSERT INTO public.items VALUES (1, 1)"),
        "FOR TABLE public.orders, public.items",
    );
    rows.assert_same_rows("public.orders");
    rows.0.run("SELECT accord.pause_replica('warehouse')");
    let mut first = rows.0.source();
    batch(&mut first, "BEGIN; ALTER TABLE public.orders ALTER COLUMN total TYPE bigint USING total * 10");
    rows.0.run("ALTER TABLE public.items ALTER COLUMN n TYPE bigint USING n * 10");
    rows.0.run("INSERT INTO public.items VALUES (2, 20)");
    batch(&mut first, "COMMIT");
    rows.0.run("INSERT INTO public.orders (id, total) VALUES (7, 5)");
    wait_until("the subscription stands", || !enabled(&rows));
    rows.resume();
    rows.assert_same_rows("public.orders");
    rows.assert_same_rows("public.items");
    rows.assert_agreement();
}

#[test]
fn a_stream_that_stands_goes_on_when_its_version_is_skipped_or_its_source_forgotten() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(&["ALTER TABLE public.orders ALTER COLUMN total TYPE bigint"]);
    let version = rows.0.version();
    rows.0.run(&format!("SELECT accord.skip('warehouse', {version}, 'it stays narrow')"));
    rows.resume();
    assert!(enabled(&rows), "skipped");
    rows.0.run("INSERT INTO public.orders (id, total) VALUES (6, 6)");
    rows.assert_same_rows("public.orders");
    rows.until_it_stands(&["ALTER TABLE public.orders ALTER COLUMN id TYPE bigint"]);
    rows.0.run("SELECT accord.drop_replica('warehouse')");
    rows.0.run_there("SELECT accord.forget_source(source) FROM accord.upstream");
    assert!(enabled(&rows), "forgotten");
    rows.0.run("INSERT INTO public.orders (id, total) VALUES (7, 7)");
    rows.assert_same_rows("public.orders");
}

#[test]
fn nothing_stands_behind_what_the_baseline_holds() {
    let rows = Carried::new(ORDERS, "FOR TABLE public.orders");
    rows.assert_same_rows("public.orders");
    rows.behind("ALTER TABLE public.orders ALTER COLUMN total TYPE bigint");
    rows.0.until_state(&["waiting for rows"]);
    rows.0.run("SELECT accord.drop_replica('warehouse')");
    rows.0.run_there("SELECT accord.forget_source(source) FROM accord.upstream");
    rows.0.add("{\"adopt\": true}");
    rows.0.wait();
    rows.go_on();
    rows.0.run("INSERT INTO public.orders (id, total) VALUES (7, 7)");
    rows.assert_same_rows("public.orders");
    assert!(enabled(&rows));
    rows.assert_agreement();
}

/// Runs statements that the replica learns of together, after its tables were copied.
fn copied_from_later(publication: &str, before: &[&str], later: &[&str], table: &str, copied: &str) {
    let link = Link::bare(PAIR.clone());
    link.run(PARTS);
    for sql in before {
        link.run(sql);
    }
    link.add("{}");
    link.wait();
    link.run(&format!("CREATE PUBLICATION rows {publication}"));
    link.wait();
    link.run("SELECT accord.pause_replica('warehouse')");
    for sql in later {
        link.run(sql);
    }
    let rows = Carried(link);
    rows.stream().begin("rows");
    wait_until("the copy is there", || scalar::<bool>(&mut rows.0.replica(), copied));
    rows.resume();
    rows.assert_same_rows("public.visits");
    rows.assert_same_rows(table);
    rows.assert_agreement();
}

#[test]
fn a_copy_that_holds_what_a_version_forbids_is_made_again() {
    if !knows(15, "FOR TABLES IN SCHEMA") {
        return;
    }
    copied_from_later(
        "FOR TABLES IN SCHEMA public",
        &["CREATE TABLE public.notes (id int PRIMARY KEY, note text)"],
        &[
            "ALTER TABLE public.notes ALTER COLUMN note SET NOT NULL",
            "ALTER TABLE public.notes ALTER COLUMN note DROP NOT NULL",
            "INSERT INTO public.notes VALUES (1, NULL)",
        ],
        "public.notes",
        "SELECT count(*) = 1 FROM public.notes",
    );
}

#[test]
fn a_partition_comes_with_the_rows_that_it_had() {
    copied_from_later(
        "FOR ALL TABLES WITH (publish_via_partition_root = true)",
        &["CREATE TABLE public.visits_1 (at int NOT NULL PRIMARY KEY, n int)", "INSERT INTO public.visits_1 VALUES (150, 1)"],
        &[
            "ALTER TABLE public.visits ATTACH PARTITION public.visits_1 FOR VALUES FROM (100) TO (200)",
            "INSERT INTO public.visits VALUES (160, 2)",
            "ALTER TABLE public.visits DETACH PARTITION public.visits_1",
            "INSERT INTO public.visits_1 VALUES (1000, 3)",
        ],
        "public.visits_1",
        "SELECT count(*) = 3 FROM public.visits_1",
    );
}

#[test]
fn rows_that_were_copied_into_a_partition_that_goes_come_back() {
    copied_from_later(
        "FOR TABLE public.visits WITH (publish_via_partition_root = true)",
        &[],
        &[
            "DROP TABLE public.visits_0",
            "CREATE TABLE public.visits_0 PARTITION OF public.visits FOR VALUES FROM (0) TO (100)",
            "INSERT INTO public.visits VALUES (55, 5)",
        ],
        "public.visits_0",
        "SELECT count(*) = 1 FROM public.visits_0",
    );
}

#[test]
fn each_of_two_subscriptions_is_waited_for() {
    let rows = Carried::new(
        &format!("{ORDERS}; CREATE TABLE public.items (id int PRIMARY KEY, what text); INSERT INTO public.items VALUES (1, 'one')"),
        "FOR TABLE public.orders",
    );
    rows.0.run("CREATE PUBLICATION more FOR TABLE public.items");
    rows.stream().begin_as("more", "more", &[]);
    wait_until("both carry fences", || {
        scalar::<bool>(&mut rows.0.source(), "SELECT subscriptions = '{more,rows}' FROM accord.replica")
            && scalar::<i64>(
                &mut rows.0.replica(),
                "SELECT count(*) FROM pg_subscription_rel WHERE srrelid = 'accord.fence'::regclass AND srsubstate IN ('r', 's')",
            ) == 2
    });
    rows.assert_same_rows("public.items");
    rows.0.run_there("ALTER SUBSCRIPTION more DISABLE");
    rows.0.run("INSERT INTO public.items VALUES (2, 'two')");
    rows.0.run("ALTER TABLE public.items ALTER COLUMN what TYPE varchar(100) USING what || '!'");
    let status = rows.0.until_state(&["waiting for rows"]);
    assert!(status.reason.contains("subscription more") && !status.reason.contains("subscription rows"), "{status:?}");
    rows.0.run("INSERT INTO public.items VALUES (3, 'three')");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.0.run_there("ALTER SUBSCRIPTION more ENABLE");
    rows.0.wait();
    rows.assert_same_rows("public.items");
    rows.assert_same_rows("public.orders");
    rows.assert_agreement();
}

#[test]
fn publications_and_subscriptions_are_left_alone_where_policy_says_so() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", r#"{"publish_new_tables": false}"#);
    rows.0.follow("CREATE TABLE public.items (id int PRIMARY KEY)");
    rows.0.run("INSERT INTO public.items VALUES (1)");
    rows.0.run("INSERT INTO public.orders (id) VALUES (6)");
    rows.0.follow("ALTER TABLE public.orders DROP COLUMN note");
    rows.assert_same_rows("public.orders");
    assert_eq!(scalar::<i64>(&mut rows.0.source(), "SELECT count(*) FROM pg_publication_tables WHERE tablename = 'items'"), 0);
    assert_eq!(scalar::<i64>(&mut rows.0.replica(), "SELECT count(*) FROM public.items"), 0);
    rows.0.run("ALTER PUBLICATION rows ADD TABLE public.items");
    rows.0.run_there("ALTER SUBSCRIPTION rows REFRESH PUBLICATION");
    rows.assert_same_rows("public.items");
    rows.assert_agreement();
}

#[test]
fn a_fence_is_written_where_a_publication_carries_it() {
    let link = Link::bare(PAIR.clone());
    link.run("CREATE TABLE public.a (id int)");
    let mut client = link.source();
    let mut fences = || {
        batch(&mut client, "BEGIN; CREATE TABLE public.new (id int)");
        let own = "SELECT count(*) FROM accord.fence WHERE event IN (SELECT id FROM accord.event WHERE xid = pg_current_xact_id())";
        let count: i64 = scalar(&mut client, own);
        batch(&mut client, "ROLLBACK");
        count
    };
    assert_eq!(fences(), 0);
    link.run("CREATE PUBLICATION rows FOR TABLE public.a");
    assert_eq!(fences(), 0);
    link.run("ALTER PUBLICATION rows ADD TABLE accord.fence");
    assert_eq!(fences(), 1);
    link.run("ALTER PUBLICATION rows SET (publish = 'update')");
    assert_eq!(fences(), 0);
    link.run("DROP PUBLICATION rows; CREATE PUBLICATION everything FOR ALL TABLES");
    assert_eq!(fences(), 1);
}
