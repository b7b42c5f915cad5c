//! What a reverse would not bring back, set aside in schema `accord_kept` and brought back.
//!
//! The plan says what is moved or copied there, and the steps run as all others do, with the rights of the
//! connected role, which has none in that schema but while they run. Around them stand what only the catalogs
//! know: a table that was moved is stripped of all that would act or refer, and rows are read and written
//! past triggers, rules and policies. Everything is recorded in the transaction that applies the version.

use super::examine::Examined;
use super::sizes::size;
use crate::diff::{Change, Operation};
use crate::error::{Error, Result};
use crate::model::{Body, Fact, FactId, Kind, Name, Qualified};
use crate::pg::command;
use crate::pg::guc::{KEEP_DROPPED, KEPT_RETENTION};
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::plan::{self, KEPT_SCHEMA, Keeping, Kept, Size, Step};
use crate::protocol::{Aside, OfferKind};
use pgrx::PgSqlErrorCode;
use std::collections::{BTreeMap, HashSet};

/// Up to this size rows are counted; beyond it, statistics say how many there are.
const COUNTED_BYTES: i64 = 32 << 20;

/// Whether data is kept here.
pub fn is_on() -> bool {
    KEEP_DROPPED.get()
}

/// The text that tells what one event sets aside from all else.
pub fn mark(event: &crate::protocol::Event) -> Option<String> {
    is_on().then(|| event.id.to_string())
}

fn table_of(id: &FactId) -> FactId {
    FactId::new(Kind::Table, id.path[..2].iter().cloned())
}

/// The kept data that an offered version is the reverse for: it brings, where there was nothing before it, a table
/// or a column as it was when it was dropped, or leads a column back to the type that it had. And words on what is kept
/// under the same names and is something else.
pub fn reversed(spi: &Spi, examined: &Examined) -> Result<(Vec<Kept>, Vec<String>)> {
    if !is_on() || !matches!(examined.offer.kind, OfferKind::Version | OfferKind::Rewind) || examined.offer.skip.is_some() {
        return Ok((Vec::new(), Vec::new()));
    }
    let new: Vec<&Fact> = examined.net.values().filter(|net| net.before.is_none()).filter_map(|net| net.after.as_ref()).collect();
    let mut tables: BTreeMap<FactId, Vec<&Fact>> = BTreeMap::new();
    for fact in new.iter().copied().filter(|fact| plan::defines(fact)) {
        tables.entry(table_of(&fact.id)).or_default().push(fact);
    }
    // What is looked for: whose, by which definition, and from which type back.
    let mut wanted: Vec<(FactId, String, Option<String>)> = Vec::new();
    for (table, facts) in tables {
        if facts.iter().any(|fact| fact.id == table) {
            wanted.push((table, plan::definition(facts), None));
        } else {
            let columns = facts.into_iter().filter(|fact| fact.id.kind == Kind::Column);
            wanted.extend(columns.map(|fact| (fact.id.clone(), plan::definition([fact]), None)));
        }
    }
    let retyped = |change: &Change| match (&change.before, &change.after) {
        (Some(Fact { body: Body::Column(before), .. }), Some(after @ Fact { body: Body::Column(now), .. }))
            if before.data_type != now.data_type && change.operation() == Some(Operation::Alter) =>
        {
            Some((after.id.clone(), plan::definition([after]), Some(before.data_type.clone())))
        }
        _ => None,
    };
    wanted.extend(examined.offer.events.iter().flat_map(|event| &event.changes).filter_map(retyped));
    if wanted.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let ids: Vec<String> = wanted.iter().map(|(id, ..)| id.to_string()).collect();
    let rows = spi.query(
        "SELECT s.kept FROM accord.set_aside s WHERE s.source = $1::uuid AND s.state = 'kept' AND s.mending IS NULL AND s.fact = ANY ($2)
            AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = s.place)
          ORDER BY s.id DESC",
        &[Arg::Text(&examined.offer.source.to_string()), Arg::Texts(&ids)],
        See::Latest,
    )?;
    let wanted: HashSet<(FactId, String, Option<String>)> = wanted.into_iter().collect();
    let mut found: Vec<Kept> = Vec::new();
    let (mut seen, mut others): (HashSet<FactId>, Vec<Kept>) = (HashSet::new(), Vec::new());
    for row in rows {
        let kept: Kept = serde_json::from_str(&row.text(0))?;
        let asked = (kept.id.clone(), kept.definition.clone(), kept.became.clone());
        if !wanted.contains(&asked) {
            others.push(kept);
        } else if seen.insert(kept.id.clone()) {
            found.push(kept);
        }
    }
    // For a change of type, what was dropped under the name before is no matter.
    others.retain(|kept| {
        kept.became.is_none() && !seen.contains(&kept.id) && wanted.iter().any(|(id, _, from)| *id == kept.id && from.is_none())
    });
    let words = others.iter().map(|kept| format!("{} stay in {}: they were of another definition", kept.what, kept.table())).collect();
    Ok((found, words))
}

