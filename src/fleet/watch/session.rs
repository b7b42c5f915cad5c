//! Sessions with members: opened under settings that no database or role decides, asked who the server is, and kept
//! from one visit to the next where `accord.fleet_kept` lets them.

use super::work::Server;
use crate::catalog::PINNED_SETTINGS;
use crate::conninfo::Environment;
use crate::model::Literal;
use crate::worker::messages::Cause;
use crate::worker::transport::Failure;
use crate::worker::transport::push::{describe, dial, lost};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

/// What a server says of itself, in one row of texts.
const SERVER: &str = "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_postmaster_start_time()::text, pg_catalog.pg_is_in_recovery()::text,
    CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() c) END,
    CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') THEN (SELECT c.timeline_id::text FROM pg_catalog.pg_control_checkpoint() c) END,
    (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_accord'),
    (SELECT pg_catalog.string_agg(e.extname || ' ' || e.extversion, ', ' ORDER BY e.extname) FROM pg_catalog.pg_extension e),
    (SELECT (pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))::text FROM pg_catalog.pg_proc p
      WHERE p.oid = pg_catalog.to_regprocedure('accord.fingerprint(boolean, jsonb)'))";

/// A kept session that does not answer a question of this size within that time is given up.
const ANSWER: Duration = Duration::from_secs(10);
/// One that is older is opened anew: what a role may do, and whether it may log in, can have changed.
const AGED: Duration = Duration::from_secs(3600);

/// A session with a member, under the pinned settings.
pub struct Session {
    /// The client.
    pub client: Rc<Client>,
    opened: Instant,
    /// Closed then, if nobody came.
    until: Cell<Instant>,
    /// It was used before.
    kept: Cell<bool>,
    statements: RefCell<HashMap<String, Statement>>,
    conninfo: String,
}

impl Session {
    /// Connects. What is asked first goes out with the settings.
    pub async fn open(
        environment: &Environment,
        conninfo: &str,
        name: &str,
        timeout: Duration,
        lock_timeout: Duration,
        first: &str,
    ) -> Result<Self, Failure> {
        // Nothing that a database or a role has as its defaults decides what is read, or lets it hang.
        let mut settings = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = 60000; SET row_security = off; \
             SET standard_conforming_strings = on; SET default_transaction_read_only = off; SET default_transaction_deferrable = off; \
             SET default_transaction_isolation = 'read committed'; SET check_function_bodies = off; ",
            timeout.as_millis(),
            lock_timeout.as_millis()
        );
        for (name, value) in PINNED_SETTINGS {
            let value = if *name == "search_path" { (*value).to_owned() } else { Literal(value).to_string() };
            settings.push_str(&format!("SET {name} = {value}; "));
        }
        settings.push_str(first);
        dial(environment, conninfo, &format!("pg_accord fleet/{name}"), async |line, endpoint| {
            let client = Rc::new(line.client);
            client.batch_execute(&settings).await.map_err(|error| describe(&error, Some(endpoint)))?;
            let now = Instant::now();
            Ok(Self {
                client,
                opened: now,
                until: Cell::new(now),
                kept: Cell::new(false),
                statements: RefCell::default(),
                conninfo: conninfo.to_owned(),
            })
        })
        .await
    }

    /// Asks for one row of texts. A session that is kept is asked the same again, and plans it once.
    async fn texts(&self, sql: &str) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
        if !self.kept.get() {
            let messages = self.client.simple_query(sql).await?;
            let row = messages.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
            return Ok(row.map_or_else(Vec::new, |row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()));
        }
        let prepared = self.statements.borrow().get(sql).cloned();
        let statement = if let Some(statement) = prepared {
            statement
        } else {
            let statement = self.client.prepare(sql).await?;
            self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
            statement
        };
        let row = self.client.query_opt(&statement, &[]).await?;
        row.map_or_else(|| Ok(Vec::new()), |row| (0..row.len()).map(|i| row.try_get(i)).collect())
    }

    /// The mark of the catalogs, in the transaction's snapshot; none where the role may not read them.
    pub async fn mark(&self, query: &str) -> Result<Option<String>, Failure> {
        self.run("SAVEPOINT mark").await?;
        match self.texts(query).await {
            Ok(row) => Ok(row.into_iter().next().flatten()),
            Err(error) if error.as_db_error().is_some() && !error.is_closed() => {
                self.run("ROLLBACK TO mark").await?;
                Ok(None)
            }
            Err(error) => Err(describe(&error, None)),
        }
    }

    /// Who the server is, and one text for each question, in one round trip. What could not be answered is none.
    pub async fn ask(&self, questions: &[String]) -> Result<(Server, Vec<Option<String>>), Failure> {
        let answers = questions.iter().map(|sql| async move {
            match self.texts(sql).await {
                Ok(row) => Ok(row.into_iter().next().flatten()),
                Err(error) if error.as_db_error().is_some() && !error.is_closed() => Ok(None),
                Err(error) => Err(error),
            }
        });
        let (server, answers) = tokio::join!(self.texts(SERVER), all(answers.collect()));
        let said = server.map_err(|error| describe(&error, None))?;
        Ok((read(said)?, answers.map_err(|error| describe(&error, None))?))
    }

    /// Runs statements that return nothing.
    pub async fn run(&self, sql: &str) -> Result<(), Failure> {
        self.client.batch_execute(sql).await.map_err(|error| describe(&error, None))
    }

    /// As [`Self::ask`] of a session that was kept: the other end may be gone without a word.
    pub async fn ask_again(&self, questions: &[String]) -> Option<(Server, Vec<Option<String>>)> {
        tokio::time::timeout(ANSWER, self.ask(questions)).await.ok()?.ok()
    }
}

