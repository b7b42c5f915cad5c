//! The same DDL is read into the same facts on every two majors.
//!
//! What only the newer one has is left out ([`Fact::within`]). Texts are compared as a replica would: the one
//! server's texts are planned and executed on the other, and what that reads of them is what it reads of the
//! DDL itself.

use crate::client::{fresh, roles};
use crate::run::{between, carry_out_in, differences, read};
use crate::support::cluster::{Cluster, Options};
use crate::support::{history, say};
use pg_accord::model::{Body, Fact, Kind};
use pg_accord::plan;
use postgres::{Client, NoTls};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

/// One file of DDL, or the parts of a history.
struct Subject {
    name: &'static str,
    parts: Vec<(String, bool)>,
    /// Its functions name things as this path finds them.
    path: &'static str,
}

fn subjects() -> Vec<Subject> {
    let shop = history::shop().migrations;
    let shop = shop.iter().map(|migration| (fs::read_to_string(&migration.up).expect("read up.sql"), migration.transaction)).collect();
    // What is not modelled has no plan.
    let rich = concat!(include_str!("../catalog/rich.sql"), include_str!("../catalog/alone.sql")).to_owned();
    vec![
        Subject { name: "rich", parts: vec![(rich, true)], path: "pg_catalog, pg_temp" },
        Subject { name: "shop", parts: shop, path: "public" },
    ]
}

fn build(client: &mut Client, subject: &Subject) {
    client.batch_execute(&format!("SET search_path = {}", subject.path)).unwrap();
    for (text, transaction) in &subject.parts {
        let statements: Vec<&str> = if *transaction { vec![text] } else { text.split_inclusive(';').collect() };
        for statement in statements {
            client.batch_execute(statement).unwrap_or_else(|error| panic!("{}: {error:?}\n{statement}", subject.name));
        }
    }
    client.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
}

/// What initdb gives schema public is not the same in every major.
fn of_initdb(fact: &Fact) -> bool {
    matches!(fact.id.kind, Kind::Owner | Kind::Grant) && fact.id.of == Some(Kind::Schema) && fact.id.path[0].as_str() == "public"
}

/// Facts as an older major has them. Which version of an extension CREATE EXTENSION takes is the server's choice:
/// `choice` made it.
fn as_on(major: u32, facts: &[Fact], choice: &[Fact]) -> Vec<Fact> {
    let chosen = |fact: Fact| match fact.body {
        Body::Extension(_) => choice.iter().find(|other| other.id == fact.id).cloned().unwrap_or(fact),
        _ => fact,
    };
    facts.iter().filter(|fact| !of_initdb(fact)).filter_map(|fact| fact.within(major)).map(chosen).collect()
}

/// Places of columns, but for those of a child by inheritance: made at once, its own columns stand last.
fn places(facts: Vec<Fact>) -> Vec<Fact> {
    let children: BTreeSet<_> = facts.iter().filter(|fact| fact.id.kind == Kind::Inherit).map(|fact| fact.id.path[..2].to_vec()).collect();
    facts.into_iter().filter(|fact| fact.id.kind != Kind::Position || !children.contains(&fact.id.path[..2])).collect()
}

/// Differences beyond texts between what two majors read.
fn beyond_texts(older: &[Fact], newer: &[Fact]) -> Vec<String> {
    let newer_by_id: HashMap<_, _> = newer.iter().map(|fact| (&fact.id, fact)).collect();
    let reworded: Vec<Fact> = older
        .iter()
        .map(|fact| match newer_by_id.get(&fact.id) {
            Some(other) if fact.same_but_for_texts(other) => (*other).clone(),
            _ => fact.clone(),
        })
        .collect();
    differences(&reworded, newer, true)
}

#[test]
fn the_same_ddl_reads_the_same() {
    let pairs = crate::pairs();
    if pairs.is_empty() {
        return;
    }
    let servers: BTreeMap<u32, Cluster> = pairs
        .iter()
        .flat_map(|&(older, newer)| [older, newer])
        .collect::<BTreeSet<u32>>()
        .into_iter()
        .map(|major| {
            (major, Cluster::start_major(major, Options { name: "majors", conf: &[("shared_preload_libraries", "")], durable: false }))
        })
        .collect();
    let conninfo = |major: u32| servers[&major].conninfo("postgres");
    for major in servers.keys() {
        roles(&mut Client::connect(&conninfo(*major), NoTls).unwrap());
    }
    let mut problems = Vec::new();
    for subject in subjects() {
        let readings: BTreeMap<u32, Vec<Fact>> = servers
            .keys()
            .map(|&major| {
                let mut client = fresh(&conninfo(major), "accord_majors");
                build(&mut client, &subject);
                (major, read(&mut client))
            })
            .collect();
        for &(older, newer) in &pairs {
            let choice = &readings[&older];
            let (a, b) = (as_on(older, &readings[&older], choice), as_on(older, &readings[&newer], choice));
            problems.extend(beyond_texts(&a, &b).into_iter().map(|why| format!("{}, {older} and {newer}: {why}", subject.name)));
            let texts = a.iter().filter(|fact| b.iter().any(|other| other.id == fact.id && other.body != fact.body)).count();
            for (from, to) in [(older, newer), (newer, older)] {
                let choice = &readings[&to];
                let offered = as_on(to, &readings[&from], choice);
                let mut client = fresh(&conninfo(to), "accord_majors_built");
                let empty = read(&mut client);
                let changes = between(&as_on(to, &empty, &[]), &offered);
                let built = carry_out_in(&mut client, subject.path, &changes, &plan::Options::default());
                match built {
                    Ok(_) => {
                        let found = as_on(older, &read(&mut client), &[]);
                        let expected = as_on(older, &readings[&to], &[]);
                        let wrong = differences(&places(expected), &places(found), true);
                        problems.extend(wrong.into_iter().map(|why| format!("{}, {from} built on {to}: {why}", subject.name)));
                    }
                    Err(why) => problems.push(format!("{}, {from} built on {to}: {why}", subject.name)),
                }
            }
            say!("{}: {older} and {newer} read {} facts alike, {texts} of them in other words", subject.name, a.len());
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
