//! One database's worker, main thread: wakes, records what the replicas answered, seals what was
//! committed, and hands out offers. Every step is a transaction of its own and survives any error.

use super::messages::{Assignment, Command, Look, Note, Parcel, What, Word};
use super::network::{self, Network};
use super::{complain, settings, step_failed};
use crate::delivery::journal;
use crate::delivery::record::{self, Next};
use crate::delivery::roster::{self, Seat};
use crate::delivery::{self, mending, rows};
use crate::diff::Operation;
use crate::fleet::watch;
use crate::ledger;
use crate::model::Kind;
use crate::pg::subtransaction::Caught;
use crate::pg::{installed, process, spi, wake};
use crate::protocol::{Offer, VerdictState};
use crate::replica;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Between rounds that nobody asked for: finds what a lost wake-up would have brought.
const TICK: Duration = Duration::from_secs(5);
/// After a failure of a step.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a slot that came is looked for among the replicas' subscriptions.
const LOOK: Duration = Duration::from_secs(30);
/// Between two looks for what is past `accord.retention`, and versions that go at a time.
const TIDY: Duration = Duration::from_secs(60);
const PRUNED: i64 = 5_000;
/// Before a comparison that somebody's lock kept from reading is made again; at least, and as a multiple of what it took.
const UNLOCKED: Duration = Duration::from_secs(10);
const UNLOCKED_SHARE: u32 = 20;
/// Offers handed out at a time, and bytes of changes among them.
const OFFERS: usize = 32;
const BYTES: usize = 4 << 20;
/// A round of sealing that was not cut short seals fewer versions than this.
const FULL_ROUND: usize = 10_000;

/// A replica that is served.
struct Served {
    seat: Seat,
    /// What its task waits for.
    hunger: Option<Hunger>,
    /// It was looked at since it said last what it has.
    fresh: bool,
    /// A look for a mending is on its way.
    looking: bool,
    /// Its history went another way: when it is asked (again) where.
    trace_at: Option<Instant>,
}

/// A question of a task that is not answered yet.
#[derive(Clone, Copy)]
struct Hunger {
    request: u64,
    /// `None`: the replica has nothing yet.
    after: Option<i64>,
    not_before: Instant,
}

/// The worker.
pub(super) struct Worker {
    network: Option<Network>,
    served: HashMap<i64, Served>,
    /// Notes that could not be recorded yet, because somebody holds the replica's row.
    kept: Vec<Note>,
    head: i64,
    /// Something may be there to seal.
    unsealed: bool,
    created: bool,
    /// Its objects are those of this library.
    current: bool,
    reconciled: Option<Instant>,
    /// When the catalogs are compared again because somebody had locked what was to be read.
    reconcile_at: Option<Instant>,
    /// When what is past its time was last looked for.
    tidied: Option<Instant>,
    seal_not_before: Instant,
    /// Slots of this database at the last look: a subscription that comes or goes brings or takes one.
    slots: Option<BTreeSet<String>>,
    /// A slot is there a moment before its subscription: until then, replicas are asked again.
    look_until: Option<Instant>,
    /// New tables have not joined the publications yet.
    unpublished: bool,
    /// Slots that initial copies of tables left behind which are gone.
    abandoned: Vec<String>,
    /// When a watch of a fleet was last started.
    watch_started: Option<Instant>,
}

