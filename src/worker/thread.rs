//! A thread for the network beside a worker's main one: a current-thread runtime that never touches the
//! server's memory. It speaks with the main thread by channels, and wakes it through a socket pair.

use crate::pg::process;
use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc;
use tokio::sync::mpsc as channel;
use tokio::task::LocalSet;

/// The main thread's end: sends commands, takes notes.
pub struct Thread<C, N> {
    commands: channel::UnboundedSender<C>,
    notes: mpsc::Receiver<N>,
    bell: UnixStream,
}

/// The tasks' end: sends and rings.
pub struct Outbox<N> {
    notes: mpsc::Sender<N>,
    bell: Rc<UnixStream>,
}

impl<N> Clone for Outbox<N> {
    fn clone(&self) -> Self {
        Self { notes: self.notes.clone(), bell: self.bell.clone() }
    }
}

impl<N> Outbox<N> {
    /// Sends a note and wakes the main thread.
    pub fn post(&self, note: N) {
        // Either fails only when the main thread is gone, or when the bell rings already.
        let _ = self.notes.send(note);
        let _ = (&*self.bell).write(&[1]);
    }
}

impl<C: Send + 'static, N: Send + 'static> Thread<C, N> {
    /// Spawns the thread, with every signal blocked.
    pub fn start<F: Future<Output = ()>>(
        direct: impl FnOnce(channel::UnboundedReceiver<C>, Outbox<N>) -> F + Send + 'static,
    ) -> std::io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let (commands, inbox) = channel::unbounded_channel();
        let (sender, notes) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(4).build()?;
        process::without_signals(|| {
            std::thread::Builder::new().name("pg_accord network".to_owned()).spawn(move || {
                let outbox = Outbox { notes: sender, bell: Rc::new(theirs) };
                LocalSet::new().block_on(&runtime, direct(inbox, outbox));
            })
        })?;
        Ok(Self { commands, notes, bell: ours })
    }

    /// Readable when there are notes.
    pub fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Sends a command. False where the thread is gone.
    pub fn send(&self, command: C) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Takes the notes that are there.
    pub fn notes(&mut self) -> Vec<N> {
        let mut buffer = [0; 256];
        while matches!((&self.bell).read(&mut buffer), Ok(n) if n == buffer.len()) {}
        self.notes.try_iter().collect()
    }
}
