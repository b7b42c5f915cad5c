//! A fleet: members, baselines, comparisons, alarms, mending.

use super::replicas::duration;
use crate::error::{Error, OrRaise, Result};
use crate::fleet::alarms::Exception;
use crate::fleet::{alarms, conform as course, copies, members, overview, parts, reports, rights, store};
use crate::pg::document::Jsonb;
use crate::pg::spi::{self, Spi};
use crate::pg::{command, process};
use pgrx::JsonB;
use pgrx::datum::Interval;
use pgrx::prelude::*;

fn as_owner<R>(work: impl FnOnce(&Spi) -> Result<R>) -> R {
    let _pinned = command::pin();
    spi::connect(work).or_raise()
}

/// Adds a database to the fleet; without a connection string, one that sends its model.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.add_database(name text, conninfo text, labels jsonb DEFAULT '{}') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
fn add_database(name: Option<&str>, conninfo: Option<&str>, labels: Option<Jsonb>) {
    process::hide_constants();
    let (Some(name), Some(Jsonb(labels))) = (name, labels) else {
        Error::invalid("a database of the fleet has a name and labels")
            .hint("accord.add_database('shop_1', 'host=… dbname=…', '{\"env\": \"prod\"}')")
            .raise();
    };
    as_owner(|spi| members::add(spi, name, conninfo, &labels));
}

/// Takes a database out of the fleet. Nothing happens to it.
#[pg_extern(volatile, parallel_unsafe)]
fn remove_database(name: &str) {
    as_owner(|spi| members::remove(spi, name));
}

/// Gives a database other labels.
#[pg_extern(volatile, parallel_unsafe)]
fn set_labels(name: &str, labels: Jsonb) {
    as_owner(|spi| members::set_labels(spi, name, &labels.0));
}

/// Adds the databases of a server whose names are LIKE a pattern, now and whenever there are new ones.
#[pg_extern(volatile, parallel_unsafe)]
fn discover(conninfo: &str, pattern: default!(&str, "'%'"), labels: default!(Jsonb, "'{}'"), prefix: default!(&str, "''")) {
    process::hide_constants();
    as_owner(|spi| members::discover(spi, conninfo, pattern, &labels.0, prefix));
}

/// The model of this database as accord.submit_model() takes it elsewhere.
#[pg_extern(volatile, parallel_unsafe)]
fn export_model() -> JsonB {
    as_owner(|spi| {
        crate::ledger::document(spi, None, &crate::model::Projection::whole(), false).map(|mut document| {
            crate::secrets::mask_document(&mut document);
            JsonB(document)
        })
    })
}

/// The model of a database of the fleet that lets nobody in.
#[pg_extern(volatile, parallel_unsafe)]
fn submit_model(name: &str, model: Jsonb) {
    as_owner(|spi| members::submit(spi, name, &model.0));
}

/// Registers a version of a baseline: a model, or that of a database of the fleet.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.register_baseline(name text, version text, from_database text DEFAULT NULL, model jsonb DEFAULT NULL, rules jsonb DEFAULT '{}',
    selection text DEFAULT '', permitted boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
fn register_baseline(
    name: Option<&str>,
    version: Option<&str>,
    from_database: Option<&str>,
    model: Option<Jsonb>,
    rules: Option<Jsonb>,
    selection: Option<&str>,
    permitted: Option<bool>,
) {
    let by = rights::caller();
    let card = store::Card {
        name: name.unwrap_or_default(),
        version: version.unwrap_or_default(),
        selection: selection.unwrap_or_default(),
        permitted: permitted.unwrap_or(false),
        from: from_database,
        by: &by,
        ordinal: None,
        client: false,
    };
    let rules = rules.map_or_else(|| serde_json::json!({}), |rules| rules.0);
    as_owner(|spi| store::ask(spi, model.map(|model| model.0), &rules, card));
}

/// A version of a baseline as a document, to be read, edited and registered; without a version, the newest; without a major, as
/// it was first registered.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.baseline(name text, version text DEFAULT NULL, major integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
fn baseline(name: Option<&str>, version: Option<&str>, major: Option<i32>) -> Option<JsonB> {
    let name = name?;
    let mut document = as_owner(|spi| store::document(spi, name, version, major));
    crate::secrets::mask_document(&mut document);
    Some(JsonB(document))
}

/// Forgets a version of a baseline; without a version, all; with a major, only how that words them.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.remove_baseline(name text, version text DEFAULT NULL, major integer DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
fn remove_baseline(name: Option<&str>, version: Option<&str>, major: Option<i32>) -> Option<i64> {
    let name = name?;
    Some(as_owner(|spi| store::remove(spi, name, version, major)))
}

