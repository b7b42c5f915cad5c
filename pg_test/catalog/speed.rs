//! What reads cost, inside the server: each query that a read asked, run from a kept plan.

use crate::client::{ClientReader, conninfo, fresh, roles};
use crate::kinds::rich;
use pg_accord::catalog::{Aspects, Objects, read_all, read_objects};
use postgres::Client;
use std::time::Instant;

const RUNS: i32 = 500;

/// Name of a query, for people: the catalog it reads first.
fn name(sql: &str) -> &str {
    sql.split_once("FROM pg_catalog.").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("?")
}

fn microseconds(client: &mut Client, sql: &str, oids: &[u32]) -> f64 {
    let body = sql.replace("$1", "oids");
    let ddl = format!(
        "CREATE OR REPLACE FUNCTION pg_temp.probe(oids oid[], runs int) RETURNS float8 LANGUAGE plpgsql AS $probe$
         DECLARE at timestamptz; best float8 := 'infinity'; probed record; BEGIN
         FOR run IN 1..runs LOOP at := clock_timestamp(); FOR probed IN {body} LOOP END LOOP;
         best := least(best, extract(epoch FROM clock_timestamp() - at) * 1e6); END LOOP; RETURN best; END $probe$"
    );
    client.batch_execute(&ddl).unwrap();
    client.query_one("SELECT pg_temp.probe($1, $2)", &[&oids, &RUNS]).unwrap().get(0)
}

#[test]
fn one_table() {
    let Some(conninfo) = conninfo() else { return };
    let mut client = fresh(&conninfo, "accord_catalog_speed");
    roles(&mut client);
    client.batch_execute(&rich()).unwrap();
    let tables: i32 = std::env::var("ACCORD_TABLES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let many = format!(
        "DO $$ BEGIN FOR i IN 1..{tables} LOOP EXECUTE format('CREATE TABLE public.t%s (id bigint PRIMARY KEY DEFAULT 1, a text NOT NULL DEFAULT ''x'',
         b int CHECK (b > 0) UNIQUE, c timestamptz DEFAULT now(), d text, e text, f text, g int REFERENCES public.t1 (id))', i);
         EXECUTE format('CREATE INDEX ON public.t%s (lower(a))', i); IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    );
    client.batch_execute("CREATE TABLE public.t1 (id bigint PRIMARY KEY); ").unwrap();
    client.batch_execute(&many.replace("1..", "2..")).unwrap();
    // Foreign tables without a handler cannot be analyzed, nor what they are below.
    client.batch_execute("DROP SERVER \"Ser ver\" CASCADE; ").unwrap();
    client.batch_execute("VACUUM ANALYZE").unwrap();
    for (what, table, aspects) in [
        ("t2, everything", "public.t2", Aspects::ALL),
        ("t2, columns and defaults", "public.t2", Aspects::COLUMNS | Aspects::DEFAULTS | Aspects::EDGES),
        ("shop.orders, everything", "shop.orders", Aspects::ALL),
    ] {
        let oid: u32 = client.query_one("SELECT $1::text::regclass::oid", &[&table]).unwrap().get(0);
        let objects = Objects { relations: vec![oid], aspects, ..Objects::default() };
        let mut reader = ClientReader::new(&mut client);
        read_objects(&mut reader, &objects).unwrap();
        reader.asked.clear();
        let mut times: Vec<u128> = Vec::new();
        let mut facts = 0;
        for _ in 0..RUNS {
            reader.asked.clear();
            let at = Instant::now();
            facts = read_objects(&mut reader, &objects).unwrap().facts.len();
            times.push(at.elapsed().as_micros());
        }
        times.sort_unstable();
        let asked = std::mem::take(&mut reader.asked);
        let mut sum = 0.0;
        let mut lines = Vec::new();
        for (sql, oids) in asked {
            let us = microseconds(&mut client, sql, oids.as_deref().unwrap_or_default());
            sum += us;
            lines.push(format!("{} {us:.0}", name(sql)));
        }
        println!("{what}: {facts} facts, {} µs by a client, {sum:.0} µs in the server ({})", times[times.len() / 2], lines.join(", "));
    }
    for setting in ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material"] {
        client.batch_execute(&format!("RESET {setting}")).unwrap();
    }
    let mut reader = ClientReader::new(&mut client);
    let at = Instant::now();
    let facts = read_all(&mut reader).unwrap().facts.len();
    println!("everything: {facts} facts of {tables} tables in {} ms", at.elapsed().as_millis());
}
