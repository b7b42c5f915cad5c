//! Alarms in the tables: opened, resolved and told by what the verdicts say now.

use super::alarm::{Life, Scope, Severity, Shown, State, Trait, next, severity};
use super::members::{self, Member};
use super::parts::{self, Loaded};
use super::reports::{self, Told};
use super::rights::{self, Operation, Reach, Rights};
use super::scope::Scope as Part;
use super::select::Glob;
use super::verdict::Difference;
use crate::error::{Error, Result};
use crate::model::Kind;
use crate::pg::process;
use crate::pg::spi::{Arg, Cells, See, Spi};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::SystemTime;

/// The channel that alarms are told on.
const CHANNEL: &str = "accord_fleet";

/// What some databases show alike.
struct Group {
    hash: Vec<u8>,
    about: &'static str,
    baseline: Option<String>,
    code: Option<String>,
    words: String,
    fact: String,
    kind: Option<(Kind, Option<Kind>)>,
    difference: Option<Difference>,
    properties: Vec<String>,
    /// Without a rule, what it is.
    default: Option<Severity>,
    members: Vec<i64>,
}

fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

fn members_of(text: &str) -> Vec<i64> {
    text.split(',').filter_map(|id| id.parse().ok()).collect()
}

fn groups(spi: &Spi) -> Result<Vec<Group>> {
    let rows = spi.query(
        "SELECT d.hash, nullif(d.baseline, ''), d.words, d.fact, d.difference, array_to_json(d.properties)::text, d.deviation -> 'id' ->> 'kind',
                d.deviation -> 'id' ->> 'of', g.members
           FROM (SELECT v.hash, string_agg(v.member::text, ',') AS members FROM accord.fleet_deviation v GROUP BY v.hash) g
           JOIN accord.fleet_difference d USING (hash)",
        &[],
        See::Latest,
    )?;
    let mut groups = Vec::new();
    for row in &rows {
        groups.push(Group {
            hash: row.bytes(0),
            about: "difference",
            baseline: row.maybe_text(1),
            code: None,
            words: row.text(2),
            fact: row.text(3),
            kind: word(&row.text(6)).map(|kind| (kind, row.maybe_text(7).and_then(|of| word(&of)))),
            difference: word(&row.text(4)),
            properties: serde_json::from_str(&row.text(5))?,
            // What nobody agreed on is worth knowing.
            default: row.maybe_text(1).is_none().then_some(Severity::Notice),
            members: members_of(&row.text(8)),
        });
    }
    // However many are down: one alarm for each cause.
    let down = spi.query(
        "SELECT m.reason ->> 'code', string_agg(m.id::text, ',') FROM accord.fleet_member m WHERE m.failures > 0 GROUP BY 1",
        &[],
        See::Latest,
    )?;
    let behind = spi.query(
        "SELECT v.baseline, string_agg(v.member::text, ',') FROM accord.fleet_verdict v WHERE v.standing = 'behind' GROUP BY 1",
        &[],
        See::Latest,
    )?;
    let whole = |what: &'static str, of: &str, words: String, baseline: Option<String>, default, members: &str| Group {
        hash: blake3::hash(format!("{what}\0{of}").as_bytes()).as_bytes().to_vec(),
        about: what,
        baseline,
        code: (what == "unreadable").then(|| of.to_owned()),
        words,
        fact: what.to_owned(),
        kind: None,
        difference: None,
        properties: vec![of.to_owned()],
        default: Some(default),
        members: members_of(members),
    };
    groups.extend(down.iter().map(|row| {
        let words = format!("cannot be read: {}", row.text(0));
        whole("unreadable", &row.text(0), words, None, Severity::Warning, &row.text(1))
    }));
    groups.extend(behind.iter().map(|row| {
        let words = format!("stands at an earlier version of {}", row.text(0));
        whole("behind", &row.text(0), words, row.maybe_text(0), Severity::Notice, &row.text(1))
    }));
    Ok(groups)
}

fn scope(row: &crate::catalog::Row, from: usize) -> Result<Scope> {
    Ok(Scope {
        selection: members::selection(&row.text(from))?,
        kind: row.maybe_text(from + 1).and_then(|text| word(&text)),
        difference: row.maybe_text(from + 2).and_then(|text| word(&text)),
        object: row.maybe_text(from + 3).map(Glob::new),
        property: row.maybe_text(from + 4),
        hash: None,
    })
}

fn rules(spi: &Spi) -> Result<Vec<(Scope, Severity)>> {
    let rows = spi.query(
        "SELECT s.severity, s.selection, s.kind, s.difference, s.object, s.property FROM accord.fleet_severity s ORDER BY s.position",
        &[],
        See::Latest,
    )?;
    rows.iter().map(|row| Ok((scope(row, 1)?, row.text(0).parse().map_err(Error::internal)?))).collect()
}

