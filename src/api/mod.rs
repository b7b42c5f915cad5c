//! The SQL functions: each reads its arguments, calls, converts. No logic.

mod capture;
mod handshake;
mod ledger;
mod replicas;
