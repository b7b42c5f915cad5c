//! The tools: two databases in, SQL out. `pg_test/setup/peers` has put the others below `.tools/peers`.

use crate::client::reading;
use crate::piped::{Answer, PATIENCE, Piped, peers, url};
use crate::run::{between, read, sent};
use crate::support::Cluster;
use crate::support::cluster::major;
use pg_accord::plan::{Options, Standing, plan};
use serde::Deserialize;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A database to compare.
pub struct Side<'a> {
    pub database: &'a str,
    /// What pg_dump writes of it.
    pub dump: &'a str,
}

/// A tool with its most complete options.
pub struct Tool {
    pub name: &'static str,
    pub options: &'static str,
    how: How,
}

enum How {
    /// This extension's reader, diff and planner, in this process.
    Ours,
    /// A process that answers line by line.
    Piped(Piped),
    Pgmold,
}

/// This extension first, then the others.
pub fn all() -> Vec<Tool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("pg_test/peers");
    let python = |name: &str| How::Piped(Piped::python(name));
    let node =
        |name: &str| How::Piped(Piped::new(peers().join("node/node"), [here.join("differ.mjs"), name.into(), peers().join("node")].into()));
    let tool = |name, options, how| Tool { name, options, how };
    vec![
        tool("pg_accord", "", How::Ours),
        tool("pg-delta", "redaction of secrets off, drops allowed", node("@supabase/pg-delta")),
        tool("results", "`dbdiff --with-privileges --exact`", python("results")),
        tool("pgmold", "`plan --manage-ownership`, every schema, what is wanted as a file by pg_dump", How::Pgmold),
        tool("@pgkit/migra", "`--unsafe --with-privileges`", node("@pgkit/migra")),
        tool("migra", "`--unsafe --with-privileges`", python("migra")),
    ]
}

impl Tool {
    /// The version that runs.
    pub fn version(&mut self) -> String {
        match &mut self.how {
            How::Ours => env!("CARGO_PKG_VERSION").to_owned(),
            How::Piped(piped) => piped.version(),
            How::Pgmold => {
                let output = Command::new(peers().join("bin/pgmold")).arg("--version").output().expect("run pgmold");
                String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("pgmold ").to_owned()
            }
        }
    }

    /// What leads from one database to the other; why there is none, where the tool gave up.
    pub fn diff(&mut self, cluster: &Cluster, from: &Side, to: &Side) -> Result<Answer, String> {
        match &mut self.how {
            How::Ours => ours(cluster, from.database, to.database),
            How::Piped(piped) => piped.ask(&url(cluster, from.database), &url(cluster, to.database)),
            How::Pgmold => pgmold(cluster, from, to),
        }
    }
}

/// As `accord.plan` has it, and as a replica carries it out.
fn ours(cluster: &Cluster, from: &str, to: &str) -> Result<Answer, String> {
    let [before, after] = [from, to].map(|database| read(&mut reading(&cluster.conninfo("postgres"), database)));
    let changes = sent(&between(&before, &after));
    let made =
        plan(&changes, &Standing::new(before), &Options { major: major(), ..Options::default() }).map_err(|error| error.to_string())?;
    let mut sql = String::new();
    for step in &made.steps {
        let (begin, end) = if step.outside_transaction { ("COMMIT;\n", "BEGIN;\n") } else { ("", "") };
        sql += &format!("{begin}{};\n{end}", step.sql);
    }
    if !sql.is_empty() {
        sql = format!("SET search_path = pg_catalog, pg_temp; SET check_function_bodies = off;\nBEGIN;\n{sql}COMMIT;\n");
    }
    Ok(Answer { sql, unmanaged: None })
}

/// It compares a file of DDL with a database, in the schemas that are named to it.
fn pgmold(cluster: &Cluster, from: &Side, to: &Side) -> Result<Answer, String> {
    #[derive(Deserialize)]
    struct Plan {
        statements: Vec<String>,
    }
    let mut file = tempfile::NamedTempFile::with_suffix(".sql").expect("a temporary file");
    // What psql alone understands.
    for line in to.dump.lines().filter(|line| !line.starts_with('\\')) {
        writeln!(file, "{line}").expect("write the temporary file");
    }
    let mut schemas: Vec<String> = [from, to].iter().flat_map(|side| schemas(cluster, side.database)).collect();
    schemas.sort();
    schemas.dedup();
    let output = Command::new("timeout")
        .arg(PATIENCE.as_secs().to_string())
        .arg(peers().join("bin/pgmold"))
        .args(["plan", "--json", "--manage-ownership", "--target-schemas", &schemas.join(","), "--schema"])
        .arg(format!("sql:{}", file.path().display()))
        .args(["--database", &url(cluster, from.database)])
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("run pgmold");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim_start_matches("Error: ").to_owned());
    }
    let plan: Plan = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    Ok(Answer { sql: plan.statements.join("\n"), unmanaged: None })
}

fn schemas(cluster: &Cluster, database: &str) -> Vec<String> {
    let sql = "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";
    cluster.client(database).query(sql, &[]).expect("the schemas").iter().map(|row| row.get(0)).collect()
}
