//! What was found, as it is kept in `docs/peers.json`, and the pages made of it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// What is compared: the properties, each by itself.
pub const PROBES: &str = include_str!("../plan/properties.sql");

/// How one direction of a probe ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The SQL runs, and pg_dump writes what it should.
    Same,
    /// So it does, but for the order of a table's columns.
    Order,
    /// The SQL runs and leads to another schema.
    Wrong,
    /// The SQL fails.
    Fails,
    /// The tool gives up with a message.
    Refused,
    /// No SQL, but a word that the tool does not look after such objects.
    Unmanaged,
    /// No SQL and no word.
    Silent,
}

impl Outcome {
    /// In a list.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "planned",
            Self::Order => "another order of columns",
            Self::Wrong => "another schema",
            Self::Fails => "SQL that fails",
            Self::Refused => "gives up",
            Self::Unmanaged => "said to be unmanaged",
            Self::Silent => "missed in silence",
        }
    }

    /// Whether there is any SQL.
    fn is_seen(self) -> bool {
        matches!(self, Self::Same | Self::Order | Self::Wrong | Self::Fails)
    }

    const BAD: [Self; 6] = [Self::Silent, Self::Unmanaged, Self::Refused, Self::Fails, Self::Wrong, Self::Order];
}

/// One direction of a probe by one tool.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    pub outcome: Outcome,
    /// The message, or the first line by which the schema differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Attempt {
    /// With the first line that says something.
    pub fn new(outcome: Outcome, why: &str) -> Self {
        let line = why.lines().map(|line| line.split_once("ERROR:  ").map_or(line, |(_, message)| message)).find(|line| !line.is_empty());
        Self { outcome, why: line.map(|line| line.chars().take(160).collect()) }
    }
}

/// A tool that took part.
#[derive(PartialEq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
    pub options: String,
}

/// A probe: there and back by each tool, in their order.
#[derive(Serialize, Deserialize)]
pub struct Probe {
    pub name: String,
    /// Of its text: another text is another probe.
    pub digest: String,
    pub attempts: Vec<[Attempt; 2]>,
}

impl Probe {
    fn kind(&self) -> &str {
        self.name.split_once(": ").map_or(self.name.as_str(), |(kind, _)| kind)
    }
}

/// One run over all probes.
#[derive(Default, Serialize, Deserialize)]
pub struct Comparison {
    pub date: String,
    pub server: String,
    pub tools: Vec<Tool>,
    pub probes: Vec<Probe>,
}

/// Between what the README's table stands.
const MARKS: [&str; 2] = ["<!-- written by `make peers` -->\n", "<!-- until here -->\n"];

impl Comparison {
    fn count(&self, tool: usize, way: usize, is: impl Fn(Outcome) -> bool) -> usize {
        self.probes.iter().filter(|probe| is(probe.attempts[tool][way].outcome)).count()
    }

