//! The first offer: builds an empty replica, adopts one that is equal already, and any other only where
//! policy says so: by a plan from what is here to what is offered.

use super::examine::Examined;
use super::{mend, mirror, reason};
use crate::error::Result;
use crate::model::{Fact, FactId, Kind};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::protocol::{Reason, ReasonCode, VerdictState};
use std::collections::BTreeSet;

/// Kinds that an otherwise empty database may have already.
pub fn ambient(id: &FactId) -> bool {
    matches!(id.of.unwrap_or(id.kind), Kind::Schema | Kind::Extension)
}

/// What holds no rows and is in no schema: where an equal one is here already, it was made for this.
pub fn prepared(id: &FactId) -> bool {
    matches!(
        id.of.unwrap_or(id.kind),
        Kind::ForeignDataWrapper | Kind::Server | Kind::UserMapping | Kind::Publication | Kind::EventTrigger | Kind::DefaultPrivilege
    )
}

/// Compares what is offered with what is here.
pub fn examine(spi: &Spi, examined: &mut Examined) -> Result<()> {
    let mut different: Vec<String> = Vec::new();
    let mut present: Vec<FactId> = Vec::new();
    let mut missing: Vec<FactId> = Vec::new();
    for (id, net) in &examined.net {
        let Some(offered) = net.after.as_ref().filter(|after| after.id.kind != Kind::Unmodelled) else { continue };
        let Some(after) = examined.held(spi, offered)? else { continue };
        match examined.local.get(id) {
            None => missing.push(after.id.clone()),
            Some(local) if local.hash == after.hash() || examined.foreign() && reads_alike(spi, examined, &after)? => {
                if !ambient(&after.id) && !prepared(&after.id) {
                    present.push(after.id.clone());
                }
            }
            // An empty database's own schema and extensions may carry another comment or owner: these are altered.
            Some(_) if ambient(&after.id) => {}
            Some(_) => different.push(format!("{id} is another")),
        }
    }
    // Objects of its own are welcome in schemas that the source does not have.
    let schemas: BTreeSet<String> =
        examined.net.values().filter_map(|n| n.after.as_ref()).filter_map(|f| f.id.schema()).map(|s| s.as_str().to_owned()).collect();
    let schemas: Vec<String> = schemas.into_iter().collect();
    let rows = spi.query(
        "SELECT f.id, f.body FROM accord.fact f WHERE f.schema = ANY ($1) AND f.kind NOT IN ('owner', 'grant', 'schema') ORDER BY f.id",
        &[Arg::Texts(&schemas)],
        See::Latest,
    )?;
    // What was dropped here may not have been sealed yet.
    let here = mirror::local(spi, &rows.iter().map(|row| row.text(0)).collect::<Vec<_>>())?;
    for row in rows.into_iter().filter(|row| here.contains_key(&row.text(0))) {
        let fact: crate::model::Fact = serde_json::from_str(&row.text(1))?;
        // What the source's server does not have, it does not offer.
        let Some(fact) = (if examined.foreign() { fact.within(examined.offer.major) } else { Some(fact) }) else { continue };
        if examined.offer.projection.mirrors(&fact.id) && !examined.net.contains_key(&row.text(0)) && !ambient(&fact.id) {
            different.push(format!("{} is only here", row.text(0)));
        }
    }
    let begun = !present.is_empty();
    if begun {
        different.extend(missing.iter().map(|id| format!("{id} is missing")));
    }
    if !different.is_empty() && examined.policy.adopt {
        mend::adopt(spi, examined)?;
        return examined.respect_own(spi);
    }
    if !different.is_empty() {
        let more = different.len().saturating_sub(20);
        let mut shown = different.iter().take(20).cloned().collect::<Vec<_>>().join("; ");
        if more > 0 {
            shown.push_str(&format!("; and {more} more"));
        }
        let words = format!("the replica is neither empty nor equal to the source: {} differences", different.len());
        examined.verdict.state = VerdictState::Rejected;
        examined.verdict.reasons.push(Reason {
            detail: Some(shown),
            hint: Some(format!(
                "Make it empty or equal, then on the source SELECT accord.retry('{}'); or drop the replica and add it with the policy {{\"adopt\": true}} to have it brought to the source's schema, or with {{\"schemas\": […]}} to mirror less.",
                examined.offer.replica
            )),
            facts: missing.into_iter().filter(|_| begun).take(20).collect(),
            ..reason(ReasonCode::Diverged, words)
        });
    }
    Ok(())
}

/// Whether the fact that is here is the offered one in this server's own words.
fn reads_alike(spi: &Spi, examined: &Examined, offered: &Fact) -> Result<bool> {
    let here = mirror::local_facts(spi, &[offered.id.to_string()])?;
    Ok(here.get(&offered.id).is_some_and(|here| examined.same_here(spi, offered, here, &[])))
}
