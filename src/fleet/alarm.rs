//! What is worth a person's attention, how much, and for how long. PURE.
//!
//! Identical differences are one alarm. It opens when the first database shows the difference, resolves when the
//! last one is rid of it, and opens again if it comes back; one that comes and goes is announced once and then
//! damped until it stays as it is.

#![forbid(unsafe_code)]

use super::select::{Glob, Selection, Subject};
use super::verdict::{Deviation, Difference};
use crate::model::Kind;
use serde::{Deserialize, Serialize};

/// An alarm that reopens within this many seconds has flapped.
const FLAP_WINDOW: f64 = 3600.0;
/// From so many times on it is damped.
const FLAPS: u32 = 3;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Worth getting up.
    Critical,
}

impl Severity {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Notice, Self::Warning, Self::Critical]
            .into_iter()
            .find(|severity| severity.word() == text)
            .ok_or_else(|| format!("\"{text}\" is none of notice, warning, critical"))
    }
}

/// What a rule or a suppression applies to; what is not said applies to everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Which databases.
    pub selection: Selection,
    /// Kind of the fact, or of what it is a property of.
    pub kind: Option<Kind>,
    /// Which way.
    pub difference: Option<Difference>,
    /// A pattern on the fact in words.
    pub object: Option<Glob>,
    /// An attribute that differs.
    pub property: Option<String>,
    /// One difference by its hash, in hexadecimal digits.
    pub hash: Option<String>,
}

/// What can be asked of a difference.
#[derive(Clone, Debug)]
pub struct Trait<'a> {
    /// Kind of the fact; none for a database that could not be read.
    pub kind: Option<Kind>,
    /// Of what, for a property.
    pub of: Option<Kind>,
    /// Which way.
    pub difference: Option<Difference>,
    /// In words.
    pub object: &'a str,
    /// Attributes that differ.
    pub properties: &'a [String],
    /// In hexadecimal digits.
    pub hash: &'a str,
}

impl<'a> Trait<'a> {
    /// Of a deviation.
    pub fn of(deviation: &Deviation, object: &'a str, properties: &'a [String], hash: &'a str) -> Self {
        Self { kind: Some(deviation.id.kind), of: deviation.id.of, difference: Some(deviation.difference), object, properties, hash }
    }
}

impl Scope {
    /// Whether it applies to this difference on this member.
    pub fn covers(&self, subject: &Subject, what: &Trait) -> bool {
        self.kind.is_none_or(|kind| what.kind == Some(kind) || what.of == Some(kind))
            && self.difference.is_none_or(|difference| what.difference == Some(difference))
            && self.object.as_ref().is_none_or(|glob| glob.matches(what.object))
            && self.property.as_ref().is_none_or(|property| what.properties.contains(property))
            && self.hash.as_ref().is_none_or(|hash| what.hash == hash)
            && self.selection.selects(subject)
    }
}

/// The severity of a difference on a member: the first rule that applies, otherwise additive < changed < missing.
pub fn severity(rules: &[(Scope, Severity)], subject: &Subject, what: &Trait) -> Severity {
    rules.iter().find(|(scope, _)| scope.covers(subject, what)).map_or(
        match what.difference {
            Some(Difference::Unexpected) => Severity::Notice,
            Some(Difference::Different) | None => Severity::Warning,
            Some(Difference::Missing) => Severity::Critical,
        },
        |(_, severity)| *severity,
    )
}

/// Where an alarm stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has taken notice.
    Open,
    /// Somebody has.
    Acknowledged,
    /// All databases that show it are excepted for now.
    Suppressed,
    /// No database shows it.
    Resolved,
    /// It was resolved, and came back.
    Reopened,
}

impl State {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Suppressed => "suppressed",
            Self::Resolved => "resolved",
            Self::Reopened => "reopened",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Open, Self::Acknowledged, Self::Suppressed, Self::Resolved, Self::Reopened]
            .into_iter()
            .find(|state| state.word() == text)
            .ok_or_else(|| format!("\"{text}\" is no state of an alarm"))
    }
}

/// An alarm's life. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// Where it stands.
    pub state: State,
    /// When it last changed.
    pub changed: f64,
    /// How often it came back soon.
    pub flaps: u32,
}

/// Who shows the difference now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Databases.
    pub databases: u64,
    /// Those that are not excepted.
    pub unsuppressed: u64,
}

