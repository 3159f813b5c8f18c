//! The harness of the end-to-end tests: starts the built binary, talks to it as a user would, kills it.
//! Not a fake of anything: real process, real PostgreSQL, real files.

mod brokers;
pub mod history;
pub mod peers;
mod product;
pub mod sagas;

pub use product::{Exit, Product, recount, seeded};
