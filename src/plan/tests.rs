//! Plans of small models, step by step.

use super::*;
use crate::model::{
    Column, ColumnSettings, Constraint, ConstraintType, Default as ColumnDefault, Identity, Index, Qualified, Routine, SequenceOptions,
    Table, Unmodelled, View, ViewColumn,
};
use std::collections::BTreeMap;

fn table(name: &str) -> Fact {
    Fact::new(FactId::new(Kind::Table, ["s", name]), Table::default())
}
fn column(table: &str, name: &str, data_type: &str, not_null: bool) -> Fact {
    let column = Column { not_null, ..Column::new(data_type) };
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
    let body = Routine::sql("", "integer", "SELECT 1");
    Fact { depends: depends.to_vec(), ..Fact::new(FactId::new(Kind::Routine, ["s", name, ""]), body) }
}
fn index(name: &str) -> Fact {
    let index = Index::new("t", "USING btree (a)");
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
    let changes =
        |not_null| [Change::create(column("t", "a", "double precision", not_null)), Change::create(default("t", "a", "random()", true))];
    let standing = Standing::new([table("t")]);
    let made = plan(&changes(false), &standing, &populated()).unwrap();
    assert_eq!(made.steps[0].sql, "ALTER TABLE s.t ADD COLUMN a double precision");
    assert!(!made.steps[0].rewrites && made.steps[0].warnings.len() == 1);
    assert_eq!(made.steps[1].sql, "ALTER TABLE s.t ALTER COLUMN a SET DEFAULT random()");
    assert!(matches!(plan(&changes(true), &standing, &populated()), Err(PlanError::Impossible { .. })));
    let empty = plan(&changes(true), &standing, &Options::default()).unwrap();
    assert_eq!(empty.steps[0].sql, "ALTER TABLE s.t ADD COLUMN a double precision DEFAULT random() NOT NULL");
    assert!(empty.steps[0].rewrites);
    let options = SequenceOptions { data_type: "integer".into(), start: 1, increment: 1, minimum: 1, maximum: 9, cache: 1, cycle: false };
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
    assert_eq!(sql, ["DROP VIEW s.mine", "ALTER TABLE s.t ALTER COLUMN a TYPE bigint USING a::bigint", "CREATE VIEW s.mine AS\n SELECT 1"]);
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
        let body = Constraint::new(constraint_type, definition);
        Fact::new(FactId::new(Kind::Constraint, ["s", table, "k"]), body)
    };
    let primary = key("t", "PRIMARY KEY (a)", ConstraintType::PrimaryKey);
    let foreign = Fact { depends: vec![primary.id.clone()], ..key("u", "FOREIGN KEY (t) REFERENCES s.t(a)", ConstraintType::ForeignKey) };
    let dropped: Vec<Change> = [table("t"), column("t", "a", "integer", true), primary, foreign].into_iter().map(Change::drop).collect();
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

/// From 18 on a NOT NULL is a constraint with a name, and keys and identities let it not be dropped.
#[test]
fn a_not_null_that_goes_by_another_name_is_renamed() {
    let not_null = |name: &str, column: &str| {
        let body = Constraint::new(ConstraintType::NotNull, format!("NOT NULL {column}"));
        Fact::new(FactId::new(Kind::Constraint, ["s", "t", name]), body)
    };
    let standing = [table("t"), column("t", "a", "integer", true), column("t", "b", "integer", true)];
    let renamed = [Change::create(not_null("now", "a")), Change::drop(not_null("then", "a"))];
    assert_eq!(made(&renamed, &standing, &Options::default()).unwrap(), ["ALTER TABLE s.t RENAME CONSTRAINT \"then\" TO now"]);
    // Of another column it is another one.
    let another = [Change::create(not_null("now", "b")), Change::drop(not_null("then", "a"))];
    assert_eq!(made(&another, &standing, &Options::default()).unwrap().len(), 2);
}

#[test]
fn a_virtual_column_sheds_its_expression_with_itself() {
    let mut computed = default("t", "a", "(b * 2)", false);
    computed.body = ColumnDefault { expression: "(b * 2)".into(), generated: Some("virtual".into()) }.into();
    let standing = [table("t"), column("t", "a", "integer", false), column("t", "b", "integer", false), computed.clone()];
    let options = Options { major: 18, ..Options::default() };
    let again = ["ALTER TABLE ONLY s.t DROP COLUMN a", "ALTER TABLE s.t ADD COLUMN a integer"];
    assert_eq!(made(&[Change::drop(computed.clone())], &standing, &options).unwrap(), again);
    let plain = made(&[Change::alter(computed, default("t", "a", "7", false))], &standing, &options).unwrap();
    assert_eq!(plain, ["ALTER TABLE ONLY s.t DROP COLUMN a", "ALTER TABLE s.t ADD COLUMN a integer DEFAULT 7"]);
}