/// What the steps set aside and bring back, as far as can be said before they run.
pub fn expected(spi: &Spi, steps: &[Step]) -> Result<(Vec<Aside>, Vec<Aside>)> {
    let (mut kept, mut restored): (Vec<Aside>, Vec<Aside>) = (Vec::new(), Vec::new());
    for Keeping { back, kept: what, .. } in steps.iter().filter_map(|step| step.kept.as_ref()) {
        let list = if *back { &mut restored } else { &mut kept };
        let place = what.table().to_string();
        if list.iter().any(|aside| aside.place == place) {
            continue;
        }
        let held = if *back { FactId::new(Kind::Table, [Name::from(KEPT_SCHEMA), what.place.clone()]) } else { table_of(&what.id) };
        let Size { rows, bytes } = size(spi, &held)?;
        list.push(Aside {
            id: what.id.clone(),
            what: what.what.clone(),
            place,
            rows: rows as i64,
            counted: false,
            bytes: bytes as i64,
            until: None,
        });
    }
    Ok((kept, restored))
}

/// For the bookkeeping: the owner's rights, under a path that qualifies every name, unseen by capture, for nothing of it
/// is in any model.
fn as_owner<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    let _owner = command::become_owner();
    let settings = command::settings();
    settings.set("accord.capture", "off");
    settings.set("search_path", "pg_catalog, pg_temp");
    work()
}

fn aside(spi: &Spi, statements: impl IntoIterator<Item = String>) -> Result<()> {
    as_owner(|| statements.into_iter().try_for_each(|sql| spi.execute(&sql).map(|_| ())))
}

/// The rights that the connected role has in the schema for as long as steps need them. They are given and taken in one
/// transaction: no other session ever sees them.
pub struct Admission {
    role: Option<Name>,
}

impl Admission {
    /// Lets the current role in, where the steps need it.
    pub fn open(spi: &Spi, steps: &[Step]) -> Result<Self> {
        let keepings: Vec<&Keeping> = steps.iter().filter_map(|step| step.kept.as_ref()).collect();
        if keepings.is_empty() {
            return Ok(Self { role: None });
        }
        let role = Name::from(command::users().1);
        let allowed = spi.query(
            "SELECT pg_catalog.pg_has_role($1::name, n.nspowner, 'USAGE') FROM pg_catalog.pg_namespace n WHERE n.nspname = 'accord_kept'",
            &[Arg::Text(role.as_str())],
            See::Latest,
        )?;
        if allowed.first().is_some_and(|row| row.bool(0)) {
            return Ok(Self { role: None });
        }
        let mut grants = vec![format!("GRANT USAGE, CREATE ON SCHEMA {KEPT_SCHEMA} TO {role}")];
        let tables: HashSet<String> =
            keepings.iter().filter(|keeping| keeping.back).map(|keeping| keeping.kept.table().to_string()).collect();
        grants.extend(tables.into_iter().map(|table| format!("GRANT SELECT, DELETE ON TABLE {table} TO {role}")));
        aside(spi, grants)?;
        Ok(Self { role: Some(role) })
    }

    /// Takes them back.
    pub fn close(self, spi: &Spi) -> Result<()> {
        match self.role {
            Some(role) => aside(spi, [format!("REVOKE ALL ON SCHEMA {KEPT_SCHEMA} FROM {role}")]),
            None => Ok(()),
        }
    }
}

/// Runs one step that sets aside or brings back.
pub fn run(spi: &Spi, sql: &str, keeping: &Keeping) -> Result<()> {
    let Some(on) = &keeping.on else {
        spi.execute_one(sql)?;
        return if keeping.back { Ok(()) } else { strip(spi, &keeping.kept) };
    };
    let quiet = Quiet::of(spi, on)?;
    aside(spi, quiet.begin)?;
    spi.execute_one(sql)?;
    aside(spi, quiet.end)
}

