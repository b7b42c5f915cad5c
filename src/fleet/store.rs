//! Baselines in the tables. Versions share the facts that did not change.

use super::baseline::{Baseline, Rules};
use super::majority::Content;
use super::members::{nudge, selection};
use super::outliers;
use super::rights::{Operation, Reach, Rights, note};
use super::shelf::{Series, Version, nearest_major};
use super::verdict::Standing;
use super::watch::work::{Recognised, Shelf};
use crate::error::{Error, Result};
use crate::model::{Fact, Fingerprint, Projection};
use crate::pg::spi::{Arg, Cells, See, Spi};
use pgrx::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What is said of a version beside what it holds.
pub struct Card<'a> {
    /// Baseline.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
    /// Who is held to it.
    pub selection: &'a str,
    /// It may be met when a later version is there.
    pub permitted: bool,
    /// Whose model it is.
    pub from: Option<&'a str>,
    /// Who registered it.
    pub by: &'a str,
    /// Its place among the versions, where it was asked for before it could be registered.
    pub ordinal: Option<i64>,
    /// It is a client's: its rules are those of the version before it, where there is one.
    pub client: bool,
}

/// A baseline's document; the error says what is wrong.
pub fn read(document: Value) -> Result<Baseline> {
    Baseline::read(document).map_err(|why| {
        Error::invalid("the baseline cannot be read").detail(format!("{why}.")).hint(
            "A baseline is what accord.model() gives, with \"optional\" or \"one_of\" at facts, and \"projection\", \"ignore\", \"mapping\" and \"variants\" beside them.",
        )
    })
}

/// A document with other rules over its own.
pub fn with_rules(mut document: Value, rules: &Value) -> Result<Value> {
    let Value::Object(rules) = rules else {
        return Err(Error::invalid("the rules of a baseline are a JSON object")
            .hint("Rules are e.g. {\"projection\": {\"schemas\": [\"shop\"]}, \"ignore\": [\"table shop.tmp_*\"]}."));
    };
    let Value::Object(fields) = &mut document else { return Ok(document) };
    if rules.contains_key("facts") {
        return Err(Error::invalid("facts are the model's, not the rules'").hint("Hand them in as the model."));
    }
    fields.extend(rules.clone());
    // A fleet's tables were altered in many ways: the order of columns counts where somebody says so.
    let projection = fields.entry("projection").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let Value::Object(projection) = projection {
        projection.entry("column_order").or_insert(Value::Bool(false));
    }
    Ok(document)
}

/// Puts a version into the tables, or how another major words one that is there.
pub fn register(spi: &Spi, mut baseline: Baseline, card: &Card) -> Result<()> {
    check(card)?;
    // Nobody else registers one at this time.
    lock_facts(spi)?;
    let held = if card.client { selection_of(spi, card.name)? } else { None };
    if let Some(held) = &held {
        // Somebody else may have begun it since this was asked for.
        if !card.selection.is_empty() && card.selection != held {
            return Err(otherwise(card, "Its databases are others.".to_owned()));
        }
        confine(spi, &mut baseline, card)?;
    }
    let standing = standing(spi, card)?;
    if standing.is_some() {
        baseline.join(&load(spi, card.name, Some(card.version), None)?.1).map_err(|why| otherwise(card, format!("{why}.")))?;
    }
    let (selection, permitted) = match (standing, card.client) {
        (Some(standing), _) => standing,
        (None, true) => (held.unwrap_or_else(|| card.selection.to_owned()), false),
        (None, false) => (card.selection.to_owned(), card.permitted),
    };
    let wide = Projection { column_order: true, ..baseline.rules.projection.clone() };
    let contents = put(spi, baseline.facts.iter().map(|fact| &**fact).filter(|fact| wide.mirrors(&fact.id)))?.concat();
    let fingerprint = baseline.material(None).map_err(Error::invalid)?.fingerprint;
    let rows = spi.query(
        "INSERT INTO accord.fleet_baseline (name, version, rules, facts, major, selection, permitted, fingerprint, from_database, registered_by, ordinal)
         VALUES ($1, $2, $3::json, $4, $5, $6, $7, $8, $9, $10,
             coalesce((SELECT max(b.ordinal) FROM accord.fleet_baseline b WHERE b.name = $1 AND b.version = $2), $11, nextval('accord.fleet_ordinal')))
         ON CONFLICT DO NOTHING RETURNING ordinal",
        &[
            Arg::Text(card.name),
            Arg::Text(card.version),
            Arg::Text(&serde_json::to_string(&baseline.rules)?),
            Arg::Bytes(&contents),
            Arg::MaybeInt(baseline.major.map(i64::from)),
            Arg::Text(&selection),
            Arg::Bool(permitted),
            Arg::Bytes(&fingerprint.0),
            Arg::MaybeText(card.from),
            Arg::Text(card.by),
            Arg::MaybeInt(card.ordinal),
        ],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(taken_already(card, baseline.major));
    }
    // What was wished for was written down then.
    if card.ordinal.is_none() {
        let act = json!({"baseline": card.name, "version": card.version, "major": baseline.major, "selection": selection});
        note(spi, "register_baseline", &act)?;
    }
    changed(spi, card.name)
}

