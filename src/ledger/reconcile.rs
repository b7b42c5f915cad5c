//! Reading the catalogs again and comparing them with the ledger.

use super::seal::{self, version_id};
use super::store::{self, Known};
use crate::capture;
use crate::capture::outbox::{self, Happening, Keys};
use crate::diff::{Change, diff};
use crate::error::{Error, Result};
use crate::model::{Fact, FactHash, FactId, Kind, LocalKey, Projection, READER_VERSION};
use crate::pg::class;
use crate::pg::command::{self, major};
use crate::pg::give_way::briefly;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::turn::{self, Turn};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What differs between the catalogs and the last known facts.
#[derive(Debug, Default)]
pub struct Found {
    /// The changes that lead from the last known facts to the catalogs.
    pub changes: Vec<Change>,
    /// Local keys and families of the facts they speak of.
    pub keys: Keys,
}

/// Compares last known facts with facts that were read just now.
pub fn compare(spi: &Spi, known: Vec<Known>, read: Vec<Fact>) -> Result<Found> {
    let hashes: HashMap<String, (FactHash, LocalKey)> = known.iter().map(|k| (k.id.clone(), (k.hash, k.key))).collect();
    let mut same: HashSet<String> = HashSet::new();
    let mut fresh = Vec::new();
    for fact in read {
        let id = fact.id.to_string();
        match hashes.get(&id) {
            Some((hash, key)) if *hash == fact.hash() && Some(*key) == fact.key => {
                same.insert(id);
            }
            _ => fresh.push(fact),
        }
    }
    let changed: Vec<Known> = known.into_iter().filter(|k| !same.contains(&k.id)).collect();
    if changed.is_empty() && fresh.is_empty() {
        return Ok(Found::default());
    }
    let mut before = store::load(spi, &changed)?;
    follow_rebuilt(&mut before, &fresh);
    let mut keys: Keys = changed.iter().map(|k| (k.id.clone(), (k.key, k.root))).collect();
    for fact in &fresh {
        if let (Some(key), Some(root)) = (fact.key, fact.root) {
            keys.insert(fact.id.to_string(), (key, root));
        }
    }
    let mut changes = diff(&before, &fresh);
    capture::fill(spi, &mut changes)?;
    Ok(Found { changes, keys })
}

/// A command that alters a column's type builds the column's indexes anew, under OIDs of their own, and no fact
/// of them differs: the ledger keeps the old keys. Where one is gone and its like stands under another name,
/// it was renamed since.
fn follow_rebuilt(before: &mut [Fact], fresh: &[Fact]) {
    let has_index = |fact: &Fact| matches!(fact.id.kind, Kind::Index | Kind::Constraint | Kind::Statistics);
    let [known, standing] = [&*before, fresh].map(|facts| {
        let facts = facts.iter().filter(|fact| has_index(fact));
        facts.map(|fact| (fact.id.clone(), fact.key)).unzip::<FactId, _, HashSet<_>, HashSet<_>>()
    });
    let mut new: HashMap<_, Vec<&Fact>> = HashMap::new();
    for fact in fresh.iter().filter(|fact| has_index(fact) && !known.0.contains(&fact.id) && !known.1.contains(&fact.key)) {
        new.entry((fact.id.kind, fact.root)).or_default().push(fact);
    }
    for fact in before.iter_mut().filter(|fact| has_index(fact) && !standing.0.contains(&fact.id) && !standing.1.contains(&fact.key)) {
        let Some(like) = new.get_mut(&(fact.id.kind, fact.root)) else { continue };
        if let Some(i) = like.iter().position(|now| now.body == fact.body) {
            fact.key = like.swap_remove(i).key;
        }
    }
}

/// Reads these families again and compares them with the last known facts.
pub fn differences(spi: &Spi, roots: &[(u32, u32)]) -> Result<Found> {
    let _pinned = command::pin();
    let found = look(spi, roots)?;
    confirmed(spi, found)
}

/// How often a difference is looked at again before it is left to the next reconciliation.
const LOOKS: usize = 5;

/// What is found once more under a newer snapshot. Texts are deparsed from the newest catalogs, whatever the snapshot:
/// where a neighbour commits in between, they are ahead of its event. Under the newer one, that is there.
fn confirmed(spi: &Spi, mut found: Found) -> Result<Found> {
    for _ in 0..LOOKS {
        if found.changes.is_empty() {
            break;
        }
        let roots: Vec<(u32, u32)> = found.keys.values().map(|(_, root)| *root).collect::<HashSet<_>>().into_iter().collect();
        let again = look(spi, &roots)?;
        let same = again.changes == found.changes;
        found = again;
        if same {
            return Ok(found);
        }
    }
    Ok(Found::default())
}

fn look(spi: &Spi, roots: &[(u32, u32)]) -> Result<Found> {
    let _frozen = spi.freeze();
    let oids: Vec<u32> = roots.iter().map(|(_, oid)| *oid).collect();
    let known = store::families(spi, &oids)?.into_iter().filter(|k| roots.contains(&k.root)).collect();
    let read = capture::read_roots(spi, roots)?;
    compare(spi, known, read)
}

