//! Names that differ from member to member: roles, schemas, tablespaces. PURE.
//!
//! A baseline says `tenant`, a member `tenant_42`. A mapping leads from the baseline's names to the member's;
//! its [`Mapping::inverse`] leads what was read there back, so that all members are compared, hashed and grouped
//! under the baseline's names. `{label}` in a target stands for the member's label.

#![forbid(unsafe_code)]

use super::select::scalar;
use crate::model::{Body, Fact, FactId, Kind, Name};
use crate::plan::lexer::{Token, scan};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// From names to names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Roles.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, String>,
    /// Schemas.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, String>,
    /// Tablespaces.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tablespaces: BTreeMap<String, String>,
}

impl Mapping {
    /// Whether every name stays what it is.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.schemas.is_empty() && self.tablespaces.is_empty()
    }

    /// Another mapping's entries over this one's.
    #[must_use]
    pub fn overlaid(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.roles.extend(other.roles.clone());
        all.schemas.extend(other.schemas.clone());
        all.tablespaces.extend(other.tablespaces.clone());
        all
    }

    /// With a member's labels in the place of `{label}`.
    pub fn resolved(&self, labels: &Map<String, Value>) -> Result<Self, String> {
        let resolve = |names: &BTreeMap<String, String>| -> Result<BTreeMap<String, String>, String> {
            names.iter().map(|(from, to)| Ok((from.clone(), filled(to, labels)?))).collect()
        };
        let resolved = Self { roles: resolve(&self.roles)?, schemas: resolve(&self.schemas)?, tablespaces: resolve(&self.tablespaces)? };
        resolved.check()?;
        Ok(resolved)
    }

    /// Two names may not become one: nothing could be led back.
    pub fn check(&self) -> Result<(), String> {
        for (what, names) in [("role", &self.roles), ("schema", &self.schemas), ("tablespace", &self.tablespaces)] {
            let mut seen = BTreeSet::new();
            if let Some((_, twice)) = names.iter().find(|(_, to)| !seen.insert(to.as_str())) {
                return Err(format!("the mapping leads two {what}s to \"{twice}\""));
            }
            if let Some((from, to)) = names.iter().find(|(from, to)| to.is_empty() || from.is_empty() || to.len() > 63) {
                return Err(format!("the mapping leads {what} \"{from}\" to \"{to}\", which is no name"));
            }
        }
        Ok(())
    }

    /// The way back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let turned = |names: &BTreeMap<String, String>| names.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
        Self { roles: turned(&self.roles), schemas: turned(&self.schemas), tablespaces: turned(&self.tablespaces) }
    }

    /// A fact under the other names.
    pub fn apply(&self, fact: &Fact) -> Result<Fact, serde_json::Error> {
        if self.is_empty() {
            return Ok(fact.clone());
        }
        let mut mapped = fact.clone();
        mapped.id = self.id(&fact.id);
        mapped.depends = fact.depends.iter().map(|id| self.id(id)).collect();
        // Prose and labels are nobody's names.
        if !matches!(fact.id.kind, Kind::Comment | Kind::EnumLabel | Kind::SecurityLabel) {
            let mut attributes = serde_json::to_value(&fact.body)?;
            self.attributes(&mut attributes, "");
            mapped.body = Body::from_json(fact.id.kind, attributes)?;
        }
        Ok(mapped)
    }

    /// An id under the other names.
    #[must_use]
    pub fn id(&self, id: &FactId) -> FactId {
        let carrier = id.of.unwrap_or(id.kind);
        let mut mapped = id.clone();
        let last = id.path.len() - 1;
        let mut path = id.path.to_vec();
        for (i, part) in path.iter_mut().enumerate() {
            let role = match carrier {
                Kind::UserMapping => i == 1,
                Kind::DefaultPrivilege => i == 0 || i == 3,
                _ => false,
            } || id.kind == Kind::Grant && i == last;
            let schema = match carrier {
                Kind::PublicationTable | Kind::PublicationSchema | Kind::DefaultPrivilege => i == 1,
                Kind::Inherit => i == 0 || i == 2,
                Kind::Schema => i == 0,
                kind => kind.in_schema() && i == 0,
            };
            let types = matches!(carrier, Kind::Routine | Kind::Aggregate | Kind::Operator) && i == 2
                || matches!(carrier, Kind::Cast | Kind::Transform) && i < 2;
            if role {
                renamed(part, &self.roles);
            } else if schema {
                renamed(part, &self.schemas);
            } else if types {
                *part = Name::new(self.text(part.as_str()));
            }
        }
        mapped.path = path.into_iter().collect();
        mapped
    }

    fn attributes(&self, value: &mut Value, key: &str) {
        match value {
            Value::String(text) => {
                let names = match key {
                    "role" | "roles" => &self.roles,
                    "tablespace" => &self.tablespaces,
                    "schema" => &self.schemas,
                    _ => {
                        *text = self.text(text);
                        return;
                    }
                };
                if let Some(to) = names.get(text) {
                    text.clone_from(to);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.attributes(value, key)),
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| self.attributes(value, key)),
            _ => {}
        }
    }

    /// Deparsed text: a schema is a word before a dot, in the text itself or at the beginning of a string in it
    /// (`nextval('tenant.orders_id_seq'::regclass)`).
    fn text(&self, text: &str) -> String {
        if self.schemas.is_empty() || !self.schemas.keys().any(|name| text.contains(name.as_str())) {
            return text.to_owned();
        }
        let (tokens, _) = scan(text);
        let (mut out, mut at) = (String::with_capacity(text.len()), 0);
        for (i, (token, start, end)) in tokens.iter().enumerate() {
            let replaced = match token {
                Token::Word(word) => {
                    let dotted = tokens.get(i + 1).is_some_and(|(next, from, _)| next.is_symbol(".") && from == end);
                    let first = i == 0 || !tokens[i - 1].0.is_symbol(".");
                    self.schemas.get(word).filter(|_| dotted && first).map(|to| Name::new(to.clone()).to_string())
                }
                Token::Text(inner) if text[*start..].starts_with('\'') && !inner.contains(['\'', '\\', ' ']) => {
                    let mapped = self.text(inner);
                    (mapped != *inner).then(|| format!("'{mapped}'"))
                }
                _ => None,
            };
            if let Some(replaced) = replaced {
                out.push_str(&text[at..*start]);
                out.push_str(&replaced);
                at = *end;
            }
        }
        out.push_str(&text[at..]);
        out
    }
}

