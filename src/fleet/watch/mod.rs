//! The watch: a process of its own in the control database, started by that database's worker as soon as it has
//! members. It hands out no more work at a time than `accord.fleet_connections`, and records what comes back.

mod call;
mod copy;
pub mod mend;
mod network;
mod post;
mod reader;
mod session;
pub mod settings;
mod visit;
pub mod work;

use self::work::{Answer, Command, Shelf, Work};
use super::{alarms, conform, members, outliers, record, reports, store};
use crate::pg::{process, spi, wake};
use crate::worker::{LIBRARY, complain, settings as served, step_failed};
use network::Network;
use pgrx::bgworkers::{BackgroundWorkerBuilder, DynamicBackgroundWorker};
use pgrx::prelude::*;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between rounds that nobody asked for.
const TICK: Duration = Duration::from_secs(1);
/// Members that are read from the table at a time.
const BATCH: i64 = 256;
/// Between looks at alarms while answers come in, and when none do: suppressions end.
const ALARMS: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(30);
/// Reports that are under way at a time.
const REPORTS: usize = 4;
/// Between attempts to start a watch.
const RESTART: Duration = Duration::from_secs(2);

/// Starts a watch where there are members and none runs. Called by the database's worker in its rounds.
pub fn attend(last: &mut Option<Instant>) {
    if wake::fleet_watched() || last.is_some_and(|at| at.elapsed() < RESTART) {
        return;
    }
    match process::ledger_transaction(|| spi::connect(needed)) {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            step_failed("looking for a fleet", &error);
            return;
        }
    }
    *last = Some(Instant::now());
    if start("pg_accord fleet", "pg_accord_fleet_main").is_none() {
        pgrx::warning!("pg_accord: the fleet's watch could not be started (raise max_worker_processes)");
    }
}

/// Starts a process of the fleet's in this database.
fn start(name: &str, function: &str) -> Option<DynamicBackgroundWorker> {
    BackgroundWorkerBuilder::new(name)
        .set_type(name)
        .set_library(LIBRARY)
        .set_function(function)
        .enable_spi_access()
        .set_argument(Some(pg_sys::Datum::from(process::own_database() as usize)))
        .set_notify_pid(process::own_pid())
        .load_dynamic()
        .ok()
}

fn needed(spi: &spi::Spi) -> crate::error::Result<bool> {
    use crate::pg::spi::Cells;
    let sql = "SELECT EXISTS (SELECT FROM accord.fleet_member) OR EXISTS (SELECT FROM accord.fleet_source)";
    Ok(spi.query(sql, &[], spi::See::Latest)?.first().is_some_and(|row| row.bool(0)))
}

/// The process of one database's watch. The argument is the database's OID.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_accord_fleet_main(arg: pg_sys::Datum) {
    process::handle_signals();
    process::connect(Some(arg.value() as u32));
    process::settle(c"pg_accord fleet");
    if wake::enter(wake::Role::Fleet) {
        Watch::new().run();
    }
}

/// Whether there is something to watch from here: the extension, a primary, and this database among those served.
fn stays() -> bool {
    let found = process::transaction(|| Ok((process::extension_created(), process::own_database_name())));
    match found {
        Ok((created, name)) => created && !process::in_recovery() && name.is_some_and(|name| served::databases().contains(&name)),
        Err(error) => {
            complain("looking for the extension", &error);
            false
        }
    }
}

/// The watch.
struct Watch {
    network: Option<Network>,
    shelf: Arc<Shelf>,
    /// Visits that are read from the table and not handed out yet.
    queue: VecDeque<work::Visit>,
    /// Members that are visited or queued, servers that are surveyed, as they are excepted from the next reading.
    visiting: HashSet<i64>,
    surveying: HashSet<i64>,
    /// Members to whom a session is kept.
    kept: HashSet<i64>,
    /// Channels to which a report is under way, and the process that calls functions.
    reporting: HashSet<i64>,
    caller: Option<DynamicBackgroundWorker>,
    /// Pieces of work on members that are out.
    out: usize,
    alarms_due: bool,
    /// Members that no baseline selects may be others than when they were compared with each other.
    majority_due: bool,
    alarms_at: Instant,
    resumed: bool,
}

