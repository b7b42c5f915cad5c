//! `make peers`: each property of a schema, changed alone, given to this extension and to other tools as two
//! databases; what each of them makes of it is carried out and judged by pg_dump, in both directions.
//!
//! Writes `docs/peers.json`, and from it `docs/peers.md` and the table in the README. What another tool said of a
//! probe is asked again only where the probe, the tool's version or the server's is another. With `ACCORD_PROBE=part of a
//! name` only those probes run, and all is printed: what was asked, the SQL, why it is not what was wanted. `JOBS`: how many at once.

#[path = "../catalog/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../plan/probe.rs"]
mod probe;
#[path = "../plan/run.rs"]
#[allow(dead_code)]
mod run;
#[path = "../support/mod.rs"]
mod support;

mod piped;
mod record;
mod schema;
mod tools;

use piped::Answer;
use probe::Probe;
use record::{Attempt, Comparison, Outcome};
use schema::{Schema, dump};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::link::scalar;
use support::{Cluster, Options, say};
use tools::{Side, Tool};

fn main() {
    let only = std::env::var("ACCORD_PROBE").unwrap_or_default();
    let probes: Vec<Probe> =
        probe::parse(record::PROBES).into_iter().filter(|probe| probe.name.contains(&only) && probe.is_known()).collect();
    let cluster = Cluster::start(Options { name: "peers", conf: &[("shared_preload_libraries", "")], durable: false });
    let mut admin = cluster.client("postgres");
    client::roles(&mut admin);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tool = |tool: &mut Tool| record::Tool { name: tool.name.into(), version: tool.version(), options: tool.options.into() };
    let comparison = Comparison {
        date: scalar(&mut admin, "SELECT current_date::text"),
        server: scalar(&mut admin, "SELECT split_part(version(), ' ', 2)"),
        tools: tools::all().iter_mut().map(tool).collect(),
        probes: Vec::new(),
    };
    // The last run's, and those of one that was interrupted.
    let kept = [root.join("docs/peers.json"), root.join("target/peers.json")];
    let earlier = if only.is_empty() { kept.each_ref().map(|path| Comparison::read(path)) } else { Default::default() };
    let jobs = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(3);
    let (next, comparison) = (AtomicUsize::new(0), Mutex::new(comparison));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let mut tools = tools::all();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(probe) = probes.get(number) else { break };
                    let known = comparison.lock().expect("the comparison").answered(&earlier, &probe.name, &probe.digest());
                    // A name for once: a tool may keep its connections, to databases that are gone.
                    let attempts = ask_all(&cluster, &format!("p{number}"), probe, &mut tools, known, !only.is_empty());
                    let word = |(tool, [there, back]): (&Tool, &[Attempt; 2])| {
                        format!("  {} {} / {}", tool.name, there.outcome.word(), back.outcome.word())
                    };
                    let words: String = tools.iter().zip(&attempts).map(word).collect();
                    let mut comparison = comparison.lock().expect("the comparison");
                    comparison.probes.push(record::Probe { name: probe.name.clone(), digest: probe.digest(), attempts });
                    comparison.probes.sort_by_key(|done| probes.iter().position(|probe| probe.name == done.name));
                    say!("{}/{} {}{words}", comparison.probes.len(), probes.len(), probe.name);
                    if only.is_empty() {
                        comparison.write(&kept[1]);
                    }
                }
            });
        }
    });
    let comparison = comparison.into_inner().expect("the comparison");
    print!("{}", comparison.table());
    if only.is_empty() {
        comparison.write(&kept[0]);
        comparison.write_pages(root);
        std::fs::remove_file(&kept[1]).ok();
    }
}

