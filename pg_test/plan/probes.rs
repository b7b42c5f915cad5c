//! Single changes of every kind: carried to another database, and back.

use crate::client::{conninfo, fresh, roles};
use crate::coverage::Coverage;
use crate::probe::{Probe, parse};
use crate::run::{between, carry_out, differences, dump, dump_differences, listed, read, same_fingerprint, sent};
use pg_accord::diff::{diff, reversed};
use pg_accord::plan::{Options, Standing, plan};
use postgres::Client;

const PROBES: &str = concat!(include_str!("probes.sql"), "\n", include_str!("probes_newer.sql"));

/// Each property by itself, where the others change many at once.
const PROPERTIES: &str = include_str!("properties.sql");

fn run(conninfo: &str, names: [&str; 2], probe: &Probe, options: &Options, coverage: &mut Coverage) -> Result<(), String> {
    let flag = |name: &str| probe.flags.iter().any(|flag| flag == name);
    let fail = |stage: &'static str| move |why: String| format!("{stage}: {why}");
    let (mut a, mut b) = (fresh(conninfo, names[0]), fresh(conninfo, names[1]));
    let pinned = "SET search_path = pg_catalog, pg_temp";
    a.batch_execute("SET search_path = public").unwrap();
    a.batch_execute(&probe.setup).map_err(|error| format!("setup: {error:?}"))?;
    a.batch_execute(pinned).unwrap();
    let before = read(&mut a);
    let empty = read(&mut b);
    let built = carry_out(&mut b, &between(&empty, &before), options).map_err(fail("build"))?;
    same(conninfo, names, "build", &before, &mut b, true).map_err(|why| format!("{why}\n{}", listed(&built)))?;
    a.batch_execute("SET search_path = public").unwrap();
    for statement in probe.statements() {
        a.batch_execute(statement).map_err(|error| format!("ddl: {error:?}"))?;
    }
    a.batch_execute(pinned).unwrap();
    let after = read(&mut a);
    let changes = diff(&before, &after);
    if changes.is_empty() {
        return Err("the ddl changes nothing".to_owned());
    }
    let forward = carry_out(&mut b, &changes, options);
    if flag("impossible") {
        return forward.map_or(Ok(()), |plan| Err(format!("the plan should be refused:\n{}", listed(&plan))));
    }
    let forward = forward.map_err(fail("forward"))?;
    same(conninfo, names, "forward", &after, &mut b, !flag("order")).map_err(|why| format!("{why}\n{}", listed(&forward)))?;
    coverage.carried(&changes);
    if flag("show") {
        println!("{}\n{}", probe.name, listed(&forward));
    }
    if flag("no-reverse") {
        return Ok(());
    }
    let back = carry_out(&mut b, &reversed(&changes), options).map_err(fail("reverse"))?;
    let differing = differences(&before, &read(&mut b), false);
    if flag("show") {
        println!("  back\n{}", listed(&back));
    }
    if !differing.is_empty() {
        return Err(format!("reverse: {}\n{}", differing.join("\n  "), listed(&back)));
    }
    coverage.taken_back(&changes);
    Ok(())
}

/// Whether the probe's change, or its reverse, is planned otherwise under these options than without them: only
/// then is there something to carry out that the plain run has not shown.
fn planned_otherwise(conninfo: &str, name: &str, probe: &Probe, options: &Options) -> bool {
    let mut a = fresh(conninfo, name);
    let mut stages = ["", probe.setup.as_str(), probe.ddl.as_str()].into_iter().map(|sql| {
        a.batch_execute("SET search_path = public").unwrap();
        let ran = sql.split("\n-- then\n").all(|statement| a.batch_execute(statement).is_ok());
        a.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
        ran.then(|| read(&mut a))
    });
    let (Some(Some(empty)), Some(Some(before)), Some(Some(after))) = (stages.next(), stages.next(), stages.next()) else { return true };
    let forward = diff(&before, &after);
    let ways = [(&empty, between(&empty, &before)), (&before, forward.clone()), (&after, reversed(&forward))];
    ways.into_iter().any(|(standing, changes)| {
        let made = |options: &Options| {
            plan(&sent(&changes), &Standing::new(standing.clone()), options)
                .ok()
                .map(|plan| plan.steps.into_iter().map(|step| step.sql).collect())
        };
        let (plain, other): (Option<Vec<String>>, Option<Vec<String>>) = (made(&Options::default()), made(options));
        plain != other
    })
}

