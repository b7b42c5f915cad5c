//! What must hold for any bytes: shared by the libFuzzer targets (`fuzz/`) and by the test that runs
//! a fixed number of seeds (`cargo test --test fuzz`).

use pg_accord::diff::{Change, Operation, diff};
use pg_accord::fleet::baseline::Baseline;
use pg_accord::fleet::mapping::Mapping;
use pg_accord::fleet::scope::Scope;
use pg_accord::fleet::select::Selection;
use pg_accord::fleet::shelf::{Series, Version, seen, sum};
use pg_accord::model::{Body, Document, DollarQuoted, Fact, FactId, Kind, Literal, Model, Name};
use pg_accord::plan::{Options, PlanError, Request, Standing, Way, plan};
use pg_accord::protocol::{self, Apply, Hello, Inspection, Offer, Policy, Verdict, check_fragments, code};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Facts of a database that has every kind, as `accord.model()` gives them.
pub const FACTS: &str = include_str!("facts.json");

/// Bytes as a stream of choices; zeros once they are used up.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }
    fn below(&mut self, bound: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bound.max(1)
    }
    fn chance(&mut self, of: u8) -> bool {
        self.byte().is_multiple_of(of)
    }
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&read).expect("a message that was read can be written");
    let again: T = serde_json::from_slice(&written).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&written)));
    assert_eq!(again, read);
    // The functions on the server are given documents that were parsed already.
    assert_eq!(parsed::<T>(bytes).as_ref(), Some(&read));
    Some(read)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_value(serde_json::from_slice(bytes).ok()?).ok()
}

/// Messages: what can be read survives writing and reading.
pub fn offer(bytes: &[u8]) {
    if let Some(offer) = round_trip::<Offer>(bytes).or_else(|| parsed(bytes)) {
        check(&offer);
    }
    if let Some(apply) = round_trip::<Apply>(bytes).or_else(|| parsed(bytes)) {
        check(&apply.offer);
    }
    let _ = round_trip::<Hello>(bytes);
    answer(bytes);
    if let Ok(document) = serde_json::from_slice::<Value>(bytes)
        && let Ok(policy) = Policy::read(&document)
    {
        let written = serde_json::to_value(&policy).expect("a policy can be written");
        assert_eq!(Policy::read(&written).expect("a written policy can be read"), policy);
        let _ = (policy.projection(), policy.pause(u32::MAX));
    }
}

fn check(offer: &Offer) {
    let _ = check_fragments(offer);
    // What is found is a fact of the offer.
    let carried = code(offer);
    let named: HashSet<&FactId> = offer.events.iter().flat_map(|event| &event.changes).filter_map(Change::id).collect();
    assert!(carried.found.iter().map(|(id, _)| id).chain(carried.builtin.values()).all(|id| named.contains(id)));
    for event in &offer.events {
        for change in &event.changes {
            assert_eq!(change.reversed().operation().is_some(), change.operation().is_some());
        }
        planned(&event.changes, Vec::new());
    }
}

/// Answers of a replica.
fn answer(bytes: &[u8]) {
    let _ = round_trip::<Verdict>(bytes);
    let _ = round_trip::<protocol::Standing>(bytes);
    let _ = round_trip::<Inspection>(bytes);
}

/// A whole answer of each kind, of which some values were replaced.
pub fn damaged_answer(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let [hash, other] = ["22".repeat(32), "33".repeat(32)];
    let fact = json!({"kind": "column", "path": ["shop", "orders", "id"]});
    let cost = json!({"duration_ms": 1.5, "cpu_ms": 1.0, "memory_bytes": 1, "read_bytes": 2, "write_bytes": 3, "temporary_bytes": 0});
    let mut answers = json!([
        {"protocol": 1, "state": "rejected", "position": {"version": 2, "id": hash}, "reasons": [{"code": "own_dependents", "message": "m", "detail": "d",
         "hint": "h", "facts": [fact]}], "impact": {"objects": [fact], "rows": 1, "bytes": 2, "rewrites": [fact], "scans": [], "dependants": ["view v"],
         "queries": ["SELECT 1"], "losses": [], "warnings": ["w"]}, "estimate": cost, "actual": cost, "fingerprint": other, "reached": {"slot": "0/1"},
         "abandoned": ["slot"], "already": false, "run": "CREATE INDEX CONCURRENTLY i ON t (a)"},
        {"protocol": 2, "extension": "0.2.0", "server_version": 150_000, "ledger": "0190b0a0-0000-7000-8000-000000000000",
         "position": {"version": 2, "id": hash}, "fingerprint": other, "drift": ["column shop.orders.id"], "subscriptions": []},
        {"protocol": 2, "position": {"version": 2, "id": hash}, "expected": hash, "actual": other, "reconciled": 1, "findings": [], "more": 0},
    ]);
    let which = choices.below(3);
    for _ in 0..choices.byte() % 4 {
        damage(&mut answers[which], &mut choices);
    }
    answer(answers[which].to_string().as_bytes());
}

