//! Gathers a report from the tables.

use super::conform;
use super::members::ids;
use super::parts::{self, Loaded};
use super::report::{Author, Group, Report};
use super::rights::{Operation, Reach, Rights};
use super::scope::Scope;
use super::store::{self, MAJOR};
use super::verdict::Deviation;
use crate::error::{Error, Result};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::Step;
use std::collections::HashMap;

/// Authors that a group names.
const AUTHORS: i64 = 3;

/// Why nothing mends it.
const GONE: &str = "the version that it is compared with is gone";

/// What stands on a group's card beside the difference itself.
struct Shown {
    hash: String,
    baseline: String,
    version: String,
    variant: Option<String>,
    major: Option<u32>,
    group: Group,
}

/// The report on what a selection selects.
pub fn report(spi: &Spi, text: &str) -> Result<Report> {
    let _frozen = spi.freeze();
    let rights = Rights::of_caller(spi)?;
    let selected = rights.selected(spi, Operation::Inspect, text)?;
    let every = ids(&selected);
    let whole = ids(selected.iter().filter(|member| matches!(rights.reach(Operation::Inspect, member), Reach::Whole)));
    let among = [Arg::Texts(&whole), Arg::Bool(rights.sees_all())];
    let mut report = Report { selection: text.to_owned(), databases: every.len(), ..Report::default() };
    let now = spi.query("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'", &[], See::Latest)?;
    report.at = now.first().map(|row| row.text(0)).unwrap_or_default();
    for row in spi.query(
        "SELECT v.baseline, CASE WHEN m.failures > 0 THEN 'unreadable' WHEN v.standing = 'outlier' AND NOT $2 THEN 'unheld' ELSE v.standing END, v.version, count(*)
           FROM accord.fleet_verdict v JOIN accord.fleet_member m ON m.id = v.member WHERE m.id = ANY ($1::bigint[]) GROUP BY 1, 2, 3",
        &among,
        See::Latest,
    )? {
        let count = row.int(3) as u64;
        *report.standings.entry(row.text(0)).or_default().entry(row.text(1)).or_default() += count;
        if let Some(version) = row.maybe_text(2) {
            *report.versions.entry(row.text(0)).or_default().entry(version).or_default() += count;
        }
    }
    // A reason holds addresses, which are no client's.
    let reason = if rights.sees_all() { "message" } else { "code" };
    for row in spi.query(
        "SELECT m.name, m.reason ->> $2 FROM accord.fleet_member m WHERE m.id = ANY ($1::bigint[]) AND m.failures > 0 ORDER BY 1",
        &[Arg::Texts(&every), Arg::Text(reason)],
        See::Latest,
    )? {
        report.unreadable.push((row.text(0), row.text(1)));
    }
    report.groups = groups(spi, &whole, rights.sees_all())?;
    if whole.len() < every.len() {
        in_part(spi, &rights, &every, &mut report)?;
    }
    Ok(report)
}

/// What is seen of databases of which the caller was granted a part.
fn in_part(spi: &Spi, rights: &Rights, among: &[String], report: &mut Report) -> Result<()> {
    let (mut pieces, mut seen) = parts::seen(spi, rights)?;
    let selected = |member: i64| among.contains(&member.to_string());
    pieces.retain(|piece| selected(piece.member));
    seen.retain(|each| selected(each.member));
    let down = spi.query(
        "SELECT m.id FROM accord.fleet_member m WHERE m.id = ANY ($1::bigint[]) AND m.failures > 0",
        &[Arg::Texts(among)],
        See::Latest,
    )?;
    for each in seen {
        let unread = down.iter().any(|row| row.int(0) == each.member);
        let standing = if unread { "unreadable".to_owned() } else { each.standing };
        *report.standings.entry(each.baseline.clone()).or_default().entry(standing).or_default() += 1;
        if let Some(version) = each.version {
            *report.versions.entry(each.baseline).or_default().entry(version).or_default() += 1;
        }
    }
    let mut loaded = Loaded::default();
    let mut groups: Vec<(Deviation, Group)> = Vec::new();
    for piece in pieces {
        if let Some((_, group)) = groups.iter_mut().find(|(shown, group)| *shown == piece.shown && group.baseline == piece.baseline) {
            group.databases.push(piece.name);
            continue;
        }
        let known = spi.query(
            "SELECT coalesce(a.severity, 'notice'), coalesce(a.state, 'open'), to_char(x.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
               FROM accord.fleet_deviation x LEFT JOIN accord.fleet_alarm a USING (hash)
              WHERE x.member = $1 AND x.baseline = $2 AND x.hash = decode($3, 'hex')",
            &[Arg::Int(piece.member), Arg::Text(&piece.baseline), Arg::Text(&piece.hash)],
            See::Latest,
        )?;
        let said = |i: usize| known.first().map(|row| row.text(i)).unwrap_or_default();
        let (expected, actual) = piece.shown.attributes();
        let mut group = Group {
            words: piece.shown.words(),
            baseline: piece.baseline.clone(),
            difference: piece.shown.difference.word().to_owned(),
            severity: said(0),
            state: said(1),
            since: said(2),
            databases: vec![piece.name],
            expected,
            actual,
            ..Group::default()
        };
        let variant = piece.variant.as_deref();
        let steps = loaded.version(spi, &piece.baseline, &piece.version, piece.major).ok_or_else(|| GONE.to_owned()).and_then(|baseline| {
            let scope = Scope { additive: false, ..piece.scope };
            conform::course((&baseline, variant), &[piece.bare], &baseline.material(variant)?, false, &[scope])
        });
        mends(&mut group, steps);
        groups.push((piece.shown, group));
    }
    report.groups.extend(groups.into_iter().map(|(_, group)| group));
    Ok(())
}

