//! The server's C interface: the only place with `unsafe`.

// A node's first field is its tag, four bytes wide, and so is the alignment that Rust knows of a
// `Node`; a struct behind a tuple's header is known by its first byte. What they point to was
// palloc'ed as the struct that it is cast to, which aligns it as the struct asks.
#![allow(clippy::cast_ptr_alignment)]

pub mod class;
pub mod command;
pub mod document;
pub mod event_trigger;
pub mod give_way;
pub mod guc;
pub mod hook;
pub mod insert;
pub mod installed;
pub mod log;
pub mod make_way;
pub mod process;
mod receive;
pub mod relation;
pub mod scan;
pub mod spi;
pub mod subtransaction;
pub mod turn;
pub mod wake;
pub mod xact;
