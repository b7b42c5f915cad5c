//! Negotiation: validation, compatibility, impact, rollback plan, resources.

use super::estimate;
use super::majors::Extensions;
use super::mirror::{self, Mirrored, Upstream};
use super::{baseline, code, kept, mend, reason, rewind, rows, verdict};
use crate::catalog;
use crate::diff::{Change, Operation, reversed};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::ledger::store::Known;
use crate::model::{Body, Fact, FactId, Kind, READER_VERSION};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::plan::{self, Kept, Options, Plan};
use crate::protocol::{CodePolicy, OnDrop, Policy, RequireApproval, check_fragments};
use crate::protocol::{Event, OLDEST_PROTOCOL, Offer, OfferKind, PROTOCOL_VERSION, Reason, ReasonCode, Verdict, VerdictState};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A verdict holds no more steps than this: a baseline has thousands, and they say nothing.
pub const MANY_STEPS: usize = 1000;

/// One fact's way through a version: as it was before the first event and after the last.
#[derive(Debug, Default)]
pub struct Net {
    /// Before.
    pub before: Option<Fact>,
    /// After.
    pub after: Option<Fact>,
}

/// An offer that was read and understood.
pub struct Examined {
    /// The offer.
    pub offer: Offer,
    /// The policy in it.
    pub policy: Policy,
    /// Where the source's history stands here.
    pub upstream: Option<Upstream>,
    /// What happens to each fact, by id.
    pub net: BTreeMap<String, Net>,
    /// Mirrored facts among them.
    pub mirrored: HashMap<String, Mirrored>,
    /// Local facts among them.
    pub local: HashMap<String, Known>,
    /// Versions of extensions that can be had here.
    pub extensions: Extensions,
    /// A step outside a transaction has begun: part of the version may be here already.
    pub begun: bool,
    /// A step runs outside a transaction.
    pub leaves_transaction: bool,
    /// A baseline that brings what is here to what is offered.
    pub adopting: bool,
    /// What was set aside and comes back with this version.
    pub back: Vec<Kept>,
    /// How many steps the plan has.
    pub planned: usize,
    /// The answer.
    pub verdict: Verdict,
}

/// Reads an offer; the verdict where it is none. How deep it is nested was limited when it was parsed.
pub fn read(message: Value) -> std::result::Result<(Offer, Policy), Box<Verdict>> {
    let refuse = |code, words: String, detail: Option<String>, hint: &str| {
        Box::new(verdict(VerdictState::Rejected, None, vec![Reason { detail, hint: Some(hint.to_owned()), ..reason(code, words) }]))
    };
    // The protocol's version is looked at first: an unknown protocol may have any shape.
    match message.get("protocol").and_then(Value::as_u64) {
        Some(version) if (u64::from(OLDEST_PROTOCOL)..=u64::from(PROTOCOL_VERSION)).contains(&version) => {}
        Some(version) => {
            return Err(refuse(
                ReasonCode::UnknownProtocol,
                format!("protocol version {version} is not known here"),
                Some(format!("This server speaks protocol versions {OLDEST_PROTOCOL} to {PROTOCOL_VERSION}.")),
                "Bring both sides to versions of pg_accord that share a protocol.",
            ));
        }
        None => {
            return Err(refuse(
                ReasonCode::Malformed,
                "the offer names no protocol version".to_owned(),
                None,
                "Offers are made by accord's worker; see the protocol's description.",
            ));
        }
    }
    let offer: Offer = serde_json::from_value(message).map_err(|e| {
        refuse(
            ReasonCode::Malformed,
            "the offer is not as the protocol describes it".to_owned(),
            Some(e.to_string()),
            "The message was cut or altered on its way: offer it again.",
        )
    })?;
    let malformed = |words: &str| {
        let mut refused =
            refuse(ReasonCode::Malformed, words.to_owned(), None, "The message was cut or altered on its way: offer it again.");
        refused.position = Some(offer.position.clone());
        refused
    };
    if offer.events.iter().flat_map(|e| &e.changes).any(|c| c.operation().is_none()) {
        return Err(malformed("the offer holds a change that changes nothing"));
    }
    let outside = |change: &Change| [&change.before, &change.after].into_iter().flatten().any(|fact| !offer.projection.mirrors(&fact.id));
    if offer.events.iter().flat_map(|e| &e.changes).any(outside) {
        return Err(malformed("the offer holds a change outside its own projection"));
    }
    let protected = |id: &FactId| !id.of.unwrap_or(id.kind).is_global() && id.schema().is_some_and(|s| catalog::leaves_out(s.as_str()));
    if offer.events.iter().flat_map(|e| &e.changes).filter_map(Change::id).any(protected) {
        return Err(malformed("the offer changes a schema that no replica mirrors"));
    }
    if let Err(why) = check_fragments(&offer) {
        return Err(malformed(&format!("the offer holds a text that would not stay in its place in a statement: {why}")));
    }
    let mends = matches!(offer.kind, OfferKind::Mend | OfferKind::Rewind);
    if mends != offer.mending.is_some() || mends && (offer.events.len() != 1 || offer.skip.is_some()) {
        return Err(malformed("the offer of a mending has an id and one event, and no other offer has either"));
    }
    if (offer.kind == OfferKind::Rewind) != offer.abandons.is_some() {
        return Err(malformed("the offer of a rewind says what it abandons, and no other offer does"));
    }
    if offer.kind == OfferKind::Version && (offer.parent.is_none() || offer.fingerprint_before.is_none()) {
        return Err(malformed("the offer of a version names no parent"));
    }
    let policy = Policy::read(&offer.policy).map_err(|e| malformed(&format!("the offer's policy cannot be read: {e}")))?;
    let mut offer = offer;
    if policy.code == CodePolicy::Reject {
        // Names without a schema are the server's own.
        offer.events.iter_mut().for_each(|event| event.search_path.clear());
    }
    Ok((offer, policy))
}

