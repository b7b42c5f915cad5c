//! The network thread of a database's worker: one task per replica.

use super::messages::{Command, Note, What, Word};
use super::task::{Notes, Task};
use super::thread::{Outbox, Thread};
use super::transport::push::Push;
use std::collections::HashMap;
use tokio::sync::mpsc as channel;
use tokio::task::AbortHandle;

/// The main thread's end.
pub type Network = Thread<Command, Note>;

/// Spawns the thread.
pub fn start() -> std::io::Result<Network> {
    Thread::start(direct)
}

impl Notes for Outbox<Note> {
    fn send(&self, note: Note) {
        self.post(note);
    }
}

/// Starts and stops tasks, and passes words on.
async fn direct(mut inbox: channel::UnboundedReceiver<Command>, outbox: Outbox<Note>) {
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
