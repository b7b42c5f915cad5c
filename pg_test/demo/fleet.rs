//! `make demo-fleet`: twelve databases held to a baseline with two variants, four kinds of drift, the report, the way
//! back, and a client that sees its own.

#[path = "../support/mod.rs"]
mod support;

use postgres::Client;
use std::path::Path;
use support::link::{batch, describe, scalar};
use support::{Cluster, Options};

const SCHEMA: &str = "CREATE SCHEMA shop;
    CREATE TABLE shop.customers (id bigint PRIMARY KEY, name text NOT NULL, email text UNIQUE);
    CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer bigint NOT NULL REFERENCES shop.customers, state text NOT NULL DEFAULT 'new',
        total numeric(10, 2) NOT NULL CHECK (total >= 0));
    CREATE INDEX orders_state ON shop.orders (state);
    CREATE VIEW shop.open AS SELECT o.id, c.name, o.total FROM shop.orders o JOIN shop.customers c ON c.id = o.customer WHERE o.state = 'new';";
/// What the variant `eu` has beside it.
const EU: &str = "ALTER TABLE shop.orders ADD vat numeric(10, 2); CREATE INDEX orders_vat ON shop.orders (vat) WHERE vat IS NOT NULL;";

/// Kinds of drift, and where each happens.
const DRIFT: [(&str, &str, &[usize]); 4] = [
    ("an index is gone", "DROP INDEX shop.orders_state", &[2, 5, 9]),
    ("a column was added", "ALTER TABLE shop.customers ADD phone text", &[4]),
    ("a default was changed", "ALTER TABLE shop.orders ALTER state SET DEFAULT 'open'", &[5, 7]),
    ("a check was dropped", "ALTER TABLE shop.orders DROP CONSTRAINT orders_total_check", &[11]),
];

