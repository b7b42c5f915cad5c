//! Lock-friendly forms: they end where the plain ones end, keep no writer out while they read, and
//! leave nothing behind where they fail.

use crate::client::{conninfo, fresh, roles};
use crate::run::{between, carry_out, differences, dump, dump_differences, execute, listed, read, same_fingerprint, sent};
use crate::support::cluster::major;
use pg_accord::plan::{Lock, Options, Plan, Standing, plan};
use postgres::Client;

struct Case {
    name: &'static str,
    setup: &'static str,
    ddl: &'static str,
    /// What the plan must say; where 18 has a NOT NULL that is validated later, what it says there.
    says: &'static [&'static str],
    /// A step must read a table under a lock that keeps writers out: PostgreSQL has no other way.
    blocks: bool,
}

const ROWS: &str = "CREATE TABLE t (id int NOT NULL, a int, b text, c int DEFAULT 5);
    INSERT INTO t SELECT i, i, 'x' || i FROM generate_series(1, 500) i;
    CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u SELECT generate_series(0, 500);";

const PARTS: &str = "CREATE TABLE p (id int NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (id);
    CREATE TABLE p2a PARTITION OF p2 DEFAULT;
    INSERT INTO p SELECT i, date '2020-01-01' + i FROM generate_series(1, 700) i;";

