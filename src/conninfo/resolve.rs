//! From options to a target: service file, password file, defaults, and values in their types.

use super::{ConninfoError, OPTIONS, check_name};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

type Options = BTreeMap<String, String>;

/// What libpq takes from the process and its user.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The user's home directory: `.pgpass`, `.pg_service.conf`, `.postgresql/`.
    pub home: Option<PathBuf>,
    /// The operating system's name of the user.
    pub user: Option<String>,
    /// `PGSERVICEFILE`.
    pub service_file: Option<PathBuf>,
    /// `PGSYSCONFDIR`.
    pub system_directory: Option<PathBuf>,
    /// `PGPASSFILE`.
    pub passfile: Option<PathBuf>,
}

impl Environment {
    /// That of this process, a server in its data directory: the directory's owner is the server's user.
    pub fn of_process() -> Self {
        use std::os::unix::fs::MetadataExt;
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let entry = std::fs::metadata(".").ok().and_then(|here| {
            let users = std::fs::read_to_string("/etc/passwd").ok()?;
            let line = users.lines().find(|line| line.split(':').nth(2) == Some(here.uid().to_string().as_str()))?;
            let mut fields = line.split(':');
            Some((fields.next()?.to_owned(), PathBuf::from(fields.nth(4)?)))
        });
        Self {
            home: path("HOME").or_else(|| entry.as_ref().map(|(_, home)| home.clone())),
            user: entry.map(|(user, _)| user).or_else(|| std::env::var("USER").ok()),
            service_file: path("PGSERVICEFILE"),
            system_directory: path("PGSYSCONFDIR"),
            passfile: path("PGPASSFILE"),
        }
    }

    fn at_home(&self, file: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(file))
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name to look up, or an address.
    Tcp(String),
    /// The directory of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) => f.write_str(name),
            Self::Unix(directory) => write!(f, "{}", directory.display()),
        }
    }
}

/// One of the places to try, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host; what a certificate is checked against.
    pub host: Host,
    /// Its address, where given: no look-up then.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $option:literal, { $($variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $name { $($variant,)+ }
        impl $name {
            fn read(options: &Options) -> Result<Option<Self>, ConninfoError> {
                match options.get($option).map(String::as_str) {
                    None => Ok(None),
                    $(Some($word) => Ok(Some(Self::$variant)),)+
                    Some(_) => Err(ConninfoError::Value { option: $option, what: concat!("allowed are", $(" ", $word,)+).to_owned() }),
                }
            }
        }
    };
}

words! {
    /// How much TLS, as in libpq.
    SslMode, "sslmode", { Disable = "disable", Allow = "allow", Prefer = "prefer", Require = "require", VerifyCa = "verify-ca", VerifyFull = "verify-full", }
}
words! {
    /// What kind of session is wanted. `primary` asks for the same as `read-write`.
    SessionAttrs, "target_session_attrs", { Any = "any", ReadWrite = "read-write", ReadOnly = "read-only", Primary = "primary", }
}
words! {
    /// SCRAM's channel binding.
    ChannelBinding, "channel_binding", { Disable = "disable", Prefer = "prefer", Require = "require", }
}
words! {
    /// Whether TLS is asked for first.
    SslNegotiation, "sslnegotiation", { Postgres = "postgres", Direct = "direct", }
}
words! {
    /// The order in which hosts are tried.
    LoadBalance, "load_balance_hosts", { Disable = "disable", Random = "random", }
}
words! {
    /// Only what asks for no GSS encryption.
    GssMode, "gssencmode", { Disable = "disable", Prefer = "prefer", }
}

/// A resolved connection string: all that a carrier needs to connect.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Target {
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    pub dbname: String,
    pub user: String,
    /// By endpoint: the password file may hold another for each.
    pub passwords: Vec<Option<String>>,
    pub sslmode: SslMode,
    pub sslnegotiation: SslNegotiation,
    /// `None`: no file; the system's certificates are asked for by the path `system`.
    pub sslrootcert: Option<PathBuf>,
    pub sslcert: Option<PathBuf>,
    pub sslkey: Option<PathBuf>,
    pub channel_binding: ChannelBinding,
    /// `None`: wait as long as the caller does.
    pub connect_timeout: Option<Duration>,
    pub application_name: Option<String>,
    pub options: Option<String>,
    pub session: SessionAttrs,
    pub load_balance: LoadBalance,
    /// `None`: keepalives are off.
    pub keepalives: Option<Keepalives>,
    pub tcp_user_timeout: Option<Duration>,
}

