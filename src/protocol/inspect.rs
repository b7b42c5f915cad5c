//! What a replica really holds of a source, beside what is mirrored there.
//!
//! `Inspect` is the argument of `accord.inspect` on the replica, `Inspection` its result. Nothing in
//! either is executed by anybody: a replica is mended by an offer ([`super::OfferKind::Mend`]), which
//! is examined like every other.

use super::{Divergence, Position};
use crate::model::{Fact, FactId, Fingerprint};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// "What do you really hold of mine?"
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspect {
    /// Protocol version of the caller.
    pub protocol: u32,
    /// The source's ledger id.
    pub source: Uuid,
    /// The name that the source gave this replica.
    pub replica: String,
    /// Read the catalogs first, so that what fired no event trigger is seen too.
    #[serde(default)]
    pub read: bool,
    /// The ids of the caller's versions, from 0 on: where do the histories part? Nothing else is looked at then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Fingerprint>,
}

/// The command that made a fact what it is here, as the replica's own ledger recorded it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Author {
    /// The event's id in the replica's ledger.
    pub event: Uuid,
    /// When it was recorded, in words.
    pub at: String,
    /// The same in seconds since 1970.
    pub epoch: f64,
    /// Found by reading the catalogs: the time is when it was found, and nobody is known to have done it.
    #[serde(default)]
    pub reconciled: bool,
    /// Session user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_user: Option<String>,
    /// Role in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `application_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// One fact that is not on the replica as it is mirrored, or is there and not mirrored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The mirrored fact's id as text; for one of the replica's own, its own.
    pub id: String,
    /// The replica's own: a part of a mirrored object that the source did not bring.
    #[serde(default)]
    pub own: bool,
    /// The fact as it is here; none where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Fact>,
    /// What it was renamed to here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<FactId>,
    /// Who did it, where the ledger here knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
}

/// The answer to [`Inspect`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Protocol version of the replica.
    pub protocol: u32,
    /// The newest version of the caller's that is recorded here; none where nothing was ever applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Fingerprint of what is mirrored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Fingerprint>,
    /// Fingerprint of the mirrored facts as they are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<Fingerprint>,
    /// How many facts the catalogs had otherwise than the ledger here, where they were read.
    #[serde(default)]
    pub reconciled: u64,
    /// The differences, mirrored facts first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// How many more there are.
    #[serde(default)]
    pub more: u64,
    /// Where the histories part, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<Divergence>,
}

/// How far an application has come, as the replica says it while it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps that are done.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pg_accord: {} of {} steps", self.done, self.total)
    }
}

impl std::str::FromStr for Progress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let inner = text.strip_prefix("pg_accord: ").and_then(|text| text.strip_suffix(" steps")).ok_or(())?;
        let (done, total) = inner.split_once(" of ").ok_or(())?;
        Ok(Self { done: done.parse().map_err(|_| ())?, total: total.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_survives_its_text() {
        let progress = Progress { done: 1200, total: 8000 };
        assert_eq!(progress.to_string().parse(), Ok(progress));
        for text in ["", "pg_accord: x of 3 steps", "1 of 2 steps", "pg_accord: -1 of 2 steps", "pg_accord: 1 of 99999999999 steps"] {
            assert_eq!(text.parse::<Progress>(), Err(()), "{text}");
        }
    }

    #[test]
    fn a_request_with_unknown_fields_is_none() {
        let whole = r#"{"protocol": 1, "source": "0190b5a8-0000-7000-8000-000000000000", "replica": "w"}"#;
        assert!(!serde_json::from_str::<Inspect>(whole).unwrap().read);
        assert!(serde_json::from_str::<Inspect>(&whole.replace("\"w\"", "\"w\", \"sql\": \"DROP TABLE x\"")).is_err());
    }
}