fn main() {
    let conf = [("accord.databases", "control"), ("accord.fleet_interval", "0")];
    let cluster = Cluster::start(Options { name: "fleet", conf: &conf, durable: false });
    cluster.createdb("control");
    let mut control = cluster.client("control");
    batch(&mut control, "CREATE EXTENSION pg_accord");
    support::wait_until("a worker serves the control database", || scalar(&mut control, "SELECT accord.worker_running()"));

    say("Twelve databases; odd ones are European, every third has pg_accord.");
    for i in 1..=12 {
        let (name, eu) = (format!("shop_{i:02}"), i % 2 == 1);
        cluster.createdb(&name);
        let extension = if i % 3 == 0 { "CREATE EXTENSION pg_accord;" } else { "" };
        batch(&mut cluster.client(&name), &format!("{extension} {SCHEMA} {}", if eu { EU } else { "" }));
        let labels =
            format!(r#"{{"customer": "{}", "region": "{}"}}"#, if i <= 4 { "acme" } else { "others" }, if eu { "eu" } else { "us" });
        run(&mut control, "SELECT accord.add_database($1, $2, $3::text::jsonb)", &[&name, &cluster.socket_conninfo(&name), &labels]);
    }
    baseline(&cluster, &mut control);
    print(
        &mut control,
        "SELECT verdict, version, variant, count(*)::text AS databases FROM accord.verdicts GROUP BY 1, 2, 3 ORDER BY 3 NULLS FIRST",
    );

    for (what, statement, databases) in DRIFT {
        say(&format!("{what}: {statement} on {databases:?}"));
        for i in databases {
            batch(&mut cluster.client(&format!("shop_{i:02}")), statement);
        }
    }
    compare(&mut control);
    support::wait_until("the alarms are up to date", || {
        scalar::<i64>(&mut control, "SELECT count(*) FROM accord.alarms WHERE state <> 'resolved'") == 4
    });
    print(&mut control, "SELECT severity, alarm FROM accord.alarms WHERE state <> 'resolved'");
    print(&mut control, "SELECT database, author, statement FROM accord.deviations WHERE author IS NOT NULL ORDER BY 1, 3");

    let report: String = scalar(&mut control, "SELECT accord.fleet_report('html')");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fleet-report.html");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
    std::fs::write(&path, report).expect("write the report");
    say(&format!("The report is file://{}", path.display()));

    batch(&mut control, "CREATE ROLE acme LOGIN; SELECT accord.grant_fleet('acme', 'customer = acme', '{inspect,compare}')");
    say("The client acme sees its own:");
    let mut client = cluster.try_client_as("control", "acme").expect("connect as acme");
    print(&mut client, "SELECT name, standing FROM accord.databases ORDER BY 1");
    print(&mut client, "SELECT severity, alarm FROM accord.alarms");

    say("The way back, for each group that stands alike:");
    print(&mut control, "SELECT array_to_string(databases, ', ') AS databases, sql FROM accord.conform('', 'shop')");
    let id: i64 = scalar(&mut control, "SELECT DISTINCT conform FROM accord.conform('', 'shop', dry_run => false)");
    run(&mut control, "SELECT accord.wait_for_conform($1)", &[&id]);
    run(&mut control, "SELECT accord.wait_for_fleet()", &[]);
    print(&mut control, "SELECT wave::text, state, count(*)::text AS databases FROM accord.conforms GROUP BY 1, 2 ORDER BY 1");
    print(
        &mut control,
        "SELECT verdict, version, variant, count(*)::text AS databases FROM accord.verdicts GROUP BY 1, 2, 3 ORDER BY 3 NULLS FIRST",
    );
    let left: i64 = scalar(&mut control, "SELECT count(*) FROM accord.verdicts WHERE verdict <> 'conforms'");
    assert_eq!(left, 0, "not every database was mended");
    say("All twelve conform again.");
}

/// The plain schema, and the European one as an overlay of what it has beside it.
fn baseline(cluster: &Cluster, control: &mut Client) {
    let model = |name: &str| -> serde_json::Value {
        scalar::<String>(&mut cluster.client(name), "SELECT accord.export_model()::text").parse().expect("JSON")
    };
    let (mut plain, eu) = (model("shop_06"), model("shop_03"));
    let standing = plain["facts"].as_array().expect("facts").clone();
    let more: Vec<_> = eu["facts"].as_array().expect("facts").iter().filter(|fact| !standing.contains(fact)).cloned().collect();
    plain["variants"] = serde_json::json!({"eu": {"facts": more}});
    run(control, "SELECT accord.register_baseline('shop', '1', model => $1::text::jsonb)", &[&plain.to_string()]);
    run(control, "SELECT accord.wait_for_fleet()", &[]);
}

fn compare(control: &mut Client) {
    run(control, "SELECT accord.compare()", &[]);
    run(control, "SELECT accord.wait_for_fleet()", &[]);
}

fn run(client: &mut Client, sql: &str, arguments: &[&(dyn postgres::types::ToSql + Sync)]) {
    if let Err(error) = client.query(sql, arguments) {
        panic!("{sql}: {}", describe(&error));
    }
}

fn say(text: &str) {
    println!("\n{text}");
}

/// A table as psql prints it, of columns of text.
fn print(client: &mut Client, sql: &str) {
    let statement = client.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    let rows = client.query(&statement, &[]).unwrap_or_else(|error| panic!("{sql}: {}", describe(&error)));
    let mut table: Vec<Vec<String>> = vec![statement.columns().iter().map(|column| column.name().to_owned()).collect()];
    table.extend(rows.iter().map(|row| (0..row.len()).map(|i| row.get::<_, Option<String>>(i).unwrap_or_default()).collect()));
    let widths: Vec<usize> = (0..table[0].len()).map(|i| table.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    for (n, row) in table.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("  {}", cells.join(" | ").trim_end());
        if n == 0 {
            println!("  {}", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("-+-"));
        }
    }
}
