//! The built binary on real files and a real PostgreSQL, as a user, an auditor and a power cut see it.

mod audit;
mod bad_input;
mod crash;
mod operate;
mod secrets;
mod walk;