/// An offer that was damaged: the sample with some of its values replaced.
pub fn damaged_offer(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let facts = damaged_facts(&mut choices);
    let changes: Vec<Value> =
        facts.into_iter().map(|fact| if choices.chance(2) { json!({"after": fact}) } else { json!({"before": fact}) }).collect();
    let mut document = json!({
        "protocol": 1, "source": "0190b0a0-0000-7000-8000-000000000000", "replica": "r", "kind": "version",
        "position": {"version": 2, "id": "00".repeat(32)}, "parent": {"version": 1, "id": "11".repeat(32)}, "projection": {},
        "policy": {}, "major": 15, "reader": 1, "fingerprint_before": "22".repeat(32), "fingerprint_after": "33".repeat(32),
        "events": [{"id": "0190b0a0-0000-7000-8000-000000000001", "tag": "ALTER TABLE", "statement": "…", "changes": changes}],
    });
    if choices.chance(4) {
        damage(&mut document, &mut choices);
    }
    offer(document.to_string().as_bytes());
    offer(json!({ "offer": document }).to_string().as_bytes());
}

/// Facts: what can be read survives writing and reading with its hash; diff and plan do not panic.
pub fn model(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return };
    let facts = |key: &str| -> Vec<Fact> {
        document
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|fact| serde_json::from_value(fact.clone()).ok())
            .collect()
    };
    way(facts("before"), facts("after"));
}

/// The way between two damaged models.
pub fn damaged_models(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut facts =
        || -> Vec<Fact> { damaged_facts(&mut choices).into_iter().filter_map(|fact| serde_json::from_value(fact).ok()).collect() };
    let (before, after) = (facts(), facts());
    way(before, after);
}

/// A member's model and the baseline that it is held to, both damaged: what can be read is judged, and who is what the
/// baseline says conforms.
pub fn damaged_fleet(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut document = json!({
        "projection": {"schemas": ["shop", "app"], "column_order": choices.chance(2)}, "ignore": ["table shop.tmp_*", "index *"],
        "mapping": {"schemas": {"shop": "shop_{shard}"}, "roles": {"owner": "owner_{shard}"}},
        "variants": {"eu": {"without": ["view *"]}, "at": {"extends": "eu", "ignore": ["function *"]}},
    });
    for _ in 0..choices.byte() % 3 {
        damage(&mut document, &mut choices);
    }
    if let Some(fields) = document.as_object_mut() {
        fields.insert("facts".to_owned(), damaged_facts(&mut choices).into());
    }
    let submitted = Document::read(json!({"facts": damaged_facts(&mut choices)})).map(|read| read.facts).unwrap_or_default();
    let Ok(baseline) = Baseline::read(document) else { return };
    let own: Vec<Fact> = baseline.facts.iter().map(|fact| (**fact).clone()).collect();
    let versions = vec![Version { version: "1".to_owned(), permitted: true, baseline }];
    let Ok(series) = Series::new("b".to_owned(), Selection::default(), versions) else { return };
    let projection = series.projection();
    let labels = json!({"shard": 7, "variant": "at"});
    let mapping = labels.as_object().and_then(|labels| series.mapping(labels).ok()).unwrap_or_default();
    for variant in [None, Some("eu"), Some("none")] {
        if let Ok((facts, _)) = seen(submitted.clone(), &mapping, &projection)
            && let Some(verdict) = series.judge(&facts, variant, Some("1"), None)
        {
            for deviation in &verdict.deviations {
                let _ = (deviation.words(), deviation.properties(), deviation.hash("b"), deviation.attributes());
            }
        }
    }
    let (facts, fingerprint) = seen(own.clone(), &Mapping::default(), &projection).expect("no name is mapped");
    assert_eq!(fingerprint, sum(&own, &projection));
    let verdict = series.judge(&facts, None, None, None).expect("there is a version");
    assert!(verdict.deviations.is_empty(), "{:?}", verdict.deviations);
}

