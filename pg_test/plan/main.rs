//! Plans, executed on a real server.

#[path = "../support/mod.rs"]
mod support;

#[path = "../catalog/client.rs"]
#[allow(dead_code)]
mod client;
mod histories;
mod labels;
mod probes;
mod run;