/// What happens to each fact over all events.
fn net(events: &[Event]) -> BTreeMap<String, Net> {
    let mut net: BTreeMap<String, Net> = BTreeMap::new();
    for event in events {
        for before in event.changes.iter().filter_map(|c| c.before.as_ref()) {
            net.entry(before.id.to_string()).or_insert_with(|| Net { before: Some(before.clone()), after: None }).after = None;
        }
        for after in event.changes.iter().filter_map(|c| c.after.as_ref()) {
            net.entry(after.id.to_string()).or_default().after = Some(after.clone());
        }
    }
    net
}

/// The argument of `accord.negotiate` to its answer.
pub fn negotiate(spi: &Spi, message: Value) -> Result<Verdict> {
    let _pinned = command::pin();
    if !crate::pg::wake::worker_running() && command::read_committed() {
        crate::ledger::seal(spi)?;
    }
    match read(message) {
        Err(refused) => Ok(*refused),
        Ok((offer, policy)) => Ok(examine(spi, offer, policy)?.verdict),
    }
}

/// Examines an offer. Runs with the owner's rights and pinned settings.
pub fn examine(spi: &Spi, offer: Offer, policy: Policy) -> Result<Examined> {
    let _frozen = spi.freeze();
    let upstream = mirror::upstream(spi, offer.source)?;
    let (offer, further) = match offer.kind {
        OfferKind::Mend => (mend::begin(spi, offer)?, BTreeMap::new()),
        OfferKind::Rewind => rewind::begin(spi, offer)?,
        OfferKind::Baseline | OfferKind::Version => (offer, BTreeMap::new()),
    };
    let mut net = net(&offer.events);
    for (id, also) in further {
        net.entry(id).or_insert(also);
    }
    let ids: Vec<String> = net.keys().cloned().collect();
    let mirrored = mirror::mirrored(spi, offer.source, &ids)?;
    let local = mirror::local(spi, &ids)?;
    let answer = verdict(VerdictState::Accepted, Some(&offer), Vec::new());
    let in_steps = matches!(offer.kind, OfferKind::Baseline | OfferKind::Version);
    let begun = in_steps
        && !spi
            .query(
                "SELECT FROM accord.step s WHERE s.source = $1::uuid AND s.version = $2",
                &[Arg::Text(&offer.source.to_string()), Arg::Int(offer.position.version)],
                See::Latest,
            )?
            .is_empty();
    let mut examined = Examined {
        offer,
        policy,
        upstream,
        net,
        mirrored,
        local,
        extensions: Extensions::default(),
        begun,
        leaves_transaction: false,
        adopting: false,
        back: Vec::new(),
        planned: 0,
        verdict: answer,
    };
    let kind = examined.offer.kind;
    let settled = match kind {
        OfferKind::Mend => mend::validate(spi, &mut examined)?,
        OfferKind::Rewind => rewind::validate(spi, &mut examined)?,
        OfferKind::Baseline | OfferKind::Version => examined.validate(spi)?,
    };
    if settled {
        return Ok(examined);
    }
    match kind {
        OfferKind::Baseline => baseline::examine(spi, &mut examined)?,
        OfferKind::Mend => examined.respect_own(spi)?,
        OfferKind::Rewind => {
            rewind::respect_names(&mut examined);
            examined.respect_own(spi)?;
        }
        OfferKind::Version => examined.compatibility(spi)?,
    }
    code::refuse(spi, &mut examined)?;
    examined.hold_unmodelled();
    let (back, words) = kept::reversed(spi, &examined)?;
    examined.back = back;
    examined.prepare(spi)?;
    if let Some(impact) = &mut examined.verdict.impact {
        impact.warnings.extend(words);
    }
    Ok(examined)
}

