//! Real histories: every migration's changes are carried to a second database, then all the way back.

use crate::client::{conninfo, fresh};
use crate::run::{between, carry_out_in, differences, dump, dump_differences, listed, read};
use pg_accord::diff::{diff, reversed};
use pg_accord::plan::Options;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[test]
fn crates_io() {
    let Some(conninfo) = conninfo() else { return };
    let root = std::env::var_os("ACCORD_HISTORIES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/histories"), PathBuf::from);
    let Ok(entries) = fs::read_dir(root.join("crates-io")) else {
        eprintln!("skipped: {} holds no crates-io", root.display());
        return;
    };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.join("up.sql").exists()).collect();
    folders.sort_unstable();
    let (mut a, mut b) = (fresh(&conninfo, "accord_plan_history_a"), fresh(&conninfo, "accord_plan_history_b"));
    let options = Options::default();
    let first = read(&mut a);
    let mut before = first.clone();
    let mut history = Vec::new();
    let (mut problems, mut statements) = (Vec::new(), 0);
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let up = fs::read_to_string(folder.join("up.sql")).unwrap();
        a.batch_execute("SET search_path = public").unwrap();
        let alone = folder.join("no-transaction").exists();
        let parts: Vec<&str> = if alone { up.split_inclusive(';').collect() } else { vec![&up] };
        for part in parts {
            a.batch_execute(part).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        a.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
        let after = read(&mut a);
        let changes = diff(&before, &after);
        let mut problem = match carry_out_in(&mut b, "public", &changes, &options) {
            Ok(plan) => {
                statements += plan.steps.len();
                let differing = differences(&after, &read(&mut b), true);
                (!differing.is_empty()).then(|| format!("{}\n{}", differing.join("\n  "), listed(&plan)))
            }
            Err(why) => Some(why),
        };
        if let Some(problem) = problem.take() {
            problems.push(format!("{name}: {problem}"));
            // Go on from where it should be, so that one failure is one failure.
            b.batch_execute("ROLLBACK").ok();
            let now = read(&mut b);
            if let Err(why) = carry_out_in(&mut b, "public", &between(&now, &after), &options) {
                panic!("{}\n{name}: cannot be mended: {why}", problems.join("\n"));
            }
        }
        history.push((name, before, changes));
        before = after;
    }
    println!("{} of {} migrations carried over in {statements} statements", folders.len() - problems.len(), folders.len());
    let dumps = dump_differences(&dump(&conninfo, "accord_plan_history_a"), &dump(&conninfo, "accord_plan_history_b"));
    if !dumps.is_empty() {
        problems.push(dumps.join("\n"));
    }
    // An empty database becomes the last state at once.
    let mut c = fresh(&conninfo, "accord_plan_history_c");
    let empty = read(&mut c);
    match carry_out_in(&mut c, "public", &between(&empty, &before), &options) {
        Ok(_) => {
            problems.extend(differences(&before, &read(&mut c), true).into_iter().map(|d| format!("built at once: {d}")));
            let dumps = dump_differences(&dump(&conninfo, "accord_plan_history_a"), &dump(&conninfo, "accord_plan_history_c"));
            problems.extend(dumps.into_iter().map(|d| format!("built at once: {d}")));
        }
        Err(why) => problems.push(format!("built at once: {why}")),
    }
    let (mut back, total) = (0, history.len());
    for (name, before, changes) in history.into_iter().rev() {
        let problem = match carry_out_in(&mut b, "public", &reversed(&changes), &options) {
            Ok(plan) => {
                let differing = differences(&before, &read(&mut b), false);
                (!differing.is_empty()).then(|| format!("{}\n{}", differing.join("\n  "), listed(&plan)))
            }
            Err(why) => Some(why),
        };
        match problem {
            None => back += 1,
            Some(problem) => {
                problems.push(format!("back over {name}: {problem}"));
                b.batch_execute("ROLLBACK").ok();
                let now = read(&mut b);
                if let Err(why) = carry_out_in(&mut b, "public", &between(&now, &before), &options) {
                    panic!("{}\n{name}: cannot be mended: {why}", problems.join("\n"));
                }
            }
        }
    }
    println!("{back} of {total} migrations taken back");
    assert!(differences(&first, &read(&mut b), false).is_empty());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Planning a large model takes time in proportion to it.
#[test]
fn large_models_are_planned_quickly() {
    let Some(conninfo) = conninfo() else { return };
    let mut a = fresh(&conninfo, "accord_plan_large");
    let mut time = |tables: usize| -> Duration {
        a.batch_execute("DROP SCHEMA IF EXISTS large CASCADE; CREATE SCHEMA large").unwrap();
        let sql = format!(
            "DO $$ BEGIN FOR i IN 1..{tables} LOOP EXECUTE format('CREATE TABLE large.t%s (id serial PRIMARY KEY, a int DEFAULT 1, b text NOT NULL, c int REFERENCES large.t%s)', i, greatest(i - 1, 1)); \
             EXECUTE format('CREATE INDEX ON large.t%s (a)', i); EXECUTE format('CREATE VIEW large.v%s AS SELECT * FROM large.t%s', i, i); END LOOP; END $$"
        );
        for chunk in sql.split("; \u{0}") {
            a.batch_execute(chunk).unwrap();
        }
        let facts = read(&mut a);
        let changes = between(&[], &facts);
        let changes: Vec<_> = changes.into_iter().filter(|c| c.id().unwrap().schema().is_some_and(|s| s.as_str() == "large")).collect();
        let started = Instant::now();
        let made = pg_accord::plan::plan(&changes, &pg_accord::plan::Standing::default(), &Options::default()).unwrap();
        let took = started.elapsed();
        println!("{} facts to {} statements in {took:?}", changes.len(), made.steps.len());
        took
    };
    let (small, large) = (time(250), time(1000));
    assert!(large < small * 12 + Duration::from_millis(50), "{small:?}, then {large:?} for four times as much");
}
