//! Who may do what with which databases of the fleet. Clients are not administrators: they see the databases that
//! they were granted and no others, and each act is recorded with who asked.

use super::members::{self, Member, selection};
use super::scope::Scope;
use super::select::{Glob, Selection, Subject};
use super::store;
use crate::error::{Error, Result};
use crate::model::Name;
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use pgrx::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// See the database, its verdicts, differences and events.
    Inspect,
    /// Have it compared, and report events.
    Compare,
    /// Acknowledge alarms that none but granted databases show.
    Acknowledge,
    /// Except it from alarms.
    Suppress,
    /// Lead it to its baseline.
    Conform,
    /// Register versions of what it is held to.
    Register,
    /// Copy grants from it and to it.
    CopyGrants,
}

struct Grant {
    selection: Selection,
    text: String,
    operations: Vec<Operation>,
    scope: Scope,
}

/// How much of a database somebody may do something with.
pub enum Reach {
    /// It is not there.
    Nothing,
    /// What one of these scopes holds.
    Parts(Vec<Scope>),
    /// All of it.
    Whole,
}

impl Grant {
    fn covers(&self, operation: Operation, member: &Member) -> bool {
        // Labels and names only: what comes and goes grants nothing.
        let subject = Subject { down: None, expects: &[], ..member.subject() };
        self.operations.contains(&operation) && self.selection.selects(&subject)
    }
}

/// What the role that called may do.
pub struct Rights {
    /// The role.
    pub who: String,
    /// It has the rights of the extension's owner.
    all: bool,
    /// It may see everything.
    reads: bool,
    grants: Vec<Grant>,
}

/// The functions and views that a client needs; what they do is limited by its grants.
const CLIENT: &str = "FUNCTION accord.compare(text, boolean), accord.wait_for_fleet(text, interval), accord.report_event(text, text, jsonb),
    accord.acknowledge(bigint, text), accord.suppress(text, interval, text, bigint, text, text, text, text), accord.fleet_report(text, text),
    accord.conform(text, text, boolean, jsonb), accord.wait_for_conform(bigint, interval), accord.fleet_seen(), accord.fleet_whole(), accord.fleet_pieces(),
    accord.fleet_part_verdicts(), accord.mask_conninfo(text),
    accord.register_baseline(text, text, text, jsonb, jsonb, text, boolean), accord.copy_grants(text, text, jsonb, boolean, jsonb)";
const OPERATIONS: &str = "Operations are inspect, compare, acknowledge, suppress, conform, register and copy_grants.";
const VIEWS: &str = "accord.databases, accord.baselines, accord.verdicts, accord.deviations, accord.alarms, accord.suppressions, accord.conforms, accord.fleet_events";

impl Rights {
    /// Of the role that called.
    pub fn of_caller(spi: &Spi) -> Result<Self> {
        Self::of(spi, caller())
    }