impl Examined {
    pub(super) fn refuse(&mut self, state: VerdictState, reason: Reason) {
        let rank = |state: VerdictState| match state {
            VerdictState::Rejected => 2,
            VerdictState::Held => 1,
            _ => 0,
        };
        if rank(state) > rank(self.verdict.state) {
            self.verdict.state = state;
        }
        self.verdict.reasons.push(reason);
    }

    /// Whether the offer is the next one of a history that is known here. True: the verdict stands.
    fn validate(&mut self, spi: &Spi) -> Result<bool> {
        let position = self.offer.position.clone();
        let recorded = spi.query(
            "SELECT a.id, a.fingerprint FROM accord.applied a WHERE a.source = $1::uuid AND a.version = $2",
            &[Arg::Text(&self.offer.source.to_string()), Arg::Int(position.version)],
            See::Latest,
        )?;
        if let Some(row) = recorded.first() {
            if row.hash(0)? == position.id.0 {
                self.verdict.state = VerdictState::Applied;
                self.verdict.already = true;
                self.verdict.fingerprint = Some(crate::model::Fingerprint(row.hash(1)?));
            } else {
                self.refuse(
                    VerdictState::Rejected,
                    Reason {
                        detail: Some(format!("Recorded here: {}. Offered: {}.", crate::model::Fingerprint(row.hash(0)?), position.id)),
                        hint: Some("The source's history is another: it was restored from a backup or failed over without its last changes. On the source, accord.drop_replica and accord.add_replica begin anew.".to_owned()),
                        ..reason(ReasonCode::UnknownParent, format!("version {} is known here with another id", position.version))
                    },
                );
            }
            return Ok(true);
        }
        if self.offer.reader != READER_VERSION {
            let words =
                format!("the source reads its catalogs with reader {}, this server with reader {READER_VERSION}", self.offer.reader);
            self.refuse(
                VerdictState::Rejected,
                Reason {
                    hint: Some("Bring both sides to one version of pg_accord.".to_owned()),
                    ..reason(ReasonCode::UnknownProtocol, words)
                },
            );
            return Ok(true);
        }
        let (upstream, parent) = match (&self.upstream, &self.offer.parent) {
            (None, None) => return Ok(false),
            (Some(upstream), None) => {
                let words = format!("this source's history is here already, at version {}", upstream.position.version);
                self.refuse(
                    VerdictState::Rejected,
                    Reason {
                        hint: Some("accord.forget_source(…) on the replica forgets it; its objects stay.".to_owned()),
                        ..reason(ReasonCode::OutOfOrder, words)
                    },
                );
                return Ok(true);
            }
            (None, Some(parent)) => {
                let words = format!("nothing of this source was ever applied here, and the offer follows version {}", parent.version);
                self.refuse(
                    VerdictState::Rejected,
                    Reason {
                        hint: Some("On the source, accord.drop_replica and accord.add_replica begin with a baseline.".to_owned()),
                        ..reason(ReasonCode::UnknownParent, words)
                    },
                );
                return Ok(true);
            }
            (Some(upstream), Some(parent)) => (upstream, parent),
        };
        let refusal = if parent.version != upstream.position.version {
            Some((
                ReasonCode::OutOfOrder,
                format!(
                    "version {} follows version {}, and this replica stands at version {}",
                    position.version, parent.version, upstream.position.version
                ),
            ))
        } else if parent.id != upstream.position.id {
            Some((ReasonCode::UnknownParent, format!("version {} here has another id than the offered version's parent", parent.version)))
        } else if self.offer.projection != upstream.projection {
            Some((ReasonCode::Malformed, "the offer's projection is not the one that is mirrored here".to_owned()))
        } else if self.offer.fingerprint_before != Some(upstream.lanes.fingerprint()) {
            Some((ReasonCode::Diverged, "the fingerprint before the version is not that of what is mirrored here".to_owned()))
        } else {
            None
        };
        if let Some((code, words)) = refusal {
            let hint = "Compare SELECT * FROM accord.versions on the source with accord.applied here; on the source, accord.drop_replica and accord.add_replica begin anew.";
            self.refuse(VerdictState::Rejected, Reason { hint: Some(hint.to_owned()), ..reason(code, words) });
            return Ok(true);
        }
        Ok(false)
    }