fn suppressions(spi: &Spi) -> Result<Vec<Scope>> {
    let rows = spi.query(
        "SELECT s.selection, s.kind, s.difference, s.object, s.property, s.hash FROM accord.fleet_suppression s WHERE s.expires_at > clock_timestamp()",
        &[],
        See::Latest,
    )?;
    rows.iter().map(|row| Ok(Scope { hash: row.maybe_text(5), ..scope(row, 0)? })).collect()
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// Two lower-case digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Brings the alarms up to what the verdicts say, and tells what changed.
pub fn refresh(spi: &Spi) -> Result<()> {
    let (rules, suppressions, channels) = (rules(spi)?, suppressions(spi)?, reports::channels(spi)?);
    let members: HashMap<i64, Member> = members::all(spi)?.into_iter().map(|member| (member.id, member)).collect();
    let mut lives: HashMap<Vec<u8>, (Life, String, Severity)> = HashMap::new();
    let known =
        spi.query("SELECT a.hash, a.state, a.changed, a.flaps, a.words, a.severity FROM accord.fleet_alarm a", &[], See::Transaction)?;
    for row in &known {
        let life = Life {
            state: row.text(1).parse().map_err(Error::internal)?,
            changed: row.text(2).parse().unwrap_or(0.0),
            flaps: row.int(3) as u32,
        };
        lives.insert(row.bytes(0), (life, row.text(4), row.text(5).parse().map_err(Error::internal)?));
    }
    let at = now();
    let mut loaded = Loaded::default();
    for group in groups(spi)? {
        let hash = hex(&group.hash);
        let what = Trait {
            kind: group.kind.map(|(kind, _)| kind),
            of: group.kind.and_then(|(_, of)| of),
            difference: group.difference,
            object: &group.fact,
            properties: &group.properties,
            hash: &hash,
        };
        let (mut suppressed, mut worst) = (0, Severity::Notice);
        let mut shown = Vec::new();
        for member in group.members.iter().filter_map(|id| members.get(id)) {
            let subject = member.subject();
            if suppressions.iter().any(|scope| scope.covers(&subject, &what)) {
                suppressed += 1;
            } else {
                shown.push(member);
            }
            let ruled = rules.iter().find(|(scope, _)| scope.covers(&subject, &what)).map(|(_, severity)| *severity);
            worst = worst.max(ruled.or(group.default).unwrap_or_else(|| severity(&[], &subject, &what)));
        }
        let databases = group.members.len() as u64;
        let life = lives.remove(&group.hash).map(|(life, ..)| life);
        let (Some(life), told) = next(life, Shown { databases, unsuppressed: databases - suppressed }, at) else { continue };
        spi.run(
            "INSERT INTO accord.fleet_alarm AS a (hash, baseline, words, severity, state, changed, flaps, databases, suppressed, about, code)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (hash) DO UPDATE SET severity = excluded.severity, state = excluded.state, changed = excluded.changed, flaps = excluded.flaps,
                 databases = excluded.databases, suppressed = excluded.suppressed, last_seen = clock_timestamp(),
                 acknowledged_by = CASE WHEN excluded.state = 'acknowledged' THEN a.acknowledged_by END,
                 acknowledged_at = CASE WHEN excluded.state = 'acknowledged' THEN a.acknowledged_at END",
            &[
                Arg::Bytes(&group.hash),
                Arg::MaybeText(group.baseline.as_deref()),
                Arg::Text(&group.words),
                Arg::Text(worst.word()),
                Arg::Text(life.state.word()),
                Arg::Float(life.changed),
                Arg::Int(i64::from(life.flaps)),
                Arg::Int(databases as i64),
                Arg::Int(suppressed as i64),
                Arg::Text(group.about),
                Arg::MaybeText(group.code.as_deref()),
            ],
        )?;
        if told {
            tell(spi, &group.hash, &group.words, worst, life.state, databases)?;
            let baseline = group.baseline.as_deref();
            let told = Told {
                hash: &group.hash,
                about: group.about,
                words: &group.words,
                severity: worst,
                state: life.state,
                databases,
                baseline,
            };
            reports::enqueue(spi, &channels, &told, shown.iter().copied(), &mut loaded)?;
        }
    }
    // What nobody shows any longer.
    for (hash, (life, words, severity)) in lives {
        let (Some(after), told) = next(Some(life), Shown { databases: 0, unsuppressed: 0 }, at) else { continue };
        if after == life {
            continue;
        }
        spi.run(
            "UPDATE accord.fleet_alarm SET state = $2, changed = $3, flaps = $4, databases = 0, suppressed = 0 WHERE hash = $1",
            &[Arg::Bytes(&hash), Arg::Text(after.state.word()), Arg::Float(after.changed), Arg::Int(i64::from(after.flaps))],
        )?;
        if told {
            tell(spi, &hash, &words, Severity::Notice, after.state, 0)?;
            let told = Told { hash: &hash, about: "", words: &words, severity, state: after.state, databases: 0, baseline: None };
            reports::enqueue(spi, &channels, &told, std::iter::empty(), &mut loaded)?;
        }
    }
    Ok(())
}

/// NOTIFY and the server's log.
fn tell(spi: &Spi, hash: &[u8], words: &str, severity: Severity, state: State, databases: u64) -> Result<()> {
    let short: String = words.chars().take(1000).collect();
    // Whoever can connect can listen: what it is about shows the view, to whom it may.
    spi.run(
        "SELECT pg_notify($1, (SELECT jsonb_build_object('id', a.id, 'severity', $3, 'state', $4)::text FROM accord.fleet_alarm a WHERE a.hash = $2))",
        &[Arg::Text(CHANNEL), Arg::Bytes(hash), Arg::Text(severity.word()), Arg::Text(state.word())],
    )?;
    let text = format!("pg_accord: fleet alarm {}: {short} ({databases} databases, {})", state.word(), severity.word());
    // A client that excepts its own databases is told nothing of others'.
    if !process::in_background() {
        pgrx::ereport!(PgLogLevel::LOG_SERVER_ONLY, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, text);
    } else if severity >= Severity::Warning && state != State::Resolved {
        pgrx::warning!("{text}");
    } else {
        pgrx::log!("{text}");
    }
    Ok(())
}

fn undefined(id: i64) -> Error {
    Error::undefined(format!("there is no alarm {id}")).hint("SELECT id, alarm FROM accord.alarms lists them.")
}

/// The members that show an alarm.
fn showing(spi: &Spi, id: i64) -> Result<Vec<i64>> {
    let rows = spi.query(
        "SELECT d.member FROM accord.fleet_alarm a JOIN accord.fleet_deviation d USING (hash) WHERE a.id = $1 AND a.about = 'difference'
         UNION SELECT m.id FROM accord.fleet_alarm a JOIN accord.fleet_member m ON m.failures > 0 AND m.reason ->> 'code' = a.code WHERE a.id = $1
         UNION SELECT v.member FROM accord.fleet_alarm a JOIN accord.fleet_verdict v ON a.about = v.standing AND v.baseline = coalesce(a.baseline, '') WHERE a.id = $1",
        &[Arg::Int(id)],
        See::Latest,
    )?;
    Ok(rows.iter().map(|row| row.int(0)).collect())
}

/// The members that the caller may do this with, as far as an alarm concerns it: of those of which a part was granted,
/// only where the difference lies within. What most databases are is others' as well.
fn shown_to(spi: &Spi, rights: &Rights, operation: Operation, id: i64) -> Result<Vec<i64>> {
    let hash = spi.query(
        "SELECT encode(a.hash, 'hex') FROM accord.fleet_alarm a WHERE a.id = $1 AND (a.about <> 'difference' OR a.baseline IS NOT NULL OR $2)",
        &[Arg::Int(id), Arg::Bool(rights.sees_all())],
        See::Latest,
    )?;
    if hash.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for member in members::all(spi)? {
        let shown = match (rights.reach(operation, &member), hash.first()) {
            (Reach::Whole, _) => true,
            (Reach::Parts(scopes), Some(hash)) => parts::within(spi, &scopes, &hash.text(0))?,
            _ => false,
        };
        if shown {
            out.push(member.id);
        }
    }
    Ok(out)
}

/// `accord.acknowledge`: an alarm is acknowledged for all databases that show it, so the caller must be granted each.
pub fn acknowledge(spi: &Spi, id: i64, reason: Option<&str>) -> Result<()> {
    let rights = Rights::of_caller(spi)?;
    if !rights.administers() {
        let granted = shown_to(spi, &rights, Operation::Acknowledge, id)?;
        let (own, others): (Vec<i64>, Vec<i64>) = showing(spi, id)?.into_iter().partition(|member| granted.contains(member));
        if own.is_empty() {
            return Err(undefined(id));
        }
        if !others.is_empty() {
            return Err(Error::new(
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("alarm {id} is not this role's alone to acknowledge"),
            )
            .hint("accord.suppress(…) excepts the databases that it was granted."));
        }
    }
    let rows = spi.query(
        "UPDATE accord.fleet_alarm SET state = 'acknowledged', changed = $4, acknowledged_by = $2, acknowledged_at = clock_timestamp(), reason = $3
          WHERE id = $1 AND state <> 'resolved' RETURNING id",
        &[Arg::Int(id), Arg::Text(&rights.who), Arg::MaybeText(reason), Arg::Float(now())],
        See::Transaction,
    )?;
    if rows.is_empty() {
        return Err(undefined(id));
    }
    rights.record(spi, "acknowledge", &json!({"alarm": id, "reason": reason}))
}

/// What a suppression is to cover.
pub struct Exception<'a> {
    /// Databases.
    pub selection: &'a str,
    /// Kind.
    pub kind: Option<&'a str>,
    /// missing, unexpected, different.
    pub difference: Option<&'a str>,
    /// Pattern on the fact in words.
    pub object: Option<&'a str>,
    /// An attribute.
    pub property: Option<&'a str>,
    /// An alarm, by its number.
    pub alarm: Option<i64>,
}

