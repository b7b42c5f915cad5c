//! Triggers, policies and rules.

use super::Lock;
use super::order::Action;
use super::scene::{Item, Scene, table_of};
use super::sql::{AlterTable, Alteration, Joined, Role, flag, relation};
use crate::model::{Body, Fact, FactId, Policy, Rule, Trigger};
use std::fmt;

/// Whether CREATE OR REPLACE TRIGGER leads from the one to the other (PostgreSQL 14 and later).
pub(super) fn replaceable(before: &Trigger, after: &Trigger) -> bool {
    before.constraint == after.constraint && (!after.constraint || before.events == after.events && before.action == after.action)
}

struct CreateTrigger<'a> {
    replace: bool,
    id: &'a FactId,
    trigger: &'a Trigger,
}

impl fmt::Display for CreateTrigger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trigger { constraint, events, action, .. } = self.trigger;
        let (replace, constraint) = (flag(self.replace, "OR REPLACE "), flag(*constraint, "CONSTRAINT "));
        write!(f, "CREATE {replace}{constraint}TRIGGER {} {events} ON {} {action}", self.id.name(), relation(self.id))
    }
}

/// The relation that it stands on: a table or a view.
fn stands_on(scene: &Scene, id: &FactId) -> FactId {
    scene.relation(&id.path[0], &id.path[1]).map_or_else(|| table_of(id), |fact| fact.id)
}

fn enable(action: Action, id: &FactId, alteration: Alteration) -> Action {
    let table = table_of(id);
    let statement = AlterTable::all(&table, alteration);
    action.then(id, &statement).locking(statement.lock(), [table])
}

