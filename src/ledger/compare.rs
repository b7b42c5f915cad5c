//! Differences and plans: between documents, between versions, from what is here to a version.

use super::past::{model_at, model_now, models_at, recorded};
use crate::diff::{Change, Operation, diff};
use crate::error::{Error, Result};
use crate::model::{Body, Document, Fact, FactId, Kind, Projection, Unreadable};
use crate::pg::command;
use crate::pg::spi::Spi;
use crate::plan::{self, Cost, Hint, PlanError, Request, Size, Sizes, Step, Way, WayError};
use crate::protocol::check_facts;
use crate::replica::sizes;
use pgrx::PgSqlErrorCode;
use serde_json::{Map, Value};

/// Two models side by side.
pub struct Compared {
    before: Vec<Fact>,
    after: Vec<Fact>,
}

/// One difference, as people read it.
pub struct Difference {
    /// `create`, `drop`, `alter` or `rename`.
    pub change: &'static str,
    /// What it is afterwards (or was, for a drop).
    pub id: String,
    /// What it was called before a rename.
    pub was: Option<String>,
    /// The attributes that differ, before; all of them for a drop.
    pub before: Option<Value>,
    /// The attributes that differ, after; all of them for a creation.
    pub after: Option<Value>,
}

/// A step and what it is expected to cost.
pub struct PlannedStep {
    /// The step.
    pub step: Step,
    /// Its cost.
    pub cost: Cost,
}

fn read(document: Value, which: &str) -> Result<Document> {
    let document = Document::read(document).map_err(|error| {
        let code = match error {
            Unreadable::TooLarge { .. } => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            Unreadable::Reader(_) => PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            _ => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        };
        Error::new(code, format!("the {which} model cannot be read"))
            .detail(format!("{error}."))
            .hint("A model is what accord.model() gives: {\"facts\": [{\"kind\": \"table\", \"path\": [\"shop\", \"orders\"], \"attributes\": {}}, …]}.")
    })?;
    check_facts(&document.facts).map_err(|why| {
        Error::invalid(format!("the {which} model holds a text that would not stay in its place in a statement"))
            .detail(format!("{why}."))
            .hint("Types, expressions and definitions are taken as PostgreSQL deparses them; accord.model() gives such texts.")
    })?;
    Ok(document)
}

/// Two documents.
pub fn compare_documents(a: Value, b: Value) -> Result<Compared> {
    let (a, b) = (read(a, "first")?, read(b, "second")?);
    if let (Some(one), Some(other)) = (a.major, b.major)
        && one != other
    {
        pgrx::notice!("the models were read from PostgreSQL {one} and {other}, whose texts differ where the schemas may not");
    }
    let (before, after) = a.comparable(b);
    Ok(Compared { before, after })
}

/// Two versions of this database.
pub fn compare_versions(spi: &Spi, from: i64, to: i64, projection: &Projection) -> Result<Compared> {
    let (before, after) = models_at(spi, from, to, projection)?;
    Ok(Compared { before, after })
}

