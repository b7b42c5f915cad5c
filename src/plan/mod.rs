//! changes → ordered steps. PURE.
//!
//! `order` sorts what must happen by what each action produces, consumes and destroys; one file per
//! domain renders actions as DDL, fully qualified, from typed nodes.

#![forbid(unsafe_code)]

mod base_type;
mod collation;
mod column;
mod constraint;
mod cost;
mod foreign;
mod guard;
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
    loop {
        let mut scene = Scene::new(changes, surroundings, options, &splits)?;
        rebuild::expand(&mut scene)?;
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
    let mut handled = column::retype(scene, &mut out);
    handled.extend(types::defaults_of_remade(scene));
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
            column::identity_apart(scene, fact, out);
        }
        Kind::Identity => column::identity(scene, item, out)?,
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
mod tests {
    use super::*;
    use crate::model::{
        Column, ColumnSettings, Constraint, ConstraintType, Default as ColumnDefault, Identity, Index, Qualified, Routine, RoutineBody,
        RoutineKind, SequenceOptions, Table, Unmodelled, View, ViewColumn,
    };
    use std::collections::BTreeMap;

    fn table(name: &str) -> Fact {
        Fact::new(FactId::new(Kind::Table, ["s", name]), Table::default())
    }
    fn column(table: &str, name: &str, data_type: &str, not_null: bool) -> Fact {
        let column = Column {
            data_type: data_type.into(),
            collation: None,
            not_null,
            storage: None,
            compression: None,
            statistics: None,
            options: BTreeMap::new(),
            foreign_options: BTreeMap::new(),
            inherited: false,
            not_local: false,
        };
        Fact::new(FactId::new(Kind::Column, ["s", table, name]), column)
    }
    fn default(table: &str, name: &str, expression: &str, volatile: bool) -> Fact {
        let mut fact =
            Fact::new(FactId::new(Kind::Default, ["s", table, name]), ColumnDefault { expression: expression.into(), generated: None });
        if volatile {
            fact.notes.insert("volatile".into(), true.into());
        }
        fact
    }
    fn view(name: &str, columns: &[&str], depends: &[FactId]) -> Fact {
        let columns = columns
            .iter()
            .map(|name| ViewColumn { name: (*name).into(), data_type: "integer".into(), settings: ColumnSettings::default() })
            .collect();
        let body = View { definition: " SELECT 1".into(), columns, options: BTreeMap::new() };
        Fact { depends: depends.to_vec(), ..Fact::new(FactId::new(Kind::View, ["s", name]), body) }
    }
    fn routine(name: &str, depends: &[FactId]) -> Fact {
        let body = Routine {
            kind: RoutineKind::Function,
            arguments: String::new(),
            result: Some("integer".into()),
            language: "sql".into(),
            body: RoutineBody::Source("SELECT 1".into()),
            volatility: None,
            strict: false,
            security_definer: false,
            leakproof: false,
            parallel: None,
            cost: None,
            rows: None,
            support: None,
            config: Vec::new(),
            transforms: Vec::new(),
        };
        Fact { depends: depends.to_vec(), ..Fact::new(FactId::new(Kind::Routine, ["s", name, ""]), body) }
    }
    fn index(name: &str) -> Fact {
        let index = Index {
            table: "t".into(),
            definition: "USING btree (a)".into(),
            unique: false,
            invalid: false,
            tablespace: None,
            clustered: false,
            attached_to: None,
            partitioned: false,
            statistics: BTreeMap::new(),
        };
        Fact::new(FactId::new(Kind::Index, ["s", name]), index)
    }
    fn made(changes: &[Change], standing: &[Fact], options: &Options) -> Result<Vec<String>, PlanError> {
        let plan = plan(changes, &Standing::new(standing.to_vec()), options)?;
        Ok(plan.steps.into_iter().map(|step| step.sql).collect())
    }
    fn populated() -> Options {
        Options { populated: vec![table("t").id], ..Options::default() }
    }

    #[test]
    fn existing_rows_get_the_value_that_they_hold_on_the_source() {
        let add = |fill: &str, expression: &str| {
            let column = Change { fill: Some(fill.into()), ..Change::create(column("t", "a", "integer", true)) };
            made(&[column, Change::create(default("t", "a", expression, false))], &[table("t")], &populated()).unwrap()
        };
        assert_eq!(add("5", "5"), ["ALTER TABLE s.t ADD COLUMN a integer DEFAULT 5 NOT NULL"]);
        assert_eq!(
            add("1", "5"),
            ["ALTER TABLE s.t ADD COLUMN a integer DEFAULT '1'::integer NOT NULL", "ALTER TABLE s.t ALTER COLUMN a SET DEFAULT 5"]
        );
        let alone = Change { fill: Some("1".into()), ..Change::create(column("t", "a", "integer", false)) };
        assert_eq!(made(&[alone], &[table("t")], &populated()).unwrap()[1], "ALTER TABLE s.t ALTER COLUMN a DROP DEFAULT");
    }