/// What each tool makes of a probe, there and back.
fn ask_all(
    cluster: &Cluster,
    prefix: &str,
    probe: &Probe,
    tools: &mut [Tool],
    known: Vec<Option<[Attempt; 2]>>,
    shown: bool,
) -> Vec<[Attempt; 2]> {
    let [before, after, copy] = ["before", "after", "copy"].map(|part| format!("{prefix}_{part}"));
    let run = |database: &str, sql: &str| cluster.psql(database, sql).unwrap_or_else(|error| panic!("{}: {error}", probe.name));
    create(cluster, &before, "template0");
    run(&before, &probe.setup);
    create(cluster, &after, &before);
    for statement in probe.statements() {
        run(&after, statement);
    }
    let dumps = [&before, &after].map(|database| dump(cluster, database));
    let schemas = dumps.each_ref().map(|dump| Schema::of(dump));
    assert!(schemas[0] != schemas[1], "{}: pg_dump sees no change", probe.name);

    let sides = [Side { database: &before, dump: &dumps[0] }, Side { database: &after, dump: &dumps[1] }];
    let ways = [[&sides[0], &sides[1]], [&sides[1], &sides[0]]];
    let answers: Vec<_> = tools
        .iter_mut()
        .zip(&known)
        .map(|(tool, known)| known.is_none().then(|| ways.map(|[from, to]| tool.diff(cluster, from, to))))
        .collect();
    let mut judge = Judge { cluster, copy: &copy, known: HashMap::new() };
    let judged = |(answers, known): (&Option<Both>, Option<[Attempt; 2]>)| match (answers, known) {
        (_, Some(known)) => known,
        (Some([there, back]), None) => [judge.attempt(there, &before, &schemas[1]), judge.attempt(back, &after, &schemas[0])],
        (None, None) => unreachable!("what is not known was asked"),
    };
    let attempts: Vec<[Attempt; 2]> = answers.iter().zip(known).map(judged).collect();
    if shown {
        for (tool, (answers, attempts)) in tools.iter().zip(answers.iter().zip(&attempts)) {
            for (answer, Attempt { outcome, why }) in answers.iter().flatten().zip(attempts) {
                let answer = answer.as_ref().map_or_else(String::as_str, |answer| &answer.sql);
                say!("--- {} of {}: {} {}\n{answer}", tool.name, probe.name, outcome.word(), why.as_deref().unwrap_or_default());
            }
        }
    }
    for database in [before, after] {
        cluster.dropdb(&database);
    }
    attempts
}

fn create(cluster: &Cluster, name: &str, template: &str) {
    let mut admin = cluster.client("postgres");
    // A tool may keep its connections, and one to the template is in the way.
    let leave = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'");
    let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
    for sql in [leave, create] {
        admin.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// Carries answers out on a copy of where they begin, and compares.
struct Judge<'a> {
    cluster: &'a Cluster,
    copy: &'a str,
    /// Some tools answer alike.
    known: HashMap<(String, String), Attempt>,
}

/// What a tool says of a change and of its reverse.
type Both = [Result<Answer, String>; 2];

impl Judge<'_> {
    fn attempt(&mut self, answer: &Result<Answer, String>, origin: &str, wanted: &Schema) -> Attempt {
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return Attempt::new(Outcome::Refused, why),
        };
        if answer.sql.trim().is_empty() {
            return match &answer.unmanaged {
                Some(what) => Attempt::new(Outcome::Unmanaged, what),
                None => Attempt::new(Outcome::Silent, ""),
            };
        }
        let key = (origin.to_owned(), answer.sql.trim().to_owned());
        if !self.known.contains_key(&key) {
            let attempt = self.carried_out(&answer.sql, origin, wanted);
            self.known.insert(key.clone(), attempt);
        }
        self.known[&key].clone()
    }

    fn carried_out(&self, sql: &str, origin: &str, wanted: &Schema) -> Attempt {
        create(self.cluster, self.copy, origin);
        let attempt = if let Err(error) = self.cluster.psql(self.copy, &format!("SET statement_timeout = '30s';\n{sql}")) {
            Attempt::new(Outcome::Fails, &error)
        } else {
            let found = Schema::of(&dump(self.cluster, self.copy));
            match found.difference(wanted) {
                None => Attempt::new(Outcome::Same, ""),
                Some(_) if found.sorted() == wanted.sorted() => Attempt::new(Outcome::Order, ""),
                Some(line) => Attempt::new(Outcome::Wrong, &line),
            }
        };
        self.cluster.dropdb(self.copy);
        attempt
    }
}
