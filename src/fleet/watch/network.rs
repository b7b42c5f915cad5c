//! The network thread of a watch: one task for each piece of work. How many there are at a time is the main thread's
//! business.

use super::mend::mend;
use super::post::post;
use super::session::{Kept, Session};
use super::visit::{cause, visit};
use super::work::{Answer, Command, Work};
use crate::conninfo::Environment;
use crate::worker::messages::Cause;
use crate::worker::thread::{Outbox, Thread};
use crate::worker::transport::Failure;
use crate::worker::transport::push::describe;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// The main thread's end.
pub type Network = Thread<Command, Answer>;

/// Spawns the thread.
pub fn start() -> std::io::Result<Network> {
    Thread::start(direct)
}

/// Between looks at sessions that nobody uses.
const TIDY: Duration = Duration::from_secs(10);

async fn direct(mut inbox: UnboundedReceiver<Command>, outbox: Outbox<Answer>) {
    let environment = Rc::new(Environment::of_process());
    let kept = Rc::new(Kept::default());
    let tidied = kept.clone();
    tokio::task::spawn_local(async move {
        loop {
            tokio::time::sleep(TIDY).await;
            tidied.tidy();
        }
    });
    while let Some(command) = inbox.recv().await {
        let work = match command {
            Command::Do(work) => work,
            Command::Part(member) => {
                kept.part(member);
                continue;
            }
        };
        let (environment, outbox, kept) = (environment.clone(), outbox.clone(), kept.clone());
        let lost = died(&work);
        let task = tokio::task::spawn_local(async move {
            match work {
                Work::Visit(job) => visit(*job, &environment, &kept).await,
                Work::Mend(job) => mend(*job, &environment).await,
                Work::Report(job) => {
                    let (message, channel, attempts) = (job.id, job.channel, job.options.attempts);
                    Answer::Reported { message, channel, attempts, outcome: post(*job).await }
                }
                Work::Survey { source, asked, conninfo, pattern, timeout } => {
                    let listed = tokio::time::timeout(timeout, survey(&environment, &conninfo, &pattern, timeout)).await;
                    let found = match listed {
                        Ok(found) => found.map_err(|failure| cause(failure.cause)),
                        Err(_) => Err(Cause::new("timeout", format!("its databases were not listed within {} s", timeout.as_secs()))),
                    };
                    Answer::Surveyed { source, asked, found }
                }
            }
        });
        tokio::task::spawn_local(async move {
            outbox.post(match task.await {
                Ok(answer) => answer,
                Err(error) => lost(Cause::new("internal", format!("this is a defect of pg_accord: {error}"))),
            });
        });
    }
}

/// The answer of a task that ended by a defect of ours.
fn died(work: &Work) -> Box<dyn FnOnce(Cause) -> Answer> {
    match work {
        Work::Visit(job) => {
            let (member, asked, generation) = (job.member, job.asked, job.shelf.generation);
            Box::new(move |cause| Answer::Visited { member, asked, generation, took: Duration::ZERO, kept: false, found: Err(cause) })
        }
        Work::Survey { source, asked, .. } => {
            let (source, asked) = (*source, *asked);
            Box::new(move |cause| Answer::Surveyed { source, asked, found: Err(cause) })
        }
        Work::Report(job) => {
            let (message, channel, attempts) = (job.id, job.channel, job.options.attempts);
            Box::new(move |cause| Answer::Reported { message, channel, attempts, outcome: Err(cause.message) })
        }
        Work::Mend(job) => {
            let (conform, member) = (job.conform, job.member);
            Box::new(move |cause| Answer::Mended { conform, member, steps: Vec::new(), reached: Err(cause) })
        }
    }
}

async fn survey(environment: &Environment, conninfo: &str, pattern: &str, timeout: Duration) -> Result<Vec<String>, Failure> {
    let session = Session::open(environment, conninfo, "discover", timeout, Duration::from_secs(2), "BEGIN READ ONLY").await?;
    let sql = "SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.datallowconn AND NOT d.datistemplate AND d.datname LIKE $1 ORDER BY 1";
    let rows = session.client.query(sql, &[&pattern]).await.map_err(|error| describe(&error, None))?;
    rows.iter().map(|row| row.try_get(0).map_err(|error| describe(&error, None))).collect()
}
