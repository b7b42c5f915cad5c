//! A fleet in which every member stands at another version of a history.

use crate::control::{Fleet, Ground};
use crate::support::{self, history};
use std::collections::BTreeMap;
use std::time::Instant;

/// Versions of a history that are taken: about so many, or all with `ACCORD_FLEET=all`.
const VERSIONS: usize = 24;

#[test]
fn every_version_is_recognised_and_every_deviation_found_and_mended() {
    let all = std::env::var("ACCORD_FLEET").is_ok_and(|wanted| wanted == "all");
    let histories = std::iter::once(history::shop()).chain(history::found());
    for history in histories {
        let begun = Instant::now();
        let mut fleet = Fleet::on(Ground::start(&history.name, &[]));
        let cluster = &fleet.ground.clone().cluster;
        let every = if all { 1 } else { history.migrations.len().div_ceil(VERSIONS) };
        let chain = fleet.database("chain");
        cluster.createdb(&chain);
        let mut names = Vec::new();
        for (i, migration) in history.migrations.iter().enumerate() {
            cluster
                .psql_file(&chain, &migration.up, migration.transaction)
                .unwrap_or_else(|error| panic!("{}/{}: {error}", history.name, migration.name));
            if (i + 1) % every == 0 || i + 1 == history.migrations.len() {
                let name = format!("v{:03}", i + 1);
                let database = fleet.database(&name);
                fleet.execute(&format!("CREATE DATABASE {database} TEMPLATE {chain}"), &[]);
                fleet.add_at(&name, &cluster.socket_conninfo(&database), "{}");
                names.push(name);
            }
        }
        let made = begun.elapsed();
        let registering = Instant::now();
        for name in &names {
            fleet.execute("SELECT accord.register_baseline('app', $1, from_database => $1)", &[name]);
        }
        fleet.wait();
        let registered = registering.elapsed();
        // Migrations that leave the schema as it was make versions that are one.
        let fingerprints: BTreeMap<String, String> = fleet
            .rows("SELECT version, fingerprint FROM accord.baselines")
            .into_iter()
            .map(|row| row.split_once(" | ").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("two columns"))
            .collect();
        assert_eq!(fingerprints.len(), names.len());
        let newest = fingerprints[names.last().expect("a version")].clone();
        let check = |fleet: &mut Fleet, what: &str| {
            for row in fleet.rows("SELECT database, version, verdict, deviations::text FROM accord.verdicts ORDER BY 1") {
                let fields: Vec<&str> = row.split(" | ").collect();
                assert_eq!(fingerprints[fields[0]], fingerprints[fields[1]], "{what}: {row}");
                let standing = if fingerprints[fields[0]] == newest { "conforms" } else { "behind" };
                assert_eq!((fields[2], fields[3]), (standing, "0"), "{what}: {row}");
            }
            let count = fleet.rows("SELECT database FROM accord.verdicts").len();
            assert_eq!(count, names.len(), "{what}");
        };
        check(&mut fleet, "recognised");
        let begin = Instant::now();
        fleet.execute("SELECT accord.compare(full => true)", &[]);
        fleet.wait();
        check(&mut fleet, "recognised again");
        let compared = begin.elapsed();

        let mut done = BTreeMap::new();
        let mut exceptions = std::collections::BTreeSet::new();
        for (i, name) in names.iter().enumerate() {
            done.insert(name.clone(), deviate(&fleet, name, i));
        }
        fleet.compare();
        // A change that makes it exactly what another version is, is no deviation: it takes another.
        let exact =
            |fleet: &mut Fleet| fleet.rows("SELECT database FROM accord.verdicts WHERE verdict IN ('conforms', 'behind') ORDER BY 1");
        for round in 1..5 {
            for name in exact(&mut fleet) {
                let version = fleet.rows(&format!("SELECT version FROM accord.verdicts WHERE database = '{name}'"));
                assert_ne!(fingerprints[&version[0]], fingerprints[&name], "{name}: {}", done[&name].0);
                done.insert(name.clone(), deviate(&fleet, &name, name.len() + round));
                exceptions.insert(name);
            }
            fleet.compare();
        }
        assert!(exact(&mut fleet).is_empty());
        for (name, (statement, expected)) in done.iter().filter(|(name, _)| !exceptions.contains(*name)) {
            let rows = fleet.rows(&format!("SELECT deviation FROM accord.deviations WHERE database = '{name}'"));
            assert_eq!(&rows, std::slice::from_ref(expected), "{}/{name}: {statement}", history.name);
            let version = fleet.rows(&format!("SELECT version FROM accord.verdicts WHERE database = '{name}'"));
            assert_eq!(fingerprints[&version[0]], fingerprints[name], "{name} after {statement}");
        }
        // Alike on several: one alarm.
        let groups: std::collections::BTreeSet<&String> = done.values().map(|(_, expected)| expected).collect();
        let told = fleet.rows("SELECT DISTINCT hash FROM accord.deviations").len();
        assert!(told >= groups.len() && told <= done.len() + exceptions.len());
        let alarms = "SELECT hash FROM accord.alarms WHERE state IN ('open', 'reopened') AND alarm NOT LIKE '%earlier version%'";
        let met = support::eventually(std::time::Duration::from_secs(20), || (fleet.rows(alarms).len() == told).then_some(()));
        assert!(met.is_some(), "{told} differences, {:#?}", fleet.rows("SELECT state, alarm, flaps::text FROM accord.alarms"));

        let begin = Instant::now();
        for name in &names {
            let stands = fleet.rows(&format!("SELECT version FROM accord.verdicts WHERE database = '{name}'")).remove(0);
            let version = if exceptions.contains(name) { name.clone() } else { stands };
            let course = fleet
                .rows(&format!("SELECT sql FROM accord.conform('database = {name}', 'app', options => '{{\"version\": \"{version}\"}}')"));
            assert!(!course.is_empty(), "{name}: no way back");
            if let Err(error) = fleet.conform(&format!("database = {name}"), "app", &format!("{{\"version\": \"{version}\"}}")) {
                panic!("{}/{name} after {}: {error}\n{}", history.name, done[name].0, course.join("\n"));
            }
        }
        check(&mut fleet, "mended");
        support::say!(
            "{}: {} versions as members; made in {:.1} s, registered and recognised in {:.1} s, all read again in {:.1} s, {} deviations ({} alarms) mended in {:.1} s",
            history.name,
            names.len(),
            made.as_secs_f64(),
            registered.as_secs_f64(),
            compared.as_secs_f64(),
            done.len(),
            told,
            begin.elapsed().as_secs_f64()
        );
    }
}

