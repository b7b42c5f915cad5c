//! The fleet at a glance: as text, as JSON, and as one page of HTML that needs nothing but itself. PURE.

#![forbid(unsafe_code)]

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Names that a group lists in the text before it only counts.
const LISTED: usize = 8;

/// What is reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// When, in words.
    pub at: String,
    /// The selection, as it was asked for.
    pub selection: String,
    /// How many databases.
    pub databases: usize,
    /// How many stand how, by baseline.
    pub standings: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many stand at which version, by baseline.
    pub versions: BTreeMap<String, BTreeMap<String, u64>>,
    /// What some show alike, worst first.
    pub groups: Vec<Group>,
    /// Databases that could not be read, each with why.
    pub unreadable: Vec<(String, String)>,
}

/// A difference that some databases show.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// In words.
    pub words: String,
    /// Of which baseline.
    pub baseline: String,
    /// `missing`, `unexpected`, `different`.
    pub difference: String,
    /// Of the alarm.
    pub severity: String,
    /// Of the alarm.
    pub state: String,
    /// Since when, in words.
    pub since: String,
    /// Who shows it.
    pub databases: Vec<String>,
    /// The attributes as they are expected.
    pub expected: Option<Value>,
    /// The attributes as they are.
    pub actual: Option<Value>,
    /// Who did it, where that is known: database, role, time, statement.
    pub authors: Vec<Author>,
    /// The statements that mend it.
    pub repair: Vec<String>,
    /// Why there are none.
    pub obstacle: Option<String>,
}

/// Who made a difference.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Author {
    /// Where.
    pub database: String,
    /// Session user, and the role in effect.
    pub session_user: String,
    /// The role in effect.
    pub role: String,
    /// When, in words.
    pub at: String,
    /// The statement.
    pub statement: String,
}

impl Group {
    fn held_to(&self) -> &str {
        if self.baseline.is_empty() { "unlike most" } else { &self.baseline }
    }
}

impl Report {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let selection = if self.selection.is_empty() { String::new() } else { format!(" ({})", self.selection) };
        let _ = writeln!(out, "{} databases{selection}, {}", self.databases, self.at);
        for (baseline, standings) in &self.standings {
            let _ = writeln!(out, "\n{}", if baseline.is_empty() { "without a baseline" } else { baseline });
            for (standing, count) in standings {
                let _ = writeln!(out, "  {count:>6}  {standing}");
            }
        }
        for group in &self.groups {
            let _ = writeln!(out, "\n{}: {} ({})", group.severity, group.words, group.held_to());
            let names: Vec<&str> = group.databases.iter().take(LISTED).map(String::as_str).collect();
            let more = group.databases.len().saturating_sub(LISTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ =
                writeln!(out, "  {} databases, {} since {}: {}{more}", group.databases.len(), group.state, group.since, names.join(", "));
            for (what, side) in [("expected", &group.expected), ("actual", &group.actual)] {
                if let Some(side) = side {
                    let _ = writeln!(out, "  {what}: {side}");
                }
            }
            if let Some(author) = group.authors.first() {
                let _ = writeln!(out, "  by {} on {} at {}: {}", author.session_user, author.database, author.at, author.statement);
            }
            for statement in &group.repair {
                let _ = writeln!(out, "  {statement};");
            }
            if let Some(obstacle) = &group.obstacle {
                let _ = writeln!(out, "  no statement mends it: {obstacle}");
            }
        }
        if !self.unreadable.is_empty() {
            let _ = writeln!(out, "\nnot read");
            for (name, why) in &self.unreadable {
                let _ = writeln!(out, "  {name}: {why}");
            }
        }
        out
    }