const CASES: &[Case] = &[
    Case {
        name: "a foreign key",
        setup: ROWS,
        ddl: "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u",
        says: &["NOT VALID", "VALIDATE CONSTRAINT f"],
        blocks: false,
    },
    Case {
        name: "a check",
        setup: ROWS,
        ddl: "ALTER TABLE t ADD CHECK (a > 0)",
        says: &["NOT VALID", "VALIDATE CONSTRAINT t_a_check"],
        blocks: false,
    },
    Case {
        name: "a check on a parent",
        setup: "CREATE TABLE t (a int); CREATE TABLE c (b int) INHERITS (t); INSERT INTO c VALUES (1, 2)",
        ddl: "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)",
        says: &["NOT VALID", "VALIDATE CONSTRAINT positive"],
        blocks: false,
    },
    Case {
        name: "an index",
        setup: ROWS,
        ddl: "CREATE INDEX i ON t (a) WHERE (b IS NOT NULL); COMMENT ON INDEX i IS 'said'",
        says: &["CREATE INDEX CONCURRENTLY i"],
        blocks: false,
    },
    Case {
        name: "a dropped index",
        setup: "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE INDEX i ON t (a)",
        ddl: "DROP INDEX i",
        says: &["DROP INDEX CONCURRENTLY public.i"],
        blocks: false,
    },
    Case {
        name: "a unique key",
        setup: ROWS,
        ddl: "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a, b) INCLUDE (c) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED",
        says: &["CREATE UNIQUE INDEX CONCURRENTLY k", "UNIQUE USING INDEX k DEFERRABLE INITIALLY DEFERRED"],
        blocks: false,
    },
    Case {
        name: "a primary key whose columns become NOT NULL",
        setup: ROWS,
        ddl: "ALTER TABLE t ADD PRIMARY KEY (a)",
        says: &["CREATE UNIQUE INDEX CONCURRENTLY t_pkey", "PRIMARY KEY USING INDEX t_pkey", "CHECK ((a IS NOT NULL)) | since 18: NOT NULL a NOT VALID"],
        blocks: false,
    },
    Case {
        name: "NOT NULL",
        setup: ROWS,
        ddl: "ALTER TABLE t ALTER a SET NOT NULL, ALTER b SET NOT NULL",
        says: &[
            "CHECK ((a IS NOT NULL)) NO INHERIT NOT VALID | since 18: NOT NULL a NOT VALID",
            "ALTER COLUMN b SET NOT NULL | since 18: VALIDATE CONSTRAINT t_b_not_null",
            "DROP CONSTRAINT | since 18: NOT NULL b NOT VALID",
        ],
        blocks: false,
    },
    Case {
        name: "NOT NULL on a partitioned table",
        setup: "CREATE TABLE p (id int, at date) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1, '2020-01-01')",
        ddl: "ALTER TABLE p ALTER id SET NOT NULL",
        says: &["CHECK ((id IS NOT NULL)) NOT VALID | since 18: NOT NULL id NOT VALID"],
        blocks: false,
    },
    Case {
        name: "NOT NULL on a parent",
        setup: "CREATE TABLE t (a int); CREATE TABLE c (b int) INHERITS (t); INSERT INTO c VALUES (1, 2)",
        ddl: "ALTER TABLE t ALTER a SET NOT NULL",
        says: &["NO INHERIT NOT VALID | since 18: NOT NULL a NOT VALID"],
        blocks: false,
    },
    Case {
        name: "an index over other columns",
        setup: "CREATE TABLE t (id int, a int, b text); INSERT INTO t VALUES (1, 2, 'x'); CREATE INDEX i ON t (a, (a + id)); COMMENT ON INDEX i IS 'stays';
            ALTER INDEX i ALTER COLUMN 2 SET STATISTICS 50; ALTER TABLE t CLUSTER ON i",
        ddl: "DROP INDEX i; CREATE UNIQUE INDEX i ON t (id, (a * 2)); COMMENT ON INDEX i IS 'stays'; ALTER INDEX i ALTER COLUMN 2 SET STATISTICS 70;
            ALTER TABLE t CLUSTER ON i",
        says: &["CREATE UNIQUE INDEX CONCURRENTLY accord_new_", "RENAME TO i", "DROP INDEX CONCURRENTLY public.accord_old_"],
        blocks: false,
    },
    Case {
        name: "an index over a new column instead of a dropped one",
        setup: "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2); CREATE INDEX i ON t (a)",
        ddl: "DROP INDEX i; ALTER TABLE t ADD c int; CREATE INDEX i ON t (c); ALTER TABLE t DROP a",
        says: &["CREATE INDEX CONCURRENTLY accord_new_"],
        blocks: false,
    },
    Case {
        name: "an index of a materialized view",
        setup: "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a, 2 AS b; CREATE INDEX i ON m (a)",
        ddl: "DROP INDEX i; CREATE INDEX i ON m (b)",
        says: &["CREATE INDEX CONCURRENTLY accord_new_"],
        blocks: false,
    },
    Case {
        name: "an index of a partitioned table",
        setup: PARTS,
        ddl: "CREATE INDEX i ON p (id)",
        says: &["CREATE INDEX i ON ONLY public.p", "CREATE INDEX CONCURRENTLY p1_id_idx", "ATTACH PARTITION public.p1_id_idx"],
        blocks: false,
    },
    Case {
        name: "a key of a partitioned table",
        setup: PARTS,
        ddl: "ALTER TABLE p ADD CONSTRAINT k UNIQUE (id, at)",
        says: &["CREATE UNIQUE INDEX CONCURRENTLY p1_id_at_key", "UNIQUE USING INDEX p1_id_at_key", "ATTACH PARTITION public.p1_id_at_key"],
        blocks: false,
    },
    Case {
        name: "another index of a partitioned table",
        setup: "CREATE TABLE p (id int, n int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1, 2);
            CREATE INDEX i ON p (id)",
        ddl: "DROP INDEX i; CREATE INDEX i ON p (n)",
        says: &["CREATE INDEX CONCURRENTLY p1_n_idx"],
        blocks: false,
    },
    Case {
        name: "a domain's check",
        setup: "CREATE DOMAIN d AS int; CREATE TABLE t (a d); INSERT INTO t VALUES (1)",
        ddl: "ALTER DOMAIN d ADD CONSTRAINT positive CHECK (VALUE > 0)",
        says: &["CHECK ((VALUE > 0)) NOT VALID", "ALTER DOMAIN public.d VALIDATE CONSTRAINT positive"],
        blocks: false,
    },
    Case {
        name: "an exclusion constraint",
        setup: "CREATE TABLE t (a int4range)",
        ddl: "ALTER TABLE t ADD EXCLUDE USING gist (a WITH &&)",
        says: &["EXCLUDE USING gist"],
        blocks: true,
    },
    Case {
        name: "the replica identity's index",
        setup: "CREATE TABLE t (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX i ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX i",
        ddl: "ALTER TABLE t REPLICA IDENTITY DEFAULT; DROP INDEX i; CREATE UNIQUE INDEX i ON t (b)",
        says: &["INDEX CONCURRENTLY"],
        blocks: false,
    },
];

fn planned(client: &mut Client, changes: &[pg_accord::diff::Change], online: bool) -> Plan {
    let standing = Standing::new(read(client));
    plan(&sent(changes), &standing, &Options { online, ..Options::default() }).unwrap()
}

