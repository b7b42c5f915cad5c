//! changes → ordered steps. PURE.
//!
//! `order` sorts what must happen by what each action produces, consumes and destroys; one file per
//! domain renders actions as DDL, fully qualified, from typed nodes.

#![forbid(unsafe_code)]

use crate::diff::Change;
use crate::model::{Fact, FactId};
use serde::{Deserialize, Serialize};

/// Table-level lock that a step takes on existing objects, weakest first. Names are PostgreSQL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Lock {
    None,
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

/// Something a step destroys that its reverse cannot bring back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Whose data.
    pub id: FactId,
    /// In words: "the values of column shop.orders.note".
    pub what: String,
}

/// One statement of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The statement, fully qualified, without a closing semicolon.
    pub sql: String,
    /// The facts it brings about or takes away; the first names the object that the step is about.
    pub facts: Vec<FactId>,
    /// Strongest lock it takes.
    pub lock: Lock,
    /// Existing tables, indexes or views on which it takes that lock.
    pub locks: Vec<FactId>,
    /// It rewrites the table.
    pub rewrites: bool,
    /// It reads the whole table (validates a constraint, builds an index).
    pub scans: bool,
    /// It cannot run in a transaction block (CREATE INDEX CONCURRENTLY).
    pub outside_transaction: bool,
    /// For a step outside a transaction: the statement that clears away what a failure leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<String>,
    /// What it destroys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
    /// What a person must know: rows that differ until the data stream brings them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Ordered steps that carry a model to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The steps, in the order they run in.
    pub steps: Vec<Step>,
}

/// How to plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The source ran CREATE or DROP INDEX CONCURRENTLY: do likewise.
    pub concurrently: bool,
    /// Tables that hold rows on the target: a volatile default is not evaluated for their rows.
    pub populated: Vec<FactId>,
}

/// Why a plan cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The facts depend on each other in a way that no split action breaks.
    #[error("the changes depend on each other in a cycle: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → "))]
    Cycle(Vec<FactId>),
    /// No DDL leads from the one to the other.
    #[error("{id}: {why}")]
    Impossible {
        /// The fact.
        id: FactId,
        /// Why not.
        why: String,
    },
}

/// What stands around the changed facts in the model that the plan starts from.
pub trait Surroundings {
    /// The fact with this id.
    fn get(&self, id: &FactId) -> Option<Fact>;
    /// The parts and properties of this object (its columns, comments, …), one level down.
    fn children(&self, id: &FactId) -> Vec<Fact>;
    /// The facts whose `depends` names this one.
    fn dependents(&self, id: &FactId) -> Vec<Fact>;
}

/// Orders and renders the changes.
pub fn plan(_changes: &[Change], _surroundings: &dyn Surroundings, _options: &Options) -> Result<Plan, PlanError> {
    Ok(Plan::default())
}