impl Watch {
    fn new() -> Self {
        Self {
            network: None,
            shelf: Arc::default(),
            queue: VecDeque::new(),
            visiting: HashSet::new(),
            surveying: HashSet::new(),
            kept: HashSet::new(),
            reporting: HashSet::new(),
            caller: None,
            out: 0,
            alarms_due: true,
            majority_due: true,
            alarms_at: Instant::now(),
            resumed: false,
        }
    }

    /// Until the database is no longer served, or the extension is gone.
    fn run(mut self) {
        while stays() {
            self.record();
            self.prepare();
            self.hand_out();
            self.alarms();
            self.report();
            process::show_activity(None);
            process::wait(self.network.as_ref().map(Network::bell), TICK);
        }
    }

    /// Records what the network thread brought.
    fn record(&mut self) {
        let answers = self.network.as_mut().map(Network::notes).unwrap_or_default();
        if answers.is_empty() {
            return;
        }
        process::show_activity(Some(c"recording"));
        if let Err(error) = self.write(&answers) {
            // One of them cannot be recorded: find it, and do not lose the others.
            step_failed("recording what was compared", &error);
            for answer in &answers {
                if let Err(error) = self.write(std::slice::from_ref(answer)) {
                    step_failed("recording what was compared", &error);
                }
            }
        }
        for answer in answers {
            if let Answer::Reported { channel, .. } = answer {
                self.reporting.remove(&channel);
                continue;
            }
            self.out = self.out.saturating_sub(1);
            match answer {
                Answer::Visited { member, kept, .. } => {
                    self.visiting.remove(&member);
                    if kept {
                        self.kept.insert(member)
                    } else {
                        self.kept.remove(&member)
                    };
                }
                Answer::Surveyed { source, .. } => drop(self.surveying.remove(&source)),
                Answer::Mended { .. } | Answer::Reported { .. } => {}
            }
        }
    }

    fn write(&mut self, answers: &[Answer]) -> Result<(), crate::pg::subtransaction::Caught> {
        let recorded = process::ledger_transaction(|| {
            process::commit_lazily();
            spi::connect(|spi| record::record(spi, answers))
        })?;
        self.alarms_due |= recorded.alarms;
        self.majority_due |= recorded.alarms;
        if !recorded.known.is_empty() || !recorded.models.is_empty() {
            let (mut known, mut models) = (self.shelf.known.clone(), self.shelf.models.clone());
            known.extend(recorded.known);
            models.extend(recorded.models);
            self.shelf = Arc::new(Shelf { generation: self.shelf.generation, series: self.shelf.series.clone(), known, models });
        }
        Ok(())
    }

