//! `cargo xtask model` and `sim`: programs of this workspace that show that something holds; this builds and runs
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
