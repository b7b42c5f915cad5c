//! changes → ordered steps. PURE.
//!
//! `order` sorts what must happen by what each action produces, consumes and destroys; one file per
//! domain renders actions as DDL, fully qualified, from typed nodes.

#![forbid(unsafe_code)]

mod base_type;
mod carry;
mod collation;
mod column;
mod constraint;
mod cost;
mod foreign;
mod guard;
mod hierarchy;
mod identity;
mod index;
mod keep;
mod language;
pub(crate) mod lexer;
mod likeness;
mod loss;
mod object;
mod online;
mod operator;
mod order;
mod partition;
mod property;
mod publication;
mod rebuild;
mod rename;
mod request;
mod retype;
mod routine;
mod scene;
mod schema;
mod sequence;
mod session;
mod sql;
mod standing;
mod statistics;
mod table;
mod text_search;
mod trigger;
mod types;
mod view;
mod way;

pub use column::is_constant;
pub use cost::{Cost, Size, Work, cost};
pub use keep::{KEPT_SCHEMA, Keeping, Kept, KeyColumn, defines, definition};
pub use likeness::{Hint, hints};
pub use request::{Rename, Request, Sizes, Word};
pub use standing::Standing;
pub use way::{Way, WayError};

use crate::diff::Change;
use crate::model::{Body, ConstraintType, Fact, FactId, Kind, Literal};
use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use order::Action;
use scene::Scene;
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

impl Lock {
    /// PostgreSQL's name for it; nothing for no lock at all.
    pub fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
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
    /// What it sets aside, or brings back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Keeping>,
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
    /// Lock-friendly forms: what scans a table does so without keeping writers out. Each step is meant
    /// to be committed before the next one begins.
    pub online: bool,
    /// Major of the server that carries the plan out; 0, where it is not known, stands for any.
    pub major: u32,
    /// Tables that hold rows on the target: a volatile default is not evaluated for their rows.
    pub populated: Vec<FactId>,
    /// What would be lost is set aside, under names that this text is a part of: another one for each command.
    pub keep: Option<String>,
    /// What was set aside and comes back with these changes.
    pub back: Vec<Kept>,
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
    /// The parts and properties of this object (its columns, comments, …), one level down: the facts that [`is_part`] of it.
    fn children(&self, id: &FactId) -> Vec<Fact>;
    /// The facts whose `depends` names this one.
    fn dependents(&self, id: &FactId) -> Vec<Fact>;
}

/// Whether a fact is a part or a property of this object, one level down. Unlike [`Fact::parent`], it
/// knows that triggers, rules and indexes stand on views as well, and that a view's columns are no facts.
pub fn is_part(fact: &Fact, of: &FactId) -> bool {
    order::owners(&fact.id, &fact.body).iter().any(|owner| {
        owner == of
            || owner.kind == Kind::Column && matches!(of.kind, Kind::View | Kind::MaterializedView) && owner.path.starts_with(&of.path)
    })
}

/// Orders and renders the changes.
pub fn plan(changes: &[Change], surroundings: &dyn Surroundings, options: &Options) -> Result<Plan, PlanError> {
    let mut splits = HashSet::new();
    let changes = constraint::not_nulls_renamed(index::told_by_parent(changes));
    loop {
        let mut scene = Scene::new(&changes, surroundings, options, &splits)?;
        rebuild::expand(&mut scene)?;
        hierarchy::check(&scene)?;
        carry::expand(&mut scene)?;
        base_type::check_drops(&scene)?;
        let mut actions = actions(&scene)?;
        let knot = match order::order(&actions) {
            Ok(order) => {
                let mut steps: Vec<Step> = order.into_iter().flat_map(|i| std::mem::take(&mut actions[i].steps)).collect();
                if options.online {
                    for step in steps.iter_mut().filter(|step| step.rewrites) {
                        step.warnings.push("it has no lock-friendly form: the table is rewritten under its lock".to_owned());
                    }
                }
                commit_used_labels(&mut steps);
                return Ok(Plan { steps });
            }
            Err(knot) => knot,
        };
        let more = split(&scene, knot.iter().map(|&i| &actions[i]));
        let known = splits.len();
        let mut larger = splits.clone();
        larger.extend(more);
        if larger.len() == known {
            let mut ids: Vec<FactId> = knot
                .iter()
                .filter_map(|&i| actions[i].produces.first().or(actions[i].destroys.first()).or(actions[i].becomes.first()).cloned())
                .collect();
            ids.dedup();
            return Err(PlanError::Cycle(ids));
        }
        splits = larger;
    }
}

/// PostgreSQL lets nobody use a new label of a standing enum before it is committed: where a later step does,
/// the label is added outside the transaction.
fn commit_used_labels(steps: &mut [Step]) {
    for i in 0..steps.len() {
        let (before, later) = steps.split_at_mut(i + 1);
        let step = &mut before[i];
        let Some(label) = step.facts.iter().find(|id| id.kind == Kind::EnumLabel) else { continue };
        let word = Literal(label.name().as_str()).to_string();
        if step.sql.contains(" ADD VALUE ") && later.iter().any(|step| !step.sql.contains(" ADD VALUE ") && step.sql.contains(&word)) {
            step.outside_transaction = true;
        }
    }
}