pub(super) fn change(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Trigger(trigger) = &fact.body else { return };
            let on = stands_on(scene, &fact.id);
            let mut action = Action::new(76, &fact.id, CreateTrigger { replace: false, id: &fact.id, trigger })
                .locking(Lock::ShareRowExclusive, [on])
                .making(fact);
            if trigger.enabled.is_some() {
                action = enable(action, &fact.id, Alteration::Trigger(fact.id.name(), trigger.enabled.as_deref()));
            }
            out.push(action);
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let sql = format!("DROP TRIGGER {} ON {}", fact.id.name(), relation(&fact.id));
            out.push(Action::new(11, old, sql).locking(Lock::AccessExclusive, [table_of(old)]).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let (Body::Trigger(before), Body::Trigger(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            let mut action = Action { rank: 76, ..Action::default() };
            let replaced = before.events != after.events || before.action != after.action;
            if replaced {
                action = action
                    .then(&now.id, CreateTrigger { replace: true, id: &now.id, trigger: after })
                    .locking(Lock::ShareRowExclusive, [table_of(old)]);
            }
            // A replaced trigger fires as usual again.
            if before.enabled != after.enabled || replaced && after.enabled.is_some() {
                action = enable(action, &now.id, Alteration::Trigger(now.id.name(), after.enabled.as_deref()));
            }
            if !action.steps.is_empty() {
                out.push(action.altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

/// Whether ALTER POLICY leads from the one to the other.
pub(super) fn policy_alterable(before: &Policy, after: &Policy) -> bool {
    before.restrictive == after.restrictive
        && before.command == after.command
        && (before.using.is_none() || after.using.is_some())
        && (before.check.is_none() || after.check.is_some())
}

struct PolicyClauses<'a> {
    roles: Option<&'a Policy>,
    using: Option<&'a str>,
    check: Option<&'a str>,
}

impl fmt::Display for PolicyClauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(policy) = self.roles {
            let roles: Vec<Role> = policy.roles.iter().map(Role).collect();
            if roles.is_empty() { f.write_str(" TO PUBLIC")? } else { write!(f, " TO {}", Joined(&roles, ", "))? }
        }
        if let Some(using) = self.using {
            write!(f, " USING ({using})")?;
        }
        if let Some(check) = self.check {
            write!(f, " WITH CHECK ({check})")?;
        }
        Ok(())
    }
}

/// A row security policy.
pub(super) fn policy(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Policy(policy) = &fact.body else { return };
            let clauses = PolicyClauses { roles: Some(policy), using: policy.using.as_deref(), check: policy.check.as_deref() };
            let command = match policy.command.as_deref() {
                Some("select") => " FOR SELECT",
                Some("insert") => " FOR INSERT",
                Some("update") => " FOR UPDATE",
                Some("delete") => " FOR DELETE",
                _ => "",
            };
            let sql = format!(
                "CREATE POLICY {} ON {}{}{command}{clauses}",
                fact.id.name(),
                relation(&fact.id),
                flag(policy.restrictive, " AS RESTRICTIVE")
            );
            out.push(Action::new(78, &fact.id, sql).locking(Lock::AccessExclusive, [table_of(&fact.id)]).making(fact));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let sql = format!("DROP POLICY {} ON {}", fact.id.name(), relation(&fact.id));
            out.push(Action::new(11, old, sql).locking(Lock::AccessExclusive, [table_of(old)]).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let (Body::Policy(before), Body::Policy(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            if before == after {
                return;
            }
            let clauses = PolicyClauses {
                roles: (before.roles != after.roles).then_some(after),
                using: after.using.as_deref().filter(|_| before.using != after.using),
                check: after.check.as_deref().filter(|_| before.check != after.check),
            };
            let sql = format!("ALTER POLICY {} ON {}{clauses}", now.id.name(), relation(&now.id));
            out.push(Action::new(78, &now.id, sql).locking(Lock::AccessExclusive, [table_of(old)]).altering(old, was, now));
        }
        (None, None) => {}
    }
}

/// `CREATE RULE …` as `CREATE OR REPLACE RULE …`.
fn or_replace(definition: &str) -> String {
    definition.strip_prefix("CREATE RULE").map_or_else(|| definition.to_owned(), |rest| format!("CREATE OR REPLACE RULE{rest}"))
}

/// A rewrite rule.
pub(super) fn rule(scene: &Scene, item: &Item, out: &mut Vec<Action>) {
    let enable_if = |mut action: Action, fact: &Fact, rule: &Rule, always: bool| {
        if always || rule.enabled.is_some() {
            action = enable(action, &fact.id, Alteration::Rule(fact.id.name(), rule.enabled.as_deref()));
        }
        action
    };
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Rule(rule) = &fact.body else { return };
            let on = stands_on(scene, &fact.id);
            let action = Action::new(74, &fact.id, &rule.definition).locking(Lock::AccessExclusive, [on]).making(fact);
            out.push(enable_if(action, fact, rule, false));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let sql = format!("DROP RULE {} ON {}", fact.id.name(), relation(&fact.id));
            out.push(Action::new(11, old, sql).locking(Lock::AccessExclusive, [table_of(old)]).unmaking(old, fact));
        }
        (Some(was), Some(now)) => {
            let (Body::Rule(before), Body::Rule(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            let mut action = Action { rank: 74, ..Action::default() };
            let changed = before.definition != after.definition;
            if changed {
                action = action.then(&now.id, or_replace(&after.definition)).locking(Lock::AccessExclusive, [table_of(old)]);
            }
            if changed && after.enabled.is_some() || before.enabled != after.enabled {
                action = enable_if(action, now, after, true);
            }
            if !action.steps.is_empty() {
                out.push(action.altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_may_change_but_not_lose_an_expression() {
        let base = Policy { restrictive: false, command: None, roles: vec![], using: Some("true".into()), check: None };
        assert!(policy_alterable(&base, &Policy { check: Some("x".into()), roles: vec!["r".into()], ..base.clone() }));
        assert!(!policy_alterable(&base, &Policy { using: None, ..base.clone() }));
        assert!(!policy_alterable(&base, &Policy { command: Some("select".into()), ..base.clone() }));
    }

    #[test]
    fn rules_are_replaced() {
        assert_eq!(or_replace("CREATE RULE r AS ON INSERT TO s.t DO NOTHING"), "CREATE OR REPLACE RULE r AS ON INSERT TO s.t DO NOTHING");
    }
}