/// What most databases are is told to nobody who does not see all of them.
fn groups(spi: &Spi, members: &[String], all: bool) -> Result<Vec<Group>> {
    let rows = spi.query(
        &format!("SELECT encode(d.hash, 'hex'), d.baseline, d.words, d.difference, coalesce(a.severity, 'notice'), coalesce(a.state, 'open'),
                to_char(g.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), array_to_json(g.names)::text, d.expected::text, d.actual::text, g.version, g.variant,
                (SELECT json_agg(json_build_object('database', w.name, 'author', w.author))::text FROM
                    (SELECT m.name, x.author FROM accord.fleet_deviation x JOIN accord.fleet_member m ON m.id = x.member
                      WHERE x.hash = d.hash AND x.author IS NOT NULL AND m.id = ANY ($1::bigint[]) ORDER BY m.name LIMIT $2) w),
                g.major
           FROM (SELECT x.hash, min(x.since) AS since, array_agg(m.name ORDER BY m.name) AS names, min(v.version) AS version, min(v.variant) AS variant,
                        min({MAJOR}) AS major
                   FROM accord.fleet_deviation x JOIN accord.fleet_member m ON m.id = x.member
                   JOIN accord.fleet_verdict v ON v.member = x.member AND v.baseline = x.baseline
                  WHERE m.id = ANY ($1::bigint[]) AND (x.baseline <> '' OR $3) GROUP BY x.hash) g
           JOIN accord.fleet_difference d USING (hash) LEFT JOIN accord.fleet_alarm a USING (hash)
          ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, cardinality(g.names) DESC, d.words"),
        &[Arg::Texts(members), Arg::Int(AUTHORS), Arg::Bool(all)],
        See::Latest,
    )?;
    let mut shown = Vec::new();
    for row in &rows {
        let json = |i: usize| row.maybe_text(i).map(|text| serde_json::from_str(&text)).transpose().map_err(Error::from);
        let group = Group {
            words: row.text(2),
            baseline: row.text(1),
            difference: row.text(3),
            severity: row.text(4),
            state: row.text(5),
            since: row.text(6),
            databases: serde_json::from_str(&row.text(7))?,
            expected: json(8)?,
            actual: json(9)?,
            authors: authors(json(12)?),
            ..Group::default()
        };
        shown.push(Shown {
            hash: row.text(0),
            baseline: row.text(1),
            version: row.text(10),
            variant: row.maybe_text(11),
            major: store::major_of(row, 13),
            group,
        });
    }
    repairs(spi, &mut shown)?;
    Ok(shown.into_iter().map(|each| each.group).collect())
}

fn authors(list: Option<serde_json::Value>) -> Vec<Author> {
    let list = list.and_then(|list| list.as_array().cloned()).unwrap_or_default();
    list.iter()
        .map(|each| {
            let text = |name: &str| each["author"][name].as_str().unwrap_or("unknown").to_owned();
            Author {
                database: each["database"].as_str().unwrap_or_default().to_owned(),
                session_user: text("session_user"),
                role: text("role"),
                at: text("at"),
                statement: text("statement"),
            }
        })
        .collect()
}

/// The statements that mend each difference by itself.
fn repairs(spi: &Spi, shown: &mut [Shown]) -> Result<()> {
    let hashes: Vec<String> = shown.iter().map(|each| each.hash.clone()).collect();
    let deviations: HashMap<String, Deviation> = conform::deviations(spi, &hashes)?;
    let mut loaded = Loaded::default();
    for each in shown {
        if each.baseline.is_empty() {
            each.group.obstacle = Some("no baseline says how it should be".to_owned());
            continue;
        }
        let baseline = loaded.version(spi, &each.baseline, &each.version, each.major);
        let steps = match (baseline, deviations.get(&each.hash)) {
            (Some(baseline), Some(deviation)) => {
                let variant = each.variant.as_deref();
                baseline
                    .material(variant)
                    .and_then(|target| conform::course((&baseline, variant), std::slice::from_ref(deviation), &target, false, &[]))
            }
            _ => Err(GONE.to_owned()),
        };
        mends(&mut each.group, steps);
    }
    Ok(())
}

/// The statements, or why there are none.
fn mends(group: &mut Group, steps: std::result::Result<Vec<Step>, String>) {
    match steps {
        Ok(mut steps) => {
            crate::secrets::mask_steps(&mut steps);
            group.repair = steps.into_iter().map(|step| step.sql).collect();
        }
        Err(why) => group.obstacle = Some(why),
    }
}
