//! The catalog reader against a real server.

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod client;
mod histories;
mod kinds;
mod speed;
