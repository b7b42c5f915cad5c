//! Diff and plan of generated models: no server, only the pure part's figures.
//!
//! `cargo run --release --no-default-features --example models [tables …]`

use pg_accord::diff::diff;
use pg_accord::model::{Body, Fact, FactId, Kind, Model};
use pg_accord::plan::{Options, Request, Standing, Way, plan};
use serde_json::{Value, json};

/// Processor time of this thread in milliseconds: what a busy machine does not blur.
fn now() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

fn fact(kind: Kind, path: &[&str], attributes: Value, depends: Vec<FactId>) -> Fact {
    let body = Body::from_json(kind, attributes).expect("attributes of this kind");
    let mut fact = Fact::new(FactId::new(kind, path.iter().copied()), body);
    fact.depends = depends;
    fact
}

/// A catalog as the figures ask for it: eight columns, four defaults and three constraints a
/// table, an index, an identity, and a view and a function for every fifth.
fn model(tables: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let schema = |n: usize| format!("s{}", n / 1000);
    for n in (0..tables).step_by(1000) {
        facts.push(fact(Kind::Schema, &[&schema(n)], json!({}), Vec::new()));
    }
    for n in 0..tables {
        let (s, t) = (&schema(n), &format!("t{n}"));
        let columns = ["id", "code", "total", "note", "state", "placed", "parent", "tags"];
        let types = ["bigint", "integer", "numeric(12,2)", "text", "text", "timestamp with time zone", "bigint", "text[]"];
        let table = FactId::new(Kind::Table, [s.as_str(), t]);
        facts.push(fact(Kind::Table, &[s, t], json!({}), vec![FactId::new(Kind::Schema, [s.as_str()])]));
        let mut last: Option<&str> = None;
        for (column, data_type) in columns.iter().zip(types) {
            facts.push(fact(Kind::Column, &[s, t, column], json!({"type": data_type, "not_null": *column == "id"}), vec![table.clone()]));
            facts.push(fact(Kind::Position, &[s, t, column], last.map_or(json!({}), |last| json!({ "after": last })), Vec::new()));
            last = Some(column);
        }
        for (column, expression) in [("code", "1"), ("total", "0.0"), ("state", "'new'::text"), ("placed", "now()")] {
            let on = FactId::new(Kind::Column, [s.as_str(), t, column]);
            facts.push(fact(Kind::Default, &[s, t, column], json!({ "expression": expression }), vec![on]));
        }
        let options =
            json!({"type": "bigint", "start": 1, "increment": 1, "minimum": 1, "maximum": 9_223_372_036_854_775_807_i64, "cache": 1});
        let sequence = json!({"schema": s, "name": format!("{t}_id_seq")});
        facts.push(fact(Kind::Identity, &[s, t, "id"], json!({"always": true, "sequence": sequence, "options": options}), Vec::new()));
        let id = FactId::new(Kind::Column, [s.as_str(), t, "id"]);
        let key = format!("{t}_pkey");
        facts.push(fact(
            Kind::Constraint,
            &[s, t, &key],
            json!({"type": "primary_key", "definition": "PRIMARY KEY (id)"}),
            vec![id.clone()],
        ));
        let total = FactId::new(Kind::Column, [s.as_str(), t, "total"]);
        let check = json!({"type": "check", "definition": "CHECK ((total >= (0)::numeric))"});
        facts.push(fact(Kind::Constraint, &[s, t, &format!("{t}_total_check")], check, vec![total]));
        let (os, ot) = (schema(n / 2), format!("t{}", n / 2));
        let foreign = json!({"type": "foreign_key", "definition": format!("FOREIGN KEY (parent) REFERENCES {os}.{ot}(id)")});
        let parent = FactId::new(Kind::Column, [s.as_str(), t, "parent"]);
        let referenced = FactId::new(Kind::Constraint, [os.as_str(), &ot, &format!("{ot}_pkey")]);
        facts.push(fact(Kind::Constraint, &[s, t, &format!("{t}_parent_fkey")], foreign, vec![parent, referenced]));
        let code = FactId::new(Kind::Column, [s.as_str(), t, "code"]);
        facts.push(fact(Kind::Index, &[s, &format!("{t}_code_idx")], json!({"table": t, "definition": "USING btree (code)"}), vec![code]));
        if n % 5 == 0 {
            let view = json!({"definition": format!(" SELECT {t}.id,\n    {t}.note\n   FROM {s}.{t}"),
                "columns": [{"name": "id", "type": "bigint"}, {"name": "note", "type": "text"}]});
            let read = ["id", "note"].map(|column| FactId::new(Kind::Column, [s.as_str(), t, column]));
            facts.push(fact(Kind::View, &[s, &format!("v{n}")], view, read.to_vec()));
            let routine = json!({"kind": "function", "arguments": "x integer", "result": "integer", "language": "sql",
                "body": {"source": "SELECT x + 1"}});
            facts.push(fact(Kind::Routine, &[s, &format!("f{n}"), "integer"], routine, Vec::new()));
        }
    }
    Model::new(facts).expect("ids are unique").into_facts()
}

/// The same with ten facts changed.
fn changed(facts: &[Fact]) -> Vec<Fact> {
    let mut facts = facts.to_vec();
    let step = facts.len() / 10;
    let mut done = std::collections::HashSet::new();
    for i in 0..10 {
        for (n, fact) in facts.iter_mut().enumerate().skip(i * step) {
            if done.contains(&n) {
                continue;
            }
            match &mut fact.body {
                Body::Column(column) if column.data_type == "text" => "character varying(90)".clone_into(&mut column.data_type),
                Body::Default(default) => "now() + '1 day'::interval".clone_into(&mut default.expression),
                Body::Index(index) => "USING btree (code, total)".clone_into(&mut index.definition),
                Body::View(view) => view.definition.push_str("\n  WHERE true"),
                _ => continue,
            }
            done.insert(n);
            break;
        }
    }
    assert_eq!(done.len(), 10);
    facts
}

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1000, 10_000, 100_000];
    }
    println!(
        "{:>8} {:>9} {:>10} {:>12} {:>12} {:>12} {:>10}",
        "tables", "facts", "diff ms", "diff+plan ms", "build ms", "clear ms", "steps"
    );
    for tables in sizes {
        let a = model(tables);
        let b = changed(&a);
        let begun = now();
        let differing = diff(&a, &b).len();
        let alone = now() - begun;
        assert_eq!(differing, 10);
        let copy = a.clone();
        let begun = now();
        let way = Way::between(copy, &b, &Request::default(), |_| false).expect("a plan");
        let both = now() - begun;
        assert!(way.plan.steps.len() >= 10);
        drop(way);
        let begun = now();
        let changes = diff(&[], &a);
        let made = plan(&changes, &Standing::default(), &Options::default()).expect("a plan");
        let build = now() - begun;
        let steps = made.steps.len();
        drop((changes, made));
        let copy = a.clone();
        let begun = now();
        let cleared = Way::between(copy, &[], &Request::default(), |_| false).expect("a plan");
        let clear = now() - begun;
        drop(cleared);
        println!("{tables:>8} {:>9} {alone:>10.1} {both:>12.1} {build:>12.1} {clear:>12.1} {steps:>10}", a.len());
    }
}
