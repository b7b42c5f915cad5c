//! Negative controls: the guarantees taken away one by one, from outside. Each has to be caught.

use super::ledger::{Fate, judge};
use super::support::link::{batch, scalar};
use super::support::stream::{CONF, Stream};
use super::support::{Cluster, Options, eventually, say};
use super::world::{DB, World};
use std::sync::Arc;
use std::time::Duration;

/// As if versions were sealed behind a cursor over sequence numbers: what commits behind it is not seen.
const CURSOR: &str = "
WITH sealed AS (SELECT coalesce(max(e.seq), 0) AS seq FROM accord.event e JOIN accord.version v ON v.xid = e.xid),
     behind AS (DELETE FROM accord.event e USING sealed WHERE e.xid = pg_current_xact_id() AND e.seq <= sealed.seq RETURNING e.seq)
DELETE FROM accord.pending p USING behind WHERE p.seq = behind.seq";

/// As if the record were not in the transaction that applies: it is not there afterwards, once.
const RECORD: &str = "
CREATE TABLE watch.forget (once bool); INSERT INTO watch.forget VALUES (true);
CREATE FUNCTION watch.forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM watch.forget) THEN
        IF TG_TABLE_NAME = 'applied' THEN DELETE FROM watch.forget; END IF;
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON accord.mirror FOR EACH ROW EXECUTE FUNCTION watch.forget();
CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON accord.upstream FOR EACH ROW EXECUTE FUNCTION watch.forget();
CREATE TRIGGER forget BEFORE INSERT ON accord.applied FOR EACH ROW EXECUTE FUNCTION watch.forget()";

pub fn all_are_caught(seed: u64) -> bool {
    let mut good = true;
    let mut expect = |what: &str, caught: Option<String>, wanted: bool| {
        let word = match (&caught, wanted) {
            (Some(how), true) => format!("caught: {}", how.lines().next().unwrap_or_default()),
            (None, false) => "holds".to_owned(),
            (None, true) => "NOT CAUGHT".to_owned(),
            (Some(how), false) => format!("FAILS: {how}"),
        };
        good &= caught.is_some() == wanted;
        say!("torture: control, {what}: {word}");
    };
    expect("nothing taken away", short(seed, None, |_| {}), false);
    expect("a sequence cursor instead of sealing", short(seed, Some(CURSOR), |_| {}), true);
    expect(
        "no record in the applying transaction",
        short(seed, None, |world| batch(&mut world.replicas[0].cluster.client(DB), RECORD)),
        true,
    );
    let rows = Rows::start();
    expect("rows and fences", rows.lose_none(true), false);
    expect("rows without fences", rows.lose_none(false), true);
    good
}

/// A few seconds without faults; what the judges say, if anything.
fn short(seed: u64, tamper: Option<&'static str>, prepare: impl FnOnce(&World)) -> Option<String> {
    let world: Arc<World> = World::start(1, tamper);
    prepare(&world);
    super::run(&world, seed, |world| {
        eventually(Duration::from_secs(6), || (!world.violations().is_empty() || world.ledger.count(Fate::Committed) > 80).then_some(()));
    });
    let replica = &world.replicas[0];
    let mut found = world.violations();
    if found.is_empty() {
        found.extend(world.caught_up(replica, Duration::from_secs(15)).err());
    }
    found.extend(judge(&world.ledger.entries(), &World::seen(replica)));
    if std::env::var_os("TORTURE_TRACE").is_some() {
        say!("{found:#?}\n{}", world.source.log_tail(30));
    }
    found.into_iter().next()
}

/// A table whose rows go by native logical replication.
struct Rows {
    source: Cluster,
    replica: Cluster,
}

impl Rows {
    fn start() -> Self {
        let start = |name, databases| {
            let conf: Vec<(&str, &str)> = CONF.iter().copied().chain([("accord.databases", databases)]).collect();
            Cluster::start(Options { name, conf: &conf, ..Options::default() })
        };
        let rows = Self { source: start("rows source", DB), replica: start("rows replica", "") };
        for cluster in [&rows.source, &rows.replica] {
            cluster.createdb(DB);
            batch(&mut cluster.client(DB), "CREATE EXTENSION pg_accord");
        }
        let mut client = rows.source.client(DB);
        batch(&mut client, "CREATE PUBLICATION rows FOR ALL TABLES");
        client.execute("SELECT accord.add_replica('r1', $1)", &[&rows.replica.conninfo(DB)]).expect("add_replica");
        rows.stream().subscribe("rows");
        rows
    }

    fn stream(&self) -> Stream<'_> {
        Stream { source: (&self.source, DB), replica: (&self.replica, DB) }
    }

    /// Rows are on their way when their column goes. Do they arrive? What stops them, where they do not.
    fn lose_none(&self, fenced: bool) -> Option<String> {
        let table = if fenced { "fenced" } else { "unfenced" };
        let (mut source, mut replica) = (self.source.client(DB), self.replica.client(DB));
        let wait = |client: &mut postgres::Client| client.query_one("SELECT accord.wait_for_replica('r1', '20 s')", &[]);
        batch(&mut source, &format!("CREATE TABLE public.{table} (id int PRIMARY KEY, a text, b int)"));
        wait(&mut source).expect("the table is made");
        self.stream().same_rows(&format!("public.{table}"), Duration::from_secs(20)).expect("nothing is there yet");
        batch(&mut source, &format!("INSERT INTO public.{table} VALUES (0, 'first', 0)"));
        self.stream().same_rows(&format!("public.{table}"), Duration::from_secs(20)).expect("rows arrive");
        batch(&mut replica, "ALTER SUBSCRIPTION rows DISABLE");
        if !fenced {
            // As if nobody knew of the subscription: no offer waits for its rows.
            batch(&mut source, "UPDATE accord.replica SET subscriptions = '{}', slots = '{}'");
        }
        batch(&mut source, &format!("INSERT INTO public.{table} SELECT i, 'x', i FROM generate_series(1, 100) i; "));
        batch(&mut source, &format!("ALTER TABLE public.{table} DROP COLUMN b"));
        std::thread::sleep(Duration::from_millis(1500));
        batch(&mut replica, "ALTER SUBSCRIPTION rows ENABLE");
        let outcome = self.stream().same_rows(&format!("public.{table}"), Duration::from_secs(if fenced { 30 } else { 6 }));
        outcome.err().or_else(|| {
            let behind: i64 = scalar(&mut source, "SELECT coalesce(max(behind), 0)::bigint FROM accord.status");
            (fenced && behind > 0 && wait(&mut source).is_err()).then(|| "the change never came".to_owned())
        })
    }
}