impl Worker {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            network: None,
            served: HashMap::new(),
            kept: Vec::new(),
            head: -1,
            unsealed: true,
            created: false,
            current: false,
            reconciled: None,
            reconcile_at: None,
            tidied: None,
            seal_not_before: now,
            slots: None,
            look_until: None,
            unpublished: true,
            abandoned: Vec::new(),
            watch_started: None,
        }
    }

    pub(super) fn run(mut self) -> ! {
        loop {
            self.round();
            process::show_activity(None);
            let timeout = if self.kept.is_empty() && (self.unsealed || self.unpublished || self.look_until.is_some()) {
                AGAIN
            } else if self.kept.is_empty() {
                TICK
            } else {
                Duration::from_millis(100)
            };
            let woken = process::wait(self.network.as_ref().map(Network::bell), timeout);
            self.unsealed |= woken.latch || woken.timeout;
        }
    }

    /// One round, by named steps.
    fn round(&mut self) {
        if process::in_recovery() || !self.open_for_business() {
            self.dismiss_all();
            return;
        }
        if self.unsealed {
            self.attend_replicas();
            self.seal();
            self.answer_questions();
            self.look_for_subscriptions();
            watch::attend(&mut self.watch_started);
        }
        self.publish();
        self.record();
        self.trace();
        self.serve();
        self.reconcile();
        self.tidy();
        self.clear_slots();
    }

    /// Ends what is past its time, a batch at a time.
    fn tidy(&mut self) {
        if self.tidied.is_some_and(|at| at.elapsed() < TIDY) {
            return;
        }
        match process::ledger_transaction(|| spi::connect(|spi| ledger::prune(spi, PRUNED))) {
            // There is more: after the next round.
            Ok(PRUNED) => self.unsealed = true,
            Ok(_) => self.tidied = Some(Instant::now()),
            Err(error) => {
                self.tidied = Some(Instant::now());
                self.failed("ending what is past its time", &error);
            }
        }
    }

    /// Drops what initial copies left behind; what is still held, later.
    fn clear_slots(&mut self) {
        if !self.abandoned.is_empty() {
            match process::ledger_transaction(|| spi::connect(|spi| rows::drop_slots(spi, &self.abandoned))) {
                Ok(held) => self.abandoned = held,
                Err(error) => self.failed("dropping slots of initial copies", &error),
            }
        }
    }

    /// Whether pg_accord is created here.
    fn open_for_business(&mut self) -> bool {
        if !self.created || self.unsealed {
            match process::transaction(|| Ok(process::extension_created())) {
                Ok(created) => self.created = created,
                Err(error) => complain("looking for the extension", &error),
            }
            self.current &= self.created;
        }
        if self.created && !self.current {
            match process::ledger_transaction(|| spi::connect(installed::outdated)) {
                Ok(None) => self.current = true,
                Ok(Some(error)) => complain("waiting for an update", &Caught::from(&error)),
                Err(error) => complain("looking at the extension's version", &error),
            }
        }
        self.created && self.current
    }

    fn failed(&mut self, doing: &str, error: &Caught) {
        self.created = step_failed(doing, error);
    }

    fn dismiss_all(&mut self) {
        let ids: Vec<i64> = self.served.drain().map(|(id, _)| id).collect();
        for id in ids {
            self.command(Command::Stop(id));
        }
        self.kept.clear();
        (self.unsealed, self.reconciled, self.head) = (false, None, -1);
        if let Some(network) = &mut self.network {
            network.notes();
        }
    }

    /// Starts, stops and wakes tasks as the table of replicas says.
    fn attend_replicas(&mut self) {
        let seats = match process::ledger_transaction(|| spi::connect(roster::read)) {
            Ok(seats) => seats,
            Err(error) => return self.failed("reading the replicas", &error),
        };
        let gone: Vec<i64> =
            self.served.keys().copied().filter(|id| !seats.iter().any(|seat| seat.assignment.id == *id && !seat.paused)).collect();
        for id in gone {
            self.served.remove(&id);
            self.command(Command::Stop(id));
            if let Some(seat) = seats.iter().find(|seat| seat.assignment.id == id) {
                let noted = process::transaction(|| {
                    journal::note_paused(id, &seat.assignment.name);
                    Ok(())
                });
                if let Err(error) = noted {
                    complain("noting a pause", &error);
                }
            }
        }
        journal::say();
        for seat in seats.into_iter().filter(|seat| !seat.paused) {
            let id = seat.assignment.id;
            match self.served.get_mut(&id) {
                None => self.start(seat),
                Some(served) if served.seat.nudges != seat.nudges => {
                    served.seat = seat;
                    self.tell(id, Word::Wake);
                }
                Some(_) => {}
            }
        }
    }

    fn start(&mut self, seat: Seat) {
        let assignment: Assignment = seat.assignment.clone();
        self.served.insert(assignment.id, Served { seat, hunger: None, fresh: false, looking: false, trace_at: None });
        self.command(Command::Start(Box::new(assignment)));
    }

    /// Seals what was committed. Waiters learn that this round is through.
    fn seal(&mut self) {
        if Instant::now() < self.seal_not_before {
            return;
        }
        process::show_activity(Some(c"sealing"));
        self.unsealed = false;
        let round = wake::begin_round();
        loop {
            match process::ledger_transaction(|| spi::connect(ledger::seal)) {
                Ok(sealed) => {
                    self.head = sealed.head;
                    self.unpublished |= sealed.versions > 0;
                    if sealed.left {
                        self.reconcile_at.get_or_insert_with(|| Instant::now() + UNLOCKED);
                    }
                    if sealed.versions < FULL_ROUND {
                        return wake::finish_round(round);
                    }
                }
                Err(error) => {
                    (self.unsealed, self.seal_not_before) = (true, Instant::now() + AGAIN);
                    return self.failed("sealing", &error);
                }
            }
        }
    }

    /// A subscription that came or went is its replica's to tell.
    fn look_for_subscriptions(&mut self) {
        if self.served.is_empty() {
            return;
        }
        match process::ledger_transaction(|| spi::connect(rows::look)) {
            Ok((slots, unclaimed)) => {
                let before = self.slots.replace(slots);
                let changed = before.is_some() && before != self.slots;
                if changed {
                    self.look_until = Some(Instant::now() + LOOK);
                }
                self.look_until = self.look_until.filter(|until| unclaimed && *until > Instant::now());
                if changed || self.look_until.is_some() {
                    for id in self.served.keys().copied().collect::<Vec<i64>>() {
                        self.tell(id, Word::Wake);
                    }
                }
            }
            Err(error) => self.failed("looking for subscriptions", &error),
        }
    }

    /// New tables join the publications, and the subscriptions learn of it.
    fn publish(&mut self) {
        if !std::mem::take(&mut self.unpublished) {
            return;
        }
        match process::ledger_transaction(|| spi::connect(rows::publish_new_tables)) {
            Ok((replicas, left)) => {
                self.unpublished = left;
                for id in replicas {
                    self.refresh(id);
                }
            }
            Err(error) => {
                self.unpublished = true;
                self.failed("publishing new tables", &error);
            }
        }
    }

    fn refresh(&mut self, id: i64) {
        match process::ledger_transaction(|| spi::connect(|spi| rows::refreshing(spi, id))) {
            Ok(statements) => self.tell(id, Word::Refresh(statements)),
            Err(error) => self.failed("reading a replica's subscriptions", &error),
        }
    }

    /// Records what the replicas answered.
    fn record(&mut self) {
        let mut notes = std::mem::take(&mut self.kept);
        notes.extend(self.network.as_mut().map(Network::notes).unwrap_or_default());
        notes.retain(|note| self.served.contains_key(&note.replica));
        if notes.is_empty() {
            return;
        }
        match write(&notes) {
            Ok(done) => self.recorded(notes, done),
            // One of them cannot be recorded: find it, and do not lose the others.
            Err(_) if notes.len() > 1 => {
                for note in notes {
                    let one = vec![note];
                    match write(&one) {
                        Ok(done) => self.recorded(one, done),
                        Err(error) => self.lost(&one[0], &error),
                    }
                }
            }
            Err(error) => self.lost(&notes[0], &error),
        }
    }

    fn recorded(&mut self, notes: Vec<Note>, done: Vec<Next>) {
        for (note, next) in notes.into_iter().zip(done) {
            let now = Instant::now();
            match (next, &note.what) {
                (Next::Later, _) => self.kept.push(note),
                (Next::Halt, What::Hello { request, .. }) => self.tell(note.replica, Word::Halt(*request)),
                (Next::Parted, What::Hello { request, .. }) => {
                    self.tell(note.replica, Word::Halt(*request));
                    if let Some(served) = self.served.get_mut(&note.replica) {
                        served.trace_at = Some(now);
                    }
                }
                (_, What::Traced { answer: Ok(_) }) => {
                    if let Some(served) = self.served.get_mut(&note.replica) {
                        served.trace_at = None;
                    }
                }
                (next, What::Inspected { request, look, answer }) => {
                    let (request, look, seen) = (*request, *look, answer.is_ok());
                    self.looked(note.replica, next, request, look, seen);
                }
                (Next::After(after) | Next::Mend { after, .. }, What::Hello { request, .. } | What::Need { request, .. }) => {
                    if let Some(served) = self.served.get_mut(&note.replica) {
                        served.hunger = Some(Hunger { request: *request, after, not_before: now });
                        served.fresh = false;
                        // It may have been asked for since the replica's row was read.
                        if let Next::Mend { rewinding, .. } = next {
                            served.seat.mending = true;
                            served.seat.rewinding |= rewinding;
                        }
                    }
                    if matches!(note.what, What::Hello { .. }) {
                        self.refresh(note.replica);
                    }
                }
                (_, What::Outcome { state: VerdictState::Applied, verdict, .. }) => {
                    if let Ok(Leavings { abandoned }) = serde_json::from_str(verdict) {
                        self.abandoned.extend(abandoned);
                    }
                }
                (_, What::Waiting { version, stuck, .. }) if !stuck.is_empty() => self.find_out(note.replica, *version, stuck),
                (_, What::Died { why }) => {
                    pgrx::warning!("pg_accord: the task of a replica ended by a defect: {why}");
                    self.restart(note.replica);
                }
                _ => {}
            }
        }
    }

    /// Replicas whose history went another way are asked where, until they answer.
    fn trace(&mut self) {
        let now = Instant::now();
        let due: Vec<i64> =
            self.served.iter().filter(|(_, served)| served.trace_at.is_some_and(|at| at <= now)).map(|(id, _)| *id).collect();
        if due.is_empty() {
            return;
        }
        match process::ledger_transaction(|| spi::connect(ledger::chain)) {
            Ok(ids) => {
                for id in due {
                    self.tell(id, Word::Trace(ids.clone()));
                    if let Some(served) = self.served.get_mut(&id) {
                        served.trace_at = Some(now + 2 * TICK);
                    }
                }
            }
            Err(error) => self.failed("reading the versions", &error),
        }
    }

    /// A subscription stands still before a version: is it the version's own transaction that it cannot apply?
    fn find_out(&mut self, replica: i64, version: i64, stuck: &BTreeMap<String, String>) {
        for (slot, reached) in stuck {
            match process::ledger_transaction(|| spi::connect(|spi| rows::is_next(spi, slot, reached, version))) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.failed("looking into a slot", &error),
            }
        }
        match process::ledger_transaction(|| spi::connect(|spi| rows::pass(spi, replica, version))) {
            Ok(()) => self.tell(replica, Word::Wake),
            Err(error) => self.failed("recording that a version's own rows are next", &error),
        }
    }

    /// A note that the tables do not take, by a defect: the replica's task begins anew, which brings
    /// the tables up to what the replica has.
    fn lost(&mut self, note: &Note, error: &Caught) {
        self.failed("recording a replica's answer", error);
        match &note.what {
            What::Hello { .. } | What::Need { .. } => self.restart(note.replica),
            What::Inspected { request, look, .. } => self.looked(note.replica, Next::Done, *request, *look, false),
            _ => {}
        }
    }

    fn restart(&mut self, replica: i64) {
        self.command(Command::Stop(replica));
        self.served.remove(&replica);
        self.unsealed = true;
    }

    /// Hands out offers to whom they are due.
    fn serve(&mut self) {
        let now = Instant::now();
        let due: Vec<(i64, Hunger)> = self
            .served
            .iter()
            .filter_map(|(id, served)| Some((*id, served.hunger?)))
            .filter(|(id, hunger)| {
                let mending = self.served.get(id).is_some_and(|served| served.seat.mending);
                hunger.not_before <= now && (mending || hunger.after.is_none_or(|after| after < self.head))
            })
            .collect();
        for (id, hunger) in due {
            let Some(name) = self.served.get(&id).map(|served| served.seat.assignment.name.clone()) else { continue };
            if self.mend(id, &name, hunger) {
                continue;
            }
            if hunger.after.is_some_and(|after| after >= self.head) {
                continue;
            }
            match parcels(&name, hunger.after) {
                Ok(parcels) if !parcels.is_empty() => {
                    self.tell(id, Word::Offers(hunger.request, parcels));
                    self.feed(id, None);
                }
                Ok(_) => self.feed(id, Some(Hunger { not_before: now + TICK, ..hunger })),
                Err(error) => {
                    self.failed(&format!("preparing offers for replica \"{name}\""), &error);
                    if let Err(error) = process::ledger_transaction(|| spi::connect(|spi| record::unable(spi, id, &error))) {
                        self.failed("recording a failure", &error);
                    }
                    self.feed(id, Some(Hunger { not_before: now + TICK, ..hunger }));
                }
            }
        }
    }

    /// Where a mending is on its way: a look first, then its offer. True: nothing else is handed out.
    fn mend(&mut self, id: i64, name: &str, hunger: Hunger) -> bool {
        let Some(served) = self.served.get_mut(&id).filter(|served| served.seat.mending && hunger.after.is_some()) else { return false };
        if !served.fresh && !served.seat.rewinding {
            if !std::mem::replace(&mut served.looking, true) {
                self.tell(id, Word::Inspect(Look::now(false, false)));
            }
            return true;
        }
        match process::ledger_transaction(|| spi::connect(|spi| mending::parcel(spi, name))) {
            Ok(Some(parcel)) => {
                self.tell(id, Word::Offers(hunger.request, vec![parcel]));
                self.feed(id, None);
                true
            }
            Ok(None) => {
                (served.seat.mending, served.seat.rewinding) = (false, false);
                // The replica says anew how it stands.
                self.tell(id, Word::Wake);
                true
            }
            Err(error) => {
                self.failed(&format!("preparing to synchronize replica \"{name}\""), &error);
                if let Err(error) = process::ledger_transaction(|| spi::connect(|spi| record::unable(spi, id, &error))) {
                    self.failed("recording a failure", &error);
                }
                self.feed(id, Some(Hunger { not_before: Instant::now() + TICK, ..hunger }));
                true
            }
        }
    }

    /// What follows from a look.
    fn looked(&mut self, id: i64, next: Next, request: u64, look: Look, seen: bool) {
        let Some(served) = self.served.get_mut(&id) else { return };
        let name = served.seat.assignment.name.clone();
        (served.looking, served.fresh) = (false, seen);
        match next {
            Next::Halt => {
                served.hunger = None;
                self.tell(id, Word::Halt(request));
            }
            Next::Again => self.unsealed = true,
            _ => {}
        }
        let mending = self.served.get(&id).filter(|served| !seen && served.seat.mending);
        if let Some(hunger) = mending.and_then(|served| served.hunger) {
            self.feed(id, Some(Hunger { not_before: Instant::now() + AGAIN, ..hunger }));
        }
        if seen && look.rehearse {
            match process::ledger_transaction(|| spi::connect(|spi| mending::rehearsal(spi, &name, look))) {
                Ok(Some(offer)) => self.tell(id, Word::Rehearse(look, offer)),
                Ok(None) => {}
                Err(error) => self.failed(&format!("planning to synchronize replica \"{name}\""), &error),
            }
        }
    }

    /// Questions that somebody waits for: this database is read first, then the replica is asked.
    fn answer_questions(&mut self) {
        let questions = wake::questions();
        if questions.is_empty() {
            return;
        }
        self.reconcile_now();
        for question in questions {
            let (id, look) = delivery::asked(question);
            if self.served.contains_key(&id) {
                self.tell(id, Word::Inspect(look));
            }
        }
    }

    fn feed(&mut self, id: i64, hunger: Option<Hunger>) {
        if let Some(served) = self.served.get_mut(&id) {
            served.hunger = hunger;
        }
    }

    /// Compares the catalogs with the ledger, now and then.
    fn reconcile(&mut self) {
        let Some(interval) = settings::reconcile_interval() else { return };
        let due = self.reconciled.is_none_or(|at| at.elapsed() >= interval) || self.reconcile_at.is_some_and(|at| at <= Instant::now());
        if !due || self.unsealed {
            return;
        }
        let first = self.reconciled.is_none();
        self.reconcile_now();
        // A replica that was connected to just now has said whether it drifted.
        let due: Vec<i64> = self.served.keys().copied().filter(|_| !first).collect();
        for id in due {
            self.tell(id, Word::Inspect(Look::now(false, false)));
        }
    }

    fn reconcile_now(&mut self) {
        self.reconciled = Some(Instant::now());
        if let Err(error) = process::ledger_transaction(|| spi::connect(replica::purge_kept)) {
            self.failed("dropping what was kept for its time", &error);
        }
        process::show_activity(Some(c"reconciling"));
        let (begun, before) = (Instant::now(), self.reconcile_at.take());
        match process::ledger_transaction(|| spi::connect(ledger::reconcile_briefly)) {
            Ok(Some(0)) => {}
            Ok(None) => {
                if before.is_none() {
                    pgrx::log!("pg_accord: reconciliation is put off: another session has locked what it reads");
                }
                self.reconcile_at = Some(Instant::now() + UNLOCKED.max(begun.elapsed() * UNLOCKED_SHARE));
            }
            Ok(Some(found)) => {
                pgrx::log!("pg_accord: reconciliation found {found} changes that no event trigger saw");
                self.unsealed = true;
                self.seal();
                self.serve();
            }
            Err(error) => self.failed("reconciling", &error),
        }
    }

    fn tell(&mut self, replica: i64, word: Word) {
        self.command(Command::Tell(replica, word));
    }

    /// Sends a command, starting the network thread with the first.
    fn command(&mut self, command: Command) {
        if self.network.is_none() {
            match network::start() {
                Ok(network) => self.network = Some(network),
                Err(error) => {
                    pgrx::warning!("pg_accord: the network thread cannot be started: {error}");
                    return self.served.clear();
                }
            }
        }
        if !self.network.as_ref().is_some_and(|network| network.send(command)) {
            // It cannot end before us but by a defect; a new one serves the replicas anew.
            pgrx::warning!("pg_accord: the network thread ended");
            self.network = None;
            self.served.clear();
        }
    }
}