/// TCP keepalives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Keepalives {
    pub idle: Duration,
    pub interval: Duration,
    pub count: u32,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> = self.endpoints.iter().map(|e| format!("{}:{}", e.host, e.port)).collect();
        write!(f, "database \"{}\" at {} as \"{}\"", self.dbname, places.join(", "), self.user)
    }
}

/// Checks the values that are there, before files contribute others.
pub(super) fn check(options: &Options) -> Result<(), ConninfoError> {
    let mut complete = options.clone();
    complete.entry("user".to_owned()).or_insert_with(|| "postgres".to_owned());
    typed(&complete, &Environment::default()).map(|_| ())
}

pub(super) fn resolve(mut options: Options, environment: &Environment) -> Result<Target, ConninfoError> {
    if let Some(service) = options.get("service").cloned() {
        for (name, value) in service_options(&service, &options, environment)? {
            options.entry(name).or_insert(value);
        }
    }
    if !options.contains_key("user") {
        let user = environment.user.clone().ok_or_else(|| value("user", "is missing, and the operating system's user has no name"))?;
        options.insert("user".to_owned(), user);
    }
    let mut target = typed(&options, environment)?;
    if let Some(file) =
        options.get("passfile").map(PathBuf::from).or_else(|| environment.passfile.clone()).or_else(|| environment.at_home(".pgpass"))
    {
        fill_passwords(&mut target, &file, options.contains_key("passfile"))?;
    }
    Ok(target)
}

fn value(option: &'static str, what: impl Into<String>) -> ConninfoError {
    ConninfoError::Value { option, what: what.into() }
}

fn number<T: std::str::FromStr>(options: &Options, option: &'static str) -> Result<Option<T>, ConninfoError> {
    options.get(option).map(|text| text.trim().parse().map_err(|_| value(option, "is not a number in its range"))).transpose()
}

fn seconds(options: &Options, option: &'static str, default: u64) -> Result<Duration, ConninfoError> {
    Ok(Duration::from_secs(number(options, option)?.filter(|n| *n > 0).unwrap_or(default)))
}

fn typed(options: &Options, environment: &Environment) -> Result<Target, ConninfoError> {
    let text = |name: &str| options.get(name).cloned();
    let path = |name: &str| options.get(name).map(PathBuf::from);
    if options.get("client_encoding").is_some_and(|encoding| !matches!(encoding.to_ascii_lowercase().as_str(), "utf8" | "utf-8" | "auto")) {
        return Err(value("client_encoding", "is always UTF8"));
    }
    GssMode::read(options)?;
    let endpoints = endpoints(options)?;
    let user = text("user").ok_or_else(|| value("user", "is missing"))?;
    let keepalives = if options.get("keepalives").map(String::as_str) == Some("0") {
        None
    } else {
        Some(Keepalives {
            idle: seconds(options, "keepalives_idle", 30)?,
            interval: seconds(options, "keepalives_interval", 10)?,
            count: number(options, "keepalives_count")?.filter(|n| *n > 0).unwrap_or(3),
        })
    };
    let existing = |file: &str| environment.at_home(file).filter(|file| file.exists());
    // libpq: anything but a positive number means to wait without end; we bound that by the caller's own limit.
    let connect_timeout =
        number::<i64>(options, "connect_timeout")?.filter(|n| *n > 0).map(|n| Duration::from_secs(n.max(2).unsigned_abs()));
    let target = Target {
        dbname: text("dbname").unwrap_or_else(|| user.clone()),
        passwords: vec![text("password"); endpoints.len()],
        endpoints,
        user,
        sslmode: SslMode::read(options)?.unwrap_or(SslMode::Prefer),
        sslnegotiation: SslNegotiation::read(options)?.unwrap_or(SslNegotiation::Postgres),
        sslrootcert: path("sslrootcert").or_else(|| existing(".postgresql/root.crt")),
        sslcert: path("sslcert").or_else(|| existing(".postgresql/postgresql.crt")),
        sslkey: path("sslkey").or_else(|| existing(".postgresql/postgresql.key")),
        channel_binding: ChannelBinding::read(options)?.unwrap_or(ChannelBinding::Prefer),
        connect_timeout,
        application_name: text("application_name").or_else(|| text("fallback_application_name")),
        options: text("options"),
        session: SessionAttrs::read(options)?.unwrap_or(SessionAttrs::Any),
        load_balance: LoadBalance::read(options)?.unwrap_or(LoadBalance::Disable),
        keepalives,
        tcp_user_timeout: number::<u64>(options, "tcp_user_timeout")?.filter(|n| *n > 0).map(Duration::from_millis),
    };
    if target.sslnegotiation == SslNegotiation::Direct && matches!(target.sslmode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
        return Err(value("sslnegotiation", "direct needs sslmode require, verify-ca or verify-full"));
    }
    Ok(target)
}