/// Whom a baseline holds.
pub fn selection_of(spi: &Spi, name: &str) -> Result<Option<String>> {
    let sql = "SELECT b.selection FROM accord.fleet_baseline b WHERE b.name = $1 ORDER BY b.ordinal DESC LIMIT 1";
    Ok(spi.query(sql, &[Arg::Text(name)], See::Latest)?.first().map(|row| row.text(0)))
}

/// Gives a client's version the rules of the newest one.
fn confine(spi: &Spi, baseline: &mut Baseline, card: &Card) -> Result<()> {
    let (newest, before) = load(spi, card.name, None, baseline.major)?;
    baseline.join(&before).map_err(|why| ruled(card, format!("{why}; version {newest} is the newest.")))
}

/// What a client may not say of a version.
fn ruled(card: &Card, why: String) -> Error {
    Error::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("the rules of baseline \"{}\" are the administrator's", card.name))
        .detail(why)
        .hint("Leave \"projection\", \"ignore\", \"mapping\", \"variants\", selection and permitted out: they are those of the version before.")
}

/// `accord.register_baseline`: from a database or from a model.
pub fn ask(spi: &Spi, model: Option<Value>, rules: &Value, card: Card) -> Result<()> {
    let rights = Rights::of_caller(spi)?;
    selection(card.selection)?;
    let begins = rights.registers(spi, card.name, card.selection)?;
    let card = Card { client: !rights.administers(), ..card };
    if card.client && (begins.is_none() && !card.selection.is_empty() || card.permitted) {
        return Err(ruled(&card, "A selection or permission was given.".to_owned()));
    }
    let card = Card { selection: begins.as_deref().unwrap_or(card.selection), ..card };
    match (card.from, model) {
        (None, Some(model)) => register(spi, read(with_rules(model, rules)?)?, &card),
        (Some(from), None) => {
            if card.client {
                let member = rights.member(spi, Operation::Inspect, from)?;
                // A part of it is seen: the rest would be registered as well.
                if !matches!(rights.reach(Operation::Inspect, &member), Reach::Whole) {
                    return Err(super::members::unknown(from));
                }
                // What it says of rules is refused now, not when the database is read.
                if begins.is_none() {
                    confine(spi, &mut read(with_rules(json!({"facts": []}), rules)?)?, &card)?;
                }
            }
            wish(spi, from, rules, &card)
        }
        _ => Err(Error::invalid("a baseline is taken from a database of the fleet or from a model, one of them")
            .hint("accord.register_baseline('shop', '1', from_database => 'shop_1') or …, model => '{\"facts\": […]}')")),
    }
}