/// What a verdict says of the source's slots.
#[derive(serde::Deserialize)]
struct Leavings {
    #[serde(default)]
    abandoned: Vec<String>,
}

/// Whether subscriptions have to look at their publications after this version.
fn moves_tables(offer: &Offer) -> bool {
    offer
        .events
        .iter()
        .flat_map(|event| &event.changes)
        .any(|change| matches!(change.kind(), Some(Kind::Table | Kind::Partition)) && change.operation() != Some(Operation::Alter))
}

fn write(notes: &[Note]) -> Result<Vec<Next>, Caught> {
    let written = process::ledger_transaction(|| {
        process::commit_lazily();
        spi::connect(|spi| record::record(spi, notes))
    });
    if written.is_ok() {
        journal::say();
    } else {
        journal::discard();
    }
    written
}

/// The offers that come next for a replica: a baseline where it has nothing.
fn parcels(name: &str, after: Option<i64>) -> Result<Vec<Parcel>, Caught> {
    process::ledger_transaction(|| {
        spi::connect(|spi| {
            let mut offers: Vec<Offer> = if let Some(after) = after {
                ledger::offers(spi, name, after, OFFERS, BYTES)?
            } else {
                // Holds the sealing lock: no version comes between the head and its projection.
                ledger::seal(spi)?;
                let mut offer = ledger::baseline_offer(spi, name)?;
                record::decide_baseline(spi, name, &mut offer)?;
                vec![offer]
            };
            for offer in &mut offers {
                rows::note_apart(spi, name, offer)?;
                rows::note_gone(spi, name, offer)?;
            }
            offers
                .iter()
                .map(|offer| {
                    Ok(Parcel {
                        version: offer.position.version,
                        mending: None,
                        json: serde_json::to_string(offer)?,
                        refresh: moves_tables(offer),
                    })
                })
                .collect()
        })
    })
}