fn attributes(body: &Body) -> Result<Map<String, Value>> {
    match serde_json::to_value(body)? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// A change as people read it, with what passwords it holds or without; none for an empty one.
pub fn difference(change: Change, secrets: bool) -> Result<Option<Difference>> {
    let Some(operation) = change.operation() else { return Ok(None) };
    let word = match operation {
        Operation::Create => "create",
        Operation::Drop => "drop",
        Operation::Alter => "alter",
        Operation::Rename => "rename",
    };
    let side = |fact: &Option<Fact>| fact.as_ref().map(|fact| attributes(&fact.body)).transpose();
    let (mut before, mut after) = (side(&change.before)?, side(&change.after)?);
    if let (Some(before), Some(after)) = (&mut before, &mut after) {
        let same: Vec<String> =
            before.iter().filter(|(name, value)| after.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
        for name in same {
            before.shift_remove(&name);
            after.shift_remove(&name);
        }
    }
    if !secrets && change.kind() == Some(Kind::UserMapping) {
        before.iter_mut().chain(&mut after).for_each(crate::secrets::mask_mapping);
    }
    Ok(Some(Difference {
        change: word,
        id: change.id().map(ToString::to_string).unwrap_or_default(),
        was: change.before.as_ref().filter(|_| operation == Operation::Rename).map(|fact| fact.id.to_string()),
        before: before.map(Value::Object),
        after: after.map(Value::Object),
    }))
}

impl Compared {
    /// The differences, in the order of the models; with what passwords they hold, or without.
    pub fn differences(&self, secrets: bool) -> Result<Vec<Difference>> {
        diff(&self.before, &self.after).into_iter().filter_map(|change| difference(change, secrets).transpose()).collect()
    }

    /// What may have been renamed.
    pub fn hints(&self) -> Vec<Hint> {
        plan::hints(&diff(&self.before, &self.after))
    }
}

fn refused(error: WayError) -> Error {
    match error {
        WayError::Request(why) => Error::invalid("the renames do not fit the models").detail(format!("{why}.")).hint(
            "SELECT * FROM accord.rename_hints(a, b) lists what may have been renamed, each as options => '{\"renames\": […]}' takes it.",
        ),
        WayError::Plan(PlanError::Impossible { id, why }) => {
            Error::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "no plan leads from the one model to the other")
                .detail(format!("{id}: {why}."))
                .hint(
                    "SELECT * FROM accord.diff(a, b) lists what differs; leave this object out of both models, or bring it about by hand.",
                )
        }
        WayError::Plan(cycle @ PlanError::Cycle(_)) => Error::internal("no order of the changes was found")
            .detail(format!("{cycle}."))
            .hint("This is a defect of pg_accord; SELECT * FROM accord.diff(a, b) shows the changes."),
    }
}

/// The steps from the one to the other, with their costs on the sizes that were given or are here.
pub fn plan(spi: &Spi, compared: Compared, request: &Request) -> Result<Vec<PlannedStep>> {
    let here = matches!(request.sizes, Some(Sizes::Word(_)));
    let size = |id: &FactId| -> Size {
        match &request.sizes {
            Some(Sizes::Word(_)) => sizes::size(spi, id).unwrap_or_default(),
            Some(given) => given.of(id),
            None => Size::default(),
        }
    };
    let Compared { before, after } = compared;
    let request = Request { major: command::major(), ..request.clone() };
    let way = Way::between(before, &after, &request, |table| {
        let Size { rows, bytes } = size(table);
        rows > 0 || here && bytes > 0 && sizes::has_rows(spi, table).unwrap_or(true)
    })
    .map_err(refused)?;
    let learned = sizes::learned(spi)?;
    let mut sizes = std::collections::HashMap::new();
    Ok(way
        .plan
        .steps
        .into_iter()
        .map(|step| {
            let size = match step.locks.first() {
                Some(table) if step.rewrites || step.scans => *sizes.entry(table.clone()).or_insert_with(|| size(table)),
                _ => Size::default(),
            };
            let cost = plan::cost(&step, size, learned.of(&step));
            PlannedStep { step, cost }
        })
        .collect())
}

/// The steps from what is here now to a version, on the sizes that are here.
pub fn plan_to(spi: &Spi, version: i64, request: &Request) -> Result<Vec<PlannedStep>> {
    let (_, before) = model_now(spi)?;
    let after = model_at(spi, version)?;
    let request = Request { sizes: Some(request.sizes.clone().unwrap_or(Sizes::Word(plan::Word::Database))), ..request.clone() };
    plan(spi, Compared { before, after }, &request)
}

/// Executes the steps as a new change, with the caller's rights, and makes sure that they led to the version.
pub fn carry_out(spi: &Spi, version: i64, steps: &[PlannedStep]) -> Result<()> {
    if let Some(alone) = steps.iter().find(|planned| planned.step.outside_transaction) {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_ACTIVE_SQL_TRANSACTION, "a step of this plan cannot run in a transaction")
            .detail(alone.step.sql.clone())
            .hint(format!(
                "SELECT sql FROM accord.revert_to({version}, dry_run => true, options => …) \\gexec runs the steps one by one in psql; without \"online\" they run in one transaction."
            )));
    }
    {
        let settings = command::settings();
        settings.set("check_function_bodies", "off");
        for planned in steps {
            spi.execute(&planned.step.sql)?;
        }
    }
    let _pinned = command::pin();
    let (_, content) = recorded(spi, version)?;
    let reached = Projection::content();
    let (_, facts) = model_now(spi)?;
    let found = super::sums::Sums::of(&facts).fingerprint(&reached);
    if found != content {
        let wanted = model_at(spi, version)?;
        let bare = |facts: Vec<Fact>| -> Vec<Fact> {
            facts.into_iter().filter(|fact| reached.mirrors(&fact.id)).map(|fact| Fact { key: None, ..fact }).collect()
        };
        let differing: Vec<String> =
            diff(&bare(facts), &bare(wanted)).iter().filter_map(Change::id).take(10).map(ToString::to_string).collect();
        return Err(Error::new(
            PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
            format!("the steps do not lead to version {version}; nothing was changed"),
        )
        .detail(format!("These differ: {}.", differing.join(", ")))
        .hint(format!("SELECT * FROM accord.revert_to({version}, dry_run => true) lists the steps.")));
    }
    Ok(())
}
