//! PostgreSQL, as Recount uses it: the read side's database.
//!
//! Not a source of truth: everything in it can be folded again from the log.

mod ask;
mod ddl;
mod error;
mod migrate;
mod pools;
mod read;
mod rows;
pub mod server;
mod sink;
mod swap;
mod tx;

pub use pools::{ConnectError, Pools};
pub use read::PgReadStore;
pub use sink::PgSink;
