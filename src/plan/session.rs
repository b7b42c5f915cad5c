//! What decides about commands to come, and therefore comes last and goes first: event triggers and
//! default privileges.

use super::order::Action;
use super::property::keywords;
use super::scene::Item;
use super::sql::{Joined, Role, enabling};
use crate::model::{Body, DefaultPrivilege, EventTrigger, Fact, FactId, Literal, Name};

/// Whether ALTER EVENT TRIGGER leads from the one to the other.
pub(super) fn alterable(before: &EventTrigger, after: &EventTrigger) -> bool {
    before.event == after.event && before.tags == after.tags && before.function == after.function
}

fn create(id: &FactId, trigger: &EventTrigger) -> String {
    let EventTrigger { event, tags, function, .. } = trigger;
    let tags: Vec<Literal> = tags.iter().map(|tag| Literal(tag)).collect();
    let when = if tags.is_empty() { String::new() } else { format!(" WHEN TAG IN ({})", Joined(&tags, ", ")) };
    format!("CREATE EVENT TRIGGER {} ON {}{when} EXECUTE FUNCTION {function}()", id.name(), Name::from(event.as_str()))
}

/// The last of all steps makes an event trigger and the first takes it away, so that it sees nothing
/// of the plan that it comes or goes with.
pub(super) fn event_trigger(item: &Item, out: &mut Vec<Action>) {
    let enable =
        |fact: &Fact, trigger: &EventTrigger| format!("ALTER EVENT TRIGGER {} {}", fact.id.name(), enabling(trigger.enabled.as_deref()));
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::EventTrigger(trigger) = &fact.body else { return };
            let mut action = Action::new(97, &fact.id, create(&fact.id, trigger)).making(fact);
            if trigger.enabled.is_some() {
                action = action.then(&fact.id, enable(fact, trigger));
            }
            out.push(action);
        }
        (Some(fact), None) => {
            if let Some(old) = &item.old {
                out.push(Action::new(0, old, format_args!("DROP EVENT TRIGGER {}", fact.id.name())).unmaking(old, fact));
            }
        }
        (Some(was), Some(now)) => {
            let (Body::EventTrigger(before), Body::EventTrigger(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            if before.enabled != after.enabled {
                // One that is disabled sees nothing of the plan, one that is enabled neither.
                let rank = if after.enabled.as_deref() == Some("disabled") { 0 } else { 97 };
                out.push(Action::new(rank, &now.id, enable(now, after)).altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

/// What a grantee has where nothing was said: in all schemas what PostgreSQL gives, in one schema nothing.
fn standing(id: &FactId) -> DefaultPrivilege {
    let [role, schema, objects, grantee] = [0, 1, 2, 3].map(|i| id.path[i].as_str());
    let privilege = match (schema, objects) {
        ("", _) if grantee == role => "ALL",
        ("", "functions") if grantee == "PUBLIC" => "EXECUTE",
        ("", "types") if grantee == "PUBLIC" => "USAGE",
        _ => return DefaultPrivilege::default(),
    };
    DefaultPrivilege { privileges: vec![privilege.to_owned()], grantable: Vec::new() }
}

/// One grantee's default privileges.
pub(super) fn default_privilege(item: &Item, out: &mut Vec<Action>) {
    let Some(fact) = item.after.as_ref().or(item.before.as_ref()) else { return };
    let given = |side: &Option<Fact>| match side.as_ref().map(|fact| &fact.body) {
        Some(Body::DefaultPrivilege(privilege)) => privilege.clone(),
        _ => standing(&fact.id),
    };
    let (before, after) = (given(&item.before), given(&item.after));
    if ![&before, &after].iter().all(|grant| keywords(&grant.privileges) && keywords(&grant.grantable)) {
        return;
    }
    let mut statements = statements(&fact.id, &before, &after).into_iter();
    let Some(first) = statements.next() else { return };
    let rank = if item.after.is_some() { 95 } else { 4 };
    let mut action = Action::new(rank, &fact.id, first);
    for sql in statements {
        action = action.then(&fact.id, sql);
    }
    out.push(match (&item.before, &item.after, &item.old) {
        (Some(was), Some(now), Some(old)) => action.altering(old, was, now),
        (Some(was), None, Some(old)) => action.unmaking(old, was),
        _ => action.making(fact),
    });
}

fn statements(id: &FactId, before: &DefaultPrivilege, after: &DefaultPrivilege) -> Vec<String> {
    let schema = if id.path[1].as_str().is_empty() { String::new() } else { format!(" IN SCHEMA {}", id.path[1]) };
    let objects = match id.path[2].as_str() {
        "sequences" => "SEQUENCES",
        "functions" => "FUNCTIONS",
        "types" => "TYPES",
        "schemas" => "SCHEMAS",
        "large objects" => "LARGE OBJECTS",
        _ => "TABLES",
    };
    let mut out = Vec::new();
    let mut say = |verb: &str, list: &[String], preposition: &str, tail: &str| {
        if !list.is_empty() {
            out.push(format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {}{schema} {verb} {} ON {objects} {preposition} {}{tail}",
                id.path[0],
                Joined(list, ", "),
                Role(&id.path[3])
            ));
        }
    };
    let minus = |a: &'_ [String], b: &[String]| -> Vec<String> { a.iter().filter(|p| !b.contains(p)).cloned().collect() };
    let revoked = minus(&before.privileges, &after.privileges);
    let no_longer: Vec<String> = minus(&before.grantable, &after.grantable).into_iter().filter(|p| after.privileges.contains(p)).collect();
    let added: Vec<String> = minus(&minus(&after.privileges, &before.privileges), &after.grantable);
    say("REVOKE", &revoked, "FROM", "");
    say("REVOKE GRANT OPTION FOR", &no_longer, "FROM", "");
    say("GRANT", &added, "TO", "");
    say("GRANT", &minus(&after.grantable, &before.grantable), "TO", " WITH GRANT OPTION");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn change(path: [&str; 4], before: Option<&[&str]>, after: Option<&[&str]>) -> Vec<String> {
        let id = FactId::new(Kind::DefaultPrivilege, path);
        let grant = |list: Option<&[&str]>| match list {
            Some(list) => DefaultPrivilege { privileges: list.iter().map(|p| (*p).to_owned()).collect(), grantable: Vec::new() },
            None => standing(&id),
        };
        statements(&id, &grant(before), &grant(after))
    }

    #[test]
    fn they_start_from_what_postgresql_gives_by_itself() {
        assert_eq!(
            change(["alice", "", "functions", "PUBLIC"], None, Some(&[])),
            ["ALTER DEFAULT PRIVILEGES FOR ROLE alice REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"]
        );
        assert_eq!(
            change(["alice", "", "functions", "PUBLIC"], Some(&[]), None),
            ["ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT EXECUTE ON FUNCTIONS TO PUBLIC"]
        );
        assert_eq!(
            change(["alice", "s", "tables", "Bob"], Some(&["SELECT"]), Some(&["INSERT"])),
            [
                "ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA s REVOKE SELECT ON TABLES FROM \"Bob\"",
                "ALTER DEFAULT PRIVILEGES FOR ROLE alice IN SCHEMA s GRANT INSERT ON TABLES TO \"Bob\""
            ]
        );
        assert_eq!(
            change(["alice", "", "tables", "alice"], None, Some(&["SELECT"])),
            [
                "ALTER DEFAULT PRIVILEGES FOR ROLE alice REVOKE ALL ON TABLES FROM alice",
                "ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO alice"
            ]
        );
    }
}