/// Whether databases may stand at a version when there are later ones.
#[pg_extern(volatile, parallel_unsafe)]
fn permit_version(name: &str, version: &str, permitted: default!(bool, true)) {
    as_owner(|spi| store::permit(spi, name, version, permitted));
}

/// Has databases compared after the commit; `full` reads their catalogs whatever their fingerprints say. Returns how many.
#[pg_extern(volatile, parallel_unsafe)]
fn compare(selection: default!(&str, "''"), full: default!(bool, false)) -> i64 {
    as_owner(|spi| members::compare(spi, selection, full))
}

/// Waits until everything that was asked for before the call is compared. Returns how many databases.
#[pg_extern(volatile, parallel_unsafe)]
fn wait_for_fleet(selection: default!(&str, "''"), timeout: default!(Interval, "'1 min'")) -> i64 {
    as_owner(|spi| members::wait(spi, selection, duration(&timeout)))
}

/// Something is known to have happened to a database (`expects`, `deployed`, `failed`, …): it is compared anew.
#[pg_extern(volatile, parallel_unsafe)]
fn report_event(database: &str, event: &str, detail: default!(Jsonb, "'{}'")) {
    as_owner(|spi| members::report_event(spi, database, event, &detail.0));
}

/// Takes notice of an alarm.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.acknowledge(alarm bigint, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
fn acknowledge(alarm: Option<i64>, reason: Option<&str>) {
    as_owner(|spi| alarms::acknowledge(spi, alarm.unwrap_or_default(), reason));
}

/// Excepts what is named, for a time. Returns its number.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.suppress(reason text, lasts interval, selection text DEFAULT '', alarm bigint DEFAULT NULL, kind text DEFAULT NULL,
    difference text DEFAULT NULL, object text DEFAULT NULL, property text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
#[allow(clippy::too_many_arguments)] // as SQL has them
fn suppress(
    reason: Option<&str>,
    lasts: Option<Interval>,
    selection: Option<&str>,
    alarm: Option<i64>,
    kind: Option<&str>,
    difference: Option<&str>,
    object: Option<&str>,
    property: Option<&str>,
) -> i64 {
    let Some(lasts) = lasts else { Error::invalid("a suppression ends").hint("accord.suppress('migrating', '2 days', …)").raise() };
    let exception = Exception { selection: selection.unwrap_or_default(), kind, difference, object, property, alarm };
    as_owner(|spi| alarms::suppress(spi, &exception, reason.unwrap_or_default(), &lasts))
}

/// A rule of severity at a position: the first that applies to a difference counts.
#[pg_extern(
    volatile,
    parallel_unsafe,
    sql = "
CREATE FUNCTION accord.set_severity(\"position\" integer, severity text, selection text DEFAULT '', kind text DEFAULT NULL, difference text DEFAULT NULL,
    object text DEFAULT NULL, property text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
"
)]
fn set_severity(
    position: Option<i32>,
    severity: Option<&str>,
    selection: Option<&str>,
    kind: Option<&str>,
    difference: Option<&str>,
    object: Option<&str>,
    property: Option<&str>,
) {
    let exception = Exception { selection: selection.unwrap_or_default(), kind, difference, object, property, alarm: None };
    as_owner(|spi| alarms::set_severity(spi, i64::from(position.unwrap_or_default()), severity.unwrap_or_default(), &exception));
}

/// Reports alarms to a webhook, by mail, or to a function of the caller's; a name that exists is directed anew.
#[pg_extern(volatile, parallel_unsafe)]
fn report_to(name: &str, target: &str, options: default!(Jsonb, "'{}'")) {
    process::hide_constants();
    let path = command::search_path_schemas();
    as_owner(|spi| reports::register(spi, name, target, &options.0, &path));
}

/// Reports nothing there any longer, also not what waits.
#[pg_extern(volatile, parallel_unsafe)]
fn stop_reports(name: &str) {
    as_owner(|spi| reports::remove(spi, name));
}

/// The fleet at a glance: `text`, `json`, or `html`, one page that needs nothing but itself.
#[pg_extern(volatile, parallel_unsafe)]
fn fleet_report(format: default!(&str, "'text'"), selection: default!(&str, "''")) -> String {
    let report = as_owner(|spi| overview::report(spi, selection));
    match format {
        "text" => report.text(),
        "html" => report.html(),
        "json" => serde_json::to_string_pretty(&report).unwrap_or_default(),
        other => Error::invalid(format!("\"{other}\" is no format of a report")).hint("Formats are text, json and html.").raise(),
    }
}

/// The statements that lead databases to a baseline, one list for all that stand alike; not dry, they are carried out
/// after the commit, on one database, then on a tenth, then on the rest.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::type_complexity)] // the columns' names
fn conform(
    selection: &str,
    baseline: &str,
    dry_run: default!(bool, true),
    options: default!(Jsonb, "'{}'"),
) -> TableIterator<
    'static,
    (
        name!(conform, Option<i64>),
        name!(databases, Vec<String>),
        name!(step, Option<i32>),
        name!(sql, Option<String>),
        name!(lock, Option<String>),
        name!(loss, Vec<String>),
        name!(obstacle, Option<String>),
    ),
