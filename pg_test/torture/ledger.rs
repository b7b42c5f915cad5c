//! The external ledger: what the clients that ran the transactions saw of them. Nothing in it comes from pg_accord.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What became of a transaction, as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// On its way, or the connection broke before the answer: the source's schema tells when it can be asked.
    Open,
    Committed,
    RolledBack,
    /// Committed, and lost with the server that had it: a failover or a backup that the harness brought about.
    Lost,
}

/// One transaction. Its number stands in the schema: each sets the comment of its session's own table to it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub session: usize,
    pub fate: Fate,
    pub begun: Instant,
    pub ended: Option<Instant>,
    /// It was lost once, back to being prepared, and was committed again.
    pub again: bool,
    /// It was lost once, and taken over from a replica: others receive it anew, with those after it.
    pub taken: bool,
    /// It ended about when a moment of the past was taken that the source came back to: it may not have been in a version
    /// by then, and have come into another one, which parts the histories although nothing of it is lost.
    pub anew: bool,
}

/// A commit is in a version by then.
const SEALED: Duration = Duration::from_secs(2);

#[derive(Default)]
pub struct Ledger(Mutex<Vec<Entry>>);

impl Ledger {
    /// A transaction begins: its number, from 1.
    pub fn begin(&self, session: usize) -> u64 {
        let mut entries = self.0.lock().expect("the ledger");
        entries.push(Entry { session, fate: Fate::Open, begun: Instant::now(), ended: None, again: false, taken: false, anew: false });
        entries.len() as u64
    }

    pub fn end(&self, number: u64, fate: Fate) {
        let entry = &mut self.0.lock().expect("the ledger")[number as usize - 1];
        entry.fate = fate;
        entry.ended.get_or_insert_with(Instant::now);
    }

    /// A prepared transaction is there still, or again: it is settled anew.
    pub fn reopen(&self, number: u64) {
        let entry = &mut self.0.lock().expect("the ledger")[number as usize - 1];
        entry.again |= entry.fate == Fate::Committed;
        (entry.fate, entry.ended) = (Fate::Open, None);
    }

    /// After a connection broke: the session's newest transaction that the source has is `newest`. Returns how many that
    /// had committed are lost.
    pub fn settle(&self, session: usize, newest: u64) -> usize {
        let mut lost = 0;
        for (entry, number) in self.0.lock().expect("the ledger").iter_mut().zip(1..).filter(|(entry, _)| entry.session == session) {
            entry.fate = match entry.fate {
                Fate::Open if number == newest => Fate::Committed,
                Fate::Open if entry.again => Fate::Lost,
                Fate::Open => Fate::RolledBack,
                Fate::Committed if number > newest => {
                    lost += 1;
                    Fate::Lost
                }
                fate => fate,
            };
            entry.ended.get_or_insert_with(Instant::now);
        }
        lost
    }

    /// What a session did between these two, which the source lost, comes back from a replica.
    pub fn take_over(&self, session: usize, beyond: u64, to: u64) {
        for (entry, number) in self.0.lock().expect("the ledger").iter_mut().zip(1..) {
            entry.taken |= entry.session == session && beyond < number && number <= to;
        }
    }

    /// The source came back to this moment.
    pub fn came_back(&self, to: Instant) {
        for entry in self.0.lock().expect("the ledger").iter_mut() {
            entry.anew |= entry.begun <= to && entry.ended.is_none_or(|ended| ended + SEALED > to);
        }
    }

    /// How many have begun.
    pub fn len(&self) -> usize {
        self.0.lock().expect("the ledger").len()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().expect("the ledger").clone()
    }

    /// How many came to this end.
    pub fn count(&self, fate: Fate) -> usize {
        self.0.lock().expect("the ledger").iter().filter(|entry| entry.fate == fate).count()
    }
}