fn endpoints(options: &Options) -> Result<Vec<Endpoint>, ConninfoError> {
    let list = |name: &str| {
        options.get(name).map(|text| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>()).unwrap_or_default()
    };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(value("hostaddr", "has another number of entries than host"));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(value("port", "has another number of entries than host"));
    }
    (0..count)
        .map(|i| {
            let address = match addresses.get(i).map(String::as_str) {
                None | Some("") => None,
                Some(text) => Some(text.parse::<IpAddr>().map_err(|_| value("hostaddr", "is not an IP address"))?),
            };
            let host = match hosts.get(i).map_or("", String::as_str) {
                "" => address.map_or_else(default_host, |address| Host::Tcp(address.to_string())),
                // Abstract sockets ('@') are directories to us as to libpq.
                host if host.starts_with('/') || host.starts_with('@') => Host::Unix(PathBuf::from(host)),
                host => Host::Tcp(host.to_owned()),
            };
            let port = match ports.get(i).or_else(|| ports.first()).map_or("", String::as_str) {
                "" => 5432,
                text => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| value("port", "a number from 1 to 65535 is expected"))?,
            };
            Ok(Endpoint { host, address, port })
        })
        .collect()
}

/// Where libpq looks when no host is named: Debian's directory if there is one, else /tmp.
fn default_host() -> Host {
    let debian = Path::new("/var/run/postgresql");
    Host::Unix(if debian.is_dir() { debian } else { Path::new("/tmp") }.to_owned())
}

/// The options of a service, from the first file that has it: `servicefile`, `PGSERVICEFILE` or
/// `~/.pg_service.conf`, then the system's `pg_service.conf`.
fn service_options(service: &str, options: &Options, environment: &Environment) -> Result<Vec<(String, String)>, ConninfoError> {
    let own = options.get("servicefile").map(PathBuf::from).or_else(|| environment.service_file.clone());
    let named = own.is_some();
    let files =
        [own.or_else(|| environment.at_home(".pg_service.conf")), environment.system_directory.as_ref().map(|d| d.join("pg_service.conf"))];
    for (i, file) in files.into_iter().flatten().enumerate() {
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                if let Some(found) = service_in(&text, service, &file)? {
                    return Ok(found);
                }
            }
            Err(error) if i == 0 && named => {
                return Err(ConninfoError::File { what: format!("service file \"{}\" cannot be read: {error}", file.display()) });
            }
            Err(_) => {}
        }
    }
    Err(ConninfoError::File { what: format!("no service file defines the service \"{service}\"") })
}

fn service_in(text: &str, service: &str, file: &Path) -> Result<Option<Vec<(String, String)>>, ConninfoError> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if found.is_some() {
                break;
            }
            if name == service {
                found = Some(Vec::new());
            }
        } else if let Some(pairs) = &mut found {
            let place = || format!("line {} of service file \"{}\"", number + 1, file.display());
            let (name, value) = line.split_once('=').ok_or_else(|| ConninfoError::File { what: format!("{} has no \"=\"", place()) })?;
            let name = name.trim();
            check_name(name).map_err(|error| ConninfoError::File { what: format!("{}: {error}", place()) })?;
            if matches!(name, "service" | "servicefile") {
                return Err(ConninfoError::File { what: format!("{}: a service cannot name a service", place()) });
            }
            debug_assert!(OPTIONS.contains(&name));
            pairs.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

/// Looks up each endpoint's password, where none was given. A file that others can read is refused:
/// with an error where the connection string names it, in silence otherwise, as libpq does.
fn fill_passwords(target: &mut Target, file: &Path, named: bool) -> Result<(), ConninfoError> {
    use std::os::unix::fs::PermissionsExt;
    if target.passwords.iter().all(Option::is_some) {
        return Ok(());
    }
    let complain = |what: String| {
        if named { Err(ConninfoError::File { what: format!("password file \"{}\" {what}", file.display()) }) } else { Ok(()) }
    };
    let text = match std::fs::metadata(file) {
        Ok(meta) if !meta.is_file() => return complain("is not a plain file".to_owned()),
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            return complain("can be read by group or others; permissions should be u=rw (0600) or less".to_owned());
        }
        Ok(_) => match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return complain(format!("cannot be read: {error}")),
        },
        Err(error) => return complain(format!("cannot be read: {error}")),
    };
    for (endpoint, password) in target.endpoints.iter().zip(&mut target.passwords) {
        if password.is_none() {
            // libpq: a socket in the default directory is "localhost".
            let host = match &endpoint.host {
                host @ Host::Unix(_) if *host == default_host() => "localhost".to_owned(),
                host => host.to_string(),
            };
            *password = password_in(&text, &[&host, &endpoint.port.to_string(), &target.dbname, &target.user]);
        }
    }
    Ok(())
}

