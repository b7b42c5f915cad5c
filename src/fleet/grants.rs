//! Copies of grants from one database to another under other roles. PURE.
//!
//! What a role was granted on an object at the source, the role that it is led to is granted on the object of the same
//! name at the target, no more and no less; additive, no less. Objects that only one of them has are not touched.

#![forbid(unsafe_code)]

use super::mapping::Mapping;
use super::scope::Part;
use crate::model::{Body, Fact, FactId, Grant, Kind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is copied, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Copying {
    /// From the source's roles to the targets'.
    pub roles: BTreeMap<String, String>,
    /// Nothing is revoked.
    pub additive: bool,
    /// Owners as well.
    pub owners: bool,
    /// What the target has no object for is left out; otherwise it is an error.
    pub skip: bool,
}

impl Copying {
    /// Whether it can be done; the error says why not.
    pub fn check(&self) -> Result<(), String> {
        if self.roles.is_empty() {
            return Err("no role is named".to_owned());
        }
        if let Some((from, to)) = self.roles.iter().find(|(from, to)| (*from == "PUBLIC") != (*to == "PUBLIC")) {
            return Err(format!("\"{from}\" cannot become \"{to}\": everybody stays everybody"));
        }
        self.mapping().check()
    }

    fn mapping(&self) -> Mapping {
        Mapping { roles: self.roles.clone(), ..Mapping::default() }
    }

    fn names(&self, role: &str, there: bool) -> bool {
        if there { self.roles.values().any(|to| to == role) } else { self.roles.contains_key(role) }
    }

    /// Whether a fact of the source (or of a target) is what is copied (or takes its place).
    fn copies(&self, fact: &Fact, there: bool, owners: &BTreeMap<FactId, String>) -> bool {
        let path = &fact.id.path;
        match &fact.body {
            // What an owner has by being it is not granted.
            Body::Grant(_) => {
                let grantee = fact.id.name().as_str();
                self.names(grantee, there) && fact.id.target().and_then(|target| owners.get(&target).cloned()).as_deref() != Some(grantee)
            }
            Body::DefaultPrivilege(_) => self.names(path[0].as_str(), there) && self.names(path[3].as_str(), there),
            Body::Owner(owner) => self.owners && self.names(owner.role.as_str(), there),
            _ => false,
        }
    }

    /// The target's facts as they are to be, and which of them are others than before. Both sides are looked at as far as
    /// they lie in one of the parts; no part: as a whole.
    pub fn after(&self, source: &[Fact], target: &[Fact], parts: &[Part]) -> Result<(Vec<Fact>, BTreeSet<FactId>), String> {
        let within = |fact: &Fact| parts.is_empty() || parts.iter().any(|part| part.holds(fact));
        let mapping = self.mapping();
        let (own, other) = (owners(target), owners(source));
        let objects: BTreeSet<&FactId> = target.iter().map(|fact| &fact.id).collect();
        let known: BTreeSet<&FactId> = source.iter().map(|fact| &fact.id).collect();
        let mut wanted: BTreeMap<FactId, Fact> = BTreeMap::new();
        for fact in source.iter().filter(|fact| self.copies(fact, false, &other) && within(fact)) {
            if let Some(object) = fact.id.target().filter(|object| known.contains(object) && !objects.contains(object)) {
                if self.skip {
                    continue;
                }
                return Err(format!("{object} is not there, on which {} is", fact.id));
            }
            let mapped = mapping.apply(fact).map_err(|error| format!("{}: {error}", fact.id))?;
            // Whoever owns the object there has everything already.
            let grantee = mapped.id.name().as_str();
            let owned = matches!(mapped.body, Body::Grant(_))
                && mapped.id.target().and_then(|object| own.get(&object)).is_some_and(|owner| owner == grantee);
            if !owned && within(&mapped) {
                wanted.insert(mapped.id.clone(), Fact { key: None, root: None, ..mapped });
            }
        }
        let mut after: BTreeMap<FactId, Fact> =
            target.iter().map(|fact| (fact.id.clone(), Fact { key: None, root: None, ..fact.clone() })).collect();
        let before = after.clone();
        if !self.additive {
            let both = |fact: &Fact| fact.id.target().is_none_or(|object| known.contains(&object) || !objects.contains(&object));
            let goes = |fact: &Fact| fact.id.kind != Kind::Owner && self.copies(fact, true, &own) && both(fact) && within(fact);
            after.retain(|id, fact| wanted.contains_key(id) || !goes(fact));
        }
        for (id, mut fact) in wanted {
            if self.additive {
                joined(&mut fact, before.get(&id));
            }
            after.insert(id, fact);
        }
        let ids: BTreeSet<&FactId> = before.keys().chain(after.keys()).collect();
        let differs = |id: &&&FactId| before.get(**id).map(|fact| &fact.body) != after.get(**id).map(|fact| &fact.body);
        let changed = ids.iter().filter(differs).map(|id| (*id).clone()).collect();
        Ok((after.into_values().collect(), changed))
    }
}

/// Who owns what.
fn owners(facts: &[Fact]) -> BTreeMap<FactId, String> {
    let owner = |fact: &Fact| match &fact.body {
        Body::Owner(owner) => Some((fact.id.target()?, owner.role.as_str().to_owned())),
        _ => None,
    };
    facts.iter().filter_map(owner).collect()
}

/// What was granted before, beside what is granted now.
fn joined(fact: &mut Fact, before: Option<&Fact>) {
    let (privileges, grantable) = match &mut fact.body {
        Body::Grant(Grant { privileges, grantable }) => (privileges, grantable),
        Body::DefaultPrivilege(given) => (&mut given.privileges, &mut given.grantable),
        _ => return,
    };
    let (had, could) = match before.map(|fact| &fact.body) {
        Some(Body::Grant(had)) => (had.privileges.clone(), had.grantable.clone()),
        Some(Body::DefaultPrivilege(had)) => (had.privileges.clone(), had.grantable.clone()),
        _ => return,
    };
    for (list, more) in [(privileges, had), (grantable, could)] {
        list.extend(more);
        list.sort();
        list.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn facts(grants: &[(&str, &str, &[&str])], owner: &str, more: &[Value]) -> Vec<Fact> {
        let mut list = vec![json!({"kind": "schema", "path": ["s"]})];
        for table in ["a", "b"] {
            list.push(json!({"kind": "table", "path": ["s", table]}));
            list.push(json!({"kind": "owner", "of": "table", "path": ["s", table], "attributes": {"role": owner}}));
        }
        list.extend(grants.iter().map(|(table, role, privileges)| {
            json!({"kind": "grant", "of": "table", "path": ["s", table, role], "attributes": {"privileges": privileges}})
        }));
        list.extend(more.iter().cloned());
        serde_json::from_value(Value::Array(list)).unwrap()
    }

    fn copying(options: Value) -> Copying {
        let mut all = json!({"roles": {"app": "app_2", "PUBLIC": "PUBLIC"}});
        all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn words(copying: &Copying, source: &[Fact], target: &[Fact]) -> Vec<String> {
        let (after, changed) = copying.after(source, target, &[]).unwrap();
        let told = |id: &FactId| match after.iter().find(|fact| fact.id == *id).map(|fact| &fact.body) {
            Some(Body::Grant(grant)) => format!("{id}: {}", grant.privileges.join(",")),
            Some(Body::Owner(owner)) => format!("{id}: {}", owner.role),
            Some(_) => format!("{id}"),
            None => format!("{id}: nothing"),
        };
        changed.iter().map(told).collect()
    }

    #[test]
    fn grants_become_those_of_the_source() {
        let source = facts(&[("a", "app", &["INSERT", "SELECT"]), ("b", "PUBLIC", &["SELECT"]), ("a", "other", &["SELECT"])], "boss", &[]);
        let target =
            facts(&[("a", "app_2", &["DELETE", "SELECT"]), ("b", "app_2", &["SELECT"]), ("b", "other", &["SELECT"])], "boss_2", &[]);
        let grant = |table: &str, role: &str| FactId::new(Kind::Table, ["s", table]).grant(role).to_string();
        assert_eq!(
            words(&copying(json!({})), &source, &target),
            [
                format!("{}: INSERT,SELECT", grant("a", "app_2")),
                format!("{}: SELECT", grant("b", "PUBLIC")),
                format!("{}: nothing", grant("b", "app_2"))
            ]
        );
        assert_eq!(
            words(&copying(json!({"additive": true})), &source, &target),
            [format!("{}: DELETE,INSERT,SELECT", grant("a", "app_2")), format!("{}: SELECT", grant("b", "PUBLIC"))]
        );
    }

    #[test]
    fn owners_only_where_it_is_said_and_what_they_have_is_not_granted() {
        let source = facts(&[("a", "app", &["SELECT"])], "app", &[]);
        let target = facts(&[], "boss", &[]);
        assert!(words(&copying(json!({})), &source, &target).is_empty());
        let owner = |table: &str| format!("{}: app_2", FactId::new(Kind::Table, ["s", table]).property(Kind::Owner));
        assert_eq!(words(&copying(json!({"owners": true})), &source, &target), [owner("a"), owner("b")]);
        // Its own there: nothing is taken from the owner.
        let (source, target) = (facts(&[("a", "app", &["SELECT"])], "boss", &[]), facts(&[], "app_2", &[]));
        assert!(words(&copying(json!({})), &source, &target).is_empty());
    }

    #[test]
    fn what_only_one_of_them_has() {
        let more = [
            json!({"kind": "table", "path": ["s", "c"]}),
            json!({"kind": "grant", "of": "table", "path": ["s", "c", "app"], "attributes": {"privileges": ["SELECT"]}}),
        ];
        let (source, target) = (facts(&[], "boss", &more), facts(&[], "boss", &[]));
        assert!(copying(json!({})).after(&source, &target, &[]).unwrap_err().contains("table s.c is not there"));
        assert!(words(&copying(json!({"skip": true})), &source, &target).is_empty());
        // What the source has not is nobody's to take.
        let more = [
            more[0].clone(),
            json!({"kind": "grant", "of": "table", "path": ["s", "c", "app_2"], "attributes": {"privileges": ["SELECT"]}}),
        ];
        assert!(words(&copying(json!({})), &facts(&[], "boss", &[]), &facts(&[], "boss", &more)).is_empty());
    }

    #[test]
    fn default_privileges_of_roles_that_are_led() {
        let given = |creator: &str, grantee: &str| json!({"kind": "default_privilege", "path": [creator, "s", "tables", grantee], "attributes": {"privileges": ["SELECT"]}});
        let source = facts(&[], "boss", &[given("app", "PUBLIC"), given("boss", "app")]);
        let (after, changed) = copying(json!({})).after(&source, &facts(&[], "boss", &[]), &[]).unwrap();
        assert_eq!(changed.len(), 1);
        assert!(after.iter().any(|fact| fact.id.kind == Kind::DefaultPrivilege && fact.id.path[0].as_str() == "app_2"));
    }

    #[test]
    fn what_cannot_be_led_is_refused() {
        for roles in [json!({}), json!({"a": "PUBLIC"}), json!({"PUBLIC": "a"}), json!({"a": "x", "b": "x"})] {
            assert!(copying(json!({ "roles": roles })).check().is_err());
        }
    }
}