    /// Reads what is to be done, as far as there is room.
    fn prepare(&mut self) {
        let room = settings::connections();
        if !self.resumed {
            self.resumed = process::ledger_transaction(|| spi::connect(conform::resume)).is_ok();
        }
        let visiting: Vec<String> = self.visiting.iter().map(ToString::to_string).collect();
        let surveying: Vec<String> = self.surveying.iter().map(ToString::to_string).collect();
        let kept: Vec<String> = self.kept.iter().map(ToString::to_string).collect();
        let hungry = self.queue.len() < room;
        let free = room.saturating_sub(self.out);
        let held = self.shelf.clone();
        let read = process::ledger_transaction(|| {
            spi::connect(|spi| {
                // A shelf that is out of date judges nobody.
                let shelf = if store::generation(spi)? == held.generation { held } else { Arc::new(store::shelf(spi)?) };
                let visits = if hungry { record::due(spi, &visiting, BATCH, &shelf)? } else { Vec::new() };
                let mendings = if free > 0 { record::mendings(spi, &shelf, free)? } else { Vec::new() };
                Ok((shelf, visits, mendings, members::surveys(spi, &surveying)?, members::gone(spi, &kept)?))
            })
        });
        let (shelf, visits, mendings, surveys, gone) = match read {
            Ok(read) => read,
            Err(error) => {
                step_failed("reading what is to be compared", &error);
                return;
            }
        };
        self.shelf = shelf;
        for member in gone {
            self.kept.remove(&member);
            self.network.as_ref().map(|network| network.send(Command::Part(member)));
        }
        for visit in visits {
            self.visiting.insert(visit.member);
            self.queue.push_back(visit);
        }
        for mend in mendings {
            self.send(Work::Mend(Box::new(mend)));
        }
        for (source, asked, conninfo, pattern) in surveys {
            self.surveying.insert(source);
            self.send(Work::Survey { source, asked, conninfo, pattern, timeout: settings::timeout() });
        }
    }

    fn hand_out(&mut self) {
        while self.out < settings::connections() {
            let Some(mut visit) = self.queue.pop_front() else { return };
            // It was queued under the shelf of that time.
            if visit.shelf.generation != self.shelf.generation {
                self.visiting.remove(&visit.member);
                continue;
            }
            visit.shelf = self.shelf.clone();
            self.send(Work::Visit(Box::new(visit)));
        }
    }

    fn send(&mut self, work: Work) {
        if self.network.is_none() {
            match network::start() {
                Ok(network) => self.network = Some(network),
                Err(error) => return pgrx::warning!("pg_accord: the network thread cannot be started: {error}"),
            }
        }
        let reports = matches!(work, Work::Report(_));
        if self.network.as_ref().is_some_and(|network| network.send(Command::Do(work))) {
            self.out += usize::from(!reports);
        } else {
            // It cannot end before us but by a defect; what was out is due again.
            pgrx::warning!("pg_accord: the network thread ended");
            (self.network, self.out) = (None, 0);
            self.visiting.clear();
            self.surveying.clear();
            self.kept.clear();
            self.reporting.clear();
            self.queue.clear();
        }
    }

    /// Tells whoever is to be told.
    fn report(&mut self) {
        let busy: Vec<String> = self.reporting.iter().map(ToString::to_string).collect();
        let due = process::ledger_transaction(|| spi::connect(|spi| reports::due(spi, &busy, REPORTS.saturating_sub(busy.len()))));
        match due {
            Ok((messages, functions)) => {
                for message in messages {
                    self.reporting.insert(message.channel);
                    self.send(Work::Report(Box::new(message)));
                }
                if functions {
                    call::attend(&mut self.caller);
                }
            }
            Err(error) => {
                step_failed("reading what is to be reported", &error);
            }
        }
    }

    fn alarms(&mut self) {
        let since = self.alarms_at.elapsed();
        let idle = self.out == 0 && self.queue.is_empty();
        if !(self.alarms_due && (idle || since > ALARMS) || self.majority_due && idle || since > QUIET) {
            return;
        }
        process::show_activity(Some(c"alarms"));
        let quiet = since > QUIET && idle;
        let bring = |spi: &spi::Spi| {
            // While answers come in, what most are is not known.
            if idle {
                outliers::refresh(spi)?;
            }
            alarms::refresh(spi)?;
            if quiet { record::tidy(spi) } else { Ok(false) }
        };
        match process::ledger_transaction(|| spi::connect(bring)) {
            Ok(forgotten) => {
                self.alarms_due = false;
                self.majority_due &= !idle;
                if forgotten {
                    self.shelf = Arc::default();
                }
            }
            Err(error) => {
                step_failed("bringing the alarms up to date", &error);
            }
        }
        self.alarms_at = Instant::now();
    }
}