/// `host:port:database:user:password`, `*` for any, `\` before a colon or a backslash.
fn password_in(text: &str, wanted: &[&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = vec![String::new()];
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => fields.last_mut()?.extend(chars.next()),
                ':' if fields.len() < 5 => fields.push(String::new()),
                c => fields.last_mut()?.push(c),
            }
        }
        let matches = fields.len() == 5 && fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        matches.then(|| fields.swap_remove(4)).filter(|password| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::super::Conninfo;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn target(text: &str) -> Target {
        Conninfo::parse(text).unwrap().resolve(&Environment { user: Some("me".to_owned()), ..Environment::default() }).unwrap()
    }

    #[test]
    fn defaults() {
        let t = target("host=db.example");
        assert_eq!((t.user.as_str(), t.dbname.as_str(), t.endpoints[0].port), ("me", "me", 5432));
        assert_eq!((t.sslmode, t.session), (SslMode::Prefer, SessionAttrs::Any));
        assert!(matches!(target("").endpoints[0].host, Host::Unix(_)));
    }

    #[test]
    fn several_hosts() {
        let t = target("host=a,/run/pg,c hostaddr=127.0.0.1,,::1 port=1,2,3");
        assert_eq!(t.endpoints[0], Endpoint { host: Host::Tcp("a".into()), address: Some("127.0.0.1".parse().unwrap()), port: 1 });
        assert_eq!(t.endpoints[1].host, Host::Unix("/run/pg".into()));
        assert_eq!(target("host=a,b port=7").endpoints[1].port, 7);
        assert!(Conninfo::parse("host=a,b port=1,2,3").is_err() && Conninfo::parse("host=a,b hostaddr=::1").is_err());
    }

    #[test]
    fn bad_values_are_named() {
        for (text, option) in [
            ("port=x", "port"),
            ("port=0", "port"),
            ("sslmode=yes", "sslmode"),
            ("hostaddr=h", "hostaddr"),
            ("connect_timeout=soon", "connect_timeout"),
            ("target_session_attrs=standby", "target_session_attrs"),
            ("client_encoding=LATIN1", "client_encoding"),
            ("gssencmode=require", "gssencmode"),
            ("sslnegotiation=direct", "sslnegotiation"),
        ] {
            let error = Conninfo::parse(text).unwrap_err();
            assert!(matches!(error, ConninfoError::Value { option: named, .. } if named == option), "{text}: {error}");
        }
    }

    #[test]
    fn services() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("services");
        std::fs::write(&file, "# ours\n[other]\nhost=o\n[shop]\nhost = h\nport=7\ndbname=d\n\n[last]\nhost=l\n").unwrap();
        let text = format!("service=shop servicefile={} port=9 user=u", file.display());
        let t = target(&text);
        assert_eq!((t.endpoints[0].host.to_string().as_str(), t.endpoints[0].port, t.dbname.as_str()), ("h", 9, "d"));
        let missing = Conninfo::parse(&text.replace("shop", "none")).unwrap().resolve(&Environment::default()).unwrap_err();
        assert!(missing.to_string().contains("\"none\""));
        std::fs::write(&file, "[shop]\nhots=h\n").unwrap();
        let unknown = Conninfo::parse(&text).unwrap().resolve(&Environment::default()).unwrap_err();
        assert!(unknown.to_string().contains("line 2") && unknown.to_string().contains("hots"), "{unknown}");
    }

    #[test]
    fn passwords() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pgpass");
        std::fs::write(&file, "#c\nh:5432:d:other:no\n*:5432:d:u:se\\:cret\nh2:*:*:*:two\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!("host=h,h2,h3 dbname=d user=u port=5432,6,7 passfile={}", file.display());
        assert_eq!(target(&text).passwords, [Some("se:cret".to_owned()), Some("two".to_owned()), None]);
        assert_eq!(target(&format!("{text} password=given")).passwords[0].as_deref(), Some("given"));
        assert!(!format!("{:?}", target(&text)).contains("cret"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = Conninfo::parse(&text).unwrap().resolve(&Environment::default()).unwrap_err();
        assert!(open.to_string().contains("0600"), "{open}");
    }
}