/// What would see or change the rows that a step reads and writes, switched off around it. The owner's rights
/// switch, and the step runs with the connected role's.
struct Quiet {
    begin: Vec<String>,
    end: Vec<String>,
}

impl Quiet {
    fn of(spi: &Spi, table: &FactId) -> Result<Self> {
        let sql = "WITH RECURSIVE t(oid) AS (
                 SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
                 UNION SELECT i.inhrelid FROM t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid)
             SELECT 'TRIGGER', t.oid::pg_catalog.regclass::text, g.tgname, g.tgenabled FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid
              WHERE NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')
             UNION ALL
             SELECT 'RULE', t.oid::pg_catalog.regclass::text, r.rulename, r.ev_enabled FROM t JOIN pg_catalog.pg_rewrite r ON r.ev_class = t.oid
              WHERE r.ev_type <> '1' AND r.ev_enabled IN ('O', 'A')
             UNION ALL
             SELECT 'FORCE', t.oid::pg_catalog.regclass::text, '', 'O' FROM t JOIN pg_catalog.pg_class c ON c.oid = t.oid
              WHERE c.relrowsecurity AND c.relforcerowsecurity";
        let rows = as_owner(|| spi.query(sql, &[Arg::Text(table.path[0].as_str()), Arg::Text(table.path[1].as_str())], See::Latest))?;
        let mut quiet = Self { begin: Vec::new(), end: Vec::new() };
        for row in rows {
            let (what, table, name) = (row.text(0), row.text(1), Name::from(row.text(2)));
            if what == "FORCE" {
                quiet.begin.push(format!("ALTER TABLE ONLY {table} NO FORCE ROW LEVEL SECURITY"));
                quiet.end.push(format!("ALTER TABLE ONLY {table} FORCE ROW LEVEL SECURITY"));
                continue;
            }
            let always = if row.text(3) == "A" { "ALWAYS " } else { "" };
            quiet.begin.push(format!("ALTER TABLE ONLY {table} DISABLE {what} {name}"));
            quiet.end.push(format!("ALTER TABLE ONLY {table} ENABLE {always}{what} {name}"));
        }
        Ok(quiet)
    }
}

/// Takes off a table that was moved aside whatever would act, or refer to others, or be referred to.
fn strip(spi: &Spi, kept: &Kept) -> Result<()> {
    let table = kept.table();
    let found = |sql: &str| -> Result<Vec<String>> {
        let rows = as_owner(|| spi.query(sql, &[Arg::Text(kept.place.as_str())], See::Latest))?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    };
    // In an order in which nothing stands on what goes: each list is read when the one before it is gone.
    for sql in STRIP {
        let statements = found(sql)?;
        aside(spi, statements)?;
    }
    let dependants = found(DEPENDANTS)?;
    if !dependants.is_empty() {
        return Err(Error::new(
            PgSqlErrorCode::ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot set {} aside because other objects depend on it", kept.id),
        )
        .detail(format!("{} depends on it, now {table}.", dependants.join(", ")))
        .hint("Drop or change what depends on it."));
    }
    Ok(())
}

/// Statements, found in the catalogs, that take things off table `$1` of the schema.
const STRIP: &[&str] = &[
    "SELECT CASE WHEN c.relispartition THEN pg_catalog.format('ALTER TABLE %s DETACH PARTITION %s', i.inhparent::pg_catalog.regclass, c.oid::pg_catalog.regclass)
            ELSE pg_catalog.format('ALTER TABLE %s NO INHERIT %s', c.oid::pg_catalog.regclass, i.inhparent::pg_catalog.regclass) END
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1",
    "SELECT pg_catalog.format('DROP TRIGGER %I ON %s', g.tgname, c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1
     UNION ALL SELECT pg_catalog.format('DROP RULE %I ON %s', r.rulename, c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1
     UNION ALL SELECT pg_catalog.format('DROP POLICY %I ON %s', p.polname, c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1
     UNION ALL SELECT pg_catalog.format('DROP STATISTICS %I.%I', n.nspname, s.stxname) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = c.oid JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1
     UNION ALL SELECT pg_catalog.format('ALTER TABLE %s NOT OF', c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND c.reloftype <> 0
     UNION ALL SELECT pg_catalog.format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND (c.relrowsecurity OR c.relforcerowsecurity)
     UNION ALL SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', c.oid::pg_catalog.regclass) FROM pg_catalog.pg_class c
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND c.relreplident <> 'd'",
    // Foreign keys before the keys that they may refer to in the same table.
    "SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', c.oid::pg_catalog.regclass, k.conname) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND k.contype IN ('f', 'c')",
    "SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', c.oid::pg_catalog.regclass, k.conname) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND k.contype IN ('p', 'u', 'x')",
    "SELECT pg_catalog.format('DROP INDEX %s', i.indexrelid::pg_catalog.regclass) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_index i ON i.indrelid = c.oid WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1",
    "SELECT pg_catalog.format('ALTER TABLE ONLY %s %s', c.oid::pg_catalog.regclass, pg_catalog.string_agg(pg_catalog.format(
                CASE WHEN a.attidentity <> '' THEN 'ALTER COLUMN %I DROP IDENTITY' WHEN a.attgenerated = 's' THEN 'ALTER COLUMN %I DROP EXPRESSION'
                     WHEN a.attgenerated = 'v' THEN 'DROP COLUMN %I' ELSE 'ALTER COLUMN %I DROP DEFAULT' END, a.attname), ', '))
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.atthasdef OR a.attidentity <> '')
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 GROUP BY c.oid",
    "SELECT pg_catalog.format('DROP SEQUENCE %s', d.objid::pg_catalog.regclass) FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.classid = d.refclassid AND d.deptype = 'a'
       JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1",
];

