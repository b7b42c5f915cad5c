//! What differs between majors of PostgreSQL in the facts of one schema.
//!
//! The same DDL, read on two majors, gives the same facts but for two things. Some properties exist on the
//! newer one only: [`Fact::within`] is a fact as an older server can hold it. And texts are written by the
//! server's deparser, which words them anew in every major (from 16 on, a view of one relation names its
//! columns bare): [`Fact::same_but_for_texts`] compares the rest, and whoever accepts another text has to
//! have had it parsed and deparsed by the server that it is compared with.

use super::{Body, ConstraintType, Fact, Kind, RoutineBody};

/// The majors that can be read.
pub const MAJORS: std::ops::RangeInclusive<u32> = 14..=18;

/// The note on a comment on a NOT NULL constraint, which older servers do not have.
pub const ON_NOT_NULL: &str = "on_not_null";

/// A domain's NOT NULL as `pg_get_constraintdef` writes it.
const NOT_NULL: &str = "NOT NULL";

impl Fact {
    /// The fact as a server of this major holds it, `None` where it holds no such fact.
    ///
    /// What is left out has no meaning there (the names of NOT NULL constraints, the right to MAINTAIN a
    /// table). What an older server cannot do at all (a virtual column, NULLS NOT DISTINCT) stays, and is
    /// for that server to refuse.
    #[must_use]
    pub fn within(&self, major: u32) -> Option<Self> {
        // Domains have them as constraints from 17 on, tables from 18 on.
        let of_domain = self.id.of.unwrap_or(self.id.kind) == Kind::DomainConstraint;
        if (self.is_not_null() || self.notes.contains_key(ON_NOT_NULL)) && major < if of_domain { 17 } else { 18 } {
            return None;
        }
        let mut fact = self.clone();
        match &mut fact.body {
            Body::Grant(grant) if major < 17 && grant.privileges.iter().any(|privilege| privilege == "MAINTAIN") => {
                grant.privileges.retain(|privilege| privilege != "MAINTAIN");
                grant.grantable.retain(|privilege| privilege != "MAINTAIN");
                if grant.privileges.is_empty() {
                    return None;
                }
            }
            // A partitioned table's method for its partitions to come.
            Body::Table(table) if major < 17 && table.partition_by.is_some() => table.access_method = None,
            // The sequences of an unlogged table are unlogged with it.
            Body::Sequence(sequence) if major < 15 => sequence.unlogged = false,
            Body::Identity(identity) if major < 15 => identity.unlogged = false,
            _ => {}
        }
        Some(fact)
    }

    /// Whether this is a NOT NULL constraint.
    pub fn is_not_null(&self) -> bool {
        match &self.body {
            Body::Constraint(constraint) => constraint.constraint_type == ConstraintType::NotNull,
            Body::DomainConstraint(constraint) => constraint.definition == NOT_NULL,
            _ => false,
        }
    }

    /// The texts that a server's deparser wrote.
    pub fn texts(&self) -> Vec<String> {
        let mut body = self.body.clone();
        texts(&mut body).into_iter().map(|text| text.clone()).collect()
    }

    /// Whether nothing but texts of deparsers tells the two apart.
    pub fn same_but_for_texts(&self, other: &Self) -> bool {
        let textless = |fact: &Self| {
            let mut body = fact.body.clone();
            texts(&mut body).into_iter().for_each(String::clear);
            body
        };
        self.id == other.id && textless(self) == textless(other)
    }
}

fn texts(body: &mut Body) -> Vec<&mut String> {
    match body {
        Body::Domain(domain) => domain.default.iter_mut().collect(),
        Body::DomainConstraint(constraint) => vec![&mut constraint.definition],
        Body::Table(table) => table.partition_by.iter_mut().collect(),
        Body::Partition(partition) => vec![&mut partition.bound],
        Body::Default(default) => vec![&mut default.expression],
        Body::Constraint(constraint) => vec![&mut constraint.definition],
        Body::Index(index) => vec![&mut index.definition],
        Body::View(view) => vec![&mut view.definition],
        Body::MaterializedView(view) => vec![&mut view.definition],
        Body::Routine(routine) => {
            let mut texts = vec![&mut routine.arguments];
            if let RoutineBody::Sql(text) = &mut routine.body {
                texts.push(text);
            }
            texts
        }
        Body::Trigger(trigger) => vec![&mut trigger.action],
        Body::Policy(policy) => policy.using.iter_mut().chain(&mut policy.check).collect(),
        Body::Rule(rule) => vec![&mut rule.definition],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fact(kind: &str, path: &[&str], attributes: Value) -> Fact {
        serde_json::from_value(json!({"kind": kind, "path": path, "attributes": attributes})).unwrap()
    }

    #[test]
    fn what_an_older_server_does_not_have() {
        let not_null = fact("constraint", &["s", "t", "n"], json!({"type": "not_null", "definition": "NOT NULL a"}));
        assert_eq!(not_null.within(18).as_ref(), Some(&not_null));
        assert_eq!(not_null.within(17), None);
        let check = fact("constraint", &["s", "t", "c"], json!({"type": "check", "definition": "CHECK (a IS NOT NULL)"}));
        assert_eq!(check.within(14).as_ref(), Some(&check));
        let domain = fact("domain_constraint", &["s", "d", "d_not_null"], json!({"definition": "NOT NULL"}));
        assert_eq!((domain.within(17).as_ref(), domain.within(16)), (Some(&domain), None));
    }

    #[test]
    fn maintain_is_a_right_of_its_own_from_17_on() {
        let grant = |privileges: &[&str]| -> Fact {
            let json = json!({"kind": "grant", "of": "table", "path": ["s", "t", "bob"], "attributes": {"privileges": privileges}});
            serde_json::from_value(json).unwrap()
        };
        assert_eq!(grant(&["INSERT", "MAINTAIN"]).within(16), Some(grant(&["INSERT"])));
        assert_eq!(grant(&["MAINTAIN"]).within(15), None);
        assert_eq!(grant(&["MAINTAIN"]).within(17), Some(grant(&["MAINTAIN"])));
        // A default privilege that was revoked.
        assert_eq!(grant(&[]).within(15), Some(grant(&[])));
    }

    #[test]
    fn texts_aside() {
        let view = |definition: &str, name: &str| {
            fact("view", &["s", "v"], json!({"definition": definition, "columns": [{"name": name, "type": "integer"}]}))
        };
        assert!(view(" SELECT t.a FROM s.t", "a").same_but_for_texts(&view(" SELECT a FROM s.t", "a")));
        assert!(!view(" SELECT t.a FROM s.t", "a").same_but_for_texts(&view(" SELECT t.a FROM s.t", "b")));
        assert_eq!(view("x", "a").texts(), ["x"]);
    }
}