    /// Each change against what is here.
    fn compatibility(&mut self, spi: &Spi) -> Result<()> {
        if self.offer.skip.is_some() {
            return Ok(());
        }
        let mut diverged = Vec::new();
        let mut taken = Vec::new();
        for (id, net) in &self.net {
            let local = self.local.get(id);
            if self.begun && (local.is_none() || local.map(|k| k.hash) == net.after.as_ref().map(Fact::hash) || net.before.is_none()) {
                continue;
            }
            if id.starts_with("unmodelled ") {
                continue;
            }
            match (&net.before, self.mirrored.get(id)) {
                (Some(before), Some(mirrored)) => {
                    if mirrored.hash != before.hash() || !mirrored.waived && local.map(|k| k.hash) != Some(mirrored.expected()) {
                        diverged.push(before.id.clone());
                    }
                }
                (Some(before), None) => diverged.push(before.id.clone()),
                (None, _) => {
                    // An object of the same name is the replica's own, and so are its rows, even if it
                    // looks alike; schemas and extensions may be there for other reasons, and what holds no
                    // rows and is in no schema may have been made by hand for this.
                    let welcome = |after: &Fact| {
                        is_outcome(&after.id)
                            || baseline::ambient(&after.id)
                            || baseline::prepared(&after.id) && local.map(|k| k.hash) == Some(after.hash())
                    };
                    let taken_by = net.after.as_ref().filter(|after| local.is_some() && !welcome(after));
                    taken.extend(taken_by.map(|f| f.id.clone()));
                }
            }
        }
        if !diverged.is_empty() {
            let detail = mirror::drift(spi, self.offer.source, 5)?;
            let detail = if detail.is_empty() { names(&diverged) } else { detail.join("; ") };
            self.refuse(
                VerdictState::Rejected,
                Reason {
                    detail: Some(detail),
                    hint: Some(format!(
                        "On the source, SELECT * FROM accord.drift('{0}') lists what differs, and SELECT * FROM accord.synchronize('{0}') shows the way back; undone by hand, SELECT accord.retry('{0}').",
                        self.offer.replica
                    )),
                    facts: diverged,
                    ..reason(ReasonCode::Diverged, "the replica's schema is not what the change starts from: somebody changed it there")
                },
            );
            return Ok(());
        }
        if !taken.is_empty() {
            self.refuse(
                VerdictState::Rejected,
                Reason {
                    detail: Some(names(&taken)),
                    hint: Some(format!(
                        "Rename or drop the replica's own object, then on the source SELECT accord.retry('{}').",
                        self.offer.replica
                    )),
                    facts: taken,
                    ..reason(ReasonCode::NameTaken, "the replica has an object of its own under the name of a new one")
                },
            );
        }
        self.refuse_own_dependents(spi)?;
        self.policy_on_drops();
        Ok(())
    }

