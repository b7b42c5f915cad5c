//! Subscriptions whose owner is an ordinary role, whose rights the apply worker has.

use crate::rows::{Carried, ORDERS, PAIR};
use crate::support::cluster::major;
use crate::support::link::{Status, scalar};
use crate::support::{Link, wait_until};

/// A subscription to `public.orders` that was handed to a role without superuser's rights; with the role.
fn handed_over(policy: &str, publication: &str) -> (Carried, String) {
    let link = Link::bare(PAIR.clone());
    link.run(ORDERS);
    link.add(policy);
    link.wait();
    link.run(&format!("CREATE PUBLICATION rows {publication}"));
    let role = format!("{}_owner", link.db);
    let rows = Carried(link);
    // Before PostgreSQL 16 only a superuser takes a subscription over.
    rows.0.run_there(&format!("CREATE ROLE {role} LOGIN SUPERUSER; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"));
    rows.stream().begin("rows");
    rows.0.run_there(&format!("ALTER SUBSCRIPTION rows OWNER TO {role}; ALTER ROLE {role} NOSUPERUSER"));
    rows.0.run("SELECT accord.retry('warehouse')");
    (rows, role)
}

impl Carried {
    /// Why the owner's worker cannot bring our rows, and nothing of ours is in the publication meanwhile.
    fn refused(&self) -> Status {
        let status = self.0.until_state(&["rejected"]);
        assert!(status.hint.contains("accord.retry('warehouse')"), "{status:?}");
        status
    }

    fn granted(&self, role: &str) {
        if major() >= 16 {
            // A role without superuser's rights needs a password for the publisher, unless it is told otherwise.
            self.0.run_there("ALTER SUBSCRIPTION rows SET (run_as_owner = true, password_required = false)");
        }
        self.0.run_there(&format!("GRANT USAGE ON SCHEMA accord TO {role}; GRANT SELECT, INSERT ON accord.fence TO {role}"));
        self.0.run("SELECT accord.retry('warehouse')");
        wait_until("it carries fences", || {
            let fenced =
                "SELECT count(*) > 0 FROM pg_subscription_rel WHERE srrelid = 'accord.fence'::regclass AND srsubstate IN ('r', 's')";
            scalar::<bool>(&mut self.0.replica(), fenced)
        });
    }

    /// Versions among rows, ordered; and no error of the apply worker's, though fences are deleted at the source.
    fn assert_followed(&self) {
        let before = self.apply_errors();
        for sql in [
            "INSERT INTO public.orders (id, total) VALUES (6, 3)",
            "ALTER TABLE public.orders ALTER COLUMN total TYPE bigint USING total * 10",
            "INSERT INTO public.orders (id, total) VALUES (7, 5)",
            "ALTER TABLE public.orders RENAME COLUMN note TO remark",
            "INSERT INTO public.orders (id, remark) VALUES (8, 'eight')",
        ] {
            self.0.run(sql);
        }
        self.0.wait();
        self.assert_same_rows("public.orders");
        self.assert_agreement();
        assert_eq!(self.apply_errors(), before, "{}", self.0.pair.replica.log_tail(30));
    }
}

#[test]
fn an_ordinary_owner_is_told_what_it_lacks_and_then_carries_fences() {
    let (rows, role) = handed_over("{}", "FOR TABLE public.orders");
    let status = rows.refused();
    assert!(status.reason.contains(&role) && status.reason.contains("accord.fence"), "{status:?}");
    assert!(status.hint.contains("GRANT SELECT, INSERT ON accord.fence"), "{status:?}");
    assert_eq!(status.hint.contains("run_as_owner"), major() >= 16, "{status:?}");
    let published = "SELECT count(*) FROM pg_publication_tables WHERE schemaname = 'accord'";
    assert_eq!(scalar::<i64>(&mut rows.0.source(), published), 0, "its rows would stop");
    rows.granted(&role);
    rows.assert_followed();
}

#[test]
fn versions_are_applied_in_an_ordinary_owners_stream() {
    let (rows, role) = handed_over(r#"{"carrier": "stream"}"#, "FOR TABLE public.orders");
    rows.refused();
    rows.granted(&role);
    rows.assert_followed();
}

#[test]
fn an_ordinary_owner_takes_no_tables_of_ours() {
    let (rows, role) = handed_over("{}", "FOR ALL TABLES");
    if major() >= 16 {
        rows.0.run_there("ALTER SUBSCRIPTION rows SET (run_as_owner = true)");
    }
    rows.0.run_there(&format!("GRANT USAGE ON SCHEMA accord TO {role}; GRANT SELECT, INSERT ON accord.fence TO {role}"));
    rows.0.run("SELECT accord.retry('warehouse')");
    wait_until("the other tables are named", || rows.refused().reason.contains("other tables"));
    assert!(rows.refused().hint.contains("OWNER TO a superuser"));
    // What the hint says helps.
    rows.0.run_there("ALTER SUBSCRIPTION rows OWNER TO postgres");
    rows.granted(&role);
    rows.assert_followed();
}
