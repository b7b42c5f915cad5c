//! The SQL surface, as a person at psql sees it: each file of `sql/` is run by psql in a database of its own,
//! and what it prints is compared with the file of the same name in `expected/`, or that of the server's major (`tour_18.out`)
//! where that prints something else.
//!
//! What differs from run to run is masked (UUIDs, hashes, times of day). What a run printed is kept in `target/regress`, to be
//! read and copied to `expected/` where a change is meant. A database whose file begins with `-- worker` is served
//! by one. psql has the variable `conninfo`: how another server would reach the database `<name>_replica`.

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{Cluster, Options};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pg_test/regress").join(name)
}

#[test]
fn what_psql_shows() {
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder("sql")).expect("read sql/").flatten().map(|entry| entry.path()).collect();
    scripts.sort_unstable();
    assert!(!scripts.is_empty(), "no scripts");
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../regress");
    fs::create_dir_all(&results).expect("create target/regress");
    let served: Vec<String> = scripts.iter().filter(|script| text(script).starts_with("-- worker")).map(|script| name(script)).collect();
    let cluster = Cluster::start(Options { name: "regress", conf: &[("accord.databases", &served.join(", "))], durable: false });

    let mut differing = Vec::new();
    for script in &scripts {
        let name = name(script);
        let result = results.join(format!("{name}.out"));
        fs::write(&result, masked(&run(&cluster, &name, script))).expect("write the result");
        let of_major = folder("expected").join(format!("{name}_{}.out", support::cluster::major()));
        let expected = if of_major.exists() { of_major } else { folder("expected").join(format!("{name}.out")) };
        let diff = Command::new("diff").args(["-U3", "--new-file"]).args([&expected, &result]).output().expect("run diff");
        if !diff.status.success() {
            differing.push(String::from_utf8_lossy(&diff.stdout).into_owned());
        }
    }
    assert!(differing.is_empty(), "{} of {} scripts print something else\n{}", differing.len(), scripts.len(), differing.join("\n"));
}

fn name(script: &Path) -> String {
    script.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn text(script: &Path) -> String {
    fs::read_to_string(script).unwrap_or_else(|error| panic!("read {}: {error}", script.display()))
}

/// What psql prints, in the order in which it prints it: statements, results and errors.
fn run(cluster: &Cluster, name: &str, script: &Path) -> String {
    cluster.createdb(name);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut child = cluster
        .program("psql", name)
        .args(["--no-psqlrc", "--quiet", "--echo-all"])
        .arg(format!("--set=conninfo={}", cluster.conninfo(&format!("{name}_replica"))))
        .stdin(Stdio::from(fs::File::open(script).expect("open the script")))
        .stdout(writer.try_clone().expect("a pipe's end"))
        .stderr(writer)
        .spawn()
        .expect("run psql");
    let printed = std::io::read_to_string(reader).expect("psql prints UTF-8");
    child.wait().expect("wait for psql");
    printed
}

/// Hexadecimal words of a hash's or a UUID's length become as many crosses, and so do the digits of a time as in
/// `2026-01-01 12:00:00+00`: psql's columns stay as wide.
fn masked(printed: &str) -> String {
    let mut masked = String::with_capacity(printed.len());
    let mut rest = printed;
    while let Some(c) = rest.chars().next() {
        let word = rest.find(|c: char| !matches!(c, '0'..='9' | 'a'..='f' | '-')).unwrap_or(rest.len());
        let is_word = (word == 64 && !rest[..64].contains('-')) || (word == 36 && shaped(rest, "00000000-0000-0000-0000-000000000000"));
        let length = if shaped(rest, "0000-00-00 00:00:00+00") { 22 } else { word.max(c.len_utf8()) };
        let token = &rest[..length];
        if is_word || length == 22 && token.contains(':') {
            masked.extend(token.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }));
        } else {
            masked.push_str(token);
        }
        rest = &rest[length..];
    }
    masked
}

/// Whether a text begins like a form whose zeros stand for hexadecimal digits.
fn shaped(text: &str, form: &str) -> bool {
    text.len() >= form.len() && text.bytes().zip(form.bytes()).all(|(a, b)| if b == b'0' { a.is_ascii_hexdigit() } else { a == b })
}
