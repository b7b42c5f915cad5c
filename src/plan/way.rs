//! The way from one given model to another: difference, renames, plan.

use super::likeness::Hint;
use super::{Options, Plan, PlanError, Request, Standing, guard, plan};
use crate::diff::Change;
use crate::model::{Fact, FactId, Kind};

/// What leads from one model to another.
#[derive(Clone, Debug)]
pub struct Way {
    /// The differences.
    pub changes: Vec<Change>,
    /// The statements.
    pub plan: Plan,
    /// Renames that were not asked for and look like some.
    pub hints: Vec<Hint>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// What was asked does not fit the models.
    #[error("{0}")]
    Request(String),
    /// The models are at odds with themselves or with each other.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Way {
    /// Plans it. `populated` says whether a table holds rows where the plan will be carried out.
    pub fn between(before: Vec<Fact>, after: &[Fact], request: &Request, populated: impl FnMut(&FactId) -> bool) -> Result<Self, WayError> {
        let (changes, hints) = request.changes(&before, after).map_err(WayError::Request)?;
        guard::check(&changes, &before, after)?;
        let options =
            Options { online: request.online, major: request.major, populated: filled(&changes, populated), ..Options::default() };
        let standing = Standing::new(before);
        let mut plan = plan(&changes, &standing, &options)?;
        offer(&mut plan, &hints);
        Ok(Self { changes, plan, hints })
    }
}

/// The tables that get a column whose existing rows a default or an identity would fill, and hold some.
fn filled(changes: &[Change], mut populated: impl FnMut(&FactId) -> bool) -> Vec<FactId> {
    let mut tables: Vec<FactId> = changes
        .iter()
        .filter(|change| change.before.is_none())
        .filter_map(Change::id)
        .filter(|id| matches!(id.kind, Kind::Default | Kind::Identity))
        .map(|id| FactId::new(Kind::Table, id.path[..2].iter().cloned()))
        .collect();
    tables.sort();
    tables.dedup();
    let made: std::collections::HashSet<&FactId> =
        changes.iter().filter(|change| change.before.is_none()).filter_map(Change::id).filter(|id| id.kind == Kind::Table).collect();
    tables.retain(|table| !made.contains(table) && populated(table));
    tables
}

/// Says of each object that goes what it may have become.
fn offer(plan: &mut Plan, hints: &[Hint]) {
    for hint in hints {
        let step = plan.steps.iter_mut().find(|step| step.facts.first() == Some(&hint.from));
        if let Some(step) = step {
            step.warnings.push(format!("{} may have become {} (confidence {:.2}: {})", hint.from, hint.to, hint.confidence, hint.why));
        }
    }
}