    #[test]
    fn a_volatile_default_is_not_evaluated_for_existing_rows() {
        let changes = |not_null| {
            [Change::create(column("t", "a", "double precision", not_null)), Change::create(default("t", "a", "random()", true))]
        };
        let standing = Standing::new([table("t")]);
        let made = plan(&changes(false), &standing, &populated()).unwrap();
        assert_eq!(made.steps[0].sql, "ALTER TABLE s.t ADD COLUMN a double precision");
        assert!(!made.steps[0].rewrites && made.steps[0].warnings.len() == 1);
        assert_eq!(made.steps[1].sql, "ALTER TABLE s.t ALTER COLUMN a SET DEFAULT random()");
        assert!(matches!(plan(&changes(true), &standing, &populated()), Err(PlanError::Impossible { .. })));
        let empty = plan(&changes(true), &standing, &Options::default()).unwrap();
        assert_eq!(empty.steps[0].sql, "ALTER TABLE s.t ADD COLUMN a double precision DEFAULT random() NOT NULL");
        assert!(empty.steps[0].rewrites);
        let options =
            SequenceOptions { data_type: "integer".into(), start: 1, increment: 1, minimum: 1, maximum: 9, cache: 1, cycle: false };
        let identity = Identity { always: true, sequence: Qualified::new("s", "q"), options, unlogged: false };
        let identity = Fact::new(FactId::new(Kind::Identity, ["s", "t", "a"]), identity);
        let changes = [Change::create(column("t", "a", "integer", true)), Change::create(identity)];
        assert!(matches!(plan(&changes, &standing, &populated()), Err(PlanError::Impossible { .. })));
    }

    #[test]
    fn concurrent_index_builds_run_alone_and_can_be_cleared_away() {
        let options = Options { concurrently: true, ..Options::default() };
        let made = plan(&[Change::create(index("i"))], &Standing::new([table("t")]), &options).unwrap();
        let step = &made.steps[0];
        assert_eq!(step.sql, "CREATE INDEX CONCURRENTLY i ON s.t USING btree (a)");
        assert!(step.outside_transaction && step.scans && step.lock == Lock::ShareUpdateExclusive);
        assert_eq!(step.compensation.as_deref(), Some("DROP INDEX CONCURRENTLY IF EXISTS s.i"));
        let dropped = plan(&[Change::drop(index("i"))], &Standing::new([table("t"), index("i")]), &options).unwrap();
        assert_eq!(dropped.steps[0].sql, "DROP INDEX CONCURRENTLY s.i");
        assert!(dropped.steps[0].outside_transaction);
    }

    #[test]
    fn rings_are_broken_where_a_view_or_a_default_can_wait() {
        let (t, f) = (table("t"), routine("f", &[table("t").id, view("v", &[], &[]).id]));
        let v = view("v", &["a"], &[t.id.clone(), f.id.clone()]);
        let created: Vec<Change> = [t.clone(), v.clone(), f.clone()].into_iter().map(Change::create).collect();
        let sql = made(&created, &[], &Options::default()).unwrap();
        assert_eq!(sql[1], "CREATE VIEW s.v AS SELECT NULL::integer AS a");
        assert!(sql[3].starts_with("CREATE OR REPLACE VIEW"), "{sql:?}");
        let dropped = made(&crate::diff::reversed(&created), &[t.clone(), v, f.clone()], &Options::default()).unwrap();
        assert!(dropped[0].starts_with("CREATE OR REPLACE VIEW s.v AS SELECT NULL"), "{dropped:?}");
        assert_eq!(dropped[1..], ["DROP ROUTINE s.f()", "DROP VIEW s.v", "DROP TABLE s.t"]);
        let (one, two) = (routine("a", &[routine("b", &[]).id]), routine("b", &[routine("a", &[]).id]));
        let error = made(&[Change::create(one.clone()), Change::create(two)], &[], &Options::default()).unwrap_err();
        assert!(matches!(error, PlanError::Cycle(ids) if ids.contains(&one.id) && ids.len() == 2));
    }

    #[test]
    fn a_view_of_ones_own_is_made_again_around_a_change_of_type_and_a_table_is_not() {
        let (before, after) = (column("t", "a", "integer", false), column("t", "a", "bigint", false));
        let own = view("mine", &["a"], std::slice::from_ref(&before.id));
        let change = [Change::alter(before.clone(), after)];
        let sql = made(&change, &[table("t"), before, own], &Options::default()).unwrap();
        assert_eq!(
            sql,
            ["DROP VIEW s.mine", "ALTER TABLE s.t ALTER COLUMN a TYPE bigint USING a::bigint", "CREATE VIEW s.mine AS\n SELECT 1"]
        );
        let domain = Fact::new(
            FactId::new(Kind::Range, ["s", "r"]),
            crate::model::Range {
                subtype: "integer".into(),
                operator_class: None,
                collation: None,
                canonical: None,
                subtype_diff: None,
                multirange: Qualified::new("s", "m"),
            },
        );
        let other = Fact {
            body: crate::model::Range {
                subtype: "bigint".into(),
                operator_class: None,
                collation: None,
                canonical: None,
                subtype_diff: None,
                multirange: Qualified::new("s", "m"),
            }
            .into(),
            ..domain.clone()
        };
        let user = Fact { depends: vec![domain.id.clone()], ..column("t", "r", "s.r", false) };
        let error = made(&[Change::alter(domain.clone(), other)], &[domain, table("t"), user.clone()], &Options::default()).unwrap_err();
        assert!(error.to_string().contains(&user.id.to_string()), "{error}");
    }

