//! Replicas that are sources themselves.

use crate::support::link::{batch, scalar};
use crate::support::{Link, Pair, dump, wait_until};
use std::time::Duration;

/// The database at the chain's end, on the source's server.
const END: &str = "chain_end";

/// A source, its replica, and a replica of that.
fn chain(name: &str) -> Link {
    let link = Link::attached(Pair::own(name));
    link.pair.source.createdb(END);
    batch(&mut link.pair.source.client(END), "CREATE EXTENSION pg_accord");
    link.pair.replica.serve(std::slice::from_ref(&link.db));
    link.replica().execute("SELECT accord.add_replica('mart', $1)", &[&link.pair.source.conninfo(END)]).expect("add_replica");
    link
}

/// What the source committed is at the end, by way of the middle.
#[track_caller]
fn arrives(link: &Link) {
    link.wait();
    end_follows(link);
    link.assert_same_dump();
    let difference = dump::difference(&dump::schema(&link.pair.source, &link.db), &dump::schema(&link.pair.source, END));
    assert!(difference.is_none(), "the end: {difference:?}");
}

/// The chain's end has acknowledged all that its middle has.
#[track_caller]
fn end_follows(link: &Link) {
    link.replica().execute("SELECT accord.wait_for_replica('mart', '30 s')", &[]).expect("the chain's end follows");
}

#[test]
fn a_change_goes_from_replica_to_replica() {
    let link = chain("chain");
    link.run("CREATE TABLE public.a (id int PRIMARY KEY, b text); CREATE TYPE public.mood AS ENUM ('low')");
    arrives(&link);
    link.run("ALTER TABLE public.a RENAME b TO c; ALTER TABLE public.a ADD COLUMN d public.mood DEFAULT 'low'");
    link.run("BEGIN; CREATE TABLE public.b (id int REFERENCES public.a); CREATE VIEW public.v AS SELECT id, c FROM public.a; COMMIT");
    link.run("CREATE INDEX CONCURRENTLY ON public.a (c)");
    link.run("ALTER TYPE public.mood ADD VALUE 'high'");
    link.run("DROP VIEW public.v");
    arrives(&link);
    // Each knows its own history, and who brought what.
    let mut middle = link.replica();
    let own = middle.query(
        "SELECT tag, statement, context::text FROM accord.events
          WHERE version > 0 AND context #>> '{origin,0}' IS DISTINCT FROM (SELECT source::text FROM accord.upstream)",
        &[],
    );
    let own: Vec<[String; 3]> = own.expect("events").iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect();
    assert!(own.is_empty(), "what came from the source is not this database's own: {own:?}");
    // What the middle has of its own goes on to the end, and not back.
    batch(&mut middle, "CREATE TABLE public.own (id int)");
    end_follows(&link);
    assert!(scalar::<bool>(&mut link.pair.source.client(END), "SELECT to_regclass('public.own') IS NOT NULL"));
    assert!(scalar::<bool>(&mut link.source(), "SELECT to_regclass('public.own') IS NULL"));
    link.follow("ALTER TABLE public.b ADD COLUMN c int");
    assert_eq!(link.status().state, "following");
}

/// What the end refuses stops there, and neither the middle nor the source.
#[test]
fn a_refusal_at_the_end_stops_nobody_else() {
    let link = chain("chain refuses");
    link.run("CREATE TABLE public.a (id int, b int)");
    arrives(&link);
    batch(&mut link.pair.source.client(END), "CREATE VIEW public.mine AS SELECT b FROM public.a");
    link.follow("ALTER TABLE public.a DROP COLUMN b");
    let mut middle = link.replica();
    wait_until("the chain's end refuses", || scalar(&mut middle, "SELECT state = 'rejected' FROM accord.status WHERE replica = 'mart'"));
    link.follow("CREATE TABLE public.c (id int)");
    batch(&mut link.pair.source.client(END), "DROP VIEW public.mine");
    batch(&mut middle, "SELECT accord.retry('mart')");
    arrives(&link);
}

/// A database that is offered its own changes again makes none of them anew: the ring comes to rest.
#[test]
fn a_ring_comes_to_rest() {
    let link = Link::attached(Pair::own("ring"));
    link.pair.replica.serve(std::slice::from_ref(&link.db));
    link.follow("CREATE TABLE public.a (id int)");
    let mut there = link.replica();
    there.execute("SELECT accord.add_replica('back', $1)", &[&link.pair.source.conninfo(&link.db)]).expect("add_replica");
    there.execute("SELECT accord.wait_for_replica('back', '30 s')", &[]).expect("it has what it gave");
    link.follow("ALTER TABLE public.a ADD COLUMN b int");
    link.follow("ALTER TABLE public.a RENAME b TO c; CREATE INDEX ON public.a (c)");
    let mut versions = || (link.version(), scalar::<i64>(&mut there, "SELECT accord.version()::bigint"));
    let before = versions();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(versions(), before);
    assert_eq!(link.status().state, "following");
    let state: String = scalar(&mut there, "SELECT state::text FROM accord.status WHERE replica = 'back'");
    assert!(["following", "diverged", "rejected"].contains(&state.as_str()), "{state}");
    link.assert_agreement();
}
