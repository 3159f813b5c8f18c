//! `cargo xtask up`: prepares the machine, builds the product and becomes it.
//!
//! Not a supervisor: after the build this process is replaced, so signals reach the product itself.

use std::os::unix::process::CommandExt;
use std::time::Instant;

use crate::install;
use crate::needs;
use crate::program::{self, Failed, step};
use crate::workspace::Workspace;

fn become_product(workspace: &Workspace, args: &[&str]) -> Failed {
    let mut product = workspace.command(&workspace.binary().to_string_lossy());
    let error = product.env_remove("CARGO_TARGET_DIR").arg("up").args(args).exec();
    Failed::Step(format!("{} did not start: {error}", workspace.binary().display()))
}

/// Runs at the top of the repository, so the default data directory is always the same.
pub(crate) fn run(workspace: &Workspace, args: &[&str]) -> Result<(), Failed> {
    let begun = Instant::now();
    install::packages(&needs::product(), begun)?;
    let first = !workspace.binary().exists();
    step(begun, if first { "building Recount (the first time takes minutes)" } else { "building" });
    program::run(&mut workspace.cargo(&["build", "--release", "-p", "recount"]))?;
    step(begun, "starting");
    Err(become_product(workspace, args))
}
