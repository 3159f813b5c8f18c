//! PostgreSQL, as Recount uses it: the read side's database.
//!
//! Not a source of truth: everything in it can be folded again from the log.

pub mod server;