fn checked(exception: &Exception) -> Result<()> {
    members::selection(exception.selection)?;
    if let Some(kind) = exception.kind.filter(|kind| word::<Kind>(kind).is_none()) {
        return Err(
            Error::invalid(format!("\"{kind}\" is no kind of fact")).hint("Kinds are those of accord.model(): table, column, index, …")
        );
    }
    if let Some(difference) = exception.difference.filter(|text| word::<Difference>(text).is_none()) {
        return Err(Error::invalid(format!("\"{difference}\" is no difference")).hint("They are missing, unexpected and different."));
    }
    Ok(())
}

/// `accord.suppress`: returns its number. Only for databases that the caller was granted, now and later.
pub fn suppress(spi: &Spi, exception: &Exception, reason: &str, lasts: &Interval) -> Result<i64> {
    checked(exception)?;
    if reason.trim().is_empty() {
        return Err(Error::invalid("a suppression has a reason").hint("Who comes across it later wants to know why."));
    }
    let rights = Rights::of_caller(spi)?;
    let hash = match exception.alarm {
        None => None,
        Some(id) => {
            let rows = spi.query("SELECT encode(a.hash, 'hex') FROM accord.fleet_alarm a WHERE a.id = $1", &[Arg::Int(id)], See::Latest)?;
            let shown = rights.administers() || {
                let granted = shown_to(spi, &rights, Operation::Suppress, id)?;
                showing(spi, id)?.iter().any(|member| granted.contains(member))
            };
            Some(rows.first().filter(|_| shown).map(|row| row.text(0)).ok_or_else(|| undefined(id))?)
        }
    };
    // Whoever was granted a part says of which alarm: a pattern would cover what lies beside it.
    let said_of = |part: &Part| hash.as_ref().map_or(Ok(false), |hash| parts::within(spi, std::slice::from_ref(part), hash));
    let within = rights.within(Operation::Suppress, exception.selection, said_of)?;
    if within.is_empty() && exception.alarm.is_none() && rights.has_parts(Operation::Suppress) {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, "this role excepts single alarms only")
            .detail("It was granted parts of databases.")
            .hint("SELECT accord.suppress(reason, lasts, alarm => id); SELECT id, alarm FROM accord.alarms lists them."));
    }
    if within.is_empty() {
        return Err(Error::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, "this role may except no database from alarms")
            .hint("An administrator grants it: SELECT accord.grant_fleet(role, selection, '{suppress}')."));
    }
    let mut id = 0;
    for selection in within {
        let rows = spi.query(
            "INSERT INTO accord.fleet_suppression (owner, reason, expires_at, selection, kind, difference, object, property, hash)
             VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3), $4, $5, $6, $7, $8, $9) RETURNING id",
            &[
                Arg::Text(&rights.who),
                Arg::Text(reason),
                Arg::Float(lasts.as_micros() as f64 / 1e6),
                Arg::Text(&selection),
                Arg::MaybeText(exception.kind),
                Arg::MaybeText(exception.difference),
                Arg::MaybeText(exception.object),
                Arg::MaybeText(exception.property),
                Arg::MaybeText(hash.as_deref()),
            ],
            See::Transaction,
        )?;
        id = rows.first().map_or(0, |row| row.int(0));
        rights.record(spi, "suppress", &json!({"suppression": id, "selection": selection, "reason": reason}))?;
    }
    refresh(spi)?;
    Ok(id)
}

/// `accord.set_severity`
pub fn set_severity(spi: &Spi, position: i64, severity: &str, exception: &Exception) -> Result<()> {
    checked(exception)?;
    let severity: Severity = severity.parse().map_err(Error::invalid)?;
    spi.run(
        "INSERT INTO accord.fleet_severity (position, severity, selection, kind, difference, object, property) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (position) DO UPDATE SET severity = excluded.severity, selection = excluded.selection, kind = excluded.kind,
             difference = excluded.difference, object = excluded.object, property = excluded.property",
        &[
            Arg::Int(position),
            Arg::Text(severity.word()),
            Arg::Text(exception.selection),
            Arg::MaybeText(exception.kind),
            Arg::MaybeText(exception.difference),
            Arg::MaybeText(exception.object),
            Arg::MaybeText(exception.property),
        ],
    )?;
    rights::note(spi, "set_severity", &json!({"position": position, "severity": severity.word()}))?;
    refresh(spi)
}
