//! Tests of the store through its public face; one binary, so that shared parts are shared.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are tests; bodies are filled with the low byte of a counter"
)]

mod common;
mod crash;
mod damage;
mod here;
mod store;
mod window;