/// Writes down that a member's model is to become a version; the watch reads it after the commit.
pub fn wish(spi: &Spi, from: &str, rules: &Value, card: &Card) -> Result<()> {
    check(card)?;
    // What is wrong with the rules is said now.
    read(with_rules(json!({"facts": []}), rules)?)?;
    standing(spi, card)?;
    // Of a member that was seen, the major is known.
    let taken = spi.query(
        &format!(
            "SELECT b.major FROM accord.fleet_baseline b JOIN accord.fleet_member m ON m.name = $3 AND b.major = {MAJOR}
              WHERE b.name = $1 AND b.version = $2"
        ),
        &[Arg::Text(card.name), Arg::Text(card.version), Arg::Text(from)],
        See::Latest,
    )?;
    if let Some(row) = taken.first() {
        return Err(taken_already(card, major_of(row, 0)));
    }
    // What was wished for of the same major gives way.
    spi.run(
        &format!(
            "DELETE FROM accord.fleet_wish w USING accord.fleet_member m, (SELECT {MAJOR} AS major FROM accord.fleet_member m WHERE m.name = $3) o
              WHERE w.name = $1 AND w.version = $2 AND m.id = w.member AND m.name <> $3 AND {MAJOR} = o.major"
        ),
        &[Arg::Text(card.name), Arg::Text(card.version), Arg::Text(from)],
    )?;
    let rows = spi.query(
        "INSERT INTO accord.fleet_wish AS w (member, name, version, rules, selection, permitted, requested_by, client, ordinal)
         SELECT m.id, $2, $3, $4::json, $5, $6, $7, $8,
                coalesce((SELECT max(o.ordinal) FROM accord.fleet_wish o WHERE o.name = $2 AND o.version = $3), nextval('accord.fleet_ordinal'))
           FROM accord.fleet_member m WHERE m.name = $1
         ON CONFLICT (name, version, member) DO UPDATE SET rules = excluded.rules, selection = excluded.selection,
             permitted = excluded.permitted, requested_by = excluded.requested_by, client = excluded.client RETURNING w.member",
        &[
            Arg::Text(from),
            Arg::Text(card.name),
            Arg::Text(card.version),
            Arg::Text(&rules.to_string()),
            Arg::Text(card.selection),
            Arg::Bool(card.permitted),
            Arg::Text(card.by),
            Arg::Bool(card.client),
        ],
        See::Transaction,
    )?;
    let Some(row) = rows.first() else { return Err(super::members::unknown(from)) };
    note(
        spi,
        "register_baseline",
        &json!({"baseline": card.name, "version": card.version, "selection": card.selection, "from_database": from}),
    )?;
    spi.run("UPDATE accord.fleet_member SET asked = asked + 1, full_read = true WHERE id = $1", &[Arg::Int(row.int(0))])?;
    nudge();
    Ok(())
}

fn taken_already(card: &Card, major: Option<u32>) -> Error {
    let of = major.map_or_else(String::new, |major| format!(" as major {major} words it"));
    Error::new(PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT, format!("version {} of baseline \"{}\" exists{of}", card.version, card.name))
        .hint("Register another version, or SELECT accord.remove_baseline(name, version) first.")
}

/// A model that is to be a version which is there otherwise.
fn otherwise(card: &Card, why: String) -> Error {
    let what = format!("version {} of baseline \"{}\" exists, and this is not how another major words it", card.version, card.name);
    Error::new(PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT, what)
        .detail(why)
        .hint("All majors of a version share its rules: leave them out, or register another version.")
}

/// Who is held to a version that is there, and whether it is permitted: what is said of it anew may not differ.
fn standing(spi: &Spi, card: &Card) -> Result<Option<(String, bool)>> {
    let rows = spi.query(
        "SELECT b.selection, b.permitted FROM accord.fleet_baseline b WHERE b.name = $1 AND b.version = $2 LIMIT 1",
        &[Arg::Text(card.name), Arg::Text(card.version)],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (selection, permitted) = (row.text(0), row.bool(1));
    if !card.selection.is_empty() && card.selection != selection {
        return Err(otherwise(card, "Its selection is not that of the version's other majors.".to_owned()));
    }
    if card.permitted && !permitted {
        return Err(otherwise(card, "It is permitted, and the version is not.".to_owned()));
    }
    Ok(Some((selection, permitted)))
}

/// The major of a member `m`, where it is known.
pub const MAJOR: &str =
    "coalesce((m.server ->> 'major')::int, CASE WHEN m.submitted ->> 'major' ~ '^[0-9]{1,8}$' THEN (m.submitted ->> 'major')::int END)";

/// A major in a row, where it is known.
pub fn major_of(row: &impl Cells, i: usize) -> Option<u32> {
    row.maybe_int(i).map(|major| major as u32)
}

/// What of a version can be refused before its facts are there.
pub fn check(card: &Card) -> Result<()> {
    for (what, text) in [("name", card.name), ("version", card.version)] {
        if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
            return Err(Error::invalid(format!("the {what} of a baseline has 1 to 200 bytes and no control characters"))
                .hint("e.g. accord.register_baseline('shop', '2.4', model => …)."));
        }
    }
    if !selection(card.selection)?.is_lasting() {
        return Err(Error::invalid("a baseline's databases are selected by labels and names")
            .hint("What comes and goes, such as 'down within 1h', selects databases for a comparison."));
    }
    Ok(())
}