/// What can be taken out of these actions into statements of its own: defaults, constraints, policies, rules
/// and triggers of what is dropped, the bodies of views.
fn split<'a>(scene: &Scene, knot: impl Iterator<Item = &'a Action>) -> Vec<FactId> {
    let mut splits = Vec::new();
    for action in knot {
        for id in action.produces.iter().chain(&action.destroys) {
            let fact = scene.is(id).or_else(|| scene.was(id));
            match fact.map(|fact| fact.body) {
                Some(Body::Default(default)) if default.generated.is_none() => splits.push(id.clone()),
                Some(Body::View(_)) => splits.push(id.clone()),
                // A NOT NULL holds nothing else, and cannot always go before its column.
                Some(Body::Constraint(constraint)) if constraint.constraint_type == ConstraintType::NotNull => {}
                // Parts that would go with their object, which waits for what they read.
                Some(Body::Constraint(_) | Body::DomainConstraint(_) | Body::Policy(_) | Body::Rule(_) | Body::Trigger(_))
                    if action.destroys.len() > 1 =>
                {
                    splits.push(id.clone());
                }
                _ => {}
            }
        }
    }
    splits
}

/// Every action that the changes ask for.
fn actions(scene: &Scene) -> Result<Vec<Action>, PlanError> {
    let mut out = scene.renames.actions()?;
    let parts = table::Parts::gather(scene);
    let dropped = keep::Dropped::gather(scene);
    let matching = partition::Matching::gather(scene);
    let enums = types::NewEnums::gather(scene);
    let mut handled = retype::retype(scene, &mut out)?;
    handled.extend(types::defaults_of_remade(scene));
    partition::make_room(scene, &mut out);
    for sequence in &scene.handed_over {
        sequence::hand_over(scene, sequence, &mut out);
    }
    for id in &scene.remade {
        out.push(types::remake_enum(scene, id));
    }
    // What goes with something else, by what it goes with.
    let mut taken: HashMap<FactId, Vec<usize>> = HashMap::new();
    for (i, item) in scene.items.iter().enumerate() {
        let old = item.old.as_ref();
        if let (Some(fact), None, Some(old)) = (&item.before, &item.after, old)
            && let Some(by) = scene.taken_by(old, fact)
        {
            taken.entry(by).or_default().push(i);
            continue;
        }
        if old.is_some_and(|old| handled.contains(old)) || item.after.as_ref().is_some_and(|fact| handled.contains(&fact.id)) {
            continue;
        }
        change(scene, &parts, &dropped, &matching, &enums, i, &mut out)?;
    }
    carry::actions(scene, &mut out);
    for action in &mut out {
        let mut also = Vec::new();
        for id in &action.destroys {
            also.extend(taken.remove(id).into_iter().flatten());
        }
        for i in also {
            let item = &scene.items[i];
            if let (Some(old), Some(fact)) = (&item.old, &item.before) {
                action.unmakes(old, fact);
            }
        }
    }
    base_type::loosen(&mut out);
    object::hasten(&mut out);
    Ok(out)
}

