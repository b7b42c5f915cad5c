//! What the tests of plans share: reading, planning, executing, comparing.

use crate::client::ClientReader;
use crate::support::cluster::server_root;
use pg_accord::catalog::read_all;
use pg_accord::diff::{Change, diff};
use pg_accord::model::{Fact, FactId, Kind, Model};
use pg_accord::plan::{Options, Plan, Standing, plan};
use postgres::Client;
use std::process::Command;

/// All facts of a database.
pub fn read(client: &mut Client) -> Vec<Fact> {
    read_all(&mut ClientReader::new(client)).expect("the catalogs can be read").facts
}

/// Changes as they arrive over the wire: without local keys.
pub fn sent(changes: &[Change]) -> Vec<Change> {
    serde_json::from_str(&serde_json::to_string(changes).unwrap()).unwrap()
}

/// The changes that lead from one database to another.
pub fn between(from: &[Fact], to: &[Fact]) -> Vec<Change> {
    let bare = |facts: &[Fact]| facts.iter().map(|fact| Fact { key: None, root: None, ..fact.clone() }).collect::<Vec<_>>();
    diff(&bare(from), &bare(to))
}

/// Plans the changes against what the client's database holds and executes the plan.
pub fn carry_out(client: &mut Client, changes: &[Change], options: &Options) -> Result<Plan, String> {
    carry_out_in(client, "pg_catalog, pg_temp", changes, options)
}

/// The same under this search_path. Statements do not depend on it, but what they run may: the body of a
/// function behind a generated column or an index names things as its author's search_path found them.
pub fn carry_out_in(client: &mut Client, search_path: &str, changes: &[Change], options: &Options) -> Result<Plan, String> {
    let standing = Standing::new(read(client));
    let version: String = client.query_one("SHOW server_version_num", &[]).unwrap().get(0);
    let options = &Options { major: version.parse::<u32>().unwrap() / 10000, ..options.clone() };
    let made = plan(&sent(changes), &standing, options).map_err(|error| error.to_string())?;
    client.batch_execute(&format!("SET search_path = {search_path}")).unwrap();
    let executed = execute(client, &made);
    client.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
    executed?;
    Ok(made)
}

/// Executes a plan: one transaction, interrupted by what cannot run in one.
pub fn execute(client: &mut Client, plan: &Plan) -> Result<(), String> {
    client.batch_execute("SET check_function_bodies = off; BEGIN").unwrap();
    for step in &plan.steps {
        let alone = step.outside_transaction;
        if alone {
            client.batch_execute("COMMIT").map_err(|error| shown(&error))?;
        }
        if let Err(error) = client.batch_execute(&step.sql) {
            client.batch_execute("ROLLBACK").unwrap();
            return Err(format!("{}\n      {}\n      in\n{}", shown(&error), step.sql, listed(plan)));
        }
        if alone {
            client.batch_execute("BEGIN").unwrap();
        }
    }
    client.batch_execute("COMMIT").map_err(|error| shown(&error))
}

fn shown(error: &postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |e| format!("{}{}", e.message(), e.detail().map_or(String::new(), |d| format!(" ({d})"))))
}

/// The plan's statements, one a line.
pub fn listed(plan: &Plan) -> String {
    plan.steps.iter().fold(String::new(), |text, step| text + "        " + &step.sql + ";\n")
}

/// What differs between two models, in words; nothing where they are equal.
pub fn differences(expected: &[Fact], found: &[Fact], column_order: bool) -> Vec<String> {
    let aside = |id: &FactId| !column_order && id.kind == Kind::Position;
    between(expected, found)
        .iter()
        .filter(|change| !change.id().is_some_and(aside))
        .map(|change| {
            let side = |fact: &Option<Fact>| fact.as_ref().map_or("nothing".to_owned(), |f| serde_json::to_string(&f.body).unwrap());
            format!("{}: expected {}, found {}", change.id().unwrap(), side(&change.before), side(&change.after))
        })
        .collect()
}

/// Both models hash alike.
pub fn same_fingerprint(a: &[Fact], b: &[Fact]) -> bool {
    Model::new(a.to_vec()).unwrap().fingerprint() == Model::new(b.to_vec()).unwrap().fingerprint()
}

/// `pg_dump --schema-only` of a database.
pub fn dump(conninfo: &str, database: &str) -> String {
    // Another major's would refuse, or write otherwise.
    let program = std::env::var("ACCORD_TEST_PG_DUMP").map_or_else(|_| server_root().join("bin/pg_dump"), std::path::PathBuf::from);
    let output = Command::new(program).arg("--schema-only").arg(format!("{conninfo} dbname={database}")).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer minors put a random key around the dump.
    text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).collect::<Vec<_>>().join("\n")
}

/// The lines that only one of two dumps has. In what order pg_dump writes objects that do not depend
/// on each other is no part of the schema.
pub fn dump_differences(expected: &str, found: &str) -> Vec<String> {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let (a, b) = (sorted(expected), sorted(found));
    if a == b {
        return Vec::new();
    }
    let mut lines: Vec<String> = a.iter().filter(|line| !b.contains(line)).map(|line| format!("pg_dump - {line}")).collect();
    lines.extend(b.iter().filter(|line| !a.contains(line)).map(|line| format!("pg_dump + {line}")));
    if lines.is_empty() {
        lines.push("pg_dump: a line stands more often in one".to_owned());
    }
    lines
}
