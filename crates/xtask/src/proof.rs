//! `cargo xtask model`, `sim` and `differential`: programs of this workspace that show that something holds; this builds and runs
//! them. What they check is theirs to say.

use crate::program::{Failed, run};
use crate::workspace::Workspace;

/// Runs the checker of the reader rule and the owner protocol.
pub(crate) fn model(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    run(&mut at.cargo(&[&["run", "--release", "--quiet", "-p", "model", "--"], args].concat()))
}

/// Runs the simulator.
pub(crate) fn sim(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    run(&mut at.cargo(&[&["run", "--release", "--quiet", "-p", "sim", "--"], args].concat()))
}

/// Runs the same operations on the segment store and on `SQLite`, so many rounds.
pub(crate) fn differential(at: &Workspace, rounds: &str) -> Result<(), Failed> {
    let what = ["--test", "differential", "--features", "sqlite", "--", "--nocapture"];
    let test = ["test", "--release", "--quiet", "-p", "recount-tests"];
    run(at.cargo(&[&test[..], &what].concat()).env("RECOUNT_ROUNDS", rounds))
}
