//! Grants of one member become those of another: both are read, and what differs is carried out and verified.

use super::mend::{planned, run};
use super::reader::Catalogs;
use super::session::Session;
use super::work::{Copy, Mend};
use crate::conninfo::Environment;
use crate::fleet::baseline::{Facts, Material};
use crate::fleet::conform::Limits;
use crate::fleet::mapping::Mapping;
use crate::fleet::shelf::sum;
use crate::model::{Fact, FactId, Fingerprint, Kind, Projection};
use crate::plan::{Request, Way};
use crate::secrets;
use crate::worker::messages::Cause;
use crate::worker::transport::Failure;
use crate::worker::transport::push::lost;

fn is_privilege(fact: &Fact) -> bool {
    matches!(fact.id.kind, Kind::Grant | Kind::DefaultPrivilege | Kind::Owner)
}

/// Copies them; gives the fingerprint of the target's privileges then.
pub async fn copy(mend: &Mend, copy: &Copy, environment: &Environment, steps: &mut Vec<String>) -> Result<Fingerprint, Failure> {
    let Some(from) = &copy.from else {
        return Err(lost(Cause::new("source", "the database that grants are copied from is no longer in the fleet, or lets nobody in")));
    };
    let source = {
        let session =
            Session::open(environment, from, "copy", mend.timeout, mend.lock_timeout, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await?;
        let (server, _) = session.ask(&[]).await?;
        Catalogs::begin(&session.client, server.major).await?.read_all().await?
    };
    let session = Session::open(environment, &mend.conninfo, "copy", mend.timeout, mend.lock_timeout, "").await?;
    let (server, _) = session.ask(&[]).await?;
    let client = &session.client;
    run(client, "BEGIN").await?;
    run(client, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('pg_accord fleet', 0))").await?;
    let source: Vec<Fact> = if copy.scopes.is_empty() {
        source
    } else {
        let parts: Vec<_> = copy.scopes.iter().map(|scope| scope.part(&source)).collect();
        let shown = |fact: &Fact| !is_privilege(fact) || parts.iter().any(|part| part.holds(fact));
        source.iter().filter(|fact| shown(fact)).cloned().collect()
    };
    let read = async || Catalogs::begin(client, server.major).await?.read_all().await;
    let before = read().await?;
    let wanted = |target: &[Fact]| {
        let parts: Vec<_> = mend.scopes.iter().map(|scope| scope.part(source.iter().chain(target))).collect();
        copy.what.after(&source, target, &parts)
    };
    let (after, changed) = wanted(&before).map_err(|why| lost(Cause::new("unfit", why)))?;
    if !changed.is_empty() {
        let plan = Way::between(before.clone(), &after, &Request::default(), |_| true)
            .map_err(|error| lost(Cause::new("plan", error.to_string())))?
            .plan;
        let known: Facts = before.iter().cloned().collect();
        let target = Material::bare(after.iter().cloned().collect(), Projection::whole());
        Limits::new(&mend.scopes, &known, &target).check(&plan.steps, &Mapping::default()).map_err(|why| lost(Cause::new("scope", why)))?;
        if copy.dry {
            let mut shown = plan.steps;
            secrets::mask_steps(&mut shown);
            steps.extend(shown.into_iter().map(|step| step.sql));
        } else {
            planned(client, &plan.steps, steps).await?;
            let further = wanted(&read().await?).map_err(|why| lost(Cause::new("unfit", why)))?.1;
            if !further.is_empty() {
                run(client, "ROLLBACK").await?;
                let words: Vec<String> = further.iter().map(FactId::to_string).collect();
                return Err(lost(Cause::new("unverified", "the steps did not lead to the grants of the source").detail(words.join("; "))));
            }
        }
    }
    let reached: Vec<Fact> = (if copy.dry { &before } else { &after }).iter().filter(|fact| is_privilege(fact)).cloned().collect();
    run(client, if copy.dry { "ROLLBACK" } else { "COMMIT" }).await?;
    Ok(sum(&reached, &Projection::whole()))
}