    /// One page that loads nothing.
    pub fn html(&self) -> String {
        let mut out = String::from(HEAD);
        let _ = write!(out, "<h1>Fleet: {} databases</h1><p class=\"quiet\">{}", self.databases, escaped(&self.at));
        if !self.selection.is_empty() {
            let _ = write!(out, " · <code>{}</code>", escaped(&self.selection));
        }
        out.push_str(
            "</p><section id=\"summary\"><table><thead><tr><th>Baseline</th><th>Standing</th><th>Databases</th></tr></thead><tbody>",
        );
        for (baseline, standings) in &self.standings {
            for (standing, count) in standings {
                let name = if baseline.is_empty() { "none" } else { baseline };
                let _ = write!(
                    out,
                    "<tr class=\"{0}\"><td>{1}</td><td>{0}</td><td class=\"number\">{count}</td></tr>",
                    escaped(standing),
                    escaped(name)
                );
            }
        }
        out.push_str("</tbody></table>");
        for (baseline, versions) in &self.versions {
            let _ = write!(out, "<details><summary>Versions of {}</summary><table><tbody>", escaped(baseline));
            for (version, count) in versions {
                let _ = write!(out, "<tr><td>{}</td><td class=\"number\">{count}</td></tr>", escaped(version));
            }
            out.push_str("</tbody></table></details>");
        }
        out.push_str("</section><section id=\"groups\">");
        if self.groups.is_empty() {
            out.push_str("<p>No database deviates.</p>");
        }
        for group in &self.groups {
            let _ = write!(
                out,
                "<article class=\"{}\"><h2>{}</h2><p><strong>{}</strong> · {} · {} · {}, since {}</p>",
                escaped(&group.severity),
                escaped(&group.words),
                escaped(&group.severity),
                escaped(&group.state),
                escaped(group.held_to()),
                counted(group.databases.len()),
                escaped(&group.since)
            );
            sides(&mut out, group.expected.as_ref(), group.actual.as_ref());
            for author in &group.authors {
                let _ = write!(
                    out,
                    "<p class=\"quiet\">{} · {} as {} · {}<br><code>{}</code></p>",
                    escaped(&author.database),
                    escaped(&author.session_user),
                    escaped(&author.role),
                    escaped(&author.at),
                    escaped(&author.statement)
                );
            }
            let _ = write!(out, "<details><summary>Databases</summary><p>{}</p></details>", escaped(&group.databases.join(", ")));
            if let Some(obstacle) = &group.obstacle {
                let _ = write!(out, "<p>No statement mends it: {}</p>", escaped(obstacle));
            } else {
                out.push_str("<details open><summary>Repair</summary><pre class=\"repair\">");
                for statement in &group.repair {
                    let _ = writeln!(out, "{};", escaped(statement));
                }
                out.push_str("</pre></details>");
            }
            out.push_str("</article>");
        }
        out.push_str("</section>");
        if !self.unreadable.is_empty() {
            out.push_str("<section id=\"unreadable\"><h2>Not read</h2><table><tbody>");
            for (name, why) in &self.unreadable {
                let _ = write!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(why));
            }
            out.push_str("</tbody></table></section>");
        }
        out.push_str("</main></body></html>\n");
        out
    }
}

fn counted(databases: usize) -> String {
    if databases == 1 { "1 database".to_owned() } else { format!("{databases} databases") }
}

