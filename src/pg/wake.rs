//! What backends and workers of one server tell each other: who serves which database, wake up, how
//! far sealing has come, leave this database.
//!
//! A small board of atomics in shared memory, without locks: it is read in commit callbacks. Without
//! shared_preload_libraries there is no board, and every function here does nothing.

use pgrx::prelude::*;
use pgrx::shmem::PGRXSharedMemory;
use pgrx::{PgAtomic, pg_shmem_init, pg_sys};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Databases of one server that can have a worker at the same time.
pub const PLACES: usize = 128;

/// Questions that a worker can be asked before it has looked at them.
pub const QUESTIONS: usize = 16;

/// One worker.
#[derive(Default)]
struct Place {
    /// 0: free.
    pid: AtomicI32,
    /// OID of its database.
    database: AtomicU32,
    /// What it does there: see [`Role`].
    role: AtomicU32,
    /// Address of its latch: in shared memory, at the same address in every process of the server.
    latch: AtomicUsize,
    /// Rounds of sealing that began, and the last of them that was finished and committed.
    begun: AtomicI64,
    finished: AtomicI64,
    /// Questions that somebody waits for, outside of any transaction; 0: free.
    asked: [AtomicI64; QUESTIONS],
}

/// What a worker does in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Seals versions and serves replicas.
    Delivery = 0,
    /// Watches a fleet.
    Fleet = 1,
}

struct Board([Place; PLACES], AtomicUsize);

// SAFETY: nothing but atomics, valid when zeroed, without pointers into a process's own memory.
unsafe impl PGRXSharedMemory for Board {}

impl Default for Board {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Place::default()), AtomicUsize::new(0))
    }
}

// SAFETY: no other library names its shared memory so.
static BOARD: PgAtomic<Board> = unsafe { PgAtomic::new(c"pg_accord") };
static PRELOADED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This process's own place, in a worker.
    static MINE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Asks for the shared memory. Called once, from `_PG_init`, under shared_preload_libraries.
pub fn init() {
    pg_shmem_init!(BOARD);
    PRELOADED.store(true, Ordering::Relaxed);
}

/// Whether the library was preloaded.
pub fn preloaded() -> bool {
    PRELOADED.load(Ordering::Relaxed)
}

fn board() -> Option<&'static Board> {
    preloaded().then(|| BOARD.get())
}

fn my_database() -> u32 {
    // SAFETY: a plain global of this process.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

fn places_of(database: u32) -> impl Iterator<Item = &'static Place> {
    let places = board().map_or(&[][..], |board| &board.0);
    places.iter().filter(move |place| place.database.load(Ordering::Acquire) == database && place.pid.load(Ordering::Acquire) != 0)
}

fn place_of(database: u32, role: Role) -> Option<&'static Place> {
    places_of(database).find(|place| place.role.load(Ordering::Acquire) == role as u32)
}

fn set_latch(address: usize) {
    if address != 0 {
        // SAFETY: the address of a PGPROC's latch, which stays allocated as long as the server runs;
        // where its process has gone, whoever has the latch now wakes once for nothing.
        unsafe { pg_sys::SetLatch(address as *mut pg_sys::Latch) };
    }
}

/// Sets the latches of this database's workers.
pub fn wake_worker() {
    places_of(my_database()).for_each(|place| set_latch(place.latch.load(Ordering::Acquire)));
}

/// Asks this database's worker a question, a number other than 0 that both sides understand. Returns whom: one that
/// takes its place does not know of it. Nothing without a worker, or where it has too many of them.
pub fn ask(question: i64) -> Option<i32> {
    let place = place_of(my_database(), Role::Delivery)?;
    let worker = place.pid.load(Ordering::Acquire);
    // The same question, not taken yet, is answered once for both.
    let asked = place.asked.iter().any(|slot| slot.load(Ordering::Acquire) == question)
        || place.asked.iter().any(|slot| slot.compare_exchange(0, question, Ordering::AcqRel, Ordering::Acquire).is_ok());
    set_latch(place.latch.load(Ordering::Acquire));
    asked.then_some(worker)
}

