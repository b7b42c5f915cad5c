//! What nobody but the extension's owner is shown: the options of user mappings, which hold passwords.
//!
//! PostgreSQL shows them to superusers and to those who may use the mapping. Here they are facts like
//! any others, because a plan that could not write them could not make a mapping. So they stand in
//! the ledger's tables, which only the owner reads, and everything that others read goes through here:
//! models, events, reverse DDL, and what a replica answers. Statements that carry passwords are masked
//! before they are recorded at all. No projection holds user mappings but one that names them.

#![forbid(unsafe_code)]

use crate::model::{Body, Fact, Kind};
use crate::plan::Step;
use crate::plan::lexer::{Token, scan};
use serde_json::{Map, Value};

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Whether a command's statement can hold a password.
pub fn is_secret_command(tag: &str) -> bool {
    tag.ends_with(" USER MAPPING") || tag.ends_with(" SUBSCRIPTION")
}

/// A statement without its string constants. One whose quotes do not close keeps nothing after the first.
pub fn mask_strings(sql: &str) -> String {
    let (tokens, closed) = scan(sql);
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    for (token, start, end) in tokens {
        if matches!(token, Token::Text(_)) {
            out.push_str(&sql[at..start]);
            out.push_str("'***'");
            at = end;
            if !closed {
                return out;
            }
        }
    }
    out.push_str(&sql[at..]);
    out
}

/// The fact as others may see it.
pub fn masked(fact: &Fact) -> Fact {
    let mut fact = fact.clone();
    if let Body::UserMapping(mapping) = &mut fact.body {
        mapping.options.values_mut().for_each(|value| MASK.clone_into(value));
    }
    fact
}

/// Masks every fact in a document, wherever it stands.
pub fn mask_document(document: &mut Value) {
    match document {
        Value::Array(list) => list.iter_mut().for_each(mask_document),
        Value::Object(map) => {
            if map.get("kind").is_some_and(|kind| kind == "user_mapping")
                && let Some(Value::Object(attributes)) = map.get_mut("attributes")
            {
                mask_mapping(attributes);
            }
            map.values_mut().for_each(mask_document);
        }
        _ => {}
    }
}

/// Masks the options among a user mapping's attributes.
pub fn mask_mapping(attributes: &mut Map<String, Value>) {
    if let Some(Value::Object(options)) = attributes.get_mut("options") {
        options.values_mut().for_each(|value| *value = MASK.into());
    }
}

/// Masks the statements about user mappings, which are for show: what runs is planned again.
pub fn mask_steps(steps: &mut [Step]) {
    for step in steps.iter_mut().filter(|step| step.facts.iter().any(|id| id.kind == Kind::UserMapping)) {
        step.sql = mask_strings(&step.sql);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FactId, UserMapping};
    use serde_json::json;

    #[test]
    fn statements_lose_their_strings() {
        for (sql, masked) in [
            (
                "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'b', password 'it''s')",
                "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user '***', password '***')",
            ),
            ("CREATE SUBSCRIPTION x CONNECTION E'a\\'b' PUBLICATION p", "CREATE SUBSCRIPTION x CONNECTION '***' PUBLICATION p"),
            ("SELECT $a$secret$a$, 1", "SELECT '***', 1"),
            (
                "ALTER USER MAPPING FOR \"x'y\" SERVER s OPTIONS (SET password 'open",
                "ALTER USER MAPPING FOR \"x'y\" SERVER s OPTIONS (SET password '***'",
            ),
            ("", ""),
        ] {
            assert_eq!(mask_strings(sql), masked);
        }
        assert!(is_secret_command("ALTER USER MAPPING") && is_secret_command("CREATE SUBSCRIPTION") && !is_secret_command("CREATE TABLE"));
    }

    #[test]
    fn a_mapping_is_masked_in_any_document() {
        let options = [("password".to_owned(), "tops3cret".to_owned())].into();
        let fact = Fact::new(FactId::new(Kind::UserMapping, ["s", "bob"]), UserMapping { options });
        let mut document = json!([{"before": null, "after": fact, "nested": [{"facts": [fact]}]}]);
        assert_eq!(document.to_string().matches("tops3cret").count(), 2);
        mask_document(&mut document);
        assert!(!document.to_string().contains("tops3cret") && document.to_string().contains("password"));
        assert!(!serde_json::to_string(&masked(&fact)).unwrap().contains("tops3cret"));
    }
}