/// What was done around a transaction, for a failing run's message: milliseconds from the first transaction's begin.
fn context(entries: &[Entry], seen: &[(usize, u64)], number: u64) -> String {
    let at = seen.iter().rposition(|(_, other)| *other == number).unwrap_or(0);
    let time = |time: Instant| time.duration_since(entries[0].begun).as_millis();
    let around = &seen[at.saturating_sub(4)..seen.len().min(at + 4)];
    around.iter().enumerate().fold(format!("\n  around {number}:"), |text, (i, (session, other))| {
        let entry = other.checked_sub(1).and_then(|at| entries.get(at as usize));
        let flags = |e: &Entry| {
            [("again", e.again), ("taken over", e.taken), ("anew", e.anew)]
                .iter()
                .filter(|(_, is)| *is)
                .map(|(word, _)| format!(", {word}"))
                .collect::<String>()
        };
        let times = entry.map_or(String::new(), |e| format!("{:?}{} {}..{:?} ms", e.fate, flags(e), time(e.begun), e.ended.map(time)));
        format!("{text}\n    {} {other} of session {session}: {times}", at.saturating_sub(4) + i)
    })
}

/// Judges what was seen on one server: `(session, number)` in the order in which it was done there. Every committed
/// transaction once and in order, nothing else; what was lost may have been there, and was undone.
pub fn judge(entries: &[Entry], seen: &[(usize, u64)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut standing: HashMap<usize, Vec<u64>> = HashMap::new();
    // What was done and not undone since.
    let mut done: Vec<(usize, u64)> = Vec::new();
    for &(session, number) in seen {
        let stack = standing.entry(session).or_default();
        let fate = number.checked_sub(1).and_then(|at| entries.get(at as usize)).map(|entry| entry.fate);
        match fate {
            None if number == 0 => {}
            None => faults.push(format!("transaction {number} was never begun")),
            Some(Fate::RolledBack | Fate::Open) => faults.push(format!("transaction {number} was rolled back, and seen")),
            Some(_) => {}
        }
        if stack.last() == Some(&number) {
            faults.push(format!("transaction {number} of session {session} was seen twice"));
        } else if stack.last().is_none_or(|last| *last < number) {
            stack.push(number);
            done.push((session, number));
        } else {
            // Led back: all that goes was lost on the source.
            while let Some(last) = stack.last().copied().filter(|last| *last > number) {
                stack.pop();
                done.retain(|(_, undone)| *undone != last);
                let entry = &entries[last as usize - 1];
                if entry.fate != Fate::Lost && !entry.again && !entry.taken && !entry.anew {
                    let context = context(entries, seen, last);
                    faults.push(format!("transaction {last} of session {session} was undone by {number}, and was not lost{context}"));
                }
            }
            if stack.last() != Some(&number) && number != 0 {
                faults.push(format!("transaction {number} of session {session} was seen late"));
            }
        }
    }
    let mut missing = Vec::new();
    for (entry, number) in entries.iter().zip(1_u64..) {
        let stack = standing.get(&entry.session).map_or(&[][..], Vec::as_slice);
        let stands = stack.contains(&number);
        match (entry.fate, stands) {
            // One version brought all that was taken over: its last comment is seen.
            (Fate::Committed, false) if entry.taken && stack.iter().any(|other| *other > number) => {}
            (Fate::Committed, false) => missing.push(number),
            (Fate::Lost, true) => faults.push(format!("transaction {number} of session {} was lost, and not undone", entry.session)),
            _ => {}
        }
    }
    if let Some(first) = missing.first() {
        faults.push(format!("{} transactions were committed and never seen, the first of them {first}", missing.len()));
    }
    // Across sessions: what had committed before another began was done before it.
    let mut earliest: Option<(Instant, u64)> = None;
    for &(_, number) in done.iter().rev() {
        let Some(entry) = number.checked_sub(1).and_then(|at| entries.get(at as usize)) else { continue };
        if entry.fate != Fate::Committed || entry.taken {
            continue;
        }
        if let Some((_, later)) = earliest.filter(|(ended, later)| *ended < entry.begun && *later != number) {
            let context = [number, later].map(|number| context(entries, seen, number)).join("");
            faults.push(format!("transaction {later} had committed before {number} began, and was done after it{context}"));
        }
        let ended = entry.ended.unwrap_or(entry.begun);
        if earliest.is_none_or(|(least, _)| ended < least) {
            earliest = Some((ended, number));
        }
    }
    faults
}
