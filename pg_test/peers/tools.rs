//! The tools: two databases in, SQL out. `pg_test/setup/peers` has put the others below `.tools/peers`.

use crate::client::reading;
use crate::run::{between, read, sent};
use crate::support::Cluster;
use crate::support::cluster::major;
use pg_accord::plan::{Options, Standing, plan};
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// For one difference.
const PATIENCE: Duration = Duration::from_secs(60);

/// SQL that leads from the one database to the other; nothing where the tool finds them alike.
#[derive(Deserialize)]
pub struct Answer {
    pub sql: String,
    /// The tool says of itself that it does not look after something that is there.
    pub unmanaged: Option<String>,
}

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
    let python = |name: &str| How::Piped(Piped::new(peers().join(name).join("bin/python"), [here.join("differ.py"), name.into()].into()));
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

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/peers")
}

impl Tool {
    /// The version that runs.
    pub fn version(&mut self) -> String {
        match &mut self.how {
            How::Ours => env!("CARGO_PKG_VERSION").to_owned(),
            How::Piped(piped) => piped.process().version.clone(),
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

fn url(cluster: &Cluster, database: &str) -> String {
    let config: postgres::Config = cluster.conninfo(database).parse().expect("a connection string");
    let password = String::from_utf8_lossy(config.get_password().expect("a password")).into_owned();
    format!("postgresql://postgres:{password}@127.0.0.1:{}/{database}", cluster.port())
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

/// A tool behind `differ.py` or `differ.mjs`, started when it is first asked and again when it has died.
struct Piped {
    program: PathBuf,
    arguments: Vec<PathBuf>,
    process: Option<Process>,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    version: String,
}

impl Piped {
    fn new(program: PathBuf, arguments: Vec<PathBuf>) -> Self {
        Self { program, arguments, process: None }
    }

    fn process(&mut self) -> &mut Process {
        self.process.get_or_insert_with(|| {
            let mut child = Command::new(&self.program)
                .args(&self.arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("{}: {error}; `make peers` installs it", self.program.display()));
            let stdin = child.stdin.take().expect("its input");
            let stdout = BufReader::new(child.stdout.take().expect("its output"));
            let (sender, lines) = channel();
            std::thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
            let hello = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{:?} does not start", self.arguments));
            let Hello { version } = serde_json::from_str(&hello).expect("its version");
            Process { child, stdin, lines, version }
        })
    }

    fn ask(&mut self, from: &str, to: &str) -> Result<Answer, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Line {
            Answer(Answer),
            Error { error: String },
        }
        let process = self.process();
        let asked = writeln!(process.stdin, "{}", serde_json::json!({ "from": from, "to": to }));
        let Some(line) = asked.ok().and_then(|()| process.lines.recv_timeout(PATIENCE).ok()) else {
            self.process = None;
            return Err("it died, or did not answer for a minute".to_owned());
        };
        match serde_json::from_str(&line).map_err(|error| error.to_string())? {
            Line::Answer(answer) => Ok(answer),
            Line::Error { error } => Err(error),
        }
    }
}

/// What a process says first.
#[derive(Deserialize)]
struct Hello {
    version: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
