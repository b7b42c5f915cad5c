//! Debian's pgl_ddl_deploy with pglogical, measured beside us where its packages can be had.
//!
//! The packages are fetched by apt-get and unpacked into the private server; the system is not touched.

use super::report::Samples;
use super::{CONF, add_columns, alternate, create_tables, wal_of_columns};
use postgres::Client;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use support::cluster::{major, server_root};
use support::link::{batch, column_exists, describe};
use support::{Cluster, Options};

use crate::support;

/// What was measured; all none where the peer is not there.
#[derive(Default)]
pub struct Peer {
    pub name: String,
    /// ALTER TABLE ADD COLUMN with / without.
    pub alter: Option<f64>,
    /// CREATE TABLE with / without.
    pub create: Option<f64>,
    /// WAL per ADD COLUMN, bytes.
    pub wal: Option<f64>,
    /// Commit to visible on the subscriber, p50 and p99.
    pub latency: Option<(Duration, Duration)>,
}

/// Fetches, configures and measures it.
pub fn measure() -> Peer {
    let name = "pgl_ddl_deploy + pglogical".to_owned();
    if let Err(why) = install() {
        println!("{name}: not installed ({why})\n");
        return Peer { name: format!("{name}: not installed"), ..Peer::default() };
    }
    match run() {
        Ok(peer) => Peer { name, ..peer },
        Err(error) => {
            println!("{name}: {}\n", describe(&error));
            Peer { name: format!("{name}: failed"), ..Peer::default() }
        }
    }
}

/// Unpacks the packages into the private server's root, once.
fn install() -> Result<(), String> {
    let root = server_root();
    if root.join("peer").exists() {
        return Ok(());
    }
    let folder = root.join("peer.new");
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let packages = ["pglogical", "pgl-ddl-deploy"].map(|name| format!("postgresql-{}-{name}", major()));
    run_quietly(Command::new("apt-get").arg("download").args(packages).current_dir(&folder))?;
    for file in std::fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten() {
        if file.path().extension().is_some_and(|extension| extension == "deb") {
            run_quietly(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(folder.join("root")))?;
        }
    }
    copy(&folder.join("root"), &root)?;
    std::fs::rename(&folder, root.join("peer")).map_err(|error| error.to_string())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    run_quietly(Command::new("cp").arg("-r").arg(from.join(".")).arg(to))
}

fn run_quietly(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(error.lines().find(|line| line.starts_with("E:")).unwrap_or("apt-get download failed").to_owned())
}

fn run() -> Result<Peer, postgres::Error> {
    let mut conf = CONF.to_vec();
    conf.extend([("shared_preload_libraries", "pglogical"), ("track_commit_timestamp", "on")]);
    let provider = Cluster::start(Options { name: "peer provider", conf: &conf, durable: true });
    let subscriber = Cluster::start(Options { name: "peer subscriber", conf: &conf, durable: true });
    for cluster in [&provider, &subscriber] {
        // Recent minors let only named libraries decode.
        let mut client = cluster.client("postgres");
        if !client.query("SELECT FROM pg_settings WHERE name = 'output_plugin_libraries'", &[])?.is_empty() {
            client.batch_execute("ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'pglogical_output'")?;
            client.batch_execute("SELECT pg_reload_conf()")?;
        }
        cluster.createdb("peer");
        cluster.client("peer").batch_execute("CREATE EXTENSION pglogical; CREATE EXTENSION pgl_ddl_deploy")?;
    }
    let mut source = provider.client("peer");
    let node = |cluster: &Cluster, name: &str| {
        format!("SELECT pglogical.create_node('{name}', '{}')", cluster.conninfo("peer").replace('\'', "''"))
    };
    source.batch_execute(&node(&provider, "provider"))?;
    source.batch_execute(
        "INSERT INTO pgl_ddl_deploy.set_configs (set_name, include_schema_regex, lock_safe_deployment, allow_multi_statements)
         VALUES ('default', '^public$', false, true);
         SELECT pgl_ddl_deploy.deploy('default')",
    )?;
    let mut target = subscriber.client("peer");
    target.batch_execute(&node(&subscriber, "subscriber"))?;
    target.batch_execute(&format!(
        "SELECT pglogical.create_subscription('sub', '{}', ARRAY['default', 'ddl_sql'], false, false)",
        provider.conninfo("peer").replace('\'', "''")
    ))?;
    target.batch_execute("SET statement_timeout = '60s'; SELECT pglogical.wait_for_subscription_sync_complete('sub')")?;

    provider.createdb("plain");
    let mut plain = provider.client("plain");
    let wal = wal_of_columns(&mut source).1;
    let latency = latency(&mut source, &mut target);
    for client in [&mut source, &mut plain] {
        batch(client, "SET synchronous_commit = off");
    }
    let ratio = |(with, without): (Samples, Samples)| with.percentile(50).as_secs_f64() / without.percentile(50).as_secs_f64();
    Ok(Peer {
        name: String::new(),
        alter: Some(ratio(alternate(&mut source, &mut plain, add_columns))),
        create: Some(ratio(alternate(&mut source, &mut plain, create_tables))),
        wal: Some(wal),
        latency,
    })
}

/// Commit's return to the column being visible on the subscriber, asked for without a pause.
fn latency(source: &mut Client, target: &mut Client) -> Option<(Duration, Duration)> {
    batch(source, "CREATE TABLE public.late (id int)");
    let mut samples = Samples::default();
    for round in 0..200 {
        let column = format!("c{round}");
        batch(source, &format!("ALTER TABLE public.late ADD COLUMN {column} int"));
        let begun = Instant::now();
        while !column_exists(target, "public.late", &column) {
            if begun.elapsed() > Duration::from_secs(10) {
                return None;
            }
        }
        samples.add(begun.elapsed());
    }
    Some((samples.percentile(50), samples.percentile(99)))
}
