//! Real servers, real workers: the main job, and what goes wrong on bad days.
//!
//! Each test has a source database and a replica of its own. Most share one pair of servers; those that end
//! processes start their own.

#![allow(clippy::result_large_err, clippy::single_match_else)] // an error is read once

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod availability;
mod bad_days;
mod chains;
mod code;
mod copies;
mod data;
mod day_two;
mod drift;
mod faults;
mod foreign_data;
mod fresh;
mod handshake;
mod hostile;
mod kept;
mod names;
mod offers;
mod order;
mod own_tables;
mod owners;
mod plans;
mod races;
mod rights;
mod rows;
mod secrets;
mod size;
mod stream;
mod streamed;
mod tls;
mod upgrade;
mod users;
