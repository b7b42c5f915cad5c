//! Plans, executed on a real server.

#[path = "../support/mod.rs"]
mod support;

#[path = "../catalog/client.rs"]
#[allow(dead_code)]
mod client;
mod coverage;
mod cycles;
mod histories;
mod keys;
mod labels;
mod online;
mod pairs;
mod peers;
mod probe;
mod probes;
mod renames;
mod run;
