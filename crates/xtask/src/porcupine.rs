//! `cargo xtask porcupine`: histories of the kill test, checked by Porcupine, which others wrote. Needs Go, and the
//! network once; not a stage of `test`.

use std::path::{Path, PathBuf};

use crate::program::{Failed, run, which};
use crate::workspace::Workspace;

const HERE: &str = "tests/porcupine";

/// Checks these histories, or those of a run of the kill test; then each again with a planted mistake.
pub(crate) fn porcupine(at: &Workspace, files: &[&str]) -> Result<(), Failed> {
    if which("go").is_none() {
        let what = "Porcupine needs Go (on Debian: the package golang-go)";
        return Err(Failed::Step(what.to_owned()));
    }
    let histories = match files {
        [] => recorded(at)?,
        // The checker runs in another directory.
        _ => files.iter().filter_map(|it| std::path::absolute(it).ok()).collect(),
    };
    for plant in [None, Some("-plant")] {
        let mut go = at.command("go");
        go.current_dir(at.top.join(HERE)).env("GOFLAGS", "-mod=readonly");
        run(go.args(["run", "."]).args(plant).args(&histories))?;
    }
    Ok(())
}

/// Kills the product under load, and keeps what clients were told.
fn recorded(at: &Workspace) -> Result<Vec<PathBuf>, Failed> {
    let dir = at.target.join("histories");
    let failed = |error: std::io::Error| Failed::Step(format!("{}: {error}", dir.display()));
    if dir.is_dir() {
        std::fs::remove_dir_all(&dir).map_err(failed)?;
    }
    std::fs::create_dir_all(&dir).map_err(failed)?;
    run(&mut at.cargo(&["build", "--release", "--quiet", "-p", "recount"]))?;
    let test = ["test", "--release", "--quiet", "-p", "recount-tests", "--test", "e2e", "--"];
    let mut test = at.cargo(&[&test[..], &["crash::every_acknowledged", "--nocapture"]].concat());
    run(test.env("RECOUNT_BIN", at.binary()).env("RECOUNT_HISTORIES", &dir))?;
    histories(&dir).map_err(failed)
}

fn histories(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    dir.read_dir()?.map(|file| Ok(file?.path())).collect()
}