/// All answers, asked at once.
async fn all<F: Future<Output = Result<Option<String>, tokio_postgres::Error>>>(
    asked: Vec<F>,
) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
    let mut asked: Vec<_> = asked.into_iter().map(|each| (Box::pin(each), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (each, answer) in &mut asked {
            if answer.is_none() {
                match each.as_mut().poll(context) {
                    std::task::Poll::Ready(found) => *answer = Some(found),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    asked.into_iter().filter_map(|(_, answer)| answer).collect()
}

fn read(said: Vec<Option<String>>) -> Result<Server, Failure> {
    let text = |i: usize| said.get(i).cloned().flatten();
    let number = text(0).and_then(|text| text.parse::<u32>().ok());
    let Some(number) = number else { return Err(lost(Cause::new("malformed", "it does not say what version it is"))) };
    Ok(Server {
        major: number / 10_000,
        started: text(1).unwrap_or_default(),
        recovery: text(2).as_deref() == Some("true"),
        system: text(3),
        timeline: text(4).and_then(|text| text.parse().ok()),
        extension: text(5),
        installed: text(6).unwrap_or_default().split(", ").map(str::to_owned).collect(),
        asks: text(7).as_deref() == Some("true"),
    })
}

/// Sessions that wait for the next visit, by member.
#[derive(Default)]
pub struct Kept(RefCell<HashMap<i64, Session>>);

impl Kept {
    /// The member's, if it still leads there.
    pub fn take(&self, member: i64, conninfo: &str) -> Option<Session> {
        let session = self.0.borrow_mut().remove(&member)?;
        let fits = session.conninfo == conninfo && session.opened.elapsed() < AGED && !session.client.is_closed();
        fits.then_some(session)
    }

    /// Keeps it, where there is room: those that are kept stay, for in a round every member comes once, and who makes
    /// way for the next would be missed as well. True: it is kept.
    pub fn keep(&self, member: i64, session: Session, room: usize, idle: Duration) -> bool {
        let mut kept = self.0.borrow_mut();
        let fits = kept.len() < room && !session.client.is_closed();
        if fits {
            session.until.set(Instant::now() + idle);
            session.kept.set(true);
            kept.insert(member, session);
        }
        fits
    }

    /// Closes the member's.
    pub fn part(&self, member: i64) {
        self.0.borrow_mut().remove(&member);
    }

    /// Closes those that are idle for long, or closed.
    pub fn tidy(&self) {
        self.0.borrow_mut().retain(|_, session| session.until.get() > Instant::now() && !session.client.is_closed());
    }
}
