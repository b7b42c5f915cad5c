//! One replica's task: the source's side of the handshake, as a state machine.
//!
//! Everything it learns goes to the main thread as a [`Note`]; everything it sends comes from there.
//! It may be dropped at any await: the next hello shows what the replica has.

use super::backoff;
use super::messages::{Assignment, Cause, Look, Note, Parcel, What, Word, cause_of, code_word};
use super::transport::{Carrier, Failure, Function, Session};
use crate::model::Fingerprint;
use crate::protocol::{
    Hello, Inspect, Inspection, OLDEST_PROTOCOL, PROTOCOL_VERSION, Reason, ReasonCode, Standing, StepReport, VerdictState,
};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::sleep;
use uuid::Uuid;

/// Sends notes to the main thread and wakes it.
pub trait Notes {
    /// Sends one.
    fn send(&self, note: Note);
}

/// Between two questions whether the rows before a version have arrived: the first pause, and the longest.
const GLANCE: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_millis(100);

/// How long a refresh waits for a lock, in milliseconds; it is tried again.
const REFRESH_LOCK_TIMEOUT: u64 = 200;

/// A fence that is not there after this time is sent again, and once more after each such time.
const LONG: Duration = Duration::from_secs(2);

/// So many offers at a time: the replica catches up. They are not negotiated apart, as applying begins with the same
/// examination; but for one in so many, at which a replica without a worker of its own seals, and for what is tried again.
const MANY: usize = 8;
const UNASKED: usize = 31;

/// Where the task stands.
enum State<S> {
    Connect,
    Greet(S),
    Ask(S),
    Negotiate(S, Parcel),
    Apply(S, Parcel, Option<StepReport>),
    Step(S, Parcel, String),
    /// Asks again until the rows before the version have arrived.
    Wait(S, Parcel, Cause, BTreeMap<String, String>),
    /// Pauses, then goes on: with the session where it is still good.
    Retry(Option<S>, Trouble),
    /// Waits for a person.
    Blocked,
    /// The main thread is gone.
    Over,
}

/// What failed.
struct Trouble {
    version: Option<i64>,
    cause: Cause,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Not reached, or lost: tried again for ever.
    Connection,
    /// A lock was not to be had: gives up late.
    Lock,
    /// Undone on the replica: gives up after `max_attempts`.
    Attempt,
}

/// The part of a verdict that the task decides by.
#[derive(Deserialize)]
struct Answer {
    state: VerdictState,
    #[serde(default)]
    reasons: Vec<Reason>,
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    reached: BTreeMap<String, String>,
}

/// One replica's task.
pub struct Task<C, N> {
    carrier: C,
    notes: N,
    words: UnboundedReceiver<Word>,
    assignment: Assignment,
    /// Offers at hand, in order.
    queue: VecDeque<Parcel>,
    /// There are many of them, and how many were applied since the last negotiation.
    catching_up: bool,
    unasked: usize,
    /// More were asked for before they are used up.
    ordered: bool,
    /// Number of the last question to the main thread; other answers are stale.
    request: u64,
    /// The newest version that the replica has, once it said so.
    position: i64,
    /// The protocol that it was greeted in.
    protocol: u32,
    /// Looks that were asked for while nothing was connected.
    asked: Vec<Word>,
    /// What is being negotiated or applied is no version but a mending.
    mending: Option<Uuid>,
    /// The version that waits for rows: since when, the last time that somebody was told, and the next pause.
    waiting: Option<Waiting>,
    /// What makes the subscriptions take what is published, and whether it is due.
    refreshing: Vec<String>,
    refresh_due: Option<Instant>,
    refresh_failed: bool,
    /// Consecutive failures, by kind.
    attempts: u32,
    lock_attempts: u32,
    connection_attempts: u32,
}

impl<C: Carrier, N: Notes> Task<C, N> {
    /// A task that has not begun.
    pub fn new(carrier: C, notes: N, words: UnboundedReceiver<Word>, assignment: Assignment) -> Self {
        let attempts = assignment.attempts;
        Self {
            carrier,
            notes,
            words,
            assignment,
            queue: VecDeque::new(),
            catching_up: false,
            unasked: 0,
            ordered: false,
            request: 0,
            position: -1,
            protocol: PROTOCOL_VERSION,
            asked: Vec::new(),
            mending: None,
            waiting: None,
            refreshing: Vec::new(),
            refresh_due: None,
            refresh_failed: false,
            attempts,
            lock_attempts: 0,
            connection_attempts: 0,
        }
    }

