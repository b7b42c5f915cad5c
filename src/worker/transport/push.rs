//! The direct connection: the source's worker is a client of the replica.

use super::{Carrier, Failure, Function, Session, tls};
use crate::conninfo::{self, ChannelBinding, Conninfo, Endpoint, Environment, Host, SessionAttrs, SslMode, SslNegotiation, Target};
use crate::protocol::Progress;
use crate::worker::messages::{Assignment, Cause};
use std::error::Error as _;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_postgres::config as pg;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, Statement};

/// For connecting, where the connection string says nothing.
const CONNECT: Duration = Duration::from_secs(10);
/// For an answer that needs no work on tables.
const ANSWER: Duration = Duration::from_secs(60);
/// For a negotiation: it may count and look at many objects.
const NEGOTIATION: Duration = Duration::from_secs(600);
/// For an application, which may rewrite a large table. A dead peer is found by TCP keepalives.
const APPLICATION: Duration = Duration::from_secs(7 * 86_400);

/// Connects as a client.
pub struct Push {
    environment: Environment,
}

impl Push {
    /// With the server process's environment.
    pub fn new() -> Self {
        Self { environment: Environment::of_process() }
    }
}

/// A client's session.
pub struct PushSession {
    client: Client,
    lost: oneshot::Receiver<()>,
    progress: watch::Receiver<Progress>,
    hello: Statement,
    inspect: Statement,
    negotiate: Statement,
    apply: Statement,
}

/// A connection, before anything was asked on it.
pub struct Line {
    /// The client.
    pub client: Client,
    /// Ends when the connection does.
    lost: oneshot::Receiver<()>,
    /// What notices say of progress.
    progress: watch::Receiver<Progress>,
}

impl Carrier for Push {
    type Session = PushSession;

    async fn connect(&self, assignment: &Assignment) -> Result<PushSession, Failure> {
        let name = format!("pg_accord {}/{}", &assignment.source.to_string()[..8], assignment.name);
        dial(&self.environment, &assignment.conninfo, &name, async |line, endpoint| prepare(line, endpoint, assignment).await).await
    }
}

/// Connects to the first of the hosts that answers and that can be prepared for what is wanted of it, within a
/// bounded time each.
pub async fn dial<T>(
    environment: &Environment,
    conninfo: &str,
    name: &str,
    prepare: impl AsyncFn(Line, &Endpoint) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let target = Conninfo::parse(conninfo).and_then(|conninfo| conninfo.resolve(environment)).map_err(|error| {
        lost(
            Cause::new("connection", error.to_string())
                .hint("Correct the file it names, or drop the replica and add it again: it keeps its place."),
        )
    })?;
    let mut failures = Vec::new();
    let mut order: Vec<usize> = (0..target.endpoints.len()).collect();
    if target.load_balance == conninfo::LoadBalance::Random {
        order.sort_by_key(|_| super::super::backoff::dice());
    }
    for i in order {
        match dial_one(&target, i, name, &prepare).await {
            Ok(session) => return Ok(session),
            Err(failure) => failures.push(failure),
        }
    }
    let last = failures.pop().unwrap_or_else(|| lost(Cause::new("connection", "the connection string names no host")));
    Err(if failures.is_empty() {
        last
    } else {
        let others: Vec<String> = failures.into_iter().map(|failure| failure.cause.message).collect();
        Failure { cause: last.cause.detail(others.join("; ")), answered: false }
    })
}

async fn dial_one<T>(
    target: &Target,
    i: usize,
    name: &str,
    prepare: &impl AsyncFn(Line, &Endpoint) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let limit = target.connect_timeout.unwrap_or(CONNECT);
    // libpq's order: `allow` tries without TLS first, `prefer` with it.
    let attempts: &[SslMode] = match (target.sslmode, &target.endpoints[i].host) {
        (_, Host::Unix(_)) => &[SslMode::Disable],
        (SslMode::Allow, _) => &[SslMode::Disable, SslMode::Require],
        (SslMode::Prefer, _) => &[SslMode::Prefer, SslMode::Disable],
        (SslMode::Disable, _) => &[SslMode::Disable],
        (SslMode::Require, _) => &[SslMode::Require],
        (SslMode::VerifyCa, _) => &[SslMode::VerifyCa],
        (SslMode::VerifyFull, _) => &[SslMode::VerifyFull],
    };
    let mut failure = None;
    for mode in attempts {
        let endpoint = &target.endpoints[i];
        let session = async { prepare(open(target, i, *mode, name).await?, endpoint).await };
        match timeout(limit, session).await {
            Ok(Ok(session)) => return Ok(session),
            // The first reason is the one that counts: the fallback differs in TLS alone. A server
            // that refused the login is not asked twice.
            Ok(Err(next)) => {
                let refused = next.cause.code == "refused";
                failure.get_or_insert(next);
                if refused {
                    break;
                }
            }
            Err(_) => {
                let message = format!("no connection to {}:{} within {} s", endpoint.host, endpoint.port, limit.as_secs());
                failure = Some(lost(Cause::new("connection", message).hint("Check that the host is up and reachable from the source.")));
                break;
            }
        }
    }
    Err(failure.unwrap_or_else(|| lost(Cause::new("connection", "nothing was tried"))))
}

