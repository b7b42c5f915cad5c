//! A control database and the fleet that it watches, on real servers.

#![allow(clippy::result_large_err)] // an error is read once

#[path = "../support/mod.rs"]
mod support;

mod bad_days;
mod baselines;
mod browser;
mod control;
mod copies;
mod history;
mod majors;
mod mending;
mod outliers;
mod quick;
mod registering;
mod reports;
mod rights;
mod scopes;
mod sinks;
mod watching;