    /// Serves the replica until it is dropped or the main thread is gone.
    pub async fn serve(mut self) {
        let mut state = State::Connect;
        loop {
            state = match state {
                State::Connect => self.connect().await,
                State::Greet(session) => self.greet(session).await,
                State::Ask(session) => self.ask(session).await,
                State::Negotiate(session, parcel) => self.negotiate(session, parcel).await,
                State::Apply(session, parcel, step) => self.apply(session, parcel, step).await,
                State::Step(session, parcel, sql) => self.step(session, parcel, sql).await,
                State::Wait(session, parcel, cause, reached) => self.wait(session, parcel, cause, reached).await,
                State::Retry(session, trouble) => self.retry(session, trouble).await,
                State::Blocked => self.blocked().await,
                State::Over => return,
            };
        }
    }

    async fn connect(&mut self) -> State<C::Session> {
        self.queue.clear();
        match self.carrier.connect(&self.assignment).await {
            Ok(session) => State::Greet(session),
            Err(failure) => Self::failed(None, failure, None),
        }
    }

    async fn greet(&mut self, mut session: C::Session) -> State<C::Session> {
        // The newest protocol first; a replica of the release before refuses it and is greeted in its own.
        let mut answer = Err(Failure { cause: Cause::new("internal", "no protocol was tried"), answered: false });
        for protocol in (OLDEST_PROTOCOL..=PROTOCOL_VERSION).rev() {
            let hello = Hello { protocol, source: self.assignment.source, replica: self.assignment.name.clone() };
            answer = session.call(Function::Hello, &serde_json::to_string(&hello).unwrap_or_default()).await;
            if !answer.as_ref().is_err_and(|failure| failure.answered && speaks_another(&failure.cause)) {
                break;
            }
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return Self::failed(None, Failure { answered: false, ..failure }, None),
        };
        match serde_json::from_str::<Standing>(&answer) {
            Ok(standing) => {
                self.protocol = standing.protocol;
                self.connection_attempts = 0;
                self.request += 1;
                self.ordered = true;
                self.note(What::Hello { request: self.request, standing: Box::new(standing) });
                self.await_offers(session).await
            }
            Err(error) => State::Retry(None, Trouble { version: None, cause: unreadable("accord.hello", &error), kind: Kind::Connection }),
        }
    }