/// What becomes of an alarm, and whether people are told.
pub fn next(life: Option<Life>, shown: Shown, now: f64) -> (Option<Life>, bool) {
    let Some(was) = life else {
        if shown.databases == 0 {
            return (None, false);
        }
        let open = shown.unsuppressed > 0;
        let state = if open { State::Open } else { State::Suppressed };
        return (Some(Life { state, changed: now, flaps: 0 }), open);
    };
    let state = match (was.state, shown.databases, shown.unsuppressed) {
        (_, 0, _) => State::Resolved,
        (State::Resolved, _, 0) => State::Suppressed,
        (State::Resolved, ..) => State::Reopened,
        // Somebody who knows of it need not except it as well.
        (State::Acknowledged, ..) => State::Acknowledged,
        (_, _, 0) => State::Suppressed,
        (State::Suppressed, ..) => State::Open,
        (other, ..) => other,
    };
    if state == was.state {
        // What has stayed as it is for so long no longer flaps.
        let flaps = if now - was.changed > FLAP_WINDOW { 0 } else { was.flaps };
        return (Some(Life { flaps, ..was }), false);
    }
    let back = state == State::Reopened && now - was.changed <= FLAP_WINDOW;
    let flaps = if back { was.flaps + 1 } else { was.flaps };
    let quiet = flaps >= FLAPS || state == State::Suppressed || was.state == State::Suppressed && state == State::Resolved;
    (Some(Life { state, changed: now, flaps }), !quiet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(databases: u64, unsuppressed: u64) -> Shown {
        Shown { databases, unsuppressed }
    }

    #[test]
    fn a_life() {
        let (life, told) = next(None, shown(3, 3), 0.0);
        assert_eq!((life.unwrap().state, told), (State::Open, true));
        let (same, told) = next(life, shown(5, 5), 10.0);
        assert_eq!((same, told), (life, false));
        let acknowledged = Some(Life { state: State::Acknowledged, ..life.unwrap() });
        assert_eq!(next(acknowledged, shown(5, 0), 10.0).0.unwrap().state, State::Acknowledged);
        let (resolved, told) = next(acknowledged, shown(0, 0), 20.0);
        assert_eq!((resolved.unwrap().state, told), (State::Resolved, true));
        let (again, told) = next(resolved, shown(1, 1), 30.0);
        assert_eq!((again.unwrap().state, again.unwrap().flaps, told), (State::Reopened, 1, true));
        assert_eq!(next(None, shown(0, 0), 0.0), (None, false));
    }

    #[test]
    fn one_that_comes_and_goes_is_damped_until_it_stays() {
        let (mut life, mut told, mut now) = (None, 0, 0.0);
        for _ in 0..20 {
            for count in [1, 0] {
                let (next_life, tell) = next(life, shown(count, count), now);
                (life, now) = (next_life, now + 60.0);
                told += u32::from(tell);
            }
        }
        // Open, resolved, and twice reopened and resolved; the third reopening is the first that is not told.
        assert_eq!(told, 6);
        let (life, _) = next(life, shown(0, 0), now + 7200.0);
        assert_eq!(life.unwrap().flaps, 0);
        assert!(next(life, shown(1, 1), now + 7300.0).1);
    }

    #[test]
    fn suppression_is_quiet_and_ends() {
        let (life, told) = next(None, shown(2, 0), 0.0);
        assert_eq!((life.unwrap().state, told), (State::Suppressed, false));
        let (open, told) = next(life, shown(2, 1), 10.0);
        assert_eq!((open.unwrap().state, told), (State::Open, true));
        let (quiet, told) = next(open, shown(2, 0), 20.0);
        assert_eq!((quiet.unwrap().state, told), (State::Suppressed, false));
        assert!(!next(quiet, shown(0, 0), 30.0).1);
    }

    #[test]
    fn rules_come_in_their_order() {
        let labels = json!({"env": "prod"});
        let subject = Subject { name: "a", labels: labels.as_object(), ..Subject::default() };
        let what = |difference, properties: &'static [String]| Trait {
            kind: Some(Kind::Index),
            of: None,
            difference: Some(difference),
            object: "index shop.x",
            properties,
            hash: "00",
        };
        assert_eq!(severity(&[], &subject, &what(Difference::Unexpected, &[])), Severity::Notice);
        assert_eq!(severity(&[], &subject, &what(Difference::Different, &[])), Severity::Warning);
        assert_eq!(severity(&[], &subject, &what(Difference::Missing, &[])), Severity::Critical);
        let rules = [
            (Scope { selection: "env=test".parse().unwrap(), ..Scope::default() }, Severity::Notice),
            (Scope { kind: Some(Kind::Index), object: Some(Glob::new("index shop.*")), ..Scope::default() }, Severity::Warning),
        ];
        assert_eq!(severity(&rules, &subject, &what(Difference::Missing, &[])), Severity::Warning);
        let property = Scope { property: Some("type".to_owned()), ..Scope::default() };
        assert!(!property.covers(&subject, &what(Difference::Different, &[])));
        let hash = Scope { hash: Some("00".to_owned()), difference: Some(Difference::Missing), ..Scope::default() };
        assert!(hash.covers(&subject, &what(Difference::Missing, &[])) && !hash.covers(&subject, &what(Difference::Different, &[])));
    }
}