/// What is seen through a scope follows from what lies there: facts elsewhere may come, go and change.
pub fn damaged_scopes(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let scopes = [
        json!({"schemas": ["shop"]}),
        json!({"schemas": ["Odd*", "public"]}),
        json!({"tables": ["shop.orders", "shop.customers"]}),
        json!({"schemas": ["shop"], "columns": {"shop.orders": ["id", "note", "room"]}}),
        json!({"columns": {"shop.customers": ["id", "name"]}, "kinds": ["table", "index", "constraint"]}),
        json!({"kinds": ["index", "view"]}),
    ];
    let scope = Scope::read(&scopes[usize::from(choices.byte()) % scopes.len()]).expect("a scope");
    let whole: Vec<Fact> = Document::read(serde_json::from_str(FACTS).expect("JSON")).expect("facts").facts;
    let part = scope.part(&whole);
    let Ok(baseline) = Baseline::read(json!({"projection": {"column_order": true}, "facts": whole})) else { return };
    let material = baseline.material(None).expect("no variant");
    // Some facts are gone, some are as another of their kind is.
    let mut there = whole.clone();
    for _ in 0..=choices.byte() % 12 {
        let at = usize::from(choices.byte()) * 256 + usize::from(choices.byte());
        let i = at % there.len();
        if choices.chance(2) {
            there.remove(i);
        } else if let Some(other) =
            whole.iter().cycle().skip(at % whole.len()).take(whole.len()).find(|other| other.id.kind == there[i].id.kind)
        {
            there[i] = Fact { id: there[i].id.clone(), ..other.clone() };
        }
    }
    let pieces = |facts: &[Fact]| -> Vec<String> {
        let found = part.differences(&material, &facts.iter().cloned().collect());
        let mut all: Vec<String> = found.iter().map(|(_, shown)| format!("{} {}", shown.words(), json!(shown))).collect();
        all.sort();
        all
    };
    let told = pieces(&there);
    let within: Vec<Fact> = there.iter().filter(|fact| part.holds(fact)).cloned().collect();
    assert_eq!(told, pieces(&within), "what lies elsewhere is told of");
}

fn way(before: Vec<Fact>, after: Vec<Fact>) {
    for fact in before.iter().chain(&after) {
        let written = serde_json::to_string(fact).expect("a fact that was read can be written");
        let again: Fact = serde_json::from_str(&written).unwrap_or_else(|e| panic!("{e}: {written}"));
        assert_eq!((&again, again.hash()), (fact, fact.hash()));
        assert_eq!(fact.id.check(), Ok(()));
        let _ = (fact.parent(), fact.id.to_string());
    }
    let (Ok(before), Ok(after)) = (Model::new(before), Model::new(after)) else { return };
    let (before, after) = (before.into_facts(), after.into_facts());
    assert!(diff(&before, &before).is_empty());
    let changes = diff(&before, &after);
    // The diff leads from the one to the other.
    let mut model = Model::new(before.clone()).expect("ids are unique");
    for change in &changes {
        match change.operation() {
            Some(Operation::Create) => assert!(model.insert(change.after.clone().unwrap()).is_none()),
            Some(Operation::Drop) => assert!(model.remove(&change.before.as_ref().unwrap().id).is_some()),
            Some(_) => assert!(model.insert(change.after.clone().unwrap()).is_some()),
            None => panic!("an empty change"),
        }
    }
    assert_eq!(model.fingerprint(), Model::new(after.clone()).unwrap().fingerprint());
    for request in [Request::default(), Request { online: true, accept_hints: Some(0.5), ..Request::default() }] {
        guarded(&before, &after, &request);
    }
    let document = json!({ "facts": before });
    assert_eq!(Document::read(document).expect("facts that were read can be read as a model").facts, before);
    planned(&changes, before);
}

