//! The log on real brokers, which this program starts by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod cluster;
mod conformance;
mod replica;
mod support;
mod topics;
