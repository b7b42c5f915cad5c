//! Concurrent DDL: nobody waits, nothing is lost, what depends comes after what it depends on.

use crate::support::link::{batch, scalar};
use crate::support::{Link, Pair};
use std::time::{Duration, Instant};

#[test]
fn two_sessions_and_a_third_idle_in_its_transaction() {
    for second_first in [false, true] {
        let link = Link::attached(Pair::shared());
        let (mut one, mut two, mut idle) = (link.source(), link.source(), link.source());
        batch(&mut idle, "BEGIN; CREATE TABLE public.idle (id int)");
        batch(&mut one, "BEGIN; CREATE TABLE public.one (id int)");
        batch(&mut two, "BEGIN; CREATE TABLE public.two (id int)");
        let (first, second) = if second_first { (&mut two, &mut one) } else { (&mut one, &mut two) };
        let begun = Instant::now();
        batch(first, "COMMIT");
        batch(second, "COMMIT");
        assert!(begun.elapsed() < Duration::from_secs(1), "a commit waited");
        link.wait(); // not for the idle one
        assert!(link.exists_there("public.one") && link.exists_there("public.two"));
        assert!(!link.exists_there("public.idle"));
        link.follow("ALTER TABLE public.one ADD COLUMN b int");
        batch(&mut idle, "ALTER TABLE public.idle ADD COLUMN b int; COMMIT");
        link.wait();
        assert!(link.column_there("public.idle", "b"));
        link.assert_agreement();
    }
}

#[test]
fn what_builds_on_anothers_commit_comes_after_it() {
    let link = Link::attached(Pair::shared());
    let (mut one, mut two) = (link.source(), link.source());
    // The second transaction begins (and captures) before the first commits, and then builds on it.
    batch(&mut two, "BEGIN; CREATE TABLE public.other (id int)");
    batch(&mut one, "BEGIN; CREATE TABLE public.base (id int PRIMARY KEY); COMMIT");
    batch(&mut two, "CREATE TABLE public.child (id int REFERENCES public.base); COMMIT");
    link.wait();
    link.assert_agreement();
}

#[test]
fn repeatable_read_captures_what_the_command_saw() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    let (mut one, mut two) = (link.source(), link.source());
    batch(&mut two, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    batch(&mut one, "ALTER TABLE public.a ADD COLUMN b int");
    batch(&mut two, "ALTER TABLE public.a ADD COLUMN c int; COMMIT");
    link.wait();
    link.assert_agreement();
}

#[test]
fn prepared_transactions() {
    let link = Link::attached(Pair::shared());
    let (kept, gone) = (format!("{}_kept", link.db), format!("{}_gone", link.db));
    link.run(&format!("BEGIN; CREATE TABLE public.kept (id int); PREPARE TRANSACTION '{kept}'"));
    link.run(&format!("BEGIN; CREATE TABLE public.gone (id int); PREPARE TRANSACTION '{gone}'"));
    link.follow("CREATE TABLE public.meanwhile (id int)");
    assert!(link.exists_there("public.meanwhile") && !link.exists_there("public.kept"));
    link.run(&format!("COMMIT PREPARED '{kept}'"));
    link.run(&format!("ROLLBACK PREPARED '{gone}'"));
    link.wait();
    assert!(link.exists_there("public.kept") && !link.exists_there("public.gone"));
    link.assert_agreement();
}

#[test]
fn what_is_rolled_back_never_happened() {
    let link = Link::attached(Pair::shared());
    let before = link.version();
    link.run("BEGIN; CREATE TABLE public.a (id int); ROLLBACK");
    link.run("BEGIN; CREATE TABLE public.b (id int); SAVEPOINT s; CREATE TABLE public.c (id int); ALTER TABLE public.b ADD x int; ROLLBACK TO s; ALTER TABLE public.b ADD y int; COMMIT");
    link.run(
        "DO $$ BEGIN BEGIN CREATE TABLE public.d (id int); RAISE EXCEPTION 'undone'; EXCEPTION WHEN raise_exception THEN NULL; END; END $$",
    );
    link.wait();
    assert_eq!(link.version(), before + 1);
    assert!(!link.exists_there("public.a") && !link.exists_there("public.c") && !link.exists_there("public.d"));
    assert!(!link.column_there("public.b", "x") && link.column_there("public.b", "y"));
    link.assert_agreement();
}

