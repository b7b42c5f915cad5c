//! Replicas whose history went another way: where it parts from this one, and `accord.resolve_divergence`.
//!
//! The chain finds it at the hello; the worker then asks the replica where the histories part. Whoever decides
//! finds both sides' versions in `accord.divergences` and in the state's reason. What is decided is
//! carried out as a mending is: offered, examined under the replica's policy, verified, recorded once.

use super::record::{Next, Row, state};
use super::{lock, mending, nudge, resolution};
use crate::error::{Error, Result};
use crate::ledger;
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::Step;
use crate::protocol::{Alone, Event, Inspection, Position};
use crate::worker::messages::Cause;
use std::str::FromStr;

/// How many versions a reason names.
const NAMED: usize = 5;

/// Whose history stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The replica is led back to where the histories part, and follows.
    Source,
    /// This side takes over what only the replica has, as a new version.
    Replica,
}

impl FromStr for Keep {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "source" => Ok(Self::Source),
            "replica" => Ok(Self::Replica),
            _ => Err(Error::invalid(format!("keep is 'source' or 'replica', not '{text}'"))
                .hint("'source' undoes on the replica what only it has; 'replica' does it here as well, as a new version.")),
        }
    }
}

impl Keep {
    fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Replica => "replica",
        }
    }
}

/// The cause of the state of a replica that has a version which is not in this history.
pub(super) fn cause(name: &str, detail: String) -> Cause {
    let name = crate::model::Literal(name);
    Cause::new("unknown_parent", "the replica has a version that is not in this history: the source was restored from a backup, or failed over without its last changes")
        .detail(detail)
        .hint(format!(
            "SELECT * FROM accord.divergences lists what only the replica has; SELECT accord.resolve_divergence({name}, 'source') undoes it there, SELECT accord.resolve_divergence({name}, 'replica') does it here as well."
        ))
}

/// Records where a replica's history leaves this one.
pub(super) fn write(spi: &Spi, row: &Row, inspection: &Inspection) -> Result<Next> {
    let (Some(position), Some(divergence)) = (&inspection.position, &inspection.divergence) else { return Ok(Next::Done) };
    if divergence.versions.is_empty() {
        return forget(spi, &row.name).map(|()| Next::Done);
    }
    let common = divergence.common.as_ref().map(|common| common.version);
    spi.run(
        "INSERT INTO accord.divergence AS d (replica, version, id, common, versions) VALUES ($1, $2, $3, $4, $5::json)
         ON CONFLICT (replica) DO UPDATE SET version = excluded.version, id = excluded.id, common = excluded.common, versions = excluded.versions",
        &[
            Arg::Text(&row.name),
            Arg::Int(position.version),
            Arg::Bytes(&position.id.0),
            Arg::MaybeInt(common),
            Arg::Text(&serde_json::to_string(&divergence.versions)?),
        ],
    )?;
    if mending::pending(spi, &row.name)?.is_some() {
        return Ok(Next::Done);
    }
    let rows = spi.query(
        "SELECT v.version, v.changes FROM accord.versions v WHERE v.version > $1 ORDER BY v.version LIMIT $2",
        &[Arg::Int(common.unwrap_or(-1)), Arg::Int(NAMED as i64 + 1)],
        See::Latest,
    )?;
    let ours = rows.iter().map(|row| format!("{} ({})", row.int(0), row.maybe_text(1).unwrap_or_default()));
    let detail = format!(
        "{} Only the replica has {}. Only this side has {}.",
        common.map_or_else(|| "There is no version of both.".to_owned(), |common| format!("Version {common} is the newest of both.")),
        list(divergence.versions.iter().map(Alone::words)),
        list(ours),
    );
    state(spi, row, "diverged", Some(position.version), Some(&cause(&row.name, detail)))?;
    Ok(Next::Done)
}

fn list(versions: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = versions.take(NAMED + 1).collect();
    if words.is_empty() {
        return "none".to_owned();
    }
    if words.len() > NAMED {
        "and more".clone_into(&mut words[NAMED]);
    }
    words.join(", ")
}

