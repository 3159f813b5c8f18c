//! The providers against real counterparts: one test for each row of the tables in their heads. Not
//! the sagas, which `e2e` walks on the built binary.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod asks;
mod bluesky;
mod effect;
mod sandbox;
mod smtp;
mod stripe;