/// Opens one connection.
async fn open(target: &Target, i: usize, mode: SslMode, name: &str) -> Result<Line, Failure> {
    let endpoint = &target.endpoints[i];
    let tls = tls::connector(target, mode, &endpoint.host).map_err(|what| lost(Cause::new("connection", what)))?;
    let config = configure(target, endpoint, target.passwords[i].as_deref(), mode, name);
    let (client, mut connection) = config.connect(tls).await.map_err(|error| describe(&error, Some(endpoint)))?;
    let (ended, lost) = oneshot::channel();
    let (say, progress) = watch::channel(Progress::default());
    tokio::task::spawn_local(async move {
        // Its error reaches every caller through the client; notices of the replica are its own log's, but
        // for how far it has come.
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message
                && let Ok(now) = notice.message().parse()
            {
                let _ = say.send(now);
            }
        }
        let _ = ended.send(());
    });
    Ok(Line { client, lost, progress })
}

/// Prepares a connection for the handshake.
async fn prepare(line: Line, endpoint: &Endpoint, assignment: &Assignment) -> Result<PushSession, Failure> {
    let Line { client, lost, progress } = line;
    let lock_timeout = format!("{}ms", assignment.policy.lock_timeout.millis());
    client.query(SETTINGS, &[&lock_timeout]).await.map_err(|error| describe(&error, Some(endpoint)))?;
    let text = [Type::TEXT];
    let (hello, inspect, negotiate, apply) = tokio::try_join!(
        client.prepare_typed("SELECT accord.hello($1::text::pg_catalog.jsonb)::text", &text),
        client.prepare_typed("SELECT accord.inspect($1::text::pg_catalog.jsonb)::text", &text),
        client.prepare_typed("SELECT accord.negotiate($1::text::pg_catalog.jsonb)::text", &text),
        client.prepare_typed("SELECT accord.apply($1::text::pg_catalog.jsonb)::text", &text),
    )
    .map_err(|error| describe(&error, Some(endpoint)))?;
    Ok(PushSession { client, lost, progress, hello, inspect, negotiate, apply })
}

/// Whatever the role or the database has as its defaults: no limit that would cut an application off,
/// nothing held by a session that lost its client, the disk waited for. Only settings that this
/// server knows. Its operators are named in full: it runs before the path is ours.
pub const SETTINGS: &str = "SELECT pg_catalog.set_config(s.name, v.value, false)
  FROM (VALUES ('statement_timeout', '0'), ('transaction_timeout', '0'), ('idle_session_timeout', '0'),
               ('idle_in_transaction_session_timeout', '60s'), ('lock_timeout', $1), ('client_connection_check_interval', '5s'),
               ('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'),
               ('default_transaction_deferrable', 'off'), ('synchronous_commit', 'on'), ('row_security', 'off'),
               ('search_path', 'pg_catalog, pg_temp'), ('standard_conforming_strings', 'on')) v (name, value)
  JOIN pg_catalog.pg_settings s ON s.name OPERATOR(pg_catalog.=) v.name
   AND (s.name OPERATOR(pg_catalog.<>) 'synchronous_commit' OR s.setting OPERATOR(pg_catalog.=) 'off')";

fn configure(target: &Target, endpoint: &Endpoint, password: Option<&str>, mode: SslMode, name: &str) -> Config {
    let mut config = Config::new();
    match &endpoint.host {
        Host::Tcp(name) => config.host(name),
        Host::Unix(directory) => config.host_path(directory),
    };
    if let Some(address) = endpoint.address {
        config.hostaddr(address);
    }
    config.port(endpoint.port).user(&target.user).dbname(&target.dbname);
    if let Some(password) = password {
        config.password(password);
    }
    config.application_name(target.application_name.as_deref().unwrap_or(name));
    if let Some(options) = &target.options {
        config.options(options.as_str());
    }
    config.ssl_mode(match mode {
        SslMode::Disable => pg::SslMode::Disable,
        SslMode::Allow | SslMode::Prefer => pg::SslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => pg::SslMode::Require,
    });
    if target.sslnegotiation == SslNegotiation::Direct {
        config.ssl_negotiation(pg::SslNegotiation::Direct);
    }
    config.channel_binding(match target.channel_binding {
        ChannelBinding::Disable => pg::ChannelBinding::Disable,
        ChannelBinding::Prefer => pg::ChannelBinding::Prefer,
        ChannelBinding::Require => pg::ChannelBinding::Require,
    });
    config.target_session_attrs(match target.session {
        SessionAttrs::Any => pg::TargetSessionAttrs::Any,
        SessionAttrs::ReadWrite | SessionAttrs::Primary => pg::TargetSessionAttrs::ReadWrite,
        SessionAttrs::ReadOnly => pg::TargetSessionAttrs::ReadOnly,
    });
    match &target.keepalives {
        None => config.keepalives(false),
        Some(keep) => config.keepalives(true).keepalives_idle(keep.idle).keepalives_interval(keep.interval).keepalives_retries(keep.count),
    };
    // Unacknowledged data for a minute: the peer is gone.
    config.tcp_user_timeout(target.tcp_user_timeout.unwrap_or(Duration::from_secs(60)));
    config
}

