//! Foreign-data wrappers, servers, user mappings. Foreign tables are tables.

use super::order::Action;
use super::scene::Item;
use super::sql::{GenericOptions, Maybe, OptionsChange, Role};
use crate::model::{Body, Fact, FactId, ForeignDataWrapper, ForeignOptions, Kind, Literal, Qualified, Server};

/// ` OPTIONS (…)` that leads from the one to the other, or nothing.
fn options(before: &ForeignOptions, after: &ForeignOptions) -> String {
    let change = OptionsChange { before, after };
    if change.is_empty() { String::new() } else { format!(" OPTIONS ({change})") }
}

pub(super) fn wrapper(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::ForeignDataWrapper(ForeignDataWrapper { handler, validator, options }) = &fact.body else { return };
            let (handler, validator) = (Maybe(" HANDLER ", handler.as_ref()), Maybe(" VALIDATOR ", validator.as_ref()));
            let sql = format!("CREATE FOREIGN DATA WRAPPER {}{handler}{validator}{}", fact.id.name(), GenericOptions(options));
            out.push(Action::new(31, &fact.id, sql).making(fact));
        }
        (Some(fact), None) => drop("FOREIGN DATA WRAPPER", 24, item, fact, out),
        (Some(was), Some(now)) => {
            let (Body::ForeignDataWrapper(before), Body::ForeignDataWrapper(after), Some(old)) = (&was.body, &now.body, &item.old) else {
                return;
            };
            let function = |word: &str, before: &Option<Qualified>, after: &Option<Qualified>| match after {
                _ if before == after => String::new(),
                Some(name) => format!(" {word} {name}"),
                None => format!(" NO {word}"),
            };
            let clauses = [
                function("HANDLER", &before.handler, &after.handler),
                function("VALIDATOR", &before.validator, &after.validator),
                options(&before.options, &after.options),
            ]
            .concat();
            alter("FOREIGN DATA WRAPPER", 31, old, was, now, &clauses, out);
        }
        (None, None) => {}
    }
}

/// Whether ALTER SERVER leads from the one to the other.
pub(super) fn alterable(before: &Server, after: &Server) -> bool {
    before.wrapper == after.wrapper && before.server_type == after.server_type
}

pub(super) fn server(item: &Item, out: &mut Vec<Action>) {
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::Server(Server { wrapper, server_type, version, options }) = &fact.body else { return };
            let server_type = Maybe(" TYPE ", server_type.as_deref().map(Literal));
            let version = Maybe(" VERSION ", version.as_deref().map(Literal));
            let sql =
                format!("CREATE SERVER {}{server_type}{version} FOREIGN DATA WRAPPER {wrapper}{}", fact.id.name(), GenericOptions(options));
            let needed = FactId::new(Kind::ForeignDataWrapper, [wrapper.clone()]);
            out.push(Action::new(32, &fact.id, sql).making(fact).needing([needed]));
        }
        (Some(fact), None) => drop("SERVER", 23, item, fact, out),
        (Some(was), Some(now)) => {
            let (Body::Server(before), Body::Server(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            let version = match after.version.as_deref() {
                version if before.version.as_deref() == version => String::new(),
                Some(version) => format!(" VERSION {}", Literal(version)),
                None => " VERSION NULL".to_owned(),
            };
            alter("SERVER", 32, old, was, now, &format!("{version}{}", options(&before.options, &after.options)), out);
        }
        (None, None) => {}
    }
}

pub(super) fn mapping(item: &Item, out: &mut Vec<Action>) {
    let Some(fact) = item.after.as_ref().or(item.before.as_ref()) else { return };
    let on = format!("USER MAPPING FOR {} SERVER {}", Role(fact.id.name()), fact.id.path[0]);
    match (&item.before, &item.after) {
        (None, Some(fact)) => {
            let Body::UserMapping(mapping) = &fact.body else { return };
            let server = FactId::new(Kind::Server, [fact.id.path[0].clone()]);
            let sql = format!("CREATE {on}{}", GenericOptions(&mapping.options));
            out.push(Action::new(33, &fact.id, sql).making(fact).needing([server]));
        }
        (Some(fact), None) => {
            let Some(old) = &item.old else { return };
            let server = FactId::new(Kind::Server, [old.path[0].clone()]);
            out.push(Action::new(20, old, format_args!("DROP {on}")).unmaking(old, fact).letting_go([server]));
        }
        (Some(was), Some(now)) => {
            let (Body::UserMapping(before), Body::UserMapping(after), Some(old)) = (&was.body, &now.body, &item.old) else { return };
            let clauses = options(&before.options, &after.options);
            if !clauses.is_empty() {
                out.push(Action::new(33, &now.id, format_args!("ALTER {on}{clauses}")).altering(old, was, now));
            }
        }
        (None, None) => {}
    }
}

fn drop(word: &str, rank: u8, item: &Item, fact: &Fact, out: &mut Vec<Action>) {
    if let Some(old) = &item.old {
        let mut action = Action::new(rank, old, format_args!("DROP {word} {}", fact.id.name())).unmaking(old, fact);
        if let Body::Server(server) = &fact.body {
            action = action.letting_go([FactId::new(Kind::ForeignDataWrapper, [server.wrapper.clone()])]);
        }
        out.push(action);
    }
}

fn alter(word: &str, rank: u8, old: &FactId, was: &Fact, now: &Fact, clauses: &str, out: &mut Vec<Action>) {
    if !clauses.is_empty() {
        out.push(Action::new(rank, &now.id, format_args!("ALTER {word} {}{clauses}", now.id.name())).altering(old, was, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_added_set_and_dropped() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<ForeignOptions>();
        let (before, after) = (map(&[("a", "1"), ("b", "2"), ("c", "3")]), map(&[("b", "it's"), ("c", "3"), ("D d", "x")]));
        assert_eq!(options(&before, &after), " OPTIONS (DROP a, ADD \"D d\" 'x', SET b 'it''s')");
        assert_eq!(options(&before, &before), "");
        assert_eq!(GenericOptions(&map(&[("user", "x\\y")])).to_string(), " OPTIONS (\"user\" E'x\\\\y')");
    }
}