    /// The README's table.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| | seen | planned | reversed | missed in silence | what is missed most |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for (place, tool) in self.tools.iter().enumerate() {
            let same = |outcome| outcome == Outcome::Same;
            let mut missed: BTreeMap<&str, usize> = BTreeMap::new();
            for probe in self.probes.iter().filter(|probe| !same(probe.attempts[place][0].outcome)) {
                *missed.entry(probe.kind()).or_default() += 1;
            }
            let mut missed: Vec<(usize, &str)> = missed.into_iter().map(|(kind, count)| (count, kind)).collect();
            missed.sort_by_key(|(count, kind)| (std::cmp::Reverse(*count), *kind));
            let missed: Vec<String> = missed.into_iter().take(6).map(|(count, kind)| format!("{kind} {count}")).collect();
            writeln!(
                text,
                "| {} {} | {} | {} | {} | {} | {} |",
                tool.name,
                tool.version,
                self.count(place, 0, Outcome::is_seen),
                self.count(place, 0, same),
                self.count(place, 1, same),
                self.count(place, 0, |outcome| outcome == Outcome::Silent),
                if missed.is_empty() { "–".to_owned() } else { missed.join(", ") },
            )
            .expect("a string grows");
        }
        text
    }

    /// `docs/peers.md`.
    pub fn page(&self) -> String {
        let mut page = format!(
            "# Beside other tools\n\n\
             Written by `make peers` on {}, PostgreSQL {}, from `docs/peers.json`. {} properties of schemas \
             (`pg_test/plan/properties.sql`), each changed alone: two databases that differ in nothing else are given to each tool, \
             the SQL that it prints is run by psql on a copy of the first, and `pg_dump --schema-only`, owners and privileges \
             included, must then write of the copy what it writes of the second, whatever the order of its entries. Then the \
             same from the second to the first. All tables are empty: whether rows would survive is not judged. Subscriptions and \
             security labels are left out.\n\n\
             - *seen*: any SQL at all. *planned*: it runs, and the schema is the one wanted. *reversed*: so does the way back.\n\
             - *missed in silence*: no SQL, and no word.\n\
             - *said to be unmanaged*: no SQL, but a warning that the tool does not look after such objects.\n\
             - *gives up*: a message instead of SQL. *SQL that fails*, *another schema*: judged by running it.\n\
             - *another order of columns* is not counted as planned.\n\n\
             | | options |\n| --- | --- |\n",
            self.date,
            self.server,
            self.probes.len()
        );
        for tool in &self.tools {
            writeln!(page, "| {} {} | {} |", tool.name, tool.version, tool.options).expect("a string grows");
        }
        self.totals(&mut page);
        self.by_kind(&mut page);
        for (place, tool) in self.tools.iter().enumerate() {
            self.missed_by(place, &tool.name, &mut page);
        }
        page
    }

    fn totals(&self, page: &mut String) {
        page.push_str("\n## In numbers\n\n| | seen | planned | reversed |");
        for outcome in Outcome::BAD {
            write!(page, " {} |", outcome.word()).expect("a string grows");
        }
        page.push_str("\n| --- | --- | --- | --- |");
        page.push_str(&" --- |".repeat(Outcome::BAD.len()));
        for (place, tool) in self.tools.iter().enumerate() {
            let of = |way, wanted| self.count(place, way, |outcome| outcome == wanted);
            let seen = self.count(place, 0, Outcome::is_seen);
            write!(page, "\n| {} | {seen} | {} | {} |", tool.name, of(0, Outcome::Same), of(1, Outcome::Same)).expect("a string grows");
            for outcome in Outcome::BAD {
                write!(page, " {} |", of(0, outcome)).expect("a string grows");
            }
        }
        page.push('\n');
    }

    fn by_kind(&self, page: &mut String) {
        page.push_str("\n## By kind\n\nPlanned / reversed.\n\n| kind | properties |");
        for tool in &self.tools {
            write!(page, " {} |", tool.name).expect("a string grows");
        }
        page.push_str("\n| --- | --- |");
        page.push_str(&" --- |".repeat(self.tools.len()));
        let mut kinds: Vec<&str> = Vec::new();
        for probe in &self.probes {
            if !kinds.contains(&probe.kind()) {
                kinds.push(probe.kind());
            }
        }
        for kind in kinds {
            let probes: Vec<&Probe> = self.probes.iter().filter(|probe| probe.kind() == kind).collect();
            write!(page, "\n| {kind} | {} |", probes.len()).expect("a string grows");
            for place in 0..self.tools.len() {
                let [there, back] = [0, 1].map(|way| probes.iter().filter(|p| p.attempts[place][way].outcome == Outcome::Same).count());
                write!(page, " {there} / {back} |").expect("a string grows");
            }
        }
        page.push('\n');
    }

    fn missed_by(&self, place: usize, name: &str, page: &mut String) {
        writeln!(page, "\n## What {name} misses\n").expect("a string grows");
        let mut lines = Vec::new();
        for outcome in Outcome::BAD {
            let names: Vec<&str> =
                self.probes.iter().filter(|probe| probe.attempts[place][0].outcome == outcome).map(|probe| probe.name.as_str()).collect();
            if !names.is_empty() {
                lines.push(format!("- *{}* ({}): {}", outcome.word(), names.len(), names.join("; ")));
            }
        }
        let one_way: Vec<String> = self
            .probes
            .iter()
            .filter(|probe| probe.attempts[place][0].outcome == Outcome::Same && probe.attempts[place][1].outcome != Outcome::Same)
            .map(|probe| format!("{} ({})", probe.name, probe.attempts[place][1].outcome.word()))
            .collect();
        if !one_way.is_empty() {
            lines.push(format!("- planned, and the way back is not ({}): {}", one_way.len(), one_way.join("; ")));
        }
        if lines.is_empty() {
            lines.push("Nothing of this.".to_owned());
        }
        writeln!(page, "{}", lines.join("\n")).expect("a string grows");
    }

    /// The README with this run's table in it.
    pub fn readme(&self, readme: &str) -> String {
        let [begin, end] = MARKS.map(|mark| readme.find(mark).expect("README.md has the marks of the table"));
        format!("{}{}{}", &readme[..begin + MARKS[0].len()], self.table(), &readme[end..])
    }

    /// What was kept of the last run; nothing where there was none.
    pub fn read(path: &Path) -> Self {
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// What each of these tools said earlier of a probe. The first one's own answers are always asked for anew.
    pub fn answered(&self, earlier: &[Self], name: &str, digest: &str) -> Vec<Option<[Attempt; 2]>> {
        let said = |tool: &Tool| {
            earlier.iter().filter(|run| run.server == self.server).find_map(|run| {
                let place = run.tools.iter().position(|other| other == tool)?;
                run.probes.iter().find(|probe| probe.name == name && probe.digest == digest)?.attempts.get(place).cloned()
            })
        };
        self.tools.iter().enumerate().map(|(place, tool)| if place == 0 { None } else { said(tool) }).collect()
    }

    /// Keeps what was found.
    pub fn write(&self, path: &Path) {
        write(path, &self.json());
    }

    /// Puts the pages where they belong.
    pub fn write_pages(&self, root: &Path) {
        write(&root.join("docs/peers.md"), &self.page());
        let path = root.join("README.md");
        let readme = std::fs::read_to_string(&path).expect("read README.md");
        write(&path, &self.readme(&readme));
    }

    /// One line for each probe.
    fn json(&self) -> String {
        fn one(value: &impl Serialize) -> String {
            serde_json::to_string(value).expect("JSON")
        }
        let probes: Vec<String> = self.probes.iter().map(one).collect();
        format!(
            "{{\"date\": {}, \"server\": {}, \"tools\": {}, \"probes\": [\n{}\n]}}\n",
            one(&self.date),
            one(&self.server),
            one(&self.tools),
            probes.join(",\n")
        )
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}
