//! Renames of every kind: by key, by request, and by hints, each carried out without a drop.

use crate::client::{conninfo, fresh};
use crate::run::{differences, execute, listed, read, sent};
use pg_accord::diff::diff;
use pg_accord::model::Fact;
use pg_accord::plan::{Options, Rename, Request, Standing, Way, hints, plan};

const SETUP: &str = "CREATE SCHEMA shop; CREATE TYPE shop.state AS ENUM ('new', 'paid', 'sent'); CREATE DOMAIN shop.amount AS numeric(12,2) CONSTRAINT positive CHECK (VALUE > 0);
    CREATE TYPE shop.address AS (street text, zip text); CREATE TYPE shop.span AS RANGE (subtype = numeric); CREATE SEQUENCE shop.numbers INCREMENT 5;
    CREATE TABLE shop.orders (id bigint PRIMARY KEY, total shop.amount, state shop.state DEFAULT 'new', place shop.address, number int DEFAULT nextval('shop.numbers'),
        at date CONSTRAINT recent CHECK (at > '2000-01-01'), spans shop.span[]);
    CREATE INDEX orders_at ON shop.orders (at, total) WHERE (at IS NOT NULL);
    CREATE FUNCTION shop.doubled(x shop.amount) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT x * 2 + 1';
    CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.at = now(); RETURN new; END';
    CREATE TRIGGER touched BEFORE INSERT OR UPDATE OF total ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
    CREATE POLICY own ON shop.orders USING (total < 1000); CREATE RULE silent AS ON DELETE TO shop.orders WHERE (old.id < 5) DO INSTEAD NOTHING;
    CREATE VIEW shop.dear AS SELECT id, total, shop.doubled(total) AS twice FROM shop.orders WHERE total > 100;
    CREATE MATERIALIZED VIEW shop.daily AS SELECT at, count(*) AS n FROM shop.orders GROUP BY at;
    COMMENT ON COLUMN shop.orders.place IS 'where'; COMMENT ON TABLE shop.orders IS 'what'";

/// What is done, and the statement that a plan must find for it.
const RENAMES: &[(&str, &str)] = &[
    ("ALTER SCHEMA shop RENAME TO store", "ALTER SCHEMA shop RENAME TO store"),
    ("ALTER TABLE shop.orders RENAME TO purchases", "ALTER TABLE shop.orders RENAME TO purchases"),
    ("ALTER TABLE shop.orders SET SCHEMA public", "ALTER TABLE shop.orders SET SCHEMA public"),
    ("ALTER TABLE shop.orders RENAME COLUMN place TO places", "ALTER TABLE shop.orders RENAME COLUMN place TO places"),
    ("ALTER TABLE shop.orders RENAME CONSTRAINT recent TO recently", "RENAME CONSTRAINT recent TO recently"),
    ("ALTER INDEX shop.orders_at RENAME TO orders_by_date", "ALTER INDEX shop.orders_at RENAME TO orders_by_date"),
    ("ALTER FUNCTION shop.doubled RENAME TO twice", "ALTER ROUTINE shop.doubled(shop.amount) RENAME TO twice"),
    ("ALTER TYPE shop.state RENAME TO status", "ALTER TYPE shop.state RENAME TO status"),
    ("ALTER TYPE shop.state RENAME VALUE 'sent' TO 'shipped'", "RENAME VALUE 'sent' TO 'shipped'"),
    ("ALTER DOMAIN shop.amount RENAME TO money", "ALTER DOMAIN shop.amount RENAME TO money"),
    ("ALTER DOMAIN shop.amount RENAME CONSTRAINT positive TO above", "RENAME CONSTRAINT positive TO above"),
    ("ALTER TYPE shop.address RENAME TO place", "ALTER TYPE shop.address RENAME TO place"),
    ("ALTER TYPE shop.address RENAME ATTRIBUTE zip TO zipcode", "RENAME ATTRIBUTE zip TO zipcode"),
    ("ALTER TYPE shop.span RENAME TO spans", "ALTER TYPE shop.span RENAME TO spans"),
    ("ALTER SEQUENCE shop.numbers RENAME TO invoices", "ALTER SEQUENCE shop.numbers RENAME TO invoices"),
    ("ALTER TRIGGER touched ON shop.orders RENAME TO touching", "ALTER TRIGGER touched ON shop.orders RENAME TO touching"),
    ("ALTER POLICY own ON shop.orders RENAME TO owned", "ALTER POLICY own ON shop.orders RENAME TO owned"),
    ("ALTER RULE silent ON shop.orders RENAME TO quiet", "ALTER RULE silent ON shop.orders RENAME TO quiet"),
    ("ALTER VIEW shop.dear RENAME TO expensive", "ALTER VIEW shop.dear RENAME TO expensive"),
    ("ALTER MATERIALIZED VIEW shop.daily RENAME TO per_day", "ALTER MATERIALIZED VIEW shop.daily RENAME TO per_day"),
    ("ALTER TABLE shop.orders RENAME TO purchases; ALTER TABLE shop.purchases RENAME COLUMN at TO date_of", "RENAME TO purchases"),
];