/// Changes one fact of a member, and says how that is to be told.
fn deviate(fleet: &Fleet, name: &str, seed: usize) -> (String, String) {
    // Each picks an object that is there; the seed says which one and where to begin.
    const PICKS: [&str; 7] = [
        "SELECT format('DROP INDEX %I.%I', n.nspname, c.relname), format('index %I.%I is missing', n.nspname, c.relname)
           FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('i', 'P')) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refobjid = c.oid)
            AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) AND obj_description(c.oid) IS NULL AND c.relispartition = false",
        "SELECT format('ALTER TABLE %I.%I ALTER %I SET DEFAULT %L', n.nspname, c.relname, a.attname, 'x'),
                format('default %I.%I.%I is unexpected', n.nspname, c.relname, a.attname)
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'r' AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.atthasdef AND a.atttypid = 'text'::regtype",
        "SELECT format('ALTER TABLE %I.%I ADD accord_extra integer', n.nspname, c.relname), format('column %I.%I.accord_extra is unexpected', n.nspname, c.relname)
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND NOT c.relispartition AND c.reloftype = 0
            AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid OR i.inhrelid = c.oid)",
        "SELECT format('COMMENT ON TABLE %I.%I IS %L', n.nspname, c.relname, 'not ours'), CASE WHEN obj_description(c.oid) IS NULL
                THEN format('comment on table %I.%I is unexpected', n.nspname, c.relname) ELSE format('comment on table %I.%I differs in text', n.nspname, c.relname) END
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'",
        "SELECT format('ALTER TABLE %I.%I SET (fillfactor = 71)', n.nspname, c.relname), format('table %I.%I differs in options', n.nspname, c.relname)
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'",
        "SELECT format('CREATE INDEX accord_extra ON %I.%I (%I)', n.nspname, c.relname, a.attname), format('index %I.accord_extra is unexpected', n.nspname)
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('integer'::regtype, 'text'::regtype)",
        "SELECT format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, k.conname), format('constraint %I.%I.%I is missing', n.nspname, c.relname, k.conname)
           FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE k.contype IN ('f', 'c') AND k.conislocal AND k.conparentid = 0 AND c.relkind = 'r' AND NOT c.relispartition AND obj_description(k.oid) IS NULL",
    ];
    let mut client = fleet.member(name);
    for i in 0..PICKS.len() {
        let pick = PICKS[(seed + i) % PICKS.len()];
        let sql = format!(
            "SELECT x.* FROM ({pick} AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')) x (statement, words) ORDER BY md5(statement || '{seed}') LIMIT 1"
        );
        let Ok(Some(row)) = client.query_opt(&sql, &[]) else { continue };
        let (statement, words): (String, String) = (row.get(0), row.get(1));
        support::link::batch(&mut client, &statement);
        return (statement, words);
    }
    let statement = "CREATE TABLE public.accord_extra ()".to_owned();
    support::link::batch(&mut client, &statement);
    (statement, "table public.accord_extra is unexpected".to_owned())
}
