//! Connection strings as libpq reads them. PURE: parsing and resolving, no network.
//!
//! [`Conninfo::parse`] reads `key=value` pairs or a `postgresql://` URI and knows every option by
//! name; [`Conninfo::resolve`] adds what service files, the password file and defaults contribute.
//! Neither `Display` nor `Debug` ever shows a password.

#![forbid(unsafe_code)]

mod resolve;
mod syntax;

pub use resolve::{ChannelBinding, Endpoint, Environment, Host, Keepalives, LoadBalance, SessionAttrs, SslMode, SslNegotiation, Target};

use std::collections::BTreeMap;
use std::fmt;

/// What is wrong with a connection string. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConninfoError {
    /// It is not `key=value` pairs nor a URI.
    #[error("{0}")]
    Syntax(String),
    /// An option that libpq does not know either.
    #[error("unknown connection option \"{0}\"")]
    Unknown(String),
    /// An option of libpq that is not supported here.
    #[error("connection option \"{0}\" is not supported")]
    Unsupported(String),
    /// An option's value is out of its range.
    #[error("connection option \"{option}\": {what}")]
    Value {
        /// The option.
        option: &'static str,
        /// What is wrong with it, and what is allowed.
        what: String,
    },
    /// A file that the string names cannot be used.
    #[error("{what}")]
    File {
        /// Which and why.
        what: String,
    },
}

/// Options that are understood. `client_encoding` and `gssencmode` are accepted where they ask for
/// what is done anyway.
const OPTIONS: [&str; 29] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "passfile",
    "password",
    "port",
    "service",
    "servicefile",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Options of libpq that would change what is safe or what happens, and are therefore refused
/// rather than passed over.
const UNSUPPORTED: [&str; 19] = [
    "gssdelegation",
    "gsslib",
    "krbsrvname",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "replication",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcrl",
    "sslpassword",
];

/// A connection string, read and checked, not yet resolved.
#[derive(Clone, PartialEq, Eq)]
pub struct Conninfo {
    options: BTreeMap<String, String>,
}

impl Conninfo {
    /// Reads `key=value` pairs or a URI.
    pub fn parse(text: &str) -> Result<Self, ConninfoError> {
        let pairs =
            if text.starts_with("postgresql://") || text.starts_with("postgres://") { syntax::uri(text)? } else { syntax::pairs(text)? };
        let mut options = BTreeMap::new();
        for (name, value) in pairs {
            check_name(&name)?;
            // As in libpq: an empty value is as good as none, and the last of several counts.
            if value.is_empty() {
                options.remove(&name);
            } else {
                options.insert(name, value);
            }
        }
        let conninfo = Self { options };
        resolve::check(&conninfo.options)?;
        Ok(conninfo)
    }

    /// Adds what service files, the password file and defaults contribute.
    pub fn resolve(&self, environment: &Environment) -> Result<Target, ConninfoError> {
        resolve::resolve(self.options.clone(), environment)
    }

    /// The same for another database of that server, secrets included.
    #[must_use]
    pub fn for_database(&self, name: &str) -> String {
        let mut options = self.options.clone();
        options.insert("dbname".to_owned(), name.to_owned());
        options.iter().map(|(name, value)| format!("{name}={}", syntax::quoted(value))).collect::<Vec<_>>().join(" ")
    }

    /// The string as `key=value` pairs, secrets shown as `********`.
    pub fn masked(&self) -> String {
        let shown = self.options.iter().map(|(name, value)| match name.as_str() {
            "password" => "password=********".to_owned(),
            // `options` can set anything, a secret of somebody's extension included.
            "options" if value.to_ascii_lowercase().contains("pass") => "options=********".to_owned(),
            _ => format!("{name}={}", syntax::quoted(value)),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

/// A connection string for the eyes of others: masked, or, where it cannot be read, nothing of it.
pub fn mask(text: &str) -> String {
    Conninfo::parse(text).map_or_else(|_| "********".to_owned(), |conninfo| conninfo.masked())
}

fn check_name(name: &str) -> Result<(), ConninfoError> {
    if OPTIONS.contains(&name) {
        Ok(())
    } else if UNSUPPORTED.contains(&name) {
        Err(ConninfoError::Unsupported(name.to_owned()))
    } else {
        Err(ConninfoError::Unknown(name.to_owned()))
    }
}

impl fmt::Display for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conninfo({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        for text in
            ["host=h password=hunter2", "password='hunter2' dbname=x", "postgresql://u:hunter2@h/x", "host=h options='-c my.pass=hunter2'"]
        {
            let conninfo = Conninfo::parse(text).unwrap();
            for shown in [conninfo.masked(), format!("{conninfo:?}"), conninfo.to_string(), mask(text)] {
                assert!(!shown.contains("hunter2"), "{shown}");
            }
        }
        assert_eq!(mask("password=hunter2 host"), "********");
    }

    #[test]
    fn errors_hold_no_secret() {
        for text in [
            "password=hunter2 hosst=x",
            "postgresql://u:hunter2@h:abc/x",
            "password='hunter2",
            "password=hunter2 port=x",
            "password=hun ter2",
        ] {
            let error = Conninfo::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    #[test]
    fn unknown_options_are_named() {
        assert_eq!(Conninfo::parse("hosst=x").unwrap_err(), ConninfoError::Unknown("hosst".to_owned()));
        assert_eq!(Conninfo::parse("sslcrl=x").unwrap_err(), ConninfoError::Unsupported("sslcrl".to_owned()));
    }

    #[test]
    fn the_same_server_has_other_databases() {
        for text in ["host=h dbname=x password='a b'", "postgresql://h/x?password=a%20b", "host=h password='a b'"] {
            let other = Conninfo::parse(text).unwrap().for_database("it's");
            assert_eq!(Conninfo::parse(&other).unwrap(), Conninfo::parse(r"host=h password='a b' dbname='it\'s'").unwrap(), "{other}");
        }
    }

    #[test]
    fn masked_text_can_be_read_again() {
        let conninfo = Conninfo::parse(r"host=/tmp dbname='a b\'c' user=x").unwrap();
        assert_eq!(Conninfo::parse(&conninfo.masked()).unwrap(), conninfo);
    }
}
