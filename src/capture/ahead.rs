//! A full read: the queries run here, and a thread beside makes facts of their rows meanwhile.
//!
//! The thread never touches the server: it asks by a channel for what it needs, and what every full read needs is
//! run before it asks.

use super::read::read_unlocked;
use crate::catalog::{self, Aspects, Malformed, Reader, Rows};
use crate::error::{Error, Result};
use crate::pg::process;
use crate::pg::spi::Spi;
use pgrx::check_for_interrupts;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

/// A query that only the rows of others lead to.
struct Question {
    sql: &'static str,
    oids: Option<Vec<u32>>,
    locking: bool,
    /// The thread does not wait for it yet.
    announced: bool,
}

impl Question {
    fn answer(&self, spi: &Spi) -> Result<Rows> {
        match &self.oids {
            Some(oids) if self.locking => read_unlocked(spi, self.sql, oids),
            oids => spi.read(self.sql, oids.as_deref()),
        }
    }
}

/// The rows of a query: of one that was foreseen or announced, or of the last question.
struct Answer {
    ahead: Option<&'static str>,
    rows: Rows,
}

/// Why the thread made no facts.
enum Stopped {
    Malformed(Malformed),
    /// A query failed.
    Unanswered,
}

impl From<Malformed> for Stopped {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// The thread's end.
struct Asking {
    major: u32,
    /// What comes without a question.
    foreseen: HashSet<&'static str>,
    /// The objects for which a query was announced.
    announced: HashMap<&'static str, Vec<u32>>,
    /// What came before it was asked for.
    early: HashMap<&'static str, Rows>,
    questions: Sender<Question>,
    answers: Receiver<Answer>,
}

impl Asking {
    /// Waits for the rows of a query that was foreseen or announced, or of the last question.
    fn wait(&mut self, awaited: Option<&'static str>) -> std::result::Result<Rows, Stopped> {
        if let Some(rows) = awaited.and_then(|sql| self.early.remove(sql)) {
            return Ok(rows);
        }
        loop {
            let Answer { ahead, rows } = self.answers.recv().map_err(|_| Stopped::Unanswered)?;
            if ahead == awaited {
                return Ok(rows);
            }
            self.early.extend(ahead.map(|sql| (sql, rows)));
        }
    }

    fn ask(&mut self, question: Question) -> std::result::Result<Rows, Stopped> {
        self.questions.send(question).map_err(|_| Stopped::Unanswered)?;
        self.wait(None)
    }
}

impl Reader for Asking {
    type Error = Stopped;
    fn major(&self) -> u32 {
        self.major
    }
    fn rows(&mut self, sql: &'static str, oids: Option<&[u32]>) -> std::result::Result<Rows, Stopped> {
        // Each comes once.
        if oids.is_none() && self.foreseen.remove(sql) {
            return self.wait(Some(sql));
        }
        self.ask(Question { sql, oids: oids.map(<[u32]>::to_vec), locking: false, announced: false })
    }
    fn rows_locking(&mut self, sql: &'static str, oids: &[u32]) -> std::result::Result<Rows, Stopped> {
        if self.announced.remove(sql).is_some_and(|announced| announced == oids) {
            return self.wait(Some(sql));
        }
        self.ask(Question { sql, oids: Some(oids.to_vec()), locking: true, announced: false })
    }
    fn announce(&mut self, sql: &'static str, oids: &[u32]) {
        self.announced.insert(sql, oids.to_vec());
        // Where nobody answers any more, the next question says so.
        let _ = self.questions.send(Question { sql, oids: Some(oids.to_vec()), locking: true, announced: true });
    }
}

/// Runs what the thread waits for as soon as it does, and before that what every full read asks, in its order, and
/// what was announced.
fn answer(spi: &Spi, foreseen: Vec<&'static str>, questions: &Receiver<Question>, answers: &Sender<Answer>) -> Result<()> {
    // That the thread has ended shows when it asks no more.
    let give = |ahead, rows| drop(answers.send(Answer { ahead, rows }));
    let (mut foreseen, mut announced) = (foreseen.into_iter(), VecDeque::new());
    loop {
        let question = match questions.try_recv() {
            Ok(question) => question,
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {
                if let Some(sql) = foreseen.next() {
                    give(Some(sql), spi.read(sql, None)?);
                    continue;
                }
                if let Some(question) = announced.pop_front() {
                    let rows = Question::answer(&question, spi)?;
                    give(Some(question.sql), rows);
                    continue;
                }
                match questions.recv_timeout(Duration::from_millis(20)) {
                    Ok(question) => question,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    Err(RecvTimeoutError::Timeout) => {
                        check_for_interrupts!();
                        continue;
                    }
                }
            }
        };
        if question.announced {
            announced.push_back(question);
        } else {
            give(None, question.answer(spi)?);
        }
    }
}

/// Reads everything in these aspects.
pub(super) fn read_full(spi: &Spi, major: u32, aspects: Aspects) -> Result<catalog::Read> {
    let foreseen = catalog::foreseen(major, aspects)?;
    let (questions, asked) = channel();
    let (given, answers) = channel();
    let mut asking = Asking {
        major,
        foreseen: foreseen.iter().copied().collect(),
        announced: HashMap::new(),
        early: HashMap::new(),
        questions,
        answers,
    };
    std::thread::scope(|scope| {
        // Its ends close when an error unwinds, and the thread stops.
        let (asked, given) = (asked, given);
        let thread = process::beside(scope, move || catalog::read_full(&mut asking, aspects))?;
        let answered = answer(spi, foreseen, &asked, &given);
        drop((asked, given));
        let read = process::joined(thread);
        answered?;
        read.map_err(|stopped| match stopped {
            Stopped::Malformed(malformed) => malformed.into(),
            Stopped::Unanswered => Error::internal("a full read stopped half-way"),
        })
    })
}
