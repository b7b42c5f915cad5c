//! The SQL functions: each reads its arguments, calls, converts. No logic.

mod capture;
mod drift;
mod fleet;
mod handshake;
mod kept;
mod ledger;
mod plans;
mod replicas;

pgrx::extension_sql_file!(
    "../../sql/views.sql",
    name = "views",
    requires = [
        "bootstrap",
        fleet::fleet_seen,
        fleet::fleet_whole,
        fleet::fleet_pieces,
        fleet::fleet_part_verdicts,
        ledger::event_loss,
        ledger::mask_secrets,
        ledger::model,
        replicas::mask_conninfo,
        replicas::worker_running
    ]
);