fn bare(facts: &[Fact]) -> Vec<Fact> {
    facts.iter().map(|fact| Fact { key: None, root: None, ..fact.clone() }).collect()
}

#[test]
fn renames_are_found_by_key_by_request_and_by_hint() {
    let Some(conninfo) = conninfo() else { return };
    let mut problems = Vec::new();
    for (ddl, statement) in RENAMES {
        let mut a = fresh(&conninfo, "accord_rename_a");
        a.batch_execute(SETUP).unwrap();
        let before = read(&mut a);
        a.batch_execute(ddl).unwrap();
        let after = read(&mut a);
        drop(a);
        let offered = hints(&diff(&bare(&before), &bare(&after)));
        let Some(first) = offered.first() else {
            problems.push(format!("{ddl}: no hint"));
            continue;
        };
        if !(0.4..=1.0).contains(&first.confidence) {
            problems.push(format!("{ddl}: a confidence of {}", first.confidence));
        }
        // Not acted on unless asked: without a request something is dropped or the plan refuses.
        let unasked = Way::between(bare(&before), &bare(&after), &Request::default(), |_| false);
        if unasked.is_ok_and(|way| way.plan.steps.iter().any(|step| step.sql.contains(statement))) {
            problems.push(format!("{ddl}: renamed without being asked"));
        }
        let named = Request {
            renames: offered.iter().map(|h| Rename { kind: h.from.kind, from: h.from.path.to_vec(), to: h.to.path.to_vec() }).collect(),
            accept_hints: ddl.contains("date_of").then_some(0.4),
            ..Request::default()
        };
        let accepting = Request { accept_hints: Some(0.4), ..Request::default() };
        let by_key = plan(&sent(&diff(&before, &after)), &Standing::new(bare(&before)), &Options::default()).map_err(|e| e.to_string());
        let mut by = vec![("key", by_key)];
        for (name, request) in [("request", named), ("hint", accepting)] {
            by.push((name, Way::between(bare(&before), &bare(&after), &request, |_| false).map(|way| way.plan).map_err(|e| e.to_string())));
        }
        let mut b = fresh(&conninfo, "accord_rename_b");
        b.batch_execute(SETUP).unwrap();
        for (name, made) in by {
            let problem = match made {
                Err(why) => Some(why),
                Ok(made) if made.steps.iter().any(|step| step.sql.starts_with("DROP") || step.sql.contains(" DROP ")) => {
                    Some(format!("something is dropped:\n{}", listed(&made)))
                }
                Ok(made) if !made.steps.iter().any(|step| step.sql.contains(statement)) => {
                    Some(format!("no {statement}:\n{}", listed(&made)))
                }
                Ok(made) => {
                    if let Err(why) = execute(&mut b, &made) {
                        Some(why)
                    } else {
                        let left = differences(&after, &read(&mut b), true);
                        (!left.is_empty()).then(|| format!("{}\n{}", left.join("\n"), listed(&made)))
                    }
                }
            };
            problems.extend(problem.map(|problem| format!("{ddl} by {name}: {problem}")));
            drop(b);
            b = fresh(&conninfo, "accord_rename_b");
            b.batch_execute(SETUP).unwrap();
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