    async fn ask(&mut self, mut session: C::Session) -> State<C::Session> {
        if let Err(failure) = self.refresh(&mut session).await {
            return Self::failed(None, failure, None);
        }
        // A queue that is filled up in time is never empty: words are heard in between.
        while self.ordered {
            match self.words.try_recv() {
                Ok(Word::Offers(request, parcels)) if request == self.request => self.take(parcels),
                Ok(Word::Wake) => {
                    self.queue.clear();
                    return State::Greet(session);
                }
                Ok(Word::Halt(request)) if request == self.request => return State::Blocked,
                Ok(word) => {
                    if let Err(failure) = self.answer(&mut session, word).await {
                        return Self::failed(None, failure, None);
                    }
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return State::Over,
            }
        }
        if self.catching_up
            && !self.ordered
            && self.queue.len() <= MANY
            && let Some(last) = self.queue.back()
        {
            let after = last.version;
            self.order(after);
        }
        if let Some(parcel) = self.queue.pop_front() {
            if self.catching_up && self.unasked < UNASKED {
                self.unasked += 1;
                return State::Apply(session, parcel, None);
            }
            return State::Negotiate(session, parcel);
        }
        if !self.ordered {
            self.order(self.position);
        }
        self.await_offers(session).await
    }

    /// Asks the main thread for what follows a version.
    fn order(&mut self, after: i64) {
        self.request += 1;
        self.ordered = true;
        self.note(What::Need { request: self.request, after });
    }

    /// Offers that were asked for.
    fn take(&mut self, parcels: Vec<Parcel>) {
        self.ordered = false;
        // A mending is about what is there now: it is asked for again once nothing stands before it.
        if self.queue.is_empty() || parcels.iter().all(|parcel| parcel.mending.is_none()) {
            self.catching_up = parcels.len() >= MANY;
            self.queue.extend(parcels);
        }
    }

    /// Idle: until the main thread has offers, or the session is lost.
    async fn await_offers(&mut self, mut session: C::Session) -> State<C::Session> {
        for word in std::mem::take(&mut self.asked) {
            if let Err(failure) = self.answer(&mut session, word).await {
                return Self::failed(None, failure, None);
            }
        }
        loop {
            tokio::select! {
                biased;
                word = self.words.recv() => match word {
                    None => return State::Over,
                    Some(Word::Offers(request, parcels)) if request == self.request => {
                        self.queue.clear();
                        self.take(parcels);
                        if let Some(parcel) = self.queue.pop_front() {
                            return State::Negotiate(session, parcel);
                        }
                    }
                    Some(Word::Halt(request)) if request == self.request => return State::Blocked,
                    // Asked to look again: the replica says anew what it has.
                    Some(Word::Wake) => return State::Greet(session),
                    Some(word) => {
                        if let Err(failure) = self.answer(&mut session, word).await {
                            return Self::failed(None, failure, None);
                        }
                    }
                },
                () = sleep_until(self.refresh_due) => {
                    if let Err(failure) = self.refresh(&mut session).await {
                        return Self::failed(None, failure, None);
                    }
                }
                () = session.lost() => return State::Connect,
            }
        }
    }

    /// Has the subscriptions take what is published, where that is due. A table that is published and not
    /// here yet comes with a later version: then it is due again. The error: the session is lost.
    async fn refresh(&mut self, session: &mut C::Session) -> Result<(), Failure> {
        if self.refresh_due.is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        self.refresh_due = None;
        let usual = self.assignment.policy.lock_timeout.millis();
        let mut failed = None;
        // Whoever copies a table, or applies rows, queues behind what it waits for.
        session.run(&format!("SET lock_timeout = {}", usual.min(REFRESH_LOCK_TIMEOUT))).await?;
        for sql in &self.refreshing {
            match session.run(sql).await {
                Ok(()) => {}
                Err(failure) if failure.answered => failed = Some(failure.cause),
                Err(failure) => return Err(failure),
            }
        }
        session.run(&format!("SET lock_timeout = {usual}")).await?;
        if let Some(cause) = &failed {
            self.refresh_due = Some(Instant::now() + if self.refresh_failed { Duration::from_secs(1) } else { LOOK });
            // Worth a word once it is no matter of a moment.
            if self.refresh_failed {
                let cause =
                    Cause { message: format!("a subscription does not take what is published: {}", cause.message), ..cause.clone() };
                self.note(What::Refreshed { failure: Some(cause) });
            }
        } else if self.refresh_failed {
            self.note(What::Refreshed { failure: None });
        }
        self.refresh_failed = failed.is_some();
        Ok(())
    }

    async fn negotiate(&mut self, mut session: C::Session, parcel: Parcel) -> State<C::Session> {
        let version = parcel.version;
        (self.mending, self.unasked) = (parcel.mending, 0);
        self.note(What::Negotiating { version });
        let text = match session.call(Function::Negotiate, &parcel.json).await {
            Ok(text) => text,
            Err(failure) => return Self::failed(Some(session), failure, Some(version)),
        };
        let answer: Answer = match serde_json::from_str(&text) {
            Ok(answer) => answer,
            Err(error) => {
                return State::Retry(
                    Some(session),
                    Trouble { version: Some(version), cause: unreadable("accord.negotiate", &error), kind: Kind::Attempt },
                );
            }
        };
        let cause = cause_of(&answer.reasons);
        self.note(What::Negotiated { version, state: answer.state, cause: cause.clone(), verdict: text });
        match answer.state {
            VerdictState::Accepted | VerdictState::Step => State::Apply(session, parcel, None),
            VerdictState::Applied => self.applied(session, version),
            VerdictState::Rejected | VerdictState::Held if !locked_out(&answer.reasons) => State::Blocked,
            _ => State::Retry(Some(session), trouble(version, &answer.reasons, cause)),
        }
    }

    async fn apply(&mut self, mut session: C::Session, parcel: Parcel, step: Option<StepReport>) -> State<C::Session> {
        let version = parcel.version;
        if step.is_none() && self.waiting.as_ref().is_none_or(|waiting| waiting.version != version) {
            self.note(What::Applying { version });
        }
        let message = match &step {
            None => format!("{{\"offer\":{}}}", parcel.json),
            Some(step) => format!("{{\"offer\":{},\"step\":{}}}", parcel.json, serde_json::to_string(step).unwrap_or_default()),
        };
        let text = match self.call_apply(&mut session, &message).await {
            Ok(text) => text,
            Err(failure) => return Self::failed(Some(session), failure, Some(version)),
        };
        let answer: Answer = match serde_json::from_str(&text) {
            Ok(answer) => answer,
            Err(error) => {
                return State::Retry(
                    Some(session),
                    Trouble { version: Some(version), cause: unreadable("accord.apply", &error), kind: Kind::Attempt },
                );
            }
        };
        if let (VerdictState::Step, Some(sql)) = (answer.state, answer.run) {
            return State::Step(session, parcel, sql);
        }
        let cause = cause_of(&answer.reasons);
        if let (VerdictState::Waiting, Some(cause)) = (answer.state, cause.clone()) {
            return State::Wait(session, parcel, cause, answer.reached);
        }
        self.waiting = None;
        if answer.state == VerdictState::Applied && parcel.refresh && !self.refreshing.is_empty() {
            self.refresh_due = Some(Instant::now());
        }
        self.note(What::Outcome { version, state: answer.state, cause: cause.clone(), verdict: text });
        match answer.state {
            VerdictState::Applied => self.applied(session, version),
            VerdictState::Rejected | VerdictState::Held if !locked_out(&answer.reasons) => State::Blocked,
            _ => State::Retry(Some(session), trouble(version, &answer.reasons, cause)),
        }
    }

    async fn step(&mut self, mut session: C::Session, parcel: Parcel, sql: String) -> State<C::Session> {
        let error = match session.run(&sql).await {
            Ok(()) => None,
            Err(failure) if failure.answered => Some(failure.cause.detail.unwrap_or(failure.cause.message)),
            Err(failure) => return Self::failed(None, failure, Some(parcel.version)),
        };
        State::Apply(session, parcel, Some(StepReport { run: sql, error }))
    }

    /// The rows before a version are on their way: pauses, and asks again.
    async fn wait(&mut self, session: C::Session, parcel: Parcel, cause: Cause, reached: BTreeMap<String, String>) -> State<C::Session> {
        let (version, now) = (parcel.version, Instant::now());
        let mut waiting = self.waiting.take().filter(|waiting| waiting.version == version).unwrap_or(Waiting {
            version,
            told: None,
            pause: GLANCE,
            reached: BTreeMap::new(),
        });
        // A moment's wait is not worth a word.
        let tell = match waiting.told {
            None => waiting.pause >= LOOK / 4,
            Some(told) => now.duration_since(told) >= LONG,
        };
        if tell {
            let stuck = waiting.told.is_some() && reached == waiting.reached;
            let stuck = if stuck { reached.clone() } else { BTreeMap::new() };
            self.note(What::Waiting { version, cause, long: waiting.told.is_some(), stuck });
            (waiting.told, waiting.reached) = (Some(now), reached);
        }
        let pause = waiting.pause;
        waiting.pause = (pause * 2).min(LOOK);
        self.waiting = Some(waiting);
        let sleep = sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return State::Apply(session, parcel, None),
                word = self.words.recv() => match word {
                    None => return State::Over,
                    Some(Word::Wake) => {
                        self.waiting = None;
                        return State::Greet(session);
                    }
                    Some(Word::Refresh(statements)) => self.will_refresh(statements),
                    Some(Word::Offers(request, parcels)) if request == self.request => self.take(parcels),
                    Some(word) if word.asks() => self.asked.push(word),
                    Some(_) => {}
                },
            }
        }
    }

    fn will_refresh(&mut self, statements: Vec<String>) {
        self.refresh_due = Some(Instant::now()).filter(|_| !statements.is_empty());
        self.refreshing = statements;
    }

    fn applied(&mut self, session: C::Session, version: i64) -> State<C::Session> {
        self.position = version;
        self.attempts = 0;
        self.lock_attempts = 0;
        // After a mending the replica says anew how it stands.
        if self.mending.take().is_some() {
            self.queue.clear();
            return State::Greet(session);
        }
        State::Ask(session)
    }

    async fn retry(&mut self, session: Option<C::Session>, trouble: Trouble) -> State<C::Session> {
        // Offers are asked for again: a person may have approved or skipped one meanwhile.
        self.queue.clear();
        for word in std::mem::take(&mut self.asked) {
            self.decline(word, &trouble.cause);
        }
        let policy = &self.assignment.policy;
        let (count, most) = match trouble.kind {
            Kind::Connection => (&mut self.connection_attempts, u32::MAX),
            Kind::Lock => (&mut self.lock_attempts, policy.max_lock_attempts),
            Kind::Attempt => (&mut self.attempts, policy.max_attempts),
        };
        *count = count.saturating_add(1);
        let (attempts, wait) = (*count, backoff::pause(policy, *count));
        if attempts >= most {
            // The next try, after somebody resumed the replica, counts from the beginning.
            *count = 0;
            self.note(What::Trouble { version: trouble.version, cause: trouble.cause, attempts, retry_in: None });
            self.mending = None;
            return State::Blocked;
        }
        self.note(What::Trouble { version: trouble.version, cause: trouble.cause, attempts, retry_in: Some(wait) });
        self.mending = None;
        match self.pause(wait).await {
            Paused::Over => State::Over,
            Paused::Done => session.map_or(State::Connect, State::Greet),
        }
    }

    /// Waits, or until asked to look again.
    async fn pause(&mut self, time: Duration) -> Paused {
        let sleep = sleep(time);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return Paused::Done,
                word = self.words.recv() => match word {
                    None => return Paused::Over,
                    Some(Word::Wake) => return Paused::Done,
                    Some(Word::Refresh(statements)) => self.will_refresh(statements),
                    // A person asks: tried at once, and answered with what comes of it.
                    Some(word) if word.asks() => {
                        self.asked.push(word);
                        return Paused::Done;
                    }
                    Some(_) => {}
                },
            }
        }
    }

    async fn blocked(&mut self) -> State<C::Session> {
        self.mending = None;
        loop {
            match self.words.recv().await {
                None => return State::Over,
                Some(Word::Wake) => {
                    (self.attempts, self.lock_attempts) = (0, 0);
                    return State::Connect;
                }
                Some(Word::Refresh(statements)) => self.will_refresh(statements),
                // A look needs a session, and leaves things as they are.
                Some(word) if word.asks() => match self.carrier.connect(&self.assignment).await {
                    Ok(mut session) => {
                        let _ = self.answer(&mut session, word).await;
                    }
                    Err(failure) => self.decline(word, &failure.cause),
                },
                Some(_) => {}
            }
        }
    }

    /// Answers a look; other words are stale. The error: the session is lost.
    async fn answer(&mut self, session: &mut C::Session, word: Word) -> Result<(), Failure> {
        match word {
            Word::Refresh(statements) => {
                self.will_refresh(statements);
                self.refresh(session).await
            }
            Word::Inspect(look) => self.inspect(session, look).await,
            Word::Trace(ids) => self.trace(session, ids).await,
            Word::Rehearse(look, offer) => self.rehearse(session, look, &offer).await,
            _ => Ok(()),
        }
    }

    /// Asks what is really there. The error: the session is lost.
    async fn inspect(&self, session: &mut C::Session, look: Look) -> Result<(), Failure> {
        let (answer, lost) = self.ask_inspect(session, true, Vec::new()).await;
        self.note(What::Inspected { request: self.request, look, answer });
        lost.map_or(Ok(()), Err)
    }

    /// Asks where the histories part. The error: the session is lost.
    async fn trace(&self, session: &mut C::Session, ids: Vec<Fingerprint>) -> Result<(), Failure> {
        let (answer, lost) = self.ask_inspect(session, false, ids).await;
        self.note(What::Traced { answer });
        lost.map_or(Ok(()), Err)
    }

    /// The answer, or why there is none; and the failure where the session is lost.
    async fn ask_inspect(
        &self,
        session: &mut C::Session,
        read: bool,
        trace: Vec<Fingerprint>,
    ) -> (Result<Box<Inspection>, Cause>, Option<Failure>) {
        let message =
            Inspect { protocol: self.protocol, source: self.assignment.source, replica: self.assignment.name.clone(), read, trace };
        match session.call(Function::Inspect, &serde_json::to_string(&message).unwrap_or_default()).await {
            Ok(text) => {
                (serde_json::from_str::<Inspection>(&text).map(Box::new).map_err(|error| unreadable("accord.inspect", &error)), None)
            }
            Err(failure) => (Err(failure.cause.clone()), Some(failure).filter(|failure| !failure.answered)),
        }
    }

    /// Has a mending planned. The error: the session is lost.
    async fn rehearse(&self, session: &mut C::Session, look: Look, offer: &str) -> Result<(), Failure> {
        let (answer, lost) = match session.call(Function::Negotiate, offer).await {
            Ok(text) => (Ok(text), None),
            Err(failure) => (Err(failure.cause.clone()), Some(failure).filter(|failure| !failure.answered)),
        };
        self.note(What::Rehearsed { look, answer });
        lost.map_or(Ok(()), Err)
    }

    /// Whoever waits for a look learns why there is none.
    fn decline(&self, word: Word, cause: &Cause) {
        match word {
            Word::Inspect(look) => self.note(What::Inspected { request: self.request, look, answer: Err(cause.clone()) }),
            Word::Rehearse(look, _) => self.note(What::Rehearsed { look, answer: Err(cause.clone()) }),
            Word::Trace(_) => self.note(What::Traced { answer: Err(cause.clone()) }),
            _ => {}
        }
    }

    /// Applies, and passes on how far it has come.
    async fn call_apply(&self, session: &mut C::Session, message: &str) -> Result<String, Failure> {
        let mut progress = session.progress();
        progress.mark_unchanged();
        let call = session.call(Function::Apply, message);
        tokio::pin!(call);
        loop {
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                Ok(()) = progress.changed() => {
                    let progress = *progress.borrow_and_update();
                    self.note(What::Progress { progress });
                }
            }
        }
    }

    fn note(&self, what: What) {
        self.notes.send(Note { mending: self.mending, ..Note::now(self.assignment.id, what) });
    }

    fn failed(session: Option<C::Session>, failure: Failure, version: Option<i64>) -> State<C::Session> {
        let kind = match (failure.answered, failure.cause.detail.as_deref()) {
            (false, _) => Kind::Connection,
            (true, Some(detail)) if detail.starts_with("55P03") || detail.starts_with("40P01") => Kind::Lock,
            (true, _) => Kind::Attempt,
        };
        State::Retry(session.filter(|_| failure.answered), Trouble { version, cause: failure.cause, kind })
    }
}

