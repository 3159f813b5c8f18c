//! Running sagas: the real command runtime on a log in memory, and targets that do the work and lie.
//! Not the decisions, whose laws are tried elsewhere.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failed unwrap is a failed test")]

mod crash;
mod fence;
mod goes;
mod kit;
mod many;
mod pumps;
mod storm;
mod world;