/// A plan between two models takes nothing away that the second one holds: what falls with a dropped
/// object is gone there as well, or there is no plan.
fn guarded(before: &[Fact], after: &[Fact], request: &Request) {
    let Ok(way) = Way::between(before.to_vec(), after, request, |_| true) else { return };
    let standing: HashSet<&FactId> = after.iter().map(|fact| &fact.id).collect();
    let gone: HashSet<&FactId> = before.iter().map(|fact| &fact.id).filter(|id| !standing.contains(id)).collect();
    for fact in after {
        let Some(parent) = fact.parent().filter(|parent| gone.contains(parent)) else { continue };
        let relation = |kind| standing.contains(&FactId::new(kind, parent.path[..parent.path.len().min(2)].iter().cloned()));
        let other = relation(Kind::View)
            || relation(Kind::MaterializedView)
            || standing.contains(&FactId { kind: Kind::Attribute, ..parent.clone() });
        assert!(other, "{} stands and {parent} is dropped: {:?}", fact.id, way.plan.steps.iter().map(|step| &step.sql).collect::<Vec<_>>());
    }
    let renamed: HashSet<&FactId> = way.changes.iter().filter_map(|change| change.before.as_ref()).map(|fact| &fact.id).collect();
    // A column that is computed from now on has no values of its own.
    let computed = |id: &FactId| {
        let mut made = way.changes.iter().filter_map(|change| change.after.as_ref());
        made.any(|fact| matches!(&fact.body, Body::Default(default) if default.generated.is_some()) && fact.id.path == id.path)
    };
    for loss in way.plan.steps.iter().flat_map(|step| &step.losses) {
        assert!(related(&loss.id, &renamed) || computed(&loss.id), "{} is lost and no change names it", loss.id);
    }
}

/// Plans these changes and looks at what came out.
fn planned(changes: &[Change], around: Vec<Fact>) {
    let around = Standing::new(around);
    let options = Options::default();
    let plan = match plan(changes, &around, &options) {
        Ok(made) => {
            assert_eq!(plan(changes, &around, &options).expect("a plan is made twice"), made);
            made
        }
        Err(PlanError::Cycle(_) | PlanError::Impossible { .. }) => return,
    };
    if changes.is_empty() {
        assert!(plan.steps.is_empty());
    }
    let named: HashSet<&FactId> =
        changes.iter().flat_map(|change| [&change.before, &change.after]).flatten().map(|fact| &fact.id).collect();
    for step in &plan.steps {
        // Nothing goes that no change names, unless another step makes it anew.
        let table_gone = step.sql.starts_with("DROP ") && !step.sql.starts_with("DROP INDEX") && !step.sql.starts_with("DROP VIEW");
        if table_gone && let Some(id) = step.facts.first() {
            let back = || plan.steps.iter().any(|other| other.sql.starts_with("CREATE ") && other.facts.contains(id));
            assert!(named.contains(id) || back(), "{id} goes and no change names it: {}", step.sql);
        }
        for loss in &step.losses {
            assert!(related(&loss.id, &named), "{} is lost and no change names it: {}", loss.id, step.sql);
        }
    }
    let offer = sample(changes);
    if check_fragments(&offer).is_ok() {
        for step in plan.steps.iter().filter(|step| !step.sql.contains("BEGIN ATOMIC") && !step.sql.to_lowercase().contains("atomic")) {
            assert_eq!(statements(&step.sql), Some(1), "not one statement: {}", step.sql);
        }
    }
}

fn related(id: &FactId, named: &HashSet<&FactId>) -> bool {
    let own = &id.path[..id.path.len().min(2)];
    named.iter().any(|other| other.path.starts_with(own) || own.starts_with(&other.path) || matches!(other.kind, Kind::Extension))
}

fn sample(changes: &[Change]) -> Offer {
    let mut offer: Offer = serde_json::from_value(json!({
        "protocol": 1, "source": "0190b0a0-0000-7000-8000-000000000000", "replica": "r", "kind": "version",
        "position": {"version": 2, "id": "00".repeat(32)}, "projection": {}, "major": 15, "reader": 1, "fingerprint_after": "33".repeat(32),
        "events": [{"id": "0190b0a0-0000-7000-8000-000000000001", "tag": "", "statement": "", "changes": []}],
    }))
    .expect("the sample is an offer");
    offer.events[0].changes = changes.to_vec();
    offer
}

/// A model as a server gives it: every text in it may stand in an offer.
#[allow(dead_code)]
pub fn accepted(document: &str) {
    let document: Value = serde_json::from_str(document).expect("a model is JSON");
    let facts: Vec<Fact> = serde_json::from_value(document["facts"].clone()).expect("a model holds facts");
    for fact in facts {
        assert_eq!(check_fragments(&sample(&[Change::create(fact)])), Ok(()));
    }
}

