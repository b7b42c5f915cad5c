//! Where alarms are reported: a webhook, a mailbox, or a function of the user's own, each for a class of alarms. PURE.

#![forbid(unsafe_code)]

use super::alarm::{Severity, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which alarms a channel is told, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// At least.
    pub severity: Severity,
    /// Databases, of which one has to show the alarm.
    pub selection: String,
    /// Only these states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states: Option<Vec<State>>,
    /// After so many it is given up.
    pub attempts: u32,
    /// Of one attempt, in seconds.
    pub timeout: f64,
    /// Certificates of the authorities that are trusted, in PEM; otherwise the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Webhook: beside the content's type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Mail: sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Mail: recipients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Mail: `false` speaks to a server in the same machine without TLS, and without a password.
    pub tls: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            severity: Severity::Notice,
            selection: String::new(),
            states: None,
            attempts: 8,
            timeout: 10.0,
            root: None,
            headers: BTreeMap::new(),
            from: None,
            to: Vec::new(),
            tls: true,
        }
    }
}

/// What a target's text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `https://…`, `http://…`: a POST of JSON.
    Webhook,
    /// `smtp://…` with STARTTLS, `smtps://…` with TLS.
    Mail,
    /// `function schema.name`, which takes jsonb.
    Function,
}

/// The kind of a target; the error says what is wrong with it.
pub fn check(target: &str, options: &Options) -> Result<Kind, String> {
    let host = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it names no host".to_owned());
        }
        Ok(authority.contains('@'))
    };
    if options.attempts == 0 || options.attempts > 100 || !(0.1..=600.0).contains(&options.timeout) {
        return Err("attempts are 1 to 100, the timeout is 0.1 to 600 seconds".to_owned());
    }
    if let Some(rest) = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://")) {
        host(rest)?;
        let bad = |text: &str| text.is_empty() || text.chars().any(char::is_control);
        if options.headers.iter().any(|(name, value)| bad(name) || value.chars().any(char::is_control)) {
            return Err("a header holds control characters".to_owned());
        }
        return Ok(Kind::Webhook);
    }
    if let Some(rest) = target.strip_prefix("smtps://").or_else(|| target.strip_prefix("smtp://")) {
        let password = host(rest)?;
        if options.from.is_none() || options.to.is_empty() {
            return Err("mail needs \"from\" and \"to\" among the options".to_owned());
        }
        if password && !options.tls {
            return Err("a password is not sent without TLS".to_owned());
        }
        return Ok(Kind::Mail);
    }
    match target.strip_prefix("function ").map(str::trim) {
        Some(name) if !name.is_empty() => Ok(Kind::Function),
        _ => Err("it is no address".to_owned()),
    }
}

/// Seconds until the next attempt, after so many.
pub fn pause(attempts: u32) -> f64 {
    2f64.powi(attempts.saturating_sub(1).min(10) as i32).min(300.0)
}

/// A line of a mail's head: no line ends in it, whatever objects are called.
pub fn subject(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let mail = Options { from: Some("a@b".to_owned()), to: vec!["c@d".to_owned()], ..Options::default() };
        let plain = Options { tls: false, ..mail.clone() };
        for (target, options, kind) in [
            ("https://hooks.example/x?y", &Options::default(), Some(Kind::Webhook)),
            ("http://u:p@127.0.0.1:80", &Options::default(), Some(Kind::Webhook)),
            ("https:///x", &Options::default(), None),
            ("https://a b/", &Options::default(), None),
            ("ftp://x", &Options::default(), None),
            ("smtp://mail.example", &Options::default(), None),
            ("smtp://mail.example", &mail, Some(Kind::Mail)),
            ("smtps://u:p@mail.example:465", &mail, Some(Kind::Mail)),
            ("smtp://u:p@mail.example", &plain, None),
            ("smtp://localhost", &plain, Some(Kind::Mail)),
            ("function ops.on_alarm", &Options::default(), Some(Kind::Function)),
            ("function ", &Options::default(), None),
            ("https://x", &Options { attempts: 0, ..Options::default() }, None),
        ] {
            assert_eq!(check(target, options).ok(), kind, "{target}");
        }
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert_eq!((1..5).map(pause).collect::<Vec<_>>(), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(pause(50), 300.0);
        assert_eq!(subject("a\r\nBcc: x"), "a  Bcc: x");
    }
}
