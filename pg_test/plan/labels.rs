//! Security labels on whatever can have them, by a provider that is compiled for the test: no
//! distribution packages one. Where there is no C compiler or no server headers, a line says so.

use crate::client::{conninfo, fresh};
use crate::run::{between, carry_out, differences, dump, dump_differences, listed, read};
use crate::support::cluster::{is_of_this_server, major};
use pg_accord::diff::{diff, reversed};
use pg_accord::plan::Options;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROVIDER: &str = r#"
#include "postgres.h"
#include "commands/seclabel.h"
#include "fmgr.h"
PG_MODULE_MAGIC;
static void check(const ObjectAddress *object, const char *label) {}
void _PG_init(void);
void _PG_init(void) { register_label_provider("accord test", check); }
"#;

const SETUP: &str = "CREATE SCHEMA s; CREATE TABLE s.t (a int, b int); CREATE VIEW s.v AS SELECT a FROM s.t; CREATE SEQUENCE s.q;
    CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a; CREATE TYPE s.e AS ENUM ('x'); CREATE DOMAIN s.d AS int; CREATE TYPE s.c AS (x int);
    CREATE FUNCTION s.g() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE AGGREGATE s.sum(int) (SFUNC = int4pl, STYPE = int); CREATE PUBLICATION p; CREATE EVENT TRIGGER w ON sql_drop EXECUTE FUNCTION s.g();
    CREATE FOREIGN DATA WRAPPER x; CREATE SERVER y FOREIGN DATA WRAPPER x; CREATE FOREIGN TABLE s.far (a int) SERVER y";

const OBJECTS: &[&str] = &[
    "SCHEMA s",
    "TABLE s.t",
    "COLUMN s.t.a",
    "VIEW s.v",
    "COLUMN s.v.a",
    "SEQUENCE s.q",
    "MATERIALIZED VIEW s.m",
    "TYPE s.e",
    "DOMAIN s.d",
    "TYPE s.c",
    "COLUMN s.c.x",
    "FUNCTION s.g()",
    "AGGREGATE s.sum(int)",
    "PUBLICATION p",
    "EVENT TRIGGER w",
    "FOREIGN TABLE s.far",
];

/// The compiled provider, or why there is none.
fn provider(folder: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    let (source, library) = (folder.join("provider.c"), folder.join("provider.so"));
    std::fs::write(&source, PROVIDER).map_err(|e| e.to_string())?;
    let pg_config = std::env::var("PG_CONFIG").unwrap_or_else(|_| format!("/usr/lib/postgresql/{}/bin/pg_config", major()));
    let headers = Command::new(pg_config).arg("--includedir-server").output().map_err(|e| format!("pg_config: {e}"))?;
    let headers = String::from_utf8_lossy(&headers.stdout).trim().to_owned();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-I", &headers, "-o"])
        .args([&library, &source])
        .output()
        .map_err(|e| format!("cc: {e}"))?;
    if output.status.success() { Ok(library) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn security_labels() {
    let Some(conninfo) = conninfo() else { return };
    let folder = std::env::temp_dir().join(format!("accord-labels-{}", std::process::id()));
    let library = match provider(&folder) {
        Ok(library) => library,
        Err(why) => {
            eprintln!("skipped: no provider of labels can be compiled: {why}");
            return;
        }
    };
    let (mut a, mut b) = (fresh(&conninfo, "accord_plan_labels_a"), fresh(&conninfo, "accord_plan_labels_b"));
    for client in [&mut a, &mut b] {
        client.batch_execute(&format!("LOAD '{}'", library.display())).unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let options = Options::default();
    a.batch_execute(SETUP).unwrap();
    let (start, empty) = (read(&mut a), read(&mut b));
    carry_out(&mut b, &between(&empty, &start), &options).unwrap();
    let mut before = start.clone();
    for label in ["'it''s secret'", "'open'", "NULL"] {
        for object in OBJECTS {
            a.batch_execute(&format!("SECURITY LABEL FOR \"accord test\" ON {object} IS {label}"))
                .unwrap_or_else(|e| panic!("{object}: {e:?}"));
        }
        let after = read(&mut a);
        let changes = diff(&before, &after);
        assert_eq!(changes.len(), OBJECTS.len(), "{changes:?}");
        let plan = carry_out(&mut b, &changes, &options).unwrap();
        assert_eq!(plan.steps.len(), OBJECTS.len(), "{}", listed(&plan));
        assert_eq!(differences(&after, &read(&mut b), true), Vec::<String>::new());
        let dumps = ["accord_plan_labels_a", "accord_plan_labels_b"].map(|database| dump(&conninfo, database));
        // pg_dump leaves out those on event triggers.
        let written = dumps[0].lines().filter(|line| line.starts_with("SECURITY LABEL FOR")).count();
        if is_of_this_server("pg_dump") {
            assert_eq!(written, if label == "NULL" { 0 } else { OBJECTS.len() - 1 });
        }
        assert_eq!(dump_differences(&dumps[0], &dumps[1]), Vec::<String>::new());
        carry_out(&mut b, &reversed(&changes), &options).unwrap();
        assert_eq!(differences(&before, &read(&mut b), true), Vec::<String>::new());
        carry_out(&mut b, &changes, &options).unwrap();
        before = after;
    }
    assert_eq!(differences(&start, &before, true), Vec::<String>::new());
}
