//! The built binary on real files and a real PostgreSQL, as a user, an auditor and a power cut see it.

#![expect(clippy::print_stdout, reason = "seeds and figures are printed for whoever looks")]
#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

mod audit;
mod bad_input;
mod crash;
mod demo;
mod forgotten;
mod leaks;
mod operate;
mod publishing;
mod saga_cli;
mod saga_crash;
mod secrets;
mod starved;
mod strain;
mod tenants;
mod walk;