    /// Of a role.
    pub fn of(spi: &Spi, who: String) -> Result<Self> {
        let rows = spi.query(
            "SELECT pg_has_role(r.oid, (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_accord'), 'USAGE'), pg_has_role(r.oid, 'pg_monitor', 'USAGE')
               FROM pg_roles r WHERE r.rolname = $1",
            &[Arg::Text(&who)],
            See::Latest,
        )?;
        let (all, reads) = rows.first().map_or((false, false), |row| (row.bool(0), row.bool(1)));
        let rows = spi.query(
            "SELECT g.selection, array_to_json(g.operations)::text, g.scope::text FROM accord.fleet_grant g JOIN pg_roles o ON o.oid = g.role, pg_roles r
              WHERE r.rolname = $1 AND pg_has_role(r.oid, o.oid, 'USAGE') ORDER BY g.id",
            &[Arg::Text(&who)],
            See::Latest,
        )?;
        let grants = rows
            .iter()
            .map(|row| {
                let text = row.text(0);
                Ok(Grant {
                    selection: selection(&text)?,
                    operations: serde_json::from_str(&row.text(1))?,
                    scope: serde_json::from_str(&row.text(2))?,
                    text,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { who, all, reads: all || reads, grants })
    }

    /// Whether it administers the fleet.
    pub fn administers(&self) -> bool {
        self.all
    }

    /// Whether everything may be seen.
    pub fn sees_all(&self) -> bool {
        self.reads
    }

    /// How much of a member it may do this with.
    pub fn reach(&self, operation: Operation, member: &Member) -> Reach {
        if self.all || self.reads && operation == Operation::Inspect {
            return Reach::Whole;
        }
        let mut parts = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.covers(operation, member)) {
            if grant.scope.is_whole() {
                return Reach::Whole;
            }
            parts.push(grant.scope.clone());
        }
        if parts.is_empty() { Reach::Nothing } else { Reach::Parts(parts) }
    }

    /// Whether it may do this with a member.
    pub fn may(&self, operation: Operation, member: &Member) -> bool {
        self.all || self.reads && operation == Operation::Inspect || self.grants.iter().any(|grant| grant.covers(operation, member))
    }

    /// The members that a selection selects and that it may do this with. Others are not there.
    pub fn selected(&self, spi: &Spi, operation: Operation, text: &str) -> Result<Vec<Member>> {
        let mut members = members::selected(spi, &selection(text)?)?;
        members.retain(|member| self.may(operation, member));
        Ok(members)
    }

    /// The member of this name, if it may do this with it.
    pub fn member(&self, spi: &Spi, operation: Operation, name: &str) -> Result<Member> {
        let found = members::all(spi)?.into_iter().find(|member| member.name == name && self.may(operation, member));
        found.ok_or_else(|| members::unknown(name))
    }

    /// The selections within which something said of databases holds: one for each grant of whole databases, or of a
    /// part that it is said of.
    pub fn within(&self, operation: Operation, text: &str, said_of: impl Fn(&Scope) -> Result<bool>) -> Result<Vec<String>> {
        if self.all {
            return Ok(vec![text.to_owned()]);
        }
        let mut granted = Vec::new();
        for grant in self.grants.iter().filter(|grant| grant.operations.contains(&operation)) {
            if grant.scope.is_whole() || said_of(&grant.scope)? {
                granted.push(grant);
            }
        }
        Ok(granted.into_iter().map(|grant| within(&grant.text, text)).collect())
    }

    /// Whether it was granted something for parts of databases only.
    pub fn has_parts(&self, operation: Operation) -> bool {
        !self.all && self.grants.iter().any(|grant| grant.operations.contains(&operation) && !grant.scope.is_whole())
    }

    /// Whether grants may be copied from or to a member, of these roles to those, and in which scopes; no scope: all.
    pub fn copies(&self, member: &Member, roles: &BTreeMap<String, String>) -> Option<Vec<Scope>> {
        if self.all {
            return Some(Vec::new());
        }
        let may = |grant: &&Grant| {
            let patterns: Vec<Glob> = grant.scope.roles.iter().flatten().map(Glob::new).collect();
            roles.keys().chain(roles.values()).all(|role| patterns.iter().any(|glob| glob.matches(role)))
        };
        let granted = self.grants.iter().filter(|grant| grant.covers(Operation::CopyGrants, member)).filter(may);
        unless_all(granted.map(|grant| &grant.scope))
    }

    /// Errors where the caller may not register versions of a baseline. A client may, of one that its grant names, if all
    /// databases that this one holds were granted to it, and to be seen as a whole: what it registers tells by what conforms
    /// to it. A baseline that is not there yet is the client's to begin, for databases of the first such grant: then that is
    /// returned, the selection `wanted` within the grant's.
    pub fn registers(&self, spi: &Spi, baseline: &str, wanted: &str) -> Result<Option<String>> {
        if self.all {
            return Ok(None);
        }
        let named = |grant: &&Grant| grant.scope.baselines.iter().flatten().any(|name| name == baseline);
        let grants: Vec<&Grant> =
            self.grants.iter().filter(|grant| grant.operations.contains(&Operation::Register)).filter(named).collect();
        let Some(first) = grants.first() else { return Err(store::unknown(baseline, None)) };
        let there = store::selection_of(spi, baseline)?;
        let held = there.clone().unwrap_or_else(|| within(&first.text, wanted));
        let granted = |member: &Member| {
            grants.iter().any(|grant| grant.covers(Operation::Register, member))
                && matches!(self.reach(Operation::Inspect, member), Reach::Whole)
        };
        if members::selected(spi, &selection(&held)?)?.iter().all(granted) {
            return Ok(there.is_none().then_some(held));
        }
        Err(Error::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("this role may not register versions of baseline \"{baseline}\""),
        )
        .detail("Databases are held to it of which this role was not granted to register, or to inspect the whole.")
        .hint("An administrator registers the version, or grants both of all databases that the baseline selects."))
    }

    /// Whether a member may be led to a baseline, and in which scopes; no scope: by whatever leads there.
    pub fn conforms(&self, member: &Member, baseline: &str) -> Option<Vec<Scope>> {
        if self.all {
            return Some(Vec::new());
        }
        let to = |grant: &&Grant| grant.scope.baselines.as_ref().is_none_or(|list| list.iter().any(|name| name == baseline));
        let granted = self.grants.iter().filter(|grant| grant.covers(Operation::Conform, member)).filter(to);
        let mut scopes = unless_all(granted.map(|grant| &grant.scope))?;
        scopes.sort();
        Some(scopes)
    }

    /// Writes down what was done.
    pub fn record(&self, spi: &Spi, act: &str, detail: &Value) -> Result<()> {
        spi.run(
            "INSERT INTO accord.fleet_act (who, act, detail) VALUES ($1, $2, $3::jsonb)",
            &[Arg::Text(&self.who), Arg::Text(act), Arg::Text(&detail.to_string())],
        )
    }
}

/// What both selections select: all terms of one have to hold.
fn within(granted: &str, text: &str) -> String {
    [granted.trim(), text.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Who asks: the role in effect before rights were raised.
pub fn caller() -> String {
    let _caller = command::become_caller();
    command::users().1
}

/// Writes down what an administrator did.
pub fn note(spi: &Spi, act: &str, detail: &Value) -> Result<()> {
    Rights::of_caller(spi)?.record(spi, act, detail)
}

/// `accord.grant_fleet`: returns the grant's number.
pub fn grant(spi: &Spi, role: &str, text: &str, operations: &[String], scope: &Value) -> Result<i64> {
    if !selection(text)?.is_lasting() {
        return Err(Error::invalid("databases are granted by labels and names")
            .hint("What comes and goes, such as 'down within 1h', selects databases for a comparison."));
    }
    let read: Vec<Operation> = serde_json::from_value(serde_json::to_value(operations)?)
        .map_err(|error| Error::invalid("an operation cannot be granted").detail(format!("{error}.")).hint(OPERATIONS))?;
    if read.is_empty() {
        return Err(Error::invalid("a grant names operations").hint(OPERATIONS));
    }
    let scope = Scope::read(scope).map_err(|why| {
        Error::invalid("the scope of a grant cannot be read").detail(format!("{why}.")).hint(
            "accord.grant_fleet(…, scope => '{\"schemas\": [\"shop\"], \"kinds\": [\"table\", \"index\"], \"additive\": true, \"baselines\": [\"shop\"]}') \
             holds some of: schemas, tables, columns, kinds, additive, baselines, roles.",
        )
    })?;
    if read.contains(&Operation::CopyGrants) && scope.roles.is_none() {
        return Err(Error::invalid("a grant to copy grants names roles")
            .detail("Whoever leads another role to its own has what that one has.")
            .hint("accord.grant_fleet(role, selection, '{copy_grants}', '{\"roles\": [\"acme_*\"]}')"));
    }
    if read.contains(&Operation::Register) && (scope.baselines.is_none() || !scope.is_whole()) {
        return Err(Error::invalid("versions are registered of baselines that the grant names, for whole databases")
            .detail("Whoever registers a version learns from what conforms to it what a database is.")
            .hint("accord.grant_fleet(role, selection, '{inspect,register}', '{\"baselines\": [\"shop\"]}')"));
    }
    let rows = spi.query(
        "INSERT INTO accord.fleet_grant (role, selection, operations, scope, granted_by) SELECT r.oid, $2, $3, $4::jsonb, $5 FROM pg_roles r WHERE r.rolname = $1 RETURNING id",
        &[Arg::Text(role), Arg::Text(text), Arg::Texts(operations), Arg::Text(&serde_json::to_string(&scope)?), Arg::Text(&caller())],
        See::Transaction,
    )?;
    let Some(row) = rows.first() else {
        return Err(Error::undefined(format!("role \"{role}\" does not exist")).hint("CREATE ROLE makes one."));
    };
    let id = row.int(0);
    note(spi, "grant_fleet", &json!({"grant": id, "role": role, "selection": text, "operations": operations, "scope": scope}))?;
    let role = Name::from(role);
    spi.execute(&format!("GRANT USAGE ON SCHEMA accord TO {role}"))?;
    spi.execute(&format!("GRANT EXECUTE ON {CLIENT} TO {role}"))?;
    spi.execute(&format!("GRANT SELECT ON {VIEWS} TO {role}"))?;
    Ok(id)
}

/// Scopes, each once; none, where one of them is of whatever there is.
fn unless_all<'s>(scopes: impl Iterator<Item = &'s Scope>) -> Option<Vec<Scope>> {
    let mut scopes: Vec<Scope> = scopes.map(|scope| Scope { baselines: None, roles: None, ..scope.clone() }).collect();
    if scopes.is_empty() {
        return None;
    }
    if scopes.iter().any(|scope| scope.is_whole() && !scope.additive) {
        scopes.clear();
    }
    Some(scopes)
}

/// `accord.revoke_fleet`: what the role may still execute shows it nothing.
pub fn revoke(spi: &Spi, id: i64) -> Result<()> {
    // What was asked for by it and is not done yet.
    spi.run(
        "DELETE FROM accord.fleet_wish w USING accord.fleet_grant g, pg_roles o, pg_roles r
          WHERE g.id = $1 AND o.oid = g.role AND w.client AND r.rolname = w.requested_by AND pg_has_role(r.oid, o.oid, 'USAGE')",
        &[Arg::Int(id)],
    )?;
    let rows = spi.query("DELETE FROM accord.fleet_grant WHERE id = $1 RETURNING id", &[Arg::Int(id)], See::Transaction)?;
    if rows.is_empty() {
        return Err(Error::undefined(format!("there is no grant {id}")).hint("SELECT * FROM accord.fleet_grants lists them."));
    }
    note(spi, "revoke_fleet", &json!({"grant": id}))
}

/// `accord.fleet_seen`: the members that the caller sees.
pub fn seen(spi: &Spi) -> Result<Vec<i64>> {
    let rights = Rights::of_caller(spi)?;
    if rights.reads {
        return Ok(spi.query("SELECT m.id FROM accord.fleet_member m", &[], See::Latest)?.iter().map(|row| row.int(0)).collect());
    }
    Ok(members::all(spi)?.into_iter().filter(|member| rights.may(Operation::Inspect, member)).map(|member| member.id).collect())
}

/// `accord.fleet_whole`: the members that the caller sees as a whole.
pub fn whole(spi: &Spi) -> Result<Vec<i64>> {
    let rights = Rights::of_caller(spi)?;
    if rights.reads {
        return seen(spi);
    }
    let whole = |member: &Member| matches!(rights.reach(Operation::Inspect, member), Reach::Whole);
    Ok(members::all(spi)?.into_iter().filter(whole).map(|member| member.id).collect())
}
