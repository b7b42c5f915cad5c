//! What the demo's reader sees: at most 100 columns, colours on a terminal unless `NO_COLOR` is set.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

const WIDTH: usize = 100;

/// The states' columns.
const COLUMNS: [&str; 4] = ["offered", "negotiated", "applying", "acknowledged"];

pub struct Screen {
    colours: bool,
    /// The version whose line is not complete, and how many of its moments are printed.
    open: Option<(i64, usize)>,
}

impl Screen {
    pub fn new() -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colours, open: None }
    }

    pub fn title(&mut self, version: &str, source: &str, replica: &str) {
        line(&self.paint("1", "pg_accord: a schema and its replica, kept in agreement"));
        line("");
        line(&format!("  source    transactional cluster, PostgreSQL {version}, database {source}"));
        line(&format!("  replica   analytical cluster, PostgreSQL {version}, database {replica}"));
        line("");
        line(&self.paint("2", "  Times are milliseconds since the commit on the source."));
        self.table();
    }

    pub fn table(&mut self) {
        if self.open.is_none() {
            let heads = COLUMNS.map(|name| format!("{name:>13}")).concat();
            line("");
            line(&self.paint("2", &format!("  version  {:<28}{heads}", "change")));
        }
    }

    /// Begins a version's line, and adds the moments that are known by now.
    pub fn progress(&mut self, version: i64, title: &str, moments: &[Option<f64>; 4]) {
        let printed = match self.open {
            Some((open, printed)) if open == version => printed,
            _ => {
                self.close();
                print!("  {version:>7}  {:<28}", clip(title, 27));
                0
            }
        };
        let mut done = printed;
        for moment in moments[printed..].iter().map_while(|moment| *moment) {
            print!("{moment:>13.1}");
            done += 1;
        }
        self.open = Some((version, done));
        std::io::stdout().flush().ok();
    }

    pub fn acknowledged(&mut self, attempts: i64) {
        let mark = if attempts > 1 { format!(" ✓ {attempts}.") } else { " ✓".to_owned() };
        println!("{}", self.paint("32", &mark));
        self.open = None;
    }

    pub fn trouble(&mut self, state: &str, attempts: i64) {
        let times = if attempts > 1 { format!(", {attempts} tries") } else { String::new() };
        let colour = if state == "held" { "33" } else { "31" };
        println!("  {}", self.paint(colour, &format!("{state}{times}")));
        self.open = None;
    }

    pub fn reason(&mut self, text: &str) {
        self.paragraph("│ ", text, "");
    }

    pub fn hint(&mut self, text: &str) {
        self.paragraph("│ ", text, "2");
    }

    pub fn note(&mut self, text: &str) {
        self.paragraph("│ ", text, "2");
    }

    /// What a person does about it.
    pub fn act(&mut self, on: &str, sql: &str) {
        self.paragraph("└ ", &format!("{on}=# {sql}"), "36");
    }

    /// Something that happens around the changes.
    pub fn scene(&mut self, text: &str) {
        self.close();
        self.paragraph("* ", text, "35");
    }

    pub fn verdict(&mut self, ours: &str, theirs: &str, lines: usize, difference: Option<&str>) {
        self.close();
        line("");
        line(&format!("  fingerprint, source    {ours}"));
        let same = if ours == theirs { self.paint("32", "✓") } else { self.paint("31", "differs") };
        line(&format!("  fingerprint, replica   {theirs} {same}"));
        match difference {
            None => {
                let mark = self.paint("32", "✓");
                line(&format!("  pg_dump -s             {lines} lines, the same on both sides {mark}"));
            }
            Some(text) => line(&self.paint("31", text)),
        }
    }

    pub fn rows(&mut self, rows: &Result<(usize, i64), String>) {
        match rows {
            Ok((tables, count)) => {
                let mark = self.paint("32", "✓");
                line(&format!("  rows                   {count} in {tables} tables, the same on both sides {mark}"));
            }
            Err(text) => line(&self.paint("31", text)),
        }
    }

    #[allow(clippy::unused_self)] // as the others
    pub fn summary(&mut self, versions: i64, rows: u64, troubles: u32, took: Duration) {
        line("");
        line(&format!(
            "  {versions} versions while {rows} rows were written; {troubles} times a person was asked; {:.1} s in all.",
            took.as_secs_f64()
        ));
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            println!();
        }
    }

    fn paragraph(&self, mark: &str, text: &str, colour: &str) {
        for line in wrap(text, WIDTH - 13) {
            println!("           {mark}{}", self.paint(colour, &line));
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours && !colour.is_empty() { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn line(text: &str) {
    println!("{text}");
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_owned() } else { text.chars().take(width - 1).chain(['…']).collect() }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}
