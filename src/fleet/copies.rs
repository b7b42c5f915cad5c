//! Copies of grants in the tables: asked for by a person, carried out and journaled as a mending is.

use super::conform::{Begun, Options, begin};
use super::grants::Copying;
use super::members::{self, Member};
use super::rights::Rights;
use super::scope::Scope;
use super::watch::work::Copy;
use crate::error::{Error, Result};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::Span;
use pgrx::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How somebody wants it.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    additive: bool,
    owners: bool,
    skip: bool,
    lock_timeout: Span,
}

impl Default for Asked {
    fn default() -> Self {
        Self { additive: false, owners: false, skip: false, lock_timeout: Options::default().lock_timeout }
    }
}

/// As it stands in the journal.
#[derive(Serialize, Deserialize)]
struct Journaled {
    /// `accord.fleet_member.id` of the source.
    member: i64,
    /// Its name.
    from: String,
    /// Which grants.
    what: Copying,
    /// In which the source's may be read; none: all.
    scopes: Vec<Scope>,
    /// Nothing is done.
    dry: bool,
}

fn invalid(why: &str) -> Error {
    Error::invalid("grants cannot be copied so").detail(format!("{why}.")).hint(
        "accord.copy_grants('shop_1', 'env = prod', '{\"app\": \"app_2\"}', dry_run => false, options => '{\"additive\": true, \"owners\": true, \"skip\": true, \"lock_timeout\": \"2s\"}')",
    )
}

/// `accord.copy_grants`: the number of the mending that does it after the commit, or that plans it.
pub fn copy_grants(spi: &Spi, from: &str, selection: &str, roles: &Value, dry: bool, options: &Value) -> Result<i64> {
    let asked = Asked::deserialize(options).map_err(|error| invalid(&error.to_string()))?;
    let roles = serde_json::from_value(roles.clone()).map_err(|error| invalid(&format!("roles lead from names to names: {error}")))?;
    let what = Copying { roles, additive: asked.additive, owners: asked.owners, skip: asked.skip };
    what.check().map_err(|why| invalid(&why))?;
    let rights = Rights::of_caller(spi)?;
    if what.owners && !rights.administers() {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, "owners are copied by administrators alone")
            .hint("Leave \"owners\" out: privileges are what was granted."));
    }
    let all = members::all(spi)?;
    let source = all.into_iter().find(|member| member.name == from);
    let source = source.and_then(|member| Some((rights.copies(&member, &what.roles)?, member)));
    let Some((scopes, source)) = source else { return Err(members::unknown(from)) };
    let targets: Vec<(Member, Vec<Scope>)> = members::selected(spi, &members::selection(selection)?)?
        .into_iter()
        .filter(|member| member.id != source.id)
        .filter_map(|member| rights.copies(&member, &what.roles).map(|scopes| (member, scopes)))
        .collect();
    let ids = members::ids(targets.iter().map(|(member, _)| member).chain([&source]));
    let closed = spi.query(
        "SELECT m.id, m.name FROM accord.fleet_member m WHERE m.id = ANY ($1::bigint[]) AND m.conninfo IS NULL",
        &[Arg::Texts(&ids)],
        See::Latest,
    )?;
    if let Some(row) = closed.iter().find(|row| row.int(0) == source.id) {
        return Err(Error::state(format!("database \"{}\" lets nobody in", row.text(1)))
            .hint("Grants are copied between databases that the watch reaches."));
    }
    let targets: Vec<_> = targets.into_iter().filter(|(member, _)| !closed.iter().any(|row| row.int(0) == member.id)).collect();
    if targets.is_empty() {
        return Err(Error::undefined("the selection selects no database that grants can be copied to")
            .hint("SELECT name, labels FROM accord.databases lists them; the source itself is none."));
    }
    let journaled = serde_json::to_value(Journaled { member: source.id, from: source.name.clone(), what, scopes, dry })?;
    let options = Options { lock_timeout: asked.lock_timeout, additive: asked.additive, ..Options::default() };
    let begun = Begun { selection, baseline: "", version: "", options: &options, copy: Some(&journaled), by: &rights.who };
    let id = begin(spi, &begun, targets.iter().map(|(member, scopes)| (member.id, &scopes[..])))?;
    let act =
        json!({"conform": id, "from_database": source.name, "selection": selection, "roles": journaled["what"]["roles"], "dry_run": dry});
    rights.record(spi, "copy_grants", &act)?;
    Ok(id)
}

/// A copy whose turn it is. One of the scopes that it may be done in only adds: then nothing is taken.
pub fn due(journaled: &str, from: Option<String>, scopes: &[Scope]) -> Result<Copy> {
    let Journaled { what, scopes: of_source, dry, .. } = serde_json::from_str(journaled)?;
    let additive = what.additive || scopes.iter().any(|scope| scope.additive);
    Ok(Copy { from, what: Copying { additive, ..what }, scopes: of_source, dry })
}