/// Everybody who may be held to a baseline is judged anew.
pub fn changed(spi: &Spi, name: &str) -> Result<()> {
    spi.run("DELETE FROM accord.fleet_known WHERE baseline = $1", &[Arg::Text(name)])?;
    spi.run("UPDATE accord.fleet_verdict SET fingerprint = NULL WHERE baseline = $1", &[Arg::Text(name)])?;
    spi.run("UPDATE accord.fleet_generation SET generation = generation + 1", &[])?;
    spi.run("UPDATE accord.fleet_member SET asked = asked + 1", &[])?;
    nudge();
    Ok(())
}

/// Facts are shared: none is taken away while somebody puts some there.
fn lock_facts(spi: &Spi) -> Result<()> {
    spi.execute("LOCK TABLE accord.fleet_fact IN SHARE ROW EXCLUSIVE MODE").map(|_| ())
}

/// Keeps facts, each once, and gives what they are found by.
pub fn put<'f>(spi: &Spi, facts: impl Iterator<Item = &'f Fact>) -> Result<Vec<Content>> {
    lock_facts(spi)?;
    let mut contents = Vec::new();
    let (mut keys, mut texts) = (Vec::new(), Vec::new());
    for fact in facts {
        let text = serde_json::to_string(fact)?;
        let content = blake3::hash(text.as_bytes());
        contents.push(*content.as_bytes());
        keys.push(content.to_hex().to_string());
        texts.push(text);
    }
    spi.run(
        "INSERT INTO accord.fleet_fact (content, fact) SELECT decode(f.content, 'hex'), f.fact FROM unnest($1, $2) f (content, fact) ON CONFLICT DO NOTHING",
        &[Arg::Texts(&keys), Arg::Texts(&texts)],
    )?;
    Ok(contents)
}

/// Facts by what they are found by, 32 bytes each.
pub fn facts(spi: &Spi, list: &[u8]) -> Result<Vec<Arc<Fact>>> {
    Contents::load(spi, Some(list))?.of(list)
}

/// Takes away the facts that nothing holds any longer.
pub fn forget_facts(spi: &Spi) -> Result<()> {
    lock_facts(spi)?;
    spi.run(
        "DELETE FROM accord.fleet_fact f WHERE NOT EXISTS (
             SELECT FROM (SELECT substring(l.facts FROM 32 * i + 1 FOR 32) AS content
                            FROM (SELECT b.facts FROM accord.fleet_baseline b UNION ALL SELECT m.contents FROM accord.fleet_model m) l,
                                 generate_series(0, octet_length(l.facts) / 32 - 1) i) u
              WHERE u.content = f.content)",
        &[],
    )
}

/// Takes a version, or all, from the tables; with a major, only how that words them. Returns how many versions.
pub fn remove(spi: &Spi, name: &str, version: Option<&str>, major: Option<i32>) -> Result<i64> {
    let rows = spi.query(
        "DELETE FROM accord.fleet_baseline WHERE name = $1 AND ($2 IS NULL OR version = $2) AND ($3 IS NULL OR major = $3) RETURNING version",
        &[Arg::Text(name), Arg::MaybeText(version), Arg::MaybeInt(major.map(i64::from))],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(unknown(name, version));
    }
    let removed: BTreeSet<String> = rows.iter().map(|row| row.text(0)).collect();
    spi.run(
        "DELETE FROM accord.fleet_verdict v WHERE v.baseline = $1 AND NOT EXISTS (SELECT FROM accord.fleet_baseline b WHERE b.name = $1)",
        &[Arg::Text(name)],
    )?;
    forget_facts(spi)?;
    note(spi, "remove_baseline", &json!({"baseline": name, "version": version, "major": major}))?;
    changed(spi, name)?;
    Ok(removed.len() as i64)
}