impl Session for PushSession {
    async fn call(&mut self, function: Function, message: &str) -> Result<String, Failure> {
        let (statement, limit) = match function {
            Function::Hello => (&self.hello, ANSWER),
            // It may read all catalogs.
            Function::Inspect => (&self.inspect, NEGOTIATION),
            Function::Negotiate => (&self.negotiate, NEGOTIATION),
            Function::Apply => (&self.apply, APPLICATION),
        };
        match timeout(limit, self.client.query_one(statement, &[&message])).await {
            Ok(Ok(row)) => match row.try_get::<_, Option<String>>(0) {
                Ok(Some(answer)) => Ok(answer),
                _ => Err(Failure { cause: Cause::new("malformed", "the replica answered with null"), answered: true }),
            },
            Ok(Err(error)) => Err(describe(&error, None)),
            Err(_) => Err(lost(Cause::new("connection", format!("no answer within {} s", limit.as_secs())))),
        }
    }

    async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        match timeout(APPLICATION, self.client.batch_execute(sql)).await {
            Ok(result) => result.map_err(|error| describe(&error, None)),
            Err(_) => Err(lost(Cause::new("connection", format!("no answer within {} s", APPLICATION.as_secs())))),
        }
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    async fn lost(&mut self) {
        let _ = (&mut self.lost).await;
    }
}

/// A failure after which the session is gone.
pub fn lost(cause: Cause) -> Failure {
    Failure { cause, answered: false }
}

/// Turns a client error into words. A server's error keeps its SQLSTATE; the common ones get a hint.
pub fn describe(error: &tokio_postgres::Error, endpoint: Option<&Endpoint>) -> Failure {
    let Some(db) = error.as_db_error() else {
        if let Some(((words, hint), endpoint)) = tls::refusal(error).zip(endpoint) {
            let message = format!("{}:{}: {words}", endpoint.host, endpoint.port);
            return lost(Cause::new("connection", message).hint(hint));
        }
        let mut message = error.to_string();
        if let Some(source) = error.source().map(ToString::to_string)
            && !message.contains(&source)
        {
            message = format!("{message}: {source}");
        }
        if let Some(endpoint) = endpoint {
            message = format!("{}:{}: {message}", endpoint.host, endpoint.port);
        }
        let asked = message.contains("password missing");
        let cause = Cause::new("connection", message);
        return lost(if asked {
            cause.hint("The replica asks for a password: put it in the password file of the server's user, or in a service file.")
        } else {
            cause
        });
    };
    let missing = *db.code() == SqlState::UNDEFINED_FUNCTION || *db.code() == SqlState::INVALID_SCHEMA_NAME;
    let hint = match db.hint() {
        Some(hint) if !missing => Some(hint.to_owned()),
        _ => hint_for(db.code()).map(str::to_owned),
    };
    let message = if missing {
        "pg_accord is not created in the replica's database, or is another version".to_owned()
    } else {
        db.message().to_owned()
    };
    let detail = match db.detail() {
        Some(detail) => format!("{}: {} ({detail})", db.code().code(), db.message()),
        None => format!("{}: {}", db.code().code(), db.message()),
    };
    // An error of class 57P (shutdown) or FATAL ends the session.
    let fatal =
        error.is_closed() || endpoint.is_some() || matches!(db.severity(), "FATAL" | "PANIC") || db.code().code().starts_with("57P");
    let code = if endpoint.is_some() { "refused" } else { "server_error" };
    Failure { cause: Cause { code: code.to_owned(), message, detail: Some(detail), hint }, answered: !fatal }
}

fn hint_for(code: &SqlState) -> Option<&'static str> {
    Some(match code.code() {
        "42883" | "3F000" => "Run CREATE EXTENSION pg_accord in the replica's database, in the same version as on the source.",
        "42501" => {
            "On the replica, grant the role that the worker connects as USAGE on schema accord, EXECUTE on its hello, inspect, negotiate and apply, and the rights that the changes need."
        }
        "28P01" => "Correct the password in the password file or service file that the server's user reads.",
        "28000" => "Check pg_hba.conf on the replica, and the role that the connection string names.",
        "3D000" => "Create the database on the replica, or correct the connection string.",
        "25006" => "The replica is a standby or read-only: connect to its primary.",
        "53300" => "Raise max_connections on the replica, or CONNECTION LIMIT of its role or database.",
        _ => return None,
    })
}
