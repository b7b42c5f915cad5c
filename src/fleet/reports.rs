//! Alarms on their way to webhooks, mailboxes and functions: a queue in a table, bounded, told at least once.

use super::alarm::{Severity, State};
use super::alarms::hex;
use super::channel::{self, Kind, Options};
use super::conform::deviations;
use super::members::{self, Member};
use super::parts::{Loaded, part};
use super::rights;
use super::scope::Scope;
use super::select::Selection;
use crate::error::{Error, Result};
use crate::pg::spi::{Arg, Cells, See, Spi};
use serde::Deserialize;
use serde_json::{Value, json};

/// Messages that wait for one channel; further ones are not written.
const WAITING: i64 = 10_000;

/// Databases that a message names.
const NAMED: usize = 20;

/// A channel, as far as an alarm is asked whether it goes there.
pub struct Channel {
    id: i64,
    name: String,
    options: Options,
    selection: Selection,
}

impl Channel {
    /// An alarm in the words that the channel is told it in; none where nothing of it lies in the channel's scope.
    fn words(&self, spi: &Spi, told: &Told, loaded: &mut Loaded) -> Result<Option<String>> {
        let scope = &self.options.scope;
        let named = |list: &Vec<String>| told.baseline.is_some_and(|name| list.iter().any(|each| each == name));
        if !scope.baselines.as_ref().is_none_or(named) && told.about != "unreadable" {
            return Ok(None);
        }
        // That a database cannot be read says nothing of what is in it; where it stands is said of the whole.
        if scope.is_whole() || told.about == "unreadable" {
            return Ok(Some(told.words.to_owned()));
        }
        if told.about != "difference" {
            return Ok(None);
        }
        let hash = hex(told.hash);
        let Some(deviation) = deviations(spi, std::slice::from_ref(&hash))?.remove(&hash) else { return Ok(None) };
        let document = told.baseline.and_then(|name| loaded.newest(spi, name)).unwrap_or_default();
        let found = [deviation];
        Ok(channel::words(&part(scope, &document, &found), &found[0]))
    }
}

/// An alarm that comes to another state.
pub struct Told<'a> {
    /// Of the alarm.
    pub hash: &'a [u8],
    /// difference, unreadable, behind; of a resolved one, nothing.
    pub about: &'a str,
    /// What it says.
    pub words: &'a str,
    /// How much it matters; of a resolved one, mattered.
    pub severity: Severity,
    /// Where it stands.
    pub state: State,
    /// How many show it.
    pub databases: u64,
    /// Of what.
    pub baseline: Option<&'a str>,
}

/// A message that is to be sent.
pub struct Message {
    /// `accord.fleet_message.id`
    pub id: i64,
    /// `accord.fleet_channel.id`
    pub channel: i64,
    /// Where to.
    pub target: String,
    /// How.
    pub options: Options,
    /// What.
    pub message: Value,
}

fn options(value: &Value) -> std::result::Result<Options, String> {
    Options::deserialize(value).map_err(|error| error.to_string())
}

/// `accord.report_to`
pub fn register(spi: &Spi, name: &str, target: &str, given: &Value, path: &[String]) -> Result<()> {
    let wrong = |why: String| {
        Error::invalid("alarms cannot be reported there").detail(format!("{why}.")).hint(
            "Targets are 'https://…', 'smtp://user:password@host' with {\"from\": …, \"to\": […]}, or 'function schema.name', which takes jsonb.",
        )
    };
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err(wrong("A name has 1 to 200 bytes and no control characters".to_owned()));
    }
    let read = options(given).map_err(wrong)?;
    // What is wrong with it is said now.
    Scope::read(&given.get("scope").cloned().unwrap_or_else(|| json!({}))).map_err(|why| wrong(format!("\"scope\": {why}")))?;
    if read.scope.additive || read.scope.roles.is_some() {
        return Err(wrong("A channel's scope has no \"additive\" and no \"roles\"".to_owned()));
    }
    members::selection(&read.selection)?;
    let mut target = target.trim().to_owned();
    if channel::check(&target, &read).map_err(wrong)? == Kind::Function {
        target = function(spi, target.trim_start_matches("function ").trim(), path)?;
    }
    spi.run(
        "INSERT INTO accord.fleet_channel AS c (name, target, options, registered_by) SELECT $1, $2, $3::jsonb, r.oid FROM pg_roles r WHERE r.rolname = $4
         ON CONFLICT (name) DO UPDATE SET target = excluded.target, options = excluded.options, registered_by = excluded.registered_by, registered_at = now()",
        &[Arg::Text(name), Arg::Text(&target), Arg::Text(&serde_json::to_string(&read)?), Arg::Text(&rights::caller())],
    )?;
    // Addresses and headers can be secrets.
    rights::note(spi, "report_to", &json!({"channel": name, "severity": read.severity, "selection": read.selection}))
}

