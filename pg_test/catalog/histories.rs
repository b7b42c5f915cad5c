//! Real histories: whatever they make can be read, migration by migration.

use crate::client::{ClientReader, conninfo, fresh};
use pg_accord::catalog::read_all;
use pg_accord::model::Model;
use std::fs;
use std::path::{Path, PathBuf};

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
    let mut client = fresh(&conninfo, "accord_catalog_history");
    let mut facts = 0;
    for folder in &folders {
        let up = fs::read_to_string(folder.join("up.sql")).unwrap();
        client.batch_execute("SET search_path = public").unwrap();
        // Statements that cannot share a transaction are sent one by one.
        let alone = folder.join("no-transaction").exists();
        let statements: Vec<&str> = if alone { up.split_inclusive(';').collect() } else { vec![&up] };
        for statement in statements {
            client.batch_execute(statement).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        }
        client.batch_execute("SET search_path = pg_catalog, pg_temp").unwrap();
        let read = read_all(&mut ClientReader::new(&mut client)).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        if let Some((fact, key)) = read.unresolved.first() {
            panic!("{}: {} → {key:?}", folder.display(), read.facts[*fact].id);
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
    println!("{} migrations, {facts} facts at last", folders.len());
}
