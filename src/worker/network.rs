//! The network thread: a current-thread runtime with one task per replica. It never touches the
//! server's memory; it speaks with the main thread by channels, and wakes it through a socket pair.

use super::messages::{Command, Note, What, Word};
use super::task::{Notes, Task};
use super::transport::push::Push;
use crate::pg::process;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc;
use tokio::sync::mpsc as channel;
use tokio::task::{AbortHandle, LocalSet};

/// The main thread's end.
pub struct Network {
    commands: channel::UnboundedSender<Command>,
    notes: mpsc::Receiver<Note>,
    bell: UnixStream,
}

/// The tasks' end: sends and rings.
#[derive(Clone)]
struct Outbox {
    notes: mpsc::Sender<Note>,
    bell: Rc<UnixStream>,
}

impl Notes for Outbox {
    fn send(&self, note: Note) {
        // Either fails only when the main thread is gone, or when the bell rings already.
        let _ = self.notes.send(note);
        let _ = (&*self.bell).write(&[1]);
    }
}

impl Network {
    /// Spawns the thread, with every signal blocked.
    pub fn start() -> std::io::Result<Self> {
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
    pub fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok()
    }

    /// Takes the notes that are there.
    pub fn notes(&mut self) -> Vec<Note> {
        let mut buffer = [0; 256];
        while matches!((&self.bell).read(&mut buffer), Ok(n) if n == buffer.len()) {}
        self.notes.try_iter().collect()
    }
}

/// Starts and stops tasks, and passes words on.
async fn direct(mut inbox: channel::UnboundedReceiver<Command>, outbox: Outbox) {
    let mut tasks: HashMap<i64, (AbortHandle, channel::UnboundedSender<Word>)> = HashMap::new();
    while let Some(command) = inbox.recv().await {
        match command {
            Command::Start(assignment) => {
                let id = assignment.id;
                let (words, theirs) = channel::unbounded_channel();
                let task = tokio::task::spawn_local(Task::new(Push::new(), outbox.clone(), theirs, *assignment).serve());
                if let Some((old, _)) = tasks.insert(id, (task.abort_handle(), words)) {
                    old.abort();
                }
                let outbox = outbox.clone();
                tokio::task::spawn_local(async move {
                    if let Err(error) = task.await
                        && error.is_panic()
                    {
                        outbox.send(Note::now(id, What::Died { why: error.to_string() }));
                    }
                });
            }
            Command::Stop(id) => {
                if let Some((task, _)) = tasks.remove(&id) {
                    task.abort();
                }
            }
            Command::Tell(id, word) => {
                if let Some((_, words)) = tasks.get(&id) {
                    let _ = words.send(word);
                }
            }
        }
    }
}
