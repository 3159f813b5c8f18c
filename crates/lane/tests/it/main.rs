//! The command runtime from outside: what callers are promised, what a key promises.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

mod cluster;
mod commands;
mod fences;
mod heads;
mod snapshots;
mod support;
mod tenure;
