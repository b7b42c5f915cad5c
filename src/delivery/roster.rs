//! The table of replicas as the worker reads it.

use crate::error::{Error, Result};
use crate::pg::spi::{Cells, See, Spi};
use crate::protocol::Policy;
use crate::worker::messages::Assignment;

/// One replica.
pub struct Seat {
    /// What its task needs.
    pub assignment: Assignment,
    /// It is not served.
    pub paused: bool,
    /// It is to be mended.
    pub mending: bool,
    /// It is to be led back from a history of its own: that asks for no look before.
    pub rewinding: bool,
    /// Grows when a person wants the worker to look again.
    pub nudges: i64,
}

/// Reads every replica.
pub fn read(spi: &Spi) -> Result<Vec<Seat>> {
    spi.query(
        "SELECT r.id, r.name, r.conninfo, r.policy::text, r.state = 'paused', r.nudges, r.attempts, l.id::text,
                EXISTS (SELECT FROM accord.mending m WHERE m.replica = r.name AND m.state IN ('offered', 'negotiating', 'applying', 'retrying')),
                EXISTS (SELECT FROM accord.mending m WHERE m.replica = r.name AND m.keep IS NOT NULL AND m.state IN ('offered', 'negotiating', 'applying', 'retrying'))
           FROM accord.replica r, accord.ledger l ORDER BY r.id",
        &[],
        See::Latest,
    )?
    .iter()
    .map(|row| {
        // A policy of another release that this one cannot read: the replica says so itself, of each offer.
        let policy = serde_json::from_str(&row.text(3)).ok().and_then(|value| Policy::read(&value).ok()).unwrap_or_default();
        Ok(Seat {
            assignment: Assignment {
                id: row.int(0),
                name: row.text(1),
                conninfo: row.text(2),
                policy,
                source: row.text(7).parse().map_err(|_| Error::internal("the ledger's id is no UUID"))?,
                attempts: row.int(6) as u32,
            },
            paused: row.bool(4),
            nudges: row.int(5),
            mending: row.bool(8),
            rewinding: row.bool(9),
        })
    })
    .collect()
}
