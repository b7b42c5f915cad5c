//! `docs/coverage.md`: which kinds the probes have carried over and taken back, with pg_dump as the judge.
//!
//! A number counts facts in probes that passed: after the plan both databases read alike, have one fingerprint and
//! one `pg_dump -s`; after the reverse the schema was the one before.

use crate::support::cluster::major;
use pg_accord::diff::{Change, Operation};
use pg_accord::model::{Kind, Projection, named_as};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Facts that were created, altered, dropped, renamed, and brought back, by kind.
#[derive(Default)]
pub struct Coverage(BTreeMap<Kind, [usize; 5]>);

/// The majors whose run the page is written from.
const WRITTEN_ON: u32 = 15;

impl Coverage {
    fn count(&mut self, changes: &[Change], place: impl Fn(Operation) -> usize) {
        for change in changes {
            if let (Some(kind), Some(operation)) = (change.kind(), change.operation()) {
                self.0.entry(kind).or_default()[place(operation)] += 1;
            }
        }
    }

    /// These changes were carried to another database.
    pub fn carried(&mut self, changes: &[Change]) {
        self.count(changes, |operation| match operation {
            Operation::Create => 0,
            Operation::Alter => 1,
            Operation::Drop => 2,
            Operation::Rename => 3,
        });
    }

    /// They were taken back.
    pub fn taken_back(&mut self, changes: &[Change]) {
        self.count(changes, |_| 4);
    }

    fn page(&self) -> String {
        let mut page = String::from(
            "# Coverage by kind\n\n\
             Written by `cargo test --test plan single_changes` and compared by it. Each number counts facts in probes \
             (`pg_test/plan/probes.sql`) that passed on PostgreSQL 15: read on one database, compared, planned and carried out on \
             another, after which both read alike, have one fingerprint and one `pg_dump -s`; *reverse* counts those whose way \
             back ended where it began. `–`: no probe does it; a drop may be shown by the reverse of a creation alone, and labels \
             have a test of their own, with a provider that it compiles.\n\n\
             | kind | create | alter | drop | rename | reverse | captured by | mirrored |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for &kind in Kind::ALL {
            let counts = self.0.get(&kind).copied().unwrap_or_default();
            let cells = counts.map(|count| if count == 0 { "–".to_owned() } else { count.to_string() }).join(" | ");
            writeln!(page, "| {} | {cells} | {} | {} |", kind.word(), captured(kind), mirrored(kind)).expect("a string grows");
        }
        page.push_str(
            "\nOutside the model: roles, tablespaces and databases (they are the cluster's), large objects (data), statistics that \
             ANALYZE gathered. What PostgreSQL makes by itself (row and array types, TOAST, internal triggers) goes with what it \
             belongs to.\n",
        );
        page
    }

    /// Fails where the page is not what was just covered.
    pub fn check(&self) {
        let known = |kind: &&Kind| major() >= 15 || **kind != Kind::PublicationSchema;
        for kind in
            Kind::ALL.iter().filter(known).filter(|kind| !matches!(kind, Kind::Unmodelled | Kind::Subscription | Kind::SecurityLabel))
        {
            assert!(self.0.contains_key(kind), "no probe changes a {}", kind.word());
        }
        if major() != WRITTEN_ON {
            return;
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = self.page();
        if std::fs::read_to_string(root.join("docs/coverage.md")).unwrap_or_default() != page {
            let written = root.join("target/coverage.md");
            std::fs::write(&written, &page).expect("write the page");
            panic!("docs/coverage.md is not what the probes cover: if that is meant, cp target/coverage.md docs/coverage.md");
        }
    }
}

fn captured(kind: Kind) -> &'static str {
    match kind {
        Kind::EventTrigger => "reading (its commands fire no event)",
        Kind::Comment | Kind::Owner | Kind::Grant | Kind::DefaultPrivilege | Kind::SecurityLabel => "`ddl_command_end`",
        _ => "`ddl_command_end`, `sql_drop`",
    }
}

fn mirrored(kind: Kind) -> &'static str {
    match kind {
        Kind::Subscription => "never; `accord.subscriptions`",
        Kind::Unmodelled => "held",
        Kind::Owner => "with `owners`",
        Kind::Grant | Kind::DefaultPrivilege => "with `privileges`",
        _ if named_as(kind).is_some() => "where `include_kinds` names it",
        _ => {
            assert!(Projection::default().takes(kind));
            "yes"
        }
    }
}
