//! Gathers a report from the tables.

use super::baseline::Baseline;
use super::members::ids;
use super::report::{Author, Group, Report};
use super::rights::{Operation, Rights};
use super::verdict::Deviation;
use super::{conform, store};
use crate::error::{Error, Result};
use crate::pg::spi::{Arg, Cells, See, Spi};
use std::collections::HashMap;

/// Authors that a group names.
const AUTHORS: i64 = 3;

/// What stands on a group's card beside the difference itself.
struct Shown {
    hash: String,
    baseline: String,
    version: String,
    variant: Option<String>,
    group: Group,
}

/// The report on what a selection selects.
pub fn report(spi: &Spi, text: &str) -> Result<Report> {
    let _frozen = spi.freeze();
    let members = ids(&Rights::of_caller(spi)?.selected(spi, Operation::Inspect, text)?);
    let among = [Arg::Texts(&members)];
    let mut report = Report { selection: text.to_owned(), databases: members.len(), ..Report::default() };
    let now = spi.query("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'", &[], See::Latest)?;
    report.at = now.first().map(|row| row.text(0)).unwrap_or_default();
    for row in spi.query(
        "SELECT v.baseline, CASE WHEN m.failures > 0 THEN 'unreadable' ELSE v.standing END, v.version, count(*)
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
    for row in spi.query(
        "SELECT m.name, m.reason ->> 'message' FROM accord.fleet_member m WHERE m.id = ANY ($1::bigint[]) AND m.failures > 0 ORDER BY 1",
        &among,
        See::Latest,
    )? {
        report.unreadable.push((row.text(0), row.text(1)));
    }
    report.groups = groups(spi, &members)?;
    Ok(report)
}

fn groups(spi: &Spi, members: &[String]) -> Result<Vec<Group>> {
    let rows = spi.query(
        "SELECT encode(d.hash, 'hex'), d.baseline, d.words, d.difference, coalesce(a.severity, 'notice'), coalesce(a.state, 'open'),
                to_char(g.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), array_to_json(g.names)::text, d.expected::text, d.actual::text, g.version, g.variant,
                (SELECT json_agg(json_build_object('database', w.name, 'author', w.author))::text FROM
                    (SELECT m.name, x.author FROM accord.fleet_deviation x JOIN accord.fleet_member m ON m.id = x.member
                      WHERE x.hash = d.hash AND x.author IS NOT NULL AND m.id = ANY ($1::bigint[]) ORDER BY m.name LIMIT $2) w)
           FROM (SELECT x.hash, min(x.since) AS since, array_agg(m.name ORDER BY m.name) AS names, min(v.version) AS version, min(v.variant) AS variant
                   FROM accord.fleet_deviation x JOIN accord.fleet_member m ON m.id = x.member
                   JOIN accord.fleet_verdict v ON v.member = x.member AND v.baseline = x.baseline
                  WHERE m.id = ANY ($1::bigint[]) GROUP BY x.hash) g
           JOIN accord.fleet_difference d USING (hash) LEFT JOIN accord.fleet_alarm a USING (hash)
          ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, cardinality(g.names) DESC, d.words",
        &[Arg::Texts(members), Arg::Int(AUTHORS)],
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
        shown.push(Shown { hash: row.text(0), baseline: row.text(1), version: row.text(10), variant: row.maybe_text(11), group });
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
    let mut loaded: HashMap<(String, String), Option<Baseline>> = HashMap::new();
    for each in shown {
        let key = (each.baseline.clone(), each.version.clone());
        let baseline =
            loaded.entry(key).or_insert_with_key(|(name, version)| store::load(spi, name, Some(version)).ok().map(|(_, read)| read));
        let steps = match (baseline, deviations.get(&each.hash)) {
            (Some(baseline), Some(deviation)) => {
                let variant = each.variant.as_deref();
                baseline
                    .material(variant)
                    .and_then(|target| conform::course((baseline, variant), std::slice::from_ref(deviation), &target, false))
            }
            _ => Err("the version that it is compared with is gone".to_owned()),
        };
        match steps {
            Ok(mut steps) => {
                crate::secrets::mask_steps(&mut steps);
                each.group.repair = steps.into_iter().map(|step| step.sql).collect();
            }
            Err(why) => each.group.obstacle = Some(why),
        }
    }
    Ok(())
}