fn same(
    conninfo: &str,
    names: [&str; 2],
    stage: &str,
    expected: &[pg_accord::model::Fact],
    b: &mut Client,
    order: bool,
) -> Result<(), String> {
    let found = read(b);
    let mut differing = differences(expected, &found, order);
    if differing.is_empty() && order {
        if !same_fingerprint(expected, &found) {
            differing.push("the fingerprints differ".to_owned());
        }
        differing.extend(dump_differences(&dump(conninfo, names[0]), &dump(conninfo, names[1])));
    }
    if differing.is_empty() { Ok(()) } else { Err(format!("{stage}: {}", differing.join("\n  "))) }
}

/// Runs every probe; what they covered, if that was all.
fn all(probes: &str, names: [&str; 2], options: &Options) -> Option<Coverage> {
    share(probes, (0, 1), names, options)
}

/// Runs one of so many shares of the probes.
fn share(probes: &str, (which, of): (usize, usize), names: [&str; 2], options: &Options) -> Option<Coverage> {
    let conninfo = conninfo()?;
    roles(&mut Client::connect(&conninfo, postgres::NoTls).unwrap());
    let only = std::env::var("ACCORD_PROBE").unwrap_or_default();
    let probes = parse(probes).into_iter().skip(which).step_by(of);
    let probes: Vec<Probe> = probes.filter(|probe| probe.name.contains(&only) && probe.is_known()).collect();
    let mut coverage = Coverage::default();
    let failures: Vec<String> = probes
        .iter()
        .filter(|probe| *options == Options::default() || planned_otherwise(&conninfo, names[0], probe, options))
        .filter_map(|probe| run(&conninfo, names, probe, options, &mut coverage).err().map(|why| format!("{}\n  {why}", probe.name)))
        .collect();
    println!("{} of {} probes passed", probes.len() - failures.len(), probes.len());
    assert!(failures.is_empty(), "{} of {} probes failed:\n{}", failures.len(), probes.len(), failures.join("\n"));
    (only.is_empty() && of == 1).then_some(coverage)
}

#[test]
fn single_changes() {
    if let Some(coverage) = all(PROBES, ["accord_plan_a", "accord_plan_b"], &Options::default()) {
        coverage.check();
    }
}

/// The same with lock-friendly forms.
#[test]
fn single_changes_online() {
    all(PROBES, ["accord_plan_online_a", "accord_plan_online_b"], &Options { online: true, ..Options::default() });
}

/// In two shares: they are the longest of all tests.
#[test]
fn single_properties_even() {
    share(PROPERTIES, (0, 2), ["accord_even_a", "accord_even_b"], &Options::default());
}

#[test]
fn single_properties_odd() {
    share(PROPERTIES, (1, 2), ["accord_odd_a", "accord_odd_b"], &Options::default());
}

/// From each probe's end to the next one's, by ids alone: two schemas that have nothing to do with each other.
#[test]
fn any_schema_to_any_other() {
    let Some(conninfo) = conninfo() else { return };
    roles(&mut Client::connect(&conninfo, postgres::NoTls).unwrap());
    let only = std::env::var("ACCORD_PROBE").unwrap_or_default();
    let probes = parse(PROBES);
    let (mut b, mut at) = (fresh(&conninfo, "accord_plan_any_b"), "nothing".to_owned());
    let (mut carried, mut refused, mut failures) = (0, Vec::new(), Vec::new());
    // Backwards and forwards, so that each pair of neighbours is crossed both ways.
    for probe in probes
        .iter()
        .chain(probes.iter().rev())
        .filter(|p| !p.flags.iter().any(|f| f == "impossible") && p.name.contains(&only) && p.is_known())
    {
        let mut a = fresh(&conninfo, "accord_plan_any_a");
        a.batch_execute("SET search_path = public").unwrap();
        a.batch_execute(&probe.setup).unwrap();
        for statement in probe.statements() {
            a.batch_execute(statement).unwrap();
        }
        a.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
        let (from, to) = (read(&mut b), read(&mut a));
        let problem = match carry_out(&mut b, &between(&from, &to), &Options::default()) {
            Ok(plan) => {
                let differing = differences(&to, &read(&mut b), false);
                (!differing.is_empty()).then(|| format!("{}\n{}", differing.join("\n  "), listed(&plan)))
            }
            Err(why) => Some(why),
        };
        match problem {
            None => carried += 1,
            Some(why) => {
                let whence = format!("{at} → {}: {why}", probe.name);
                // Refused before anything was done, with a reason.
                if why.contains('\n') {
                    failures.push(whence);
                } else {
                    refused.push(whence);
                }
                drop(b);
                b = fresh(&conninfo, "accord_plan_any_b");
                let empty = read(&mut b);
                carry_out(&mut b, &between(&empty, &to), &Options::default()).unwrap();
            }
        }
        at.clone_from(&probe.name);
    }
    println!("{carried} carried over, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
