//! Lock-friendly forms: what reads a whole table does so while others write to it.
//!
//! A plan with these forms is meant to be carried out step by step, each in a transaction of its own;
//! within one transaction the locks of all steps would add up. What a failing step leaves behind, its
//! compensation clears away.

use super::Lock;
use super::constraint::enforced;
use super::index::{self, stands_on};
use super::lexer::{find_word, spans};
use super::order::Action;
use super::scene::{Scene, table_of};
use super::sql::{AlterTable, Alteration, OrderedSettings, relation, settings};
use crate::model::{Body, Comment, Constraint, ConstraintType, Fact, FactId, Index, Kind, Literal, Name, Qualified};

/// A name that nobody has, the same in every run.
fn aside(what: &str, id: &FactId) -> Name {
    let hash = blake3::hash(id.to_string().as_bytes()).to_hex();
    Name::new(format!("accord_{what}_{}", &hash[..12]))
}

/// Whether a constraint is added without being checked, and checked afterwards.
pub(super) fn validates_later(scene: &Scene, table: &FactId, constraint: &Constraint) -> bool {
    scene.options.online
        && !constraint.not_valid
        && enforced(constraint)
        && !scene.creates(table)
        && match constraint.constraint_type {
            ConstraintType::Check | ConstraintType::NotNull => true,
            // Before PostgreSQL 18 no foreign key of a partitioned table can be NOT VALID.
            ConstraintType::ForeignKey => !scene.partitioned(table),
            _ => false,
        }
}

/// ADD CONSTRAINT … NOT VALID, VALIDATE CONSTRAINT.
pub(super) fn add_and_validate(id: &FactId, rank: u8, definition: &str, constraint: &Constraint, locks: Vec<FactId>, only: bool) -> Action {
    let (table, name) = (table_of(id), id.name());
    let foreign = constraint.constraint_type == ConstraintType::ForeignKey;
    let add = AlterTable {
        only,
        table: relation(&table),
        actions: vec![Alteration::AddConstraint { name, definition, not_valid: true, foreign }],
    };
    let validate = AlterTable { only, table: relation(&table), actions: vec![Alteration::ValidateConstraint(name)] };
    let action = Action::new(rank, id, &add).locking(add.lock(), locks.clone());
    let mut action = action.then(id, &validate).locking(validate.lock(), locks).scanning(true);
    action.last().compensation = Some(drop_constraint(&table, name, only));
    action
}

fn drop_constraint(table: &FactId, name: &Name, only: bool) -> String {
    format!("ALTER TABLE {}{} DROP CONSTRAINT IF EXISTS {name}", if only { "ONLY " } else { "" }, relation(table))
}

/// A key as the unique index that it is made from: what follows the table's name, and the deferral.
fn key_index(constraint: &Constraint) -> Option<(&'static str, String, &str)> {
    let text = constraint.definition.as_str();
    let deferral = find_word(text, &["deferrable", "initially"]).unwrap_or(text.len());
    let (head, tail) = (text[..deferral].trim_end(), &text[deferral..]);
    if find_word(head, &["with", "using"]).is_some() {
        return None;
    }
    let (word, rest) = match constraint.constraint_type {
        ConstraintType::PrimaryKey => ("PRIMARY KEY", head.strip_prefix("PRIMARY KEY")?),
        ConstraintType::Unique => ("UNIQUE", head.strip_prefix("UNIQUE")?),
        _ => return None,
    };
    let tokens = spans(rest);
    if tokens.iter().any(|(token, ..)| token.is_word("without") || token.is_word("period")) {
        return None;
    }
    let open = tokens.iter().find(|(token, ..)| token.is_symbol("("))?.1;
    let (nulls, columns) = (rest[..open].trim(), rest[open..].trim());
    let options = settings(&constraint.options);
    let mut index = columns.to_owned();
    if !nulls.is_empty() {
        index.push_str(" NULLS NOT DISTINCT");
    }
    if !options.is_empty() {
        index.push_str(&format!(" WITH ({})", OrderedSettings(&options)));
    }
    if let Some(space) = &constraint.tablespace {
        index.push_str(&format!(" TABLESPACE {space}"));
    }
    Some((word, index, tail))
}

