//! What decides about commands to come: event triggers and default privileges.

use super::gather::{DEFAULT_ACL, EVENT_TRIGGER, Gather, Subject};
use super::property::by_grantee;
use super::row::Rows;
use super::trigger::enabled;
use super::{Aspects, Malformed};
use crate::model::{DefaultPrivilege, EventTrigger, FactId, Kind};
use std::collections::BTreeSet;

pub(super) fn event_triggers(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let oid = row.oid()?;
        let subject = Subject::root(FactId::new(Kind::EventTrigger, [row.text()?]), EVENT_TRIGGER, oid);
        let event = row.text()?;
        let function = row.qualified()?.ok_or_else(|| row.malformed("an event trigger without a function"))?;
        let (enabled, tags) = (enabled(row.letter()?), row.texts()?);
        gather.owner(&subject, row.text()?);
        gather.object(subject, EventTrigger { event, tags, function, enabled });
    }
    Ok(())
}

/// One fact for each grantee whose privileges differ from what there would be without.
pub(super) fn default_privileges(gather: &mut Gather, rows: &Rows) -> Result<(), Malformed> {
    for mut row in rows.iter() {
        let (oid, role, schema) = (row.oid()?, row.text()?, row.text()?);
        let objects = match row.letter()? {
            Some('r') => "tables",
            Some('S') => "sequences",
            Some('f') => "functions",
            Some('T') => "types",
            Some('n') => "schemas",
            Some('L') => "large objects",
            other => return Err(row.malformed(format!("defaclobjtype {other:?}"))),
        };
        let (actual, default) = (by_grantee(&row.texts()?), by_grantee(&row.texts()?));
        if !gather.wants(Aspects::PRIVILEGES) {
            continue;
        }
        let grantees: BTreeSet<&String> = actual.keys().chain(default.keys()).collect();
        for grantee in grantees {
            if actual.get(grantee) != default.get(grantee) {
                let grant = actual.get(grantee).cloned().unwrap_or_default();
                let id = FactId::new(Kind::DefaultPrivilege, [&role, &schema, objects, grantee.as_str()].map(|name: &str| name.to_owned()));
                let body = DefaultPrivilege { privileges: grant.privileges, grantable: grant.grantable };
                gather.property(Subject::root(id, DEFAULT_ACL, oid), body);
            }
        }
    }
    Ok(())
}
