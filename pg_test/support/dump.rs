//! `pg_dump` as the judge that the extension's own reader cannot fool.

use super::Cluster;

/// What pg_dump says of a database's schema: without the extension, owners and privileges (outside the default
/// projection), and without what differs between two runs on equal schemas.
#[track_caller]
pub fn schema(cluster: &Cluster, database: &str) -> String {
    schema_but(cluster, database, &[])
}

/// The same without publications and subscriptions, which are each site's own.
#[track_caller]
pub fn tables(cluster: &Cluster, database: &str) -> String {
    schema_but(cluster, database, &["--no-publications", "--no-subscriptions"])
}

/// The same of one schema.
#[track_caller]
pub fn of_schema(cluster: &Cluster, database: &str, schema: &str) -> String {
    schema_but(cluster, database, &["--schema", schema])
}

#[track_caller]
fn schema_but(cluster: &Cluster, database: &str, without: &[&str]) -> String {
    let output = cluster
        .program("pg_dump", database)
        .args(["--schema-only", "--no-owner", "--no-acl", "--exclude-schema=accord", "--exclude-schema=accord_kept"])
        .args(without)
        .output()
        .expect("run pg_dump");
    assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| !is_noise(line)).fold(String::new(), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

fn is_noise(line: &str) -> bool {
    line.starts_with("\\restrict ")
        || line.starts_with("\\unrestrict ")
        || line.starts_with("-- Dumped ")
        || line == "CREATE EXTENSION IF NOT EXISTS pg_accord WITH SCHEMA accord;"
        || line.starts_with("COMMENT ON EXTENSION pg_accord IS ")
        || line.starts_with("-- Name: pg_accord; Type: EXTENSION")
        || line.starts_with("-- Name: EXTENSION pg_accord; Type: COMMENT")
        || line == "--"
        || line.is_empty()
}

/// The first lines by which two dumps differ, for a failing test's message; none where they are the same.
pub fn difference(source: &str, replica: &str) -> Option<String> {
    if source == replica {
        return None;
    }
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (source.lines().collect(), replica.lines().collect());
    let first = ours.iter().zip(&theirs).position(|(a, b)| a != b).unwrap_or(ours.len().min(theirs.len()));
    let context = first.saturating_sub(4);
    let show = |lines: &[&str], mark: &str| lines.iter().skip(context).take(14).map(|line| format!("{mark} {line}\n")).collect::<String>();
    Some(format!("pg_dump differs from line {first}:\n{}{}", show(&ours, "source |"), show(&theirs, "replica|")))
}