#[allow(clippy::match_same_arms)] // The kinds in their order, each with its own reason.
fn change(
    scene: &Scene,
    parts: &table::Parts,
    dropped: &keep::Dropped,
    matching: &partition::Matching,
    enums: &types::NewEnums,
    i: usize,
    out: &mut Vec<Action>,
) -> Result<(), PlanError> {
    let item = &scene.items[i];
    let Some(fact) = item.after.as_ref().or(item.before.as_ref()) else { return Ok(()) };
    let (creates, drops) = (item.before.is_none(), item.after.is_none());
    let owner = |kind| FactId::new(kind, fact.id.path[..2].iter().cloned());
    let in_new_table = || creates && scene.creates(&owner(Kind::Table));
    match fact.id.kind {
        Kind::Schema => schema::change(item, out),
        Kind::Extension => schema::extension(item, out),
        Kind::EnumLabel => match (&item.before, &item.after) {
            (None, Some(Fact { body: Body::EnumLabel(label), .. })) if !scene.creates(&owner(Kind::Enum)) => {
                types::add_label(scene, fact, label, out);
            }
            // A change of place follows from the labels that come and go.
            _ => {}
        },
        Kind::Attribute if creates && scene.creates(&owner(Kind::Composite)) => {}
        Kind::Attribute => types::attribute(scene, item, out),
        Kind::DomainConstraint => constraint::domain(scene, item, out),
        Kind::Sequence => sequence::change(scene, item, out),
        Kind::Inherit if in_new_table() => {}
        Kind::Inherit => table::inherit(matching, item, out),
        Kind::Partition => partition::change(matching, scene, item, out),
        Kind::Position => {}
        Kind::Column if in_new_table() => {}
        Kind::Default if creates && default_is_said(scene, fact) => {}
        Kind::Default => column::default(scene, item, out),
        Kind::Identity if creates && scene.creates(&FactId { kind: Kind::Column, ..fact.id.clone() }) => {
            identity::apart(scene, fact, out);
        }
        Kind::Identity => identity::render(scene, item, out)?,
        Kind::Constraint => constraint::change(scene, item, out),
        Kind::Index => index::change(scene, item, out),
        Kind::View => view::change(scene, item, out),
        Kind::MaterializedView => view::materialized(scene.options, item, out),
        Kind::Routine => routine::change(item, out),
        Kind::Aggregate => routine::aggregate(item, out),
        Kind::Trigger => trigger::change(scene, item, out),
        Kind::Policy => trigger::policy(item, out),
        Kind::Rule => trigger::rule(scene, item, out),
        Kind::BaseType
        | Kind::Cast
        | Kind::Operator
        | Kind::OperatorFamily
        | Kind::OperatorClass
        | Kind::Collation
        | Kind::Conversion
        | Kind::TextSearchParser
        | Kind::TextSearchTemplate
        | Kind::TextSearchDictionary
        | Kind::TextSearchConfiguration
        | Kind::Statistics
        | Kind::AccessMethod
        | Kind::Language
        | Kind::Transform => object::change(scene, item, out),
        Kind::Comment | Kind::Owner | Kind::Grant => property::change(scene, item, out),
        Kind::ForeignDataWrapper => foreign::wrapper(item, out),
        Kind::Server => foreign::server(item, out),
        Kind::UserMapping => foreign::mapping(item, out),
        Kind::Publication => publication::change(item, out),
        Kind::PublicationTable | Kind::PublicationSchema => publication::member(item, out),
        // Reported, and nothing else: each server has its own.
        Kind::Subscription => {}
        Kind::EventTrigger => session::event_trigger(item, out),
        Kind::DefaultPrivilege => session::default_privilege(item, out),
        Kind::SecurityLabel => property::change(scene, item, out),
        Kind::Enum | Kind::Domain | Kind::Composite | Kind::Range | Kind::Table | Kind::Column | Kind::Unmodelled => {
            if drops {
                drop(scene, dropped, item, out);
            } else if creates {
                create(scene, parts, enums, item, fact, out)?;
            } else {
                alter(scene, item, out)?;
            }
        }
    }
    Ok(())
}

fn create(
    scene: &Scene,
    parts: &table::Parts,
    enums: &types::NewEnums,
    item: &scene::Item,
    fact: &Fact,
    out: &mut Vec<Action>,
) -> Result<(), PlanError> {
    match &fact.body {
        Body::Enum(_) => types::create_enum(enums, fact, out),
        Body::Domain(domain) => types::create_domain(scene, fact, domain, out),
        Body::Composite(_) => types::create_composite(scene, parts, fact, out),
        Body::Range(range) => types::create_range(fact, range, out),
        Body::Table(table) => table::create(scene, parts, fact, table, out),
        Body::Column(column) => column::add(scene, fact, column, item.fill.as_deref(), out)?,
        _ => {}
    }
    Ok(())
}

fn drop(scene: &Scene, dropped: &keep::Dropped, item: &scene::Item, out: &mut Vec<Action>) {
    let (Some(fact), Some(old)) = (&item.before, &item.old) else { return };
    match &fact.body {
        Body::Table(table) => table::drop(scene, dropped, old, fact, table, out),
        Body::Column(column) => column::drop(scene, old, fact, column, out),
        _ => types::drop(old, fact, out),
    }
}

fn alter(scene: &Scene, item: &scene::Item, out: &mut Vec<Action>) -> Result<(), PlanError> {
    let (Some(was), Some(now), Some(old)) = (&item.before, &item.after, &item.old) else { return Ok(()) };
    match (&was.body, &now.body) {
        (Body::Domain(before), Body::Domain(after)) => types::alter_domain(scene, old, was, now, before, after, out),
        (Body::Table(before), Body::Table(after)) => table::alter(scene, old, was, now, before, after, out)?,
        (Body::Column(before), Body::Column(after)) => column::alter(scene, item, was, now, before, after, out)?,
        _ => {}
    }
    Ok(())
}

/// Whether a new default stands in the statement that makes its column.
fn default_is_said(scene: &Scene, fact: &Fact) -> bool {
    let column = FactId { kind: Kind::Column, ..fact.id.clone() };
    let Some(column) = scene.is(&column).filter(|column| scene.creates(&column.id)) else { return false };
    let not_local = matches!(&column.body, Body::Column(column) if column.not_local);
    let table = FactId::new(Kind::Table, fact.id.path[..2].iter().cloned());
    let written = if scene.creates(&table) { !table::brought(scene, &column) } else { !not_local };
    column::inline(scene, fact, written)
}

#[cfg(test)]
mod tests;
