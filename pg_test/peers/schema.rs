//! A schema as `pg_dump --schema-only` writes it, owners and privileges included.

use crate::support::Cluster;
use std::collections::BTreeSet;

/// The dump's entries; in what order pg_dump writes those that do not depend on each other is no part of a schema.
#[derive(PartialEq, Eq)]
pub struct Schema(BTreeSet<String>);

/// What pg_dump writes.
pub fn dump(cluster: &Cluster, database: &str) -> String {
    let output = cluster.program("pg_dump", database).arg("--schema-only").output().expect("run pg_dump");
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

impl Schema {
    pub fn of(dump: &str) -> Self {
        let (mut entries, mut access_method) = (Vec::<Vec<String>>::new(), "");
        for line in dump.lines().filter(|line| !line.is_empty() && *line != "--" && !line.starts_with('\\')) {
            if line.starts_with("-- Name: ") {
                entries.push(vec![line.to_owned()]);
            } else if line.starts_with("SET default_table_access_method") {
                access_method = line; // holds until the next one, whatever stands between
            } else if !line.starts_with("SET default_tablespace") && line != "-- PostgreSQL database dump complete" {
                // Before the first entry stand settings that are the same in every dump.
                let Some(entry) = entries.last_mut() else { continue };
                if line.starts_with("CREATE TABLE ")
                    || line.starts_with("CREATE UNLOGGED TABLE ")
                    || line.starts_with("CREATE MATERIALIZED ")
                {
                    entry.push(access_method.to_owned());
                }
                entry.push(line.to_owned());
            }
        }
        let text = |mut entry: Vec<String>| {
            // The order of an ACL's items is none of the schema either.
            if entry[0].contains("ACL;") {
                entry.sort();
            }
            entry.join("\n")
        };
        Self(entries.into_iter().map(text).collect())
    }

    /// The first line by which they differ, in words.
    pub fn difference(&self, wanted: &Self) -> Option<String> {
        let lines = |schema: &Self| schema.0.iter().flat_map(|entry| entry.lines()).map(str::to_owned).collect::<BTreeSet<_>>();
        let (found, expected) = (lines(self), lines(wanted));
        let code = |line: &&String| !line.starts_with("--");
        let missing = expected.difference(&found).find(code).map(|line| format!("lacks {}", line.trim()));
        let surplus = || found.difference(&expected).find(code).map(|line| format!("has {}", line.trim()));
        (self != wanted).then(|| missing.or_else(surplus).unwrap_or_else(|| "the same lines in another order".to_owned()))
    }

    /// The same with each table's columns in alphabetical order.
    pub fn sorted(&self) -> Self {
        let sorted = |entry: &String| {
            if !entry.contains("; Type: TABLE;") && !entry.contains("; Type: FOREIGN TABLE;") {
                return entry.clone();
            }
            let mut lines: Vec<&str> = entry.lines().map(|line| line.trim_end_matches(',')).collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        Self(self.0.iter().map(sorted).collect())
    }
}
