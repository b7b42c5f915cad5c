//! The catalog reader against a real server.

mod cases;
mod client;
mod histories;
mod kinds;
mod speed;