/// A unique or primary key of a table that stands: its index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.
pub(super) fn key(scene: &Scene, id: &FactId, rank: u8, constraint: &Constraint) -> Option<Action> {
    let table = table_of(id);
    if !scene.options.online || scene.creates(&table) || scene.partitioned(id) {
        return None;
    }
    // From 18 on, this form makes a NOT NULL that only the parents brought the table's own for good.
    let primary = constraint.constraint_type == ConstraintType::PrimaryKey;
    if primary && scene.options.major >= 18 && !scene.parents(&table).is_empty() {
        return None;
    }
    let (word, index, deferral) = key_index(constraint)?;
    let name = id.name();
    let index_name = Qualified::new(id.path[0].clone(), name.clone());
    let build = format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {} {index}", relation(&table));
    let definition = format!("{word} USING INDEX {name}{}{deferral}", if deferral.is_empty() { "" } else { " " });
    let add = AlterTable {
        only: true,
        table: relation(&table),
        actions: vec![Alteration::AddConstraint { name, definition: &definition, not_valid: false, foreign: false }],
    };
    let mut action = Action::new(rank, id, build).locking(Lock::ShareUpdateExclusive, [table.clone()]).scanning(true);
    action.last().outside_transaction = true;
    action.last().compensation = Some(format!("DROP INDEX CONCURRENTLY IF EXISTS {index_name}"));
    let mut action = action.then(id, &add).locking(Lock::AccessExclusive, [table]);
    action.last().compensation = Some(format!("DROP INDEX IF EXISTS {index_name}"));
    Some(action)
}

/// SET NOT NULL, which finds a validated CHECK and so need not read the table.
pub(super) fn set_not_null(column: &FactId, old_table: &FactId, only: bool) -> Action {
    let (table, name) = (table_of(column), column.name());
    let proof = aside("not_null", column);
    // A table's children have proofs of their own; a partitioned table's are made with it.
    let definition = format!("CHECK (({name} IS NOT NULL)){}", if only { " NO INHERIT" } else { "" });
    let statement = |alteration| AlterTable { only, table: relation(&table), actions: vec![alteration] };
    let add = statement(Alteration::AddConstraint { name: &proof, definition: &definition, not_valid: true, foreign: false });
    let validate = statement(Alteration::ValidateConstraint(&proof));
    let set = statement(Alteration::SetNotNull(name));
    let drop = statement(Alteration::DropConstraint(&proof));
    let mut action = Action::new(44, column, &add).locking(add.lock(), [old_table.clone()]);
    for (statement, scans) in [(&validate, true), (&set, false), (&drop, false)] {
        action = action.then(column, statement).locking(statement.lock(), [old_table.clone()]).scanning(scans);
        action.last().compensation = Some(drop_constraint(&table, &proof, only));
    }
    action
}

/// Whether an index whose definition changes is built anew beside the old one and takes its place.
pub(super) fn swaps(scene: &Scene, old: &FactId, before: &Fact, after: &Fact) -> bool {
    let (Body::Index(was), Body::Index(is)) = (&before.body, &after.body) else { return false };
    let whole = |index: &Index| !index.partitioned && index.attached_to.is_none();
    let identity = |name: &Name| format!("index {name}", name = name.as_str());
    let replica_identity = || {
        let table = scene.table(&FactId::new(Kind::Table, [after.id.path[0].clone(), is.table.clone()]));
        table.and_then(|table| table.replica_identity).is_some_and(|how| how == identity(after.id.name()))
    };
    scene.options.online
        && was.table == is.table
        && whole(was)
        && whole(is)
        && !index::alterable(was, is)
        && !scene.creates(&stands_on(scene, &after.id, is))
        && !replica_identity()
        && scene.around.dependents(old).iter().all(|user| user.id.of.is_some())
}

