//! Tests of the store that start child processes. In a binary of their own: a child that is just being
//! started has a copy of every open file of its parent, locks of other tests' stores among them.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[expect(dead_code, reason = "shared with the other tests of the store, which use the rest")]
#[path = "../it/common.rs"]
mod common;
mod disk;
mod power;
mod space;
mod tape;
