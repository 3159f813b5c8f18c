//! `cargo xtask bench`: builds the bench, and the product where a workload starts it, and runs it. What is
//! measured is the bench's to say.

use crate::program::{Failed, run};
use crate::workspace::Workspace;

/// Workloads that start the product's binary.
const NEED_THE_PRODUCT: [&str; 2] = ["w7", "w8"];

/// Runs one workload.
pub(crate) fn run_workload(at: &Workspace, args: &[&str]) -> Result<(), Failed> {
    if args.iter().any(|arg| NEED_THE_PRODUCT.contains(arg))
        && std::env::var_os("RECOUNT_BIN").is_none()
    {
        run(&mut at.cargo(&["build", "--release", "--quiet", "-p", "recount"]))?;
    }
    let mut bench =
        at.cargo(&[&["run", "--release", "--quiet", "-p", "bench", "--"], args].concat());
    if std::env::var_os("RECOUNT_BIN").is_none() {
        bench.env("RECOUNT_BIN", at.binary());
    }
    run(&mut bench)
}
