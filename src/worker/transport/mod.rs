//! How a replica is reached: one file per carrier, behind two small traits.

pub mod push;
pub mod tls;

use super::messages::{Assignment, Cause};
use crate::protocol::Progress;
use tokio::sync::watch;

/// The replica's functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `accord.hello`
    Hello,
    /// `accord.inspect`
    Inspect,
    /// `accord.negotiate`
    Negotiate,
    /// `accord.apply`
    Apply,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub struct Failure {
    /// For people; never holds a secret.
    pub cause: Cause,
    /// The replica answered with an SQL error, and the session can go on. Otherwise it is lost, and
    /// what became of the call is unknown.
    pub answered: bool,
}

/// A way to reach replicas.
pub trait Carrier {
    /// What it makes.
    type Session: Session;
    /// Connects, within a bounded time.
    async fn connect(&self, assignment: &Assignment) -> Result<Self::Session, Failure>;
}

/// A session with one replica.
pub trait Session {
    /// Calls a function with a message and returns its answer, both JSON.
    async fn call(&mut self, function: Function, message: &str) -> Result<String, Failure>;
    /// Runs a statement that the replica rendered, outside a transaction.
    async fn run(&mut self, sql: &str) -> Result<(), Failure>;
    /// What the replica says of how far an application has come.
    fn progress(&self) -> watch::Receiver<Progress>;
    /// Returns when the session is lost.
    async fn lost(&mut self);
}
