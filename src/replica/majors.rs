//! A source of another major.
//!
//! What travels are facts as the source's server reads them. Three things make the same schema read
//! otherwise here, and each is met where it arises:
//!
//! - *Properties that one of the two majors does not have.* The offered fact is taken as a server of this
//!   major can hold it ([`Fact::within`]); one that it cannot hold at all is recorded as mirrored and waived.
//!   What only this server has (a name for each NOT NULL) was offered by nobody and is this database's own.
//! - *Versions of extensions.* Where the offered one cannot be had here, the server's own default takes its place.
//! - *Texts.* Every major's deparser words expressions in its own way. A text that came out otherwise is
//!   accepted once this server has parsed the offered one: because a step of the version held it verbatim, or,
//!   for a query of a view, in a scratch view that is rolled back. Until then it counts as a difference, and
//!   is mended like any other.
//!
//! `accord.mirror` keeps the source's hash of each fact, which makes the fingerprint that is compared with the
//! offered one, and beside it, where the two differ, the hash of what is read here, which tells drift.

use super::examine::Examined;
use crate::error::{Error, Result};
use crate::model::{Body, Fact};
use crate::pg::command;
use crate::pg::spi::{Arg, Cells, See, Spi};
use crate::pg::subtransaction::subtransaction;
use crate::plan::Step;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

/// What extensions can be had here, looked up when it is asked for.
#[derive(Default)]
pub struct Extensions(RefCell<HashMap<(String, String), String>>);

impl Examined {
    /// Whether the source's server is of another major than this one.
    pub fn foreign(&self) -> bool {
        self.offer.major != command::major()
    }

    /// An offered fact as this server can hold it; `None` where it cannot.
    pub fn held<'f>(&self, spi: &Spi, fact: &'f Fact) -> Result<Option<Cow<'f, Fact>>> {
        if !self.foreign() {
            return Ok(Some(Cow::Borrowed(fact)));
        }
        let Some(mut fact) = fact.within(command::major()) else { return Ok(None) };
        if let Body::Extension(extension) = &mut fact.body {
            let key = (fact.id.name().as_str().to_owned(), extension.version.clone());
            let known = self.extensions.0.borrow().get(&key).cloned();
            extension.version = if let Some(version) = known {
                version
            } else {
                let version = available(spi, &key.0, &key.1)?;
                self.extensions.0.borrow_mut().insert(key, version.clone());
                version
            };
        }
        Ok(Some(Cow::Owned(fact)))
    }

    /// Whether an offered fact and the one that is here are the same but for texts, and this server words
    /// the offered texts as they are here. `steps` are those that ran.
    pub fn same_here(&self, spi: &Spi, offered: &Fact, here: &Fact, steps: &[Step]) -> bool {
        if !self.foreign() || !offered.same_but_for_texts(here) {
            return false;
        }
        let (there, here_texts) = (offered.texts(), here.texts());
        let mut differing = there.iter().zip(&here_texts).filter(|(a, b)| a != b).map(|(text, _)| text).peekable();
        if differing.peek().is_none() || differing.all(|text| steps.iter().any(|step| step.sql.contains(text.as_str()))) {
            return true;
        }
        match (&offered.body, &here.body) {
            (Body::View(offered), Body::View(here)) => worded(spi, &offered.definition, &here.definition),
            (Body::MaterializedView(offered), Body::MaterializedView(here)) => worded(spi, &offered.definition, &here.definition),
            _ => false,
        }
    }
}

/// The offered version of an extension where this server can install it, otherwise the server's default.
fn available(spi: &Spi, name: &str, version: &str) -> Result<String> {
    let rows = spi.query(
        "SELECT e.default_version, EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v WHERE v.name = e.name AND v.version = $2)
           FROM pg_catalog.pg_available_extensions e WHERE e.name = $1",
        &[Arg::Text(name), Arg::Text(version)],
        See::Latest,
    )?;
    Ok(rows.first().filter(|row| !row.bool(1)).and_then(|row| row.maybe_text(0)).unwrap_or_else(|| version.to_owned()))
}

/// Whether this server, having parsed the one query, writes the other.
fn worded(spi: &Spi, offered: &str, here: &str) -> bool {
    const SCRATCH: &str = "pg_temp.accord_scratch";
    // The pinned path is the one that definitions are deparsed under, and parsed again.
    let _settings = command::pin_settings();
    let undone = "the scratch view is undone";
    let mut written = None;
    let outcome = subtransaction(|| -> Result<()> {
        {
            let _caller = command::become_caller();
            spi.execute_one(&format!("CREATE TEMPORARY VIEW accord_scratch AS\n{offered}"))?;
        }
        let _pinned = command::pin();
        // Not under a snapshot from before: the view is new.
        let rows = spi.query("SELECT pg_catalog.pg_get_viewdef($1::pg_catalog.regclass)", &[Arg::Text(SCRATCH)], See::Transaction)?;
        written = rows.first().map(|row| row.text(0).trim_end_matches(';').to_owned());
        Err(Error::internal(undone))
    });
    match outcome {
        Err(error) if error.message == undone => written.as_deref() == Some(here),
        // A query that this server does not take is not the one that is here.
        _ => false,
    }
}