/// What stands on a stripped table, or on its row type, and is not a part of it.
const DEPENDANTS: &str = "SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_catalog.pg_class c
   JOIN pg_catalog.pg_type y ON y.oid = c.reltype
   JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
        OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (y.oid, y.typarray)
  WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND d.deptype <> 'i'
    -- A NOT NULL that has a name, and the table's own storage.
    AND NOT (d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE n.oid = d.objid AND n.conrelid = c.oid AND n.contype = 'n'))
    AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid IN (c.oid, c.reltoastrelid))
    AND NOT (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid IN (y.oid, y.typarray))";

/// Hands what the steps set aside over to the extension's owner and records it, and drops what they brought back.
/// Returns both, as they came out.
pub fn record(spi: &Spi, examined: &Examined, steps: &[Step]) -> Result<(Vec<Aside>, Vec<Aside>)> {
    let (mut kept, mut restored): (Vec<Aside>, Vec<Aside>) = (Vec::new(), Vec::new());
    let mut back: BTreeMap<String, &Kept> = BTreeMap::new();
    for Keeping { back: comes_back, kept: what, .. } in steps.iter().filter_map(|step| step.kept.as_ref()) {
        if *comes_back {
            back.insert(what.table().to_string(), what);
        } else {
            kept.push(write(spi, examined, what)?);
        }
    }
    for (place, what) in back {
        let (rows, counted, bytes) = measured(spi, what)?;
        aside(spi, [format!("DROP TABLE {place}")])?;
        as_owner(|| {
            spi.run(
                "UPDATE accord.set_aside SET state = 'restored', ended_at = pg_catalog.clock_timestamp(), ended_by = $2 WHERE place = $1 AND state = 'kept'",
                &[Arg::Text(what.place.as_str()), Arg::Int(examined.offer.position.version)],
            )
        })?;
        restored.push(Aside { id: what.id.clone(), what: what.what.clone(), place, rows, counted, bytes, until: None });
    }
    Ok((kept, restored))
}

/// Rows, whether they were counted, and bytes of a table that is kept.
fn measured(spi: &Spi, kept: &Kept) -> Result<(i64, bool, i64)> {
    let sql = "SELECT greatest(c.reltuples, 0)::bigint, pg_catalog.pg_relation_size(c.oid), pg_catalog.pg_total_relation_size(c.oid)
                 FROM pg_catalog.pg_class c WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1";
    let rows = as_owner(|| spi.query(sql, &[Arg::Text(kept.place.as_str())], See::Latest))?;
    let row = rows.first().ok_or_else(|| Error::internal(format!("{} is not there", kept.table())))?;
    if row.int(1) > COUNTED_BYTES {
        return Ok((row.int(0), false, row.int(2)));
    }
    let count = as_owner(|| spi.execute(&format!("SELECT pg_catalog.count(*) FROM {}", kept.table())))?;
    Ok((count.first().map_or(0, |row| row.int(0)), true, row.int(2)))
}