/// The function's name in full, looked up where the caller would find it.
fn function(spi: &Spi, name: &str, path: &[String]) -> Result<String> {
    let rows = spi.query(
        "SELECT format('function %I.%I', n.nspname, p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
                (SELECT parse_ident($1) AS i) x
          WHERE p.proname = x.i[cardinality(x.i)] AND p.proargtypes = ARRAY['jsonb'::regtype::oid]::oidvector AND p.prokind = 'f'
            AND CASE cardinality(x.i) WHEN 1 THEN n.nspname = ANY ($2) WHEN 2 THEN n.nspname = x.i[1] END
          ORDER BY array_position($2, n.nspname::text) LIMIT 1",
        &[Arg::Text(name), Arg::Texts(path)],
        See::Latest,
    )?;
    rows.first().map(|row| row.text(0)).ok_or_else(|| {
        Error::undefined(format!("function {name}(jsonb) does not exist"))
            .hint("CREATE FUNCTION ops.on_alarm(alarm jsonb) RETURNS void …; it runs with the rights of the role that registers it.")
    })
}

/// `accord.stop_reports`
pub fn remove(spi: &Spi, name: &str) -> Result<()> {
    let rows = spi.query("DELETE FROM accord.fleet_channel WHERE name = $1 RETURNING id", &[Arg::Text(name)], See::Transaction)?;
    if rows.is_empty() {
        return Err(
            Error::undefined(format!("nothing is reported to \"{name}\"")).hint("SELECT name FROM accord.fleet_channels lists them.")
        );
    }
    rights::note(spi, "stop_reports", &json!({"channel": name}))
}

/// All channels.
pub fn channels(spi: &Spi) -> Result<Vec<Channel>> {
    let rows = spi.query("SELECT c.id, c.name, c.options::text FROM accord.fleet_channel c ORDER BY c.id", &[], See::Latest)?;
    rows.iter()
        .map(|row| {
            let options: Options = serde_json::from_str(&row.text(2))?;
            let selection = members::selection(&options.selection)?;
            Ok(Channel { id: row.int(0), name: row.text(1), options, selection })
        })
        .collect()
}

/// Writes down what channels are to be told. A resolved alarm goes to whom it was told before.
pub fn enqueue<'m>(
    spi: &Spi,
    channels: &[Channel],
    told: &Told,
    shown: impl Iterator<Item = &'m Member> + Clone,
    loaded: &mut Loaded,
) -> Result<()> {
    for channel in channels {
        if channel.options.states.as_ref().is_some_and(|states| !states.contains(&told.state)) {
            continue;
        }
        let resolved = told.state == State::Resolved;
        let concerns =
            told.severity >= channel.options.severity && shown.clone().any(|member| channel.selection.selects(&member.subject()));
        if !resolved && !concerns {
            continue;
        }
        // What is resolved is told in the words of before.
        let words = if resolved { Some(told.words.to_owned()) } else { channel.words(spi, told, loaded)? };
        let Some(words) = words else { continue };
        // Some of those that the channel is for.
        let own = shown.clone().filter(|member| channel.selection.selects(&member.subject()));
        let names: Vec<&str> = own.take(NAMED).map(|member| member.name.as_str()).collect();
        let message = json!({"severity": told.severity, "state": told.state, "what": words, "databases": told.databases,
            "names": names, "baseline": told.baseline});
        let rows = spi.query(
            "INSERT INTO accord.fleet_message (channel, hash, state, message)
             SELECT $1, $2, $3, $4::jsonb || CASE WHEN $5 THEN coalesce((SELECT jsonb_build_object('what', o.message -> 'what') FROM accord.fleet_message o
                        WHERE o.channel = $1 AND o.hash = $2 ORDER BY o.id DESC LIMIT 1), '{}') ELSE '{}' END || jsonb_build_object('alarm', encode($2, 'hex'), 'id', (SELECT a.id FROM accord.fleet_alarm a WHERE a.hash = $2),
                                                               'at', clock_timestamp(), 'control', current_database())
              WHERE NOT $5 OR EXISTS (SELECT FROM accord.fleet_message o WHERE o.channel = $1 AND o.hash = $2 AND o.state <> 'resolved')
             RETURNING (SELECT count(*) FROM accord.fleet_message w WHERE w.channel = $1 AND w.delivery = 'waiting'), id",
            &[Arg::Int(channel.id), Arg::Bytes(told.hash), Arg::Text(told.state.word()), Arg::Text(&message.to_string()), Arg::Bool(resolved)],
            See::Transaction,
        )?;
        if let Some(row) = rows.first().filter(|row| row.int(0) >= WAITING) {
            let reason = format!("{WAITING} messages wait for {} already", channel.name);
            spi.run(
                "UPDATE accord.fleet_message SET delivery = 'given up', reason = $2 WHERE id = $1",
                &[Arg::Int(row.int(1)), Arg::Text(&reason)],
            )?;
            pgrx::warning!("pg_accord: a fleet alarm is not reported: {reason}");
        }
    }
    Ok(())
}

