//! Tests of the audit on the embedded log; one binary, so that shared parts are shared.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod changes;
mod common;
mod questions;
mod rewritten;