/// The histories are one again.
pub(super) fn forget(spi: &Spi, replica: &str) -> Result<()> {
    spi.run("DELETE FROM accord.divergence d WHERE d.replica = $1", &[Arg::Text(replica)])
}

/// A decision that can be carried out.
pub struct Decision {
    keep: Keep,
    version: i64,
    /// What only the replica has, where it is taken over.
    events: Vec<Event>,
    /// What that takes here.
    pub steps: Vec<Step>,
}

/// `accord.resolve_divergence`, first part: what there is to decide, and the steps that run here.
pub fn decide(spi: &Spi, name: &str, keep: Keep) -> Result<Decision> {
    let replica = lock(spi, name)?;
    if replica.state == "paused" {
        return Err(Error::state(format!("replica \"{name}\" is paused")).hint(resolution("paused", name, None)));
    }
    let rows =
        spi.query("SELECT d.version, d.versions::text FROM accord.divergence d WHERE d.replica = $1", &[Arg::Text(name)], See::Latest)?;
    let Some(row) = rows.first() else {
        let error = Error::state(format!("replica \"{name}\" has no history of its own")).detail(format!("It is {}.", replica.state));
        let hint = resolution(&replica.state, name, None);
        return Err(error.hint(if hint.is_empty() {
            "Where it has, accord.status says diverged, and a moment later where the histories part.".to_owned()
        } else {
            format!("Where it has, accord.status says where the histories part. {hint}")
        }));
    };
    let mut decision = Decision { keep, version: row.int(0), events: Vec::new(), steps: Vec::new() };
    if keep == Keep::Replica {
        let versions: Vec<Alone> = serde_json::from_str(&row.text(1))?;
        for version in versions {
            let number = version.position.version;
            decision.events.extend(version.events.ok_or_else(|| {
                Error::state(format!("version {number} of replica \"{name}\" cannot be taken over"))
                    .detail("The replica was built at it: what this side lacks cannot be told from the rest.")
                    .hint("Bring this side by hand to what the replica has; then keep 'source'.")
            })?);
        }
        decision.steps = ledger::take_over(spi, &decision.events)?;
    }
    Ok(decision)
}

/// Second part, once the steps have run: the worker leads the replica after the commit.
pub fn request(spi: &Spi, name: &str, decision: &Decision) -> Result<()> {
    ledger::taken_over(spi, &decision.events)?;
    if mending::pending(spi, name)?.is_some() {
        return Err(Error::state(format!("replica \"{name}\" is being led back already")).hint("accord.status shows how far it is."));
    }
    mending::give_up(spi, name)?;
    spi.run(
        "INSERT INTO accord.mending (replica, version, drop_own, keep, requested_by) VALUES ($1, $2, false, $3, $4)",
        &[Arg::Text(name), Arg::Int(decision.version), Arg::Text(decision.keep.word()), Arg::Text(&command::users().0)],
    )?;
    nudge(spi, name)
}

/// What a decision offers to its replica. None: the replica has no history of its own any more.
pub(super) fn offer(spi: &Spi, replica: &str, id: uuid::Uuid, approved: bool) -> Result<Option<crate::protocol::Offer>> {
    let rows = spi.query(
        "SELECT d.version, d.id, d.common, m.keep, m.target FROM accord.mending m JOIN accord.divergence d ON d.replica = m.replica WHERE m.id = $1::uuid",
        &[Arg::Text(&id.to_string())],
        See::Latest,
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let abandons = Position { version: row.int(0), id: crate::model::Fingerprint(row.hash(1)?) };
    let common = row.maybe_int(2);
    // The same one again, should the answer to the first offer be lost.
    let target = match row.maybe_int(4) {
        Some(target) => target,
        None => ledger::rewind_target(spi, replica, common.filter(|_| row.text(3) == Keep::Source.word()))?,
    };
    spi.run("UPDATE accord.mending SET target = $2 WHERE id = $1::uuid", &[Arg::Text(&id.to_string()), Arg::Int(target)])?;
    let mut offer = ledger::rewind_offer(spi, replica, id, common, abandons, target)?;
    offer.approved = approved;
    Ok(Some(offer))
}