/// What is expected beside what is there, an attribute a row; those that differ stand out.
fn sides(out: &mut String, expected: Option<&Value>, actual: Option<&Value>) {
    let of = |side: Option<&Value>, name: &str| side.and_then(|side| side.get(name)).cloned();
    let mut names: Vec<&String> = Vec::new();
    for name in [expected, actual].into_iter().flatten().filter_map(Value::as_object).flat_map(|side| side.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let head = |side: Option<&Value>, what: &str| format!("<th>{what}{}</th>", if side.is_none() { ": nothing" } else { "" });
    let _ = write!(
        out,
        "<table class=\"sides\"><thead><tr><th></th>{}{}</tr></thead><tbody>",
        head(expected, "Expected"),
        head(actual, "Actual")
    );
    for name in names {
        let (left, right) = (of(expected, name), of(actual, name));
        let other = if left != right && expected.is_some() && actual.is_some() { " class=\"other\"" } else { "" };
        let cell = |side: Option<Value>| side.map_or_else(|| "—".to_owned(), |value| escaped(&plain(&value)));
        let _ =
            write!(out, "<tr{other}><td>{}</td><td><pre>{}</pre></td><td><pre>{}</pre></td></tr>", escaped(name), cell(left), cell(right));
    }
    out.push_str("</tbody></table>");
}

/// A value as a person writes it: texts as they are, a list line by line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim_matches('\n').to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join("\n"),
        Value::Object(map) => map.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Text in HTML. What databases hold is never markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Fleet report</title><style>\
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1c2733;background:#f6f7f9}main{max-width:72rem;margin:0 auto;padding:2rem 1rem}\
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:0 0 .3rem}.quiet{color:#5c6b7a}table{border-collapse:collapse;margin:.5rem 0}\
th,td{text-align:left;padding:.25rem .8rem;border-bottom:1px solid #dde3ea;vertical-align:top}.number{text-align:right;font-variant-numeric:tabular-nums}\
article{background:#fff;border-left:5px solid #8ba0b5;border-radius:4px;padding:1rem;margin:1rem 0;box-shadow:0 1px 2px #0002}\
article.critical{border-color:#c0392b}article.warning{border-color:#d68910}article.notice{border-color:#2e86c1}\
.sides{width:100%;table-layout:fixed}.sides th:first-child{width:9rem}.sides tr.other td{background:#fdf3e7}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font-size:.87rem}.repair{background:#eef2f6;padding:.6rem;border-radius:4px}\
tr.deviates td,tr.unreadable td{color:#a93226}tr.behind td,tr.unmodelled td{color:#9a6a08}summary{cursor:pointer}\
</style></head><body><main>";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report() -> Report {
        Report {
            at: "2026-01-01 00:00:00 UTC".to_owned(),
            selection: "env = <prod>".to_owned(),
            databases: 12,
            standings: BTreeMap::from([("shop".to_owned(), BTreeMap::from([("conforms".to_owned(), 10), ("deviates".to_owned(), 2)]))]),
            groups: vec![Group {
                words: "index shop.<script>alert(1)</script> is missing".to_owned(),
                baseline: "shop".to_owned(),
                severity: "critical".to_owned(),
                state: "open".to_owned(),
                databases: (1..=12).map(|i| format!("db{i}")).collect(),
                expected: Some(json!({"definition": "USING btree (\"a&b\")"})),
                repair: vec!["CREATE INDEX x ON y (z)".to_owned()],
                authors: vec![Author { session_user: "dba".to_owned(), statement: "DROP INDEX x".to_owned(), ..Author::default() }],
                ..Group::default()
            }],
            unreadable: vec![("db13".to_owned(), "refused".to_owned())],
            ..Report::default()
        }
    }

    #[test]
    fn what_databases_hold_is_never_markup() {
        let html = report().html();
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;alert(1)"));
        assert!(html.contains("env = &lt;prod&gt;") && html.contains("a&amp;b"));
        assert!(html.contains("<th>Actual: nothing</th>") && html.contains("12 databases, since"));
        // Nothing is loaded from anywhere.
        for outside in ["http://", "https://", " src=", "<link", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn what_differs_stands_out_and_texts_are_as_they_were_written() {
        let mut report = report();
        report.groups[0].expected = Some(json!({"definition": " SELECT a\n   FROM b", "options": ["x=1", "y=2"]}));
        report.groups[0].actual =
            Some(json!({"definition": " SELECT c\n   FROM b", "options": ["x=1", "y=2"], "check": {"option": "local"}}));
        report.groups[0].databases.truncate(1);
        let html = report.html();
        for part in [
            "<tr class=\"other\"><td>definition</td><td><pre> SELECT a\n   FROM b</pre></td><td><pre> SELECT c\n   FROM b</pre></td></tr>",
            "<tr><td>options</td><td><pre>x=1\ny=2</pre></td><td><pre>x=1\ny=2</pre></td></tr>",
            "<tr class=\"other\"><td>check</td><td><pre>—</pre></td><td><pre>option: local</pre></td></tr>",
            "1 database, since",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn the_text_counts_and_names() {
        let text = report().text();
        for part in [
            "12 databases (env = <prod>)",
            "    10  conforms",
            "critical: index",
            "and 4 more",
            "CREATE INDEX x ON y (z);",
            "by dba",
            "db13: refused",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