/// What a comparison found is an event without a statement.
fn happening(context: &str) -> Happening<'_> {
    Happening {
        tag: "RECONCILE",
        kind: None,
        identity: None,
        statement: "",
        exact: false,
        concurrently: false,
        reconciled: true,
        unmodelled: &[],
        context,
    }
}

fn context(why: &str) -> String {
    let (session, current) = command::users();
    serde_json::json!({ "session_user": session, "role": current, "why": why, "origin": crate::replica::origin() }).to_string()
}

/// Inserts what was found as an event of the transaction that is being sealed; returns its id and the
/// text of its changes.
pub(super) fn record(xid: &str, found: &Found, why: &str) -> Result<(String, String)> {
    let xid = xid.parse().map_err(|_| Error::internal("a stored transaction id is no number"))?;
    let event = outbox::insert_event(xid, &happening(&context(why)), &found.changes)?;
    Ok((event.id.to_string(), event.changes))
}

/// The periodic full read: what no event trigger saw becomes one reconciled event. Returns how many
/// facts differed.
///
/// Works on the newest committed state; a family that a running transaction is changing is compared
/// as it was committed last.
pub fn reconcile(spi: &Spi) -> Result<usize> {
    turn::take(Turn::Seal)?;
    let _pinned = command::pin();
    let found = {
        let _frozen = spi.freeze();
        let (mut known, read) = (store::everything(spi)?, capture::read_everything(spi)?);
        if moved(spi)? {
            store::follow_keys(spi, &mut known, &read)?;
            spi.run("UPDATE accord.ledger SET system = s.system_identifier FROM pg_catalog.pg_control_system() s", &[])?;
        }
        compare(spi, known, read)?
    };
    let found = confirmed(spi, found)?;
    if found.changes.is_empty() {
        return Ok(0);
    }
    outbox::insert(&happening(&context("found by reconciliation")), &found.changes, &found.keys)?;
    Ok(found.changes.len())
}

/// As [`reconcile`], but nobody's lock is waited for: the texts of a view are not to be had while another session has one of
/// its tables, and whoever waits for them holds up all that is sealed and delivered. None: it was left for that.
pub fn reconcile_briefly(spi: &Spi) -> Result<Option<usize>> {
    briefly(|| reconcile(spi))
}

/// Whether this server is another than the one whose OIDs the ledger knows: pg_upgrade has made it.
pub fn moved(spi: &Spi) -> Result<bool> {
    let rows = spi.query(
        "SELECT FROM accord.ledger l, pg_catalog.pg_control_system() s WHERE l.system IS DISTINCT FROM s.system_identifier",
        &[],
        See::Latest,
    )?;
    Ok(!rows.is_empty())
}

/// Commands on event triggers fire no event trigger: compares them with what is known of them, and
/// records the difference as an event of this transaction. Returns how many facts differed.
pub fn reconcile_event_triggers(spi: &Spi) -> Result<usize> {
    let _pinned = command::pin();
    let rows = spi.query(
        "SELECT f.root FROM accord.fact f WHERE f.root_class = $1
         UNION SELECT p.root FROM accord.pending p WHERE p.root_class = $1
         UNION SELECT t.oid FROM pg_catalog.pg_event_trigger t",
        &[Arg::Oid(class::EVENT_TRIGGER)],
        See::Latest,
    )?;
    let roots: Vec<(u32, u32)> = rows.iter().map(|row| (class::EVENT_TRIGGER, row.int(0) as u32)).collect();
    let found = differences(spi, &roots)?;
    if found.changes.is_empty() {
        return Ok(0);
    }
    outbox::insert(&happening(&context("commands on event triggers fire none")), &found.changes, &found.keys)?;
    Ok(found.changes.len())
}

/// CREATE EXTENSION: everything that is there becomes version 0.
pub fn initialize(spi: &Spi) -> Result<i64> {
    if !spi.query("SELECT FROM accord.ledger l", &[], See::Transaction)?.is_empty() {
        return Err(Error::state("this database has a ledger already").hint("accord.initialize() is called once, by CREATE EXTENSION."));
    }
    let facts = {
        let _pinned = command::pin();
        capture::read_everything(spi)?
    };
    spi.run(
        "INSERT INTO accord.ledger (id, reader, major) VALUES ($1::uuid, $2, $3)",
        &[Arg::Text(&Uuid::now_v7().to_string()), Arg::Int(i64::from(READER_VERSION)), Arg::Int(i64::from(major()))],
    )?;
    let sums = seal::write_first(&facts)?;
    let fingerprint = sums.fingerprint(&Projection::default());
    let content = sums.fingerprint(&Projection::content());
    sums.write(spi)?;
    // The ledger's id stands in for a parent: two databases that begin alike do not have one history.
    let ledger = spi.query("SELECT l.id::text FROM accord.ledger l", &[], See::Transaction)?[0].text(0);
    let id = version_id(None, [(ledger.as_str(), "")], &fingerprint);
    spi.run(
        "INSERT INTO accord.version (version, id, committed_at, fingerprint, content, events) VALUES (0, $1, clock_timestamp(), $2, $3, 0)",
        &[Arg::Bytes(&id), Arg::Bytes(&fingerprint.0), Arg::Bytes(&content.0)],
    )?;
    Ok(facts.len() as i64)
}