/// The oldest message of each channel, where its time has come. Channels are told in order.
const DUE: &str = "SELECT m.id, c.id, c.target, c.options::text, m.message::text, m.delivery, c.registered_by
   FROM accord.fleet_channel c,
        LATERAL (SELECT * FROM accord.fleet_message w WHERE w.channel = c.id AND w.delivery = 'waiting' ORDER BY w.id LIMIT 1) m
  WHERE m.next_at <= clock_timestamp()";

/// What is to be sent by the network thread, of channels that are not busy; and whether functions are to be called.
pub fn due(spi: &Spi, busy: &[String], limit: usize) -> Result<(Vec<Message>, bool)> {
    let rows = spi.query(&format!("{DUE} AND c.id::text <> ALL ($1) ORDER BY m.id"), &[Arg::Texts(busy)], See::Latest)?;
    let (mut messages, mut functions) = (Vec::new(), false);
    for row in &rows {
        if row.text(2).starts_with("function ") {
            functions = true;
        } else if messages.len() < limit {
            messages.push(Message {
                id: row.int(0),
                channel: row.int(1),
                target: row.text(2),
                options: serde_json::from_str(&row.text(3))?,
                message: with_id(row)?,
            });
        }
    }
    Ok((messages, functions))
}

/// Who receives it twice can tell.
fn with_id(row: &crate::catalog::Row) -> Result<Value> {
    let mut message: Value = serde_json::from_str(&row.text(4))?;
    message["message"] = row.int(0).into();
    Ok(message)
}

/// The next call of a function, written down as an attempt: the message, and the role that registered it.
pub fn next_call(spi: &Spi) -> Result<Option<(Message, u32)>> {
    let rows = spi.query(&format!("{DUE} AND c.target LIKE 'function %' ORDER BY m.id LIMIT 1"), &[], See::Latest)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let options: Options = serde_json::from_str(&row.text(3))?;
    let message = Message { id: row.int(0), channel: row.int(1), target: row.text(2), options, message: with_id(row)? };
    Ok(Some((message, row.int(6) as u32)))
}

/// Writes down what came of an attempt.
pub fn reported(spi: &Spi, id: i64, attempts: u32, outcome: &std::result::Result<(), String>) -> Result<()> {
    let Err(reason) = outcome else {
        return spi.run(
            "UPDATE accord.fleet_message SET delivery = 'sent', sent_at = clock_timestamp(), attempts = attempts + 1, reason = NULL WHERE id = $1",
            &[Arg::Int(id)],
        );
    };
    let short: String = reason.chars().take(1000).collect();
    let rows = spi.query(
        "UPDATE accord.fleet_message m SET attempts = m.attempts + 1, reason = $2, delivery = CASE WHEN m.attempts + 1 >= $3 THEN 'given up' ELSE 'waiting' END
           FROM accord.fleet_channel c WHERE m.id = $1 AND c.id = m.channel RETURNING m.attempts, m.delivery, c.name",
        &[Arg::Int(id), Arg::Text(&short), Arg::Int(i64::from(attempts))],
        See::Transaction,
    )?;
    // The channel was removed meanwhile.
    let Some(row) = rows.first() else { return Ok(()) };
    if row.text(1) == "given up" {
        pgrx::warning!("pg_accord: a fleet alarm could not be reported to {} in {} attempts: {short}", row.text(2), row.int(0));
        return Ok(());
    }
    spi.run(
        "UPDATE accord.fleet_message SET next_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1",
        &[Arg::Int(id), Arg::Float(channel::pause(row.int(0) as u32))],
    )
}