/// Names, literals and bodies: read again by PostgreSQL's rules they are what they were.
pub fn quoting(bytes: &[u8]) {
    let text: String = String::from_utf8_lossy(bytes).replace('\0', "");
    // Something follows that would be swallowed or split if the quote were wrong.
    let after = " ; x";
    for escapes in [false, true] {
        let shown = format!("{}{after}", Literal(&text));
        assert_eq!(read_literal(&shown, escapes), Some((text.clone(), after)), "{shown}");
    }
    let shown = format!("{}{after}", DollarQuoted(&text));
    assert_eq!(read_dollar(&shown), Some((text.as_str(), after)), "{shown}");
    let name = Name::from(text.as_str());
    let shown = format!("{name}{after}");
    assert_eq!(read_name(&shown), Some((text.clone(), after)), "{shown}");
    for shown in [Literal(&text).to_string(), DollarQuoted(&text).to_string(), name.to_string()] {
        assert_eq!(statements(&shown), Some(1), "{shown}");
    }
    // An id's display keeps its parts apart.
    if !text.is_empty() && text.len() < 60 {
        let (one, other) = (FactId::new(Kind::Column, ["s", &text, "c"]), FactId::new(Kind::Column, ["s", "t", &text]));
        assert!(one.to_string() != other.to_string() || one == other);
    }
}

fn read_until(text: &str, quote: char, escapes: bool) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if escapes && c == '\\' {
            read.push(chars.next()?.1);
        } else if c != quote {
            read.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            read.push(c);
        } else {
            return Some((read, &text[i + 1..]));
        }
    }
    None
}

/// `escapes`: the server's `standard_conforming_strings` is off.
fn read_literal(text: &str, escapes: bool) -> Option<(String, &str)> {
    match text.strip_prefix("E'") {
        Some(rest) => read_until(rest, '\'', true),
        None => read_until(text.strip_prefix('\'')?, '\'', escapes),
    }
}

fn read_name(text: &str) -> Option<(String, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        return read_until(rest, '"', false);
    }
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
    (end > 0 && !text.starts_with(|c: char| c.is_ascii_digit())).then(|| (text[..end].to_owned(), &text[end..]))
}

fn tag(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let end = rest.find('$')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    (rest[..end].chars().all(word) && !rest.starts_with(|c: char| c.is_ascii_digit())).then(|| &text[..end + 2])
}

fn read_dollar(text: &str) -> Option<(&str, &str)> {
    let tag = tag(text)?;
    let body = &text[tag.len()..];
    let end = body.find(tag)?;
    Some((&body[..end], &body[end + tag.len()..]))
}

/// How many statements a server would find in this text; none where a quote or comment stays open.
/// Written apart from the lexer that it judges.
fn statements(sql: &str) -> Option<usize> {
    let (mut count, mut depth, mut some) = (0, 0i32, false);
    let mut rest = sql;
    let mut word = false;
    while let Some(c) = rest.chars().next() {
        let was_word = word;
        word = c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() || was_word && c == '$';
        if !c.is_ascii_whitespace() && c != ';' {
            some = true;
        }
        rest = match c {
            'E' | 'e' if !was_word && rest[1..].starts_with('\'') => {
                word = false;
                read_until(&rest[2..], '\'', true)?.1
            }
            '\'' => read_until(&rest[1..], '\'', false)?.1,
            '"' => read_until(&rest[1..], '"', false)?.1,
            '$' if !was_word && tag(rest).is_some() => read_dollar(rest)?.1,
            '-' if rest.starts_with("--") => rest.find('\n').map_or("", |end| &rest[end..]),
            '/' if rest.starts_with("/*") => &rest[rest.find("*/")? + 2..],
            ';' if depth <= 0 => {
                count += usize::from(some);
                some = false;
                &rest[1..]
            }
            _ => {
                depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
                &rest[c.len_utf8()..]
            }
        };
    }
    Some(count + usize::from(some))
}