/// A baseline or a version that is not there.
pub fn unknown(name: &str, version: Option<&str>) -> Error {
    let what = version.map_or_else(|| format!("baseline \"{name}\""), |version| format!("version {version} of baseline \"{name}\""));
    Error::undefined(format!("{what} does not exist")).hint("SELECT * FROM accord.baselines lists them.")
}

/// Whether a version may be met when later ones are there.
pub fn permit(spi: &Spi, name: &str, version: &str, permitted: bool) -> Result<()> {
    let rows = spi.query(
        "UPDATE accord.fleet_baseline SET permitted = $3 WHERE name = $1 AND version = $2 RETURNING ordinal",
        &[Arg::Text(name), Arg::Text(version), Arg::Bool(permitted)],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(unknown(name, Some(version)));
    }
    note(spi, "permit_version", &json!({"baseline": name, "version": version, "permitted": permitted}))?;
    changed(spi, name)
}

const COLUMNS: &str = "SELECT b.name, b.version, b.rules::text, b.facts, b.major, b.selection, b.permitted FROM accord.fleet_baseline b";

/// Facts by content, parsed once.
struct Contents(HashMap<[u8; 32], Arc<Fact>>);

impl Contents {
    fn load(spi: &Spi, of: Option<&[u8]>) -> Result<Self> {
        let rows = match of {
            None => spi.query("SELECT f.content, f.fact FROM accord.fleet_fact f", &[], See::Latest)?,
            Some(list) => {
                let keys: Vec<String> = list
                    .chunks_exact(32)
                    .map(|key| blake3::Hash::from_slice(key).map(|hash| hash.to_hex().to_string()))
                    .collect::<std::result::Result<_, _>>()
                    .map_err(|_| Error::internal("a fact's key does not have 32 bytes"))?;
                spi.query(
                    "SELECT f.content, f.fact FROM unnest($1) k (content) JOIN accord.fleet_fact f ON f.content = decode(k.content, 'hex')",
                    &[Arg::Texts(&keys)],
                    See::Latest,
                )?
            }
        };
        let facts = rows.iter().map(|row| Ok((row.hash(0)?, Arc::new(serde_json::from_str(&row.text(1))?)))).collect::<Result<_>>()?;
        Ok(Self(facts))
    }

    fn of(&self, list: &[u8]) -> Result<Vec<Arc<Fact>>> {
        list.chunks_exact(32)
            .map(|key| {
                let fact = <[u8; 32]>::try_from(key).ok().and_then(|key| self.0.get(&key).cloned());
                fact.ok_or_else(|| Error::internal("a fact of a baseline is missing"))
            })
            .collect()
    }
}

fn baseline(row: &crate::catalog::Row, contents: &Contents) -> Result<Baseline> {
    let rules: Rules = serde_json::from_str(&row.text(2))?;
    Ok(Baseline { rules, facts: contents.of(&row.bytes(3))?, major: major_of(row, 4) })
}

