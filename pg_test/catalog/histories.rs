//! Real histories: whatever they make can be read, migration by migration.

use crate::client::{ClientReader, conninfo, fresh};
use crate::support::history::{self, History};
use pg_accord::catalog::read_all;
use pg_accord::model::Model;

#[test]
fn the_projects_own_history() {
    follow(&history::shop());
}

#[test]
fn histories_that_were_put_beside() {
    let histories = history::found();
    if histories.is_empty() {
        crate::support::say!("skipped: no histories at ../shared/histories or ACCORD_HISTORIES");
    }
    histories.iter().for_each(follow);
}

fn follow(history: &History) {
    let Some(conninfo) = conninfo() else { return };
    let mut client = fresh(&conninfo, &format!("accord_catalog_{}", history.identifier()));
    let mut facts = 0;
    for migration in &history.migrations {
        let name = &migration.name;
        client.batch_execute("SET search_path = public").unwrap();
        for part in migration.parts() {
            client.batch_execute(&part).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        client.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
        let read = read_all(&mut ClientReader::new(&mut client)).unwrap_or_else(|e| panic!("{name}: {e}"));
        if let Some((fact, key)) = read.unresolved.first() {
            panic!("{name}: {} → {key:?}", read.facts[*fact].id);
        }
        for fact in &read.facts {
            fact.id.check().unwrap();
            if let Some(depended) = fact.depends.iter().find(|id| **id == fact.id) {
                panic!("{depended} depends on itself");
            }
        }
        facts = read.facts.len();
        Model::new(read.facts).unwrap();
    }
    println!("{}: {} migrations, {facts} facts at last", history.name, history.migrations.len());
}