fn renamed(name: &mut Name, names: &BTreeMap<String, String>) {
    if let Some(to) = names.get(name.as_str()) {
        *name = Name::new(to.clone());
    }
}

fn filled(text: &str, labels: &Map<String, Value>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (label, behind) = after.split_once('}').ok_or_else(|| format!("\"{text}\" opens a label and does not close it"))?;
        let value = labels.get(label).ok_or_else(|| format!("\"{text}\" asks for label \"{label}\", which the database has not"))?;
        out.push_str(before);
        out.push_str(&scalar(value));
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping() -> Mapping {
        let document = json!({"roles": {"app": "app_{shard}"}, "schemas": {"tenant": "tenant_{shard}", "Odd": "x y"},
            "tablespaces": {"fast": "nvme"}});
        let mapping: Mapping = serde_json::from_value(document).unwrap();
        mapping.resolved(json!({"shard": 42}).as_object().unwrap()).unwrap()
    }

    fn fact(value: Value) -> Fact {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn facts_change_their_names_and_back() {
        let cases = [
            (
                json!({"kind": "table", "path": ["tenant", "orders"], "attributes": {"tablespace": "fast"}}),
                json!({"kind": "table", "path": ["tenant_42", "orders"], "attributes": {"tablespace": "nvme"}}),
            ),
            (
                json!({"kind": "owner", "of": "table", "path": ["tenant", "orders"], "attributes": {"role": "app"}}),
                json!({"kind": "owner", "of": "table", "path": ["tenant_42", "orders"], "attributes": {"role": "app_42"}}),
            ),
            (
                json!({"kind": "grant", "of": "schema", "path": ["tenant", "app"], "attributes": {"privileges": ["USAGE"]}}),
                json!({"kind": "grant", "of": "schema", "path": ["tenant_42", "app_42"], "attributes": {"privileges": ["USAGE"]}}),
            ),
            (
                json!({"kind": "default", "path": ["tenant", "orders", "tenant"], "attributes": {"expression": "nextval('tenant.q'::regclass) + tenant.f(t.tenant, 'tenant said tenant.x')"}}),
                json!({"kind": "default", "path": ["tenant_42", "orders", "tenant"], "attributes": {"expression": "nextval('tenant_42.q'::regclass) + tenant_42.f(t.tenant, 'tenant said tenant.x')"}}),
            ),
            (
                json!({"kind": "default", "path": ["Odd", "t", "c"], "attributes": {"expression": "\"Odd\".f()"}}),
                json!({"kind": "default", "path": ["x y", "t", "c"], "attributes": {"expression": "\"x y\".f()"}}),
            ),
            (
                json!({"kind": "comment", "of": "schema", "path": ["tenant"], "attributes": {"text": "tenant.x"}}),
                json!({"kind": "comment", "of": "schema", "path": ["tenant_42"], "attributes": {"text": "tenant.x"}}),
            ),
            (
                json!({"kind": "inherit", "path": ["public", "a", "tenant", "b"], "attributes": {"rank": 1}}),
                json!({"kind": "inherit", "path": ["public", "a", "tenant_42", "b"], "attributes": {"rank": 1}}),
            ),
        ];
        let mapping = mapping();
        for (ours, theirs) in cases {
            let (ours, theirs) = (fact(ours), fact(theirs));
            assert_eq!(mapping.apply(&ours).unwrap(), theirs);
            assert_eq!(mapping.inverse().apply(&theirs).unwrap(), ours);
        }
    }

    #[test]
    fn what_cannot_be_led_back_is_refused() {
        let labels = json!({"a": 1});
        let labels = labels.as_object().unwrap();
        let read = |document: Value| serde_json::from_value::<Mapping>(document).unwrap().resolved(labels);
        assert!(read(json!({"schemas": {"a": "x", "b": "x"}})).unwrap_err().contains("two schemas"));
        assert!(read(json!({"schemas": {"a": "x{b}"}})).unwrap_err().contains("label \"b\""));
        assert!(read(json!({"roles": {"a": "{a"}})).unwrap_err().contains("close"));
        assert!(read(json!({"roles": {"a": ""}})).unwrap_err().contains("no name"));
    }
}