/// Who was given rights on a table of the schema, or on a column of it.
const GRANTEES: &str = "SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::pg_catalog.regrole::text END
   FROM pg_catalog.pg_class c
   LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
  CROSS JOIN LATERAL (SELECT * FROM pg_catalog.aclexplode(c.relacl) UNION ALL SELECT * FROM pg_catalog.aclexplode(a.attacl)) x
  WHERE c.relnamespace = (SELECT a.oid FROM pg_catalog.pg_namespace a WHERE a.nspname = 'accord_kept') AND c.relname = $1 AND x.grantee <> c.relowner";

fn write(spi: &Spi, examined: &Examined, kept: &Kept) -> Result<Aside> {
    let table = kept.table();
    let grantees = as_owner(|| spi.query(GRANTEES, &[Arg::Text(kept.place.as_str())], See::Latest))?;
    let mut statements: Vec<String> =
        grantees.iter().map(|row| format!("REVOKE ALL ON TABLE {table} FROM {} CASCADE", row.text(0))).collect();
    let owner = as_owner(|| {
        spi.query(
            "SELECT pg_catalog.pg_get_userbyid(e.extowner) FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_accord'",
            &[],
            See::Latest,
        )
    })?;
    let owner = owner.first().map(|row| Name::from(row.text(0))).ok_or_else(|| Error::internal("the extension is not there"))?;
    statements.push(format!("ALTER TABLE {table} OWNER TO {owner}"));
    aside(spi, statements)?;
    let (rows, counted, bytes) = measured(spi, kept)?;
    let offer = &examined.offer;
    let mending = offer.mending.map(|id| id.to_string());
    let columns = serde_json::to_string(kept)?;
    let sql =
        "INSERT INTO accord.set_aside (source, version, mending, fact, what, place, definition, kept, rows, counted, bytes, kept_until)
         VALUES ($1::uuid, $2, $3::uuid, $4, $5, $6, $7, $8::json, $9, $10, $11,
                 CASE WHEN $12 > 0 THEN pg_catalog.clock_timestamp() + $12 * interval '1 second' END)
         RETURNING pg_catalog.to_json(kept_until) #>> '{}'";
    let id = kept.id.to_string();
    let source = offer.source.to_string();
    let args = [
        Arg::Text(&source),
        Arg::Int(offer.position.version),
        Arg::MaybeText(mending.as_deref()),
        Arg::Text(&id),
        Arg::Text(&kept.what),
        Arg::Text(kept.place.as_str()),
        Arg::Text(&kept.definition),
        Arg::Text(&columns),
        Arg::Int(rows),
        Arg::Bool(counted),
        Arg::Int(bytes),
        Arg::Int(i64::from(KEPT_RETENTION.get())),
    ];
    let written = as_owner(|| spi.query(sql, &args, See::Transaction))?;
    let until = written.first().and_then(|row| row.maybe_text(0));
    Ok(Aside { id: kept.id.clone(), what: kept.what.clone(), place: table.to_string(), rows, counted, bytes, until })
}

/// Drops what was kept for its time. What somebody reads at the moment is left to the next time. Returns how many went.
pub fn purge(spi: &Spi) -> Result<i64> {
    let sql = "SELECT s.id FROM accord.set_aside s WHERE s.state = 'kept' AND s.kept_until <= pg_catalog.clock_timestamp() ORDER BY s.id";
    let due = as_owner(|| spi.query(sql, &[], See::Latest))?;
    let mut purged = 0;
    for row in due {
        let settings = command::settings();
        settings.set("lock_timeout", "100");
        match subtransaction(|| end(spi, row.int(0), "purged")) {
            Ok(()) => purged += 1,
            Err(error) => {
                pgrx::log!("pg_accord: what is kept under number {} is past its time and cannot be dropped yet: {error}", row.int(0));
            }
        }
    }
    Ok(purged)
}

/// Drops what is kept under this number.
pub fn forget(spi: &Spi, id: i64) -> Result<()> {
    end(spi, id, "forgotten")
}

fn end(spi: &Spi, id: i64, state: &str) -> Result<()> {
    let sql =
        "UPDATE accord.set_aside SET state = $2, ended_at = pg_catalog.clock_timestamp() WHERE id = $1 AND state = 'kept' RETURNING place";
    let places = as_owner(|| spi.query(sql, &[Arg::Int(id), Arg::Text(state)], See::Transaction))?;
    let place = places.first().ok_or_else(|| {
        Error::undefined(format!("nothing is kept under number {id}")).hint("SELECT id, what, state FROM accord.kept lists what is.")
    })?;
    let table = Qualified::new(Name::from(KEPT_SCHEMA), Name::from(place.text(0)));
    aside(spi, [format!("DROP TABLE IF EXISTS {table}")])
}
