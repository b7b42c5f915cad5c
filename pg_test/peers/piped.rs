//! A tool that compares two databases, behind a pipe: its own process, kept from one difference to the next.

use crate::support::Cluster;
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// For one difference.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// SQL that leads from the one database to the other; nothing where the tool finds them alike.
#[derive(Deserialize)]
pub struct Answer {
    pub sql: String,
    /// The tool says of itself that it does not look after something that is there.
    pub unmanaged: Option<String>,
}

/// Where `pg_test/setup/peers` puts the tools.
pub fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/peers")
}

/// As the tools take a database.
pub fn url(cluster: &Cluster, database: &str) -> String {
    let config: postgres::Config = cluster.conninfo(database).parse().expect("a connection string");
    let password = String::from_utf8_lossy(config.get_password().expect("a password")).into_owned();
    format!("postgresql://postgres:{password}@127.0.0.1:{}/{database}", cluster.port())
}

/// A tool behind `differ.py` or `differ.mjs`, started when it is first asked and again when it has died.
pub struct Piped {
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
    pub fn new(program: PathBuf, arguments: Vec<PathBuf>) -> Self {
        Self { program, arguments, process: None }
    }

    /// One that `differ.py` speaks to.
    pub fn python(name: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("pg_test/peers");
        Self::new(peers().join(name).join("bin/python"), [here.join("differ.py"), name.into()].into())
    }

    /// Its process.
    #[allow(dead_code)] // only `make bench-fleet` counts its time
    pub fn pid(&mut self) -> i32 {
        self.process().child.id() as i32
    }

    /// The version that runs.
    pub fn version(&mut self) -> String {
        self.process().version.clone()
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

    /// What leads from one database to the other; why there is none, where the tool gave up.
    pub fn ask(&mut self, from: &str, to: &str) -> Result<Answer, String> {
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