#[test]
fn many_sessions_at_once() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.common (id int)");
    std::thread::scope(|scope| {
        for session in 0..6 {
            let link = &link;
            scope.spawn(move || {
                let mut client = link.source();
                for round in 0..12 {
                    batch(&mut client, &format!("CREATE TABLE public.s{session}_{round} (id int PRIMARY KEY)"));
                    batch(&mut client, &format!("ALTER TABLE public.common ADD COLUMN s{session}_{round} int"));
                    if round % 3 == 2 {
                        batch(&mut client, &format!("BEGIN; ALTER TABLE public.common DROP COLUMN s{session}_{round}; DROP TABLE public.s{session}_{round}; COMMIT"));
                    }
                }
            });
        }
    });
    link.wait();
    link.assert_agreement();
    let reconciled: i64 = scalar(&mut link.source(), "SELECT count(*) FROM accord.event WHERE reconciled");
    assert_eq!(reconciled, 0, "every change was captured by the command that made it");
}

#[test]
fn a_commit_waits_for_no_replica() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int)");
    let mut reader = link.replica();
    batch(&mut reader, "BEGIN; SELECT * FROM public.a");
    let begun = Instant::now();
    link.run("ALTER TABLE public.a ADD COLUMN b int");
    assert!(begun.elapsed() < Duration::from_secs(1), "the source waited for its replica's lock");
    batch(&mut reader, "COMMIT");
    link.wait();
}

#[test]
fn equal_indexes_of_partitions_keep_their_names_whichever_is_attached_to_which() {
    let link = Link::bare(Pair::shared());
    link.run("CREATE TABLE public.parted (id int, a int) PARTITION BY RANGE (id)");
    link.run("CREATE INDEX one ON public.parted (a)");
    link.run("CREATE INDEX two ON public.parted (a)");
    // The replica's plan makes indexes in the order of their names, and ATTACH takes the oldest first.
    for (n, range) in [(0, "FROM (0) TO (10)"), (1, "FROM (10) TO (20)")] {
        link.run(&format!("CREATE TABLE public.part_{n} (id int, a int)"));
        link.run(&format!("CREATE INDEX part_{n}_b ON public.part_{n} (a)"));
        link.run(&format!("CREATE INDEX part_{n}_a ON public.part_{n} (a)"));
        if n == 0 {
            link.run(&format!("ALTER TABLE public.parted ATTACH PARTITION public.part_{n} FOR VALUES {range}"));
        }
    }
    link.add("{}");
    link.wait();
    link.assert_agreement();
    link.follow("ALTER TABLE public.parted ATTACH PARTITION public.part_1 FOR VALUES FROM (10) TO (20)");
    link.assert_agreement();
    link.follow("CREATE TABLE public.part_2 PARTITION OF public.parted FOR VALUES FROM (20) TO (30)");
    link.follow("ALTER TABLE public.parted DETACH PARTITION public.part_1");
    link.follow("ALTER TABLE public.parted ATTACH PARTITION public.part_1 FOR VALUES FROM (10) TO (20)");
    link.assert_agreement();
}

/// Whoever seals keeps the sums of the version that he sealed last: others seal in between, or it was rolled back.
#[test]
fn sealed_by_turns() {
    let link = Link::bare(Pair::shared());
    // No worker serves the replica's side.
    let (mut one, mut two) = (link.replica(), link.replica());
    for n in 0..12 {
        let (sealing, other) = if n % 5 < 3 { (&mut one, &mut two) } else { (&mut two, &mut one) };
        batch(other, &format!("CREATE SCHEMA s{n}; CREATE TABLE s{n}.t (a int); CREATE TABLE public.t{n} (id int DEFAULT {n})"));
        if n % 3 == 2 {
            batch(sealing, "BEGIN; SELECT accord.seal(); ROLLBACK");
            batch(other, &format!("DROP SCHEMA s{} CASCADE; ALTER TABLE public.t{n} ADD COLUMN b int", n - 1));
        }
        batch(sealing, "SELECT accord.seal()");
        let read: Vec<bool> = ["{}", r#"{"column_order": false}"#, r#"{"schemas": ["public"]}"#, r#"{"owners": true}"#]
            .iter()
            .map(|of| scalar(sealing, &format!("SELECT accord.fingerprint(false, '{of}') = accord.fingerprint(true, '{of}')")))
            .collect();
        assert_eq!(read, [true; 4], "after {n}");
    }
}

#[test]
fn a_name_that_one_statement_leaves_and_takes() {
    let link = Link::attached(Pair::shared());
    link.follow("CREATE TABLE public.a (id int, note text, gone int)");
    link.run(
        "BEGIN; ALTER TABLE public.a RENAME COLUMN note TO remark;
         ALTER TABLE public.a DROP COLUMN remark, ADD COLUMN remark int;
         ALTER TABLE public.a RENAME TO b; COMMIT",
    );
    link.wait();
    link.assert_agreement();
    // The same type again is another column: what the old one held is gone.
    link.run_there("INSERT INTO public.b (id, gone) VALUES (1, 2)");
    link.follow("ALTER TABLE public.b DROP COLUMN gone, ADD COLUMN gone int");
    link.assert_agreement();
    assert_eq!(scalar::<i64>(&mut link.replica(), "SELECT count(gone) FROM public.b"), 0);
}
