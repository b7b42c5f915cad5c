//! Real histories: every migration's changes are carried to a second database, then all the way back.

use crate::client::{conninfo, fresh};
use crate::run::{between, carry_out_in, differences, dump, dump_differences, listed, read};
use crate::support::history::{self, History};
use pg_accord::diff::{diff, reversed};
use pg_accord::plan::Options;
use std::time::Duration;

// The project's own history is not carried over like this: its migrations hold many commands each, and two of them
// (a partition detached and moved, a parent table that grows after its child) do not yet come out of one plan as
// they came out of the commands. Command by command it is followed in `pg_test/histories`.

#[test]
fn histories_that_were_put_beside() {
    let histories = history::found();
    if histories.is_empty() {
        crate::support::say!("skipped: no histories at ../shared/histories or ACCORD_HISTORIES");
    }
    histories.iter().for_each(carry_over_and_back);
}

fn carry_over_and_back(history: &History) {
    let Some(conninfo) = conninfo() else { return };
    let migrations = &history.migrations;
    let [name_a, name_b, name_c] = ["a", "b", "c"].map(|which| format!("accord_plan_{}_{which}", history.identifier()));
    let (mut a, mut b) = (fresh(&conninfo, &name_a), fresh(&conninfo, &name_b));
    let options = Options::default();
    let first = read(&mut a);
    let mut before = first.clone();
    let mut steps = Vec::new();
    let (mut problems, mut statements) = (Vec::new(), 0);
    for migration in migrations {
        let name = migration.name.clone();
        a.batch_execute("SET search_path = public").unwrap();
        for part in migration.parts() {
            a.batch_execute(&part).unwrap_or_else(|e| panic!("{name}: {e}"));
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
        steps.push((name, before, changes));
        before = after;
    }
    println!(
        "{}: {} of {} migrations carried over in {statements} statements",
        history.name,
        migrations.len() - problems.len(),
        migrations.len()
    );
    let dumps = dump_differences(&dump(&conninfo, &name_a), &dump(&conninfo, &name_b));
    if !dumps.is_empty() {
        problems.push(dumps.join("\n"));
    }
    // An empty database becomes the last state at once.
    let mut c = fresh(&conninfo, &name_c);
    let empty = read(&mut c);
    match carry_out_in(&mut c, "public", &between(&empty, &before), &options) {
        Ok(_) => {
            problems.extend(differences(&before, &read(&mut c), true).into_iter().map(|d| format!("built at once: {d}")));
            let dumps = dump_differences(&dump(&conninfo, &name_a), &dump(&conninfo, &name_c));
            problems.extend(dumps.into_iter().map(|d| format!("built at once: {d}")));
        }
        Err(why) => problems.push(format!("built at once: {why}")),
    }
    let (mut back, total) = (0, steps.len());
    for (name, before, changes) in steps.into_iter().rev() {
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
    println!("{}: {back} of {total} migrations taken back", history.name);
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
        // The best of three, of the thread's own time: others may have the processor meanwhile.
        let once = || {
            let started = cpu_time::ThreadTime::now();
            let made = pg_accord::plan::plan(&changes, &pg_accord::plan::Standing::default(), &Options::default()).unwrap();
            let took = started.elapsed();
            println!("{} facts to {} statements in {took:?}", changes.len(), made.steps.len());
            took
        };
        (0..3).map(|_| once()).min().unwrap()
    };
    let (small, large) = (time(250), time(1000));
    assert!(large < small * 12 + Duration::from_millis(50), "{small:?}, then {large:?} for four times as much");
}