fn run(conninfo: &str, case: &Case) -> Result<(), String> {
    let (mut a, mut b) = (fresh(conninfo, "accord_online_a"), fresh(conninfo, "accord_online_b"));
    for client in [&mut a, &mut b] {
        client.batch_execute(&format!("SET search_path = public; {}; SET search_path = pg_catalog, pg_temp", case.setup)).unwrap();
    }
    let before = read(&mut a);
    a.batch_execute(&format!("SET search_path = public; {}; SET search_path = pg_catalog, pg_temp", case.ddl)).unwrap();
    let after = read(&mut a);
    let changes = between(&before, &after);
    let made = planned(&mut b, &changes, true);
    let text = listed(&made);
    for words in case.says {
        let (older, newer) = words.split_once(" | since 18: ").unwrap_or((words, words));
        let words = if major() >= 18 { newer } else { older };
        if !text.contains(words) {
            return Err(format!("no {words:?} in\n{text}"));
        }
    }
    let blocking: Vec<&str> =
        made.steps.iter().filter(|step| step.scans && step.lock > Lock::ShareUpdateExclusive).map(|step| step.sql.as_str()).collect();
    if blocking.is_empty() == case.blocks {
        return Err(format!("{} steps read a table while they keep writers out: {blocking:?}", blocking.len()));
    }
    if let Some(bare) =
        made.steps.iter().find(|step| step.outside_transaction && step.compensation.is_none() && step.sql.starts_with("CREATE"))
    {
        return Err(format!("nothing clears away what is left of {}", bare.sql));
    }
    // Each step by itself, as it is meant to be.
    for step in &made.steps {
        b.batch_execute(&step.sql).map_err(|error| format!("{error:?}\n{}\nin\n{text}", step.sql))?;
    }
    let found = read(&mut b);
    let mut differing = differences(&after, &found, true);
    if !same_fingerprint(&after, &found) {
        differing.push("the fingerprints differ".to_owned());
    }
    differing.extend(dump_differences(&dump(conninfo, "accord_online_a"), &dump(conninfo, "accord_online_b")));
    if !differing.is_empty() {
        return Err(format!("{}\n{text}", differing.join("\n  ")));
    }
    // And back.
    let back = between(&after, &before);
    let made = planned(&mut b, &back, true);
    execute(&mut b, &made)?;
    let differing = differences(&before, &read(&mut b), false);
    if differing.is_empty() { Ok(()) } else { Err(format!("back: {}\n{}", differing.join("\n  "), listed(&made))) }
}

#[test]
fn lock_friendly_forms_end_where_the_plain_ones_end() {
    let Some(conninfo) = conninfo() else { return };
    let failures: Vec<String> =
        CASES.iter().filter_map(|case| run(&conninfo, case).err().map(|why| format!("{}: {why}", case.name))).collect();
    println!("{} of {} forms", CASES.len() - failures.len(), CASES.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Rows that a constraint does not allow: the step fails, its compensation leaves the table as it was.
#[test]
fn a_failing_step_leaves_nothing_behind() {
    let Some(conninfo) = conninfo() else { return };
    roles(&mut Client::connect(&conninfo, postgres::NoTls).unwrap());
    let cases = [
        ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)", "ALTER TABLE t ADD UNIQUE (a)"),
        ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)", "CREATE UNIQUE INDEX i ON t (a)"),
        ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)", "ALTER TABLE t ALTER a SET NOT NULL"),
        ("CREATE TABLE t (a int); INSERT INTO t VALUES (-1)", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)"),
        (
            "CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int); INSERT INTO t VALUES (5)",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u",
        ),
        ("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1); CREATE INDEX i ON t (a)", "DROP INDEX i; CREATE UNIQUE INDEX i ON t (a)"),
    ];
    for (setup, ddl) in cases {
        let (mut a, mut b) = (fresh(&conninfo, "accord_undo_a"), fresh(&conninfo, "accord_undo_b"));
        a.batch_execute(&format!("SET search_path = public; {setup}; TRUNCATE t; SET search_path = pg_catalog, pg_temp")).unwrap();
        b.batch_execute(&format!("SET search_path = public; {setup}; SET search_path = pg_catalog, pg_temp")).unwrap();
        let before = read(&mut a);
        a.batch_execute(&format!("SET search_path = public; {ddl}; SET search_path = pg_catalog, pg_temp")).unwrap();
        let changes = between(&before, &read(&mut a));
        let made = planned(&mut b, &changes, true);
        let failed = made.steps.iter().find(|step| b.batch_execute(&step.sql).is_err()).unwrap_or_else(|| panic!("{ddl} succeeds"));
        let compensation = failed.compensation.as_ref().unwrap_or_else(|| panic!("nothing compensates {}", failed.sql));
        b.batch_execute(compensation).unwrap();
        let differing = differences(&before, &read(&mut b), true);
        assert!(differing.is_empty(), "{ddl}: {}", differing.join("\n"));
    }
}

/// Everything that the plain forms can do, with the others where there are any.
#[test]
fn whole_schemas() {
    let Some(conninfo) = conninfo() else { return };
    let mut b = fresh(&conninfo, "accord_online_whole");
    b.batch_execute(&format!("SET search_path = public; {ROWS} {PARTS}; SET search_path = pg_catalog, pg_temp")).unwrap();
    let full = read(&mut b);
    let mut c = fresh(&conninfo, "accord_online_other");
    let empty = read(&mut c);
    let options = Options { online: true, ..Options::default() };
    carry_out(&mut c, &between(&empty, &full), &options).unwrap();
    assert_eq!(differences(&full, &read(&mut c), true), Vec::<String>::new());
    carry_out(&mut c, &between(&full, &empty), &options).unwrap();
    assert_eq!(differences(&empty, &read(&mut c), true), Vec::<String>::new());
}
