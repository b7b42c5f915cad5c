//! The files of probes.
//!
//! `-- probe: name`, the setup, `-- ddl`, the change. After the name, flags in brackets: `order` (a column returns:
//! its place is another), `no-reverse` (what the change destroyed cannot be made again), `impossible` (the plan must
//! refuse), `since 17` (older majors do not know it).

/// One of each kind that hangs on no relation, as the catalog's tests read them.
const ALONE: &str = include_str!("../catalog/alone.sql");

/// A schema and one change of it.
pub struct Probe {
    pub name: String,
    pub flags: Vec<String>,
    pub setup: String,
    pub ddl: String,
}

impl Probe {
    /// Whether the major under test knows what it does.
    pub fn is_known(&self) -> bool {
        let since = |flag: &String| flag.strip_prefix("since ").and_then(|major| major.parse().ok());
        self.flags.iter().filter_map(since).all(|since: u32| crate::support::cluster::major() >= since)
    }

    /// Tells whether this is the probe that it was.
    #[allow(dead_code)] // not every target asks
    pub fn digest(&self) -> String {
        blake3::hash(format!("{}\n{}", self.setup, self.ddl).as_bytes()).to_hex()[..16].to_owned()
    }

    /// What is sent as one; a new label of an enum, for one, is of no use before its transaction has ended.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.ddl.split("\n-- then\n")
    }
}

/// The probes of a file.
pub fn parse(text: &str) -> Vec<Probe> {
    let mut probes: Vec<Probe> = Vec::new();
    let mut in_ddl = false;
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("-- probe: ") {
            let (name, flags) = head.split_once(" [").unwrap_or((head, ""));
            let flags = flags.trim_end_matches(']').split(", ").filter(|f| !f.is_empty()).map(str::to_owned).collect();
            probes.push(Probe { name: name.to_owned(), flags, setup: String::new(), ddl: String::new() });
            in_ddl = false;
        } else if line == "-- ddl" {
            in_ddl = true;
        } else if let Some(probe) = probes.last_mut() {
            let part = if in_ddl { &mut probe.ddl } else { &mut probe.setup };
            part.push_str(if line == "-- include alone.sql" { ALONE } else { line });
            part.push('\n');
        }
    }
    probes
}
