//! Fleet: many databases held to agreed schemas.
//!
//! A control database knows members and baselines. A worker of its own visits the members, compares what it
//! reads with the baseline that each is held to, and records a verdict; identical differences are one
//! alarm; what deviates is led back by the same plan as everywhere.
//!
//! The pure part knows no server: [`select`] (which members), [`baseline`] (what is agreed), [`mapping`]
//! (names that differ from member to member), [`shelf`] (all baselines, and the fingerprints that are known),
//! [`mark`] (whether anything was written since), [`verdict`] (what differs), [`majority`] (what most are that nobody holds), [`grants`] (copies of them), [`alarm`] (what is worth a person's attention), [`channel`] (whom it is told), [`scope`] (the part of a database that a
//! grant is of), [`report`]. `watch` is the worker;
//! `members`, `store`, `record`, `outliers`, `alarms`, `reports`, `conform`, `copies`, `overview`, `parts` and `rights` keep the tables.

#[cfg(feature = "extension")]
pub mod alarms;
#[cfg(feature = "extension")]
pub mod conform;
#[cfg(feature = "extension")]
pub mod copies;
#[cfg(feature = "extension")]
pub mod members;
#[cfg(feature = "extension")]
pub mod outliers;
#[cfg(feature = "extension")]
pub mod overview;
#[cfg(feature = "extension")]
pub mod parts;
#[cfg(feature = "extension")]
pub mod record;
#[cfg(feature = "extension")]
pub mod reports;
#[cfg(feature = "extension")]
pub mod rights;
#[cfg(feature = "extension")]
pub mod store;
#[cfg(feature = "extension")]
pub mod watch;

pub mod alarm;
pub mod baseline;
pub mod channel;
pub mod grants;
pub mod majority;
pub mod mapping;
pub mod mark;
pub mod report;
pub mod scope;
pub mod select;
pub mod shelf;
pub mod verdict;
