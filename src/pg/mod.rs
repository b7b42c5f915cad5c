//! The server's C interface: the only place with `unsafe`.

pub mod class;
pub mod command;
pub mod event_trigger;
pub mod guc;
pub mod hook;
pub mod insert;
pub mod log;
pub mod make_way;
pub mod process;
pub mod relation;
pub mod spi;
pub mod subtransaction;
pub mod wake;
pub mod xact;