> {
    let (id, courses) = as_owner(|spi| course::conform(spi, selection, baseline, dry_run, &options.0));
    let mut rows = Vec::new();
    for mut course in courses {
        crate::secrets::mask_steps(&mut course.steps);
        if course.steps.is_empty() {
            rows.push((id, course.databases.clone(), None, None, None, Vec::new(), course.obstacle.clone()));
        }
        for (i, step) in course.steps.into_iter().enumerate() {
            let loss = step.losses.into_iter().map(|loss| loss.what).collect();
            let lock = step.lock.word().map(str::to_owned);
            rows.push((id, course.databases.clone(), Some(i as i32 + 1), Some(step.sql), lock, loss, None));
        }
    }
    TableIterator::new(rows)
}

/// Gives roles of databases what those of another were granted: from its roles to theirs. Without `dry_run` it is carried out
/// after the commit, as accord.conform() does. Returns the number that accord.conforms and accord.wait_for_conform() know.
#[pg_extern(volatile, parallel_unsafe)]
fn copy_grants(from_database: &str, selection: &str, roles: Jsonb, dry_run: default!(bool, true), options: default!(Jsonb, "'{}'")) -> i64 {
    as_owner(|spi| copies::copy_grants(spi, from_database, selection, &roles.0, dry_run, &options.0))
}

/// Waits until a mending is over.
#[pg_extern(volatile, parallel_unsafe)]
fn wait_for_conform(conform: i64, timeout: default!(Interval, "'10 min'")) -> String {
    as_owner(|spi| course::wait(spi, conform, duration(&timeout)))
}

/// Lets a role do something with a part of the fleet, and of its databases: `inspect`, `compare`, `acknowledge`, `suppress`, `conform`,
/// `register`, `copy_grants`. Returns the grant's number.
#[pg_extern(volatile, parallel_unsafe)]
fn grant_fleet(role: &str, selection: &str, operations: Vec<String>, scope: default!(Jsonb, "'{}'")) -> i64 {
    as_owner(|spi| rights::grant(spi, role, selection, &operations, &scope.0))
}

/// Takes a grant back.
#[pg_extern(volatile, parallel_unsafe)]
fn revoke_fleet(grant: i64) {
    as_owner(|spi| rights::revoke(spi, grant));
}

/// The databases of the fleet that the caller sees: for the views.
#[pg_extern(stable, parallel_unsafe)]
fn fleet_seen() -> SetOfIterator<'static, i64> {
    SetOfIterator::new(as_owner(rights::seen))
}

/// The databases of the fleet of which the caller sees all: for the views.
#[pg_extern(stable, parallel_unsafe)]
fn fleet_whole() -> SetOfIterator<'static, i64> {
    SetOfIterator::new(as_owner(rights::whole))
}

/// What differs in databases of which the caller sees a part, as far as it lies there: for the views.
#[pg_extern(stable, parallel_unsafe)]
#[allow(clippy::type_complexity)] // the columns' names
fn fleet_pieces() -> TableIterator<
    'static,
    (
        name!(member, i64),
        name!(baseline, String),
        name!(hash, String),
        name!(difference, String),
        name!(fact, String),
        name!(properties, Vec<String>),
        name!(expected, Option<JsonB>),
        name!(actual, Option<JsonB>),
        name!(words, String),
    ),
> {
    let (pieces, _) = as_owner(|spi| parts::seen(spi, &rights::Rights::of_caller(spi)?));
    TableIterator::new(pieces.into_iter().map(|piece| {
        let ((expected, actual), shown) = (piece.shown.attributes(), piece.shown);
        let (fact, properties, words) = (shown.id.to_string(), shown.properties(), shown.words());
        let difference = shown.difference.word().to_owned();
        (piece.member, piece.baseline, piece.hash, difference, fact, properties, expected.map(JsonB), actual.map(JsonB), words)
    }))
}

/// Where the parts of databases stand of which the caller sees a part: for the views.
#[pg_extern(stable, parallel_unsafe)]
#[allow(clippy::type_complexity)] // the columns' names
fn fleet_part_verdicts() -> TableIterator<
    'static,
    (name!(member, i64), name!(baseline, String), name!(standing, String), name!(deviations, i64), name!(fingerprint, Option<String>)),
> {
    let (_, verdicts) = as_owner(|spi| parts::seen(spi, &rights::Rights::of_caller(spi)?));
    TableIterator::new(verdicts.into_iter().map(|each| (each.member, each.baseline, each.standing, each.deviations, each.fingerprint)))
}