/// Texts that have broken quoting, parsing or planning somewhere.
const TEXTS: &[&str] = &[
    "",
    "integer; DROP TABLE x",
    "x\"y",
    "it's",
    "a\\'b",
    "$$",
    "$a$",
    "E'\\''",
    "1E'\\'' ; DROP TABLE x; --'",
    "(",
    ")",
    "()",
    "--",
    "/*",
    "integer",
    "text[]",
    "bigint",
    "numeric(10,2)",
    "shop.status",
    "\"Odd.Schema\".\"textR\"",
    "public",
    "shop",
    "orders",
    "id",
    "PUBLIC",
    "é",
    "CHECK ((a > 0))",
    "PRIMARY KEY (id)",
    "FOREIGN KEY (id) REFERENCES shop.orders(id)",
    "UNIQUE (id)",
    "USING btree (id)",
    "WHERE",
    "DEFERRABLE",
    "index ",
    "SELECT",
    "nextval('shop.numbers'::regclass)",
    "now()",
    "virtual",
    "stored",
    "disabled",
    "FOR VALUES IN (1)",
    "DEFAULT",
    "RANGE (id)",
    "BEFORE INSERT",
    "CREATE RULE",
    ".",
    "..",
    "a.b",
    "=",
    "fillfactor=",
    "search_path=a, \"b\"",
    "table",
    "column",
    "routine",
    "9223372036854775807",
    "E'a'\n'\\''; DROP TABLE x; '",
    "1, DROP COLUMN y",
    "'",
    "\"",
    "open '",
    "\u{1F600}",
    "a\u{0}b",
];

/// Facts of the sample, some of them damaged.
pub fn damaged_facts(choices: &mut Choices) -> Vec<Value> {
    static SAMPLE: std::sync::LazyLock<Vec<Value>> = std::sync::LazyLock::new(|| {
        let document: Value = serde_json::from_str(FACTS).expect("the sample is JSON");
        document["facts"].as_array().expect("the sample holds facts").clone()
    });
    let sample = &*SAMPLE;
    // A run of neighbours belongs together more often than facts from anywhere.
    let (from, length) = (choices.below(sample.len()), 1 + usize::from(choices.byte()) % 60);
    let mut facts: Vec<Value> = match choices.byte() % 4 {
        0 => sample.clone(),
        1 => sample.iter().cycle().skip(from).take(length).cloned().collect(),
        2 => (0..length).map(|_| sample[choices.below(sample.len())].clone()).collect(),
        _ => {
            let schema = sample[from]["path"].clone();
            let family =
                |fact: &&Value| fact["path"][0] == schema[0] && (fact["path"][1] == schema[1] || fact["attributes"]["table"] == schema[1]);
            sample.iter().filter(family).cloned().collect()
        }
    };
    let mut times = choices.byte() % 16;
    while times > 0 && !choices.is_empty() && !facts.is_empty() {
        times -= 1;
        let i = choices.below(facts.len());
        match choices.byte() % 6 {
            0 => drop(facts.swap_remove(i)),
            1 => {
                let edge = json!({"kind": facts[i]["kind"], "path": facts[i]["path"]});
                let other = choices.below(facts.len());
                if let Some(fact) = facts[other].as_object_mut()
                    && let Some(edges) = fact.entry("depends").or_insert_with(|| json!([])).as_array_mut()
                {
                    edges.push(edge);
                }
            }
            2 => {
                let other = facts[choices.below(facts.len())].clone();
                let part = ["path", "attributes", "depends", "kind"][usize::from(choices.byte()) % 4];
                if let (Some(value), Some(fact)) = (other.get(part), facts[i].as_object_mut()) {
                    fact.insert(part.to_owned(), value.clone());
                }
            }
            _ => damage(&mut facts[i], choices),
        }
    }
    facts
}

/// Replaces one value somewhere inside.
pub fn damage(value: &mut Value, choices: &mut Choices) {
    let here = choices.chance(8);
    match value {
        Value::Array(items) if !items.is_empty() && !here => {
            let i = choices.below(items.len());
            match choices.byte() % 8 {
                0 => drop(items.remove(i)),
                1 => items.push(items[i].clone()),
                _ => damage(&mut items[i], choices),
            }
        }
        Value::Object(entries) if !entries.is_empty() && !here => {
            let i = choices.below(entries.len());
            let key = entries.keys().nth(i).expect("it is below the length").clone();
            match choices.byte() % 16 {
                0 => drop(entries.shift_remove(&key)),
                1 => drop(entries.insert(TEXTS[choices.below(TEXTS.len())].to_owned(), Value::Null)),
                _ => damage(&mut entries[&key], choices),
            }
        }
        _ => {
            *value = match choices.byte() % 16 {
                0 => Value::Null,
                1 => json!(true),
                2 => json!(false),
                3 => json!(i64::MIN),
                4 => json!(u64::MAX),
                5 => json!(-1.5e300),
                6 => json!([]),
                7 => json!({}),
                8 => json!(i64::from(choices.byte())),
                _ => json!(TEXTS[choices.below(TEXTS.len())]),
            }
        }
    }
}