    /// For what leads from what is here to what is offered: nothing of the replica's own is in its way.
    pub fn respect_own(&mut self, spi: &Spi) -> Result<()> {
        let rivals = mend::in_the_way(spi, self)?;
        if !rivals.is_empty() {
            let words: Vec<String> = rivals.iter().map(|(wanted, own)| format!("{own} stands where {wanted} is to be")).collect();
            let hint = format!("Rename or drop the replica's own object, {}", mend::go_on(&self.offer));
            self.refuse(
                VerdictState::Rejected,
                Reason {
                    detail: Some(format!("{}.", words.join("; "))),
                    hint: Some(hint),
                    facts: rivals.iter().map(|(wanted, _)| wanted.clone()).collect(),
                    ..reason(
                        ReasonCode::NameTaken,
                        format!(
                            "the replica's own objects are in the way: {}",
                            rivals.iter().map(|(_, own)| own.as_str()).collect::<Vec<_>>().join(", ")
                        ),
                    )
                },
            );
        }
        self.refuse_own_dependents(spi)?;
        self.policy_on_drops();
        Ok(())
    }

    fn refuse_own_dependents(&mut self, spi: &Spi) -> Result<()> {
        let own = self.own_dependents(spi)?;
        if !own.is_empty() {
            let names: Vec<String> = own.iter().map(|(id, dependant)| format!("{dependant} depends on {id}")).collect();
            self.refuse(
                VerdictState::Rejected,
                Reason {
                    detail: Some(format!("{}.", names.join("; "))),
                    hint: Some(format!("Change the replica's own objects, {}", mend::go_on(&self.offer))),
                    facts: own.iter().map(|(id, _)| id.clone()).collect(),
                    ..reason(ReasonCode::OwnDependents, "the replica's own objects depend on what the version takes away or alters")
                },
            );
        }
        Ok(())
    }

    /// What is not modelled waits for a person: never lost, never replayed blindly.
    fn hold_unmodelled(&mut self) {
        let mut unmodelled: BTreeSet<String> = self.offer.events.iter().flat_map(|e| e.unmodelled.iter().cloned()).collect();
        unmodelled.extend(
            self.net
                .values()
                .flat_map(|n| [&n.before, &n.after])
                .flatten()
                .filter(|f| f.id.kind == Kind::Unmodelled)
                .map(|f| f.id.path.iter().map(crate::model::Name::as_str).collect::<Vec<_>>().join(" ")),
        );
        if unmodelled.is_empty() || self.offer.approved || self.offer.skip.is_some() {
            return;
        }
        let statements: Vec<String> = self.offer.events.iter().filter(|e| !e.unmodelled.is_empty()).map(|e| e.statement.clone()).collect();
        let detail = if statements.is_empty() { None } else { Some(statements.join("; ")) };
        let (name, version) = (&self.offer.replica, self.offer.position.version);
        let words =
            format!("the version changes what pg_accord does not model yet: {}", unmodelled.into_iter().collect::<Vec<_>>().join(", "));
        let hint = format!(
            "Run what is needed on the replica by hand; then on the source SELECT accord.approve('{name}', {version}) applies the rest."
        );
        self.refuse(VerdictState::Held, Reason { detail, hint: Some(hint), ..reason(ReasonCode::Unmodelled, words) });
    }

    fn policy_on_drops(&mut self) {
        let mut refused = Vec::new();
        for event in &self.offer.events {
            let drops = || {
                event
                    .changes
                    .iter()
                    .filter(|change| change.operation() == Some(Operation::Drop))
                    .filter_map(|change| change.before.as_ref())
            };
            let tables: HashSet<&FactId> = drops().map(|before| &before.id).filter(|id| id.kind == Kind::Table).collect();
            for before in drops() {
                let policy = match before.id.kind {
                    // Of a table that goes as a whole it is the other policy's to say.
                    Kind::Column if before.parent().is_some_and(|table| tables.contains(&table)) => OnDrop::Apply,
                    Kind::Column => self.policy.on_drop_column,
                    Kind::Table => self.policy.on_drop_table,
                    _ => OnDrop::Apply,
                };
                if policy == OnDrop::Reject {
                    refused.push(before.id.clone());
                }
            }
        }
        if !refused.is_empty() {
            let words = format!("this replica's policy refuses to drop {}", names(&refused));
            let hint = if self.offer.kind == OfferKind::Mend {
                "Without drop_own it stays here.".to_owned()
            } else {
                format!(
                    "SELECT accord.skip('{}', {}, '<reason>') leaves it here and goes on.",
                    self.offer.replica, self.offer.position.version
                )
            };
            self.refuse(VerdictState::Rejected, Reason { hint: Some(hint), facts: refused, ..reason(ReasonCode::Policy, words) });
        }
    }