/// One version; the newest, where none is named. With its version. As the servers of a major word it, or the nearest;
/// without one, as it was first registered.
pub fn load(spi: &Spi, name: &str, version: Option<&str>, major: Option<u32>) -> Result<(String, Baseline)> {
    let rows = spi.query(
        "SELECT b.version, b.major FROM accord.fleet_baseline b WHERE b.name = $1 AND ($2 IS NULL OR b.version = $2)
          ORDER BY b.ordinal DESC, b.registered_at, b.major NULLS FIRST",
        &[Arg::Text(name), Arg::MaybeText(version)],
        See::Latest,
    )?;
    let found = rows.first().ok_or_else(|| unknown(name, version))?.text(0);
    let majors: Vec<Option<u32>> = rows.iter().take_while(|row| row.text(0) == found).map(|row| major_of(row, 1)).collect();
    let worded = major.map_or(majors[0], |major| nearest_major(&majors, major));
    let rows = spi.query(
        &format!("{COLUMNS} WHERE b.name = $1 AND b.version = $2 AND b.major IS NOT DISTINCT FROM $3"),
        &[Arg::Text(name), Arg::Text(&found), Arg::MaybeInt(worded.map(i64::from))],
        See::Latest,
    )?;
    let row = rows.first().ok_or_else(|| unknown(name, version))?;
    let contents = Contents::load(spi, Some(&row.bytes(3)))?;
    Ok((found, baseline(row, &contents)?))
}

/// `accord.baseline`: a version as a document; of a major that is named, only as that words it.
pub fn document(spi: &Spi, name: &str, version: Option<&str>, major: Option<i32>) -> Result<Value> {
    let wanted = major.map(|major| u32::try_from(major).unwrap_or_default());
    let (found, baseline) = load(spi, name, version, wanted)?;
    if wanted.is_some() && baseline.major != wanted {
        let what = format!("version {found} of baseline \"{name}\" was not registered as major {} words it", wanted.unwrap_or_default());
        return Err(Error::undefined(what)
            .hint("SELECT version, major FROM accord.baselines lists them; accord.register_baseline(name, version, …) from a database of that major adds it."));
    }
    Ok(baseline.document()?)
}

/// Whether databases may stand at a version: the newest, or one that was permitted.
pub fn is_permitted(spi: &Spi, name: &str, version: &str) -> Result<bool> {
    let rows = spi.query(
        "SELECT b.permitted OR b.ordinal = (SELECT max(l.ordinal) FROM accord.fleet_baseline l WHERE l.name = b.name)
           FROM accord.fleet_baseline b WHERE b.name = $1 AND b.version = $2",
        &[Arg::Text(name), Arg::Text(version)],
        See::Latest,
    )?;
    Ok(rows.first().is_some_and(|row| row.bool(0)))
}

/// The generation of all baselines.
pub fn generation(spi: &Spi) -> Result<i64> {
    let rows = spi.query("SELECT g.generation FROM accord.fleet_generation g", &[], See::Latest)?;
    Ok(rows.first().map_or(0, |row| row.int(0)))
}

/// All baselines, and what was met before.
pub fn shelf(spi: &Spi) -> Result<Shelf> {
    let rows = spi.query(&format!("{COLUMNS} ORDER BY b.name, b.ordinal, b.registered_at, b.major NULLS FIRST"), &[], See::Latest)?;
    let contents = if rows.is_empty() { Contents(HashMap::new()) } else { Contents::load(spi, None)? };
    let mut shelf = Shelf { generation: generation(spi)?, models: outliers::kept(spi)?, ..Shelf::default() };
    let mut all = Vec::new();
    let mut rows = rows.iter().peekable();
    while let Some(first) = rows.peek() {
        let name = first.text(0);
        let mut versions = Vec::new();
        let mut newest = String::new();
        while let Some(row) = rows.next_if(|row| row.text(0) == name) {
            newest = row.text(5);
            versions.push(Version { version: row.text(1), permitted: row.bool(6), baseline: baseline(row, &contents)? });
        }
        let series = Series::new(name.clone(), selection(&newest)?, versions)
            .map_err(|why| Error::internal(format!("baseline \"{name}\": {why}")))?;
        all.push(series);
    }
    shelf.series = all.into();
    let known = spi.query(
        "SELECT k.baseline, k.names, k.fingerprint, k.standing, k.version, k.variant FROM accord.fleet_known k",
        &[],
        See::Latest,
    )?;
    for row in &known {
        let standing = if row.text(3) == "conforms" { Standing::Conforms } else { Standing::Behind };
        let recognised = Recognised { standing, version: row.text(4), variant: row.maybe_text(5) };
        shelf.known.insert((row.text(0), row.text(1), Fingerprint(row.hash(2)?)), recognised);
    }
    Ok(shelf)
}
