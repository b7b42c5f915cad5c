//! Where alarms are reported: a webhook, a mailbox, or a function of the user's own, each for a class of alarms. PURE.

#![forbid(unsafe_code)]

use super::alarm::{Severity, State};
use super::baseline::{Facts, Material};
use super::scope::{Part, Scope};
use super::verdict::Deviation;
use crate::model::Projection;
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
    /// Only what lies in it.
    #[serde(skip_serializing_if = "is_everything")]
    pub scope: Scope,
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
            scope: Scope::default(),
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

fn is_everything(scope: &Scope) -> bool {
    *scope == Scope::default()
}

/// What a scope shows of a difference, in words; none where nothing of it lies there.
pub fn words(part: &Part, deviation: &Deviation) -> Option<String> {
    let facts = |facts: &[crate::model::Fact]| -> Facts { facts.iter().cloned().collect() };
    let seen = part.differences(&Material::bare(facts(&deviation.expected), Projection::whole()), &facts(&deviation.actual));
    let words: Vec<String> = seen.iter().map(|(_, shown)| shown.words()).collect();
    (!words.is_empty()).then(|| words.join("; "))
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
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        // Of `user:pass/word@host` the password would be taken for a port, and the host shown would be the user.
        if !is_host(host) || rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it names no host; in a user or password, / ? # @ and % are written as %2F %3F %23 %40 %25".to_owned());
        }
        Ok((authority.contains('@'), path.to_owned()))
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
        let (password, path) = host(rest)?;
        if !matches!(path.as_str(), "" | "/") {
            return Err("the address of a mail server ends with its host and port".to_owned());
        }
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

/// `mail.example`, `127.0.0.1:25`, `[::1]:25`.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':').or(rest.is_empty().then_some("0"))),
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, Some("0")),
        },
    };
    let bracketed = text.starts_with('[');
    !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || "-._".contains(c) || bracketed && c == ':')
        && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// A reason without what is secret: who sends it may have put the address or a header into it.
pub fn masked(reason: &str, target: &str, options: &Options) -> String {
    let mut secrets: Vec<&str> = vec![target];
    if let Some((_, rest)) = target.split_once("://") {
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        secrets.extend(authority.rsplit_once('@').map(|(user, _)| user));
        secrets.extend(authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password));
        // What is shorter is no secret, and stands in common words.
        secrets.extend(path.split(['/', '?', '&', '=', '#']).chain([path]).filter(|piece| piece.len() >= 6));
    }
    secrets.extend(options.headers.values().map(String::as_str));
    secrets.retain(|secret| secret.len() >= 4);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(reason.to_owned(), |reason, secret| reason.replace(secret, "***"))
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
            ("smtps://u:p/w@mail.example", &mail, None),
            ("smtps://u:1/w@mail.example", &mail, None),
            ("https://u:p/w@hooks.example", &Options::default(), None),
            ("https://[::1]:8443/x", &Options::default(), Some(Kind::Webhook)),
            ("https://[::1]x/", &Options::default(), None),
            ("smtp://localhost", &plain, Some(Kind::Mail)),
            ("function ops.on_alarm", &Options::default(), Some(Kind::Function)),
            ("function ", &Options::default(), None),
            ("https://x", &Options { attempts: 0, ..Options::default() }, None),
        ] {
            assert_eq!(check(target, options).ok(), kind, "{target}");
        }
    }

    #[test]
    fn reasons_hold_no_secrets() {
        let options = Options { headers: [("X-Key".to_owned(), "open sesame".to_owned())].into(), ..Options::default() };
        let target = "https://user:geheim@hooks.example/T0/B1token?key=k3yk3y";
        for reason in
            ["bad uri: https://user:geheim@hooks.example/T0/B1token?key=k3yk3y", "no B1token", "k3yk3y", "geheim?", "a open sesame b"]
        {
            let shown = masked(reason, target, &options);
            for secret in ["geheim", "B1token", "k3yk3y", "sesame"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        assert_eq!(masked("connection refused by hooks.example", target, &options), "connection refused by hooks.example");
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        assert_eq!([1, 2, 3, 4, 50].map(pause).to_vec(), [1.0, 2.0, 4.0, 8.0, 300.0]);
        assert_eq!(subject("a\r\nBcc: x"), "a  Bcc: x");
    }
}