    /// The replica's own objects that stand on what is dropped or retyped.
    fn own_dependents(&self, spi: &Spi) -> Result<Vec<(FactId, String)>> {
        let mut keys: Vec<(crate::model::LocalKey, FactId)> = Vec::new();
        for net in self.net.values() {
            let Some(before) = &net.before else { continue };
            let goes = net.after.is_none();
            let retyped = matches!((&before.body, net.after.as_ref().map(|f| &f.body)), (Body::Column(a), Some(Body::Column(b))) if a.data_type != b.data_type);
            let object =
                !matches!(before.id.kind, Kind::Position | Kind::Comment | Kind::Owner | Kind::Grant | Kind::Default | Kind::Identity);
            let kept = before.id.kind == Kind::Column && self.policy.on_drop_column == OnDrop::Keep
                || before.id.kind == Kind::Table && self.policy.on_drop_table == OnDrop::Keep;
            if object
                && (goes && !kept || retyped)
                && let Some(local) = self.local.get(&before.id.to_string())
            {
                // A rename leaves its id behind too; its object stays.
                let renamed = self
                    .offer
                    .events
                    .iter()
                    .flat_map(|e| &e.changes)
                    .any(|c| c.operation() == Some(Operation::Rename) && c.before.as_ref().is_some_and(|f| f.id == before.id));
                if !renamed {
                    keys.push((local.key, before.id.clone()));
                }
            }
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let oids: Vec<u32> = keys.iter().map(|(key, _)| key.objid).collect();
        let rows = spi.query(
            "SELECT d.refclassid, d.refobjid, d.refobjsubid, f.id
               FROM pg_catalog.pg_depend d
               LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
               JOIN accord.fact f ON f.objid = coalesce(r.ev_class, d.objid)
                AND f.classid = CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass::oid END
              WHERE d.refobjid = ANY ($1) AND d.deptype IN ('n', 'a')
                AND f.kind NOT IN ('owner', 'comment', 'grant', 'position', 'column', 'default', 'identity')
                AND NOT EXISTS (SELECT FROM accord.mirror m WHERE m.source = $2::uuid AND m.id = f.id)
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND n.oid = d.objid AND n.contype = 'n')
             UNION
             SELECT f.root_class, f.root, 0, f.id FROM accord.fact f
              WHERE f.root = ANY ($1) AND f.kind IN ('column', 'index', 'statistics', 'trigger', 'constraint', 'policy', 'rule')
                AND NOT EXISTS (SELECT FROM accord.mirror m WHERE m.source = $2::uuid AND m.id = f.id)
                -- A NOT NULL is the column's, whether or not the source's server gives it a name.
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE f.kind = 'constraint' AND n.oid = f.objid AND n.contype = 'n')
              ORDER BY 4",
            &[Arg::Oids(&oids), Arg::Text(&self.offer.source.to_string())],
            See::Latest,
        )?;
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let leaving = mend::taken_away(self);
        // What an earlier version took away may not have been sealed here yet.
        let here = mirror::local(spi, &rows.iter().map(|row| row.text(3)).collect::<Vec<_>>())?;
        for row in rows {
            if leaving.contains(row.text(3).as_str()) || !here.contains_key(&row.text(3)) {
                continue;
            }
            let (classid, objid, objsubid) = (row.int(0) as u32, row.int(1) as u32, row.int(2) as i32);
            // A dropped table takes whatever stands on any of its columns; a column only what stands on it.
            let on = keys
                .iter()
                .find(|(key, _)| key.classid == classid && key.objid == objid && (key.objsubid == objsubid || key.objsubid == 0));
            if let Some((key, id)) = on
                && seen.insert((row.text(3), *key))
            {
                found.push((id.clone(), row.text(3)));
            }
        }
        Ok(found)
    }

    /// Whether this begins from something that is here, and not from nothing.
    pub fn gradual(&self) -> bool {
        self.offer.kind != OfferKind::Baseline || self.adopting
    }

    /// Impact, plan, rollback plan, resources; and what policy says of them.
    fn prepare(&mut self, spi: &Spi) -> Result<()> {
        if self.verdict.state == VerdictState::Rejected || self.offer.skip.is_some() {
            return Ok(());
        }
        let mut ledger = Ledger::new(spi);
        let mut steps = Vec::new();
        let mut rollback = Vec::new();
        for event in self.offer.events.clone() {
            let (changes, options) = self.rendered(spi, &event)?;
            match plan::plan(&changes, &ledger, &options) {
                Ok(plan) => steps.extend(plan.steps),
                Err(e) => {
                    let code =
                        if matches!(e, plan::PlanError::Impossible { .. }) { ReasonCode::RowsForbid } else { ReasonCode::StepFailed };
                    let hint = format!(
                        "SELECT accord.skip('{}', {}, '<reason>') on the source goes on without it.",
                        self.offer.replica, self.offer.position.version
                    );
                    self.refuse(
                        VerdictState::Rejected,
                        Reason {
                            detail: Some(e.to_string()),
                            hint: Some(hint),
                            ..reason(code, format!("no plan leads from the replica's schema to the offered one: {e}"))
                        },
                    );
                    return Ok(());
                }
            }
            if self.gradual() {
                let back = plan::plan(&reversed(&changes), &ledger, &Options { major: command::major(), ..Options::default() })
                    .unwrap_or_else(|_| Plan::default());
                rollback.splice(0..0, back.steps);
            }
            ledger.follow(&changes);
        }
        let mut impact = estimate::impact(spi, self, &steps)?;
        let expected = estimate::estimate(spi, &impact, &steps)?;
        let lossy = !impact.losses.is_empty();
        let above = self.policy.require_approval_above.as_ref().is_some_and(|above| {
            above.duration.is_some_and(|d| expected.duration_ms > d.millis() as f64)
                || above.bytes.is_some_and(|b| expected.read_bytes.max(expected.write_bytes) > b)
        });
        let asked = match self.policy.require_approval {
            RequireApproval::Never => above,
            RequireApproval::Lossy => lossy || above,
            RequireApproval::Always => true,
        } || self.adopting && lossy;
        if asked && !self.offer.approved && self.gradual() {
            let why = if lossy {
                format!("it loses {}", impact.losses.iter().map(|l| l.what.clone()).collect::<Vec<_>>().join(", "))
            } else {
                format!("it is estimated at {:.0} ms and {} bytes", expected.duration_ms, expected.write_bytes)
            };
            let (name, version) = (self.offer.replica.clone(), self.offer.position.version);
            self.refuse(
                VerdictState::Held,
                Reason {
                    detail: Some(why),
                    hint: Some(format!(
                        "SELECT accord.approve('{name}', {version}) or SELECT accord.skip('{name}', {version}, '<reason>')."
                    )),
                    ..reason(ReasonCode::NeedsApproval, "this replica's policy asks for approval of this version")
                },
            );
        }
        self.leaves_transaction = steps.iter().any(|step| step.outside_transaction);
        rows::warn(spi, self, &mut impact.warnings)?;
        impact.objects.sort();
        impact.objects.dedup();
        self.verdict.impact = Some(impact);
        self.verdict.estimate = Some(expected);
        // A baseline's thousands of steps are not sent back.
        self.planned = steps.len();
        if self.gradual() && steps.len() <= MANY_STEPS {
            crate::secrets::mask_steps(&mut steps);
            crate::secrets::mask_steps(&mut rollback);
            self.verdict.steps = steps;
            self.verdict.rollback = rollback;
        }
        Ok(())
    }
}

/// What is an outcome of other changes, not an object that a name could be taken by; and what is
/// not modelled, which people bring about by hand.
fn is_outcome(id: &FactId) -> bool {
    matches!(id.kind, Kind::Position | Kind::Owner | Kind::Grant | Kind::DefaultPrivilege | Kind::Unmodelled)
}

/// A list of ids in words, the first few.
pub fn names(ids: &[FactId]) -> String {
    let mut words: Vec<String> = ids.iter().take(10).map(ToString::to_string).collect();
    if ids.len() > 10 {
        words.push(format!("and {} more", ids.len() - 10));
    }
    words.join(", ")
}