/// A version that waits for rows.
struct Waiting {
    version: i64,
    told: Option<Instant>,
    pause: Duration,
    /// Where the subscriptions stood when somebody was told.
    reached: BTreeMap<String, String>,
}

/// Returns at a time, or never.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

enum Paused {
    Done,
    Over,
}

/// A greeting in a protocol that is not known there.
fn speaks_another(cause: &Cause) -> bool {
    cause.detail.as_deref().is_some_and(|detail| detail.starts_with("0A000"))
}

/// Refused for nothing but a lock: that passes.
fn locked_out(reasons: &[Reason]) -> bool {
    !reasons.is_empty() && reasons.iter().all(|reason| reason.code == ReasonCode::LockTimeout)
}

fn trouble(version: i64, reasons: &[Reason], cause: Option<Cause>) -> Trouble {
    let kind = if locked_out(reasons) { Kind::Lock } else { Kind::Attempt };
    let cause = cause.unwrap_or_else(|| Cause::new(&code_word(ReasonCode::StepFailed), "the replica undid the version and gave no reason"));
    Trouble { version: Some(version), cause, kind }
}

fn unreadable(function: &str, error: &serde_json::Error) -> Cause {
    Cause::new(&code_word(ReasonCode::Malformed), format!("the answer of {function} cannot be read: {error}"))
        .hint("Install the same version of pg_accord on both sides.")
}