    #[test]
    fn parts_go_with_their_table_and_keys_of_others_before_it() {
        let key = |table: &str, definition: &str, constraint_type| {
            let body = Constraint {
                constraint_type,
                definition: definition.into(),
                not_valid: false,
                inherited: false,
                not_local: false,
                options: Vec::new(),
                tablespace: None,
                clustered: false,
                attached_to: None,
            };
            Fact::new(FactId::new(Kind::Constraint, ["s", table, "k"]), body)
        };
        let primary = key("t", "PRIMARY KEY (a)", ConstraintType::PrimaryKey);
        let foreign =
            Fact { depends: vec![primary.id.clone()], ..key("u", "FOREIGN KEY (t) REFERENCES s.t(a)", ConstraintType::ForeignKey) };
        let dropped: Vec<Change> =
            [table("t"), column("t", "a", "integer", true), primary, foreign].into_iter().map(Change::drop).collect();
        let sql = made(&dropped, &[], &Options::default()).unwrap();
        assert_eq!(sql, ["ALTER TABLE s.u DROP CONSTRAINT k", "DROP TABLE s.t"]);
    }

    #[test]
    fn what_would_be_lost_is_set_aside_where_that_is_asked_for() {
        let options = Options { keep: Some("1".into()), ..Options::default() };
        let (t, id) = (table("t"), column("t", "id", "integer", true));
        let (old, mood) = (column("t", "a", "numeric", false), column("t", "m", "s.mood", false));
        let facts = [t.clone(), id.clone(), old.clone(), mood.clone()];
        let all: Vec<Change> = facts.iter().cloned().map(Change::drop).collect();
        let steps = plan(&all, &Standing::new(facts.to_vec()), &options).unwrap().steps;
        assert_eq!(steps[0].sql, "ALTER TABLE s.t SET SCHEMA accord_kept");
        assert!(steps[1].sql.starts_with("ALTER TABLE accord_kept.t RENAME TO t_"), "{}", steps[1].sql);
        assert!(steps[2].sql.contains(" ALTER COLUMN m TYPE text USING CASE ") && steps[2].rewrites, "{}", steps[2].sql);
        assert!(steps.iter().all(|step| step.losses.is_empty()));
        let kept = steps[1].kept.clone().unwrap().kept;
        assert_eq!(kept.definition, definition(&facts));
        // And back: nothing but the same.
        let back = Options { back: vec![kept], ..Options::default() };
        let created: Vec<Change> = facts.iter().cloned().map(Change::create).collect();
        let sql = made(&created, &[], &back).unwrap();
        assert!(
            sql[1].starts_with("INSERT INTO s.t (id, a, m) OVERRIDING SYSTEM VALUE SELECT k.id, k.a, k.m::s.mood FROM accord_kept.t_"),
            "{sql:?}"
        );
        // A change of type keeps what it makes of each value beside it; without a key, the rest of the row tells it.
        let narrow = Change::alter(old, column("t", "a", "integer", false));
        let made = plan(&[narrow], &Standing::new(facts.to_vec()), &options).unwrap().steps;
        assert_eq!(made[0].sql, "LOCK TABLE ONLY s.t IN ACCESS EXCLUSIVE MODE");
        assert!(
            made[1].sql.contains("ROW(t.id, t.m))) AS content, t.a AS a, (a::integer)::integer AS became FROM ONLY s.t AS t"),
            "{}",
            made[1].sql
        );
        assert!(made[1].scans && made[1].kept.is_some() && made[1].warnings.len() == 1 && made[2].losses.is_empty());
    }

    #[test]
    fn what_is_not_modelled_and_what_lies_is_refused() {
        let odd = Fact::new(FactId::new(Kind::Unmodelled, ["publication", "x"]), Unmodelled {});
        assert!(made(&[Change::create(odd)], &[], &Options::default()).unwrap_err().to_string().contains("not modelled"));
        let lie = Fact { body: Table::default().into(), ..index("i") };
        assert!(made(&[Change::create(lie)], &[], &Options::default()).is_err());
        assert!(made(&[Change::default()], &[], &Options::default()).unwrap().is_empty());
    }
}