/// The worker's own: takes the questions that it was asked.
pub fn questions() -> Vec<i64> {
    let Some((mine, board)) = MINE.get().zip(board()) else { return Vec::new() };
    board.0[mine].asked.iter().map(|slot| slot.swap(0, Ordering::AcqRel)).filter(|question| *question != 0).collect()
}

/// The process of this database's worker.
pub fn worker() -> Option<i32> {
    place_of(my_database(), Role::Delivery).map(|place| place.pid.load(Ordering::Acquire))
}

/// Whether this database has a worker.
pub fn worker_running() -> bool {
    worker().is_some()
}

/// Whether a fleet is watched from this database.
pub fn fleet_watched() -> bool {
    place_of(my_database(), Role::Fleet).is_some()
}

/// The number of the round of sealing that sees everything committed by now: the next that begins.
/// `None` without a worker.
pub fn next_round() -> Option<i64> {
    place_of(my_database(), Role::Delivery).map(|place| place.begun.load(Ordering::Acquire) + 1)
}

/// Whether this round of sealing, or a later one, has been committed. `None` without a worker.
pub fn round_finished(round: i64) -> Option<bool> {
    place_of(my_database(), Role::Delivery).map(|place| place.finished.load(Ordering::Acquire) >= round)
}

/// The worker's own note: a round of sealing begins. Returns its number.
pub fn begin_round() -> i64 {
    MINE.get().zip(board()).map_or(0, |(mine, board)| board.0[mine].begun.fetch_add(1, Ordering::AcqRel) + 1)
}

/// The worker's own note: that round is committed.
pub fn finish_round(round: i64) {
    if let Some((mine, board)) = MINE.get().zip(board()) {
        board.0[mine].finished.store(round, Ordering::Release);
    }
}

/// Takes a place for this worker, given back when the process ends. False where all are taken, or
/// where another worker does the same in this database.
pub fn enter(role: Role) -> bool {
    let (Some(board), database) = (board(), my_database()) else { return false };
    if place_of(database, role).is_some() {
        return false;
    }
    // SAFETY: plain globals of this process; the callback runs before shared memory is detached.
    let (pid, latch) = unsafe { (pg_sys::MyProcPid, pg_sys::MyLatch as usize) };
    for (i, place) in board.0.iter().enumerate() {
        if place.pid.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            place.begun.store(0, Ordering::Release);
            place.finished.store(0, Ordering::Release);
            place.asked.iter().for_each(|slot| slot.store(0, Ordering::Release));
            place.latch.store(latch, Ordering::Release);
            place.role.store(role as u32, Ordering::Release);
            place.database.store(database, Ordering::Release);
            MINE.set(Some(i));
            // SAFETY: as above.
            unsafe { pg_sys::before_shmem_exit(Some(leave), pg_sys::Datum::from(0)) };
            return true;
        }
    }
    false
}

#[pg_guard]
unsafe extern "C-unwind" fn leave(_code: i32, _arg: pg_sys::Datum) {
    if let Some((mine, board)) = MINE.take().zip(board()) {
        let place = &board.0[mine];
        place.database.store(0, Ordering::Release);
        place.latch.store(0, Ordering::Release);
        place.pid.store(0, Ordering::Release);
    }
}

/// Notes the launcher's latch.
pub fn enter_launcher() {
    if let Some(board) = board() {
        // SAFETY: a plain global of this process.
        board.1.store(unsafe { pg_sys::MyLatch as usize }, Ordering::Release);
    }
}

/// Makes the worker of a database leave it, and waits until it has (5 s at most): for DROP DATABASE
/// and what else needs a database without sessions. The launcher sends another one a second later,
/// which then waits for the command's lock and finds no database, or serves it again.
pub fn release_database(database: u32) {
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut asked = 0;
    while let Some(place) = places_of(database).next().filter(|_| Instant::now() < deadline) {
        let pid = place.pid.load(Ordering::Acquire);
        if pid != asked && pid != 0 {
            asked = pid;
            // SAFETY: the pid of a worker of this server; SIGTERM is how it is asked to end.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        super::process::pause(Duration::from_millis(5));
    }
}