/// Builds the new index under a name of its own, swaps the names, drops the old one.
pub(super) fn swap(scene: &Scene, old: &FactId, was: &Fact, now: &Fact, after: &Index) -> Action {
    let (id, on) = (&now.id, stands_on(scene, &now.id, after));
    let in_schema = |name: Name| FactId::new(Kind::Index, [id.path[0].clone(), name]);
    let (fresh, stale) = (in_schema(aside("new", id)), in_schema(aside("old", id)));
    let light = |action: Action| action.locking(Lock::ShareUpdateExclusive, [on.clone()]);
    let mut action = light(Action::new(57, id, index::create_sql(&fresh, after, true))).scanning(true);
    action.last().outside_transaction = true;
    action.last().compensation = Some(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", relation(&fresh)));
    for (column, target) in &after.statistics {
        action = light(action.then(id, index::statistics(&fresh, *column, *target)));
    }
    action = light(action.then(id, format_args!("ALTER INDEX {} RENAME TO {}", relation(id), stale.name())));
    action = light(action.then(id, format_args!("ALTER INDEX {} RENAME TO {}", relation(&fresh), id.name())));
    action.last().compensation = Some(format!("ALTER INDEX IF EXISTS {} RENAME TO {}", relation(&stale), id.name()));
    if after.clustered {
        action = light(action.then(id, index::cluster(&on, Alteration::ClusterOn(id.name()))));
    }
    // What is said of the old one is said of the new one.
    let comment = old.property(Kind::Comment);
    if scene.item_of(&comment).is_none()
        && let Some(Fact { body: Body::Comment(Comment { text }), .. }) = scene.around.get(&comment)
    {
        action = action.then(id, format_args!("COMMENT ON INDEX {} IS {}", relation(id), Literal(&text)));
    }
    action = light(action.then(id, format_args!("DROP INDEX CONCURRENTLY {}", relation(&stale))));
    action.last().outside_transaction = true;
    action.last().compensation = Some(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", relation(&stale)));
    action.altering(old, was, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(constraint_type: ConstraintType, definition: &str) -> Constraint {
        Constraint::new(constraint_type, definition)
    }
    fn sql(action: &Action) -> Vec<&str> {
        action.steps.iter().map(|step| step.sql.as_str()).collect()
    }

    #[test]
    fn a_key_is_the_index_that_it_is_made_from() {
        let shown = |text: &str, kind| {
            let constraint = constraint(kind, text);
            key_index(&constraint).map(|(word, index, deferral)| format!("{word} | {index} | {deferral}"))
        };
        assert_eq!(shown("PRIMARY KEY (a, b)", ConstraintType::PrimaryKey).unwrap(), "PRIMARY KEY | (a, b) | ");
        assert_eq!(
            shown("UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) DEFERRABLE INITIALLY DEFERRED", ConstraintType::Unique).unwrap(),
            "UNIQUE | (a) INCLUDE (b) NULLS NOT DISTINCT | DEFERRABLE INITIALLY DEFERRED"
        );
        assert_eq!(shown("PRIMARY KEY (id, at WITHOUT OVERLAPS)", ConstraintType::PrimaryKey), None);
        assert_eq!(shown("EXCLUDE USING gist (a WITH =)", ConstraintType::Exclusion), None);
        let mut packed = constraint(ConstraintType::Unique, "UNIQUE (a)");
        packed.options = vec!["fillfactor=70".into()];
        packed.tablespace = Some("fast".into());
        assert_eq!(key_index(&packed).unwrap().1, "(a) WITH (fillfactor='70') TABLESPACE fast");
    }

    #[test]
    fn not_null_is_proved_before_it_is_set() {
        let column = FactId::new(Kind::Column, ["s", "t", "Total"]);
        let action = set_not_null(&column, &table_of(&column), true);
        let proof = aside("not_null", &column);
        assert_eq!(
            sql(&action),
            [
                format!("ALTER TABLE ONLY s.t ADD CONSTRAINT {proof} CHECK ((\"Total\" IS NOT NULL)) NO INHERIT NOT VALID"),
                format!("ALTER TABLE ONLY s.t VALIDATE CONSTRAINT {proof}"),
                "ALTER TABLE ONLY s.t ALTER COLUMN \"Total\" SET NOT NULL".to_owned(),
                format!("ALTER TABLE ONLY s.t DROP CONSTRAINT {proof}"),
            ]
        );
        assert_eq!(action.steps.iter().map(|step| step.scans).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(action.steps[1].lock, Lock::ShareUpdateExclusive);
        assert!(action.steps[1].compensation.as_ref().unwrap().contains("DROP CONSTRAINT IF EXISTS"));
    }

    #[test]
    fn what_is_not_yet_valid_is_validated_under_a_light_lock() {
        let foreign = constraint(ConstraintType::ForeignKey, "FOREIGN KEY (a) REFERENCES s.u(id)");
        let id = FactId::new(Kind::Constraint, ["s", "t", "f"]);
        let action = add_and_validate(&id, 65, &foreign.definition, &foreign, vec![table_of(&id)], true);
        assert_eq!(
            sql(&action),
            [
                "ALTER TABLE ONLY s.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u(id) NOT VALID",
                "ALTER TABLE ONLY s.t VALIDATE CONSTRAINT f"
            ]
        );
        assert_eq!((action.steps[0].lock, action.steps[1].lock), (Lock::ShareRowExclusive, Lock::ShareUpdateExclusive));
    }
}
